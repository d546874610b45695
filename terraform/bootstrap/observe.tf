# What the deploy role may do with logs and alarms.

locals {
  observe_policy = {
    for environment, deployment in local.deployments : environment => {
      Version = "2012-10-17"
      Statement = [
        {
          # No permission to delete a log group, because the log records who called.
          Sid    = "SetUpTheLogs"
          Effect = "Allow"
          Action = [
            "logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:DeleteRetentionPolicy", "logs:DisassociateKmsKey", "logs:PutRetentionPolicy",
            "logs:TagResource", "logs:UntagResource",
          ]
          Resource = flatten([for arn in deployment.log_groups : [arn, "${arn}:*"]])
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
          Sid      = "SetUpTheDashboard"
          Effect   = "Allow"
          Action   = ["cloudwatch:DeleteDashboards", "cloudwatch:PutDashboard"]
          Resource = deployment.dashboard
        },
      ]
    }
  }
}
