# The writer: the function that stores memories. It reads nothing.

locals {
  # What an agent without a token is told (RFC 9728): who issues one, and all scopes that a route may want.
  login_servers = var.jwt == null ? [] : coalesce(var.jwt.authorization_servers, [var.jwt.issuer])
  login_scopes  = var.jwt == null ? [] : sort(setunion(var.jwt.scopes, var.jwt.read_scopes, var.jwt.change_scopes))

  writer = {
    name                     = var.name
    permissions_boundary_arn = var.permissions_boundary_arns.writer
    description              = "Stores memories in ${local.bucket}"
    package                  = coalesce(var.package_path, "${path.module}/../target/lambda/memory-ingress-${var.architecture}.zip")
    live_version             = var.live_version
    memory_mib               = var.memory_mib
    reserved_concurrency     = var.reserved_concurrency

    # Longer than the 10 s that the service allows for a write, so that the service itself can send the response.
    timeout = 15

    environment = merge(
      { MEMORY_BUCKET = local.bucket, RUST_LOG = var.log_filter },
      var.log_hash_names ? { MEMORY_LOG_HASH_NAMES = "true" } : {},
      var.otlp_endpoint == null ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT = var.otlp_endpoint },
      var.write_scopes == null ? {} : { MEMORY_WRITE_SCOPES = join(" ", var.write_scopes) },
      length(local.login_servers) == 0 ? {} : { MEMORY_OAUTH_SERVERS = join(" ", local.login_servers) },
      length(local.login_scopes) == 0 ? {} : { MEMORY_OAUTH_SCOPES = join(" ", local.login_scopes) },
      length(var.allowed_origins) == 0 ? {} : { MEMORY_ALLOWED_ORIGINS = join(",", sort(var.allowed_origins)) },
    )

    statements = concat(
      [
        {
          Sid      = "WriteMemories"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = "${local.bucket_arn}/memories/*"
          Condition = {
            # If the bucket is deleted, somebody else can create one with its name.
            StringEquals = { "aws:ResourceAccount" = local.account }
            # A put that names an encryption would be encrypted with another key than the bucket's.
            Null = { "s3:x-amz-server-side-encryption" = "true" }
          }
        },
      ],
      var.kms_key_arn == null ? [] : [
        {
          Sid      = "EncryptMemories"
          Effect   = "Allow"
          Action   = "kms:GenerateDataKey"
          Resource = var.kms_key_arn
        },
      ],
    )

    # What its callers send, by grant: methods and paths in the form of IAM, which also sees the slash that may follow a path of POST
    # (docs/contract.md, section 3).
    calls = {
      write = concat(
        flatten([
          for path in ["memory", "memories", "mcp", "api/v1/mcp/memory", "api/v1/mcp/memories", "api/v1/mcp"] :
          ["POST/${path}", "POST/${path}/"]
        ]),
        ["GET/health", "GET/openapi.json"],
      )
    }
  }
}
