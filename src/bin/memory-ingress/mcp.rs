//! `mcp`: a server of the Model Context Protocol on stdin and stdout, for one agent.

use std::process::ExitCode;
use std::sync::Arc;

use memory_ingress::client::endpoint::Endpoint;
use memory_ingress::remember::Ingress;
use memory_ingress::stdio::{self, Ended};
use memory_ingress::tool::{self, ToolOutcome};
use memory_log::memory::Draft;
use memory_log::scope::Claims;
use memory_web::config::Config;
use memory_web::http::REQUEST_TIME_MAX;
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
}

pub(crate) async fn run(options: Options, config: Config) -> Result<ExitCode, CommandError> {
    let Options {
        location,
        remote,
        check,
    } = options;
    let Some(settings) = remote.settings(config.api_key.clone()) else {
        let log = open(location, &config).await?;
        let ingress = Arc::new(Ingress::new(log.writer, config.write_scopes));
        return serve(move |draft| append(Arc::clone(&ingress), draft)).await;
    };
    let endpoint = Endpoint::new(settings).map_err(CommandError::Usage)?;
    if check {
        return check::run(&endpoint).await;
    }
    let endpoint = Arc::new(endpoint);
    serve(move |draft| {
        let endpoint = Arc::clone(&endpoint);
        async move { endpoint.append(draft).await }
    })
    .await
}

async fn append(ingress: Arc<Ingress>, draft: Draft) -> ToolOutcome {
    let deadline = Instant::now() + REQUEST_TIME_MAX;
    match ingress.remember(draft, &Claims::default(), deadline).await {
        Ok(receipt) => ToolOutcome::of(&receipt),
        Err(error) => {
            if let Some(why) = error.log() {
                tracing::warn!(why, "a memory was not proved to be stored");
            }
            ToolOutcome::refused(&error.problems(tool::locate))
        }
    }
}

async fn serve<A, F>(append: A) -> Result<ExitCode, CommandError>
where
    A: Fn(Draft) -> F + Send + Sync + 'static,
    F: Future<Output = ToolOutcome> + Send,
{
    let append = Arc::new(append);
    let call = move |draft| {
        let append = Arc::clone(&append);
        async move { append(draft).await.flat() }
    };
    match stdio::serve(tool::toolset(), call).await? {
        Ended::Finished => Ok(ExitCode::SUCCESS),
        Ended::Interrupted => Ok(ExitCode::FAILURE),
    }
}
