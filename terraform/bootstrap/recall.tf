# What an environment with recall needs besides: the boundary of recall's role, and what the deploy role may do with the
# bucket of the views and the routes.

locals {
  recall_boundary = {
    for environment, deployment in local.deployments : environment => {
      Version = "2012-10-17"
      Statement = [
        {
          Sid      = "ReadTheLog"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = ["${deployment.bucket}/memories/*", "${deployment.bucket}/events/*"]
        },
        {
          Sid       = "ListTheLog"
          Effect    = "Allow"
          Action    = "s3:ListBucket"
          Resource  = deployment.bucket
          Condition = { StringLike = { "s3:prefix" = ["memories/*", "events/*"] } }
        },
        {
          Sid      = "ReadViews"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:ListBucket"]
          Resource = flatten([for bucket in deployment.views : [bucket, "${bucket}/*"]])
        },
        {
          Sid      = "Put${deployment.recall.changes ? "EventsAnd" : ""}Views"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = concat(deployment.recall.changes ? ["${deployment.bucket}/events/*"] : [], [for bucket in deployment.views : "${bucket}/*"])
        },
        {
          Sid       = "DecryptAndEncrypt"
          Effect    = "Allow"
          Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource  = "*"
          Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.${data.aws_partition.current.dns_suffix}" } }
        },
        {
          Sid      = "WriteItsLog"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${deployment.log_groups.recall}:*"
        },
        {
          Sid      = "WriteTraces"
          Effect   = "Allow"
          Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
          Resource = "*"
        },
      ]
    } if deployment.recall != null
  }

  # What the smoke test sends: every POST of a memory, and every route of recall.
  smoke_memory_paths = ["memory", "memories", "api/v1/mcp/memory", "api/v1/mcp/memories"]
  smoke_mcp_paths    = ["mcp", "api/v1/mcp"]
  smoke_calls = {
    for environment, deployment in local.deployments : environment => concat(
      flatten([for path in local.smoke_memory_paths : ["POST/${path}", "GET/${path}", "GET/${path}/*", "HEAD/${path}", "HEAD/${path}/*"]]),
      flatten([for path in local.smoke_mcp_paths : ["POST/${path}", "POST/${path}/recall", "GET/${path}/recall/health"]]),
      !deployment.recall.changes ? [] : concat(
        flatten([for path in local.smoke_memory_paths : ["DELETE/${path}/*", "PATCH/${path}/*"]]),
        [for path in local.smoke_mcp_paths : "POST/${path}/recall/changes"],
      ),
    ) if deployment.recall != null
  }

  recall_policy = {
    for environment, deployment in local.deployments : environment => {
      Version = "2012-10-17"
      Statement = [
        {
          # No permission to delete the bucket or a view: recall is turned off by an administrator, because this role may not
          # delete a function either.
          Sid    = "SetUpTheViews"
          Effect = "Allow"
          Action = [
            "s3:CreateBucket", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging",
            "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration", "s3:TagResource", "s3:UntagResource",
          ]
          Resource = deployment.views
        },
        {
          # Views hold what memories say.
          Sid      = "LeaveTheViewsAlone"
          Effect   = "Deny"
          Action   = ["s3:DeleteObject*", "s3:GetObject*", "s3:PutObject*", "s3:Replicate*", "s3:RestoreObject"]
          Resource = [for bucket in deployment.views : "${bucket}/*"]
        },
        {
          # IAM sees no query, so this reads whatever recall.read_scopes give to the role.
          Sid      = "TestTheRoutes"
          Effect   = "Allow"
          Action   = "execute-api:Invoke"
          Resource = [for call in local.smoke_calls[environment] : "arn:${local.partition}:execute-api:${local.region}:${local.account}:*/*/${call}"]
        },
      ]
    } if deployment.recall != null
  }
}
