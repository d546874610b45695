//! The response to an event of API Gateway: what all responses have in common, whatever the request.

use axum::http::Method;
use lambda_http::request::LambdaRequest;
use serde::Deserialize;
use serde_json::Value;

use super::reading::{grammatical, text_of};

/// The request id of every event in these checks.
pub(crate) const REQUEST_ID: &str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";
/// The possible statuses. Methods, media types, routes and bodies can be refused. No status of a
/// failed bucket is among them, because this bucket does not fail.
const STATUSES: &[u64] = &[
    200, 201, 202, 204, 400, 403, 404, 405, 406, 409, 413, 415, 422,
];
const MEDIA_TYPES: &[&str] = &[
    "application/vnd.api+json",
    "application/json",
    "application/health+json",
];

/// The kinds of requests whose responses have different rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestKind {
    /// A message of MCP.
    Mcp,
    /// A HEAD request.
    Head,
    /// Any other request.
    Other,
}

impl RequestKind {
    pub(crate) fn of(event: &LambdaRequest) -> Self {
        let (method, path) = match event {
            LambdaRequest::ApiGatewayV1(event) => (&event.http_method, &event.path),
            LambdaRequest::ApiGatewayV2(event) => {
                let context = &event.request_context;
                // The path of an HTTP API can begin with its stage.
                let has_stage = context
                    .stage
                    .as_deref()
                    .is_some_and(|stage| stage != "$default");
                (
                    &context.http.method,
                    if has_stage { &None } else { &event.raw_path },
                )
            }
            _ => return Self::Other,
        };
        let path = path.as_deref().unwrap_or_default();
        let is_mcp = ["/mcp", "/api/v1/mcp"].contains(&path.strip_suffix('/').unwrap_or(path));
        if is_mcp && *method == Method::POST {
            Self::Mcp
        } else if *method == Method::HEAD {
            Self::Head
        } else {
            Self::Other
        }
    }
}

/// The members that can be a receipt. A JSON-RPC `id` is not among them, because it can be a number
/// that `Value` cannot hold.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Document {
    data: Value,
    result: Value,
    memory_id: Value,
    s3_key: Value,
}

/// A response as API Gateway gets it.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u64,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn read(response: &Value) -> Self {
        assert_eq!(response["isBase64Encoded"], false, "{response}");
        let fields = |name: &str| response[name].as_object().into_iter().flatten();
        let several = fields("multiValueHeaders").flat_map(|(name, values)| {
            let values = values.as_array().into_iter().flatten();
            values.map(move |value| (name, value))
        });
        let headers = several.chain(fields("headers"));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            status: response["statusCode"].as_u64().unwrap_or_default(),
            headers: headers
                .map(|(name, value)| (name.clone(), text(value)))
                .collect(),
            body: text(&response["body"]),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Checks what all responses to this kind of request have in common.
    pub(crate) fn check(&self, request: RequestKind) {
        assert!(STATUSES.contains(&self.status), "{self:?}");
        assert_eq!(self.header("x-request-id"), Some(REQUEST_ID), "{self:?}");
        assert!(
            self.header("vary")
                .is_some_and(|vary| vary.contains("Accept")),
            "{self:?}"
        );
        if matches!(self.status, 202 | 204) {
            assert!(
                self.body.is_empty() && self.header("content-type").is_none(),
                "{self:?}"
            );
            return;
        }
        let media_type = self.header("content-type").unwrap_or_default();
        assert!(MEDIA_TYPES.contains(&media_type), "{self:?}");
        let Some(document) = grammatical(self.body.as_bytes()) else {
            let is_empty = request == RequestKind::Head && self.body.is_empty();
            return assert!(is_empty, "{self:?}");
        };
        if request == RequestKind::Mcp {
            assert_eq!(media_type, "application/json", "{self:?}");
            let version = text_of(document, "jsonrpc");
            assert_eq!(version.as_deref(), Some("2.0"), "{self:?}");
        }
    }

    /// The id and the key of the memory, if the response says that it is durable.
    pub(crate) fn receipt(&self) -> Option<(String, String)> {
        let document: Document = serde_json::from_str(&self.body).ok()?;
        let of_tool = &document.result["structuredContent"];
        let ids = [
            &document.memory_id,
            &of_tool["memory_id"],
            &document.data["id"],
        ];
        let keys = [
            &document.s3_key,
            &of_tool["s3_key"],
            &document.data["meta"]["s3_key"],
        ];
        let id = ids.into_iter().find_map(Value::as_str)?;
        let key = keys.into_iter().find_map(Value::as_str)?;
        assert!(matches!(self.status, 200 | 201));
        Some((id.to_owned(), key.to_owned()))
    }
}
