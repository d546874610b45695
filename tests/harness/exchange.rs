//! Requests to a service in this process. Each response is checked for what all responses have in common.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use jsonschema::Validator;
use memory_ingress::openapi;
use memory_log::json::Json;
use memory_web::http::Deadline;
use serde_json::Value;
use tower::ServiceExt;

pub(crate) const JSON_API: &str = "application/vnd.api+json";
pub(crate) const JSON: &str = "application/json";

/// Sends a request and checks its response.
pub(crate) async fn send(router: &Router, asked: Asked) -> Answer {
    let answer = send_unchecked(router, asked.build()).await;
    answer.check(&asked);
    answer
}

/// Sends a request and does not check its response.
pub(crate) async fn send_unchecked(router: &Router, request: Request<Body>) -> Answer {
    let answer = router.clone().oneshot(request).await.unwrap();
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

/// A request, kept so that its response can be checked against it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    method: Method,
    pub(crate) target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    pub(crate) deadline: Option<Deadline>,
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

/// `POST /mcp` with this message, as agents of protocol versions before 2026-07-28 send it.
pub(crate) fn mcp(message: impl Into<Vec<u8>>) -> Asked {
    ask("POST", "/mcp")
        .header("content-type", JSON)
        .header("accept", "application/json, text/event-stream")
        .body(message)
}

impl Asked {
    /// The path of the target, which may be absolute.
    fn path(&self) -> &str {
        let target = match self.target.strip_prefix("http://") {
            Some(rest) => &rest[rest.find('/').unwrap()..],
            None => &self.target,
        };
        target.split('?').next().unwrap()
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
        INGRESS.pointer(&pointer).is_some().then_some(pointer)
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn build(&self) -> Request<Body> {
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

/// A response.
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

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Checks what the contract promises of every response.
    fn check(&self, asked: &Asked) {
        assert!(!self.header("x-request-id").is_empty());
        let vary: Vec<_> = self.headers.get_all("vary").iter().collect();
        match self.header("access-control-allow-origin") {
            "" => assert_eq!(vary, ["Accept"]),
            "*" => assert_eq!(vary, ["Accept", "Host"]),
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

/// What the ingress alone has: of recall's operations its responses are other ones.
static INGRESS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&openapi::ingress()).unwrap());

/// A token of a JSON Pointer.
pub(crate) fn token(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}

/// Validates against a schema of the OpenAPI document.
pub(crate) fn conforms(schema: &str, instance: &Value) {
    valid_at(&component(schema), instance);
}

pub(crate) fn component(schema: &str) -> String {
    format!("/components/schemas/{schema}")
}

pub(crate) fn valid_at(pointer: &str, instance: &Value) {
    if let Err(error) = validator(pointer).validate(instance) {
        panic!(
            "{instance} is not valid by {pointer}: {error} at {}",
            error.instance_path()
        );
    }
}

pub(crate) fn validator(pointer: &str) -> Arc<Validator> {
    static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> =
        LazyLock::new(Mutex::default);
    let mut validators = VALIDATORS.lock().unwrap();
    let made = validators.entry(pointer.to_owned()).or_insert_with(|| {
        let mut whole = DOCUMENT.clone();
        // A URI has no braces (RFC 3986, section 3.5).
        let pointer = pointer.replace('{', "%7B").replace('}', "%7D");
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
