name               = "memory-ingress-dev"
log_retention_days = 30
throttle           = { rate = 20, burst = 40 }
tags               = { service = "memory-ingress", environment = "dev" }

# Where prod has this account and region too: the role of API Gateway's logs is prod's.
# manage_gateway_log_role = false
