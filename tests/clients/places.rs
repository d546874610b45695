//! Where clients send memories: a service that stores them, and one that cannot.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Server, command, text};

/// A file of this folder.
pub(crate) fn file(name: &str) -> PathBuf {
    root().join("tests/clients").join(name)
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the service says about a document whose repository is not a UUID and whose content is missing.
pub(crate) const NO_UUID: [&str; 2] = ["must be a UUID: 32", "\"content\" is required"];
/// What it says about names and timestamps that no schema forbids, so that every client sends them.
pub(crate) const BEYOND_SCHEMAS: [&str; 2] = [
    "shorten it to at most 150",
    "is outside 1970-01-01T00:00:00Z",
];

/// The memory that clients of the JSON:API send.
pub(crate) const ENVELOPE: &str = r#"{"data":{"type":"memories","attributes":{
    "content":"Rob prefers mornings. „☃“","repository_id":"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
    "memory_type":"habit","tags":["a","b"],"timestamp":"2026-01-27T03:14:22Z"}}}"#;
/// The one that clients of the tool's shape send.
pub(crate) const TOOL_BODY: &str = r#"{"entity_id":"rob","domain":"work","content":"Rob prefers mornings. „☃“",
    "timestamp":"2026-01-27T03:14:22Z","metadata":{"tags":["a","b"]}}"#;

/// The statuses that a client gives a memory, and the HTTP statuses of what it must not do: delete what is locked,
/// unlock it without an `If-Match` and with the tag of another state, and get what is deleted.
const LIFE: [&str; 9] = [
    "verified",
    "locked",
    "403",
    "428",
    "412",
    "verified",
    "deleted",
    "410",
    "unverified",
];

pub(crate) struct Places {
    pub(crate) sound: Server,
    /// Nothing listens where its storage should be.
    pub(crate) failing: Server,
    data: TempDir,
}

impl Places {
    pub(crate) fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let sound = Server::start(data.path());
        let mut failing = command();
        failing
            .args(["serve", "--listen", "127.0.0.1:0", "--bucket", "nowhere"])
            .env("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "nobody")
            .env("AWS_SECRET_ACCESS_KEY", "nothing");
        let failing = Server::spawn(failing);
        Self {
            sound,
            failing,
            data,
        }
    }

    /// The log of the sound service, a line for each memory.
    fn log(&self) -> String {
        let mut replay = command();
        replay.args(["replay", "--data"]).arg(self.data.path());
        let log = replay.output().unwrap();
        assert!(log.status.success(), "{}", text(&log.stderr));
        text(&log.stdout)
    }

    pub(crate) fn has_stored_once(&self, id: &str) {
        let log = self.log();
        assert_eq!(log.matches(id).count(), 1, "{id}: {log}");
    }

    pub(crate) fn has_stored(&self, memories: usize) {
        assert_eq!(self.log().lines().count(), memories);
    }

    /// Has a client do its work against both services, and checks what it saw, that it stored this
    /// memory, that it found it again: by a search, in pages of a list, and by its id, and that it took the
    /// memory through its life.
    pub(crate) fn work(
        &self,
        name: &str,
        client: &mut Command,
        memory: &'static str,
        refusal: [&str; 2],
    ) {
        let said = done(name, client.args([&self.sound.url, &self.failing.url]));
        let last = said.trim().lines().last().unwrap_or_default();
        let seen: Value =
            serde_json::from_str(last).unwrap_or_else(|error| panic!("{name}: {error}: {said}"));
        let id = seen["id"].as_str().unwrap();
        assert_eq!(seen["repeated"], id, "{name}");
        // Some clients drop a resource's `meta`.
        if let Some(key) = seen["s3_key"].as_str() {
            assert!(key.ends_with(&format!("_{id}.json")), "{name}: {key}");
        }
        self.has_stored_once(id);
        assert_eq!(seen["found"], json!([id]), "{name}");
        let content = "Rob prefers mornings. „☃“";
        let listed = json!(["Rob drinks tea.", content]);
        assert_eq!(seen["listed"], listed, "{name}");
        assert_eq!(seen["got"], content, "{name}");
        assert_eq!(seen["changed"], json!(LIFE), "{name}");
        // Equal in all fields is one memory: nothing was dropped or spelled anew on the client's way.
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let key = runtime.block_on(self.sound.store(memory));
        assert!(key.ends_with(&format!("_{id}.json")), "{name}: {key}");
        let has = |member: &str, words: &[&str]| {
            let told = seen[member].as_str().unwrap();
            assert!(
                words.iter().all(|word| told.contains(word)),
                "{name}: {told}"
            );
        };
        has("refused", &refusal);
        has(
            "failed",
            &["was not stored", "\"timestamp\":\"2026-01-27T03:14:22Z\""],
        );
    }
}

/// Runs a program that must succeed, and gives what it said.
pub(crate) fn done(name: &str, command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{name}: {command:?}: {error}"));
    let said = text(&output.stdout);
    assert!(
        output.status.success(),
        "{name}: {command:?}: {said}{}",
        text(&output.stderr)
    );
    said
}
