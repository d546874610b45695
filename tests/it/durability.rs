//! A confirmed memory is durable: kills of the service, and two services with one folder (contract 1.1, 7.7).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use memory_log::object::Object;
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

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
