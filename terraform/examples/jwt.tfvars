# An HTTP API for callers with a bearer token from an OpenID Connect issuer.
name      = "memory-ingress-jwt"
api_type  = "http"
auth_mode = "jwt"
jwt       = { issuer = "https://issuer.example.com", audience = ["memory"], scopes = ["memory:write"] }
