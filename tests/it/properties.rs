//! What holds for every memory, not only for the examples (contract 1.3, 1.6, 1.7).

use memory_ingress::media_type::BodyType;
use memory_ingress::{jsonapi, tool};
use memory_log::json::Json;
use memory_log::memory::Memory;
use memory_log::object::Object;
use memory_log::timestamp::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

const NOW: i64 = 1_769_483_662_000_000;

fn memory(body: &str, body_type: BodyType) -> Memory {
    let json = Json::parse(body.as_bytes()).unwrap();
    let draft = match body_type {
        BodyType::Json => tool::draft(json.root()).unwrap(),
        BodyType::JsonApi => jsonapi::draft(json.root()).unwrap(),
    };
    Memory::new(draft, Timestamp::from_unix_micros(NOW)).unwrap()
}

/// A JSON string literal, any character of it escaped or not.
fn literal(text: &str, escapes: &[bool]) -> String {
    let mut literal = String::from('"');
    for (character, escape) in text.chars().zip(escapes.iter().cycle()) {
        match character {
            _ if *escape => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    literal += &format!("\\u{unit:04X}");
                }
            }
            '"' | '\\' | '\0'..='\u{1f}' => literal += &format!("\\u{:04x}", u32::from(character)),
            _ => literal.push(character),
        }
    }
    literal.push('"');
    literal
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), 1..40).prop_map(String::from_iter)
}

fn not_blank() -> impl Strategy<Value = String> {
    text().prop_filter("blank", |text| !text.chars().all(char::is_whitespace))
}

fn name() -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), 1..30)
        .prop_map(String::from_iter)
        .prop_filter("no name", |name| {
            !name.chars().all(char::is_whitespace) && !name.contains(char::is_control)
        })
}

fn timestamp() -> impl Strategy<Value = String> {
    (0..253_402_300_800_i64, 0..1_000_000_000_u32).prop_map(|(seconds, nanos)| {
        let whole = Timestamp::from_unix_micros(seconds * 1_000_000).to_string();
        format!("{}.{nanos:09}Z", whole.trim_end_matches('Z'))
    })
}

/// A JSON value with its spelling: white space outside strings is the only thing that may be lost.
fn json() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("-0.0e+2".to_owned()),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,5})?",
        (text(), prop::collection::vec(any::<bool>(), 1..5))
            .prop_map(|(text, escapes)| literal(&text, &escapes)),
    ];
    scalar.prop_recursive(6, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5)
                .prop_map(|items| format!("[{}]", items.join(","))),
            object_of(inner),
        ]
    })
}

fn object_of(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop::collection::btree_map(text(), value, 0..5).prop_map(|members| {
        let members: Vec<_> = members
            .iter()
            .map(|(name, value)| format!("{}:{value}", literal(name, &[false])))
            .collect();
        format!("{{{}}}", members.join(","))
    })
}

fn metadata() -> impl Strategy<Value = String> {
    // The three members with a meaning have their own tests.
    object_of(json()).prop_filter("a member with a meaning", |text| {
        !["tags", "source", "confidence"]
            .iter()
            .any(|name| text.contains(name))
    })
}

fn body(fields: &[(&str, &str)]) -> String {
    let members: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn tool_body(
    domain: &str,
    entity_id: &str,
    content: &str,
    timestamp: &str,
    metadata: &str,
) -> String {
    let quoted = |text: &str| literal(text, &[false]);
    body(&[
        ("entity_id", &quoted(entity_id)),
        ("domain", &quoted(domain)),
        ("content", &quoted(content)),
        ("timestamp", &quoted(timestamp)),
        ("metadata", metadata),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_content_and_any_metadata_come_back_as_they_were_sent(
        content in not_blank(), escapes in prop::collection::vec(any::<bool>(), 1..9), metadata in metadata(), name in name(),
    ) {
        let given = body(&[
            ("content", &literal(&content, &escapes)),
            ("metadata", &metadata),
            ("domain", &literal(&name, &escapes)),
            ("entity_id", &literal(&name, &[true])),
        ]);
        let memory = memory(&given, BodyType::Json);
        prop_assert_eq!(memory.content(), &content);
        let object = Object::of(&memory);
        let stored = std::str::from_utf8(&object.body).unwrap();
        prop_assert!(!stored.contains('\n'));
        let tail = format!(",\"metadata\":{metadata}}}");
        prop_assert!(stored.ends_with(&tail));
        let read: Value = serde_json::from_str(&stored.replace(&tail, "}")).unwrap();
        prop_assert_eq!(read["content"].as_str(), Some(&*content));
        prop_assert_eq!(read["domain"].as_str(), Some(&*name));
        prop_assert_eq!(Object::read(&object.key, &object.body), Ok(object));
    }

    #[test]
    fn white_space_between_tokens_makes_no_other_memory(metadata in metadata(), spaces in "[ \t\n\r]{1,3}") {
        let spaced = |text: &str| {
            let mut quoted = false;
            let mut escaped = false;
            text.chars().map(|character| {
                let outside = !quoted;
                match character {
                    _ if escaped => escaped = false,
                    '\\' => escaped = quoted,
                    '"' => quoted = !quoted,
                    _ => {}
                }
                let structural = outside && "{}[],:".contains(character);
                if structural { format!("{spaces}{character}{spaces}") } else { character.to_string() }
            }).collect::<String>()
        };
        let compact = tool_body("d", "e", "c", "2026-01-27T03:14:22Z", &metadata);
        prop_assert_eq!(memory(&spaced(&compact), BodyType::Json), memory(&compact, BodyType::Json));
    }

    #[test]
    fn the_same_memory_by_either_shape_is_the_same_object(
        content in not_blank(), id in any::<u128>(), memory_type in prop::option::of(name()), upper in any::<bool>(),
        tags in prop::option::of(prop::collection::vec(text(), 0..4)), timestamp in timestamp(),
    ) {
        let id = uuid::Uuid::from_u128(id).to_string();
        let spell = |text: &str| serde_json::to_string(text).unwrap();
        let tags = tags.map(|tags| serde_json::to_string(&tags).unwrap());
        let memory_type = memory_type.map(|name| spell(&name));
        let mut extra = Vec::new();
        extra.extend(memory_type.as_deref().map(|memory_type| ("memory_type", memory_type)));
        extra.extend(tags.as_deref().map(|tags| ("tags", tags)));
        let metadata = body(&extra);
        let flat = tool_body("repository", &id, &content, &timestamp, &metadata);
        let given_id = spell(&if upper { id.to_uppercase() } else { id });
        let (content, timestamp) = (spell(&content), spell(&timestamp));
        extra.reverse();
        extra.extend([("repository_id", &*given_id), ("content", &content), ("timestamp", &timestamp)]);
        let envelope = format!(r#"{{"data":{{"attributes":{},"type":"memories"}}}}"#, body(&extra));
        let (flat, envelope) = (memory(&flat, BodyType::Json), memory(&envelope, BodyType::JsonApi));
        prop_assert_eq!(Object::of(&flat), Object::of(&envelope));
    }

    #[test]
    fn equal_memories_share_a_key_and_any_changed_field_changes_it(
        a in (name(), name(), not_blank(), timestamp(), metadata()), b in (name(), name(), not_blank(), timestamp(), metadata()),
    ) {
        let key = |(domain, entity, content, timestamp, metadata): &(String, String, String, String, String)| {
            Object::of(&memory(&tool_body(domain, entity, content, timestamp, metadata), BodyType::Json)).key
        };
        prop_assert_eq!(key(&a), key(&a.clone()));
        let mut changed = vec![a.clone(); 5];
        changed[0].0.clone_from(&b.0);
        changed[1].1.clone_from(&b.1);
        changed[2].2.clone_from(&b.2);
        changed[3].3.clone_from(&b.3);
        changed[4].4.clone_from(&b.4);
        for other in changed {
            prop_assert_eq!(key(&a) == key(&other), a == other);
        }
        // What one field loses and the next gains is another memory too.
        let moved = (format!("{}x", a.0), a.1.clone(), a.2.clone(), a.3.clone(), a.4.clone());
        let other = (a.0.clone(), format!("x{}", a.1), a.2.clone(), a.3.clone(), a.4.clone());
        prop_assert_ne!(key(&moved), key(&other));
    }

    #[test]
    fn the_order_of_keys_is_the_order_of_time(a in timestamp(), b in timestamp(), nudge in 0..2_u32) {
        let key = |timestamp: &str| Object::of(&memory(&tool_body("d", "e", "c", timestamp, "{}"), BodyType::Json)).key;
        let (time_a, time_b) = (Timestamp::parse(&a).unwrap(), Timestamp::parse(&b).unwrap());
        prop_assert_eq!(key(&a).cmp(&key(&b)), time_a.cmp(&time_b));
        // One nanosecond apart.
        let (whole, _) = a.split_once('.').unwrap();
        let (earlier, later) = (format!("{whole}.{:09}Z", 122 + nudge), format!("{whole}.{:09}Z", 123 + nudge));
        prop_assert!(key(&earlier) < key(&later));
    }

    #[test]
    fn any_one_flipped_bit_of_an_object_is_found(content in not_blank(), metadata in metadata(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let object = Object::of(&memory(&tool_body("d", "e", &content, "2026-01-27T03:14:22Z", &metadata), BodyType::Json));
        let mut flipped = object.body.clone();
        flipped[at.index(object.body.len())] ^= 1_u8 << bit;
        prop_assert!(Object::read(&object.key, &flipped).is_err());
    }

    #[test]
    fn no_bytes_make_the_reader_panic_and_a_malformed_place_lies_in_the_text(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Err(fault) = Json::parse(&bytes) {
            prop_assert!(fault.line <= bytes.iter().filter(|byte| **byte == b'\n').count() + 1);
        }
    }

    #[test]
    fn what_serde_json_reads_this_reader_reads_alike(text in json()) {
        let json = Json::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(json.root().compact(), text);
    }
}
