#!/usr/bin/env python3
"""Deploys the module with recall to ministack, and asks which function answers each route, and to whom.

usage: tests/aws/on_ministack_with_recall.py [--package ZIP] [VARIANT]...

The writer is the real package. In the place of recall stands a program that only says that it was reached, so what is
tested is the routing and the grants of the gateway: with IAM on a REST API (rest-iam), and with the scopes of tokens on an
HTTP API (http-jwt). Needs what on_ministack.py needs.
"""

import argparse
import json
import os
import sys
import tempfile
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

from deployment import REGION, ROOT, free_port, needs
from on_ministack import JSON, JSON_API, Issuer, Stack, certificate, memory, ministack, user

sys.path.insert(0, str(ROOT / "terraform"))
import smoke  # noqa: E402

STAND_IN = """#!/usr/bin/env python3
import json, os, urllib.request
invocation = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
while True:
    with urllib.request.urlopen(f"{invocation}/next") as event:
        event.read()
        request = event.headers["Lambda-Runtime-Aws-Request-Id"]
    answer = {"statusCode": 200, "headers": {"x-request-id": request, "x-function": "recall"}, "body": "{}"}
    urllib.request.urlopen(urllib.request.Request(f"{invocation}/{request}/response", json.dumps(answer).encode(), method="POST"))
"""
BASES = ["/memory", "/memories", "/api/v1/mcp/memory", "/api/v1/mcp/memories"]
MCP = ["/mcp", "/api/v1/mcp"]
ID = "/6f2c0000-0000-8000-8000-000000000000"
WRITE = [("POST", path) for path in [*BASES, *MCP]]
READ = [(method, path + rest) for path in BASES for method in ("GET", "HEAD") for rest in ("", "/search?filter%5Bquery%5D=x", ID)]
READ += [(method, path) for base in MCP for method, path in (("POST", f"{base}/recall"), ("GET", f"{base}/recall/health"))]
CHANGE = [(method, path + ID) for path in BASES for method in ("DELETE", "PATCH")] + [("POST", f"{path}/recall/changes") for path in MCP]
# What recall leaves to the writer, next to its own paths and behind the catch-all route.
LEFT = [(method, path) for base in BASES for method, path in (("PUT", base), ("POST", f"{base}/search"), ("PUT", base + ID))]
LEFT += [("GET", path) for path in ("/", "/nothing", "/openapi.json", "/api", "/api/v1", "/api/v1/nothing", "/mcp", "/mcp/recallx", "/memoryx")]
LEFT += [("POST", f"{path}/recall/health") for path in MCP]


def package_of_the_stand_in(folder):
    path = Path(folder) / "recall.zip"
    entry = zipfile.ZipInfo("bootstrap")
    entry.create_system, entry.external_attr = 3, 0o100755 << 16
    with zipfile.ZipFile(path, "w") as package:
        package.writestr(entry, STAND_IN)
    return str(path)


def asked(stack, method, path, key=None, headers=()):
    """Sends a request as the smoke test does. Returns the function that answered, or the status of the gateway's refusal."""
    os.environ.update(SSL_CERT_FILE=stack.cert, AWS_SESSION_TOKEN="")
    body = json.dumps(memory()).encode() if method == "POST" else b""
    path, _, query = (stack.stage + path).partition("?")
    headers = {"host": f"{stack.host}:{stack.port}", "accept": JSON_API, **({"content-type": JSON} if body else {}), **dict(headers)}
    if key:
        os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"] = key
        headers = smoke.signed(headers, method, path, query, body, REGION)
    status, fields, _ = smoke.send(urlsplit(stack.endpoint), method, f"{path}?{query}" if query else path, headers, body)
    return fields["x-function"] or ("writer" if fields["x-request-id"] else status)


def check_routes(stack, **credentials):
    rows = {"writer": WRITE + LEFT, "recall": READ + CHANGE}
    for function, requests in rows.items():
        for method, path in requests:
            found = asked(stack, method, path, **credentials)
            assert found == function, f"{method} {path}: {found} answers, and not {function}"
        print(f"  {len(requests)} requests reach {function}", flush=True)


def check_grants(stack, credentials):
    """Asserts that each grant admits its own requests, and none of another grant's."""
    requests = {"write": WRITE, "read": READ, "change": CHANGE}
    for grant, held in credentials.items():
        for of, asks in requests.items():
            for method, path in asks:
                found = asked(stack, method, path, **held)
                expected = ("writer" if of == "write" else "recall") if of == grant else 403
                assert found == expected, f"{method} {path} with the grant to {grant}: {found}, and not {expected}"
        print(f"  the grant to {grant} is that grant alone", flush=True)


def rest_iam(stack, recall):
    stack.deploy(recall=recall)
    key = user(stack, "everything", {"Action": "execute-api:Invoke", "Resource": f"{stack.outputs['api_execution_arn']}/live/*"})
    check_routes(stack, key=key)
    policies = {"write": "caller_policy", "read": "reader_policy", "change": "changer_policy"}
    check_grants(stack, {grant: {"key": user(stack, grant, *json.loads(stack.outputs[name])["Statement"])} for grant, name in policies.items()})


def http_jwt(stack, recall, issuer):
    scopes = {"scopes": ["memory:write"], "read_scopes": ["memory:read"], "change_scopes": ["memory:change"]}
    stack.deploy(api_type="http", auth_mode="jwt", jwt={"issuer": issuer.url, "audience": ["memory"], **scopes}, write_scopes=["*/*"],
                 recall={**recall, "read_scopes": ["*/*"]})

    def bearer(*grants):
        return {"headers": {"Authorization": f"Bearer {issuer.token(scope=' '.join(f'memory:{grant}' for grant in grants))}"}}

    check_routes(stack, **bearer("write", "read", "change"))
    check_grants(stack, {grant: bearer(grant) for grant in ("write", "read", "change")})


def main():
    variants = ["rest-iam", "http-jwt"]
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("variant", nargs="*", help=f"one of {', '.join(variants)} [all]")
    options.add_argument("--package", default=ROOT / "target/lambda/memory-ingress-x86_64.zip", type=Path, help="the package of the writer")
    options = options.parse_args()
    if unknown := set(options.variant) - set(variants):
        sys.exit(f"unknown variant: {', '.join(sorted(unknown))}")
    if not options.package.is_file():
        sys.exit(f"{options.package} does not exist: build it with terraform/package.py --architecture x86_64.")
    needs("curl", "Debian: apt-get install curl.")
    for name in options.variant or variants:
        print(name, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            cert, key = certificate(folder)
            stack = Stack(folder, free_port(), cert, str(options.package.resolve()))
            recall = {"package_path": package_of_the_stand_in(folder), "changes": True}
            with ministack(folder, stack.env, stack.port, cert, key):
                rest_iam(stack, recall) if name == "rest-iam" else http_jwt(stack, recall, Issuer(cert, key))


if __name__ == "__main__":
    main()
