output "endpoint" {
  description = "The URL to send memories to: append /memory, or /mcp for agents."
  value       = module.memory.endpoint
}

output "alarm_arns" {
  description = "The alarms, for example for a composite alarm."
  value       = module.memory.alarm_arns
}
