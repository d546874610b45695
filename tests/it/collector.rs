//! A collector of OpenTelemetry on a socket of this machine. It decodes what it gets with the official protobufs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span as Exported;
use prost::Message;
use serde_json::{Value, json};

use crate::socket::serve;

/// What reached the collector.
#[derive(Clone, Default)]
pub(crate) struct Collector {
    pub(crate) endpoint: String,
    requests: Arc<Mutex<Vec<Arrived>>>,
}

/// A request to the collector.
#[derive(Clone)]
pub(crate) struct Arrived {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) at: Instant,
}

/// A span, as the collector got it.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) name: String,
    /// `server` or `client`.
    pub(crate) kind: &'static str,
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) state: String,
    pub(crate) failed: bool,
    pub(crate) attributes: Value,
    pub(crate) resource: Value,
    pub(crate) begun: u64,
    pub(crate) ended: u64,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        Self::start_with(StatusCode::OK, Duration::ZERO).await
    }

    /// Answers each request so, after this time.
    pub(crate) async fn start_with(status: StatusCode, pause: Duration) -> Self {
        Self::answering(status, pause, Vec::new()).await
    }

    /// Takes each batch but for so many spans, and says why in these words.
    pub(crate) async fn refusing(rejected_spans: i64, why: &str) -> Self {
        let partial_success = ExportTracePartialSuccess {
            rejected_spans,
            error_message: why.to_owned(),
        };
        let response = ExportTraceServiceResponse {
            partial_success: Some(partial_success),
        };
        Self::answering(StatusCode::OK, Duration::ZERO, response.encode_to_vec()).await
    }

    async fn answering(status: StatusCode, pause: Duration, response: Vec<u8>) -> Self {
        let requests = Arc::<Mutex<Vec<_>>>::default();
        let seen = Arc::clone(&requests);
        let take = move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let (path, at) = (uri.path().to_owned(), Instant::now());
            seen.lock().unwrap().push(Arrived {
                path,
                headers,
                body,
                at,
            });
            let response = response.clone();
            async move {
                tokio::time::sleep(pause).await;
                (status, response)
            }
        };
        let endpoint = format!("http://{}", serve(Router::new().fallback(take)).await);
        Self { endpoint, requests }
    }

    /// Each request, in the order in which they came.
    pub(crate) fn requests(&self) -> Vec<Arrived> {
        self.requests.lock().unwrap().clone()
    }

    /// The spans, in the order in which they began.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for Arrived { body, .. } in self.requests() {
            for of_resource in ExportTraceServiceRequest::decode(body)
                .unwrap()
                .resource_spans
            {
                let resource = of_resource.resource.unwrap();
                for of_scope in of_resource.scope_spans {
                    let read = |span| Span::read(span, &resource.attributes);
                    spans.extend(of_scope.spans.into_iter().map(read));
                }
            }
        }
        spans.sort_by_key(|span| span.begun);
        spans
    }
}

impl Span {
    fn read(span: Exported, resource: &[KeyValue]) -> Self {
        assert!(span.events.is_empty() && span.links.is_empty(), "{span:?}");
        let status = span.status.unwrap_or_default();
        assert_eq!(status.message, "", "words can have names in them");
        Self {
            kind: match span.kind {
                2 => "server",
                3 => "client",
                _ => "other",
            },
            name: span.name,
            trace: hex(&span.trace_id),
            id: hex(&span.span_id),
            parent: hex(&span.parent_span_id),
            state: span.trace_state,
            failed: status.code == 2,
            attributes: object(&span.attributes),
            resource: object(resource),
            begun: span.start_time_unix_nano,
            ended: span.end_time_unix_nano,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn object(attributes: &[KeyValue]) -> Value {
    let member = |attribute: &KeyValue| {
        let value = attribute.value.as_ref().unwrap().value.as_ref().unwrap();
        let value = if let Any::StringValue(text) = value {
            json!(text)
        } else if let Any::IntValue(number) = value {
            json!(number)
        } else if let Any::BoolValue(flag) = value {
            json!(flag)
        } else {
            panic!("{value:?}")
        };
        (attribute.key.clone(), value)
    };
    let members: BTreeMap<_, _> = attributes.iter().map(member).collect();
    assert_eq!(members.len(), attributes.len(), "each once: {attributes:?}");
    json!(members)
}
