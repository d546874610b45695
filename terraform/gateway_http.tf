# The HTTP API (api_type http), with JWT or IAM. Its own error responses have a fixed form, {"message": …}.

locals {
  http_count         = local.is_rest ? 0 : 1
  http_authorization = var.auth_mode == "jwt" ? "JWT" : "AWS_IAM"

  # An agent without a token asks here where to log in (RFC 9728), and so does a browser page, from any origin.
  login_routes = var.jwt == null ? {} : {
    for route in setproduct(["GET", "OPTIONS"], ["", "/{proxy+}"]) :
    "${route[0]} /.well-known/oauth-protected-resource${route[1]}" => { function = "writer", is_open = true }
  }
  # An agent asks once for each login. Nobody is known there, so it must not take the function from callers who are.
  login_throttle = { rate = min(20, var.throttle.rate), burst = min(40, var.throttle.burst) }

  # The limits of routes that do not have those of the stage.
  route_throttles = merge(
    { for route in keys(local.recall_grants) : route => var.recall.throttle },
    { for route in keys(local.login_routes) : route => local.login_throttle },
  )
}

resource "aws_apigatewayv2_api" "this" {
  count         = local.http_count
  name          = var.name
  description   = "Stores memories in ${local.bucket}"
  protocol_type = "HTTP"
  tags          = var.tags

  disable_execute_api_endpoint = var.disable_execute_api_endpoint
}

resource "aws_apigatewayv2_integration" "function" {
  for_each               = { for key, function in local.functions : key => function if !local.is_rest }
  api_id                 = aws_apigatewayv2_api.this[0].id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_alias.live[each.key].invoke_arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_authorizer" "jwt" {
  count            = var.jwt == null ? 0 : 1
  api_id           = aws_apigatewayv2_api.this[0].id
  name             = "jwt"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = var.jwt.issuer
    audience = var.jwt.audience
  }

  # API Gateway does not delete an authorizer that a route uses, so the routes must change to another one first.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_apigatewayv2_route" "this" {
  for_each             = local.is_rest ? {} : local.routes
  api_id               = aws_apigatewayv2_api.this[0].id
  route_key            = each.key
  target               = "integrations/${aws_apigatewayv2_integration.function[each.value.function].id}"
  authorization_type   = each.value.is_open ? "NONE" : local.http_authorization
  authorizer_id        = each.value.is_open || var.jwt == null ? null : aws_apigatewayv2_authorizer.jwt[0].id
  authorization_scopes = each.value.is_open ? null : try(local.route_scopes[each.key], var.jwt.scopes, null)
}

resource "aws_apigatewayv2_stage" "default" {
  count       = local.http_count
  api_id      = aws_apigatewayv2_api.this[0].id
  name        = "$default"
  auto_deploy = true
  tags        = var.tags

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.this["access"].arn
    format          = jsonencode(local.access_log)
  }

  default_route_settings {
    throttling_rate_limit  = var.throttle.rate
    throttling_burst_limit = var.throttle.burst
  }

  dynamic "route_settings" {
    for_each = local.route_throttles

    content {
      route_key              = route_settings.key
      throttling_rate_limit  = route_settings.value.rate
      throttling_burst_limit = route_settings.value.burst
    }
  }

  # A limit is refused for a route that does not exist.
  depends_on = [aws_apigatewayv2_route.this]
}
