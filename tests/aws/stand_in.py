"""A stand-in for a deployed service behind its gateway, on this machine. A test says what it answers."""

import http.server
import json
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

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


class Service:
    """A service that stores memories, after the responses that a test puts before that."""

    def __init__(self, *first, always=None):
        self.first, self.always, self.asked, self.stored = list(first), always, [], set()

    def answer(self, headers, body):
        self.asked.append((headers, body))
        response = self.first.pop(0) if self.first else self.always
        if response is None:
            is_repeat = body in self.stored
            self.stored.add(body)
            return stored(body, is_repeat)
        return response(body) if callable(response) else response


@contextmanager
def serving(service):
    """Yields the URL at which the service answers. The response "closed" closes the connection."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            response = service.answer(self.headers, body)
            if response == "closed":
                self.close_connection = True
                return
            status, headers, text = response
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(text.encode()))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

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
