#!/usr/bin/env python3
"""Builds the functions' packages for AWS Lambda. Every build produces the same bytes.

usage: terraform/package.py [--architecture arm64|x86_64] [--recall] [--otel]

Writes one zip for each architecture to target/lambda, memory-ingress-arm64.zip and memory-ingress-x86_64.zip, with
--recall also memory-recall-arm64.zip and memory-recall-x86_64.zip, and SHA256SUMS next to them. With --otel
the functions can export traces, and the names are memory-ingress-otel-arm64.zip and so on. The packages run on
provided.al2023, and need no library of it: a function is one static program, with the C library of musl.

The first run installs cargo-lambda, Zig (linker and C compiler for both architectures) and zopfli into target/tools,
and adds the Rust target with rustup. It needs Rust, Python 3 with venv, and the package registries of both. A build
takes some minutes.
"""

import argparse
import hashlib
import os
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
TARGETS = {"arm64": "aarch64-unknown-linux-musl", "x86_64": "x86_64-unknown-linux-musl"}
# The linker comes from Zig. Another version of it, or of zopfli, produces other bytes.
TOOLS = ["cargo-lambda==1.9.2", "ziglang==0.17.0", "zopfli==0.4.3"]
# zopfli finds a shorter spelling of the same deflate stream than zlib at its highest level: 2.3 % of a zip. More
# iterations than one find another 0.2 % in twice the time.
ZOPFLI = """
import sys, zopfli.zlib
sys.stdout.buffer.write(zopfli.zlib.compress(sys.stdin.buffer.read(), numiterations=1))
"""
# ELF: a program that runs at any address, and the segment that names a loader of shared libraries.
ET_DYN, PT_INTERP = 3, 3


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


def environment(target, *bin_folders):
    """Returns the environment of a build whose program has no path and no time of this machine, and runs at any address.

    Programs in these folders come before those of this machine.
    """
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    run(["cargo", "fetch", "--quiet", "--locked"], "it needs Rust and its package registry.")
    folders = {ROOT: "/memory-ingress", **{folder: "/registry" for folder in home.glob("registry/src/*")}}
    # Zig's linker makes no such program for musl by itself.
    linked = ["-Clink-arg=-pie"] if target.endswith("-musl") else []
    flags = [*linked, *(f"--remap-path-prefix={folder}={name}" for folder, name in folders.items())]
    return {
        **{name: value for name, value in os.environ.items() if name != "RUSTFLAGS"},
        "PATH": os.pathsep.join([*map(str, bin_folders), os.environ["PATH"]]),
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags),
        "SOURCE_DATE_EPOCH": "0",
        # Zig takes what it compiled at another date from its cache. Here all is of this date.
        "ZIG_GLOBAL_CACHE_DIR": str(ROOT / "target/tools/zig"),
    }


def build(package, program, architecture, bin_folder, features):
    """Builds a program for one architecture, and returns its bytes."""
    folder = OUTPUT / architecture
    # The profile of cargo-lambda aborts on a panic, which kills the function and every request in it. Our profile
    # unwinds.
    command = [
        "cargo", "lambda", "build", "--release", "--locked", "--disable-optimizations", "--target", TARGETS[architecture],
        "--package", package, "--no-default-features", "--features", features, "--bin", program,
        "--lambda-dir", folder,
    ]
    run(command, "see its output.", env=environment(TARGETS[architecture], bin_folder))
    return static(folder / program / "bootstrap")


def static(path):
    """Returns the bytes of a program, and exits if it needs a shared library or runs at one address only."""
    program = path.read_bytes()
    (kind,) = struct.unpack_from("<H", program, 16)
    (segments,) = struct.unpack_from("<Q", program, 32)
    size, count = struct.unpack_from("<2H", program, 54)
    kinds = {struct.unpack_from("<I", program, segments + size * number)[0] for number in range(count)}
    if kind != ET_DYN or PT_INTERP in kinds:
        sys.exit(f"{path} is not a static program that runs at any address: was it built for musl, by this linker?")
    return program


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
            path = OUTPUT / f"{package}{traced}-{architecture}.zip"
            pack(program, path, bin_folder)
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes, {len(program):,} unpacked; "
                  f"sha256 {digest(path)}")
    packages = sorted(OUTPUT.glob("memory-*.zip"))
    (OUTPUT / "SHA256SUMS").write_text("".join(f"{digest(package)}  {package.name}\n" for package in packages))


if __name__ == "__main__":
    main()
