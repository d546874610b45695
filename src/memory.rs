//! What a memory is, and what keeps a request from being one.
//!
//! [`Draft`] is the only door to [`Memory`]: whatever the request's shape, every rule about meaning
//! is judged here, and every fault is reported, not the first. The module knows no HTTP, no AWS, no
//! clock and no environment; time enters by an argument.

use crate::json::{Kind, Value};
use crate::metadata::Metadata;
use crate::timestamp::{NotATimestamp, Timestamp};

/// Longest `domain` or `entity_id`, in bytes of UTF-8: two fully percent-encoded names still fit
/// the 1,024 bytes of an S3 key.
pub const NAME_BYTES_MAX: usize = 150;
/// Deepest nesting of `metadata`, itself level 1.
pub const METADATA_DEPTH_MAX: usize = 64;

/// One memory in normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    domain: String,
    entity_id: String,
    content: String,
    timestamp: Timestamp,
    metadata: Metadata,
}

/// A memory as a request gives it: every field absent, given, or already found to be at fault.
#[derive(Debug)]
pub struct Draft {
    /// The kind of thing the memory is about.
    pub domain: Given<String>,
    /// The thing within its domain.
    pub entity_id: Given<String>,
    /// The memory itself.
    pub content: Given<String>,
    /// RFC 3339, not yet read.
    pub timestamp: Given<String>,
    /// What else the caller says about it.
    pub metadata: Given<Metadata>,
    /// What the request says beside its fields and must not.
    pub others: Violations,
}

/// What a request says of one field: nothing (or null), a value, or faults.
pub type Given<T> = Result<Option<T>, Violations>;

/// One fault of a request, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where it is.
    pub place: Place,
    /// What is wrong.
    pub fault: Fault,
}

/// Where a fault is, in terms of the memory; each shape knows where its requests spell that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `domain`.
    Domain,
    /// `entity_id`.
    EntityId,
    /// `content`.
    Content,
    /// `timestamp`.
    Timestamp,
    /// `metadata`, or what stands at this path inside it.
    Metadata(Vec<String>),
    /// A path in the request, of what is no field of a memory.
    Request(Vec<String>),
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is missing or null.
    Required,
    /// It is of another JSON type.
    WrongType {
        /// What it must be, with its article: "a string".
        expected: &'static str,
        /// What it is.
        found: Kind,
    },
    /// It is nothing but white space.
    Blank,
    /// It is a name of more than [`NAME_BYTES_MAX`] bytes.
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// It is a name with a control character.
    ControlCharacter,
    /// It is no UUID of the form 8-4-4-4-12.
    NotAUuid,
    /// It is no timestamp that can be kept.
    NotATimestamp(NotATimestamp),
    /// It is a confidence below 0 or above 1.
    NotAConfidence,
    /// It is metadata of more than [`METADATA_DEPTH_MAX`] levels.
    TooDeep {
        /// Its levels.
        levels: usize,
    },
    /// It is a member that this service does not store.
    Unknown {
        /// The members it does.
        known: &'static [&'static str],
    },
}

impl Fault {
    /// What a value of another type is.
    pub(crate) fn wrong_type(expected: &'static str, value: Value<'_>) -> Self {
        Self::WrongType {
            expected,
            found: value.kind(),
        }
    }
}

/// The faults of a request in the order of the contract's table: at least one where this is an
/// error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations {
    listed: Vec<Violation>,
    unlisted: usize,
}

/// Most faults that an answer lists: a hostile body has millions, and a Lambda's answer 6 MB.
pub const VIOLATIONS_LISTED_MAX: usize = 100;

impl Violations {
    /// A single fault.
    #[must_use]
    pub fn one(place: Place, fault: Fault) -> Self {
        Self {
            listed: vec![Violation { place, fault }],
            unlisted: 0,
        }
    }

    /// Adds a fault.
    pub fn push(&mut self, place: Place, fault: Fault) {
        if self.listed.len() < VIOLATIONS_LISTED_MAX {
            self.listed.push(Violation { place, fault });
        } else {
            self.unlisted += 1;
        }
    }

    /// Adds the faults of another part of the request.
    pub fn append(&mut self, others: Self) {
        for Violation { place, fault } in others.listed {
            self.push(place, fault);
        }
        self.unlisted += others.unlisted;
    }

    /// The first [`VIOLATIONS_LISTED_MAX`] faults.
    #[must_use]
    pub fn listed(&self) -> &[Violation] {
        &self.listed
    }

    /// How many more there are.
    #[must_use]
    pub fn unlisted(&self) -> usize {
        self.unlisted
    }

    fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// The value, or these faults if there are any.
    pub(crate) fn unless_any<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

impl Memory {
    /// Judges a draft; `now` is the timestamp of one that gives none.
    ///
    /// # Errors
    /// Every fault of every field.
    pub fn new(draft: Draft, now: Timestamp) -> Result<Self, Violations> {
        let mut faults = Violations::default();
        let domain = faults.required(Place::Domain, draft.domain, name_faults);
        let entity_id = faults.required(Place::EntityId, draft.entity_id, name_faults);
        let content = faults.required(Place::Content, draft.content, content_faults);
        let timestamp = match faults.optional(draft.timestamp) {
            None => Some(now),
            Some(text) => faults.sound_timestamp(&text),
        };
        let metadata = faults.optional(draft.metadata);
        faults.append(draft.others);
        match (domain, entity_id, content, timestamp) {
            (Some(domain), Some(entity_id), Some(content), Some(timestamp))
                if faults.is_empty() =>
            {
                let metadata = metadata.unwrap_or_default();
                Ok(Self {
                    domain,
                    entity_id,
                    content,
                    timestamp,
                    metadata,
                })
            }
            _ => Err(faults),
        }
    }

    /// The kind of thing the memory is about.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The thing within its domain.
    #[must_use]
    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }

    /// The memory itself, as it was sent.
    #[must_use]
    pub fn content(&self) -> &str {
        &self.content
    }

    /// The instant it is about.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// A JSON object, as it was sent but for insignificant white space.
    #[must_use]
    pub fn metadata(&self) -> &str {
        self.metadata.as_str()
    }
}

impl Violations {
    fn required(
        &mut self,
        place: Place,
        given: Given<String>,
        rules: fn(&str) -> Vec<Fault>,
    ) -> Option<String> {
        match given {
            Err(found) => self.append(found),
            Ok(None) => self.push(place, Fault::Required),
            Ok(Some(value)) => {
                for fault in rules(&value) {
                    self.push(place.clone(), fault);
                }
                return Some(value);
            }
        }
        None
    }

    /// What was given and is sound; the faults of what is not are kept.
    pub(crate) fn optional<T>(&mut self, given: Given<T>) -> Option<T> {
        given.unwrap_or_else(|found| {
            self.append(found);
            None
        })
    }

    fn sound_timestamp(&mut self, text: &str) -> Option<Timestamp> {
        let refused = |reason| self.push(Place::Timestamp, Fault::NotATimestamp(reason));
        Timestamp::parse(text).map_err(refused).ok()
    }
}

/// A member that must be a string.
pub(crate) fn text(object: Value<'_>, name: &str, place: Place) -> Given<String> {
    let Some(value) = object.given(name) else {
        return Ok(None);
    };
    let fault = Fault::wrong_type("a string", value);
    let text = value.text().map(|text| Some(text.into_owned()));
    text.ok_or_else(|| Violations::one(place, fault))
}

/// What keeps a text from being the name of a domain, an entity or a memory's type.
pub(crate) fn name_faults(name: &str) -> Vec<Fault> {
    let mut faults = content_faults(name);
    if name.len() > NAME_BYTES_MAX {
        faults.push(Fault::TooLong { bytes: name.len() });
    }
    if name.contains(char::is_control) {
        faults.push(Fault::ControlCharacter);
    }
    faults
}

fn content_faults(content: &str) -> Vec<Fault> {
    if content.chars().all(char::is_whitespace) {
        vec![Fault::Blank]
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_a_name_that_is_broken_is_named() {
        assert_eq!(name_faults("org:7/../büro"), []);
        assert_eq!(name_faults(&"ü".repeat(75)), []);
        assert_eq!(
            name_faults(&"ü".repeat(76)),
            [Fault::TooLong { bytes: 152 }]
        );
        for blank in ["", " ", "\u{a0}\u{2003}\u{3000}"] {
            assert_eq!(name_faults(blank), [Fault::Blank]);
        }
        assert_eq!(name_faults("a\u{85}"), [Fault::ControlCharacter]);
        assert_eq!(name_faults("a\u{7f}"), [Fault::ControlCharacter]);
        let all = [
            Fault::Blank,
            Fault::TooLong { bytes: 151 },
            Fault::ControlCharacter,
        ];
        assert_eq!(name_faults(&"\t".repeat(151)), all);
        assert_eq!(
            name_faults("\u{200b}"),
            [],
            "a zero-width space is no white space to Unicode"
        );
    }
}
