name               = "memory-ingress-dev"
log_retention_days = 30
throttle           = { rate = 20, burst = 40 }
tags               = { service = "memory-ingress", environment = "dev" }

# Set this if prod is in the same account and region, because prod then owns the role for API Gateway's logs.
# manage_gateway_log_role = false
