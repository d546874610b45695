# The defaults: the resources and their policies. The tests only plan, because an applied bucket could not be destroyed.

mock_provider "aws" {
  source = "./tests/account"
}

variables {
  package_path     = "tests/package.zip"
  alarm_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:operators"]
}

run "the_bucket_is_versioned_private_and_encrypted" {
  command = plan

  assert {
    condition     = aws_s3_bucket.memories.bucket == "memory-ingress-123456789012-eu-central-1"
    error_message = "the bucket's name must contain the account and the region"
  }
  assert {
    condition     = aws_s3_bucket.memories.force_destroy != true && !aws_s3_bucket.memories.object_lock_enabled
    error_message = "Terraform must never empty a bucket with memories, and Object Lock must be off"
  }
  assert {
    condition     = aws_s3_bucket_versioning.memories.versioning_configuration[0].status == "Enabled"
    error_message = "versioning must be on"
  }
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.memories.block_public_acls,
      aws_s3_bucket_public_access_block.memories.block_public_policy,
      aws_s3_bucket_public_access_block.memories.ignore_public_acls,
      aws_s3_bucket_public_access_block.memories.restrict_public_buckets,
    ])
    error_message = "all public access must be blocked"
  }
  assert {
    condition     = aws_s3_bucket_ownership_controls.memories.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "the bucket's owner must own every object"
  }
  assert {
    condition = anytrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.memories.rule :
      rule.apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    ])
    error_message = "S3 managed keys must encrypt the objects"
  }
}

run "the_role_may_write_and_nothing_else" {
  command = plan

  assert {
    condition = flatten([for statement in jsondecode(aws_iam_role_policy.function["writer"].policy).Statement : statement.Action]) == [
      "s3:PutObject", "logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
    ]
    error_message = "the role must have exactly these actions"
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.function["writer"].policy).Statement[0].Resource == "arn:aws:s3:::memory-ingress-123456789012-eu-central-1/memories/*"
    error_message = "the role may only write below memories/"
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.function["writer"].policy).Statement[0].Condition == {
      StringEquals = { "aws:ResourceAccount" = "123456789012" }
      Null         = { "s3:x-amz-server-side-encryption" = "true" }
    }
    error_message = "the role may only write to this account's bucket, with the bucket's own encryption"
  }
  assert {
    condition     = jsondecode(aws_iam_role.function["writer"].assume_role_policy).Statement[0].Principal == { Service = "lambda.amazonaws.com" }
    error_message = "only Lambda may assume the role"
  }
}

run "the_function_is_arm64_and_its_timeout_is_longer_than_a_write" {
  command = plan

  assert {
    condition     = one(aws_lambda_function.this["writer"].architectures) == "arm64" && aws_lambda_function.this["writer"].runtime == "provided.al2023"
    error_message = "the function must run on provided.al2023 and arm64"
  }
  assert {
    condition     = aws_lambda_function.this["writer"].timeout == 15 && aws_lambda_function.this["writer"].publish
    error_message = "the timeout must be 15 s, and versions must be published"
  }
  assert {
    condition     = aws_lambda_function.this["writer"].reserved_concurrent_executions == -1
    error_message = "no concurrency may be reserved, because a new account could not apply it"
  }
  assert {
    condition = aws_lambda_function.this["writer"].environment[0].variables == tomap({
      MEMORY_BUCKET = "memory-ingress-123456789012-eu-central-1", RUST_LOG = "info",
    })
    error_message = "the function must have exactly these settings"
  }
  assert {
    condition     = aws_lambda_alias.live["writer"].name == "live"
    error_message = "callers must reach the alias live"
  }
}

run "every_method_of_the_rest_api_needs_a_signature" {
  command = plan

  assert {
    condition     = { for name, method in aws_api_gateway_method.this : name => method.http_method } == { "ANY /" = "ANY", "ANY /{proxy+}" = "ANY", "OPTIONS /{proxy+}" = "OPTIONS" }
    error_message = "there must be exactly these paths and methods"
  }
  assert {
    condition     = alltrue([for method in aws_api_gateway_method.this : method.authorization == "AWS_IAM"])
    error_message = "each method must require AWS SigV4"
  }
  assert {
    condition     = alltrue([for integration in aws_api_gateway_integration.this : integration.type == "AWS_PROXY"])
    error_message = "every method must invoke the function"
  }
  assert {
    condition     = aws_api_gateway_rest_api.this[0].binary_media_types == tolist(["*/*"])
    error_message = "bodies must reach the function byte for byte"
  }
  assert {
    condition     = length(aws_apigatewayv2_api.this) == 0 && length(aws_api_gateway_usage_plan.clients) == 0
    error_message = "there must be one API, without API keys"
  }
}

run "errors_of_the_gateway_are_error_documents" {
  command = plan

  assert {
    condition = alltrue([
      for response in aws_api_gateway_gateway_response.this :
      response.response_parameters["gatewayresponse.header.Content-Type"] == "'application/vnd.api+json'"
      && jsondecode(response.response_templates["application/json"]).jsonapi.version == "1.1"
      && length(jsondecode(response.response_templates["application/json"]).errors[0].detail) > 0
    ])
    error_message = "each gateway response must be a JSON:API document"
  }
  assert {
    condition = alltrue([
      for type in ["DEFAULT_5XX", "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT"] :
      jsondecode(aws_api_gateway_gateway_response.this[type].response_templates["application/json"]).errors[0].meta.written == "unknown"
    ])
    error_message = "a response must say so if it is not known whether the memory was stored"
  }
  assert {
    condition     = aws_api_gateway_gateway_response.this["THROTTLED"].status_code == "429" && aws_api_gateway_gateway_response.this["THROTTLED"].response_parameters["gatewayresponse.header.Retry-After"] == "'1'"
    error_message = "too many requests must get 429 and Retry-After: 1"
  }
  assert {
    condition = alltrue([
      for response in aws_api_gateway_gateway_response.this :
      response.status_code == try(jsondecode(response.response_templates["application/json"]).errors[0].status, null)
    ])
    error_message = "a document must name the status of its own response"
  }
  assert {
    condition = [
      for type in ["ACCESS_DENIED", "DEFAULT_4XX"] :
      jsondecode(aws_api_gateway_gateway_response.this[type].response_templates["application/json"]).errors[0].code
    ] == ["forbidden", "gateway_refused"]
    error_message = "a refusal of unknown status must not claim that the caller may not call"
  }
  assert {
    condition = alltrue([
      for response in aws_api_gateway_gateway_response.this :
      !can(response.response_parameters["gatewayresponse.header.Access-Control-Allow-Origin"])
    ])
    error_message = "no browser origin may be allowed"
  }
}

run "every_log_group_belongs_to_the_deployment" {
  command = plan

  assert {
    condition     = toset(keys(aws_cloudwatch_log_group.this)) == toset(["access", "execution", "writer"])
    error_message = "no service may have to create a log group by itself"
  }
  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.retention_in_days == 365 && !group.skip_destroy && group.kms_key_id == null])
    error_message = "the logs must be kept for a year, and be destroyed with the deployment"
  }
  assert {
    condition     = !aws_api_gateway_method_settings.live[0].settings[0].data_trace_enabled
    error_message = "no log may contain the content of memories"
  }
}

run "the_access_log_names_the_caller_and_the_trace_and_nothing_of_the_request" {
  command = plan

  assert {
    condition = jsondecode(aws_api_gateway_stage.live[0].access_log_settings[0].format) == {
      time             = "$context.requestTime"
      request_id       = "$context.requestId"
      extended_id      = "$context.extendedRequestId"
      trace_id         = "$context.xrayTraceId"
      function_request = "$context.integration.requestId"
      caller           = "$context.identity.userArn"
      account          = "$context.identity.accountId"
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
      waf_status       = "$context.waf.status"
      waf_latency_ms   = "$context.waf.latency"
      waf_error        = "$context.waf.error"
    }
    error_message = "the access log must have these fields; another one may contain the query, a credential or the content of a memory"
  }
}

run "an_alarm_needs_a_rate_a_floor_and_several_periods" {
  command = plan

  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.this)) == toset(["writer-errors", "writer-throttles", "gateway-5xx", "storage-failures", "unknown-outcomes"])
    error_message = "there must be these five alarms of a rate"
  }
  assert {
    condition = { for name, alarm in aws_cloudwatch_metric_alarm.this : name => one([for query in alarm.metric_query : query.expression if query.return_data == true]) } == {
      writer-errors    = "IF(failures >= 2, 100 * failures / requests, 0)"
      writer-throttles = "IF(failures >= 2, 100 * failures / (FILL(requests, 0) + failures), 0)"
      gateway-5xx      = "IF(failures >= 2, 100 * failures / requests, 0)"
      storage-failures = "IF(failures >= 2, 100 * failures / requests, 0)"
      unknown-outcomes = "IF(failures >= 2, 100 * failures / requests, 0)"
    }
    error_message = "an alarm must compare the failures with the requests, and ignore a single one"
  }
  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.this :
      alarm.threshold == 1 && alarm.evaluation_periods == 3 && alarm.datapoints_to_alarm == 2 && alarm.treat_missing_data == "notBreaching"
    ])
    error_message = "1 % in two of three periods must be an alarm, and no request must not be one"
  }
  assert {
    condition = {
      for name, alarm in aws_cloudwatch_metric_alarm.this : name => {
        for query in alarm.metric_query : query.id => "${query.metric[0].namespace} ${query.metric[0].metric_name}" if length(query.metric) > 0
      }
      } == {
      writer-errors    = { failures = "AWS/Lambda Errors", requests = "AWS/Lambda Invocations" }
      writer-throttles = { failures = "AWS/Lambda Throttles", requests = "AWS/Lambda Invocations" }
      gateway-5xx      = { failures = "AWS/ApiGateway 5XXError", requests = "AWS/ApiGateway Count" }
      storage-failures = { failures = "MemoryIngress Failures", requests = "MemoryIngress Requests" }
      unknown-outcomes = { failures = "MemoryIngress Unknown", requests = "MemoryIngress Requests" }
    }
    error_message = "each alarm must read the metrics of its service"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["unknown-outcomes"].metric_query != null && alltrue([for query in aws_cloudwatch_metric_alarm.this["unknown-outcomes"].metric_query : query.metric[0].dimensions == tomap({ function = "memory-ingress" }) if length(query.metric) > 0])
    error_message = "the metrics must be those of the writer"
  }
}

run "one_refusal_of_s3_and_a_p99_near_the_deadline_are_alarms" {
  command = plan

  assert {
    condition = [
      aws_cloudwatch_metric_alarm.storage_refused.metric_name, aws_cloudwatch_metric_alarm.storage_refused.namespace,
      aws_cloudwatch_metric_alarm.storage_refused.threshold, aws_cloudwatch_metric_alarm.storage_refused.evaluation_periods,
    ] == ["Failures", "MemoryIngress", 1, 1]
    error_message = "one memory that S3 refuses must be an alarm"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.storage_refused.dimensions == tomap({ function = "memory-ingress", code = "storage_refused" })
    error_message = "only refusals must count"
  }
  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.slow)) == toset(["writer-p99"])
    error_message = "there must be one alarm of the writer's p99"
  }
  assert {
    condition = [
      aws_cloudwatch_metric_alarm.slow["writer-p99"].metric_name, aws_cloudwatch_metric_alarm.slow["writer-p99"].extended_statistic,
      aws_cloudwatch_metric_alarm.slow["writer-p99"].threshold, aws_cloudwatch_metric_alarm.slow["writer-p99"].dimensions.function,
    ] == ["Latency", "p99", 8000, "memory-ingress"]
    error_message = "a p99 of 8 s must be an alarm: the service gives up after 10 s"
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.no_traffic) == 0
    error_message = "nobody may be woken because there was nothing to store"
  }
}

run "hours_without_a_request_are_an_alarm_where_the_operator_wants_it" {
  command = plan

  variables {
    alarm_no_traffic_hours = 6
  }

  assert {
    condition = [
      aws_cloudwatch_metric_alarm.no_traffic["no-traffic"].metric_name, aws_cloudwatch_metric_alarm.no_traffic["no-traffic"].evaluation_periods,
      aws_cloudwatch_metric_alarm.no_traffic["no-traffic"].period, aws_cloudwatch_metric_alarm.no_traffic["no-traffic"].treat_missing_data,
    ] == ["Requests", 6, 3600, "breaching"]
    error_message = "six hours without a request must be an alarm"
  }
}

run "the_dashboard_answers_from_left_to_right" {
  command = plan

  assert {
    condition = [for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.properties.title] == [
      "Are memories stored?", "How fast, in milliseconds?", "Why is it refused?", "What fails?",
      "Does it reach the gateway?", "Does the function run?", "Who is refused?", "What does S3 say?",
    ]
    error_message = "the dashboard must have these widgets in this order"
  }
  assert {
    condition = alltrue([
      for number, widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets :
      [widget.x, widget.y, widget.width] == [6 * (number % 4), 7 * floor(number / 4), 6]
    ])
    error_message = "no widget may cover another"
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets[0].properties.metrics[0] == ["MemoryIngress", "Stored", "function", "memory-ingress"]
    error_message = "the first widget must count what was stored"
  }
}

run "names_are_hashed_in_the_log_where_the_operator_wants_it" {
  command = plan

  variables {
    log_hash_names = true
  }

  assert {
    condition     = aws_lambda_function.this["writer"].environment[0].variables.MEMORY_LOG_HASH_NAMES == "true"
    error_message = "the function must have the setting"
  }
}

run "traces_go_to_the_collector_that_the_operator_names_and_else_nowhere" {
  command = plan

  variables {
    otlp_endpoint = "http://collector.internal:4318"
  }

  assert {
    condition     = aws_lambda_function.this["writer"].environment[0].variables.OTEL_EXPORTER_OTLP_ENDPOINT == "http://collector.internal:4318"
    error_message = "the function must have the setting"
  }
}

run "a_deployment_whose_alarms_reach_nobody_is_warned_of_at_the_plan" {
  command = plan

  variables {
    alarm_topic_arns = []
  }

  expect_failures = [check.alarms_reach_somebody]
}
