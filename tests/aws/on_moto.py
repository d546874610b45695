#!/usr/bin/env python3
"""Applies the Terraform module to moto with the real AWS provider, and reads the resources back with boto3.

usage: tests/aws/on_moto.py [VARIANT]...

For each variant (rest-iam, rest-api-key, http-jwt, object-lock), applies the module, plans again and expects no change,
reads the resources back, and expects Terraform to refuse to destroy them. Then destroys them with the override that
docs/deploying.md shows, or, for rest-iam, tears down all but the bucket. The variants rest-two-functions and
http-two-functions add an entry to the module's maps and expect a second function with all that belongs to it. The
variants rest-recall and http-recall expect recall, and rest-recall turns it off again. Needs Terraform, and the Python
packages moto[server] and boto3.
"""

import argparse
import json
import tempfile

import boto3
from botocore.config import Config
from deployment import ACCOUNT, REGION, Deployment, empty_package, moto

BUCKET = f"memory-ingress-{ACCOUNT}-{REGION}"
ROLE = f"memory-ingress-writer-{REGION}"
VARIANTS = {
    "rest-iam": {},
    "rest-api-key": {"auth_mode": "api_key", "api_clients": ["billing", "crm"], "architecture": "x86_64",
                     "resource_policy": {"vpc_endpoints": ["vpce-0a1b2c3d4e5f60718"]}},
    "http-jwt": {"api_type": "http", "auth_mode": "jwt", "jwt": {"issuer": "https://issuer.example.com", "audience": ["memory"]}},
    "object-lock": {"object_lock": {"mode": "GOVERNANCE", "days": 7}, "allowed_origins": ["https://app.example.com"],
                    "resource_policy": {"cidrs": ["203.0.113.0/24"], "accounts": ["210987654321"]},
                    "break_glass_principal_arns": [f"arn:aws:iam::{ACCOUNT}:role/erasure"]},
}
GROWN = {"rest-two-functions": {}, "http-two-functions": {"api_type": "http"}}
RECALL = {
    "rest-recall": {"allowed_origins": ["https://app.example.com"], "recall": {"changes": True}},
    "http-recall": {"api_type": "http", "recall": {}},
}
VIEWS = f"{BUCKET}-views"
# All that a second function needs in the module: an entry in each of the two maps.
SECOND = """
locals {
  functions = {
    writer = local.writer
    second = merge(local.writer, { name = "${var.name}-second", statements = [], environment = { OF = "second" } })
  }
  routes = {
    "ANY /"                   = { function = "writer", is_open = false }
    "ANY /{proxy+}"           = { function = "writer", is_open = false }
    "ANY /api/v1/mcp/a/{id}"  = { function = "writer", is_open = false }
    "GET /api/v1/mcp/a/{id}"  = { function = "second", is_open = false }
    "POST /api/v1/mcp/second" = { function = "second", is_open = false }
  }
}
"""


def check_bucket(s3, variant):
    said = s3.get_bucket_versioning(Bucket=BUCKET)["Status"]
    assert said == "Enabled", said
    blocked = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert len(blocked) == 4 and all(blocked.values()), blocked
    owner = s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]["Rules"]
    assert owner == [{"ObjectOwnership": "BucketOwnerEnforced"}], owner
    rules = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256", rules
    policy = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    denied = {statement["Sid"]: statement for statement in policy["Statement"]}
    assert {statement["Effect"] for statement in denied.values()} == {"Deny"}, policy
    assert {"DenyUnconditionalPut", "DenyPutsOfMemories", "DenyReads", "DenyDeletion"} < set(denied), policy
    assert denied["DenyUnconditionalPut"]["Condition"] == {"Null": {"s3:if-none-match": "true"}}, policy
    may_break_glass = "Condition" in denied["DenyDeletion"]
    assert may_break_glass == ("break_glass_principal_arns" in variant), policy
    if "object_lock" in variant:
        lock = s3.get_object_lock_configuration(Bucket=BUCKET)["ObjectLockConfiguration"]
        retention = lock["Rule"]["DefaultRetention"]
        assert (retention["Mode"], retention["Days"]) == ("GOVERNANCE", 7), lock


def check_role(iam):
    trust = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    assert [statement["Principal"] for statement in trust["Statement"]] == [{"Service": "lambda.amazonaws.com"}], trust
    assert iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"] == []
    [name] = iam.list_role_policies(RoleName=ROLE)["PolicyNames"]
    policy = iam.get_role_policy(RoleName=ROLE, PolicyName=name)["PolicyDocument"]
    may = {statement["Sid"]: (statement["Action"], statement["Resource"]) for statement in policy["Statement"]}
    log = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/memory-ingress:*"
    assert may == {
        "WriteMemories": ("s3:PutObject", f"arn:aws:s3:::{BUCKET}/memories/*"),
        "WriteItsLog": (["logs:CreateLogStream", "logs:PutLogEvents"], log),
        "WriteItsTraces": (["xray:PutTelemetryRecords", "xray:PutTraceSegments"], "*"),
    }, may


def check_function(functions, variant, api):
    function = functions.get_function_configuration(FunctionName="memory-ingress")
    settings = {"MEMORY_BUCKET": BUCKET, "RUST_LOG": "info"}
    if "allowed_origins" in variant:
        settings["MEMORY_ALLOWED_ORIGINS"] = "https://app.example.com"
    if "jwt" in variant:
        settings["MEMORY_OAUTH_SERVERS"] = variant["jwt"]["issuer"]
    assert function["Environment"]["Variables"] == settings, function
    assert (function["Runtime"], function["Handler"], function["Timeout"]) == ("provided.al2023", "bootstrap", 15), function
    assert function["Architectures"] == [variant.get("architecture", "arm64")], function
    assert function["TracingConfig"]["Mode"] == "Active", function
    logs = {"LogFormat": "JSON", "ApplicationLogLevel": "TRACE", "LogGroup": "/aws/lambda/memory-ingress"}
    assert function["LoggingConfig"] == logs, function
    alias = functions.get_alias(FunctionName="memory-ingress", Name="live")
    assert alias["FunctionVersion"] == "1", alias
    policy = json.loads(functions.get_policy(FunctionName="memory-ingress", Qualifier="live")["Policy"])
    [statement] = policy["Statement"]
    assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}, statement
    source = statement["Condition"]["ArnLike"]["AWS:SourceArn"]
    assert source == f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/*", statement


def check_resource_policy(api, variant):
    policy = json.loads(json.loads(f'"{api["policy"]}"'))
    sids = [statement["Sid"] for statement in policy["Statement"]]
    if "vpc_endpoints" in variant.get("resource_policy", {}):
        assert (api["endpointConfiguration"]["types"], sids) == (["PRIVATE"], ["AllowUnsignedRequests", "DenyOtherEndpoints"]), api
    else:
        restricted = ["AllowUnsignedRequests", "DenyOtherAddresses"] if "resource_policy" in variant else []
        assert (api["endpointConfiguration"]["types"], sids) == (["REGIONAL"], ["LeaveTheDecisionToTheAccounts", *restricted]), api


def check_rest(apis, variant):
    [api] = apis.get_rest_apis()["items"]
    assert api["binaryMediaTypes"] == ["*/*"], api
    check_resource_policy(api, variant)
    resources = {resource["path"]: resource for resource in apis.get_resources(restApiId=api["id"])["items"]}
    assert set(resources) == {"/", "/{proxy+}"}, resources
    by_key = variant.get("auth_mode") == "api_key"
    for path, resource in resources.items():
        methods = set(resource["resourceMethods"])
        assert methods == ({"ANY"} if path == "/" else {"ANY", "OPTIONS"}), methods
        for name in methods:
            method = apis.get_method(restApiId=api["id"], resourceId=resource["id"], httpMethod=name)
            found = (method["authorizationType"], method["apiKeyRequired"])
            is_open = name == "OPTIONS" and "allowed_origins" in variant
            assert found == ("NONE" if by_key or is_open else "AWS_IAM", by_key and not is_open), method
            assert "function:memory-ingress:live" in method["methodIntegration"]["uri"], method
    [stage] = apis.get_stages(restApiId=api["id"])["item"]
    assert stage["stageName"] == "live" and stage["tracingEnabled"], stage
    limits = stage["methodSettings"]["*/*"]
    assert (limits["throttlingRateLimit"], limits["throttlingBurstLimit"]) == (100.0, 200), limits
    assert (limits["loggingLevel"], limits["dataTraceEnabled"]) == ("ERROR", False), limits
    assert json.loads(stage["accessLogSettings"]["format"])["status"] == "$context.status", stage
    if by_key:
        [plan] = apis.get_usage_plans()["items"]
        names = {key["name"] for key in apis.get_usage_plan_keys(usagePlanId=plan["id"])["items"]}
        assert names == {"memory-ingress-billing", "memory-ingress-crm"}, names
        assert plan["throttle"] == {"rateLimit": 50.0, "burstLimit": 100}, plan
    return api["id"]


def check_http(apis):
    [api] = apis.get_apis()["Items"]
    routes = {route["RouteKey"]: route for route in apis.get_routes(ApiId=api["ApiId"])["Items"]}
    login = {f"{method} /.well-known/oauth-protected-resource{path}" for method in ("GET", "OPTIONS") for path in ("", "/{proxy+}")}
    authorization = {key: route["AuthorizationType"] for key, route in routes.items()}
    memories = {"ANY /", "ANY /{proxy+}", "OPTIONS /{proxy+}"}
    assert authorization == dict.fromkeys(memories, "JWT") | dict.fromkeys(login, "NONE"), authorization
    authorizer = apis.get_authorizer(ApiId=api["ApiId"], AuthorizerId=routes["ANY /"]["AuthorizerId"])
    assert authorizer["JwtConfiguration"] == {"Audience": ["memory"], "Issuer": "https://issuer.example.com"}, authorizer
    [stage] = apis.get_stages(ApiId=api["ApiId"])["Items"]
    assert (stage["StageName"], stage["AutoDeploy"]) == ("$default", True), stage
    limits = stage["DefaultRouteSettings"]
    assert (limits["ThrottlingRateLimit"], limits["ThrottlingBurstLimit"]) == (100.0, 200), stage
    [integration] = apis.get_integrations(ApiId=api["ApiId"])["Items"]
    assert integration["PayloadFormatVersion"] == "2.0" and "function:memory-ingress:live" in integration["IntegrationUri"], integration
    return api["ApiId"]


def check_watch(logs, metrics, api, is_http):
    groups = {group["logGroupName"]: group.get("retentionInDays") for group in logs.describe_log_groups()["logGroups"]}
    execution = set() if is_http else {f"API-Gateway-Execution-Logs_{api}/live"}
    assert groups == dict.fromkeys({"/aws/lambda/memory-ingress", "/aws/vendedlogs/memory-ingress"} | execution, 365), groups
    seen = {
        (metric["Namespace"], metric["MetricName"], frozenset((held["Name"], held["Value"]) for held in metric.get("Dimensions", [])))
        for alarm in metrics.describe_alarms()["MetricAlarms"] for query in alarm["Metrics"]
        if (metric := query.get("MetricStat", {}).get("Metric"))
    }
    function = frozenset({("FunctionName", "memory-ingress")})
    dimensions = frozenset({("ApiId", api)} if is_http else {("ApiName", "memory-ingress"), ("Stage", "live")})
    assert seen == {
        *(("AWS/Lambda", name, function) for name in ("Errors", "Throttles", "Invocations")),
        *(("AWS/ApiGateway", name, dimensions) for name in ("5xx" if is_http else "5XXError", "Count")),
        *(("MemoryIngress", name, frozenset({("function", "memory-ingress")})) for name in ("Failures", "Requests", "Unknown")),
    }, seen
    # They were planned with their metrics, and are no queries.
    single = {alarm["AlarmName"]: alarm.get("MetricName") for alarm in metrics.describe_alarms()["MetricAlarms"] if not alarm["Metrics"]}
    assert single == {"memory-ingress-storage-refused": "Failures", "memory-ingress-writer-p99": "Latency"}, single
    [dashboard] = metrics.list_dashboards()["DashboardEntries"]
    body = json.loads(metrics.get_dashboard(DashboardName=dashboard["DashboardName"])["DashboardBody"])
    assert dashboard["DashboardName"] == f"memory-ingress-{REGION}" and len(body["widgets"]) == 8, dashboard


def clients(endpoint):
    """Returns a function that returns a client of moto for a service."""
    config = Config(region_name=REGION, s3={"addressing_style": "path"})
    return lambda service: boto3.client(
        service, endpoint_url=endpoint, aws_access_key_id="test", aws_secret_access_key="test", config=config
    )


def check(variant, client):
    check_bucket(client("s3"), variant)
    check_role(client("iam"))
    is_http = variant.get("api_type") == "http"
    api = check_http(client("apigatewayv2")) if is_http else check_rest(client("apigateway"), variant)
    check_function(client("lambda"), variant, api)
    check_watch(client("logs"), client("cloudwatch"), api, is_http)
    return client("s3")


def run(name, folder):
    variant = VARIANTS[name]
    with moto(folder) as (endpoint, env):
        deployment = Deployment(folder, env, package_path=empty_package(folder), **variant)
        outputs = deployment.apply()
        assert outputs["bucket"] == BUCKET and outputs["live_version"] == "1", outputs
        assert len(outputs["api_keys"]) == len(variant.get("api_clients", [])), outputs
        deployment.run("plan", "-detailed-exitcode", "-no-color")
        s3 = check(variant, clients(endpoint))
        if "allowed_origins" in variant:
            check_that_a_preflight_can_be_closed(deployment)
            check_that_a_release_is_deployed(deployment)
        refusal = deployment.run("destroy", "-auto-approve", "-no-color", allowed=(1,)).stdout
        assert "Instance cannot be destroyed" in refusal, refusal
        assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == [BUCKET]
        if name == "rest-iam":
            done = tear_down_without_the_bucket(deployment, s3)
        else:
            deployment.allow_destruction()
            deployment.run("destroy", "-auto-approve", "-no-color")
            assert s3.list_buckets()["Buckets"] == []
            done = "destroyed with the override"
    print(f"{name}: applied, planned without a change, read back, destruction refused, {done}", flush=True)


def rest_routes(apis):
    """Returns the function of each method and path of the REST API."""
    [api] = apis.get_rest_apis()["items"]
    found = {}
    for resource in apis.get_resources(restApiId=api["id"])["items"]:
        for name in resource.get("resourceMethods", {}):
            method = apis.get_method(restApiId=api["id"], resourceId=resource["id"], httpMethod=name)
            found[f"{name} {resource['path']}"] = method["methodIntegration"]["uri"].split(":function:")[1].split(":")[0]
    return found


def http_routes(apis):
    """Returns the function of each route of the HTTP API."""
    [api] = apis.get_apis()["Items"]
    uris = {held["IntegrationId"]: held["IntegrationUri"] for held in apis.get_integrations(ApiId=api["ApiId"])["Items"]}
    return {
        route["RouteKey"]: uris[route["Target"].removeprefix("integrations/")].split(":function:")[1].split(":")[0]
        for route in apis.get_routes(ApiId=api["ApiId"])["Items"]
    }


def run_grown(name, folder):
    with moto(folder) as (endpoint, env):
        deployment = Deployment(folder, env, package_path=empty_package(folder), **GROWN[name])
        (deployment.folder / "second_override.tf").write_text(SECOND)
        deployment.apply()
        deployment.run("plan", "-detailed-exitcode", "-no-color")
        client, second = clients(endpoint), "memory-ingress-second"
        routes = rest_routes(client("apigateway")) if name.startswith("rest") else http_routes(client("apigatewayv2"))
        assert routes == {
            "ANY /": "memory-ingress", "ANY /{proxy+}": "memory-ingress", "ANY /api/v1/mcp/a/{id}": "memory-ingress",
            "GET /api/v1/mcp/a/{id}": second, "POST /api/v1/mcp/second": second,
        }, routes
        role = f"memory-ingress-second-{REGION}"
        [policy] = client("iam").list_role_policies(RoleName=role)["PolicyNames"]
        policy = client("iam").get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        assert [statement["Sid"] for statement in policy["Statement"]] == ["WriteItsLog", "WriteItsTraces"], policy
        function = client("lambda").get_function_configuration(FunctionName=second)
        assert function["Role"].endswith(f"role/{role}") and function["LoggingConfig"]["LogGroup"] == f"/aws/lambda/{second}", function
        assert function["Environment"]["Variables"] == {"OF": "second"}, function
        assert client("lambda").get_policy(FunctionName=second, Qualifier="live")["Policy"]
        alarms = {alarm["AlarmName"] for alarm in client("cloudwatch").describe_alarms()["MetricAlarms"]}
        assert {"memory-ingress-second-errors", "memory-ingress-second-throttles"} < alarms, alarms
    print(f"{name}: a second function is an entry in two maps", flush=True)


def run_recall(name, folder):
    variant, package = RECALL[name], empty_package(folder)
    with moto(folder) as (endpoint, env):
        recall = {**variant["recall"], "package_path": package}
        deployment = Deployment(folder, env, **{**variant, "package_path": package, "recall": recall})
        outputs = deployment.apply()
        deployment.run("plan", "-detailed-exitcode", "-no-color")
        client = clients(endpoint)
        assert outputs["recall"] == {
            "function_name": "memory-ingress-recall", "grant": "change" if recall.get("changes") else "read", "live_version": "1", "views_bucket": VIEWS,
        }, outputs
        check_views(client("s3"))
        check_recall(client, name == "rest-recall")
        done = "planned without a change, read back"
        # moto has no DeleteRouteSettings, which Terraform needs for an HTTP API.
        if name == "rest-recall":
            deployment.run("apply", "-auto-approve", "-no-color", "-var=recall=null")
            assert [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]] == [BUCKET]
            assert set(rest_routes(client("apigateway"))) == {"ANY /", "ANY /{proxy+}", "OPTIONS /{proxy+}"}
            assert [function["FunctionName"] for function in client("lambda").list_functions()["Functions"]] == ["memory-ingress"]
            done += ", turned off"
    print(f"{name}: applied, {done}", flush=True)


def check_views(s3):
    [rule] = s3.get_bucket_lifecycle_configuration(Bucket=VIEWS)["Rules"]
    assert (rule["Status"], rule["Expiration"]["Days"]) == ("Enabled", 90), rule
    assert "Status" not in s3.get_bucket_versioning(Bucket=VIEWS)
    blocked = s3.get_public_access_block(Bucket=VIEWS)["PublicAccessBlockConfiguration"]
    assert len(blocked) == 4 and all(blocked.values()), blocked
    policy = json.loads(s3.get_bucket_policy(Bucket=VIEWS)["Policy"])
    assert {statement["Effect"] for statement in policy["Statement"]} == {"Deny"}, policy


def check_recall(client, is_rest):
    routes = rest_routes(client("apigateway")) if is_rest else http_routes(client("apigatewayv2"))
    recall = {route for route, function in routes.items() if function == "memory-ingress-recall"}
    assert {"GET /memory", "HEAD /api/v1/mcp/memories/{proxy+}", "POST /mcp/recall", "GET /api/v1/mcp/recall/health"} < recall, routes
    assert ("DELETE /memory/{proxy+}" in recall, "POST /mcp/recall/changes" in recall) == (is_rest, is_rest), routes
    assert routes["ANY /{proxy+}"] == "memory-ingress" and ("ANY /memory" in routes) == is_rest, routes
    if is_rest:
        assert {routes[f"ANY {path}"] for path in ("/memory", "/mcp", "/api/v1/mcp", "/api/v1/mcp/memories")} == {"memory-ingress"}, routes
        [api] = client("apigateway").get_rest_apis()["items"]
        [stage] = client("apigateway").get_stages(restApiId=api["id"])["item"]
        limits = {path: held["throttlingBurstLimit"] for path, held in stage["methodSettings"].items()}
        assert (limits["*/*"], limits["memory/{proxy+}/GET"], limits["api/v1/mcp/recall/changes/POST"]) == (200, 40, 40), limits
        assert {held["loggingLevel"] for held in stage["methodSettings"].values()} == {"ERROR"}, stage
    assert client("lambda").get_function_concurrency(FunctionName="memory-ingress-recall")["ReservedConcurrentExecutions"] == 5
    alarms = {alarm["AlarmName"] for alarm in client("cloudwatch").describe_alarms()["MetricAlarms"]}
    assert {f"memory-ingress-recall-{name}" for name in ("errors", "throttles", "view-building", "log-damaged", "p99")} < alarms, alarms


def planned_changes(deployment, *arguments):
    """Returns the planned change of each resource, by its address."""
    deployment.run("plan", *arguments, "-out=changed.tfplan", "-no-color")
    plan = json.loads(deployment.run("show", "-json", "changed.tfplan").stdout)
    return {change["address"]: change["change"] for change in plan["resource_changes"]}


def check_that_a_preflight_can_be_closed(deployment):
    """Asserts that the open method and the resource policy are changed and not removed.

    What is removed would stay in the snapshot, which is deployed before the removal.
    """
    changes = planned_changes(deployment, "-var=allowed_origins=[]", "-var=resource_policy={}")
    method = changes['aws_api_gateway_method.this["OPTIONS /{proxy+}"]']
    assert (method["actions"], method["after"]["authorization"]) == (["update"], "AWS_IAM"), method
    policy = changes["aws_api_gateway_rest_api_policy.this[0]"]
    sids = [statement["Sid"] for statement in json.loads(policy["after"]["policy"])["Statement"]]
    assert (policy["actions"], sids) == (["update"], ["LeaveTheDecisionToTheAccounts"]), policy
    assert "create" in changes["aws_api_gateway_deployment.this[0]"]["actions"], changes


def check_that_a_release_is_deployed(deployment):
    """Asserts that a release that changes a file of the gateway makes a new snapshot, whatever it changes there."""
    for name in ("gateway_refusals.tf", "gateway_rest.tf", "resource_policy.tf"):
        file = deployment.folder / name
        before = file.read_text()
        file.write_text(before + "# the next release\n")
        changes = planned_changes(deployment)
        assert "create" in changes["aws_api_gateway_deployment.this[0]"]["actions"], (name, changes)
        file.write_text(before)


def tear_down_without_the_bucket(deployment, s3):
    """Destroys everything except the bucket, as docs/deploying.md describes it."""
    resources = deployment.run("state", "list").stdout.splitlines()
    deployment.run("state", "rm", *[resource for resource in resources if resource.startswith("aws_s3_bucket")])
    deployment.run("destroy", "-auto-approve", "-no-color")
    assert deployment.run("state", "list").stdout == ""
    check_bucket(s3, {})
    return "torn down without the bucket"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    variants = {**dict.fromkeys(VARIANTS, run), **dict.fromkeys(GROWN, run_grown), **dict.fromkeys(RECALL, run_recall)}
    options.add_argument("variant", nargs="*", help=f"one of {', '.join(variants)} [all]")
    names = options.parse_args().variant or list(variants)
    if unknown := set(names) - set(variants):
        options.error(f"unknown variant: {', '.join(sorted(unknown))}")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            variants[name](name, folder)


if __name__ == "__main__":
    main()
