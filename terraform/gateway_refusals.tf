# What a REST API answers itself, without the function, in the form of the service's error documents. Their codes and
# titles are those of the OpenAPI document.

locals {
  refusals = {
    ACCESS_DENIED                = { status = "403", code = "forbidden", detail = "These credentials may not call this API from here: allow them the action execute-api:Invoke on it, or ask the operator from where it may be called." }
    DEFAULT_4XX                  = { status = null, code = "gateway_refused", detail = "The gateway refused this request before it reached the service: check its format, its size and its credentials." }
    DEFAULT_5XX                  = { status = null, code = "storage_outcome_unknown", detail = local.unknown }
    EXPIRED_TOKEN                = { status = "403", code = "forbidden", detail = "The credentials have expired: sign the request with new ones." }
    INTEGRATION_FAILURE          = { status = "504", code = "storage_outcome_unknown", detail = local.unknown }
    INTEGRATION_TIMEOUT          = { status = "504", code = "storage_outcome_unknown", detail = local.unknown }
    INVALID_API_KEY              = { status = "403", code = "forbidden", detail = "The API key is missing or wrong: send it in the header x-api-key." }
    INVALID_SIGNATURE            = { status = "403", code = "forbidden", detail = "The signature does not match: check the secret key, the clock and the region, and that nothing changed the request on its way." }
    MISSING_AUTHENTICATION_TOKEN = { status = "403", code = "forbidden", detail = "The request is not signed: sign it with AWS SigV4 for the service execute-api." }
    QUOTA_EXCEEDED               = { status = "429", code = "too_many_requests", detail = "The quota of this API key is used up: ask the operator for more." }
    REQUEST_TOO_LARGE            = { status = "413", code = "too_large", detail = "The body is larger than 4 MiB: shorten it, or split it into several memories." }
    THROTTLED                    = { status = "429", code = "too_many_requests", detail = "Too many requests at once: wait a second, then repeat the request with the same timestamp." }
    WAF_FILTERED                 = { status = "403", code = "forbidden", detail = "The firewall refused this request: ask the operator." }
  }
  unknown = "Whether the memory was stored is not known. If you sent a timestamp, repeat the same request: the memory is stored once."
  titles = {
    forbidden               = "Forbidden"
    gateway_refused         = "Refused by the gateway"
    storage_outcome_unknown = "Outcome unknown"
    too_large               = "Content too large"
    too_many_requests       = "Too many requests"
  }

  # These headers are fixed texts, so they can allow one origin, and not the one of several that sent the request.
  refusal_cors = length(var.allowed_origins) == 1 ? {
    Access-Control-Allow-Origin   = one(var.allowed_origins)
    Access-Control-Expose-Headers = "x-amzn-requestid, retry-after"
    Vary                          = "Accept, Origin"
  } : {}

  # The gateway fills in $context. Its default responses keep the status of the error, and their body cannot name it.
  gateway_responses = {
    for type, refusal in local.refusals : type => {
      status = refusal.status
      headers = merge(
        { Content-Type = "application/vnd.api+json", Vary = "Accept" },
        type == "THROTTLED" || refusal.code == "storage_outcome_unknown" ? { Retry-After = "1" } : {},
        local.refusal_cors,
      )
      body = jsonencode({
        jsonapi = { version = "1.1" }
        errors = [merge(
          { id = "$context.requestId", code = refusal.code, title = local.titles[refusal.code], detail = refusal.detail },
          refusal.status == null ? {} : { status = refusal.status },
          refusal.code == "storage_outcome_unknown" ? { meta = { written = "unknown" } } : {},
        )]
      })
    }
  }
}

resource "aws_api_gateway_gateway_response" "this" {
  for_each            = local.is_rest ? local.gateway_responses : {}
  rest_api_id         = aws_api_gateway_rest_api.this[0].id
  response_type       = each.key
  status_code         = each.value.status
  response_parameters = { for name, value in each.value.headers : "gatewayresponse.header.${name}" => "'${value}'" }
  response_templates  = { "application/json" = each.value.body }
}
