//! `mcp`: a server of the Model Context Protocol on stdin and stdout, for one agent.

use std::process::ExitCode;
use std::sync::Arc;

use memory_ingress::client::endpoint::Endpoint;
use memory_ingress::stdio::{self, Ended};
use memory_ingress::{joined, tool};
use memory_web::config::Config;
use memory_web::flat::Flat;
use memory_web::http::REQUEST_TIME_MAX;
use memory_web::mcp::Toolset;
use tokio::time::Instant;

use crate::{CommandError, Location, open};

mod check;
mod options;

use options::Remote;

const HELP: &str = "\
Without --url, memories are written to --data or --bucket directly. With --url the same tool is served here, and each call \
is sent to the endpoint as one request: signed with AWS SigV4, or with the key in MEMORY_API_KEY, or with an \
Authorization of your own in --header. To sign in addition to a key, give --profile, --region or --service. Before the \
first call nothing is asked of the network, and no credentials are loaded.

Examples:
  memory-ingress mcp --data ~/memories                an agent's memories as files
  memory-ingress mcp --url https://a1b2c3.execute-api.eu-central-1.amazonaws.com/live
  memory-ingress mcp --url https://memory.example.com --region eu-central-1 --profile work
  memory-ingress mcp --check --url https://…          show who you are there, and try a call";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Options {
    #[command(flatten)]
    location: Location,
    #[command(flatten)]
    remote: Remote,
    /// Show the endpoint and your identity there, send one request that stores nothing, and exit
    #[arg(long, requires = "url")]
    check: bool,
    /// Offer the tool that stores memories only
    #[arg(long, conflicts_with = "url")]
    write_only: bool,
}

pub(crate) async fn run(options: Options, config: Config) -> Result<ExitCode, CommandError> {
    let Options {
        location,
        remote,
        check,
        write_only,
    } = options;
    let Some(settings) = remote.settings(config.api_key.clone()) else {
        let log = open(location, &config).await?;
        if write_only {
            let ingress = Arc::new(log.ingress(&config));
            return serve(tool::toolset(), move |draft| {
                let ingress = Arc::clone(&ingress);
                async move { joined::append(&ingress, draft, deadline()).await.flat() }
            })
            .await;
        }
        let log = log.joined(&config)?;
        return serve(joined::toolset(), move |call| {
            let log = log.clone();
            async move { log.call(call, deadline()).await }
        })
        .await;
    };
    let endpoint = Endpoint::new(settings).map_err(CommandError::Usage)?;
    if check {
        return check::run(&endpoint).await;
    }
    let endpoint = Arc::new(endpoint);
    serve(tool::toolset(), move |draft| {
        let endpoint = Arc::clone(&endpoint);
        async move { endpoint.append(draft).await.flat() }
    })
    .await
}

/// The time by which a call of a program of this machine must be answered.
fn deadline() -> Instant {
    Instant::now() + REQUEST_TIME_MAX
}

async fn serve<T, C, F>(tools: Toolset<T>, call: C) -> Result<ExitCode, CommandError>
where
    T: Send + 'static,
    C: Fn(T) -> F + Send + Sync + 'static,
    F: Future<Output = Flat> + Send,
{
    match stdio::serve(tools, call).await? {
        Ended::Finished => Ok(ExitCode::SUCCESS),
        Ended::Interrupted => Ok(ExitCode::FAILURE),
    }
}
