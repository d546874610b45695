//! `serve`: the routes on this machine.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use memory_ingress::http::endpoints;
use memory_ingress::issuer::Issuer;
use memory_ingress::options::Serve;
use memory_ingress::server::{self, Limits};
use memory_s3::aws;
use memory_web::caller::Callers;
use memory_web::config::Config;
use memory_web::guard::Guard;
use memory_web::http::{Endpoint, REQUEST_TIME_MAX, router};
use memory_web::login::Login;
use memory_web::telemetry;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::{CommandError, open, print, report};

/// How long requests in flight may take after a signal: their own deadline, and time for their
/// responses to be sent.
const GRACE: Duration = REQUEST_TIME_MAX.saturating_add(Duration::from_secs(1));

pub(crate) async fn run(options: Serve, config: Config) -> Result<ExitCode, CommandError> {
    let issuer = options.jwt.issuer().map_err(CommandError::Usage)?;
    let issuer = issuer.map(Arc::new);
    let callers = callers(issuer.is_some(), options.listen, &config)?;
    if issuer.is_some() && !options.write_only && !config.scopes_are_set() {
        let mistake = "With --jwt-issuer, MEMORY_WRITE_SCOPES and MEMORY_READ_SCOPES must say what each caller may touch, such as \
                       user/{sub} (*/* is everything, for every holder of a token): set both, or serve with --write-only.";
        return Err(CommandError::Config(mistake.to_owned()));
    }
    let login = login(issuer.as_deref(), &config)?;
    let proof = proof(&callers);
    let is_open_here = matches!(callers, Callers::Loopback);
    let log = open(options.location, &config).await?;
    if let Some(sdk) = &log.sdk {
        // Checked before anything is promised: without them no write can succeed.
        aws::credentials(sdk).await?;
    }
    let place = log.place.clone();
    let mut endpoints = match options.write_only {
        true => endpoints(log.ingress(&config)),
        false => log.joined(&config)?.endpoints(),
    };
    endpoints.extend(Endpoint::login(login));
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
        example(address, proof, options.write_only)
    ));
    if is_open_here && !options.write_only {
        report(
            "programs of this machine may read them; MEMORY_API_KEY prevents it for those without the key",
        );
    }
    let guard = Guard {
        callers,
        allowed_origins: config.allowed_origins.clone(),
    };
    let mut router = router(endpoints, guard);
    if let Some(issuer) = issuer {
        if let Err(why) = issuer.prepare().await {
            report(&format!(
                "the keys of the issuer cannot be fetched: {why}; until they can, every token is answered 503"
            ));
        }
        router = issuer.in_front_of(router);
    }
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
        _ = tokio::time::timeout(GRACE, server) => {}
        _ = interrupt.recv() => return Ok(ExitCode::FAILURE),
        _ = terminate.recv() => return Ok(ExitCode::FAILURE),
    }
    telemetry::finish().await;
    Ok(ExitCode::SUCCESS)
}

/// How callers prove who they are.
fn callers(has_issuer: bool, listen: SocketAddr, config: &Config) -> Result<Callers, CommandError> {
    let mistake = match (config.api_key.clone(), has_issuer) {
        (Some(_), true) => {
            "MEMORY_API_KEY and --jwt-issuer are two ways to know callers: choose one.".to_owned()
        }
        (Some(key), false) => return Ok(Callers::Key(key)),
        (None, true) => return Ok(Callers::Tokens),
        (None, false) if listen.ip().is_loopback() => return Ok(Callers::Loopback),
        (None, false) => format!(
            "{listen} can be reached from other machines: set MEMORY_API_KEY to a key that callers must send, accept the \
             tokens of an issuer with --jwt-issuer, or listen on 127.0.0.1."
        ),
    };
    Err(CommandError::Config(mistake))
}

/// Where agents log in: where their tokens come from, unless the settings name another server.
fn login(issuer: Option<&Issuer>, config: &Config) -> Result<Login, CommandError> {
    match issuer {
        Some(issuer) => Ok(config.login.clone().or_at(issuer.url())),
        None if config.login != Login::default() => {
            let mistake = "MEMORY_OAUTH_SERVERS and MEMORY_OAUTH_SCOPES say where and for what to log in, but no token is accepted: add --jwt-issuer, or unset them.";
            Err(CommandError::Config(mistake.to_owned()))
        }
        None => Ok(Login::default()),
    }
}

/// The option of curl that proves who a caller is.
fn proof(callers: &Callers) -> &'static str {
    match callers {
        Callers::Key(_) => " \\\n    -H \"x-api-key: $MEMORY_API_KEY\"",
        Callers::Tokens => " \\\n    -H \"Authorization: Bearer $TOKEN\"",
        Callers::Gateway | Callers::Loopback => "",
    }
}

fn example(address: SocketAddr, proof: &str, is_write_only: bool) -> String {
    let store = format!(
        r#"  curl http://{address}/memory{proof} \
    -H 'Content-Type: application/json' -H 'Accept: application/json' \
    -d '{{"entity_id":"rob","domain":"work","content":"Rob prefers mornings.","timestamp":"2026-01-27T03:14:22Z"}}'"#
    );
    if is_write_only {
        return store;
    }
    let find = format!(
        r"  curl -G http://{address}/memory/search{proof} -H 'Accept: application/json' \
    --data-urlencode 'filter[domain]=work' --data-urlencode 'filter[entity_id]=rob' \
    --data-urlencode 'filter[query]=mornings'"
    );
    format!("{store}\n{find}")
}
