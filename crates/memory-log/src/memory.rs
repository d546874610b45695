//! What a memory is, and which drafts can become one.
//!
//! [`Draft`] is the only way to make a [`Memory`]: for every request shape, the rules about meaning
//! are applied here, and all faults are reported, not only the first. The module must not know
//! HTTP, AWS, a clock or the environment; time enters by an argument.

use crate::fault::{Fault, Given, Place, Violations};
use crate::metadata::Metadata;
use crate::timestamp::Timestamp;

/// Longest `domain` or `entity_id`, in bytes of UTF-8: two fully percent-encoded names still fit
/// the 1,024 bytes of an S3 key.
pub const NAME_BYTES_MAX: usize = 150;

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
}
