//! What views save, when they are put, and that they can only cost time.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::HttpConnectorFuture;
use memory_log::event::Status;
use memory_recall::find::{Filters, Recall, RecallError};
use memory_recall::words::Query;
use memory_s3::embedded::VIEWS_BUCKET;
use tokio::time::Instant;

use crate::faults::Fault;
use crate::world::{self, World, at, later, memories, scope};

/// Searches, and says how many objects were fetched, and whether a view was asked for and put.
async fn search(world: &World, recall: &Recall) -> (usize, bool, bool) {
    world.requests();
    let found = world::search(recall, later()).await;
    let requests = world.requests();
    assert_eq!(found, world::search(&world.recall(), later()).await);
    let has = |request: &str| requests.iter().any(|seen| seen == request);
    let gets = requests.iter().filter(|request| request.starts_with("GET"));
    (gets.count(), has("VIEW GET"), has("VIEW PUT"))
}

#[tokio::test]
async fn a_view_is_put_where_the_tail_has_grown_and_saves_another_process_its_gets() {
    let world = World::new();
    let stored = memories("rob", 1_000);
    let store = |count: std::ops::Range<usize>| {
        stored[count]
            .iter()
            .for_each(|memory| drop(world.store(memory)));
    };
    store(0..64);
    let first = world.recall_with_views();
    assert_eq!(
        search(&world, &first).await,
        (64, true, false),
        "a few need no view"
    );
    store(64..65);
    assert_eq!(search(&world, &first).await, (1, false, true));
    assert_eq!(search(&world, &first).await, (0, false, false));
    store(65..129);
    assert_eq!(search(&world, &first).await, (64, false, false), "not yet");
    let second = world.recall_with_views();
    assert_eq!(
        search(&world, &second).await,
        (64, true, false),
        "the lines after the view"
    );
    store(129..900);
    assert_eq!(search(&world, &second).await, (771, false, true));
    assert_eq!(
        search(&world, &world.recall_with_views()).await,
        (0, true, false)
    );
    // The first one does not know that view, so its put is lost, and it asks.
    assert_eq!(search(&world, &first).await, (771, false, true));
    assert_eq!(search(&world, &first).await, (0, true, false));
    store(900..990);
    assert_eq!(
        search(&world, &first).await,
        (90, false, false),
        "a tenth of 900 is not exceeded"
    );
    store(990..991);
    assert_eq!(search(&world, &first).await, (1, false, true));
    world
        .view_files()
        .iter()
        .for_each(|view| std::fs::remove_file(view).unwrap());
    assert_eq!(
        search(&world, &world.recall_with_views()).await,
        (991, true, true)
    );
}

#[tokio::test]
async fn a_view_has_no_deleted_memory_and_a_listing_of_some_replaces_no_view_of_all() {
    let world = World::new();
    let stored = memories("rob", 200);
    stored.iter().for_each(|memory| drop(world.store(memory)));
    world.change(&stored[7], 1, Status::Deleted);
    let query = Query::parse("note").unwrap();
    let since = Filters {
        since: Some(at("2026-01-01T00:01:30Z")),
        ..Filters::default()
    };
    let some = async |recall: &Recall| {
        world.requests();
        let scopes = [scope("rob")];
        recall
            .search(&scopes, &query, &since, 5, later())
            .await
            .unwrap();
        world.requests().contains(&"VIEW PUT".to_owned())
    };
    assert!(some(&world.recall_with_views()).await, "there was none");
    assert!(search(&world, &world.recall_with_views()).await.2);
    let view = world.views().get(&scope("rob")).await.unwrap().unwrap();
    let all =
        |view: &[u8]| memory_recall::view::decode(&scope("rob"), view, u64::MAX, |_| true).count();
    assert_eq!(all(&view.bytes), 199);
    let more: Vec<_> = (0..100)
        .map(|second| {
            world::memory(
                "rob",
                &format!("2026-01-02T00:00:00.{second:03}Z"),
                "note",
                "{}",
            )
        })
        .collect();
    more.iter().for_each(|memory| drop(world.store(memory)));
    assert!(!some(&world.recall_with_views()).await);
}

#[tokio::test(start_paused = true)]
async fn views_that_fail_or_hang_change_no_answer() {
    let world = World::new();
    memories("rob", 100)
        .iter()
        .for_each(|memory| drop(world.store(memory)));
    let expected = world::search(&world.recall(), later()).await.unwrap();
    let is_view = |uri: &str| uri.contains(&format!("/{VIEWS_BUCKET}/"));
    for of_put in [false, true] {
        let is_it = move |uri: &str| is_view(uri) && uri.starts_with("PUT") == of_put;
        for fault in [Fault::Dropped, Fault::SlowDown, Fault::Refused, Fault::Half] {
            world.fate(move |_, uri| is_it(uri).then(|| fault.of()));
            let found = world::search(&world.recall_with_views(), later()).await;
            assert_eq!(found.as_ref(), Ok(&expected), "{fault:?}");
        }
        world.fate(move |_, uri| {
            is_it(uri).then(|| HttpConnectorFuture::new(std::future::pending()))
        });
        let deadline = Instant::now() + Duration::from_secs(9);
        let found = world::search(&world.recall_with_views(), deadline).await;
        assert_eq!(found.as_ref(), Ok(&expected), "it hangs");
        assert!(deadline > Instant::now());
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_process_read_before_its_deadline_helps_the_next() {
    let world = World::new();
    memories("rob", 600)
        .iter()
        .for_each(|memory| drop(world.store(memory)));
    *world.pause.lock().unwrap() = Duration::from_secs(1);
    let mut before = 0.0;
    for _ in 0..2 {
        // A round for the listing and the view, and three for 64 objects each.
        let deadline = Instant::now() + Duration::from_secs(7);
        let outcome = world::search(&world.recall_with_views(), deadline).await;
        let Err(RecallError::Building { progress }) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(
            progress > before && progress < 1.0,
            "{progress} after {before}"
        );
        before = progress;
    }
    *world.pause.lock().unwrap() = Duration::ZERO;
    let (gets, ..) = search(&world, &world.recall_with_views()).await;
    assert!(gets <= 600 - 4 * 64, "{gets}");
}
