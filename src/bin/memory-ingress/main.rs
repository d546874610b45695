//! The command line. Results go to stdout, everything else to stderr.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use aws_config::SdkConfig;
use clap::Parser;
use memory_ingress::client::health;
use memory_ingress::client::target::Target;
use memory_ingress::options::{Cli, Command, Location, Openapi, Place, View};
use memory_ingress::remember::Ingress;
use memory_ingress::{joined, manual, openapi};
use memory_log::scope::{ReadScope, operator};
use memory_recall::access::Access;
use memory_recall::find::Recall;
use memory_s3::aws::{self, AwsError};
use memory_s3::changer::Changer;
use memory_s3::embedded::{self, DataFolderError, Disk};
use memory_s3::reader::Reader;
use memory_s3::views::Views;
use memory_s3::writer::Writer;
use memory_web::config::{Config, ConfigError, EX_CONFIG};
use memory_web::telemetry;

mod erase;
mod mcp;
mod reading;
mod replay;
mod search;
mod serve;
mod views;

/// A log that is open for writing and reading.
struct Log {
    writer: Writer,
    reader: Reader,
    views: Option<Views>,
    changer: Changer,
    /// What is searched for an id without a scope: the whole of a folder.
    whole: Option<ReadScope>,
    /// The SDK's settings, if the log is in a bucket of Amazon S3.
    sdk: Option<SdkConfig>,
    /// Where it is, for a person.
    place: String,
}

impl Log {
    /// The way in.
    fn ingress(&self, config: &Config) -> Ingress {
        Ingress::new(self.writer.clone(), config.write_scopes.clone())
    }

    /// Both ways.
    fn joined(self, config: &Config) -> Result<joined::Log, ConfigError> {
        if !config.may_change() {
            let mistake = "MEMORY_SHARED_SCOPES is set and MEMORY_WRITE_SCOPES is not, so everybody could change what is \
                           shared: set both, or serve with --write-only.";
            return Err(ConfigError(vec![mistake.to_owned()]));
        }
        let ingress = Arc::new(self.ingress(config));
        let recall = Recall::new(self.reader.clone()).with_views(self.views);
        let access = Access::new(recall, config.read_scopes.clone(), config.stewards.clone());
        let access = match self.whole {
            Some(whole) => access.with_whole(whole),
            None => access,
        };
        let writable = config.write_scopes.clone();
        let access = Arc::new(access.with_changes(self.reader, self.changer, writable));
        Ok(joined::Log { ingress, access })
    }
}

async fn open(location: Location, config: &Config) -> Result<Log, CommandError> {
    match location.place(config.bucket.as_ref()) {
        Place::Folder(folder) => {
            let disk = Arc::new(Disk::create(&folder)?);
            if let Some(open) = disk.open_to_others() {
                report(&open.to_string());
            }
            let client = embedded::client(Arc::clone(&disk));
            Ok(Log {
                writer: Writer::new(client.clone(), embedded::BUCKET),
                reader: Reader::new(client.clone(), embedded::BUCKET).of_files(disk),
                views: Some(Views::new(client.clone(), embedded::VIEWS_BUCKET)),
                changer: Changer::new(client, embedded::BUCKET).of_a_folder(),
                whole: Some(operator().everything()),
                sdk: None,
                place: folder.display().to_string(),
            })
        }
        Place::Bucket(bucket) => {
            let sdk = aws::sdk_config().await;
            let client = aws::s3_client(&sdk, config.s3_endpoint.as_deref())?;
            let place = format!("the bucket {bucket}");
            Ok(Log {
                writer: Writer::new(client.clone(), bucket.clone()),
                reader: Reader::new(client.clone(), bucket.clone()).with_retries(),
                changer: Changer::new(client.clone(), bucket),
                views: config
                    .views_bucket
                    .as_ref()
                    .map(|views| Views::new(client, views)),
                whole: None,
                sdk: Some(sdk),
                place,
            })
        }
    }
}

/// Why a command ended before its work was done.
enum CommandError {
    /// The command line is wrong in a way that its parser does not check.
    Usage(String),
    /// The settings or the environment prevent the start: one message for the user.
    Config(String),
    /// The work itself failed.
    Failed(String),
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error.to_string())
    }
}

impl From<DataFolderError> for CommandError {
    fn from(error: DataFolderError) -> Self {
        Self::Config(error.to_string())
    }
}

impl From<AwsError> for CommandError {
    fn from(error: AwsError) -> Self {
        Self::Config(error.to_string())
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

fn main() -> ExitCode {
    let command = Cli::parse().command();
    let ended = tokio::runtime::Runtime::new()
        .map_err(CommandError::from)
        .and_then(|runtime| {
            let ended = runtime.block_on(run(command));
            // Do not wait for what still runs, such as a DNS lookup.
            runtime.shutdown_background();
            ended
        });
    let (code, message) = match ended {
        Ok(code) => return code,
        Err(CommandError::Usage(message)) => (ExitCode::from(USAGE), message),
        Err(CommandError::Config(message)) => (ExitCode::from(EX_CONFIG), message),
        Err(CommandError::Failed(message)) => (ExitCode::FAILURE, message),
    };
    report(&format!("memory-ingress: {message}"));
    code
}

/// The exit code of a wrong command line, as the parser has it.
const USAGE: u8 = 2;

async fn run(command: Command) -> Result<ExitCode, CommandError> {
    match command {
        Command::Serve(options) => serve::run(options, logged(Config::from_env()?, "")).await,
        Command::Mcp(options) => {
            let also = match options.remote.verbose {
                true => ",memory_ingress::client=debug",
                false => "",
            };
            mcp::run(options, logged(Config::from_env()?, also)).await
        }
        Command::Replay(options) => replay::run(options, &untraced()?).await,
        Command::Search(options) => search::run(options, &untraced()?).await,
        Command::Views(options) => views::run(options, &untraced()?).await,
        Command::Erase(options) => erase::run(options, &untraced()?).await,
        Command::Health(options) => {
            let target = Target::parse(&options.url)
                .map_err(|why| CommandError::Usage(format!("The --url is not accepted: {why}.")))?;
            health::ask(&target).await.map_err(CommandError::Failed)?;
            print(b"up\n")?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Completions(options) => {
            print(&manual::completions(options.shell))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Man(options) => {
            let page = manual::page(options.command.as_deref()).map_err(CommandError::Usage)?;
            print(&page)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Openapi(Openapi { view, write_only }) => {
            let document = match view {
                None if write_only => openapi::ingress(),
                None => openapi::document(),
                Some(View::Jsonapi) => openapi::view(openapi::View::JsonApi),
                Some(View::Tool) => openapi::view(openapi::View::Tool),
            };
            print(document.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The settings of a command that ends by itself, and exports no traces.
fn untraced() -> Result<Config, ConfigError> {
    Ok(logged(Config::from_env_without_traces()?, ""))
}

/// Starts the log by these settings. What `also` filters is logged as well.
fn logged(config: Config, also: &str) -> Config {
    let filter = format!("{}{also}", config.log_filter);
    telemetry::init(
        telemetry::Reader::Stderr,
        &filter,
        config.log_hash_names,
        &config.traces,
    );
    config
}

/// Writes a result to stdout.
fn print(text: &[u8]) -> io::Result<Output> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Ok(()) => Ok(Output::Open),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Output::Closed),
        Err(error) => Err(error),
    }
}

/// Whether stdout is still open (`| head` closes it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Open,
    Closed,
}

/// Writes a line for a person to stderr. A closed stderr is not an error.
fn report(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
