//! The HTTP client of a collector.
//!
//! A collector that refuses, hangs or fails is left alone for a while, and the log says so once. The
//! module must not know spans, and it must not log header fields, which have secrets.

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::Connect;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// How long a collector that failed is left alone. Spans of this time are lost. On Lambda it bounds for
/// how many responses the platform waits for a collector that hangs.
const REST: Duration = Duration::from_secs(10);
/// Largest response that is read: one has the number of spans that were refused, and a sentence.
const RESPONSE_BYTES_MAX: usize = 64 * 1024;

/// A client over these connections.
pub(crate) struct Collector<C> {
    client: Client<C, Full<Bytes>>,
    runtime: Handle,
    patience: Duration,
    /// When the collector failed, if it has not answered since.
    failed: Mutex<Option<SystemTime>>,
    /// Whether it refused spans of the last batch that it took.
    refuses: AtomicBool,
}

impl<C> fmt::Debug for Collector<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

impl<C: Connect + Clone> Collector<C> {
    /// A client that waits this long for a response. It runs on the current runtime, whichever thread
    /// asks it.
    pub(crate) fn new(connect: C, patience: Duration, keeps_connections: bool) -> Self {
        let mut builder = Client::builder(TokioExecutor::new());
        if !keeps_connections {
            builder.pool_max_idle_per_host(0);
        }
        Self {
            client: builder.build(connect),
            runtime: Handle::current(),
            patience,
            failed: Mutex::new(None),
            refuses: AtomicBool::new(false),
        }
    }
}

impl<C> Collector<C> {
    fn rests(&self) -> bool {
        let failed = *self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        // The wall clock, because the other one stands still while a function is frozen.
        failed.is_some_and(|at| at.elapsed().is_ok_and(|since| since < REST))
    }

    /// Remembers how it ended, and logs a change.
    fn ended(&self, why: Option<&str>) {
        let now = why.map(|_| SystemTime::now());
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        match (failed.is_some(), why) {
            (false, Some(why)) => {
                tracing::warn!(why, "traces are lost: the collector does not take them");
            }
            (true, None) => tracing::info!("the collector takes traces again"),
            (true, Some(_)) | (false, None) => {}
        }
        *failed = now;
    }

    /// Logs that spans of a batch were refused, unless the batch before it had some as well. Others may be
    /// taken, so the collector is not left alone.
    fn took(&self, refused: i64) {
        let refuses = refused > 0;
        if !self.refuses.swap(refuses, Ordering::Relaxed) && refuses {
            tracing::warn!(
                refused,
                "traces are lost: the collector refused spans of a batch"
            );
        }
    }
}

/// How many spans of a batch a response says were refused. A collector that took all may say nothing
/// (<https://opentelemetry.io/docs/specs/otlp/#partial-success-1>). The text of a refusal is not looked at,
/// because it may repeat what was sent.
fn refused_spans(body: &Bytes) -> i64 {
    let response = ExportTraceServiceResponse::decode(body.clone());
    let partial = response.ok().and_then(|response| response.partial_success);
    partial.map_or(0, |partial| partial.rejected_spans)
}

#[async_trait]
impl<C: Connect + Clone + Send + Sync + 'static> HttpClient for Collector<C> {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        if self.rests() {
            return Err("it failed a moment ago".into());
        }
        let (client, patience) = (self.client.clone(), self.patience);
        let exchange = async move {
            let response = client.request(request.map(Full::new)).await?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, RESPONSE_BYTES_MAX).collect().await?;
            Ok::<_, HttpError>(Response::from_parts(head, body.to_bytes()))
        };
        let exchanged = self
            .runtime
            .spawn(async move { timeout(patience, exchange).await });
        let exchanged = exchanged.await;
        let answered = match exchanged {
            Ok(Ok(answered)) => answered,
            Ok(Err(_)) => Err(format!("no response within {} ms", patience.as_millis()).into()),
            Err(ended) => return Err(ended.into()),
        };
        match &answered {
            Ok(response) if response.status().is_success() => {
                self.ended(None);
                self.took(refused_spans(response.body()));
            }
            Ok(response) => self.ended(Some(&format!("it answered {}", response.status()))),
            Err(error) => self.ended(Some(&chain(&**error))),
        }
        answered
    }
}

/// An error's text and that of its sources.
fn chain(error: &(dyn Error + 'static)) -> String {
    let sources = std::iter::successors(error.source(), |error| (*error).source());
    sources.fold(error.to_string(), |text, source| {
        format!("{text}: {source}")
    })
}
