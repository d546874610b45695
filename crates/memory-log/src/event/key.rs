//! Where an event lies: its key, and its number among the events of its memory.

use std::fmt;

use uuid::Uuid;

use crate::object::{Prefix, decoded, is_of_a_memory};

/// Most changes of one memory. A reader gets one event of a memory whatever their number is; the
/// limit keeps the listing of an entity in proportion to its memories.
pub const CHANGES_MAX: u8 = 200;
/// The number of a tombstone of a memory that has all its changes.
const LAST: u8 = CHANGES_MAX + 1;
/// Digits of the number in a key, so that the order of keys is the order of events.
const DIGITS: usize = 10;

/// The number of an event: 1 for the first of its memory, 201 only for a tombstone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(u8);

impl Seq {
    /// The number; `None` where no event can have it.
    #[must_use]
    pub fn new(number: u8) -> Option<Self> {
        (1..=LAST).contains(&number).then_some(Self(number))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }

    /// Whether only a tombstone can have this number.
    #[must_use]
    pub fn is_of_a_tombstone(self) -> bool {
        self.0 == LAST
    }

    /// The number after the highest one; `None` after the last.
    pub(super) fn after(highest: Option<Self>) -> Option<Self> {
        Self::new(highest.map_or(0, Self::get) + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the key of an event says. `Display` is the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventKey {
    /// The memory's domain.
    pub domain: String,
    /// The memory's entity.
    pub entity_id: String,
    /// The memory.
    pub memory_id: Uuid,
    /// The event's number.
    pub seq: Seq,
}

impl EventKey {
    pub(super) fn new(domain: &str, entity_id: &str, memory_id: Uuid, seq: Seq) -> Self {
        Self {
            domain: domain.to_owned(),
            entity_id: entity_id.to_owned(),
            memory_id,
            seq,
        }
    }

    /// Reads a key; `None` if no event can have it.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        let (domain, rest) = key.strip_prefix("events/domain=")?.split_once('/')?;
        let (entity_id, rest) = rest.strip_prefix("entity=")?.split_once('/')?;
        let (memory_id, digits) = rest.strip_suffix(".json")?.split_once('/')?;
        let parsed = Self {
            domain: decoded(domain)?,
            entity_id: decoded(entity_id)?,
            memory_id: memory_id.parse().ok().filter(is_of_a_memory)?,
            seq: digits.parse().ok().and_then(Seq::new)?,
        };
        (parsed.to_string() == key).then_some(parsed)
    }
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = Prefix::Entity {
            domain: &self.domain,
            entity_id: &self.entity_id,
        };
        let (memory_id, seq) = (self.memory_id, self.seq);
        write!(f, "{}{memory_id}/{seq:0DIGITS$}.json", of.of_events())
    }
}
