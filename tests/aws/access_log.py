"""The access log of a REST API on ministack, which keeps the settings of one and writes none: one line for each request, by the
format of the stage. A variable that is not known here is "-", as API Gateway writes one that has no value."""

import json
import re
import time
import uuid

import ministack.services.apigateway_v1 as gateway
import ministack.services.cloudwatch_logs as logs

STREAM = {"logStreamName": "access"}
execute = gateway._handle_execute_in_scope


async def execute_and_log(api_id, stage, method, path, headers, *rest):
    begun = time.time()
    answered = await execute(api_id, stage, method, path, headers, *rest)
    settings = (gateway._stages_v1.get(api_id) or {}).get(stage, {}).get("accessLogSettings") or {}
    if "format" in settings:
        group = {"logGroupName": settings["destinationArn"].split(":log-group:")[1].removesuffix(":*")}
        logs._create_log_stream({**group, **STREAM})
        logs._put_log_events({**group, **STREAM, "logEvents": [{"timestamp": round(begun * 1000), "message": line(settings["format"], {
            "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(begun)), "requestId": str(uuid.uuid4()),
            "httpMethod": method, "path": f"/{stage}{path}", "protocol": "HTTP/1.1", "domainName": headers.get("host"),
            "responseLatency": round((time.time() - begun) * 1000), **of_caller(headers), **of_answer(*answered),
        })}]})
    return answered


def of_caller(headers):
    key = gateway._resolve_api_key(gateway._api_key_from_request(headers))
    trace = re.search(r"Root=([^;]+)", headers.get("x-amzn-trace-id", ""))
    return {"identity.sourceIp": "127.0.0.1", "identity.userAgent": headers.get("user-agent"), "identity.apiKeyId": key and key["id"],
            "xrayTraceId": trace and trace[1]}


def of_answer(status, headers, body):
    """The function's id of a request is in its own responses alone."""
    held = {name.lower(): value if isinstance(value, str) else value[-1] for name, value in headers.items()}
    request_id = held.get("x-request-id")
    return {"status": status, "responseLength": len(body or b""), "error.responseType": held.get("x-amzn-errortype"),
            "integration.requestId": request_id, "integration.integrationStatus": request_id and 200}


def line(template, context):
    """Returns a line in the form of the template, which is JSON."""
    def value(found):
        held = context.get(found[1])
        return "-" if held is None else json.dumps(str(held))[1:-1]

    return re.sub(r"\$context\.([\w.]+)", value, template)
