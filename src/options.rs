//! What the command line says: every subcommand, its options and its help (contract 7).
//!
//! The module reads options and does nothing else. A URL and a header field may carry a secret, so the
//! client reads them after the command line is parsed: an error of the parser would show them.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use memory_web::config::is_bucket_name;

mod erase;
mod jwt;
mod mcp;
mod more;
mod search;
mod span;

pub use erase::Erase;
pub use jwt::Jwt;
pub use mcp::{Mcp, Remote};
pub use more::{Completions, Health, Page};
pub use search::Search;
pub use span::Span;

/// Where memories are stored on a laptop.
const DATA: &str = "./memory-data";

const EXAMPLES: &str = "\
Examples:
  memory-ingress                                  serve on 127.0.0.1:8080, memories in ./memory-data
  memory-ingress --listen 127.0.0.1:0             serve on a free port, and print its number
  memory-ingress serve --bucket my-memories       write to Amazon S3 with your own credentials
  memory-ingress serve --jwt-issuer https://… --jwt-audience memory   callers send tokens
  memory-ingress mcp --data ~/memories            tools for an agent on this machine
  memory-ingress mcp --url https://…              the same for a deployed service
  memory-ingress search mornings                  find memories by words
  memory-ingress replay --domain work             print the memories of a domain, each proved
  memory-ingress erase --domain work --entity rob  print what erases an entity, for sh
  memory-ingress openapi > openapi.json           the OpenAPI document
  memory-ingress openapi --view tool              a view of it, for a client generator

Settings, which the help of each command explains: [env: MEMORY_BUCKET] [env: MEMORY_API_KEY]
[env: MEMORY_TOKEN] [env: MEMORY_ALLOWED_ORIGINS] [env: MEMORY_VIEWS_BUCKET]
[env: MEMORY_WRITE_SCOPES] [env: MEMORY_READ_SCOPES] [env: MEMORY_SHARED_SCOPES]
[env: MEMORY_STEWARDS] [env: MEMORY_OAUTH_SERVERS] [env: MEMORY_OAUTH_SCOPES]
[env: RUST_LOG] [env: AWS_REGION] [env: AWS_ENDPOINT_URL_S3]
[env: OTEL_EXPORTER_OTLP_ENDPOINT]";

/// The settings that every command with a log reads.
macro_rules! settings_of_a_log {
    () => {
        "  [env: MEMORY_VIEWS_BUCKET]       with a bucket: where the views are, which make searches fast
  [env: AWS_REGION]                the region of the bucket; credentials: the AWS SDK's own chain
  [env: AWS_ENDPOINT_URL_S3]       another S3 than Amazon's, such as http://127.0.0.1:9000
  [env: RUST_LOG]                  the log on stderr: off, error, warn, info (default), debug, trace"
    };
}
pub(crate) use settings_of_a_log;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(version, about, long_about = None, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

impl Cli {
    /// The subcommand; `serve` if none is named.
    #[must_use]
    pub fn command(self) -> Command {
        self.command.unwrap_or(Command::Serve(self.serve))
    }
}

/// A subcommand.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the HTTP routes; the default without a subcommand
    Serve(Serve),
    /// Serve an agent on stdin and stdout (Model Context Protocol)
    Mcp(Mcp),
    /// Find memories by words
    Search(Search),
    /// Print stored memories in key order, one line each, and prove each one
    Replay(Replay),
    /// Build the view of an entity, so that its first search is fast
    Views(Views),
    /// Print the commands that erase an entity or a memory, and what there is of it
    Erase(Erase),
    /// Print the OpenAPI document, or a view of it
    Openapi(Openapi),
    /// Ask a service whether it is up
    Health(Health),
    /// Print the script that completes command lines in a shell
    Completions(Completions),
    /// Print a manual page
    Man(Page),
}

/// Where the log of memories is.
#[derive(Debug, Clone, clap::Args)]
pub struct Location {
    /// The folder of the memories [default: ./memory-data, unless a bucket is named]
    #[arg(long, value_name = "DIR", conflicts_with = "bucket")]
    data: Option<PathBuf>,
    #[arg(long, value_name = "NAME", value_parser = bucket_name, help = "The bucket of the memories in Amazon S3 [env: MEMORY_BUCKET]")]
    bucket: Option<String>,
}

/// A place of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket of Amazon S3.
    Bucket(String),
}

impl Location {
    /// The place of the command line, or else the bucket of the environment, or else the folder of a
    /// laptop.
    #[must_use]
    pub fn place(self, bucket: Option<&String>) -> Place {
        match (self.data, self.bucket.or_else(|| bucket.cloned())) {
            (Some(folder), _) => Place::Folder(folder),
            (None, Some(bucket)) => Place::Bucket(bucket),
            (None, None) => Place::Folder(DATA.into()),
        }
    }
}

fn bucket_name(name: &str) -> Result<String, String> {
    if is_bucket_name(name) {
        Ok(name.to_owned())
    } else {
        Err("a bucket name has 3 to 63 characters of a-z, 0-9, - and .".to_owned())
    }
}

/// Which part of the log is meant.
#[derive(Debug, Clone, clap::Args)]
pub struct Names {
    /// Only memories of this domain
    #[arg(long, value_name = "NAME")]
    pub domain: Option<String>,
    /// Only memories of this entity, in every domain unless --domain is given
    #[arg(long, value_name = "NAME")]
    pub entity: Option<String>,
}

/// `serve`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = concat!("\
Examples:
  memory-ingress serve                            on 127.0.0.1:8080, memories in ./memory-data
  memory-ingress serve --data ~/memories --listen 127.0.0.1:0
  memory-ingress serve --listen 0.0.0.0:8080      for other machines; it needs MEMORY_API_KEY
  memory-ingress serve --bucket my-memories       Amazon S3 with your own credentials
  memory-ingress serve --write-only               nothing can be read through it

Settings:
  [env: MEMORY_API_KEY]            the key that callers must send in the header x-api-key
  [env: MEMORY_ALLOWED_ORIGINS]    browser origins that may call MCP, separated by commas
  [env: MEMORY_WRITE_SCOPES] [env: MEMORY_READ_SCOPES] [env: MEMORY_SHARED_SCOPES]
  [env: MEMORY_STEWARDS]           who may write, read and change where
  [env: MEMORY_OAUTH_SERVERS] [env: MEMORY_OAUTH_SCOPES]
                                   with --jwt-issuer: where agents log in, if not at the issuer
  [env: OTEL_EXPORTER_OTLP_ENDPOINT]  a collector for traces, such as http://127.0.0.1:4318
", settings_of_a_log!()))]
pub struct Serve {
    /// Listen on this address; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Where the log is.
    #[command(flatten)]
    pub location: Location,
    /// Store memories only: nothing that is stored can be read through this service
    #[arg(long)]
    pub write_only: bool,
    /// Whose tokens are accepted.
    #[command(flatten)]
    pub jwt: Jwt,
}

/// `replay`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = concat!("\
Each line is an object as it is stored. A bad or foreign object is reported on stderr instead, and
the exit code is 1. On a terminal the last line says how many were proved.

Examples:
  memory-ingress replay                                   all memories of ./memory-data
  memory-ingress replay --domain work --entity rob        an entity's memories, in the order of time
  memory-ingress replay --since 2026-01-01 --until 2026-02-01
  memory-ingress replay --since 7d --limit 100            the first hundred of the last seven days
  memory-ingress replay --bucket my-memories | jq -r .content
  memory-ingress replay --events --domain work            who verified, locked or deleted what

Settings:
", settings_of_a_log!()))]
pub struct Replay {
    /// Where the log is.
    #[command(flatten)]
    pub location: Location,
    /// Which entities.
    #[command(flatten)]
    pub names: Names,
    /// Which time.
    #[command(flatten)]
    pub span: Span,
    /// Print the changes of status instead of the memories, and report a missing one too
    #[arg(long, conflicts_with_all = ["since", "until"])]
    pub events: bool,
    /// Print this many lines at most
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
}

/// `views`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = concat!("\
A view is a cache of an entity's memories in one object: in --data beside them, or in the bucket
MEMORY_VIEWS_BUCKET. Searches make it by themselves. Made before, it spares the first search of a
large entity the wait.

Example:
  memory-ingress views --domain work --entity rob

Settings:
", settings_of_a_log!()))]
pub struct Views {
    /// Where the log is.
    #[command(flatten)]
    pub location: Location,
    /// The domain of the entity
    #[arg(long, value_name = "NAME")]
    pub domain: String,
    /// The entity
    #[arg(long, value_name = "NAME")]
    pub entity: String,
}

/// `openapi`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  memory-ingress openapi > openapi.json           the whole interface, in OpenAPI 3.1
  memory-ingress openapi --view jsonapi           for a generator of clients
  memory-ingress openapi --write-only             a service without recall")]
pub struct Openapi {
    /// Print only one request shape, in OpenAPI 3.0.3, which every generator can read
    #[arg(long, value_enum)]
    pub view: Option<View>,
    /// Print the document of the ingress alone, as `serve --write-only` and its function on AWS have it
    #[arg(long, conflicts_with = "view")]
    pub write_only: bool,
}

/// One request shape.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum View {
    /// JSON:API documents
    Jsonapi,
    /// The tool's flat bodies and results
    Tool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn no_two_options_have_one_name() {
        <Cli as CommandFactory>::command().debug_assert();
    }

    /// The words of a line of a shell, up to where it hands its output on.
    fn words(line: &str) -> Vec<String> {
        let command = [" > ", " | ", "  "].iter().fold(line.trim(), |line, end| {
            line.split_once(end).map_or(line, |(command, _)| command)
        });
        let parts = command.split('"').zip([false, true].into_iter().cycle());
        let of_part = |(part, quoted): (&str, bool)| match quoted {
            true => vec![part.to_owned()],
            false => part.split_whitespace().map(str::to_owned).collect(),
        };
        parts.flat_map(of_part).collect()
    }

    #[test]
    fn every_help_has_examples_and_every_example_is_a_command_line() {
        let mut program = <Cli as CommandFactory>::command();
        program.build();
        let of_help = |command: &clap::Command| {
            let help = command.get_after_help().map(ToString::to_string);
            (command.get_name().to_owned(), help.unwrap_or_default())
        };
        let commands = program.get_subcommands();
        let commands = commands.filter(|command| command.get_name() != "help");
        let helps: Vec<_> = commands.chain([&program]).map(of_help).collect();
        for (name, help) in helps {
            let examples = help
                .lines()
                .filter(|line| line.starts_with("  memory-ingress"));
            let examples: Vec<_> = examples.collect();
            assert!(!examples.is_empty(), "{name}");
            for example in examples {
                let parsed = Cli::try_parse_from(words(example));
                assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
                if name != "memory-ingress" {
                    assert!(example.contains(&format!(" {name}")), "{name}: {example}");
                }
            }
        }
    }

    /// Neither a terminal nor a manual page wraps such a line.
    #[test]
    fn no_line_of_the_help_is_longer_than_100_characters_or_out_of_its_table() {
        let mut program = <Cli as CommandFactory>::command();
        program.build();
        for command in program.get_subcommands().chain([&program]) {
            let help = command.get_after_help().map(ToString::to_string);
            for line in help.unwrap_or_default().lines() {
                assert!(line.chars().count() <= 100, "{line}");
                let is_row = line.starts_with("[env: ") && line.contains("]  ");
                assert!(!is_row, "{line}");
            }
        }
    }

    #[test]
    fn the_settings_of_a_log_are_in_the_help_of_every_command_that_opens_one() {
        let mut program = <Cli as CommandFactory>::command();
        program.build();
        for command in program.get_subcommands_mut() {
            let opens_a_log = command
                .get_arguments()
                .any(|option| option.get_id() == "bucket");
            let help = command.render_long_help().to_string();
            for setting in [
                "MEMORY_BUCKET",
                "MEMORY_VIEWS_BUCKET",
                "AWS_REGION",
                "RUST_LOG",
            ] {
                let is_named = help.contains(&format!("[env: {setting}]"));
                assert_eq!(is_named, opens_a_log, "{}: {setting}", command.get_name());
            }
        }
    }
}
