//! Connections of HTTP/1.1, from the socket to a router.
//!
//! HTTP/1.1 is chosen here and not by a feature: another crate in the build turns on hyper's HTTP/2.
//! The module must not know routes or memories.

use std::io::{self, ErrorKind};
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long no connection is accepted after the system refused one: until it has room again.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Serves connections until the shutdown. It returns when the requests in flight are answered, and
/// idle connections are closed at once.
pub async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    let (stop, stopping) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            stream = accept(&listener) => {
                connections.spawn(attend(stream, router.clone(), stopping.clone()));
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

/// Serves one connection until it ends, or until its last response after the shutdown.
async fn attend(stream: TcpStream, router: Router, mut stopping: watch::Receiver<()>) {
    let service = service_fn(move |request: Request<Incoming>| {
        TowerToHyperService::new(router.clone()).call(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut stopping = pin!(stopping.changed().fuse());
    loop {
        tokio::select! {
            biased;
            _ = connection.as_mut() => return,
            _ = &mut stopping => connection.as_mut().graceful_shutdown(),
        }
    }
}
