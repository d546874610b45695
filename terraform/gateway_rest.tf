# The REST API (api_type rest), with IAM or API keys.

locals {
  rest_count = local.is_rest ? 1 : 0
  # Part of every caller's URL. A change would break all callers.
  stage = "live"

  rest_methods = {
    for route, target in local.routes : route => merge(target, { method = split(" ", route)[0], path = split(" ", route)[1] })
  }

  # A path is a chain of resources, one for each of its parts: /a/{b} is {b} below /a. Terraform cannot refer from one
  # instance of a resource to another, so each level of this tree is a block of its own. Five levels are enough for
  # /api/v1/mcp/memories/{id}.
  rest_paths = toset(flatten([
    for method in local.rest_methods : [
      for depth in range(2, length(split("/", method.path)) + 1) : join("/", slice(split("/", method.path), 0, depth))
    ] if method.path != "/"
  ]))
  rest_levels = [
    for level in range(1, 6) : toset([for path in local.rest_paths : path if local.is_rest && length(split("/", path)) == level + 1])
  ]
  rest_resource_ids = merge(
    { for api in aws_api_gateway_rest_api.this : "/" => api.root_resource_id },
    [
      for level in [
        aws_api_gateway_resource.level_1, aws_api_gateway_resource.level_2, aws_api_gateway_resource.level_3,
        aws_api_gateway_resource.level_4, aws_api_gateway_resource.level_5,
      ] : { for path, resource in level : path => resource.id }
    ]...
  )
}

resource "aws_api_gateway_rest_api" "this" {
  count              = local.rest_count
  name               = var.name
  description        = "Stores memories in ${local.bucket}"
  binary_media_types = ["*/*"] # bodies reach the function byte for byte
  tags               = local.gateway_tags

  disable_execute_api_endpoint = var.disable_execute_api_endpoint

  endpoint_configuration {
    types            = [local.is_private ? "PRIVATE" : "REGIONAL"]
    vpc_endpoint_ids = local.is_private ? var.resource_policy.vpc_endpoints : null
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_resource" "level_1" {
  for_each    = local.rest_levels[0]
  rest_api_id = aws_api_gateway_rest_api.this[0].id
  parent_id   = aws_api_gateway_rest_api.this[0].root_resource_id
  path_part   = basename(each.key)
}

resource "aws_api_gateway_resource" "level_2" {
  for_each    = local.rest_levels[1]
  rest_api_id = aws_api_gateway_rest_api.this[0].id
  parent_id   = aws_api_gateway_resource.level_1[dirname(each.key)].id
  path_part   = basename(each.key)
}

resource "aws_api_gateway_resource" "level_3" {
  for_each    = local.rest_levels[2]
  rest_api_id = aws_api_gateway_rest_api.this[0].id
  parent_id   = aws_api_gateway_resource.level_2[dirname(each.key)].id
  path_part   = basename(each.key)
}

resource "aws_api_gateway_resource" "level_4" {
  for_each    = local.rest_levels[3]
  rest_api_id = aws_api_gateway_rest_api.this[0].id
  parent_id   = aws_api_gateway_resource.level_3[dirname(each.key)].id
  path_part   = basename(each.key)
}

resource "aws_api_gateway_resource" "level_5" {
  for_each    = local.rest_levels[4]
  rest_api_id = aws_api_gateway_rest_api.this[0].id
  parent_id   = aws_api_gateway_resource.level_4[dirname(each.key)].id
  path_part   = basename(each.key)
}

resource "aws_api_gateway_method" "this" {
  for_each         = local.is_rest ? local.rest_methods : {}
  rest_api_id      = aws_api_gateway_rest_api.this[0].id
  resource_id      = local.rest_resource_ids[each.value.path]
  http_method      = each.value.method
  authorization    = var.auth_mode == "iam" && !each.value.is_open ? "AWS_IAM" : "NONE"
  api_key_required = var.auth_mode == "api_key" && !each.value.is_open
}

resource "aws_api_gateway_integration" "this" {
  for_each                = aws_api_gateway_method.this
  rest_api_id             = each.value.rest_api_id
  resource_id             = each.value.resource_id
  http_method             = each.value.http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = aws_lambda_alias.live[local.routes[each.key].function].invoke_arn
}

resource "aws_api_gateway_deployment" "this" {
  count       = local.rest_count
  rest_api_id = aws_api_gateway_rest_api.this[0].id

  # What callers reach is a snapshot. A new one is made when a variable or a release changes what it contains: the files
  # stand for what a release changes in the resources below them. What the provider reads back cannot be here, because
  # it changes by itself at the first refresh.
  triggers = {
    redeployment = sha256(jsonencode([
      local.routes, local.gateway_responses, local.resource_policy, var.resource_policy, var.auth_mode, var.disable_execute_api_endpoint,
      [for alias in aws_lambda_alias.live : alias.invoke_arn],
      [for file in ["gateway_refusals.tf", "gateway_rest.tf", "resource_policy.tf"] : filesha256("${path.module}/${file}")],
    ]))
  }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [aws_api_gateway_integration.this, aws_api_gateway_gateway_response.this, aws_api_gateway_rest_api_policy.this]
}

resource "aws_api_gateway_stage" "live" {
  count                = local.rest_count
  rest_api_id          = aws_api_gateway_rest_api.this[0].id
  deployment_id        = aws_api_gateway_deployment.this[0].id
  stage_name           = local.stage
  xray_tracing_enabled = true
  tags                 = local.gateway_tags

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.this["access"].arn
    format          = jsonencode(local.access_log)
  }

  depends_on = [aws_api_gateway_account.this, aws_cloudwatch_log_group.this]
}

resource "aws_api_gateway_method_settings" "live" {
  count       = local.rest_count
  rest_api_id = aws_api_gateway_rest_api.this[0].id
  stage_name  = aws_api_gateway_stage.live[0].stage_name
  method_path = "*/*"

  settings {
    logging_level          = "ERROR"
    data_trace_enabled     = false # it would log the content of memories
    throttling_rate_limit  = var.throttle.rate
    throttling_burst_limit = var.throttle.burst
  }
}

# API keys.

resource "aws_api_gateway_api_key" "client" {
  for_each = var.api_clients
  name     = "${var.name}-${each.key}"
  tags     = local.gateway_tags
}

resource "aws_api_gateway_usage_plan" "clients" {
  count = length(var.api_clients) > 0 ? 1 : 0
  name  = var.name
  tags  = local.gateway_tags

  api_stages {
    api_id = aws_api_gateway_rest_api.this[0].id
    stage  = aws_api_gateway_stage.live[0].stage_name
  }

  throttle_settings {
    rate_limit  = var.client_limits.rate
    burst_limit = var.client_limits.burst
  }

  dynamic "quota_settings" {
    for_each = var.client_limits.quota[*]

    content {
      limit  = quota_settings.value.limit
      period = quota_settings.value.period
    }
  }
}

resource "aws_api_gateway_usage_plan_key" "client" {
  for_each      = aws_api_gateway_api_key.client
  key_id        = each.value.id
  key_type      = "API_KEY"
  usage_plan_id = aws_api_gateway_usage_plan.clients[0].id
}

# The web application firewall.

resource "aws_wafv2_web_acl_association" "this" {
  count        = var.web_acl == null ? 0 : 1
  resource_arn = aws_api_gateway_stage.live[0].arn
  web_acl_arn  = var.web_acl.arn
}

# API Gateway uses one role to write the logs of every REST API of an account and region.

resource "aws_iam_role" "gateway_log" {
  count = local.is_rest && var.manage_gateway_log_role ? 1 : 0
  name  = local.role_names.gateway_log
  tags  = var.tags

  permissions_boundary = var.permissions_boundary_arns.gateway_log
  assume_role_policy   = local.trust_policies.apigateway
}

resource "aws_iam_role_policy_attachment" "gateway_log" {
  count      = length(aws_iam_role.gateway_log)
  role       = aws_iam_role.gateway_log[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
}

resource "aws_api_gateway_account" "this" {
  count               = length(aws_iam_role.gateway_log)
  cloudwatch_role_arn = aws_iam_role.gateway_log[0].arn

  depends_on = [aws_iam_role_policy_attachment.gateway_log]
}
