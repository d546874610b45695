# The function, its permissions, and the alias that callers reach.

locals {
  package = coalesce(var.package_path, "${path.module}/../target/lambda/memory-ingress-${var.architecture}.zip")

  role_policy = {
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "WriteMemories"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = "${local.bucket_arn}/memories/*"
        },
        {
          Sid      = "WriteItsLog"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${local.function_log_group}:*"
        },
        {
          # X-Ray does not support resource ARNs.
          Sid      = "WriteItsTraces"
          Effect   = "Allow"
          Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
          Resource = "*"
        },
      ],
      var.kms_key_arn == null ? [] : [
        {
          Sid      = "EncryptMemories"
          Effect   = "Allow"
          Action   = "kms:GenerateDataKey"
          Resource = var.kms_key_arn
        },
      ],
    )
  }
}

resource "aws_iam_role" "writer" {
  name                 = var.name
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "writer" {
  name   = "write-memories"
  role   = aws_iam_role.writer.id
  policy = jsonencode(local.role_policy)
}

resource "aws_cloudwatch_log_group" "function" {
  name              = local.function_log_group
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_lambda_function" "writer" {
  function_name                  = var.name
  description                    = "Stores memories in ${local.bucket}"
  role                           = aws_iam_role.writer.arn
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  filename                       = local.package
  source_code_hash               = fileexists(local.package) ? filebase64sha256(local.package) : null
  publish                        = true
  memory_size                    = var.memory_mib
  reserved_concurrent_executions = var.reserved_concurrency
  tags                           = var.tags

  # Longer than the 10 s that the service allows for a write, so that the service itself can send the response.
  timeout = 15

  environment {
    variables = merge(
      { MEMORY_BUCKET = local.bucket, RUST_LOG = var.log_filter },
      length(var.allowed_origins) == 0 ? {} : { MEMORY_ALLOWED_ORIGINS = join(",", sort(var.allowed_origins)) },
    )
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = "TRACE" # RUST_LOG is the filter
    log_group             = aws_cloudwatch_log_group.function.name
  }

  tracing_config {
    mode = "Active"
  }

  lifecycle {
    precondition {
      condition     = fileexists(local.package)
      error_message = "There is no package at ${local.package}. Build it with terraform/package.py --architecture ${var.architecture}, or set package_path to another one."
    }
  }

  # A function that runs before its role may write would respond with 500.
  depends_on = [aws_iam_role_policy.writer, aws_s3_bucket_policy.memories, aws_s3_bucket_versioning.memories]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "The version that callers reach"
  function_name    = aws_lambda_function.writer.function_name
  function_version = coalesce(var.live_version, aws_lambda_function.writer.version)
}

resource "aws_lambda_permission" "gateway" {
  statement_id  = "api-gateway"
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  function_name = aws_lambda_function.writer.function_name
  qualifier     = aws_lambda_alias.live.name
  source_arn    = "${local.is_rest ? aws_api_gateway_rest_api.this[0].execution_arn : aws_apigatewayv2_api.this[0].execution_arn}/*"
}
