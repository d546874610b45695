//! Pages of lists: their cursors, their length in bytes, and what is listed for them.

use memory_log::event::Status;
use memory_recall::find::{Cursor, Filters, Order, Page, Recall, RecallError};

use crate::world::{self, World, at, later, memories, memory, scope};

async fn page(
    recall: &Recall,
    filters: &Filters,
    order: Order,
    after: Option<&Cursor>,
) -> Result<Page, RecallError> {
    recall
        .list(&[scope("rob")], filters, order, after, 2, later())
        .await
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_list_alone() {
    let world = World::new();
    memories("rob", 5)
        .iter()
        .for_each(|memory| drop(world.store(memory)));
    let recall = world.recall();
    let none = Filters::default();
    let first = page(&recall, &none, Order::Oldest, None).await.unwrap();
    let next = first.next.unwrap();
    assert_eq!(Cursor::parse(&next.to_string()), Some(next.clone()));
    for other in [
        Filters {
            tags: vec!["a".to_owned()],
            ..Filters::default()
        },
        Filters {
            memory_types: vec!["a".to_owned()],
            ..Filters::default()
        },
        Filters {
            statuses: vec![Status::Verified],
            ..Filters::default()
        },
        Filters {
            since: Some(at("2020-01-01T00:00:00Z")),
            ..Filters::default()
        },
        Filters {
            until: Some(at("2030-01-01T00:00:00Z")),
            ..Filters::default()
        },
    ] {
        let refused = page(&recall, &other, Order::Oldest, Some(&next)).await;
        assert_eq!(refused.unwrap_err(), RecallError::OtherQuery, "{other:?}");
    }
    let refused = page(&recall, &none, Order::Newest, Some(&next)).await;
    assert_eq!(refused.unwrap_err(), RecallError::OtherQuery);
    let scopes = [scope("rob"), scope("rob2")];
    let refused = recall
        .list(&scopes, &none, Order::Oldest, Some(&next), 2, later())
        .await;
    assert_eq!(refused.unwrap_err(), RecallError::OtherQuery);
    assert!(
        page(&recall, &none, Order::Oldest, Some(&next))
            .await
            .is_ok()
    );
    let text = next.to_string();
    for near in [
        "",
        "x",
        &text[1..],
        &text[..text.len() - 1],
        &format!("{text}A"),
        &format!("{text}="),
    ] {
        assert_eq!(Cursor::parse(near), None, "{near}");
    }
}

#[tokio::test]
async fn a_page_ends_where_its_memories_get_long_and_can_be_ended_before() {
    let world = World::new();
    let long = "x".repeat(600 * 1024);
    for number in 0..5 {
        world.store(&memory(
            "rob",
            &format!("2026-01-01T00:00:0{number}Z"),
            &long,
            "{}",
        ));
    }
    let recall = world.recall();
    for order in [Order::Oldest, Order::Newest] {
        world.requests();
        let mut page = world::list(&recall, order, None, 50).await.unwrap();
        assert_eq!(page.memories.len(), 2);
        let gets = world
            .requests()
            .iter()
            .filter(|request| request.starts_with("GET"))
            .count();
        assert_eq!(gets, 2, "what is not shown is not fetched");
        page.end_before(9);
        assert_eq!(page.memories.len(), 2);
        let second = page.memories[1].line.place.clone();
        page.end_before(1);
        let next = world::list(&recall, order, page.next.as_ref(), 50).await;
        assert_eq!(next.unwrap().memories[0].line.place, second);
    }
}

#[tokio::test]
async fn the_oldest_are_listed_no_further_than_they_are_shown() {
    let world = World::new();
    let stored = memories("rob", 3_500);
    stored.iter().for_each(|memory| drop(world.store(memory)));
    let recall = world.recall();
    let (none, mut after) = (Filters::default(), None);
    for _ in 0..3 {
        world.requests();
        let page = page(&recall, &none, Order::Oldest, after.as_ref())
            .await
            .unwrap();
        assert_eq!(world.requests().len(), 2 + 2);
        after = page.next;
    }
    // Many events: those of each memory are listed where they are needed.
    for memory in &stored[..4] {
        for seq in 1..=200 {
            world.change(memory, seq, Status::Verified);
        }
    }
    for memory in &stored[4..300] {
        world.change(memory, 1, Status::Deleted);
    }
    let recall = world.recall();
    world.requests();
    let first = page(&recall, &none, Order::Oldest, None).await.unwrap();
    assert_eq!(first.memories[1].seq, 200);
    let lists = world
        .requests()
        .iter()
        .filter(|request| request.starts_with("LIST"))
        .count();
    assert_eq!(
        lists,
        2 + 3,
        "the changes of the two, and of the one that says that there are more"
    );
    let second = page(&recall, &none, Order::Oldest, first.next.as_ref())
        .await
        .unwrap();
    let third = page(&recall, &none, Order::Oldest, second.next.as_ref())
        .await
        .unwrap();
    assert_eq!(third.memories[0].line.memory, stored[300]);
}
