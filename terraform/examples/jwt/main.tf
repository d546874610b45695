# An HTTP API for callers with a bearer token from an OpenID Connect issuer, and for the pages of one browser origin.

module "memory" {
  source = "../.."

  name             = "memory-ingress-jwt"
  api_type         = "http"
  auth_mode        = "jwt"
  jwt              = { issuer = "https://issuer.example.com", audience = ["memory"], scopes = ["memory:write"] }
  allowed_origins  = ["https://app.example.com"]
  alarm_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:operators"]
}
