# What the deploy role may do with API Gateway, and with the firewall in front of it.

locals {
  # The tag with which the module marks its REST API and its keys. Its value is the name of the deployment.
  tag = "memory-ingress"

  # The id of an API is known only when the API exists, so the ARNs cover every API of the account and region. Of these
  # resources, a tag says which belong to a deployment. What is inside a REST API or a usage plan inherits its tags.
  tagged_gateway = [for path in ["apikeys", "restapis", "usageplans"] : "arn:${local.partition}:apigateway:${local.region}::/${path}"]
  # AWS promises this inheritance only for REST APIs.
  untagged_gateway = flatten([
    for path in ["account", "apis", "apis/*", "domainnames", "domainnames/*", "tags/*"] : "arn:${local.partition}:apigateway:${local.region}::/${path}"
  ])
  gateway_stages = "arn:${local.partition}:apigateway:${local.region}::/restapis/*/stages/*"
  web_acls       = "arn:${local.partition}:wafv2:${local.region}:${local.account}:regional/webacl/*"

  gateway_policy = {
    for environment, deployment in local.deployments : environment => {
      Version = "2012-10-17"
      Statement = [
        {
          Sid       = "CreateWithTheTag"
          Effect    = "Allow"
          Action    = "apigateway:POST"
          Resource  = local.tagged_gateway
          Condition = { StringEquals = { "aws:RequestTag/${local.tag}" = deployment.name } }
        },
        {
          Sid       = "ChangeWhatHasTheTag"
          Effect    = "Allow"
          Action    = ["apigateway:DELETE", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT", "apigateway:UpdateRestApiPolicy"]
          Resource  = [for arn in local.tagged_gateway : "${arn}/*"]
          Condition = { StringEquals = { "aws:ResourceTag/${local.tag}" = deployment.name } }
        },
        {
          Sid      = "SetUpTheGateway"
          Effect   = "Allow"
          Action   = ["apigateway:DELETE", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT"]
          Resource = local.untagged_gateway
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
          Sid      = "SetUpTheFirewall"
          Effect   = "Allow"
          Action   = ["apigateway:SetWebACL", "wafv2:AssociateWebACL", "wafv2:DisassociateWebACL"]
          Resource = [local.web_acls, local.gateway_stages]
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
}
