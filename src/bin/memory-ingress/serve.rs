//! `serve`: the routes on this machine.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use memory_ingress::config::Config;
use memory_ingress::guard::{Callers, Guard};
use memory_ingress::http::{self, REQUEST_TIME_MAX};
use memory_ingress::remember::Ingress;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::{Location, Log, Stop, credentials, open, print, tell};

/// How long requests in flight may take once the end is asked for: their own deadline, and the way
/// of their answers.
const GRACE: Duration = REQUEST_TIME_MAX.saturating_add(Duration::from_secs(1));

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Listen on this address; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    #[command(flatten)]
    location: Location,
}

pub(crate) async fn run(options: Options, config: Config) -> Result<ExitCode, Stop> {
    let callers = match config.api_key.clone() {
        Some(key) => Callers::Key(key),
        None if options.listen.ip().is_loopback() => Callers::Loopback,
        None => {
            return Err(Stop::Config(format!(
                "{} can be reached from other machines: set MEMORY_API_KEY to the key that callers must send, or listen on \
                 127.0.0.1.",
                options.listen
            )));
        }
    };
    let has_key = config.api_key.is_some();
    let Log { store, sdk, place } = open(options.location, &config).await?;
    if let Some(sdk) = sdk {
        // Before anything is promised: without them no write can succeed.
        credentials(&sdk).await.map_err(Stop::Config)?;
    }
    let listener = TcpListener::bind(options.listen).await.map_err(|error| {
        let address = options.listen;
        Stop::Config(format!("cannot listen on {address} ({error}): name another with --listen, or port 0 for a free one."))
    })?;
    let address = listener.local_addr()?;
    let (stop, stopping) = oneshot::channel::<()>();
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );

    print(format!("listening on http://{address}\n").as_bytes())?;
    tell(&format!(
        "memories are kept in {place}; try:\n{}",
        example(address, has_key)
    ));
    let guard = Guard {
        callers,
        allowed_origins: config.allowed_origins,
    };
    let router = http::router(Ingress::new(store), guard);
    let server = axum::serve(listener, router).with_graceful_shutdown(async {
        let _ = stopping.await;
    });
    let mut server = tokio::spawn(server.into_future());
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        ended = &mut server => return Err(Stop::Failed(format!("the server ended by itself: {ended:?}"))),
    }
    tracing::info!("stopping: the writes in flight are finished first");
    let _ = stop.send(());
    // A connection that never finishes its request must not keep the process; every write has its
    // answer by then. Whoever asks a second time does not want to wait for that.
    tokio::select! {
        _ = tokio::time::timeout(GRACE, server) => Ok(ExitCode::SUCCESS),
        _ = interrupt.recv() => Ok(ExitCode::FAILURE),
        _ = terminate.recv() => Ok(ExitCode::FAILURE),
    }
}

fn example(address: SocketAddr, has_key: bool) -> String {
    let key = if has_key {
        " \\\n    -H \"x-api-key: $MEMORY_API_KEY\""
    } else {
        ""
    };
    format!(
        r#"  curl http://{address}/memory{key} \
    -H 'Content-Type: application/json' -H 'Accept: application/json' \
    -d '{{"entity_id":"rob","domain":"work","content":"Rob prefers mornings.","timestamp":"2026-01-27T03:14:22Z"}}'"#
    )
}
