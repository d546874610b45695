# The alarms of recall besides those that every function has. Its records have the codes of each refused or failed request.

locals {
  recall_rate_alarms = {
    for key, function in local.recall : "${key}-view-building" => {
      description = "Callers have to repeat what they ask, because a view is being built. Each repeat gets further. If this lasts, raise recall.memory_mib, or build the view with memory-ingress views."
      failures    = { namespace = local.namespace, name = "Failures", dimensions = { function = function.name, code = "view_building" } }
      requests    = { namespace = local.namespace, name = "Requests", dimensions = { function = function.name } }
      all         = "requests"
    }
  }

  # A search over 100,000 memories takes a second or two. Who waits longer than this repeats the request.
  recall_slow_ms = 5000

  recall_slow_alarms = {
    for key, function in local.recall : "${key}-p99" => {
      description  = "One of a hundred requests takes longer than ${local.recall_slow_ms} ms. Ask for less (filter[since]), or raise recall.memory_mib."
      function     = function.name
      milliseconds = local.recall_slow_ms
    }
  }
}

# One is too many, whatever the number of requests: an object of the log is not what its key says, and search and lists of
# its entity fail until somebody looks at it.
resource "aws_cloudwatch_metric_alarm" "log_damaged" {
  count               = length(local.recall)
  alarm_name          = "${var.name}-recall-log-damaged"
  alarm_description   = "Under a key of the log is something else than its memory or event. The function's log has the key."
  namespace           = local.namespace
  metric_name         = "Failures"
  dimensions          = { function = local.recall.recall.name, code = "log_damaged" }
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
