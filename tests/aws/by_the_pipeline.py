#!/usr/bin/env python3
"""Runs the scripts of the pipeline on ministack, in the order of deploy-environment.yml, after docs/pipeline.md set it up.

usage: tests/aws/by_the_pipeline.py [--aws PROGRAM] [--package ZIP]

The bootstrap, a good release, a release that crashes, and the roll-back, each judged by the smoke test. The state is in
the bucket that the bootstrap makes. Everything runs as the administrator: GitHub's tokens and the roles are not tested here.
Needs what by_the_docs.py needs, and jq.
"""

import json
import re
import tempfile
import zipfile

from by_the_docs import Operator, block, ministack, options
from deployment import ROOT

PAGE = ROOT / "docs/pipeline.md"


def release(operator):
    """Plans and applies what is new, as the job `apply` does. Returns the outputs of the step `plan`."""
    told = operator.run('.github/plan "$ENVIRONMENT"')
    outputs = dict(re.findall(r"^(changes|digest|function|live)=(.*)$", told, re.MULTILINE))
    operator.run("terraform -chdir=terraform apply -input=false -no-color tfplan")
    return outputs


def proved(operator):
    """Returns the output of the step `smoke`: what it proves of the release that is live."""
    output = operator.folder / "output"
    output.write_text("")
    operator.run(f"GITHUB_OUTPUT={output} .github/smoke || true")
    return output.read_text().strip()


def crash(package):
    """Replaces the package by one whose function ends at once."""
    entry = zipfile.ZipInfo("bootstrap")
    entry.create_system, entry.external_attr = 3, 0o100755 << 16
    with zipfile.ZipFile(package, "w") as file:
        file.writestr(entry, "#!/bin/sh\nexit 1\n")


def walk(operator):
    operator.run("terraform/package.py --architecture arm64")
    operator.run(block("Setting it up", "terraform apply", PAGE), "yes\n")
    told = operator.run(block("Setting it up", "gh variable set DEPLOY_PROD", PAGE).replace("gh variable set DEPLOY_PROD --body", "echo"))
    settings = json.loads(told)
    operator.run(f"""cd ../..
        export ENVIRONMENT=prod STATE_BUCKET={settings["state_bucket"]} TF_IN_AUTOMATION=true
        export TF_VAR_permissions_boundary_arns='{json.dumps(settings["boundaries"])}'""")

    first = release(operator)
    assert (first["changes"], first["function"], first["live"]) == ("true", "", ""), first
    assert proved(operator) == "release=good"
    crash(operator.clone / "target/lambda/memory-ingress-arm64.zip")
    second = release(operator)
    assert (second["function"], second["live"]) == ("memory-ingress-prod", "1"), second
    assert proved(operator) == "release=bad"

    told = operator.run(f".github/roll-back prod {second['function']} {second['live']}")
    assert "Version 1 passes the smoke test, so the cause is in version 2." in told, told
    told = operator.run(f".github/roll-back prod {second['function']} {second['live']}", allowed=(1,))
    assert "Nothing to roll back" in told, told
    after = operator.run('.github/plan "$ENVIRONMENT" -lock=false')  # the state still says that version 2 is live
    assert re.search("^live=1$", after, re.MULTILINE), after


def main():
    given = options(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder, ministack(folder) as env:
        walk(Operator(folder, env, given.aws, given.package.resolve()))
    print("ministack: the pipeline released, noticed a crash and rolled back")


if __name__ == "__main__":
    main()
