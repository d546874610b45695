//! How many requests each read costs, and how many of them follow each other.

use std::time::Duration;

use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::HttpConnectorFuture;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use memory_log::event::Status;
use memory_log::object::Object;
use memory_log::scope::{ReadScope, operator};
use memory_recall::entities::entities;
use memory_recall::find::{Filters, Order};
use memory_recall::words::Query;
use tokio::time::Instant;
use uuid::Uuid;

use crate::world::{World, later, memories, scope};

/// The time that each request takes, so that the time of an answer is the number of its rounds.
const ROUND: Duration = Duration::from_secs(1);

/// Runs a read, and says in how many rounds it came, and with how many LISTs and GETs.
async fn cost<T>(world: &World, read: impl Future<Output = T>) -> (u64, usize, usize) {
    world.requests();
    *world.pause.lock().unwrap() = ROUND;
    let begun = Instant::now();
    read.await;
    let rounds = begun.elapsed().as_secs();
    *world.pause.lock().unwrap() = Duration::ZERO;
    let requests = world.requests();
    let lists = requests
        .iter()
        .filter(|request| request.starts_with("LIST"));
    (
        rounds,
        lists.count(),
        requests
            .iter()
            .filter(|request| request.starts_with("GET"))
            .count(),
    )
}

#[tokio::test(start_paused = true)]
async fn a_read_of_a_thousand_memories_is_two_rounds_deep() {
    let world = World::new();
    let stored = memories("rob", 1_000);
    stored.iter().for_each(|memory| drop(world.store(memory)));
    let (scopes, query) = ([scope("rob")], Query::parse("note 7").unwrap());
    let none = Filters::default();
    let search = async |recall: &memory_recall::find::Recall| {
        recall
            .search(&scopes, &query, &none, 5, later())
            .await
            .unwrap()
    };
    let list = async |recall: &memory_recall::find::Recall, order| {
        recall
            .list(&scopes, &none, order, None, 50, later())
            .await
            .unwrap()
    };

    let cold = world.remote_recall();
    // 256 objects are fetched at once.
    let (rounds, lists, gets) = cost(&world, search(&cold)).await;
    assert_eq!((lists, gets), (2, 1_000));
    assert!(rounds <= 1 + 1_000_u64.div_ceil(256) + 1, "{rounds}");
    assert_eq!(
        cost(&world, search(&cold)).await,
        (1, 3, 0),
        "all of it is kept, and 900 known keys are a part of the listing"
    );
    let new = &memories("rob", 1_001)[1_000];
    world.store(new);
    world.change(&stored[3], 1, Status::Verified);
    world.change(&stored[4], 1, Status::Deleted);
    assert_eq!(
        cost(&world, search(&cold)).await,
        (2, 3, 3),
        "the new memory, and two events"
    );
    assert_eq!(cost(&world, search(&cold)).await, (1, 3, 0));

    let cold = world.remote_recall();
    for (order, lists) in [(Order::Oldest, 2), (Order::Newest, 3)] {
        let cost = cost(&world, list(&cold, order)).await;
        assert!(cost.0 <= 3 && cost.1 == lists, "{order:?}: {cost:?}");
        assert_eq!(
            cost.2,
            50 + if order == Order::Oldest { 2 } else { 0 },
            "{order:?}"
        );
    }

    let object = Object::of(new);
    let get = async |hint| {
        let recall = world.remote_recall();
        let (found, _) = recall
            .get(&scopes, object.memory_id, hint, 0, later())
            .await
            .unwrap();
        assert_eq!(found.line.memory, *new);
    };
    assert_eq!(cost(&world, get(Some(new.timestamp()))).await, (2, 2, 1));
    assert_eq!(
        cost(&world, get(None)).await,
        (3, 3, 1),
        "the second page has it"
    );
    let changed = Object::of(&stored[3]).memory_id;
    let recall = world.remote_recall();
    let get = recall.get(&scopes, changed, None, 50, later());
    assert_eq!(
        cost(&world, get).await,
        (3, 3, 2),
        "two pages, and then the memory and its event side by side"
    );
}

#[tokio::test(start_paused = true)]
async fn a_long_listing_is_cut_by_time_and_its_parts_are_listed_side_by_side() {
    let world = World::new();
    for number in 0..12_000_u64 {
        let (hour, minute, second) = (number / 3_600, number / 60 % 60, number % 60);
        let instant = format!("2026/01/01/2026-01-01T{hour:02}-{minute:02}-{second:02}.000000000Z");
        let id = Uuid::from_u64_pair(0x8000, 0x8000 << 48 | number);
        let prefix = scope("rob").memories().to_owned();
        world.put(&format!("{prefix}{instant}_{id}.json"), b"");
    }
    let recall = world.remote_recall();
    let scopes = [scope("rob")];
    let get = recall.get(&scopes, Uuid::nil(), None, 0, later());
    let (rounds, lists, gets) = cost(&world, get).await;
    // Two pages, the parts of the rest, many of them after the end of the log, and one for the changes.
    assert!(lists <= 2 + 48 + 8 + 1 + 1, "{lists} LISTs");
    assert!(rounds <= 3 && gets == 0, "{rounds} rounds");
}

#[tokio::test(start_paused = true)]
async fn the_entities_of_a_log_cost_a_listing_each_however_many_memories_they_have() {
    let world = World::new();
    for entity_id in ["eve", "rob", "rob-2", "zoe"] {
        for number in 0..2_500 {
            let id = Uuid::from_u64_pair(0x8000, 0x8000 << 48 | number);
            let prefix = scope(entity_id).memories().to_owned();
            let instant = "2026/01/01/2026-01-01T00-00-00.000000000Z";
            world.put(&format!("{prefix}{instant}_{id}.json"), b"");
        }
    }
    world.put("memories/domain=work/.DS_Store", b"");
    let (reader, whole) = (world.reader(), operator().everything());
    let names = async |entity_id| {
        let found = entities(&reader, &whole, entity_id).await.unwrap().unwrap();
        let name = |scope: &ReadScope| scope.entity_id().unwrap().to_owned();
        found.iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(names(None).await, ["eve", "rob-2", "rob", "zoe"]);
    assert_eq!(names(Some("rob")).await, ["rob"]);
    assert!(names(Some("ro")).await.is_empty());
    let (_, lists, gets) = cost(&world, names(None)).await;
    assert_eq!(
        (lists, gets),
        (4 + 1, 0),
        "and one for what is behind the last"
    );
    assert!(
        entities(&reader, &scope("rob"), None)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test(start_paused = true)]
async fn a_log_whose_entities_take_more_than_a_hundred_listings_is_not_listed_further() {
    let world = World::new();
    world.fate(|number, _| {
        let page = format!(
            "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken><Contents>\
             <Key>memories/domain=work/entity=e{number:04}/x</Key><Size>1</Size></Contents></ListBucketResult>"
        );
        let answer = HttpResponse::new(200.try_into().unwrap(), SdkBody::from(page));
        Some(HttpConnectorFuture::ready(Ok(answer)))
    });
    let found = entities(&world.reader(), &operator().everything(), None).await;
    assert_eq!(found, Ok(None));
    assert_eq!(world.requests().len(), 100);
}
