"""Runs ministack with seven gaps closed.

- It does not evaluate policy conditions on a put's If-None-Match and on an encryption key of the caller (SSE-C).
- Of a role's session, aws:PrincipalArn is the ARN of the session. On AWS it is the ARN of the role.
- Its response to a put does not repeat the checksum that it has verified.
- Terraform sends an empty value when the gateway must choose an API key, and ministack creates an empty key.
- A REST API does not tell the function which API key the caller has.
- A REST API has no access log (access_log.py).
- The host names of APIs are those of one region.

So a test in which a put without the condition is refused, or one by another role, tests this patch, and not AWS.
"""

import re

import access_log
import ministack.app as app
import ministack.core.iam_actions as actions
import ministack.core.iam_evaluator as evaluator
import ministack.services.apigateway_v1 as gateway
import ministack.services.s3 as s3

context_of = actions._s3_object_context
value_of = evaluator._resolve_condition_key
make_key = gateway._create_api_key
make_event = gateway._build_lambda_event_v1
put = s3._put_object


def context_with_conditions(action, query, path, headers):
    context = context_of(action, query, path, headers)
    if action == "s3:PutObject":
        for name in ("if-none-match", "if-match", "x-amz-server-side-encryption-customer-algorithm"):
            if headers.get(name):
                context[f"s3:{name}"] = headers[name]
    return context


def value_with_the_role(key, context):
    value = value_of(key, context)
    if key.lower() == "aws:principalarn":
        return re.sub(r"^(arn:[^:]+):sts::([0-9]+):assumed-role/([^/]+)/.*$", r"\1:iam::\2:role/\3", value)
    return value


def make_key_of_its_own(data, *rest, **named):
    return make_key({name: value for name, value in data.items() if (name, value) != ("value", "")}, *rest, **named)


def make_event_with_the_key(api_id, stage_name, stage, resource, path, method, headers, *rest, **named):
    event = make_event(api_id, stage_name, stage, resource, path, method, headers, *rest, **named)
    key = gateway._resolve_api_key(gateway._api_key_from_request(headers))
    if key:
        event["requestContext"]["identity"].update(apiKey=key["value"], apiKeyId=key["id"])
    return event


def put_and_repeat_the_checksum(bucket, key, body, headers, *rest, **named):
    status, answered, text = put(bucket, key, body, headers, *rest, **named)
    if status == 200 and "x-amz-checksum-sha256" in headers:
        answered = {**answered, "x-amz-checksum-sha256": headers["x-amz-checksum-sha256"]}
    return status, answered, text


actions._s3_object_context = context_with_conditions
evaluator._resolve_condition_key = value_with_the_role
gateway._create_api_key = make_key_of_its_own
gateway._build_lambda_event_v1 = make_event_with_the_key
gateway._handle_execute_in_scope = access_log.execute_and_log
app._EXECUTE_API_RE = re.compile(rf"([a-f0-9]{{8}})\.execute-api\.({re.escape(app._MINISTACK_HOST)}|[a-z0-9-]+\.amazonaws\.com)(:\d+)?$")
s3._put_object = put_and_repeat_the_checksum

app.main()
