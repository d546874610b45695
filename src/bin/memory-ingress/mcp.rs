//! `mcp`: a server of the Model Context Protocol on stdin and stdout, for one agent.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;

use axum::http::HeaderMap;
use memory_ingress::client::check::check;
use memory_ingress::client::endpoint::{Endpoint, handing_on};
use memory_ingress::client::recall;
use memory_ingress::options::Mcp;
use memory_ingress::stdio::{self, Ended};
use memory_ingress::{joined, tool};
use memory_web::config::{self, Config};
use memory_web::flat::Flat;
use memory_web::http::REQUEST_TIME_MAX;
use memory_web::mcp::Toolset;
use memory_web::record::Record;
use memory_web::telemetry;
use tokio::time::Instant;

use crate::{CommandError, open, print, report};

pub(crate) async fn run(options: Mcp, config: Config) -> Result<ExitCode, CommandError> {
    let Mcp {
        location,
        remote,
        check: is_check,
        write_only,
    } = options;
    let variable = |name: &str| config::variable(name).and_then(Result::ok);
    let settings = remote.settings(&config, variable);
    let Some(settings) = settings.map_err(CommandError::Usage)? else {
        let log = open(location, &config).await?;
        if write_only {
            let ingress = Arc::new(log.ingress(&config));
            return serve(tool::toolset(), move |draft, record, _| {
                let ingress = Arc::clone(&ingress);
                async move {
                    let stored = joined::append(&ingress, draft, deadline(), &record);
                    stored.await.flat()
                }
            })
            .await;
        }
        let log = log.joined(&config)?;
        return serve(joined::toolset(), move |call, record, _| {
            let log = log.clone();
            async move { log.call(call, deadline(), &record).await }
        })
        .await;
    };
    let endpoint = Endpoint::new(settings).map_err(CommandError::Usage)?;
    if is_check {
        let line =
            |name: &str, value: &str| print(format!("{name:<10} {value}\n").as_bytes()).map(drop);
        let why = check(&endpoint, line).await?;
        return why.map_or(Ok(ExitCode::SUCCESS), |why| Err(CommandError::Failed(why)));
    }
    let tools = match write_only {
        true => recall::write_only(),
        false => recall::toolset(&endpoint).await,
    };
    let endpoint = Arc::new(endpoint);
    serve(tools, move |call, _record, sender| {
        let endpoint = Arc::clone(&endpoint);
        async move { handing_on(sender, recall::call(&endpoint, call)).await }
    })
    .await
}

/// For a person who starts the command by hand, and sees nothing else.
const WAITING: &str = "waiting for an agent's messages on stdin: agents start this command by themselves, and \
                       `memory-ingress mcp --help` shows how to tell them. Ctrl-C ends it.";

/// The time by which a call of a program of this machine must be answered.
fn deadline() -> Instant {
    Instant::now() + REQUEST_TIME_MAX
}

async fn serve<T, C, F>(tools: Toolset<T>, call: C) -> Result<ExitCode, CommandError>
where
    T: Send + 'static,
    C: Fn(T, Record, HeaderMap) -> F + Send + Sync + 'static,
    F: Future<Output = Flat> + Send,
{
    if io::stdin().is_terminal() {
        report(WAITING);
    }
    match stdio::serve(tools, call).await? {
        Ended::Finished => {
            telemetry::finish().await;
            Ok(ExitCode::SUCCESS)
        }
        Ended::Interrupted => Ok(ExitCode::FAILURE),
    }
}
