//! A key of the bucket: a claim is read only from a key of the log, and a selection compares whole names.

use memory_log::object::KeyClaim;
use memory_log::timestamp::Timestamp;
use memory_s3::reader::Selection;

use super::instant::{fraction, instant};
use super::problem::is_uuid;
use super::sent::key_of;

/// Checks a key, as a listing of the bucket gives it.
pub fn key(bytes: &[u8]) {
    // S3 has no keys that are not UTF-8.
    let Ok(key) = std::str::from_utf8(bytes) else {
        return;
    };
    let claim = KeyClaim::parse(key);
    assert_eq!(
        claim,
        KeyClaim::parse(key),
        "the same key is read differently"
    );
    let read = claim.as_ref().map(|claim| {
        let names = (claim.domain.clone(), claim.entity_id.clone());
        (names, claim.timestamp.to_string())
    });
    assert_eq!(read, read_by_hand(key), "{key:?}");
    match claim {
        Some(claim) => check_selections(key, &claim),
        None => check_foreign(key),
    }
}

type Names = (String, String);

/// The domain, the entity and the timestamp of a key of the log; `None` for any other key.
fn read_by_hand(key: &str) -> Option<(Names, String)> {
    let parts: Vec<_> = key.split('/').collect();
    let [_, domain, entity_id, _, _, _, file] = parts[..] else {
        return None;
    };
    let domain = decoded(domain.strip_prefix("domain=")?)?;
    let entity_id = decoded(entity_id.strip_prefix("entity=")?)?;
    // For example 2026-01-27T03-14-22.000000000Z_3801baa2-1063-86b6-b294-c22f1c2f081e.json
    let (written, id) = file.strip_suffix(".json")?.split_once('_')?;
    let (date, time) = written.split_once('T')?;
    let rfc3339 = format!("{date}T{}", time.replace('-', ":"));
    let (_, nanos) = instant(&rfc3339)?;
    let (whole, _) = rfc3339.split_once('.')?;
    let is_name = |name: &str| {
        let is_blank = name.chars().all(char::is_whitespace);
        name.len() <= 150 && !is_blank && !name.chars().any(char::is_control)
    };
    // The version of a UUID is its 15th character, the variant its 20th.
    let is_version_8 =
        id.get(14..15) == Some("8") && id.get(19..20).is_some_and(|c| "89ab".contains(c));
    let is_written = is_uuid(id)
        && is_version_8
        && *id == id.to_ascii_lowercase()
        && is_name(&domain)
        && is_name(&entity_id)
        && key == key_of(&domain, &entity_id, whole, nanos, id);
    let timestamp = format!("{whole}{}Z", fraction(nanos));
    is_written.then_some(((domain, entity_id), timestamp))
}

/// Decodes a name that is percent-encoded (RFC 3986, section 2.1).
fn decoded(name: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut left = name.bytes();
    while let Some(byte) = left.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [left.next()?, left.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            _ => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Checks that a key is in the selections of its whole names and of its instant, and not in those of
/// other names or of earlier instants.
fn check_selections(key: &str, claim: &KeyClaim) {
    let domain = Some(claim.domain.clone());
    let entity_id = Some(claim.entity_id.clone());
    let own = Selection {
        domain: domain.clone(),
        entity_id: entity_id.clone(),
        since: Some(claim.timestamp),
        until: None,
    };
    let start = own.range().after.expect("an entity is listed by time");
    assert!(*start < *key, "{start:?} is not before {key:?}");
    for selection in [
        Selection::default(),
        Selection {
            domain,
            ..Selection::default()
        },
        Selection {
            entity_id,
            ..Selection::default()
        },
        own.clone(),
    ] {
        assert!(selection.has(key), "{key:?} is not in {selection:?}");
        let prefix = selection.range().prefix;
        assert!(key.starts_with(&prefix), "{key:?} is not under {prefix:?}");
    }
    let mut others = vec![Selection {
        until: Some(claim.timestamp),
        ..own.clone()
    }];
    for name in others_than(&claim.domain) {
        others.push(Selection {
            domain: Some(name),
            ..own.clone()
        });
    }
    for name in others_than(&claim.entity_id) {
        others.push(Selection {
            entity_id: Some(name),
            ..own.clone()
        });
    }
    for other in others {
        assert!(!other.has(key), "{key:?} is in {other:?}");
        let is_elsewhere = (&other.domain, &other.entity_id) != (&own.domain, &own.entity_id);
        assert!(
            !(is_elsewhere && key.starts_with(&other.range().prefix)),
            "{key:?} is listed"
        );
    }
}

/// Names that differ from this name by one character or in case.
fn others_than(name: &str) -> Vec<String> {
    let mut shorter = name.to_owned();
    shorter.pop();
    let mut names = vec![
        shorter,
        format!("{name}2"),
        format!("{name}/"),
        format!(" {name}"),
        name.to_ascii_uppercase(),
        name.to_ascii_lowercase(),
    ];
    names.retain(|other| other != name);
    names
}

/// Checks that a key that is not a key of the log is in each selection, so that a foreign object is
/// reported.
fn check_foreign(key: &str) {
    let narrow = Selection {
        domain: Some("work".to_owned()),
        entity_id: Some("rob".to_owned()),
        since: None,
        until: Some(Timestamp::from_unix_micros(0)),
    };
    for selection in [Selection::default(), narrow] {
        assert!(selection.has(key), "{key:?} is not in {selection:?}");
    }
}
