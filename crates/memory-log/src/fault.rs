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

/// The known name that is probably meant: one that differs from the given one only in the case of letters and in
/// separators, as `repositoryId` and `repository-id` differ from `repository_id`.
#[must_use]
pub fn meant<'n>(given: &str, known: &[&'n str]) -> Option<&'n str> {
    fn folded(name: &str) -> impl Iterator<Item = char> + '_ {
        name.chars()
            .filter(|character| character.is_alphanumeric())
            .flat_map(char::to_lowercase)
    }
    let mut same = known
        .iter()
        .copied()
        .filter(|known| folded(known).eq(folded(given)));
    same.next()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    fn required(count: usize) -> Violations {
        let mut violations = Violations::default();
        for _ in 0..count {
            violations.push(Place::Content, Fault::Required);
        }
        violations
    }

    fn counts(violations: &Violations) -> (usize, usize) {
        (violations.listed().len(), violations.unlisted())
    }

    #[test]
    fn a_hundred_faults_are_listed_and_the_next_is_only_counted() {
        assert_eq!(counts(&required(99)), (99, 0));
        assert_eq!(counts(&required(100)), (100, 0));
        assert_eq!(counts(&required(101)), (100, 1));
    }

    #[test]
    fn faults_of_two_parts_are_counted_together() {
        let mut few = required(60);
        few.append(required(40));
        assert_eq!(counts(&few), (100, 0));
        few.append(required(130));
        assert_eq!(counts(&few), (100, 130), "100 of 130 were listed before");
        let mut first = Violations::one(Place::Domain, Fault::Blank);
        first.append(required(1));
        assert_eq!(first.listed()[0].place, Place::Domain, "in their order");
    }

    #[test]
    fn a_name_that_differs_only_in_case_or_separators_is_meant() {
        let known = ["content", "repository_id", "filter[repository_id]", "sort"];
        for (given, expected) in [
            ("repositoryId", Some("repository_id")),
            ("RepositoryID", Some("repository_id")),
            ("repository-id", Some("repository_id")),
            ("repository id ", Some("repository_id")),
            ("repositoryid", Some("repository_id")),
            ("filter[repositoryId]", Some("filter[repository_id]")),
            ("filter.repository_id", Some("filter[repository_id]")),
            ("Content", Some("content")),
            ("contents", None),
            ("conten", None),
            ("repository", None),
            ("repository_ids", None),
            ("repo_id", None),
            ("", None),
            ("_", None),
        ] {
            assert_eq!(meant(given, &known), expected, "{given:?}");
        }
        assert_eq!(meant("content", &[]), None);
    }

    #[test]
    fn a_value_is_returned_only_without_faults() {
        assert_eq!(Violations::default().unless_any(7), Ok(7));
        assert_eq!(required(1).unless_any(7), Err(required(1)));
    }

    #[test]
    fn an_optional_value_with_faults_is_none_and_its_faults_are_added() {
        let mut violations = Violations::default();
        assert_eq!(violations.optional::<u8>(Ok(None)), None);
        assert_eq!(violations.optional(Ok(Some(7))), Some(7));
        assert!(violations.is_empty());
        assert_eq!(violations.optional::<u8>(Err(required(2))), None);
        assert_eq!(violations, required(2));
    }

    #[test]
    fn null_is_the_same_as_leaving_a_text_out() {
        let json = Json::parse(br#"{"null":null,"text":"\u0041","empty":""}"#).unwrap();
        let read = |name| text(json.root(), name, Place::Domain);
        assert_eq!(read("null"), Ok(None));
        assert_eq!(read("absent"), Ok(None));
        assert_eq!(read("text"), Ok(Some("A".to_owned())));
        assert_eq!(read("empty"), Ok(Some(String::new())), "empty is given");
    }

    #[test]
    fn a_text_of_another_type_is_a_fault_that_names_the_type_found() {
        let json = Json::parse(br#"{"a":[],"b":{},"c":1,"d":false}"#).unwrap();
        for (name, found) in [
            ("a", Kind::Array),
            ("b", Kind::Object),
            ("c", Kind::Number),
            ("d", Kind::Boolean),
        ] {
            let expected = "a string";
            let fault = Fault::WrongType { expected, found };
            let violations = Violations::one(Place::Domain, fault);
            assert_eq!(text(json.root(), name, Place::Domain), Err(violations));
        }
    }
}
