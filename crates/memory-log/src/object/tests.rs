//! Tests of ids, keys and bytes: the worked examples of `tests/vectors`, and the near misses of an
//! object and of a key.

use super::*;
use crate::json::spell;

const KEY: &str = "memories/domain=work/entity=rob/2026/01/27/2026-01-27T03-14-22.000000000Z_a038005e-df18-834f-9967-7379d439014a.json";
const BODY: &str = r#"{"schema_version":1,"memory_id":"a038005e-df18-834f-9967-7379d439014a","entity_id":"rob","domain":"work","timestamp":"2026-01-27T03:14:22Z","content":"x","metadata":{}}"#;

/// One worked example of `tests/vectors`.
struct Worked {
    about: String,
    request: String,
    memory_id: String,
    key: String,
    object: String,
}

fn worked(file: &str) -> Vec<Worked> {
    let examples: serde_json::Value = serde_json::from_str(file).unwrap();
    let text = |example: &serde_json::Value, name: &str| example[name].as_str().unwrap().to_owned();
    let examples = examples.as_array().unwrap().iter();
    let examples: Vec<_> = examples
        .map(|example| Worked {
            about: text(example, "about"),
            request: text(example, "request"),
            memory_id: text(example, "memory_id"),
            key: text(example, "s3_key"),
            object: text(example, "object"),
        })
        .collect();
    assert!(!examples.is_empty());
    examples
}

fn worked_tool_bodies() -> Vec<Worked> {
    worked(include_str!("../../../../tests/vectors/tool.json"))
}

fn worked_envelopes() -> Vec<Worked> {
    worked(include_str!("../../../../tests/vectors/envelope.json"))
}

/// The memory of a request that spells the five fields as they are.
pub(super) fn memory(request: &str) -> Memory {
    let json = Json::parse(request.as_bytes()).unwrap();
    let root = json.root();
    let draft = Draft::of_fields(root, Violations::default());
    Memory::new(draft, Timestamp::from_unix_micros(0)).unwrap()
}

/// The object of such a request.
pub(super) fn object(request: &str) -> Object {
    Object::of(&memory(request))
}

fn read(body: &str) -> Result<Object, ObjectError> {
    Object::read(KEY, body.as_bytes()).map(|stored| stored.object)
}

/// The body of the read examples with one piece of it replaced, which must be there.
fn with(piece: &str, other: &str) -> String {
    assert!(BODY.contains(piece), "{piece}");
    BODY.replacen(piece, other, 1)
}

#[test]
fn every_worked_tool_body_has_its_id_its_key_and_its_bytes() {
    for example in worked_tool_bodies() {
        let object = object(&example.request);
        let memory_id = object.memory_id.to_string();
        assert_eq!(memory_id, example.memory_id, "{}", example.about);
        assert_eq!(object.key, example.key, "{}", example.about);
        let body = std::str::from_utf8(&object.body).unwrap();
        assert_eq!(body, example.object, "{}", example.about);
        let digest: [u8; 32] = Sha256::digest(&object.body).into();
        assert_eq!(object.sha256, digest);
    }
}

#[test]
fn every_worked_object_is_proved_and_so_is_what_its_key_says() {
    for example in [worked_tool_bodies(), worked_envelopes()]
        .into_iter()
        .flatten()
    {
        let stored = Object::read(&example.key, example.object.as_bytes()).unwrap();
        let Stored { memory, object } = stored;
        assert_eq!(object.body, example.object.as_bytes(), "{}", example.about);
        assert_eq!(object.memory_id.to_string(), example.memory_id);
        assert_eq!(Object::of(&memory), object, "{}", example.about);
        let claim = KeyClaim {
            domain: memory.domain().to_owned(),
            entity_id: memory.entity_id().to_owned(),
            timestamp: memory.timestamp(),
            memory_id: object.memory_id,
        };
        assert_eq!(claim.to_string(), example.key);
        assert_eq!(KeyClaim::parse(&example.key), Some(claim));
    }
}

#[test]
fn an_id_is_a_uuid_of_version_8_in_its_standard_variant() {
    for example in worked_tool_bodies() {
        let id = object(&example.request).memory_id;
        assert_eq!(id.get_version_num(), 8);
        assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
    }
}

#[test]
fn bytes_that_are_not_json_are_not_an_object() {
    for body in [
        "",
        "{",
        "\u{feff}{}",
        &BODY[..BODY.len() - 1],
        &with("\"content\":", "\"content\":\"y\",\"content\":"),
        &with("\"x\"", r#""\ud800""#),
    ] {
        let error = read(body).unwrap_err();
        assert!(
            matches!(error, ObjectError::NotJson(_)),
            "{body}: {error:?}"
        );
    }
    let error = Object::read(KEY, b"\xff").unwrap_err();
    assert!(matches!(error, ObjectError::NotJson(_)));
}

#[test]
fn another_schema_version_is_named_and_nothing_else_is_judged() {
    for (version, found) in [
        ("0", "0"),
        ("2.0", "2.0"),
        ("2e0", "2e0"),
        ("-2", "-2"),
        ("\"2\"", "\"2\""),
        ("18446744073709551616", "18446744073709551616"),
        ("1.0", "1.0"),
        ("10e-1", "10e-1"),
        ("\"1\"", "\"1\""),
        ("null", "none"),
    ] {
        let body = with(
            "\"schema_version\":1",
            &format!("\"schema_version\":{version}"),
        );
        assert_eq!(read(&body), Err(ObjectError::OtherSchema(found.to_owned())));
    }
    for body in ["{}", "[]", "null", "7", r#"{"Schema_version":1}"#] {
        assert_eq!(read(body), Err(ObjectError::OtherSchema("none".to_owned())));
    }
}

#[test]
fn a_later_schema_version_is_told_apart_from_every_other() {
    for version in [2, 10, u64::MAX] {
        let newer = format!(r#"{{"schema_version":{version},"anything":[]}}"#);
        assert_eq!(read(&newer), Err(ObjectError::NewerSchema(version)));
    }
}

#[test]
fn an_object_without_one_of_its_members_is_not_a_memory() {
    for (member, null) in [
        (
            r#""memory_id":"a038005e-df18-834f-9967-7379d439014a","#,
            r#""memory_id":null,"#,
        ),
        (r#""entity_id":"rob","#, r#""entity_id":null,"#),
        (r#""domain":"work","#, r#""domain":null,"#),
        (
            r#""timestamp":"2026-01-27T03:14:22Z","#,
            r#""timestamp":null,"#,
        ),
        (r#""content":"x","#, r#""content":null,"#),
        (r#","metadata":{}"#, r#","metadata":null"#),
    ] {
        for other in ["", null] {
            let body = with(member, other);
            assert_eq!(read(&body), Err(ObjectError::NotAMemory), "{body}");
        }
    }
}

#[test]
fn an_object_whose_field_breaks_its_rule_is_not_a_memory() {
    let long = format!("\"{}\"", "n".repeat(151));
    for (member, other) in [
        ("\"rob\"", "\" \""),
        ("\"rob\"", "7"),
        ("\"work\"", long.as_str()),
        ("\"work\"", r#""a\u0000""#),
        ("\"x\"", r#""\n""#),
        ("\"2026-01-27T03:14:22Z\"", "\"2026-01-27\""),
        ("\"2026-01-27T03:14:22Z\"", "\"1969-12-31T23:59:59Z\""),
        ("{}", "[]"),
        ("{}", r#"{"tags":"a"}"#),
    ] {
        let body = with(member, other);
        assert_eq!(read(&body), Err(ObjectError::NotAMemory), "{body}");
    }
}

#[test]
fn a_changed_field_under_the_old_id_is_named_with_the_id_that_it_derives() {
    let changed = with("\"x\"", "\"y\"");
    let Err(ObjectError::OtherId { derived }) = read(&changed) else {
        panic!("{changed}");
    };
    let y = object(
        r#"{"entity_id":"rob","domain":"work","content":"y","timestamp":"2026-01-27T03:14:22Z"}"#,
    );
    assert_eq!(derived, y.memory_id);
    let renamed = with("a038005e", "b038005e");
    let own = read(BODY).unwrap().memory_id;
    assert_eq!(read(&renamed), Err(ObjectError::OtherId { derived: own }));
}

#[test]
fn the_same_memory_in_other_bytes_is_not_its_normal_form() {
    for body in [
        format!("{BODY}\n"),
        format!(" {BODY}"),
        with(",\"content\"", ", \"content\""),
        with("\"x\"", r#""\u0078""#),
        with(
            "a038005e-df18-834f-9967-7379d439014a",
            "A038005E-DF18-834F-9967-7379D439014A",
        ),
        with("03:14:22Z", "03:14:22.0Z"),
        with("03:14:22Z", "10:14:22+07:00"),
        with("{}", "{ }"),
        with(
            r#""entity_id":"rob","domain":"work""#,
            r#""domain":"work","entity_id":"rob""#,
        ),
        with(r#","metadata":{}"#, r#","metadata":{},"extra":1"#),
    ] {
        assert_eq!(read(&body), Err(ObjectError::OtherSpelling), "{body}");
    }
}

#[test]
fn a_sound_object_under_another_key_is_named_with_its_own_key() {
    for other in [
        "",
        "memories",
        &KEY.replace("rob", "bob"),
        &KEY.replace("000000000Z", "000000001Z"),
        &KEY.replace("a038005e", "b038005e"),
        &format!("{KEY}.json"),
        &KEY.to_uppercase(),
    ] {
        let derived = KEY.to_owned();
        let expected = Err(ObjectError::OtherKey { derived });
        let found = Object::read(other, BODY.as_bytes()).map(|stored| stored.object);
        assert_eq!(found, expected, "{other}");
    }
    assert!(read(BODY).is_ok());
}

#[test]
fn every_error_says_what_was_found_and_what_was_expected() {
    let derived = read(BODY).unwrap().memory_id;
    for (error, said) in [
        (
            ObjectError::NotJson("it is empty".to_owned()),
            "the body is not JSON: it is empty",
        ),
        (
            ObjectError::OtherSchema("none".to_owned()),
            "schema_version is none, and this program reads version 1",
        ),
        (
            ObjectError::NewerSchema(2),
            "schema_version is 2, and this program reads version 1",
        ),
        (
            ObjectError::NotAMemory,
            "a field of the memory is missing or breaks its rule",
        ),
        (
            ObjectError::OtherId { derived },
            "the content has the id a038005e-df18-834f-9967-7379d439014a, not the one stored",
        ),
        (
            ObjectError::OtherSpelling,
            "the bytes are not the memory's normal form",
        ),
        (
            ObjectError::OtherKey {
                derived: "k".to_owned(),
            },
            "the content belongs under k",
        ),
    ] {
        assert_eq!(error.to_string(), said);
    }
}

#[test]
fn a_key_is_read_only_in_its_one_spelling() {
    assert!(KeyClaim::parse(KEY).is_some());
    let with = |piece: &str, other: &str| {
        assert!(KEY.contains(piece), "{piece}");
        KEY.replacen(piece, other, 1)
    };
    for near in [
        String::new(),
        format!("/{KEY}"),
        format!("{KEY}/"),
        format!("{KEY}\n"),
        with("memories/", ""),
        with("memories/", "memory/"),
        with("memories/", "Memories/"),
        with("memories/", "memories//"),
        with("domain=work", "work"),
        with("domain=work/entity=rob", "entity=rob/domain=work"),
        with("work", "w%6Frk"),
        with("work", "w%6frk"),
        with("work", "w%ffrk"),
        with("work", "w+rk"),
        with("work", "w rk"),
        with("work", "w%2frk"),
        with("work", "wörk"),
        with("rob/", "rob/rob/"),
        // Names and ids that no memory can have.
        with("work", ""),
        with("work", "%20%C2%A0"),
        with("work", "w%0Ark"),
        with("rob", &"r".repeat(151)),
        with("rob", "%7F"),
        with("-834f-", "-434f-"),
        with("-9967-", "-c967-"),
        with("2026/01/27/", "2026/01/28/"),
        with("2026/01/27/", "2026/1/27/"),
        with("2026/01/27/", ""),
        with("2026-01-27T", "2026-01-27t"),
        with("2026-01-27T", "2026-02-30T"),
        with("03-14-22", "03:14:22"),
        with("03-14-22", "23-59-60"),
        with(".000000000Z", "Z"),
        with(".000000000Z", ".000Z"),
        with(".000000000Z", ".0000000000Z"),
        with(".000000000Z", ".000000000z"),
        with(".000000000Z", ".000000000"),
        with("Z_", "Z-"),
        with("Z_", "Z__"),
        with("a038005e", "A038005E"),
        with("a038005e-df18", "a038005edf18"),
        with("a038005e", "a038005"),
        with("a038005e", "g038005e"),
        with(".json", ""),
        with(".json", ".JSON"),
        with(".json", ".json.json"),
    ] {
        assert_eq!(KeyClaim::parse(&near), None, "{near}");
    }
}

#[test]
fn a_key_claims_the_names_as_they_were_before_they_were_encoded() {
    let key = KEY
        .replace("work", "a%20b%3Dc")
        .replace("rob", "b%C3%BCro%2F..%2F%2525");
    let claim = KeyClaim::parse(&key).unwrap();
    assert_eq!(
        (&*claim.domain, &*claim.entity_id),
        ("a b=c", "büro/../%25")
    );
    assert_eq!(
        claim.timestamp,
        Timestamp::parse("2026-01-27T03:14:22Z").unwrap()
    );
}

#[test]
fn a_prefix_ends_with_a_slash_and_encodes_all_but_unreserved_characters() {
    assert_eq!(Prefix::All.to_string(), "");
    assert_eq!(Prefix::Domain("work").to_string(), "memories/domain=work/");
    let (domain, entity_id) = ("AZaz09-._~", "a/b c%é*+\"");
    assert_eq!(
        Prefix::Entity { domain, entity_id }.to_string(),
        "memories/domain=AZaz09-._~/entity=a%2Fb%20c%25%C3%A9%2A%2B%22/"
    );
}

#[test]
fn the_earliest_key_of_an_instant_lies_between_the_keys_before_it_and_its_own() {
    let prefix = Prefix::Entity {
        domain: "d",
        entity_id: "e",
    };
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let key = |timestamp: &str| {
        let fields = r#""entity_id":"e","domain":"d","content":"c""#;
        object(&format!(r#"{{{fields},"timestamp":"{timestamp}"}}"#)).key
    };
    let earliest = earliest_key(prefix, at("2026-01-27T03:14:22.5Z"));
    assert!(key("2026-01-27T03:14:22.499999999Z") < earliest);
    assert!(earliest < key("2026-01-27T03:14:22.5Z"));
    assert!(earliest < key("2026-01-27T03:14:22.500000001Z"));
}

#[test]
fn two_names_of_150_bytes_fully_encoded_still_fit_the_key_of_s3() {
    for name in ["%".repeat(150), "ü".repeat(75), "😀".repeat(37) + "ü"] {
        let name = spell(&name);
        let key = object(&format!(
            r#"{{"domain":{name},"entity_id":{name},"content":"c"}}"#
        ))
        .key;
        assert_eq!(key.len(), 1_008, "{key}");
        assert!(key.len() <= 1_024 && KeyClaim::parse(&key).is_some());
    }
}
