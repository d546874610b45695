# Names, and the ARNs made of them. Policies use these ARNs, so a plan shows them whole before anything exists.

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
  # This prefix keeps the logs' resource policy from outgrowing its limit.
  access_log_group = "/aws/vendedlogs/${var.name}"

  is_rest = var.api_type == "rest"
  # A browser's preflight carries no credentials. It stores nothing.
  preflight_is_open = length(var.allowed_origins) > 0
}
