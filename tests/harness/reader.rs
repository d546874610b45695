//! Both halves in this process, over an embedded S3 whose objects a test can also write itself. Each
//! answer of recall is checked for what all of them have in common.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_sdk_s3::Client;
use axum::body::Body;
use axum::http::Request;
use axum::{Extension, Router};
use memory_ingress::joined;
use memory_ingress::remember::Ingress;
use memory_log::event::{Actor, Change, Event, Reason, Seq, Status};
use memory_log::fault::Violations;
use memory_log::json::Json;
use memory_log::memory::{Draft, Memory};
use memory_log::object::Object;
use memory_log::scope::{Claims, ReadScopes, WriteScopes};
use memory_log::steward::Stewards;
use memory_log::timestamp::Timestamp;
use memory_recall::access::Access;
use memory_recall::find::Recall;
use memory_s3::embedded::{self, BUCKET, Disk};
use memory_s3::reader::Reader;
use memory_s3::writer::Writer;
use memory_web::guard::Guard;
use memory_web::http::router;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::exchange::{Answer, JSON, JSON_API, assert_json_api, conforms, send_unchecked};

/// Most characters of what a tool returns (contract 8.9).
const CHARACTERS_MAX: usize = 19_000;

/// The scope of [`memory`].
pub(crate) const SCOPE: &str = "filter[domain]=work&filter[entity_id]=rob";

/// Who may do what in a service of a test.
pub(crate) struct Settings {
    pub(crate) guard: Guard,
    pub(crate) scopes: ReadScopes,
    pub(crate) stewards: Stewards,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            guard: Guard::default(),
            scopes: ReadScopes::everywhere(),
            stewards: Stewards::Unnamed,
        }
    }
}

/// A service with both halves, and the folder that they share.
#[derive(Clone)]
pub(crate) struct Field {
    router: Router,
    folder: Arc<TempDir>,
}

impl Field {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    /// A service whose callers may read in these scopes.
    pub(crate) fn within(scopes: ReadScopes) -> Self {
        Self::with(Settings {
            scopes,
            ..Settings::default()
        })
    }

    pub(crate) fn guarded(guard: Guard) -> Self {
        Self::with(Settings {
            guard,
            ..Settings::default()
        })
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self::over(settings, |folder| {
            embedded::client(Disk::create(folder).unwrap())
        })
    }

    /// A service over another S3, which has this folder behind it.
    pub(crate) fn over(settings: Settings, client: impl FnOnce(&Path) -> Client) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let client = client(folder.path());
        let recall = Recall::new(Reader::new(client.clone(), BUCKET));
        let access = Access::new(recall, settings.scopes, settings.stewards);
        let log = joined::Log {
            ingress: Arc::new(Ingress::new(
                Writer::new(client, BUCKET),
                WriteScopes::Everywhere,
            )),
            access: Arc::new(access),
        };
        Self {
            router: router(log.endpoints(), settings.guard),
            folder: Arc::new(folder),
        }
    }

    /// The same service, called by one whose token has these claims.
    pub(crate) fn called_by(&self, token: &[(&str, &str)]) -> Self {
        let named = token
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let claims = Claims {
            token: named.collect::<HashMap<_, _>>(),
            ..Claims::default()
        };
        Self {
            router: self.router.clone().layer(Extension(claims)),
            ..self.clone()
        }
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[]).await
    }

    /// The flat form of an answer.
    pub(crate) async fn get_flat(&self, target: &str) -> Value {
        self.ask("GET", target, &[("accept", JSON)]).await.json()
    }

    /// Asks recall, and checks the answer.
    pub(crate) async fn ask(&self, method: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
        let answer = self.ask_anything(method, target, fields, "").await;
        answer.check_recall(method, target);
        answer
    }

    /// Asks anything, and checks nothing.
    pub(crate) async fn ask_anything(
        &self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        // A client sends brackets raw, or not; those that a URI cannot have are not sent raw.
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        send_unchecked(&self.router, request).await
    }

    /// Sends a message of MCP, and checks the answer.
    pub(crate) async fn message(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        message: &Value,
    ) -> Answer {
        let fields = [&[("content-type", JSON)], fields].concat();
        let body = message.to_string();
        let answer = self.ask_anything("POST", path, &fields, &body).await;
        answer.check_tool();
        answer
    }

    /// Calls a tool, and returns its result: whether it failed, and what it says.
    pub(crate) async fn call(&self, tool: &str, arguments: &Value) -> (bool, Value) {
        let message = call(tool, arguments);
        let answer = self.message("/mcp/recall", &[], &message).await.json();
        let result = &answer["result"];
        let is_error = result["isError"].as_bool().expect("a result");
        (is_error, result["structuredContent"].clone())
    }

    /// Stores a memory as a caller does, and returns its id.
    pub(crate) async fn store(&self, body: &Value) -> String {
        let fields = [("content-type", JSON), ("accept", JSON)];
        let body = body.to_string();
        let answer = self.ask_anything("POST", "/memory", &fields, &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["memory_id"].as_str().unwrap().to_owned()
    }

    /// Writes the object of a memory: quicker than to store it. Returns its id.
    pub(crate) fn lay(&self, memory: &Memory) -> String {
        let object = Object::of(memory);
        self.put(&object.key, &object.body);
        object.memory_id.to_string()
    }

    /// Writes an event that gives a memory this status. Returns its key.
    pub(crate) fn change(&self, memory: &Memory, seq: u8, status: Status) -> String {
        let change = Change {
            status,
            actor: Actor::new("arn:aws:iam::123456789012:user/steward"),
            reason: Reason::new(format!("reason {seq}")),
            timestamp: Timestamp::parse("2026-02-01T00:00:00Z").unwrap(),
        };
        let (domain, entity_id) = (memory.domain(), memory.entity_id());
        let memory_id = Object::of(memory).memory_id;
        let highest = Seq::new(seq - 1);
        let event = Event::next(domain, entity_id, memory_id, highest, change).unwrap();
        let object = event.object();
        self.put(&object.key, &object.body);
        object.key
    }

    pub(crate) fn put(&self, key: &str, bytes: &[u8]) {
        let file = self.path(key);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }

    /// Removes the object of a memory, as break-glass does.
    pub(crate) fn erase(&self, memory: &Memory) {
        fs::remove_file(self.path(&Object::of(memory).key)).unwrap();
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.path().join(BUCKET).join(key)
    }
}

/// A memory of the entity `rob` in the domain `work`, with other members over the usual ones.
pub(crate) fn memory(members: &Value) -> Memory {
    let mut body = body("note", "2026-01-19T14:00:00Z");
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    let text = body.to_string();
    let json = Json::parse(text.as_bytes()).unwrap();
    let draft = Draft::of_fields(json.root(), Violations::default());
    Memory::new(draft, Timestamp::from_unix_micros(0)).unwrap()
}

/// The tool's body of a memory of that entity.
pub(crate) fn body(content: &str, timestamp: &str) -> Value {
    json!({"domain": "work", "entity_id": "rob", "content": content, "timestamp": timestamp})
}

/// A call of a tool, before the modern era.
pub(crate) fn call(tool: &str, arguments: &Value) -> Value {
    let params = json!({"name": tool, "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
}

/// Percent-encodes a value of a query, as clients do.
pub(crate) fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

impl Answer {
    /// Checks what the contract promises of every answer of recall.
    fn check_recall(&self, method: &str, target: &str) {
        let status = self.status.as_u16();
        let about = format!("{method} {target}: {status} {:?}", self.headers);
        assert!(!self.header("x-request-id").is_empty(), "{about}");
        let vary: Vec<_> = self.headers.get_all("vary").iter().collect();
        match self.header("access-control-allow-origin") {
            "" => assert_eq!(vary, ["Accept"], "{about}"),
            _ => assert_eq!(vary, ["Accept", "Origin"], "{about}"),
        }
        assert_eq!(self.header("x-content-type-options"), "nosniff", "{about}");
        let policy = self.header("cross-origin-resource-policy");
        assert_eq!(policy, "same-origin", "{about}");
        assert_eq!(self.header("last-modified"), "", "{about}");
        let has_retry_after = !self.header("retry-after").is_empty();
        assert_eq!(has_retry_after, matches!(status, 503 | 504), "{about}");
        assert_eq!(!self.header("allow").is_empty(), status == 405, "{about}");
        if status == 204 || status == 304 {
            let media_type = self.header("content-type");
            return assert!(media_type.is_empty() && self.body.is_empty(), "{about}");
        }
        let media_type = self.header("content-type");
        assert!([JSON, JSON_API].contains(&media_type), "{about}");
        if method == "HEAD" {
            return assert!(self.body.is_empty(), "{about}");
        }
        let document = self.json();
        assert!(!has_null(&document), "{about} {document}");
        let is_json_api = media_type == JSON_API;
        if is_json_api {
            assert_json_api(&document);
        }
        match (is_json_api, self.status.is_success()) {
            (true, true) => assert!(document.get("data").is_some(), "{about}"),
            (false, true) => assert_eq!(document["status"], "ok", "{about}"),
            (true, false) => self.check_error_document(&document),
            (false, false) => conforms("ToolError", &document),
        }
    }

    fn check_error_document(&self, document: &Value) {
        conforms("ErrorDocument", document);
        let errors = document["errors"].as_array().unwrap();
        for (error, number) in errors.iter().zip(1..) {
            let id = format!("{}-{number}", self.header("x-request-id"));
            assert_eq!(error["id"], id, "{document}");
            assert_eq!(error["status"], self.status.as_str(), "{document}");
            let detail = error["detail"].as_str().unwrap();
            assert!(detail.ends_with(['.', '…']), "{document}");
        }
    }

    /// Checks what the contract promises of every answer to a call of a tool.
    fn check_tool(&self) {
        assert!(!self.header("x-request-id").is_empty());
        assert_eq!(self.header("content-type"), JSON);
        assert!(!self.body.contains(&b'\n'), "a message is one line");
        let message = self.json();
        assert_eq!(message["jsonrpc"], "2.0");
        let Some(flat) = message["result"].get("structuredContent") else {
            return;
        };
        let text = message["result"]["content"][0]["text"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), *flat);
        let characters = text.chars().count();
        assert!(characters <= CHARACTERS_MAX, "{characters} characters");
        if message["result"]["isError"] == true {
            return conforms("ToolError", flat);
        }
        let first = flat.as_object().unwrap().keys().next().unwrap();
        assert!(["notice", "status"].contains(&first.as_str()), "{flat}");
    }

    /// The resources of a JSON:API document, of which a single memory has one.
    pub(crate) fn resources(&self) -> Vec<Value> {
        let data = self.json()["data"].take();
        match data.as_array() {
            Some(resources) => resources.clone(),
            None => vec![data],
        }
    }

    /// The ids of the memories of an answer, in either form.
    pub(crate) fn ids(&self) -> Vec<String> {
        let document = self.json();
        let of = |list: &Value, name: &str| -> Vec<String> {
            let list = list.as_array().expect("a list of memories").iter();
            list.map(|memory| memory[name].as_str().unwrap().to_owned())
                .collect()
        };
        match document.get("data") {
            Some(data) => of(data, "id"),
            None => of(&document["memories"], "memory_id"),
        }
    }
}

/// Whether a member is null: none ever is, but in what a caller stored.
fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| name != "metadata" && has_null(value)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
