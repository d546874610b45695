# The most that each role of the module can do, whatever the deploy role gives it: what the module gives to that role.

locals {
  boundaries = merge([
    for environment, deployment in local.deployments : merge(
      { "gateway_log-${environment}" = local.gateway_log_boundary, "writer-${environment}" = local.writer_boundary[environment] },
      deployment.recall == null ? {} : { "recall-${environment}" = local.recall_boundary[environment] },
      deployment.replication == null ? {} : { "replication-${environment}" = local.replication_boundary[environment] },
    )
  ]...)

  writer_boundary = {
    for environment, deployment in local.deployments : environment => {
      Version = "2012-10-17"
      Statement = [
        {
          Sid      = "WriteMemories"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = "${deployment.bucket}/memories/*"
        },
        {
          Sid       = "EncryptMemories"
          Effect    = "Allow"
          Action    = "kms:GenerateDataKey"
          Resource  = "*"
          Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.${data.aws_partition.current.dns_suffix}" } }
        },
        {
          Sid      = "WriteItsLog"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${deployment.log_groups.function}:*"
        },
        {
          Sid      = "WriteTraces"
          Effect   = "Allow"
          Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
          Resource = "*"
        },
      ]
    }
  }

  gateway_log_boundary = {
    Version = "2012-10-17"
    Statement = [
      {
        # The actions of AmazonAPIGatewayPushToCloudWatchLogs: API Gateway refuses a role that has fewer.
        Sid    = "WriteLogs"
        Effect = "Allow"
        Action = [
          "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:FilterLogEvents",
          "logs:GetLogEvents", "logs:PutLogEvents",
        ]
        Resource = "*"
      },
    ]
  }

  replication_boundary = {
    for environment, deployment in local.deployments : environment => {
      Version = "2012-10-17"
      Statement = concat(
        [
          {
            Sid      = "ReadWhatToReplicate"
            Effect   = "Allow"
            Action   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
            Resource = deployment.bucket
          },
          {
            Sid    = "ReadMemoriesForReplication"
            Effect = "Allow"
            Action = [
              "s3:GetObjectLegalHold", "s3:GetObjectRetention", "s3:GetObjectVersionAcl", "s3:GetObjectVersionForReplication",
              "s3:GetObjectVersionTagging",
            ]
            Resource = "${deployment.bucket}/*"
          },
          {
            Sid      = "WriteReplicas"
            Effect   = "Allow"
            Action   = ["s3:ReplicateObject", "s3:ReplicateTags"]
            Resource = "${deployment.replication.bucket_arn}/*"
          },
        ],
        [
          for arn in deployment.replication.kms_key_arn[*] : {
            Sid       = "DecryptMemories"
            Effect    = "Allow"
            Action    = "kms:Decrypt"
            Resource  = "*"
            Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.${data.aws_partition.current.dns_suffix}" } }
          }
        ],
        [
          for arn in deployment.replication.kms_key_arn[*] : {
            Sid      = "EncryptReplicas"
            Effect   = "Allow"
            Action   = ["kms:Encrypt", "kms:GenerateDataKey"]
            Resource = arn
          }
        ],
      )
    } if deployment.replication != null
  }
}

resource "aws_iam_policy" "boundary" {
  for_each    = local.boundaries
  name        = local.boundary_names[each.key]
  description = "The most that a role of the module can do"
  policy      = jsonencode(each.value)
  tags        = var.tags
}
