//! No fault of any request gives a partial answer.

use aws_sdk_s3::primitives::SdkBody;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::HttpConnectorFuture;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use memory_log::event::Status;
use memory_log::object::Object;
use memory_recall::find::{Filters, Order, RecallError};
use memory_recall::log::LogError;
use memory_recall::words::Query;
use memory_s3::reader::ReadError;

use crate::world::{self, World, later, memories, scope};

/// What is wrong with one request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// The connection breaks.
    Dropped,
    /// S3 asks to come back later.
    SlowDown,
    /// S3 refuses.
    Refused,
    /// A 200 with half a document, or other bytes.
    Half,
    /// A listing without a word about its end.
    NoEnd,
}

const FAULTS: [Fault; 5] = [
    Fault::Dropped,
    Fault::SlowDown,
    Fault::Refused,
    Fault::Half,
    Fault::NoEnd,
];

fn answer(status: u16, document: &str) -> HttpConnectorFuture {
    let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(document));
    HttpConnectorFuture::ready(Ok(response))
}

fn error(status: u16, code: &str) -> HttpConnectorFuture {
    answer(status, &format!("<Error><Code>{code}</Code></Error>"))
}

impl Fault {
    pub(crate) fn of(self) -> HttpConnectorFuture {
        match self {
            Self::Dropped => HttpConnectorFuture::ready(Err(ConnectorError::io("broken".into()))),
            Self::SlowDown => error(503, "SlowDown"),
            Self::Refused => error(403, "AccessDenied"),
            Self::Half => answer(200, "<ListBucketResult><IsTruncated>fal"),
            Self::NoEnd => answer(200, "<ListBucketResult></ListBucketResult>"),
        }
    }
}

/// What an answer shows, in words that can be compared.
async fn read(world: &World, which: usize) -> Result<String, RecallError> {
    let (recall, scopes) = (world.recall(), [scope("rob"), scope("eve")]);
    let filters = Filters::default();
    let query = Query::parse("note").unwrap();
    let page = |page: memory_recall::find::Page| {
        let next = page.next.map(|next| next.to_string());
        format!("{:?} {next:?}", page.memories)
    };
    let id = Object::of(&memories("rob", 2)[1]).memory_id;
    match which {
        0 => recall
            .search(&scopes, &query, &filters, 5, later())
            .await
            .map(|found| format!("{found:?}")),
        1 => recall
            .list(&scopes, &filters, Order::Oldest, None, 4, later())
            .await
            .map(page),
        2 => recall
            .list(&scopes, &filters, Order::Newest, None, 4, later())
            .await
            .map(page),
        _ => recall
            .get(&scopes, id, None, 1, later())
            .await
            .map(|got| format!("{got:?}")),
    }
}

#[tokio::test]
async fn a_fault_of_any_request_is_an_error_and_never_a_shorter_answer() {
    let world = World::new();
    let stored = memories("rob", 4);
    stored
        .iter()
        .chain(&memories("eve", 2))
        .for_each(|memory| drop(world.store(memory)));
    world.change(&stored[1], 1, Status::Verified);
    world.change(&stored[1], 2, Status::Locked);
    world.change(&stored[2], 1, Status::Deleted);
    for which in 0..4 {
        world.no_fate();
        world.requests();
        let whole = read(&world, which).await.unwrap();
        let requests = world.requests().len();
        assert!(requests >= 4, "{which}: {requests}");
        for fault in FAULTS {
            for faulty in 0..requests {
                world.fate(move |number, _| (number == faulty).then(|| fault.of()));
                let about = format!("{which} {fault:?} {faulty}");
                match read(&world, which).await {
                    // A listing of the key after a 403 says that the key is there.
                    Err(RecallError::Log(error)) => {
                        assert!(!matches!(error, LogError::Newer { .. }), "{about}: {error}");
                    }
                    Err(error) => panic!("{about}: {error}"),
                    // Such as the object of a deleted memory, which a get does not look at.
                    Ok(answer) => assert_eq!(answer, whole, "{about}"),
                }
                assert!(
                    world.requests().len() > faulty,
                    "{about}: it was never asked"
                );
            }
        }
    }
}

#[tokio::test]
async fn what_s3_does_not_give_is_unavailable_and_a_repeat_needs_only_the_rest() {
    let world = World::new();
    memories("rob", 200)
        .iter()
        .for_each(|memory| drop(world.store(memory)));
    let recall = world.recall();
    let search = async || world::search(&recall, later()).await;
    world.fate(|number, _| (number == 150).then(|| Fault::SlowDown.of()));
    let error = search().await.unwrap_err();
    assert!(
        matches!(
            error,
            RecallError::Log(LogError::Read(ReadError::Unavailable(_)))
        ),
        "{error}"
    );
    world.no_fate();
    world.requests();
    assert_eq!(search().await.unwrap().searched, 200);
    let gets = world
        .requests()
        .iter()
        .filter(|request| request.starts_with("GET"))
        .count();
    assert!(gets < 200, "{gets}");
}

#[tokio::test(start_paused = true)]
async fn near_the_deadline_what_was_read_is_kept_and_the_progress_is_told() {
    let world = World::new();
    memories("rob", 400)
        .iter()
        .for_each(|memory| drop(world.store(memory)));
    let recall = world.recall();
    let within = |seconds| tokio::time::Instant::now() + Duration::from_secs(seconds);
    *world.pause.lock().unwrap() = Duration::from_secs(1);
    // One round for the listing, and one for each 64 objects.
    let mut before = 0.0;
    for _ in 0..2 {
        let Err(RecallError::Building { progress }) = world::search(&recall, within(5)).await
        else {
            panic!("it is not building");
        };
        assert!(
            progress > before && progress < 1.0,
            "{progress} after {before}"
        );
        before = progress;
    }
    assert_eq!(
        world::search(&recall, within(60)).await.unwrap().searched,
        400
    );
    world.requests();
    let late = world::search(&world.recall(), within(0)).await;
    assert_eq!(late.unwrap_err(), RecallError::Late);
    assert!(
        world.requests().is_empty(),
        "nothing is asked after the deadline"
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_that_looks_for_a_rare_tag_gets_further_with_each_repeat() {
    let world = World::new();
    memories("rob", 400)
        .iter()
        .for_each(|memory| drop(world.store(memory)));
    *world.pause.lock().unwrap() = Duration::from_secs(1);
    let filters = Filters {
        tags: vec!["rare".to_owned()],
        ..Filters::default()
    };
    let scopes = [scope("rob")];
    for order in [Order::Newest, Order::Oldest] {
        let recall = world.recall();
        let list = |seconds| {
            let deadline = tokio::time::Instant::now() + Duration::from_secs(seconds);
            recall.list(&scopes, &filters, order, None, 5, deadline)
        };
        let mut before = 0.0;
        for _ in 0..2 {
            let Err(RecallError::Building { progress }) = list(5).await else {
                panic!("it is not building");
            };
            assert!(
                progress > before && progress < 1.0,
                "{order:?}: {progress} after {before}"
            );
            before = progress;
        }
        let page = list(60).await.unwrap();
        assert!(page.memories.is_empty() && page.next.is_none());
        world.requests();
        assert!(list(5).await.is_ok(), "{order:?}");
        let gets = world.requests().into_iter();
        let gets = gets.filter(|request| request.starts_with("GET")).count();
        assert!(gets < 400, "{order:?}: {gets}");
    }
}
