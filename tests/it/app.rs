//! The service in this process, over an embedded S3 in a folder of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use memory_ingress::http::endpoints;
use memory_ingress::remember::Ingress;
use memory_log::scope::WriteScopes;
use memory_s3::embedded::{self, BUCKET, Disk};
use memory_s3::writer::Writer;
use memory_web::caller::Callers;
use memory_web::guard::Guard;
use memory_web::http::router;
use serde_json::Value;
use tempfile::TempDir;

use crate::exchange::{self, Answer, Asked, JSON};
use crate::folder::stored;
use crate::surface::post;

/// A service and the folder that it stores in.
#[derive(Clone)]
pub(crate) struct App {
    router: Router,
    folder: Arc<TempDir>,
}

impl App {
    pub(crate) fn new() -> Self {
        Self::guarded(Guard::default())
    }

    pub(crate) fn for_callers(callers: Callers) -> Self {
        let allowed_origins = Vec::new();
        Self::guarded(Guard {
            callers,
            allowed_origins,
        })
    }

    pub(crate) fn guarded(guard: Guard) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let client = embedded::client(Disk::create(folder.path()).unwrap());
        let router = router(
            endpoints(Ingress::new(
                Writer::new(client, BUCKET),
                WriteScopes::Everywhere,
            )),
            guard,
        );
        Self {
            router,
            folder: Arc::new(folder),
        }
    }

    /// A service over another S3. The folder stays empty.
    pub(crate) fn over(store: Writer) -> Self {
        Self::of(router(
            endpoints(Ingress::new(store, WriteScopes::Everywhere)),
            Guard::default(),
        ))
    }

    pub(crate) fn of(router: Router) -> Self {
        Self {
            router,
            folder: Arc::new(tempfile::tempdir().unwrap()),
        }
    }

    pub(crate) async fn send(&self, asked: Asked) -> Answer {
        exchange::send(&self.router, asked).await
    }

    /// Sends a request and does not check its response.
    pub(crate) async fn send_raw(&self, request: Request<Body>) -> Answer {
        exchange::send_unchecked(&self.router, request).await
    }

    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    /// Every object in the bucket: its key and its bytes.
    pub(crate) fn stored(&self) -> BTreeMap<String, Vec<u8>> {
        stored(self.folder.path())
    }

    pub(crate) fn assert_nothing_stored(&self) {
        let keys: Vec<_> = self.stored().into_keys().collect();
        assert!(keys.is_empty(), "stored {keys:?}");
    }
}

/// The tool's body, with a JSON:API document as the response.
pub(crate) fn tool_for_document(body: impl Into<Vec<u8>>) -> Asked {
    post(JSON, body)
}

impl Asked {
    pub(crate) fn to(mut self, target: &str) -> Self {
        target.clone_into(&mut self.target);
        self
    }
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Returns the `code` of each error, and its source if it has one.
    pub(crate) fn faults(&self) -> Vec<String> {
        let document = self.json();
        let errors = document["errors"].as_array().expect("an error document");
        let fault = |error: &Value| {
            let source = error["source"]
                .as_object()
                .map(|source| source.values().next().unwrap().to_string());
            let field = error["meta"]["field"]
                .as_str()
                .map(|field| format!(" ({field})"))
                .unwrap_or_default();
            format!(
                "{} {}{field}",
                error["code"].as_str().unwrap(),
                source.unwrap_or_default()
            )
            .trim()
            .to_owned()
        };
        errors.iter().map(fault).collect()
    }
}

/// Reads a file of worked examples.
pub(crate) fn vectors(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}
