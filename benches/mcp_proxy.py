#!/usr/bin/env python3
"""Compares `memory-ingress mcp --url` with mcp-proxy-for-aws, both in front of one service on this machine.

usage: benches/mcp_proxy.py [--starts N] [--calls N]

Builds the release binary, installs mcp-proxy-for-aws from PyPI into target/bench, and serves memories from a temporary
folder. Prints for each program: the time from spawn to the response to `initialize` (median), the time of one call
(median, 99th percentile, and what it adds to the same request sent directly), and the resident memory after the calls.
Only the ratios within one run have a meaning. Needs Python 3 with venv, and Linux for the resident memory.
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROXY = "mcp-proxy-for-aws==1.7.0"
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MEMORY_"))},
    "AWS_ACCESS_KEY_ID": "AKIATEST",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}


def arguments(number):
    return {"entity_id": "bench", "domain": "work", "content": f"memory {number}", "timestamp": "2026-01-27T03:14:22Z"}


class Agent:
    def __init__(self, command, environment=ENVIRONMENT):
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.ask("initialize", INITIALIZE)
        self.start = time.perf_counter() - self.began
        self.send({"method": "notifications/initialized"})

    def send(self, message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, method, params):
        self.send({"id": 1, "method": method, "params": params})
        while True:
            answer = json.loads(self.process.stdout.readline())
            if answer.get("id") == 1:
                return answer["result"]

    def call(self, tool, arguments):
        result = self.ask("tools/call", {"name": tool, "arguments": arguments})
        assert not result.get("isError"), result
        return result

    def append(self, number):
        began = time.perf_counter()
        self.call("append_memory", arguments(number))
        return time.perf_counter() - began

    def resident(self):
        """Returns the resident bytes of the process and of its children."""
        page = os.sysconf("SC_PAGE_SIZE")
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        ids = [str(self.process.pid), *children]
        return sum(int(Path(f"/proc/{id}/statm").read_text().split()[1]) * page for id in ids)

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def measure(command, starts, calls):
    Agent(command).end()  # not measured: it loads the program from disk
    begun = []
    for _ in range(starts):
        agent = Agent(command)
        begun.append(agent.start)
        agent.end()
    agent = Agent(command)
    agent.append(0)
    times = [agent.append(number) for number in range(calls)]
    resident = agent.resident()
    agent.end()
    return statistics.median(begun), times, resident


def directly(port, calls):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    times = []
    for number in range(calls):
        body = json.dumps(arguments(number)).encode()
        began = time.perf_counter()
        connection.request("POST", "/memory", body, {"Content-Type": "application/json", "Accept": "application/json"})
        assert json.loads(connection.getresponse().read())["status"] == "ok"
        times.append(time.perf_counter() - began)
    return times


def p99(times):
    return sorted(times)[int(len(times) * 0.99)]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--starts", type=int, default=10, help="how often each program is started [10]")
    options.add_argument("--calls", type=int, default=300, help="how many calls each program makes [300]")
    options = options.parse_args()

    subprocess.run(["cargo", "build", "--release", "--locked", "--bin", "memory-ingress"], cwd=ROOT, check=True)
    ours = ROOT / "target/release/memory-ingress"
    venv = ROOT / "target/bench"
    if not (venv / "bin/mcp-proxy-for-aws").exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin/pip", "install", "--quiet", PROXY], check=True)

    with tempfile.TemporaryDirectory() as data:
        serve = [ours, "serve", "--listen", "127.0.0.1:0", "--data", data]
        environment = {**ENVIRONMENT, "RUST_LOG": "error"}
        server = subprocess.Popen(serve, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            url = server.stdout.readline().decode().split()[-1]
            port = int(url.rsplit(":", 1)[1])
            signed = ["--service", "execute-api", "--region", "eu-central-1"]
            direct = statistics.median(directly(port, options.calls))
            rows = {
                PROXY: measure([venv / "bin/mcp-proxy-for-aws", f"{url}/mcp", *signed], options.starts, options.calls),
                "memory-ingress mcp": measure([ours, "mcp", "--url", url, *signed], options.starts, options.calls),
            }
        finally:
            server.terminate()
            server.wait()

    print(f"the same request directly: {direct * 1000:.2f} ms (median)\n")
    print(f"{'':28}{'start':>12}{'call':>12}{'p99':>12}{'added':>12}{'memory':>12}")
    for name, (start, times, resident) in rows.items():
        call = statistics.median(times)
        figures = [start, call, p99(times), call - direct]
        columns = "".join(f"{figure * 1000:9.2f} ms" for figure in figures)
        print(f"{name:28}{columns}{resident / 2**20:9.1f} MB")
    (start, times, resident), (our_start, our_times, our_resident) = rows.values()
    print(
        f"\ncompared with the proxy: start 1/{start / our_start:.0f}, call 1/{statistics.median(times) / statistics.median(our_times):.1f}, "
        f"p99 1/{p99(times) / p99(our_times):.1f}, memory 1/{resident / our_resident:.1f}"
    )


if __name__ == "__main__":
    main()
