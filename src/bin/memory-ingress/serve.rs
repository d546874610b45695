//! `serve`: the routes on this machine.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use memory_ingress::http::endpoints;
use memory_ingress::options::Serve;
use memory_ingress::server::{self, Limits};
use memory_s3::aws;
use memory_web::caller::Callers;
use memory_web::config::Config;
use memory_web::guard::Guard;
use memory_web::http::{REQUEST_TIME_MAX, router};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::{CommandError, open, print, report};

/// How long requests in flight may take after a signal: their own deadline, and time for their
/// responses to be sent.
const GRACE: Duration = REQUEST_TIME_MAX.saturating_add(Duration::from_secs(1));

pub(crate) async fn run(options: Serve, config: Config) -> Result<ExitCode, CommandError> {
    let callers = match config.api_key.clone() {
        Some(key) => Callers::Key(key),
        None if options.listen.ip().is_loopback() => Callers::Loopback,
        None => {
            return Err(CommandError::Config(format!(
                "{} can be reached from other machines: set MEMORY_API_KEY to a key that callers must send, or listen on \
                 127.0.0.1.",
                options.listen
            )));
        }
    };
    let has_key = config.api_key.is_some();
    let log = open(options.location, &config).await?;
    if let Some(sdk) = &log.sdk {
        // Checked before anything is promised: without them no write can succeed.
        aws::credentials(sdk).await?;
    }
    let place = log.place.clone();
    let endpoints = match options.write_only {
        true => endpoints(log.ingress(&config)),
        false => log.joined(&config)?.endpoints(),
    };
    let listener = TcpListener::bind(options.listen).await.map_err(|error| {
        let address = options.listen;
        CommandError::Config(format!("cannot listen on {address} ({error}): choose another with --listen, or port 0 for a free one."))
    })?;
    let address = listener.local_addr()?;
    let (stop, stopping) = oneshot::channel::<()>();
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );

    print(format!("listening on http://{address}\n").as_bytes())?;
    report(&format!(
        "memories are stored in {}; try:\n{}",
        place,
        example(address, has_key, options.write_only)
    ));
    if !has_key && !options.write_only {
        report(
            "programs of this machine may read them; MEMORY_API_KEY prevents it for those without the key",
        );
    }
    let guard = Guard {
        callers,
        allowed_origins: config.allowed_origins.clone(),
    };
    let router = router(endpoints, guard);
    let mut server = tokio::spawn(server::serve(
        listener,
        router,
        Limits::of_this_process(),
        async {
            let _ = stopping.await;
        },
    ));
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        ended = &mut server => return Err(CommandError::Failed(format!("the server ended by itself: {ended:?}"))),
    }
    tracing::info!("stopping after the writes in flight");
    let _ = stop.send(());
    // A connection that never finishes its request must not keep the process alive; every write has its
    // response by then. A second signal means: do not wait.
    tokio::select! {
        _ = tokio::time::timeout(GRACE, server) => Ok(ExitCode::SUCCESS),
        _ = interrupt.recv() => Ok(ExitCode::FAILURE),
        _ = terminate.recv() => Ok(ExitCode::FAILURE),
    }
}

fn example(address: SocketAddr, has_key: bool, is_write_only: bool) -> String {
    let key = if has_key {
        " \\\n    -H \"x-api-key: $MEMORY_API_KEY\""
    } else {
        ""
    };
    let store = format!(
        r#"  curl http://{address}/memory{key} \
    -H 'Content-Type: application/json' -H 'Accept: application/json' \
    -d '{{"entity_id":"rob","domain":"work","content":"Rob prefers mornings.","timestamp":"2026-01-27T03:14:22Z"}}'"#
    );
    if is_write_only {
        return store;
    }
    let find = format!(
        r"  curl -G http://{address}/memory/search{key} -H 'Accept: application/json' \
    --data-urlencode 'filter[domain]=work' --data-urlencode 'filter[entity_id]=rob' \
    --data-urlencode 'filter[query]=mornings'"
    );
    format!("{store}\n{find}")
}
