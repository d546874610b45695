#!/usr/bin/env python3
"""Runs the scripts of the pipeline on ministack, in the order of deploy-environment.yml, after docs/pipeline.md set it up.

usage: tests/aws/by_the_pipeline.py [--aws PROGRAM] [--package ZIP]

The bootstrap, a first deployment, a second version and a roll-back, each proved by the smoke test. The state is in the
bucket that the bootstrap makes. Everything runs as the administrator: GitHub's tokens and the roles are not tested here.
Needs what by_the_docs.py needs, and jq.
"""

import json
import re
import tempfile

from by_the_docs import Operator, block, ministack, options
from deployment import ROOT

PAGE = ROOT / "docs/pipeline.md"


def release(operator):
    """Plans and applies what is new, as the job `apply` does. Returns the outputs of the step `plan`."""
    told = operator.run('.github/plan "$ENVIRONMENT"')
    outputs = dict(re.findall(r"^(changes|digest|function|live)=(.*)$", told, re.MULTILINE))
    operator.run("terraform -chdir=terraform apply -input=false -no-color tfplan")
    assert "recognised the repeat" in operator.run(".github/smoke")
    return outputs


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
    operator.run("sed -i 's/^object_lock/memory_mib = 256\\nobject_lock/' terraform/envs/prod.tfvars")
    second = release(operator)
    assert (second["function"], second["live"]) == ("memory-ingress-prod", "1"), second

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
    print("ministack: the pipeline released twice and rolled back")


if __name__ == "__main__":
    main()
