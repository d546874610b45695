output "state_bucket" {
  description = "The bucket that keeps Terraform's state: the value of bucket in each environment's .s3.tfbackend file."
  value       = aws_s3_bucket.state.id
}

output "settings" {
  description = "For each environment, the value of the repository variable DEPLOY_<ENVIRONMENT>, which the workflows read."
  value = {
    for environment, deployment in local.deployments : environment => jsonencode({
      region       = local.region
      state_bucket = local.state_bucket
      plan_role    = aws_iam_role.this["plan-${environment}"].arn
      deploy_role  = aws_iam_role.this["deploy-${environment}"].arn
      boundaries = {
        for role in ["gateway_log", "recall", "replication", "writer"] : role => try(aws_iam_policy.boundary["${role}-${environment}"].arn, null)
      }
    })
  }
}
