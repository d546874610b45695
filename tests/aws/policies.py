#!/usr/bin/env python3
"""Prints the policies that the module plans, as JSON: by default, with a break-glass principal, and with a key of one's own.

usage: tests/aws/policies.py > POLICIES && node tests/aws/policies.mjs POLICIES

The plan asks moto who it is and makes nothing. Needs Terraform, and the packages moto[server] and boto3.
"""

import argparse
import json
import sys
import tempfile
import zipfile
from pathlib import Path

from deployment import ACCOUNT, REGION, Deployment, environment, free_port, server

VARIANTS = {
    "default": {},
    "break-glass": {"break_glass_principal_arns": [f"arn:aws:iam::{ACCOUNT}:role/erasure"]},
    "kms": {"kms_key_arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0c2b0b7e-0000-4000-8000-000000000000"},
}


def planned(folder, env, variables):
    """The role's and the bucket's policy, as a plan tells them before anything exists."""
    package = Path(folder) / "package.zip"
    with zipfile.ZipFile(package, "w") as file:
        file.writestr("bootstrap", "")
    deployment = Deployment(folder, env, package_path=str(package), **variables)
    deployment.run("plan", "-out=made.tfplan", "-no-color")
    plan = json.loads(deployment.run("show", "-json", "made.tfplan").stdout)
    resources = {made["address"]: made["values"] for made in plan["planned_values"]["root_module"]["resources"]}
    return {
        "role": json.loads(resources["aws_iam_role_policy.writer"]["policy"]),
        "bucket": json.loads(resources["aws_s3_bucket_policy.memories"]["policy"]),
    }


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    policies = {}
    for name, variables in VARIANTS.items():
        with tempfile.TemporaryDirectory() as folder:
            port = free_port()
            env = environment(folder, AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}", AWS_REGION=REGION,
                              AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
            moto = [sys.executable, str(Path(__file__).with_name("moto_server.py")), "-H", "127.0.0.1", "-p", str(port)]
            with server(moto, env, port, Path(folder) / "moto.log"):
                policies[name] = planned(folder, env, variables)
    json.dump(policies, sys.stdout)


if __name__ == "__main__":
    main()
