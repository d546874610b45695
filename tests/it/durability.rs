//! A confirmed memory, and a confirmed change, is durable: kills of the service, and two services with one folder (contract 1.1, 7.7).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use memory_log::object::Object;
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

use crate::change::{event_key, id, proved};
use crate::folder::{memory, stored};
use crate::local::run;
use crate::process::{Server, text};
use crate::receipt::key;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_service_leaves_no_half_object_and_misses_no_acknowledged_one() {
    const ROUNDS: usize = 50;
    let folder = tempfile::tempdir().unwrap();
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    for round in 0..ROUNDS {
        let server = Arc::new(Server::start(folder.path()));
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let (server, acknowledged) = (Arc::clone(&server), Arc::clone(&acknowledged));
                tokio::spawn(async move {
                    for number in 0.. {
                        let content = format!("{round} {writer} {number} {}", "x".repeat(20_000));
                        let body = memory(&format!("e{writer}"), &content, "2026-01-27T03:14:22Z");
                        let Ok(answer) = server.post(body).await else {
                            return;
                        };
                        assert_eq!(answer.status(), 201);
                        let Ok(body) = answer.bytes().await else {
                            return;
                        };
                        acknowledged.lock().unwrap().insert(key(&body));
                    }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(
            60 + u64::from(random.next_u32() % 200),
        ))
        .await;
        server.signal("KILL");
        for writer in writers {
            writer.await.unwrap();
        }
    }
    let objects = stored(folder.path());
    for (key, body) in &objects {
        Object::read(key, body).unwrap_or_else(|defect| panic!("{key}: {defect}"));
    }
    let acknowledged = acknowledged.lock().unwrap();
    assert!(!acknowledged.is_empty(), "no write was acknowledged");
    let missing: Vec<_> = acknowledged
        .iter()
        .filter(|key| !objects.contains_key(*key))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let replay = run(&["replay", "--data", folder.path().to_str().unwrap()]);
    assert!(replay.status.success(), "{}", text(&replay.stderr));
    assert_eq!(text(&replay.stdout).lines().count(), objects.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_service_leaves_no_half_change_and_misses_no_acknowledged_one() {
    const ROUNDS: usize = 25;
    let folder = tempfile::tempdir().unwrap();
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    for round in 0..ROUNDS {
        let server = Arc::new(Server::start(folder.path()));
        // Two of them change each memory, so that the answer to one may rest on the event of the other.
        let changers = (0..8).map(|changer| {
            let (server, acknowledged) = (Arc::clone(&server), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                let entity = format!("e{}", changer / 2);
                let body = memory(&entity, &format!("{round}"), "2026-01-27T03:14:22Z");
                let Ok(stored) = server.post(body).await else {
                    return;
                };
                let Ok(stored) = stored.bytes().await else {
                    return;
                };
                let id = id(&key(&stored));
                // Together fewer than a memory may have.
                for number in 0..90 {
                    let status = ["verified", "unverified"][number % 2];
                    let Ok(answer) = server.change(&entity, &id, status).await else {
                        return;
                    };
                    let code = answer.status().as_u16();
                    let Ok(body) = answer.bytes().await else {
                        return;
                    };
                    match code {
                        200 => acknowledged.lock().unwrap().extend(event_key(&body)),
                        // The other one was first.
                        409 | 503 => {}
                        _ => panic!("{code}: {}", text(&body)),
                    }
                }
            })
        });
        let changers: Vec<_> = changers.collect();
        let pause = 60 + u64::from(random.next_u32() % 200);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        server.signal("KILL");
        for changer in changers {
            changer.await.unwrap();
        }
    }
    let objects = stored(folder.path());
    let events = || objects.iter().filter(|(key, _)| key.starts_with("events/"));
    for (key, body) in events() {
        proved(key, body);
    }
    let acknowledged = acknowledged.lock().unwrap();
    assert!(!acknowledged.is_empty(), "no change was acknowledged");
    let missing: Vec<_> = acknowledged
        .iter()
        .filter(|key| !objects.contains_key(*key))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    // It also reports a number that is missing below another one.
    let data = folder.path().to_str().unwrap();
    let replay = run(&["replay", "--events", "--data", data]);
    assert!(replay.status.success(), "{}", text(&replay.stderr));
    assert_eq!(text(&replay.stdout).lines().count(), events().count());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_with_one_folder_one_writes_and_both_answer_alike() {
    let folder = tempfile::tempdir().unwrap();
    let servers = [Server::start(folder.path()), Server::start(folder.path())];
    let body = memory("e", "c", "2026-01-27T03:14:22Z");
    let answers = join_all((0..24).map(|number| servers[number % 2].post(body.clone()))).await;
    let mut first = 0;
    for answer in answers {
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 201);
        first += usize::from(!answer.headers().contains_key("idempotent-replayed"));
    }
    assert_eq!((first, stored(folder.path()).len()), (1, 1));
}
