name               = "memory-ingress-dev"
log_retention_days = 30
throttle           = { rate = 20, burst = 40 }
tags               = { service = "memory-ingress", environment = "dev" }
