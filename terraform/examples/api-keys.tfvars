# A REST API whose callers have one API key each. AWS advises against API keys as the only authentication: add a
# firewall, or restrict the network.
name          = "memory-ingress-keys"
auth_mode     = "api_key"
api_clients   = ["billing", "crm"]
client_limits = { rate = 20, burst = 40, quota = { limit = 100000, period = "DAY" } }
