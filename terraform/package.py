#!/usr/bin/env python3
"""Builds the functions' packages for AWS Lambda. Every build produces the same bytes.

usage: terraform/package.py [--architecture arm64|x86_64] [--recall] [--otel]

Writes one zip for each architecture to target/lambda, memory-ingress-arm64.zip and memory-ingress-x86_64.zip, with
--recall also memory-recall-arm64.zip and memory-recall-x86_64.zip, and SHA256SUMS next to them. With --otel
the functions can export traces, and the names are memory-ingress-otel-arm64.zip and so on. The packages run on
provided.al2023. Its C library is glibc 2.34, and this program fails if a function needs a newer one.

The first run installs cargo-lambda, a linker for both architectures and zopfli into target/tools, and adds the Rust
target with rustup. It needs Rust, Python 3 with venv, and the package registries of both. A build takes some
minutes.
"""

import argparse
import hashlib
import os
import re
import struct
import subprocess
import sys
import venv
import zipfile
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "target/lambda"
# The package and the program of each function. In its zip, each program is named bootstrap, as Lambda wants it.
INGRESS, RECALL = ("memory-ingress", "bootstrap"), ("memory-recall", "recall")
TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}
# The linker comes from Zig. Another version of it, or of zopfli, produces other bytes.
TOOLS = ["cargo-lambda==1.9.2", "ziglang==0.17.0", "zopfli==0.4.3"]
# zopfli finds a shorter spelling of the same deflate stream than zlib at its highest level: 2.3 % of a zip. More
# iterations than one find another 0.2 % in twice the time.
ZOPFLI = """
import sys, zopfli.zlib
sys.stdout.buffer.write(zopfli.zlib.compress(sys.stdin.buffer.read(), numiterations=1))
"""
GLIBC_OF_AL2023 = (2, 34)


def run(command, why, **options):
    """Runs a command, and returns what it did. If it fails, exits and says what it needs."""
    try:
        return subprocess.run(command, check=True, cwd=ROOT, **options)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"{' '.join(map(str, command))} failed ({error}): {why}")


def tools(packages):
    """Installs these packages of Python once, and returns the folder of their programs."""
    environment = ROOT / "target/tools" / "-".join(packages)
    done = environment / "installed"
    if not done.exists():
        print("installing", *packages, file=sys.stderr)
        venv.create(environment, clear=True, with_pip=True)
        run([environment / "bin/pip", "install", "--quiet", *packages], "it needs the Python package index.")
        done.touch()
    return environment / "bin"


def without_paths():
    """Returns compiler flags that keep the paths of this machine out of the program."""
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    run(["cargo", "fetch", "--quiet", "--locked"], "it needs Rust and its package registry.")
    folders = {ROOT: "/memory-ingress", **{folder: "/registry" for folder in home.glob("registry/src/*")}}
    return "\x1f".join(f"--remap-path-prefix={folder}={name}" for folder, name in folders.items())


def build(package, program, architecture, bin_folder, features):
    """Builds a program for one architecture, and returns its bytes."""
    environment = {
        **os.environ,
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "CARGO_ENCODED_RUSTFLAGS": without_paths(),
        "SOURCE_DATE_EPOCH": "0",
    }
    environment.pop("RUSTFLAGS", None)
    folder = OUTPUT / architecture
    # The profile of cargo-lambda aborts on a panic, which kills the function and every request in it. Our profile
    # unwinds.
    command = [
        "cargo", "lambda", "build", "--release", "--locked", "--disable-optimizations", "--target", TARGETS[architecture],
        "--package", package, "--no-default-features", "--features", features, "--bin", program,
        "--lambda-dir", folder,
    ]
    run(command, "see its output.", env=environment)
    return (folder / program / "bootstrap").read_bytes()


def glibc_needed(program):
    """Returns the newest version of the C library that a program needs."""
    found = re.findall(rb"GLIBC_(\d+)\.(\d+)", program)
    return max((int(major), int(minor)) for major, minor in found)


def pack(program, path, bin_folder):
    """Writes a zip that contains one executable, with a fixed time."""
    # The format of zlib is deflate between two bytes before it and four bytes after it (RFC 1950).
    command = [bin_folder / "python", "-c", ZOPFLI]
    packed = run(command, "see its output.", input=program, stdout=subprocess.PIPE).stdout[2:-4]
    # zipfile deflates by zlib alone. So the three parts of a zip are written here: APPNOTE.TXT, sections 4.3.7, 4.3.12
    # and 4.3.16.
    name, version, deflated, first_of_1980, unix = b"bootstrap", 20, 8, 1 << 5 | 1, 3 << 8
    sizes = zlib.crc32(program), len(packed), len(program), len(name)
    about = struct.pack("<5H3I2H", version, 0, deflated, 0, first_of_1980, *sizes, 0)
    file = b"PK\3\4" + about + name + packed
    place = struct.pack("<3H2I", 0, 0, 0, 0o100755 << 16, 0)
    entry = b"PK\1\2" + struct.pack("<H", unix | version) + about + place + name
    end = b"PK\5\6" + struct.pack("<4H2IH", 0, 0, 1, 1, len(entry), len(file), 0)
    path.write_bytes(file + entry + end)
    with zipfile.ZipFile(path) as package:
        assert package.read("bootstrap") == program


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--architecture", choices=TARGETS, help="build only this one [both]")
    options.add_argument("--recall", action="store_true", help="build the package of recall as well")
    options.add_argument("--otel", action="store_true", help="build packages with traces, under names of their own")
    options = options.parse_args()
    features, traced = ("lambda,otel", "-otel") if options.otel else ("lambda", "")
    bin_folder = tools(TOOLS)
    for architecture in [options.architecture] if options.architecture else TARGETS:
        target = TARGETS[architecture]
        run(["rustup", "target", "add", target], f"it needs rustup, or Rust's standard library for {target}.", stderr=subprocess.DEVNULL)
        for package, name in [INGRESS, RECALL] if options.recall else [INGRESS]:
            program = build(package, name, architecture, bin_folder, features)
            glibc = glibc_needed(program)
            if glibc > GLIBC_OF_AL2023:
                sys.exit(f"{package} for {architecture} needs glibc {glibc[0]}.{glibc[1]}, but provided.al2023 has 2.34.")
            path = OUTPUT / f"{package}{traced}-{architecture}.zip"
            pack(program, path, bin_folder)
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes, {len(program):,} unpacked; "
                  f"glibc {glibc[0]}.{glibc[1]}; sha256 {digest(path)}")
    packages = sorted(OUTPUT.glob("memory-*.zip"))
    (OUTPUT / "SHA256SUMS").write_text("".join(f"{digest(package)}  {package.name}\n" for package in packages))


if __name__ == "__main__":
    main()
