#!/usr/bin/env python3
"""The scripts of the pipeline, .github/smoke and .github/roll-back, with stand-ins for Terraform, AWS and the service.

usage: tests/aws/pipeline_test.py

Needs bash and jq. .github/plan is not tested here, because it needs a state in S3.
"""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from stand_in import ROOT, Service, ServiceWithRecall, of_function, of_http_api, of_rest_api, serving

TERRAFORM = '#!/bin/sh\n[ "$*" = "output -json" ] && [ -n "$OUTPUTS" ] && printf %s "$OUTPUTS"\n'
AWS = """#!/bin/sh
echo "$*" >>"$CALLS"
case "$2" in
    get-alias) [ -n "$LIVE_NOW" ] && echo "$LIVE_NOW" ;;
    update-alias) echo 7 ;;
esac
"""


class Script(unittest.TestCase):
    def run_script(self, name, *arguments, outputs=None, **env):
        """Runs a script of .github. Returns its exit status, what it prints, its outputs, and the calls of the AWS CLI."""
        with tempfile.TemporaryDirectory() as folder:
            for program, text in (("terraform", TERRAFORM), ("aws", AWS)):
                (Path(folder) / program).write_text(text)
                (Path(folder) / program).chmod(0o755)
            paths = {variable: Path(folder) / variable for variable in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "CALLS")}
            for path in paths.values():
                path.touch()
            env = {
                "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "OUTPUTS": json.dumps(outputs) if outputs else "",
                **{variable: str(path) for variable, path in paths.items()}, **env,
            }
            done = subprocess.run([ROOT / ".github" / name, *arguments], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            return done.returncode, done.stdout, paths["GITHUB_OUTPUT"].read_text(), paths["CALLS"].read_text()


def outputs_of(gateway, auth="api_key", endpoint=None, recall=None):
    values = {"endpoint": endpoint or gateway, "gateway_endpoint": gateway, "auth_mode": auth, "region": "eu-central-1", "recall": recall,
              "api_keys": {"billing": "the-key"} if auth == "api_key" else {}}
    return {name: {"value": value} for name, value in values.items()}


class Smoke(Script):
    def assert_proves(self, release, status, service, **more):
        with serving(service) as endpoint:
            found = self.run_script("smoke", outputs=outputs_of(endpoint, **more))
        self.assertEqual(found[0], status, found[1])
        self.assertEqual(found[2], f"release={release}\n")
        return found[1]

    def test_proves_that_a_release_is_good(self):
        service = Service()
        told = self.assert_proves("good", 0, service)
        self.assertEqual({headers["x-api-key"] for headers, _ in service.asked}, {"the-key"})
        self.assertEqual(told.count("the-key"), 1)
        self.assertIn("::add-mask::the-key\n", told)

    def test_proves_that_a_release_is_bad(self):
        self.assert_proves("bad", 1, Service(always=of_function(422, "unknown_field")))

    def test_proves_nothing_if_the_gateway_refuses_the_caller(self):
        told = self.assert_proves("unproved", 2, Service(always=of_http_api(401, "Unauthorized")))
        self.assertIn("::error title=Nothing is proved::", told)

    def test_proves_nothing_with_jwt_and_without_a_client_and_never_tries_iam(self):
        service = Service(always=of_http_api(401, "Unauthorized"))
        told = self.assert_proves("unproved", 2, service, auth="jwt")
        self.assertEqual(service.asked, [], told)

    def test_asks_the_gateway_before_the_custom_domain(self):
        gateway, domain = Service(), Service(always=of_http_api(400, "Bad Request"))
        with serving(domain) as custom:
            self.assert_proves("unproved", 2, gateway, endpoint=custom)
        self.assertEqual((len(gateway.asked), len(domain.asked)), (2, 1))

    def test_asks_one_endpoint_once_if_both_are_the_same(self):
        service = Service()
        self.assert_proves("good", 0, service)
        self.assertEqual(len(service.asked), 2)

    def test_tries_the_routes_of_recall_if_there_is_recall(self):
        for grant, route, is_tried in (("read", "GET /memory/{id}", True), ("read", "DELETE /memory/{id}", False), ("change", "DELETE /memory/{id}", True)):
            with self.subTest(grant, route=route):
                service = ServiceWithRecall(grant)
                self.assert_proves("good", 0, service, recall={"grant": grant})
                self.assertEqual(route in service.tried, is_tried)
        self.assert_proves("bad", 1, ServiceWithRecall(wrong={"GET /memory": of_function(405)}), recall={"grant": "read"})

    def test_proves_nothing_without_the_outputs(self):
        for outputs in (None, {"endpoint": {"value": "http://127.0.0.1:9"}}):
            status, told, written, _ = self.run_script("smoke", outputs=outputs)
            self.assertEqual((status, written), (2, "release=unproved\n"), told)


class RollBack(Script):
    def roll_back(self, service, *setting, live="8"):
        with serving(service) as endpoint:
            found = self.run_script("roll-back", "prod", "memory-ingress-prod", "7", *setting, outputs=outputs_of(endpoint), LIVE_NOW=live)
        self.assertRegex(found[1], "(?m)^::error title=[^,:]+::")
        return found

    def test_is_proved_and_says_what_to_do_next(self):
        status, told, _, calls = self.roll_back(Service())
        self.assertEqual(status, 0, told)
        self.assertIn("update-alias --function-name memory-ingress-prod --name live --function-version 7", calls)
        self.assertIn("Version 7 passes the smoke test, so the cause is in version 8.", told)
        self.assertIn('set live_version = "7" in terraform/envs/prod.tfvars', told)

    def test_to_a_version_that_fails_too_says_that_the_version_is_not_the_cause(self):
        status, told, _, _ = self.roll_back(Service(always=of_function(422)))
        self.assertEqual(status, 1, told)
        self.assertIn("the cause is not in version 8", told)
        self.assertIn(".github/roll-back prod memory-ingress-prod 8", told)

    def test_of_recall_names_its_own_setting(self):
        _, told, _, _ = self.roll_back(Service(), "recall.live_version")
        self.assertIn('set recall.live_version = "7" in terraform/envs/prod.tfvars', told)
        _, told, _, _ = self.roll_back(Service(always=of_function(422)), "recall.live_version")
        self.assertIn(".github/roll-back prod memory-ingress-prod 8 recall.live_version", told)

    def test_without_a_proof_says_so(self):
        status, told, _, _ = self.roll_back(Service(always=of_rest_api(401)))
        self.assertEqual(status, 2, told)
        self.assertIn("without a proof", told)
        self.assertNotIn("passes", told)

    def test_moves_nothing_if_no_new_version_went_live(self):
        service = Service()
        status, told, _, calls = self.roll_back(service, live="7")
        self.assertEqual((status, service.asked), (1, []), told)
        self.assertNotIn("update-alias", calls)
        self.assertIn("Nothing to roll back", told)

    def test_that_aws_refuses_says_how_to_do_it_by_hand(self):
        status, told, _, _ = self.roll_back(Service(), live="")
        self.assertNotEqual(status, 0, told)
        self.assertIn("By hand: aws lambda update-alias", told)


if __name__ == "__main__":
    unittest.main()
