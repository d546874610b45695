//! Every event of a scope in the order of keys, proved, with what is wrong among them.
//!
//! For an operator who checks the log: reading needs the highest event of a memory alone, so a gap or a
//! foreign object changes nothing there, and somebody should know of it. The module must not know how
//! events are shown.

use std::collections::HashMap;
use std::fmt;

use futures_util::stream::TryStreamExt;
use memory_log::event::{EVENT_BYTES_MAX, Event, EventError, EventKey, Status};
use memory_log::scope::ReadScope;
use memory_s3::reader::{Got, Listed, Range, ReadError, Reader};

/// Reads the events of a scope, page by page.
#[derive(Debug)]
pub struct Events {
    reader: Reader,
    scope: ReadScope,
    /// What is not read yet.
    rest: Option<Range>,
    /// The last event key that was read.
    last: Option<EventKey>,
}

/// What lies under the prefix of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// An event, proved to be that of its key.
    Event(Event),
    /// Something that an operator should see.
    Bad {
        /// The key.
        key: String,
        /// What is wrong with it.
        why: BadEntry,
    },
}

/// What is wrong among events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadEntry {
    /// No event can have this key.
    Foreign,
    /// The object is larger than any event.
    TooLarge,
    /// The bytes are not the event that the key names.
    NotProved(EventError),
    /// Before this event, others of its memory are missing.
    Gap {
        /// The first number that is missing.
        first: u8,
        /// The last number that is missing.
        last: u8,
    },
}

impl fmt::Display for BadEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("it is not the key of an event"),
            Self::TooLarge => f.write_str("it is larger than any event"),
            Self::NotProved(error) => error.fmt(f),
            Self::Gap { first, last } if first == last => {
                write!(f, "event {first} of its memory is missing")
            }
            Self::Gap { first, last } => {
                write!(f, "events {first} to {last} of its memory are missing")
            }
        }
    }
}

impl Events {
    /// The events of this scope.
    #[must_use]
    pub fn new(reader: Reader, scope: ReadScope) -> Self {
        let rest = Some(Range::under(scope.events()));
        Self {
            reader,
            scope,
            rest,
            last: None,
        }
    }

    /// The entries of the next page; `None` after the last one.
    ///
    /// # Errors
    /// [`ReadError`] if the page is not complete. It can be asked for again.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Entry>>, ReadError> {
        let Some(range) = &self.rest else {
            return Ok(None);
        };
        let page = self.reader.first_page(&self.scope, range).await?;
        let rest = page.rest_of(range);
        let mut read = self.read(&page.listed).await?;
        let mut entries = Vec::new();
        for Listed { key, bytes, .. } in page.listed {
            let bad = |why| Entry::Bad {
                key: key.clone(),
                why,
            };
            let Some(parsed) = EventKey::parse(&key) else {
                entries.push(bad(BadEntry::Foreign));
                continue;
            };
            let entry = match read.remove(&key) {
                Some(Ok(event)) => Entry::Event(event),
                Some(Err(error)) => bad(BadEntry::NotProved(error)),
                None if bytes > EVENT_BYTES_MAX as u64 => bad(BadEntry::TooLarge),
                // It was erased after the listing.
                None => continue,
            };
            let before = self.last.as_ref();
            if !begins_erased(&entry, before) {
                entries.extend(gap(before, &parsed).map(bad));
            }
            entries.push(entry);
            self.last = Some(parsed);
        }
        self.rest = rest;
        Ok(Some(entries))
    }

    /// Gets and proves those of a page that can be events.
    async fn read(
        &self,
        listed: &[Listed],
    ) -> Result<HashMap<String, Result<Event, EventError>>, ReadError> {
        let can_be = |listed: &&Listed| {
            listed.bytes <= EVENT_BYTES_MAX as u64 && EventKey::parse(&listed.key).is_some()
        };
        let listed = listed.iter().filter(can_be).cloned().collect();
        let read =
            |key: &str, body: bytes::Bytes| EventKey::parse(key).map(|key| Event::read(key, &body));
        let fetched = self.reader.fetch(&self.scope, listed, read);
        let read = fetched.try_filter_map(|(listed, got)| async move {
            Ok(match got {
                Got::Whole(read) => read.map(|read| (listed.key, read)),
                Got::Gone => None,
            })
        });
        read.try_collect().await
    }
}

/// The numbers that are missing between an event and the one before it in the order of keys.
fn gap(before: Option<&EventKey>, key: &EventKey) -> Option<BadEntry> {
    let before = before.filter(|before| is_of_one_memory(before, key));
    let first = before.map_or(0, |before| before.seq.get()) + 1;
    let last = key.seq.get() - 1;
    (first <= last).then_some(BadEntry::Gap { first, last })
}

fn is_of_one_memory(one: &EventKey, other: &EventKey) -> bool {
    one.memory_id == other.memory_id
        && one.entity_id == other.entity_id
        && one.domain == other.domain
}

/// Whether this is the first event of its memory and can be a tombstone: an erasure removes the events
/// below it.
fn begins_erased(entry: &Entry, before: Option<&EventKey>) -> bool {
    let Entry::Event(event) = entry else {
        return false;
    };
    let change = event.change();
    let is_first = before.is_none_or(|before| !is_of_one_memory(before, event.key()));
    is_first && change.status == Status::Deleted && change.reason.is_none()
}
