#!/usr/bin/env python3
"""Plans each root in terraform/examples with the real AWS provider, against moto.

usage: tests/aws/examples.py

A plan that succeeds proves that the module accepts the settings of the example, also those that only an apply makes
known. Needs Terraform, and the Python packages moto[server] and boto3.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from deployment import ROOT, empty_package, moto, terraform


def planned(root, env):
    """Returns the addresses that a plan of this root creates, and the names of its outputs."""
    terraform(root, env, "init", "-no-color")
    terraform(root, env, "validate", "-no-color")
    terraform(root, env, "plan", "-out=example.tfplan", "-no-color")
    plan = json.loads(terraform(root, env, "show", "-json", "example.tfplan").stdout)
    created = {change["address"] for change in plan["resource_changes"] if change["change"]["actions"] == ["create"]}
    return created, set(plan["planned_values"]["outputs"])


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as folder, moto(folder) as (_, env):
        copy = Path(folder) / "terraform"
        shutil.copytree(ROOT / "terraform", copy, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*", "tests", "bootstrap", "backend.tf"))
        # Where the examples expect the package: built in this repository, or taken from a release.
        package, built = empty_package(folder), Path(folder) / "target/lambda"
        built.mkdir(parents=True)
        for place in (built / "memory-ingress-arm64.zip", built / "memory-recall-arm64.zip", copy / "examples/as-module/memory-ingress-arm64.zip"):
            shutil.copy(package, place)
        for root in sorted((copy / "examples").iterdir()):
            created, outputs = planned(root, env)
            for address in ("aws_s3_bucket.memories", 'aws_lambda_function.this["writer"]'):
                assert f"module.memory.{address}" in created, (root.name, created)
            assert "endpoint" in outputs, (root.name, outputs)
            has_recall = 'module.memory.aws_lambda_function.this["recall"]' in created
            assert has_recall == (root.name == "recall"), (root.name, created)
            print(f"{root.name}: planned, {len(created)} resources", flush=True)


if __name__ == "__main__":
    main()
