output "endpoint" {
  description = "The URL to send memories to: append /memory, or /mcp for agents."
  value       = module.memory.endpoint
}
