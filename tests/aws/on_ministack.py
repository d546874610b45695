#!/usr/bin/env python3
"""Deploys the real package to ministack with the real module, and sends good and bad requests to its gateway and S3.

usage: tests/aws/on_ministack.py [--package ZIP] [VARIANT]...

ministack verifies signatures and evaluates policies (AUTH=true), and runs the program of the package behind its gateway,
over TLS. Each variant (rest-iam, rest-api-key, http-jwt) is its own deployment. Nothing here was tested against AWS,
including the gaps of ministack that ministack_server.py closes. Needs Linux on x86_64, Terraform, curl, the package that
terraform/package.py --architecture x86_64 builds, and the Python packages ministack, boto3 and PyJWT[crypto].
"""

import argparse
import base64
import datetime
import http.server
import ipaddress
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

import boto3
import jwt
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from deployment import ACCOUNT, REGION, REGIONS, ROOT, Deployment, environment, free_port, needs, server

BUCKET = f"memory-ingress-{ACCOUNT}-{REGION}"
JSON, JSON_API = "application/json", "application/vnd.api+json"
BODY_BYTES_MAX = 4 * 2**20
GOOD, BAD, UNPROVED = 0, 1, 2  # what the smoke test proves


def memory(content="Rob prefers mornings.", **more):
    """Returns the tool's body of a memory that no other test sends."""
    return {"entity_id": str(uuid.uuid4()), "domain": "work", "content": content, "timestamp": "2026-01-27T03:14:22Z", **more}


def certificate(folder):
    """Writes a certificate for every server of this run, which all its clients trust."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    regions = [f"*.execute-api.{region}.amazonaws.com" for region in REGIONS]
    names = [x509.DNSName(host) for host in ("localhost", "*.execute-api.localhost", *regions)]
    names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = Path(folder) / "server.crt", Path(folder) / "server.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(private(key))
    return [str(path) for path in paths]


def private(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Issuer:
    """An OpenID Connect issuer with one key and one client, that of the smoke test."""

    CLIENT = "smoke", "its-secret"

    def __init__(self, cert, key):
        issue = self.issue
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        documents = {
            "/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/keys"},
            "/keys": {"keys": [{**public, "kid": "1", "use": "sig", "alg": "RS256"}]},
        }

        class Answers(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(200 if self.path in documents else 404, documents.get(self.path, {}))

            def do_POST(self):
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.answer(*issue(self.headers["Authorization"], form))

            def answer(self, status, document):
                document = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", JSON)
                self.send_header("Content-Length", str(len(document)))
                self.end_headers()
                self.wfile.write(document)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Answers)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def issue(self, authorization, form):
        """Returns the response of the token endpoint: the status and the document."""
        is_known = authorization == f"Basic {base64.b64encode(':'.join(self.CLIENT).encode()).decode()}"
        if not is_known or form != "grant_type=client_credentials&scope=memory%3Awrite":
            return 401, {"error": "invalid_client"}
        return 200, {"access_token": self.token(), "token_type": "Bearer"}

    def token(self, key=None, **claims):
        now = int(time.time())
        claims = {"iss": self.url, "sub": "billing", "aud": "memory", "scope": "memory:write", "iat": now, "exp": now + 600, **claims}
        return jwt.encode(claims, private(key or self.key), "RS256", {"kid": "1"})


class Stack:
    """One deployment, and the requests to it."""

    def __init__(self, folder, port, cert, package):
        self.port, self.cert, self.package, self.folder = port, cert, package, folder
        self.endpoint = f"https://127.0.0.1:{port}"
        self.env = environment(folder, AWS_ENDPOINT_URL=self.endpoint, AWS_CA_BUNDLE=cert, AWS_REGION=REGION,
                               AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")

    def deploy(self, **variables):
        self.deployment = Deployment(self.folder, self.env, package_path=self.package, architecture="x86_64", **variables)
        self.outputs = self.deployment.apply()
        host, slash, stage = self.outputs["endpoint"].removeprefix("https://").partition("/")
        self.api = host.partition(".")[0]
        self.host, self.stage = f"{self.api}.execute-api.localhost", slash + stage

    def client(self, service, key="test", secret="test", token=None):
        config = Config(region_name=REGION, s3={"addressing_style": "path"}, retries={"max_attempts": 0})
        return boto3.client(service, endpoint_url=self.endpoint, verify=self.cert, config=config, aws_access_key_id=key,
                            aws_secret_access_key=secret, aws_session_token=token)

    def url(self, path):
        return f"https://{self.host}:{self.port}{self.stage}{path}"

    def ask(self, body, *curl, path="/memory", method="POST", headers=()):
        """Sends a request. Returns the status, the headers and the body of the response."""
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = Path(self.folder) / "sent"
        sent.write_bytes(body)
        fields = {"Content-Type": JSON, "Accept": JSON_API, **dict(headers)}
        command = ["curl", "--silent", "--show-error", "--include", "--http1.1", "--max-time", "60", "--cacert", self.cert,
                   "--resolve", f"{self.host}:{self.port}:127.0.0.1", "--request", method, "--data-binary", f"@{sent}",
                   "--header", "Expect:", *[part for name, value in fields.items() for part in ("--header", f"{name}: {value}")], *curl, self.url(path)]
        answer = subprocess.run(command, check=True, capture_output=True).stdout
        head, _, text = answer.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return int(status.split()[1]), fields, text.decode()

    def expect(self, what, status, code, *asked, **options):
        """Asserts that a response has this status and, if a code is given, is a JSON:API document with this code."""
        answer = self.ask(*asked, **options)
        assert answer[0] == status, f"{what}: {answer}"
        if code:
            assert answer[1]["content-type"] == JSON_API, f"{what}: {answer}"
            error = json.loads(answer[2])["errors"][0]
            # The gateway's default response cannot name its own status.
            assert (error["code"], error.get("status", str(status))) == (code, str(status)), f"{what}: {answer}"
        print(f"  {status} {code:24} {what}", flush=True)
        return answer

    def expect_stored(self, what, *curl, **options):
        """Asserts that a memory is stored in the form that replay reads, and that its repeat gets the same response."""
        sent = memory()
        status, fields, text = self.expect(what, 201, "", sent, *curl, **options)
        data = json.loads(text)["data"]
        stored = self.client("s3").get_object(Bucket=BUCKET, Key=data["meta"]["s3_key"])["Body"].read()
        stored = json.loads(stored)
        assert (stored["memory_id"], stored["content"], stored["entity_id"]) == (data["id"], sent["content"], sent["entity_id"])
        repeat = self.ask(sent, *curl, **options)
        assert (repeat[0], repeat[2]) == (201, text) and repeat[1]["idempotent-replayed"] == "true", repeat
        assert "idempotent-replayed" not in fields, fields


def user(stack, name, *statements):
    """Creates a user with a policy. Returns its access key and its secret."""
    iam = stack.client("iam")
    iam.create_user(UserName=name)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement} for statement in statements]}
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def signature(key, secret, service="execute-api", region=REGION):
    return ["--aws-sigv4", f"aws:amz:{region}:{service}", "--user", f"{key}:{secret}"]


def rest_iam(stack):
    stack.deploy()
    arn = f"{stack.outputs['api_execution_arn']}/live"
    key, secret = user(stack, "billing", {"Action": "execute-api:Invoke", "Resource": f"{arn}/*"})
    caller, stranger = signature(key, secret), signature(*user(stack, "stranger"))
    elsewhere = signature(*user(stack, "reader", {"Action": "execute-api:Invoke", "Resource": f"{arn}/GET/*"}))
    pasted = signature(*user(stack, "pasted", *json.loads(stack.outputs["caller_policy"])["Statement"]))
    stack.expect("an unsigned request", 403, "forbidden", memory())
    stack.expect("a wrong secret key", 403, "forbidden", memory(), *signature(key, "x" * 40))
    stack.expect("an unknown access key", 403, "gateway_refused", memory(), *signature("AKIAIOSFODNN7EXAMPLE", secret))
    # ministack has its own response to these two. AWS uses the gateway response ACCESS_DENIED.
    stack.expect("a caller without permission", 403, "", memory(), *stranger)
    stack.expect("a caller with permission for another method", 403, "", memory(), *elsewhere)
    signed = AWSRequest("POST", stack.url("/memory"), {"Content-Type": JSON}, json.dumps(memory()))
    SigV4Auth(Credentials(key, secret), "execute-api", REGION).add_auth(signed)
    stack.expect("a body changed after it was signed", 403, "forbidden", memory(), headers=dict(signed.headers))
    nothing_yet = stack.client("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"]
    assert nothing_yet == 0, nothing_yet

    nobody_forges_a_receipt(stack, caller)
    stack.expect_stored("a request signed by curl", *caller)
    stack.expect("an unknown path", 404, "not_found", memory(), *caller, path="/nothing")
    stack.expect("the root path", 404, "not_found", memory(), *caller, path="/")
    stack.expect("another method", 405, "method_not_allowed", memory(), *caller, method="DELETE")
    stack.expect("an unknown member", 422, "unknown_field", memory(colour="red"), *caller)
    stack.expect("a body that is not UTF-8", 400, "malformed_json", b'{"content":"\xff"}', *caller)
    room = BODY_BYTES_MAX - len(json.dumps(memory("")))
    stack.expect("a body of 4 MiB", 201, "", memory("x" * room), *caller)
    stack.expect("a body of 4 MiB and one byte", 413, "too_large", memory("x" * (room + 1)), *caller)
    for path in ("memory", "memories", "api/v1/mcp/memory", "api/v1/mcp/memories/"):
        stack.expect(f"the output caller_policy: /{path}", 201, "", memory(), *pasted, path=f"/{path}")
    stack.expect("the output caller_policy: another path", 403, "", memory(), *pasted, path="/nothing")
    stack.expect("the output caller_policy: another method", 403, "", memory(), *pasted, method="DELETE")
    smoke(stack, GOOD, AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret)
    smoke(stack, UNPROVED, AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY="x" * 40)
    function_may_only_write(stack)
    nobody_reads_or_deletes(stack)
    only_from(stack, "192.0.2.0/24")
    stack.expect("a caller at an address that is not allowed", 403, "", memory(), *caller)
    only_from(stack, "127.0.0.0/8")
    stack.expect("a caller at an allowed address", 201, "", memory(), *caller)
    stack.expect("a caller at an allowed address without permission", 403, "", memory(), *stranger)
    take_the_functions_permissions(stack)
    smoke(stack, BAD, AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret)


def only_from(stack, cidr):
    """Restricts the API to a range of addresses."""
    stack.deployment.run("apply", "-auto-approve", "-no-color", f'-var=resource_policy={{"cidrs":["{cidr}"]}}', "-target=aws_api_gateway_stage.live")


def nobody_forges_a_receipt(stack, caller):
    """Asserts that nobody can put another object where a memory will be, and have the service confirm that memory."""
    with open(ROOT / "tests/vectors/tool.json") as vectors:
        known = json.load(vectors)[0]
    key, secret = user(stack, "forger", {"Action": "s3:PutObject", "Resource": "*"})
    refused("another user puts garbage at the key of a memory", stack.client("s3", key, secret).put_object, "AccessDenied",
            Bucket=BUCKET, Key=known["s3_key"], Body=b"garbage", IfNoneMatch="*")
    _, fields, text = stack.expect("the memory of that key", 201, "", known["request"].encode(), *caller)
    assert json.loads(text)["data"]["meta"]["s3_key"] == known["s3_key"] and "idempotent-replayed" not in fields, (fields, text)
    stored = stack.client("s3").get_object(Bucket=BUCKET, Key=known["s3_key"])["Body"].read()
    assert stored == known["object"].encode(), stored


def processes(stack, function):
    """Yields the id and the environment of each running process of a function, from /proc on this machine."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "exe").endswith("/bootstrap"):
                held = dict(item.split("=", 1) for item in (process / "environ").read_text().split("\0") if "=" in item)
                # Another test may run a function of this name, behind a gateway of its own.
                if (held.get("AWS_LAMBDA_FUNCTION_NAME"), held.get("GATEWAY_PORT")) == (function, str(stack.port)):
                    yield int(process.name), held
        except OSError:
            continue


def credentials_of(stack, function):
    """Returns the credentials of a running function: its key, its secret, and its token."""
    _, held = next(processes(stack, function))
    return held["AWS_ACCESS_KEY_ID"], held["AWS_SECRET_ACCESS_KEY"], held.get("AWS_SESSION_TOKEN")


def refused(what, call, *codes, **named):
    """Asserts that S3 refuses a call with one of these codes."""
    try:
        call(**named)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        assert code in codes, f"{what}: {error}"
        print(f"      {code:24} {what}", flush=True)
    else:
        raise AssertionError(f"{what}: S3 did not refuse it")


def function_may_only_write(stack):
    s3 = stack.client("s3", *credentials_of(stack, stack.outputs["function_name"]))
    mine = {"Bucket": BUCKET, "Key": "memories/by-the-function.json"}
    denied = ("AccessDenied",)
    assert s3.put_object(**mine, Body=b"{}", IfNoneMatch="*")["ETag"]
    refused("its role puts the same key again", s3.put_object, "PreconditionFailed", **mine, Body=b"{}", IfNoneMatch="*")
    refused("its role puts without the condition", s3.put_object, *denied, **mine, Body=b"{}")
    refused("its role puts with another condition", s3.put_object, *denied, **mine, Body=b"{}", IfMatch='"x"')
    refused("its role puts with an encryption of its own", s3.put_object, *denied, Bucket=BUCKET, Key="memories/sse", Body=b"{}",
            IfNoneMatch="*", ServerSideEncryption="AES256")
    refused("its role puts outside memories/", s3.put_object, *denied, Bucket=BUCKET, Key="other.json", Body=b"{}", IfNoneMatch="*")
    refused("its role reads", s3.get_object, *denied, **mine)
    refused("its role lists", s3.list_objects_v2, *denied, Bucket=BUCKET)
    refused("its role deletes", s3.delete_object, *denied, **mine)
    refused("its role starts a multipart upload", s3.create_multipart_upload, *denied, Bucket=BUCKET, Key="memories/parts")
    refused("its role deletes the bucket policy", s3.delete_bucket_policy, *denied, Bucket=BUCKET)


def take_the_functions_permissions(stack):
    iam, role = stack.client("iam"), {"RoleName": f"memory-ingress-writer-{REGION}"}
    for name in iam.list_role_policies(**role)["PolicyNames"]:
        iam.delete_role_policy(**role, PolicyName=name)


def nobody_reads_or_deletes(stack):
    key, secret = user(stack, "operator", {"Action": "s3:*", "Resource": "*"})
    s3, mine = stack.client("s3", key, secret), {"Bucket": BUCKET, "Key": "memories/by-the-function.json"}
    [version] = stack.client("s3").list_object_versions(Bucket=BUCKET, Prefix=mine["Key"])["Versions"]
    refused("an operator reads", s3.get_object, "AccessDenied", **mine)
    refused("an operator lists versions", s3.list_object_versions, "AccessDenied", Bucket=BUCKET)
    refused("an operator deletes", s3.delete_object, "AccessDenied", **mine)
    refused("an operator deletes a version", s3.delete_object, "AccessDenied", **mine, VersionId=version["VersionId"])
    refused("an operator overwrites", s3.put_object, "AccessDenied", **mine, Body=b"{}")
    refused("an operator encrypts with its own key (SSE-C)", s3.put_object, "AccessDenied", Bucket=BUCKET, Key="memories/sse-c", Body=b"{}",
            IfNoneMatch="*", SSECustomerAlgorithm="AES256", SSECustomerKey="k" * 32)
    assert stack.client("s3").get_object(**mine)["Body"].read() == b"{}"


def rest_api_key(stack):
    stack.deploy(auth_mode="api_key", api_clients=["billing"], break_glass_principal_arns=[f"arn:aws:iam::{ACCOUNT}:user/erasure"])
    key = stack.outputs["api_keys"]["billing"]
    stack.expect("no API key", 403, "forbidden", memory())
    stack.expect("a wrong API key", 403, "forbidden", memory(), headers={"x-api-key": "x" * 40})
    stack.expect_stored("the caller's API key", headers={"x-api-key": key})
    smoke(stack, GOOD, MEMORY_API_KEY=key)
    smoke(stack, UNPROVED, MEMORY_API_KEY="x" * 40)
    erase(stack)


def erase(stack):
    """Erases all memories of an entity as the break-glass principal, as the law may require."""
    everything = {"Action": "s3:*", "Resource": "*"}
    prefix = {"Bucket": BUCKET, "Prefix": "memories/domain=smoke/entity=deployment/"}
    eraser, operator = (stack.client("s3", *user(stack, name, everything)) for name in ("erasure", "operator"))
    versions = eraser.list_object_versions(**prefix)["Versions"]
    doomed = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]
    refused("an operator that is not the break-glass principal deletes", operator.delete_object, "AccessDenied", Bucket=BUCKET, **doomed[0])
    assert "Errors" not in eraser.delete_objects(Bucket=BUCKET, Delete={"Objects": doomed})
    left = eraser.list_object_versions(**prefix)
    assert "Versions" not in left and "DeleteMarkers" not in left, left
    print(f"      {'':24} the break-glass principal erases an entity", flush=True)


def http_jwt(stack, issuer):
    stack.deploy(api_type="http", auth_mode="jwt", jwt={"issuer": issuer.url, "audience": ["memory"], "scopes": ["memory:write"]})

    def bearer(**claims):
        return {"Authorization": f"Bearer {issuer.token(**claims)}"}

    _, fields, text = stack.expect("the document that says where to log in", 200, "", None, path="/.well-known/oauth-protected-resource/mcp", method="GET")
    assert json.loads(text)["authorization_servers"] == [issuer.url] and fields["access-control-allow-origin"] == "*", (fields, text)
    stack.expect("a document of no resource", 404, "not_found", None, path="/.well-known/oauth-protected-resource/a%22b", method="GET")
    stack.expect("another method of the document", 401, "", memory(), path="/.well-known/oauth-protected-resource/mcp")
    stack.expect("no token", 401, "", memory())
    stack.expect("a value that is not a token", 401, "", memory(), headers={"Authorization": "Bearer e.y.J"})
    stack.expect("an expired token", 401, "", memory(), headers=bearer(exp=int(time.time()) - 600))
    forger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    stack.expect("a forged token", 401, "", memory(), headers=bearer(key=forger))
    stack.expect("a token of another audience", 401, "", memory(), headers=bearer(aud="another"))
    stack.expect("a token of another issuer", 401, "", memory(), headers=bearer(iss="https://issuer.example.com"))
    stack.expect("a token without the scope", 403, "", memory(), headers=bearer(scope="memory:read"))
    assert stack.client("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
    stack.expect_stored("a valid token", headers=bearer())
    stack.expect("an unknown path", 404, "not_found", memory(), path="/nothing", headers=bearer())
    client = {"MEMORY_TOKEN_URL": f"{issuer.url}/token", "MEMORY_TOKEN_SCOPE": "memory:write", "MEMORY_CLIENT_ID": issuer.CLIENT[0]}
    smoke(stack, GOOD, **client, MEMORY_CLIENT_SECRET=issuer.CLIENT[1])
    smoke(stack, UNPROVED, **client, MEMORY_CLIENT_SECRET="another")
    smoke(stack, UNPROVED, MEMORY_TOKEN=issuer.token(exp=int(time.time()) - 600))


def smoke(stack, expected, *options, **credentials):
    """Runs the smoke test, as an operator does first after a deployment."""
    command = [sys.executable, str(ROOT / "terraform/smoke.py"), stack.endpoint + stack.stage, "--region", REGION,
               "--auth", stack.outputs["auth_mode"], "--host", f"{stack.host}:{stack.port}", "--wait", "0", *options]
    environment_of_operator = {**os.environ, "SSL_CERT_FILE": stack.cert, "AWS_SESSION_TOKEN": "", **credentials}
    done = subprocess.run(command, env=environment_of_operator, text=True, capture_output=True)
    assert done.returncode == expected, f"{done.stdout}{done.stderr}"
    print(f"      {'':24} the smoke test exits with {expected}", flush=True)


VARIANTS = {"rest-iam": rest_iam, "rest-api-key": rest_api_key, "http-jwt": http_jwt}


@contextmanager
def ministack(folder, env, port, cert, key):
    """Runs ministack until the block ends. If the block fails, prints the end of ministack's log."""
    env = {
        **env, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "AUTH": "true", "USE_SSL": "1", "TMPDIR": str(folder),
        "MINISTACK_SSL_CERT": cert, "MINISTACK_SSL_KEY": key, "SSL_CERT_FILE": cert, "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT, "IOT_MTLS_ENABLED": "0",  # it would listen on every address of this machine
    }
    log = Path(folder) / "ministack.log"
    with server([sys.executable, str(Path(__file__).with_name("ministack_server.py"))], env, port, log):
        try:
            yield
        except AssertionError:
            print(log.read_text()[-4000:], file=sys.stderr)
            raise


def run(name, folder, package):
    cert, key = certificate(folder)
    stack = Stack(folder, free_port(), cert, package)
    print(name, flush=True)
    with ministack(folder, stack.env, stack.port, cert, key):
        VARIANTS[name](stack, Issuer(cert, key)) if name == "http-jwt" else VARIANTS[name](stack)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("variant", nargs="*", help=f"one of {', '.join(VARIANTS)} [all]")
    options.add_argument("--package", default=ROOT / "target/lambda/memory-ingress-x86_64.zip", type=Path, help="the package of the function")
    options = options.parse_args()
    names = options.variant or list(VARIANTS)
    if unknown := set(names) - set(VARIANTS):
        sys.exit(f"unknown variant: {', '.join(sorted(unknown))}")
    if not options.package.is_file():
        sys.exit(f"{options.package} does not exist: build it with terraform/package.py --architecture x86_64.")
    needs("curl", "Debian: apt-get install curl.")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            run(name, folder, str(options.package.resolve()))


if __name__ == "__main__":
    main()
