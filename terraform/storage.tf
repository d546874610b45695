# The bucket. It holds the log of memories, and is the only resource here that cannot be created again.

resource "aws_s3_bucket" "memories" {
  bucket              = local.bucket
  object_lock_enabled = var.object_lock != null
  tags                = var.tags

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "memories" {
  bucket = aws_s3_bucket.memories.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_ownership_controls" "memories" {
  bucket = aws_s3_bucket.memories.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "memories" {
  bucket                  = aws_s3_bucket.memories.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "memories" {
  bucket = aws_s3_bucket.memories.id

  rule {
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }

  lifecycle {
    precondition {
      condition     = var.kms_key_arn == null || try(split(":", var.kms_key_arn)[3] == local.region, false)
      error_message = "kms_key_arn is a key of another region. S3 can only use a key of ${local.region}."
    }
  }
}

resource "aws_s3_bucket_object_lock_configuration" "memories" {
  count  = var.object_lock == null ? 0 : 1
  bucket = aws_s3_bucket.memories.id

  rule {
    default_retention {
      mode = var.object_lock.mode
      days = var.object_lock.days
    }
  }

  depends_on = [aws_s3_bucket_versioning.memories]
}

locals {
  # What is denied to everyone except the principals in `except`, which aws:PrincipalArn names: of a session it is the role
  # itself. An AWS service that calls in its own name has none, so it is denied too.
  reserved_actions = concat(
    [
      {
        # A 412 confirms a memory without reading it. So whoever can put here could make the service confirm a memory that
        # is not stored.
        sid       = "DenyPutsOfMemories"
        actions   = ["s3:PutObject"]
        resources = ["${local.bucket_arn}/memories/*"]
        except    = concat([local.role_arns.writer], tolist(var.writer_principal_arns), tolist(var.break_glass_principal_arns))
      },
      {
        # An event changes the status of a memory, so whoever puts one can hide a memory.
        sid       = "DenyPutsOfEvents"
        actions   = ["s3:PutObject"]
        resources = ["${local.bucket_arn}/events/*"]
        except    = local.changer_arns
      },
      {
        sid       = "DenyReads"
        actions   = ["s3:GetObject*", "s3:ListBucketVersions"]
        resources = [local.bucket_arn, "${local.bucket_arn}/*"]
        except    = local.readers
      },
      {
        # ReplicateObject and ReplicateDelete are what a replication from another bucket into this one needs.
        sid = "DenyDeletion"
        actions = [
          "s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectLegalHold", "s3:PutObjectRetention",
          "s3:ReplicateDelete", "s3:ReplicateObject",
        ]
        resources = ["${local.bucket_arn}/*"]
        except    = tolist(var.break_glass_principal_arns)
      },
      {
        # S3 deletes by a lifecycle rule without a request, so no other statement would stop it.
        sid       = "DenyLifecycle"
        actions   = ["s3:PutLifecycleConfiguration"]
        resources = [local.bucket_arn]
        except    = tolist(var.break_glass_principal_arns)
      },
      {
        sid       = "DenyReplication"
        actions   = ["s3:PutReplicationConfiguration"]
        resources = [local.bucket_arn]
        except    = concat(tolist(var.deployer_principal_arns), tolist(var.break_glass_principal_arns))
      },
    ],
    length(var.deployer_principal_arns) == 0 ? [] : [
      {
        # Terraform asks whether the bucket exists, and for S3 this is the same action as a list of its keys. So it can be
        # denied only where it is known who runs Terraform.
        sid       = "DenyListing"
        actions   = ["s3:ListBucket"]
        resources = [local.bucket_arn]
        except    = concat(tolist(var.deployer_principal_arns), local.readers)
      },
    ],
  )

  readers = concat(
    tolist(var.reader_principal_arns), tolist(var.break_glass_principal_arns), local.recall_role_arns,
    var.replication == null ? [] : [local.role_arns.replication],
  )

  bucket_policy = {
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid       = "DenyPlainHttp"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:*"
          Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
        {
          # This also denies multipart uploads, because they do not send this header.
          Sid       = "DenyUnconditionalPut"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:PutObject"
          Resource  = "${local.bucket_arn}/*"
          Condition = { Null = { "s3:if-none-match" = "true" } }
        },
        {
          # Nobody else could read a memory that is encrypted with a key that only the caller has (SSE-C).
          Sid       = "DenyCustomerKeys"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:PutObject"
          Resource  = "${local.bucket_arn}/*"
          Condition = { Null = { "s3:x-amz-server-side-encryption-customer-algorithm" = "false" } }
        },
        {
          # Whatever other permissions the function's role gets, it can only write objects here, and read nothing.
          Sid       = "DenyAllElseToTheWriter"
          Effect    = "Deny"
          Principal = "*"
          NotAction = "s3:PutObject"
          Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
          Condition = { ArnEquals = { "aws:PrincipalArn" = local.role_arns.writer } }
        },
      ],
      local.recall_denials,
      var.kms_key_arn == null ? [] : [
        {
          # A put that names no key gets the bucket's. A put that asks for another encryption, or for aws:kms without a
          # key, which is the key that AWS manages, does not.
          Sid       = "DenyOtherKeys"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:PutObject"
          Resource  = "${local.bucket_arn}/*"
          Condition = {
            Null         = { "s3:x-amz-server-side-encryption" = "false" }
            ArnNotEquals = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = var.kms_key_arn }
          }
        },
      ],
      [
        for reserved in local.reserved_actions : merge(
          { Sid = reserved.sid, Effect = "Deny", Principal = "*", Action = reserved.actions, Resource = reserved.resources },
          length(reserved.except) == 0 ? {} : { Condition = { ArnNotEquals = { "aws:PrincipalArn" = sort(reserved.except) } } },
        )
      ],
    )
  }
}

resource "aws_s3_bucket_policy" "memories" {
  bucket = aws_s3_bucket.memories.id
  policy = jsonencode(local.bucket_policy)

  depends_on = [aws_s3_bucket_public_access_block.memories]
}
