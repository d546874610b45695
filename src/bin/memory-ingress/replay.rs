//! `replay`: the stored memories or their events in key order, each proved to be what its key names.

use std::io::{self, IsTerminal};
use std::pin::pin;
use std::process::ExitCode;

use futures_util::{StreamExt, TryStreamExt};
use memory_ingress::options::Replay;
use memory_ingress::progress;
use memory_ingress::replayed::{self, Line};
use memory_s3::reader::{ReadError, Selection};
use memory_web::config::Config;

use crate::reading::{Reading, failed, scope};
use crate::{CommandError, Output, print, report};

pub(crate) async fn run(options: Replay, config: &Config) -> Result<ExitCode, CommandError> {
    let Reading { reader, .. } = Reading::open(options.location, config).await?;
    let scope = scope(&options.names);
    let is_terminal = io::stdout().is_terminal();
    let (lines, things) = match options.events {
        true => {
            let events = replayed::events(&reader, &scope, options.names.entity, is_terminal);
            (events.left_stream(), "events proved")
        }
        false => {
            let selection = Selection {
                domain: options.names.domain,
                entity_id: options.names.entity,
                since: options.span.since,
                until: options.span.until,
            };
            let memories = replayed::memories(&reader, &scope, &selection, is_terminal);
            (memories.right_stream(), "memories proved")
        }
    };
    let progress = progress::counter(things);
    let mut all_proved = true;
    let mut lines = pin!(lines);
    let failed = |error: ReadError| failed(&error.into());
    while let Some(line) = lines.try_next().await.map_err(failed)? {
        progress.inc(1);
        let output = progress.suspend(|| match line {
            Line::Proved(line) => print(&line),
            Line::Bad(what) => {
                all_proved = false;
                report(&what);
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
