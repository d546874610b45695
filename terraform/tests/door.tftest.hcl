# Who reaches the API, from where, and what the gateway says to all others.

mock_provider "aws" {
  source = "./tests/account"

  # Only these make the policies with the ARN of the API known at the plan.
  mock_resource "aws_api_gateway_rest_api" {
    defaults        = { id = "a1b2c3", execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3" }
    override_during = plan
  }
  mock_resource "aws_apigatewayv2_api" {
    defaults = {
      id           = "a1b2c3", execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3"
      api_endpoint = "https://a1b2c3.execute-api.eu-central-1.amazonaws.com"
    }
    override_during = plan
  }
  mock_resource "aws_api_gateway_stage" {
    defaults        = { invoke_url = "https://a1b2c3.execute-api.eu-central-1.amazonaws.com/live" }
    override_during = plan
  }
}

variables {
  package_path     = "tests/package.zip"
  alarm_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:operators"]
}

run "by_default_the_policies_of_the_account_decide" {
  command = plan

  assert {
    condition = jsondecode(aws_api_gateway_rest_api_policy.this[0].policy).Statement == [{
      Sid       = "LeaveTheDecisionToTheAccounts"
      Effect    = "Allow"
      Principal = { AWS = ["arn:aws:iam::123456789012:root"] }
      Action    = "execute-api:Invoke"
      Resource  = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3/*"
    }]
    error_message = "the resource policy must leave the decision to the policies of this account's callers"
  }
  assert {
    condition     = one(aws_api_gateway_rest_api.this[0].endpoint_configuration).types == tolist(["REGIONAL"]) && !aws_api_gateway_rest_api.this[0].disable_execute_api_endpoint
    error_message = "the API must be regional, at the endpoint of API Gateway"
  }
}

run "the_policy_of_a_caller_allows_its_calls_and_nothing_else" {
  command = plan

  assert {
    condition     = jsondecode(output.caller_policy).Statement[0].Action == "execute-api:Invoke" && length(jsondecode(output.caller_policy).Statement) == 1
    error_message = "a caller must get one permission"
  }
  assert {
    condition = toset(jsondecode(output.caller_policy).Statement[0].Resource) == toset([
      for call in [
        "POST/memory", "POST/memories", "POST/mcp", "POST/memory/", "POST/memories/", "POST/mcp/", "POST/api/v1/mcp/memory",
        "POST/api/v1/mcp/memories", "POST/api/v1/mcp", "POST/api/v1/mcp/memory/", "POST/api/v1/mcp/memories/", "POST/api/v1/mcp/",
        "GET/health", "GET/openapi.json",
      ] : "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3/live/${call}"
    ])
    error_message = "a caller must be allowed every spelling of a write, and no wildcard"
  }
}

run "a_caller_of_an_http_api_has_its_stage_in_the_policy" {
  command = plan

  variables {
    api_type = "http"
  }

  assert {
    condition     = jsondecode(output.caller_policy).Statement[0].Resource[0] == "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3/$default/POST/memory"
    error_message = "the stage of an HTTP API is $default"
  }
}

run "addresses_and_other_accounts" {
  command = plan

  variables {
    resource_policy = { cidrs = ["203.0.113.0/24", "2001:db8::/32"], accounts = ["210987654321"], organization_id = "o-a1b2c3d4e5" }
  }

  assert {
    condition = { for statement in jsondecode(aws_api_gateway_rest_api_policy.this[0].policy).Statement : statement.Sid => statement.Effect } == {
      LeaveTheDecisionToTheAccounts     = "Allow"
      LeaveTheDecisionToTheOrganization = "Allow"
      DenyOtherAddresses                = "Deny"
    }
    error_message = "accounts must be allowed, and addresses must be denied"
  }
  assert {
    condition     = jsondecode(aws_api_gateway_rest_api_policy.this[0].policy).Statement[0].Principal.AWS == ["arn:aws:iam::123456789012:root", "arn:aws:iam::210987654321:root"]
    error_message = "the policies of both accounts must decide"
  }
  assert {
    condition     = jsondecode(aws_api_gateway_rest_api_policy.this[0].policy).Statement[1].Condition.StringNotEquals == { "aws:PrincipalAccount" = "123456789012" }
    error_message = "the organization must not open the API to all callers of this account"
  }
  assert {
    condition     = jsondecode(aws_api_gateway_rest_api_policy.this[0].policy).Statement[2].Condition == { NotIpAddress = { "aws:SourceIp" = ["2001:db8::/32", "203.0.113.0/24"] } }
    error_message = "other addresses must be denied"
  }
}

run "a_private_api" {
  command = plan

  variables {
    resource_policy = { vpc_endpoints = ["vpce-0a1b2c3d4e5f60718"] }
  }

  assert {
    condition = (
      one(aws_api_gateway_rest_api.this[0].endpoint_configuration).types == tolist(["PRIVATE"])
      && one(aws_api_gateway_rest_api.this[0].endpoint_configuration).vpc_endpoint_ids == toset(["vpce-0a1b2c3d4e5f60718"])
    )
    error_message = "the API must be private"
  }
  assert {
    condition     = jsondecode(aws_api_gateway_rest_api_policy.this[0].policy).Statement[1].Condition == { StringNotEquals = { "aws:SourceVpce" = ["vpce-0a1b2c3d4e5f60718"] } }
    error_message = "other endpoints must be denied"
  }
}

run "api_keys_need_no_account" {
  command = plan

  variables {
    auth_mode       = "api_key"
    api_clients     = ["billing"]
    resource_policy = { cidrs = ["203.0.113.0/24"] }
  }

  assert {
    condition = { for statement in jsondecode(aws_api_gateway_rest_api_policy.this[0].policy).Statement : statement.Sid => statement.Resource } == {
      AllowUnsignedRequests = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3/*"
      DenyOtherAddresses    = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3/*"
    }
    error_message = "requests with an API key must be allowed from these addresses"
  }
  assert {
    condition     = output.caller_policy == null
    error_message = "a caller with an API key needs no policy"
  }
}

run "a_preflight_is_allowed_and_no_other_unsigned_request" {
  command = plan

  variables {
    allowed_origins = ["https://app.example.com"]
  }

  assert {
    condition = [for statement in jsondecode(aws_api_gateway_rest_api_policy.this[0].policy).Statement : statement.Resource if statement.Principal == "*"] == [
      "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3/live/OPTIONS/*",
    ]
    error_message = "only a preflight may be unsigned"
  }
  assert {
    condition = alltrue([
      for response in aws_api_gateway_gateway_response.this :
      response.response_parameters["gatewayresponse.header.Access-Control-Allow-Origin"] == "'https://app.example.com'"
      && response.response_parameters["gatewayresponse.header.Vary"] == "'Accept, Origin'"
    ])
    error_message = "the one allowed origin must be able to read a refusal of the gateway"
  }
}

run "refusals_cannot_name_one_of_several_origins" {
  command = plan

  variables {
    allowed_origins = ["https://a.example.com", "https://b.example.com"]
  }

  assert {
    condition = alltrue([
      for response in aws_api_gateway_gateway_response.this :
      !can(response.response_parameters["gatewayresponse.header.Access-Control-Allow-Origin"])
      && response.response_parameters["gatewayresponse.header.Vary"] == "'Accept'"
    ])
    error_message = "the header must be absent, because it can only be one fixed origin"
  }
}

run "a_custom_domain_can_be_the_only_endpoint" {
  command = plan

  variables {
    custom_domain                = { name = "memory.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0c2b0b7e-0000-4000-8000-000000000000" }
    disable_execute_api_endpoint = true
  }

  assert {
    condition     = aws_api_gateway_rest_api.this[0].disable_execute_api_endpoint && output.gateway_endpoint == "https://memory.example.com"
    error_message = "the endpoint of API Gateway must be closed, and no output may name it"
  }
}

run "next_to_a_custom_domain_the_gateways_own_endpoint_stays" {
  command = plan

  variables {
    api_type      = "http"
    custom_domain = { name = "memory.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0c2b0b7e-0000-4000-8000-000000000000" }
  }

  assert {
    condition     = output.endpoint == "https://memory.example.com" && output.gateway_endpoint == "https://a1b2c3.execute-api.eu-central-1.amazonaws.com"
    error_message = "both endpoints must be named"
  }
}
