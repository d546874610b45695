# The bucket policy: what it denies, where, and to whom. tests/aws/policies.mjs shows what that means for each request.

mock_provider "aws" {
  source = "./tests/account"
}

variables {
  package_path     = "tests/package.zip"
  alarm_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:operators"]
  bucket_name      = "our-memories"
}

run "the_bucket_policy_only_denies" {
  command = plan

  assert {
    condition = toset(jsondecode(aws_s3_bucket_policy.memories.policy).Statement[*].Sid) == toset([
      "DenyPlainHttp", "DenyUnconditionalPut", "DenyCustomerKeys", "DenyAllElseToTheWriter", "DenyPutsOfMemories", "DenyPutsOfEvents", "DenyReads",
      "DenyDeletion", "DenyLifecycle", "DenyReplication",
    ])
    error_message = "the policy must consist of these denials"
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_s3_bucket_policy.memories.policy).Statement : statement.Effect == "Deny" && statement.Principal == "*"])
    error_message = "every statement must be a denial for everyone"
  }
}

run "every_put_needs_the_condition_wherever_it_goes" {
  command = plan

  assert {
    condition = one([for statement in jsondecode(aws_s3_bucket_policy.memories.policy).Statement : statement if statement.Sid == "DenyUnconditionalPut"]) == {
      Sid       = "DenyUnconditionalPut", Effect = "Deny", Principal = "*", Action = "s3:PutObject", Resource = "arn:aws:s3:::our-memories/*"
      Condition = { Null = { "s3:if-none-match" = "true" } }
    }
    error_message = "a put without If-None-Match must be denied under every prefix"
  }
}

run "nobody_deletes" {
  command = plan

  assert {
    condition = one([for statement in jsondecode(aws_s3_bucket_policy.memories.policy).Statement : statement if statement.Sid == "DenyDeletion"]) == {
      Sid = "DenyDeletion", Effect = "Deny", Principal = "*", Resource = ["arn:aws:s3:::our-memories/*"]
      Action = [
        "s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectLegalHold", "s3:PutObjectRetention",
        "s3:ReplicateDelete", "s3:ReplicateObject",
      ]
    }
    error_message = "deletion, of a version too, must be denied to everyone without exception"
  }
  assert {
    condition = {
      for statement in jsondecode(aws_s3_bucket_policy.memories.policy).Statement : one(statement.Action) => statement
      if contains(["DenyLifecycle", "DenyReplication"], statement.Sid)
      } == {
      for action, sid in { "s3:PutLifecycleConfiguration" = "DenyLifecycle", "s3:PutReplicationConfiguration" = "DenyReplication" } :
      action => { Sid = sid, Effect = "Deny", Principal = "*", Action = [action], Resource = ["arn:aws:s3:::our-memories"] }
    }
    error_message = "a lifecycle rule and a replication must be denied to everyone without exception"
  }
}

run "the_function_alone_puts_memories_and_nobody_reads_them" {
  command = plan

  assert {
    condition = {
      for statement in jsondecode(aws_s3_bucket_policy.memories.policy).Statement : statement.Sid => [statement.Action, statement.Resource, try(statement.Condition, {})]
      if contains(["DenyPutsOfMemories", "DenyPutsOfEvents", "DenyReads"], statement.Sid)
      } == {
      DenyPutsOfMemories = [["s3:PutObject"], ["arn:aws:s3:::our-memories/memories/*"], { ArnNotEquals = { "aws:PrincipalArn" = ["arn:aws:iam::123456789012:role/memory-ingress-writer-eu-central-1"] } }]
      DenyPutsOfEvents   = [["s3:PutObject"], ["arn:aws:s3:::our-memories/events/*"], {}]
      DenyReads          = [["s3:GetObject*", "s3:ListBucketVersions"], ["arn:aws:s3:::our-memories", "arn:aws:s3:::our-memories/*"], {}]
    }
    error_message = "by default the function alone may put memories, and nobody may put events or read"
  }
}

run "each_principal_is_excepted_where_it_is_named" {
  command = plan

  variables {
    break_glass_principal_arns = ["arn:aws:iam::123456789012:role/erasure"]
    deployer_principal_arns    = ["arn:aws:iam::123456789012:role/deploy"]
    reader_principal_arns      = ["arn:aws:iam::123456789012:user/analyst"]
    writer_principal_arns      = ["arn:aws:iam::123456789012:role/agents"]
  }

  assert {
    condition = {
      for statement in jsondecode(aws_s3_bucket_policy.memories.policy).Statement :
      statement.Sid => [for arn in statement.Condition.ArnNotEquals["aws:PrincipalArn"] : trimprefix(arn, "arn:aws:iam::123456789012:")]
      if can(statement.Condition.ArnNotEquals["aws:PrincipalArn"])
      } == {
      DenyPutsOfMemories = ["role/agents", "role/erasure", "role/memory-ingress-writer-eu-central-1"]
      DenyReads          = ["role/erasure", "user/analyst"]
      DenyDeletion       = ["role/erasure"]
      DenyLifecycle      = ["role/erasure"]
      DenyReplication    = ["role/deploy", "role/erasure"]
      DenyListing        = ["role/deploy", "role/erasure", "user/analyst"]
    }
    error_message = "each principal must be excepted from exactly these denials, and nobody from the denial of events"
  }
}

run "a_key_of_the_account_admits_no_other_key" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/0c2b0b7e-0000-4000-8000-000000000000"
  }

  assert {
    condition = one([for statement in jsondecode(aws_s3_bucket_policy.memories.policy).Statement : statement if statement.Sid == "DenyOtherKeys"]) == {
      Sid = "DenyOtherKeys", Effect = "Deny", Principal = "*", Action = "s3:PutObject", Resource = "arn:aws:s3:::our-memories/*"
      Condition = {
        Null         = { "s3:x-amz-server-side-encryption" = "false" }
        ArnNotEquals = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = var.kms_key_arn }
      }
    }
    error_message = "a put that asks for another encryption must be denied"
  }
}

run "a_writer_with_a_wildcard" {
  command = plan

  variables {
    writer_principal_arns = ["arn:aws:iam::123456789012:role/*"]
  }

  expect_failures = [var.writer_principal_arns]
}

run "a_reader_that_is_a_session" {
  command = plan

  variables {
    reader_principal_arns = ["arn:aws:sts::123456789012:assumed-role/analysts/jo"]
  }

  expect_failures = [var.reader_principal_arns]
}

run "a_deployer_that_is_root" {
  command = plan

  variables {
    deployer_principal_arns = ["arn:aws:iam::123456789012:root"]
  }

  expect_failures = [var.deployer_principal_arns]
}
