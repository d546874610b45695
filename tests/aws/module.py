#!/usr/bin/env python3
"""Checks the format of the Terraform modules, validates them and tests them, without an AWS account.

usage: tests/aws/module.py

Needs Terraform, and its AWS provider or a network to download it.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

from deployment import ROOT, environment, terraform


def check(name, folder, env):
    """Runs `terraform init`, `validate` and `test` in a copy, so that init leaves no files in the repository."""
    unwanted = shutil.ignore_patterns(".terraform", "*.tfstate*", "bootstrap", "backend.tf", "*.auto.tfvars", "terraform.tfvars")
    shutil.copytree(ROOT / name, folder, ignore=unwanted)
    terraform(folder, env, "init", "-backend=false", "-lockfile=readonly", "-no-color")
    terraform(folder, env, "validate", "-no-color")
    print(terraform(folder, env, "test", "-no-color").stdout)


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        env = environment(folder)
        terraform(ROOT / "terraform", env, "fmt", "-check", "-recursive", "-diff")
        for name in ("terraform", "terraform/bootstrap"):
            check(name, Path(folder) / name.replace("/", "-"), env)


if __name__ == "__main__":
    main()
