# The variations of the deployment.

mock_provider "aws" {
  source = "./tests/account"
}

variables {
  package_path     = "tests/package.zip"
  alarm_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:operators"]
}

run "api_keys" {
  command = plan

  variables {
    auth_mode     = "api_key"
    api_clients   = ["billing", "crm"]
    client_limits = { rate = 5, burst = 10, quota = { limit = 1000, period = "DAY" } }
  }

  assert {
    condition     = alltrue([for method in aws_api_gateway_method.this : method.api_key_required])
    error_message = "each method must require an API key"
  }
  assert {
    condition     = toset(keys(aws_api_gateway_usage_plan_key.client)) == toset(["billing", "crm"])
    error_message = "each caller must have its own API key in the usage plan"
  }
  assert {
    condition     = one(aws_api_gateway_usage_plan.clients[0].throttle_settings).rate_limit == 5 && one(aws_api_gateway_usage_plan.clients[0].quota_settings).limit == 1000
    error_message = "the usage plan must have the limits of the variable"
  }
}

run "jwt" {
  command = plan

  variables {
    api_type  = "http"
    auth_mode = "jwt"
    jwt       = { issuer = "https://issuer.example.com", audience = ["memory"], scopes = ["memory:write"] }
  }

  assert {
    condition     = toset([for key, route in aws_apigatewayv2_route.this : key if route.authorization_type == "JWT"]) == toset(["ANY /", "ANY /{proxy+}", "OPTIONS /{proxy+}"])
    error_message = "each route of memories must require a token"
  }
  assert {
    condition     = alltrue([for route in aws_apigatewayv2_route.this : route.authorization_scopes == toset(["memory:write"]) if route.authorization_type == "JWT"])
    error_message = "each route of memories must require the scope"
  }
  assert {
    condition = { for key, route in aws_apigatewayv2_route.this : key => route.authorization_type if route.authorization_type != "JWT" } == {
      "GET /.well-known/oauth-protected-resource"              = "NONE"
      "GET /.well-known/oauth-protected-resource/{proxy+}"     = "NONE"
      "OPTIONS /.well-known/oauth-protected-resource"          = "NONE"
      "OPTIONS /.well-known/oauth-protected-resource/{proxy+}" = "NONE"
    }
    error_message = "only the document that says where to log in may be open"
  }
  assert {
    condition = {
      for limits in aws_apigatewayv2_stage.default[0].route_settings : limits.route_key => [limits.throttling_rate_limit, limits.throttling_burst_limit]
    } == { for key, route in aws_apigatewayv2_route.this : key => [20, 40] if route.authorization_type == "NONE" }
    error_message = "an open route must have limits of its own"
  }
  assert {
    condition = { for name, value in aws_lambda_function.this["writer"].environment[0].variables : name => value if startswith(name, "MEMORY_OAUTH") } == {
      MEMORY_OAUTH_SCOPES  = "memory:write"
      MEMORY_OAUTH_SERVERS = "https://issuer.example.com"
    }
    error_message = "an agent must be told the issuer and the scopes"
  }
  assert {
    condition     = one(aws_apigatewayv2_authorizer.jwt[0].jwt_configuration).audience == toset(["memory"])
    error_message = "the authorizer must require the audience"
  }
  assert {
    condition     = length(aws_api_gateway_rest_api.this) == 0 && length(aws_api_gateway_account.this) == 0
    error_message = "there must be no REST API"
  }
  assert {
    condition     = toset(keys(aws_cloudwatch_log_group.this)) == toset(["access", "writer"])
    error_message = "an HTTP API has no execution log"
  }
  assert {
    condition = jsondecode(aws_apigatewayv2_stage.default[0].access_log_settings[0].format) == {
      time             = "$context.requestTime"
      request_id       = "$context.requestId"
      extended_id      = "$context.extendedRequestId"
      function_request = "$context.integration.requestId"
      caller           = "$context.authorizer.claims.sub"
      authorizer_error = "$context.authorizer.error"
      source_ip        = "$context.identity.sourceIp"
      user_agent       = "$context.identity.userAgent"
      host             = "$context.domainName"
      method           = "$context.httpMethod"
      path             = "$context.path"
      protocol         = "$context.protocol"
      status           = "$context.status"
      response_bytes   = "$context.responseLength"
      latency_ms       = "$context.responseLatency"
      function_ms      = "$context.integration.latency"
      function_status  = "$context.integration.integrationStatus"
      function_error   = "$context.integration.error"
      error_type       = "$context.error.responseType"
    }
    error_message = "the access log must have these fields; another one may contain the query, a credential or the content of a memory"
  }
}

run "jwt_with_another_server_that_registers_agents" {
  command = plan

  variables {
    api_type  = "http"
    auth_mode = "jwt"
    jwt       = { issuer = "https://issuer.example.com/", audience = ["memory"], authorization_servers = ["https://login.example.com:8443/@realms/a", "https://issuer.example.com/"] }
    throttle  = { rate = 5, burst = 8 }
  }

  assert {
    condition = { for name, value in aws_lambda_function.this["writer"].environment[0].variables : name => value if startswith(name, "MEMORY_OAUTH") } == {
      MEMORY_OAUTH_SERVERS = "https://login.example.com:8443/@realms/a https://issuer.example.com/"
    }
    error_message = "an agent must be told the servers in their order, and no scope if none is wanted"
  }
  assert {
    condition = alltrue([
      for limits in aws_apigatewayv2_stage.default[0].route_settings : limits.throttling_rate_limit == 5 && limits.throttling_burst_limit == 8
    ])
    error_message = "an open route must not have more than all callers together"
  }
}

run "http_with_iam" {
  command = plan

  variables {
    api_type = "http"
  }

  assert {
    condition     = alltrue([for route in aws_apigatewayv2_route.this : route.authorization_type == "AWS_IAM"])
    error_message = "each route must require AWS SigV4"
  }
  assert {
    condition     = alltrue([for name in keys(aws_lambda_function.this["writer"].environment[0].variables) : !startswith(name, "MEMORY_OAUTH")])
    error_message = "where no token is accepted nobody may be sent to log in"
  }
}

run "allowed_origins_on_a_rest_api" {
  command = plan

  variables {
    allowed_origins = ["https://b.example.com", "https://a.example.com"]
  }

  assert {
    condition     = aws_lambda_function.this["writer"].environment[0].variables.MEMORY_ALLOWED_ORIGINS == "https://a.example.com,https://b.example.com"
    error_message = "the function must get the origins in sorted order"
  }
  assert {
    condition     = [for method in aws_api_gateway_method.this : method.http_method if method.authorization == "NONE"] == ["OPTIONS"]
    error_message = "only the preflight may be open"
  }
}

run "allowed_origins_on_an_http_api" {
  command = plan

  variables {
    api_type        = "http"
    allowed_origins = ["https://a.example.com"]
  }

  assert {
    condition     = [for key, route in aws_apigatewayv2_route.this : key if route.authorization_type == "NONE"] == ["OPTIONS /{proxy+}"]
    error_message = "only the preflight may be open"
  }
}

run "kms_key" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/0c2b0b7e-0000-4000-8000-000000000000"
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.function["writer"].policy).Statement[1] == { Sid = "EncryptMemories", Effect = "Allow", Action = "kms:GenerateDataKey", Resource = var.kms_key_arn }
    error_message = "the role must be able to encrypt with the key, but not to decrypt"
  }
  assert {
    condition = anytrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.memories.rule :
      rule.apply_server_side_encryption_by_default[0].kms_master_key_id == var.kms_key_arn && rule.bucket_key_enabled
    ])
    error_message = "the bucket must encrypt with the key"
  }
}

run "object_lock" {
  command = plan

  variables {
    object_lock = { mode = "GOVERNANCE", days = 30 }
  }

  assert {
    condition     = aws_s3_bucket.memories.object_lock_enabled && one(aws_s3_bucket_object_lock_configuration.memories[0].rule).default_retention[0].days == 30
    error_message = "Object Lock must protect each memory"
  }
}

run "x86_64" {
  command = plan

  variables {
    architecture = "x86_64"
  }

  assert {
    condition     = one(aws_lambda_function.this["writer"].architectures) == "x86_64"
    error_message = "the function must be x86_64"
  }
}

run "an_earlier_version" {
  command = plan

  variables {
    live_version = "7"
  }

  assert {
    condition     = aws_lambda_alias.live["writer"].function_version == "7"
    error_message = "the alias must point to this version"
  }
}

run "web_acl_and_custom_domain" {
  command = plan

  variables {
    web_acl       = { arn = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/memory/0c2b0b7e-0000-4000-8000-000000000000" }
    custom_domain = { name = "memory.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0c2b0b7e-0000-4000-8000-000000000000" }
  }

  assert {
    condition     = length(aws_wafv2_web_acl_association.this) == 1 && aws_apigatewayv2_domain_name.this[0].domain_name_configuration[0].security_policy == "TLS_1_2"
    error_message = "the web ACL and the domain must be attached to the API, with TLS 1.2"
  }
  assert {
    condition     = output.endpoint == "https://memory.example.com"
    error_message = "the endpoint must be the custom domain"
  }
}

run "custom_domain_on_an_http_api" {
  command = plan

  variables {
    api_type      = "http"
    custom_domain = { name = "memory.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0c2b0b7e-0000-4000-8000-000000000000" }
  }

  assert {
    condition     = length(aws_apigatewayv2_api_mapping.this) == 1 && output.endpoint == "https://memory.example.com"
    error_message = "the custom domain must map to the HTTP API"
  }
}

run "limits" {
  command = plan

  variables {
    throttle             = { rate = 7, burst = 9 }
    log_filter           = "warn"
    reserved_concurrency = 3
    alarm_topic_arns     = ["arn:aws:sns:eu-central-1:123456789012:operators"]
    tags                 = { team = "memory" }

    permissions_boundary_arns = { writer = "arn:aws:iam::123456789012:policy/writer", gateway_log = "arn:aws:iam::123456789012:policy/gateway-log" }
  }

  assert {
    condition     = [aws_iam_role.function["writer"].permissions_boundary, aws_iam_role.gateway_log[0].permissions_boundary] == [var.permissions_boundary_arns.writer, var.permissions_boundary_arns.gateway_log]
    error_message = "each role must have its own permissions boundary"
  }

  assert {
    condition     = aws_api_gateway_method_settings.live[0].settings[0].throttling_rate_limit == 7 && aws_api_gateway_method_settings.live[0].settings[0].throttling_burst_limit == 9
    error_message = "the stage must have the limits of the variable"
  }
  assert {
    condition     = aws_lambda_function.this["writer"].reserved_concurrent_executions == 3
    error_message = "the concurrency must be reserved"
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset(["arn:aws:sns:eu-central-1:123456789012:operators"])])
    error_message = "every alarm must notify the topic"
  }
  assert {
    condition     = aws_s3_bucket.memories.tags == tomap({ team = "memory" })
    error_message = "the resources must have the tags"
  }
}

run "logs_with_a_key_that_outlive_the_deployment" {
  command = plan

  variables {
    log_kms_key_arn    = "arn:aws:kms:eu-central-1:123456789012:key/0c2b0b7e-0000-4000-8000-000000000000"
    log_retention_days = 30
    keep_logs          = true
  }

  assert {
    condition = alltrue([
      for group in aws_cloudwatch_log_group.this :
      group.kms_key_id == var.log_kms_key_arn && group.retention_in_days == 30 && group.skip_destroy
    ])
    error_message = "every log group must have the key and the retention, and stay"
  }
}
