variable "repository" {
  description = "The GitHub repository that may deploy, as its tokens name it: owner/name, or owner@id/name@id where it is younger than July 2026. `gh api repos/<owner>/<name>/actions/oidc/customization/sub --jq .sub_claim_prefix` tells, after repo:."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+(@[0-9]+)?/[A-Za-z0-9._-]+(@[0-9]+)?$", var.repository))
    error_message = "repository must be one repository, such as example/memory-ingress or example@1234/memory-ingress@5678; a wildcard would let others deploy."
  }
}

variable "branch" {
  description = "The branch that is deployed. Its plans, and those of pull requests, are made by the plan role."
  type        = string
  default     = "main"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._/-]*$", var.branch))
    error_message = "branch must be the name of one branch, such as main; no wildcard."
  }
}

variable "environments" {
  description = "What is deployed in this account and region: by the name of its GitHub environment, the name and, where that sets one, the bucket_name of its tfvars."
  type        = map(object({ name = string, bucket_name = optional(string) }))
  default     = { prod = { name = "memory-ingress-prod" } }
  nullable    = false

  validation {
    condition     = length(var.environments) > 0 && alltrue([for environment in keys(var.environments) : can(regex("^[a-z][a-z0-9-]{0,19}$", environment))])
    error_message = "environments must have at least one, each by a name of at most 20 characters of a-z, 0-9 and -, such as prod."
  }
  validation {
    condition     = alltrue([for deployment in values(var.environments) : can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", deployment.name))])
    error_message = "The name of each environment must be the one in its tfvars: 3 to 32 characters of a-z, 0-9 and -."
  }
  validation {
    condition     = length(distinct(values(var.environments)[*].name)) == length(var.environments)
    error_message = "Two environments in one account and region need two names."
  }
  validation {
    condition = alltrue([
      for deployment in values(var.environments) :
      deployment.bucket_name == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", deployment.bucket_name))
    ])
    error_message = "bucket_name must have 3 to 63 characters of a-z, 0-9 and -, as in the environment's tfvars; leave it out where they do."
  }
}

variable "name" {
  description = "Prefix of what this makes, the state bucket and the roles, and of the states' keys: <name>/<environment>.tfstate."
  type        = string
  default     = "memory-ingress"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name must have 3 to 20 characters of a-z, 0-9 and -, begin with a letter and not end with -."
  }
}

variable "state_bucket_name" {
  description = "The bucket that keeps Terraform's state. By default <name>-terraform-<account>-<region>."
  type        = string
  default     = null

  validation {
    condition     = var.state_bucket_name == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.state_bucket_name))
    error_message = "state_bucket_name must have 3 to 63 characters of a-z, 0-9 and -; leave it out for <name>-terraform-<account>-<region>."
  }
}

variable "oidc_provider_arn" {
  description = "The OIDC provider of GitHub's tokens, where this account has one already: an account can have only one. By default it is made."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_provider_arn == null || can(regex("^arn:[^:]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.oidc_provider_arn))
    error_message = "oidc_provider_arn must be arn:aws:iam::<account>:oidc-provider/token.actions.githubusercontent.com; leave it out to make it."
  }
}

variable "tags" {
  description = "Tags of every resource that takes them."
  type        = map(string)
  default     = {}
  nullable    = false
}
