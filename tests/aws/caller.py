"""A caller of a deployment with recall, and the functions that answered it."""

import json
import os
import re
import sys
from urllib.parse import urlsplit

from deployment import REGION, ROOT

sys.path.insert(0, str(ROOT / "terraform"))
import smoke  # noqa: E402
from smoke_recall import query_of  # noqa: E402

JSON, JSON_API = "application/json", "application/vnd.api+json"
STARTED = re.compile(r"START RequestId: (\S+) ")


class Caller:
    """Sends requests as the smoke test does, signed with the key of a user or with these header fields."""

    def __init__(self, stack, key=None, **headers):
        self.stack, self.key, self.headers = stack, key, headers

    def send(self, method, path, body=None, **headers):
        """Returns the status, the headers and the body of the response."""
        path, _, query = (self.stack.stage + path).partition("?")
        body = b"" if body is None else json.dumps(body).encode()
        typed = {"content-type": JSON} if body else {}
        sent = {"host": f"{self.stack.host}:{self.stack.port}", "accept": JSON_API, **typed, **self.headers, **headers}
        os.environ.update(SSL_CERT_FILE=self.stack.cert, AWS_SESSION_TOKEN="")
        if self.key:
            os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"] = self.key
            sent = smoke.signed(sent, method, path, query, body, REGION)
        return smoke.send(urlsplit(self.stack.endpoint), method, f"{path}?{query}" if query else path, sent, body)

    def get(self, path, status=200, headers=None, **parameters):
        """Asserts the status of a response. Returns its headers and its body."""
        query = query_of(**parameters)
        found = self.send("GET", f"{path}?{query}" if query else path, **(headers or {}))
        assert found[0] == status, f"GET {path}?{query}: {found[0]}, and not {status}: {found[2]}"
        return found[1:]

    def store(self, memory, status=201):
        """Asserts the status of the response to a memory. Returns the receipt, or what stands in its place."""
        found = self.send("POST", "/memory", memory, accept=JSON)
        assert found[0] == status, f"POST /memory: {found[0]}, and not {status}: {found[2]}"
        return json.loads(found[2])


def functions_of(stack):
    """Returns the name of the function that handled each request, by the request's id, from the functions' logs."""
    names = [stack.outputs["function_name"], stack.outputs["recall"]["function_name"]]
    pages = {name: stack.client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}") for name in names}
    events = [(name, event["message"]) for name in names for page in pages[name] for event in page["events"]]
    return {found[1]: name for name, message in events if (found := STARTED.match(message))}
