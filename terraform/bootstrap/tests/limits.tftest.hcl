# The limits of IAM: 6,144 characters for a managed policy, 10 managed policies and 64 characters of name for a role, 128
# for a policy. With the longest names that the variables allow, in the partition and region with the longest names.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws-iso-b", dns_suffix = "sc2s.sgov.gov" }
  }
  mock_data "aws_region" {
    defaults = { id = "ap-southeast-7" }
  }
}

variables {
  repository = "an-owner-with-the-longest-name-of-github@123456789012/${join("", [for n in range(100) : "r"])}@123456789012"
  name       = "a-name-of-20-symbols"
  environments = {
    environment-of-20-sy = {
      name        = "a-deployment-of-32-characters-xy"
      bucket_name = join("", [for n in range(63) : "b"])
      recall = {
        changes           = true
        views_bucket_name = join("", [for n in range(63) : "v"])
      }
      replication = {
        bucket_arn  = "arn:aws-iso-b:s3:::${join("", [for n in range(63) : "r"])}"
        kms_key_arn = "arn:aws-iso-b:kms:ap-southeast-7:123456789012:key/mrk-0c2b0b7e00004000800000000000000000"
      }
    }
  }
}

run "policies_have_room_with_the_longest_names" {
  command = plan

  assert {
    condition     = { for name, policy in merge(aws_iam_policy.this, { for name, boundary in aws_iam_policy.boundary : "boundary ${name}" => boundary }) : name => length(policy.policy) if length(policy.policy) > 6144 } == {}
    error_message = "a managed policy must not be longer than 6,144 characters: ${jsonencode({ for name, policy in aws_iam_policy.this : name => length(policy.policy) })}"
  }
  assert {
    condition = alltrue([
      for role in keys(aws_iam_role.this) : sum([for attachment in aws_iam_role_policy_attachment.this : 1 if attachment.role == aws_iam_role.this[role].name]) <= 10
    ])
    error_message = "a role can have ten managed policies"
  }
  assert {
    condition     = alltrue(concat([for role in aws_iam_role.this : length(role.name) <= 64], [for policy in merge(aws_iam_policy.this, aws_iam_policy.boundary) : length(policy.name) <= 128]))
    error_message = "a role's name can have 64 characters, and a policy's name 128"
  }
}

run "a_name_that_is_too_long_for_the_region_is_refused" {
  command = plan

  override_data {
    target = data.aws_region.current
    values = { id = "a-region-of-tomorrow-1" }
  }
  variables {
    state_bucket_name = "our-states"
  }
  expect_failures = [aws_iam_role.this]
}
