# Every mistake in the settings of recall fails at the plan.

mock_provider "aws" {
  source = "./tests/account"
}

variables {
  package_path     = "tests/package.zip"
  alarm_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:operators"]
}

run "a_package_that_is_not_a_zip" {
  command = plan

  variables {
    recall = { package_path = "bootstrap" }
  }

  expect_failures = [var.recall]
}

run "a_package_that_does_not_exist" {
  command = plan

  variables {
    recall = { package_path = "tests/none.zip" }
  }

  expect_failures = [aws_lambda_function.this["recall"]]
}

run "a_version_that_is_not_a_number" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", live_version = "$LATEST" }
  }

  expect_failures = [var.recall]
}

run "too_little_memory" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", memory_mib = 64 }
  }

  expect_failures = [var.recall]
}

run "a_reserved_concurrency_of_0" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", reserved_concurrency = 0 }
  }

  expect_failures = [var.recall]
}

run "a_rate_of_0" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", throttle = { rate = 0 } }
  }

  expect_failures = [var.recall]
}

run "half_a_burst" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", throttle = { burst = 1.5 } }
  }

  expect_failures = [var.recall]
}

run "a_name_too_long_for_the_bucket_of_the_views" {
  command = plan

  variables {
    bucket_name = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
    recall      = { package_path = "tests/package.zip" }
  }

  expect_failures = [var.recall]
}

run "views_in_the_bucket_of_the_log" {
  command = plan

  variables {
    bucket_name = "our-memories"
    recall      = { package_path = "tests/package.zip", views_bucket_name = "our-memories" }
  }

  expect_failures = [var.recall]
}

run "a_bucket_of_the_views_with_a_dot" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", views_bucket_name = "our.views" }
  }

  expect_failures = [var.recall]
}

run "nobody_may_read" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", read_scopes = [] }
  }

  expect_failures = [var.recall]
}

run "a_scope_of_one_part" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", read_scopes = ["repository"] }
  }

  expect_failures = [var.recall]
}

run "a_shared_scope_of_three_parts" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", shared_scopes = ["a/b/c"] }
  }

  expect_failures = [var.recall]
}

run "a_scope_that_is_encoded_where_it_need_not_be" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", read_scopes = ["work/%61"] }
  }

  expect_failures = [var.recall]
}

run "a_shared_scope_that_is_not_utf8" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", shared_scopes = ["work/%FF"] }
  }

  expect_failures = [var.recall]
}

run "a_blank_name" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", read_scopes = ["work/%20"] }
  }

  expect_failures = [var.recall]
}

run "a_name_that_callers_choose" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", read_scopes = ["role/{aws:userArn}"] }
  }

  expect_failures = [var.recall]
}

run "a_shared_scope_of_a_name_that_callers_choose" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", shared_scopes = ["role/{aws:userArn}"] }
  }

  expect_failures = [var.recall]
}

run "every_entity_is_shared" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", shared_scopes = ["organization/*"] }
  }

  expect_failures = [var.recall]
}

run "every_domain_is_shared" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", shared_scopes = ["*/rules"] }
  }

  expect_failures = [var.recall]
}

run "five_shared_scopes" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", shared_scopes = ["a/1", "a/2", "a/3", "a/4", "a/5"] }
  }

  expect_failures = [var.recall]
}

run "tokens_without_scopes_of_reading" {
  command = plan

  variables {
    api_type     = "http"
    auth_mode    = "jwt"
    jwt          = { issuer = "https://issuer.example.com", audience = ["memory"] }
    write_scopes = ["user/{sub}"]
    recall       = { package_path = "tests/package.zip" }
  }

  expect_failures = [var.recall]
}

run "tokens_without_scopes_of_writing" {
  command = plan

  variables {
    api_type  = "http"
    auth_mode = "jwt"
    jwt       = { issuer = "https://issuer.example.com", audience = ["memory"] }
    recall    = { package_path = "tests/package.zip", read_scopes = ["user/{sub}"] }
  }

  expect_failures = [var.recall]
}

run "changes_of_what_is_only_shared" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", changes = true, shared_scopes = ["organization/rules"] }
  }

  expect_failures = [var.recall]
}

run "a_steward_that_is_only_a_name" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", stewards = ["admin"] }
  }

  expect_failures = [var.recall]
}

run "a_steward_with_a_comma" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", stewards = ["role=admin,editor"] }
  }

  expect_failures = [var.recall]
}

run "a_steward_of_a_name_that_callers_choose" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", stewards = ["aws:userArn=arn:aws:sts::123456789012:assumed-role/a/b"] }
  }

  expect_failures = [var.recall]
}

run "a_steward_without_a_value" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", stewards = ["role="] }
  }

  expect_failures = [var.recall]
}

run "a_token_that_may_write_would_read" {
  command = plan

  variables {
    api_type     = "http"
    auth_mode    = "jwt"
    jwt          = { issuer = "https://issuer.example.com", audience = ["memory"], scopes = ["memory:write"] }
    write_scopes = ["user/{sub}"]
    recall       = { package_path = "tests/package.zip", read_scopes = ["user/{sub}"] }
  }

  expect_failures = [var.jwt]
}

run "a_token_that_may_read_would_change" {
  command = plan

  variables {
    api_type     = "http"
    auth_mode    = "jwt"
    jwt          = { issuer = "https://issuer.example.com", audience = ["memory"], scopes = ["memory:write"], read_scopes = ["memory:read"] }
    write_scopes = ["user/{sub}"]
    recall       = { package_path = "tests/package.zip", read_scopes = ["user/{sub}"], changes = true }
  }

  expect_failures = [var.jwt]
}

run "a_changer_without_recall" {
  command = plan

  variables {
    changer_principal_arns = ["arn:aws:iam::123456789012:role/agents"]
  }

  expect_failures = [var.changer_principal_arns]
}

run "a_changer_with_a_wildcard" {
  command = plan

  variables {
    changer_principal_arns = ["arn:aws:iam::123456789012:role/*"]
    recall                 = { package_path = "tests/package.zip" }
  }

  expect_failures = [var.changer_principal_arns]
}

# Near misses of these, which are right.

run "four_shared_scopes_and_a_star_as_a_name" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", shared_scopes = ["a/1", "a/2", "a/%2A", "{orgId}/rules"] }
  }

  assert {
    condition     = length(aws_lambda_function.this) == 2
    error_message = "this must be planned"
  }
}

run "tokens_that_read_and_write_everywhere_by_name" {
  command = plan

  variables {
    api_type     = "http"
    auth_mode    = "jwt"
    jwt          = { issuer = "https://issuer.example.com", audience = ["memory"] }
    write_scopes = ["*/*"]
    recall       = { package_path = "tests/package.zip", read_scopes = ["*/*"] }
  }

  assert {
    condition     = length(aws_lambda_function.this) == 2
    error_message = "this must be planned"
  }
}

run "changes_with_shared_scopes_and_scopes_of_writing" {
  command = plan

  variables {
    write_scopes = ["user/{sub}"]
    recall       = { package_path = "tests/package.zip", changes = true, shared_scopes = ["organization/rules"] }
  }

  assert {
    condition     = length(aws_lambda_function.this) == 2
    error_message = "this must be planned"
  }
}

run "shared_scopes_without_changes" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", shared_scopes = ["organization/rules"] }
  }

  assert {
    condition     = length(aws_lambda_function.this) == 2
    error_message = "this must be planned"
  }
}

run "a_token_that_may_write_and_one_that_may_read" {
  command = plan

  variables {
    api_type     = "http"
    auth_mode    = "jwt"
    jwt          = { issuer = "https://issuer.example.com", audience = ["memory"], scopes = ["memory:write"], read_scopes = ["memory:read"] }
    write_scopes = ["user/{sub}"]
    recall       = { package_path = "tests/package.zip", read_scopes = ["user/{sub}"] }
  }

  assert {
    condition     = length(aws_lambda_function.this) == 2
    error_message = "this must be planned"
  }
}

run "the_longest_name_of_a_bucket_that_has_room_for_the_views" {
  command = plan

  variables {
    bucket_name = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
    recall      = { package_path = "tests/package.zip" }
  }

  assert {
    condition     = length(aws_lambda_function.this) == 2
    error_message = "this must be planned"
  }
}

run "stewards_by_claim_role_and_key" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", stewards = ["role=site admin", "https://a.example/role=x=y", "aws:roleArn=arn:aws:iam::123456789012:user/jo", "aws:apiKeyId=k1"] }
  }

  assert {
    condition     = length(aws_lambda_function.this) == 2
    error_message = "this must be planned"
  }
}
