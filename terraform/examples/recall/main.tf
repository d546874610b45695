# Tenants with bearer tokens that store memories and find them again: each in its repositories, and each user in a place of
# its own. docs/recall-on-aws.md says which grants to narrow before recall is turned on.

module "memory" {
  source = "../.."

  name             = "memory-ingress-recall"
  api_type         = "http"
  auth_mode        = "jwt"
  alarm_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:operators"]

  # The scopes of OAuth say what a token may do.
  jwt = {
    issuer        = "https://issuer.example.com"
    audience      = ["memory"]
    scopes        = ["memory:write"]
    read_scopes   = ["memory:read"]
    change_scopes = ["memory:change"]
  }

  # The claims of a token say where. smoke/deployment is for the smoke test.
  write_scopes = ["repository/{repositories}", "user/{sub}", "smoke/deployment"]

  recall = {
    read_scopes   = ["repository/{repositories}", "user/{sub}", "organization/{orgId}", "smoke/deployment"]
    shared_scopes = ["organization/{orgId}"]
    stewards      = ["role=admin"]
    changes       = true
  }

  # The rules of an organization are not written by its users, but by a role that runs memory-ingress with the bucket.
  writer_principal_arns = ["arn:aws:iam::123456789012:role/rules"]
}
