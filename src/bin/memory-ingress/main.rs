//! The command line. Results go to stdout, everything else to stderr.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use aws_config::SdkConfig;
use aws_sdk_s3::config::{Credentials, ProvideCredentials};
use clap::{Parser, Subcommand};
use memory_ingress::config::{Config, EX_CONFIG, Mistakes, is_bucket_name};
use memory_ingress::local_s3::{self, Disk, Unusable};
use memory_ingress::openapi;
use memory_ingress::store::{self, NoRegion, Store};
use memory_ingress::telemetry::{self, Format};

mod mcp;
mod replay;
mod serve;

/// Where memories are kept on a laptop.
const DATA: &str = "./memory-data";

#[derive(Debug, Parser)]
#[command(version, about, long_about = None, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Options,
}

const EXAMPLES: &str = "\
Examples:
  memory-ingress                                  serve on 127.0.0.1:8080, memories in ./memory-data
  memory-ingress --listen 127.0.0.1:0             serve on a free port, and print which
  memory-ingress serve --bucket my-memories       write to Amazon S3 with your own credentials
  memory-ingress mcp --data ~/memories            a tool for an agent on this machine
  memory-ingress mcp --url https://…              the same, to a deployed service
  memory-ingress replay --domain work             print the memories of a domain, each proved
  memory-ingress openapi > openapi.json           the OpenAPI document
  memory-ingress openapi --view tool              a view of it, for a generator of clients

Settings: MEMORY_BUCKET, MEMORY_ALLOWED_ORIGINS, MEMORY_API_KEY, RUST_LOG,
AWS_ENDPOINT_URL_S3, AWS_REGION and the AWS SDK's own.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer requests; also what happens without a subcommand
    Serve(serve::Options),
    /// Serve an agent on stdin and stdout by the Model Context Protocol
    Mcp(mcp::Options),
    /// Print stored memories in key order, one line each, and prove every one
    Replay(replay::Options),
    /// Print the OpenAPI document, or a view of it
    Openapi(Openapi),
}

#[derive(Debug, clap::Args)]
struct Openapi {
    /// Print the one shape that a client speaks, in OpenAPI 3.0.3, which every generator reads
    #[arg(long, value_enum)]
    view: Option<View>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum View {
    /// JSON:API documents
    Jsonapi,
    /// The tool's flat bodies and results
    Tool,
}

/// Where the log of memories is.
#[derive(Debug, Clone, clap::Args)]
struct Location {
    /// Keep the memories in this folder [default: ./memory-data, unless `MEMORY_BUCKET` is set]
    #[arg(long, value_name = "DIR", conflicts_with = "bucket")]
    data: Option<PathBuf>,
    /// Keep the memories in this bucket of Amazon S3
    #[arg(long, value_name = "NAME", value_parser = bucket_name)]
    bucket: Option<String>,
}

enum Place {
    Folder(PathBuf),
    Bucket(String),
}

impl Location {
    /// What the command line says, else the environment, else the laptop's folder.
    fn place(self, config: &Config) -> Place {
        match (self.data, self.bucket.or_else(|| config.bucket.clone())) {
            (Some(folder), _) => Place::Folder(folder),
            (None, Some(bucket)) => Place::Bucket(bucket),
            (None, None) => Place::Folder(DATA.into()),
        }
    }
}

/// The log that is written to.
struct Log {
    store: Store,
    /// Settings of the SDK, where Amazon S3 keeps it.
    sdk: Option<SdkConfig>,
    /// Where it is, for a person.
    place: String,
}

async fn open(location: Location, config: &Config) -> Result<Log, Stop> {
    match location.place(config) {
        Place::Folder(folder) => {
            let client = local_s3::client(Disk::create(&folder)?);
            Ok(Log {
                store: Store::new(client, local_s3::BUCKET),
                sdk: None,
                place: folder.display().to_string(),
            })
        }
        Place::Bucket(bucket) => {
            let sdk = store::sdk_config().await;
            let client = store::aws_client(&sdk, config.s3_endpoint.as_deref())?;
            let place = format!("the bucket {bucket}");
            Ok(Log {
                store: Store::new(client, bucket),
                sdk: Some(sdk),
                place,
            })
        }
    }
}

/// Credentials of the SDK's own chain, or why there are none, in words.
async fn credentials(sdk: &SdkConfig) -> Result<Credentials, String> {
    let why = match sdk.credentials_provider() {
        None => "nothing provides them".to_owned(),
        Some(provider) => match provider.provide_credentials().await {
            Ok(credentials) => return Ok(credentials),
            // The SDK goes on with a list of all places, a line each.
            Err(error) => store::chain(&error)
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
        },
    };
    Err(format!(
        "No AWS credentials were found ({}); sign in, or set AWS_PROFILE or AWS_ACCESS_KEY_ID.",
        why.trim_end_matches(" Attempted:")
    ))
}

fn bucket_name(name: &str) -> Result<String, String> {
    if is_bucket_name(name) {
        Ok(name.to_owned())
    } else {
        Err("a bucket's name has 3 to 63 characters of a-z, 0-9, - and .".to_owned())
    }
}

/// Why a command ended before its work was done.
enum Stop {
    /// The command line is wrong in a way that its parser does not judge.
    Usage(String),
    /// The settings or their surroundings prevent the start: one message for the user.
    Config(String),
    /// The work itself failed.
    Failed(String),
}

impl From<Mistakes> for Stop {
    fn from(mistakes: Mistakes) -> Self {
        Self::Config(mistakes.to_string())
    }
}

impl From<Unusable> for Stop {
    fn from(unusable: Unusable) -> Self {
        Self::Config(unusable.to_string())
    }
}

impl From<NoRegion> for Stop {
    fn from(no_region: NoRegion) -> Self {
        Self::Config(no_region.to_string())
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let command = cli.command.unwrap_or(Command::Serve(cli.serve));
    let ended = tokio::runtime::Runtime::new()
        .map_err(Stop::from)
        .and_then(|runtime| {
            let ended = runtime.block_on(run(command));
            // What still runs now, a name's lookup for one, nobody waits for.
            runtime.shutdown_background();
            ended
        });
    let (code, message) = match ended {
        Ok(code) => return code,
        Err(Stop::Usage(message)) => (ExitCode::from(USAGE), message),
        Err(Stop::Config(message)) => (ExitCode::from(EX_CONFIG), message),
        Err(Stop::Failed(message)) => (ExitCode::FAILURE, message),
    };
    tell(&format!("memory-ingress: {message}"));
    code
}

/// The exit code of the parser of the command line.
const USAGE: u8 = 2;

async fn run(command: Command) -> Result<ExitCode, Stop> {
    match command {
        Command::Serve(options) => serve::run(options, settings()?).await,
        Command::Mcp(options) => mcp::run(options, settings()?).await,
        Command::Replay(options) => replay::run(options, &settings()?).await,
        Command::Openapi(Openapi { view }) => {
            let view = view.map(|view| match view {
                View::Jsonapi => openapi::view(openapi::View::JsonApi),
                View::Tool => openapi::view(openapi::View::Tool),
            });
            print(
                view.as_deref()
                    .unwrap_or_else(|| openapi::document())
                    .as_bytes(),
            )?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn settings() -> Result<Config, Mistakes> {
    let config = Config::from_env()?;
    telemetry::init(Format::Text, &config.log_filter);
    Ok(config)
}

/// Writes a result; whether its reader wants more.
fn print(text: &[u8]) -> io::Result<Reader> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Ok(()) => Ok(Reader::Listens),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::HasEnough),
        Err(error) => Err(error),
    }
}

/// Whoever reads our results: `head`, for one, has enough some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    Listens,
    HasEnough,
}

/// Writes a line for a person; where nobody reads it, it is not missed.
fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
