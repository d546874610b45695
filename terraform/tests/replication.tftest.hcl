# Replication to a second bucket.

mock_provider "aws" {
  source = "./tests/account"
}

variables {
  package_path            = "tests/package.zip"
  alarm_topic_arns        = ["arn:aws:sns:eu-central-1:123456789012:operators"]
  bucket_name             = "our-memories"
  deployer_principal_arns = ["arn:aws:iam::123456789012:role/deploy"]
  replication             = { bucket_arn = "arn:aws:s3:::our-replica" }
}

run "there_is_none_by_default" {
  command = plan

  variables {
    replication = null
  }

  assert {
    condition     = length(aws_s3_bucket_replication_configuration.memories) == 0 && length(aws_iam_role.replication) == 0
    error_message = "without the variable there must be neither a replication nor a role for it"
  }
}

run "every_new_memory_is_replicated_and_no_deletion" {
  command = plan

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_replication_configuration.memories[0].rule :
      rule.status == "Enabled" && rule.filter[0].prefix == "" && rule.delete_marker_replication[0].status == "Disabled" && rule.destination[0].bucket == "arn:aws:s3:::our-replica"
    ])
    error_message = "every object must be replicated, and no delete marker"
  }
}

run "its_role_reads_versions_and_writes_only_replicas" {
  command = plan

  variables {
    permissions_boundary_arns = { replication = "arn:aws:iam::123456789012:policy/replication" }
  }

  assert {
    condition = [aws_iam_role.replication[0].name, aws_iam_role.replication[0].permissions_boundary, jsondecode(aws_iam_role.replication[0].assume_role_policy).Statement[0].Principal.Service] == [
      "memory-ingress-replication-eu-central-1", "arn:aws:iam::123456789012:policy/replication", "s3.amazonaws.com",
    ]
    error_message = "the role must be for S3 alone, with its boundary, and carry the region in its name"
  }
  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.replication[0].policy).Statement : statement.Sid => statement.Resource } == {
      ReadWhatToReplicate        = "arn:aws:s3:::our-memories"
      ReadMemoriesForReplication = "arn:aws:s3:::our-memories/*"
      WriteReplicas              = "arn:aws:s3:::our-replica/*"
    }
    error_message = "the role must read here and write there, and use no key"
  }
  assert {
    condition = [
      for statement in jsondecode(aws_s3_bucket_policy.memories.policy).Statement :
      statement.Condition.ArnNotEquals["aws:PrincipalArn"] if statement.Sid == "DenyReads"
    ] == [["arn:aws:iam::123456789012:role/memory-ingress-replication-eu-central-1"]]
    error_message = "the bucket policy must let the role read, and nobody else"
  }
}

run "encrypted_memories_are_encrypted_in_the_replica" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/0c2b0b7e-0000-4000-8000-000000000000"
    replication = { bucket_arn = "arn:aws:s3:::our-replica", kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/0c2b0b7e-0000-4000-8000-000000000000" }
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_replication_configuration.memories[0].rule :
      rule.source_selection_criteria[0].sse_kms_encrypted_objects[0].status == "Enabled" && rule.destination[0].encryption_configuration[0].replica_kms_key_id == var.replication.kms_key_arn
    ])
    error_message = "encrypted memories must be replicated, with the key of the replica"
  }
  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.replication[0].policy).Statement : statement.Sid => statement.Resource if endswith(statement.Resource, "000000000000") } == {
      DecryptMemories = var.kms_key_arn, EncryptReplicas = var.replication.kms_key_arn
    }
    error_message = "the role must decrypt with one key and encrypt with the other"
  }
}

run "a_replica_that_is_a_name" {
  command = plan

  variables {
    replication = { bucket_arn = "our-replica" }
  }

  expect_failures = [var.replication]
}

run "a_replica_without_the_key_that_encrypts_it" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/0c2b0b7e-0000-4000-8000-000000000000"
  }

  expect_failures = [var.replication]
}

run "a_replica_with_a_key_that_nothing_needs" {
  command = plan

  variables {
    replication = { bucket_arn = "arn:aws:s3:::our-replica", kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/0c2b0b7e-0000-4000-8000-000000000000" }
  }

  expect_failures = [var.replication]
}

run "a_replica_that_nobody_may_configure" {
  command = plan

  variables {
    deployer_principal_arns = []
  }

  expect_failures = [var.replication]
}
