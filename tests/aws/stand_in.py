"""A stand-in for a deployed service behind its gateway, on this machine. A test says what it answers."""

import http.server
import json
import re
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "terraform"))
import smoke  # noqa: E402

FUNCTION = {"x-request-id": "8f7c0000-0000-4000-8000-000000000000", "content-type": "application/json"}
REST_API = {"x-amzn-requestid": "5c1d0000-0000-4000-8000-000000000000", "content-type": "application/vnd.api+json"}
HTTP_API = {"apigw-requestid": "JKJaXmPLvHcESHA=", "content-type": "application/json"}


def of_function(status, code="internal"):
    """A failure that the function reports."""
    return status, FUNCTION, json.dumps({"jsonapi": {"version": "1.1"}, "errors": [{"status": str(status), "code": code}]})


def of_rest_api(status, code="forbidden"):
    """A gateway's own response, in the form of the service's error documents."""
    return status, REST_API, json.dumps({"jsonapi": {"version": "1.1"}, "errors": [{"status": str(status), "code": code}]})


def of_http_api(status, message="Forbidden"):
    return status, HTTP_API, json.dumps({"message": message})


def receipt_of(body):
    """The receipt of a memory. tests/aws/on_ministack.py shows that the real service derives the same id and key."""
    now = smoke.datetime.fromisoformat(json.loads(body)["timestamp"])
    return {"status": "ok", **smoke.memory_of(now)[1]}


def stored(body, is_repeat, **wrong):
    """A response that says that a memory is stored."""
    headers = {**FUNCTION, "idempotent-replayed": "true"} if is_repeat else FUNCTION
    return 201, headers, json.dumps({**receipt_of(body), **wrong})


METADATA = "/live/.well-known/oauth-protected-resource/mcp"


def described(host, **wrong):
    """The response that says where an agent logs in."""
    document = {"resource": f"http://{host}/live/mcp", "authorization_servers": ["https://issuer.example.com"], "bearer_methods_supported": ["header"]}
    return 200, {**FUNCTION, "access-control-allow-origin": "*"}, json.dumps({**document, **wrong})


class Service:
    """A service that stores memories, after the responses that a test puts before that.

    It says where an agent logs in, unless a test has another response to that.
    """

    def __init__(self, *first, always=None, login=None):
        self.first, self.always, self.login, self.asked, self.stored, self.told = list(first), always, login, [], set(), []

    def answer(self, method, target, headers, body):
        if target == METADATA:
            self.told.append(headers)
            return self.login or described(headers["host"])
        self.asked.append((headers, body))
        response = self.first.pop(0) if self.first else self.always
        if response is None:
            is_repeat = body in self.stored
            self.stored.add(body)
            return stored(body, is_repeat)
        return response(body) if callable(response) else response


class ServiceWithRecall(Service):
    """A service with recall, as its contract describes it, for the one memory of a run.

    A test says which routes, such as "GET /memory/{id}", have another response, and which of them only once.
    """

    def __init__(self, grant="change", wrong=None, once=None):
        super().__init__()
        self.grant, self.wrong, self.once, self.tried, self.memory, self.events = grant, wrong or {}, once or {}, [], None, 0

    def answer(self, method, target, headers, body):
        self.asked.append((headers, body))
        url = urlsplit(target)
        path = url.path.removeprefix("/live")
        query = {name: values[0] for name, values in parse_qs(url.query, strict_parsing=bool(url.query)).items()}
        route = f"{method} {re.sub('/[0-9a-f]{8}-[0-9a-f-]{27}$', '/{id}', path)}"
        self.tried.append(route)
        if route in self.once:
            return self.once.pop(route)
        if route in self.wrong:
            response = self.wrong[route]
            return response(body) if callable(response) else response
        kind = re.sub("^(/api/v1/mcp)?/(memory|memories)(?=/|$)", "/memory", re.sub("^/api/v1/mcp(?=/recall|$)", "/mcp", route.split(" ")[1]))
        return self.routed(method, kind, query, headers, body)

    def routed(self, method, kind, query, headers, body):
        if (method, kind) == ("POST", "/memory"):
            is_repeat = self.memory is not None
            self.memory = json.loads(body)
            return stored(body, is_repeat)
        if method == "POST" and kind in ("/mcp", "/mcp/recall", "/mcp/recall/changes"):
            return self.called(kind, json.loads(body))
        if (method, kind) == ("GET", "/mcp/recall/health"):
            return 200, FUNCTION, '{"status":"ok"}'
        if headers["accept"] != "application/vnd.api+json" or not is_in_the_scope(query):
            return of_function(400, "invalid_parameter")
        if method in ("GET", "HEAD"):
            return self.read(method, kind, query)
        return self.changed(method, kind, body)

    def read(self, method, kind, query):
        if kind == "/memory/{id}":
            if self.events:
                return of_function(410, "deleted")
            document = {"data": self.data()}
        elif kind == "/memory/search" and not query.get("filter[query]"):
            return of_function(400, "invalid_parameter")
        else:
            document = {"data": [self.data()] if query["filter[since]"] <= self.memory["timestamp"] else []}
        return 200, {**FUNCTION, "content-type": "application/vnd.api+json", "etag": '"0-j"'}, "" if method == "HEAD" else json.dumps(document)

    def changed(self, method, kind, body):
        sent = json.loads(body)
        if self.grant != "change" or kind != "/memory/{id}":
            return of_function(405, "method_not_allowed")
        if method == "PATCH" and (sent["data"]["id"], sent["data"]["attributes"]) != (self.id(), {"status": "deleted"}):
            return of_function(422, "invalid")
        self.events = 1
        receipt = {"memory_id": self.id(), "status": "deleted", "seq": self.events, "changed_at": "2026-01-27T03:14:23Z", "s3_key": "events/…"}
        return 200, {**FUNCTION, "etag": '"1-j"'}, json.dumps({"meta": receipt})

    def called(self, kind, message):
        name, given = message["params"]["name"], message["params"]["arguments"]
        headers = FUNCTION
        if (kind, name) == ("/mcp", "append_memory"):
            headers, result = {**FUNCTION, "idempotent-replayed": "true"}, receipt_of(json.dumps(given))
        elif (kind, name) == ("/mcp/recall", "get_memory"):
            result = {"status": "ok", "memory": {"memory_id": given["memory_id"], "content": self.memory["content"]}}
        elif (kind, name) == ("/mcp/recall/changes", "forget_memory") and self.grant == "change":
            result = {"status": "ok", "memory_id": given["memory_id"], "memory_status": "deleted", "seq": 1}
        else:
            return of_function(404, "not_found")
        return 200, headers, json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {"structuredContent": result}})

    def id(self):
        return receipt_of(json.dumps(self.memory))["memory_id"]

    def data(self):
        return {"type": "memories", "id": self.id(), "attributes": {"content": self.memory["content"], "status": "unverified"}}


def is_in_the_scope(query):
    return (query.get("filter[domain]"), query.get("filter[entity_id]")) == ("smoke", "deployment")


@contextmanager
def serving(service):
    """Yields the URL at which the service answers. The response "closed" closes the connection."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"] or 0))
            response = service.answer(self.command, self.path, self.headers, body)
            if response == "closed":
                self.close_connection = True
                return
            status, headers, text = response
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(text.encode()))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        do_DELETE = do_GET = do_HEAD = do_PATCH = do_POST

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/live"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
