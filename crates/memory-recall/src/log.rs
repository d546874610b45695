//! What S3 has of a scope at one moment: which memories are listed, and which status each has.
//!
//! | question | requests to S3 |
//! |---|---|
//! | the memories of a scope | one LIST for each 1,000 keys; side by side between known keys |
//! | the changes of a scope | one LIST for each 1,000 events |
//! | the changes of one memory | one LIST |
//! | the status of a changed memory | one GET, of its highest event, unless this process has read it |
//! | a memory | one GET |
//!
//! What is gone between its listing and its GET costs one LIST more, and was erased. The module must not
//! know who asks, or what is shown.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::stream::{Stream, TryStreamExt};
use memory_log::event::{EVENT_BYTES_MAX, Event, EventError, EventKey};
use memory_log::object::ObjectError;
use memory_log::scope::ReadScope;
use memory_s3::reader::{BYTES_AT_ONCE, Got, Listed, Range, ReadError, Reader};
use memory_s3::tally::Tally;
use uuid::Uuid;

use crate::line::{Line, Place};

mod cuts;

/// Events that are kept after they were read: 64 MiB of the longest, and a few of those that exist.
const EVENTS_KEPT_MAX: usize = 3_000;

/// Reads the log of one bucket.
#[derive(Debug, Clone)]
pub struct Log {
    reader: Reader,
    /// Events by their keys. Each is used only where its key is listed with the same bytes.
    read: Arc<Mutex<HashMap<String, ReadEvent>>>,
}

/// An event, and S3's name for its bytes. An event says nothing that its key proves, so where the key has
/// other bytes, it is another event. A memory needs no such name, because its key is derived from it.
#[derive(Debug)]
struct ReadEvent {
    etag: String,
    event: Arc<Event>,
}

/// Why the log does not say what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogError {
    /// S3 did not give something.
    Read(ReadError),
    /// An object under a key of the log is not what its key names.
    Damaged {
        /// The key.
        key: String,
        /// Why it is not.
        what: String,
    },
    /// An object has a later schema version: a later program can read it.
    Newer {
        /// The key.
        key: String,
        /// Which version.
        what: String,
    },
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Damaged { key, what } | Self::Newer { key, what } => write!(f, "{key}: {what}"),
        }
    }
}

impl Error for LogError {}

impl From<ReadError> for LogError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl LogError {
    fn of_object(key: &str, error: &ObjectError) -> Self {
        let (key, what) = (key.to_owned(), error.to_string());
        match error {
            ObjectError::NewerSchema(_) => Self::Newer { key, what },
            ObjectError::NotJson(_)
            | ObjectError::OtherSchema(_)
            | ObjectError::NotAMemory
            | ObjectError::OtherId { .. }
            | ObjectError::OtherSpelling
            | ObjectError::OtherKey { .. } => Self::Damaged { key, what },
        }
    }

    fn of_event(key: &str, error: &EventError) -> Self {
        let (key, what) = (key.to_owned(), error.to_string());
        match error {
            EventError::LaterSchema(_) => Self::Newer { key, what },
            EventError::NotJson(_)
            | EventError::NotAnEvent
            | EventError::OtherKey { .. }
            | EventError::OtherSpelling => Self::Damaged { key, what },
        }
    }

    fn too_large(key: &str) -> Self {
        Self::Damaged {
            key: key.to_owned(),
            what: "it is larger than what its key names can be".to_owned(),
        }
    }
}

/// The memories of a scope, in the order of their keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memories {
    /// Where each lies.
    pub places: Vec<Place>,
    /// How many keys under the prefix are no keys of the log.
    pub aliens: usize,
}

/// The events of memories, by their keys alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The events of each memory, the highest last.
    of: HashMap<Uuid, Vec<Seen>>,
    /// How many keys under the prefix are no keys of the log.
    pub aliens: usize,
    /// Whether there are more events than these.
    is_partial: bool,
}

/// An event that was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    key: EventKey,
    bytes: u64,
    etag: Option<String>,
}

impl Changes {
    fn of(listed: Vec<Listed>, tally: &Tally) -> Self {
        let mut changes = Self::default();
        for listed in listed {
            match EventKey::parse(&listed.key) {
                // Keys come in their order, and so do the events of a memory.
                Some(key) => {
                    let of_memory = changes.of.entry(key.memory_id).or_default();
                    let Listed { bytes, etag, .. } = listed;
                    of_memory.push(Seen { key, bytes, etag });
                }
                None => alien(&listed.key, &mut changes.aliens, tally),
            }
        }
        changes
    }

    /// How many events a memory has.
    #[must_use]
    pub fn count(&self, memory_id: Uuid) -> usize {
        self.of.get(&memory_id).map_or(0, Vec::len)
    }

    /// Whether a memory is known to have no events, so that it is unverified.
    #[must_use]
    pub fn has_none(&self, memory_id: Uuid) -> bool {
        !self.is_partial && self.count(memory_id) == 0
    }

    fn highest(&self, memory_id: Uuid) -> Option<&Seen> {
        self.of.get(&memory_id)?.last()
    }
}

/// Counts a key that is not a key of the log.
fn alien(key: &str, aliens: &mut usize, tally: &Tally) {
    // One remark for a listing, however many there are.
    if *aliens == 0 {
        tally.remark(format!(
            "not a key of the log, and perhaps not the only one: {key}"
        ));
    }
    *aliens += 1;
}

impl Log {
    /// The same log, read with calls that this tally counts.
    #[must_use]
    pub fn counted(&self, tally: &Tally) -> Self {
        Self {
            reader: self.reader.counted(tally),
            read: Arc::clone(&self.read),
        }
    }

    /// What counts the calls.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        self.reader.tally()
    }

    /// The log that this reader reads.
    #[must_use]
    pub fn new(reader: Reader) -> Self {
        Self {
            reader,
            read: Arc::default(),
        }
    }

    /// All memories of a range of this scope; `None` if there are more than `most`. Its parts between
    /// the cuts are listed side by side, and a long part is cut by time.
    ///
    /// # Errors
    /// [`ReadError`] if the listing is not complete.
    pub async fn memories(
        &self,
        scope: &ReadScope,
        range: &Range,
        cuts: &[String],
        most: usize,
    ) -> Result<Option<Memories>, ReadError> {
        let by_time = |listed: &[Listed]| cuts::by_time(scope, listed);
        let listed = self.reader.list(scope, range, cuts, by_time, most).await?;
        let tally = self.tally();
        Ok(listed.map(|listed| Memories::of(listed, tally)))
    }

    /// The first memories of a range of this scope, at most 1,000, and the rest of the range.
    ///
    /// # Errors
    /// [`ReadError`] if they are not listed.
    pub async fn first_memories(
        &self,
        scope: &ReadScope,
        range: &Range,
    ) -> Result<(Memories, Option<Range>), ReadError> {
        let page = self.reader.first_page(scope, range).await?;
        let rest = page.rest_of(range);
        Ok((Memories::of(page.listed, self.tally()), rest))
    }

    /// All changes of the memories of this scope.
    ///
    /// # Errors
    /// [`ReadError`] if the listing is not complete.
    pub async fn changes(&self, scope: &ReadScope) -> Result<Changes, ReadError> {
        let range = Range::under(scope.events());
        let by_id = |listed: &[Listed]| cuts::by_id(scope, listed);
        let listed = self.reader.list(scope, &range, &[], by_id, usize::MAX);
        let listed = listed.await?.unwrap_or_default();
        Ok(Changes::of(listed, self.tally()))
    }

    /// All changes of the memories of this scope if one request lists them. Else those of each memory
    /// are listed where its status is asked for.
    ///
    /// # Errors
    /// [`ReadError`] if they are not listed.
    pub async fn changes_if_few(&self, scope: &ReadScope) -> Result<Changes, ReadError> {
        let range = Range::under(scope.events());
        let page = self.reader.first_page(scope, &range).await?;
        let is_partial = page.rest_of(&range).is_some();
        let mut changes = Changes::of(page.listed, self.tally());
        if is_partial {
            changes.of.clear();
        }
        Ok(Changes {
            is_partial,
            ..changes
        })
    }

    /// The changes of one memory of an entity.
    ///
    /// # Errors
    /// [`ReadError`] if they are not listed.
    pub async fn changes_of(
        &self,
        entity: &ReadScope,
        memory_id: Uuid,
    ) -> Result<Changes, ReadError> {
        let range = Range::under(format!("{}{memory_id}/", entity.events()));
        // At most 201 events are one page, and others are foreign.
        let no_cuts = |_: &[Listed]| Vec::new();
        let listed = self.reader.list(entity, &range, &[], no_cuts, usize::MAX);
        let listed = listed.await?.unwrap_or_default();
        Ok(Changes::of(listed, self.tally()))
    }

    /// The highest event of a memory; `None` if it has none.
    ///
    /// # Errors
    /// [`LogError`] if the event is not given, or is not the one that its key names.
    pub async fn highest(
        &self,
        entity: &ReadScope,
        changes: &Changes,
        memory_id: Uuid,
    ) -> Result<Option<Arc<Event>>, LogError> {
        let of_memory;
        let changes = match changes.is_partial {
            true => {
                of_memory = self.changes_of(entity, memory_id).await?;
                &of_memory
            }
            false => changes,
        };
        let Some(seen) = changes.highest(memory_id) else {
            return Ok(None);
        };
        if let Some(event) = self.event(entity, seen).await? {
            return Ok(Some(event));
        }
        // It was erased after the listing, and others may be left.
        let changes = self.changes_of(entity, memory_id).await?;
        let Some(seen) = changes.highest(memory_id) else {
            return Ok(None);
        };
        let event = self.event(entity, seen).await?;
        let missing = || ReadError::Unavailable(format!("{} is listed and gone", seen.key).into());
        Ok(Some(event.ok_or_else(missing)?))
    }

    /// The newest events of a memory, at most `most`, the newest first. One that is not the event of its
    /// key is left out: only the highest one has a meaning.
    ///
    /// # Errors
    /// [`ReadError`] if one of them is not given.
    pub async fn newest(
        &self,
        entity: &ReadScope,
        changes: &Changes,
        memory_id: Uuid,
        most: usize,
    ) -> Result<Vec<Arc<Event>>, ReadError> {
        let seen = changes.of.get(&memory_id).into_iter().flatten().rev();
        let events = seen.take(most).map(|seen| async move {
            match self.event(entity, seen).await {
                Ok(event) => Ok(event),
                Err(LogError::Read(error)) => Err(error),
                Err(error @ (LogError::Damaged { .. } | LogError::Newer { .. })) => {
                    self.tally().remark(format!("not an event: {error}"));
                    Ok(None)
                }
            }
        });
        let events = futures_util::future::try_join_all(events).await?;
        Ok(events.into_iter().flatten().collect())
    }

    /// Gets an event and proves it; `None` if it was erased.
    async fn event(&self, scope: &ReadScope, seen: &Seen) -> Result<Option<Arc<Event>>, LogError> {
        let key = seen.key.to_string();
        let is_same = |read: &&ReadEvent| seen.etag.as_ref() == Some(&read.etag);
        if let Some(read) = self.kept().get(&key).filter(is_same) {
            return Ok(Some(Arc::clone(&read.event)));
        }
        if seen.bytes > EVENT_BYTES_MAX as u64 {
            return Err(LogError::too_large(&key));
        }
        let Got::Whole(body) = self.reader.get_listed(scope, &key).await? else {
            return Ok(None);
        };
        let event = Event::read(seen.key.clone(), &body)
            .map_err(|error| LogError::of_event(&key, &error))?;
        let event = Arc::new(event);
        if let Some(etag) = seen.etag.clone() {
            let mut kept = self.kept();
            if kept.len() >= EVENTS_KEPT_MAX {
                kept.clear();
            }
            let event = Arc::clone(&event);
            kept.insert(key, ReadEvent { etag, event });
        }
        Ok(Some(event))
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<String, ReadEvent>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gets a memory and proves it; `None` if it was erased.
    ///
    /// # Errors
    /// [`LogError`] if the object is not given, or is not the memory that its key names.
    pub async fn line(&self, scope: &ReadScope, place: &Place) -> Result<Option<Line>, LogError> {
        fetchable(place)?;
        match self.reader.get_listed(scope, &place.key).await? {
            Got::Gone => Ok(None),
            Got::Whole(body) => match Line::read(&place.key, &body) {
                Ok(line) => Ok(Some(line)),
                Err(error) => Err(LogError::of_object(&place.key, &error)),
            },
        }
    }

    /// Gets many memories and proves them, in any order. What was erased is left out.
    ///
    /// # Errors
    /// [`LogError`] if one of the objects is not given, or is not the memory that its key names.
    pub fn lines(
        &self,
        scope: &ReadScope,
        places: &[&Place],
    ) -> Result<impl Stream<Item = Result<Line, LogError>> + use<>, LogError> {
        places.iter().try_for_each(|place| fetchable(place))?;
        let listed = places.iter().map(|place| place.listed()).collect();
        let read = |key: &str, body: bytes::Bytes| Line::read(key, &body);
        let fetched = self.reader.fetch(scope, listed, read);
        Ok(fetched
            .map_err(LogError::from)
            .try_filter_map(|(listed, got)| async move {
                match got {
                    Got::Gone => Ok(None),
                    Got::Whole(Ok(line)) => Ok(Some(line)),
                    Got::Whole(Err(error)) => Err(LogError::of_object(&listed.key, &error)),
                }
            }))
    }
}

/// Refuses an object that is larger than every memory, before it is fetched.
fn fetchable(place: &Place) -> Result<(), LogError> {
    match place.bytes < BYTES_AT_ONCE.into() {
        true => Ok(()),
        false => Err(LogError::too_large(&place.key)),
    }
}

impl Memories {
    fn of(listed: Vec<Listed>, tally: &Tally) -> Self {
        let mut memories = Self::default();
        for listed in listed {
            let key = listed.key.clone();
            match Place::of(listed) {
                Some(place) => memories.places.push(place),
                None => alien(&key, &mut memories.aliens, tally),
            }
        }
        memories
    }
}
