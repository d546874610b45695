#!/usr/bin/env python3
"""Proves a deployment: stores one memory, stores it again, and checks both receipts. With recall, tries every route.

usage: terraform/smoke.py ENDPOINT --region REGION [--auth iam|api_key|jwt] [--recall read|change]
                          [--custom-domain URL] [--host HOST] [--wait SECONDS]

Run this first on a real account. The pipeline runs it after every deployment:

  cd terraform
  eval "$(aws configure export-credentials --format env)"
  ./smoke.py "$(terraform output -raw gateway_endpoint)" --region "$(terraform output -raw region)"

Each run adds one memory of the domain "smoke" to the bucket, 200 to 300 bytes. Like every memory, it stays there.

If the output recall is set, its grant is the value of --recall. Then the memory is also sent to every other POST of a
memory, found by every route of recall, and with "change" forgotten: an event of the bucket says so from then on.

Credentials come from the environment:

  iam      AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN
  api_key  MEMORY_API_KEY
  jwt      MEMORY_TOKEN, or MEMORY_TOKEN_URL, MEMORY_CLIENT_ID and MEMORY_CLIENT_SECRET. With these, the token endpoint
           issues the token (OAuth 2.0 client credentials; MEMORY_TOKEN_SCOPE and MEMORY_TOKEN_AUDIENCE are optional).
           Before that, the document that says where agents log in (RFC 9728) is read without a token, and checked.

exit status:
  0  the release is good: both receipts are of this memory, and the second one says that it is a repeat
  1  the release is bad: its function refused or failed a good memory, or its receipt is wrong
  2  nothing is proved: the function was not reached, or did not have to accept the request

docs/deploying.md has the table of what each response proves. Only status 1 is a reason to roll back.
"""

import argparse
import base64
import hashlib
import hmac
import http.client
import json
import os
import sys
import time
import traceback
import uuid
from datetime import datetime, timezone
from urllib.parse import quote_plus, urlencode, urlsplit

import smoke_recall

BAD, UNPROVED = 1, 2
# A gateway ends a request after 30 s at the latest. With more patience than that, its own response arrives.
PATIENCE_S = 35
PAUSE_S = 3
# One failure can be a coincidence, or come from the version that was live a second ago. This many, one after another,
# prove that the release is bad.
FAILURES_MIN = 3
SCHEMA_VERSION = "1"
ENTITY, DOMAIN = "deployment", "smoke"

NEEDS = {
    "iam": [["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]],
    "api_key": [["MEMORY_API_KEY"]],
    "jwt": [["MEMORY_TOKEN"], ["MEMORY_TOKEN_URL", "MEMORY_CLIENT_ID", "MEMORY_CLIENT_SECRET"]],
}
# What an operator can do about a gateway's own response that proves nothing.
HINTS = {
    401: "the gateway refused the token: check its issuer, its audience, its scopes and its lifetime",
    403: "the gateway or its firewall refused the caller: check that the credentials are valid and may call this API",
    404: "the gateway has no such API or stage: check ENDPOINT",
    429: "the gateway throttled the caller: run this again, or raise its limits",
    500: "the gateway could not invoke the function: check the function's permission and its free concurrency",
    503: "the gateway is unavailable: run this again",
}


class Failed(Exception):
    """Ends the test with an exit status."""

    def __init__(self, status, why):
        super().__init__(why)
        self.status = status


def memory_of(now):
    """Returns the body of this run's memory, and the id and the key that its receipt must name.

    docs/contract.md (2.4, 2.5) says how both are derived from the memory.
    """
    # Trailing zeros of the fraction are not part of a timestamp's normal form. An odd microsecond has none.
    now = now.replace(microsecond=now.microsecond | 1)
    timestamp = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    content, metadata = "Written twice to prove that it is stored once.", '{"source":"terraform/smoke.py"}'
    digest = hashlib.sha256()
    for part in (SCHEMA_VERSION, DOMAIN, ENTITY, timestamp, content, metadata):
        digest.update(len(part.encode()).to_bytes(8, "big") + part.encode())
    bits = bytearray(digest.digest()[:16])
    bits[6], bits[8] = bits[6] & 0x0F | 0x80, bits[8] & 0x3F | 0x80
    memory_id = str(uuid.UUID(bytes=bytes(bits)))
    key = f"memories/domain={DOMAIN}/entity={ENTITY}/{now:%Y/%m/%d/%Y-%m-%dT%H-%M-%S.%f}000Z_{memory_id}.json"
    memory = {"entity_id": ENTITY, "domain": DOMAIN, "content": content, "timestamp": timestamp, "metadata": json.loads(metadata)}
    return json.dumps(memory, separators=(",", ":")).encode(), {"memory_id": memory_id, "s3_key": key}


def signature(key, *texts):
    """Returns the last HMAC of AWS Signature Version 4. The key of each HMAC is the HMAC before it."""
    for text in texts:
        key = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return key


def signed(headers, method, path, query, body, region):
    """Adds the headers of AWS Signature Version 4, by which API Gateway authenticates the caller."""
    now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = {**headers, "x-amz-date": now}
    if token := os.environ.get("AWS_SESSION_TOKEN"):
        headers["x-amz-security-token"] = token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    # The path is signed as it is, because neither a stage nor an id has a character that a signature encodes.
    request = "\n".join([method, path, query, lines, names, hashlib.sha256(body).hexdigest()])
    scope = f"{now[:8]}/{region}/execute-api/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = signature(b"AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"].encode(), *scope.split("/"), text).hex()
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={key}"}


def credentials(headers, method, path, query, body, options):
    """Adds the headers of the chosen authentication."""
    if options.auth == "iam":
        return signed(headers, method, path, query, body, options.region)
    if options.auth == "api_key":
        return {**headers, "x-api-key": os.environ["MEMORY_API_KEY"]}
    return {**headers, "authorization": f"Bearer {options.token}"}


def send(url, method, path, headers, body):
    """Sends a request. Returns the status, the headers and the body of the response."""
    connect = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = connect(url.netloc, timeout=PATIENCE_S)
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def token_by_client_credentials():
    """Returns the bearer token that the token endpoint issues (RFC 6749, 4.4, with HTTP Basic as in 2.3.1)."""
    url = urlsplit(os.environ["MEMORY_TOKEN_URL"])
    if url.scheme != "https" and url.hostname not in ("localhost", "127.0.0.1"):
        raise Failed(UNPROVED, "MEMORY_TOKEN_URL must begin with https://, because the client's secret is sent to it.")
    client = ":".join(quote_plus(os.environ[name]) for name in ("MEMORY_CLIENT_ID", "MEMORY_CLIENT_SECRET"))
    headers = {
        "accept": "application/json",
        "authorization": f"Basic {base64.b64encode(client.encode()).decode()}",
        "content-type": "application/x-www-form-urlencoded",
    }
    optional = {"scope": os.environ.get("MEMORY_TOKEN_SCOPE"), "audience": os.environ.get("MEMORY_TOKEN_AUDIENCE")}
    form = {"grant_type": "client_credentials", **{name: value for name, value in optional.items() if value}}
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    try:
        status, _, body = send(url, "POST", path, headers, urlencode(form).encode())
    except (OSError, http.client.HTTPException) as error:
        raise Failed(UNPROVED, f"cannot reach the token endpoint {url.netloc}: {error!r}.") from error
    try:
        document = json.loads(body)
    except ValueError:
        document = {}
    document = document if isinstance(document, dict) else {}
    token = document.get("access_token")
    if status != 200 or not isinstance(token, str) or not token:
        # The rest of the response is not shown, because it may contain a token.
        reason = document.get("error", "the response has no access_token")
        raise Failed(UNPROVED, f"the token endpoint {url.netloc} issued no token: {status}, {reason!r}.")
    return token


def said(status, headers, body):
    """Formats a response for a person."""
    names = ("x-request-id", "x-amzn-requestid", "apigw-requestid", "x-amzn-errortype", "content-type")
    shown = "".join(f"\n  {name}: {headers[name]}" for name in names if headers[name])
    return f"{status}{shown}\n  {body.decode(errors='replace')}"


def judged(status, headers, body, request):
    """Says what a response proves: the exit status, why, and whether a repeat may still change it until the deadline.

    Every response of a function has x-request-id, and no response of the gateway itself (docs/contract.md, 3.12).
    """
    if headers["x-request-id"] and status == request.status:
        is_right = request.is_right(headers, smoke_recall.document_of(body))
        return (0, "", False) if is_right else (BAD, f"the response should have {request.expects}", False)
    if status == 401:
        return UNPROVED, "its route must be open" if request.is_open else HINTS[status], False
    if headers["x-request-id"] and status == 403 and is_outside(body, request):
        return UNPROVED, f"this caller may not use this scope: allow {DOMAIN}/{ENTITY} in write_scopes and recall.read_scopes, or name a caller that may", False
    if headers["x-request-id"]:
        return BAD, "the function did not accept a good request", status >= 500
    # The gateway invoked the function and got no response that it could pass on. An HTTP API says so with 500. On a
    # REST API, 500 says that Lambda did not run the function.
    if status in (502, 504) or status == 500 and headers["apigw-requestid"]:
        return BAD, "the function crashed, or took too long", True
    return UNPROVED, HINTS.get(status, "this is not a response of the service"), status in HINTS


def is_outside(body, request):
    """Whether a function refused the scope of a request, and not its caller.

    A write says so in words (docs/contract.md, 6.3; tests/it/scopes.rs). Recall is asked for documents, and has a code.
    """
    document = smoke_recall.document_of(body)
    if request.headers["accept"] == smoke_recall.JSON_API:
        return smoke_recall.at(document, "errors", 0, "code") == "forbidden"
    said = smoke_recall.at(document, "error")
    return isinstance(said, str) and said.startswith("You may not write memories with this ")


def describing(endpoint, host):
    """Returns the request that reads, without a token, where an agent logs in (RFC 9728; docs/contract.md, 3.13)."""
    url = urlsplit(endpoint.rstrip("/"))
    # An emulator does not say at which port it listens.
    name = host.partition(":")[0] if host else url.netloc
    resource = f"{url.scheme}://{name}{url.path}/mcp"

    def is_of_the_resource(fields, document):
        servers = smoke_recall.at(document, "authorization_servers")
        names_servers = isinstance(servers, list) and bool(servers) and all(isinstance(server, str) and server for server in servers)
        return (smoke_recall.at(document, "resource") == resource and names_servers
                and smoke_recall.at(document, "bearer_methods_supported") == ["header"] and fields["access-control-allow-origin"] == "*")

    expects = f"the resource {resource}, who issues its tokens, and that every page may read this"
    return smoke_recall.Request("GET", "/.well-known/oauth-protected-resource/mcp", b"", {"accept": "application/json"}, "", 200,
                                is_of_the_resource, expects, is_open=True)


def storing(body, receipt):
    """Returns the request that stores the memory, whose receipt must name this memory's id and key."""
    def is_of_the_memory(_, document):
        return all(smoke_recall.at(document, name) == value for name, value in receipt.items())

    headers = {"accept": "application/json", "content-type": "application/json"}
    return smoke_recall.Request("POST", "/memory", body, headers, "", 201, is_of_the_memory, f"the receipt {receipt}")


def asked(endpoint, host, request, options):
    """Sends a request until the outcome is clear. Returns the headers and the body of its response, and how many attempts.

    A new deployment may take some time until it is ready. Repeats store nothing more, because they are the same request.
    """
    url = urlsplit(endpoint.rstrip("/") + request.path)
    headers = {**request.headers, "host": host or url.netloc}
    target = f"{url.path}?{request.query}" if request.query else url.path
    end, attempts, failures = time.monotonic() + options.wait, 0, 0
    while True:
        attempts += 1
        try:
            allowed = headers if request.is_open else credentials(headers, request.method, url.path, request.query, request.body, options)
            answer = send(url, request.method, target, allowed, request.body)
            (verdict, why, may_change), told = judged(*answer, request), said(*answer)
            if verdict == 0:
                return answer[1], answer[2], attempts
        except (OSError, http.client.HTTPException) as error:
            verdict, why, may_change, told = UNPROVED, f"cannot reach {endpoint}", True, repr(error)
        failures = failures + 1 if verdict == BAD else 0
        is_clear = verdict == UNPROVED or failures >= FAILURES_MIN
        if is_clear and not (may_change and time.monotonic() < end):
            raise Failed(verdict, f"{why}. It expected {request.status} to {request.method} {request.path}, but got {told}")
        print(f"smoke: not ready yet ({why}); trying again in {PAUSE_S} s", file=sys.stderr)
        time.sleep(PAUSE_S)


def proved(body, receipt, options):
    """Stores the memory twice at the gateway's own endpoint, and checks both receipts."""
    headers, first, attempts = asked(options.endpoint, options.host, storing(body, receipt), options)
    # API Gateway does not repeat an invocation, so the first request cannot find its memory stored.
    if attempts == 1 and headers["idempotent-replayed"]:
        raise Failed(BAD, "the response to a new memory says Idempotent-Replayed: it may not be stored.")
    print(f"smoke: stored {receipt['s3_key']}")

    headers, second, _ = asked(options.endpoint, options.host, storing(body, receipt), options)
    if second != first:
        raise Failed(BAD, f"the receipt of the repeat differs. It expected the same bytes:\n  {first!r}\nbut got\n  {second!r}")
    if headers["idempotent-replayed"] != "true":
        raise Failed(BAD, f"the repeat should have Idempotent-Replayed: true, but has {headers['idempotent-replayed']}: the memory may be stored twice.")
    print("smoke: the service recognised the repeat: the response has the same bytes, and nothing is stored twice")


def proved_with_recall(body, receipt, options):
    """Tries every POST of a memory and every route of recall, after the memory is stored."""
    tried = 0
    for request in smoke_recall.requests(options.recall, body, receipt):
        asked(options.endpoint, options.host, request, options)
        tried += 1
    print(f"smoke: {tried} requests to every POST of a memory and every route of recall found the memory")


def proved_at_the_custom_domain(body, receipt, options):
    """Repeats the memory at the custom domain, after the gateway's own endpoint proved that the release is good."""
    try:
        if options.auth == "jwt":
            asked(options.custom_domain, None, describing(options.custom_domain, None), options)
        asked(options.custom_domain, None, storing(body, receipt), options)
    except Failed as failed:
        why = f"the release is good at {options.endpoint}. Check the DNS record, the certificate and the mapping of {options.custom_domain}"
        raise Failed(UNPROVED, f"{why}: {failed}") from failed
    print(f"smoke: {options.custom_domain} reaches the service")


def arguments(given):
    parser = argparse.ArgumentParser(
        description=__doc__, usage=argparse.SUPPRESS, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("endpoint", help="the Terraform output gateway_endpoint, to which /memory is appended")
    parser.add_argument("--region", default=os.environ.get("AWS_REGION"), help="the region to sign for [AWS_REGION]")
    parser.add_argument("--auth", choices=NEEDS, default="iam", help="the Terraform output auth_mode [iam]")
    parser.add_argument("--recall", choices=["read", "change"], help="the grant of the Terraform output recall, if that is set")
    parser.add_argument("--custom-domain", metavar="URL", help="the Terraform output endpoint, if it is another one: tested last")
    parser.add_argument("--host", help="another Host header, for an emulator that has its own address")
    parser.add_argument("--wait", type=float, default=30, metavar="SECONDS", help="how long a new deployment may take until it is ready [30]")
    options = parser.parse_args(given)
    if not any(all(os.environ.get(name) for name in names) for names in NEEDS[options.auth]):
        wanted = ", or ".join(" and ".join(names) for names in NEEDS[options.auth])
        parser.error(f"--auth {options.auth} needs {wanted} in the environment.")
    if options.auth == "iam" and not options.region:
        parser.error("--auth iam needs --region, or AWS_REGION in the environment.")
    for url in (options.endpoint, options.custom_domain):
        if url is not None and urlsplit(url).scheme not in ("http", "https"):
            parser.error(f"{url} must be a URL, such as https://a1b2c3.execute-api.eu-central-1.amazonaws.com/live.")
    return options


def main(given=None):
    """Returns the exit status."""
    options = arguments(given)
    body, receipt = memory_of(datetime.now(timezone.utc))
    try:
        if options.auth == "jwt":
            asked(options.endpoint, options.host, describing(options.endpoint, options.host), options)
            print("smoke: agents are told where to log in")
            options.token = os.environ.get("MEMORY_TOKEN") or token_by_client_credentials()
        proved(body, receipt, options)
        if options.recall:
            proved_with_recall(body, receipt, options)
        if options.custom_domain:
            proved_at_the_custom_domain(body, receipt, options)
    except Failed as failed:
        verdict = {BAD: "the release is bad", UNPROVED: "nothing is proved"}[failed.status]
        print(f"smoke: {verdict}: {failed}", file=sys.stderr)
        return failed.status
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception as error:  # Python would exit with 1, but a mistake in this program proves nothing.
        traceback.print_tb(error.__traceback__)
        # Its text is not shown, because it may contain a credential that cannot be a header.
        print(f"smoke: nothing is proved: this program ended with {type(error).__name__}", file=sys.stderr)
        sys.exit(UNPROVED)
