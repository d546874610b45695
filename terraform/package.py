#!/usr/bin/env python3
"""Builds the function's package for AWS Lambda, the same bytes at every build.

usage: terraform/package.py [--architecture arm64|x86_64]

For each architecture a zip lies in target/lambda afterwards, memory-ingress-arm64.zip and memory-ingress-x86_64.zip,
with SHA256SUMS beside them. They run on provided.al2023, whose C library (glibc 2.34) is checked not to be older than what
the program needs.

The first run installs cargo-lambda, which brings a linker for both architectures, into target/tools, and adds Rust's target
by rustup. It needs Rust, Python 3 with venv, and the package registries of both. A build takes some minutes.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "target/lambda"
TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}
# The linker is of Zig, and another one makes other bytes.
TOOLS = ["cargo-lambda==1.9.2", "ziglang==0.17.0"]
GLIBC_OF_AL2023 = (2, 34)


def run(command, why, **options):
    """Runs a command; ends with what it was needed for where it fails."""
    try:
        subprocess.run(command, check=True, cwd=ROOT, **options)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"{' '.join(map(str, command))} failed ({error}): {why}")


def tools():
    """The folder of cargo-lambda's program, installed once."""
    environment = ROOT / "target/tools" / "-".join(TOOLS)
    done = environment / "installed"
    if not done.exists():
        print("installing", *TOOLS, file=sys.stderr)
        venv.create(environment, clear=True, with_pip=True)
        run([environment / "bin/pip", "install", "--quiet", *TOOLS], "it needs the package index of Python.")
        done.touch()
    return environment / "bin"


def without_paths():
    """Flags by which a program does not say where it was built."""
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    run(["cargo", "fetch", "--quiet", "--locked"], "it needs Rust, and the package registry of Rust.")
    folders = {ROOT: "/memory-ingress", **{folder: "/registry" for folder in home.glob("registry/src/*")}}
    return "\x1f".join(f"--remap-path-prefix={folder}={name}" for folder, name in folders.items())


def build(architecture, bin_folder):
    """The program for one architecture."""
    environment = {
        **os.environ,
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "CARGO_ENCODED_RUSTFLAGS": without_paths(),
        "SOURCE_DATE_EPOCH": "0",
    }
    environment.pop("RUSTFLAGS", None)
    folder = OUTPUT / architecture
    # cargo-lambda's own profile would abort at a panic, which kills the function with every request in it; ours unwinds.
    command = [
        "cargo", "lambda", "build", "--release", "--locked", "--disable-optimizations", "--target", TARGETS[architecture],
        "--no-default-features", "--features", "lambda", "--bin", "bootstrap", "--lambda-dir", folder,
    ]
    run(command, "its output says why.", env=environment)
    return (folder / "bootstrap/bootstrap").read_bytes()


def glibc_needed(program):
    """The newest version of the C library that a program asks for."""
    found = re.findall(rb"GLIBC_(\d+)\.(\d+)", program)
    return max((int(major), int(minor)) for major, minor in found)


def pack(program, path):
    """A zip of one executable, of no time."""
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system, entry.external_attr = 3, 0o100755 << 16
    with zipfile.ZipFile(path, "w") as package:
        package.writestr(entry, program, zipfile.ZIP_DEFLATED, 9)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--architecture", choices=TARGETS, help="this one only [both]")
    options = options.parse_args()
    bin_folder = tools()
    for architecture in [options.architecture] if options.architecture else TARGETS:
        target = TARGETS[architecture]
        run(["rustup", "target", "add", target], f"it needs rustup, or Rust's own libraries for {target}.", stderr=subprocess.DEVNULL)
        program = build(architecture, bin_folder)
        glibc = glibc_needed(program)
        if glibc > GLIBC_OF_AL2023:
            sys.exit(f"the program for {architecture} needs glibc {glibc[0]}.{glibc[1]}, and provided.al2023 has 2.34.")
        path = OUTPUT / f"memory-ingress-{architecture}.zip"
        pack(program, path)
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes, {len(program):,} unpacked; "
              f"glibc {glibc[0]}.{glibc[1]}; sha256 {digest(path)}")
    packages = sorted(OUTPUT.glob("memory-ingress-*.zip"))
    (OUTPUT / "SHA256SUMS").write_text("".join(f"{digest(package)}  {package.name}\n" for package in packages))


if __name__ == "__main__":
    main()
