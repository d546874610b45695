//! What a plan says and does, for each thing that there can be.

use memory_log::event::{Change, Reason};
use memory_log::object::earliest_key;
use memory_log::scope::operator;

use super::*;

const ID: &str = "3801baa2-1063-86b6-b294-c22f1c2f081e";
const OTHER: &str = "3801baa2-1063-86b6-b294-c22f1c2f081f";
const BEFORE: &str = "2026-01-01T00:00:00Z";
const NOW: &str = "2026-02-01T00:00:00Z";
const LATER: &str = "2027-01-01T00:00:00Z";

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn scope() -> ReadScope {
    operator().entity("work", "rob")
}

fn memory(id: &str) -> String {
    let of_log = memory_log::object::Prefix::Entity {
        domain: "work",
        entity_id: "rob",
    };
    format!("{}_{id}.json", earliest_key(of_log, at(NOW)))
}

fn event_key(id: &str, seq: u8) -> String {
    format!("events/domain=work/entity=rob/{id}/{seq:010}.json")
}

fn kept(key: &str, id: &str) -> Kept {
    Kept {
        version: Version {
            id: id.to_owned(),
            ..file(key.to_owned(), 7)
        },
        lock: Lock::default(),
    }
}

fn retained(key: &str, mode: Mode, until: &str) -> Kept {
    let retention = Some((mode, at(until)));
    Kept {
        lock: Lock {
            retention,
            legal_hold: false,
        },
        ..kept(key, "locked")
    }
}

/// An event as a reader finds it.
fn event(
    seq: u8,
    status: Status,
    actor: &str,
    reason: Option<&str>,
) -> (EventKey, Result<Event, EventError>) {
    let change = Change {
        status,
        actor: Actor::new(actor),
        reason: reason.and_then(Reason::new),
        timestamp: at(BEFORE),
    };
    let key = EventKey::parse(&event_key(ID, seq)).unwrap();
    let last = seq.checked_sub(1).and_then(Seq::new);
    let id = ID.parse().unwrap();
    let event = match reason {
        None if seq > 200 => {
            Event::tombstone("work", "rob", id, last, Actor::new(actor), at(BEFORE))
        }
        _ => Event::next("work", "rob", id, last, change),
    };
    (key, Ok(event.unwrap()))
}

fn found(memory_id: Option<&str>) -> Found {
    Found {
        meant: Meant::new(scope(), memory_id.map(|id| id.parse().unwrap())),
        memories: Vec::new(),
        events: Vec::new(),
        history: Vec::new(),
        view: Vec::new(),
        foreign: Vec::new(),
    }
}

fn one() -> Found {
    Found {
        memories: vec![kept(&memory(ID), "v1")],
        ..found(Some(ID))
    }
}

fn bucket() -> Bucket {
    Bucket {
        endpoint: None,
        log: "my-memories".to_owned(),
        view: Some((
            "my-views".to_owned(),
            "views/1/domain=work/entity=rob.zst".to_owned(),
        )),
    }
}

fn in_bucket(found: Found) -> String {
    Erasure::of(found, at(NOW)).unwrap().in_bucket(&bucket())
}

/// The keys and versions that the plan deletes.
fn deleted(found: Found) -> Vec<String> {
    let erasure = Erasure::of(found, at(NOW)).unwrap();
    let gone = erasure.memories().chain(erasure.events());
    gone.map(|kept| format!("{} {}", kept.version.key, kept.version.id))
        .collect()
}

#[test]
fn the_plan_for_one_memory_is_this() {
    let found = Found {
        memories: vec![
            kept(&memory(ID), "v2"),
            retained(&memory(ID), Mode::Governance, LATER),
        ],
        events: vec![kept(&event_key(ID, 1), "e1")],
        history: vec![event(
            1,
            Status::Verified,
            "alice",
            Some("checked\nrm -r /"),
        )],
        foreign: vec!["memories/domain=work/entity=rob/x".to_owned()],
        ..one()
    };
    insta::assert_snapshot!(in_bucket(found));
}

#[test]
fn a_memory_of_another_id_or_a_foreign_key_is_not_meant_by_an_id() {
    let listed = |keys: &[String]| {
        keys.iter()
            .map(|key| file(key.clone(), 1))
            .collect::<Vec<_>>()
    };
    let keys = [
        memory(ID),
        memory(OTHER),
        format!("{}.bak", memory(ID)),
        format!("memories/domain=work/entity=rob/{ID}"),
    ];
    let of = |meant: &Meant| {
        let (meant, foreign) = meant.of_memories(listed(&keys));
        (
            meant
                .into_iter()
                .map(|version| version.key)
                .collect::<Vec<_>>(),
            foreign,
        )
    };
    let one = Meant::new(scope(), Some(ID.parse().unwrap()));
    let mut foreign = keys[2..].to_vec();
    foreign.sort();
    assert_eq!(of(&one), (keys[..1].to_vec(), foreign));
    assert_eq!(one.events(), format!("events/domain=work/entity=rob/{ID}/"));
    let all = Meant::new(scope(), None);
    assert_eq!(of(&all), (keys.to_vec(), Vec::new()));
    assert_eq!(all.events(), "events/domain=work/entity=rob/");
}

#[test]
fn a_tombstone_is_above_every_version_of_an_event_even_a_hidden_one() {
    let hidden = Kept {
        version: Version {
            kind: Kind::Marker,
            ..kept(&event_key(ID, 7), "m").version
        },
        lock: Lock::default(),
    };
    let found = Found {
        events: vec![kept(&event_key(ID, 1), "e1"), hidden],
        ..one()
    };
    let erasure = Erasure::of(found.clone(), at(NOW)).unwrap();
    let keys: Vec<_> = erasure.tombstones.iter().map(|event| &*event.key).collect();
    assert_eq!(keys, [event_key(ID, 8)]);
    let event = EventKey::parse(&event_key(ID, 8)).unwrap();
    let event = Event::read(event, &erasure.tombstones[0].body).unwrap();
    assert_eq!(
        (event.change().status, &event.change().reason),
        (Status::Deleted, &None)
    );
    assert_eq!(
        deleted(found),
        [
            format!("{} v1", memory(ID)),
            format!("{} e1", event_key(ID, 1)),
            format!("{} m", event_key(ID, 7)),
        ]
    );
}

#[test]
fn a_tombstone_that_is_there_is_kept_and_only_its_older_versions_go() {
    let old = Kept {
        version: Version {
            is_latest: false,
            ..kept(&event_key(ID, 2), "old").version
        },
        lock: Lock::default(),
    };
    let there = |actor: &str, reason: Option<&str>| Found {
        events: vec![
            kept(&event_key(ID, 1), "e1"),
            kept(&event_key(ID, 2), "e2"),
            old.clone(),
        ],
        history: vec![event(2, Status::Deleted, actor, reason)],
        ..found(None)
    };
    let goes = [
        format!("{} e1", event_key(ID, 1)),
        format!("{} old", event_key(ID, 2)),
    ];
    assert_eq!(deleted(there(ACTOR, None)), goes);
    let erasure = Erasure::of(there(ACTOR, None), at(NOW)).unwrap();
    assert_eq!(erasure.tombstones, []);
    // A deletion by a person names that person, and one with a reason has words.
    for (actor, reason) in [("alice", None), (ACTOR, Some("x"))] {
        let erasure = Erasure::of(there(actor, reason), at(NOW)).unwrap();
        assert_eq!(erasure.tombstones.len(), 1);
        assert_eq!(erasure.left, BTreeSet::from([event_key(ID, 3)]));
        assert_eq!(erasure.events().count(), 3);
    }
}

#[test]
fn after_the_last_number_only_a_tombstone_that_is_there_makes_a_plan() {
    let last = event_key(ID, 201);
    let with = |history| Found {
        events: vec![kept(&last, "e")],
        history,
        ..one()
    };
    let sound = with(vec![event(201, Status::Deleted, "alice", None)]);
    assert_eq!(deleted(sound), [format!("{} v1", memory(ID))]);
    let damaged = (EventKey::parse(&last).unwrap(), Err(EventError::NotAnEvent));
    for history in [vec![damaged], Vec::new()] {
        let error = Erasure::of(with(history), at(NOW)).unwrap_err();
        assert_eq!(error, EraseError::LastNumber(last.clone()));
    }
}

#[test]
fn what_is_held_is_not_deleted_and_the_plan_says_first_that_it_is_not_complete() {
    let legal = Kept {
        lock: Lock {
            retention: None,
            legal_hold: true,
        },
        ..kept(&memory(OTHER), "held")
    };
    let of = |kept: Vec<Kept>| Found {
        memories: kept,
        ..found(None)
    };
    for held in [retained(&memory(ID), Mode::Compliance, LATER), legal] {
        let found = of(vec![kept(&memory(ID), "free"), held.clone()]);
        assert_eq!(deleted(found.clone()), [format!("{} free", memory(ID))]);
        let plan = in_bucket(found);
        assert!(plan.contains("What stays is 1 version:"), "{plan}");
        assert!(plan.find("NOT BE COMPLETE") < plan.find("set -eu"));
        assert!(!plan.contains(&format!(r#""VersionId":"{}""#, held.version.id)));
    }
    // A time that is over holds nothing, and needs no bypass.
    for mode in [Mode::Compliance, Mode::Governance] {
        let plan = in_bucket(of(vec![retained(&memory(ID), mode, BEFORE)]));
        assert!(plan.contains(r#""VersionId":"locked""#) && !plan.contains("delete --bypass"));
        assert!(!plan.contains("NOT BE COMPLETE"));
    }
    let plan = in_bucket(of(vec![retained(&memory(ID), Mode::Governance, LATER)]));
    assert!(plan.contains("delete --bypass-governance-retention <<'VERSIONS'"));
}

#[test]
fn a_batch_has_at_most_a_thousand_versions_and_all_batches_have_all() {
    for (versions, batches) in [(1, 1), (1_000, 1), (1_001, 2), (2_500, 3)] {
        let memories = (0..versions).map(|number| kept(&memory(ID), &format!("v{number}")));
        let plan = in_bucket(Found {
            memories: memories.collect(),
            ..one()
        });
        assert_eq!(plan.matches("delete <<'VERSIONS'").count(), batches);
        assert_eq!(plan.matches("\"VersionId\":").count(), versions);
        for batch in plan.split("delete <<'VERSIONS'\n").skip(1) {
            let batch = batch.split("VERSIONS\n").next().unwrap();
            let batch: serde_json::Value = serde_json::from_str(batch).unwrap();
            assert!(batch["Objects"].as_array().unwrap().len() <= 1_000);
        }
    }
}

#[test]
fn a_key_that_xml_cannot_carry_is_deleted_alone_and_one_that_no_shell_can_name_stops_the_plan() {
    let foreign = |key: &str| Found {
        memories: vec![kept(
            &format!("memories/domain=work/entity=rob/{key}"),
            "-v",
        )],
        ..found(None)
    };
    for key in ["a\rb", "it's\n$(x)", "\u{1}", "é", "a b"] {
        let plan = in_bucket(foreign(key));
        let quoted = key.replace('\'', r"'\''");
        let line = format!(
            "\naws s3api delete-object --bucket \"$bucket\" --key='memories/domain=work/entity=rob/{quoted}' --version-id='-v'\n"
        );
        assert!(
            plan.contains(&line) && !plan.contains("delete <<"),
            "{plan}"
        );
    }
    let key = "<a>&\"b\"\\'%27";
    let plan = in_bucket(foreign(key));
    assert!(plan.contains(
        &serde_json::to_string(&format!("memories/domain=work/entity=rob/{key}")).unwrap()
    ));
    let error = Erasure::of(foreign("a\0b"), at(NOW)).unwrap_err();
    assert!(matches!(error, EraseError::Unnameable(_)), "{error}");
}

#[test]
fn no_text_of_a_log_leaves_its_comment() {
    let hostile = "x\nrm -r /\r\n\u{1b}[2J'\"`$(y)";
    let found = Found {
        meant: Meant::new(operator().entity(hostile, hostile), None),
        memories: vec![kept("memories/x", hostile)],
        history: vec![event(1, Status::Verified, hostile, Some(hostile))],
        foreign: vec![hostile.to_owned()],
        ..one()
    };
    let erasure = Erasure::of(found, at(NOW)).unwrap();
    for text in [
        erasure.told(hostile),
        erasure.told_held(),
        erasure.names(hostile),
    ] {
        assert!(text.lines().all(|line| line.starts_with('#')), "{text}");
        assert!(!text.contains(['\r', '\u{1b}']));
    }
}

#[test]
fn a_plan_is_run_at_the_endpoint_where_it_was_made() {
    let plan = |endpoint: Option<&str>| {
        let place = Bucket {
            endpoint: endpoint.map(str::to_owned),
            ..bucket()
        };
        Erasure::of(one(), at(NOW)).unwrap().in_bucket(&place)
    };
    assert!(plan(None).contains("\nunset AWS_ENDPOINT_URL_S3\n"));
    let of_minio = plan(Some("http://127.0.0.1:9000/it's"));
    assert!(of_minio.contains("\nexport AWS_ENDPOINT_URL_S3='http://127.0.0.1:9000/it'\\''s'\n"));
    let with_password = plan(Some("http://rob:s3cret@127.0.0.1:9000"));
    assert!(!with_password.contains("s3cret") && !with_password.contains("unset"));
}
