//! What a request's calls to S3 come to, and how that gets into its record.
//!
//! The record is filled when the request is done with, however it ends, so a caller that hangs up is
//! counted as well. The module must not know what is asked.

use memory_log::steward::Caller;
use memory_s3::tally::Tally;
use memory_web::record::{Outcome, Record, Storage};
use tokio::time::Instant;

/// Who asks, until when, and what counts the calls to S3 that it takes.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The caller.
    pub caller: Caller<'a>,
    /// The time by which there must be a response.
    pub deadline: Instant,
    /// What counts the calls.
    pub tally: &'a Tally,
}

/// Counts the calls of a request, and fills its record when it is dropped.
#[derive(Debug)]
pub struct Counted {
    record: Record,
    tally: Tally,
}

impl Counted {
    /// Counts for this record.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        Self {
            record: record.clone(),
            tally: Tally::of(record.span()),
        }
    }

    /// Somebody who asks, whose calls are counted.
    #[must_use]
    pub fn asker<'a>(&'a self, caller: Caller<'a>, deadline: Instant) -> Asker<'a> {
        Asker {
            caller,
            deadline,
            tally: &self.tally,
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let counts = self.tally.counts();
        self.record.fill(|members| {
            if counts.puts > 0 {
                // Unless what follows knows it.
                members.outcome.get_or_insert(Outcome::Unknown);
            }
            members.storage = Storage {
                time: counts.time,
                connecting: counts.connecting,
                request_id: counts.request_id,
                lists: counts.lists,
                keys: counts.keys,
                gets: counts.gets,
                puts: counts.puts,
                view_hits: counts.view_hits,
                view_misses: counts.view_misses,
                views_built: counts.views_built,
                remarks: counts.remarks,
            };
        });
    }
}
