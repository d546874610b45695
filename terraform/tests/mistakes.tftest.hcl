# Every invalid variable fails at the plan.

mock_provider "aws" {
  source = "./tests/account"
}

variables {
  package_path     = "tests/package.zip"
  alarm_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:operators"]
}

run "an_upper_case_name" {
  command = plan

  variables {
    name = "Memory"
  }

  expect_failures = [var.name]
}

run "a_name_too_long_for_the_bucket" {
  command = plan

  variables {
    name = "a-name-that-leaves-the-bucket-none"
  }

  expect_failures = [var.name]
}

run "an_unknown_architecture" {
  command = plan

  variables {
    architecture = "amd64"
  }

  expect_failures = [var.architecture]
}

run "a_package_that_is_not_a_zip" {
  command = plan

  variables {
    package_path = "bootstrap"
  }

  expect_failures = [var.package_path]
}

run "a_package_that_does_not_exist" {
  command = plan

  variables {
    package_path = "tests/none.zip"
  }

  expect_failures = [aws_lambda_function.this["writer"]]
}

run "a_version_that_is_not_a_number" {
  command = plan

  variables {
    live_version = "$LATEST"
  }

  expect_failures = [var.live_version]
}

run "too_little_memory" {
  command = plan

  variables {
    memory_mib = 64
  }

  expect_failures = [var.memory_mib]
}

run "a_reserved_concurrency_of_0" {
  command = plan

  variables {
    reserved_concurrency = 0
  }

  expect_failures = [var.reserved_concurrency]
}

run "an_empty_log_filter" {
  command = plan

  variables {
    log_filter = ""
  }

  expect_failures = [var.log_filter]
}

run "a_log_retention_that_cloudwatch_does_not_support" {
  command = plan

  variables {
    log_retention_days = 364
  }

  expect_failures = [var.log_retention_days]
}

run "a_topic_that_is_not_an_arn" {
  command = plan

  variables {
    alarm_topic_arns = ["operators"]
  }

  expect_failures = [var.alarm_topic_arns]
}

run "a_bucket_with_dots" {
  command = plan

  variables {
    bucket_name = "my.bucket"
  }

  expect_failures = [var.bucket_name]
}

run "an_alias_instead_of_a_key" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:alias/memory"
  }

  expect_failures = [var.kms_key_arn]
}

run "an_object_lock_of_0_days" {
  command = plan

  variables {
    object_lock = { mode = "GOVERNANCE", days = 0 }
  }

  expect_failures = [var.object_lock]
}

run "an_object_lock_with_an_unknown_mode" {
  command = plan

  variables {
    object_lock = { mode = "governance", days = 1 }
  }

  expect_failures = [var.object_lock]
}

run "a_wildcard_as_break_glass_principal" {
  command = plan

  variables {
    break_glass_principal_arns = ["arn:aws:iam::123456789012:role/*"]
  }

  expect_failures = [var.break_glass_principal_arns]
}

run "a_session_as_break_glass_principal" {
  command = plan

  variables {
    break_glass_principal_arns = ["arn:aws:sts::123456789012:assumed-role/erasure/me"]
  }

  expect_failures = [var.break_glass_principal_arns]
}

run "an_unknown_api_type" {
  command = plan

  variables {
    api_type = "websocket"
  }

  expect_failures = [var.api_type]
}

run "a_public_mode" {
  command = plan

  variables {
    auth_mode = "none"
  }

  expect_failures = [var.auth_mode]
}

run "jwt_settings_without_auth_mode_jwt" {
  command = plan

  variables {
    jwt = { issuer = "https://i.example.com", audience = ["a"] }
  }

  expect_failures = [var.jwt]
}

run "api_clients_without_auth_mode_api_key" {
  command = plan

  variables {
    api_clients = ["billing"]
  }

  expect_failures = [var.api_clients]
}

run "client_limits_that_refuse_every_request" {
  command = plan

  variables {
    client_limits = { rate = 0 }
  }

  expect_failures = [var.client_limits]
}

run "a_quota_per_year" {
  command = plan

  variables {
    client_limits = { quota = { limit = 1, period = "YEAR" } }
  }

  expect_failures = [var.client_limits]
}

run "a_throttle_that_refuses_every_request" {
  command = plan

  variables {
    throttle = { burst = 0 }
  }

  expect_failures = [var.throttle]
}

run "a_wildcard_as_origin" {
  command = plan

  variables {
    allowed_origins = ["*"]
  }

  expect_failures = [var.allowed_origins]
}

run "an_origin_with_a_path" {
  command = plan

  variables {
    allowed_origins = ["https://app.example.com/"]
  }

  expect_failures = [var.allowed_origins]
}

run "a_domain_that_is_a_url" {
  command = plan

  variables {
    custom_domain = { name = "https://memory.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0" }
  }

  expect_failures = [var.custom_domain]
}

run "a_global_web_acl" {
  command = plan

  variables {
    web_acl = { arn = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/m/0" }
  }

  expect_failures = [var.web_acl]
}

run "api_keys_on_an_http_api" {
  command = plan

  variables {
    api_type    = "http"
    auth_mode   = "api_key"
    api_clients = ["billing"]
  }

  expect_failures = [var.auth_mode]
}

run "jwt_on_a_rest_api" {
  command = plan

  variables {
    auth_mode = "jwt"
    jwt       = { issuer = "https://i.example.com", audience = ["a"] }
  }

  expect_failures = [var.auth_mode]
}

run "auth_mode_jwt_without_settings" {
  command = plan

  variables {
    api_type  = "http"
    auth_mode = "jwt"
  }

  expect_failures = [var.jwt]
}

run "an_authorization_server_by_http" {
  command = plan

  variables {
    api_type  = "http"
    auth_mode = "jwt"
    jwt       = { issuer = "https://i.example.com", audience = ["a"], authorization_servers = ["https://i.example.com", "http://i.example.com"] }
  }

  expect_failures = [var.jwt]
}

run "authorization_servers_in_one_text" {
  command = plan

  variables {
    api_type  = "http"
    auth_mode = "jwt"
    jwt       = { issuer = "https://i.example.com", audience = ["a"], authorization_servers = ["https://a.example.com,https://b.example.com"] }
  }

  expect_failures = [var.jwt]
}

run "no_authorization_server" {
  command = plan

  variables {
    api_type  = "http"
    auth_mode = "jwt"
    jwt       = { issuer = "https://i.example.com", audience = ["a"], authorization_servers = [] }
  }

  expect_failures = [var.jwt]
}

run "an_issuer_that_the_function_would_not_name" {
  command = plan

  variables {
    api_type  = "http"
    auth_mode = "jwt"
    jwt       = { issuer = "https://i.example.com?tenant=1", audience = ["a"] }
  }

  expect_failures = [var.jwt]
}

run "a_scope_that_is_two" {
  command = plan

  variables {
    api_type  = "http"
    auth_mode = "jwt"
    jwt       = { issuer = "https://i.example.com", audience = ["a"], scopes = ["memory:write memory:read"] }
  }

  expect_failures = [var.jwt]
}

run "jwt_without_an_audience" {
  command = plan

  variables {
    api_type  = "http"
    auth_mode = "jwt"
    jwt       = { issuer = "https://i.example.com", audience = [] }
  }

  expect_failures = [var.jwt]
}

run "an_issuer_without_tls" {
  command = plan

  variables {
    api_type  = "http"
    auth_mode = "jwt"
    jwt       = { issuer = "http://i.example.com", audience = ["a"] }
  }

  expect_failures = [var.jwt]
}

run "api_keys_without_api_clients" {
  command = plan

  variables {
    auth_mode = "api_key"
  }

  expect_failures = [var.api_clients]
}

run "a_web_acl_on_an_http_api" {
  command = plan

  variables {
    api_type = "http"
    web_acl  = { arn = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/m/0" }
  }

  expect_failures = [var.web_acl]
}

run "a_boundary_that_is_not_a_policy" {
  command = plan

  variables {
    permissions_boundary_arns = { gateway_log = "arn:aws:iam::123456789012:role/boundary" }
  }

  expect_failures = [var.permissions_boundary_arns]
}

run "a_log_filter_that_hides_failures_from_the_alarm" {
  command = plan

  variables {
    log_filter = "error"
  }

  expect_failures = [var.log_filter]
}

run "a_collector_with_a_password" {
  command = plan

  variables {
    otlp_endpoint = "https://user:secret@collector.example.com"
  }

  expect_failures = [var.otlp_endpoint]
}

run "a_collector_without_a_scheme" {
  command = plan

  variables {
    otlp_endpoint = "collector.example.com:4318"
  }

  expect_failures = [var.otlp_endpoint]
}

run "a_collector_with_a_query_and_no_path" {
  command = plan

  variables {
    otlp_endpoint = "https://collector.example.com?token=x"
  }

  expect_failures = [var.otlp_endpoint]
}

run "a_collector_with_a_query" {
  command = plan

  variables {
    otlp_endpoint = "https://collector.example.com/v1?token=x"
  }

  expect_failures = [var.otlp_endpoint]
}

run "a_collector_with_half_an_address" {
  command = plan

  variables {
    otlp_endpoint = "http://[bad"
  }

  expect_failures = [var.otlp_endpoint]
}

run "a_collector_without_a_host" {
  command = plan

  variables {
    otlp_endpoint = "http://:4318"
  }

  expect_failures = [var.otlp_endpoint]
}

run "a_collector_with_a_quotation_mark" {
  command = plan

  variables {
    otlp_endpoint = "http://a\"b"
  }

  expect_failures = [var.otlp_endpoint]
}

run "a_collector_with_an_invalid_port" {
  command = plan

  variables {
    otlp_endpoint = "http://collector.example.com:70000"
  }

  expect_failures = [var.otlp_endpoint]
}

run "an_origin_with_the_default_port" {
  command = plan

  variables {
    allowed_origins = ["https://app.example.com:443"]
  }

  expect_failures = [var.allowed_origins]
}

run "an_origin_without_a_valid_host" {
  command = plan

  variables {
    allowed_origins = ["https://:-:.."]
  }

  expect_failures = [var.allowed_origins]
}

run "an_origin_with_an_invalid_port" {
  command = plan

  variables {
    allowed_origins = ["https://app.example.com:70000"]
  }

  expect_failures = [var.allowed_origins]
}

run "a_policy_variable_as_break_glass_principal" {
  command = plan

  variables {
    break_glass_principal_arns = ["arn:aws:iam::123456789012:role/$${aws:PrincipalTag/x}"]
  }

  expect_failures = [var.break_glass_principal_arns]
}

run "a_key_of_another_region" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/0c2b0b7e-0000-4000-8000-000000000000"
  }

  expect_failures = [aws_s3_bucket_server_side_encryption_configuration.memories]
}

run "a_closed_endpoint_without_a_custom_domain" {
  command = plan

  variables {
    disable_execute_api_endpoint = true
  }

  expect_failures = [var.disable_execute_api_endpoint]
}

run "a_resource_policy_on_an_http_api" {
  command = plan

  variables {
    api_type        = "http"
    resource_policy = { cidrs = ["203.0.113.0/24"] }
  }

  expect_failures = [var.resource_policy]
}

run "an_organization_on_an_http_api" {
  command = plan

  variables {
    api_type        = "http"
    resource_policy = { organization_id = "o-a1b2c3d4e5" }
  }

  expect_failures = [var.resource_policy]
}

run "an_address_without_a_prefix" {
  command = plan

  variables {
    resource_policy = { cidrs = ["203.0.113.7"] }
  }

  expect_failures = [var.resource_policy]
}

run "a_range_with_bits_after_its_prefix" {
  command = plan

  variables {
    resource_policy = { cidrs = ["203.0.113.7/24"] }
  }

  expect_failures = [var.resource_policy]
}

run "a_range_that_is_a_word" {
  command = plan

  variables {
    resource_policy = { cidrs = ["office"] }
  }

  expect_failures = [var.resource_policy]
}

run "a_vpc_instead_of_an_endpoint" {
  command = plan

  variables {
    resource_policy = { vpc_endpoints = ["vpc-0a1b2c3d4e5f60718"] }
  }

  expect_failures = [var.resource_policy]
}

run "addresses_of_a_private_api" {
  command = plan

  variables {
    resource_policy = { cidrs = ["203.0.113.0/24"], vpc_endpoints = ["vpce-0a1b2c3d4e5f60718"] }
  }

  expect_failures = [var.resource_policy]
}

run "a_public_domain_of_a_private_api" {
  command = plan

  variables {
    resource_policy = { vpc_endpoints = ["vpce-0a1b2c3d4e5f60718"] }
    custom_domain   = { name = "memory.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0" }
  }

  expect_failures = [var.resource_policy]
}

run "an_account_with_11_digits" {
  command = plan

  variables {
    resource_policy = { accounts = ["21098765432"] }
  }

  expect_failures = [var.resource_policy]
}

run "an_arn_instead_of_an_account" {
  command = plan

  variables {
    resource_policy = { accounts = ["arn:aws:iam::210987654321:root"] }
  }

  expect_failures = [var.resource_policy]
}

run "an_organizational_unit_instead_of_an_organization" {
  command = plan

  variables {
    resource_policy = { organization_id = "ou-a1b2-c3d4e5f6" }
  }

  expect_failures = [var.resource_policy]
}

run "accounts_of_callers_with_api_keys" {
  command = plan

  variables {
    auth_mode       = "api_key"
    api_clients     = ["billing"]
    resource_policy = { accounts = ["210987654321"] }
  }

  expect_failures = [var.resource_policy]
}

run "an_organization_of_callers_with_api_keys" {
  command = plan

  variables {
    auth_mode       = "api_key"
    api_clients     = ["billing"]
    resource_policy = { organization_id = "o-a1b2c3d4e5" }
  }

  expect_failures = [var.resource_policy]
}

run "an_alias_instead_of_a_key_of_the_logs" {
  command = plan

  variables {
    log_kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:alias/logs"
  }

  expect_failures = [var.log_kms_key_arn]
}

run "a_key_of_the_logs_of_another_region" {
  command = plan

  variables {
    log_kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/0c2b0b7e-0000-4000-8000-000000000000"
  }

  expect_failures = [aws_cloudwatch_log_group.this]
}
