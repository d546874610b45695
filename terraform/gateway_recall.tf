# The routes of recall, on both types of API: the grant that each needs, and its limits.

locals {
  # The spellings of the two kinds of paths that the writer and recall share.
  memory_paths = ["/memory", "/memories", "/api/v1/mcp/memory", "/api/v1/mcp/memories"]
  mcp_paths    = ["/mcp", "/api/v1/mcp"]

  # What a caller of each route may do: read, or change a status. Search and the ids are below {proxy+}, which matches with
  # a slash at the end as well. An MCP endpoint answers GET and DELETE too, if only that they are not allowed.
  recall_grants = merge({}, flatten([
    for wanted in var.recall[*] : concat(
      [for path in local.memory_paths : { for route in ["GET ${path}", "HEAD ${path}", "GET ${path}/{proxy+}", "HEAD ${path}/{proxy+}"] : route => "read" }],
      [for path in local.mcp_paths : { for route in ["DELETE ${path}/recall", "GET ${path}/recall", "GET ${path}/recall/health", "POST ${path}/recall"] : route => "read" }],
      !wanted.changes ? [] : concat(
        [for path in local.memory_paths : { for route in ["DELETE ${path}/{proxy+}", "PATCH ${path}/{proxy+}"] : route => "change" }],
        [for path in local.mcp_paths : { for method in ["DELETE", "GET", "POST"] : "${method} ${path}/recall/changes" => "change" }],
      ),
    )
  ])...)
  recall_paths = distinct([for route in keys(local.recall_grants) : split(" ", route)[1]])

  recall_routes = merge(
    { for route in keys(local.recall_grants) : route => { function = "recall", is_open = false } },
    # No browser page asks for the health.
    { for path in local.recall_paths : "OPTIONS ${path}" => { function = "recall", is_open = local.preflight_is_open } if !endswith(path, "/health") },
  )

  # A resource of a REST API hides /{proxy+} for its path, so each resource that recall makes has what /{proxy+} has.
  recall_resources = distinct(flatten([
    for path in local.recall_paths : [for depth in range(2, length(split("/", path)) + 1) : join("/", slice(split("/", path), 0, depth))]
  ]))
  recall_rest_routes = merge(
    { for path in local.recall_resources : "ANY ${path}" => { function = "writer", is_open = false } },
    { for path in local.recall_resources : "OPTIONS ${path}" => { function = "writer", is_open = local.preflight_is_open } },
    local.recall_routes,
  )

  # The scopes of a token that may call a route of recall. Of other routes they are jwt.scopes.
  route_scopes = {
    for route, grant in local.recall_grants : route => { read = try(var.jwt.read_scopes, null), change = try(var.jwt.change_scopes, null) }[grant]
  }
}

# The settings of a method take the place of those of the stage, so they repeat them.
resource "aws_api_gateway_method_settings" "recall" {
  for_each    = local.is_rest ? local.recall_grants : {}
  rest_api_id = aws_api_gateway_rest_api.this[0].id
  stage_name  = aws_api_gateway_stage.live[0].stage_name
  method_path = "${trimprefix(split(" ", each.key)[1], "/")}/${split(" ", each.key)[0]}"

  settings {
    logging_level          = "ERROR"
    data_trace_enabled     = false # it would log what is asked for and what is found
    throttling_rate_limit  = var.recall.throttle.rate
    throttling_burst_limit = var.recall.throttle.burst
  }
}
