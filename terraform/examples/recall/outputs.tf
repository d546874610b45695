output "endpoint" {
  description = "The URL to send memories to, and to ask for them: append /memory, /mcp or /mcp/recall."
  value       = module.memory.endpoint
}

output "recall" {
  description = "The function that reads, and the bucket of its cache."
  value       = module.memory.recall
}
