"""Runs moto's server with four gaps closed that would show up as drift: moto forgets the log settings of a function and
the binary media types of a REST API, does not escape an API's resource policy as AWS does, and takes the settings of a
method for those of another one if its path has several parts."""

import json
import sys

from moto.apigateway.models import RestAPI, Stage
from moto.apigateway.responses import APIGatewayResponse
from moto.awslambda import models
from moto.server import main

made = models.LambdaFunction.__init__
described = models.LambdaFunction.get_configuration
updated = models.LambdaFunction.update_configuration


def make(function, account_id, spec, *rest, **named):
    function.logging_config = spec.get("LoggingConfig")
    made(function, account_id, spec, *rest, **named)


def describe(function, *rest, **named):
    configuration = described(function, *rest, **named)
    if getattr(function, "logging_config", None):
        configuration["LoggingConfig"] = function.logging_config
    return configuration


def update(function, spec, *rest, **named):
    function.logging_config = spec.get("LoggingConfig", function.logging_config)
    return updated(function, spec, *rest, **named)


created = APIGatewayResponse.create_rest_api


def create(request):
    status, headers, body = created(request)
    types = request._get_param("binaryMediaTypes")
    if status == 200 and types:
        api = request.backend.get_rest_api(json.loads(body)["id"])
        api.binaryMediaTypes = types
        body = json.dumps(api.to_dict())
    return status, headers, body


shown = RestAPI.to_dict


def show(api):
    document = shown(api)
    if document["policy"]:
        document["policy"] = json.dumps(document["policy"])[1:-1]
    return document


set_of_a_method = Stage._patch_method_setting


def set_by_the_whole_path(stage, begin, rest, value):
    *path, group, name = f"{begin}/{rest}".split("/")
    set_of_a_method(stage, "/".join(path), f"{group}/{name}", value)


Stage._patch_method_setting = set_by_the_whole_path
RestAPI.to_dict = show
APIGatewayResponse.create_rest_api = create
models.LambdaFunction.__init__ = make
models.LambdaFunction.get_configuration = describe
models.LambdaFunction.update_configuration = update

main(sys.argv[1:])
