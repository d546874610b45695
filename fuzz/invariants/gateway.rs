//! An event of API Gateway: whatever it holds is answered as every request is, and stored is what the
//! answer says is stored.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use axum::Router;
use lambda_http::request::LambdaRequest;
use lambda_http::{Context, LambdaEvent};
use memory_ingress::caller::Callers;
use memory_ingress::guard::Guard;
use memory_ingress::origin::Origin;
use memory_ingress::remember::Ingress;
use memory_ingress::{http, lambda};
use memory_log::object::Object;
use memory_s3::embedded::{self, BUCKET, Disk};
use memory_s3::writer::Writer;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::answered::{Answer, Asked, REQUEST_ID};

/// The JSON of an event, as Lambda's runtime hands it over.
pub fn gateway_event(bytes: &[u8]) {
    if event(bytes).is_some() {
        // It comes back only as it was: with an empty bucket.
        let mut deployed = DEPLOYED.take().unwrap_or_else(Deployed::start);
        deployed.judge(bytes);
        DEPLOYED.set(Some(deployed));
    }
}

thread_local! {
    static DEPLOYED: Cell<Option<Deployed>> = const { Cell::new(None) };
}

/// The service behind its gateway, over an empty bucket.
struct Deployed {
    runtime: Runtime,
    router: Router,
    folder: TempDir,
}

impl Deployed {
    fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_time().build();
        let (router, folder) = over_an_empty_bucket();
        Self {
            runtime: runtime.expect("a runtime"),
            router,
            folder,
        }
    }

    fn judge(&mut self, bytes: &[u8]) {
        let Some(answer) = self.answer(bytes) else {
            return;
        };
        let objects = stored(self.folder.path());
        let Some((id, key)) = answer.receipt() else {
            assert!(objects.is_empty(), "{answer:?}, and {objects:?}");
            return;
        };
        assert_eq!(answer.header("idempotent-replayed"), None);
        let (path, object) = objects.first().expect("what is answered for is stored");
        let object = Object::read(&key, object).expect("it is that memory");
        assert_eq!((object.memory_id.to_string(), objects.len()), (id, 1));
        assert!(path.ends_with(&key), "{path} is not under {key}");

        // A repeat is the same to the byte; or, without a timestamp, another memory.
        let repeat = self.answer(bytes).expect("it was answered before");
        let (_, other) = repeat.receipt().expect("it was stored before");
        let is_replayed = repeat.header("idempotent-replayed").is_some();
        assert_eq!(is_replayed, other == key);
        if is_replayed {
            assert_eq!((repeat.status, &repeat.body), (answer.status, &answer.body));
        }
        let now_stored = stored(self.folder.path()).len();
        assert_eq!(now_stored, if is_replayed { 1 } else { 2 });
        (self.router, self.folder) = over_an_empty_bucket();
    }

    /// What the gateway is answered; nothing where the event is none of API Gateway's.
    fn answer(&self, bytes: &[u8]) -> Option<Answer> {
        let event = event(bytes)?;
        let asked = Asked::of(&event);
        let mut context = Context::default();
        REQUEST_ID.clone_into(&mut context.request_id);
        let answered = lambda::handle(self.router.clone(), LambdaEvent::new(event, context));
        let response = self.runtime.block_on(answered);
        let response = response.unwrap_or_else(|never| match never {});
        let answer = Answer::read(&serde_json::to_value(response).expect("JSON"));
        answer.judge(asked);
        Some(answer)
    }
}

fn event(bytes: &[u8]) -> Option<LambdaRequest> {
    serde_json::from_slice(bytes).ok()
}

/// In memory where that can be: a disk's syncs take most of the time.
fn over_an_empty_bucket() -> (Router, TempDir) {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let folder = folder.expect("a folder");
    let client = embedded::client(Disk::create(folder.path()).expect("a bucket"));
    let guard = Guard {
        callers: Callers::Gateway,
        allowed_origins: Origin::parse("https://app.example.com")
            .into_iter()
            .collect(),
    };
    let ingress = Ingress::new(Writer::new(client, BUCKET));
    (http::router(ingress, guard), folder)
}

/// Every file of the bucket: its key, and its bytes.
fn stored(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut objects = Vec::new();
    let mut left = vec![folder.join(BUCKET)];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(path).expect("a folder");
            left.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else {
            let bytes = fs::read(&path).expect("an object");
            // A name too long for a disk is cut, and the cut marked so.
            let key = path.to_str().expect("UTF-8").replace("+/", "");
            objects.push((key, bytes));
        }
    }
    objects
}
