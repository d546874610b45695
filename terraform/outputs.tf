locals {
  own_endpoint     = local.is_rest ? aws_api_gateway_stage.live[0].invoke_url : aws_apigatewayv2_api.this[0].api_endpoint
  endpoint         = var.custom_domain == null ? local.own_endpoint : "https://${var.custom_domain.name}"
  gateway_endpoint = var.disable_execute_api_endpoint ? local.endpoint : local.own_endpoint

  api_id        = local.is_rest ? aws_api_gateway_rest_api.this[0].id : aws_apigatewayv2_api.this[0].id
  execution_arn = local.is_rest ? aws_api_gateway_rest_api.this[0].execution_arn : aws_apigatewayv2_api.this[0].execution_arn

  # What each grant allows: a caller that writes does not read by it, and the reverse.
  caller_policies = {
    for grant, calls in merge([for function in values(local.functions) : function.calls]...) : grant => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Sid      = { write = "CallWriter", read = "ReadMemories", change = "ChangeMemories" }[grant]
        Effect   = "Allow"
        Action   = "execute-api:Invoke"
        Resource = [for call in calls : "${local.execution_arn}/${local.is_rest ? local.stage : "$default"}/${call}"]
      }]
    }) if var.auth_mode == "iam" && length(calls) > 0
  }

  credentials = {
    iam     = "--aws-sigv4 \"aws:amz:${local.region}:execute-api\" --user \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\" -H \"x-amz-security-token: $AWS_SESSION_TOKEN\""
    api_key = "-H \"x-api-key: $MEMORY_API_KEY\""
    jwt     = "-H \"Authorization: Bearer $MEMORY_TOKEN\""
  }[var.auth_mode]
}

output "endpoint" {
  description = "The URL to send memories to: append /memory, or /mcp for agents."
  value       = local.endpoint
}

output "gateway_endpoint" {
  description = "The endpoint at API Gateway itself. It differs from endpoint only with custom_domain, and not even then if disable_execute_api_endpoint closes it."
  value       = local.gateway_endpoint
}

output "auth_mode" {
  description = "How callers authenticate: iam, api_key or jwt."
  value       = var.auth_mode
}

output "caller_policy" {
  description = "Only for auth_mode iam: an IAM policy, as JSON, that lets its holder store memories, and get the service's health and OpenAPI document. Attach it to each caller that writes."
  value       = try(local.caller_policies.write, null)
}

output "reader_policy" {
  description = "Only for auth_mode iam and recall: an IAM policy, as JSON, that lets its holder search, list and get memories, and nothing else. Attach it to each caller that reads."
  value       = try(local.caller_policies.read, null)
}

output "changer_policy" {
  description = "Only for auth_mode iam and recall.changes: an IAM policy, as JSON, that lets its holder change the status of memories, and nothing else. Attach it to each caller that may forget, beside reader_policy."
  value       = try(local.caller_policies.change, null)
}

output "recall" {
  description = "Only with recall: read, or change with recall.changes, which is the option --recall of the smoke test; the function, the version that its alias live points to, and the bucket of the views."
  value = one([
    for key, function in local.recall : {
      grant         = var.recall.changes ? "change" : "read"
      function_name = aws_lambda_function.this[key].function_name
      live_version  = aws_lambda_alias.live[key].function_version
      views_bucket  = aws_s3_bucket.views[0].id
    }
  ])
}

output "region" {
  description = "The region that requests are signed for."
  value       = local.region
}

output "bucket" {
  description = "The bucket that stores the memories."
  value       = aws_s3_bucket.memories.id
}

output "bucket_arn" {
  description = "The ARN of the bucket."
  value       = aws_s3_bucket.memories.arn
}

output "api_id" {
  description = "The id of the API."
  value       = local.api_id
}

output "api_execution_arn" {
  description = "The ARN of the API for IAM policies: append /STAGE/METHOD/PATH. The stage is live on a REST API and $default on an HTTP API."
  value       = local.execution_arn
}

output "functions" {
  description = "Each function, by what it does: its name, its ARN, the ARN of the alias that callers reach, and the ARN of its role."
  value = {
    for key, function in local.functions : key => {
      name      = function.name
      arn       = aws_lambda_function.this[key].arn
      alias_arn = aws_lambda_alias.live[key].arn
      role_arn  = aws_iam_role.function[key].arn
    }
  }
}

output "log_groups" {
  description = "The names of the log groups: access (one line for each request), execution (errors of a REST API), and each function."
  value       = { for key, group in aws_cloudwatch_log_group.this : key => group.name }
}

output "alarm_arns" {
  description = "The ARN of each alarm, for a composite alarm or a dashboard."
  value = merge(
    { for name, alarm in aws_cloudwatch_metric_alarm.this : name => alarm.arn },
    { storage-refused = aws_cloudwatch_metric_alarm.storage_refused.arn },
    { for alarm in aws_cloudwatch_metric_alarm.log_damaged : "recall-log-damaged" => alarm.arn },
    { for name, alarm in aws_cloudwatch_metric_alarm.slow : name => alarm.arn },
    { for name, alarm in aws_cloudwatch_metric_alarm.no_traffic : name => alarm.arn },
  )
}

output "dashboard" {
  description = "The name of the CloudWatch dashboard of the deployment."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}

output "function_name" {
  description = "The name of the function. Callers reach its alias live."
  value       = aws_lambda_function.this["writer"].function_name
}

output "live_version" {
  description = "The published version that the alias live points to. Note it before an upgrade."
  value       = aws_lambda_alias.live["writer"].function_version
}

output "api_keys" {
  description = "Only for auth_mode api_key: the API key of each caller."
  value       = { for client, key in aws_api_gateway_api_key.client : client => key.value }
  sensitive   = true
}

output "custom_domain_target" {
  description = "Only for custom_domain: the host name and the hosted zone that its DNS record (an alias, or a CNAME) must point to."
  value = one([
    for domain in aws_apigatewayv2_domain_name.this : {
      name    = domain.domain_name_configuration[0].target_domain_name
      zone_id = domain.domain_name_configuration[0].hosted_zone_id
    }
  ])
}

output "example" {
  description = "A curl command that stores a first memory, to paste into a shell that has credentials."
  value       = <<-EOT
    curl '${local.endpoint}/memory' ${local.credentials} -H 'Content-Type: application/json' -d '{"entity_id":"rob","domain":"work","content":"Rob prefers mornings.","timestamp":"2026-01-27T03:14:22Z"}'
  EOT
}
