# A REST API for callers with a key each. AWS advises against keys as the only proof of who calls: add a firewall, or restrict the network.
name          = "memory-ingress-keys"
auth_mode     = "api_key"
api_clients   = ["billing", "crm"]
client_limits = { rate = 20, burst = 40, quota = { limit = 100000, period = "DAY" } }
