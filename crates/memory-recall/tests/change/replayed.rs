//! Every event of a scope, read again, with what is wrong among them.

use std::fs;
use std::path::Path;

use memory_log::event::{CHANGES_MAX, Change, Event, EventError, Reason, Seq, Status};
use memory_log::scope::operator;
use memory_recall::events::{BadEntry, Entry, Events};
use memory_s3::embedded::BUCKET;
use memory_s3::reader::Reader;

use crate::world::{World, client, event, scopes, target, tombstone};

fn write(folder: &Path, key: &str, body: &[u8]) {
    let file = folder.join(BUCKET).join(key);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, body).unwrap();
}

fn put(world: &World, event: &Event) {
    let object = event.object();
    write(world.folder.path(), &object.key, &object.body);
}

/// All entries, page after page.
async fn entries(mut events: Events) -> Vec<Entry> {
    let mut all = Vec::new();
    while let Some(page) = events.next_page().await.unwrap() {
        all.extend(page);
    }
    all
}

fn of(world: &World) -> Events {
    let reader = Reader::new(client(world.folder.path()), BUCKET);
    Events::new(reader, scopes().0)
}

/// The key of each entry that is bad, from its memory on, and why.
fn bad(entries: &[Entry]) -> Vec<(String, BadEntry)> {
    let bad = entries.iter().filter_map(|entry| match entry {
        Entry::Event(_) => None,
        Entry::Bad { key, why } => {
            let key = key.strip_prefix(scopes().0.events());
            Some((key.unwrap().to_owned(), why.clone()))
        }
    });
    bad.collect()
}

#[tokio::test]
async fn events_come_in_the_order_of_their_keys_over_all_pages() {
    let world = World::with(&[]).await;
    let mut expected = Vec::new();
    for memory in 0..6_u8 {
        let id = format!("{memory}801baa2-1063-86b6-b294-c22f1c2f081e")
            .parse()
            .unwrap();
        for highest in 0..CHANGES_MAX {
            let status = [Status::Verified, Status::Unverified][usize::from(highest % 2)];
            let change = event(0, status, "bob").change().clone();
            let event = Event::next("work", "rob", id, Seq::new(highest), change).unwrap();
            put(&world, &event);
            expected.push(Entry::Event(event));
        }
    }
    assert_eq!(entries(of(&world)).await, expected);
}

#[tokio::test]
async fn a_gap_is_reported_at_the_event_after_it_unless_an_erasure_made_it() {
    for (numbers, gaps) in [
        (&[1, 2, 3][..], vec![]),
        (&[2], vec![(2, 1, 1)]),
        (&[1, 3], vec![(3, 2, 2)]),
        (&[4, 5, 200], vec![(4, 1, 3), (200, 6, 199)]),
    ] {
        let world = World::with(&[]).await;
        // The numbers of another memory, which comes before it, are not its own.
        let other = "00000000-0000-8000-8000-000000000000".parse().unwrap();
        let change = event(0, Status::Locked, "bob").change().clone();
        for highest in 0..3 {
            let event = Event::next("work", "rob", other, Seq::new(highest), change.clone());
            put(&world, &event.unwrap());
        }
        for number in numbers {
            put(&world, &event(number - 1, Status::Deleted, "bob"));
        }
        // One that names a reason, because a deletion without one can be a tombstone.
        let first = numbers[0] - 1;
        let change = Change {
            status: Status::Deleted,
            reason: Reason::new("why"),
            ..change
        };
        let id = target().memory_id;
        put(
            &world,
            &Event::next("work", "rob", id, Seq::new(first), change).unwrap(),
        );
        let found = bad(&entries(of(&world)).await);
        let expected = gaps.into_iter().map(|(at, first, last)| {
            (format!("{id}/{at:010}.json"), BadEntry::Gap { first, last })
        });
        assert_eq!(found, expected.collect::<Vec<_>>(), "{numbers:?}");
    }
    for highest in [3, 200] {
        let erased = World::with(&[]).await;
        put(&erased, &tombstone(highest));
        assert_eq!(bad(&entries(of(&erased)).await), []);
        // An erasure that was not finished.
        put(&erased, &event(1, Status::Locked, "bob"));
        let found = bad(&entries(of(&erased)).await);
        let gaps: Vec<_> = found.into_iter().map(|(_, why)| why).collect();
        let (first, last) = (3, highest);
        let mut expected = vec![BadEntry::Gap { first: 1, last: 1 }];
        expected.extend((first <= last).then_some(BadEntry::Gap { first, last }));
        assert_eq!(gaps, expected, "{highest}");
    }
}

#[tokio::test]
async fn what_is_no_event_is_named_and_the_others_are_still_read() {
    let world = World::with(&[Status::Verified, Status::Unverified, Status::Locked]).await;
    let folder = world.folder.path();
    let (prefix, id) = (scopes().0.events().to_owned(), target().memory_id);
    fs::write(world.file_of(2), "{}").unwrap();
    fs::write(world.file_of(3), "x".repeat(20_000)).unwrap();
    write(folder, &format!("{prefix}{id}/0000000202.json"), b"{}");
    write(folder, &format!("{prefix}{id}/4.json"), b"{}");
    write(folder, &format!("{prefix}.DS_Store"), b"");
    let found = entries(of(&world)).await;
    assert_eq!(
        bad(&found),
        [
            (".DS_Store".to_owned(), BadEntry::Foreign),
            (
                format!("{id}/0000000002.json"),
                BadEntry::NotProved(EventError::NotAnEvent)
            ),
            (format!("{id}/0000000003.json"), BadEntry::TooLarge),
            (format!("{id}/0000000202.json"), BadEntry::Foreign),
            (format!("{id}/4.json"), BadEntry::Foreign),
        ]
    );
    assert!(found.contains(&Entry::Event(event(0, Status::Verified, "before"))));
    let reader = Reader::new(client(folder), BUCKET);
    let whole = entries(Events::new(reader, operator().everything())).await;
    assert_eq!(whole, found, "the whole log has the same events");
}

#[test]
fn a_report_says_what_is_missing() {
    for (why, said) in [
        (BadEntry::Foreign, "it is not the key of an event"),
        (BadEntry::TooLarge, "it is larger than any event"),
        (
            BadEntry::NotProved(EventError::OtherSpelling),
            "the bytes are not the event's normal form",
        ),
        (
            BadEntry::Gap { first: 2, last: 2 },
            "event 2 of its memory is missing",
        ),
        (
            BadEntry::Gap { first: 1, last: 3 },
            "events 1 to 3 of its memory are missing",
        ),
    ] {
        assert_eq!(why.to_string(), said);
    }
}
