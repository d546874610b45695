//! Whether a log agrees with what its writers were told. Memories are counted by their nonce, never
//! by their key.

use std::collections::HashMap;
use std::fmt;

use memory_log::timestamp::Timestamp;
use serde_json::Value;

use crate::life::{Attempt, Life};
use crate::surface::Told;

/// A memory of the log.
#[derive(Clone)]
pub(crate) struct Replayed {
    uuid: String,
    content: String,
    timestamp: String,
    memory_id: String,
    metadata: String,
}

impl fmt::Debug for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at {} about {}",
            self.memory_id, self.timestamp, self.uuid
        )
    }
}

impl Replayed {
    pub(crate) fn read(line: &str) -> Self {
        let object: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| object[name].as_str().unwrap().to_owned();
        Self {
            uuid: text("entity_id"),
            content: text("content"),
            timestamp: text("timestamp"),
            memory_id: text("memory_id"),
            metadata: object["metadata"].to_string(),
        }
    }
}

/// Every sentence in which the log and a writer's history contradict each other.
pub(crate) fn violations(lives: &[Life], replayed: &[Replayed]) -> Vec<String> {
    let mut by_nonce: HashMap<&str, Vec<&Replayed>> = HashMap::new();
    for memory in replayed {
        by_nonce.entry(&memory.uuid).or_default().push(memory);
    }
    let mut found = Vec::new();
    for life in lives {
        let memories = by_nonce.remove(&*life.uuid).unwrap_or_default();
        if let Some(what) = contradiction(life, &memories) {
            let Life { uuid, attempts, .. } = life;
            found.push(format!(
                "{what}: {uuid}\n  told: {attempts:?}\n  in the log: {memories:?}"
            ));
        }
    }
    let aliens = by_nonce.into_values().flatten();
    found.extend(aliens.map(|memory| format!("nobody sent this memory\n  {memory:?}")));
    found
}

fn instant(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn contradiction(life: &Life, memories: &[&Replayed]) -> Option<&'static str> {
    let told = |attempt: &Attempt| attempt.told.clone();
    let keys: Vec<_> = life
        .attempts
        .iter()
        .filter_map(|attempt| match told(attempt) {
            Told::Stored { key } => Some(key),
            Told::Failed { .. } => None,
        })
        .collect();
    let is_unknown = life.attempts.iter().any(|attempt| {
        matches!(
            attempt.told,
            Told::Failed {
                known: "unknown",
                ..
            }
        )
    });
    let mut retries = life
        .attempts
        .iter()
        .filter_map(|attempt| match &attempt.told {
            Told::Failed { retry, .. } => Some((attempt.timestamp.as_ref()?, retry)),
            Told::Stored { .. } => None,
        });
    if retries.any(|(sent, retry)| instant(sent) != instant(retry)) {
        return Some("a failure proposes another timestamp than it was sent");
    }
    if memories
        .iter()
        .any(|memory| memory.content != life.content || memory.metadata != "{}")
    {
        return Some("a memory is not what was sent");
    }
    match (&keys[..], memories) {
        ([], []) => None,
        ([], [_]) if is_unknown => None,
        ([], [_]) => Some("told not_written, and present"),
        ([_, ..], []) => Some("told ok, and absent"),
        (_, [_, _, ..]) => Some("stored more than once"),
        ([key, more @ ..], [memory]) => {
            if more.iter().any(|other| other != key) {
                Some("its receipts differ")
            } else if !key.contains(&memory.memory_id) || !key.contains(&memory.uuid) {
                Some("its receipt is of another memory")
            } else {
                let mut sent = life
                    .attempts
                    .iter()
                    .filter_map(|attempt| attempt.timestamp.as_ref());
                let is_sent = sent.all(|sent| instant(sent) == instant(&memory.timestamp));
                (!is_sent).then_some("it has another timestamp than was sent")
            }
        }
    }
}

pub(crate) fn summary(lives: &[Life], replayed: &[Replayed]) -> String {
    let attempts: Vec<_> = lives.iter().flat_map(|life| &life.attempts).collect();
    let count =
        |is: &dyn Fn(&Told) -> bool| attempts.iter().filter(|attempt| is(&attempt.told)).count();
    let known = |what: &'static str| {
        count(&|told| matches!(told, Told::Failed { known, .. } if *known == what))
    };
    let without = attempts
        .iter()
        .filter(|attempt| attempt.timestamp.is_none())
        .count();
    format!(
        "{} memories, {} attempts ({without} without a timestamp): {} ok, {} not_written, {} unknown; {} in the log",
        lives.len(),
        attempts.len(),
        count(&|told| matches!(told, Told::Stored { .. })),
        known("not_written"),
        known("unknown"),
        replayed.len(),
    )
}

/// Every contradiction is found in a history made up to have it, and none in a sound one.
pub(crate) fn proves_to_bite() {
    const ID: &str = "3801baa2-1063-86b6-b294-c22f1c2f081e";
    let memory = || Replayed {
        uuid: "u".to_owned(),
        content: "c".to_owned(),
        timestamp: "2026-01-27T03:14:22Z".to_owned(),
        memory_id: ID.to_owned(),
        metadata: "{}".to_owned(),
    };
    let told = |told: Told| Attempt {
        timestamp: Some("2026-01-27T03:14:22Z".to_owned()),
        told,
    };
    let ok = || {
        told(Told::Stored {
            key: format!("entity=u/{ID}"),
        })
    };
    let failed = |known| {
        let retry = "2026-01-27T03:14:22Z".to_owned();
        told(Told::Failed { known, retry })
    };
    let other_key = || {
        told(Told::Stored {
            key: format!("entity=u/x/{ID}"),
        })
    };
    let other_retry = || {
        told(Told::Failed {
            known: "unknown",
            retry: "2027-01-01T00:00:00Z".to_owned(),
        })
    };
    let other = |content: &str, id: &str| Replayed {
        content: content.to_owned(),
        memory_id: id.to_owned(),
        ..memory()
    };
    let later = Replayed {
        timestamp: "2026-01-27T03:14:22.5Z".to_owned(),
        ..memory()
    };
    let alien = Replayed {
        uuid: "v".to_owned(),
        ..memory()
    };
    for (attempts, log, is_sound) in [
        (vec![ok()], vec![memory()], true),
        (vec![failed("unknown"), ok()], vec![memory()], true),
        (vec![failed("unknown")], vec![], true),
        (vec![failed("unknown")], vec![memory()], true),
        (vec![failed("not_written")], vec![], true),
        (vec![ok()], vec![], false),
        (vec![ok()], vec![memory(), memory()], false),
        (
            vec![failed("unknown"), ok()],
            vec![memory(), later.clone()],
            false,
        ),
        (vec![failed("not_written")], vec![memory()], false),
        (
            vec![failed("unknown")],
            vec![memory(), later.clone()],
            false,
        ),
        (vec![ok(), other_key()], vec![memory()], false),
        (vec![other_retry()], vec![], false),
        (vec![ok()], vec![other("d", ID)], false),
        (vec![ok()], vec![other("c", "another")], false),
        (vec![ok()], vec![later], false),
        (vec![ok()], vec![memory(), alien], false),
    ] {
        let life = Life {
            uuid: "u".to_owned(),
            content: "c".to_owned(),
            attempts,
        };
        let found = violations(&[life], &log);
        assert_eq!(found.is_empty(), is_sound, "{found:?}");
    }
}
