//! `search`: the memories that answer a query best, for a person or for a program.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use memory_ingress::hits::{View, summary};
use memory_ingress::options::Search;
use memory_recall::change::wall_clock;
use memory_recall::shown;
use memory_web::config::Config;
use tokio::time::Instant;

use crate::reading::{Reading, failed, report_remarks};
use crate::{CommandError, Output, print, report};

/// Longer than anybody waits: who has enough ends the program, and what was read is in the view.
const TIME_MAX: Duration = Duration::from_secs(60 * 60);

pub(crate) async fn run(options: Search, config: &Config) -> Result<ExitCode, CommandError> {
    let now = wall_clock();
    let (query, filters) = options.question(now).map_err(CommandError::Usage)?;
    let log = Reading::open(options.location, config).await?;
    let scopes = log.entities(&options.names).await?;
    let (limit, deadline) = (usize::from(options.limit), Instant::now() + TIME_MAX);
    let recall = log.recall();
    let found = recall.search(&scopes, &query, &filters, limit, deadline);
    let found = found.await;
    report_remarks(&recall);
    let found = found.map_err(|error| failed(&error))?;

    let is_terminal = io::stdout().is_terminal();
    let view = View {
        query: &query,
        now,
        colors: AutoStream::choice(&io::stdout()) != ColorChoice::Never,
    };
    for hit in &found.hits {
        let shown = match is_terminal {
            true => view.of(hit),
            false => shown::line(hit),
        };
        if print(format!("{shown}\n").as_bytes())? == Output::Closed {
            return Ok(ExitCode::SUCCESS);
        }
    }
    if is_terminal {
        report(&summary(&found));
    }
    Ok(ExitCode::SUCCESS)
}
