# Recall: the function that finds, lists and gets memories, and with recall.changes changes their status. It puts views and
# events, and no memory. Without var.recall each local here is empty.

locals {
  # One entry, or none.
  recall = {
    for wanted in var.recall[*] : "recall" => {
      name                     = "${var.name}-recall"
      permissions_boundary_arn = var.permissions_boundary_arns.recall
      description              = "Finds memories in ${local.bucket}"
      package                  = coalesce(wanted.package_path, "${path.module}/../target/lambda/memory-recall-${var.architecture}.zip")
      live_version             = wanted.live_version
      memory_mib               = wanted.memory_mib
      reserved_concurrency     = wanted.reserved_concurrency

      # Shorter than the 29 s after which a REST API gives up, so that the service itself can say what is still being built.
      timeout = 28

      environment = merge(
        { MEMORY_BUCKET = local.bucket, MEMORY_VIEWS_BUCKET = local.views_bucket, RUST_LOG = var.log_filter },
        var.log_hash_names ? { MEMORY_LOG_HASH_NAMES = "true" } : {},
        var.otlp_endpoint == null ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT = var.otlp_endpoint },
        wanted.read_scopes == null ? {} : { MEMORY_READ_SCOPES = join(" ", wanted.read_scopes) },
        length(wanted.shared_scopes) == 0 ? {} : { MEMORY_SHARED_SCOPES = join(" ", wanted.shared_scopes) },
        var.write_scopes == null ? {} : { MEMORY_WRITE_SCOPES = join(" ", var.write_scopes) },
        length(wanted.stewards) == 0 ? {} : { MEMORY_STEWARDS = join(",", sort(wanted.stewards)) },
        length(var.allowed_origins) == 0 ? {} : { MEMORY_ALLOWED_ORIGINS = join(",", sort(var.allowed_origins)) },
      )

      statements = concat(
        [
          {
            Sid       = "ReadMemoriesAndEvents"
            Effect    = "Allow"
            Action    = "s3:GetObject"
            Resource  = [for prefix in local.log_prefixes : "${local.bucket_arn}/${prefix}"]
            Condition = { StringEquals = { "aws:ResourceAccount" = local.account } }
          },
          {
            Sid      = "ListMemoriesAndEvents"
            Effect   = "Allow"
            Action   = "s3:ListBucket"
            Resource = local.bucket_arn
            Condition = {
              StringEquals = { "aws:ResourceAccount" = local.account }
              StringLike   = { "s3:prefix" = local.log_prefixes }
            }
          },
          {
            # Without ListBucket, S3 answers 403 to a view that does not exist.
            Sid       = "ReadViews"
            Effect    = "Allow"
            Action    = ["s3:GetObject", "s3:ListBucket"]
            Resource  = [local.views_bucket_arn, "${local.views_bucket_arn}/*"]
            Condition = { StringEquals = { "aws:ResourceAccount" = local.account } }
          },
          {
            Sid      = "Put${wanted.changes ? "EventsAnd" : ""}Views"
            Effect   = "Allow"
            Action   = "s3:PutObject"
            Resource = concat(wanted.changes ? ["${local.bucket_arn}/events/*"] : [], ["${local.views_bucket_arn}/*"])
            Condition = {
              StringEquals = { "aws:ResourceAccount" = local.account }
              # A put that names an encryption would be encrypted with another key than the bucket's.
              Null = { "s3:x-amz-server-side-encryption" = "true" }
            }
          },
        ],
        [
          for arn in var.kms_key_arn[*] : {
            Sid      = "DecryptAndEncrypt"
            Effect   = "Allow"
            Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
            Resource = arn
          }
        ],
      )

      # IAM sees the path of the request: an id, search, and a slash at the end are behind the slash.
      calls = {
        read = concat(
          flatten([for path in local.memory_paths : [for method in ["GET", "HEAD"] : ["${method}${path}", "${method}${path}/*"]]]),
          flatten([for path in local.mcp_paths : ["GET${path}/recall", "GET${path}/recall/health", "POST${path}/recall", "POST${path}/recall/"]]),
        )
        change = !wanted.changes ? [] : concat(
          flatten([for path in local.memory_paths : [for method in ["DELETE", "PATCH"] : "${method}${path}/*"]]),
          flatten([for path in local.mcp_paths : ["GET${path}/recall/changes", "POST${path}/recall/changes", "POST${path}/recall/changes/"]]),
        )
      }
    }
  }

  # What the log is made of, in keys.
  log_prefixes = ["memories/*", "events/*"]

  recall_role_arns = [for role in keys(local.recall) : local.role_arns[role]]
  # Who may put events.
  changer_arns = var.recall == null ? [] : concat(
    var.recall.changes ? local.recall_role_arns : [], tolist(var.changer_principal_arns), tolist(var.break_glass_principal_arns),
  )

  # In the policy of the log's bucket: whatever other permissions recall's role gets, it reads the log, puts events if it
  # may, and does nothing else.
  recall_denials = flatten([
    for arn in local.recall_role_arns : [
      {
        Sid       = "DenyAllElseToRecall"
        Effect    = "Deny"
        Principal = "*"
        NotAction = concat(["s3:GetObject", "s3:ListBucket"], var.recall.changes ? ["s3:PutObject"] : [])
        Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
        Condition = { ArnEquals = { "aws:PrincipalArn" = arn } }
      },
      {
        Sid         = "DenyOtherObjectsToRecall"
        Effect      = "Deny"
        Principal   = "*"
        Action      = ["s3:GetObject", "s3:PutObject"]
        NotResource = [for prefix in local.log_prefixes : "${local.bucket_arn}/${prefix}"]
        Condition   = { ArnEquals = { "aws:PrincipalArn" = arn } }
      },
      {
        Sid       = "DenyOtherListsToRecall"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:ListBucket"
        Resource  = local.bucket_arn
        Condition = {
          ArnEquals     = { "aws:PrincipalArn" = arn }
          StringNotLike = { "s3:prefix" = local.log_prefixes }
        }
      },
    ]
  ])
}
