//! The response to an event, in the form that its gateway reads.
//!
//! The module must not know what a response means.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use http_body_util::{BodyExt, Collected};
use lambda_http::Body;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayV2httpResponse};
use serde::Serialize;

/// Longest body that is sent as text. Lambda's response of 6 MB is JSON, in which every quote of a
/// document takes two bytes; in base64 a body takes four thirds of its bytes, whatever it says.
const TEXT_BYTES_MAX: usize = 1024 * 1024;

/// A response as its gateway reads it.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Sent {
    Rest(ApiGatewayProxyResponse),
    /// That of an HTTP API or a function URL.
    Http(ApiGatewayV2httpResponse),
}

impl Sent {
    pub(super) async fn of(response: Response, is_rest: bool) -> Self {
        let (parts, body) = response.into_parts();
        let headers = with_single_lines(parts.headers);
        // A body of this service is in memory, and cannot fail.
        let body = body.collect().await.map(Collected::to_bytes);
        let body = sent_body(body.unwrap_or_default());
        let is_base64 = matches!(body, Body::Binary(_));
        // The library's types have more members in each version, so they can only be filled.
        if is_rest {
            let mut sent = ApiGatewayProxyResponse::default();
            sent.status_code = parts.status.as_u16().into();
            sent.multi_value_headers = headers;
            sent.body = Some(body);
            sent.is_base64_encoded = is_base64;
            Self::Rest(sent)
        } else {
            let mut sent = ApiGatewayV2httpResponse::default();
            sent.status_code = parts.status.as_u16().into();
            sent.headers = headers;
            sent.body = Some(body);
            sent.is_base64_encoded = is_base64;
            Self::Http(sent)
        }
    }
}

/// A text, unless it is too long or no text.
fn sent_body(body: Bytes) -> Body {
    if body.len() > TEXT_BYTES_MAX {
        return Vec::from(body).into();
    }
    match String::from_utf8(body.into()) {
        Ok(text) => text.into(),
        Err(error) => error.into_bytes().into(),
    }
}

/// The header fields with one line for each: the response to an HTTP API has room for only one, and
/// `lambda_http` would keep the first.
fn with_single_lines(headers: HeaderMap) -> HeaderMap {
    if headers.len() == headers.keys_len() {
        return headers;
    }
    let mut lines = HeaderMap::new();
    for (name, value) in &headers {
        let line = match lines.get(name) {
            None => Ok(value.clone()),
            Some(line) => {
                HeaderValue::from_bytes(&[line.as_bytes(), b", ", value.as_bytes()].concat())
            }
        };
        if let Ok(line) = line {
            lines.insert(name, line);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_body_leaves_in_base64_so_that_its_quotes_count_once() {
        for (bytes, in_base64) in [(1024 * 1024, false), (1024 * 1024 + 1, true)] {
            let sent = sent_body("\"".repeat(bytes).into());
            let is_binary = matches!(sent, Body::Binary(_));
            assert_eq!(is_binary, in_base64, "{bytes}");
        }
    }

    #[test]
    fn a_body_that_is_no_text_leaves_in_base64() {
        let sent = sent_body(Bytes::from_static(b"\xff"));
        assert!(matches!(sent, Body::Binary(_)));
    }

    #[test]
    fn repeated_lines_of_a_header_become_one() {
        let mut headers = HeaderMap::new();
        headers.append("vary", HeaderValue::from_static("Accept"));
        headers.append("vary", HeaderValue::from_static("Origin"));
        headers.append("allow", HeaderValue::from_static("POST"));
        let headers = with_single_lines(headers);
        let lines: Vec<_> = headers.get_all("vary").iter().collect();
        assert_eq!(lines, ["Accept, Origin"]);
        assert_eq!(headers["allow"], "POST");
    }
}
