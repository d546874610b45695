mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }
}

variables {
  repository   = "example/memory-ingress"
  environments = { dev = { name = "memory-dev" }, prod = { name = "memory", bucket_name = "our-memories" } }
}

run "only_this_repository_is_trusted_and_each_role_in_its_place" {
  command = plan

  assert {
    condition     = length(aws_iam_role.this) == 4
    error_message = "two roles for each environment"
  }
  assert {
    condition = alltrue([
      for role in aws_iam_role.this : jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    ])
    error_message = "every role must demand the audience of AWS"
  }
  assert {
    condition     = jsondecode(aws_iam_role.this["deploy-prod"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == ["repo:example/memory-ingress:environment:prod"]
    error_message = "the deploy role must be for jobs of its environment alone"
  }
  assert {
    condition = jsondecode(aws_iam_role.this["plan-prod"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == [
      "repo:example/memory-ingress:pull_request", "repo:example/memory-ingress:ref:refs/heads/main",
    ]
    error_message = "the plan role must be for pull requests and the deployed branch"
  }
  assert {
    condition = alltrue([
      for role in aws_iam_role.this : length(jsondecode(role.assume_role_policy).Statement) == 1 && !strcontains(role.assume_role_policy, "*") && !strcontains(role.assume_role_policy, "StringLike")
    ])
    error_message = "no trust may have a wildcard"
  }
}

run "the_plan_role_only_reads" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_role_policy.read["plan-prod"].policy).Statement : [
        for action in flatten([statement.Action]) : can(regex("^[a-z0-9]+:(Get|List|Describe|GET$)", action))
      ]
    ]))
    error_message = "the plan role may get, list and describe"
  }
  assert {
    condition = flatten([
      for statement in jsondecode(aws_iam_role_policy.read["plan-prod"].policy).Statement : statement.Resource if contains(flatten([statement.Action]), "s3:GetObject")
    ]) == ["arn:aws:s3:::memory-ingress-terraform-123456789012-eu-central-1/memory-ingress/prod.tfstate"]
    error_message = "the only object that a plan reads is its own state"
  }
  assert {
    condition     = toset(keys(aws_iam_role_policy.deploy)) == toset(["dev", "prod"])
    error_message = "the policy deploy is for the deploy roles"
  }
}

run "the_deploy_role_leaves_memories_alone" {
  command = plan

  assert {
    condition = alltrue([
      for action in ["s3:DeleteBucket", "s3:DeleteObject*", "s3:GetObject*", "s3:PutLifecycleConfiguration", "s3:PutObject*"] :
      contains(one([for statement in jsondecode(aws_iam_role_policy.deploy["prod"].policy).Statement : statement if statement.Effect == "Deny"]).Action, action)
    ])
    error_message = "reading, writing and deleting memories must be denied"
  }
  assert {
    condition = one([for statement in jsondecode(aws_iam_role_policy.deploy["prod"].policy).Statement : statement if statement.Effect == "Deny"]).Resource == [
      "arn:aws:s3:::our-memories", "arn:aws:s3:::our-memories/*",
    ]
    error_message = "the denial must be about the environment's own bucket"
  }
  assert {
    condition = flatten([
      for statement in jsondecode(aws_iam_role_policy.deploy["dev"].policy).Statement : statement.Resource
      if statement.Effect == "Allow" && anytrue([for action in flatten([statement.Action]) : startswith(action, "s3:Delete")])
    ]) == ["arn:aws:s3:::memory-ingress-terraform-123456789012-eu-central-1/memory-ingress/dev.tfstate.tflock"]
    error_message = "the lock is all that may be deleted"
  }
  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_role_policy.deploy["prod"].policy).Statement : [for action in flatten([statement.Action]) : !contains(["*", "iam:*", "s3:*", "lambda:*"], action)]
    ]))
    error_message = "the deploy role must not be given whole services"
  }
}

run "the_deploy_role_cannot_make_a_greater_one" {
  command = plan

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.deploy["prod"].policy).Statement :
      try(statement.Condition.StringEquals["iam:PermissionsBoundary"], "") == "arn:aws:iam::123456789012:policy/memory-ingress-boundary-prod"
      if anytrue([for action in flatten([statement.Action]) : contains(["iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePolicy"], action)])
    ])
    error_message = "a role is made, and its policies are written, within the boundary alone"
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.deploy["prod"].policy).Statement :
      alltrue([for arn in flatten([statement.Resource]) : contains(["arn:aws:iam::123456789012:role/memory", "arn:aws:iam::123456789012:role/memory-gateway-log"], arn)])
      if anytrue([for action in flatten([statement.Action]) : startswith(action, "iam:") && action != "iam:CreateServiceLinkedRole"])
    ])
    error_message = "the deploy role may touch the two roles of the module, never its own"
  }
  assert {
    condition = toset([
      for statement in jsondecode(aws_iam_role_policy.deploy["prod"].policy).Statement : "${statement.Resource} ${statement.Condition.StringEquals["iam:PassedToService"]}"
      if contains(flatten([statement.Action]), "iam:PassRole")
    ]) == toset(["arn:aws:iam::123456789012:role/memory lambda.amazonaws.com", "arn:aws:iam::123456789012:role/memory-gateway-log apigateway.amazonaws.com"])
    error_message = "each role may be passed to its own service alone"
  }
  assert {
    condition = !anytrue(flatten([
      for statement in jsondecode(aws_iam_role_policy.deploy["prod"].policy).Statement : [
        for action in flatten([statement.Action]) : contains(["iam:UpdateAssumeRolePolicy", "iam:DeleteRolePermissionsBoundary", "iam:CreatePolicyVersion"], action)
      ] if statement.Effect == "Allow"
    ]))
    error_message = "neither trust nor boundary may be loosened"
  }
  assert {
    condition     = !strcontains(aws_iam_policy.boundary["prod"].policy, "iam:") && !strcontains(aws_iam_policy.boundary["prod"].policy, "s3:Get")
    error_message = "the boundary is what the module gives, no more"
  }
}

run "policies_fit_what_iam_takes" {
  command = plan

  assert {
    condition     = alltrue([for environment in ["dev", "prod"] : length(aws_iam_role_policy.read["deploy-${environment}"].policy) + length(aws_iam_role_policy.deploy[environment].policy) < 10240])
    error_message = "the inline policies of a role may have 10,240 characters together"
  }
}

run "the_state_is_kept_and_closed" {
  command = plan

  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled"
    error_message = "the state needs its history"
  }
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.state.block_public_acls, aws_s3_bucket_public_access_block.state.block_public_policy,
      aws_s3_bucket_public_access_block.state.ignore_public_acls, aws_s3_bucket_public_access_block.state.restrict_public_buckets,
    ])
    error_message = "the state must not be public"
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.state.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "the state must be encrypted"
  }
  assert {
    condition     = jsondecode(aws_s3_bucket_policy.state.policy).Statement[0].Condition.Bool["aws:SecureTransport"] == "false"
    error_message = "the state must travel over TLS only"
  }
}

run "an_oidc_provider_of_the_account_is_reused" {
  command = plan
  variables {
    oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "an account can have only one"
  }
}

run "a_repository_is_named_by_its_ids_where_its_tokens_do" {
  command = plan
  variables {
    repository = "example@1234/memory-ingress@5678"
  }

  assert {
    condition     = jsondecode(aws_iam_role.this["deploy-dev"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == ["repo:example@1234/memory-ingress@5678:environment:dev"]
    error_message = "the subject must be the one in the tokens"
  }
}

run "no_wildcard_repository" {
  command = plan
  variables {
    repository = "example/*"
  }
  expect_failures = [var.repository]
}

run "no_wildcard_branch" {
  command = plan
  variables {
    branch = "*"
  }
  expect_failures = [var.branch]
}

run "no_two_environments_of_one_name" {
  command = plan
  variables {
    environments = { dev = { name = "memory" }, prod = { name = "memory" } }
  }
  expect_failures = [var.environments]
}

run "no_provider_of_another_issuer" {
  command = plan
  variables {
    oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/example.com"
  }
  expect_failures = [var.oidc_provider_arn]
}
