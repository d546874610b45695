//! Connections to AWS: kept while requests follow each other, and never used after a pause.
//!
//! A connection that was idle while the function was frozen may be dead, and its reset would make a
//! good write unknown. So a connection that was idle for longer than [`IDLE_MAX`] is dropped and never
//! tried. The pool is hyper's. The module must not know what is sent.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_sdk_s3::config::SharedHttpClient;
use aws_sdk_s3::error::{BoxError, ConnectorError};
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::{
    HttpConnector as SdkConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use hyper_rustls::{HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{HttpConnector, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::ServiceBuilder;
use tower::util::BoxCloneSyncService;

use super::idle::{IdleClock, Invocations};

/// Longest wait for a connection, TLS included: S3 in the same region answers a handshake in
/// milliseconds, and the rest of the deadline belongs to the write (contract 4.1).
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a connection may be idle and still be used. Requests of a burst follow each other in
/// milliseconds. Users of the SDK report that S3 closes idle connections after 5 to 20 seconds
/// (<https://github.com/awslabs/aws-sdk-rust/issues/1106>).
pub const IDLE_MAX: Duration = Duration::from_secs(2);

/// Idle connections that are kept. hyper also keeps one that it began for a request which then got
/// another.
const IDLE_CONNECTIONS_MAX: usize = 32;

/// Makes and keeps the connections of one client or more.
#[derive(Debug, Clone)]
struct Connections {
    client: Client<Connect, SdkBody>,
    /// Longest wait for the head of a response, if the SDK sets one. Only its search for credentials
    /// does.
    head_timeout: Option<Duration>,
}

/// Connects to a server, with TLS where the URL asks for it.
type Connect = BoxCloneSyncService<http::Uri, MaybeHttpsStream<TokioIo<TcpStream>>, BoxError>;

/// The SDK's HTTP client over these connections. It speaks HTTP/1.1.
pub(super) fn http_client(invocations: Invocations) -> SharedHttpClient {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    // A request can leave in several pieces. None of them waits for the other side's acknowledgement.
    tcp.set_nodelay(true);
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls())
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    let connect = ServiceBuilder::new()
        .timeout(CONNECT_TIMEOUT)
        .service(https);
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(IdleClock::new(invocations))
        .pool_idle_timeout(IDLE_MAX)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .build(BoxCloneSyncService::new(connect));
    http_client_fn(move |settings, _| {
        SharedHttpConnector::new(Connections {
            client: client.clone(),
            head_timeout: settings.read_timeout(),
        })
    })
}

/// The root certificates of the system, read once. Without any, an endpoint without TLS still works.
static ROOTS: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in found.errors {
        tracing::warn!(%error, "a root certificate cannot be read");
    }
    roots.add_parsable_certificates(found.certs);
    Arc::new(roots)
});

/// TLS by ring, because aws-lc gathers entropy for 30 ms of CPU in the first request of a cold start.
fn tls() -> ClientConfig {
    #[expect(
        clippy::expect_used,
        reason = "ring has the ciphers of both versions, TLS 1.2 and 1.3"
    )]
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports TLS 1.2 and 1.3")
        .with_root_certificates(ROOTS.clone())
        .with_no_client_auth()
}

impl SdkConnector for Connections {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self {
            client,
            head_timeout,
        } = self.clone();
        HttpConnectorFuture::new(async move {
            let mut request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?;
            // After a pause, the kernel may know of a closed connection what the pool does not. A runtime
            // of one thread asks the kernel before it goes on with a task that yields.
            tokio::task::yield_now().await;
            let connection = capture_connection(&mut request);
            let response = client.request(request);
            let response = match head_timeout {
                None => response.await,
                Some(head_timeout) => match timeout(head_timeout, response).await {
                    Ok(response) => response,
                    Err(late) => return Err(ConnectorError::timeout(late.into())),
                },
            };
            let response = response.map_err(|error| ConnectorError::io(error.into()))?;
            // The server may have refused before it had read the body, or it may be ill.
            if !response.status().is_success()
                && let Some(connection) = &*connection.connection_metadata()
            {
                connection.poison();
            }
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}
