//! What a request comes to, when S3, the time or the log fails it.

use std::fs;
use std::path::PathBuf;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::HttpClient;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use memory_log::event::Status;
use memory_log::steward::Caller;
use memory_recall::change::{ChangeError, Did, End, Statuses};
use memory_recall::find::RecallError;
use memory_recall::log::LogError;
use memory_s3::changer;
use memory_s3::embedded::BUCKET;
use memory_s3::reader::Reader;
use tokio::time::Instant;

use crate::world::{
    Fault, PATIENCE, World, client, deadline, end, event, memory, request, scopes, target,
};

#[tokio::test]
async fn a_lost_answer_is_unknown_and_its_repeat_finds_the_change() {
    let world = World::with(&[]).await;
    let statuses = world.scripted(vec![Fault::Lost]);
    let delete = request(Status::Deleted);
    let lost = world.change(&statuses, &delete).await;
    assert!(
        matches!(
            lost,
            Err(ChangeError::Put(changer::ChangeError::Unknown(_)))
        ),
        "{lost:?}"
    );
    let receipt = world.change(&statuses, &delete).await.unwrap();
    assert_eq!(
        (receipt.seq(), receipt.did, world.puts()),
        (1, Did::Repeat, 1)
    );
}

#[tokio::test]
async fn what_s3_refuses_or_cannot_do_now_is_said_and_tried_once() {
    for (status, code) in [
        (503, "SlowDown"),
        (403, "AccessDenied"),
        (500, "InternalError"),
    ] {
        let world = World::with(&[]).await;
        let statuses = world.scripted(vec![Fault::Answered(status, code)]);
        let result = world.change(&statuses, &request(Status::Deleted)).await;
        let Err(ChangeError::Put(error)) = result else {
            panic!("{result:?}");
        };
        match code {
            "SlowDown" => assert!(matches!(error, changer::ChangeError::Unavailable(_))),
            "AccessDenied" => assert!(matches!(error, changer::ChangeError::Refused(_))),
            _ => assert!(matches!(error, changer::ChangeError::Unknown(_))),
        }
        assert_eq!((world.puts(), world.events().len()), (1, 0), "{code}");
    }
}

#[tokio::test]
async fn a_request_whose_deadline_has_passed_puts_nothing() {
    let conflict = Fault::Answered(409, "ConditionalRequestConflict");
    let delete = request(Status::Deleted);
    let late = Err(ChangeError::Recall(RecallError::Late));
    let world = World::with(&[]).await;
    let statuses = world.scripted(vec![conflict]);
    let in_the_past = Instant::now();
    let result = statuses
        .change(Caller::Local, &target(), &delete, in_the_past)
        .await;
    assert_eq!((result, world.puts()), (late.clone(), 0));
    // The second put would come after the pause.
    let patient = Statuses {
        pause: || PATIENCE,
        ..statuses
    };
    assert_eq!(
        (world.change(&patient, &delete).await, world.puts()),
        (late, 1)
    );
    assert!(world.events().is_empty());
}

#[tokio::test]
async fn a_damaged_highest_event_stops_every_change_and_a_damaged_lower_one_none() {
    let world = World::with(&[Status::Verified, Status::Unverified]).await;
    let (lower, highest) = (world.file_of(1), world.file_of(2));
    let whole = fs::read(&highest).unwrap();
    for (body, is_newer) in [
        (&b""[..], false),
        (&whole[..whole.len() - 1], false),
        (br#"{"schema_version":2}"#, true),
    ] {
        fs::write(&highest, body).unwrap();
        for to in Status::ALL {
            let error = world
                .change(&world.statuses(), &request(to))
                .await
                .unwrap_err();
            let ChangeError::Recall(RecallError::Log(error)) = error else {
                panic!("{error:?}");
            };
            assert_eq!(matches!(error, LogError::Newer { .. }), is_newer, "{error}");
            assert_eq!(
                matches!(error, LogError::Damaged { .. }),
                !is_newer,
                "{error}"
            );
        }
    }
    assert_eq!(world.puts(), 0);
    fs::write(&highest, whole).unwrap();
    fs::write(lower, "").unwrap();
    let receipt = world
        .change(&world.statuses(), &request(Status::Locked))
        .await
        .unwrap();
    assert_eq!(receipt.seq(), 3);
}

#[tokio::test]
async fn in_a_folder_no_answer_rests_on_an_event_that_may_not_be_synced() {
    for (before, to) in [
        (&[Status::Deleted][..], Status::Deleted),
        (&[Status::Locked], Status::Deleted),
        (&[Status::Deleted], Status::Locked),
        (&[Status::Locked], Status::Verified),
    ] {
        let world = World::with(before).await;
        let on_s3 = world.statuses();
        let told = world.change(&on_s3, &request(to)).await;
        assert_eq!(world.puts(), 0);
        let in_a_folder = Statuses {
            changer: on_s3.changer.clone().of_a_folder(),
            ..on_s3
        };
        assert_eq!(world.change(&in_a_folder, &request(to)).await, told);
        assert_eq!(world.puts(), 1, "{to}");
        let unsynced = world.scripted(vec![Fault::Answered(500, "InternalError")]);
        let unsynced = Statuses {
            changer: unsynced.changer.clone().of_a_folder(),
            ..unsynced
        };
        let result = world.change(&unsynced, &request(to)).await;
        assert!(matches!(result, Err(ChangeError::Put(_))), "{result:?}");
    }
}

#[tokio::test]
async fn an_event_that_was_erased_decides_nothing_even_if_this_process_has_read_it() {
    let world = World::with(&[Status::Verified]).await;
    let statuses = world.statuses();
    let (reads, id) = (vec![scopes().0], target().memory_id);
    let read = statuses
        .recall
        .get(&reads, id, None, 1, deadline())
        .await
        .unwrap();
    assert_eq!(read.0.status, Status::Verified);
    let receipt = world
        .change(&statuses, &request(Status::Verified))
        .await
        .unwrap();
    assert_eq!(receipt.did, Did::Nothing);
    // The entity's name is erased with all its events, and its numbers begin again.
    fs::write(
        world.file_of(1),
        event(0, Status::Locked, "bob").object().body,
    )
    .unwrap();
    let result = world.change(&statuses, &request(Status::Deleted)).await;
    assert_eq!(end(result), (End::Locked, Status::Locked, 1));
    let read = statuses.recall.get(&reads, id, None, 1, deadline());
    assert_eq!(read.await.unwrap().0.status, Status::Locked);
}

/// A reader under which a file is removed when its object is asked for.
#[derive(Debug)]
struct Erasing {
    behind: SharedHttpConnector,
    file: PathBuf,
}

impl HttpConnector for Erasing {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if request.uri().contains("x-id=GetObject") {
            let _ = fs::remove_file(&self.file);
        }
        self.behind.call(request)
    }
}

#[tokio::test]
async fn a_memory_that_is_erased_while_it_is_found_is_not_changed() {
    let world = World::with(&[]).await;
    let file = world.folder.path().join(BUCKET).join(memory().object.key);
    let plain = client(world.folder.path());
    let behind = plain.config().http_client().unwrap();
    let erased = file.clone();
    let http = http_client_fn(move |settings, components| {
        let behind = behind.http_connector(settings, components);
        let file = erased.clone();
        SharedHttpConnector::new(Erasing { behind, file })
    });
    let client = Client::from_conf(plain.config().to_builder().http_client(http).build());
    let statuses = Statuses {
        reader: Reader::new(client, BUCKET),
        ..world.statuses()
    };
    let result = world.change(&statuses, &request(Status::Deleted)).await;
    assert!(!file.exists());
    assert_eq!(result, Err(ChangeError::Recall(RecallError::NotFound)));
    assert_eq!((world.puts(), world.events().len()), (0, 0));
}
