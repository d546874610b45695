# The logs record who called, when, and with what result. The alarms report what an operator should know. Neither contains
# the content of a memory, nor the query of a request. The functions' own metrics are members of their records
# (CloudWatch's embedded metric format), so an alarm rests on what became of requests and not on the level of a line.

locals {
  # Every log group of the deployment. CloudWatch Logs creates a missing one by itself, and keeps it for ever.
  log_groups = merge(
    { for key, function in local.functions : key => "/aws/lambda/${function.name}" },
    # This prefix keeps the resource policy of CloudWatch Logs below its size limit.
    { access = "/aws/vendedlogs/${var.name}" },
    # API Gateway writes the errors of a REST API to a log group of this name.
    local.is_rest ? { execution = "API-Gateway-Execution-Logs_${aws_api_gateway_rest_api.this[0].id}/${local.stage}" } : {},
  )
}

resource "aws_cloudwatch_log_group" "this" {
  for_each          = local.log_groups
  name              = each.value
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  skip_destroy      = var.keep_logs
  tags              = var.tags

  lifecycle {
    precondition {
      condition     = var.log_kms_key_arn == null || try(split(":", var.log_kms_key_arn)[3] == local.region, false)
      error_message = "log_kms_key_arn is a key of another region. CloudWatch Logs can only use a key of ${local.region}."
    }
  }
}

locals {
  # Variables of the gateway alone: each value is one, and no part of a request's query or body. $context.error.message is
  # not here, because for a wrong signature it repeats the canonical request with its query, its API key and its session
  # token.
  access_log = merge(
    {
      time             = "$context.requestTime"
      request_id       = "$context.requestId"
      extended_id      = "$context.extendedRequestId"
      function_request = "$context.integration.requestId"
      source_ip        = "$context.identity.sourceIp"
      user_agent       = "$context.identity.userAgent"
      host             = "$context.domainName"
      method           = "$context.httpMethod"
      path             = "$context.path"
      protocol         = "$context.protocol"
      status           = "$context.status"
      response_bytes   = "$context.responseLength"
      latency_ms       = "$context.responseLatency"
      function_ms      = "$context.integration.latency"
      function_status  = "$context.integration.integrationStatus"
      function_error   = "$context.integration.error"
      error_type       = "$context.error.responseType"
    },
    local.is_rest ? {
      trace_id       = "$context.xrayTraceId"
      waf_status     = "$context.waf.status"
      waf_latency_ms = "$context.waf.latency"
      waf_error      = "$context.waf.error"
    } : {},
    {
      iam     = { caller = "$context.identity.userArn", account = "$context.identity.accountId" }
      api_key = { caller = "$context.identity.apiKeyId" }
      jwt     = { caller = "$context.authorizer.claims.sub", authorizer_error = "$context.authorizer.error" }
    }[var.auth_mode],
  )

  api_dimensions = local.is_rest ? { ApiName = var.name, Stage = local.stage } : { ApiId = aws_apigatewayv2_api.this[0].id }

  # Where the functions' own metrics are. crates/memory-web/src/record/metrics.rs has the same name, and a test compares
  # each metric of it that a file here names with what is logged (tests/it/metrics.rs).
  namespace = "MemoryIngress"

  # The service gives a write up after 10 s (docs/settings.md). Who waits this long is close to a response that says
  # nothing about the memory.
  writer_slow_ms = 8000

  # Each alarm counts failures, and compares them with the requests that could have failed. Lambda does not count an
  # invocation that it refused, and has no such number at all where it refused every one.
  function_alarms = merge([
    for key, function in local.functions : {
      "${key}-errors" = {
        description = "The function ${function.name} crashed, timed out, or received an event that is not a request. The caller got a 5xx response."
        failures    = { namespace = "AWS/Lambda", name = "Errors", dimensions = { FunctionName = function.name } }
        requests    = { namespace = "AWS/Lambda", name = "Invocations", dimensions = { FunctionName = function.name } }
        all         = "requests"
      }
      "${key}-throttles" = {
        description = "Requests were refused because too many ran at once. Raise the account's concurrency quota or reserved_concurrency."
        failures    = { namespace = "AWS/Lambda", name = "Throttles", dimensions = { FunctionName = function.name } }
        requests    = { namespace = "AWS/Lambda", name = "Invocations", dimensions = { FunctionName = function.name } }
        all         = "(FILL(requests, 0) + failures)"
      }
    }
  ]...)
  alarms = merge(local.function_alarms, local.recall_rate_alarms, {
    gateway-5xx = {
      description = "Callers got 5xx responses."
      failures    = { namespace = "AWS/ApiGateway", name = local.is_rest ? "5XXError" : "5xx", dimensions = local.api_dimensions }
      requests    = { namespace = "AWS/ApiGateway", name = "Count", dimensions = local.api_dimensions }
      all         = "requests"
    }
    storage-failures = {
      description = "Memories could not be stored, or it is not known whether they were stored. The function's log has the response of S3."
      failures    = { namespace = local.namespace, name = "Failures", dimensions = { function = local.writer.name } }
      requests    = { namespace = local.namespace, name = "Requests", dimensions = { function = local.writer.name } }
      all         = "requests"
    }
    unknown-outcomes = {
      description = "It is not known whether memories were stored, because the response of S3 was lost or late. A repeat with the same timestamp is safe."
      failures    = { namespace = local.namespace, name = "Unknown", dimensions = { function = local.writer.name } }
      requests    = { namespace = local.namespace, name = "Requests", dimensions = { function = local.writer.name } }
      all         = "requests"
    }
  })

  slow_alarms = merge(local.recall_slow_alarms, {
    writer-p99 = {
      description  = "One of a hundred requests that store takes longer than ${local.writer_slow_ms} ms, close to the 10 s after which the service gives up. S3 is slow, or the function has too little memory."
      function     = local.writer.name
      milliseconds = local.writer_slow_ms
    }
  })

  # In percent of the requests of a period. One failure of a small number of requests is a high rate, so a period also
  # needs a number of failures, and the alarm needs two such periods of three.
  alarm_rate         = 1
  alarm_failures_min = 2
  alarm_period       = 300
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = local.alarm_rate
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching" # without failures there are no data points
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags

  metric_query {
    id          = "rate"
    label       = "failed requests, in percent"
    expression  = "IF(failures >= ${local.alarm_failures_min}, 100 * failures / ${each.value.all}, 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { failures = each.value.failures, requests = each.value.requests }

    content {
      id = metric_query.key

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        stat        = "Sum"
        period      = local.alarm_period
      }
    }
  }
}

# One is too many, whatever the number of requests: S3 refuses every repeat as well, so nothing is stored until somebody
# removes the cause.
resource "aws_cloudwatch_metric_alarm" "storage_refused" {
  alarm_name          = "${var.name}-storage-refused"
  alarm_description   = "S3 refuses to store memories, and a repeat does not help: a policy, a key or the bucket has changed. The record of the request has S3's code."
  namespace           = local.namespace
  metric_name         = "Failures"
  dimensions          = { function = local.writer.name, code = "storage_refused" }
  statistic           = "Sum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  period              = local.alarm_period
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching" # without refusals there are no data points
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "slow" {
  for_each            = local.slow_alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = local.namespace
  metric_name         = "Latency"
  dimensions          = { function = each.value.function }
  extended_statistic  = "p99"
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.milliseconds
  period              = local.alarm_period
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching"
  # With few requests the slowest of them is the p99, and one slow request wakes nobody.
  evaluate_low_sample_count_percentiles = "ignore"
  alarm_actions                         = var.alarm_topic_arns
  ok_actions                            = var.alarm_topic_arns
  tags                                  = var.tags
}

# Off by default: only the operator knows how long nobody may have something to store.
resource "aws_cloudwatch_metric_alarm" "no_traffic" {
  for_each            = var.alarm_no_traffic_hours == null ? {} : { no-traffic = var.alarm_no_traffic_hours }
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "No request has reached the function ${local.writer.name} for ${each.value} hours. Callers may have lost their access, or the gateway its function."
  namespace           = local.namespace
  metric_name         = "Requests"
  dimensions          = { function = local.writer.name }
  statistic           = "Sum"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 3600
  evaluation_periods  = each.value
  treat_missing_data  = "breaching" # without requests there are no data points
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}

check "alarms_reach_somebody" {
  assert {
    condition     = length(var.alarm_topic_arns) > 0
    error_message = "alarm_topic_arns is empty, so no alarm notifies anybody. Set it to the SNS topics of those who operate this deployment."
  }
}
