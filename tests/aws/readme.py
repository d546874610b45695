#!/usr/bin/env python3
"""Writes the tables of inputs and outputs into terraform/README.md, or checks them.

usage: tests/aws/readme.py [--check]

Reads variables*.tf and outputs.tf as text in the form that terraform fmt gives it: a block ends with a brace at the begin
of a line, and its arguments are indented by two spaces.
"""

import argparse
import re
import sys

from deployment import ROOT

MODULE = ROOT / "terraform"
BEGIN, END = "<!-- tests/aws/readme.py writes from here -->\n", "<!-- to here -->\n"


def blocks(kind, files):
    """Returns the arguments of each block of a kind, by its name: the text of each expression, on one line."""
    found = {}
    held = "".join(file.read_text() for file in sorted(MODULE.glob(files)))
    for name, body in re.findall(rf'^{kind} "(\w+)" {{\n(.*?)^}}', held, re.M | re.S):
        arguments = re.findall(r"^  (\w+) += (.*?)(?=^  \w|\Z)", body, re.M | re.S)
        found[name] = {argument: one_line(expression) for argument, expression in arguments}
    return found


def one_line(expression):
    """Returns an expression without the line breaks of an object, which stand for its commas."""
    for pattern, replacement in ((r"\{\s*\n\s*", "{ "), (r"\n\s*\}", " }"), (r"\n\s*(?=\S)", ", "), (r"\s+", " ")):
        expression = re.sub(pattern, replacement, expression)
    return expression.strip()


def text(expression):
    """Returns the text of a string as Markdown for a cell of a table."""
    return re.fullmatch(r'"(.*)"', expression)[1].replace('\\"', '"').replace("|", "\\|")


def code(expression):
    return f"`{expression}`"


def tables():
    inputs = [
        f"| `{name}` | {text(held['description'])} | {code(held['type'])} | {code(held['default']) if 'default' in held else 'required'} |\n"
        for name, held in sorted(blocks("variable", "variables*.tf").items())
    ]
    outputs = [f"| `{name}` | {text(held['description'])} |\n" for name, held in sorted(blocks("output", "outputs.tf").items())]
    return "".join([
        "\n## Inputs\n\n| name | description | type | default |\n|---|---|---|---|\n", *inputs,
        "\n## Outputs\n\n| name | description |\n|---|---|\n", *outputs, "\n",
    ])


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--check", action="store_true", help="write nothing, and fail if the tables are not those of the module")
    file = MODULE / "README.md"
    before, rest = file.read_text().split(BEGIN)
    after = rest.split(END)[1]
    made = f"{before}{BEGIN}{tables()}{END}{after}"
    if not options.parse_args().check:
        file.write_text(made)
    elif made != file.read_text():
        sys.exit("The tables in terraform/README.md are not those of the module. Run tests/aws/readme.py.")


if __name__ == "__main__":
    main()
