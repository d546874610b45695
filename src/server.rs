//! Connections of HTTP/1.1, from the socket to a router.
//!
//! No client may starve the others: a connection that only waits is closed in time, or when another
//! needs its place. HTTP/1.1 is chosen here and not by a feature: another crate in the build turns on
//! hyper's HTTP/2. The module must not know routes or memories.

use std::io::{self, ErrorKind};
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, Version, header};
use axum::response::Response;
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::io::InspectReader;

use memory_web::http::Crowded;
use memory_web::record::{Outcome, Record, Surface};
use uuid::Uuid;

mod place;

use place::{Place, Places};

/// Longest time for the head of a request, from its first byte: a head is sent at once, so this is
/// for a bad network.
pub const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// Longest time for which a connection may be idle. Clients expect about a minute.
pub const IDLE_TIME_MAX: Duration = Duration::from_secs(60);
/// Largest head of a request. It also bounds what a connection buffers, and so the memory of all
/// connections: 64 MiB.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Most connections, however many descriptors there are.
pub const CONNECTIONS_MAX: usize = 1024;

/// Descriptors that are not of connections: 10 are open at rest. The others are a margin, such as for
/// the log, and for a connection that waits for its place.
pub const DESCRIPTORS_KEPT: usize = 32;
/// Descriptors of a connection: its socket, and for its write a file or a connection to S3, next to
/// one file while the name of S3 is looked up.
pub const DESCRIPTORS_OF_A_CONNECTION: usize = 3;

/// How long no connection is accepted after the system refused one: until it has room again.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// What connections may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Open connections. One fewer may have a request in flight.
    pub connections: usize,
    /// Time for the head of a request, from its first byte.
    pub head_time: Duration,
    /// Time without a byte of a next request.
    pub idle_time: Duration,
}

impl Limits {
    /// The limits of a process that may open this many descriptors; `None` if the system sets no
    /// limit.
    #[must_use]
    pub fn of_descriptors(descriptors: Option<u64>) -> Self {
        let descriptors = descriptors.and_then(|limit| usize::try_from(limit).ok());
        let room = descriptors
            .unwrap_or(usize::MAX)
            .saturating_sub(DESCRIPTORS_KEPT);
        Self {
            connections: (room / DESCRIPTORS_OF_A_CONNECTION).clamp(2, CONNECTIONS_MAX),
            head_time: HEAD_TIME_MAX,
            idle_time: IDLE_TIME_MAX,
        }
    }

    /// The limits of this process, by the soft limit of `RLIMIT_NOFILE`.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self::of_descriptors(getrlimit(Resource::Nofile).current)
    }
}

/// Serves connections until the shutdown. It returns when the requests in flight are answered, and
/// idle connections are closed at once.
///
/// Where every connection but one has a request in flight, a further request is marked as [`Crowded`].
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let mut places = Places::new(limits.connections);
    let (stop, stopping) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            stream = accept(&listener) => {
                let place = places.take().await;
                let connection = Connection { stream, router: router.clone(), limits };
                connections.spawn(connection.attend(place, stopping.clone()));
            }
        }
    }
    drop(listener);
    drop(stop);
    while connections.join_next().await.is_some() {}
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                tracing::error!(%error, "a connection cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether a connection ended before it was accepted.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}

struct Connection {
    stream: TcpStream,
    router: Router,
    limits: Limits,
}

impl Connection {
    /// Serves it until it ends, its time is over, its place is needed, or its last response after the
    /// shutdown is sent.
    async fn attend(self, place: Place, mut stopping: watch::Receiver<()>) {
        let progress = place.progress.clone();
        let stream = InspectReader::new(self.stream, move |bytes: &[u8]| {
            if !bytes.is_empty() {
                progress.read();
            }
        });
        let (progress, router) = (place.progress.clone(), self.router);
        let service = service_fn(move |request: Request<Incoming>| {
            let turn = progress.begin();
            let names_its_host = names_its_host(&request);
            let mut request = request.map(Body::new);
            if turn.is_crowded() {
                request.extensions_mut().insert(Crowded);
            }
            let router = TowerToHyperService::new(router.clone());
            async move {
                let response = match names_its_host {
                    true => router.call(request).await,
                    false => Ok(bad_request()),
                };
                drop(turn);
                response
            }
        });
        // hyper's own timeout for a head counts the idle time before it.
        let connection = http1::Builder::new()
            .header_read_timeout(None)
            .max_header_size(HEAD_BYTES_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let mut stopping = pin!(stopping.changed().fuse());
        loop {
            tokio::select! {
                // First, so that a response that is ready is sent before a place is given up.
                biased;
                _ = connection.as_mut() => return,
                () = place.progress.ended(&self.limits) => return,
                _ = &mut stopping => connection.as_mut().graceful_shutdown(),
            }
        }
    }
}

/// Whether a request has the `Host` that its version needs (RFC 9112, section 3.2).
fn names_its_host(request: &Request<Incoming>) -> bool {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    hosts == 1 || hosts == 0 && request.version() < Version::HTTP_11
}

/// The response to a message that is not HTTP, as hyper has it for others.
fn bad_request() -> Response {
    let record = Record::begin(Surface::Http, &HeaderMap::new());
    record.fill(|members| {
        members.request_id = Uuid::new_v4().to_string();
        members.status = Some(StatusCode::BAD_REQUEST.as_u16());
    });
    record.ended(Outcome::Refused);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptors_of_the_process_bound_its_connections() {
        let of = |descriptors| Limits::of_descriptors(descriptors).connections;
        assert_eq!((of(Some(64)), of(Some(256)), of(Some(1024))), (10, 74, 330));
        assert_eq!((of(Some(0)), of(Some(37)), of(Some(41))), (2, 2, 3));
        assert_eq!((of(Some(3103)), of(Some(3104))), (1023, 1024));
        assert_eq!((of(Some(u64::MAX)), of(None)), (1024, 1024));
        for limit in 64..4096 {
            let descriptors = of(Some(limit)) * DESCRIPTORS_OF_A_CONNECTION + DESCRIPTORS_KEPT;
            assert!(descriptors <= usize::try_from(limit).unwrap());
        }
    }
}
