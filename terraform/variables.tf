# The deployment.

variable "name" {
  description = "Prefix of every name: the function, its role, its API, its logs and, if bucket_name is not set, the bucket. It must be unique in an account and region."
  type        = string
  default     = "memory-ingress"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name must have 3 to 32 characters of a-z, 0-9 and -, begin with a letter and not end with -, such as memory-ingress-dev."
  }
  validation {
    condition     = length("${var.name}-gateway-log-${data.aws_region.current.id}") <= 64
    error_message = "name is too long for this region: IAM refuses roles with a name of more than 64 characters, such as ${var.name}-gateway-log-${data.aws_region.current.id}."
  }
}

variable "tags" {
  description = "Tags for every resource that supports tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "architecture" {
  description = "Instruction set of the function: arm64 (cheaper) or x86_64. The package must be built for it."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64."
  }
}

variable "package_path" {
  description = "Path of the function's package, a .zip. The default is the one that terraform/package.py builds for the architecture in target/lambda."
  type        = string
  default     = null

  validation {
    condition     = var.package_path == null || can(regex("\\.zip$", var.package_path))
    error_message = "package_path must be the path of a .zip that contains the program bootstrap. Leave it out to deploy the package that terraform/package.py built."
  }
}

variable "live_version" {
  description = "The published version that the alias live points to, for example \"7\". Set it to roll back. The default is the newest version."
  type        = string
  default     = null

  validation {
    condition     = var.live_version == null || can(regex("^[1-9][0-9]*$", var.live_version))
    error_message = "live_version must be the number of a published version, such as \"7\". `aws lambda list-versions-by-function` lists them. Leave it out to use the newest."
  }
}

variable "memory_mib" {
  description = "Memory of the function in MiB. Its share of the CPU grows with it. The program needs 32 MiB, and more makes the first request faster."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.memory_mib >= 128 && var.memory_mib <= 10240 && floor(var.memory_mib) == var.memory_mib
    error_message = "memory_mib must be a whole number from 128 to 10240."
  }
}

variable "reserved_concurrency" {
  description = "How many concurrent requests are reserved for the function, which is also its limit. -1 reserves none, which works in a new account with a quota of 10 as well."
  type        = number
  default     = -1
  nullable    = false

  validation {
    condition     = var.reserved_concurrency == -1 || (var.reserved_concurrency >= 1 && floor(var.reserved_concurrency) == var.reserved_concurrency)
    error_message = "reserved_concurrency must be -1 (none) or a whole number from 1. 0 would refuse every request."
  }
}

variable "log_filter" {
  description = "The service's log filter (RUST_LOG). It does not concern the record of each request, which is always written."
  type        = string
  default     = "info"
  nullable    = false

  validation {
    condition     = contains(["trace", "debug", "info", "warn"], var.log_filter)
    error_message = "log_filter must be trace, debug, info or warn. With less, nothing would say which setting is wrong."
  }
}

variable "log_hash_names" {
  description = "Whether the functions' logs have hashes in the place of the names of domains and entities. Equal names have equal hashes, and whoever guesses a name can check the guess."
  type        = bool
  default     = false
  nullable    = false
}

variable "otlp_endpoint" {
  description = "URL of a collector of OpenTelemetry, such as https://collector.example.com, to which the functions send traces. They are in no VPC and send no credentials. It needs packages built with package.py --otel: others ignore it. null sends none."
  type        = string
  default     = null

  validation {
    condition = var.otlp_endpoint == null || (
      can(regex("^https?://([A-Za-z0-9.-]+|\\[[0-9a-f:]+\\])(:[1-9][0-9]{0,4})?(/[A-Za-z0-9._~/%-]*)?$", var.otlp_endpoint))
      && try(tonumber(regex("^https?://[^/]+:([0-9]+)(?:/|$)", var.otlp_endpoint)[0]) <= 65535, true)
    )
    error_message = "otlp_endpoint must be a URL such as https://collector.example.com, without a password and without a query. With another one the functions would refuse every request."
  }
}

variable "log_retention_days" {
  description = "Number of days to keep the logs of the function and of the API. 0 keeps them forever."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a number that CloudWatch Logs supports: 0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "log_kms_key_arn" {
  description = "ARN of the KMS key that encrypts the logs. By default CloudWatch Logs encrypts them with a key of its own. The key's policy must let logs.REGION.amazonaws.com use it."
  type        = string
  default     = null

  validation {
    condition     = var.log_kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.log_kms_key_arn))
    error_message = "log_kms_key_arn must be the ARN of a key, such as arn:aws:kms:eu-central-1:123456789012:key/…. CloudWatch Logs does not accept an alias."
  }
}

variable "keep_logs" {
  description = "Whether terraform destroy leaves the logs where they are. They say who called. A later deployment with the same name must then import them."
  type        = bool
  default     = false
  nullable    = false
}

variable "alarm_topic_arns" {
  description = "ARNs of the SNS topics that receive the alarms: a function fails, is throttled or slow, the API responds with 5xx, memories could not be stored. The alarms exist even without a topic, and the plan warns that nobody receives them."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alarm_topic_arns : can(regex("^arn:[^:]+:sns:[^:]+:[0-9]{12}:.+$", arn))])
    error_message = "alarm_topic_arns must be ARNs of SNS topics, such as arn:aws:sns:eu-central-1:123456789012:operators."
  }
}

variable "alarm_no_traffic_hours" {
  description = "Number of hours without any request to store a memory after which an alarm goes off. By default there is no such alarm."
  type        = number
  default     = null

  validation {
    condition     = var.alarm_no_traffic_hours == null || try(var.alarm_no_traffic_hours >= 1 && var.alarm_no_traffic_hours <= 168 && floor(var.alarm_no_traffic_hours) == var.alarm_no_traffic_hours, false)
    error_message = "alarm_no_traffic_hours must be a whole number from 1 to 168, because CloudWatch looks back a week at most."
  }
}

# The bucket.

variable "bucket_name" {
  description = "The bucket that stores the memories. The default is NAME-ACCOUNT-REGION."
  type        = string
  default     = null

  validation {
    condition     = var.bucket_name == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name)) && !can(regex("^xn--", var.bucket_name))
    error_message = "bucket_name must have 3 to 63 characters of a-z, 0-9 and -, and neither begin nor end with - nor begin with xn--. Leave it out to use <name>-<account>-<region>."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the memories. By default S3 managed keys encrypt them (SSE-S3). The key's policy must let the function's role generate data keys, and the role of recall decrypt as well."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key, such as arn:aws:kms:eu-central-1:123456789012:key/…. An alias does not work, because a policy cannot name it."
  }
}

variable "object_lock" {
  description = "Protects each memory from deletion for a number of days after it was written: by anyone (COMPLIANCE), or by anyone except the break-glass principals (GOVERNANCE). It can be set only when the bucket is created."
  type        = object({ mode = string, days = number })
  default     = null

  validation {
    condition = var.object_lock == null || try(
      contains(["GOVERNANCE", "COMPLIANCE"], var.object_lock.mode) && var.object_lock.days >= 1 && floor(var.object_lock.days) == var.object_lock.days, false
    )
    error_message = "object_lock must be { mode = \"GOVERNANCE\" or \"COMPLIANCE\", days = a whole number from 1 }."
  }
}

variable "break_glass_principal_arns" {
  description = "The only principals that may delete memories, for example because the law requires it: ARNs of IAM roles or users. By default nobody may."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.break_glass_principal_arns : can(regex("^arn:[^:]+:iam::[0-9]{12}:(role|user)/[^*?$]+$", arn))])
    error_message = "break_glass_principal_arns must be ARNs of single roles or users, such as arn:aws:iam::123456789012:role/erasure. Wildcards, sessions and root are not allowed."
  }
}

# The endpoint, and who may call it.

variable "api_type" {
  description = "rest: a REST API (IAM or API keys, WAF, the gateway's own errors as error documents of this service, bodies byte for byte). http: an HTTP API (IAM or JWT, cheaper)."
  type        = string
  default     = "rest"
  nullable    = false

  validation {
    condition     = contains(["rest", "http"], var.api_type)
    error_message = "api_type must be rest or http."
  }
}

variable "auth_mode" {
  description = "How callers authenticate: iam (AWS SigV4), api_key (header x-api-key, only with api_type rest) or jwt (bearer token, only with api_type http). There is no public mode."
  type        = string
  default     = "iam"
  nullable    = false

  validation {
    condition     = contains(["iam", "api_key", "jwt"], var.auth_mode)
    error_message = "auth_mode must be iam, api_key or jwt. There is no public mode."
  }
  validation {
    condition     = var.auth_mode != "api_key" || var.api_type == "rest"
    error_message = "API keys exist only on REST APIs: set api_type = \"rest\", or auth_mode = \"iam\" or \"jwt\"."
  }
  validation {
    condition     = var.auth_mode != "jwt" || var.api_type == "http"
    error_message = "This module has JWT only on HTTP APIs, because version 5 of the AWS provider knows no JWT authorizer of a REST API: set api_type = \"http\", or auth_mode = \"iam\" or \"api_key\"."
  }
}

variable "jwt" {
  description = "Only for auth_mode jwt: the issuer whose tokens are accepted (its /.well-known/openid-configuration must be public), the audiences, and the scopes: scopes to write, and with recall read_scopes to read and change_scopes to change a status. Of the scopes of its route, if there are any, a token must have at least one. authorization_servers: where agents without a token are sent to log in (RFC 9728), in this order; by default the issuer."
  type = object({
    issuer        = string
    audience      = set(string)
    scopes        = optional(set(string), [])
    read_scopes   = optional(set(string), [])
    change_scopes = optional(set(string), [])

    authorization_servers = optional(list(string))
  })
  default = null

  validation {
    condition     = (var.auth_mode == "jwt") == (var.jwt != null)
    error_message = "jwt must be set with auth_mode = \"jwt\", and only then: write jwt = { issuer = \"https://…\", audience = [\"…\"] }."
  }
  validation {
    condition = var.jwt == null || try(
      can(regex("^https://[^/]+", var.jwt.issuer)) && length(var.jwt.audience) > 0 && !contains(var.jwt.audience, ""), false
    )
    error_message = "jwt needs an issuer that begins with https:// and at least one audience. Otherwise any token of the issuer would be accepted."
  }
  validation {
    # The function would not start with another one, and answer every request 500.
    condition = var.jwt == null || try(
      length(coalesce(var.jwt.authorization_servers, ["issuer"])) > 0 && alltrue([
        for server in coalesce(var.jwt.authorization_servers, [var.jwt.issuer]) :
        can(regex("^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~!$&'()*+;=:@%/-]*)?$", server))
      ]), false
    )
    error_message = "jwt.authorization_servers must be URLs that begin with https://, without a query, a fragment or a comma, and at least one. Leave it out to name the issuer, of which the same is true."
  }
  validation {
    condition = var.jwt == null || try(alltrue([
      for scope in setunion(var.jwt.scopes, var.jwt.read_scopes, var.jwt.change_scopes) : can(regex("^[\\x21\\x23-\\x5B\\x5D-\\x7E]+$", scope))
    ]), false)
    error_message = "The scopes of jwt must be visible ASCII without a space, a quotation mark and a backslash (RFC 6749, section 3.3)."
  }
  validation {
    # Without scopes of its own, reading would be open to every token that may write.
    condition = var.recall == null || try(
      length(var.jwt.scopes) == 0 || length(var.jwt.read_scopes) > 0 && (length(var.jwt.change_scopes) > 0 || !var.recall.changes), true
    )
    error_message = "jwt.scopes keeps writing to some tokens, so recall needs jwt.read_scopes, and with recall.changes also jwt.change_scopes. Otherwise every token of the audience could read or change."
  }
}

variable "api_clients" {
  description = "Only for auth_mode api_key: the names of the callers. Each of them gets its own API key (output api_keys)."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = (var.auth_mode == "api_key") == (length(var.api_clients) > 0)
    error_message = "api_clients must have at least one name with auth_mode = \"api_key\", and none otherwise: write api_clients = [\"billing\"]."
  }
  validation {
    condition     = alltrue([for client in var.api_clients : can(regex("^[A-Za-z0-9_-]{1,64}$", client))])
    error_message = "Each name in api_clients must have 1 to 64 letters, digits, - and _."
  }
}

variable "client_limits" {
  description = "Only for auth_mode api_key: the limits of each API key. rate is in requests per second, burst is how many may come at once, and quota, if set, is how many are allowed per DAY, WEEK or MONTH."
  type = object({
    rate  = optional(number, 50)
    burst = optional(number, 100)
    quota = optional(object({ limit = number, period = string }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.client_limits.rate > 0 && var.client_limits.burst >= 1 && floor(var.client_limits.burst) == var.client_limits.burst
    error_message = "client_limits needs a rate above 0 and a burst that is a whole number from 1. 0 would refuse every request."
  }
  validation {
    condition = var.client_limits.quota == null || try(
      var.client_limits.quota.limit >= 1 && contains(["DAY", "WEEK", "MONTH"], var.client_limits.quota.period), false
    )
    error_message = "client_limits.quota must be { limit = a number from 1, period = \"DAY\", \"WEEK\" or \"MONTH\" }."
  }
}

variable "write_scopes" {
  description = "Where callers may write (MEMORY_WRITE_SCOPES): templates DOMAIN/ENTITY, in which each part is a name as it is spelled in a key, a verified claim in braces, or *. The caller of the smoke test needs smoke/deployment. Unset: whoever may call writes everywhere. docs/contract.md, section 6.3, has the rules."
  type        = list(string)
  default     = null

  validation {
    condition     = var.write_scopes == null || try(length(var.write_scopes) > 0, false)
    error_message = "write_scopes is empty, so nobody could write. Name scopes, or set it to null to let every caller write everywhere."
  }
  validation {
    condition = var.write_scopes == null || try(alltrue([
      for part in flatten([for scope in var.write_scopes : regex(local.scope, scope)]) : can(regex(local.scope_part, part)) && !can(regex(local.blank_part, part))
    ]), false)
    error_message = "write_scopes must be templates such as \"repository/{repositories}\", \"work/*\" or \"user/{sub}\". In a name, every character but letters, digits and -._~ is percent-encoded, with capital hexadecimal digits."
  }
  validation {
    condition = var.write_scopes == null || try(alltrue([
      for claim in flatten([for scope in var.write_scopes : regexall("\\{(aws:[^}]*)\\}", scope)]) : contains(local.gateway_claims, claim)
    ]), false)
    error_message = "write_scopes can name aws:roleArn, aws:accountId and aws:apiKeyId. Callers choose the session name in aws:userArn themselves."
  }
}

variable "throttle" {
  description = "The limits of all callers together: rate is in requests per second, and burst is how many may come at once. More requests get the response 429."
  type        = object({ rate = optional(number, 100), burst = optional(number, 200) })
  default     = {}
  nullable    = false

  validation {
    condition     = var.throttle.rate > 0 && var.throttle.burst >= 1 && floor(var.throttle.burst) == var.throttle.burst
    error_message = "throttle needs a rate above 0 and a burst that is a whole number from 1. 0 would refuse every request."
  }
}

variable "allowed_origins" {
  description = "Browser origins that may call this service over MCP (MEMORY_ALLOWED_ORIGINS). If there are any, a CORS preflight (OPTIONS, which stores nothing) reaches the function without credentials, because browsers send it without them."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for origin in var.allowed_origins :
      can(regex("^(https?|[a-z][a-z0-9+.-]*-extension)://([a-z0-9-]+(\\.[a-z0-9-]+)*|\\[[0-9a-f:]+\\])(:[1-9][0-9]{0,4})?$", origin))
      && !can(regex("^(https://.*:443|http://.*:80)$", origin)) && try(tonumber(regex(":([0-9]+)$", origin)[0]) <= 65535, true)
    ])
    error_message = "allowed_origins must be origins as browsers send them, such as https://app.example.com: in lower case, without a path, without *, and without the default port of the scheme."
  }
}

variable "custom_domain" {
  description = "A custom domain name for the endpoint, and its ACM certificate in this region. Create the DNS record yourself: the output custom_domain_target says where it must point."
  type        = object({ name = string, certificate_arn = string })
  default     = null

  validation {
    condition = var.custom_domain == null || try(
      can(regex("^([a-z0-9-]+\\.)+[a-z][a-z0-9-]+$", var.custom_domain.name)) && can(regex("^arn:[^:]+:acm:[^:]+:[0-9]{12}:certificate/.+$", var.custom_domain.certificate_arn)), false
    )
    error_message = "custom_domain must be { name = \"memory.example.com\", certificate_arn = \"arn:aws:acm:<region>:<account>:certificate/…\" }."
  }
}

variable "disable_execute_api_endpoint" {
  description = "Only with custom_domain: whether the endpoint that API Gateway itself gives the API is closed, so that callers reach it by the custom domain only."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.disable_execute_api_endpoint || var.custom_domain != null
    error_message = "disable_execute_api_endpoint needs a custom_domain. Without one nobody could reach the API."
  }
}

variable "resource_policy" {
  description = "Only for api_type rest: who may call, and from where. cidrs: only these public addresses. vpc_endpoints: the API becomes private, and only these interface endpoints of execute-api reach it. accounts and organization_id, only for auth_mode iam: callers of these other AWS accounts, or of all accounts of this AWS Organization, may call as well, if their own policies allow it."
  type = object({
    cidrs           = optional(set(string), [])
    vpc_endpoints   = optional(set(string), [])
    accounts        = optional(set(string), [])
    organization_id = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.api_type == "rest" || length(setunion(var.resource_policy.cidrs, var.resource_policy.vpc_endpoints, var.resource_policy.accounts)) == 0 && var.resource_policy.organization_id == null
    error_message = "Only REST APIs have a resource policy: set api_type = \"rest\", or leave out resource_policy."
  }
  validation {
    condition     = alltrue([for cidr in var.resource_policy.cidrs : try(cidrsubnet(cidr, 0, 0) == cidr, false)])
    error_message = "resource_policy.cidrs must be ranges of addresses, such as 203.0.113.0/24, 203.0.113.7/32 or 2001:db8::/32, without bits after the prefix."
  }
  validation {
    condition     = alltrue([for endpoint in var.resource_policy.vpc_endpoints : can(regex("^vpce-[0-9a-f]{8,17}$", endpoint))])
    error_message = "resource_policy.vpc_endpoints must be ids of VPC endpoints, such as vpce-0a1b2c3d4e5f60718."
  }
  validation {
    condition     = length(var.resource_policy.vpc_endpoints) == 0 || length(var.resource_policy.cidrs) == 0
    error_message = "A private API has no public addresses: set resource_policy.vpc_endpoints or resource_policy.cidrs, not both. The security group of the endpoint restricts addresses of the VPC."
  }
  validation {
    condition     = length(var.resource_policy.vpc_endpoints) == 0 || var.custom_domain == null
    error_message = "The custom_domain of this module is public. Leave it out with resource_policy.vpc_endpoints."
  }
  validation {
    condition     = alltrue([for account in var.resource_policy.accounts : can(regex("^[0-9]{12}$", account))])
    error_message = "resource_policy.accounts must be AWS account ids of 12 digits, such as \"210987654321\"."
  }
  validation {
    condition     = var.resource_policy.organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.resource_policy.organization_id))
    error_message = "resource_policy.organization_id must be the id of an AWS Organization, such as o-a1b2c3d4e5."
  }
  validation {
    condition     = var.auth_mode == "iam" || length(var.resource_policy.accounts) == 0 && var.resource_policy.organization_id == null
    error_message = "Only signed requests have an account: resource_policy.accounts and organization_id need auth_mode = \"iam\"."
  }
}

variable "web_acl" {
  description = "The regional web ACL of AWS WAF that protects the REST API. docs/gateway.md says what usual rules do to memories. It is an object, so that its ARN can be one that the same apply creates."
  type        = object({ arn = string })
  default     = null

  validation {
    condition     = var.web_acl == null || try(can(regex("^arn:[^:]+:wafv2:[^:]+:[0-9]{12}:regional/webacl/.+$", var.web_acl.arn)), false)
    error_message = "web_acl must be { arn = \"arn:aws:wafv2:<region>:<account>:regional/webacl/…\" }. A global web ACL is for CloudFront."
  }
  validation {
    condition     = var.web_acl == null || var.api_type == "rest"
    error_message = "AWS WAF protects only REST APIs: set api_type = \"rest\", or leave out web_acl."
  }
}

variable "manage_gateway_log_role" {
  description = "Whether this deployment owns the one role with which API Gateway writes logs in this account and region (REST APIs only). Set it to false if such a role already exists, or in all but one of the deployments that share an account and region."
  type        = bool
  default     = true
  nullable    = false
}

# Who else may use the bucket. The bucket policy denies it to everyone else in the account, administrators included.

variable "writer_principal_arns" {
  description = "The principals that may put memories besides the function, for example those that run `memory-ingress serve --bucket`: ARNs of IAM roles or users of this account. They also need s3:PutObject by a policy of their own."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.writer_principal_arns : can(regex("^arn:[^:]+:iam::[0-9]{12}:(role|user)/[^*?$]+$", arn))])
    error_message = "writer_principal_arns must be ARNs of single roles or users, such as arn:aws:iam::123456789012:role/agents. Wildcards, sessions and root are not allowed."
  }
}

variable "reader_principal_arns" {
  description = "The principals that may read memories, for example those that run `memory-ingress replay`: ARNs of IAM roles or users of this account. They also need s3:GetObject and s3:ListBucket by a policy of their own. By default only the break-glass principals may read."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.reader_principal_arns : can(regex("^arn:[^:]+:iam::[0-9]{12}:(role|user)/[^*?$]+$", arn))])
    error_message = "reader_principal_arns must be ARNs of single roles or users, such as arn:aws:iam::123456789012:role/analysts. Wildcards, sessions and root are not allowed."
  }
}

variable "deployer_principal_arns" {
  description = "The principals that run Terraform: ARNs of IAM roles or users of this account. They may configure replication. If there are any, only they, the readers and the break-glass principals may list the keys of the bucket, which name domains and entities. Terraform cannot find the bucket for anyone else then."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.deployer_principal_arns : can(regex("^arn:[^:]+:iam::[0-9]{12}:(role|user)/[^*?$]+$", arn))])
    error_message = "deployer_principal_arns must be ARNs of single roles or users, such as arn:aws:iam::123456789012:role/memory-ingress-deploy-prod-eu-central-1. Wildcards, sessions and root are not allowed."
  }
}

variable "permissions_boundary_arns" {
  description = "ARNs of the permissions boundaries for the roles that this module creates: of the function, of recall, of API Gateway's log, and of the replication. They are needed if the deploying role may only create roles with these boundaries (terraform/bootstrap)."
  type        = object({ writer = optional(string), recall = optional(string), gateway_log = optional(string), replication = optional(string) })
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for arn in values(var.permissions_boundary_arns) : arn == null || can(regex("^arn:[^:]+:iam::([0-9]{12}|aws):policy/.+$", arn))])
    error_message = "permissions_boundary_arns must be ARNs of policies, such as { writer = \"arn:aws:iam::123456789012:policy/boundary\" }."
  }
}

variable "replication" {
  description = "The bucket that gets a copy of each new memory, best in another region, and the KMS key there that encrypts the copies if kms_key_arn is set. The bucket must exist, be versioned, belong to this account and, with object_lock, have Object Lock. deployer_principal_arns or break_glass_principal_arns must name who applies this."
  type        = object({ bucket_arn = string, kms_key_arn = optional(string) })
  default     = null

  validation {
    condition     = var.replication == null || can(regex("^arn:[^:]+:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.replication.bucket_arn))
    error_message = "replication.bucket_arn must be the ARN of a bucket, such as arn:aws:s3:::our-replica."
  }
  validation {
    condition     = var.replication == null || try(can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.replication.kms_key_arn)) == (var.kms_key_arn != null), false)
    error_message = "replication.kms_key_arn must be the ARN of a key in the region of the replica if kms_key_arn is set, and must be left out otherwise."
  }
  validation {
    condition     = var.replication == null || length(var.deployer_principal_arns) + length(var.break_glass_principal_arns) > 0
    error_message = "The bucket policy lets nobody configure the replication: name the role or user that runs Terraform in deployer_principal_arns."
  }
}
