//! Each example of a change in the OpenAPI document is a real response, and what the document says of changes is
//! what the service does (contract 9).

use std::fs;

use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use axum::Extension;
use memory_log::event::{Actor, CHANGES_MAX, Change, Event, EventObject, Seq, Status};
use memory_log::object::Object;
use memory_log::scope::{Claims, ReadScopes, WriteScopes};
use memory_log::timestamp::Timestamp;
use memory_s3::embedded::BUCKET;
use memory_web::caller::{ApiKey, Callers};
use memory_web::http::{Crowded, misconfigured_router};
use serde_json::{Value, json};

use crate::app::App;
use crate::exchange::{Answer, Asked, JSON, JSON_API, ask, conforms, token, valid_at};
use crate::faulty::client_with;
use crate::openapi_recall::{DOCUMENT, SCOPE, World, has_only_documented_headers, memory};

const PATH: &str = "/memory/{id}";

fn operation(method: &str) -> &'static Value {
    &DOCUMENT["paths"][PATH][method.to_lowercase()]
}

fn id() -> String {
    Object::of(memory()).memory_id.to_string()
}

fn target() -> String {
    format!("/memory/{}?{SCOPE}", id())
}

/// A log with the memory of the examples, and a steward who asks.
fn world() -> World {
    let mut world = World::new();
    world.write_scopes = Some(WriteScopes::Everywhere);
    let role = [("role".to_owned(), "admin".to_owned())];
    world.claims = Claims {
        token: role.into(),
        ..Claims::default()
    };
    world
}

/// The event that gives the memory a status after so many others.
fn event(highest: u8, status: Status) -> EventObject {
    let (memory, memory_id) = (memory(), Object::of(memory()).memory_id);
    let change = Change {
        status,
        actor: Actor::new("alice"),
        reason: None,
        timestamp: Timestamp::parse("2026-02-01T09:30:00Z").unwrap(),
    };
    let (domain, entity_id) = (memory.domain(), memory.entity_id());
    let event = Event::next(domain, entity_id, memory_id, Seq::new(highest), change);
    event.unwrap().object()
}

fn with(status: Status) -> World {
    let (world, event) = (world(), event(0, status));
    world.write(&event.key, &event.body);
    world
}

/// A request for a status; a DELETE asks for none but `deleted`.
fn for_status(method: &str, status: &str) -> Asked {
    let body = json!({"data": {"type": "memories", "id": id(), "attributes": {"status": status}}});
    with_body(method, body.to_string())
}

fn with_body(method: &str, body: impl Into<Vec<u8>>) -> Asked {
    let asked = ask(method, &target()).header("content-type", JSON_API);
    asked.body(body)
}

/// What an S3 does with a put.
#[derive(Debug, Clone)]
enum Put {
    Answers(u16, &'static str),
    /// Another changer's event is there first.
    IsLate(EventObject, std::path::PathBuf),
}

#[derive(Debug)]
struct Puts {
    behind: SharedHttpConnector,
    does: Put,
}

impl HttpConnector for Puts {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match &self.does {
            _ if request.method() != "PUT" => {}
            Put::Answers(status, code) => {
                let body = format!("<Error><Code>{code}</Code></Error>");
                let status = (*status).try_into().unwrap();
                let answer = HttpResponse::new(status, SdkBody::from(body));
                return HttpConnectorFuture::ready(Ok(answer));
            }
            Put::IsLate(event, bucket) => {
                let path = bucket.join(&event.key);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, &event.body).unwrap();
            }
        }
        self.behind.call(request)
    }
}

/// A service over an S3 that does this with puts.
fn over(world: &World, does: Put) -> App {
    let client = client_with(world.folder.path(), move |behind| Puts {
        behind,
        does: does.clone(),
    });
    world.app(client, Callers::Gateway)
}

/// What provokes a failure of a change.
async fn provoke(name: &str, method: &str) -> Answer {
    let mut world = world();
    let key = Object::of(memory()).key;
    let change = || for_status(method, "verified");
    let puts = async |does| over(&self::world(), does).send_raw(change().build()).await;
    match name {
        "malformed_json" => world.send(with_body(method, r#"{"meta":"#)).await,
        "invalid_parameter" => {
            let faulty = "filter[domain]=work&filter[since]=today&filter[query]=&page[limit]=0&include=author";
            world
                .send(change().to(&format!("/memory/{}?{faulty}", id())))
                .await
        }
        "scope_required" => {
            world.scopes = ReadScopes::parse("user/{sub}").unwrap();
            world.send(change().to(&format!("/memory/{}", id()))).await
        }
        "unauthorized" => {
            let app = world.app(world.client(), Callers::Tokens);
            app.send_raw(change().build()).await
        }
        "forbidden" => {
            let app = world.app(world.client(), Callers::Key(ApiKey::new("right")));
            let asked = change().header("x-api-key", "wrong");
            app.send_raw(asked.build()).await
        }
        "unwritable" => {
            world.write_scopes = Some(WriteScopes::parse("work/*").unwrap());
            world.send(change()).await
        }
        "not_a_steward" => {
            world.claims = Claims::default();
            world.send(change()).await
        }
        "locked" => {
            with(Status::Locked)
                .send(for_status(method, "unverified"))
                .await
        }
        "immutable" => {
            let attributes = json!({"status": "verified", "content": "another"});
            let data = json!({"type": "memories", "id": id(), "attributes": attributes});
            let body = json!({"data": data}).to_string();
            world.send(with_body(method, body)).await
        }
        "not_found" => {
            world.scopes = ReadScopes::nowhere();
            world.send(change()).await
        }
        "not_acceptable" => world.send(change().header("accept", "text/html")).await,
        "type_mismatch" => {
            world
                .send(with_body(method, r#"{"data":{"type":"facts"}}"#))
                .await
        }
        "id_mismatch" => {
            let body = r#"{"data":{"type":"memories","id":"1"}}"#;
            world.send(with_body(method, body)).await
        }
        "changed_meanwhile" => {
            let bucket = world.folder.path().join(BUCKET);
            let app = over(&world, Put::IsLate(event(0, Status::Locked), bucket));
            app.send_raw(change().build()).await
        }
        "deleted" => with(Status::Deleted).send(change()).await,
        "precondition_failed" => {
            let asked = for_status(method, "locked").header("if-match", "\"9-1j\"");
            with(Status::Verified).send(asked).await
        }
        "precondition_required" => with(Status::Locked).send(change()).await,
        "too_large" => {
            world
                .send(with_body(method, vec![b' '; 4 * 1024 * 1024 + 1]))
                .await
        }
        "unsupported_media_type" => {
            let asked = ask(method, &target()).header("content-type", "text/plain");
            world.send(asked.body("{}")).await
        }
        "unsupported_coding" => {
            world
                .send(change().header("content-encoding", "gzip"))
                .await
        }
        "invalid_document" => world.send(with_body(method, "[]")).await,
        "change_faults" => {
            let data = match method {
                "PATCH" => {
                    json!({"type": "memories", "id": id(), "attributes": {"status": "wrong"}})
                }
                _ => Value::Null,
            };
            let body = json!({"data": data, "meta": {"reason": 7, "repository_id": "42"}});
            world.send(with_body(method, body.to_string())).await
        }
        "too_many_changes" => {
            let last = event(CHANGES_MAX - 1, Status::Unverified);
            world.write(&last.key, &last.body);
            world.send(change()).await
        }
        "storage_refused" | "storage_unavailable" => {
            let does = match name {
                "storage_refused" => (403, "AccessDenied"),
                _ => (503, "SlowDown"),
            };
            let app = world.over(crate::openapi_recall::Does::Answers(does.0, does.1));
            app.send_raw(change().build()).await
        }
        "change_refused" => puts(Put::Answers(403, "AccessDenied")).await,
        "change_unavailable" => puts(Put::Answers(503, "SlowDown")).await,
        "storage_outcome_unknown" => puts(Put::Answers(500, "InternalError")).await,
        "contended" => {
            let world = with(Status::Verified);
            let app = over(&world, Put::Answers(412, "PreconditionFailed"));
            app.send_raw(for_status(method, "locked").build()).await
        }
        "log_damaged" => {
            world.write(&key, b"{}");
            world.send(change()).await
        }
        "log_newer" => {
            let body = String::from_utf8(Object::of(memory()).body.to_vec()).unwrap();
            let newer = body.replace("\"schema_version\":1", "\"schema_version\":2");
            world.write(&key, newer.as_bytes());
            world.send(change()).await
        }
        "overloaded" => {
            let router = world.app(world.client(), Callers::Gateway).router();
            let app = App::of(router.layer(Extension(Crowded)));
            app.send_raw(change().build()).await
        }
        "internal" => {
            let router = misconfigured_router(memory_ingress::http::MCP);
            App::of(router).send_raw(change().build()).await
        }
        _ => panic!("{name} is an example without a request that provokes it"),
    }
}

#[tokio::test(start_paused = true)]
async fn every_example_of_a_change_that_fails_is_what_the_service_answers() {
    let mut shown = Vec::new();
    for method in ["PATCH", "DELETE"] {
        let responses = operation(method)["responses"].as_object().unwrap();
        for (status, response) in responses.iter().filter(|(status, _)| *status != "200") {
            let content = &response["content"];
            let examples = content[JSON_API]["examples"].as_object();
            for (name, example) in examples.into_iter().flatten() {
                let about = format!("{method} {name}");
                let answer = provoke(name, method).await;
                assert_eq!(answer.status.as_str(), status, "{about}: {}", answer.text());
                let id = example["value"]["errors"][0]["id"].as_str().unwrap();
                let id = id.trim_end_matches("-1");
                let text = answer.text().replace(answer.header("x-request-id"), id);
                let answered: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(answered, example["value"], "{about}");
                conforms("ErrorDocument", &answered);
                if status != "406" {
                    let flat = &content[JSON]["examples"][name]["value"];
                    conforms("ToolError", flat);
                    let errors = answered["errors"].as_array().unwrap().iter();
                    let details = errors.map(|error| error["detail"].as_str().unwrap());
                    let details: Vec<_> = details.collect();
                    assert_eq!(flat["error"], details.join(" "), "{about}");
                }
                if name != "internal" {
                    has_only_documented_headers(&answer, response, &about);
                }
                shown.push(name);
            }
        }
    }
    assert_eq!(shown.len(), 33 + 27);
}

#[tokio::test]
async fn every_example_of_a_change_is_answered_as_shown_in_both_forms() {
    for method in ["PATCH", "DELETE"] {
        let operation = operation(method);
        let response = &operation["responses"]["200"];
        for (sent, accepted) in [(JSON_API, JSON_API), (JSON, JSON), (JSON, JSON_API)] {
            let request = &operation["requestBody"]["content"][sent];
            let examples = request["examples"].as_object().unwrap();
            let body = &examples.values().next().unwrap()["value"];
            let pointer = format!("/paths/{}/{}", token(PATH), method.to_lowercase());
            valid_at(
                &format!("{pointer}/requestBody/content/{}/schema", token(sent)),
                body,
            );

            let asked = ask(method, &target()).header("content-type", sent);
            let asked = asked.header("accept", accepted).body(body.to_string());
            let (world, about) = (world(), format!("{method} {accepted}"));
            let answer = world.send(asked.clone()).await;
            assert_eq!(answer.status, 200, "{about}: {}", answer.text());
            let shown = &response["content"][accepted]["examples"]["changed"]["value"];
            let receipt = |document: &Value| match accepted {
                JSON_API => document["meta"].clone(),
                _ => document.clone(),
            };
            // The moment of the change is another one.
            let at = receipt(&answer.json())["changed_at"]
                .as_str()
                .unwrap()
                .to_owned();
            let text = answer
                .text()
                .replace(&at, receipt(shown)["changed_at"].as_str().unwrap());
            assert_eq!(
                &serde_json::from_str::<Value>(&text).unwrap(),
                shown,
                "{about}"
            );
            let schema = format!("{pointer}/responses/200/content/{}/schema", token(accepted));
            valid_at(&schema, shown);
            has_only_documented_headers(&answer, response, &about);

            let repeat = world.send(asked).await;
            assert_eq!(repeat.header("idempotent-replayed"), "true", "{about}");
            valid_at(&schema, &repeat.json());
            has_only_documented_headers(&repeat, response, &about);
        }
    }
}

#[tokio::test]
async fn receipts_without_an_event_and_without_a_change_are_valid_by_the_document() {
    let schema = |form: &str| {
        let operation = format!("/paths/{}/patch", token(PATH));
        format!("{operation}/responses/200/content/{}/schema", token(form))
    };
    for form in [JSON_API, JSON] {
        for (world, seq) in [(world(), 0), (with(Status::Unverified), 1)] {
            let asked = for_status("PATCH", "unverified").header("accept", form);
            let answer = world.send(asked).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            valid_at(&schema(form), &answer.json());
            let document = answer.json();
            let receipt = if form == JSON {
                &document
            } else {
                &document["meta"]
            };
            assert_eq!(
                (&receipt["seq"], &receipt["unchanged"]),
                (&json!(seq), &json!(true))
            );
            assert_eq!(receipt["s3_key"].is_string(), seq > 0, "{receipt}");
        }
    }
}

#[test]
fn the_document_says_what_the_contract_says_of_changes() {
    for (method, statuses) in [
        (
            "PATCH",
            "200 400 401 403 404 406 409 410 412 413 415 422 428 429 500 503 504",
        ),
        (
            "DELETE",
            "200 400 401 403 404 406 409 412 413 415 422 429 500 503 504",
        ),
    ] {
        let operation = operation(method);
        let responses = operation["responses"].as_object().unwrap();
        let found: Vec<_> = responses.keys().map(String::as_str).collect();
        assert_eq!(found.join(" "), statuses, "{method}");
        for (status, response) in responses {
            let headers = |name: &str| response["headers"][name].is_object();
            let repeats = ["429", "503", "504"].contains(&&**status);
            assert_eq!(headers("Retry-After"), repeats, "{method} {status}");
            let tagged = ["200", "410"].contains(&&**status);
            assert_eq!(headers("ETag"), tagged, "{method} {status}");
            assert_eq!(headers("Idempotent-Replayed"), status == "200");
        }
        let names = |of: &Value| {
            let parameters = of["parameters"].as_array().unwrap().iter();
            let names = parameters.map(|parameter| parameter["name"].as_str().unwrap().to_owned());
            names.collect::<Vec<_>>()
        };
        let of_get = names(self::operation("GET"));
        let conditions = ["If-None-Match", "If-Match"].map(str::to_owned);
        let (mut expected, [of_a_read, of_a_change]) = (of_get, conditions);
        expected.retain(|name| *name != of_a_read);
        expected.push(of_a_change);
        assert_eq!(names(operation), expected, "{method}");
        // A DELETE needs no body, and a generated client cannot send one.
        let required = operation["requestBody"]["required"].as_bool();
        assert_eq!(required, Some(method == "PATCH"));
    }
}

#[tokio::test]
async fn the_example_of_a_tool_that_forgets_is_answered_as_shown() {
    let operation = &DOCUMENT["paths"]["/mcp/recall/changes"]["post"];
    let request = &operation["requestBody"]["content"][JSON]["examples"]["call"]["value"];
    let response = &operation["responses"]["200"];
    let shown = &response["content"][JSON]["examples"]["call"]["value"];
    let asked = ask("POST", "/mcp/recall/changes").header("content-type", JSON);
    let answer = world().send(asked.body(request.to_string())).await;
    let told = answer.json();
    let at = told["result"]["structuredContent"]["changed_at"].as_str();
    let shown_at = shown["result"]["structuredContent"]["changed_at"].as_str();
    let text = answer.text().replace(at.unwrap(), shown_at.unwrap());
    assert_eq!(&serde_json::from_str::<Value>(&text).unwrap(), shown);
}

#[tokio::test]
async fn a_client_that_sends_no_body_with_a_delete_gives_its_reason_by_a_patch() {
    let reasoned = json!({
        "data": {"type": "memories", "id": id(), "attributes": {"status": "deleted"}},
        "meta": {"reason": "The customer took it back."},
    });
    for asked in [
        ask("DELETE", &target()),
        with_body("PATCH", reasoned.to_string()),
    ] {
        let mut world = world();
        world.claims = Claims::default();
        let answer = world.send(asked).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let document = answer.json();
        assert_eq!(document["meta"]["status"], "deleted", "without a steward");
        assert!(document["data"].is_null());
    }
}

#[test]
fn the_ingress_alone_has_no_changes_in_its_document() {
    let alone: Value = serde_json::from_str(&memory_ingress::openapi::ingress()).unwrap();
    let paths: Vec<_> = alone["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/health", "/mcp", "/memory", "/openapi.json"]);
    let text = alone.to_string();
    for word in ["PATCH", "DELETE", "If-Match", "MemoryChange", "forget"] {
        assert!(!text.contains(word), "{word}");
    }
}
