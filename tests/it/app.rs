//! The service in this process, over an embedded S3 in a folder of its own; every answer is checked
//! for what all have.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use jsonschema::Validator;
use memory_ingress::caller::Callers;
use memory_ingress::guard::Guard;
use memory_ingress::http::{self, Deadline};
use memory_ingress::openapi;
use memory_ingress::remember::Ingress;
use memory_log::json::Json;
use memory_s3::embedded::{self, BUCKET, Disk};
use memory_s3::writer::Writer;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

pub(crate) const JSON_API: &str = "application/vnd.api+json";
pub(crate) const JSON: &str = "application/json";

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
        let router = http::router(Ingress::new(Writer::new(client, BUCKET)), guard);
        Self {
            router,
            folder: Arc::new(folder),
        }
    }

    /// A service over another S3; its own folder stays empty.
    pub(crate) fn over(store: Writer) -> Self {
        Self::of(http::router(Ingress::new(store), Guard::default()))
    }

    pub(crate) fn of(router: Router) -> Self {
        Self {
            router,
            folder: Arc::new(tempfile::tempdir().unwrap()),
        }
    }

    pub(crate) async fn send(&self, asked: Asked) -> Answer {
        let answer = self.send_raw(asked.build()).await;
        answer.check(&asked);
        answer
    }

    /// Sends a request whose answer is not judged by it.
    pub(crate) async fn send_raw(&self, request: Request<Body>) -> Answer {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX)
            .await
            .unwrap()
            .to_vec();
        Answer {
            status: head.status,
            headers: head.headers,
            body,
        }
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

/// Every object of a data folder.
pub(crate) fn stored(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let bucket = folder.join(BUCKET);
    let mut objects = BTreeMap::new();
    let mut folders = vec![bucket.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let key = path
                    .strip_prefix(&bucket)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .replace("+/", "");
                objects.insert(key, fs::read(&path).unwrap());
            }
        }
    }
    objects
}

/// A request, kept so that its answer can be judged by it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    method: Method,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    deadline: Option<Deadline>,
}

pub(crate) fn ask(method: &str, target: &str) -> Asked {
    Asked {
        method: method.parse().unwrap(),
        target: target.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        deadline: None,
    }
}

/// `POST /memory` with this body and `Content-Type`.
pub(crate) fn post(media_type: &str, body: impl Into<Vec<u8>>) -> Asked {
    ask("POST", "/memory")
        .header("content-type", media_type)
        .body(body)
}

/// The tool's body, answered flat.
pub(crate) fn tool(body: impl Into<Vec<u8>>) -> Asked {
    post(JSON, body).header("accept", JSON)
}

/// The tool's body, answered by a JSON:API document.
pub(crate) fn tool_for_document(body: impl Into<Vec<u8>>) -> Asked {
    post(JSON, body)
}

/// The envelope.
pub(crate) fn envelope(body: impl Into<Vec<u8>>) -> Asked {
    post(JSON_API, body)
}

/// `POST /mcp` with this message, as an agent of the older era sends it.
pub(crate) fn mcp(message: impl Into<Vec<u8>>) -> Asked {
    ask("POST", "/mcp")
        .header("content-type", JSON)
        .header("accept", "application/json, text/event-stream")
        .body(message)
}

impl Asked {
    fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    fn is_message(&self) -> bool {
        self.method == Method::POST && ["/mcp", "/api/v1/mcp"].contains(&self.path())
    }

    /// Where the OpenAPI document has what is asked for.
    fn operation(&self) -> Option<String> {
        let path = match self.path().strip_suffix('/').unwrap_or(self.path()) {
            "/api/v1/mcp/memory" | "/api/v1/mcp/memories" | "/memories" => "/memory",
            "/api/v1/mcp" => "/mcp",
            _ if self.path().ends_with("json/") || self.path().ends_with("health/") => return None,
            path => path,
        };
        let method = match self.method.as_str() {
            "HEAD" => "get".to_owned(),
            method => method.to_lowercase(),
        };
        let pointer = format!("/paths/{}/{method}", token(path));
        DOCUMENT.pointer(&pointer).is_some().then_some(pointer)
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn to(mut self, target: &str) -> Self {
        target.clone_into(&mut self.target);
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn with_deadline(mut self, deadline: Deadline) -> Self {
        self.deadline = Some(deadline);
        self
    }

    fn build(&self) -> Request<Body> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.target);
        for (name, value) in &self.headers {
            request = request.header(name, value.as_slice());
        }
        if let Some(deadline) = self.deadline {
            request = request.extension(deadline);
        }
        request.body(Body::from(self.body.clone())).unwrap()
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the answer is JSON")
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// `code` and, where it has one, the source of each error.
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

    /// What the contract promises of every answer.
    fn check(&self, asked: &Asked) {
        assert!(!self.header("x-request-id").is_empty());
        let vary: Vec<_> = self.headers.get_all("vary").iter().collect();
        match self.header("access-control-allow-origin") {
            "" => assert_eq!(vary, ["Accept"]),
            _ => assert_eq!(vary, ["Accept", "Origin"]),
        }
        if self.status == 204 {
            return assert!(self.body.is_empty() && asked.method == Method::OPTIONS);
        }
        self.check_by_document(asked);
        if asked.is_message() {
            return self.check_message();
        }
        if asked.method == Method::HEAD {
            return assert!(self.body.is_empty());
        }
        if self.status.is_success() && asked.target.contains("memor") {
            assert_eq!(self.status, 201);
        }
        if self.header("content-type") == JSON_API {
            assert_json_api(&self.json());
            if !self.status.is_success() {
                self.check_errors(asked);
            }
        }
        let has_retry_after = !self.header("retry-after").is_empty();
        assert_eq!(has_retry_after, matches!(self.status.as_u16(), 503 | 504));
        assert_eq!(!self.header("allow").is_empty(), self.status == 405);
    }

    /// The OpenAPI document has this answer: its status, its media type, its body and its headers.
    fn check_by_document(&self, asked: &Asked) {
        let (media_type, status) = (self.header("content-type"), self.status.as_str());
        let Some(operation) = asked.operation() else {
            assert!(
                ["403", "404", "405", "500"].contains(&status),
                "{asked:?} is answered {status}"
            );
            return match media_type {
                _ if asked.method == Method::HEAD => {}
                JSON_API => conforms("ErrorDocument", &self.json()),
                _ => conforms("ToolError", &self.json()),
            };
        };
        let response = format!("{operation}/responses/{status}");
        let documented = DOCUMENT
            .pointer(&response)
            .unwrap_or_else(|| panic!("{response} is not documented"));
        for name in self.headers.keys().map(HeaderName::as_str) {
            let of_every_answer = ["content-type", "content-length"].contains(&name);
            let mut known = documented["headers"].as_object().into_iter().flatten();
            assert!(
                of_every_answer
                    || name.starts_with("access-control-")
                    || known.any(|(known, _)| known.eq_ignore_ascii_case(name)),
                "{response} has no header {name}"
            );
        }
        if media_type.is_empty() {
            return assert!(documented["content"].is_null() && self.body.is_empty());
        }
        let schema = format!("{response}/content/{}/schema", token(media_type));
        assert!(
            DOCUMENT.pointer(&schema).is_some(),
            "{schema} is not documented"
        );
        if asked.method != Method::HEAD {
            valid_at(&schema, &self.json());
        }
    }

    /// What the contract promises of every answer to a message of MCP.
    fn check_message(&self) {
        if self.body.is_empty() {
            assert_eq!(
                (self.status.as_u16(), self.header("content-type")),
                (202, "")
            );
            return;
        }
        assert_eq!(self.header("content-type"), JSON);
        assert!(!self.body.contains(&b'\n'), "a message is one line");
        let message = self.json();
        assert_eq!(message["jsonrpc"], "2.0");
        assert!(!has_null(&message), "{message}");
        if let Some(error) = message["error"].as_object() {
            assert!(error["code"].is_i64() && error["message"].as_str().unwrap().ends_with('.'));
        }
        if let Some(flat) = message["result"].get("structuredContent") {
            let is_error = message["result"]["isError"].as_bool().unwrap();
            conforms(if is_error { "ToolError" } else { "ToolResult" }, flat);
            let text = message["result"]["content"][0]["text"].as_str().unwrap();
            assert_eq!(serde_json::from_str::<Value>(text).unwrap(), *flat);
        }
    }

    fn check_errors(&self, asked: &Asked) {
        let document = self.json();
        conforms("ErrorDocument", &document);
        assert!(!has_null(&document), "{document}");
        let errors = document["errors"].as_array().unwrap();
        for (error, number) in errors.iter().zip(1..) {
            assert_eq!(
                error["id"],
                format!("{}-{number}", self.header("x-request-id"))
            );
            assert_eq!(error["status"], self.status.as_str());
            assert!(
                error["detail"].as_str().unwrap().ends_with(['.', '…']),
                "{error}"
            );
            if let Some(pointer) = error["source"]["pointer"].as_str() {
                let body = Json::parse(&asked.body).expect("a pointer into JSON");
                assert!(
                    resolves(body.root(), pointer),
                    "{pointer} points at nothing"
                );
            }
        }
    }
}

/// RFC 6901, at any depth of the text.
fn resolves(mut value: memory_log::json::Value<'_>, pointer: &str) -> bool {
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        let element = token
            .parse()
            .ok()
            .and_then(|index| value.elements().nth(index));
        match value.member(&token).or(element) {
            Some(found) => value = found,
            None => return false,
        }
    }
    true
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&openapi::document()).unwrap());

/// A token of a JSON Pointer.
fn token(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}

/// Validates against a schema of the OpenAPI document.
pub(crate) fn conforms(schema: &str, instance: &Value) {
    valid_at(&component(schema), instance);
}

pub(crate) fn is_valid(schema: &str, instance: &Value) -> bool {
    validator(&component(schema)).is_valid(instance)
}

fn component(schema: &str) -> String {
    format!("/components/schemas/{schema}")
}

fn valid_at(pointer: &str, instance: &Value) {
    if let Err(error) = validator(pointer).validate(instance) {
        panic!(
            "{instance} is not valid by {pointer}: {error} at {}",
            error.instance_path()
        );
    }
}

fn validator(pointer: &str) -> Arc<Validator> {
    static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> =
        LazyLock::new(Mutex::default);
    let mut validators = VALIDATORS.lock().unwrap();
    let made = validators.entry(pointer.to_owned()).or_insert_with(|| {
        let mut whole = DOCUMENT.clone();
        whole["$ref"] = format!("#{pointer}").into();
        Arc::new(strict(&whole))
    });
    Arc::clone(made)
}

/// A JSON Schema of JSON:API 1.1, which `jsonapi_schema.rs` tests.
pub(crate) static JSON_API_SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../jsonapi/1.1.schema.json")).unwrap());

pub(crate) fn assert_json_api(document: &Value) {
    static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| strict(&JSON_API_SCHEMA));
    if let Err(error) = VALIDATOR.validate(document) {
        panic!(
            "{document} is no document of JSON:API: {error} at {}",
            error.instance_path()
        );
    }
}

/// A validator that judges formats, too.
pub(crate) fn strict(schema: &Value) -> Validator {
    let options = jsonschema::options().should_validate_formats(true);
    options.build(schema).unwrap()
}

/// A file of worked examples.
pub(crate) fn vectors(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}
