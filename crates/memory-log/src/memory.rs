//! What a memory is, and which drafts can become one.
//!
//! [`Draft`] is the only way to make a [`Memory`]: for every request shape, the rules about meaning
//! are applied here, and all faults are reported, not only the first. The module must not know
//! HTTP, AWS, a clock or the environment; time enters by an argument.

use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::fault::{Fault, Given, Place, Violations, text};
use crate::json::Value;
use crate::metadata::Metadata;
use crate::timestamp::Timestamp;

/// Longest `domain` or `entity_id`, in bytes of UTF-8: two fully percent-encoded names still fit
/// the 1,024 bytes of an S3 key.
pub const NAME_BYTES_MAX: usize = 150;

/// The domain of the memories of the JSON:API envelope. Its entities are UUIDs in lower case.
pub const REPOSITORY: &str = "repository";

/// Reads a UUID as 32 hexadecimal digits with hyphens, in any case (RFC 9562, section 4).
#[must_use]
pub fn hyphenated(text: &str) -> Option<Uuid> {
    // `Uuid` also reads other spellings, but none of this length.
    let uuid = Uuid::try_parse(text).ok();
    uuid.filter(|_| text.len() == Hyphenated::LENGTH)
}

/// One memory in normal form (contract 2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    domain: String,
    entity_id: String,
    content: String,
    timestamp: Timestamp,
    metadata: Metadata,
}

/// A memory as a request gives it: each field is absent, given, or already known to be faulty.
#[derive(Debug)]
pub struct Draft {
    /// The kind of thing the memory is about.
    pub domain: Given<String>,
    /// The thing within its domain.
    pub entity_id: Given<String>,
    /// The memory itself.
    pub content: Given<String>,
    /// RFC 3339 text, not yet parsed.
    pub timestamp: Given<String>,
    /// More that the caller says about it.
    pub metadata: Given<Metadata>,
    /// Faults of the request outside the five fields, such as unknown members.
    pub others: Violations,
}

impl Draft {
    /// A draft of an object that spells the five fields by their own names; `others` are the faults of
    /// the rest of the request.
    #[must_use]
    pub fn of_fields(object: Value<'_>, others: Violations) -> Self {
        Self {
            domain: text(object, "domain", Place::Domain),
            entity_id: text(object, "entity_id", Place::EntityId),
            content: text(object, "content", Place::Content),
            timestamp: text(object, "timestamp", Place::Timestamp),
            metadata: object.given("metadata").map(Metadata::verbatim).transpose(),
            others,
        }
    }
}

impl Memory {
    /// Makes a memory of a draft; `now` is used where the draft has no timestamp.
    ///
    /// # Errors
    /// [`Violations`]: every fault of every field.
    pub fn new(draft: Draft, now: Timestamp) -> Result<Self, Violations> {
        let mut faults = Violations::default();
        let domain = required(&mut faults, Place::Domain, draft.domain, name_faults);
        let entity_id = required(&mut faults, Place::EntityId, draft.entity_id, name_faults);
        let content = required(&mut faults, Place::Content, draft.content, content_faults);
        let timestamp = match faults.optional(draft.timestamp) {
            None => Some(now),
            Some(text) => Timestamp::parse(&text)
                .map_err(|error| faults.push(Place::Timestamp, Fault::InvalidTimestamp(error)))
                .ok(),
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

    /// The repository, for a memory that the JSON:API envelope could have brought.
    #[must_use]
    pub fn repository_id(&self) -> Option<&str> {
        let is_spelled = |uuid: Uuid| uuid.to_string() == self.entity_id;
        let is_one =
            self.domain == REPOSITORY && hyphenated(&self.entity_id).is_some_and(is_spelled);
        is_one.then_some(&*self.entity_id)
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

    /// A JSON object, as it was sent except for insignificant white space.
    #[must_use]
    pub fn metadata(&self) -> &str {
        self.metadata.as_str()
    }
}

/// The value of a required field; its faults, and those of the rules, are added.
fn required(
    faults: &mut Violations,
    place: Place,
    given: Given<String>,
    rules: fn(&str) -> Vec<Fault>,
) -> Option<String> {
    match given {
        Err(found) => faults.append(found),
        Ok(None) => faults.push(place, Fault::Required),
        Ok(Some(value)) => {
            for fault in rules(&value) {
                faults.push(place.clone(), fault);
            }
            return Some(value);
        }
    }
    None
}

/// The faults of a text as the name of a domain, an entity or a memory type.
#[must_use]
pub fn name_faults(name: &str) -> Vec<Fault> {
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
    use crate::json::Kind;
    use crate::timestamp::TimestampError;

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
            "Unicode does not count a zero-width space as white space"
        );
    }

    const NOW: i64 = 1_769_483_662_000_000;

    fn now() -> Timestamp {
        Timestamp::from_unix_micros(NOW)
    }

    /// A draft with nothing but the three required fields.
    fn draft() -> Draft {
        Draft {
            domain: Ok(Some("work".to_owned())),
            entity_id: Ok(Some("rob".to_owned())),
            content: Ok(Some("x".to_owned())),
            timestamp: Ok(None),
            metadata: Ok(None),
            others: Violations::default(),
        }
    }

    /// The faults of a draft with the place of each, in their order.
    fn faults(draft: Draft) -> Vec<(Place, Fault)> {
        let faults = Memory::new(draft, now()).unwrap_err();
        let listed = faults.listed().iter();
        listed
            .map(|found| (found.place.clone(), found.fault.clone()))
            .collect()
    }

    #[test]
    fn a_draft_of_the_required_fields_is_a_memory_of_now_without_metadata() {
        let memory = Memory::new(draft(), now()).unwrap();
        assert_eq!((memory.domain(), memory.entity_id()), ("work", "rob"));
        assert_eq!((memory.content(), memory.metadata()), ("x", "{}"));
        assert_eq!(memory.timestamp(), now());
    }

    #[test]
    fn a_repository_is_what_the_envelope_could_have_brought() {
        const ID: &str = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d";
        let repository_id = |domain: &str, entity_id: &str| {
            let draft = Draft {
                domain: Ok(Some(domain.to_owned())),
                entity_id: Ok(Some(entity_id.to_owned())),
                ..draft()
            };
            let memory = Memory::new(draft, now()).unwrap();
            memory.repository_id().map(str::to_owned)
        };
        assert_eq!(repository_id("repository", ID), Some(ID.to_owned()));
        assert_eq!(repository_id("repositories", ID), None);
        for other in ["rob", &ID.to_uppercase(), &ID.replace('-', "")] {
            assert_eq!(repository_id("repository", other), None, "{other}");
        }
    }

    #[test]
    fn a_timestamp_that_is_given_is_used_and_a_faulty_one_never_becomes_now() {
        let mut given = draft();
        given.timestamp = Ok(Some("2026-01-27T01:14:22.5+07:00".to_owned()));
        let memory = Memory::new(given, now()).unwrap();
        let normal = memory.timestamp().to_string();
        assert_eq!(normal, "2026-01-26T18:14:22.500Z");
        for (text, error) in [
            ("", TimestampError::Empty),
            ("2026-01-27", TimestampError::DateOnly),
        ] {
            let mut faulty = draft();
            faulty.timestamp = Ok(Some(text.to_owned()));
            let fault = Fault::InvalidTimestamp(error);
            assert_eq!(faults(faulty), [(Place::Timestamp, fault)]);
        }
    }

    #[test]
    fn each_required_field_is_missed_by_its_own_name() {
        let mut empty = draft();
        (empty.domain, empty.entity_id, empty.content) = (Ok(None), Ok(None), Ok(None));
        let missed = [Place::Domain, Place::EntityId, Place::Content];
        assert_eq!(faults(empty), missed.map(|place| (place, Fault::Required)));
    }

    #[test]
    fn every_fault_is_listed_at_once_in_the_order_of_the_fields() {
        let other = || Place::Request(vec!["Content".to_owned()]);
        let tags = || Place::Metadata(vec!["tags".to_owned()]);
        let wrong_type = || Fault::WrongType {
            expected: "a string",
            found: Kind::Number,
        };
        let draft = Draft {
            domain: Ok(Some("\t".repeat(151))),
            entity_id: Err(Violations::one(Place::EntityId, wrong_type())),
            content: Ok(Some("\u{2003}".to_owned())),
            timestamp: Ok(Some("now".to_owned())),
            metadata: Err(Violations::one(tags(), wrong_type())),
            others: Violations::one(other(), Fault::UnknownMember { known: &[] }),
        };
        let not_rfc3339 = Fault::InvalidTimestamp(TimestampError::NotRfc3339);
        assert_eq!(
            faults(draft),
            [
                (Place::Domain, Fault::Blank),
                (Place::Domain, Fault::TooLong { bytes: 151 }),
                (Place::Domain, Fault::ControlCharacter),
                (Place::EntityId, wrong_type()),
                (Place::Content, Fault::Blank),
                (Place::Timestamp, not_rfc3339),
                (tags(), wrong_type()),
                (other(), Fault::UnknownMember { known: &[] }),
            ]
        );
    }

    #[test]
    fn a_fault_outside_the_five_fields_alone_refuses_the_memory() {
        let mut draft = draft();
        let place = Place::Request(vec!["id".to_owned()]);
        draft.others = Violations::one(place.clone(), Fault::Required);
        assert_eq!(faults(draft), [(place, Fault::Required)]);
    }

    #[test]
    fn content_has_no_rule_except_that_it_is_not_blank() {
        for content in ["\0", " x\n", "\u{200b}", &"x".repeat(100_000)] {
            let mut draft = draft();
            draft.content = Ok(Some(content.to_owned()));
            let memory = Memory::new(draft, now()).unwrap();
            assert_eq!(memory.content(), content, "kept to the byte");
        }
        for blank in ["", "\n\t ", "\u{3000}\u{85}"] {
            let mut draft = draft();
            draft.content = Ok(Some(blank.to_owned()));
            assert_eq!(faults(draft), [(Place::Content, Fault::Blank)]);
        }
    }

    #[test]
    fn a_name_of_150_bytes_is_stored_and_one_of_151_is_not() {
        let named = |bytes: usize| {
            let mut draft = draft();
            draft.entity_id = Ok(Some("n".repeat(bytes)));
            Memory::new(draft, now())
        };
        assert!(named(NAME_BYTES_MAX).is_ok());
        let too_long = Violations::one(Place::EntityId, Fault::TooLong { bytes: 151 });
        assert_eq!(named(NAME_BYTES_MAX + 1), Err(too_long));
    }
}
