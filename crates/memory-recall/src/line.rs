//! A memory of the log, proved, as recall keeps it; and its place, which is known before it is read.
//!
//! The module must not know S3, or the status of a memory.

use std::borrow::Cow;

use memory_log::json::{Json, Kind, Value};
use memory_log::memory::Memory;
use memory_log::object::{KeyClaim, Object, ObjectError, Stored};
use memory_log::timestamp::Timestamp;
use memory_s3::reader::Listed;
use uuid::Uuid;

/// Where a memory lies in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The instant that the memory is about.
    pub timestamp: Timestamp,
    /// The key of its object.
    pub key: String,
    /// Its id.
    pub memory_id: Uuid,
    /// The size of its object.
    pub bytes: u64,
}

impl Place {
    /// The place that a listed key claims; `None` if no memory can have this key.
    #[must_use]
    pub fn of(listed: Listed) -> Option<Self> {
        let claim = KeyClaim::parse(&listed.key)?;
        Some(Self {
            timestamp: claim.timestamp,
            key: listed.key,
            memory_id: claim.memory_id,
            bytes: listed.bytes,
        })
    }

    /// What lists are ordered by: time, then key.
    #[must_use]
    pub fn order(&self) -> (Timestamp, &str) {
        (self.timestamp, &self.key)
    }

    /// The object to fetch.
    #[must_use]
    pub fn listed(&self) -> Listed {
        Listed {
            key: self.key.clone(),
            bytes: self.bytes,
            etag: None,
        }
    }
}

/// A memory that was read and proved.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Where it lies.
    pub place: Place,
    /// The memory.
    pub memory: Memory,
    /// `tags` of its metadata.
    pub tags: Vec<String>,
    /// `memory_type` of its metadata, if it is a string.
    pub memory_type: Option<String>,
    /// `source` of its metadata.
    pub source: Option<String>,
    /// `confidence` of its metadata.
    pub confidence: Option<f64>,
}

impl Line {
    /// Reads the bytes under a key, and proves that they are its memory.
    ///
    /// # Errors
    /// [`ObjectError`] if they are not.
    pub fn read(key: &str, body: &[u8]) -> Result<Self, ObjectError> {
        Object::read(key, body).map(Self::of)
    }

    /// The line of a memory that was proved elsewhere.
    #[must_use]
    pub fn of(stored: Stored) -> Self {
        let Stored { memory, object } = stored;
        let place = Place {
            timestamp: memory.timestamp(),
            memory_id: object.memory_id,
            bytes: object.body.len() as u64,
            key: object.key,
        };
        let json = Json::grammatical(memory.metadata().as_bytes()).ok();
        let metadata = json.as_ref().map(Json::root);
        let member = |name| metadata.and_then(|metadata| metadata.given(name));
        let text = |name| member(name).and_then(Value::text).map(Cow::into_owned);
        let tags = member("tags").filter(|tags| tags.kind() == Kind::Array);
        let tags = tags.into_iter().flat_map(Value::elements);
        Self {
            tags: tags.filter_map(Value::text).map(Cow::into_owned).collect(),
            memory_type: text("memory_type"),
            source: text("source"),
            confidence: member("confidence").and_then(|number| number.raw().parse().ok()),
            place,
            memory,
        }
    }
}
