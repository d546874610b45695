name        = "memory-ingress-prod"
object_lock = { mode = "GOVERNANCE", days = 30 }
tags        = { service = "memory-ingress", environment = "prod" }
