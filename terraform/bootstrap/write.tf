# What the deploy role may do with the bucket, the function, and the roles that both need.

locals {
  gateway_logging = "arn:${local.partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"

  write_policy = {
    for environment, deployment in local.deployments : environment => {
      Version = "2012-10-17"
      Statement = concat(
        [
          {
            Sid    = "SetUpTheBucket"
            Effect = "Allow"
            Action = concat(
              [
                "s3:CreateBucket", "s3:PutBucketObjectLockConfiguration", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy",
                "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration",
                "s3:TagResource", "s3:UntagResource",
              ],
              deployment.replication == null ? [] : ["s3:PutReplicationConfiguration"],
            )
            Resource = deployment.bucket
          },
          {
            # A denial overrides every permission that this role gets later. A lifecycle rule could delete memories too.
            Sid    = "LeaveTheMemoriesAlone"
            Effect = "Deny"
            Action = concat(
              [
                "s3:BypassGovernanceRetention", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:DeleteObject*", "s3:GetObject*",
                "s3:PutLifecycleConfiguration", "s3:PutObject*", "s3:Replicate*", "s3:RestoreObject",
              ],
              deployment.replication == null ? ["s3:PutReplicationConfiguration"] : [],
            )
            Resource = [deployment.bucket, "${deployment.bucket}/*"]
          },
          {
            # No permission to delete a function or one of its versions, because a rollback needs them.
            Sid    = "SetUpTheFunctions"
            Effect = "Allow"
            Action = [
              "lambda:AddPermission", "lambda:CreateAlias", "lambda:CreateFunction", "lambda:DeleteFunctionConcurrency", "lambda:PublishVersion",
              "lambda:PutFunctionConcurrency", "lambda:RemovePermission", "lambda:TagResource", "lambda:UntagResource", "lambda:UpdateAlias",
              "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration",
            ]
            Resource = flatten([for function in deployment.functions : [function, "${function}:*"]])
          },
          {
            Sid      = "TagAndDeleteItsRoles"
            Effect   = "Allow"
            Action   = ["iam:DeleteRole", "iam:TagRole", "iam:UntagRole"]
            Resource = [for role in deployment.roles : role.arn]
          },
          {
            # This role gets a policy of AWS, and none of its own.
            Sid      = "LetTheGatewayLog"
            Effect   = "Allow"
            Action   = ["iam:AttachRolePolicy", "iam:DetachRolePolicy"]
            Resource = deployment.roles.gateway_log.arn
            Condition = {
              ArnEquals    = { "iam:PolicyARN" = local.gateway_logging }
              StringEquals = { "iam:PermissionsBoundary" = deployment.roles.gateway_log.boundary }
            }
          },
        ],
        [
          for name, role in deployment.roles : {
            # Without the boundary, this role could create a role with any permission and run the function with it.
            Sid       = "SetUp${replace(title(replace(name, "_", " ")), " ", "")}WithinItsBoundary"
            Effect    = "Allow"
            Action    = concat(["iam:CreateRole", "iam:PutRolePermissionsBoundary"], name == "gateway_log" ? [] : ["iam:DeleteRolePolicy", "iam:PutRolePolicy"])
            Resource  = role.arn
            Condition = { StringEquals = { "iam:PermissionsBoundary" = role.boundary } }
          }
        ],
        [
          for name, role in deployment.roles : {
            Sid       = "Pass${replace(title(replace(name, "_", " ")), " ", "")}ToItsService"
            Effect    = "Allow"
            Action    = "iam:PassRole"
            Resource  = role.arn
            Condition = { StringEquals = { "iam:PassedToService" = role.service } }
          }
        ],
      )
    }
  }
}
