//! The options of `search`.

use memory_log::event::Status;
use memory_log::timestamp::Timestamp;
use memory_recall::find::Filters;
use memory_recall::words::Query;

use super::{Location, Names, Span, settings_of_a_log};

/// `search`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = concat!("\
One of the words is enough, and more of them are better. Without --domain and --entity every entity
is searched. Where stdout is not a terminal, each hit is one line of JSON.

Examples:
  memory-ingress search mornings
  memory-ingress search --domain work --entity rob \"when does rob work\"
  memory-ingress search --status verified,locked --since 7d rounding
  memory-ingress search --bucket my-memories --domain work --entity rob mornings | jq -r .content

Settings:
", settings_of_a_log!()))]
pub struct Search {
    /// Where the log is.
    #[command(flatten)]
    pub location: Location,
    /// Which entities.
    #[command(flatten)]
    pub names: Names,
    #[command(flatten)]
    span: Span,
    /// Only memories with this tag; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Only memories of this type; may be repeated
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only memories of these statuses: unverified, verified, locked
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = status)]
    status: Vec<Status>,
    /// Hits at most
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=50))]
    pub limit: u8,
    /// The words that a memory may have
    #[arg(required = true, value_name = "QUERY")]
    query: Vec<String>,
}

impl Search {
    /// Which memories are wanted, and the words that they may have.
    ///
    /// # Errors
    /// What is wrong with them, in a sentence.
    pub fn question(&self, now: Timestamp) -> Result<(Query, Filters), String> {
        let query = Query::parse(&self.query.join(" ")).map_err(|error| format!("{error}."))?;
        let (since, until) = self.span.at(now)?;
        let filters = Filters {
            tags: self.tags.clone(),
            memory_types: self.types.clone(),
            statuses: self.status.clone(),
            since,
            until,
        };
        Ok((query, filters))
    }
}

fn status(text: &str) -> Result<Status, &'static str> {
    let status = Status::parse(text).filter(|status| *status != Status::Deleted);
    status.ok_or("it is one of unverified, verified and locked")
}
