//! An event of API Gateway: the response has what all responses have, and the bucket holds what the
//! response says is stored.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use axum::Router;
use lambda_http::request::LambdaRequest;
use lambda_http::{Context, LambdaEvent};
use memory_ingress::http::endpoints;
use memory_ingress::remember::Ingress;
use memory_log::object::Object;
use memory_log::scope::WriteScopes;
use memory_s3::embedded::{self, BUCKET, Disk};
use memory_s3::writer::Writer;
use memory_web::caller::Callers;
use memory_web::guard::Guard;
use memory_web::http::router;
use memory_web::lambda;
use memory_web::origin::Origin;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::response::{REQUEST_ID, RequestKind, Response};

/// Checks the JSON of an event, as Lambda's runtime passes it on.
pub fn gateway_event(bytes: &[u8]) {
    if event(bytes).is_some() {
        // The next event gets the same service with an empty bucket. After a panic it gets a new one.
        let mut deployed = DEPLOYED.take().unwrap_or_else(Deployed::start);
        deployed.check(bytes);
        DEPLOYED.set(Some(deployed));
    }
}

thread_local! {
    static DEPLOYED: Cell<Option<Deployed>> = const { Cell::new(None) };
}

/// The service as API Gateway calls it, with an empty bucket.
struct Deployed {
    runtime: Runtime,
    router: Router,
    folder: TempDir,
}

impl Deployed {
    fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_time().build();
        let (router, folder) = with_empty_bucket();
        Self {
            runtime: runtime.expect("a runtime"),
            router,
            folder,
        }
    }

    fn check(&mut self, bytes: &[u8]) {
        let Some(response) = self.respond(bytes) else {
            return;
        };
        let objects = stored(self.folder.path());
        let Some((id, key)) = response.receipt() else {
            assert!(objects.is_empty(), "{response:?}, but {objects:?}");
            return;
        };
        assert_eq!(response.header("idempotent-replayed"), None);
        let (path, object) = objects.first().expect("the memory of a receipt is stored");
        let read = Object::read(&key, object).expect("the object is the memory of the receipt");
        assert_eq!((read.object.memory_id.to_string(), objects.len()), (id, 1));
        assert!(path.ends_with(&key), "{path} is not under {key}");

        // The response to a repeat is the same to the byte. Without a timestamp, a repeat is another memory.
        let repeat = self.respond(bytes).expect("the first event had a response");
        let (_, other) = repeat.receipt().expect("the first event was stored");
        let is_replayed = repeat.header("idempotent-replayed").is_some();
        assert_eq!(is_replayed, other == key);
        if is_replayed {
            assert_eq!(
                (repeat.status, &repeat.body),
                (response.status, &response.body)
            );
        }
        let now_stored = stored(self.folder.path()).len();
        assert_eq!(now_stored, if is_replayed { 1 } else { 2 });
        (self.router, self.folder) = with_empty_bucket();
    }

    /// The checked response; `None` if this is not an event of API Gateway.
    fn respond(&self, bytes: &[u8]) -> Option<Response> {
        let event = event(bytes)?;
        let kind = RequestKind::of(&event);
        let mut context = Context::default();
        REQUEST_ID.clone_into(&mut context.request_id);
        let response = lambda::handle(self.router.clone(), LambdaEvent::new(event, context));
        let response = self.runtime.block_on(response);
        let response = response.unwrap_or_else(|never| match never {});
        let response = Response::read(&serde_json::to_value(response).expect("JSON"));
        response.check(kind);
        Some(response)
    }
}

fn event(bytes: &[u8]) -> Option<LambdaRequest> {
    serde_json::from_slice(bytes).ok()
}

/// The routes of a service with an empty bucket, and the bucket's folder. The folder is in memory if
/// possible, because the syncs of a disk take most of the time.
fn with_empty_bucket() -> (Router, TempDir) {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let folder = folder.expect("a folder");
    let client = embedded::client(Disk::create(folder.path()).expect("a bucket"));
    let guard = Guard {
        callers: Callers::Gateway,
        allowed_origins: Origin::parse("https://app.example.com")
            .into_iter()
            .collect(),
    };
    let ingress = Ingress::new(Writer::new(client, BUCKET), WriteScopes::Everywhere);
    (router(endpoints(ingress), guard), folder)
}

/// The key and the bytes of every file of the bucket.
fn stored(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut objects = Vec::new();
    let mut left = vec![folder.join(BUCKET)];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(path).expect("a folder");
            left.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else {
            let bytes = fs::read(&path).expect("an object");
            // A name that is too long for a disk is stored in pieces with `+/` between them.
            let key = path.to_str().expect("UTF-8").replace("+/", "");
            objects.push((key, bytes));
        }
    }
    objects
}
