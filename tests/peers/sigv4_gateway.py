"""Runs a gateway that verifies AWS Signature Version 4 with botocore, then forwards the request without its stage.

usage: sigv4_gateway.py UPSTREAM SERVICE REGION ACCESS_KEY SECRET_KEY [SESSION_TOKEN]

Prints its URL. Its error responses are those of API Gateway: a JSON message, and the error type in x-amzn-ErrorType.
"""

import hmac
import http.client
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

UPSTREAM, SERVICE, REGION, ACCESS_KEY, SECRET_KEY, *TOKEN = sys.argv[1:]
STAGE = "/prod"


def refusal(handler, body):
    """Returns the error type and the message if the signature of this request is not valid, and otherwise None."""
    authorization = handler.headers.get("Authorization", "")
    if not authorization.startswith("AWS4-HMAC-SHA256 "):
        return "MissingAuthenticationTokenException", "Missing Authentication Token"
    parts = dict(part.strip().split("=", 1) for part in authorization.split(" ", 1)[1].split(","))
    signed = parts["SignedHeaders"].split(";")
    if not {"host", "x-amz-date", "content-type"} <= set(signed):
        return "InvalidSignatureException", "Credentials must be signed with host, x-amz-date and content-type"
    if parts["Credential"].split("/")[0] != ACCESS_KEY:
        return "UnrecognizedClientException", "The security token included in the request is invalid."
    if TOKEN and (handler.headers.get("X-Amz-Security-Token") != TOKEN[0] or "x-amz-security-token" not in signed):
        return "ExpiredTokenException", "The security token included in the request is expired"
    url = f"http://{handler.headers['Host']}{handler.path}"
    request = AWSRequest("POST", url, data=body, headers={name: handler.headers[name] for name in signed})
    request.context["timestamp"] = handler.headers["X-Amz-Date"]
    auth = SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY, *TOKEN), SERVICE, REGION)
    canonical = auth.canonical_request(request)
    expected = auth.signature(auth.string_to_sign(request, canonical), request)
    if auth.scope(request) != parts["Credential"] or not hmac.compare_digest(expected, parts["Signature"]):
        return "InvalidSignatureException", "The request signature we calculated does not match the signature you provided."
    return None


class Gateway(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        refused = refusal(self, body)
        if refused or not self.path.startswith(STAGE + "/"):
            kind, message = refused or ("AccessDeniedException", "Forbidden")
            return self.answer(403, json.dumps({"message": message}).encode(), {"x-amzn-ErrorType": kind})
        upstream = http.client.HTTPConnection(urlsplit(UPSTREAM).netloc)
        headers = {name: self.headers[name] for name in ("Content-Type", "Accept")}
        upstream.request("POST", self.path.removeprefix(STAGE), body, headers)
        answer = upstream.getresponse()
        return self.answer(answer.status, answer.read(), {"Content-Type": answer.headers["Content-Type"]})

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
print(f"http://127.0.0.1:{server.server_port}{STAGE}", flush=True)
server.serve_forever()
