//! Events of API Gateway and of function URLs, as the service's requests.
//!
//! `lambda_http` reads events and writes their answers. Between the two it trusts an event's host, path, query and base64
//! with a panic, puts a stage before the path, and of a header that is repeated keeps one line; so these are taken out of the
//! event first, and read here.

use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Context, LambdaEvent, Service, service_fn};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use tokio::time::Instant;
use tower::ServiceExt;

use crate::http::{Deadline, PlatformRequestId};

/// What of the function's time is left for the answer to travel.
const MARGIN: Duration = Duration::from_millis(500);
/// An emulator may send a deadline of 1970; one that long past is no deadline.
const DEADLINE_AGE_MAX: Duration = Duration::from_secs(60 * 60);

/// What a gateway hands on decoded, or as it came, and a URI cannot have (RFC 3986, section 2).
const NOT_OF_A_URI: AsciiSet = CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
const NOT_OF_A_PATH: AsciiSet = NOT_OF_A_URI.add(b'?');

/// Answers one event in the form that its sender reads.
///
/// # Errors
/// Never: a failure is an answer too.
pub async fn answer(
    router: Router,
    event: LambdaEvent<LambdaRequest>,
) -> Result<impl Serialize, Infallible> {
    let LambdaEvent {
        mut payload,
        context,
    } = event;
    let asked = Asked::taken_from(&mut payload);
    let id = PlatformRequestId(context.request_id.clone());
    let deadline = deadline(&context, SystemTime::now());
    let function = service_fn(move |request: lambda_http::Request| {
        let mut request: Request = request.map(|_| Body::from(asked.body.clone()));
        *request.uri_mut() = asked.target.clone();
        request.extensions_mut().insert(id.clone());
        if let Some(deadline) = deadline {
            request.extensions_mut().insert(Deadline(deadline));
        }
        let router = router.clone();
        async move { router.oneshot(request).await.map(with_single_lines) }
    });
    Adapter::from(function)
        .call(LambdaEvent::new(payload, context))
        .await
}

/// What an event asks for, but for its method and headers.
struct Asked {
    target: Uri,
    body: Bytes,
}

impl Asked {
    fn taken_from(event: &mut LambdaRequest) -> Self {
        let (path, query, is_base64, body) = match event {
            LambdaRequest::ApiGatewayV1(event) => {
                // The one has a line for each time that a header was sent, the other the last of them.
                if !event.multi_value_headers.is_empty() {
                    event.headers.clear();
                }
                event.headers.remove(header::HOST);
                event.request_context.domain_name = None;
                event.request_context.stage = None;
                let several = std::mem::take(&mut event.multi_value_query_string_parameters);
                let single = std::mem::take(&mut event.query_string_parameters);
                let query = if several.is_empty() { single } else { several };
                let path = event.path.replace("/".to_owned()).unwrap_or_default();
                let is_base64 = std::mem::take(&mut event.is_base64_encoded);
                (path, query.to_query_string(), is_base64, event.body.take())
            }
            LambdaRequest::ApiGatewayV2(event) => {
                event.headers.remove(header::HOST);
                event.request_context.domain_name = None;
                let path = event.raw_path.replace("/".to_owned()).unwrap_or_default();
                let stage = event.request_context.stage.take().unwrap_or_default();
                let query = event.raw_query_string.take().unwrap_or_default();
                let is_base64 = std::mem::take(&mut event.is_base64_encoded);
                (
                    without_stage(path, &stage),
                    query,
                    is_base64,
                    event.body.take(),
                )
            }
            // No other event is read: the enum is the library's, and grows with its features.
            _ => Default::default(),
        };
        let body = body.unwrap_or_default();
        let decoded = is_base64.then(|| BASE64_STANDARD.decode(&body));
        Self {
            target: target(&path, &query),
            body: match decoded {
                Some(Ok(bytes)) => bytes.into(),
                // What is not the base64 that it claims to be is no JSON either, and refused as such.
                Some(Err(_)) | None => body.into(),
            },
        }
    }
}

/// An HTTP API puts every stage but `$default` before the path.
fn without_stage(path: String, stage: &str) -> String {
    let rest = path
        .strip_prefix('/')
        .and_then(|path| path.strip_prefix(stage));
    match rest {
        _ if matches!(stage, "" | "$default") => path,
        Some("") => "/".to_owned(),
        Some(rest) if rest.starts_with('/') => rest.to_owned(),
        Some(_) | None => path,
    }
}

fn target(path: &str, query: &str) -> Uri {
    let root = if path.starts_with('/') { "" } else { "/" };
    let path = utf8_percent_encode(path, &NOT_OF_A_PATH);
    let target = match query {
        "" => format!("{root}{path}"),
        query => format!("{root}{path}?{}", utf8_percent_encode(query, &NOT_OF_A_URI)),
    };
    target.parse().unwrap_or_default()
}

/// The answer with one line for each header: the events of an HTTP API have room for no more, and the first would be kept.
fn with_single_lines(mut response: Response) -> Response {
    let mut lines = HeaderMap::new();
    for (name, value) in response.headers() {
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
    *response.headers_mut() = lines;
    response
}

/// The function's own deadline less the margin; none where it is no deadline.
fn deadline(context: &Context, now: SystemTime) -> Option<Instant> {
    match context.deadline().duration_since(now) {
        Ok(remaining) => Some(Instant::now() + remaining.saturating_sub(MARGIN)),
        Err(past) if past.duration() > DEADLINE_AGE_MAX => None,
        Err(_) => Some(Instant::now()),
    }
}
