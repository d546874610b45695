# Recall: the function that reads memories. docs/recall-on-aws.md says what to narrow before it is turned on.

variable "recall" {
  description = "Finds, lists and gets memories, and with changes = true changes their status, by a second function with a role of its own. null: nothing of it exists. package_path: its .zip, by default the one that terraform/package.py --recall builds. live_version: to roll back, as for the writer. views_bucket_name: the bucket of its cache, by default the name of the bucket and -views. read_scopes: where callers may read (MEMORY_READ_SCOPES), in the form of write_scopes; unset, whoever may call reads everywhere. shared_scopes: at most 4, which every search covers as well (MEMORY_SHARED_SCOPES). stewards: who may verify, lock and restore (MEMORY_STEWARDS), such as role=admin; by default nobody. reserved_concurrency: the function's limit, also of what a search may cost; an account with a quota of 10 can reserve none (-1). throttle: the limits of each route of recall."
  type = object({
    package_path         = optional(string)
    live_version         = optional(string)
    views_bucket_name    = optional(string)
    read_scopes          = optional(list(string))
    shared_scopes        = optional(list(string), [])
    stewards             = optional(set(string), [])
    changes              = optional(bool, false)
    memory_mib           = optional(number, 1769)
    reserved_concurrency = optional(number, 5)
    throttle             = optional(object({ rate = optional(number, 20), burst = optional(number, 40) }), {})
  })
  default = null

  validation {
    condition     = try(var.recall.package_path, null) == null || can(regex("\\.zip$", var.recall.package_path))
    error_message = "recall.package_path must be the path of a .zip that contains the program bootstrap. Leave it out to deploy the package that terraform/package.py --recall built."
  }
  validation {
    condition     = try(var.recall.live_version, null) == null || can(regex("^[1-9][0-9]*$", var.recall.live_version))
    error_message = "recall.live_version must be the number of a published version, such as \"7\". `aws lambda list-versions-by-function` lists them. Leave it out to use the newest."
  }
  validation {
    condition = var.recall == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", coalesce(try(var.recall.views_bucket_name, null), "${local.bucket}-views"))
    ) && try(var.recall.views_bucket_name, null) != local.bucket
    error_message = "The bucket of the views needs a name of its own of 3 to 63 characters of a-z, 0-9 and -. Its default is the name of the bucket and -views: if that is too long, set recall.views_bucket_name."
  }
  validation {
    condition     = try(var.recall.read_scopes, null) == null || try(length(var.recall.read_scopes) > 0, false)
    error_message = "recall.read_scopes is empty, so nobody could read. Name scopes, or leave it out to let every caller read everywhere."
  }
  validation {
    condition = var.recall == null || try(alltrue([
      for part in flatten([for scope in concat(coalesce(var.recall.read_scopes, ["*/*"]), var.recall.shared_scopes) : regex(local.scope, scope)]) :
      can(regex(local.scope_part, part)) && !can(regex(local.blank_part, part))
    ]), false)
    error_message = "recall.read_scopes and recall.shared_scopes must be templates such as \"repository/{repositories}\" or \"user/{sub}\". In a name, every character but letters, digits and -._~ is percent-encoded, with capital hexadecimal digits."
  }
  validation {
    condition = var.recall == null || try(alltrue([
      for claim in flatten([for scope in concat(coalesce(var.recall.read_scopes, ["*/*"]), var.recall.shared_scopes) : regexall("\\{(aws:[^}]*)\\}", scope)]) :
      contains(local.gateway_claims, claim)
    ]), false)
    error_message = "recall.read_scopes and recall.shared_scopes can name aws:roleArn, aws:accountId and aws:apiKeyId. Callers choose the session name in aws:userArn themselves."
  }
  validation {
    condition     = var.recall == null || try(length(var.recall.shared_scopes) <= 4 && !anytrue([for scope in var.recall.shared_scopes : contains(split("/", scope), "*")]), false)
    error_message = "recall.shared_scopes must be at most 4, without *: every search of every caller covers all of them."
  }
  validation {
    condition     = var.recall == null || var.auth_mode != "jwt" || try(var.recall.read_scopes != null && var.write_scopes != null, false)
    error_message = "With auth_mode = \"jwt\", recall needs recall.read_scopes and write_scopes: otherwise the tokens of all tenants read and write everywhere. [\"*/*\"] says that they shall."
  }
  validation {
    condition     = var.recall == null || try(!var.recall.changes || length(var.recall.shared_scopes) == 0 || var.write_scopes != null, false)
    error_message = "With recall.changes and recall.shared_scopes, write_scopes must be set. Otherwise every reader of a shared scope could delete what is in it."
  }
  validation {
    # The function splits an entry at its first =, and the list at commas.
    condition = var.recall == null || try(alltrue([
      for steward in var.recall.stewards : can(regex("^[^\\s=,]+=[^\\s,]([^,]*[^\\s,])?$", steward)) && (!startswith(steward, "aws:") || can(regex("^aws:(roleArn|apiKeyId)=", steward)))
    ]), false)
    error_message = "recall.stewards must be entries such as \"role=admin\" (a claim and its whole text), \"aws:roleArn=arn:…\" or \"aws:apiKeyId=…\", without commas. Callers choose the session name in aws:userArn themselves."
  }
  validation {
    condition     = try(var.recall.memory_mib >= 128 && var.recall.memory_mib <= 10240 && floor(var.recall.memory_mib) == var.recall.memory_mib, var.recall == null)
    error_message = "recall.memory_mib must be a whole number from 128 to 10240."
  }
  validation {
    condition     = try(var.recall.reserved_concurrency == -1 || (var.recall.reserved_concurrency >= 1 && floor(var.recall.reserved_concurrency) == var.recall.reserved_concurrency), var.recall == null)
    error_message = "recall.reserved_concurrency must be -1 (none) or a whole number from 1. 0 would refuse every request."
  }
  validation {
    condition     = try(var.recall.throttle.rate > 0 && var.recall.throttle.burst >= 1 && floor(var.recall.throttle.burst) == var.recall.throttle.burst, var.recall == null)
    error_message = "recall.throttle needs a rate above 0 and a burst that is a whole number from 1. 0 would refuse every request."
  }
}

variable "changer_principal_arns" {
  description = "The principals that may put events besides recall's function, for example those that run `memory-ingress serve --bucket`: ARNs of IAM roles or users of this account. They also need s3:PutObject by a policy of their own. Who may put events can hide memories."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.changer_principal_arns : can(regex("^arn:[^:]+:iam::[0-9]{12}:(role|user)/[^*?$]+$", arn))])
    error_message = "changer_principal_arns must be ARNs of single roles or users, such as arn:aws:iam::123456789012:role/agents. Wildcards, sessions and root are not allowed."
  }
  validation {
    condition     = length(var.changer_principal_arns) == 0 || var.recall != null
    error_message = "Without recall nobody may put events: leave out changer_principal_arns, or set recall."
  }
}
