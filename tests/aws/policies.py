#!/usr/bin/env python3
"""Prints the policies that the module plans, as JSON: the default, with principals for every purpose, and with a KMS key.

usage: tests/aws/policies.py > POLICIES && node tests/aws/policies.mjs POLICIES

The plan only asks moto for the identity of its caller, and creates nothing. Needs Terraform, and the Python packages
moto[server] and boto3.
"""

import argparse
import json
import sys
import tempfile

from deployment import ACCOUNT, REGION, Deployment, empty_package, moto

NAMED = {"break_glass": "erasure", "deployer": "deployer", "reader": "analyst", "writer": "agents"}
VARIANTS = {
    "default": {},
    "named": {f"{purpose}_principal_arns": [f"arn:aws:iam::{ACCOUNT}:role/{role}"] for purpose, role in NAMED.items()},
    "kms": {"kms_key_arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0c2b0b7e-0000-4000-8000-000000000000"},
}


def planned(folder, env, variables):
    """Returns the policies of the role and of the bucket, as a plan shows them before any resource exists."""
    deployment = Deployment(folder, env, package_path=empty_package(folder), **variables)
    deployment.run("plan", "-out=made.tfplan", "-no-color")
    plan = json.loads(deployment.run("show", "-json", "made.tfplan").stdout)
    resources = {made["address"]: made["values"] for made in plan["planned_values"]["root_module"]["resources"]}
    return {
        "role": json.loads(resources['aws_iam_role_policy.function["writer"]']["policy"]),
        "bucket": json.loads(resources["aws_s3_bucket_policy.memories"]["policy"]),
    }


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    policies = {}
    for name, variables in VARIANTS.items():
        with tempfile.TemporaryDirectory() as folder, moto(folder) as (_, env):
            policies[name] = planned(folder, env, variables)
    json.dump(policies, sys.stdout)


if __name__ == "__main__":
    main()
