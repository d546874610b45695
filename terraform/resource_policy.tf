# Who may call the REST API, and from where: its resource policy. An HTTP API has none.
#
# A permission here widens: within this account, a caller needs a permission here or in its own policy, not both. So the
# permissions name whole accounts, which leaves the decision to the policies of their callers. Restrictions are denials.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html

locals {
  is_private = length(var.resource_policy.vpc_endpoints) > 0
  accounts   = sort(setunion([local.account], var.resource_policy.accounts))

  # The path is the end of the API's ARN, which is known only when the API exists.
  resource_policy = concat(
    var.auth_mode == "iam" ? [
      {
        Sid       = "LeaveTheDecisionToTheAccounts"
        Effect    = "Allow"
        Principal = { AWS = [for account in local.accounts : "arn:${local.partition}:iam::${account}:root"] }
        path      = "*"
      },
    ] : [],
    # Without a signature there is no account. The methods themselves require the API key.
    var.auth_mode == "api_key" || local.preflight_is_open ? [
      {
        Sid       = "AllowUnsignedRequests"
        Effect    = "Allow"
        Principal = "*"
        path      = var.auth_mode == "api_key" ? "*" : "${local.stage}/OPTIONS/*"
      },
    ] : [],
    var.resource_policy.organization_id == null ? [] : [
      {
        Sid       = "LeaveTheDecisionToTheOrganization"
        Effect    = "Allow"
        Principal = "*"
        path      = "*"
        Condition = {
          StringEquals    = { "aws:PrincipalOrgID" = var.resource_policy.organization_id }
          StringNotEquals = { "aws:PrincipalAccount" = local.account }
        }
      },
    ],
    length(var.resource_policy.cidrs) == 0 ? [] : [
      {
        Sid       = "DenyOtherAddresses"
        Effect    = "Deny"
        Principal = "*"
        path      = "*"
        Condition = { NotIpAddress = { "aws:SourceIp" = sort(var.resource_policy.cidrs) } }
      },
    ],
    local.is_private ? [
      {
        Sid       = "DenyOtherEndpoints"
        Effect    = "Deny"
        Principal = "*"
        path      = "*"
        Condition = { StringNotEquals = { "aws:SourceVpce" = sort(var.resource_policy.vpc_endpoints) } }
      },
    ] : [],
  )
}

# It always exists. If it were removed when nothing is restricted any more, the snapshot that is deployed would still
# contain it.
resource "aws_api_gateway_rest_api_policy" "this" {
  count       = local.rest_count
  rest_api_id = aws_api_gateway_rest_api.this[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for statement in local.resource_policy : merge(
        { for name, value in statement : name => value if name != "path" },
        # API Gateway expands execute-api:/…, which would be a change at every plan.
        { Action = "execute-api:Invoke", Resource = "${aws_api_gateway_rest_api.this[0].execution_arn}/${statement.path}" },
      )
    ]
  })
}
