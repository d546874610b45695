# What must exist before the first deployment, once per account and region: the bucket for the state, the trust in
# GitHub's tokens, and the roles that limit what they may do. An administrator of the account applies it by hand.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id

  issuer            = "token.actions.githubusercontent.com"
  oidc_provider_arn = coalesce(var.oidc_provider_arn, "arn:${local.partition}:iam::${local.account}:oidc-provider/${local.issuer}")

  state_bucket     = coalesce(var.state_bucket_name, "${var.name}-terraform-${local.account}-${local.region}")
  state_bucket_arn = "arn:${local.partition}:s3:::${local.state_bucket}"
}

resource "aws_iam_openid_connect_provider" "github" {
  count          = var.oidc_provider_arn == null ? 1 : 0
  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
  tags           = var.tags
}
