//! A memory as S3 stores it: id, key, bytes and digest.
//!
//! Encoding is total and deterministic: one memory has one object, whoever writes it and whenever.
//! This module owns every key and prefix of the log. The ids and bytes of schema version 1 never
//! change; another normal form would be version 2. The module must not know S3 itself.
//! Source of the id: RFC 9562, appendix B.2 (<https://www.rfc-editor.org/rfc/rfc9562#appendix-B.2>).

use std::fmt::{self, Write};

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};
use uuid::{Uuid, Variant, Version};

use crate::fault::Violations;
use crate::json::{Json, Value, spell_onto};
use crate::memory::{Draft, Memory, name_faults};
use crate::timestamp::Timestamp;

/// The version of the normal form, part of every id and every object.
const SCHEMA_VERSION: u8 = 1;

/// A memory of the log, read and proved, with the object that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The memory.
    pub memory: Memory,
    /// Its id, key, bytes and digest.
    pub object: Object,
}

/// The media type of an object.
pub const CONTENT_TYPE: &str = "application/json";

/// The characters that are percent-encoded in the names of a key: all except the unreserved ones of
/// RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Room for the rest of an object: its member names, id, timestamp and two names of 150 bytes, some of
/// them escaped. A longer object is copied once more.
const REST_BYTES: usize = 640;
/// Room for escapes, as a share of the texts: a line break in every sixteen characters.
const ESCAPED_SHARE: usize = 16;

/// The object that is put into the bucket for one memory (contract 2.4, 2.5, 2.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// UUID version 8 of the schema version and the memory's five fields.
    pub memory_id: Uuid,
    /// The object's key.
    pub key: String,
    /// One line of JSON without a newline. It is shared, not copied, on its way to S3.
    pub body: Bytes,
    /// SHA-256 of the body.
    pub sha256: [u8; 32],
}

impl Object {
    /// The object of a memory.
    #[must_use]
    pub fn of(memory: &Memory) -> Self {
        let memory_id = memory_id(memory);
        let prefix = Prefix::Entity {
            domain: memory.domain(),
            entity_id: memory.entity_id(),
        };
        let texts = memory.content().len() + memory.metadata().len();
        let mut body = String::with_capacity(texts + texts / ESCAPED_SHARE + REST_BYTES);
        // Writing to a string cannot fail.
        let _ = write!(
            body,
            r#"{{"schema_version":{SCHEMA_VERSION},"memory_id":"{memory_id}","entity_id":"#
        );
        spell_onto(&mut body, memory.entity_id());
        body.push_str(r#","domain":"#);
        spell_onto(&mut body, memory.domain());
        let timestamp = memory.timestamp();
        let _ = write!(body, r#","timestamp":"{timestamp}","content":"#);
        spell_onto(&mut body, memory.content());
        body.push_str(r#","metadata":"#);
        body.push_str(memory.metadata());
        body.push('}');
        Self {
            memory_id,
            key: object_key(prefix, memory.timestamp(), memory_id),
            sha256: Sha256::digest(&body).into(),
            body: body.into(),
        }
    }

    /// Reads the bytes that a bucket holds under a key, and proves that they are the object of a
    /// memory with this key, to the byte.
    ///
    /// # Errors
    /// [`ObjectError`] says why they are not.
    pub fn read(key: &str, body: &[u8]) -> Result<Stored, ObjectError> {
        let stored = Self::prove(body)?;
        if stored.object.key == key {
            Ok(stored)
        } else {
            Err(ObjectError::OtherKey {
                derived: stored.object.key,
            })
        }
    }

    /// Reads bytes that were not kept under a key of their own, and proves that they are the object of
    /// a memory, to the byte. The key follows from them.
    ///
    /// # Errors
    /// [`ObjectError`] says why they are not.
    pub fn prove(body: &[u8]) -> Result<Stored, ObjectError> {
        let json = Json::parse(body).map_err(|fault| ObjectError::NotJson(fault.reason))?;
        let draft = stored_draft(json.root())?;
        // The timestamp is known to be there, so this default is never used.
        let epoch = Timestamp::from_unix_micros(0);
        let memory = Memory::new(draft, epoch).map_err(|_| ObjectError::NotAMemory)?;
        let object = Self::of(&memory);
        if object.body != body {
            let stored_id = json.root().member("memory_id").and_then(Value::text);
            let own_id = object.memory_id.to_string();
            let is_its_own = stored_id.is_some_and(|id| id.eq_ignore_ascii_case(&own_id));
            return Err(match is_its_own {
                true => ObjectError::OtherSpelling,
                false => ObjectError::OtherId {
                    derived: object.memory_id,
                },
            });
        }
        Ok(Stored { memory, object })
    }
}

const MEMBERS: [&str; 7] = [
    "schema_version",
    "memory_id",
    "entity_id",
    "domain",
    "timestamp",
    "content",
    "metadata",
];

fn stored_draft(root: Value<'_>) -> Result<Draft, ObjectError> {
    let version = root.given("schema_version").map_or("none", Value::raw);
    if version != SCHEMA_VERSION.to_string() {
        // A version is a number without a sign, a fraction or an exponent, in JSON's one spelling.
        let number = version.parse().unwrap_or(0);
        return Err(match number > u64::from(SCHEMA_VERSION) {
            true => ObjectError::NewerSchema(number),
            false => ObjectError::OtherSchema(version.to_owned()),
        });
    }
    if MEMBERS.iter().any(|name| root.given(name).is_none()) {
        return Err(ObjectError::NotAMemory);
    }
    Ok(Draft::of_fields(root, Violations::default()))
}

/// Why an object of the bucket is not the memory that its key names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectError {
    /// The body is not JSON.
    NotJson(String),
    /// The body has a later schema version: a later program wrote it, and can read it.
    NewerSchema(u64),
    /// The body has another schema version, or none.
    OtherSchema(String),
    /// A field is missing or breaks its rule.
    NotAMemory,
    /// The id is not the one derived from the fields.
    OtherId {
        /// The id derived from the fields.
        derived: Uuid,
    },
    /// The id is right, but the bytes are not the normal form.
    OtherSpelling,
    /// The memory is sound, but it lies under another key than its own.
    OtherKey {
        /// The key derived from the fields.
        derived: String,
    },
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(reason) => write!(f, "the body is not JSON: {reason}"),
            Self::NewerSchema(version) => write!(
                f,
                "schema_version is {version}, and this program reads version {SCHEMA_VERSION}"
            ),
            Self::OtherSchema(found) => {
                write!(
                    f,
                    "schema_version is {found}, and this program reads version {SCHEMA_VERSION}"
                )
            }
            Self::NotAMemory => f.write_str("a field of the memory is missing or breaks its rule"),
            Self::OtherId { derived } => {
                write!(f, "the content has the id {derived}, not the one stored")
            }
            Self::OtherSpelling => f.write_str("the bytes are not the memory's normal form"),
            Self::OtherKey { derived } => write!(f, "the content belongs under {derived}"),
        }
    }
}

impl std::error::Error for ObjectError {}

/// The common prefix of the keys of the whole log, of a domain, or of an entity.
#[derive(Debug, Clone, Copy)]
pub enum Prefix<'a> {
    /// The whole bucket, so that foreign objects are found as well.
    All,
    /// A domain's memories.
    Domain(&'a str),
    /// An entity's memories. In key order they are in the order of time.
    Entity {
        /// The entity's domain.
        domain: &'a str,
        /// The entity.
        entity_id: &'a str,
    },
}

impl Prefix<'_> {
    /// The prefix of the memories alone, which the whole log has as well.
    pub(crate) fn of_memories(self) -> String {
        format!("memories/{}", self.names())
    }

    /// The prefix of the events of the same memories.
    pub(crate) fn of_events(self) -> String {
        format!("events/{}", self.names())
    }

    fn names(self) -> String {
        match self {
            Self::All => String::new(),
            Self::Domain(domain) => format!("domain={}/", encoded(domain)),
            Self::Entity { domain, entity_id } => {
                format!("domain={}/entity={}/", encoded(domain), encoded(entity_id))
            }
        }
    }
}

impl fmt::Display for Prefix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => Ok(()),
            Self::Domain(_) | Self::Entity { .. } => f.write_str(&self.of_memories()),
        }
    }
}

/// A name as it is spelled in a key.
pub(crate) fn encoded(name: &str) -> impl fmt::Display {
    utf8_percent_encode(name, RESERVED)
}

/// The name that is spelled so in a key; `None` if no memory has such a name.
pub(crate) fn decoded(spelled: &str) -> Option<String> {
    let name = percent_decode_str(spelled).decode_utf8().ok()?.into_owned();
    name_faults(&name).is_empty().then_some(name)
}

/// What a key says about its object, before the object is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyClaim {
    /// The domain.
    pub domain: String,
    /// The entity.
    pub entity_id: String,
    /// The instant.
    pub timestamp: Timestamp,
    /// The memory's id.
    pub memory_id: Uuid,
}

/// The key that makes this claim.
impl fmt::Display for KeyClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = Prefix::Entity {
            domain: &self.domain,
            entity_id: &self.entity_id,
        };
        f.write_str(&object_key(prefix, self.timestamp, self.memory_id))
    }
}

impl KeyClaim {
    /// Reads a key; `None` if no memory can have it.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        let (domain, rest) = key.strip_prefix("memories/domain=")?.split_once('/')?;
        let (entity_id, rest) = rest.strip_prefix("entity=")?.split_once('/')?;
        let (instant, memory_id) = rest.strip_suffix(".json")?.rsplit_once('_')?;
        let (_day, instant) = instant.rsplit_once('/')?;
        let (date, time) = instant.split_once('T')?;
        let timestamp = Timestamp::parse(&format!("{date}T{}", time.replace('-', ":"))).ok()?;
        let claim = Self {
            domain: decoded(domain)?,
            entity_id: decoded(entity_id)?,
            timestamp,
            memory_id: memory_id.parse().ok().filter(is_of_a_memory)?,
        };
        (claim.to_string() == key).then_some(claim)
    }
}

/// Whether this is a UUID of the version and variant that ids have.
pub(crate) fn is_of_a_memory(id: &Uuid) -> bool {
    id.get_version() == Some(Version::Custom) && id.get_variant() == Variant::RFC4122
}

fn object_key(prefix: Prefix<'_>, timestamp: Timestamp, memory_id: Uuid) -> String {
    format!("{}_{memory_id}.json", earliest_key(prefix, timestamp))
}

/// The prefix of an entity's keys at one instant: the keys of earlier instants are smaller, those of
/// this instant and of later ones are greater.
#[must_use]
pub fn earliest_key(prefix: Prefix<'_>, timestamp: Timestamp) -> String {
    format!("{prefix}{}", timestamp.in_key())
}

fn memory_id(memory: &Memory) -> Uuid {
    let mut hash = Sha256::new();
    for part in [
        &*SCHEMA_VERSION.to_string(),
        memory.domain(),
        memory.entity_id(),
        &*memory.timestamp().to_string(),
        memory.content(),
        memory.metadata(),
    ] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    // A UUID has room for the first 128 of the 256 bits; version 8 then fixes six of them.
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = <[u8; 32]>::from(hash.finalize());
    uuid::Builder::from_custom_bytes([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]).into_uuid()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
