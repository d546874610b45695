"""docs/runbook.md as a test takes it: its blocks, and the deployment in trouble on which they run.

The deployment has the names that the page uses. What is done to it, and in which order, is in by_the_runbook.py.
"""

import json
import re
import textwrap
from types import SimpleNamespace
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from caller import Caller
from deployment import REGION, ROOT
from insights import Line, ask

PAGE = ROOT / "docs/runbook.md"


class Runbook:
    """The blocks of the page, and those that no drill has taken yet."""

    def __init__(self):
        sections = re.split(r"^###? (.*)$", PAGE.read_text(), flags=re.MULTILINE)
        pattern = re.compile(r"^ *```([^\n]+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
        self.blocks = [
            (section, kind, textwrap.dedent(text))
            for section, body in zip(sections[1::2], sections[2::2], strict=True) for kind, text in pattern.findall(body)
        ]
        fences = len(re.findall(r"^ *```", PAGE.read_text(), re.MULTILINE))
        assert fences == 2 * len(self.blocks), "a block of the page has no kind"
        self.left = set(self.blocks)

    def take(self, section, containing="", kind="sh", **replaced):
        """Returns the one block of a section that contains a text, with what stands for the reader's own names replaced."""
        found = [held for held in self.blocks if held[0] == section and held[1].split()[0] == kind and containing in held[2]]
        assert len(found) == 1, f"{section}: {len(found)} blocks contain {containing!r}"
        self.left.discard(found[0])
        _, kind, text = found[0]
        for name, value in replaced.items():
            stands = rf"(?<=\b{name}=)\S+" if kind == "sh" else rf'(?<="){name}(?=")'
            text, times = re.subn(stands, lambda _: value, text)
            assert times, f"{section} does not name {name}: {text}"
        return kind.split()[1:], text

    def check(self):
        """Fails if there is a block that no drill has taken."""
        left = "\n".join(f"{held[0]}:\n{held[2]}" for held in self.blocks if held in self.left)
        assert not left, f"no drill runs this:\n{left}"


class Deployed:
    """The deployment in trouble: its operator, its callers, and its logs."""

    def __init__(self, operator, env):
        self.operator, self.env, self.runbook = operator, env, Runbook()

    def client(self, service, region=REGION):
        config = Config(region_name=region, s3={"addressing_style": "path"}, retries={"max_attempts": 0})
        return boto3.client(service, endpoint_url=self.env["AWS_ENDPOINT_URL"], verify=self.env["AWS_CA_BUNDLE"], config=config,
                            aws_access_key_id="test", aws_secret_access_key="test")

    def do(self, section, containing="", answer="", allowed=(0,), **replaced):
        """Runs a block of commands of the page. Returns what it prints."""
        return self.operator.run(self.runbook.take(section, containing, **replaced)[1], answer, allowed)

    def look(self, section, containing="", **replaced):
        """Returns the rows of a query of the page."""
        groups, query = self.runbook.take(section, containing, "insights", **replaced)
        return ask(query, [line for group in groups for line in self.lines(group)])

    def lines(self, group):
        name = self.groups[group]
        pages = self.client("logs", self.outputs["region"]).get_paginator("filter_log_events").paginate(logGroupName=name)
        return [Line(name, event["timestamp"], event["message"]) for page in pages for event in page["events"]]

    def becomes(self, who):
        """Gives the operator the credentials of somebody."""
        self.operator.run(f". {self.operator.folder}/{who}")

    def read_outputs(self):
        self.outputs = {name: output["value"] for name, output in json.loads(self.operator.run("terraform output -json")).items()}
        self.groups = self.outputs["log_groups"]
        endpoint = urlsplit(self.outputs["gateway_endpoint"])
        emulator = urlsplit(self.env["AWS_ENDPOINT_URL"])
        self.stack = SimpleNamespace(stage=endpoint.path, host=endpoint.netloc, port=443, cert=self.env["AWS_CA_BUNDLE"], endpoint=emulator.geturl())

    def caller(self):
        return Caller(self.stack, **{"x-api-key": next(iter(self.outputs["api_keys"].values()))})
