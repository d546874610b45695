//! The function, and its events of API Gateway and of function URLs as requests of the service
//! (contract 3.12).
//!
//! `lambda_http` reads events and writes their responses. It panics on a malformed host, path, query
//! or base64 body, prefixes the stage, and keeps one line of a repeated header. So these are taken
//! out of the event first and parsed here. The module must not know routes.

mod verified;

use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use base64::prelude::BASE64_STANDARD;
use base64::{DecodeError, Engine};
use futures_util::future::BoxFuture;
use futures_util::stream;
use http_body_util::{BodyExt, Collected};
use lambda_http::request::LambdaRequest;
use lambda_http::{
    Adapter, Context, IntoResponse, LambdaEvent, Service, lambda_runtime, service_fn,
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use tokio::time::Instant;
use tower::ServiceExt;

use crate::config::{Config, ConfigError};
use crate::http::{CalledName, Deadline, PlatformRequestId, SpelledPath, misconfigured_router};
use crate::telemetry;

/// The part of the function's time that is left for the response to travel.
const MARGIN: Duration = Duration::from_millis(500);
/// Some emulators send a deadline of 1970. A deadline that is this long past is ignored.
const DEADLINE_AGE_MAX: Duration = Duration::from_secs(60 * 60);

/// Characters that a gateway may pass on decoded, and that a URI cannot have (RFC 3986, section 2).
const NOT_IN_A_URI: AsciiSet = CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
const NOT_IN_A_PATH: AsciiSet = NOT_IN_A_URI.add(b'?');

/// Runs a function until the platform ends it, with the router that `start` makes of the settings and the
/// bucket. Where they are wrong, every request is answered 500, at these paths of MCP as JSON-RPC has it.
/// `begin` is told the deadline of each event, in milliseconds since 1970.
///
/// # Errors
/// The platform's API failed.
pub async fn run<Started>(
    of_messages: &'static [&'static str],
    begin: impl Fn(u64),
    start: impl FnOnce(Config, String) -> Started,
) -> Result<(), lambda_http::Error>
where
    Started: Future<Output = Result<Router, ConfigError>>,
{
    let settings = Config::from_env_with_bucket();
    let (filter, hashes_names) = match &settings {
        Ok((config, _)) => (&*config.log_filter, config.log_hash_names),
        Err(_) => ("info", true),
    };
    let function = lambda_runtime::Config::from_env().function_name;
    let reader = telemetry::Reader::CloudWatch { function };
    telemetry::init(reader, filter, hashes_names);
    let router = match settings {
        Ok((config, bucket)) => start(config, bucket).await,
        Err(mistakes) => Err(mistakes),
    };
    let router = router.unwrap_or_else(|mistakes| {
        tracing::error!(%mistakes, "the settings are wrong: every request is answered 500");
        misconfigured_router(of_messages)
    });
    lambda_runtime::run(service_fn(move |event: LambdaEvent<LambdaRequest>| {
        begin(event.context.deadline);
        handle(router.clone(), event)
    }))
    .await
}

/// Handles one event, and returns the response in the form that its sender reads.
///
/// # Errors
/// Never: a failure is a response, too.
pub async fn handle(
    router: Router,
    event: LambdaEvent<LambdaRequest>,
) -> Result<impl Serialize, Infallible> {
    let LambdaEvent {
        mut payload,
        context,
    } = event;
    let mut claims = verified::claims_taken_from(&mut payload);
    let parts = EventParts::taken_from(&mut payload);
    let id = PlatformRequestId(context.request_id.clone());
    let deadline = deadline(&context, SystemTime::now());
    let function = service_fn(move |request: lambda_http::Request| {
        let mut request: Request = request.map(|_| parts.body());
        *request.uri_mut() = parts.target.clone();
        request.extensions_mut().insert(parts.spelled.clone());
        request.extensions_mut().insert(parts.called.clone());
        request.extensions_mut().insert(id.clone());
        // There is one request of an event. Another one would have no claims.
        request.extensions_mut().insert(std::mem::take(&mut claims));
        if let Some(deadline) = deadline {
            request.extensions_mut().insert(Deadline(deadline));
        }
        let router = router.clone();
        async move {
            let response = router.oneshot(request).await;
            response.map(|response| Fitting(with_single_lines(response)))
        }
    });
    Adapter::from(function)
        .call(LambdaEvent::new(payload, context))
        .await
}

/// Longest body that is sent as text. Lambda's response of 6 MB is JSON, in which every quote of a
/// document takes two bytes; in base64 a body takes four thirds of its bytes, whatever it says.
const TEXT_BYTES_MAX: u64 = 1024 * 1024;

/// A response that fits into Lambda's own: a long body is sent in base64.
struct Fitting(Response);

impl IntoResponse for Fitting {
    fn into_response(self) -> BoxFuture<'static, axum::http::Response<lambda_http::Body>> {
        let Self(response) = self;
        if response.body().size_hint().lower() <= TEXT_BYTES_MAX {
            return response.into_response();
        }
        Box::pin(async move {
            let (parts, body) = response.into_parts();
            // A body of this service is in memory, and cannot fail.
            let body = body.collect().await.map(Collected::to_bytes);
            let body = lambda_http::Body::from(body.unwrap_or_default().to_vec());
            axum::http::Response::from_parts(parts, body)
        })
    }
}

/// The parts of an event that are parsed here.
struct EventParts {
    target: Uri,
    /// The path with the stage, as the caller spelled it.
    spelled: SpelledPath,
    /// The domain name of the gateway, which no client can choose. Without it there is none: `Host` does not count.
    called: CalledName,
    /// An error if the body is not the base64 that the event says it is.
    body: Result<Bytes, DecodeError>,
}

impl EventParts {
    fn taken_from(event: &mut LambdaRequest) -> Self {
        let (called, spelled, path, query, is_base64, body) = match event {
            LambdaRequest::ApiGatewayV1(event) => {
                // The multi-value map has every line of a header, the other map only the last one.
                if !event.multi_value_headers.is_empty() {
                    event.headers.clear();
                }
                event.headers.remove(header::HOST);
                let called = event.request_context.domain_name.take();
                event.request_context.stage = None;
                let several = std::mem::take(&mut event.multi_value_query_string_parameters);
                let single = std::mem::take(&mut event.query_string_parameters);
                let query = if several.is_empty() { single } else { several };
                let path = event.path.replace("/".to_owned()).unwrap_or_default();
                // The path of the event is without the stage, and that of its context with it.
                let spelled = event.request_context.path.take();
                let spelled = spelled.unwrap_or_else(|| path.clone());
                let is_base64 = std::mem::take(&mut event.is_base64_encoded);
                let query = in_order(&query.to_query_string());
                (called, spelled, path, query, is_base64, event.body.take())
            }
            LambdaRequest::ApiGatewayV2(event) => {
                event.headers.remove(header::HOST);
                let called = event.request_context.domain_name.take();
                let path = event.raw_path.replace("/".to_owned()).unwrap_or_default();
                let stage = event.request_context.stage.take().unwrap_or_default();
                let query = event.raw_query_string.take().unwrap_or_default();
                let is_base64 = std::mem::take(&mut event.is_base64_encoded);
                let own = without_stage(path.clone(), &stage);
                (called, path, own, query, is_base64, event.body.take())
            }
            // Other events are not read. The enum is the library's and grows with its features.
            _ => Default::default(),
        };
        Self {
            target: target(&path, &query),
            called: CalledName(called.unwrap_or_default()),
            spelled: SpelledPath(target(&spelled, "").path().to_owned()),
            body: decoded(body.unwrap_or_default(), is_base64),
        }
    }

    /// The body of the request. One that could not be decoded breaks off when it is read, so the
    /// response is 400, and nothing of it can be stored.
    fn body(&self) -> Body {
        match self.body.clone() {
            Ok(bytes) => bytes.into(),
            Err(error) => Body::from_stream(stream::iter([Err::<Bytes, _>(error)])),
        }
    }
}

fn decoded(body: String, is_base64: bool) -> Result<Bytes, DecodeError> {
    match is_base64 {
        true => BASE64_STANDARD.decode(body).map(Bytes::from),
        false => Ok(body.into()),
    }
}

/// The path without the stage, which an HTTP API prefixes unless it is `$default`.
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

/// The parameters of a query in the order of their names. The map of an event has none, and the link to a next
/// page repeats them: equal requests get equal bytes. The values of one name keep their order.
fn in_order(query: &str) -> String {
    let mut parameters: Vec<_> = query.split('&').collect();
    parameters.sort_by_key(|parameter| parameter.split('=').next());
    parameters.join("&")
}

fn target(path: &str, query: &str) -> Uri {
    let root = if path.starts_with('/') { "" } else { "/" };
    let path = utf8_percent_encode(path, &NOT_IN_A_PATH);
    let target = match query {
        "" => format!("{root}{path}"),
        query => format!("{root}{path}?{}", utf8_percent_encode(query, &NOT_IN_A_URI)),
    };
    target.parse().unwrap_or_default()
}

/// The response with one line for each header: the response to an HTTP API has room for only one, and
/// `lambda_http` would keep the first.
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

/// The function's own deadline minus the margin; `None` if the deadline is to be ignored.
fn deadline(context: &Context, now: SystemTime) -> Option<Instant> {
    match context.deadline().duration_since(now) {
        Ok(remaining) => Some(Instant::now() + remaining.saturating_sub(MARGIN)),
        Err(past) if past.duration() > DEADLINE_AGE_MAX => None,
        Err(_) => Some(Instant::now()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_removed_only_where_it_is_a_whole_segment() {
        let of = |path: &str, stage| without_stage(path.to_owned(), stage);
        assert_eq!(of("/live/memory", "live"), "/memory");
        assert_eq!(of("/live", "live"), "/");
        assert_eq!(of("/live/", "live"), "/");
        assert_eq!(of("/lively/memory", "live"), "/lively/memory");
        assert_eq!(of("/memory", "live"), "/memory");
        assert_eq!(of("/memory/live", "live"), "/memory/live");
        assert_eq!(of("/$default/memory", "$default"), "/$default/memory");
        assert_eq!(of("/memory", ""), "/memory");
    }

    #[test]
    fn a_target_is_a_uri_whatever_the_gateway_passes_on() {
        assert_eq!(target("/memory", ""), "/memory");
        assert_eq!(target("memory", "a=1"), "/memory?a=1");
        assert_eq!(target("/a b?c#d", "e f#g"), "/a%20b%3Fc%23d?e%20f%23g");
        assert_eq!(target("/%2F", "a%20b"), "/%2F?a%20b");
        assert_eq!(target("/é", ""), "/%C3%A9");
        assert_eq!(target("", ""), "/");
    }

    #[test]
    fn parameters_have_one_order_and_a_repeated_one_keeps_its_own() {
        assert_eq!(in_order("b=1&a=2"), "a=2&b=1");
        assert_eq!(in_order("b=3&a=2&b=1"), "a=2&b=3&b=1");
        assert_eq!(in_order(""), "");
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_is_given_up_half_a_second_before_the_function_ends() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10_000_000);
        let remaining = |at: SystemTime| {
            let mut context = Context::default();
            let since_epoch = at.duration_since(SystemTime::UNIX_EPOCH).unwrap();
            context.deadline = u64::try_from(since_epoch.as_millis()).unwrap();
            deadline(&context, now).map(|deadline| deadline - Instant::now())
        };
        let ms = Duration::from_millis;
        assert_eq!(remaining(now + ms(3_000)), Some(ms(2_500)));
        assert_eq!(remaining(now + ms(400)), Some(ms(0)), "nothing is left");
        assert_eq!(remaining(now - ms(1)), Some(ms(0)), "just past");
        let hour = ms(3_600_000);
        assert_eq!(remaining(now - hour), Some(ms(0)));
        assert_eq!(remaining(now - hour - ms(1)), None);
        assert_eq!(remaining(SystemTime::UNIX_EPOCH), None, "an emulator's");
    }

    #[test]
    fn a_body_that_is_not_its_base64_is_never_taken_as_it_is() {
        let of = |body: &str, is_base64| decoded(body.to_owned(), is_base64).ok();
        assert_eq!(of("e30=", true), Some("{}".into()));
        assert_eq!(of("", true), Some(Bytes::new()));
        for near in ["{}", "e30", "e30=\n", "e30-", "1234 "] {
            assert_eq!(of(near, true), None, "{near:?}");
            assert_eq!(of(near, false), Some(near.to_owned().into()), "{near:?}");
        }
    }

    #[tokio::test]
    async fn a_long_body_leaves_in_base64_so_that_its_quotes_count_once() {
        for (bytes, in_base64) in [(1024 * 1024, false), (1024 * 1024 + 1, true)] {
            let response = Response::builder().header("content-type", "application/json");
            let response = response.body(Body::from("\"".repeat(bytes))).unwrap();
            let sent = Fitting(response).into_response().await;
            let is_binary = matches!(sent.body(), lambda_http::Body::Binary(_));
            assert_eq!(is_binary, in_base64, "{bytes}");
            assert_eq!(sent.headers()["content-type"], "application/json");
        }
    }

    #[test]
    fn repeated_lines_of_a_header_become_one() {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.append("vary", HeaderValue::from_static("Accept"));
        headers.append("vary", HeaderValue::from_static("Origin"));
        headers.append("allow", HeaderValue::from_static("POST"));
        let response = with_single_lines(response);
        let lines: Vec<_> = response.headers().get_all("vary").iter().collect();
        assert_eq!(lines, ["Accept, Origin"]);
        assert_eq!(response.headers()["allow"], "POST");
    }
}
