# The module in a configuration of your own, with your provider, key, boundary and release.

module "memory" {
  # Outside of this repository: "git::https://github.com/OWNER/NAME.git//terraform?ref=v0.1.0"
  source    = "../.."
  providers = { aws = aws.frankfurt }

  name             = "memory-ingress"
  package_path     = "${path.module}/memory-ingress-arm64.zip" # of the same release
  kms_key_arn      = aws_kms_key.memory.arn
  log_kms_key_arn  = aws_kms_key.memory.arn
  alarm_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:operators"]

  permissions_boundary_arns = {
    writer      = "arn:aws:iam::123456789012:policy/boundary"
    gateway_log = "arn:aws:iam::123456789012:policy/boundary"
  }
}

data "aws_caller_identity" "current" {
  provider = aws.frankfurt
}

resource "aws_kms_key" "memory" {
  provider            = aws.frankfurt
  description         = "Memories, and the logs of the service that stores them"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.key.json
}

data "aws_iam_policy_document" "key" {
  provider = aws.frankfurt

  # The module gives the function's role the right to encrypt. This statement makes that right count.
  statement {
    sid       = "LeaveTheDecisionToTheAccount"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }

  statement {
    sid       = "EncryptLogs"
    actions   = ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.eu-central-1.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:aws:logs:eu-central-1:${data.aws_caller_identity.current.account_id}:log-group:*"]
    }
  }
}
