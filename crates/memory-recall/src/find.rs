//! The use cases of reading: search, list, and get by id. Each answer is complete, or an error (contract 8.1).
//!
//! | use case | rounds of requests, each side by side | requests for n memories in the scopes |
//! |---|---|---|
//! | search | 2: list, and get the view; get the rest. 3 for a changed memory that is in no view | 1 LIST for each 1,000 memories and each 1,000 events, 1 GET for each memory and each highest event that this process has not read and no view has |
//! | list, newest first | 2: list; get the page. 3 where a memory of the page was changed | the same LISTs; GETs for the page alone |
//! | list, oldest first | the same | 1 LIST of memories, 1 of events; GETs for the page alone |
//! | get | 2: list; get | 1 LIST of the changes; 1 of the key if it is known, else those of the scope; 1 GET, and 1 of the highest event |
//!
//! A process asks once for the view of an entity, and puts a new one where more than 64 lines, and more
//! than a tenth of it, are missing: one PUT, after the answer is known. A listing of more than 2,000 keys
//! is cut: by every 900th key that this process knows, and else by time. So 100,000 memories, evenly
//! in time, are 4 rounds of 156 LISTs. A filter by tags or types needs the
//! memories that it looks at, so a list then takes more rounds, each of twice as many. The module must
//! not know HTTP, or who asks.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use memory_log::event::{Event, Status};
use memory_log::memory::hyphenated;
use memory_log::scope::ReadScope;
use memory_log::timestamp::Timestamp;
use memory_s3::reader::{ReadError, Reader};
use memory_s3::tally::Tally;
use memory_s3::views::Views;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::kept::Kept;
use crate::line::Line;
use crate::log::{Log, LogError};

mod base;
mod build;
mod cursor;
mod get;
mod list;
mod places;
mod read;
mod search;

pub use cursor::Cursor;
pub use get::Located;
pub use list::{Order, Page};
pub use search::Found;

/// Most memories of all scopes together that are searched, or listed newest first.
pub const MEMORIES_MAX: usize = 100_000;
/// Most bytes of their objects.
pub const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Reads one log, and keeps what it has read.
#[derive(Debug, Clone)]
pub struct Recall {
    log: Log,
    views: Option<Views>,
    kept: Arc<Kept>,
}

/// Which memories are wanted. What is deleted never is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    /// Tags that a memory must all have.
    pub tags: Vec<String>,
    /// Types of which it must have one; any type if there are none.
    pub memory_types: Vec<String>,
    /// Statuses of which it must have one; any if there are none.
    pub statuses: Vec<Status>,
    /// Only memories at this instant or later.
    pub since: Option<Timestamp>,
    /// Only memories before this instant.
    pub until: Option<Timestamp>,
}

impl Filters {
    fn want_status(&self, status: Status) -> bool {
        let is_wanted = self.statuses.is_empty() || self.statuses.contains(&status);
        status != Status::Deleted && is_wanted
    }

    fn want(&self, line: &Line) -> bool {
        let types = &self.memory_types;
        let is_of_type = |of: &String| types.contains(of);
        self.tags.iter().all(|tag| line.tags.contains(tag))
            && (types.is_empty() || line.memory_type.as_ref().is_some_and(is_of_type))
    }

    /// Whether a memory must be read to be judged.
    fn need_lines(&self) -> bool {
        !self.tags.is_empty() || !self.memory_types.is_empty()
    }

    fn span(&self, timestamp: Timestamp) -> bool {
        self.since.is_none_or(|since| timestamp >= since)
            && self.until.is_none_or(|until| timestamp < until)
    }
}

/// A memory that is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Recalled {
    /// The memory, with its place.
    pub line: Arc<Line>,
    /// Its status.
    pub status: Status,
    /// The number of its highest event; 0 without events.
    pub seq: u8,
    /// How well it answers the query of a search.
    pub score: Option<f64>,
}

impl Recalled {
    /// A memory without events.
    #[must_use]
    pub fn unverified(line: Arc<Line>) -> Self {
        Self::new(line, None)
    }

    /// A memory with this status, after this many events.
    #[must_use]
    pub fn with_status(line: Arc<Line>, status: Status, seq: u8) -> Self {
        Self {
            status,
            seq,
            ..Self::unverified(line)
        }
    }

    fn new(line: Arc<Line>, event: Option<&Event>) -> Self {
        Self {
            line,
            status: status_of(event),
            seq: event.map_or(0, |event| event.seq().get()),
            score: None,
        }
    }
}

/// The status that a memory has by its highest event.
pub(crate) fn status_of(event: Option<&Event>) -> Status {
    event.map_or(Status::Unverified, |event| event.change().status)
}

/// The number of the highest event; 0 for a memory without events.
pub(crate) fn seq_of(event: Option<&Event>) -> u8 {
    event.map_or(0, |event| event.seq().get())
}

/// What became of a memory: its events by number, and the newest of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// How many events it has.
    pub events: usize,
    /// Its newest events, the newest first, as many as were asked for.
    pub newest: Vec<Arc<Event>>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq)]
pub enum RecallError {
    /// No memory with this id is in the scopes.
    NotFound,
    /// The memory with this id is deleted, by this event.
    Deleted {
        /// Its highest event.
        event: Arc<Event>,
        /// Its events.
        history: History,
    },
    /// There are more than [`MEMORIES_MAX`] memories or [`BYTES_MAX`] bytes, or a search would need more than
    /// [`crate::rank::WORDS_BYTES_MAX`] for their words.
    TooLarge,
    /// The cursor is that of another query.
    OtherQuery,
    /// The time did not suffice to read all memories. What was read is kept, so a repeat gets further.
    Building {
        /// The part that was read, from 0 to 1.
        progress: f64,
    },
    /// The deadline passed.
    Late,
    /// The log does not say.
    Log(LogError),
}

impl fmt::Display for RecallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("no such memory"),
            Self::Deleted { .. } => f.write_str("the memory is deleted"),
            Self::TooLarge => f.write_str("the scopes have too much to be read"),
            Self::OtherQuery => f.write_str("the cursor is that of another query"),
            Self::Building { progress } => write!(f, "{:.0} % are read", progress * 100.0),
            Self::Late => f.write_str("the deadline passed"),
            Self::Log(error) => error.fmt(f),
        }
    }
}

impl Error for RecallError {}

impl From<LogError> for RecallError {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

impl From<ReadError> for RecallError {
    fn from(error: ReadError) -> Self {
        Self::Log(error.into())
    }
}

impl Recall {
    /// The memories that this reader reads.
    #[must_use]
    pub fn new(reader: Reader) -> Self {
        Self {
            log: Log::new(reader),
            views: None,
            kept: Arc::default(),
        }
    }

    /// The same memories, with views, if there are any. They save most of the work of a process that begins.
    #[must_use]
    pub fn with_views(self, views: impl Into<Option<Views>>) -> Self {
        Self {
            views: views.into(),
            ..self
        }
    }

    /// The same memories, read with calls that this tally counts.
    #[must_use]
    pub fn counted(&self, tally: &Tally) -> Self {
        Self {
            log: self.log.counted(tally),
            views: self.views.as_ref().map(|views| views.counted(tally)),
            kept: Arc::clone(&self.kept),
        }
    }

    /// The log that is read.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }
}

/// The result of some work, if it comes before the deadline.
pub(crate) async fn by<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, RecallError>>,
) -> Result<T, RecallError> {
    // `timeout_at` would begin the work before it looks at the time.
    if deadline <= Instant::now() {
        return Err(RecallError::Late);
    }
    timeout_at(deadline, work)
        .await
        .unwrap_or(Err(RecallError::Late))
}

/// The scopes, each once. Only entities are searched and listed: the keys of a wider scope are not in the
/// order of time.
fn entities(scopes: &[ReadScope]) -> Result<Vec<&ReadScope>, RecallError> {
    let scopes: BTreeSet<_> = scopes.iter().collect();
    match scopes.iter().all(|scope| scope.entity_id().is_some()) {
        true => Ok(scopes.into_iter().collect()),
        false => Err(ReadError::Refused("a scope is wider than an entity".into()).into()),
    }
}

/// The error of work on another thread that panicked.
fn failed(error: &tokio::task::JoinError) -> RecallError {
    ReadError::Unavailable(format!("the work on what was read failed: {error}").into()).into()
}

/// An id as it stands in the path of a request; `None` if it has another spelling than ours.
#[must_use]
pub fn memory_id(text: &str) -> Option<Uuid> {
    hyphenated(text).filter(|id| id.to_string() == text)
}
