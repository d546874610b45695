#!/usr/bin/env python3
"""What terraform/smoke.py proves by each response: that a release is good (0), that it is bad (1), or nothing (2).

usage: tests/aws/smoke_test.py

A stand-in for the service answers on this machine. The names of a gateway's own refusals are those of terraform/.
"""

import base64
import contextlib
import io
import os
import socket
import subprocess
import sys
import unittest
from unittest import mock
from urllib.parse import parse_qs

import stand_in
from deployment import free_port
from stand_in import FUNCTION, ROOT, Service, ServiceWithRecall, described, of_function, of_http_api, of_rest_api, receipt_of, serving, smoke, stored

GOOD, BAD, UNPROVED = 0, 1, 2
KEY = {"MEMORY_API_KEY": "the-key"}
CLIENT = {"MEMORY_CLIENT_ID": "smoke test", "MEMORY_CLIENT_SECRET": "s3cr3t:/+ü"}


def judge(endpoint, *options, auth="api_key", env=KEY, wait="0"):
    """Runs the smoke test. Returns its exit status and what it prints."""
    told = io.StringIO()
    with mock.patch.dict(os.environ, env, clear=True), mock.patch.object(smoke, "PAUSE_S", 0):
        with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
            try:
                status = smoke.main([endpoint, "--auth", auth, "--wait", wait, *options])
            except SystemExit as error:
                status = error.code
    return status, told.getvalue()


class Release(unittest.TestCase):
    def assert_judged(self, expected, service, *options, requests=None, says="", **more):
        with serving(service) as endpoint:
            status, told = judge(endpoint, *options, **more)
        self.assertEqual(status, expected, told)
        self.assertIn(says, told)
        if requests is not None:
            self.assertEqual(len(service.asked), requests, told)

    def test_is_good_if_a_memory_is_stored_once(self):
        self.assert_judged(GOOD, Service(), requests=2, says="recognised the repeat")

    def test_may_need_some_time_until_it_is_ready(self):
        early = [of_rest_api(403), of_http_api(404), of_rest_api(429), of_rest_api(502), of_function(503), "closed"]
        self.assert_judged(GOOD, Service(*early), wait="60", requests=len(early) + 2)

    def test_is_bad_if_the_function_fails_a_good_memory(self):
        for status, code in ((500, "internal"), (500, "storage_refused"), (503, "storage_unavailable"), (504, "storage_outcome_unknown")):
            with self.subTest(code):
                self.assert_judged(BAD, Service(always=of_function(status, code)), says=code)

    def test_is_bad_if_the_function_refuses_a_good_memory_and_that_takes_three_requests_only(self):
        for status, code in ((400, "malformed_json"), (403, "forbidden"), (404, "not_found"), (422, "unknown_field"), (429, "too_many_requests")):
            with self.subTest(code):
                self.assert_judged(BAD, Service(always=of_function(status, code)), wait="60", requests=3, says=code)

    def test_is_not_judged_if_its_caller_may_not_write_there(self):
        outside = '{"status":"error","error":"You may not write memories with this \\"entity_id\\". Nothing was stored."}'
        self.assert_judged(UNPROVED, Service(always=(403, FUNCTION, outside)), says="smoke/deployment")
        self.assert_judged(BAD, Service(always=(422, FUNCTION, outside)), requests=3)
        for near in ('{"status":"error","error":"The key in x-api-key is wrong."}', '{"error":7}', "[]", "no"):
            with self.subTest(near):
                self.assert_judged(BAD, Service(always=(403, FUNCTION, near)), requests=3)

    def test_is_bad_if_the_function_says_less_than_created(self):
        self.assert_judged(BAD, Service(always=(200, FUNCTION, '{"status":"ok"}')))

    def test_is_bad_if_the_gateway_gets_no_response_of_the_function(self):
        for response in (of_rest_api(502), of_rest_api(504, "storage_outcome_unknown"), of_http_api(500, "Internal Server Error")):
            with self.subTest(response):
                self.assert_judged(BAD, Service(always=response), requests=3, says="crashed")

    def test_is_not_bad_after_two_failures(self):
        self.assert_judged(GOOD, Service(of_rest_api(502), of_function(500)), requests=4)
        self.assert_judged(UNPROVED, Service(of_rest_api(502), of_rest_api(502), of_rest_api(429)), requests=3)
        interrupted = [of_function(422), of_function(422), of_rest_api(429), of_function(422), of_function(422)]
        self.assert_judged(GOOD, Service(*interrupted), wait="60", requests=7)

    def test_is_bad_if_the_receipt_is_of_another_memory(self):
        wrong = {"memory_id": "00000000-0000-8000-8000-000000000000"}, {"s3_key": "memories/other.json"}, {"s3_key": None}
        for members in wrong:
            with self.subTest(members):
                self.assert_judged(BAD, Service(always=lambda body: stored(body, False, **members)), requests=3, says="receipt")
        for text in ("", "[]", "null", '{"status":"ok"}', "<html>"):
            with self.subTest(text):
                self.assert_judged(BAD, Service(always=(201, FUNCTION, text)), says="receipt")

    def test_is_bad_if_a_new_memory_is_called_a_repeat(self):
        self.assert_judged(BAD, Service(lambda body: stored(body, True)), says="may not be stored")

    def test_may_find_its_memory_stored_if_only_the_first_response_was_lost(self):
        self.assert_judged(GOOD, Service(of_rest_api(504), lambda body: stored(body, True), lambda body: stored(body, True)))

    def test_is_bad_if_the_repeat_is_not_called_a_repeat(self):
        self.assert_judged(BAD, Service(always=lambda body: stored(body, False)), says="stored twice")

    def test_is_bad_if_the_receipt_of_the_repeat_has_other_bytes(self):
        self.assert_judged(BAD, Service(lambda body: stored(body, False), lambda body: stored(body, True, more="x")), says="differs")

    def test_is_bad_if_the_repeat_fails(self):
        self.assert_judged(BAD, Service(lambda body: stored(body, False), always=of_function(500)))
        self.assert_judged(UNPROVED, Service(lambda body: stored(body, False), always=of_rest_api(403)))

    def test_is_not_judged_by_what_the_gateway_refuses_itself(self):
        refusals = [of_rest_api(403), of_rest_api(403, "expired"), of_rest_api(404), of_rest_api(429, "too_many_requests"), of_rest_api(500),
                    of_rest_api(503), of_rest_api(400), of_rest_api(413, "too_large"), of_http_api(403), of_http_api(404, "Not Found"),
                    of_http_api(429, "Too Many Requests"), of_http_api(503, "Service Unavailable"),
                    (403, {"server": "waf", "content-type": "text/html"}, "<html>")]
        for response in refusals:
            with self.subTest(response):
                self.assert_judged(UNPROVED, Service(always=response), requests=1)

    def test_is_not_judged_by_401_whoever_sends_it(self):
        for response in (of_http_api(401, "Unauthorized"), of_rest_api(401, "unauthorized"), of_function(401, "unauthorized")):
            with self.subTest(response):
                self.assert_judged(UNPROVED, Service(always=response), wait="60", requests=1, says="token")

    def test_is_not_judged_by_another_server_at_the_address(self):
        for response in ((200, {"content-type": "text/html"}, "<html>"), (302, {"location": "https://portal.example.com"}, ""), (418, {}, "")):
            with self.subTest(response):
                self.assert_judged(UNPROVED, Service(always=response), wait="60", requests=1, says="not a response of the service")

    def test_is_not_judged_without_a_connection(self):
        status, told = judge(f"http://127.0.0.1:{free_port()}")
        self.assertEqual(status, UNPROVED, told)
        self.assert_judged(UNPROVED, Service(always="closed"))
        with mock.patch("socket.getaddrinfo", side_effect=socket.gaierror(-2, "Name or service not known")):
            status, told = judge("https://a1b2c3.execute-api.eu-central-1.amazonaws.com/live")
        self.assertEqual(status, UNPROVED, told)
        with serving(Service()) as endpoint:
            status, told = judge(endpoint.replace("http://", "https://"))
        self.assertEqual(status, UNPROVED, told)
        self.assertIn("SSL", told)

    def test_is_not_judged_without_credentials(self):
        for auth, env in (("iam", {"AWS_ACCESS_KEY_ID": "a"}), ("api_key", {}), ("jwt", {}), ("jwt", CLIENT)):
            with self.subTest(auth):
                self.assert_judged(UNPROVED, Service(), "--region", "eu-central-1", auth=auth, env=env, requests=0, says="in the environment")

    def test_is_not_judged_if_the_smoke_test_itself_fails(self):
        command = [sys.executable, str(ROOT / "terraform/smoke.py"), f"http://127.0.0.1:{free_port()}", "--auth", "api_key"]
        done = subprocess.run(command, env={"MEMORY_API_KEY": "the-key\n"}, text=True, capture_output=True)
        self.assertEqual(done.returncode, UNPROVED, done)
        self.assertIn("ValueError", done.stderr)
        self.assertNotIn("the-key", done.stdout + done.stderr)


BASES = ["/memory", "/memories", "/api/v1/mcp/memory", "/api/v1/mcp/memories"]
WRITES = {f"POST {path}" for path in [*BASES, "/mcp", "/api/v1/mcp"]}
READS = {f"{method} {path}{rest}" for path in BASES for method in ("GET", "HEAD") for rest in ("", "/search", "/{id}")}
READS |= {route for path in ("/mcp", "/api/v1/mcp") for route in (f"POST {path}/recall", f"GET {path}/recall/health")}
CHANGES = {f"{method} {path}/{{id}}" for path in BASES for method in ("DELETE", "PATCH")}
CHANGES |= {f"POST {path}/recall/changes" for path in ("/mcp", "/api/v1/mcp")}


class Recall(unittest.TestCase):
    def assert_judged(self, expected, service, grant="change", says="", **more):
        with serving(service) as endpoint:
            status, told = judge(endpoint, "--recall", grant, **more)
        self.assertEqual(status, expected, told)
        self.assertIn(says, told)

    def test_is_tried_at_every_route_that_reads(self):
        service = ServiceWithRecall("read")
        self.assert_judged(GOOD, service, "read", says="every route of recall")
        self.assertEqual(set(service.tried), WRITES | READS)

    def test_is_tried_at_every_route_that_changes(self):
        service = ServiceWithRecall("change")
        self.assert_judged(GOOD, service)
        self.assertEqual(set(service.tried), WRITES | READS | CHANGES)

    def test_is_not_tried_without_the_option(self):
        service = ServiceWithRecall()
        with serving(service) as endpoint:
            self.assertEqual(judge(endpoint)[0], GOOD)
        self.assertEqual(service.tried, ["POST /memory"] * 2)

    def test_is_bad_if_a_route_is_lost_to_the_other_function(self):
        for route in sorted(WRITES | READS | CHANGES):
            for status, code in ((404, "not_found"), (405, "method_not_allowed")):
                with self.subTest(route, status=status):
                    path = route.replace("/{id}", "/")
                    self.assert_judged(BAD, ServiceWithRecall(wrong={route: of_function(status, code)}), says=path)

    def test_is_bad_if_a_read_does_not_find_the_memory(self):
        another = '"id":"00000000-0000-8000-8000-000000000000","attributes":{"content":"x"}'
        for route, text in (("GET /memory", '{"data":[]}'), ("GET /memories", '{"data":[{%s}]}' % another), ("GET /memory/search", '{"data":null}'),
                            ("GET /memory/{id}", '{"data":{%s}}' % another), ("GET /memory/{id}", "<html>"),
                            ("POST /mcp/recall", '{"result":{"isError":true,"structuredContent":{"status":"error"}}}')):
            with self.subTest(route, text=text):
                self.assert_judged(BAD, ServiceWithRecall(wrong={route: (200, {**FUNCTION, "etag": '"0-j"'}, text)}), says="should have the memory")

    def test_is_bad_if_the_memory_is_not_forgotten_by_its_first_event(self):
        for receipt in ('{"meta":{"status":"deleted","seq":1}}', '{"meta":{}}', "{}", "[]"):
            with self.subTest(receipt):
                self.assert_judged(BAD, ServiceWithRecall(wrong={"DELETE /memory/{id}": (200, FUNCTION, receipt)}), says="deleted")

    def test_is_bad_if_another_spelling_of_a_write_stores_another_memory(self):
        another = 201, {**FUNCTION, "idempotent-replayed": "true"}, '{"memory_id":"x"}'
        for wrong in ((201, FUNCTION, "{}"), another, lambda body: stored(body, False)):
            with self.subTest(wrong):
                self.assert_judged(BAD, ServiceWithRecall(wrong={"POST /memories": wrong}), says="receipt")

    def test_is_not_judged_if_its_caller_may_not_read_there(self):
        self.assert_judged(UNPROVED, ServiceWithRecall(wrong={"GET /memory": of_function(403, "forbidden")}), says="recall.read_scopes")
        self.assert_judged(BAD, ServiceWithRecall(wrong={"GET /memory": of_function(403, "locked")}))

    def test_is_not_judged_by_what_the_gateway_refuses_itself(self):
        for response in (of_rest_api(403), of_http_api(404, "Not Found"), (200, {"content-type": "text/html"}, "<html>")):
            with self.subTest(response):
                self.assert_judged(UNPROVED, ServiceWithRecall(wrong={"GET /memory/search": response}))

    def test_may_need_some_time_until_a_view_is_built(self):
        service = ServiceWithRecall(once={"GET /memory/search": of_function(503, "view_building"), "GET /memory": of_rest_api(429)})
        self.assert_judged(GOOD, service, wait="60")


class CustomDomain(unittest.TestCase):
    def assert_judged(self, expected, gateway, domain, requests):
        with serving(gateway) as endpoint, serving(domain) as custom:
            status, told = judge(endpoint, "--custom-domain", custom)
        self.assertEqual(status, expected, told)
        self.assertEqual(len(domain.asked), requests, told)

    def test_is_asked_after_the_gateway(self):
        self.assert_judged(GOOD, Service(), Service(), 1)

    def test_proves_nothing_against_a_release_that_the_gateway_proved(self):
        self.assert_judged(UNPROVED, Service(), Service(always=of_function(500)), 3)
        self.assert_judged(UNPROVED, Service(), Service(always=of_rest_api(403)), 1)
        self.assert_judged(UNPROVED, Service(), Service(always=(201, FUNCTION, "{}")), 3)

    def test_is_not_asked_if_the_release_is_bad(self):
        self.assert_judged(BAD, Service(always=of_function(500)), Service(), 0)

    def test_without_its_dns_record_proves_nothing(self):
        look_up = socket.getaddrinfo

        def no_record(host, *rest, **named):
            if host == "memory.example.com":
                raise socket.gaierror(-2, "Name or service not known")
            return look_up(host, *rest, **named)

        with serving(Service()) as endpoint, mock.patch("socket.getaddrinfo", no_record):
            status, told = judge(endpoint, "--custom-domain", "https://memory.example.com")
        self.assertEqual(status, UNPROVED, told)
        self.assertIn("DNS record", told)


class Token(unittest.TestCase):
    def judge(self, *issued, **env):
        """Runs the smoke test with a token endpoint that gives this response. Returns both services as well."""
        issuer, service = Service(always=issued), Service()
        with serving(issuer) as url, serving(service) as endpoint:
            env = {"MEMORY_TOKEN_URL": f"{url}/token?tenant=1", **CLIENT, **env}
            status, told = judge(endpoint, auth="jwt", env=env)
        self.assertNotIn(CLIENT["MEMORY_CLIENT_SECRET"], told)
        return status, told, issuer, service

    def test_is_issued_for_client_credentials(self):
        issued = 200, {}, '{"access_token":"header.claims.mac","token_type":"Bearer"}'
        status, told, issuer, service = self.judge(*issued, MEMORY_TOKEN_SCOPE="memory:write", MEMORY_TOKEN_AUDIENCE="memory")
        self.assertEqual(status, GOOD, told)
        self.assertNotIn("header.claims.mac", told)
        self.assertEqual({headers["authorization"] for headers, _ in service.asked}, {"Bearer header.claims.mac"})
        [(headers, form)] = issuer.asked
        expected = base64.b64encode(b"smoke+test:s3cr3t%3A%2F%2B%C3%BC").decode()
        self.assertEqual(headers["authorization"], f"Basic {expected}")
        self.assertEqual(parse_qs(form.decode()), {"grant_type": ["client_credentials"], "scope": ["memory:write"], "audience": ["memory"]})

    def test_needs_neither_scope_nor_audience(self):
        issued = 200, {}, '{"access_token":"t"}'
        _, _, issuer, _ = self.judge(*issued, MEMORY_TOKEN_SCOPE="", MEMORY_TOKEN_AUDIENCE="")
        self.assertEqual(issuer.asked[0][1], b"grant_type=client_credentials")

    def test_that_is_refused_proves_nothing(self):
        for issued in ((401, {}, '{"error":"invalid_client","access_token":"t"}'), (200, {}, "{}"), (200, {}, '{"access_token":""}'),
                       (200, {}, '["access_token"]'), (502, {}, "<html>"), (302, {"location": "/login"}, "")):
            with self.subTest(issued):
                status, told, _, service = self.judge(*issued)
                self.assertEqual((status, service.asked), (UNPROVED, []), told)
                self.assertIn("issued no token", told)

    def test_endpoint_that_cannot_be_reached_proves_nothing(self):
        with serving(Service()) as endpoint:
            status, told = judge(endpoint, auth="jwt", env={**CLIENT, "MEMORY_TOKEN_URL": f"http://127.0.0.1:{free_port()}/token"})
        self.assertEqual(status, UNPROVED, told)
        self.assertIn("cannot reach the token endpoint", told)

    def test_endpoint_must_be_https_because_it_gets_the_secret(self):
        look_up = socket.getaddrinfo

        def no_issuer(host, *rest, **named):
            assert host != "issuer.example.com", "the secret was about to be sent"
            return look_up(host, *rest, **named)

        with serving(Service()) as endpoint, mock.patch("socket.getaddrinfo", no_issuer):
            status, told = judge(endpoint, auth="jwt", env={**CLIENT, "MEMORY_TOKEN_URL": "http://issuer.example.com/token"})
        self.assertEqual(status, UNPROVED, told)

    def test_in_the_environment_is_sent_as_it_is(self):
        service = Service()
        with serving(service) as endpoint:
            status, told = judge(endpoint, auth="jwt", env={"MEMORY_TOKEN": "t"})
        self.assertEqual((status, service.asked[0][0]["authorization"]), (GOOD, "Bearer t"), told)


class Login(unittest.TestCase):
    def judge(self, login=None, *options, **more):
        service = Service(login=login)
        with serving(service) as endpoint:
            status, told = judge(endpoint, *options, auth="jwt", env={"MEMORY_TOKEN": "t"}, **more)
        return status, told, service

    def test_is_read_first_and_without_a_token(self):
        status, told, service = self.judge()
        self.assertEqual(status, GOOD, told)
        self.assertLess(told.index("where to log in"), told.index("stored"))
        [headers] = service.told
        self.assertNotIn("authorization", headers)

    def test_is_not_read_where_no_token_is_sent(self):
        service = Service()
        with serving(service) as endpoint:
            self.assertEqual(judge(endpoint)[0], GOOD)
        self.assertEqual(service.told, [])

    def test_is_bad_if_the_function_sends_agents_elsewhere_or_nowhere(self):
        with serving(Service()) as endpoint:
            host = endpoint.removeprefix("http://")
        cors = {**FUNCTION, "access-control-allow-origin": "https://app.example.com"}
        wrong = [described("evil.test"), described("evil.test", resource="https://evil.test/mcp"), of_function(404, "not_found"), (200, cors, described(host)[2]),
                 (200, FUNCTION, "<html>"), (200, FUNCTION, "[]")]
        for response in wrong:
            with self.subTest(response):
                status, told, service = self.judge(response)
                self.assertEqual((status, service.asked), (BAD, []), told)
        for members in ({"authorization_servers": []}, {"authorization_servers": "https://issuer.example.com"}, {"authorization_servers": [None]},
                        {"bearer_methods_supported": ["query"]}):
            with self.subTest(members), mock.patch.object(stand_in, "described", lambda host: described(host, **members)):
                self.assertEqual(self.judge()[0], BAD)

    def test_is_not_judged_if_the_gateway_does_not_open_its_route(self):
        for response in (of_http_api(401, "Unauthorized"), of_http_api(404, "Not Found")):
            with self.subTest(response):
                status, told, service = self.judge(response)
                self.assertEqual((status, service.asked), (UNPROVED, []), told)
        self.assertIn("must be open", self.judge(of_http_api(401, "Unauthorized"))[1])

    def test_is_read_at_the_custom_domain_as_well(self):
        custom = Service()
        with serving(custom) as url:
            status, told, _ = self.judge(None, "--custom-domain", url)
        self.assertEqual((status, len(custom.told)), (GOOD, 1), told)
        custom = Service(login=described("another.example.com"))
        with serving(custom) as url:
            status, told, _ = self.judge(None, "--custom-domain", url)
        self.assertEqual((status, custom.asked), (UNPROVED, []), told)


class Receipt(unittest.TestCase):
    def test_is_of_the_worked_example(self):
        """The id was computed by the service itself (`memory-ingress serve`), from the same body."""
        now = smoke.datetime(2026, 1, 27, 3, 14, 22, 500_000, smoke.timezone.utc)
        body, receipt = smoke.memory_of(now)
        self.assertIn(b'"timestamp":"2026-01-27T03:14:22.500001Z"', body)
        self.assertEqual(receipt_of(body), {"status": "ok", **receipt})
        self.assertEqual(receipt["memory_id"], "f3d720bc-e01f-834e-8529-673994f70f3d")


if __name__ == "__main__":
    unittest.main()
