# The bucket of the views, recall's cache. Views are made again from the log, so they have no versions, expire, and are
# deleted with the bucket. They hold what memories say, so nobody but recall reads them.

locals {
  views_bucket     = coalesce(try(var.recall.views_bucket_name, null), "${local.bucket}-views")
  views_bucket_arn = "arn:${local.partition}:s3:::${local.views_bucket}"
  # Longer than an entity is usually left alone, and the limit of how long what was erased from the log may lie in a view
  # that nobody deleted.
  views_days = 90
}

resource "aws_s3_bucket" "views" {
  #checkov:skip=CKV_AWS_21: A view is put again and again, and an old version of it would keep what was erased.
  count         = length(local.recall)
  bucket        = local.views_bucket
  force_destroy = true
  tags          = var.tags
}

resource "aws_s3_bucket_ownership_controls" "views" {
  count  = length(aws_s3_bucket.views)
  bucket = aws_s3_bucket.views[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "views" {
  count                   = length(aws_s3_bucket.views)
  bucket                  = aws_s3_bucket.views[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "views" {
  count  = length(aws_s3_bucket.views)
  bucket = aws_s3_bucket.views[0].id

  rule {
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "views" {
  #checkov:skip=CKV_AWS_300: The policy denies multipart uploads, so none can be left unfinished.
  count  = length(aws_s3_bucket.views)
  bucket = aws_s3_bucket.views[0].id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = local.views_days
    }
  }
}

locals {
  views_policy = {
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid       = "DenyPlainHttp"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:*"
          Resource  = [local.views_bucket_arn, "${local.views_bucket_arn}/*"]
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
        {
          # A view is put with If-Match of the one that was read, or with If-None-Match, so that progress is never undone.
          # This also denies multipart uploads, because they send neither.
          Sid       = "DenyUnconditionalPut"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:PutObject"
          Resource  = "${local.views_bucket_arn}/*"
          Condition = { Null = { "s3:if-match" = "true", "s3:if-none-match" = "true" } }
        },
        {
          Sid       = "DenyCustomerKeys"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:PutObject"
          Resource  = "${local.views_bucket_arn}/*"
          Condition = { Null = { "s3:x-amz-server-side-encryption-customer-algorithm" = "false" } }
        },
        {
          Sid       = "DenyPuts"
          Effect    = "Deny"
          Principal = "*"
          Action    = ["s3:PutObject", "s3:ReplicateObject"]
          Resource  = "${local.views_bucket_arn}/*"
          Condition = { ArnNotEquals = { "aws:PrincipalArn" = local.recall_role_arns } }
        },
        {
          # Erasure looks whether a view is left.
          Sid       = "DenyReads"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:GetObject*"
          Resource  = "${local.views_bucket_arn}/*"
          Condition = { ArnNotEquals = { "aws:PrincipalArn" = sort(concat(local.recall_role_arns, tolist(var.break_glass_principal_arns))) } }
        },
        {
          # Whatever other permissions recall's role gets, it can only read and put views here.
          Sid       = "DenyAllElseToRecall"
          Effect    = "Deny"
          Principal = "*"
          NotAction = ["s3:GetObject", "s3:ListBucket", "s3:PutObject"]
          Resource  = [local.views_bucket_arn, "${local.views_bucket_arn}/*"]
          Condition = { ArnEquals = { "aws:PrincipalArn" = local.recall_role_arns } }
        },
      ],
      [
        for arn in var.kms_key_arn[*] : {
          Sid       = "DenyOtherKeys"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:PutObject"
          Resource  = "${local.views_bucket_arn}/*"
          Condition = {
            Null         = { "s3:x-amz-server-side-encryption" = "false" }
            ArnNotEquals = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = arn }
          }
        }
      ],
      length(var.deployer_principal_arns) == 0 ? [] : [
        {
          # The names of domains and entities are in the keys. Terraform must find the bucket.
          Sid       = "DenyListing"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:ListBucket"
          Resource  = local.views_bucket_arn
          Condition = {
            ArnNotEquals = {
              "aws:PrincipalArn" = sort(concat(local.recall_role_arns, tolist(var.deployer_principal_arns), tolist(var.break_glass_principal_arns)))
            }
          }
        },
      ],
    )
  }
}

resource "aws_s3_bucket_policy" "views" {
  count  = length(aws_s3_bucket.views)
  bucket = aws_s3_bucket.views[0].id
  policy = jsonencode(local.views_policy)

  depends_on = [aws_s3_bucket_public_access_block.views]
}
