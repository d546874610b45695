# Names, the functions, and the routes to them. The policies use ARNs that are built from names, so a plan shows the
# complete policies before any resource exists.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id

  bucket     = coalesce(var.bucket_name, "${var.name}-${local.account}-${local.region}")
  bucket_arn = "arn:${local.partition}:s3:::${local.bucket}"

  # Each function with its settings, what its role may do, and what its callers send. The gateway, the roles, the logs and
  # the alarms are made from this map, and an entry is in a file of its own.
  functions = merge({ writer = local.writer }, local.recall)

  # Which function answers a method and a path, on both types of API. ANY /{proxy+} does not match the root path.
  routes = merge(
    {
      "ANY /"         = { function = "writer", is_open = false }
      "ANY /{proxy+}" = { function = "writer", is_open = false }
      # This route always exists. If it were removed when it must no longer be open, the snapshot of a REST API that is
      # deployed would still contain it.
      "OPTIONS /{proxy+}" = { function = "writer", is_open = local.preflight_is_open }
    },
    local.is_rest ? local.recall_rest_routes : local.recall_routes,
    local.login_routes,
  )

  # IAM has no regions, so the region is in the names of the roles: the same name can be deployed in two of them.
  role_names = { for role in concat(keys(local.functions), ["gateway_log", "replication"]) : role => "${var.name}-${replace(role, "_", "-")}-${local.region}" }
  role_arns  = { for role, name in local.role_names : role => "arn:${local.partition}:iam::${local.account}:role/${name}" }

  # Each role is assumed by one service of AWS.
  trust_policies = {
    for service in ["apigateway", "lambda", "s3"] : service => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { Service = "${service}.amazonaws.com" }
      }]
    })
  }

  is_rest = var.api_type == "rest"
  # A browser sends a CORS preflight without credentials. A preflight stores nothing.
  preflight_is_open = length(var.allowed_origins) > 0

  # The roles of the pipeline may read and change only what has this tag (terraform/bootstrap). In a REST API it counts for
  # everything inside.
  gateway_tags = merge(var.tags, { memory-ingress = var.name })
}
