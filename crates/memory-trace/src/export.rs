//! The layer of `tracing` that exports spans by OTLP over HTTP, and how the last of them get out.
//!
//! The library's own thread sends spans in batches. Its queue has an end, and a span that finds it full
//! is lost. So a collector that is down costs a request nothing. The module must not know requests.
//! Source: <https://opentelemetry.io/docs/specs/otlp/#otlphttp>.

use std::sync::OnceLock;
use std::time::Duration;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry::trace::TracerProvider;
use opentelemetry::{Key, KeyValue};
use opentelemetry_http::HttpClient;
use opentelemetry_otlp::{RetryPolicy, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use rustls::crypto::ring;
use tokio::time::timeout;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use crate::collector::Collector;
use crate::settings::{Scheme, Settings};
use crate::span::{SPANS, hide_names};

/// Longest time for the last spans of a function after its response. The platform waits for them before
/// the next event. It is less than the 500 ms of a function's time that no request may use.
pub const FLUSH_TIME_OF_LAMBDA: Duration = Duration::from_millis(200);
/// Longest time for the last spans of a process that ends. A supervisor kills it some seconds after it
/// asked for the end, and requests in flight may have taken most of them.
pub const FLUSH_TIME: Duration = Duration::from_secs(2);
/// Longest time for a batch elsewhere: the default of `OTEL_EXPORTER_OTLP_TIMEOUT`.
const EXPORT_TIME: Duration = Duration::from_secs(10);

/// The name of the service, unless the environment has one.
const SERVICE: &str = "memory-ingress";

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// The process whose spans are exported.
#[derive(Debug, Clone, Copy)]
pub struct Process<'a> {
    /// The name of the function, on Lambda.
    pub function: Option<&'a str>,
    /// Whether names of domains and entities are hidden.
    pub hides_names: bool,
}

/// A layer that exports spans; none where the settings name no collector. It belongs to the runtime of
/// Tokio in which it is made.
///
/// # Errors
/// Why nothing can be exported, in words.
pub fn layer<S>(
    settings: &Settings,
    process: Process<'_>,
) -> Result<Option<impl Layer<S> + use<S>>, String>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let Some(target) = settings.target else {
        return Ok(None);
    };
    let timeout = target.timeout.unwrap_or(EXPORT_TIME);
    let (patience, keeps_connections) = match process.function {
        // A connection that was kept while the function was frozen may be dead.
        Some(_) => (timeout.min(FLUSH_TIME_OF_LAMBDA), false),
        None => (timeout, true),
    };
    let exporter = match target.scheme {
        Scheme::Http => {
            let client = Collector::new(HttpConnector::new(), patience, keeps_connections);
            exporter(client)
        }
        Scheme::Https => {
            let client = Collector::new(https()?, patience, keeps_connections);
            exporter(client)
        }
    }?;
    if process.hides_names {
        hide_names();
    }
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource(process))
        .build();
    let provider = PROVIDER.get_or_init(|| provider);
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(SERVICE))
        .with_context_activation(false)
        .with_level(false)
        .with_location(false)
        .with_target(false)
        .with_threads(false)
        .with_tracked_inactivity(false);
    // Spans of libraries can have what is in a request.
    let ours = Targets::new().with_target(SPANS, LevelFilter::INFO);
    Ok(Some(layer.with_filter(ours)))
}

fn exporter(client: impl HttpClient + 'static) -> Result<SpanExporter, String> {
    let builder = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        // The library would sleep between two attempts, and a flush with it. The client leaves the collector
        // alone instead.
        .with_retry_policy(RetryPolicy::disabled());
    builder.build().map_err(|error| error.to_string())
}

/// TLS by ring, as everywhere here.
fn https() -> Result<HttpsConnector<HttpConnector>, String> {
    let builder = HttpsConnectorBuilder::new();
    let builder = builder.with_provider_and_native_roots(ring::default_provider());
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(builder.https_only().enable_http1().build())
}

/// What all spans of this process have in common
/// (<https://opentelemetry.io/docs/specs/semconv/resource/faas/>).
fn resource(process: Process<'_>) -> Resource {
    let named = Resource::builder().build();
    let name = named.get(&Key::new("service.name"));
    let is_unnamed = name.is_none_or(|name| name.as_str().starts_with("unknown_service"));
    let mut builder = Resource::builder()
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if is_unnamed {
        builder = builder.with_service_name(process.function.unwrap_or(SERVICE).to_owned());
    }
    if let Some(function) = process.function {
        builder = builder.with_attributes([
            KeyValue::new("cloud.provider", "aws"),
            KeyValue::new("cloud.platform", "aws_lambda"),
            KeyValue::new("faas.name", function.to_owned()),
        ]);
    }
    builder.build()
}

/// Sends the spans that have ended, if a collector takes them in this time.
pub async fn flush(longest: Duration) {
    let Some(provider) = PROVIDER.get() else {
        return;
    };
    let flushed = tokio::task::spawn_blocking(|| provider.force_flush());
    // The collector's client says in the log what failed.
    let _ = timeout(longest, flushed).await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use opentelemetry_http::{Bytes, HttpError, Request, Response};
    use opentelemetry_sdk::trace::SpanExporter as _;

    use super::*;

    /// A client whose collector never answers, and how often it was asked.
    #[derive(Debug, Clone, Default)]
    struct Fails(Arc<AtomicUsize>);

    #[async_trait::async_trait]
    impl HttpClient for Fails {
        async fn send_bytes(&self, _: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Err("no response".into())
        }
    }

    #[tokio::test]
    async fn a_batch_that_fails_is_not_sent_again_while_a_flush_waits() {
        let client = Fails::default();
        let exporter = exporter(client.clone()).unwrap();
        assert!(exporter.export(Vec::new()).await.is_err());
        assert_eq!(client.0.load(Ordering::Relaxed), 1);
    }
}
