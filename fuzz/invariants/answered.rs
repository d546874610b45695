//! What API Gateway is answered: what all answers have, whatever was asked.

use axum::http::Method;
use lambda_http::request::LambdaRequest;
use serde::Deserialize;
use serde_json::Value;

use super::reading::{grammatical, text_of};

/// The id that Lambda gives every event here.
pub(crate) const REQUEST_ID: &str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";
/// Methods, media types and routes may be refused so; nothing else is wrong with this bucket.
const STATUSES: &[u64] = &[
    200, 201, 202, 204, 400, 403, 404, 405, 406, 409, 413, 415, 422,
];
const MEDIA_TYPES: &[&str] = &[
    "application/vnd.api+json",
    "application/json",
    "application/health+json",
];

/// What an answer must suit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A message of MCP.
    Message,
    /// Anything without its body.
    Head,
    /// Anything else.
    Other,
}

impl Asked {
    pub(crate) fn of(event: &LambdaRequest) -> Self {
        let (method, path) = match event {
            LambdaRequest::ApiGatewayV1(event) => (&event.http_method, &event.path),
            LambdaRequest::ApiGatewayV2(event) => {
                let context = &event.request_context;
                // Before the path of an HTTP API there may be its stage.
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
            Self::Message
        } else if *method == Method::HEAD {
            Self::Head
        } else {
            Self::Other
        }
    }
}

/// What of an answer may be a receipt. Its `id` may be a number that `Value` has no room for.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Document {
    data: Value,
    result: Value,
    memory_id: Value,
    s3_key: Value,
}

/// What API Gateway is given.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u64,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn read(response: &Value) -> Self {
        assert_eq!(response["isBase64Encoded"], false, "{response}");
        let of = |name: &str| response[name].as_object().into_iter().flatten();
        let several = of("multiValueHeaders").flat_map(|(name, values)| {
            let values = values.as_array().into_iter().flatten();
            values.map(move |value| (name, value))
        });
        let headers = several.chain(of("headers"));
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

    pub(crate) fn judge(&self, asked: Asked) {
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
            let is_empty = asked == Asked::Head && self.body.is_empty();
            return assert!(is_empty, "{self:?}");
        };
        if asked == Asked::Message {
            assert_eq!(media_type, "application/json", "{self:?}");
            let version = text_of(document, "jsonrpc");
            assert_eq!(version.as_deref(), Some("2.0"), "{self:?}");
        }
    }

    /// The id and the key of the memory that it says is durable.
    pub(crate) fn receipt(&self) -> Option<(String, String)> {
        let document: Document = serde_json::from_str(&self.body).ok()?;
        let of_agent = &document.result["structuredContent"];
        let ids = [
            &document.memory_id,
            &of_agent["memory_id"],
            &document.data["id"],
        ];
        let keys = [
            &document.s3_key,
            &of_agent["s3_key"],
            &document.data["meta"]["s3_key"],
        ];
        let id = ids.into_iter().find_map(Value::as_str)?;
        let key = keys.into_iter().find_map(Value::as_str)?;
        assert!(matches!(self.status, 200 | 201));
        Some((id.to_owned(), key.to_owned()))
    }
}
