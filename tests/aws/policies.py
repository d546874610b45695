#!/usr/bin/env python3
"""Prints the policies that the module plans, as JSON: the default, with principals for every purpose, with a KMS key, with
recall, with recall that may change, and with the roles of the pipeline that bootstrap plans.

usage: tests/aws/policies.py > POLICIES && node tests/aws/policies.mjs POLICIES

The plan only asks moto for the identity of its caller, and creates nothing. Needs Terraform, and the Python packages
moto[server] and boto3.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from deployment import ACCOUNT, REGION, Deployment, empty_package, moto


def role(name):
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0c2b0b7e-0000-4000-8000-000000000000"
REPLICATION = {"bucket_arn": "arn:aws:s3:::our-replica", "kms_key_arn": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0c2b0b7e-0000-4000-8000-000000000000"}
VARIANTS = {
    "default": {},
    "named": {
        "break_glass_principal_arns": [role("erasure")],
        "deployer_principal_arns": [role("deployer")],
        "reader_principal_arns": [role("analyst")],
        "writer_principal_arns": [role("agents")],
    },
    "kms": {"kms_key_arn": KEY},
    "recall": {"kms_key_arn": KEY, "recall": {}},
    "changes": {
        "break_glass_principal_arns": [role("erasure")],
        "changer_principal_arns": [role("changer")],
        "deployer_principal_arns": [role("deployer")],
        "reader_principal_arns": [role("analyst")],
        "recall": {"changes": True},
        "writer_principal_arns": [role("agents")],
    },
    "pipeline": {
        "deployer_principal_arns": [role(f"memory-ingress-{job}-prod-{REGION}") for job in ("plan", "deploy")],
        "kms_key_arn": KEY,
        "recall": {"changes": True},
        "replication": REPLICATION,
    },
}
# Two environments of one account, to see that the roles of one cannot touch the other.
ENVIRONMENTS = {"prod": {"name": "memory-ingress", "recall": {"changes": True}, "replication": REPLICATION}, "dev": {"name": "memory-ingress-dev"}}


def planned(folder, env, root, **variables):
    """Returns the planned resources that have a policy, by address, before any of them exists.

    A policy with the id of an API is known only when that API exists, so it is not among them. What such a policy allows
    its callers is known: their calls, by grant.
    """
    Path(folder).mkdir()
    if "recall" in variables:
        variables["recall"] = {**variables["recall"], "package_path": variables["package_path"]}
    deployment = Deployment(folder, env, root, **variables)
    deployment.run("plan", "-out=made.tfplan", "-no-color")
    plan = json.loads(deployment.run("show", "-json", "made.tfplan").stdout)
    resources = plan["planned_values"]["root_module"]["resources"]
    policies = {made["address"]: json.loads(made["values"]["policy"]) for made in resources if made.get("values", {}).get("policy")}
    if root == "terraform":
        policies["calls"] = calls(deployment)
    return policies


def calls(deployment):
    """Returns what a caller with each grant may send, as the outputs caller_policy, reader_policy and changer_policy say."""
    asked = "jsonencode(merge([for function in values(local.functions) : function.calls]...))\n"
    told = deployment.run("console", "-no-color", input=asked).stdout
    return json.loads(json.loads(told.strip().splitlines()[-1]))


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    policies = {}
    with tempfile.TemporaryDirectory() as folder, moto(folder) as (_, env):
        package = empty_package(folder)
        for name, variables in VARIANTS.items():
            policies[name] = planned(Path(folder) / name, env, "terraform", package_path=package, **variables)
        policies["pipeline"].update(planned(Path(folder) / "bootstrap", env, "terraform/bootstrap", repository="example/memory", environments=ENVIRONMENTS))
    json.dump(policies, sys.stdout)


if __name__ == "__main__":
    main()
