terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # Versions 6.22 to 6.39 plan a change of the bucket's encryption every time: they send an empty
      # blocked_encryption_types where S3 reports its own default (provider issue 47320, mended in 6.40). Version 6.40 comes
      # when the tests of this module run with it. README.md says what version 6 will ask.
      version = "~> 5.100"
    }
  }
}
