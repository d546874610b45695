# The routes of recall: which function answers, who may call, and that no route of the writer is lost.

mock_provider "aws" {
  source = "./tests/account"

  # Only these make the policies with the ARN of the API known at the plan.
  mock_resource "aws_api_gateway_rest_api" {
    defaults        = { id = "a1b2c3", execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3" }
    override_during = plan
  }
  mock_resource "aws_apigatewayv2_api" {
    defaults        = { id = "a1b2c3", execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3" }
    override_during = plan
  }
  # The integration of each function has its own id, by which a route names it.
  override_resource {
    target          = aws_apigatewayv2_integration.function["writer"]
    values          = { id = "of-the-writer" }
    override_during = plan
  }
  override_resource {
    target          = aws_apigatewayv2_integration.function["recall"]
    values          = { id = "of-recall" }
    override_during = plan
  }
  override_resource {
    target          = aws_lambda_alias.live["writer"]
    values          = { invoke_arn = "writer" }
    override_during = plan
  }
  override_resource {
    target          = aws_lambda_alias.live["recall"]
    values          = { invoke_arn = "recall" }
    override_during = plan
  }
}

variables {
  package_path     = "tests/package.zip"
  alarm_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:operators"]
  recall           = { package_path = "tests/package.zip", changes = true }
}

run "a_rest_api_has_every_route_of_recall_and_keeps_those_of_the_writer" {
  command = plan

  assert {
    condition = { for route, integration in aws_api_gateway_integration.this : route => integration.uri } == merge(
      { for route in ["ANY /", "ANY /{proxy+}", "OPTIONS /{proxy+}"] : route => "writer" },
      # Whatever recall does not take of a resource that it makes.
      { for path in [
        "/memory", "/memory/{proxy+}", "/memories", "/memories/{proxy+}", "/mcp", "/mcp/recall", "/mcp/recall/changes", "/mcp/recall/health", "/api", "/api/v1",
        "/api/v1/mcp", "/api/v1/mcp/memory", "/api/v1/mcp/memory/{proxy+}", "/api/v1/mcp/memories", "/api/v1/mcp/memories/{proxy+}", "/api/v1/mcp/recall",
        "/api/v1/mcp/recall/changes", "/api/v1/mcp/recall/health",
      ] : "ANY ${path}" => "writer" },
      { for path in ["/mcp", "/mcp/recall/health", "/api", "/api/v1", "/api/v1/mcp", "/api/v1/mcp/recall/health"] : "OPTIONS ${path}" => "writer" },
      merge([for path in ["/memory", "/memories", "/api/v1/mcp/memory", "/api/v1/mcp/memories"] : { for route in [
        "GET ${path}", "HEAD ${path}", "OPTIONS ${path}", "GET ${path}/{proxy+}", "HEAD ${path}/{proxy+}", "PATCH ${path}/{proxy+}", "DELETE ${path}/{proxy+}",
        "OPTIONS ${path}/{proxy+}",
      ] : route => "recall" }]...),
      merge([for path in ["/mcp/recall", "/mcp/recall/changes", "/api/v1/mcp/recall", "/api/v1/mcp/recall/changes"] : {
        for method in ["DELETE", "GET", "OPTIONS", "POST"] : "${method} ${path}" => "recall"
      }]...),
      { "GET /mcp/recall/health" = "recall", "GET /api/v1/mcp/recall/health" = "recall" },
    )
    error_message = "each method must reach its function, and every POST of a memory the writer"
  }
  assert {
    condition     = alltrue([for method in aws_api_gateway_method.this : method.authorization == "AWS_IAM"])
    error_message = "each method must require AWS SigV4, a preflight too"
  }
  assert {
    condition = toset([for settings in aws_api_gateway_method_settings.recall : settings.method_path]) == toset([
      for route, integration in aws_api_gateway_integration.this : "${trimprefix(split(" ", route)[1], "/")}/${split(" ", route)[0]}"
      if integration.uri == "recall" && !startswith(route, "OPTIONS")
    ])
    error_message = "each method of recall must have a limit of its own"
  }
  assert {
    condition = alltrue([
      for settings in aws_api_gateway_method_settings.recall :
      settings.settings[0].logging_level == "ERROR" && !settings.settings[0].data_trace_enabled && settings.settings[0].throttling_rate_limit == 20 && settings.settings[0].throttling_burst_limit == 40
    ])
    error_message = "a limit must not take away the log's settings: no log may contain what is asked for or found"
  }
}

run "an_http_api_has_every_route_of_recall" {
  command = plan

  variables {
    api_type = "http"
  }

  assert {
    condition = { for route, made in aws_apigatewayv2_route.this : route => trimprefix(made.target, "integrations/of-") } == merge(
      { for route in ["ANY /", "ANY /{proxy+}", "OPTIONS /{proxy+}"] : route => "the-writer" },
      merge([for path in ["/memory", "/memories", "/api/v1/mcp/memory", "/api/v1/mcp/memories"] : { for route in [
        "GET ${path}", "HEAD ${path}", "OPTIONS ${path}", "GET ${path}/{proxy+}", "HEAD ${path}/{proxy+}", "PATCH ${path}/{proxy+}", "DELETE ${path}/{proxy+}",
        "OPTIONS ${path}/{proxy+}",
      ] : route => "recall" }]...),
      merge([for path in ["/mcp/recall", "/mcp/recall/changes", "/api/v1/mcp/recall", "/api/v1/mcp/recall/changes"] : {
        for method in ["DELETE", "GET", "OPTIONS", "POST"] : "${method} ${path}" => "recall"
      }]...),
      { "GET /mcp/recall/health" = "recall", "GET /api/v1/mcp/recall/health" = "recall" },
    )
    error_message = "each route must reach its function; all else falls to ANY /{proxy+}"
  }
  assert {
    condition     = alltrue([for route in aws_apigatewayv2_route.this : route.authorization_type == "AWS_IAM"])
    error_message = "each route must require AWS SigV4"
  }
  assert {
    condition = toset([for settings in aws_apigatewayv2_stage.default[0].route_settings : "${settings.route_key} ${settings.throttling_rate_limit} ${settings.throttling_burst_limit}"]) == toset([
      for route, made in aws_apigatewayv2_route.this : "${route} 20 40" if made.target == "integrations/of-recall" && !startswith(route, "OPTIONS")
    ])
    error_message = "each route of recall must have a limit of its own"
  }
}

run "without_changes_no_route_changes_anything" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip" }
  }

  assert {
    condition = alltrue([
      for route, integration in aws_api_gateway_integration.this :
      contains(["GET", "HEAD", "OPTIONS", "POST"], split(" ", route)[0]) || contains(["DELETE /mcp/recall", "DELETE /api/v1/mcp/recall"], route) if integration.uri == "recall"
    ])
    error_message = "PATCH and DELETE of a memory must not reach recall"
  }
  assert {
    condition     = !anytrue([for route in keys(aws_api_gateway_method.this) : endswith(route, "/changes")])
    error_message = "the tools that change must not have a route"
  }
  assert {
    condition     = output.recall.grant == "read" && output.changer_policy == null
    error_message = "there must be no policy for a change"
  }
}

run "a_token_needs_the_scope_of_its_route" {
  command = plan

  variables {
    api_type     = "http"
    auth_mode    = "jwt"
    jwt          = { issuer = "https://issuer.example.com", audience = ["memory"], scopes = ["memory:write"], read_scopes = ["memory:read"], change_scopes = ["memory:change"] }
    write_scopes = ["user/{sub}"]
    recall       = { package_path = "tests/package.zip", changes = true, read_scopes = ["user/{sub}"] }
  }

  assert {
    condition = {
      for scope in ["memory:change", "memory:read", "memory:write"] : scope => toset([
        for route, made in aws_apigatewayv2_route.this : replace(split(" ", route)[1], "/^(/api/v1/mcp)?(/memory|/memories)/", "…") == "…/{proxy+}" ? split(" ", route)[0] : route
        if tolist(made.authorization_scopes) == tolist([scope]) && !startswith(route, "OPTIONS")
      ])
      } == {
      "memory:change" = toset(concat(["DELETE", "PATCH"], flatten([
        for path in ["/mcp", "/api/v1/mcp"] : [for method in ["DELETE", "GET", "POST"] : "${method} ${path}/recall/changes"]
      ])))
      "memory:read" = toset(concat(
        ["GET", "HEAD"],
        flatten([for path in ["/memory", "/memories", "/api/v1/mcp/memory", "/api/v1/mcp/memories"] : ["GET ${path}", "HEAD ${path}"]]),
        flatten([for path in ["/mcp", "/api/v1/mcp"] : ["DELETE ${path}/recall", "GET ${path}/recall", "GET ${path}/recall/health", "POST ${path}/recall"]]),
      ))
      "memory:write" = toset(["ANY /", "ANY /{proxy+}"])
    }
    error_message = "a token that may write must not read, and the reverse"
  }
  assert {
    condition     = aws_lambda_function.this["writer"].environment[0].variables.MEMORY_OAUTH_SCOPES == "memory:change memory:read memory:write"
    error_message = "an agent must be told the scopes of every route"
  }
}

run "a_preflight_is_open_on_every_path_that_a_page_may_call" {
  command = plan

  variables {
    allowed_origins = ["https://app.example.com"]
  }

  assert {
    condition = toset([for route, method in aws_api_gateway_method.this : route if method.authorization == "NONE"]) == toset([
      for route in keys(aws_api_gateway_method.this) : route if startswith(route, "OPTIONS ")
    ])
    error_message = "only preflights may be open"
  }
  assert {
    condition     = alltrue([for path in ["/mcp", "/api/v1/mcp"] : aws_api_gateway_method.this["OPTIONS ${path}"].authorization == "NONE" && aws_api_gateway_integration.this["OPTIONS ${path}"].uri == "writer"])
    error_message = "a resource that recall makes must not close the preflight of the writer's MCP"
  }
}

run "an_api_key_is_needed_by_every_route_of_recall" {
  command = plan

  variables {
    auth_mode   = "api_key"
    api_clients = ["billing"]
  }

  assert {
    condition     = alltrue([for method in aws_api_gateway_method.this : method.api_key_required])
    error_message = "each method must require an API key"
  }
  assert {
    condition     = output.reader_policy == null && output.changer_policy == null
    error_message = "a caller with an API key needs no policy"
  }
}

run "the_policies_of_callers_are_by_method_and_path" {
  command = plan

  assert {
    condition = { for name, policy in { write = output.caller_policy, read = output.reader_policy, change = output.changer_policy } : name => toset([
      for resource in one(jsondecode(policy).Statement).Resource : trimprefix(resource, "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3/live/")
      ]) } == {
      write = toset([
        "POST/memory", "POST/memories", "POST/mcp", "POST/memory/", "POST/memories/", "POST/mcp/", "POST/api/v1/mcp/memory", "POST/api/v1/mcp/memories",
        "POST/api/v1/mcp", "POST/api/v1/mcp/memory/", "POST/api/v1/mcp/memories/", "POST/api/v1/mcp/", "GET/health", "GET/openapi.json",
      ])
      read = toset(concat(
        flatten([for path in ["memory", "memories", "api/v1/mcp/memory", "api/v1/mcp/memories"] : ["GET/${path}", "GET/${path}/*", "HEAD/${path}", "HEAD/${path}/*"]]),
        flatten([for path in ["mcp", "api/v1/mcp"] : ["GET/${path}/recall", "GET/${path}/recall/health", "POST/${path}/recall", "POST/${path}/recall/"]]),
      ))
      change = toset(concat(
        flatten([for path in ["memory", "memories", "api/v1/mcp/memory", "api/v1/mcp/memories"] : ["DELETE/${path}/*", "PATCH/${path}/*"]]),
        flatten([for path in ["mcp", "api/v1/mcp"] : ["GET/${path}/recall/changes", "POST/${path}/recall/changes", "POST/${path}/recall/changes/"]]),
      ))
    }
    error_message = "each grant must be by method and path, and no wildcard may be before the name of a memory"
  }
}
