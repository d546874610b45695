#!/usr/bin/env python3
"""Measures what a write of the Lambda function costs, side by side with its parts and with Python.

usage: benches/write.py [MEASURE]... [--side SIDE]... [--body BYTES]... [--transport http|https]... [--rounds N]
                        [--program SIDE=PATH]... [--json FILE]

The sides:
  ours    the shipped `bootstrap`, of the package that terraform/package.py builds
  parts   an empty function of lambda_http that makes one bare put of the AWS SDK (benches/rust/parts.rs), as cargo builds
          it: with glibc and its allocator
  lean    the same function with one signed put over hyper, without the SDK (benches/rust/lean.rs)
  python  a function that validates as ours does, with boto3 (benches/python/handler.py)

The measures:
  instructions  of one warm write, counted by valgrind: the difference between N and 2N writes, so a start does not count
  latency       of one warm write, from the event to the response, in rounds that take turns
  cpu           time of the processor in one warm write, over the same rounds
  cold          from the start of the process to the response of its first write: wall time and time of the processor
  memory        resident memory after the warm writes
  size          of the zip that is deployed, and of the program in it

Builds the programs in release mode, unless --program names one. Then it starts the stand-ins: a runtime API of Lambda
that sends events of a REST API, and an S3 that confirms every put, over HTTP and over HTTPS with a throw-away CA. All of
it is on the loopback interface. Prints one table for each measure, with ratios to `parts`. A spread is that of the middle
half. Absolute times depend on the machine; compare the ratios.

Needs Linux, openssl, and what terraform/package.py needs; valgrind for `instructions`; boto3 for the side `python`.
"""

import argparse
import base64
import json
import os
import platform
import queue
import re
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "target/cost"
SIDES = ["ours", "parts", "lean", "python"]
MEASURES = ["instructions", "latency", "cpu", "cold", "memory", "size"]
BODIES = [300, 4 * 1024, 64 * 1024, 1024 * 1024]
# What connects and caches by itself in its first writes is warm after this many.
WARM = 5
DEADLINE_MS = 60_000


def body_of(size):
    """Returns a tool body of this many bytes: text with a line break in every 80 characters and a quotation now and then."""
    memory = {"entity_id": "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d", "domain": "repository", "content": "",
              "metadata": {"source": "benchmark", "tags": ["cost", "write"]}}
    line = 'The team chose S3 as its log; "append only", said the review, keeps it simple.\n'
    spare = size - len(json.dumps(memory))
    content = line * (spare // len(line))
    while len(json.dumps({**memory, "content": content})) > size:
        content = content[:-1]
    content += "x" * (size - len(json.dumps({**memory, "content": content})))
    return json.dumps({**memory, "content": content}).encode()


def event_of(body):
    """Returns an event as a REST API sends it, where every media type is binary."""
    headers = {
        "Accept": "application/json", "Content-Type": "application/json", "User-Agent": "benchmark",
        "Host": "abc123.execute-api.eu-central-1.amazonaws.com", "X-Amzn-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793",
        "X-Forwarded-For": "192.0.2.7", "X-Forwarded-Port": "443", "X-Forwarded-Proto": "https",
    }
    return json.dumps({
        "resource": "/{proxy+}", "path": "/memory", "httpMethod": "POST", "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None, "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": "memory"}, "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012", "apiId": "abc123", "stage": "prod", "protocol": "HTTP/1.1",
            "httpMethod": "POST", "path": "/prod/memory", "resourcePath": "/{proxy+}", "resourceId": "r1",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef", "extendedRequestId": "JKJaXmPLvHcESHA=",
            "requestTime": "27/Jan/2026:03:14:22 +0000", "requestTimeEpoch": 1_769_483_662_000,
            "domainName": "abc123.execute-api.eu-central-1.amazonaws.com", "domainPrefix": "abc123",
            "identity": {"sourceIp": "192.0.2.7", "userAgent": "benchmark"},
        },
        "body": base64.b64encode(body).decode(), "isBase64Encoded": True,
    }, separators=(",", ":")).encode()


class Connection:
    """One connection of HTTP/1.1, as far as the programs under test need it."""

    def __init__(self, stream):
        self.stream, self.rest = stream, b""

    def request(self):
        """Returns the first line, the header fields and the body; None at the end of the connection."""
        while b"\r\n\r\n" not in self.rest:
            piece = self.stream.recv(65536)
            if not piece:
                return None
            self.rest += piece
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {}
        for line in lines:
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        if fields.get("expect", "").lower() == "100-continue":
            self.stream.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert "transfer-encoding" not in fields, fields
        length = int(fields.get("content-length", 0))
        body = bytearray(self.rest[:length])
        self.rest = self.rest[length:]
        while len(body) < length:
            piece = self.stream.recv(min(length - len(body), 1 << 20))
            if not piece:
                return None
            body += piece
        return first, fields, body

    def respond(self, status, fields, body=b""):
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields), f"Content-Length: {len(body)}"]
        self.stream.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def serve(handle, context=None):
    """Serves each connection by a thread of its own, and returns the address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accepted(stream):
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            handle(Connection(context.wrap_socket(stream, server_side=True) if context else stream))
        except OSError:
            pass  # the program under test was ended
        finally:
            stream.close()

    def accept():
        while True:
            threading.Thread(target=accepted, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return "127.0.0.1:%d" % listener.getsockname()[1]


def s3(connection):
    """An S3 that confirms every put, and echoes the checksum that it was sent."""
    while request := connection.request():
        first, fields, _ = request
        assert first.startswith("PUT /"), first
        echoed = [(name, fields[name]) for name in fields if name.startswith("x-amz-checksum-")]
        connection.respond("200 OK", [("ETag", '"6a1b8e4f"'), ("x-amz-request-id", "4442587FB7D0A2F9"), *echoed])


class Function:
    """One process of a function, and the runtime API that it asks for events."""

    def __init__(self, command, endpoint, folder, wrapper=()):
        self.events, self.results = queue.Queue(), queue.Queue()
        api = serve(self.runtime_api)
        environment = {
            "PATH": os.environ["PATH"], "AWS_LAMBDA_RUNTIME_API": api, "AWS_LAMBDA_FUNCTION_NAME": "benchmark",
            "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_LOG_GROUP_NAME": "benchmark", "AWS_LAMBDA_LOG_STREAM_NAME": "benchmark",
            "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_ENDPOINT_URL_S3": endpoint, "MEMORY_BUCKET": "benchmark",
            "SSL_CERT_FILE": str(folder / "roots.pem"), "AWS_CA_BUNDLE": str(folder / "roots.pem"),
        }
        self.started = time.perf_counter()
        self.log = tempfile.TemporaryFile(dir=folder)
        self.process = subprocess.Popen([*wrapper, *map(str, command)], env=environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=self.log)

    def runtime_api(self, connection):
        sent = None
        while request := connection.request():
            first, _, body = request
            if first.endswith("/invocation/next HTTP/1.1"):
                event = self.events.get()
                fields = [
                    ("Content-Type", "application/json"),
                    ("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
                    ("Lambda-Runtime-Deadline-Ms", int(time.time() * 1000) + DEADLINE_MS),
                    ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:123456789012:function:benchmark"),
                    ("Lambda-Runtime-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0"),
                ]
                self.sent = time.perf_counter()
                connection.respond("200 OK", fields, event)
            else:
                received = time.perf_counter()
                connection.respond("202 Accepted", [("Content-Type", "application/json")], b'{"status":"OK"}')
                self.results.put((received, first, bytes(body)))

    def invoke(self, event):
        """Sends an event, and returns the seconds until its response and the time of the response."""
        self.events.put(event)
        try:
            received, first, body = self.results.get(timeout=120)
        except queue.Empty:
            sys.exit(f"a function did not respond:\n{self.said()}")
        status = "/response " in first and json.loads(body).get("statusCode")
        if status != 201:
            sys.exit(f"a write failed: {first} {body.decode()}\n{self.said()}")
        return received - self.sent, received

    def said(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def cpu(self):
        """Returns the seconds of processor time of the threads that live."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def memory(self):
        """Returns the resident memory in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    def end(self):
        """Ends the process, and returns the seconds of processor time that it used."""
        self.process.send_signal(signal.SIGTERM)
        _, _, used = os.wait4(self.process.pid, 0)
        self.process.returncode = 0
        return used.ru_utime + used.ru_stime


def throw_away_ca(folder):
    """Makes a CA and a certificate of 127.0.0.1, and returns the TLS context of a server."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    ca = ["openssl", "req", "-x509", *key, "-subj", "/CN=benchmark", "-keyout", "ca.key", "-out", "ca.pem"]
    leaf = ["openssl", "req", "-x509", *key, "-subj", "/CN=127.0.0.1", "-keyout", "leaf.key", "-out", "leaf.pem",
            "-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "subjectAltName=IP:127.0.0.1",
            "-addext", "basicConstraints=critical,CA:FALSE"]
    for command in ca, leaf:
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    # The roots of this machine as well, because a function on Lambda reads those of its image.
    roots = Path(ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt")
    system = roots.read_bytes() if roots.exists() else b""
    (folder / "roots.pem").write_bytes((folder / "ca.pem").read_bytes() + system)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "leaf.pem", folder / "leaf.key")
    return context


def shipped():
    architecture = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    subprocess.run([ROOT / "terraform/package.py", "--architecture", architecture], check=True, stdout=sys.stderr)
    return ROOT / "target/lambda" / architecture / "bootstrap/bootstrap"


def build(program):
    command = ["cargo", "build", "--release", "--locked", "--package", "memory-benches", "--no-default-features",
               "--features", "programs", "--bin", program, "--target-dir", TARGET]
    print("building", program, file=sys.stderr)
    subprocess.run(command, cwd=ROOT, check=True)
    return TARGET / "release" / program


def programs(sides, named):
    """Returns the command of each side."""
    commands = {}
    for side in sides:
        if side in named:
            commands[side] = [named[side]]
        elif side == "ours":
            commands[side] = [shipped()]
        elif side == "python":
            commands[side] = [sys.executable, ROOT / "benches/python/handler.py"]
        else:
            commands[side] = [build(side)]
    return commands


def instructions(command, endpoint, folder, event, size):
    """Returns the instructions of one warm write."""
    writes = 60 if size <= 8192 else 20 if size <= 131072 else 3

    def total(count):
        wrapper = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
        function = Function(command, endpoint, folder, wrapper)
        for _ in range(WARM + count):
            function.invoke(event)
        # It asks for the next event before it rests.
        time.sleep(0.5)
        function.end()
        return int(re.search(r"I\s+refs:\s+([\d,]+)", function.said())[1].replace(",", ""))

    return (total(2 * writes) - total(writes)) / writes


def middle_half(values):
    """Returns the median, and the borders of the middle half."""
    low, median, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return median, low, high


class Report:
    """The figures, as tables and as JSON."""

    def __init__(self, sides):
        self.sides, self.figures = sides, []

    def add(self, measure, case, unit, values):
        """Adds one row: for each side a list of values. Those of one round stand at the same place in each list."""
        row = {"measure": measure, "case": case, "unit": unit, "sides": {}}
        cells = []
        for side, found in values.items():
            median, low, high = middle_half(found)
            row["sides"][side] = {"median": median, "low": low, "high": high}
            cell = f"{side} {median:.4g}"
            if len(found) > 1:
                cell += f" ({low:.4g}–{high:.4g})"
            if "parts" in values and side != "parts":
                ratio, low, high = middle_half([mine / part for mine, part in zip(found, values["parts"])])
                row["sides"][side]["ratio"] = {"median": ratio, "low": low, "high": high}
                cell += f" = {ratio:.3g}×" + (f" ({low:.3g}–{high:.3g})" if len(found) > 1 else "")
            cells.append(cell)
        self.figures.append(row)
        print(f"{measure:12} {case:14} {unit:5} ", "   ".join(cells), flush=True)


def zip_size(program):
    """Returns the bytes of the program's zip and of the program."""
    with tempfile.NamedTemporaryFile() as file:
        with zipfile.ZipFile(file, "w") as package:
            package.write(program, "bootstrap", zipfile.ZIP_DEFLATED, 9)
        return os.path.getsize(file.name), os.path.getsize(program)


def in_turns(functions, event, rounds):
    """Returns for each side the median latency and the processor time of a write in each round."""
    writes = 40
    latencies, cpus = {side: [] for side in functions}, {side: [] for side in functions}
    for function in functions.values():
        for _ in range(WARM * 4):
            function.invoke(event)
    for _ in range(rounds):
        for side, function in functions.items():
            before = function.cpu()
            latencies[side].append(statistics.median(function.invoke(event)[0] for _ in range(writes)) * 1e3)
            cpus[side].append((function.cpu() - before) / writes * 1e3)
    return latencies, cpus


def measure(options, commands, folder):
    report = Report(options.side)
    context = throw_away_ca(folder)
    endpoints = {"http": f"http://{serve(s3)}", "https": f"https://{serve(s3, context)}"}
    events = {size: event_of(body_of(size)) for size in options.body}
    cases = [(transport, size) for transport in options.transport for size in options.body]
    compiled = {side: command for side, command in commands.items() if side != "python"}

    if "size" in options.measure:
        sizes = {side: zip_size(command[0]) for side, command in compiled.items()}
        report.add("size", "zip", "MB", {side: [size[0] / 1e6] for side, size in sizes.items()})
        report.add("size", "program", "MB", {side: [size[1] / 1e6] for side, size in sizes.items()})
    if "instructions" in options.measure:
        for transport, size in cases:
            counts = {side: [instructions(command, endpoints[transport], folder, events[size], size) / 1e6]
                      for side, command in compiled.items()}
            report.add("instructions", f"{transport} {size}", "M", counts)
    if "cold" in options.measure:
        for transport in options.transport:
            wall, cpu = {side: [] for side in commands}, {side: [] for side in commands}
            for _ in range(options.rounds):
                for side, command in commands.items():
                    function = Function(command, endpoints[transport], folder)
                    _, received = function.invoke(events[options.body[0]])
                    wall[side].append((received - function.started) * 1e3)
                    cpu[side].append(function.end() * 1e3)
            report.add("cold wall", transport, "ms", wall)
            report.add("cold cpu", transport, "ms", cpu)
    if {"latency", "cpu", "memory"} & set(options.measure):
        for transport, size in cases:
            functions = {side: Function(command, endpoints[transport], folder) for side, command in commands.items()}
            latencies, cpus = in_turns(functions, events[size], options.rounds)
            memory = {side: [function.memory() / 1e6] for side, function in functions.items()}
            for function in functions.values():
                function.end()
            case = f"{transport} {size}"
            if "latency" in options.measure:
                report.add("latency", case, "ms", latencies)
            if "cpu" in options.measure:
                report.add("cpu", case, "ms", cpus)
            if "memory" in options.measure:
                report.add("memory", case, "MB", memory)
    return report


def main():
    usage = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS)
    usage.add_argument("measure", nargs="*", choices=[*MEASURES, []], help="what to measure [all]")
    usage.add_argument("--side", action="append", choices=SIDES, help="measure this side; may be repeated [all]")
    usage.add_argument("--body", action="append", type=int, help="size of the request's body; may be repeated [300 B to 1 MiB]")
    usage.add_argument("--transport", action="append", choices=["http", "https"], help="to the storage; may be repeated [both]")
    usage.add_argument("--rounds", type=int, default=15, help="how often the sides take turns [15]")
    usage.add_argument("--program", action="append", default=[], metavar="SIDE=PATH", help="measure this program, and build none")
    usage.add_argument("--json", type=Path, help="also write the figures to this file")
    options = usage.parse_args()
    options.measure = options.measure or MEASURES
    options.side = options.side or SIDES
    options.body = options.body or BODIES
    options.transport = options.transport or ["http", "https"]
    if "instructions" in options.measure and not shutil.which("valgrind"):
        sys.exit("instructions are counted by valgrind: install it.")
    commands = programs(options.side, dict(named.split("=", 1) for named in options.program))
    with tempfile.TemporaryDirectory() as folder:
        report = measure(options, commands, Path(folder))
    if options.json:
        machine = {"machine": platform.machine(), "processors": os.cpu_count()}
        options.json.write_text(json.dumps({**machine, "figures": report.figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
