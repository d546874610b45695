#!/usr/bin/env python3
"""Writes the two files that name the files of a release by their checksums.

usage: release/published.py [SHA256SUMS]

Writes Formula/memory-ingress.rb, the formula of Homebrew, and release/server.json, the entry of the MCP registry. The
version and the repository are those of Cargo.toml, the only place that has them. SHA256SUMS is the file of the release.
Without it the checksums are zeros: both files name a release that does not exist yet, and no installer accepts them.
"""

import json
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = "memory-ingress"
SYSTEMS = {
    "macos": {"arm": "aarch64-apple-darwin", "intel": "x86_64-apple-darwin"},
    "linux": {"arm": "aarch64-unknown-linux-musl", "intel": "x86_64-unknown-linux-musl"},
}
NOT_RELEASED = "0" * 64
SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"


def package():
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
    return {**manifest["workspace"]["package"], "description": manifest["package"]["description"]}


def digests():
    """Returns the checksums of a release by file name."""
    if len(sys.argv) < 2:
        return {}
    lines = Path(sys.argv[1]).read_text().splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def formula(about, digest):
    """Returns the formula of Homebrew (https://docs.brew.sh/Formula-Cookbook)."""
    def archive(target):
        return f"{NAME}-{target}.tar.gz"

    def system(name, targets):
        return "".join([
            f"\n  on_{name} do",
            *(
                f"\n    on_{processor} do"
                f'\n      url "{about["repository"]}/releases/download/v#{{version}}/{archive(target)}"'
                f'\n      sha256 "{digest(archive(target))}"'
                "\n    end"
                for processor, target in targets.items()
            ),
            "\n  end\n",
        ])

    return f"""# Written by release/published.py.
class MemoryIngress < Formula
  desc "Stores and finds the memories of AI agents, in a folder or in Amazon S3"
  homepage "{about["repository"]}"
  version "{about["version"]}"
  license "{about["license"]}"
{"".join(system(name, targets) for name, targets in SYSTEMS.items())}
  def install
    bin.install "{NAME}"
    generate_completions_from_executable(bin/"{NAME}", "completions")
    (man1/"{NAME}.1").write Utils.safe_popen_read(bin/"{NAME}", "man")
  end

  test do
    assert_equal "{NAME} #{{version}}", shell_output("#{{bin}}/{NAME} --version").strip
    request = '{{"jsonrpc":"2.0","id":1,"method":"initialize"}}'
    assert_match '"serverInfo"', pipe_output("#{{bin}}/{NAME} mcp --data #{{testpath}}/memories", request, 0)
  end
end
"""


def server(about, digest):
    """Returns the entry of the MCP registry. Its name is in the namespace of the repository's owner."""
    owner = about["repository"].split("/")[3]
    bundles = [f"{NAME}-folder-{target}.mcpb" for targets in SYSTEMS.values() for target in targets.values()]
    return {
        "$schema": SCHEMA,
        "name": f"io.github.{owner}/{NAME}",
        "title": "Memory",
        "description": "Stores and finds the memories of AI agents, in a folder or in Amazon S3.",
        "version": about["version"],
        "repository": {"url": about["repository"], "source": "github"},
        "packages": [
            {
                "registryType": "mcpb",
                "identifier": f"{about['repository']}/releases/download/v{about['version']}/{bundle}",
                "version": about["version"],
                "fileSha256": digest(bundle),
                "transport": {"type": "stdio"},
            }
            for bundle in bundles
        ],
    }


def main():
    about, known = package(), digests()

    def digest(name):
        if known and name not in known:
            sys.exit(f"{sys.argv[1]} has no checksum of {name}.")
        return known.get(name, NOT_RELEASED)

    (ROOT / "Formula").mkdir(exist_ok=True)
    (ROOT / "Formula/memory-ingress.rb").write_text(formula(about, digest))
    (ROOT / "release/server.json").write_text(json.dumps(server(about, digest), indent=2) + "\n")


if __name__ == "__main__":
    main()
