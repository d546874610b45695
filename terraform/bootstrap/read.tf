# What both roles may read, so that Terraform can plan: the state, and the settings of what is deployed. No memory.

locals {
  read_policy = {
    for environment, deployment in local.deployments : environment => {
      Version = "2012-10-17"
      Statement = [
        {
          Sid      = "ReadTheState"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = deployment.state
        },
        {
          # S3 also requires ListBucket when Terraform only checks whether the bucket exists.
          Sid    = "ReadTheBucketsSettings"
          Effect = "Allow"
          Action = [
            "s3:GetAccelerateConfiguration", "s3:GetBucket*", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration",
            "s3:GetReplicationConfiguration", "s3:ListBucket", "s3:ListTagsForResource",
          ]
          Resource = concat([local.state_bucket_arn, deployment.bucket], deployment.views)
        },
        {
          Sid      = "ReadTheFunctions"
          Effect   = "Allow"
          Action   = ["lambda:GetAlias", "lambda:GetFunction*", "lambda:GetPolicy", "lambda:ListTags", "lambda:ListVersionsByFunction"]
          Resource = flatten([for function in deployment.functions : [function, "${function}:*"]])
        },
        {
          Sid      = "ReadItsRoles"
          Effect   = "Allow"
          Action   = ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies"]
          Resource = [for role in deployment.roles : role.arn]
        },
        {
          # The value of an API key is part of the key. Without the tag, this role could read every key of the account.
          Sid       = "ReadItsRestApiAndItsKeys"
          Effect    = "Allow"
          Action    = "apigateway:GET"
          Resource  = [for arn in local.tagged_gateway : "${arn}/*"]
          Condition = { StringEquals = { "aws:ResourceTag/${local.tag}" = deployment.name } }
        },
        {
          Sid      = "ReadTheGateway"
          Effect   = "Allow"
          Action   = "apigateway:GET"
          Resource = local.untagged_gateway
        },
        {
          Sid      = "ReadTheFirewall"
          Effect   = "Allow"
          Action   = ["wafv2:GetWebACL", "wafv2:GetWebACLForResource"]
          Resource = [local.web_acls, local.gateway_stages]
        },
        {
          Sid      = "ReadLogsAndAlarms"
          Effect   = "Allow"
          Action   = ["cloudwatch:ListTagsForResource", "logs:ListTagsForResource", "logs:ListTagsLogGroup"]
          Resource = concat([deployment.alarms], flatten([for arn in deployment.log_groups : [arn, "${arn}:*"]]))
        },
        {
          Sid      = "ReadTheDashboard"
          Effect   = "Allow"
          Action   = "cloudwatch:GetDashboard"
          Resource = deployment.dashboard
        },
        {
          Sid      = "DescribeWhatHasNoName"
          Effect   = "Allow"
          Action   = ["cloudwatch:DescribeAlarms", "kms:DescribeKey", "logs:DescribeLogGroups"]
          Resource = "*"
        },
      ]
    }
  }
}
