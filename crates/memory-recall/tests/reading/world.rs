//! A log in an embedded S3, whose objects are written as files, and whose every request is seen.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::HttpClient;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use memory_log::event::{Actor, Change, Event, Seq, Status};
use memory_log::fault::Violations;
use memory_log::json::Json;
use memory_log::memory::{Draft, Memory};
use memory_log::object::Object;
use memory_log::scope::{ReadScope, operator};
use memory_log::timestamp::Timestamp;
use memory_recall::find::{Cursor, Filters, Found, Order, Page, Recall, RecallError};
use memory_recall::words::Query;
use memory_s3::embedded::{self, BUCKET, Disk, VIEWS_BUCKET};
use memory_s3::reader::Reader;
use memory_s3::views::Views;
use tempfile::TempDir;
use tokio::time::Instant;

/// What happens to a request: by its number from 0, and its URI.
pub(crate) type Fate = Arc<dyn Fn(usize, &str) -> Option<HttpConnectorFuture> + Send + Sync>;

/// A log of its own for one test.
pub(crate) struct World {
    folder: TempDir,
    seen: Arc<Mutex<Vec<String>>>,
    fate: Arc<Mutex<Option<Fate>>>,
    /// How long each request takes, by the clock of the runtime.
    pub(crate) pause: Arc<Mutex<Duration>>,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Disk::create(folder.path()).unwrap();
        Self {
            folder,
            seen: Arc::default(),
            fate: Arc::default(),
            pause: Arc::default(),
        }
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::new(self.client(), BUCKET)
    }

    /// Another process that reads this log: it has read nothing yet.
    pub(crate) fn recall(&self) -> Recall {
        Recall::new(self.reader())
    }

    /// Such a process, as it reads a bucket behind a network.
    pub(crate) fn remote_recall(&self) -> Recall {
        Recall::new(Reader::new(self.client(), BUCKET).with_retries())
    }

    /// Such a process with views.
    pub(crate) fn recall_with_views(&self) -> Recall {
        self.recall().with_views(self.views())
    }

    pub(crate) fn views(&self) -> Views {
        Views::new(self.client(), VIEWS_BUCKET)
    }

    /// The files of all views.
    pub(crate) fn view_files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().join(VIEWS_BUCKET)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    &mut folders
                } else {
                    &mut files
                }
                .push(path);
            }
        }
        files
    }

    fn client(&self) -> Client {
        let client = embedded::client(Disk::create(self.folder.path()).unwrap());
        let behind = client.config().http_client().unwrap();
        let (seen, fate) = (Arc::clone(&self.seen), Arc::clone(&self.fate));
        let pause = Arc::clone(&self.pause);
        let http = http_client_fn(move |settings, components| {
            SharedHttpConnector::new(Watched {
                behind: behind.http_connector(settings, components),
                seen: Arc::clone(&seen),
                fate: Arc::clone(&fate),
                pause: Arc::clone(&pause),
            })
        });
        Client::from_conf(client.config().to_builder().http_client(http).build())
    }

    /// The requests since this was asked last: `LIST prefix` or `GET key`; `VIEW GET` or `VIEW PUT`.
    pub(crate) fn requests(&self) -> Vec<String> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        seen.iter().map(|uri| request(uri)).collect()
    }

    /// From now on requests are numbered from 0, and meet this fate.
    pub(crate) fn fate(
        &self,
        fate: impl Fn(usize, &str) -> Option<HttpConnectorFuture> + Send + Sync + 'static,
    ) {
        self.seen.lock().unwrap().clear();
        *self.fate.lock().unwrap() = Some(Arc::new(fate));
    }

    pub(crate) fn no_fate(&self) {
        *self.fate.lock().unwrap() = None;
    }

    pub(crate) fn path(&self, key: &str) -> PathBuf {
        self.folder.path().join(BUCKET).join(key)
    }

    pub(crate) fn put(&self, key: &str, bytes: &[u8]) {
        let file = self.path(key);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }

    pub(crate) fn erase(&self, key: &str) {
        fs::remove_file(self.path(key)).unwrap();
    }

    pub(crate) fn store(&self, memory: &Memory) -> Object {
        let object = Object::of(memory);
        self.put(&object.key, &object.body);
        object
    }

    /// Puts the event with this number, which gives a memory this status. Returns its key.
    pub(crate) fn change(&self, memory: &Memory, seq: u8, status: Status) -> String {
        let event = event(memory, seq, status).object();
        self.put(&event.key, &event.body);
        event.key
    }
}

/// An event of a memory.
pub(crate) fn event(memory: &Memory, seq: u8, status: Status) -> Event {
    let change = Change {
        status,
        actor: Actor::new("tester"),
        reason: None,
        timestamp: at("2026-02-01T00:00:00Z"),
    };
    let memory_id = Object::of(memory).memory_id;
    Event::next(
        memory.domain(),
        memory.entity_id(),
        memory_id,
        Seq::new(seq - 1),
        change,
    )
    .unwrap()
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// A memory of the domain `work`, with metadata.
pub(crate) fn memory(entity_id: &str, timestamp: &str, content: &str, metadata: &str) -> Memory {
    let body = format!(
        r#"{{"domain":"work","entity_id":"{entity_id}","timestamp":"{timestamp}","content":"{content}","metadata":{metadata}}}"#
    );
    let json = Json::parse(body.as_bytes()).unwrap();
    let draft = Draft::of_fields(json.root(), Violations::default());
    Memory::new(draft, at("2026-01-01T00:00:00Z")).unwrap()
}

/// Memories of an entity, one a second.
pub(crate) fn memories(entity_id: &str, count: usize) -> Vec<Memory> {
    let memory = |number: usize| {
        let timestamp = format!(
            "2026-01-01T{:02}:{:02}:{:02}Z",
            number / 3_600,
            number / 60 % 60,
            number % 60
        );
        memory(entity_id, &timestamp, &format!("note {number}"), "{}")
    };
    (0..count).map(memory).collect()
}

pub(crate) fn scope(entity_id: &str) -> ReadScope {
    operator().entity("work", entity_id)
}

/// A deadline that no test meets.
pub(crate) fn later() -> Instant {
    Instant::now() + Duration::from_secs(600)
}

/// Searches the entity `rob` for the word that every one of [`memories`] has.
pub(crate) async fn search(recall: &Recall, deadline: Instant) -> Result<Found, RecallError> {
    let (query, filters) = (Query::parse("note").unwrap(), Filters::default());
    let scopes = [scope("rob")];
    recall.search(&scopes, &query, &filters, 5, deadline).await
}

/// A page of the entity `rob`.
pub(crate) async fn list(
    recall: &Recall,
    order: Order,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Page, RecallError> {
    let (scopes, filters) = ([scope("rob")], Filters::default());
    recall
        .list(&scopes, &filters, order, after, limit, later())
        .await
}

/// What is asked of S3, from the method and URI of a request.
fn request(asked: &str) -> String {
    let (method, uri) = asked.split_once(' ').unwrap();
    if uri.contains(&format!("/{VIEWS_BUCKET}/")) {
        return format!("VIEW {method}");
    }
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let decoded = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'%' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                _ => byte,
            });
        }
        String::from_utf8(bytes).unwrap()
    };
    let prefix = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("prefix="));
    if query.contains("list-type=2") {
        return format!("LIST {}", decoded(prefix.unwrap_or_default()));
    }
    let (_, key) = path.split_once(&format!("/{BUCKET}/")).unwrap();
    format!("GET {}", decoded(key))
}

struct Watched {
    behind: SharedHttpConnector,
    seen: Arc<Mutex<Vec<String>>>,
    fate: Arc<Mutex<Option<Fate>>>,
    pause: Arc<Mutex<Duration>>,
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watched")
    }
}

impl HttpConnector for Watched {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let uri = format!("{} {}", request.method(), request.uri());
        let number = {
            let mut seen = self.seen.lock().unwrap();
            seen.push(uri.clone());
            seen.len() - 1
        };
        let fate = self.fate.lock().unwrap().clone();
        if let Some(answer) = fate.and_then(|fate| fate(number, &uri)) {
            return answer;
        }
        let (behind, pause) = (self.behind.clone(), *self.pause.lock().unwrap());
        HttpConnectorFuture::new(async move {
            tokio::time::sleep(pause).await;
            behind.call(request).await
        })
    }
}
