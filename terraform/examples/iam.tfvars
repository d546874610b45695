# A REST API in production, for callers with AWS credentials.
name                       = "memory-ingress-prod"
break_glass_principal_arns = ["arn:aws:iam::123456789012:role/erasure"]
object_lock                = { mode = "GOVERNANCE", days = 30 }
alarm_topic_arns           = ["arn:aws:sns:eu-central-1:123456789012:operators"]
throttle                   = { rate = 200, burst = 400 }
tags                       = { service = "memory-ingress", environment = "prod" }
