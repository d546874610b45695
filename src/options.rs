//! What the command line says: every subcommand, its options and its help (contract 7).
//!
//! The module reads options and does nothing else. A URL and a header field may carry a secret, so the
//! client reads them after the command line is parsed: an error of the parser would show them.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use memory_log::timestamp::Timestamp;
use memory_web::config::is_bucket_name;

mod mcp;
mod search;

pub use mcp::{Mcp, Remote};
pub use search::Search;

/// Where memories are stored on a laptop.
const DATA: &str = "./memory-data";

const EXAMPLES: &str = "\
Examples:
  memory-ingress                                  serve on 127.0.0.1:8080, memories in ./memory-data
  memory-ingress --listen 127.0.0.1:0             serve on a free port, and print its number
  memory-ingress serve --bucket my-memories       write to Amazon S3 with your own credentials
  memory-ingress mcp --data ~/memories            tools for an agent on this machine
  memory-ingress mcp --url https://…              the same for a deployed service
  memory-ingress search mornings                  find memories by words
  memory-ingress replay --domain work             print the memories of a domain, each proved
  memory-ingress openapi > openapi.json           the OpenAPI document
  memory-ingress openapi --view tool              a view of it, for a client generator

Settings: MEMORY_BUCKET, MEMORY_VIEWS_BUCKET, MEMORY_ALLOWED_ORIGINS, MEMORY_WRITE_SCOPES, MEMORY_API_KEY,
RUST_LOG, AWS_ENDPOINT_URL_S3, AWS_REGION and the AWS SDK's own.";

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
    /// Print the OpenAPI document, or a view of it
    Openapi(Openapi),
}

/// Where the log of memories is.
#[derive(Debug, Clone, clap::Args)]
pub struct Location {
    /// The folder of the memories [default: ./memory-data, unless `MEMORY_BUCKET` is set]
    #[arg(long, value_name = "DIR", conflicts_with = "bucket")]
    data: Option<PathBuf>,
    /// The bucket of the memories in Amazon S3
    #[arg(long, value_name = "NAME", value_parser = bucket_name)]
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

/// Which time is meant.
#[derive(Debug, Clone, clap::Args)]
pub struct Span {
    /// Only memories at this instant or later (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = timestamp)]
    pub since: Option<Timestamp>,
    /// Only memories before this instant (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = timestamp)]
    pub until: Option<Timestamp>,
}

fn timestamp(text: &str) -> Result<Timestamp, &'static str> {
    Timestamp::parse(text).map_err(|_| "send RFC 3339 with an offset, such as 2026-01-19T14:00:00Z")
}

/// `serve`
#[derive(Debug, Clone, clap::Args)]
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
}

/// `replay`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Each line is an object as it is stored. A bad or foreign object is reported on stderr instead, and the exit code is 1.

Examples:
  memory-ingress replay                                   all memories of ./memory-data
  memory-ingress replay --domain work --entity rob        an entity's memories, in the order of time
  memory-ingress replay --since 2026-01-01T00:00:00Z --until 2026-02-01T00:00:00Z
  memory-ingress replay --bucket my-memories | jq -r .content
  memory-ingress replay --events --domain work            who verified, locked or deleted what")]
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
}

/// `views`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
A view is a cache of an entity's memories in one object: in --data beside them, or in the bucket MEMORY_VIEWS_BUCKET.
Searches make it by themselves. Made before, it spares the first search of a large entity the wait.

Example:
  memory-ingress views --domain work --entity rob")]
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
}
