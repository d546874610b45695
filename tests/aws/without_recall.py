#!/usr/bin/env python3
"""Checks that a module without recall plans what it planned before there was recall, resource by resource.

usage: tests/aws/without_recall.py [--write]

tests/aws/without_recall.json has the values of every planned resource, for three variants of the module. It was written
before the variable recall existed. A later change of what every deployment gets writes it again, and its diff says what
that is. The plan only asks moto for the identity of its caller. Needs Terraform, and the Python packages moto[server]
and boto3.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from deployment import ACCOUNT, REGION, Deployment, moto

PLANS = Path(__file__).with_suffix(".json")
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0c2b0b7e-0000-4000-8000-000000000000"
VARIANTS = {
    "rest-iam": {
        "allowed_origins": ["https://app.example.com"],
        "break_glass_principal_arns": [f"arn:aws:iam::{ACCOUNT}:role/erasure"],
        "deployer_principal_arns": [f"arn:aws:iam::{ACCOUNT}:role/deployer"],
        "reader_principal_arns": [f"arn:aws:iam::{ACCOUNT}:role/analyst"],
        "write_scopes": ["role/{aws:roleArn}", "smoke/deployment"],
        "writer_principal_arns": [f"arn:aws:iam::{ACCOUNT}:role/agents"],
    },
    "rest-api-key": {
        "api_clients": ["billing"],
        "auth_mode": "api_key",
        "deployer_principal_arns": [f"arn:aws:iam::{ACCOUNT}:role/deployer"],
        "kms_key_arn": KEY,
        "object_lock": {"mode": "GOVERNANCE", "days": 7},
        "permissions_boundary_arns": {"writer": f"arn:aws:iam::{ACCOUNT}:policy/boundary"},
        "replication": {"bucket_arn": "arn:aws:s3:::our-replica", "kms_key_arn": KEY.replace(REGION, "us-east-1")},
    },
    "http-jwt": {
        "allowed_origins": ["https://app.example.com"],
        "api_type": "http",
        "auth_mode": "jwt",
        "jwt": {"issuer": "https://issuer.example.com", "audience": ["memory"], "scopes": ["memory:write"]},
    },
}


def planned(folder, env, **variables):
    """Returns the values of each planned resource, by its address."""
    folder.mkdir()
    deployment = Deployment(folder, env, **variables)
    # Where the module expects the packages, so that no variant has to name one of this run's folders.
    for name in ("memory-ingress", "memory-recall"):
        package = deployment.folder.parent / f"target/lambda/{name}-arm64.zip"
        package.parent.mkdir(parents=True, exist_ok=True)
        package.write_bytes(b"")
    deployment.run("plan", "-out=made.tfplan", "-no-color")
    plan = json.loads(deployment.run("show", "-json", "made.tfplan").stdout)
    return {made["address"]: made.get("values") for made in plan["planned_values"]["root_module"]["resources"]}


def differences(before, now):
    """Returns a line for each resource that is planned otherwise."""
    for variant, resources in VARIANTS.items():
        for address in sorted(before[variant].keys() | now[variant].keys()):
            was, becomes = (json.dumps(plans[variant].get(address), sort_keys=True) for plans in (before, now))
            if was != becomes:
                yield f"{variant}: {address}\n  was     {was}\n  becomes {becomes}"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--write", action="store_true", help="write what is planned now, and compare nothing")
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, moto(folder) as (_, env):
        now = {name: planned(Path(folder) / name, env, **variables) for name, variables in VARIANTS.items()}
    if options.write:
        PLANS.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n")
        return
    found = list(differences(json.loads(PLANS.read_text()), now))
    if found:
        sys.exit("Without recall the module plans something else. If every deployment shall get this, run\n"
                 "tests/aws/without_recall.py --write.\n" + "\n".join(found))
    print(f"{sum(len(plans) for plans in now.values())} resources of {len(now)} deployments are as they were")


if __name__ == "__main__":
    main()
