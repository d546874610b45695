//! The view of an entity: what it saves, and when a new one is put.
//!
//! A view costs time at most. One that cannot be had in a part of the time is done without, and a put
//! that fails is only logged.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use memory_log::object::Object;
use memory_log::scope::ReadScope;
use memory_s3::views::{Cached, Put};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use super::read::Read;
use super::{Recall, RecallError, failed};
use crate::kept::{Lines, Set, View};
use crate::line::{Line, Place};
use crate::view::{decode, encode};

/// Lines that are got one by one before a new view is put, or a tenth of the view where that is more. So
/// a process that begins gets few objects, and a line is written into views about ten times.
const TAIL_MIN: usize = 64;
const TAIL_SHARE: usize = 10;
/// The time for a put: an answer that took less should not take much longer for it.
const PUT_TIME: Duration = Duration::from_millis(500);
/// The share of the time of a longer answer: what takes long to read takes long to put.
const PUT_SHARE: u32 = 4;

/// How long an answer that took this time waits for the put of a view.
pub(super) fn put_time(taken: Duration) -> Duration {
    PUT_TIME.max(taken / PUT_SHARE)
}

/// The answer to the question for a view: nothing if it did not come.
pub(super) type Answer = Option<Option<Cached>>;

impl Recall {
    /// Asks for the view of an entity.
    pub(super) async fn ask_view(&self, scope: &ReadScope, until: Instant) -> Answer {
        let views = self.views.as_ref()?;
        match timeout_at(until, views.get(scope)).await {
            Ok(Ok(view)) => Some(view),
            Ok(Err(error)) => {
                views.tally().remark(format!("no view: {error}"));
                None
            }
            Err(_) => {
                views.tally().remark("no view in time");
                None
            }
        }
    }

    /// Adds the lines of a view that are listed. Each is proved.
    pub(super) async fn with_view(
        &self,
        scope: &ReadScope,
        places: Vec<Place>,
        lines: Lines,
        view: Option<Cached>,
    ) -> Result<(Vec<Place>, Lines, View), RecallError> {
        let Some(Cached { bytes, etag }) = view else {
            let none = View {
                etag: None,
                lines: 0,
            };
            return Ok((places, lines, none));
        };
        let scope = scope.clone();
        let work = spawn_blocking(move || {
            let known = lines.matched(&places);
            let listed_bytes = places
                .iter()
                .fold(0_u64, |sum, place| sum.saturating_add(place.bytes));
            let listed = Cell::new(0);
            let is_wanted = |key: &str| {
                let number = places.binary_search_by(|place| place.key.as_str().cmp(key));
                let line = number.ok().and_then(|number| known.line_of.get(number));
                listed.set(listed.get() + usize::from(line.is_some()));
                matches!(line, Some(None))
            };
            let added = decode(&scope, &bytes, listed_bytes, is_wanted);
            let added = added.map(|stored| Arc::new(Line::of(stored))).collect();
            let view = View {
                etag: Some(etag),
                lines: listed.get(),
            };
            let lines = lines.with(Set::of(added));
            (places, lines, view)
        });
        work.await.map_err(|error| failed(&error))
    }

    /// Puts a new view of all lines that were read, if the old one lacks many of them.
    pub(super) async fn put_view(&self, read: &Read, until: Instant) {
        let Some(view) = &read.view else { return };
        let tail = read.live_lines().count().saturating_sub(view.lines);
        if tail <= TAIL_MIN.max(view.lines / TAIL_SHARE) {
            return;
        }
        if let Err(error) = self.replace_view(read, until).await {
            let remark = format!("the view was not put: {error}");
            self.log.tally().remark(remark);
        }
    }

    /// Puts a view of all lines that were read.
    pub(super) async fn replace_view(&self, read: &Read, until: Instant) -> Result<Put, String> {
        let (Some(views), Some(view)) = (&self.views, &read.view) else {
            return Err("the view before it is not known".to_owned());
        };
        let lines: Vec<_> = read.live_lines().collect();
        let count = lines.len();
        let encoded = {
            let scope = read.scope.clone();
            spawn_blocking(move || {
                let bodies = lines.iter().map(|line| Object::of(&line.memory).body);
                encode(&scope, bodies)
            })
        };
        let put = async {
            let encoded = encoded.await.map_err(|error| error.to_string())?;
            let encoded = encoded.map_err(|error| error.to_string())?;
            let put = views.put(&read.scope, encoded.into(), view.etag.as_ref());
            put.await.map_err(|error| error.to_string())
        };
        let put = timeout_at(until, put).await;
        let put = put.unwrap_or_else(|_| Err("no time was left".to_owned()));
        let known = match &put {
            Ok(Put::Replaced(etag)) => Some(View {
                etag: Some(etag.clone()),
                lines: count,
            }),
            // Another process put one, which is to be asked for.
            Ok(Put::Lost) => None,
            // Not again before much more is missing: the next search should not pay for it as well.
            Err(_) => Some(View {
                etag: view.etag.clone(),
                lines: count,
            }),
        };
        self.kept.set_view(&read.scope, known);
        put
    }
}
