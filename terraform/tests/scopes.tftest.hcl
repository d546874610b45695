# Where callers may write.

mock_provider "aws" {
  source = "./tests/account"
}

variables {
  package_path     = "tests/package.zip"
  alarm_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:operators"]
}

run "everywhere_by_default" {
  command = plan

  assert {
    condition     = !contains(keys(aws_lambda_function.this["writer"].environment[0].variables), "MEMORY_WRITE_SCOPES")
    error_message = "without write_scopes the function must not have the setting"
  }
}

run "in_these_scopes" {
  command = plan

  variables {
    write_scopes = ["repository/{repositories}", "role/{aws:roleArn}", "b%C3%BCro/*", "org/{https://a.example/org}"]
  }

  assert {
    condition     = aws_lambda_function.this["writer"].environment[0].variables.MEMORY_WRITE_SCOPES == "repository/{repositories} role/{aws:roleArn} b%C3%BCro/* org/{https://a.example/org}"
    error_message = "the function must have the scopes, separated by spaces"
  }
}

run "a_scope_of_one_part" {
  command = plan

  variables {
    write_scopes = ["repository"]
  }

  expect_failures = [var.write_scopes]
}

run "a_scope_of_three_parts" {
  command = plan

  variables {
    write_scopes = ["user/{sub}/x"]
  }

  expect_failures = [var.write_scopes]
}

run "a_claim_with_text_around_it" {
  command = plan

  variables {
    write_scopes = ["user/u-{sub}"]
  }

  expect_failures = [var.write_scopes]
}

run "two_scopes_in_one" {
  command = plan

  variables {
    write_scopes = ["user/{sub} */*"]
  }

  expect_failures = [var.write_scopes]
}

run "a_name_that_callers_choose" {
  command = plan

  variables {
    write_scopes = ["role/{aws:userArn}"]
  }

  expect_failures = [var.write_scopes]
}

run "no_scope_at_all" {
  command = plan

  variables {
    write_scopes = []
  }

  expect_failures = [var.write_scopes]
}

run "a_name_that_is_encoded_where_it_need_not_be" {
  command = plan

  variables {
    write_scopes = ["work/%61"]
  }

  expect_failures = [var.write_scopes]
}

run "a_name_that_is_not_utf8" {
  command = plan

  variables {
    write_scopes = ["work/%FF"]
  }

  expect_failures = [var.write_scopes]
}

run "a_blank_name" {
  command = plan

  variables {
    write_scopes = ["work/%20"]
  }

  expect_failures = [var.write_scopes]
}

run "a_control_character" {
  command = plan

  variables {
    write_scopes = ["work/%0A"]
  }

  expect_failures = [var.write_scopes]
}

run "small_hexadecimal_digits" {
  command = plan

  variables {
    write_scopes = ["work/a%2fb"]
  }

  expect_failures = [var.write_scopes]
}
