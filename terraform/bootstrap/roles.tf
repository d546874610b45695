# Two roles for each environment. The plan role only reads. The deploy role manages the resources of the module. It
# cannot read, write or delete a memory, and it cannot give a role that it creates more than the boundary allows.

locals {
  deployments = {
    for environment, deployment in var.environments : environment => {
      name   = deployment.name
      bucket = "arn:${local.partition}:s3:::${coalesce(deployment.bucket_name, "${deployment.name}-${local.account}-${local.region}")}"

      function       = "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${deployment.name}"
      role           = "arn:${local.partition}:iam::${local.account}:role/${deployment.name}-writer-${local.region}"
      gateway_role   = "arn:${local.partition}:iam::${local.account}:role/${deployment.name}-gateway-log-${local.region}"
      function_log   = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/${deployment.name}"
      access_log     = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/vendedlogs/${deployment.name}"
      alarms         = "arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm:${deployment.name}-*"
      boundary       = "arn:${local.partition}:iam::${local.account}:policy/${var.name}-boundary-${environment}"
      state          = "${local.state_bucket_arn}/${var.name}/${environment}.tfstate"
      plan_subject   = ["repo:${var.repository}:pull_request", "repo:${var.repository}:ref:refs/heads/${var.branch}"]
      deploy_subject = ["repo:${var.repository}:environment:${environment}"]
    }
  }

  # The id of an API is known only when the API exists, so these ARNs cover every API of the account and region.
  gateway = [
    for path in ["account", "apikeys", "apis", "domainnames", "restapis", "tags", "usageplans"] :
    "arn:${local.partition}:apigateway:${local.region}::/${path}"
  ]
  gateway_all     = concat(local.gateway, [for arn in local.gateway : "${arn}/*"])
  gateway_stages  = "arn:${local.partition}:apigateway:${local.region}::/restapis/*/stages/*"
  web_acls        = "arn:${local.partition}:wafv2:${local.region}:${local.account}:regional/webacl/*"
  gateway_logging = "arn:${local.partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"

  roles = merge(
    { for environment, deployment in local.deployments : "plan-${environment}" => { environment = environment, subject = deployment.plan_subject } },
    { for environment, deployment in local.deployments : "deploy-${environment}" => { environment = environment, subject = deployment.deploy_subject } },
  )

  trust_policy = {
    for name, role in local.roles : name => {
      Version = "2012-10-17"
      Statement = [{
        Effect    = "Allow"
        Action    = "sts:AssumeRoleWithWebIdentity"
        Principal = { Federated = local.oidc_provider_arn }
        Condition = {
          StringEquals = {
            "${local.issuer}:aud" = "sts.amazonaws.com"
            "${local.issuer}:sub" = role.subject
          }
        }
      }]
    }
  }

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
          Resource = [local.state_bucket_arn, deployment.bucket]
        },
        {
          Sid      = "ReadTheFunction"
          Effect   = "Allow"
          Action   = ["lambda:GetAlias", "lambda:GetFunction*", "lambda:GetPolicy", "lambda:ListTags", "lambda:ListVersionsByFunction"]
          Resource = [deployment.function, "${deployment.function}:*"]
        },
        {
          Sid      = "ReadItsRoles"
          Effect   = "Allow"
          Action   = ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies"]
          Resource = [deployment.role, deployment.gateway_role]
        },
        {
          Sid      = "ReadTheGateway"
          Effect   = "Allow"
          Action   = "apigateway:GET"
          Resource = local.gateway_all
        },
        {
          Sid      = "ReadTheFirewall"
          Effect   = "Allow"
          Action   = ["wafv2:GetWebACL", "wafv2:GetWebACLForResource"]
          Resource = [local.web_acls, local.gateway_stages]
        },
        {
          Sid    = "ReadLogsAndAlarms"
          Effect = "Allow"
          Action = ["cloudwatch:ListTagsForResource", "logs:DescribeMetricFilters", "logs:ListTagsForResource", "logs:ListTagsLogGroup"]
          Resource = [
            deployment.alarms, deployment.function_log, "${deployment.function_log}:*", deployment.access_log, "${deployment.access_log}:*",
          ]
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

  deploy_policy = {
    for environment, deployment in local.deployments : environment => {
      Version = "2012-10-17"
      Statement = [
        {
          Sid      = "WriteTheState"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:PutObject"]
          Resource = [deployment.state, "${deployment.state}.tflock"]
        },
        {
          Sid      = "ReleaseTheLock"
          Effect   = "Allow"
          Action   = "s3:DeleteObject"
          Resource = "${deployment.state}.tflock"
        },
        {
          Sid    = "SetUpTheBucket"
          Effect = "Allow"
          Action = [
            "s3:CreateBucket", "s3:PutBucketObjectLockConfiguration", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy",
            "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration",
            "s3:TagResource", "s3:UntagResource",
          ]
          Resource = deployment.bucket
        },
        {
          # A denial overrides every permission that this role gets later. A lifecycle rule could delete memories too.
          Sid    = "LeaveTheMemoriesAlone"
          Effect = "Deny"
          Action = [
            "s3:BypassGovernanceRetention", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:DeleteObject*", "s3:GetObject*",
            "s3:PutLifecycleConfiguration", "s3:PutObject*", "s3:PutReplicationConfiguration", "s3:RestoreObject",
          ]
          Resource = [deployment.bucket, "${deployment.bucket}/*"]
        },
        {
          # No permission to delete the function or one of its versions, because a rollback needs them.
          Sid    = "SetUpTheFunction"
          Effect = "Allow"
          Action = [
            "lambda:AddPermission", "lambda:CreateAlias", "lambda:CreateFunction", "lambda:DeleteFunctionConcurrency", "lambda:PublishVersion",
            "lambda:PutFunctionConcurrency", "lambda:RemovePermission", "lambda:TagResource", "lambda:UntagResource", "lambda:UpdateAlias",
            "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration",
          ]
          Resource = [deployment.function, "${deployment.function}:*"]
        },
        {
          # Without the boundary, this role could create a role with any permission and run the function with it.
          Sid       = "SetUpItsRolesWithinTheBoundary"
          Effect    = "Allow"
          Action    = ["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
          Resource  = [deployment.role, deployment.gateway_role]
          Condition = { StringEquals = { "iam:PermissionsBoundary" = deployment.boundary } }
        },
        {
          Sid      = "LetTheGatewayLogWithinTheBoundary"
          Effect   = "Allow"
          Action   = ["iam:AttachRolePolicy", "iam:DetachRolePolicy"]
          Resource = deployment.gateway_role
          Condition = {
            ArnEquals    = { "iam:PolicyARN" = local.gateway_logging }
            StringEquals = { "iam:PermissionsBoundary" = deployment.boundary }
          }
        },
        {
          Sid      = "TagAndDeleteItsRoles"
          Effect   = "Allow"
          Action   = ["iam:DeleteRole", "iam:TagRole", "iam:UntagRole"]
          Resource = [deployment.role, deployment.gateway_role]
        },
        {
          Sid       = "RunTheFunctionAsItsRole"
          Effect    = "Allow"
          Action    = "iam:PassRole"
          Resource  = deployment.role
          Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
        },
        {
          Sid       = "LetTheGatewayLogAsItsRole"
          Effect    = "Allow"
          Action    = "iam:PassRole"
          Resource  = deployment.gateway_role
          Condition = { StringEquals = { "iam:PassedToService" = "apigateway.amazonaws.com" } }
        },
        {
          # API Gateway creates this role for itself when the account creates its first custom domain name.
          Sid       = "LetTheGatewayHaveItsOwnRole"
          Effect    = "Allow"
          Action    = "iam:CreateServiceLinkedRole"
          Resource  = "arn:${local.partition}:iam::${local.account}:role/aws-service-role/ops.apigateway.amazonaws.com/*"
          Condition = { StringEquals = { "iam:AWSServiceName" = "ops.apigateway.amazonaws.com" } }
        },
        {
          Sid      = "SetUpTheGateway"
          Effect   = "Allow"
          Action   = ["apigateway:DELETE", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT"]
          Resource = local.gateway_all
        },
        {
          Sid      = "SetUpTheFirewall"
          Effect   = "Allow"
          Action   = ["apigateway:SetWebACL", "wafv2:AssociateWebACL", "wafv2:DisassociateWebACL"]
          Resource = [local.web_acls, local.gateway_stages]
        },
        {
          # No permission to delete a log group, because the log records who called.
          Sid    = "SetUpTheLogs"
          Effect = "Allow"
          Action = [
            "logs:CreateLogGroup", "logs:DeleteMetricFilter", "logs:DeleteRetentionPolicy", "logs:PutMetricFilter", "logs:PutRetentionPolicy",
            "logs:TagResource", "logs:UntagResource",
          ]
          Resource = [deployment.function_log, "${deployment.function_log}:*", deployment.access_log, "${deployment.access_log}:*"]
        },
        {
          # API Gateway requires these to turn on the access log of a stage. They do not support resource ARNs.
          Sid    = "DeliverAccessLogs"
          Effect = "Allow"
          Action = [
            "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries",
            "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
          ]
          Resource = "*"
        },
        {
          Sid      = "SetUpTheAlarms"
          Effect   = "Allow"
          Action   = ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"]
          Resource = deployment.alarms
        },
        {
          Sid      = "WriteTheSmokeMemory"
          Effect   = "Allow"
          Action   = "execute-api:Invoke"
          Resource = "arn:${local.partition}:execute-api:${local.region}:${local.account}:*/*/POST/memory"
        },
      ]
    }
  }

  # The most that a role created by the deploy role can do: the sum of what the module gives to its two roles.
  boundary_policy = {
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
          # The actions of AmazonAPIGatewayPushToCloudWatchLogs: API Gateway refuses a role that has fewer.
          Sid    = "WriteLogs"
          Effect = "Allow"
          Action = [
            "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:FilterLogEvents",
            "logs:GetLogEvents", "logs:PutLogEvents",
          ]
          Resource = "*"
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
}

resource "aws_iam_policy" "boundary" {
  for_each    = local.boundary_policy
  name        = "${var.name}-boundary-${each.key}"
  description = "The most that the roles of ${local.deployments[each.key].name} can do"
  policy      = jsonencode(each.value)
  tags        = var.tags
}

resource "aws_iam_role" "this" {
  for_each           = local.roles
  name               = "${var.name}-${each.key}"
  description        = "GitHub Actions in ${var.repository}"
  assume_role_policy = jsonencode(local.trust_policy[each.key])
  tags               = var.tags

  depends_on = [aws_iam_openid_connect_provider.github]
}

resource "aws_iam_role_policy" "read" {
  for_each = local.roles
  name     = "read"
  role     = aws_iam_role.this[each.key].name
  policy   = jsonencode(local.read_policy[each.value.environment])
}

resource "aws_iam_role_policy" "deploy" {
  for_each = local.deploy_policy
  name     = "deploy"
  role     = aws_iam_role.this["deploy-${each.key}"].name
  policy   = jsonencode(each.value)
}
