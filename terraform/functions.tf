# The functions, the role of each of them, and the alias that callers reach.

locals {
  # What every function needs. Its entry says the rest.
  role_policies = {
    for key, function in local.functions : key => {
      Version = "2012-10-17"
      Statement = concat(function.statements, [
        {
          Sid      = "WriteItsLog"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/${function.name}:*"
        },
        {
          # X-Ray does not support resource ARNs.
          Sid      = "WriteItsTraces"
          Effect   = "Allow"
          Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
          Resource = "*"
        },
      ])
    }
  }
}

resource "aws_iam_role" "function" {
  for_each             = local.functions
  name                 = local.role_names[each.key]
  permissions_boundary = each.value.permissions_boundary_arn
  tags                 = var.tags
  assume_role_policy   = local.trust_policies.lambda
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions
  name     = "function"
  role     = aws_iam_role.function[each.key].id
  policy   = jsonencode(local.role_policies[each.key])
}

resource "aws_lambda_function" "this" {
  for_each                       = local.functions
  function_name                  = each.value.name
  description                    = each.value.description
  role                           = aws_iam_role.function[each.key].arn
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  filename                       = each.value.package
  source_code_hash               = fileexists(each.value.package) ? filebase64sha256(each.value.package) : null
  publish                        = true
  memory_size                    = each.value.memory_mib
  timeout                        = each.value.timeout
  reserved_concurrent_executions = each.value.reserved_concurrency
  tags                           = var.tags

  environment {
    variables = each.value.environment
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = "TRACE" # RUST_LOG is the filter
    log_group             = aws_cloudwatch_log_group.this[each.key].name
  }

  tracing_config {
    mode = "Active"
  }

  lifecycle {
    precondition {
      condition     = fileexists(each.value.package)
      error_message = "There is no package at ${each.value.package}. Build it with terraform/package.py --architecture ${var.architecture}${each.key == "recall" ? " --recall" : ""}, or set ${each.key == "recall" ? "recall." : ""}package_path to another one."
    }
  }

  # A function that runs before its role may write would respond with 500.
  depends_on = [aws_iam_role_policy.function, aws_s3_bucket_policy.memories, aws_s3_bucket_policy.views, aws_s3_bucket_versioning.memories]
}

resource "aws_lambda_alias" "live" {
  for_each         = local.functions
  name             = "live"
  description      = "The version that callers reach"
  function_name    = aws_lambda_function.this[each.key].function_name
  function_version = coalesce(each.value.live_version, aws_lambda_function.this[each.key].version)
}

resource "aws_lambda_permission" "gateway" {
  for_each      = local.functions
  statement_id  = "api-gateway"
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  function_name = aws_lambda_function.this[each.key].function_name
  qualifier     = aws_lambda_alias.live[each.key].name
  source_arn    = "${local.execution_arn}/*"
}
