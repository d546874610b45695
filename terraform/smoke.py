#!/usr/bin/env python3
"""Tests a deployment: stores one memory, stores it again, and compares the two responses.

usage: terraform/smoke.py ENDPOINT --region REGION [--auth iam|api_key|jwt] [--host HOST] [--wait SECONDS]

Run this first on a real account. The pipeline runs it after every deployment:

  cd terraform
  eval "$(aws configure export-credentials --format env)"
  ./smoke.py "$(terraform output -raw endpoint)" --region "$(terraform output -raw region)"

Each run adds one memory of the domain "smoke" to the bucket, 200 to 300 bytes. Like every memory, it stays there.
Credentials come from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN (iam),
MEMORY_API_KEY (api_key), or MEMORY_TOKEN (jwt). Exits with 0 if both responses are as expected. Otherwise exits with 1,
and prints the response that was not.
"""

import argparse
import hashlib
import hmac
import http.client
import json
import os
import sys
import time
from datetime import datetime, timezone
from urllib.parse import urlsplit

# Statuses of a deployment that is not ready yet, because a name, a permission or a stage is not available everywhere.
NOT_YET = {403, 404, 429, 500, 502, 503, 504}
NEEDS = {"iam": ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], "api_key": ["MEMORY_API_KEY"], "jwt": ["MEMORY_TOKEN"]}


def signature(key, *texts):
    """Returns the last HMAC of AWS Signature Version 4. The key of each HMAC is the HMAC before it."""
    for text in texts:
        key = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return key


def signed(headers, path, body, region):
    """Adds the headers of AWS Signature Version 4, by which API Gateway authenticates the caller."""
    now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = {**headers, "x-amz-date": now}
    if token := os.environ.get("AWS_SESSION_TOKEN"):
        headers["x-amz-security-token"] = token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    # The path is signed as it is, because the name of a stage has no character that a signature encodes.
    request = "\n".join(["POST", path, "", lines, names, hashlib.sha256(body).hexdigest()])
    scope = f"{now[:8]}/{region}/execute-api/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = signature(b"AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"].encode(), *scope.split("/"), text).hex()
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={key}"}


def credentials(headers, path, body, options):
    """Adds the headers of the chosen authentication."""
    if options.auth == "iam":
        return signed(headers, path, body, options.region)
    if options.auth == "api_key":
        return {**headers, "x-api-key": os.environ["MEMORY_API_KEY"]}
    return {**headers, "authorization": f"Bearer {os.environ['MEMORY_TOKEN']}"}


def send(body, options):
    """Sends the memory. Returns the status, the headers and the body of the response."""
    url = urlsplit(options.endpoint.rstrip("/") + "/memory")
    headers = {"accept": "application/json", "content-type": "application/json", "host": options.host or url.netloc}
    connect = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = connect(url.netloc, timeout=30)
    try:
        connection.request("POST", url.path, body, credentials(headers, url.path, body, options))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def said(status, headers, body):
    """Formats a response for a person."""
    names = ("x-request-id", "x-amzn-requestid", "apigw-requestid", "x-amzn-errortype", "content-type")
    shown = "".join(f"\n  {name}: {headers[name]}" for name in names if headers[name])
    return f"{status}{shown}\n  {body.decode(errors='replace')}"


def first_answer(body, options):
    """Returns the first response of a deployment that may be seconds old.

    Its repeats store nothing more, because they are the same memory.
    """
    end = time.monotonic() + options.wait
    while True:
        try:
            status, headers, answer = send(body, options)
            if status not in NOT_YET or time.monotonic() > end:
                return status, headers, answer
            told = status
        except (OSError, http.client.HTTPException) as error:
            if time.monotonic() > end:
                sys.exit(f"smoke: cannot reach {options.endpoint}: {error!r}.")
            told = repr(error)
        print(f"smoke: not ready yet ({told}); trying again in 3 s", file=sys.stderr)
        time.sleep(3)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, usage=argparse.SUPPRESS, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("endpoint", help="the Terraform output endpoint, to which /memory is appended")
    parser.add_argument("--region", default=os.environ.get("AWS_REGION"), help="the region to sign for [AWS_REGION]")
    parser.add_argument("--auth", choices=NEEDS, default="iam", help="the auth_mode of the deployment [iam]")
    parser.add_argument("--host", help="another Host header, for an emulator that has its own address")
    parser.add_argument("--wait", type=float, default=30, metavar="SECONDS", help="how long a new deployment may take until it is ready [30]")
    options = parser.parse_args()
    if missing := [name for name in NEEDS[options.auth] if not os.environ.get(name)]:
        parser.error(f"--auth {options.auth} needs {' and '.join(missing)} in the environment.")
    if options.auth == "iam" and not options.region:
        parser.error("--auth iam needs --region, or AWS_REGION in the environment.")
    if urlsplit(options.endpoint).scheme not in ("http", "https"):
        parser.error("ENDPOINT must be a URL, such as https://a1b2c3.execute-api.eu-central-1.amazonaws.com/live.")

    memory = {
        "entity_id": "deployment",
        "domain": "smoke",
        "content": "Written twice to prove that it is stored once.",
        "timestamp": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "metadata": {"source": "terraform/smoke.py"},
    }
    body = json.dumps(memory).encode()

    status, headers, first = first_answer(body, options)
    if status != 201:
        sys.exit(f"smoke: expected the response 201 to a memory, but got {said(status, headers, first)}")
    try:
        key = json.loads(first)["s3_key"]
    except (ValueError, KeyError, TypeError):
        sys.exit(f"smoke: expected the memory's s3_key in the response, but got {said(status, headers, first)}")
    print(f"smoke: stored {key}")

    try:
        status, headers, second = send(body, options)
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"smoke: the repeat could not reach {options.endpoint}: {error!r}.")
    if status != 201:
        sys.exit(f"smoke: expected the response 201 to the repeat, but got {said(status, headers, second)}")
    if second != first:
        sys.exit(f"smoke: expected the same bytes in the response to the repeat:\n  {first!r}\nbut got\n  {second!r}")
    if headers["idempotent-replayed"] != "true":
        sys.exit(f"smoke: expected Idempotent-Replayed: true in the response to the repeat, but got {headers['idempotent-replayed']}: the memory may be stored twice.")
    print("smoke: the service recognised the repeat: the response has the same bytes, and nothing is stored twice")


if __name__ == "__main__":
    main()
