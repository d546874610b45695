//! Pages in a real browser: what one of another origin tries, and what one of an allowed origin can do (contract 8.8).
//!
//! Chromium runs without a window. The names of the pages' origins lead to servers of this machine, and every request
//! reaches the service through one that notes it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use memory_log::event::EventKey;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::folder::{memory, stored};
use crate::installed::node;
use crate::process::{Server, command, text};

const PLAYWRIGHT: [&str; 1] = ["playwright-core@1.65.1"];
const SECRET: &str = "heron-lantern-4711";
/// What the pages try to store.
const FORGED: &str = "stored by a page";
const NAMED: &str = "http://friend.test";
const SCOPE: &str = "filter[domain]=work&filter[entity_id]=rob";

/// A service with one memory, and a browser's job.
struct Laptop {
    data: TempDir,
    server: Server,
    key: Option<&'static str>,
    job: Value,
}

impl Laptop {
    async fn start(key: Option<&'static str>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut serve = command();
        serve
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data.path())
            .env("MEMORY_ALLOWED_ORIGINS", NAMED);
        key.map(|key| serve.env("MEMORY_API_KEY", key));
        let server = Server::spawn(serve);
        // A page of ours would run it.
        let content = format!("{SECRET} <script>document.title = 'run'</script>");
        let note = memory("rob", &content, "2026-01-27T03:14:22Z");
        let request = server.client.post(format!("{}/memory", server.url));
        let request = request.header("content-type", "application/json");
        let request = request.header("x-api-key", key.unwrap_or_default());
        let request = request.header("accept", "application/json");
        let receipt = request.body(note).send().await.unwrap();
        let receipt: Value = serde_json::from_slice(&receipt.bytes().await.unwrap()).unwrap();
        let id = receipt["memory_id"].as_str().unwrap();
        let scope = json!({"domain": "work", "entity_id": "rob"});
        let call = |tool: &str, members: Value| {
            let mut arguments = scope.clone();
            let members = members.as_object().unwrap().clone();
            arguments.as_object_mut().unwrap().extend(members);
            let params = json!({"name": tool, "arguments": arguments});
            json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string()
        };
        let attributes =
            json!({"type": "memories", "id": id, "attributes": {"status": "verified"}});
        let job = json!({
            "service": server.url,
            "scratch": data.path(),
            "paths": {
                "search": format!("/api/v1/mcp/memory/search?{SCOPE}&filter[query]=heron"),
                "get": format!("/memory/{id}?{SCOPE}"),
                "list": format!("/memories?{SCOPE}"),
            },
            "bodies": {
                "memory": memory("rob", FORGED, "2026-01-28T00:00:00Z"),
                "append": call("append_memory", json!({"timestamp": "2026-01-28T00:00:00Z", "content": FORGED})),
                "search": call("search_memory", json!({"query": "heron"})),
                "forget": call("forget_memory", json!({"memory_id": id, "reason": "a page"})),
                "tools": json!({"jsonrpc": "2.0", "id": 1, "params": {}, "method": "tools/list"}).to_string(),
                "patch": json!({"data": attributes}).to_string(),
            },
        });
        Self {
            data,
            server,
            key,
            job,
        }
    }

    /// Has the browser do this work, and returns what the script printed.
    async fn open(&self, work: &Value) -> Value {
        let mut job = self.job.clone();
        job.as_object_mut()
            .unwrap()
            .extend(work.as_object().unwrap().clone());
        let run = move || {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/browser.mjs");
            let mut node_command = Command::new("node");
            node_command
                .arg(script)
                .arg(node("browser", &PLAYWRIGHT))
                .arg(job.to_string());
            node_command.output().unwrap()
        };
        let output = spawn_blocking(run).await.unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("one line of JSON")
    }

    /// The control: a program of this machine reads the secret where the pages try to.
    async fn is_readable(&self) {
        for path in ["search", "get", "list"] {
            let path = self.job["paths"][path].as_str().unwrap();
            let request = self
                .server
                .client
                .get(format!("{}{path}&x-by=me", self.server.url));
            let request = request.header("x-api-key", self.key.unwrap_or_default());
            let body = request.send().await.unwrap().bytes().await.unwrap();
            assert!(text(&body).contains(SECRET), "{path}: {}", text(&body));
        }
    }
}

/// The members of a record of a request, or of what a page has seen.
fn told<'a>(record: &'a Value, member: &str) -> &'a str {
    record[member].as_str().unwrap_or_default()
}

/// Whether a page of another origin of this machine may do this without a key: store by the tool, and see it (contract
/// 5.6).
fn is_accepted(request: &Value) -> bool {
    match told(request, "method") {
        "OPTIONS" => told(request, "url").starts_with("/mcp?") && request["status"] == 204,
        _ => {
            ["tool, append", "tool, list"].contains(&told(request, "by"))
                && request["status"] == 200
        }
    }
}

#[tokio::test]
async fn no_page_of_another_origin_reads_or_changes_a_memory_and_a_foreign_one_stores_none() {
    for key in [None, Some("secret")] {
        let laptop = Laptop::start(key).await;
        laptop.is_readable().await;
        let before = stored(laptop.data.path());
        // The names of the service are the same to one with a key.
        let work = json!({"work": "attack", "is_brief": key.is_some()});
        let seen = laptop.open(&work).await;
        let places = seen.as_array().unwrap();
        let mut tried = BTreeSet::new();
        let mut arrived = BTreeSet::new();
        for place in places {
            let at = format!("{} to {}", place["page"], place["service"]);
            for (attempt, read) in place["attempts"].as_object().unwrap() {
                tried.insert(attempt.as_str());
                let read = read.as_str().unwrap();
                assert!(!read.contains(SECRET), "{at}: {attempt}: {read}");
            }
            let is_neighbour = place["page"] == "neighbour" && key.is_none();
            for request in place["requests"].as_array().unwrap() {
                assert!(!told(request, "body").contains(SECRET), "{at}: {request}");
                if request["by"].is_null() {
                    // The browser looks for an icon of the refused document.
                    assert_eq!(told(request, "url"), "/favicon.ico", "{at}: {request}");
                    continue;
                }
                arrived.insert(told(request, "by"));
                let status = request["status"].as_u64().unwrap();
                let is_refused = [403, 405, 415].contains(&status);
                let is_accepted = is_neighbour && is_accepted(request);
                assert!(is_refused || is_accepted, "{at}: {request}");
            }
        }
        arrived.remove("navigation");
        assert_eq!(
            tried, arrived,
            "an attempt that sends nothing tests nothing"
        );
        let mut after = stored(laptop.data.path());
        after.retain(|_, body| key.is_some() || !text(body).contains(FORGED));
        assert_eq!(before, after);
        laptop.is_readable().await;
    }
}

#[tokio::test]
async fn a_named_origin_and_the_services_own_page_find_read_and_change_memories() {
    for page in ["friend", "own"] {
        let laptop = Laptop::start(None).await;
        let seen = laptop.open(&json!({"work": "use", "page": page})).await;
        let statuses = |names: &[&str]| -> Vec<_> {
            let status = |name: &&str| seen[*name]["status"].as_u64().unwrap();
            names.iter().map(status).collect()
        };
        let shows = |name: &str| told(&seen[name], "text").contains(SECRET);
        assert_eq!(
            statuses(&["found", "listed", "got", "unchanged"]),
            [200, 200, 200, 304]
        );
        assert!(
            ["found", "listed", "got", "searched"]
                .into_iter()
                .all(shows),
            "{seen}"
        );
        for tool in [
            "append_memory",
            "search_memory",
            "get_memory",
            "forget_memory",
        ] {
            assert!(
                told(&seen["tools"], "text").contains(tool),
                "{page}: {tool}"
            );
        }
        let changes = ["verified", "too_late", "deleted", "gone"];
        assert_eq!(statuses(&changes), [200, 412, 200, 410], "{page}: {seen}");
        let tags = ["got", "verified", "deleted"].map(|name| told(&seen[name], "etag"));
        assert_eq!(tags, ["\"0-1j\"", "\"1-1j\"", "\"2-1j\""], "{page}");
        let keys: Vec<_> = stored(laptop.data.path()).into_keys().collect();
        assert_eq!(
            keys.iter()
                .filter(|key| EventKey::parse(key).is_some())
                .count(),
            2
        );
        // No response may be shared with a page that sends its user's credentials.
        assert_eq!(shows("with_credentials"), page == "own", "{seen}");
        if page == "own" {
            // The address bar shows a memory, and runs nothing of it.
            assert!(shows("typed"), "{seen}");
            assert_eq!(told(&seen["typed"], "title"), "");
        }
    }
}
