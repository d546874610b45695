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

run "each_role_trusts_only_its_own_jobs_of_this_repository" {
  command = plan

  assert {
    condition     = length(aws_iam_role.this) == 4
    error_message = "there must be two roles for each environment"
  }
  assert {
    condition = alltrue([
      for role in aws_iam_role.this : jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    ])
    error_message = "every role must require the audience of AWS"
  }
  assert {
    condition     = jsondecode(aws_iam_role.this["deploy-prod"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == ["repo:example/memory-ingress:environment:prod"]
    error_message = "the deploy role must trust only jobs of its environment"
  }
  assert {
    condition = jsondecode(aws_iam_role.this["plan-prod"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == [
      "repo:example/memory-ingress:pull_request", "repo:example/memory-ingress:ref:refs/heads/main",
    ]
    error_message = "the plan role must trust pull requests and the deployed branch"
  }
  assert {
    condition = alltrue([
      for role in aws_iam_role.this : length(jsondecode(role.assume_role_policy).Statement) == 1 && !strcontains(role.assume_role_policy, "*") && !strcontains(role.assume_role_policy, "StringLike")
    ])
    error_message = "no trust policy may contain a wildcard"
  }
}

run "each_role_has_the_policies_of_its_environment" {
  command = plan

  assert {
    condition = toset(keys(aws_iam_role_policy_attachment.this)) == toset(flatten([
      for environment in ["dev", "prod"] : concat(
        ["plan-${environment} read-${environment}"],
        [for capability in ["gateway", "observe", "read", "state", "write"] : "deploy-${environment} ${capability}-${environment}"],
      )
    ]))
    error_message = "the plan role may only have the policy read, and the deploy role all of its own environment"
  }
  assert {
    condition     = alltrue([for name, attachment in aws_iam_role_policy_attachment.this : attachment.role == "memory-ingress-${split(" ", name)[0]}-eu-central-1"])
    error_message = "each policy must be attached to the role that it is named with"
  }
}

run "the_plan_role_only_reads" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_policy.this["read-prod"].policy).Statement : [
        for action in flatten([statement.Action]) : can(regex("^[a-z0-9]+:(Get|List|Describe|GET$)", action))
      ]
    ]))
    error_message = "the plan role may only get, list and describe"
  }
  assert {
    condition = flatten([
      for statement in jsondecode(aws_iam_policy.this["read-prod"].policy).Statement : statement.Resource if contains(flatten([statement.Action]), "s3:GetObject")
    ]) == ["arn:aws:s3:::memory-ingress-terraform-123456789012-eu-central-1/memory-ingress/prod.tfstate"]
    error_message = "the plan role may read no object except its own state"
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.this["read-prod"].policy).Statement : statement.Condition.StringEquals == { "aws:ResourceTag/memory-ingress" = "memory" }
      if anytrue([for arn in flatten([statement.Resource]) : can(regex("::/(apikeys|restapis|usageplans)", arn)) && !endswith(arn, "/stages/*")])
    ])
    error_message = "a REST API, an API key or a usage plan may be read only if it has the tag of the deployment"
  }
}

run "the_deploy_role_cannot_touch_memories" {
  command = plan

  assert {
    condition = alltrue([
      for action in ["s3:DeleteBucket", "s3:DeleteObject*", "s3:GetObject*", "s3:PutLifecycleConfiguration", "s3:PutObject*", "s3:PutReplicationConfiguration", "s3:Replicate*"] :
      contains(one([for statement in jsondecode(aws_iam_policy.this["write-prod"].policy).Statement : statement if statement.Effect == "Deny"]).Action, action)
    ])
    error_message = "reading, writing, replicating and deleting memories must be denied"
  }
  assert {
    condition = one([for statement in jsondecode(aws_iam_policy.this["write-prod"].policy).Statement : statement if statement.Effect == "Deny"]).Resource == [
      "arn:aws:s3:::our-memories", "arn:aws:s3:::our-memories/*",
    ]
    error_message = "the denial must cover the bucket of the environment"
  }
  assert {
    condition = flatten([
      for policy in aws_iam_policy.this : [
        for statement in jsondecode(policy.policy).Statement : statement.Resource
        if statement.Effect == "Allow" && anytrue([for action in flatten([statement.Action]) : startswith(action, "s3:Delete")])
      ] if endswith(policy.name, "-dev-eu-central-1")
    ]) == ["arn:aws:s3:::memory-ingress-terraform-123456789012-eu-central-1/memory-ingress/dev.tfstate.tflock"]
    error_message = "the deploy role may delete only the lock of the state"
  }
  assert {
    condition = alltrue(flatten([
      for policy in aws_iam_policy.this : [
        for statement in jsondecode(policy.policy).Statement : [for action in flatten([statement.Action]) : !can(regex("^([a-z0-9]+:)?[*]$", action))]
      ]
    ]))
    error_message = "no role may get all actions of a service"
  }
}

run "the_deploy_role_may_replicate_where_its_environment_does" {
  command = plan
  variables {
    environments = { prod = { name = "memory", replication = { bucket_arn = "arn:aws:s3:::our-replica" } } }
  }

  assert {
    condition     = { for statement in jsondecode(aws_iam_policy.this["write-prod"].policy).Statement : statement.Effect => true... if contains(flatten([statement.Action]), "s3:PutReplicationConfiguration") } == { Allow = [true] }
    error_message = "the deploy role must be able to configure the replication, and no denial may stop it"
  }
  assert {
    condition     = flatten([for statement in jsondecode(aws_iam_policy.boundary["replication-prod"].policy).Statement : statement.Resource if contains(statement.Action, "s3:ReplicateObject")]) == ["arn:aws:s3:::our-replica/*"]
    error_message = "the role of the replication may write only to the replica"
  }
}

run "an_environment_with_recall_has_what_recall_needs" {
  command = plan
  variables {
    environments = { prod = { name = "memory", recall = { changes = true } }, dev = { name = "memory-dev", recall = {} }, test = { name = "memory-test" } }
  }

  assert {
    condition     = toset([for name in keys(aws_iam_policy.this) : name if startswith(name, "recall")]) == toset(["recall-dev", "recall-prod"])
    error_message = "only the environments with recall may have its policy"
  }
  assert {
    condition     = toset([for attachment in keys(aws_iam_role_policy_attachment.this) : attachment if strcontains(attachment, "recall")]) == toset(["deploy-dev recall-dev", "deploy-prod recall-prod"])
    error_message = "only the deploy role may have it"
  }
  assert {
    condition = one([for statement in jsondecode(aws_iam_policy.this["write-prod"].policy).Statement : statement.Resource if statement.Sid == "SetUpTheFunctions"]) == flatten([
      for name in ["memory", "memory-recall"] : ["arn:aws:lambda:eu-central-1:123456789012:function:${name}", "arn:aws:lambda:eu-central-1:123456789012:function:${name}:*"]
    ])
    error_message = "the deploy role must be able to set up both functions"
  }
  assert {
    condition = {
      for statement in jsondecode(aws_iam_policy.this["recall-prod"].policy).Statement : statement.Sid => [statement.Effect, flatten([statement.Resource])] if statement.Sid != "TestTheRoutes"
      } == {
      SetUpTheViews      = ["Allow", ["arn:aws:s3:::memory-123456789012-eu-central-1-views"]]
      LeaveTheViewsAlone = ["Deny", ["arn:aws:s3:::memory-123456789012-eu-central-1-views/*"]]
    }
    error_message = "the deploy role must be able to set up the bucket of the views, and no view"
  }
  assert {
    condition = {
      for environment in ["dev", "prod"] : environment => anytrue([
        for arn in one([for statement in jsondecode(aws_iam_policy.this["recall-${environment}"].policy).Statement : statement.Resource if statement.Sid == "TestTheRoutes"]) :
        can(regex("/(PATCH|DELETE)/", arn)) || endswith(arn, "/changes")
      ])
    } == { dev = false, prod = true }
    error_message = "the smoke test may change a status only with changes"
  }
  assert {
    condition = {
      for environment in ["dev", "prod"] : environment => flatten([
        for statement in jsondecode(aws_iam_policy.boundary["recall-${environment}"].policy).Statement : statement.Resource if contains(flatten([statement.Action]), "s3:PutObject")
      ])
      } == {
      dev  = ["arn:aws:s3:::memory-dev-123456789012-eu-central-1-views/*"]
      prod = ["arn:aws:s3:::memory-123456789012-eu-central-1/events/*", "arn:aws:s3:::memory-123456789012-eu-central-1-views/*"]
    }
    error_message = "recall may put views, and events only with changes"
  }
  assert {
    condition     = flatten([for statement in jsondecode(aws_iam_policy.boundary["writer-prod"].policy).Statement : statement.Resource if contains(flatten([statement.Action]), "s3:PutObject")]) == ["arn:aws:s3:::memory-123456789012-eu-central-1/memories/*"]
    error_message = "the boundary of the writer must not grow"
  }
}

run "a_name_that_recalls_function_has_is_refused" {
  command = plan
  variables {
    environments = { prod = { name = "memory", recall = {} }, other = { name = "memory-recall" } }
  }
  expect_failures = [var.environments]
}

run "a_bucket_of_the_views_that_is_not_a_name_is_refused" {
  command = plan
  variables {
    environments = { prod = { name = "memory", recall = { views_bucket_name = "Views" } } }
  }
  expect_failures = [var.environments]
}

run "the_deploy_role_cannot_create_a_more_powerful_role" {
  command = plan

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_policy.this["write-prod"].policy).Statement : [
        for action in flatten([statement.Action]) : "${action} ${statement.Resource} ${statement.Condition.StringEquals["iam:PermissionsBoundary"]}"
        if contains(["iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"], action)
      ]
      ])) == toset([
      for action in ["AttachRolePolicy gateway-log", "CreateRole gateway-log", "CreateRole writer", "PutRolePermissionsBoundary gateway-log", "PutRolePermissionsBoundary writer", "PutRolePolicy writer"] :
      "iam:${split(" ", action)[0]} arn:aws:iam::123456789012:role/memory-${split(" ", action)[1]}-eu-central-1 arn:aws:iam::123456789012:policy/memory-ingress-boundary-${split(" ", action)[1]}-prod-eu-central-1"
    ])
    error_message = "creating a role and giving it policies must require the boundary of that very role"
  }
  assert {
    condition = toset(flatten([
      for policy in aws_iam_policy.this : [
        for statement in jsondecode(policy.policy).Statement : statement.Resource
        if statement.Effect == "Allow" && anytrue([for action in flatten([statement.Action]) : startswith(action, "iam:") && action != "iam:CreateServiceLinkedRole"])
      ] if endswith(policy.name, "-prod-eu-central-1")
    ])) == toset(["arn:aws:iam::123456789012:role/memory-writer-eu-central-1", "arn:aws:iam::123456789012:role/memory-gateway-log-eu-central-1"])
    error_message = "the deploy role may change only the two roles of the module, never its own"
  }
  assert {
    condition = toset([
      for statement in jsondecode(aws_iam_policy.this["write-prod"].policy).Statement : "${statement.Resource} ${statement.Condition.StringEquals["iam:PassedToService"]}"
      if contains(flatten([statement.Action]), "iam:PassRole")
    ]) == toset(["arn:aws:iam::123456789012:role/memory-writer-eu-central-1 lambda.amazonaws.com", "arn:aws:iam::123456789012:role/memory-gateway-log-eu-central-1 apigateway.amazonaws.com"])
    error_message = "each role may be passed only to its own service"
  }
  assert {
    condition = !anytrue(flatten([
      for policy in aws_iam_policy.this : [
        for statement in jsondecode(policy.policy).Statement : [
          for action in flatten([statement.Action]) : contains(["iam:UpdateAssumeRolePolicy", "iam:DeleteRolePermissionsBoundary", "iam:CreatePolicyVersion"], action)
        ] if statement.Effect == "Allow"
      ]
    ]))
    error_message = "the deploy role must not be able to loosen a trust policy or a boundary"
  }
}

run "each_role_of_the_module_has_a_boundary_of_its_own" {
  command = plan

  assert {
    condition     = toset([for name, boundary in aws_iam_policy.boundary : boundary.name]) == toset([for role in ["gateway-log-dev", "gateway-log-prod", "writer-dev", "writer-prod"] : "memory-ingress-boundary-${role}-eu-central-1"])
    error_message = "there must be one boundary for each role, and none for a replication that is not configured"
  }
  assert {
    condition = flatten([for statement in jsondecode(aws_iam_policy.boundary["writer-prod"].policy).Statement : statement.Action]) == [
      "s3:PutObject", "kms:GenerateDataKey", "logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
    ]
    error_message = "the writer must never be able to read, neither memories nor logs"
  }
  assert {
    condition     = one([for statement in jsondecode(aws_iam_policy.boundary["writer-prod"].policy).Statement : statement.Resource if statement.Sid == "WriteItsLog"]) == "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/memory:*"
    error_message = "the writer must be able to write only its own log"
  }
  assert {
    condition     = flatten([for statement in jsondecode(aws_iam_policy.boundary["gateway_log-prod"].policy).Statement : [for action in statement.Action : !startswith(action, "logs:")]]) == [for n in range(7) : false]
    error_message = "the gateway's role must be able to do nothing but log"
  }
}

run "the_state_is_versioned_private_and_encrypted" {
  command = plan

  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled"
    error_message = "the state bucket must be versioned"
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
    error_message = "the state bucket must refuse plain HTTP"
  }
}

run "an_existing_oidc_provider_is_reused" {
  command = plan
  variables {
    oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "no second OIDC provider may be created: an account can have only one"
  }
}

run "a_repository_name_with_ids_is_used_as_it_is" {
  command = plan
  variables {
    repository = "example@1234/memory-ingress@5678"
  }

  assert {
    condition     = jsondecode(aws_iam_role.this["deploy-dev"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == ["repo:example@1234/memory-ingress@5678:environment:dev"]
    error_message = "the subject must be the same as in the tokens"
  }
}

run "a_wildcard_repository_is_refused" {
  command = plan
  variables {
    repository = "example/*"
  }
  expect_failures = [var.repository]
}

run "a_wildcard_branch_is_refused" {
  command = plan
  variables {
    branch = "*"
  }
  expect_failures = [var.branch]
}

run "two_environments_with_one_name_are_refused" {
  command = plan
  variables {
    environments = { dev = { name = "memory" }, prod = { name = "memory" } }
  }
  expect_failures = [var.environments]
}

run "an_oidc_provider_of_another_issuer_is_refused" {
  command = plan
  variables {
    oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/example.com"
  }
  expect_failures = [var.oidc_provider_arn]
}

run "a_replica_that_is_not_a_bucket_is_refused" {
  command = plan
  variables {
    environments = { prod = { name = "memory", replication = { bucket_arn = "our-replica" } } }
  }
  expect_failures = [var.environments]
}
