#!/usr/bin/env python3
"""Builds the program memory-ingress for one system, and packs what a release has of it.

usage: release/program.py TARGET

TARGET is x86_64-unknown-linux-musl, aarch64-unknown-linux-musl, x86_64-apple-darwin or aarch64-apple-darwin. A program
for Linux is static, and can be built on any Linux; one for macOS is built on a Mac. Writes to target/release-files:

    memory-ingress-TARGET.tar.gz          the program and its licence, for Homebrew, cargo-binstall and by hand
    memory-ingress-folder-TARGET.mcpb     a bundle of MCP that asks for a folder, for Claude Desktop
    memory-ingress-service-TARGET.mcpb    the same that asks for the URL and the key of a deployed service
    memory-ingress-TARGET.sha256          the checksums of all three

The archives of one program have the same bytes at every run. The first run for Linux installs cargo-zigbuild, with
Zig's linker and C library, into target/tools. It needs Rust, Python 3 with venv, and the package registries of both.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "terraform"))
from package import environment, run, static, tools
from published import package

OUTPUT = ROOT / "target/release-files"
NAME = "memory-ingress"
# The names of Node for the operating systems, which bundles use.
PLATFORMS = {
    "x86_64-unknown-linux-musl": "linux",
    "aarch64-unknown-linux-musl": "linux",
    "x86_64-apple-darwin": "darwin",
    "aarch64-apple-darwin": "darwin",
}
TOOLS = ["cargo-zigbuild==0.24.0", "ziglang==0.17.0"]
# Where a deployed service is, in an example.
EXAMPLE_URL = "https://a1b2c3.execute-api.eu-central-1.amazonaws.com/live"


def build(target):
    """Builds the program, and returns its bytes."""
    run(["rustup", "target", "add", target], f"it needs rustup, or Rust's standard library for {target}.", stderr=subprocess.DEVNULL)
    is_linux = PLATFORMS[target] == "linux"
    own = environment(target, tools(TOOLS)) if is_linux else environment(target)
    options = ["--release", "--locked", "--target", target, "--package", NAME, "--bin", NAME]
    run(["cargo", "zigbuild" if is_linux else "build", *options], "see its output.", env=own)
    folder = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    program = folder / target / "release" / NAME
    return static(program) if is_linux else program.read_bytes()


def manifest(target, kind):
    """Returns the manifest of a bundle of MCP (https://github.com/modelcontextprotocol/mcpb, version 0.3)."""
    about = package()
    folder = {
        "args": ["mcp", "--data", "${user_config.folder}"],
        "user_config": {
            "folder": {
                "type": "directory",
                "title": "Folder of the memories",
                "description": "Each memory is one file in it. It is created if only its last part is missing.",
                "default": "${HOME}/memories",
                "required": True,
            },
        },
    }
    service = {
        "args": ["mcp", "--url", "${user_config.url}"],
        "env": {"MEMORY_API_KEY": "${user_config.key}"},
        "user_config": {
            "url": {
                "type": "string",
                "title": "URL of the service",
                "description": f"Such as {EXAMPLE_URL}",
                "required": True,
            },
            "key": {
                "type": "string",
                "title": "API key",
                "description": "It is sent to the service in the header x-api-key, and stays on this machine otherwise.",
                "sensitive": True,
                "required": True,
            },
        },
    }
    how = {"folder": folder, "service": service}[kind]
    where = {"folder": "files of this machine", "service": "a deployed service"}[kind]
    return {
        "manifest_version": "0.3",
        "name": NAME if kind == "folder" else f"{NAME}-{kind}",
        "display_name": f"Memory ({where})",
        "version": about["version"],
        "description": f"Stores and finds an agent's memories, in {where}.",
        "author": {"name": f"The authors of {NAME}", "url": about["repository"]},
        "repository": {"type": "git", "url": about["repository"]},
        "license": about["license"],
        "server": {
            "type": "binary",
            "entry_point": f"server/{NAME}",
            "mcp_config": {
                "command": f"${{__dirname}}/server/{NAME}",
                "args": how["args"],
                **({"env": how["env"]} if "env" in how else {}),
            },
        },
        # The tools are asked for: a service without recall has fewer.
        "tools_generated": True,
        "compatibility": {"platforms": [PLATFORMS[target]]},
        "user_config": how["user_config"],
    }


def bundle(program, target, kind, path):
    """Writes a bundle with fixed times."""
    files = [
        ("manifest.json", json.dumps(manifest(target, kind), indent=2).encode() + b"\n", 0o644),
        ("LICENSE", (ROOT / "LICENSE").read_bytes(), 0o644),
        (f"server/{NAME}", program, 0o755),
    ]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content, mode in files:
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, (0o100000 | mode) << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, 9)


def archive(program, path):
    """Writes the archive of the program with fixed times and owners."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content, mode in [(NAME, program, 0o755), ("LICENSE", (ROOT / "LICENSE").read_bytes(), 0o644)]:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    path.write_bytes(gzip.compress(whole.getvalue(), 9, mtime=0))


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("target", choices=PLATFORMS)
    target = options.parse_args().target
    program = build(target)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    files = [OUTPUT / f"{NAME}-{target}.tar.gz"]
    archive(program, files[0])
    for kind in ["folder", "service"]:
        files.append(OUTPUT / f"{NAME}-{kind}-{target}.mcpb")
        bundle(program, target, kind, files[-1])
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    (OUTPUT / f"{NAME}-{target}.sha256").write_text("".join(f"{digest}  {name}\n" for name, digest in sums.items()))
    for path in files:
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes; sha256 {sums[path.name]}")


if __name__ == "__main__":
    main()
