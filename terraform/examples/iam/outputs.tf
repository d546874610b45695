output "endpoint" {
  description = "The URL to send memories to: append /memory, or /mcp for agents."
  value       = module.memory.endpoint
}

output "caller_policy" {
  description = "The policy that a caller of the other account needs there."
  value       = module.memory.caller_policy
}
