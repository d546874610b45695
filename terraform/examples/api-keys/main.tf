# A REST API whose callers have one API key each. AWS advises against API keys as the only authentication, so here they are
# accepted only from the addresses of an office, and a firewall limits each of them.

module "memory" {
  source = "../.."

  name             = "memory-ingress-keys"
  auth_mode        = "api_key"
  api_clients      = ["billing", "crm"]
  client_limits    = { rate = 20, burst = 40, quota = { limit = 100000, period = "DAY" } }
  resource_policy  = { cidrs = ["203.0.113.0/24"] }
  web_acl          = { arn = aws_wafv2_web_acl.memory.arn }
  alarm_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:operators"]
}

locals {
  # The rules that look into the body. They find notes about HTML, paths and addresses, and bodies of more than 8 KB.
  rules_of_the_body = [
    "CrossSiteScripting_BODY", "EC2MetaDataSSRF_BODY", "GenericLFI_BODY", "GenericRFI_BODY", "SizeRestrictions_BODY",
  ]
}

resource "aws_wafv2_web_acl" "memory" {
  name  = "memory-ingress-keys"
  scope = "REGIONAL"

  default_action {
    allow {}
  }

  rule {
    name     = "requests-per-key"
    priority = 1

    action {
      block {}
    }

    statement {
      rate_based_statement {
        limit                 = 3000
        evaluation_window_sec = 60
        aggregate_key_type    = "CUSTOM_KEYS"

        custom_key {
          header {
            name = "x-api-key"

            text_transformation {
              priority = 0
              type     = "NONE"
            }
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "requests-per-key"
      sampled_requests_enabled   = false # samples would show the API keys
    }
  }

  rule {
    name     = "known-bad-inputs"
    priority = 2

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesKnownBadInputsRuleSet"

        dynamic "rule_action_override" {
          for_each = ["JavaDeserializationRCE_BODY", "Log4JRCE_BODY"]

          content {
            name = rule_action_override.value

            action_to_use {
              count {}
            }
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "known-bad-inputs"
      sampled_requests_enabled   = false
    }
  }

  rule {
    name     = "common"
    priority = 3

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesCommonRuleSet"

        dynamic "rule_action_override" {
          for_each = local.rules_of_the_body

          content {
            name = rule_action_override.value

            action_to_use {
              count {}
            }
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "common"
      sampled_requests_enabled   = false
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = "memory-ingress-keys"
    sampled_requests_enabled   = false
  }
}
