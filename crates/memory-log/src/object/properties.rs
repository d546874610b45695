//! Tests of what holds for every memory: verbatim, one id for one memory, key order is time order
//! (contract 1.3, 1.6, 1.7).

use proptest::prelude::*;

use super::tests::{memory, object};
use super::*;
use crate::json::tests::{json, literal, object_of, text as any_text};

#[test]
fn a_byte_that_moves_from_one_field_to_the_next_makes_another_memory() {
    let id = |domain: &str, entity_id: &str, content: &str| {
        let fields = r#""timestamp":"2026-01-27T03:14:22Z""#;
        let names = format!(r#""domain":"{domain}","entity_id":"{entity_id}""#);
        object(&format!(r#"{{{names},"content":"{content}",{fields}}}"#)).memory_id
    };
    assert_ne!(id("ab", "c", "d"), id("a", "bc", "d"));
    assert_ne!(id("a", "bc", "d"), id("a", "b", "cd"));
    assert_ne!(id("a", "b", "c"), id("b", "a", "c"));
}

/// The five fields of a memory.
type Fields = (String, String, String, String, String);

fn request((domain, entity_id, content, timestamp, metadata): &Fields) -> String {
    let quoted = |text: &str| literal(text, &[false]);
    format!(
        r#"{{"domain":{},"entity_id":{},"content":{},"timestamp":{},"metadata":{metadata}}}"#,
        quoted(domain),
        quoted(entity_id),
        quoted(content),
        quoted(timestamp),
    )
}

fn content() -> impl Strategy<Value = String> {
    any_text().prop_filter("blank", |text| !text.chars().all(char::is_whitespace))
}

fn name() -> impl Strategy<Value = String> {
    let characters = prop::collection::vec(any::<char>(), 1..30);
    characters
        .prop_map(String::from_iter)
        .prop_filter("not a name", |name| {
            !name.chars().all(char::is_whitespace) && !name.contains(char::is_control)
        })
}

fn timestamp() -> impl Strategy<Value = String> {
    (0..253_402_300_800_i64, 0..1_000_000_000_u32).prop_map(|(seconds, nanos)| {
        let whole = Timestamp::from_unix_micros(seconds * 1_000_000).to_string();
        format!("{}.{nanos:09}Z", whole.trim_end_matches('Z'))
    })
}

/// Metadata without the three members that have a meaning, which have their own tests.
fn metadata() -> impl Strategy<Value = String> {
    object_of(json()).prop_filter("a member with a meaning", |text| {
        !["tags", "source", "confidence"]
            .iter()
            .any(|name| text.contains(name))
    })
}

fn fields() -> impl Strategy<Value = Fields> {
    (name(), name(), content(), timestamp(), metadata())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_memory_is_stored_verbatim_on_one_line_and_read_back(fields in fields()) {
        let (memory, object) = (memory(&request(&fields)), object(&request(&fields)));
        prop_assert_eq!(memory.content(), &fields.2);
        prop_assert_eq!(memory.metadata(), &fields.4);
        let stored = std::str::from_utf8(&object.body).unwrap();
        prop_assert!(!stored.contains('\n'));
        let tail = format!(",\"metadata\":{}}}", fields.4);
        prop_assert!(stored.ends_with(&tail));
        let read: serde_json::Value = serde_json::from_str(&stored.replace(&tail, "}")).unwrap();
        prop_assert_eq!(read["domain"].as_str(), Some(&*fields.0));
        prop_assert_eq!(read["entity_id"].as_str(), Some(&*fields.1));
        prop_assert_eq!(read["content"].as_str(), Some(&*fields.2));
        let (timestamp, memory_id) = (memory.timestamp(), object.memory_id);
        let claim = KeyClaim { domain: fields.0, entity_id: fields.1, timestamp, memory_id };
        prop_assert_eq!(&claim.to_string(), &object.key);
        prop_assert_eq!(KeyClaim::parse(&object.key), Some(claim));
        prop_assert_eq!(Object::read(&object.key, &object.body), Ok(Stored { memory, object: object.clone() }));
        prop_assert_eq!(Object::prove(&object.body), Object::read(&object.key, &object.body));
    }

    #[test]
    fn equal_memories_share_an_id_and_any_changed_field_changes_it(a in fields(), b in fields()) {
        let id = |fields: &Fields| object(&request(fields)).memory_id;
        prop_assert_eq!(id(&a), id(&a.clone()));
        let mut changed = [a.clone(), a.clone(), a.clone(), a.clone(), a.clone()];
        changed[0].0.clone_from(&b.0);
        changed[1].1.clone_from(&b.1);
        changed[2].2.clone_from(&b.2);
        changed[3].3.clone_from(&b.3);
        changed[4].4.clone_from(&b.4);
        for other in changed {
            prop_assert_eq!(id(&a) == id(&other), a == other);
        }
    }

    #[test]
    fn the_order_of_keys_is_the_order_of_time_to_the_nanosecond(a in timestamp(), b in timestamp(), nudge in 0..2_u32) {
        let key = |timestamp: &str| {
            object(&format!(r#"{{"domain":"d","entity_id":"e","content":"c","timestamp":"{timestamp}"}}"#)).key
        };
        let (time_a, time_b) = (Timestamp::parse(&a).unwrap(), Timestamp::parse(&b).unwrap());
        prop_assert_eq!(key(&a).cmp(&key(&b)), time_a.cmp(&time_b));
        let (whole, _) = a.split_once('.').unwrap();
        let (earlier, later) = (format!("{whole}.{:09}Z", 122 + nudge), format!("{whole}.{:09}Z", 123 + nudge));
        prop_assert!(key(&earlier) < key(&later));
    }

    #[test]
    fn any_one_flipped_bit_of_an_object_is_found(fields in fields(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let object = object(&request(&fields));
        let mut flipped = object.body.to_vec();
        flipped[at.index(object.body.len())] ^= 1_u8 << bit;
        prop_assert!(Object::prove(&flipped).is_err());
        prop_assert!(Object::read(&object.key, &flipped).is_err());
    }
}
