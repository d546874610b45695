//! A log with one memory, over the embedded S3, and an S3 that does with puts what a script says.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::HttpClient;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use memory_log::event::{Actor, Change, Event, EventKey, Reason, Seq, Status};
use memory_log::fault::Violations;
use memory_log::json::Json;
use memory_log::memory::{Draft, Memory};
use memory_log::object::{Object, Stored};
use memory_log::scope::{ChangeScope, Claims, ReadScope, ReadScopes, WriteScopes};
use memory_log::steward::{Caller, Stewards};
use memory_log::timestamp::Timestamp;
use memory_recall::change::precondition::IfMatch;
use memory_recall::change::{ChangeError, End, Receipt, Request, Statuses, Target};
use memory_recall::find::Recall;
use memory_s3::changer::{Changer, Put};
use memory_s3::embedded::{self, BUCKET, Disk};
use memory_s3::reader::Reader;
use memory_s3::writer::Writer;
use tempfile::TempDir;
use tokio::time::Instant;

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn deadline() -> Instant {
    Instant::now() + PATIENCE
}

/// What becomes of a put.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// It is stored and answered.
    None,
    /// Before it comes to S3, these events are put, one after another.
    After(Vec<Event>),
    /// It is not stored, and answered with this status and code.
    Answered(u16, &'static str),
    /// It is stored, and the answer is lost.
    Lost,
}

/// An S3 that does with each put what a script says, and with those after it nothing special.
pub(crate) struct Scripted {
    behind: SharedHttpConnector,
    script: Arc<Mutex<Vec<Fault>>>,
    puts: Arc<AtomicUsize>,
    changer: Changer,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

impl HttpConnector for Scripted {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if request.method() != "PUT" {
            return self.behind.call(request);
        }
        self.puts.fetch_add(1, Ordering::AcqRel);
        let mut script = self.script.lock().unwrap();
        let fault = (!script.is_empty()).then(|| script.remove(0));
        let (behind, changer) = (self.behind.clone(), self.changer.clone());
        HttpConnectorFuture::new(async move {
            match fault.unwrap_or(Fault::None) {
                Fault::None => behind.call(request).await,
                Fault::After(events) => {
                    for event in events {
                        let put = changer.put(&event, &scopes().1, deadline()).await;
                        assert_eq!(put, Ok(Put::Written));
                    }
                    behind.call(request).await
                }
                Fault::Answered(status, code) => {
                    let document = format!("<Error><Code>{code}</Code></Error>");
                    let status = status.try_into().unwrap();
                    Ok(HttpResponse::new(status, document.into()))
                }
                Fault::Lost => {
                    let stored = behind.call(request).await;
                    stored.and(Err(ConnectorError::io("the connection broke".into())))
                }
            }
        })
    }
}

/// A log with one memory.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    puts: Arc<AtomicUsize>,
}

pub(crate) fn scopes() -> (ReadScope, ChangeScope) {
    let claims = Claims::default();
    let reads = ReadScopes::everywhere()
        .permit(&claims, "work", "rob")
        .unwrap();
    let writes = WriteScopes::Everywhere;
    let changes = writes.permit_change(&claims, &reads).unwrap();
    (reads, changes)
}

pub(crate) fn target() -> Target {
    Target {
        scope: scopes().0,
        memory_id: memory().object.memory_id,
        created_at: None,
    }
}

pub(crate) fn memory() -> Stored {
    let body =
        br#"{"domain":"work","entity_id":"rob","content":"c","timestamp":"2026-01-27T03:14:22Z"}"#;
    let json = Json::parse(body).unwrap();
    let draft = Draft::of_fields(json.root(), Violations::default());
    let memory = Memory::new(draft, Timestamp::from_unix_micros(0)).unwrap();
    let object = Object::of(&memory);
    Stored { memory, object }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-02-01T00:00:00Z").unwrap()
}

pub(crate) fn client(folder: &Path) -> Client {
    embedded::client(Disk::create(folder).unwrap())
}

impl World {
    /// A memory that has had these changes.
    pub(crate) async fn with(statuses: &[Status]) -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            puts: Arc::default(),
        };
        let client = client(world.folder.path());
        let Stored { memory, object } = memory();
        let claims = Claims::default();
        let scope = WriteScopes::Everywhere.permit(&claims, &memory).unwrap();
        let writer = Writer::new(client.clone(), BUCKET);
        writer.put(&object, &scope, deadline()).await.unwrap();
        let changer = Changer::new(client, BUCKET);
        for (number, status) in (0..).zip(statuses) {
            let event = event(number, *status, "before");
            let put = changer.put(&event, &scopes().1, deadline()).await;
            assert_eq!(put, Ok(Put::Written));
        }
        world
    }

    /// The statuses of this log, as a process of its own has them.
    pub(crate) fn statuses(&self) -> Statuses {
        self.scripted(Vec::new())
    }

    pub(crate) fn scripted(&self, script: Vec<Fault>) -> Statuses {
        let plain = client(self.folder.path());
        let behind = plain.config().http_client().unwrap();
        let changer = Changer::new(plain.clone(), BUCKET);
        let (script, puts) = (Arc::new(Mutex::new(script)), Arc::clone(&self.puts));
        let http = http_client_fn(move |settings, components| {
            SharedHttpConnector::new(Scripted {
                behind: behind.http_connector(settings, components),
                script: Arc::clone(&script),
                puts: Arc::clone(&puts),
                changer: changer.clone(),
            })
        });
        let client = Client::from_conf(plain.config().to_builder().http_client(http).build());
        let reader = Reader::new(plain, BUCKET);
        Statuses {
            recall: Recall::new(reader.clone()),
            reader,
            changer: Changer::new(client, BUCKET),
            write_scopes: WriteScopes::Everywhere,
            stewards: Stewards::Unnamed,
            now,
            pause: || Duration::ZERO,
        }
    }

    pub(crate) async fn change(
        &self,
        statuses: &Statuses,
        request: &Request,
    ) -> Result<Receipt, ChangeError> {
        statuses
            .change(Caller::Local, &target(), request, deadline())
            .await
    }

    /// The events of the log by their numbers, each proved.
    pub(crate) fn events(&self) -> BTreeMap<u8, Event> {
        let folder = self
            .folder
            .path()
            .join(BUCKET)
            .join("events/domain=work/entity=rob");
        let folder = folder.join(target().memory_id.to_string());
        let files = fs::read_dir(folder).into_iter().flatten();
        let read = |file: fs::DirEntry| {
            let path = file.path();
            let bucket = self.folder.path().join(BUCKET);
            let key = path.strip_prefix(bucket).unwrap().to_str().unwrap();
            let event = Event::read(EventKey::parse(key).unwrap(), &fs::read(&path).unwrap());
            let event = event.unwrap();
            (event.seq().get(), event)
        };
        files.map(|file| read(file.unwrap())).collect()
    }

    pub(crate) fn file_of(&self, number: u8) -> PathBuf {
        let key = event(number - 1, Status::Locked, "x").key().to_string();
        self.folder.path().join(BUCKET).join(key)
    }

    pub(crate) fn puts(&self) -> usize {
        self.puts.load(Ordering::Acquire)
    }
}

/// The event after this one.
pub(crate) fn event(highest: u8, status: Status, actor: &str) -> Event {
    let change = Change {
        status,
        actor: Actor::new(actor),
        reason: None,
        timestamp: now(),
    };
    let id = memory().object.memory_id;
    Event::next("work", "rob", id, Seq::new(highest), change).unwrap()
}

/// What an erasure puts after this event.
pub(crate) fn tombstone(highest: u8) -> Event {
    let id = target().memory_id;
    Event::tombstone(
        "work",
        "rob",
        id,
        Seq::new(highest),
        Actor::new("root"),
        now(),
    )
    .unwrap()
}

pub(crate) fn request(to: Status) -> Request {
    Request {
        to,
        actor: Actor::new("alice"),
        reason: Reason::new("why"),
        if_match: None,
        others: Vec::new(),
    }
}

pub(crate) fn seen(to: Status, tag: &str) -> Request {
    Request {
        if_match: Some(IfMatch::parse(tag)),
        others: Vec::new(),
        ..request(to)
    }
}

/// The end of a request, with the status and the number that it was told.
pub(crate) fn end(result: Result<Receipt, ChangeError>) -> (End, Status, u8) {
    match result {
        Err(ChangeError::Ended { end, status, event }) => {
            (end, status, event.map_or(0, |event| event.seq().get()))
        }
        other => panic!("{other:?}"),
    }
}

/// The changes that bring a new memory to a status.
pub(crate) fn on_the_way_to(status: Status) -> &'static [Status] {
    match status {
        Status::Unverified => &[],
        Status::Verified => &[Status::Verified],
        Status::Locked => &[Status::Locked],
        Status::Deleted => &[Status::Deleted],
    }
}
