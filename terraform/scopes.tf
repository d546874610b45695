# The form of a scope, DOMAIN/ENTITY, in which callers may write or read. docs/contract.md, section 6.3, has its rules.

locals {
  # Two parts, each a name, a claim in braces, or *.
  scope = "^(\\*|\\{[^{}]+\\}|[^/*{} ]+)/(\\*|\\{[^{}]+\\}|[^/*{} ]+)$"
  # In a name, a percent sign stands before a byte that is not a letter, a digit or one of -._~, and before whole characters
  # of UTF-8.
  scope_part = "^(\\*|\\{\\S([^{}]*\\S)?\\}|([A-Za-z0-9._~-]|%(2[0-9A-CF]|3[A-F]|40|5[B-E]|60|7[B-D])|%(C[2-9A-F]|D[0-9A-F])%[89AB][0-9A-F]|%E[0-9A-F](%[89AB][0-9A-F]){2}|%F[0-4](%[89AB][0-9A-F]){3})+)$"
  blank_part = "^(%20)+$"
  # The gateway's words. Callers choose the session name in aws:userArn themselves.
  gateway_claims = ["aws:roleArn", "aws:accountId", "aws:apiKeyId"]
}
