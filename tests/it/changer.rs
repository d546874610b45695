//! The put of an event: what S3 can answer, what is known then, and who wins a number.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::join_all;
use memory_log::event::{Actor, Change, Event, Status};
use memory_log::scope::{ChangeScope, Claims, ReadScopes, WriteScopes};
use memory_log::timestamp::Timestamp;
use memory_s3::changer::{ChangeError, Changer, Put};
use memory_s3::embedded::{self, BUCKET, Disk};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::app::vectors;
use crate::folder::stored;
use crate::misbehaving::{Does, Misbehaving, answer};
use crate::s3_client::client_of;

/// Longer than any response takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(8);

fn deadline() -> Instant {
    Instant::now() + PATIENCE
}

/// The first event of a memory, by this actor.
fn event(actor: &str) -> Event {
    let change = Change {
        status: Status::Locked,
        actor: Actor::new(actor),
        reason: None,
        timestamp: Timestamp::from_unix_micros(0),
    };
    let memory_id = "3801baa2-1063-86b6-b294-c22f1c2f081e".parse().unwrap();
    Event::next("work", "rob", memory_id, None, change).unwrap()
}

/// The right to change the memories of an entity.
fn scope_of(domain: &str, entity_id: &str) -> ChangeScope {
    let claims = Claims::default();
    let read = ReadScopes::everywhere().permit(&claims, domain, entity_id);
    let writes = WriteScopes::Everywhere;
    writes.permit_change(&claims, &read.unwrap()).unwrap()
}

fn scope() -> ChangeScope {
    scope_of("work", "rob")
}

fn over_a_folder() -> (TempDir, Changer) {
    let folder = tempfile::tempdir().unwrap();
    let client = embedded::client(Disk::create(folder.path()).unwrap());
    (folder, Changer::new(client, BUCKET).of_a_folder())
}

async fn over(server: &Misbehaving) -> Changer {
    Changer::new(client_of(&server.endpoint).await, "memories-of-a-test")
}

fn coded(status: &str, code: &str) -> Does {
    let document = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    answer(status, "content-type: application/xml\r\n", &document)
}

fn proof() -> String {
    let digest = BASE64_STANDARD.encode(event("rob").object().sha256);
    format!("ETag: \"d41d8cd9\"\r\nx-amz-checksum-sha256: {digest}\r\n")
}

#[tokio::test]
async fn every_worked_event_is_stored_under_its_key_to_the_byte() {
    for worked in vectors("events.json").as_array().unwrap() {
        let text = |name: &str| worked[name].as_str().unwrap().to_owned();
        let key = memory_log::event::EventKey::parse(&text("s3_key")).unwrap();
        let event = Event::read(key, text("object").as_bytes()).unwrap();
        let (folder, changer) = over_a_folder();
        let scope = scope_of(&text("domain"), &text("entity_id"));
        let put = changer.put(&event, &scope, deadline()).await;
        assert_eq!(put, Ok(Put::Written), "{}", text("about"));
        let expected = [(text("s3_key"), text("object").into_bytes())];
        assert!(stored(folder.path()).into_iter().eq(expected));
    }
}

#[derive(Debug, PartialEq)]
enum Known {
    Written,
    Taken,
    Unavailable,
    Refused,
    Unknown,
}

fn known(result: &Result<Put, ChangeError>) -> Known {
    match result {
        Ok(Put::Written) => Known::Written,
        Ok(Put::Taken) => Known::Taken,
        Err(ChangeError::Unavailable(_)) => Known::Unavailable,
        Err(ChangeError::Refused(_)) => Known::Refused,
        Err(ChangeError::Unknown(_)) => Known::Unknown,
    }
}

#[tokio::test]
async fn every_answer_of_s3_is_classified_by_what_it_proves_of_the_number() {
    use Known::{Refused, Taken, Unavailable, Unknown, Written};
    let rows = [
        (answer("200 OK", &proof(), ""), Written),
        (answer("200 OK", "ETag: \"d41d8cd9\"\r\n", ""), Unknown),
        (answer("204 No Content", &proof(), ""), Unknown),
        (
            coded("412 Precondition Failed", "PreconditionFailed"),
            Taken,
        ),
        (answer("412 Precondition Failed", "", ""), Unknown),
        (coded("409 Conflict", "ConditionalRequestConflict"), Taken),
        (coded("409 Conflict", "ObjectDamaged"), Taken),
        (coded("409 Conflict", "OperationAborted"), Refused),
        (coded("503 Slow Down", "SlowDown"), Unavailable),
        (coded("403 Forbidden", "AccessDenied"), Refused),
        (coded("500 Internal Server Error", "InternalError"), Unknown),
        (Does::ResetsLate, Unknown),
        (Does::IsNotThere, Unavailable),
    ];
    for (does, expected) in rows {
        let server = Misbehaving::start("http", does.clone()).await;
        let result = over(&server)
            .await
            .put(&event("rob"), &scope(), deadline())
            .await;
        assert_eq!(known(&result), expected, "{does:?}: {result:?}");
        let reached = usize::from(!matches!(does, Does::IsNotThere));
        assert_eq!(server.seen().len(), reached, "{does:?}: one attempt");
    }
}

#[tokio::test]
async fn a_put_is_conditional_and_has_the_digest_of_the_event() {
    let server = Misbehaving::start("http", answer("200 OK", &proof(), "")).await;
    let changer = over(&server).await;
    changer
        .put(&event("rob"), &scope(), deadline())
        .await
        .unwrap();
    let seen = server.seen().remove(0).to_ascii_lowercase();
    let object = event("rob").object();
    let digest = BASE64_STANDARD.encode(object.sha256).to_ascii_lowercase();
    assert!(
        seen.starts_with("put /memories-of-a-test/events/"),
        "{seen}"
    );
    assert!(seen.contains("\r\nif-none-match: *\r\n"), "{seen}");
    assert!(seen.contains(&format!("\r\nx-amz-checksum-sha256: {digest}\r\n")));
}

#[tokio::test]
async fn nothing_is_sent_for_another_entity_or_after_the_deadline() {
    let server = Misbehaving::start("http", answer("200 OK", &proof(), "")).await;
    let changer = over(&server).await;
    for (domain, entity_id) in [
        ("work", "ro"),
        ("work", "rob2"),
        ("wor", "rob"),
        ("work", "Rob"),
    ] {
        let scope = scope_of(domain, entity_id);
        let put = changer.put(&event("rob"), &scope, deadline()).await;
        assert_eq!(known(&put), Known::Refused, "{domain}/{entity_id}");
    }
    let put = changer.put(&event("rob"), &scope(), Instant::now()).await;
    assert_eq!(known(&put), Known::Unavailable);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn of_changers_that_put_one_number_at_once_one_wins_and_the_others_learn_it() {
    let (folder, changer) = over_a_folder();
    let (scope, events) = (scope(), (0..16).map(|actor| event(&actor.to_string())));
    let events: Vec<_> = events.collect();
    let puts = events
        .iter()
        .map(|event| changer.put(event, &scope, deadline()));
    let puts = join_all(puts).await;
    let winners: Vec<_> = (0..16).filter(|&at| puts[at] == Ok(Put::Written)).collect();
    let [winner] = winners[..] else {
        panic!("{puts:?}");
    };
    assert_eq!(
        puts.iter().filter(|&put| *put == Ok(Put::Taken)).count(),
        15
    );
    let object = events[winner].object();
    let expected = [(object.key, object.body.to_vec())];
    assert!(stored(folder.path()).into_iter().eq(expected));
}

#[tokio::test]
async fn only_in_a_folder_an_event_is_put_again_before_a_response_rests_on_it() {
    let server = Misbehaving::start("http", coded("500 Internal Server Error", "No")).await;
    let on_s3 = over(&server).await;
    assert_eq!(
        on_s3.confirm(&event("rob"), &scope(), deadline()).await,
        Ok(())
    );
    assert!(server.seen().is_empty());
    let of_a_folder = on_s3.of_a_folder();
    let unproved = of_a_folder
        .confirm(&event("rob"), &scope(), deadline())
        .await;
    assert!(
        matches!(unproved, Err(ChangeError::Unknown(_))),
        "{unproved:?}"
    );
    assert_eq!(server.seen().len(), 1);

    let (folder, changer) = over_a_folder();
    changer
        .put(&event("rob"), &scope(), deadline())
        .await
        .unwrap();
    let before = stored(folder.path());
    assert_eq!(
        changer.confirm(&event("rob"), &scope(), deadline()).await,
        Ok(())
    );
    let other = changer.confirm(&event("bob"), &scope(), deadline()).await;
    assert!(matches!(other, Err(ChangeError::Refused(_))), "{other:?}");
    assert_eq!(stored(folder.path()), before);
}
