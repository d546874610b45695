//! The function, and its events of API Gateway and of function URLs as requests of the service
//! (contract 3.12).
//!
//! `lambda_http` reads events and spells their responses. What is between the two is made here: its own
//! adapter panics on a malformed host, path, query or base64 body, prefixes the stage, and keeps one line
//! of a repeated header. The module must not know routes.

mod sent;
mod verified;

use std::convert::Infallible;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use base64::Engine;
use base64::engine::Simd;
use base64::engine::general_purpose::PAD;
use futures_util::stream;
use lambda_http::lambda_runtime::layers::TracingLayer;
use lambda_http::request::LambdaRequest;
use lambda_http::{Context, LambdaEvent, lambda_runtime, service_fn};
use memory_trace::settings::Settings;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use tokio::time::Instant;
use tower::ServiceExt;

use crate::config::{Config, ConfigError};
use crate::http::{CalledName, Deadline, PlatformRequestId, SpelledPath, misconfigured_router};
use crate::telemetry;
#[cfg(feature = "otel")]
use memory_trace::export::{FLUSH_TIME_OF_LAMBDA, flush};
use sent::Sent;

/// The part of the function's time that is left for the response to travel.
const MARGIN: Duration = Duration::from_millis(500);
/// Some emulators send a deadline of 1970. A deadline that is this long past is ignored.
const DEADLINE_AGE_MAX: Duration = Duration::from_secs(60 * 60);

/// Characters that a gateway may pass on decoded, and that a URI cannot have (RFC 3986, section 2).
const NOT_IN_A_URI: AsciiSet = CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
const NOT_IN_A_PATH: AsciiSet = NOT_IN_A_URI.add(b'?');

/// The trace of the invocation. It goes before that of the request.
const TRACE: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// Standard base64 with its padding, by the vector instructions that this processor has.
static BASE64: LazyLock<Simd> = LazyLock::new(|| Simd::standard(PAD));

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
    let no_traces = Settings::default();
    let (filter, hashes_names, traces) = match &settings {
        Ok((config, _)) => (&*config.log_filter, config.log_hash_names, &config.traces),
        Err(_) => ("info", true, &no_traces),
    };
    let function = lambda_runtime::Config::from_env().function_name;
    let reader = telemetry::Reader::CloudWatch { function };
    telemetry::init(reader, filter, hashes_names, traces);
    let router = match settings {
        Ok((config, bucket)) => start(config, bucket).await,
        Err(mistakes) => Err(mistakes),
    };
    let router = router.unwrap_or_else(|mistakes| {
        tracing::error!(%mistakes, "the settings are wrong: every request is answered 500");
        misconfigured_router(of_messages)
    });
    let runtime =
        lambda_runtime::Runtime::new(service_fn(move |event: LambdaEvent<LambdaRequest>| {
            begin(event.context.deadline);
            handle(router.clone(), event)
        }));
    let runtime = runtime.layer(TracingLayer::new());
    // After the response, so that no caller waits, and before the next event is asked for: then the
    // platform may freeze the process.
    #[cfg(feature = "otel")]
    let runtime = runtime.layer(tower::util::MapFutureLayer::new(|responded| async move {
        let responded = responded.await;
        flush(FLUSH_TIME_OF_LAMBDA).await;
        responded
    }));
    runtime.run().await
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
    let claims = verified::claims_taken_from(&mut payload);
    let is_rest = matches!(payload, LambdaRequest::ApiGatewayV1(_));
    let deadline = deadline(&context, SystemTime::now());
    let mut request = EventParts::of(payload).request(&context);
    let extensions = request.extensions_mut();
    extensions.insert(claims);
    extensions.insert(PlatformRequestId(context.request_id));
    if let Some(deadline) = deadline {
        extensions.insert(Deadline(deadline));
    }
    let response = router.oneshot(request).await?;
    Ok(Sent::of(response, is_rest).await)
}

/// The parts of an event that make its request.
#[derive(Default)]
struct EventParts {
    method: Method,
    headers: HeaderMap,
    target: Uri,
    /// The path with the stage, as the caller spelled it.
    spelled: SpelledPath,
    /// The domain name of the gateway, which no client can choose. Without it there is none: `Host` does not count.
    called: CalledName,
    body: Body,
}

impl EventParts {
    fn of(event: LambdaRequest) -> Self {
        match event {
            LambdaRequest::ApiGatewayV1(mut event) => {
                // The multi-value map has every line of a header, the other map only the last one.
                let headers = match event.multi_value_headers.is_empty() {
                    true => without_host(event.headers),
                    false => event.multi_value_headers,
                };
                let several = event.multi_value_query_string_parameters;
                let single = event.query_string_parameters;
                let query = if several.is_empty() { single } else { several };
                let path = event.path.unwrap_or_default();
                // The path of the event is without the stage, and that of its context with it.
                let spelled = event.request_context.path.take();
                Self {
                    method: event.http_method,
                    headers,
                    target: target(&path, &in_order(&query.to_query_string())),
                    spelled: spelled_path(&spelled.unwrap_or(path)),
                    called: CalledName(event.request_context.domain_name.unwrap_or_default()),
                    body: decoded(event.body.unwrap_or_default(), event.is_base64_encoded),
                }
            }
            LambdaRequest::ApiGatewayV2(event) => {
                let path = event.raw_path.unwrap_or_default();
                let stage = event.request_context.stage.unwrap_or_default();
                let query = event.raw_query_string.unwrap_or_default();
                Self {
                    method: event.request_context.http.method,
                    headers: without_host(event.headers),
                    target: target(without_stage(&path, &stage), &query),
                    spelled: spelled_path(&path),
                    called: CalledName(event.request_context.domain_name.unwrap_or_default()),
                    body: decoded(event.body.unwrap_or_default(), event.is_base64_encoded),
                }
            }
            // Other events are not read. The enum is the library's and grows with its features.
            _ => Self::default(),
        }
    }

    fn request(self, context: &Context) -> Request {
        let mut request = Request::new(self.body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.target;
        *request.headers_mut() = self.headers;
        let trace = context.xray_trace_id.as_deref();
        if let Some(Ok(trace)) = trace.map(HeaderValue::from_str) {
            request.headers_mut().insert(TRACE, trace);
        }
        request.extensions_mut().insert(self.spelled);
        request.extensions_mut().insert(self.called);
        request
    }
}

/// The header fields without the host, which in such an event is the name of the gateway.
fn without_host(mut headers: HeaderMap) -> HeaderMap {
    headers.remove(header::HOST);
    headers
}

/// The body of the request. One that is not the base64 that the event says it is breaks off when it is
/// read, so the response is 400, and nothing of it can be stored.
fn decoded(body: String, is_base64: bool) -> Body {
    if !is_base64 {
        return body.into();
    }
    match BASE64.decode(body) {
        Ok(bytes) => bytes.into(),
        Err(error) => Body::from_stream(stream::iter([Err::<Bytes, _>(error)])),
    }
}

/// The path without the stage, which an HTTP API prefixes unless it is `$default`.
fn without_stage<'p>(path: &'p str, stage: &str) -> &'p str {
    let rest = path
        .strip_prefix('/')
        .and_then(|path| path.strip_prefix(stage));
    match rest {
        _ if matches!(stage, "" | "$default") => path,
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
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

fn spelled_path(path: &str) -> SpelledPath {
    SpelledPath(target(path, "").path().to_owned())
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
    use base64::prelude::BASE64_STANDARD;
    use http_body_util::{BodyExt, Collected};

    use super::*;

    #[test]
    fn a_stage_is_removed_only_where_it_is_a_whole_segment() {
        let of = without_stage;
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

    #[tokio::test]
    async fn a_body_that_is_not_its_base64_is_never_taken_as_it_is() {
        let of = async |body: &str, is_base64| {
            let body = decoded(body.to_owned(), is_base64).collect().await;
            body.ok().map(Collected::to_bytes)
        };
        assert_eq!(of("e30=", true).await, Some("{}".into()));
        assert_eq!(of("", true).await, Some(Bytes::new()));
        let long = BASE64_STANDARD.encode([0xfb; 200]);
        assert_eq!(of(&long, true).await, Some(vec![0xfb; 200].into()));
        let damaged = [
            long.replace('=', ""),
            long.replace('+', "-"),
            long.replacen('+', "\n", 1),
            format!("{long}="),
        ];
        for near in ["{}", "e30", "e30=\n", "e30-", "e31=", "1234 "]
            .into_iter()
            .chain(damaged.iter().map(String::as_str))
        {
            assert_eq!(of(near, true).await, None, "{near:?}");
            let text = Some(near.to_owned().into());
            assert_eq!(of(near, false).await, text, "{near:?}");
        }
    }
}
