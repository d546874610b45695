//! `replay`: the stored memories or their events in key order, each proved to be what its key names.

use std::io::{self, IsTerminal};
use std::pin::pin;
use std::process::ExitCode;

use futures_util::{StreamExt, TryStreamExt};
use memory_ingress::options::Replay;
use memory_ingress::progress;
use memory_ingress::replayed::{self, Line, Tally, Things};
use memory_recall::change::wall_clock;
use memory_s3::reader::{ReadError, Selection};
use memory_web::config::Config;

use crate::reading::{Reading, failed, scope};
use crate::{CommandError, Output, print, report};

pub(crate) async fn run(options: Replay, config: &Config) -> Result<ExitCode, CommandError> {
    let now = wall_clock();
    let span = options.span.at(now);
    let (since, until) = span.map_err(|why| CommandError::Usage(why.to_owned()))?;
    let Reading { reader, .. } = Reading::open(options.location, config).await?;
    let scope = scope(&options.names);
    let is_terminal = io::stdout().is_terminal();
    let (lines, things) = match options.events {
        true => {
            let events = replayed::events(&reader, &scope, options.names.entity, is_terminal);
            (events.left_stream(), Things::Events)
        }
        false => {
            let selection = Selection {
                domain: options.names.domain,
                entity_id: options.names.entity,
                since,
                until,
            };
            let memories = replayed::memories(&reader, &scope, &selection, is_terminal);
            (memories.right_stream(), Things::Memories)
        }
    };
    let limit = options.limit.unwrap_or(u64::MAX);
    let progress = progress::counter(things.names().1);
    let mut tally = Tally::default();
    let mut lines = pin!(lines);
    let failed = |error: ReadError| failed(&error.into());
    while tally.proved < limit
        && let Some(line) = lines.try_next().await.map_err(failed)?
    {
        match line {
            Line::Proved(line) => {
                if print(&line)? == Output::Closed {
                    return Ok(ended(tally));
                }
                tally.proved += 1;
                progress.inc(1);
            }
            Line::Bad(what) => {
                tally.bad += 1;
                report(&progress::instead(&progress, &what));
            }
        }
    }
    progress.finish_and_clear();
    if io::stderr().is_terminal() {
        let stopped = match tally.proved == limit {
            true => "; stopped by --limit",
            false => "",
        };
        report(&format!("{}{stopped}", tally.of(things)));
    }
    Ok(ended(tally))
}

fn ended(tally: Tally) -> ExitCode {
    match tally.bad {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
