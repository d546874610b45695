//! Tests of events: the worked examples of `tests/vectors/events.json`, the near misses of an event
//! and of its key, and the table of changes.

use super::*;

const MEMORY: &str = "3801baa2-1063-86b6-b294-c22f1c2f081e";
const KEY: &str =
    "events/domain=work/entity=rob/3801baa2-1063-86b6-b294-c22f1c2f081e/0000000002.json";
const BODY: &str = r#"{"schema_version":1,"memory_id":"3801baa2-1063-86b6-b294-c22f1c2f081e","seq":2,"status":"deleted","actor":"rob","reason":"outdated","timestamp":"2026-01-27T03:14:22Z"}"#;

fn read(body: &str) -> Result<Event, EventError> {
    Event::read(EventKey::parse(KEY).unwrap(), body.as_bytes())
}

/// A text with one piece of it replaced, which must be there.
fn with(text: &str, piece: &str, other: &str) -> String {
    assert!(text.contains(piece), "{piece}");
    text.replacen(piece, other, 1)
}

fn body_with(piece: &str, other: &str) -> String {
    with(BODY, piece, other)
}

fn seq(number: u8) -> Seq {
    Seq::new(number).unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn change(status: Status, reason: Option<&str>) -> Change {
    Change {
        status,
        actor: Actor::new("rob"),
        reason: reason.map(|text| Reason::new(text).unwrap()),
        timestamp: at("2026-01-27T03:14:22Z"),
    }
}

/// The next event of the memory of the examples.
fn next(highest: Option<u8>, change: Change) -> Option<Event> {
    let memory_id = MEMORY.parse().unwrap();
    Event::next("work", "rob", memory_id, highest.map(seq), change)
}

fn tombstone(highest: Option<u8>) -> Option<Event> {
    let memory_id = MEMORY.parse().unwrap();
    let (actor, now) = (Actor::new("root"), at("2026-01-27T03:14:22Z"));
    Event::tombstone("work", "rob", memory_id, highest.map(seq), actor, now)
}

#[test]
fn every_worked_event_has_its_key_and_its_bytes_and_is_proved() {
    let file = include_str!("../../../../tests/vectors/events.json");
    let worked: serde_json::Value = serde_json::from_str(file).unwrap();
    let worked = worked.as_array().unwrap();
    assert!(!worked.is_empty());
    for example in worked {
        let given = |name: &str| example[name].as_str();
        let text = |name: &str| given(name).unwrap();
        let number = u8::try_from(example["seq"].as_u64().unwrap()).unwrap();
        let highest = Some(number - 1).filter(|&highest| highest > 0).map(seq);
        let (domain, entity_id) = (text("domain"), text("entity_id"));
        let memory_id = text("memory_id").parse().unwrap();
        let (actor, timestamp) = (Actor::new(text("actor")), at(text("timestamp")));
        let event = match number {
            201 => Event::tombstone(domain, entity_id, memory_id, highest, actor, timestamp),
            _ => {
                let change = Change {
                    status: Status::parse(text("status")).unwrap(),
                    actor,
                    reason: given("reason").map(|text| Reason::new(text).unwrap()),
                    timestamp,
                };
                Event::next(domain, entity_id, memory_id, highest, change)
            }
        };
        let event = event.unwrap();
        let object = event.object();
        assert_eq!(object.key, text("s3_key"), "{}", text("about"));
        assert_eq!(object.body, text("object").as_bytes(), "{}", text("about"));
        assert_eq!(
            object.sha256,
            <[u8; 32]>::from(Sha256::digest(&object.body))
        );
        let key = EventKey::parse(&object.key).unwrap();
        assert_eq!(&key, event.key(), "{}", text("about"));
        assert_eq!(Event::read(key, &object.body), Ok(event));
    }
}

#[test]
fn bytes_that_are_not_json_are_not_an_event() {
    for body in [
        "",
        "{",
        &BODY[..BODY.len() - 1],
        &body_with("\"seq\":", "\"seq\":2,\"seq\":"),
        &body_with("\"rob\"", r#""\ud800""#),
    ] {
        let error = read(body).unwrap_err();
        assert!(matches!(error, EventError::NotJson(_)), "{body}: {error:?}");
    }
}

#[test]
fn a_later_schema_version_is_told_apart_and_nothing_else_is_judged() {
    assert_eq!(
        read(r#"{"schema_version":2,"anything":[]}"#),
        Err(EventError::LaterSchema(2))
    );
    for version in ["0", "-2", "1.0", "2.5", "\"2\"", "null"] {
        let body = body_with(
            "\"schema_version\":1",
            &format!("\"schema_version\":{version}"),
        );
        assert_eq!(read(&body), Err(EventError::NotAnEvent), "{version}");
    }
    for body in ["{}", "[]", "null", "2"] {
        assert_eq!(read(body), Err(EventError::NotAnEvent), "{body}");
    }
}

#[test]
fn an_event_whose_member_is_missing_or_breaks_its_rule_is_not_an_event() {
    let long = format!("\"reason\":\"{}\"", "r".repeat(1_001));
    for (member, other) in [
        (r#""memory_id":"3801baa2-1063-86b6-b294-c22f1c2f081e","#, ""),
        ("\"3801baa2-1063-86b6-b294-c22f1c2f081e\"", "null"),
        ("3801baa2-", "3801baa2"),
        ("\"seq\":2,", ""),
        ("\"seq\":2", "\"seq\":0"),
        ("\"seq\":2", "\"seq\":202"),
        ("\"seq\":2", "\"seq\":2.0"),
        ("\"seq\":2", "\"seq\":\"2\""),
        ("\"status\":\"deleted\",", ""),
        ("\"deleted\"", "\"Deleted\""),
        ("\"deleted\"", "\"erased\""),
        ("\"actor\":\"rob\",", ""),
        ("\"rob\"", "7"),
        ("\"outdated\"", "null"),
        ("\"outdated\"", "7"),
        ("\"reason\":\"outdated\"", long.as_str()),
        (",\"timestamp\":\"2026-01-27T03:14:22Z\"", ""),
        ("\"2026-01-27T03:14:22Z\"", "\"2026-01-27\""),
    ] {
        let body = body_with(member, other);
        assert_eq!(read(&body), Err(EventError::NotAnEvent), "{body}");
    }
}

#[test]
fn the_same_event_in_other_bytes_is_not_its_normal_form() {
    let long = format!("\"{}\"", "a".repeat(ACTOR_BYTES_MAX + 1));
    for body in [
        format!("{BODY}\n"),
        format!(" {BODY}"),
        body_with(",\"actor\"", ", \"actor\""),
        body_with("\"rob\"", r#""\u0072ob""#),
        body_with("\"rob\"", &long),
        body_with("3801baa2", "3801BAA2"),
        body_with("03:14:22Z", "03:14:22.0Z"),
        body_with("03:14:22Z", "10:14:22+07:00"),
        body_with(
            r#""status":"deleted","actor":"rob""#,
            r#""actor":"rob","status":"deleted""#,
        ),
        body_with("22Z\"}", "22Z\",\"extra\":1}"),
    ] {
        assert_eq!(read(&body), Err(EventError::OtherSpelling), "{body}");
    }
    assert!(read(BODY).is_ok());
}

#[test]
fn a_sound_event_under_another_key_is_named_with_its_own_memory_and_number() {
    let other = with(KEY, "0000000002", "0000000003");
    let moved = Event::read(EventKey::parse(&other).unwrap(), BODY.as_bytes());
    let (memory_id, seq) = (MEMORY.parse().unwrap(), seq(2));
    assert_eq!(moved, Err(EventError::OtherKey { memory_id, seq }));
    let other = with(KEY, "3801baa2", "4801baa2");
    let moved = Event::read(EventKey::parse(&other).unwrap(), BODY.as_bytes());
    assert_eq!(moved, Err(EventError::OtherKey { memory_id, seq }));
}

#[test]
fn a_memory_has_200_changes_and_then_only_a_tombstone() {
    let last = next(Some(199), change(Status::Verified, None)).unwrap();
    assert_eq!(last.seq(), seq(200));
    for status in Status::ALL {
        for highest in [200, 201] {
            assert_eq!(next(Some(highest), change(status, None)), None);
        }
    }
    assert_eq!(tombstone(None).unwrap().seq(), seq(1));
    assert_eq!(tombstone(Some(200)).unwrap().seq(), seq(201));
    assert_eq!(tombstone(Some(201)), None);

    let object = tombstone(Some(200)).unwrap().object();
    let body = std::str::from_utf8(&object.body).unwrap();
    let read = |body: &str| Event::read(EventKey::parse(&object.key).unwrap(), body.as_bytes());
    assert!(read(body).is_ok());
    for other in [
        with(body, "\"deleted\"", "\"verified\""),
        with(body, "\"timestamp\"", "\"reason\":\"r\",\"timestamp\""),
    ] {
        assert_eq!(read(&other), Err(EventError::NotAnEvent), "{other}");
    }
}

#[test]
fn a_key_is_read_only_in_its_one_spelling() {
    assert!(EventKey::parse(KEY).is_some());
    for near in [
        String::new(),
        format!("/{KEY}"),
        format!("{KEY}/"),
        format!("{KEY}\n"),
        with(KEY, "events/", ""),
        with(KEY, "events/", "memories/"),
        with(KEY, "events/", "Events/"),
        with(KEY, "events/", "events//"),
        with(KEY, "domain=work/entity=rob", "entity=rob/domain=work"),
        with(KEY, "work", "w%6Frk"),
        with(KEY, "work", "w rk"),
        with(KEY, "work", "w%2frk"),
        with(KEY, "work", "wörk"),
        with(KEY, "rob/", "rob/rob/"),
        with(KEY, "rob/", ""),
        // Names, ids and numbers that no event can have.
        with(KEY, "work", ""),
        with(KEY, "work", "%20"),
        with(KEY, "rob", &"r".repeat(151)),
        with(KEY, "rob", "%7F"),
        with(KEY, "-86b6-", "-46b6-"),
        with(KEY, "-b294-", "-c294-"),
        with(KEY, "3801baa2", "3801BAA2"),
        with(KEY, "3801baa2-1063", "3801baa21063"),
        with(KEY, "0000000002", "0000000000"),
        with(KEY, "0000000002", "0000000202"),
        with(KEY, "0000000002", "9999999999"),
        with(KEY, "0000000002", "+000000002"),
        with(KEY, "0000000002", "-000000002"),
        with(KEY, "0000000002", "000000002"),
        with(KEY, "0000000002", "00000000002"),
        with(KEY, "0000000002", "2"),
        with(KEY, "0000000002", "000000000２"),
        with(KEY, "0000000002", "0000000002/0000000002"),
        with(KEY, ".json", ""),
        with(KEY, ".json", ".JSON"),
        with(KEY, ".json", ".json.json"),
    ] {
        assert_eq!(EventKey::parse(&near), None, "{near}");
    }
    for (digits, number) in [("0000000001", 1), ("0000000200", 200), ("0000000201", 201)] {
        let key = EventKey::parse(&with(KEY, "0000000002", digits)).unwrap();
        assert_eq!(key.seq, seq(number));
    }
}

#[test]
fn a_key_claims_the_names_as_they_were_before_they_were_encoded() {
    let encoded = with(
        &with(KEY, "work", "a%20b%3Dc"),
        "rob",
        "b%C3%BCro%2F..%2F%2525",
    );
    let key = EventKey::parse(&encoded).unwrap();
    assert_eq!((&*key.domain, &*key.entity_id), ("a b=c", "büro/../%25"));
}

#[test]
fn two_names_of_150_bytes_fully_encoded_still_fit_the_key_of_s3() {
    let name = "%".repeat(150);
    let memory_id = MEMORY.parse().unwrap();
    let event = Event::next(&name, &name, memory_id, None, change(Status::Locked, None)).unwrap();
    let key = event.object().key;
    assert!(
        key.len() <= 1_024 && EventKey::parse(&key).is_some(),
        "{}",
        key.len()
    );
}

#[test]
fn the_longest_event_is_no_longer_than_the_limit_of_what_is_read() {
    let longest = Change {
        status: Status::Unverified,
        actor: Actor::new(&"\u{1}".repeat(5_000)),
        reason: Reason::new("\u{1}".repeat(REASON_BYTES_MAX)),
        timestamp: at("2026-01-27T03:14:22.123456789Z"),
    };
    let bytes = next(Some(199), longest).unwrap().object().body.len();
    assert!(
        (EVENT_BYTES_MAX - 100..=EVENT_BYTES_MAX).contains(&bytes),
        "{bytes}"
    );
}

#[test]
fn a_long_actor_is_cut_between_characters_and_a_long_reason_is_refused() {
    let actor = Actor::new(&"ü".repeat(1_025));
    assert_eq!(actor.as_str(), "ü".repeat(1_024));
    let actor = Actor::new(&format!("a{}", "ü".repeat(1_024)));
    assert_eq!(actor.as_str().len(), 2_047);
    assert_eq!(
        Reason::new("r".repeat(1_000)).unwrap().as_str().len(),
        1_000
    );
    assert_eq!(Reason::new("r".repeat(1_001)), None);
    assert_eq!(Reason::new("ü".repeat(501)), None);
}

#[test]
fn the_table_of_changes_is_that_of_the_specification() {
    use Step::{Deleted, Free, Holds, Locked, Seen};
    let table = [
        [Holds, Free, Free, Free],
        [Free, Holds, Free, Free],
        [Locked, Seen, Holds, Locked],
        [Seen, Deleted, Deleted, Holds],
    ];
    for (from, row) in Status::ALL.into_iter().zip(table) {
        assert_eq!(Status::ALL.map(|to| step(from, to)), row, "{from}");
    }
}

#[test]
fn a_status_has_one_spelling() {
    for status in Status::ALL {
        assert_eq!(Status::parse(&status.to_string()), Some(status));
    }
    for near in [
        "",
        "Verified",
        " locked",
        "deleted ",
        "unverified\n",
        "erased",
    ] {
        assert_eq!(Status::parse(near), None, "{near:?}");
    }
}

#[test]
fn every_error_says_what_was_found_and_what_was_expected() {
    let memory_id = MEMORY.parse().unwrap();
    for (error, said) in [
        (
            EventError::NotJson("it is empty".to_owned()),
            "the body is not JSON: it is empty",
        ),
        (
            EventError::LaterSchema(2),
            "schema_version is 2, and this program reads version 1",
        ),
        (
            EventError::NotAnEvent,
            "a member of the event is missing or breaks its rule",
        ),
        (
            EventError::OtherKey {
                memory_id,
                seq: seq(3),
            },
            "it is event 3 of the memory 3801baa2-1063-86b6-b294-c22f1c2f081e",
        ),
        (
            EventError::OtherSpelling,
            "the bytes are not the event's normal form",
        ),
    ] {
        assert_eq!(error.to_string(), said);
    }
}
