//! `replay`: the stored memories in key order, each proved to be the one that its key names.

use std::io::{self, IsTerminal};
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use futures_util::TryStreamExt;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use memory_ingress::terminal::{json_for_terminal, on_one_line};
use memory_log::scope::operator;
use memory_log::timestamp::Timestamp;
use memory_s3::aws;
use memory_s3::embedded::{self, Disk};
use memory_s3::reader::{Entry, Reader, Selection};
use memory_web::config::Config;

use crate::{CommandError, Location, Output, Place, print, report};

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Each line is an object as it is stored. A bad or foreign object is reported on stderr instead, and the exit code is 1.

Examples:
  memory-ingress replay                                   all memories of ./memory-data
  memory-ingress replay --domain work --entity rob        an entity's memories, in the order of time
  memory-ingress replay --since 2026-01-01T00:00:00Z --until 2026-02-01T00:00:00Z
  memory-ingress replay --bucket my-memories | jq -r .content")]
pub(crate) struct Options {
    #[command(flatten)]
    location: Location,
    /// Only memories of this domain
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,
    /// Only memories of this entity, in every domain unless --domain is given
    #[arg(long, value_name = "NAME")]
    entity: Option<String>,
    /// Only memories at this instant or later (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = timestamp)]
    since: Option<Timestamp>,
    /// Only memories before this instant (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = timestamp)]
    until: Option<Timestamp>,
}

fn timestamp(text: &str) -> Result<Timestamp, &'static str> {
    Timestamp::parse(text).map_err(|_| "send RFC 3339 with an offset, such as 2026-01-19T14:00:00Z")
}

pub(crate) async fn run(options: Options, config: &Config) -> Result<ExitCode, CommandError> {
    let reader = open(options.location, config).await?;
    let selection = Selection {
        domain: options.domain,
        entity_id: options.entity,
        since: options.since,
        until: options.until,
    };
    let scope = match (&selection.domain, &selection.entity_id) {
        (None, _) => operator().everything(),
        (Some(domain), None) => operator().domain(domain),
        (Some(domain), Some(entity_id)) => operator().entity(domain, entity_id),
    };
    let progress = progress();
    let is_terminal = io::stdout().is_terminal();
    let mut all_proved = true;
    let mut entries = pin!(reader.entries(&scope, &selection));
    loop {
        let entry = match entries.try_next().await {
            Ok(Some(entry)) => entry,
            Ok(None) => break,
            Err(error) => return Err(CommandError::Failed(on_one_line(&error.to_string()))),
        };
        progress.inc(1);
        let output = progress.suspend(|| match entry {
            Entry::Memory(object) => {
                let mut line = match is_terminal {
                    true => json_for_terminal(&object.body),
                    false => object.body.into(),
                };
                line.push(b'\n');
                print(&line)
            }
            Entry::Bad { key, why } => {
                all_proved = false;
                report(&on_one_line(&format!("bad: {key}: {why}")));
                Ok(Output::Open)
            }
        });
        if output? == Output::Closed {
            break;
        }
    }
    progress.finish_and_clear();
    Ok(match all_proved {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

async fn open(location: Location, config: &Config) -> Result<Reader, CommandError> {
    match location.place(config) {
        Place::Folder(folder) => {
            let client = embedded::client(Disk::open(&folder)?);
            Ok(Reader::new(client, embedded::BUCKET))
        }
        Place::Bucket(bucket) => {
            let sdk = aws::sdk_config().await;
            let client = aws::s3_client(&sdk, config.s3_endpoint.as_deref())?;
            Ok(Reader::new(client, bucket).with_retries())
        }
    }
}

/// A counter on stderr, if stderr is a terminal.
fn progress() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let progress = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {human_pos} memories proved, {per_sec}, {elapsed}")
    {
        progress.set_style(style);
    }
    progress.enable_steady_tick(Duration::from_millis(200));
    progress
}
