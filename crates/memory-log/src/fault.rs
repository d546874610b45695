//! What is wrong with a request, and where: the vocabulary of every rule about meaning.
//!
//! A rule reports a [`Fault`] at a [`Place`] of the memory; each request shape knows where it
//! spells that place, and `problem` knows how to say it. The module must not know the rules
//! themselves, HTTP, or the words that a caller reads.

use crate::json::{Kind, Value};
use crate::timestamp::TimestampError;

/// What a request gives for one field: nothing (or null), a value, or faults.
pub type Given<T> = Result<Option<T>, Violations>;

/// One fault and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where it is.
    pub place: Place,
    /// What is wrong.
    pub fault: Fault,
}

/// The place of a fault in terms of the memory. Each request shape maps it to a path in its body.
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
    /// `metadata`, or the value at this path inside it.
    Metadata(Vec<String>),
    /// A path in the request to something that is not a field of a memory.
    Request(Vec<String>),
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is missing or null.
    Required,
    /// It has the wrong JSON type.
    WrongType {
        /// The type that it must have, with its article: "a string".
        expected: &'static str,
        /// The type that it has.
        found: Kind,
    },
    /// It has nothing but white space.
    Blank,
    /// It is a name over the limit (`memory::NAME_BYTES_MAX`).
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// It is a name with a control character (Unicode category Cc).
    ControlCharacter,
    /// It is not a UUID of the form 8-4-4-4-12.
    InvalidUuid,
    /// It is not a timestamp that can be stored.
    InvalidTimestamp(TimestampError),
    /// It is a confidence below 0 or above 1.
    ConfidenceOutOfRange,
    /// It is metadata nested over the limit (`metadata::METADATA_DEPTH_MAX`).
    TooDeep {
        /// How many levels it has.
        levels: usize,
    },
    /// It is a member that this service does not store.
    UnknownMember {
        /// The members that it stores.
        known: &'static [&'static str],
    },
}

impl Fault {
    /// The fault of a value that has another type than expected.
    #[must_use]
    pub fn wrong_type(expected: &'static str, value: Value<'_>) -> Self {
        Self::WrongType {
            expected,
            found: value.kind(),
        }
    }
}

/// The faults of a request, in the order of the fields (contract 2.1). Never empty in an `Err`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations {
    listed: Vec<Violation>,
    unlisted: usize,
}

/// Most faults that a response lists: a hostile body can have millions, and a Lambda response has
/// at most 6 MB.
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

    /// How many faults are not listed.
    #[must_use]
    pub fn unlisted(&self) -> usize {
        self.unlisted
    }

    /// Whether there is no fault.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// The value of an optional field, if it was given and has no fault; its faults are added.
    pub fn optional<T>(&mut self, given: Given<T>) -> Option<T> {
        given.unwrap_or_else(|found| {
            self.append(found);
            None
        })
    }

    /// The value, unless there are faults.
    ///
    /// # Errors
    /// These faults, if there are any.
    pub fn unless_any<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

/// Reads an optional member that must be a string.
///
/// # Errors
/// [`Fault::WrongType`] at this place if it has another type.
pub fn text(object: Value<'_>, name: &str, place: Place) -> Given<String> {
    let Some(value) = object.given(name) else {
        return Ok(None);
    };
    let fault = Fault::wrong_type("a string", value);
    let text = value.text().map(|text| Some(text.into_owned()));
    text.ok_or_else(|| Violations::one(place, fault))
}
