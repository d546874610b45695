# The names of the roles, and the tag by which the roles of the pipeline know what belongs to this deployment.

mock_provider "aws" {
  source = "./tests/account"
}

variables {
  package_path     = "tests/package.zip"
  alarm_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:operators"]
}

run "a_role_carries_the_region_in_its_name" {
  command = plan

  assert {
    condition     = [aws_iam_role.function["writer"].name, aws_iam_role.gateway_log[0].name] == ["memory-ingress-writer-eu-central-1", "memory-ingress-gateway-log-eu-central-1"]
    error_message = "the names must have the region, because IAM has no regions"
  }
}

run "a_name_that_is_too_long_for_the_region" {
  command = plan

  override_data {
    target = data.aws_region.current
    values = { id = "a-region-of-tomorrow-1" }
  }
  variables {
    name        = "a-deployment-of-32-characters-xy"
    bucket_name = "our-memories"
  }

  expect_failures = [var.name]
}

run "what_belongs_to_the_deployment_has_its_tag" {
  command = plan

  variables {
    auth_mode   = "api_key"
    api_clients = ["billing"]
    tags        = { team = "memory", memory-ingress = "another" }
  }

  assert {
    condition = alltrue([
      for resource in [aws_api_gateway_rest_api.this[0], aws_api_gateway_stage.live[0], aws_api_gateway_api_key.client["billing"], aws_api_gateway_usage_plan.clients[0]] :
      resource.tags == tomap({ team = "memory", memory-ingress = "memory-ingress" })
    ])
    error_message = "the REST API, its stage, the keys and the usage plan must have the tag, whatever the variable tags says"
  }
}
