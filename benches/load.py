#!/usr/bin/env python3
"""Sends good and bad requests to a service on this machine for minutes, as fast as it responds.

usage: benches/load.py [--minutes N] [--connections N] [--binary PATH] [--seed N]

Builds the release binary, serves memories from a temporary folder, and sends a seeded mix of requests: memories in
every shape, repeats, and the kinds of bad requests that the contract names. Each response must be the one that the
contract says. At the end it replays the log. Every acknowledged memory must be there once, and there must be no other
memory. From the second tenth of the time to the last, the service's resident memory may grow by a tenth or by 8 MB,
whichever is more.

Prints the progress to stderr every 10 s. The last line is `ok`. If there are faults, it prints the first 20 of them and
their number, and exits with 1. Needs Linux.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import queue
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
JSON, JSON_API = "application/json", "application/vnd.api+json"
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
MODERN = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "append_memory"}


def memory(chance, domain="load"):
    size = chance.choices([200, 20_000, 500_000], [200, 20, 1])[0]
    timestamp = f"20{chance.randrange(10, 99)}-01-02T03:04:05.{chance.randrange(10**9):09}Z"
    content = f"{chance.getrandbits(128):032x} „☃“ " + "x" * chance.randrange(size)
    entity = str(uuid.UUID(int=chance.randrange(ENTITIES)))
    return {"entity_id": entity, "domain": domain, "content": content, "timestamp": timestamp}


def tool(body, accept=JSON):
    return "POST", "/memory", {"Content-Type": JSON, "Accept": accept}, json.dumps(body)


def envelope(attributes, **more):
    document = {"data": {"type": "memories", "attributes": attributes, **more}}
    return "POST", "/memory", {"Content-Type": JSON_API}, json.dumps(document)


def attributes(chance):
    fields = memory(chance)
    return {"repository_id": fields["entity_id"], "content": fields["content"], "timestamp": fields["timestamp"]}


def mcp(arguments, method="tools/call", **members):
    params = {"name": "append_memory", "arguments": arguments, **members}
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    headers = MODERN if "_meta" in members else {}
    return "POST", "/mcp", {"Content-Type": JSON, **headers}, json.dumps(message)


def without(fields, name, **more):
    return {**{key: value for key, value in fields.items() if key != name}, **more}


def other(asked, **changes):
    """Returns the same request with another method, path or body, or with more header fields."""
    method, path, headers, body = asked
    headers = {**headers, **changes.get("headers", {})}
    return changes.get("method", method), changes.get("path", path), headers, changes.get("body", body)


# The weight, the name, the request, the status, and a text that the response must contain.
KINDS = [
    (30, "tool's body", lambda c: tool(memory(c)), 201, '"status":"ok"'),
    (10, "tool's body, JSON:API response", lambda c: tool(memory(c), "*/*"), 201, '"type":"memories"'),
    (20, "envelope", lambda c: envelope(attributes(c)), 201, '"type":"memories"'),
    (10, "MCP", lambda c: mcp(memory(c)), 200, '"isError":false'),
    (10, "MCP, modern", lambda c: mcp(memory(c), _meta=META), 200, '"isError":false'),
    (5, "health", lambda c: ("GET", "/health", {}, None), 200, '"pass"'),
    (1, "malformed JSON", lambda c: tool({}, "*/*")[:3] + ('{"content":',), 400, "malformed_json"),
    (1, "member twice", lambda c: tool({}, "*/*")[:3] + ('{"a":1,"a":2}',), 400, "malformed_json"),
    (1, "query parameter", lambda c: other(tool(memory(c), "*/*"), path="/memory?include=x"), 400, "unsupported_parameter"),
    (1, "missing member", lambda c: tool(without(memory(c), "content"), "*/*"), 422, '"required"'),
    (1, "blank content", lambda c: tool(without(memory(c), "content", content=" "), "*/*"), 422, '"blank"'),
    (1, "wrong type", lambda c: tool(without(memory(c), "content", content=7), "*/*"), 422, "invalid_type"),
    (1, "too long", lambda c: tool(memory(c, "d" * 151), "*/*"), 422, "too_long"),
    (1, "control character", lambda c: tool(memory(c, "a\0b"), "*/*"), 422, "invalid_character"),
    (1, "invalid timestamp", lambda c: tool({**memory(c), "timestamp": "today"}, "*/*"), 422, "invalid_timestamp"),
    (1, "out of range", lambda c: tool({**memory(c), "metadata": {"confidence": 2}}, "*/*"), 422, "out_of_range"),
    (1, "unknown member", lambda c: tool({**memory(c), "id": 1}, "*/*"), 422, "unknown_field"),
    (1, "invalid UUID", lambda c: envelope({**attributes(c), "repository_id": "42"}), 422, "invalid_uuid"),
    (1, "wrong resource type", lambda c: other(envelope({}), body='{"data":{"type":"x"}}'), 409, "type_mismatch"),
    (1, "id of the client", lambda c: envelope(attributes(c), id="1"), 403, "client_id_unsupported"),
    (1, "media type", lambda c: other(tool(memory(c)), headers={"Content-Type": "text/plain"}), 415, "declared"),
    (1, "content coding", lambda c: other(tool(memory(c)), headers={"Content-Encoding": "gzip"}), 415, "encoded"),
    (1, "not acceptable", lambda c: tool(memory(c), "text/html"), 406, "not_acceptable"),
    (1, "too large", lambda c: other(tool({}), body="x" * (4 * 2**20 + 1)), 413, "larger"),
    (1, "unknown path", lambda c: ("GET", "/nothing", {}, None), 404, "not_found"),
    (1, "wrong method", lambda c: ("DELETE", "/memory", {}, None), 405, "method_not_allowed"),
    (1, "foreign origin", lambda c: other(tool(memory(c)), headers={"Origin": "https://evil.test"}), 403, "origin"),
    (1, "foreign host", lambda c: other(tool(memory(c)), headers={"Host": "evil.test"}), 403, "machine"),
    (1, "MCP, malformed JSON", lambda c: other(mcp({}), body="{"), 200, "-32700"),
    (1, "MCP, refused", lambda c: mcp({"entity_id": "e"}), 200, '"isError":true'),
    (1, "MCP, unknown method", lambda c: mcp({}, "resources/list"), 200, "-32601"),
    (1, "MCP, wrong header", lambda c: other(mcp({}, _meta=META), headers={"Mcp-Name": "x"}), 400, "-32020"),
]
WORKERS = 2
# Limits the time of the replay, which reads the folder of entities again for every thousand memories.
ENTITIES = 2_000


def key_in(text):
    """Returns the S3 key if the response is a receipt, and otherwise an empty text."""
    _, _, rest = text.replace('\\"', '"').partition('"s3_key":"')
    return rest.partition('"')[0]


def ask(port, chance, ends, told):
    """Runs one connection. Reports the name, the status, the time, the key and the fault of each request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    weights, earlier = [kind[0] for kind in KINDS], None
    while time.monotonic() < ends:
        _, name, build, status, says = chance.choices(KINDS, weights)[0]
        asked = build(chance)
        if status == 201 and earlier and chance.randrange(10) == 0:
            name, asked, says = earlier
        elif status == 201:
            earlier = (f"{name}, repeat", asked, says)
        began = time.perf_counter()
        try:
            connection.request(*asked[:2], asked[3], asked[2])
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            told.put((name, 0, 0.0, "", repr(error)))
            continue
        is_right = answer.status == status and says in text and answer.headers["x-request-id"]
        wrong = "" if is_right else f"{answer.status} {text[:300]}\n  request {str(asked)[:300]}"
        told.put((name, answer.status, time.perf_counter() - began, key_in(text), wrong))


def work(port, seed, connections, ends, path, seen, figures):
    """Runs one process: its connections, a file with the keys of its receipts, and its figures at the end."""
    told, threads = queue.SimpleQueue(), []
    for number in range(connections):
        chance = random.Random(f"{seed} {number}")
        threads.append(threading.Thread(target=ask, args=(port, chance, ends, told)))
        threads[-1].start()
    counts, times, faults = Counter(), [], []
    with open(path, "w") as keys:
        while any(thread.is_alive() for thread in threads) or not told.empty():
            try:
                name, status, seconds, key, wrong = told.get(timeout=1)
            except queue.Empty:
                continue
            counts[name, status] += 1
            seen.value += 1
            if seen.value % 10 == 0:
                times.append(seconds)
            if key:
                print(key, file=keys)
            if wrong:
                faults.append(f"{name}: {wrong}")
    figures.put((counts, times, faults))


def resident(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def watch(server, seen, ends):
    """Returns the server's resident memory, once per second."""
    samples, began = [], time.monotonic()
    while time.monotonic() < ends:
        time.sleep(1)
        samples.append(resident(server.pid))
        if len(samples) % 10 == 0:
            asked, seconds = sum(count.value for count in seen), time.monotonic() - began
            line = f"{seconds:5.0f} s {asked:9} requests {asked / seconds:7.0f}/s {samples[-1] / 2**20:7.1f} MB"
            print(line, file=sys.stderr, flush=True)
    return samples


def replayed(binary, data, acknowledged):
    """Replays the log. Returns its faults, and the number of its memories."""
    faults, found = [], Counter()
    replay = subprocess.Popen([binary, "replay", "--data", data], stdout=subprocess.PIPE)
    for line in replay.stdout:
        found[json.loads(line)["memory_id"]] += 1
    if replay.wait() != 0:
        faults.append("replay found bad objects")
    ids = {key.rpartition("_")[2].removesuffix(".json") for key in acknowledged}
    faults += [f"acknowledged, but not in the log: {id}" for id in ids - found.keys()]
    faults += [f"more than once in the log: {id}" for id, count in found.items() if count > 1]
    faults += [f"in the log, but not acknowledged: {id}" for id in found.keys() - ids]
    return faults, len(found)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=10, help="how long it sends requests [10]")
    options.add_argument("--connections", type=int, default=32, help="how many connections it uses at once [32]")
    options.add_argument("--binary", type=Path, help="a program to use instead of the release build")
    options.add_argument("--seed", type=int, default=1, help="the seed of the mix [1]")
    options = options.parse_args()
    binary = options.binary
    if binary is None:
        subprocess.run(["cargo", "build", "--release", "--locked", "--bin", "memory-ingress"], cwd=ROOT, check=True)
        binary = ROOT / "target/release/memory-ingress"

    with tempfile.TemporaryDirectory() as folder:
        data = f"{folder}/data"
        environment = {**os.environ, "RUST_LOG": "error"}
        serve = [binary, "serve", "--listen", "127.0.0.1:0", "--data", data]
        server = subprocess.Popen(serve, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        port = int(server.stdout.readline().decode().rsplit(":", 1)[1])
        ends, figures = time.monotonic() + 60 * options.minutes, multiprocessing.Queue()
        seen = [multiprocessing.Value("Q", 0) for _ in range(WORKERS)]
        workers = [
            multiprocessing.Process(
                target=work,
                args=(port, f"{options.seed} {number}", options.connections // WORKERS, ends, f"{folder}/{number}", count, figures),
            )
            for number, count in enumerate(seen)
        ]
        for worker in workers:
            worker.start()
        samples = watch(server, seen, ends)
        counts, times, faults = Counter(), [], []
        for _ in workers:
            its_counts, its_times, its_faults = figures.get()
            counts, times, faults = counts + its_counts, times + its_times, faults + its_faults
        server.terminate()
        if server.wait() != 0:
            faults.append(f"the service exited with {server.returncode}")
        acknowledged = {line.strip() for number in range(WORKERS) for line in open(f"{folder}/{number}")}
        lost, memories = replayed(binary, data, acknowledged)

        tenth = max(1, len(samples) // 10)
        before, after = statistics.median(samples[tenth : 2 * tenth]), statistics.median(samples[-tenth:])
        if after > before * 1.1 and after - before > 8 * 2**20:
            faults.append(f"the resident memory grew from {before / 2**20:.1f} to {after / 2**20:.1f} MB")
        total, times = sum(counts.values()), sorted(times)
        for (name, status), count in sorted(counts.items()):
            print(f"{count:9}  {status}  {name}")
        print(f"{total} requests, {total / options.minutes / 60:.0f}/s, median {times[len(times) // 2] * 1000:.1f} ms, "
              f"p99 {times[int(len(times) * 0.99)] * 1000:.1f} ms")
        print(f"resident memory {before / 2**20:.1f} MB, at the end {after / 2**20:.1f} MB, at most {max(samples) / 2**20:.1f} MB")
        print(f"{len(acknowledged)} memories acknowledged, {memories} in the log")
        for fault in (faults + lost)[:20]:
            print(f"FAULT {fault}")
        print("ok" if not faults + lost else f"{len(faults + lost)} faults")
        sys.stdout.flush()
        print("removing the log", file=sys.stderr, flush=True)
    sys.exit(bool(faults + lost))


if __name__ == "__main__":
    main()
