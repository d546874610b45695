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
  bucket_policy = {
    Version = "2012-10-17"
    Statement = [
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
      merge(
        {
          Sid       = "DenyDeletion"
          Effect    = "Deny"
          Principal = "*"
          Action = [
            "s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectLegalHold", "s3:PutObjectRetention",
          ]
          Resource = "${local.bucket_arn}/*"
        },
        length(var.break_glass_principal_arns) == 0 ? {} : {
          Condition = { ArnNotEquals = { "aws:PrincipalArn" = sort(var.break_glass_principal_arns) } }
        },
      ),
      {
        # Whatever other permissions the function's role gets, it can only write objects here, and read nothing.
        Sid       = "DenyAllElseToTheWriter"
        Effect    = "Deny"
        Principal = "*"
        NotAction = "s3:PutObject"
        Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
        Condition = { ArnEquals = { "aws:PrincipalArn" = local.role_arn } }
      },
    ]
  }
}

resource "aws_s3_bucket_policy" "memories" {
  bucket = aws_s3_bucket.memories.id
  policy = jsonencode(local.bucket_policy)

  depends_on = [aws_s3_bucket_public_access_block.memories]
}
