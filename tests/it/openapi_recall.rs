//! Each example of recall's operations in the OpenAPI document is a real response (contract 8.3 to 8.6).

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use axum::Extension;
use memory_ingress::joined::Log;
use memory_ingress::openapi;
use memory_ingress::remember::Ingress;
use memory_ingress::shape;
use memory_log::event::{Actor, Change, Event, Status};
use memory_log::memory::Memory;
use memory_log::object::Object;
use memory_log::scope::{Claims, ReadScopes, WriteScopes};
use memory_log::steward::Stewards;
use memory_log::timestamp::Timestamp;
use memory_recall::access::Access;
use memory_recall::find::{BYTES_MAX, Recall};
use memory_s3::changer::Changer;
use memory_s3::embedded::{self, BUCKET, Disk};
use memory_s3::reader::Reader;
use memory_s3::writer::Writer;

use memory_web::caller::{ApiKey, Callers};
use memory_web::guard::Guard;
use memory_web::http::{Deadline, misconfigured_router, router};
use memory_web::media_type::BodyType;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::app::App;
use crate::exchange::{Answer, Asked, JSON, JSON_API, ask, token, valid_at};
use crate::faulty::client_with;

/// The query string of the examples.
pub(crate) const SCOPE: &str = "filter%5Brepository_id%5D=9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d";

pub(crate) static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&openapi::document()).unwrap());

/// The memory of the example of the envelope.
static MEMORY: LazyLock<Memory> = LazyLock::new(|| {
    let operation = &DOCUMENT["paths"]["/memory"]["post"];
    let envelope = &operation["requestBody"]["content"][JSON_API]["examples"]["envelope"]["value"];
    memory_of(&envelope.to_string())
});

pub(crate) fn memory() -> &'static Memory {
    &MEMORY
}

fn memory_of(body: &str) -> Memory {
    let (draft, _) = shape::read(body.as_bytes(), BodyType::Json).unwrap();
    Memory::new(draft, Timestamp::from_unix_micros(0)).unwrap()
}

/// The same, with another content, and some days before.
fn older(number: usize) -> Memory {
    let body = json!({
        "domain": memory().domain(),
        "entity_id": memory().entity_id(),
        "content": format!("note {number}"),
        "timestamp": "2026-01-01T00:00:00Z",
    });
    memory_of(&body.to_string())
}

/// A folder with the memory of the examples.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) scopes: ReadScopes,
    /// Where statuses can be changed, if they can.
    pub(crate) write_scopes: Option<WriteScopes>,
    /// Who asks.
    pub(crate) claims: Claims,
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            scopes: ReadScopes::everywhere(),
            write_scopes: None,
            claims: Claims::default(),
        };
        world.put(memory());
        world
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.path().join(BUCKET).join(key)
    }

    pub(crate) fn write(&self, key: &str, body: &[u8]) {
        let path = self.path(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, body).unwrap();
    }

    fn put(&self, memory: &Memory) {
        let object = Object::of(memory);
        self.write(&object.key, &object.body);
    }

    pub(crate) fn client(&self) -> Client {
        embedded::client(Disk::create(self.folder.path()).unwrap())
    }

    pub(crate) fn app(&self, client: Client, callers: Callers) -> App {
        let reader = Reader::new(client.clone(), BUCKET);
        let stewards = Stewards::parse("role=admin").unwrap();
        let recall = Recall::new(reader.clone());
        let mut access = Access::new(recall, self.scopes.clone(), stewards);
        if let Some(write_scopes) = self.write_scopes.clone() {
            let changer = Changer::new(client.clone(), BUCKET);
            access = access.with_changes(reader, changer, write_scopes);
        }
        let everywhere = WriteScopes::Everywhere;
        let log = Log {
            ingress: Arc::new(Ingress::new(Writer::new(client, BUCKET), everywhere)),
            access: Arc::new(access),
        };
        let allowed_origins = Vec::new();
        let guard = Guard {
            callers,
            allowed_origins,
        };
        App::of(router(log.endpoints(), guard).layer(Extension(self.claims.clone())))
    }

    pub(crate) async fn send(&self, asked: Asked) -> Answer {
        let app = self.app(self.client(), Callers::Gateway);
        app.send_raw(asked.build()).await
    }
}

/// An S3 that does one thing with every request.
#[derive(Debug, Clone)]
pub(crate) enum Does {
    Answers(u16, &'static str),
    Waits(Duration),
}

#[derive(Debug)]
struct Connector {
    behind: SharedHttpConnector,
    does: Does,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match self.does {
            Does::Answers(status, code) => {
                let body = format!("<Error><Code>{code}</Code></Error>");
                let answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
                HttpConnectorFuture::ready(Ok(answer))
            }
            Does::Waits(pause) => {
                let behind = self.behind.clone();
                HttpConnectorFuture::new(async move {
                    tokio::time::sleep(pause).await;
                    behind.call(request).await
                })
            }
        }
    }
}

impl World {
    pub(crate) fn over(&self, does: Does) -> App {
        let client = client_with(self.folder.path(), move |behind| Connector {
            behind,
            does: does.clone(),
        });
        self.app(client, Callers::Gateway)
    }
}

/// An operation, with the target of the example.
fn operations() -> [(&'static str, String); 3] {
    let id = Object::of(memory()).memory_id;
    [
        (
            "/memory/search",
            format!("/memory/search?filter[query]=rounding+pajak+discount&{SCOPE}"),
        ),
        ("/memories", format!("/memories?{SCOPE}&page%5Blimit%5D=1")),
        ("/memory/{id}", format!("/memory/{id}?{SCOPE}")),
    ]
}

/// What provokes a failure of an operation.
async fn provoke(name: &str, target: &str) -> Answer {
    let mut world = World::new();
    let key = Object::of(memory()).key;
    let asked = ask("GET", target);
    let path = target.split('?').next().unwrap();
    match name {
        "invalid_parameter" => {
            let faulty = "filter[domain]=work&filter[since]=today&filter[query]=&page[limit]=0&include=author";
            world.send(ask("GET", &format!("{path}?{faulty}"))).await
        }
        "scope_required" => {
            let query = if path.ends_with("search") {
                "?filter[query]=a"
            } else {
                ""
            };
            world.scopes = ReadScopes::parse("user/{sub}").unwrap();
            world.send(ask("GET", &format!("{path}{query}"))).await
        }
        "unreadable" => {
            world.scopes = ReadScopes::nowhere();
            world.send(asked).await
        }
        "storage_refused" => {
            let app = world.over(Does::Answers(403, "AccessDenied"));
            app.send_raw(asked.build()).await
        }
        "storage_unavailable" => {
            let app = world.over(Does::Answers(503, "SlowDown"));
            app.send_raw(asked.build()).await
        }
        "log_damaged" => {
            world.write(&key, b"{}");
            world.send(asked).await
        }
        "log_newer" => {
            let body = String::from_utf8(fs::read(world.path(&key)).unwrap()).unwrap();
            let newer = body.replace("\"schema_version\":1", "\"schema_version\":2");
            world.write(&key, newer.as_bytes());
            world.send(asked).await
        }
        "scope_too_large" => {
            let file = fs::File::options().write(true).open(world.path(&key));
            file.unwrap().set_len(BYTES_MAX + 1).unwrap();
            world.send(asked).await
        }
        "view_building" => {
            (0..400).for_each(|number| world.put(&older(number)));
            let app = world.over(Does::Waits(Duration::from_secs(1)));
            let deadline = Deadline(Instant::now() + Duration::from_secs(5));
            app.send_raw(asked.with_deadline(deadline).build()).await
        }
        "not_found" => {
            let other = Object::of(&older(0)).memory_id;
            let other = format!("/memory/{other}?{SCOPE}");
            world.send(ask("GET", &other)).await
        }
        "deleted" => {
            let (memory, id) = (memory(), Object::of(memory()).memory_id);
            let change = Change {
                status: Status::Deleted,
                actor: Actor::new("alice"),
                reason: None,
                timestamp: Timestamp::parse("2026-02-01T09:30:00Z").unwrap(),
            };
            let event = Event::next(memory.domain(), memory.entity_id(), id, None, change);
            let object = event.unwrap().object();
            world.write(&object.key, &object.body);
            let answer = world.send(asked).await;
            assert_eq!(answer.header("etag"), "\"1-1j\"");
            answer
        }
        "unauthorized" => {
            let app = world.app(world.client(), Callers::Tokens);
            app.send_raw(asked.build()).await
        }
        "forbidden" => {
            let app = world.app(world.client(), Callers::Key(ApiKey::new("right")));
            app.send_raw(asked.header("x-api-key", "wrong").build())
                .await
        }
        "not_acceptable" => world.send(asked.header("accept", "text/html")).await,
        "internal" => {
            let router = misconfigured_router(memory_ingress::http::MCP);
            App::of(router).send_raw(asked.build()).await
        }
        _ => panic!("{name} is an example without a request that provokes it"),
    }
}

#[tokio::test(start_paused = true)]
async fn every_example_of_a_failure_to_read_is_what_the_service_answers() {
    let mut shown = Vec::new();
    for (path, target) in operations() {
        let responses = &DOCUMENT["paths"][path]["get"]["responses"];
        let failures = responses.as_object().unwrap().iter();
        for (status, response) in failures.filter(|(status, _)| !status.starts_with('2')) {
            let content = &response["content"];
            let examples = content[JSON_API]["examples"].as_object();
            for (name, example) in examples.into_iter().flatten() {
                let about = format!("{path} {name}");
                let answer = provoke(name, &target).await;
                assert_eq!(answer.status.as_str(), status, "{about}");
                let id = example["value"]["errors"][0]["id"].as_str().unwrap();
                let id = id.trim_end_matches("-1");
                let text = answer.text().replace(answer.header("x-request-id"), id);
                let mut answered: Value = serde_json::from_str(&text).unwrap();
                if name == "view_building" {
                    // How far it is depends on how many memories there are.
                    let progress = &mut answered["errors"][0]["meta"]["progress"];
                    assert!(progress.as_f64().is_some_and(|part| part < 1.0));
                    *progress = json!(0.5);
                }
                assert_eq!(answered, example["value"], "{about}");
                let pointer = format!("/paths/{}/get/responses/{status}/content", token(path));
                let schema = |of| format!("{pointer}/{}/schema", token(of));
                valid_at(&schema(JSON_API), &answered);
                if status != "406" {
                    let flat = &content[JSON]["examples"][name]["value"];
                    valid_at(&schema(JSON), flat);
                    let errors = answered["errors"].as_array().unwrap().iter();
                    let details: Vec<_> = errors.map(|error| error["detail"].as_str()).collect();
                    let details = details.into_iter().collect::<Option<Vec<_>>>().unwrap();
                    assert_eq!(flat["error"], details.join(" "), "{about}");
                }
                if name != "internal" {
                    has_only_documented_headers(&answer, response, &about);
                }
                shown.push(name.clone());
            }
        }
    }
    assert_eq!(shown.len(), 13 + 12 + 12);
}

pub(crate) fn has_only_documented_headers(answer: &Answer, response: &Value, about: &str) {
    for name in answer.headers.keys().map(axum::http::HeaderName::as_str) {
        let mut known = response["headers"].as_object().unwrap().keys();
        let of_every_answer = ["content-type", "content-length"].contains(&name);
        assert!(
            of_every_answer || known.any(|known| known.eq_ignore_ascii_case(name)),
            "{about}: {name} is not documented"
        );
    }
}

#[tokio::test]
async fn every_example_of_a_memory_that_is_read_is_what_the_service_answers() {
    for (path, target) in operations() {
        let world = World::new();
        if path == "/memories" {
            world.put(&older(0));
        }
        let response = &DOCUMENT["paths"][path]["get"]["responses"]["200"];
        for form in [JSON_API, JSON] {
            let answer = world.send(ask("GET", &target).header("accept", form)).await;
            let content = &response["content"][form];
            let shown = &content["examples"]["found"]["value"];
            assert_eq!(
                (answer.status.as_u16(), &answer.json()),
                (200, shown),
                "{path}"
            );
            let pointer = format!("/paths/{}/get/responses/200/content", token(path));
            valid_at(&format!("{pointer}/{}/schema", token(form)), shown);
            has_only_documented_headers(&answer, response, path);
        }
    }
}

#[tokio::test]
async fn a_memory_that_the_caller_has_already_is_answered_as_the_document_says() {
    let world = World::new();
    let [_, _, (path, target)] = operations();
    let tag = world.send(ask("GET", &target)).await;
    let asked = ask("GET", &target).header("if-none-match", tag.header("etag"));
    let answer = world.send(asked).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (304, 0));
    let response = &DOCUMENT["paths"][path]["get"]["responses"]["304"];
    has_only_documented_headers(&answer, response, "304");
}

#[tokio::test]
async fn the_example_of_a_search_by_a_tool_is_answered_as_shown() {
    let operation = &DOCUMENT["paths"]["/mcp/recall"]["post"];
    let request = &operation["requestBody"]["content"][JSON]["examples"]["call"]["value"];
    let shown = &operation["responses"]["200"]["content"][JSON]["examples"]["call"]["value"];
    let asked = ask("POST", "/mcp/recall").header("content-type", JSON);
    let answer = World::new().send(asked.body(request.to_string())).await;
    assert_eq!((answer.status.as_u16(), &answer.json()), (200, shown));
}

#[tokio::test]
async fn each_service_serves_the_document_of_what_it_has() {
    let asked = || ask("GET", "/openapi.json");
    let both = World::new().send(asked()).await;
    assert_eq!(both.text(), openapi::document());
    assert_eq!(
        App::new().send(asked()).await.text(),
        openapi::ingress(),
        "the ingress alone"
    );
}

/// The parameters that the document has are those that an operation reads, and no others.
#[tokio::test]
async fn the_parameters_of_the_document_are_those_that_are_supported() {
    for (path, target) in operations() {
        let target = target.split('?').next().unwrap();
        let answer = World::new()
            .send(ask("GET", &format!("{target}?include=x")))
            .await;
        let detail = answer.json();
        let errors = detail["errors"].as_array().unwrap().iter();
        let mut details = errors.map(|error| error["detail"].as_str().unwrap());
        let supported = details.find_map(|detail| detail.split_once("Supported: "));
        let supported = supported.unwrap().1.trim_end_matches('.').split(", ");
        let mut supported: Vec<_> = supported.map(str::to_owned).collect();
        let parameters = &DOCUMENT["paths"][path]["get"]["parameters"];
        let in_query = parameters.as_array().unwrap().iter();
        let in_query = in_query.filter(|parameter| parameter["in"] == "query");
        let mut shown: Vec<_> = in_query
            .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
            .collect();
        supported.sort();
        shown.sort();
        assert_eq!(shown, supported, "{path}");
    }
}
