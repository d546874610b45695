# The alarms of recall besides those that every function has. Its log has the codes of each refused or failed request.

locals {
  # What is counted in the log of recall: the code, and the name of the metric.
  recall_codes = length(local.recall) == 0 ? {} : { log_damaged = "RecallLogDamaged", view_building = "RecallViewBuilding" }

  recall_rate_alarms = {
    for key, function in local.recall : "${key}-view-building" => {
      description = "Callers have to repeat what they ask, because a view is being built. Each repeat gets further. If this lasts, raise recall.memory_mib, or build the view with memory-ingress views."
      failures    = { namespace = var.name, name = local.recall_codes.view_building, dimensions = {} }
      requests    = { namespace = "AWS/Lambda", name = "Invocations", dimensions = { FunctionName = function.name } }
      all         = "requests"
    }
  }

  # A search over 100,000 memories takes a second or two. Who waits longer than this repeats the request.
  recall_slow_ms = 5000
}

resource "aws_cloudwatch_log_metric_filter" "recall" {
  for_each       = local.recall_codes
  name           = "${var.name}-${each.value}"
  log_group_name = aws_cloudwatch_log_group.this["recall"].name
  # The field has every code of the request, separated by commas.
  pattern = "{ $.codes = \"*${each.key}*\" }"

  metric_transformation {
    name      = each.value
    namespace = var.name
    value     = "1"
  }
}

# One is too many, whatever the number of requests: an object of the log is not what its key says, and search and lists of
# its entity fail until somebody looks at it.
resource "aws_cloudwatch_metric_alarm" "log_damaged" {
  count               = length(local.recall)
  alarm_name          = "${var.name}-recall-log-damaged"
  alarm_description   = "Under a key of the log is something else than its memory or event. The function's log has the key."
  namespace           = var.name
  metric_name         = aws_cloudwatch_log_metric_filter.recall["log_damaged"].metric_transformation[0].name
  statistic           = "Sum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  period              = local.alarm_period
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching" # without damage there are no data points
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "recall_slow" {
  count               = length(local.recall)
  alarm_name          = "${var.name}-recall-p99"
  alarm_description   = "One of a hundred requests takes longer than ${local.recall_slow_ms} ms. Ask for less (filter[since]), or raise recall.memory_mib."
  namespace           = "AWS/Lambda"
  metric_name         = "Duration"
  dimensions          = { FunctionName = local.recall.recall.name }
  extended_statistic  = "p99"
  comparison_operator = "GreaterThanThreshold"
  threshold           = local.recall_slow_ms
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
