# The access log records who called, when, and with what result. The alarms report what an operator should know. Neither
# contains the content of a memory.

resource "aws_cloudwatch_log_group" "access" {
  name              = local.access_log_group
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

locals {
  access_log = merge(
    {
      time             = "$context.requestTime"
      request_id       = "$context.requestId"
      function_request = "$context.integration.requestId"
      source_ip        = "$context.identity.sourceIp"
      user_agent       = "$context.identity.userAgent"
      method           = "$context.httpMethod"
      path             = "$context.path"
      protocol         = "$context.protocol"
      status           = "$context.status"
      response_bytes   = "$context.responseLength"
      latency_ms       = "$context.responseLatency"
      function_ms      = "$context.integration.latency"
      function_status  = "$context.integration.integrationStatus"
      function_error   = "$context.integration.error"
      error            = "$context.error.message"
      error_type       = "$context.error.responseType"
    },
    {
      iam     = { caller = "$context.identity.userArn" }
      api_key = { caller = "$context.identity.apiKeyId" }
      jwt     = { caller = "$context.authorizer.claims.sub", authorizer_error = "$context.authorizer.error" }
    }[var.auth_mode],
  )

  api_dimensions = local.is_rest ? { ApiName = var.name, Stage = local.stage } : { ApiId = aws_apigatewayv2_api.this[0].id }

  function_alarms = merge([
    for key, function in local.functions : {
      "${key}-errors" = {
        description = "The function ${function.name} crashed, timed out, or received an event that is not a request. The caller got a 5xx response."
        namespace   = "AWS/Lambda"
        metric      = "Errors"
        dimensions  = { FunctionName = function.name }
      }
      "${key}-throttles" = {
        description = "Requests were refused because too many ran at once. Raise the account's concurrency quota or reserved_concurrency."
        namespace   = "AWS/Lambda"
        metric      = "Throttles"
        dimensions  = { FunctionName = function.name }
      }
    }
  ]...)
  alarms = merge(local.function_alarms, {
    gateway-5xx = {
      description = "Callers got 5xx responses."
      namespace   = "AWS/ApiGateway"
      metric      = local.is_rest ? "5XXError" : "5xx"
      dimensions  = local.api_dimensions
    }
    storage-failures = {
      description = "A memory could not be stored, or it is not known whether it was stored. The function's log has the response of S3."
      namespace   = var.name
      metric      = aws_cloudwatch_log_metric_filter.storage_failures.metric_transformation[0].name
      dimensions  = {}
    }
  })
}

resource "aws_cloudwatch_log_metric_filter" "storage_failures" {
  name           = "${var.name}-storage-failures"
  log_group_name = aws_cloudwatch_log_group.function["writer"].name
  pattern        = "{ ($.level = \"ERROR\") || ($.level = \"WARN\") }"

  metric_transformation {
    name      = "StorageFailures"
    namespace = var.name
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching" # without failures there are no data points
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}
