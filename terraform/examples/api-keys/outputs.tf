output "endpoint" {
  description = "The URL to send memories to: append /memory, or /mcp for agents."
  value       = module.memory.endpoint
}

output "api_keys" {
  description = "The API key of each caller."
  value       = module.memory.api_keys
  sensitive   = true
}
