#!/usr/bin/env python3
"""Applies bootstrap and the module twice to moto, under the same names in two regions of one account.

usage: tests/aws/on_moto_in_two_regions.py

IAM has no regions, so what both create there must not collide. The module of the first region also replicates to a bucket
in the second one. Each has the boundaries that bootstrap made for it. moto evaluates no policy. Needs Terraform, and the
Python packages moto[server] and boto3.
"""

import argparse
import json
import tempfile
from pathlib import Path

import boto3
from botocore.config import Config
from deployment import ACCOUNT, REGIONS, Deployment, empty_package, moto

ISSUER = "token.actions.githubusercontent.com"
REPLICA = "our-replica"
REPLICATION = {"bucket_arn": f"arn:aws:s3:::{REPLICA}"}


def bootstrap(folder, env, region):
    """Returns the settings of the pipeline. The account has one provider for GitHub's tokens, made in the first region."""
    existing = {} if region == REGIONS[0] else {"oidc_provider_arn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"}
    environment = {"name": "memory-ingress", "replication": REPLICATION if region == REGIONS[0] else None}
    made = Deployment(folder, env, "terraform/bootstrap", repository="example/memory", environments={"prod": environment}, **existing)
    return json.loads(made.apply()["settings"]["prod"])


def module(folder, env, region, settings):
    deployment = Deployment(
        folder, env, package_path=empty_package(folder), permissions_boundary_arns=settings["boundaries"],
        deployer_principal_arns=[settings["plan_role"], settings["deploy_role"]], replication=REPLICATION if region == REGIONS[0] else None,
    )
    deployment.apply()
    return deployment


def check(client):
    iam = client("iam")
    roles = {role["RoleName"] for role in iam.list_roles()["Roles"]}
    names = {f"memory-ingress-{role}-{region}" for role in ("writer", "gateway-log", "plan-prod", "deploy-prod") for region in REGIONS}
    assert roles == {*names, f"memory-ingress-replication-{REGIONS[0]}"}, roles
    for name in roles:
        if "-prod-" not in name:
            boundary = iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
            role, region = next((name.removeprefix("memory-ingress-").removesuffix(f"-{region}"), region) for region in REGIONS if name.endswith(region))
            assert boundary.endswith(f"/memory-ingress-boundary-{role}-prod-{region}"), (name, boundary)
    source = f"memory-ingress-{ACCOUNT}-{REGIONS[0]}"
    replication = client("s3").get_bucket_replication(Bucket=source)["ReplicationConfiguration"]
    [rule] = replication["Rules"]
    assert replication["Role"].endswith(f":role/memory-ingress-replication-{REGIONS[0]}"), replication
    assert (rule["Status"], rule["Destination"]["Bucket"]) == ("Enabled", f"arn:aws:s3:::{REPLICA}"), rule


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as folder, moto(folder) as (endpoint, env):
        def client(service, region=REGIONS[0]):
            config = Config(region_name=region, s3={"addressing_style": "path"})
            return boto3.client(service, endpoint_url=endpoint, aws_access_key_id="test", aws_secret_access_key="test", config=config)

        s3 = client("s3", REGIONS[1])
        s3.create_bucket(Bucket=REPLICA)
        s3.put_bucket_versioning(Bucket=REPLICA, VersioningConfiguration={"Status": "Enabled"})
        deployments = {}
        for region in REGIONS:
            here, env_of_region = Path(folder) / region, {**env, "AWS_REGION": region}
            here.mkdir()
            settings = bootstrap(here, env_of_region, region)
            deployments[region] = module(here, env_of_region, region, settings)
            print(f"{region}: bootstrap and the module applied", flush=True)
        check(client)
        for region, deployment in deployments.items():
            deployment.run("plan", "-detailed-exitcode", "-no-color")
            print(f"{region}: planned without a change", flush=True)


if __name__ == "__main__":
    main()
