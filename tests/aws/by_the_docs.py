#!/usr/bin/env python3
"""Walks through docs/deploying.md as a new operator: from a clone to a tested endpoint, and to its end without the bucket.

usage: tests/aws/by_the_docs.py [--aws PROGRAM] [--package ZIP] moto|ministack

Every command is the text of a block of the page. The network is replaced: the names of AWS lead to an emulator on this
machine, and no other name leads anywhere. Two commands have stand-ins: terraform/package.py copies the package that was
built before, because ministack runs it on x86_64 only, and `aws configure export-credentials` prints the credentials of
the environment, because version 1 of the AWS CLI, which PyPI has, cannot. moto cannot run a function, so there the smoke
test is left out. Needs the Python packages of the emulator, the AWS CLI, Terraform, curl and bash.
"""

import argparse
import re
import subprocess
import tempfile
import textwrap
import time
from contextlib import contextmanager
from pathlib import Path

from deployment import ACCOUNT, PATIENCE, REGION, ROOT, environment, free_port, moto

PAGE = ROOT / "docs/deploying.md"
BUCKET = f"memory-ingress-{ACCOUNT}-{REGION}"

# Loaded by every Python program of the walk: the names of AWS lead to the emulator.
NETWORK = """
import os, socket
connect = socket.create_connection

def to_the_emulator(address, *rest, **named):
    host, port = address
    if host.endswith(".amazonaws.com"):
        host, port = "127.0.0.1", int(os.environ["EMULATOR_PORT"])
    assert host in ("127.0.0.1", "localhost"), f"{host} is not on this machine"
    return connect((host, port), *rest, **named)

socket.create_connection = to_the_emulator
"""
AWS = """#!/bin/bash
if [ "$*" = "configure export-credentials --format env" ]; then
    echo "export AWS_ACCESS_KEY_ID=$AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY=$AWS_SECRET_ACCESS_KEY"
else
    AWS_DEFAULT_REGION="$AWS_REGION" exec {program} "$@"  # version 1 of the AWS CLI does not know AWS_REGION
fi
"""
PACKAGE = """#!/usr/bin/env python3
import pathlib, shutil, sys
target = pathlib.Path(__file__).parent.parent / "target/lambda"
target.mkdir(parents=True, exist_ok=True)
architecture = sys.argv[sys.argv.index("--architecture") + 1]
for function, package in {packages!r}.items():
    shutil.copy(package, target / f"{{function}}-{{architecture}}.zip")
"""


def block(section, containing, page=PAGE):
    """Returns the one block of commands or settings in a section of a page that contains a text."""
    sections = re.split(r"^## ", page.read_text(), flags=re.MULTILINE)
    [text] = [text for text in sections if text.split("\n", 1)[0].strip("# ") == section]
    found = [code for code in re.findall(r"^ *```(?:sh|hcl)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL) if containing in code]
    assert len(found) == 1, f"{section}: {len(found)} blocks contain {containing!r}"
    return textwrap.dedent(found[0])


class Operator:
    """Somebody at a shell, whose folder and variables stay from one block to the next."""

    def __init__(self, folder, env, aws, package, **more):
        self.folder, self.clone = Path(folder), Path(folder) / "clone"
        # Without TF_INPUT and TF_IN_AUTOMATION, Terraform asks for an approval.
        self.env = {name: value for name, value in env.items() if not name.startswith("TF_IN")}
        for name, text in (("bin/aws", AWS.format(program=aws)), ("network/sitecustomize.py", NETWORK)):
            path = self.folder / name
            path.parent.mkdir()
            path.write_text(text)
            path.chmod(0o755)
        self.env["PATH"] = f"{self.folder / 'bin'}:{self.env['PATH']}"
        self.env["PYTHONPATH"] = str(self.folder / "network")
        self.packages = {"memory-ingress": str(package), **more}
        self.get_a_clone()

    def get_a_clone(self):
        """Copies the files that are committed or new, and goes there."""
        listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True)
        names = [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).exists()]
        self.clone.mkdir()
        subprocess.run(["cp", "--parents", *names, self.clone], cwd=ROOT, check=True)
        (self.clone / "terraform/package.py").write_text(PACKAGE.format(packages=self.packages))
        self.run(f"cd {self.clone}")

    def run(self, commands, answer="", allowed=(0,)):
        """Runs commands as typed, and answers questions of Terraform. Returns what they print."""
        shell = self.folder / "shell"
        before = f"source {shell}\n" if shell.exists() else ""
        script = f"{before}set -e -o pipefail\n{commands}\n{{ declare -p | grep -v '^declare -[A-Za-z]*r'; echo cd $(printf %q \"$PWD\"); }} >{shell}\n"
        begun = time.monotonic()
        done = subprocess.run(["bash", "-c", script], env=self.env, cwd=self.folder, input=answer, text=True, timeout=PATIENCE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode in allowed, f"{commands}\nexited with {done.returncode}:\n{done.stdout[-6000:]}"
        print(f"  {time.monotonic() - begun:6.1f} s  {'; '.join(commands.split(chr(10)))[:100]}", flush=True)
        return done.stdout

    def write(self, name, settings):
        """Writes a file next to the module's files."""
        (self.clone / "terraform" / name).write_text(settings)

    def stored(self):
        """Returns the keys and the policy of the bucket."""
        keys = self.run(f"aws s3api list-objects-v2 --bucket {BUCKET} --query 'Contents[].Key' --output text")
        return keys, self.run(f"aws s3api get-bucket-policy --bucket {BUCKET} --query Policy --output text")


def to_a_tested_endpoint(operator, runs_functions):
    operator.run(block("Deploying on AWS", "terraform apply"), "yes\n")
    if runs_functions:
        test(operator)
    else:
        operator.run("terraform plan -detailed-exitcode -input=false")


def test(operator):
    assert "the service recognised the repeat" in operator.run(block("Deploying on AWS", "./smoke.py"))


def to_first_memories(operator):
    assert '"s3_key"' in operator.run(block("Calling it", "--aws-sigv4"))
    assert '"s3_key"' in operator.run('eval "$(terraform output -raw example)"')


def to_an_upgrade_and_back(operator, runs_functions):
    assert operator.run("terraform output -raw live_version") == "1"
    operator.write("settings.auto.tfvars", "memory_mib = 256\n")  # another setting is another version
    operator.run("terraform apply", "yes\n")
    assert operator.run("terraform output -raw live_version") == "2"
    back = block("Upgrading, and rolling back", "update-alias").replace("--function-version 7", "--function-version 1")
    assert '"FunctionVersion": "1"' in operator.run(back)
    if runs_functions:
        test(operator)
    operator.write("settings.auto.tfvars", 'memory_mib = 256\nlive_version = "1"\n')
    operator.run("terraform apply", "yes\n")
    assert operator.run("terraform output -raw live_version") == "1"


def to_the_end_without_the_bucket(operator):
    before = operator.stored()
    assert "Instance cannot be destroyed" in operator.run("terraform destroy", "yes\n", allowed=(1,))
    operator.run(block("Tearing down, without the bucket", "terraform state rm"), "yes\n")
    assert operator.run("terraform state list") == ""
    assert operator.stored() == before


def to_another_deployment_of_the_bucket(operator, runs_functions):
    before = operator.stored()
    operator.write("import.tf", block("Tearing down, without the bucket", "import {").replace("NAME", BUCKET))
    operator.run("terraform apply\nrm import.tf", "yes\n")
    assert operator.stored() == before
    if runs_functions:
        test(operator)


def to_the_end_of_the_bucket(operator):
    operator.write("destroy_override.tf", block("Tearing down, without the bucket", "force_destroy"))
    operator.run("terraform apply", "yes\n")
    operator.run("terraform destroy", "yes\n")
    assert BUCKET not in operator.run("aws s3api list-buckets --query 'Buckets[].Name' --output text")


def walk(operator, runs_functions):
    """Goes through the page. A step that fails ends the walk."""
    steps = [
        (to_a_tested_endpoint, operator, runs_functions),
        *([(to_first_memories, operator)] if runs_functions else []),
        (to_an_upgrade_and_back, operator, runs_functions),
        (to_the_end_without_the_bucket, operator),
        (to_another_deployment_of_the_bucket, operator, runs_functions),
        (to_the_end_of_the_bucket, operator),
    ]
    for step, *given in steps:
        begun = time.monotonic()
        step(*given)
        print(f"{time.monotonic() - begun:4.0f} s  {step.__name__.replace('_', ' ')}", flush=True)


@contextmanager
def ministack(folder, **more):
    """Runs ministack with these settings. Yields the environment in which its names and its certificate are those of AWS."""
    import on_ministack  # needs packages that the walk on moto does without

    cert, key = on_ministack.certificate(folder)
    port = free_port()
    (Path(folder) / ".curlrc").write_text(f'connect-to = "::127.0.0.1:{port}"\ncacert = "{cert}"\nfail-with-body\nsilent\n')
    env = environment(folder, AWS_ENDPOINT_URL=f"https://127.0.0.1:{port}", AWS_CA_BUNDLE=cert, SSL_CERT_FILE=cert, AWS_REGION=REGION,
                      AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", CURL_HOME=str(folder), EMULATOR_PORT=str(port))
    with on_ministack.ministack(folder, {**env, **more, "MINISTACK_HOST": f"{REGION}.amazonaws.com"}, port, cert, key):
        yield env


def options(what):
    parser = argparse.ArgumentParser(description=what, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--aws", default="aws", help="the AWS CLI [aws]")
    parser.add_argument("--package", default=ROOT / "target/lambda/memory-ingress-x86_64.zip", type=Path, help="the package of the function")
    return parser


def main():
    parser = options(__doc__)
    parser.add_argument("emulator", choices=("moto", "ministack"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.emulator == "moto":
            with moto(folder) as (_, env):
                walk(Operator(folder, env, given.aws, given.package.resolve()), False)
        else:
            with ministack(folder) as env:
                walk(Operator(folder, env, given.aws, given.package.resolve()), True)


if __name__ == "__main__":
    main()
