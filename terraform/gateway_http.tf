# The HTTP API (api_type http): JWT or IAM. Its own refusals have a fixed form, {"message": …}.

locals {
  http_count = local.is_rest ? 0 : 1

  # ANY /{proxy+} does not match the root.
  http_routes = merge(
    { "ANY /" = { is_open = false }, "ANY /{proxy+}" = { is_open = false } },
    # A browser's preflight carries no credentials.
    length(var.allowed_origins) == 0 ? {} : { "OPTIONS /{proxy+}" = { is_open = true } },
  )
  http_authorization = var.auth_mode == "jwt" ? "JWT" : "AWS_IAM"
}

resource "aws_apigatewayv2_api" "this" {
  count         = local.http_count
  name          = var.name
  description   = "Takes memories and stores them in ${local.bucket}"
  protocol_type = "HTTP"
  tags          = var.tags
}

resource "aws_apigatewayv2_integration" "function" {
  count                  = local.http_count
  api_id                 = aws_apigatewayv2_api.this[0].id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_alias.live.invoke_arn
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
}

resource "aws_apigatewayv2_route" "this" {
  for_each             = local.is_rest ? {} : local.http_routes
  api_id               = aws_apigatewayv2_api.this[0].id
  route_key            = each.key
  target               = "integrations/${aws_apigatewayv2_integration.function[0].id}"
  authorization_type   = each.value.is_open ? "NONE" : local.http_authorization
  authorizer_id        = each.value.is_open || var.jwt == null ? null : aws_apigatewayv2_authorizer.jwt[0].id
  authorization_scopes = each.value.is_open ? null : try(var.jwt.scopes, null)
}

resource "aws_apigatewayv2_stage" "default" {
  count       = local.http_count
  api_id      = aws_apigatewayv2_api.this[0].id
  name        = "$default"
  auto_deploy = true
  tags        = var.tags

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format          = jsonencode(local.access_log)
  }

  default_route_settings {
    detailed_metrics_enabled = true
    throttling_rate_limit    = var.throttle.rate
    throttling_burst_limit   = var.throttle.burst
  }
}

# A name of one's own.

resource "aws_apigatewayv2_domain_name" "this" {
  count       = !local.is_rest && var.custom_domain != null ? 1 : 0
  domain_name = var.custom_domain.name
  tags        = var.tags

  domain_name_configuration {
    certificate_arn = var.custom_domain.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

resource "aws_apigatewayv2_api_mapping" "this" {
  count       = length(aws_apigatewayv2_domain_name.this)
  api_id      = aws_apigatewayv2_api.this[0].id
  domain_name = aws_apigatewayv2_domain_name.this[0].id
  stage       = aws_apigatewayv2_stage.default[0].id
}
