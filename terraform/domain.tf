# The custom domain name. Version 2 of the API Gateway API can map it to a REST API as well, so the name survives a
# change of api_type.

resource "aws_apigatewayv2_domain_name" "this" {
  count       = var.custom_domain == null ? 0 : 1
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
  domain_name = aws_apigatewayv2_domain_name.this[0].id
  api_id      = local.api_id
  stage       = local.is_rest ? aws_api_gateway_stage.live[0].stage_name : aws_apigatewayv2_stage.default[0].id
}
