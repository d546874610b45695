# Two roles for each environment. The plan role only reads. The deploy role manages the resources of the module. It
# cannot read, write or delete a memory, and a role that it creates can do no more than the boundary of that role allows.

locals {
  deployments = {
    for environment, deployment in var.environments : environment => {
      name        = deployment.name
      bucket      = "arn:${local.partition}:s3:::${coalesce(deployment.bucket_name, "${deployment.name}-${local.account}-${local.region}")}"
      replication = deployment.replication
      recall      = deployment.recall
      # One bucket, or none.
      views = [
        for recall in deployment.recall[*] :
        "arn:${local.partition}:s3:::${coalesce(recall.views_bucket_name, "${coalesce(deployment.bucket_name, "${deployment.name}-${local.account}-${local.region}")}-views")}"
      ]

      functions = [
        for name in concat([deployment.name], deployment.recall == null ? [] : ["${deployment.name}-recall"]) :
        "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${name}"
      ]
      alarms = "arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm:${deployment.name}-*"
      # A dashboard belongs to no region.
      dashboard = "arn:${local.partition}:cloudwatch::${local.account}:dashboard/${deployment.name}-${local.region}"
      state     = "${local.state_bucket_arn}/${var.name}/${environment}.tfstate"

      # API Gateway chooses the name of the last one, which has the id of the API.
      log_groups = {
        for log, name in merge(
          { function = "/aws/lambda/${deployment.name}", access = "/aws/vendedlogs/${deployment.name}", execution = "API-Gateway-Execution-Logs_*/live" },
          deployment.recall == null ? {} : { recall = "/aws/lambda/${deployment.name}-recall" },
        ) : log => "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${name}"
      }

      # The roles of the module, the service that each may be passed to, and its boundary.
      roles = {
        for role, service in merge(
          { gateway_log = "apigateway.amazonaws.com", writer = "lambda.amazonaws.com" },
          deployment.recall == null ? {} : { recall = "lambda.amazonaws.com" },
          deployment.replication == null ? {} : { replication = "s3.amazonaws.com" },
          ) : role => {
          arn      = "arn:${local.partition}:iam::${local.account}:role/${deployment.name}-${replace(role, "_", "-")}-${local.region}"
          boundary = "arn:${local.partition}:iam::${local.account}:policy/${local.boundary_names["${role}-${environment}"]}"
          service  = service
        }
      }
    }
  }

  # IAM has no regions, so the region is in every name.
  boundary_names = merge([
    for role in ["gateway_log", "recall", "replication", "writer"] : {
      for environment in keys(var.environments) :
      "${role}-${environment}" => "${var.name}-boundary-${replace(role, "_", "-")}-${environment}-${local.region}"
    }
  ]...)

  policies = merge([
    for capability, policies in {
      gateway = local.gateway_policy, observe = local.observe_policy, read = local.read_policy, recall = local.recall_policy, state = local.state_policy,
      write   = local.write_policy
    } : { for environment, policy in policies : "${capability}-${environment}" => policy }
  ]...)

  roles = merge(
    {
      for environment in keys(var.environments) : "plan-${environment}" => {
        policies = ["read-${environment}"]
        subject  = ["repo:${var.repository}:pull_request", "repo:${var.repository}:ref:refs/heads/${var.branch}"]
      }
    },
    {
      for environment, deployment in var.environments : "deploy-${environment}" => {
        policies = [
          for capability in concat(["gateway", "observe", "read", "state", "write"], deployment.recall == null ? [] : ["recall"]) : "${capability}-${environment}"
        ]
        subject = ["repo:${var.repository}:environment:${environment}"]
      }
    },
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
}

resource "aws_iam_role" "this" {
  for_each           = local.roles
  name               = "${var.name}-${each.key}-${local.region}"
  description        = "GitHub Actions in ${var.repository}"
  assume_role_policy = jsonencode(local.trust_policy[each.key])
  tags               = var.tags

  lifecycle {
    precondition {
      condition     = length("${var.name}-${each.key}-${local.region}") <= 64
      error_message = "The role ${var.name}-${each.key}-${local.region} has a name of more than 64 characters, which IAM refuses: shorten name or the environment's name."
    }
  }

  depends_on = [aws_iam_openid_connect_provider.github]
}

# Managed policies, because a role's inline policies share 10,240 characters. Each of these has 6,144 for itself.
resource "aws_iam_policy" "this" {
  for_each    = local.policies
  name        = "${var.name}-${each.key}-${local.region}"
  description = "GitHub Actions in ${var.repository}"
  policy      = jsonencode(each.value)
  tags        = var.tags
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = merge([
    for name, role in local.roles : { for policy in role.policies : "${name} ${policy}" => { role = name, policy = policy } }
  ]...)
  role       = aws_iam_role.this[each.value.role].name
  policy_arn = aws_iam_policy.this[each.value.policy].arn
}
