//! Erasing: what there is of an entity or of one of its memories, and the commands that remove it.
//!
//! Nothing is deleted here, and but for `listed.rs`, which asks S3 or a disk what there is, all of it is
//! pure. A tombstone, which is an event, is put first, so that a repeat of an erased memory stays hidden.
//! Whatever else there is of the memory goes, in an order in which no request that is under way can bring
//! anything back (`docs/life-cycle.md`). The module must not know who asks for a plan, or run one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use memory_log::event::{Actor, Event, EventError, EventKey, EventObject, Seq, Status};
use memory_log::object::KeyClaim;
use memory_log::scope::ReadScope;
use memory_log::timestamp::Timestamp;
use memory_s3::versions::{Kind, Lock, Mode, Version};
use uuid::Uuid;

mod bucket;
mod folder;
mod listed;
mod shell;
mod told;

pub use bucket::Bucket;
pub use folder::Folder;

/// Who puts a tombstone. Which person that was is in `CloudTrail`, because a tombstone stays for ever.
const ACTOR: &str = "break-glass";
/// Seconds until no request that began before is under way: a function has 28, a local service 10.
const WAIT: u32 = 30;

/// What is meant: an entity, or one of its memories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    scope: ReadScope,
    memory_id: Option<Uuid>,
}

/// A version, a marker or a file, and what Object Lock holds of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The version. That of a file has no id.
    pub version: Version,
    /// What holds it.
    pub lock: Lock,
}

/// Everything that there is of what is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What is meant.
    pub meant: Meant,
    /// The versions of its memories.
    pub memories: Vec<Kept>,
    /// The versions of its events.
    pub events: Vec<Kept>,
    /// The events that a reader finds now.
    pub history: Vec<(EventKey, Result<Event, EventError>)>,
    /// The versions of the entity's view.
    pub view: Vec<Version>,
    /// Keys of the entity that are none of a memory, and so are left where one memory is meant.
    pub foreign: Vec<String>,
}

/// An erasure that is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    found: Found,
    now: Timestamp,
    /// The tombstones that are not there yet.
    tombstones: Vec<EventObject>,
    /// The keys of all tombstones: what must be left in the end, and nothing else.
    left: BTreeSet<String>,
}

/// Why there is no plan that would be whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EraseError {
    /// There is nothing of it.
    Nothing,
    /// The memory has an event with the last number, which is no tombstone.
    LastNumber(String),
    /// No command can name this key.
    Unnameable(String),
}

impl fmt::Display for EraseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("there is nothing of it: no memory, no event and no view"),
            Self::LastNumber(key) => write!(
                f,
                "a tombstone cannot be put, because {key} has the last number and is not one, or is hidden: delete all its \
                 versions, and run this command again"
            ),
            Self::Unnameable(key) => write!(
                f,
                "no command of a shell can name the key {key:?}: delete it in another way, and run this command again"
            ),
        }
    }
}

impl std::error::Error for EraseError {}

impl Meant {
    /// An entity, or one of its memories. The scope must be that of one entity.
    #[must_use]
    pub fn new(scope: ReadScope, memory_id: Option<Uuid>) -> Self {
        Self { scope, memory_id }
    }

    /// Where to look for it.
    #[must_use]
    pub fn scope(&self) -> &ReadScope {
        &self.scope
    }

    /// The prefix of all its events.
    #[must_use]
    pub fn events(&self) -> String {
        match self.memory_id {
            Some(memory_id) => format!("{}{memory_id}/", self.scope.events()),
            None => self.scope.events().to_owned(),
        }
    }

    /// Of everything under the prefix of the entity's memories: what is meant, and the keys that no memory
    /// can have and that are not meant.
    #[must_use]
    pub fn of_memories(&self, listed: Vec<Version>) -> (Vec<Version>, Vec<String>) {
        let Some(memory_id) = self.memory_id else {
            return (listed, Vec::new());
        };
        let (mut meant, mut foreign) = (Vec::new(), BTreeSet::new());
        for version in listed {
            match KeyClaim::parse(&version.key) {
                Some(claim) if claim.memory_id == memory_id => meant.push(version),
                Some(_) => {}
                None => drop(foreign.insert(version.key)),
            }
        }
        (meant, foreign.into_iter().collect())
    }

    /// What the key of one of its memories ends with, if it is one memory.
    fn end(&self) -> Option<String> {
        self.memory_id.map(|memory_id| format!("_{memory_id}.json"))
    }
}

impl Found {
    /// The ids of all memories that there is anything of.
    fn ids(&self) -> BTreeSet<Uuid> {
        let memories = self.memories.iter();
        let memories = memories.filter_map(|kept| KeyClaim::parse(&kept.version.key));
        let events = self.events.iter();
        let events = events.filter_map(|kept| EventKey::parse(&kept.version.key));
        let ids = memories.map(|claim| claim.memory_id);
        ids.chain(events.map(|key| key.memory_id)).collect()
    }

    /// The highest number of each memory's events, also of those that a marker hides.
    fn highest(&self) -> BTreeMap<Uuid, Seq> {
        let mut highest = BTreeMap::new();
        for kept in &self.events {
            if let Some(key) = EventKey::parse(&kept.version.key) {
                let seq = highest.entry(key.memory_id).or_insert(key.seq);
                *seq = key.seq.max(*seq);
            }
        }
        highest
    }

    /// The events that are already tombstones of their memories.
    fn tombstones(&self, highest: &BTreeMap<Uuid, Seq>) -> BTreeMap<Uuid, String> {
        let is_highest =
            |key: &EventKey, seq: Seq| highest.get(&key.memory_id).is_some_and(|last| *last == seq);
        let history = self.history.iter();
        let tombstones = history.filter_map(|(key, event)| {
            let event = event.as_ref().ok()?;
            let change = event.change();
            let is_empty = change.status == Status::Deleted && change.reason.is_none();
            // Whoever else deleted it may be a person, who is named in the event. The last number
            // cannot be followed by another one.
            let is_ours = change.actor.as_str() == ACTOR || key.seq.is_of_a_tombstone();
            (is_empty && is_ours && is_highest(key, key.seq))
                .then(|| (key.memory_id, key.to_string()))
        });
        tombstones.collect()
    }
}

impl Erasure {
    /// Decides an erasure: a tombstone for each memory, above all its events.
    ///
    /// # Errors
    /// [`EraseError`] if there is no plan that would be whole.
    pub fn of(found: Found, now: Timestamp) -> Result<Self, EraseError> {
        if found.memories.is_empty() && found.events.is_empty() && found.view.is_empty() {
            return Err(EraseError::Nothing);
        }
        let keys = found.memories.iter().chain(&found.events);
        if let Some(kept) = keys.clone().find(|kept| kept.version.key.contains('\0')) {
            return Err(EraseError::Unnameable(kept.version.key.clone()));
        }
        let scope = found.meant.scope();
        let (domain, entity_id) = (scope.domain(), scope.entity_id());
        let (domain, entity_id) = (domain.unwrap_or_default(), entity_id.unwrap_or_default());
        let highest = found.highest();
        let there = found.tombstones(&highest);
        let mut tombstones = Vec::new();
        for memory_id in found.ids() {
            if there.contains_key(&memory_id) {
                continue;
            }
            let last = highest.get(&memory_id).copied();
            let tombstone =
                Event::tombstone(domain, entity_id, memory_id, last, Actor::new(ACTOR), now);
            let Some(tombstone) = tombstone else {
                let seq = last.map_or(0, Seq::get);
                let key = format!("{}{memory_id}/{seq:010}.json", scope.events());
                return Err(EraseError::LastNumber(key));
            };
            tombstones.push(tombstone.object());
        }
        let new = tombstones.iter().map(|tombstone| tombstone.key.clone());
        let left = new.chain(there.into_values()).collect();
        Ok(Self {
            found,
            now,
            tombstones,
            left,
        })
    }

    /// What goes of the memories now.
    fn memories(&self) -> impl Iterator<Item = &Kept> {
        self.found
            .memories
            .iter()
            .filter(|kept| !self.is_held(kept))
    }

    /// What goes of the events now: all but the tombstones.
    fn events(&self) -> impl Iterator<Item = &Kept> {
        let events = self.found.events.iter();
        events.filter(|kept| !self.stays(kept) && !self.is_held(kept))
    }

    /// The keys of the events that are there once the tombstones are put. A key that is none of an event
    /// shows no change, and a shell may spell it in another way.
    fn known_events(&self) -> BTreeSet<&str> {
        let found = self.found.events.iter().map(|kept| &*kept.version.key);
        let found = found.filter(|key| EventKey::parse(key).is_some());
        found.chain(self.left.iter().map(|key| &**key)).collect()
    }

    /// What cannot be deleted now.
    fn held(&self) -> impl Iterator<Item = &Kept> {
        let all = self.found.memories.iter().chain(&self.found.events);
        all.filter(|kept| !self.stays(kept) && self.is_held(kept))
    }

    /// Whether this is a tombstone, and not an older version under its key.
    fn stays(&self, kept: &Kept) -> bool {
        kept.version.is_latest && self.left.contains(&kept.version.key)
    }

    fn is_held(&self, kept: &Kept) -> bool {
        kept.lock.legal_hold || self.retained(kept) == Some(Mode::Compliance)
    }

    /// How a version is retained now.
    fn retained(&self, kept: &Kept) -> Option<Mode> {
        let (mode, until) = kept.lock.retention?;
        (until > self.now).then_some(mode)
    }

    /// Whether only a bypass deletes this.
    fn needs_bypass(&self, kept: &Kept) -> bool {
        self.retained(kept) == Some(Mode::Governance)
    }

    /// One line for a person: what the commands remove.
    #[must_use]
    pub fn summary(&self) -> String {
        let (memories, events) = (self.found.memories.len(), self.found.events.len());
        let held = self.held().count();
        let held = match held {
            0 => String::new(),
            held => format!(" {held} of them cannot be deleted now."),
        };
        let stay = self.found.events.iter();
        let events = events - stay.filter(|kept| self.stays(kept)).count();
        format!(
            "{} of memories and {} of events to delete.{held}",
            told::counted(memories, "version"),
            told::counted(events, "version"),
        )
    }
}

/// A version of a file.
fn file(key: String, bytes: u64) -> Version {
    Version {
        key,
        id: String::new(),
        kind: Kind::Object { bytes },
        is_latest: true,
    }
}

#[cfg(test)]
mod tests;
