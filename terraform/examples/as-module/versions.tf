terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

# The module has no provider block, so each copy of it takes the one that it is given.
provider "aws" {
  alias  = "frankfurt"
  region = "eu-central-1"
}
