# Replication of the log to a second bucket, which exists already, with a role of its own. S3 copies each new version soon
# after it was written. It copies neither deletions nor what was stored before.

locals {
  replication_policy = var.replication == null ? null : {
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "ReadWhatToReplicate"
          Effect   = "Allow"
          Action   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
          Resource = local.bucket_arn
        },
        {
          Sid    = "ReadMemoriesForReplication"
          Effect = "Allow"
          Action = [
            "s3:GetObjectLegalHold", "s3:GetObjectRetention", "s3:GetObjectVersionAcl", "s3:GetObjectVersionForReplication",
            "s3:GetObjectVersionTagging",
          ]
          Resource = "${local.bucket_arn}/*"
        },
        {
          Sid      = "WriteReplicas"
          Effect   = "Allow"
          Action   = ["s3:ReplicateObject", "s3:ReplicateTags"]
          Resource = "${var.replication.bucket_arn}/*"
        },
      ],
      [
        for arn in var.kms_key_arn[*] : {
          Sid      = "DecryptMemories"
          Effect   = "Allow"
          Action   = "kms:Decrypt"
          Resource = arn
        }
      ],
      [
        for arn in var.replication.kms_key_arn[*] : {
          Sid      = "EncryptReplicas"
          Effect   = "Allow"
          Action   = ["kms:Encrypt", "kms:GenerateDataKey"]
          Resource = arn
        }
      ],
    )
  }
}

resource "aws_iam_role" "replication" {
  count                = var.replication == null ? 0 : 1
  name                 = local.role_names.replication
  permissions_boundary = var.permissions_boundary_arns.replication
  tags                 = var.tags
  assume_role_policy   = local.trust_policies.s3
}

resource "aws_iam_role_policy" "replication" {
  count  = length(aws_iam_role.replication)
  name   = "replicate"
  role   = aws_iam_role.replication[0].id
  policy = jsonencode(local.replication_policy)
}

resource "aws_s3_bucket_replication_configuration" "memories" {
  count  = length(aws_iam_role.replication)
  bucket = aws_s3_bucket.memories.id
  role   = aws_iam_role.replication[0].arn

  rule {
    id     = "all"
    status = "Enabled"

    # The whole bucket: with an empty prefix it cannot grow a part that is not replicated.
    filter {
      prefix = ""
    }

    # A marker in the replica would hide a memory that was deleted here by mistake.
    delete_marker_replication {
      status = "Disabled"
    }

    dynamic "source_selection_criteria" {
      for_each = var.replication.kms_key_arn[*]

      content {
        sse_kms_encrypted_objects {
          status = "Enabled"
        }
      }
    }

    destination {
      bucket = var.replication.bucket_arn

      dynamic "encryption_configuration" {
        for_each = var.replication.kms_key_arn[*]

        content {
          replica_kms_key_id = encryption_configuration.value
        }
      }
    }
  }

  # S3 accepts it only for a versioned bucket. The policy must admit the role and whoever configures this first.
  depends_on = [aws_iam_role_policy.replication, aws_s3_bucket_policy.memories, aws_s3_bucket_versioning.memories]
}
