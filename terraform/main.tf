# Names, and the ARNs built from them. The policies use these ARNs, so a plan shows the complete policies before any
# resource exists.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id

  bucket     = coalesce(var.bucket_name, "${var.name}-${local.account}-${local.region}")
  bucket_arn = "arn:${local.partition}:s3:::${local.bucket}"
  role_arn   = "arn:${local.partition}:iam::${local.account}:role/${var.name}"

  function_log_group = "/aws/lambda/${var.name}"
  # This prefix keeps the resource policy of CloudWatch Logs below its size limit.
  access_log_group = "/aws/vendedlogs/${var.name}"

  is_rest = var.api_type == "rest"
  # A browser sends a CORS preflight without credentials. A preflight stores nothing.
  preflight_is_open = length(var.allowed_origins) > 0
}
