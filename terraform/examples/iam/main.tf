# A REST API in production, for callers with AWS credentials: one of this account, and those of another account.

module "memory" {
  source = "../.."

  name                       = "memory-ingress-prod"
  object_lock                = { mode = "GOVERNANCE", days = 30 }
  break_glass_principal_arns = ["arn:aws:iam::123456789012:role/erasure"]
  reader_principal_arns      = ["arn:aws:iam::123456789012:role/analysts"]
  alarm_topic_arns           = [aws_sns_topic.operators.arn]
  resource_policy            = { accounts = ["210987654321"] }
  throttle                   = { rate = 200, burst = 400 }
  keep_logs                  = true
  tags                       = { service = "memory-ingress", environment = "prod" }
}

# The alarms do not contain any content of a memory, so the topic needs no key, whose policy would have to let CloudWatch
# use it.
resource "aws_sns_topic" "operators" {
  name = "memory-ingress-operators"
}

# The caller's role exists already.
resource "aws_iam_role_policy" "caller" {
  name   = "call-memory-ingress"
  role   = "billing"
  policy = module.memory.caller_policy
}
