# One page for whoever is woken. From left to right: are memories stored, how fast, who is refused and why, what does S3
# say. Below each stands what to look at next. With recall it has a row of its own.

locals {
  # A dashboard belongs to no region.
  dashboard_name = "${var.name}-${local.region}"

  of_writer = "SOURCE '${local.log_groups.writer}'"

  # Every series of a metric by code, such as one for each code of a refusal.
  by_code = {
    for key, function in local.functions : key => {
      for name in ["Refused", "Failures"] : name =>
      [[{ expression = "SEARCH('{${local.namespace},function,code} MetricName=\"${name}\" function=\"${function.name}\"', 'Sum', ${local.alarm_period})", id = "codes", label = "" }]]
    }
  }

  dashboard_rows = concat(
    [
      [
        {
          title   = "Are memories stored?"
          stat    = "Sum"
          metrics = [for name in ["Stored", "Repeated", "Unknown"] : [local.namespace, name, "function", local.writer.name]]
        },
        {
          title   = "How fast, in milliseconds?"
          stat    = "p99"
          metrics = concat([for name in ["Latency", "S3Latency"] : [local.namespace, name, "function", local.writer.name]], [[local.namespace, "Latency", "function", local.writer.name, { stat = "p50", label = "Latency, p50" }]])
        },
        { title = "Why is it refused?", stat = "Sum", metrics = local.by_code.writer.Refused },
        { title = "What fails?", stat = "Sum", metrics = local.by_code.writer.Failures },
      ],
      [
        {
          title = "Does it reach the gateway?"
          stat  = "Sum"
          metrics = [
            for name in(local.is_rest ? ["Count", "4XXError", "5XXError"] : ["Count", "4xx", "5xx"]) :
            concat(["AWS/ApiGateway", name], flatten([for dimension, value in local.api_dimensions : [dimension, value]]))
          ]
        },
        {
          title = "Does the function run?"
          stat  = "Sum"
          metrics = concat(
            [for name in ["Errors", "Throttles"] : ["AWS/Lambda", name, "FunctionName", local.writer.name]],
            [for name in ["ColdStarts"] : [local.namespace, name, "function", local.writer.name]],
          )
        },
        { title = "Who is refused?", query = "${local.of_writer} | filter outcome = 'refused' | stats count(*) as requests by code, caller, route | sort requests desc | limit 20" },
        { title = "What does S3 say?", query = "${local.of_writer} | filter outcome in ['not_written', 'unknown'] | stats count(*) as requests, pct(s3_ms, 99) as p99 by code, s3_code | sort requests desc | limit 20" },
      ],
    ],
    [
      for key, function in local.recall : [
        {
          title   = "Recall: are memories found?"
          stat    = "Sum"
          metrics = [for name in ["Reads", "Changes", "Requests"] : [local.namespace, name, "function", function.name]]
        },
        {
          title   = "Recall: how fast, in milliseconds?"
          stat    = "p99"
          metrics = concat([for name in ["Latency", "S3Latency"] : [local.namespace, name, "function", function.name]], [[local.namespace, "Latency", "function", function.name, { stat = "p50", label = "Latency, p50" }]])
        },
        { title = "Recall: what is refused, and what fails?", stat = "Sum", metrics = concat(local.by_code[key].Refused, [[merge(local.by_code[key].Failures[0][0], { id = "failures" })]]) },
        {
          title   = "Recall: what is asked of S3?"
          stat    = "Sum"
          metrics = [for name in ["KeysListed", "Gets", "ViewHits", "ViewMisses", "ViewsBuilt"] : [local.namespace, name, "function", function.name]]
        },
      ]
    ],
  )
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.dashboard_name
  dashboard_body = jsonencode({
    widgets = flatten([
      for row, widgets in local.dashboard_rows : [
        for column, widget in widgets : {
          type   = can(widget.query) ? "log" : "metric"
          x      = 6 * column
          y      = 7 * row
          width  = 6
          height = 7
          properties = merge(
            { for name, value in widget : name => value },
            { region = local.region, view = can(widget.query) ? "table" : "timeSeries" },
            { for name, value in { period = local.alarm_period } : name => value if !can(widget.query) },
          )
        }
      ]
    ])
  })
}
