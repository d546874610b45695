//! A change of a memory's status, as S3 stores it.
//!
//! An event names the status that it makes. A memory has the status of its highest event, and without
//! one it is unverified. Encoding is total and deterministic, and the bytes of schema version 1 never
//! change. The module must not know S3 itself, a clock, or who may change what.

use std::fmt;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::json::{Json, Value, spell};
use crate::timestamp::Timestamp;

mod key;
mod status;

pub use key::{CHANGES_MAX, EventKey, Seq};
pub use status::{Status, Step, step};

/// The version of the members of an event.
const SCHEMA_VERSION: u64 = 1;
/// Longest reason, in bytes of UTF-8: a paragraph.
pub const REASON_BYTES_MAX: usize = 1_000;
/// Longest actor that is kept, in bytes of UTF-8: the longest ARN. A `sub` has at most 255
/// (`OpenID` Connect Core 1.0, section 2).
pub const ACTOR_BYTES_MAX: usize = 2_048;
/// No event is longer, so a longer object needs not be read: an actor and a reason of control
/// characters alone, each of them six bytes, and the rest.
pub const EVENT_BYTES_MAX: usize = 6 * (REASON_BYTES_MAX + ACTOR_BYTES_MAX) + 256;

/// A change of a memory's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    key: EventKey,
    change: Change,
}

/// What an event says about its memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The status that the memory has from now on.
    pub status: Status,
    /// Who asked for it.
    pub actor: Actor,
    /// Why, in the actor's words.
    pub reason: Option<Reason>,
    /// When it was asked for.
    pub timestamp: Timestamp,
}

/// Who asked for a change, as the gateway names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor(String);

impl Actor {
    /// The actor with this name. Of a name over [`ACTOR_BYTES_MAX`] its beginning is kept.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name[..name.floor_char_boundary(ACTOR_BYTES_MAX)].to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a change was made: a text of at most [`REASON_BYTES_MAX`] bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// The reason with this text; `None` if it is too long.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Option<Self> {
        Some(Self(text.into())).filter(|reason| reason.0.len() <= REASON_BYTES_MAX)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The object that is put into the bucket for one event (contract 2.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventObject {
    /// The object's key.
    pub key: String,
    /// One line of JSON without a newline.
    pub body: Bytes,
    /// SHA-256 of the body.
    pub sha256: [u8; 32],
}

impl Event {
    /// The change of a memory after its highest event; `None` if it has had [`CHANGES_MAX`].
    #[must_use]
    pub fn next(
        domain: &str,
        entity_id: &str,
        memory_id: Uuid,
        highest: Option<Seq>,
        change: Change,
    ) -> Option<Self> {
        let seq = Seq::after(highest).filter(|seq| !seq.is_of_a_tombstone())?;
        let key = EventKey::new(domain, entity_id, memory_id, seq);
        Some(Self { key, change })
    }

    /// The event that keeps an erased memory hidden; `None` if the highest event has the last number,
    /// because then it is one.
    #[must_use]
    pub fn tombstone(
        domain: &str,
        entity_id: &str,
        memory_id: Uuid,
        highest: Option<Seq>,
        actor: Actor,
        timestamp: Timestamp,
    ) -> Option<Self> {
        let key = EventKey::new(domain, entity_id, memory_id, Seq::after(highest)?);
        let change = Change {
            status: Status::Deleted,
            actor,
            reason: None,
            timestamp,
        };
        Some(Self { key, change })
    }

    /// Reads the bytes that a bucket holds under a key, and proves that they are the event of this
    /// key, to the byte.
    ///
    /// # Errors
    /// [`EventError`] says why they are not.
    pub fn read(key: EventKey, body: &[u8]) -> Result<Self, EventError> {
        let json = Json::parse(body).map_err(|fault| EventError::NotJson(fault.reason))?;
        let root = json.root();
        let version = root.member("schema_version").map(Value::raw);
        match version.and_then(|version| version.parse().ok()) {
            Some(SCHEMA_VERSION) => {}
            Some(later) if later > SCHEMA_VERSION => return Err(EventError::LaterSchema(later)),
            Some(_) | None => return Err(EventError::NotAnEvent),
        }
        let change = stored_change(root).ok_or(EventError::NotAnEvent)?;
        let (memory_id, seq) = named(root).ok_or(EventError::NotAnEvent)?;
        if (memory_id, seq) != (key.memory_id, key.seq) {
            return Err(EventError::OtherKey { memory_id, seq });
        }
        let is_of_a_tombstone = change.status == Status::Deleted && change.reason.is_none();
        if seq.is_of_a_tombstone() && !is_of_a_tombstone {
            return Err(EventError::NotAnEvent);
        }
        let event = Self { key, change };
        match event.body().as_bytes() == body {
            true => Ok(event),
            false => Err(EventError::OtherSpelling),
        }
    }

    /// Where it lies.
    #[must_use]
    pub fn key(&self) -> &EventKey {
        &self.key
    }

    /// Its number among the events of its memory.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.key.seq
    }

    /// What it says about its memory.
    #[must_use]
    pub fn change(&self) -> &Change {
        &self.change
    }

    /// The object of this event.
    #[must_use]
    pub fn object(&self) -> EventObject {
        let body = self.body();
        EventObject {
            key: self.key.to_string(),
            sha256: Sha256::digest(&body).into(),
            body: body.into(),
        }
    }

    fn body(&self) -> String {
        let Change {
            status,
            actor,
            reason,
            timestamp,
        } = &self.change;
        let EventKey { memory_id, seq, .. } = self.key;
        let actor = spell(&actor.0);
        let reason = reason.as_ref();
        let reason = reason.map_or_else(String::new, |Reason(text)| {
            format!(r#""reason":{},"#, spell(text))
        });
        format!(
            r#"{{"schema_version":{SCHEMA_VERSION},"memory_id":"{memory_id}","seq":{seq},"status":"{status}","actor":{actor},{reason}"timestamp":"{timestamp}"}}"#
        )
    }
}

/// The memory and the number that an event names.
fn named(root: Value<'_>) -> Option<(Uuid, Seq)> {
    let memory_id = root.member("memory_id")?.text()?.parse().ok()?;
    let seq = root.member("seq")?.raw().parse().ok()?;
    Some((memory_id, Seq::new(seq)?))
}

fn stored_change(root: Value<'_>) -> Option<Change> {
    let text = |name| root.member(name).and_then(Value::text);
    let reason = match root.member("reason") {
        None => None,
        Some(reason) => Some(Reason::new(reason.text()?)?),
    };
    Some(Change {
        status: Status::parse(&text("status")?)?,
        actor: Actor::new(&text("actor")?),
        reason,
        timestamp: Timestamp::parse(&text("timestamp")?).ok()?,
    })
}

/// Why an object of the bucket is not the event that its key names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventError {
    /// The body is not JSON.
    NotJson(String),
    /// The body has a later schema version, so a newer program wrote it.
    LaterSchema(u64),
    /// A member is missing or breaks its rule.
    NotAnEvent,
    /// The event is sound, but it is of another memory or has another number than its key.
    OtherKey {
        /// The memory that the event names.
        memory_id: Uuid,
        /// The number that the event names.
        seq: Seq,
    },
    /// The bytes are not the normal form of the event.
    OtherSpelling,
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(reason) => write!(f, "the body is not JSON: {reason}"),
            Self::LaterSchema(found) => write!(
                f,
                "schema_version is {found}, and this program reads version {SCHEMA_VERSION}"
            ),
            Self::NotAnEvent => f.write_str("a member of the event is missing or breaks its rule"),
            Self::OtherKey { memory_id, seq } => {
                write!(f, "it is event {seq} of the memory {memory_id}")
            }
            Self::OtherSpelling => f.write_str("the bytes are not the event's normal form"),
        }
    }
}

impl std::error::Error for EventError {}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
