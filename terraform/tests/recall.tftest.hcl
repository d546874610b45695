# Recall: the second function, its role, its bucket, its routes, and who may use them.

mock_provider "aws" {
  source = "./tests/account"

  # Only these make the policies with the ARN of the API known at the plan.
  mock_resource "aws_api_gateway_rest_api" {
    defaults        = { id = "a1b2c3", execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3" }
    override_during = plan
  }
  mock_resource "aws_apigatewayv2_api" {
    defaults = {
      id           = "a1b2c3", execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3"
      api_endpoint = "https://a1b2c3.execute-api.eu-central-1.amazonaws.com"
    }
    override_during = plan
  }
  mock_resource "aws_api_gateway_stage" {
    defaults        = { stage_name = "live", invoke_url = "https://a1b2c3.execute-api.eu-central-1.amazonaws.com/live" }
    override_during = plan
  }
}

variables {
  package_path     = "tests/package.zip"
  alarm_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:operators"]
  bucket_name      = "our-memories"
  recall           = { package_path = "tests/package.zip" }
}

run "without_recall_nothing_of_it_exists" {
  command = plan

  variables {
    recall = null
  }

  assert {
    condition     = keys(aws_lambda_function.this) == ["writer"] && keys(aws_iam_role.function) == ["writer"]
    error_message = "there must be one function with one role"
  }
  assert {
    condition = length(concat(
      aws_s3_bucket.views, aws_s3_bucket_policy.views, values(aws_api_gateway_method_settings.recall),
      aws_cloudwatch_metric_alarm.log_damaged, [for name, alarm in aws_cloudwatch_metric_alarm.slow : alarm if name != "writer-p99"],
    )) == 0
    error_message = "neither views, limits nor alarms of recall may exist"
  }
  assert {
    condition     = !strcontains(aws_cloudwatch_dashboard.this.dashboard_body, "Recall")
    error_message = "the dashboard must have no row of recall"
  }
  assert {
    condition     = keys(aws_api_gateway_method.this) == ["ANY /", "ANY /{proxy+}", "OPTIONS /{proxy+}"]
    error_message = "there must be no route of recall"
  }
  assert {
    condition     = output.recall == null && output.reader_policy == null && output.changer_policy == null
    error_message = "no output may speak of recall"
  }
}

run "recall_is_a_function_of_its_own" {
  command = plan

  assert {
    condition = [
      aws_lambda_function.this["recall"].function_name, aws_lambda_function.this["recall"].memory_size, aws_lambda_function.this["recall"].timeout,
      aws_lambda_function.this["recall"].reserved_concurrent_executions, aws_lambda_alias.live["recall"].name,
    ] == ["memory-ingress-recall", 1769, 28, 5, "live"]
    error_message = "it must have a whole processor, five requests at once, and an answer before the gateway gives up"
  }
  assert {
    condition = aws_lambda_function.this["recall"].environment[0].variables == tomap({
      MEMORY_BUCKET = "our-memories", MEMORY_VIEWS_BUCKET = "our-memories-views", RUST_LOG = "info",
    })
    error_message = "it must have exactly these settings"
  }
  assert {
    condition     = aws_iam_role.function["recall"].name == "memory-ingress-recall-eu-central-1" && aws_iam_role.function["recall"].permissions_boundary == null
    error_message = "it must have a role of its own"
  }
  assert {
    condition     = toset(keys(aws_cloudwatch_log_group.this)) == toset(["access", "execution", "recall", "writer"])
    error_message = "it must have a log of its own"
  }
  assert {
    condition     = aws_lambda_function.this["writer"].environment[0].variables == tomap({ MEMORY_BUCKET = "our-memories", RUST_LOG = "info" })
    error_message = "the writer must know nothing of recall"
  }
}

run "recalls_role_reads_the_log_and_puts_views" {
  command = plan

  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.function["recall"].policy).Statement : statement.Sid => [flatten([statement.Action]), flatten([statement.Resource])]
      if !startswith(statement.Sid, "WriteIts")
      } == {
      ReadMemoriesAndEvents = [["s3:GetObject"], ["arn:aws:s3:::our-memories/memories/*", "arn:aws:s3:::our-memories/events/*"]]
      ListMemoriesAndEvents = [["s3:ListBucket"], ["arn:aws:s3:::our-memories"]]
      ReadViews             = [["s3:GetObject", "s3:ListBucket"], ["arn:aws:s3:::our-memories-views", "arn:aws:s3:::our-memories-views/*"]]
      PutViews              = [["s3:PutObject"], ["arn:aws:s3:::our-memories-views/*"]]
    }
    error_message = "the role must have exactly these permissions, and no put into the log"
  }
  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.function["recall"].policy).Statement : statement.Sid => statement.Condition if can(statement.Condition)
      } == {
      ReadMemoriesAndEvents = { StringEquals = { "aws:ResourceAccount" = "123456789012" } }
      ListMemoriesAndEvents = { StringEquals = { "aws:ResourceAccount" = "123456789012" }, StringLike = { "s3:prefix" = ["memories/*", "events/*"] } }
      ReadViews             = { StringEquals = { "aws:ResourceAccount" = "123456789012" } }
      PutViews              = { StringEquals = { "aws:ResourceAccount" = "123456789012" }, Null = { "s3:x-amz-server-side-encryption" = "true" } }
    }
    error_message = "the role may only use buckets of this account, list the two prefixes, and put with the bucket's own encryption"
  }
  assert {
    condition     = flatten([for statement in jsondecode(aws_iam_role_policy.function["writer"].policy).Statement : statement.Action]) == ["s3:PutObject", "logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    error_message = "the writer must gain nothing"
  }
}

run "recall_with_changes_puts_events_too" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", changes = true }
  }

  assert {
    condition     = one([for statement in jsondecode(aws_iam_role_policy.function["recall"].policy).Statement : statement.Resource if statement.Sid == "PutEventsAndViews"]) == ["arn:aws:s3:::our-memories/events/*", "arn:aws:s3:::our-memories-views/*"]
    error_message = "the role must be able to put events and views, and no memory"
  }
  assert {
    condition     = one([for statement in jsondecode(aws_s3_bucket_policy.memories.policy).Statement : statement.NotAction if statement.Sid == "DenyAllElseToRecall"]) == ["s3:GetObject", "s3:ListBucket", "s3:PutObject"]
    error_message = "the bucket must admit its puts"
  }
}

run "a_key_of_the_account_decrypts_for_recall_alone" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/0c2b0b7e-0000-4000-8000-000000000000"
  }

  assert {
    condition = {
      for function, policy in aws_iam_role_policy.function : function => flatten([for statement in jsondecode(policy.policy).Statement : statement.Action if try(statement.Resource == var.kms_key_arn, false)])
    } == { recall = ["kms:Decrypt", "kms:GenerateDataKey"], writer = ["kms:GenerateDataKey"] }
    error_message = "recall must decrypt, and encrypt what it puts; the writer must not decrypt"
  }
  assert {
    condition = anytrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.views[0].rule :
      rule.apply_server_side_encryption_by_default[0].kms_master_key_id == var.kms_key_arn && rule.bucket_key_enabled
    ])
    error_message = "the views must be encrypted with the same key"
  }
  assert {
    condition     = contains(jsondecode(aws_s3_bucket_policy.views[0].policy).Statement[*].Sid, "DenyOtherKeys")
    error_message = "a view with another key must be denied"
  }
}

run "the_bucket_admits_recall_where_it_must_and_nowhere_else" {
  command = plan

  assert {
    condition = {
      for statement in jsondecode(aws_s3_bucket_policy.memories.policy).Statement :
      statement.Sid => [for arn in statement.Condition.ArnNotEquals["aws:PrincipalArn"] : trimprefix(arn, "arn:aws:iam::123456789012:")]
      if can(statement.Condition.ArnNotEquals["aws:PrincipalArn"])
      } == {
      DenyPutsOfMemories = ["role/memory-ingress-writer-eu-central-1"]
      DenyReads          = ["role/memory-ingress-recall-eu-central-1"]
    }
    error_message = "recall must read, and nobody may put events without changes"
  }
  assert {
    condition = {
      for statement in jsondecode(aws_s3_bucket_policy.memories.policy).Statement : statement.Sid => {
        for name in ["Action", "NotAction", "Resource", "NotResource", "Condition"] : name => statement[name] if can(statement[name])
      } if endswith(statement.Sid, "ToRecall")
      } == {
      DenyAllElseToRecall = {
        NotAction = ["s3:GetObject", "s3:ListBucket"]
        Resource  = ["arn:aws:s3:::our-memories", "arn:aws:s3:::our-memories/*"]
        Condition = { ArnEquals = { "aws:PrincipalArn" = "arn:aws:iam::123456789012:role/memory-ingress-recall-eu-central-1" } }
      }
      DenyOtherObjectsToRecall = {
        Action      = ["s3:GetObject", "s3:PutObject"]
        NotResource = ["arn:aws:s3:::our-memories/memories/*", "arn:aws:s3:::our-memories/events/*"]
        Condition   = { ArnEquals = { "aws:PrincipalArn" = "arn:aws:iam::123456789012:role/memory-ingress-recall-eu-central-1" } }
      }
      DenyOtherListsToRecall = {
        Action   = "s3:ListBucket"
        Resource = "arn:aws:s3:::our-memories"
        Condition = {
          ArnEquals     = { "aws:PrincipalArn" = "arn:aws:iam::123456789012:role/memory-ingress-recall-eu-central-1" }
          StringNotLike = { "s3:prefix" = ["memories/*", "events/*"] }
        }
      }
    }
    error_message = "all else must be denied to recall's role, whatever other permissions it gets"
  }
}

run "each_principal_is_excepted_where_it_is_named" {
  command = plan

  variables {
    break_glass_principal_arns = ["arn:aws:iam::123456789012:role/erasure"]
    changer_principal_arns     = ["arn:aws:iam::123456789012:role/agents"]
    deployer_principal_arns    = ["arn:aws:iam::123456789012:role/deploy"]
    reader_principal_arns      = ["arn:aws:iam::123456789012:role/analyst"]
    recall                     = { package_path = "tests/package.zip", changes = true }
  }

  assert {
    condition = {
      for statement in jsondecode(aws_s3_bucket_policy.memories.policy).Statement :
      statement.Sid => [for arn in statement.Condition.ArnNotEquals["aws:PrincipalArn"] : trimprefix(arn, "arn:aws:iam::123456789012:role/")]
      if contains(["DenyListing", "DenyPutsOfEvents", "DenyPutsOfMemories", "DenyReads"], statement.Sid)
      } == {
      DenyPutsOfMemories = ["erasure", "memory-ingress-writer-eu-central-1"]
      DenyPutsOfEvents   = ["agents", "erasure", "memory-ingress-recall-eu-central-1"]
      DenyReads          = ["analyst", "erasure", "memory-ingress-recall-eu-central-1"]
      DenyListing        = ["analyst", "deploy", "erasure", "memory-ingress-recall-eu-central-1"]
    }
    error_message = "each principal must be excepted from exactly these denials of the log"
  }
  assert {
    condition = {
      for statement in jsondecode(aws_s3_bucket_policy.views[0].policy).Statement :
      statement.Sid => [for arn in statement.Condition.ArnNotEquals["aws:PrincipalArn"] : trimprefix(arn, "arn:aws:iam::123456789012:role/")]
      if can(statement.Condition.ArnNotEquals["aws:PrincipalArn"])
      } == {
      DenyPuts    = ["memory-ingress-recall-eu-central-1"]
      DenyReads   = ["erasure", "memory-ingress-recall-eu-central-1"]
      DenyListing = ["deploy", "erasure", "memory-ingress-recall-eu-central-1"]
    }
    error_message = "recall alone may put views, and nobody else but break-glass may read them"
  }
}

run "events_are_put_by_those_who_are_named_even_without_changes" {
  command = plan

  variables {
    break_glass_principal_arns = ["arn:aws:iam::123456789012:role/erasure"]
    changer_principal_arns     = ["arn:aws:iam::123456789012:role/agents"]
  }

  assert {
    condition     = one([for statement in jsondecode(aws_s3_bucket_policy.memories.policy).Statement : statement.Condition.ArnNotEquals["aws:PrincipalArn"] if statement.Sid == "DenyPutsOfEvents"]) == ["arn:aws:iam::123456789012:role/agents", "arn:aws:iam::123456789012:role/erasure"]
    error_message = "without changes recall's role may put no event"
  }
}

run "the_views_are_private_and_expire" {
  command = plan

  assert {
    condition     = aws_s3_bucket.views[0].bucket == "our-memories-views" && aws_s3_bucket.views[0].force_destroy
    error_message = "the views must be in a bucket of their own, which Terraform may empty"
  }
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.views[0].block_public_acls, aws_s3_bucket_public_access_block.views[0].block_public_policy,
      aws_s3_bucket_public_access_block.views[0].ignore_public_acls, aws_s3_bucket_public_access_block.views[0].restrict_public_buckets,
    ])
    error_message = "all public access must be blocked"
  }
  assert {
    condition     = aws_s3_bucket_ownership_controls.views[0].rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "the bucket's owner must own every view"
  }
  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.views[0].rule[0].expiration[0].days == 90 && aws_s3_bucket_lifecycle_configuration.views[0].rule[0].status == "Enabled"
    error_message = "a view must expire after 90 days"
  }
  assert {
    condition = {
      for statement in jsondecode(aws_s3_bucket_policy.views[0].policy).Statement : statement.Sid => try(statement.Condition.Null, statement.Condition.Bool, statement.NotAction, null)
      } == {
      DenyPlainHttp        = { "aws:SecureTransport" = "false" }
      DenyUnconditionalPut = { "s3:if-match" = "true", "s3:if-none-match" = "true" }
      DenyCustomerKeys     = { "s3:x-amz-server-side-encryption-customer-algorithm" = "false" }
      DenyPuts             = null
      DenyReads            = null
      DenyAllElseToRecall  = ["s3:GetObject", "s3:ListBucket", "s3:PutObject"]
    }
    error_message = "the policy must consist of these denials"
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_s3_bucket_policy.views[0].policy).Statement : statement.Effect == "Deny" && statement.Principal == "*"])
    error_message = "every statement must be a denial for everyone"
  }
}

run "a_name_of_its_own_for_the_views" {
  command = plan

  variables {
    recall = { package_path = "tests/package.zip", views_bucket_name = "a-cache" }
  }

  assert {
    condition     = aws_s3_bucket.views[0].bucket == "a-cache" && aws_lambda_function.this["recall"].environment[0].variables.MEMORY_VIEWS_BUCKET == "a-cache"
    error_message = "the bucket must have this name"
  }
}

run "both_functions_know_the_scopes" {
  command = plan

  variables {
    allowed_origins = ["https://app.example.com"]
    write_scopes    = ["repository/{repositories}", "user/{sub}"]
    recall = {
      package_path = "tests/package.zip", changes = true, stewards = ["role=site admin", "aws:roleArn=arn:aws:sts::123456789012:assumed-role/steward"]
      read_scopes  = ["repository/{repositories}", "role/{aws:roleArn}"], shared_scopes = ["organization/{orgId}", "b%C3%BCro/rules"]
    }
  }

  assert {
    condition = aws_lambda_function.this["recall"].environment[0].variables == tomap({
      MEMORY_ALLOWED_ORIGINS = "https://app.example.com", MEMORY_BUCKET = "our-memories", MEMORY_VIEWS_BUCKET = "our-memories-views", RUST_LOG = "info"
      MEMORY_READ_SCOPES     = "repository/{repositories} role/{aws:roleArn}", MEMORY_SHARED_SCOPES = "organization/{orgId} b%C3%BCro/rules"
      MEMORY_STEWARDS        = "aws:roleArn=arn:aws:sts::123456789012:assumed-role/steward,role=site admin"
      MEMORY_WRITE_SCOPES    = "repository/{repositories} user/{sub}"
    })
    error_message = "recall must know all scopes, its stewards and the allowed origins"
  }
  assert {
    condition = aws_lambda_function.this["writer"].environment[0].variables == tomap({
      MEMORY_ALLOWED_ORIGINS = "https://app.example.com", MEMORY_BUCKET = "our-memories", MEMORY_WRITE_SCOPES = "repository/{repositories} user/{sub}", RUST_LOG = "info"
    })
    error_message = "the writer must know the scopes of writing alone"
  }
}

run "limits_version_and_boundary" {
  command = plan

  variables {
    permissions_boundary_arns = { writer = "arn:aws:iam::123456789012:policy/writer", recall = "arn:aws:iam::123456789012:policy/recall" }
    recall                    = { package_path = "tests/package.zip", live_version = "7", memory_mib = 3008, reserved_concurrency = -1, throttle = { rate = 3, burst = 4 } }
  }

  assert {
    condition     = [aws_lambda_function.this["recall"].memory_size, aws_lambda_function.this["recall"].reserved_concurrent_executions] == [3008, -1] && aws_lambda_alias.live["recall"].function_version == "7"
    error_message = "the function must have the values of the variable"
  }
  assert {
    condition     = { for key, role in aws_iam_role.function : key => role.permissions_boundary } == { recall = var.permissions_boundary_arns.recall, writer = var.permissions_boundary_arns.writer }
    error_message = "each role must have its own boundary"
  }
  assert {
    condition     = alltrue([for limits in aws_api_gateway_method_settings.recall : [limits.settings[0].throttling_rate_limit, limits.settings[0].throttling_burst_limit] == [3, 4]])
    error_message = "each method of recall must have the limits of the variable"
  }
}

run "the_alarms_of_recall" {
  command = plan

  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.this)) == toset(["writer-errors", "writer-throttles", "recall-errors", "recall-throttles", "recall-view-building", "gateway-5xx", "storage-failures", "unknown-outcomes"])
    error_message = "recall must have the alarms of every function, and one for views that are being built"
  }
  assert {
    condition = { for query in aws_cloudwatch_metric_alarm.this["recall-view-building"].metric_query : query.id => query.metric[0].dimensions if length(query.metric) > 0 } == {
      failures = tomap({ function = "memory-ingress-recall", code = "view_building" })
      requests = tomap({ function = "memory-ingress-recall" })
    }
    error_message = "views that are being built must be counted by their code"
  }
  assert {
    condition = [
      aws_cloudwatch_metric_alarm.log_damaged[0].metric_name, aws_cloudwatch_metric_alarm.log_damaged[0].threshold, aws_cloudwatch_metric_alarm.log_damaged[0].evaluation_periods,
      aws_cloudwatch_metric_alarm.log_damaged[0].dimensions.code, aws_cloudwatch_metric_alarm.log_damaged[0].dimensions.function,
    ] == ["Failures", 1, 1, "log_damaged", "memory-ingress-recall"]
    error_message = "one damaged object must be an alarm"
  }
  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.slow)) == toset(["writer-p99", "recall-p99"])
    error_message = "each function must have an alarm of its p99"
  }
  assert {
    condition = [
      aws_cloudwatch_metric_alarm.slow["recall-p99"].extended_statistic, aws_cloudwatch_metric_alarm.slow["recall-p99"].threshold, aws_cloudwatch_metric_alarm.slow["recall-p99"].datapoints_to_alarm,
      aws_cloudwatch_metric_alarm.slow["recall-p99"].dimensions.function,
    ] == ["p99", 5000, 2, "memory-ingress-recall"]
    error_message = "a slow p99 must be an alarm"
  }
  assert {
    condition     = alltrue([for alarm in concat(aws_cloudwatch_metric_alarm.log_damaged, values(aws_cloudwatch_metric_alarm.slow), [aws_cloudwatch_metric_alarm.storage_refused]) : alarm.alarm_actions == toset(var.alarm_topic_arns)])
    error_message = "every alarm must notify the topic"
  }
  assert {
    condition     = [for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.properties.title if widget.y == 14] == ["Recall: are memories found?", "Recall: how fast, in milliseconds?", "Recall: what is refused, and what fails?", "Recall: what is asked of S3?"]
    error_message = "the dashboard must have a row of recall"
  }
}
