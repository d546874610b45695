#!/usr/bin/env python3
"""Deploys both real packages to ministack, and asks who may call what, which function answers, and what recall finds.

usage: tests/aws/on_ministack_with_recall.py [--package ZIP] [--recall ZIP] [VARIANT]...

With IAM on a REST API (rest-iam): every route and every grant, and what finding.py says of memories and views. With tokens on
an HTTP API (http-jwt): the same routes, the scopes of tokens by route, and the scopes of memories by claims. Needs what
on_ministack.py needs, the package that terraform/package.py --recall builds, and zstandard.
"""

import argparse
import json
import sys
import tempfile
import uuid
from pathlib import Path

import finding
from caller import Caller, functions_of
from deployment import ROOT, free_port, needs
from on_ministack import GOOD, Issuer, Stack, certificate, memory, ministack, smoke, user

BASES = ["/memory", "/memories", "/api/v1/mcp/memory", "/api/v1/mcp/memories"]
MCP = ["/mcp", "/api/v1/mcp"]
ID = "/6f2c0000-0000-8000-8000-000000000000"
WRITE = [("POST", path) for path in [*BASES, *MCP]]
READ = [(method, path + rest) for path in BASES for method in ("GET", "HEAD") for rest in ("", "/search?filter%5Bquery%5D=x", ID)]
READ += [(method, path) for base in MCP for method, path in (("POST", f"{base}/recall"), ("GET", f"{base}/recall/health"))]
CHANGE = [(method, path + ID) for path in BASES for method in ("DELETE", "PATCH")] + [("POST", f"{path}/recall/changes") for path in MCP]
FORGET = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "forget_memory", "arguments": {
    "memory_id": ID[1:], "domain": "work", "entity_id": "rob", "reason": "None."}}}
# What recall leaves to the writer, next to its own paths and behind the catch-all route.
LEFT = [(method, path) for base in BASES for method, path in (("PUT", base), ("POST", f"{base}/search"), ("PUT", base + ID))]
LEFT += [("GET", path) for path in ("/", "/nothing", "/openapi.json", "/api", "/api/v1", "/api/v1/nothing", "/mcp", "/mcp/recallx", "/memoryx")]
LEFT += [("POST", f"{path}/recall/health") for path in MCP]


def asked(stack, caller, requests):
    """Sends requests. Returns of each the function that answered, or the status of the gateway's refusal."""
    answered = []
    for method, path in requests:
        status, fields, text = caller.send(method, path, memory() if method == "POST" else None)
        assert status < 500, f"{method} {path}: {status} {text}"
        answered.append(fields["x-request-id"] or status)
    functions = functions_of(stack)
    return [functions.get(answer, answer) for answer in answered]


def check_routes(stack, caller):
    rows = {stack.outputs["function_name"]: WRITE + LEFT, stack.outputs["recall"]["function_name"]: READ + CHANGE}
    for function, requests in rows.items():
        for (method, path), found in zip(requests, asked(stack, caller, requests), strict=True):
            assert found == function, f"{method} {path}: {found} answers, and not {function}"
        print(f"  {len(requests)} requests reach {function}", flush=True)


def check_grants(stack, callers):
    """Asserts that each grant admits its own requests, and none of another grant's."""
    requests = {"write": WRITE, "read": READ, "change": CHANGE}
    writer, recall = stack.outputs["function_name"], stack.outputs["recall"]["function_name"]
    for grant, caller in callers.items():
        for of, asks in requests.items():
            expected = (writer if of == "write" else recall) if of == grant else 403
            for (method, path), found in zip(asks, asked(stack, caller, asks), strict=True):
                assert found == expected, f"{method} {path} with the grant to {grant}: {found}, and not {expected}"
        print(f"  the grant to {grant} is that grant alone", flush=True)


def rest_iam(stack, recall):
    stack.deploy(recall=recall, break_glass_principal_arns=[finding.ERASURE])
    everything = user(stack, "everything", {"Action": "execute-api:Invoke", "Resource": f"{stack.outputs['api_execution_arn']}/live/*"})
    check_routes(stack, Caller(stack, everything))
    policies = {"write": "caller_policy", "read": "reader_policy", "change": "changer_policy"}
    callers = {grant: Caller(stack, user(stack, grant, *json.loads(stack.outputs[name])["Statement"])) for grant, name in policies.items()}
    check_grants(stack, callers)
    writer, reader = callers["write"], callers["read"]
    finding.finds_at_once(writer, reader)
    of, receipts = finding.a_view_changes_no_answer(stack, writer, reader)
    finding.what_is_erased_is_gone(stack, reader, of, receipts)
    finding.what_is_forgotten_is_hidden(stack, writer, reader, callers["change"])
    finding.only_recall_has_views_and_events(stack)
    finding.no_log_has_what_was_asked(stack)
    smoke(stack, GOOD, "--recall", "change", AWS_ACCESS_KEY_ID=everything[0], AWS_SECRET_ACCESS_KEY=everything[1])
    without_changes(stack, recall, Caller(stack, everything))
    smoke(stack, GOOD, "--recall", "read", AWS_ACCESS_KEY_ID=everything[0], AWS_SECRET_ACCESS_KEY=everything[1])


def without_changes(stack, recall, caller):
    """Asserts that recall = { changes = false } has no route that changes a status, and no right to put an event."""
    stack.deployment.run("apply", "-auto-approve", "-no-color", f"-var=recall={json.dumps({**recall, 'changes': False})}")
    assert "changer_policy" not in {name for name, value in stack.deployment.outputs().items() if value}
    for (method, path), found in zip(CHANGE, asked(stack, caller, CHANGE), strict=True):
        assert found == stack.outputs["function_name"], f"{method} {path}: {found} answers without changes"
        status, _, text = caller.send(method, path, FORGET if method == "POST" else None)
        assert status in (404, 405), f"{method} {path}: {status} {text}"
    status, _, text = caller.send("POST", "/mcp/recall", FORGET)
    assert "result" not in json.loads(text), text
    finding.recall_without_changes_puts_no_event(stack)
    print("  without changes, no route changes a status", flush=True)


def http_jwt(stack, recall, issuer):
    scopes = {"scopes": ["memory:write"], "read_scopes": ["memory:read"], "change_scopes": ["memory:change"]}
    mine = ["user/{sub}", "repository/{repositories}", "smoke/deployment"]
    stack.deploy(api_type="http", auth_mode="jwt", jwt={"issuer": issuer.url, "audience": ["memory"], **scopes}, write_scopes=[*mine, "work/*"],
                 recall={**recall, "read_scopes": mine})

    def bearer(*grants, **claims):
        token = issuer.token(scope=" ".join(f"memory:{grant}" for grant in grants), **claims)
        return Caller(stack, authorization=f"Bearer {token}")

    check_routes(stack, bearer("write", "read", "change"))
    check_grants(stack, {grant: bearer(grant) for grant in ("write", "read", "change")})
    check_scopes(bearer)
    smoke(stack, GOOD, "--recall", "change", MEMORY_TOKEN=issuer.token(scope="memory:write memory:read memory:change"))


def check_scopes(bearer):
    """Asserts that a token reads and writes in the scopes of its claims, and that nobody learns what lies in another."""
    repositories = [str(uuid.uuid4()) for _ in range(3)]
    alice = bearer("write", "read", sub="alice", repositories=repositories[:2])
    bob = bearer("write", "read", sub="bob", repositories=repositories[2:])
    for domain, entity_id in (("user", "alice"), *(("repository", repository) for repository in repositories[:2])):
        sent = {**memory(), "domain": domain, "entity_id": entity_id}
        memory_id, of = alice.store(sent)["memory_id"], finding.Entity(domain, entity_id)
        assert bob.store({**sent, "content": "By another."}, 403)["status"] == "error"
        assert finding.listed(alice, of) == [memory_id] == finding.searched(alice, of, "mornings")
        alice.get(f"/memory/{memory_id}", **finding.scope(of))
        for path, more in (("/memories", {}), ("/memory/search", {"filter__query": "mornings"})):
            told = json.loads(bob.get(path, 403, **finding.scope(of), **more)[1])["errors"][0]
            assert told["code"] == "forbidden", told
        # A memory of another scope, and one that is nowhere, are answered alike.
        there, nowhere = (json.loads(bob.get(f"/memory/{name}", 404, **finding.scope(of))[1])["errors"][0] for name in (memory_id, ID[1:]))
        assert {**there, "id": ""} == {**nowhere, "id": ""}, (there, nowhere)
    print("  a token reads and writes in the scopes of its claims alone", flush=True)


def main():
    variants = ["rest-iam", "http-jwt"]
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("variant", nargs="*", help=f"one of {', '.join(variants)} [all]")
    for name, package, of in (("--package", "memory-ingress", "the writer"), ("--recall", "memory-recall", "recall")):
        options.add_argument(name, default=ROOT / f"target/lambda/{package}-x86_64.zip", type=Path, help=f"the package of {of}")
    options = options.parse_args()
    if unknown := set(options.variant) - set(variants):
        sys.exit(f"unknown variant: {', '.join(sorted(unknown))}")
    for package in (options.package, options.recall):
        if not package.is_file():
            sys.exit(f"{package} does not exist: build it with terraform/package.py --architecture x86_64 --recall.")
    needs("curl", "Debian: apt-get install curl.")
    for name in options.variant or variants:
        print(name, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            cert, key = certificate(folder)
            stack = Stack(folder, free_port(), cert, str(options.package.resolve()))
            recall = {"package_path": str(options.recall.resolve()), "changes": True}
            with ministack(folder, stack.env, stack.port, cert, key):
                rest_iam(stack, recall) if name == "rest-iam" else http_jwt(stack, recall, Issuer(cert, key))


if __name__ == "__main__":
    main()
