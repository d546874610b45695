//! What is damaged, newer, foreign, gone or too large (the failures of reading).

use memory_log::event::Status;
use memory_log::memory::Memory;
use memory_log::object::Object;
use memory_recall::find::{BYTES_MAX, Found, MEMORIES_MAX, Order, Recall, RecallError};
use memory_recall::log::LogError;

use crate::world::{self, World, event, later, memories, scope};

const NEWER: &[u8] = br#"{"schema_version":2}"#;

async fn search(recall: &Recall) -> Result<Found, RecallError> {
    world::search(recall, later()).await
}

async fn list(recall: &Recall, order: Order) -> Result<usize, RecallError> {
    let page = world::list(recall, order, None, 50).await;
    page.map(|page| page.memories.len())
}

async fn get(recall: &Recall, memory: &Memory) -> Result<Status, RecallError> {
    let id = Object::of(memory).memory_id;
    let got = recall.get(&[scope("rob")], id, None, 9, later()).await;
    got.map(|(recalled, _)| recalled.status)
}

fn damaged_key(error: &RecallError) -> &str {
    let RecallError::Log(LogError::Damaged { key, .. }) = error else {
        panic!("{error:?}");
    };
    key
}

fn newer_key(error: &RecallError) -> &str {
    let RecallError::Log(LogError::Newer { key, .. }) = error else {
        panic!("{error:?}");
    };
    key
}

#[tokio::test]
async fn a_damaged_object_fails_search_and_lists_of_its_entity_and_no_other_id() {
    let world = World::new();
    let stored = memories("rob", 3);
    let objects: Vec<_> = stored.iter().map(|memory| world.store(memory)).collect();
    let key = &objects[1].key;
    for (bytes, of_key) in [
        (
            &objects[1].body[1..],
            damaged_key as fn(&RecallError) -> &str,
        ),
        (&objects[0].body, damaged_key),
        (b"", damaged_key),
        (NEWER, newer_key),
    ] {
        world.put(key, bytes);
        let recall = world.recall();
        for error in [
            search(&recall).await.unwrap_err(),
            list(&recall, Order::Oldest).await.unwrap_err(),
            list(&recall, Order::Newest).await.unwrap_err(),
            get(&recall, &stored[1]).await.unwrap_err(),
        ] {
            assert_eq!(of_key(&error), key);
        }
        assert_eq!(get(&recall, &stored[0]).await, Ok(Status::Unverified));
    }
    // A tombstone brings the entity back: what is deleted is not fetched.
    world.change(&stored[1], 1, Status::Deleted);
    let recall = world.recall();
    world.requests();
    assert_eq!(search(&recall).await.unwrap().searched, 2);
    assert_eq!(list(&recall, Order::Oldest).await, Ok(2));
    assert_eq!(list(&recall, Order::Newest).await, Ok(2));
    assert!(!world.requests().contains(&format!("GET {key}")));
    let error = get(&recall, &stored[1]).await.unwrap_err();
    assert!(matches!(error, RecallError::Deleted { .. }), "{error:?}");
}

#[tokio::test]
async fn a_damaged_highest_event_never_makes_its_memory_visible_by_falling_back() {
    let world = World::new();
    let stored = memories("rob", 3);
    stored.iter().for_each(|memory| drop(world.store(memory)));
    world.change(&stored[1], 1, Status::Verified);
    let highest = world.change(&stored[1], 2, Status::Deleted);
    let other = event(&stored[1], 3, Status::Verified).object().body;
    let long = vec![b' '; memory_log::event::EVENT_BYTES_MAX + 1];
    for (bytes, of_key) in [
        (&b"{}"[..], damaged_key as fn(&RecallError) -> &str),
        (&other, damaged_key),
        (&long, damaged_key),
        (NEWER, newer_key),
    ] {
        world.put(&highest, bytes);
        let recall = world.recall();
        world.requests();
        for error in [
            search(&recall).await.unwrap_err(),
            list(&recall, Order::Oldest).await.unwrap_err(),
            get(&recall, &stored[1]).await.unwrap_err(),
        ] {
            assert_eq!(of_key(&error), highest);
        }
        let is_fetched = world.requests().contains(&format!("GET {highest}"));
        assert_eq!(is_fetched, bytes.len() < long.len(), "no event is so long");
        assert_eq!(get(&recall, &stored[0]).await, Ok(Status::Unverified));
    }
    // A lower one has no meaning: it is left out of the history.
    world.change(&stored[1], 3, Status::Verified);
    let recall = world.recall();
    assert_eq!(search(&recall).await.unwrap().searched, 3);
    let id = Object::of(&stored[1]).memory_id;
    let (recalled, history) = recall
        .get(&[scope("rob")], id, None, 9, later())
        .await
        .unwrap();
    assert_eq!((recalled.status, recalled.seq), (Status::Verified, 3));
    let newest: Vec<_> = history
        .newest
        .iter()
        .map(|event| event.seq().get())
        .collect();
    assert_eq!((history.events, newest), (3, vec![3, 1]));
}

#[tokio::test]
async fn an_event_that_was_damaged_after_it_was_read_is_found() {
    let world = World::new();
    let stored = memories("rob", 2);
    stored.iter().for_each(|memory| drop(world.store(memory)));
    let key = world.change(&stored[0], 1, Status::Verified);
    let recall = world.recall();
    assert_eq!(get(&recall, &stored[0]).await, Ok(Status::Verified));
    world.requests();
    assert_eq!(get(&recall, &stored[0]).await, Ok(Status::Verified));
    assert!(
        !world.requests().contains(&format!("GET {key}")),
        "it was read"
    );
    world.put(&key, b"{}");
    for error in [
        get(&recall, &stored[0]).await.unwrap_err(),
        search(&recall).await.unwrap_err(),
    ] {
        assert_eq!(damaged_key(&error), key);
    }
}

#[tokio::test]
async fn a_forged_number_freezes_nothing_and_a_foreign_key_is_counted() {
    let world = World::new();
    let stored = memories("rob", 2);
    stored.iter().for_each(|memory| drop(world.store(memory)));
    let key = world.change(&stored[0], 1, Status::Verified);
    world.put(&key.replace("0000000001", "0000000202"), b"{}");
    world.put(&key.replace("0000000001", "9999999999"), b"{}");
    world.put("memories/domain=work/entity=rob/0", b"x");
    let recall = world.recall();
    let found = search(&recall).await.unwrap();
    assert_eq!((found.searched, found.aliens), (2, 3));
    assert_eq!(get(&recall, &stored[0]).await, Ok(Status::Verified));
}

#[tokio::test]
async fn what_is_gone_between_its_listing_and_its_get_was_erased() {
    let world = World::new();
    let stored = memories("rob", 3);
    let objects: Vec<_> = stored.iter().map(|memory| world.store(memory)).collect();
    let key = objects[1].key.clone();
    let erase = || {
        let path = world.path(&key);
        world.fate(move |_, uri| {
            // The listing was answered: this is a GET of an object.
            if uri.contains("GetObject") {
                let _ = std::fs::remove_file(&path);
            }
            None
        });
    };
    erase();
    assert_eq!(search(&world.recall()).await.unwrap().searched, 2);
    for order in [Order::Oldest, Order::Newest] {
        world.store(&stored[1]);
        erase();
        assert_eq!(list(&world.recall(), order).await, Ok(2));
    }
    world.store(&stored[1]);
    erase();
    assert_eq!(
        get(&world.recall(), &stored[1]).await,
        Err(RecallError::NotFound)
    );
    // Of two events the higher one goes: the lower one holds again.
    world.store(&stored[1]);
    world.change(&stored[1], 1, Status::Verified);
    let highest = world.change(&stored[1], 2, Status::Deleted);
    let path = world.path(&highest);
    world.fate(move |_, uri| {
        if uri.contains("GetObject") {
            let _ = std::fs::remove_file(&path);
        }
        None
    });
    assert_eq!(get(&world.recall(), &stored[1]).await, Ok(Status::Verified));
}

#[tokio::test]
async fn what_was_erased_is_forgotten_by_a_process_that_had_read_it() {
    let world = World::new();
    let stored = memories("rob", 3);
    let objects: Vec<_> = stored.iter().map(|memory| world.store(memory)).collect();
    let recall = world.recall();
    assert_eq!(search(&recall).await.unwrap().searched, 3);
    world.erase(&objects[1].key);
    assert_eq!(search(&recall).await.unwrap().searched, 2);
    world.store(&stored[1]);
    world.requests();
    assert_eq!(search(&recall).await.unwrap().searched, 3);
    assert!(
        world
            .requests()
            .contains(&format!("GET {}", objects[1].key))
    );
}

#[tokio::test]
async fn a_tombstone_without_a_memory_is_not_found_and_disturbs_nothing() {
    let world = World::new();
    let stored = memories("rob", 2);
    world.store(&stored[0]);
    let tombstone = world.change(&stored[1], 1, Status::Deleted);
    let recall = world.recall();
    assert_eq!(search(&recall).await.unwrap().searched, 1);
    assert_eq!(get(&recall, &stored[1]).await, Err(RecallError::NotFound));
    assert!(!world.requests().contains(&format!("GET {tombstone}")));
    // A repeat stays hidden, and by id it says why.
    world.store(&stored[1]);
    assert_eq!(search(&recall).await.unwrap().searched, 1);
    let error = get(&recall, &stored[1]).await.unwrap_err();
    assert!(matches!(error, RecallError::Deleted { .. }));
}

#[tokio::test]
async fn too_much_is_refused_before_anything_is_fetched() {
    let world = World::new();
    let stored = memories("rob", 3);
    let objects: Vec<_> = stored.iter().map(|memory| world.store(memory)).collect();
    // A file that only seems to be long.
    let file = std::fs::File::options()
        .write(true)
        .open(world.path(&objects[1].key))
        .unwrap();
    let rest = (objects[0].body.len() + objects[2].body.len()) as u64;
    let refused = async |bytes: u64| {
        file.set_len(bytes).unwrap();
        world.requests();
        let recall = world.recall();
        let search = search(&recall).await.unwrap_err();
        let list = list(&recall, Order::Newest).await;
        let gets = world
            .requests()
            .iter()
            .filter(|request| request.starts_with("GET"))
            .count();
        assert_eq!(
            search == RecallError::TooLarge,
            list == Err(RecallError::TooLarge)
        );
        (search == RecallError::TooLarge, gets)
    };
    assert_eq!(refused(BYTES_MAX - rest + 1).await, (true, 0));
    assert!(
        !refused(BYTES_MAX - rest).await.0,
        "it is damaged, but not too much"
    );
    // By id and oldest first there is no limit.
    file.set_len(BYTES_MAX).unwrap();
    let recall = world.recall();
    assert_eq!(get(&recall, &stored[2]).await, Ok(Status::Unverified));
    let page = world::list(&recall, Order::Oldest, None, 1).await.unwrap();
    assert!(page.next.is_some() && page.memories.len() == 1);
    assert_eq!(MEMORIES_MAX, 100_000);
}
