variable "repository" {
  description = "The GitHub repository that may deploy, as its OIDC tokens name it: owner/name, or owner@id/name@id if the repository was created, renamed or transferred since 15 July 2026. `gh api repos/<owner>/<name>/actions/oidc/customization/sub --jq .sub_claim_prefix` prints it after repo:."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+(@[0-9]+)?/[A-Za-z0-9._-]+(@[0-9]+)?$", var.repository))
    error_message = "repository must be one repository, such as example/memory-ingress or example@1234/memory-ingress@5678. A wildcard would let other repositories deploy."
  }
}

variable "branch" {
  description = "The branch that is deployed. The plan role makes the plans for this branch and for pull requests."
  type        = string
  default     = "main"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._/-]*$", var.branch))
    error_message = "branch must be the name of one branch, such as main, without a wildcard."
  }
}

variable "environments" {
  description = "The deployments in this account and region. Each key is the name of a GitHub environment. name, bucket_name, replication and recall are those in its tfvars: leave out what the tfvars do not set."
  type = map(object({
    name        = string
    bucket_name = optional(string)
    replication = optional(object({ bucket_arn = string, kms_key_arn = optional(string) }))
    recall      = optional(object({ changes = optional(bool, false), views_bucket_name = optional(string) }))
  }))
  default  = { prod = { name = "memory-ingress-prod" } }
  nullable = false

  validation {
    condition     = length(var.environments) > 0 && alltrue([for environment in keys(var.environments) : can(regex("^[a-z][a-z0-9-]{0,19}$", environment))])
    error_message = "environments must have at least one entry. Each key must have at most 20 characters of a-z, 0-9 and -, and begin with a letter, such as prod."
  }
  validation {
    condition     = alltrue([for deployment in values(var.environments) : can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", deployment.name))])
    error_message = "The name of each environment must be the one in its tfvars. It has 3 to 32 characters of a-z, 0-9 and -, begins with a letter and does not end with -."
  }
  validation {
    condition     = length(distinct(values(var.environments)[*].name)) == length(var.environments)
    error_message = "Environments in one account and region must have different names."
  }
  validation {
    condition = !anytrue([
      for deployment in values(var.environments) : deployment.recall != null && contains(values(var.environments)[*].name, "${deployment.name}-recall")
    ])
    error_message = "The function of recall is NAME-recall, so no other environment may have that name."
  }
  validation {
    condition = alltrue([
      for deployment in values(var.environments) :
      deployment.bucket_name == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", deployment.bucket_name))
    ])
    error_message = "bucket_name must be the one in the environment's tfvars. It has 3 to 63 characters of a-z, 0-9 and -, and neither begins nor ends with -. Leave it out if the tfvars do not set it."
  }
  validation {
    condition = alltrue([
      for deployment in values(var.environments) : deployment.replication == null || try(
        can(regex("^arn:[^:]+:s3:::[a-z0-9.-]{3,63}$", deployment.replication.bucket_arn))
        && (deployment.replication.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", deployment.replication.kms_key_arn))), false
      )
    ])
    error_message = "replication must be the one in the environment's tfvars: the ARN of a bucket, and of a key if the memories are encrypted with one."
  }
  validation {
    condition = alltrue([
      for deployment in values(var.environments) :
      try(deployment.recall.views_bucket_name, null) == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", deployment.recall.views_bucket_name))
    ])
    error_message = "recall.views_bucket_name must be the one in the environment's tfvars. It has 3 to 63 characters of a-z, 0-9 and -, and neither begins nor ends with -. Leave it out if the tfvars do not set it."
  }
}

variable "name" {
  description = "Prefix for the names of the state bucket, the roles and the policies, and for the keys of the states: <name>/<environment>.tfstate."
  type        = string
  default     = "memory-ingress"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name must have 3 to 20 characters of a-z, 0-9 and -, begin with a letter and not end with -."
  }
}

variable "state_bucket_name" {
  description = "The bucket that keeps Terraform's state. The default is <name>-terraform-<account>-<region>."
  type        = string
  default     = null

  validation {
    condition     = var.state_bucket_name == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.state_bucket_name))
    error_message = "state_bucket_name must have 3 to 63 characters of a-z, 0-9 and -, and neither begin nor end with -. Leave it out to use <name>-terraform-<account>-<region>."
  }
}

variable "oidc_provider_arn" {
  description = "ARN of the OIDC provider for GitHub's tokens, if this account already has one. An account can have only one. By default it is created."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_provider_arn == null || can(regex("^arn:[^:]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.oidc_provider_arn))
    error_message = "oidc_provider_arn must be arn:aws:iam::<account>:oidc-provider/token.actions.githubusercontent.com. Leave it out to create the provider."
  }
}

variable "tags" {
  description = "Tags for every resource that supports tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
