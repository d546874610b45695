#!/usr/bin/env python3
"""Deploys the module to ministack with no more than the roles of the pipeline may do, and plans with the plan role.

usage: tests/aws/on_ministack_as_the_pipeline.py

So a resource for which a role lacks a permission is found here, and not by the first deployment. ministack evaluates
actions and resources. It does not know most condition keys, so the conditions of what is allowed are left out here, and
policies.mjs judges them. Needs Linux, Terraform, and the Python packages ministack, boto3 and PyJWT[crypto].
"""

import argparse
import json
import tempfile

from deployment import ACCOUNT, REGION, Deployment, empty_package, free_port
from on_ministack import Stack, certificate, ministack

# What ministack asks for under another action or for another resource than AWS does.
ODDITIES = {
    "Effect": "Allow",
    "Action": [
        "cloudwatch:DeleteDashboards",
        "cloudwatch:GetDashboard",
        "cloudwatch:ListTagsForResource",
        "cloudwatch:PutDashboard",
        "lambda:CreateFunction",
        "lambda:ListAliases",
    ],
    "Resource": "*",
}
REPLICATION = {"bucket_arn": "arn:aws:s3:::our-replica"}
VARIANTS = {
    "rest-api-key": {"auth_mode": "api_key", "api_clients": ["billing"], "replication": REPLICATION, "recall": {"changes": True}},
    "http-iam": {"api_type": "http"},
}


def without_conditions(iam, role):
    """Returns the policies of a role in one, in which nothing that is allowed has a condition."""
    statements = [ODDITIES]
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        version = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)["PolicyVersion"]["Document"]
        statements += [
            {key: value for key, value in statement.items() if key != "Condition" or statement["Effect"] == "Deny"}
            for statement in document["Statement"]
        ]
    return {"Version": "2012-10-17", "Statement": statements}


def credentials(iam, job):
    """Creates a user that may do what a role of the pipeline may. Returns the environment with its credentials."""
    policy = without_conditions(iam, f"memory-ingress-{job}-prod-{REGION}")
    iam.create_user(UserName=job)
    iam.put_user_policy(UserName=job, PolicyName="may", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=job)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def deploy(stack, folder, **variables):
    package = empty_package(folder)
    if "recall" in variables:
        variables["recall"] = {**variables["recall"], "package_path": package}
    environment = {"name": "memory-ingress", "recall": variables.get("recall"), "replication": variables.get("replication")}
    bootstrap = Deployment(folder, stack.env, "terraform/bootstrap", repository="example/memory", environments={"prod": environment})
    settings = json.loads(bootstrap.apply()["settings"]["prod"])
    s3, iam = stack.client("s3"), stack.client("iam")
    s3.create_bucket(Bucket="our-replica", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket="our-replica", VersioningConfiguration={"Status": "Enabled"})
    deployer, planner = ({**stack.env, **credentials(iam, job)} for job in ("deploy", "plan"))
    deployment = Deployment(
        folder, deployer, package_path=package, permissions_boundary_arns=settings["boundaries"],
        deployer_principal_arns=[f"arn:aws:iam::{ACCOUNT}:user/{job}" for job in ("deploy", "plan")], **variables,
    )
    deployment.apply()
    # What a release changes: a new version, the alias, and a setting of the logs.
    changed = ["-var=memory_mib=256", "-var=log_retention_days=30"]
    deployment.run("apply", "-auto-approve", "-no-color", *changed)
    assert deployment.outputs()["live_version"] == "2", deployment.outputs()
    deployment.env = planner
    # ministack's own alarms always differ from the state, so a change is no failure.
    deployment.run("plan", "-detailed-exitcode", "-lock=false", "-no-color", *changed, allowed=(0, 2))


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    for name, variables in VARIANTS.items():
        with tempfile.TemporaryDirectory() as folder:
            cert, key = certificate(folder)
            stack = Stack(folder, free_port(), cert, None)
            with ministack(folder, stack.env, stack.port, cert, key):
                deploy(stack, folder, **variables)
        print(f"{name}: deployed twice with the rights of the deploy role, planned with those of the plan role", flush=True)


if __name__ == "__main__":
    main()
