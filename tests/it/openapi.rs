//! The committed OpenAPI document is the one that the code generates, and each of its examples is a real response
//! (contract 3.1, 3.8).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;

use axum::body::{Body, Bytes};
use axum::http::Request;
use futures_util::stream;
use memory_ingress::openapi::{self, View};
use memory_web::caller::{ApiKey, Callers, Verdict};
use memory_web::problem::Code;
use serde_json::{Value, json};

use crate::app::{App, tool_for_document};
use crate::connections;
use crate::exchange::{Answer, Asked, JSON, JSON_API, ask, component, conforms, mcp, validator};
use crate::local::run;
use crate::message::{self, modern};
use crate::outcomes;
use crate::process::text;
use crate::surface::{envelope, post};

fn document() -> Value {
    serde_json::from_str(&openapi::document()).unwrap()
}

#[test]
fn the_committed_documents_are_the_ones_that_the_code_makes() {
    let views = [("jsonapi", View::JsonApi), ("tool", View::Tool)];
    let views = views.map(|(name, view)| {
        let command = format!(" --view {name} > openapi/{name}.json");
        (name, command, openapi::view(view))
    });
    let whole = " > openapi/openapi.json".to_owned();
    let whole = ("openapi", whole, openapi::document());
    let ingress = " --write-only > openapi/ingress.json".to_owned();
    let ingress = ("ingress", ingress, openapi::ingress());
    for (name, command, made) in views.into_iter().chain([whole, ingress]) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("openapi/{name}.json"));
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == made,
            "openapi/{name}.json is not what the code makes; rewrite it with: cargo run -- openapi{command}"
        );
        assert_eq!(text(&run(&command_of(name)).stdout), made, "{name}");
    }
}

fn command_of(name: &str) -> Vec<&str> {
    match name {
        "openapi" => vec!["openapi"],
        "ingress" => vec!["openapi", "--write-only"],
        view => vec!["openapi", "--view", view],
    }
}

#[test]
fn the_document_says_what_the_contract_says() {
    let document = document();
    assert_eq!(document["openapi"].as_str().unwrap().get(..3), Some("3.1"));
    let operation = &document["paths"]["/memory"]["post"];
    let media_types = |content: &Value| {
        content
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        media_types(&operation["requestBody"]["content"]),
        [JSON, JSON_API]
    );
    let responses = operation["responses"].as_object().unwrap();
    let statuses: Vec<_> = responses.keys().map(String::as_str).collect();
    let expected = [
        "201", "400", "401", "403", "406", "409", "413", "415", "422", "429", "500", "503", "504",
    ];
    assert_eq!(statuses, expected);
    // A gateway's own.
    let of_the_service = |status: &&String| *status != "429";
    for (status, response) in responses
        .iter()
        .filter(|(status, _)| of_the_service(status))
    {
        let both = if status == "406" {
            vec![JSON_API]
        } else {
            vec![JSON_API, JSON]
        };
        assert_eq!(media_types(&response["content"]), both, "{status}");
        for name in ["x-request-id", "Vary"] {
            assert!(response["headers"][name].is_object(), "{status} {name}");
        }
    }
    for schema in ["ToolBody", "MemoryAttributes"] {
        let schema = &document["components"]["schemas"][schema];
        assert_eq!(schema["additionalProperties"], false);
        let longest = schema["properties"]
            .as_object()
            .unwrap()
            .values()
            .filter_map(|value| value["maxLength"].as_u64());
        assert!(
            longest
                .into_iter()
                .all(|longest| longest == memory_log::memory::NAME_BYTES_MAX as u64)
        );
    }
}

/// The request that provokes each example of a failure, and the service that it is sent to.
async fn provoke(name: &str) -> Answer {
    const SOUND: &str =
        r#"{"entity_id":"e","domain":"d","content":"c","timestamp":"2026-01-27T03:14:22Z"}"#;
    let app = App::new();
    let send = |asked: Asked| app.send(asked);
    match name {
        "malformed_json" => send(tool_for_document(r#"{"content":"#)).await,
        "repeated_member" => send(tool_for_document(r#"{"content":"a","content":"b"}"#)).await,
        "unsupported_parameter" => {
            send(tool_for_document(SOUND).to("/memory?include=author")).await
        }
        "client_id_unsupported" => {
            send(envelope(
                r#"{"data":{"type":"memories","id":"1","attributes":{}}}"#,
            ))
            .await
        }
        "unauthorized" => {
            let app = App::for_callers(Callers::Tokens);
            app.send(tool_for_document(SOUND)).await
        }
        "issuer_unavailable" => {
            let app = App::for_callers(Callers::Tokens);
            let mut request = tool_for_document(SOUND).build();
            request.extensions_mut().insert(Verdict::Unjudged);
            app.send_raw(request).await
        }
        "forbidden" => {
            let app = App::for_callers(Callers::Key(ApiKey::new("right")));
            app.send(tool_for_document(SOUND).header("x-api-key", "wrong"))
                .await
        }
        "not_acceptable" => send(post(JSON, SOUND).header("accept", "text/html")).await,
        "type_mismatch" => send(envelope(r#"{"data":{"type":"facts","attributes":{}}}"#)).await,
        "too_large" => send(tool_for_document(vec![b' '; 4 * 1024 * 1024 + 1])).await,
        "unsupported_media_type" => send(post("text/plain", SOUND)).await,
        "unsupported_coding" => send(post(JSON, SOUND).header("content-encoding", "gzip")).await,
        "invalid_document" => send(envelope(r#"{"data":[]}"#)).await,
        "envelope_faults" => {
            let attributes = r#"{"repository_id":"42","tags":["tax",7],"author":"Rob"}"#;
            send(envelope(format!(
                r#"{{"data":{{"type":"memories","attributes":{attributes}}}}}"#
            )))
            .await
        }
        "tool_body_faults" => {
            let body = r#"{"domain":"work","entity_id":" ","content":"x","timestamp":"2026-01-27","metadata":{"confidence":2}}"#;
            send(tool_for_document(body)).await
        }
        "overloaded" => connections::overloaded(SOUND).await,
        "name_collision" => {
            outcomes::colliding(
                &SOUND.replace("\"e\"", "\"Rob\""),
                "memories/domain=d/entity=rob",
            )
            .await
        }
        "storage_refused" => outcomes::refused(SOUND).await,
        "log_damaged" => outcomes::damaged(SOUND).await,
        "storage_unavailable" => outcomes::unavailable(SOUND).await,
        "storage_outcome_unknown" => outcomes::unknown(SOUND).await,
        "internal" => {
            let router = memory_web::http::misconfigured_router(memory_ingress::http::MCP);
            App::of(router).send(tool_for_document(SOUND)).await
        }
        _ => panic!("{name} is an example without a request that provokes it"),
    }
}

#[tokio::test]
async fn every_example_of_a_failure_is_what_the_service_answers() {
    let document = document();
    let responses = document["paths"]["/memory"]["post"]["responses"]
        .as_object()
        .unwrap()
        .clone();
    let mut shown = BTreeMap::new();
    for (status, response) in responses.into_iter().filter(|(status, _)| status != "201") {
        let examples = response["content"][JSON_API]["examples"].as_object();
        for (name, example) in examples.cloned().into_iter().flatten() {
            shown.insert(
                name.clone(),
                (
                    status.clone(),
                    example,
                    response["content"][JSON]["examples"][&name].clone(),
                ),
            );
        }
    }
    assert_eq!(shown.len(), 22);
    for (name, (status, example, flat)) in shown {
        let answer = provoke(&name).await;
        assert_eq!(answer.status.as_str(), status, "{name}");
        let id = example["value"]["errors"][0]["id"]
            .as_str()
            .unwrap()
            .trim_end_matches("-1");
        let text = answer.text().replace(answer.header("x-request-id"), id);
        let answered: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answered, example["value"], "{name}");
        conforms("ErrorDocument", &example["value"]);
        if status != "406" {
            let details = answered["errors"]
                .as_array()
                .unwrap()
                .iter()
                .map(|error| error["detail"].as_str().unwrap());
            assert_eq!(
                flat["value"]["error"],
                details.collect::<Vec<_>>().join(" "),
                "{name}"
            );
            conforms("ToolError", &flat["value"]);
        }
    }
}

#[tokio::test]
async fn every_example_of_a_request_is_stored_and_answered_as_shown() {
    let document = document();
    let operation = &document["paths"]["/memory"]["post"];
    for (media_type, content) in operation["requestBody"]["content"].as_object().unwrap() {
        for (name, example) in content["examples"].as_object().unwrap() {
            conforms(
                if name == "envelope" {
                    "MemoryCreateDocument"
                } else {
                    "ToolBody"
                },
                &example["value"],
            );
            for accept in [JSON, JSON_API] {
                let asked = post(media_type, example["value"].to_string()).header("accept", accept);
                let answer = App::new().send(asked).await;
                let shown =
                    &operation["responses"]["201"]["content"][accept]["examples"][name]["value"];
                assert_eq!(
                    (answer.status.as_u16(), &answer.json()),
                    (201, shown),
                    "{name} as {media_type}"
                );
            }
        }
    }
}

#[tokio::test]
async fn the_example_of_a_message_is_answered_as_shown() {
    let document = document();
    let operation = &document["paths"]["/mcp"]["post"];
    let request = &operation["requestBody"]["content"][JSON]["examples"]["call"]["value"];
    let shown = &operation["responses"]["200"]["content"][JSON]["examples"]["call"]["value"];
    conforms("JsonRpcMessage", request);
    conforms("JsonRpcResponse", shown);
    let answer = App::new().send(mcp(request.to_string())).await;
    assert_eq!((answer.status.as_u16(), &answer.json()), (200, shown));
}

/// The request that provokes each failure that a message is documented to meet.
async fn provoke_message(status: &str) -> Answer {
    const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let app = App::new();
    let request = || Request::post("/mcp").header("content-type", JSON);
    match status {
        "400" => {
            let meta = r#"{"io.modelcontextprotocol/protocolVersion":"2030-01-01","io.modelcontextprotocol/clientCapabilities":{}}"#;
            let params = format!(r#"{{"_meta":{meta}}}"#);
            let asked = mcp(message::request("ping", &params));
            app.send(asked.header("mcp-protocol-version", "2030-01-01"))
                .await
        }
        "401" => {
            let app = App::for_callers(Callers::Tokens);
            app.send(mcp(PING)).await
        }
        "403" => {
            let app = App::for_callers(Callers::Key(ApiKey::new("right")));
            app.send(mcp(PING).header("x-api-key", "wrong")).await
        }
        "404" => app.send(modern("resources/list", "{}")).await,
        "413" => app.send(mcp(vec![b' '; 4 * 1024 * 1024 + 1])).await,
        "415" => {
            let plain = ask("POST", "/mcp").header("content-type", "text/plain");
            app.send(plain.body(PING)).await
        }
        "500" => {
            let router = memory_web::http::misconfigured_router(memory_ingress::http::MCP);
            App::of(router).send(mcp(PING)).await
        }
        "503" => {
            let never = stream::pending::<Result<Bytes, Infallible>>();
            app.send_raw(request().body(Body::from_stream(never)).unwrap())
                .await
        }
        _ => panic!("{status} has no request that provokes it"),
    }
}

#[tokio::test(start_paused = true)]
async fn every_example_of_a_message_that_fails_is_what_the_service_answers() {
    let document = document();
    let responses = document["paths"]["/mcp"]["post"]["responses"]
        .as_object()
        .unwrap();
    let failures: Vec<_> = responses
        .iter()
        .filter(|(status, _)| !status.starts_with('2'))
        .collect();
    assert_eq!(failures.len(), 8);
    for (status, response) in failures {
        let answer = provoke_message(status).await;
        assert_eq!(answer.status.as_str(), status);
        let examples = response["content"][JSON]["examples"].as_object().unwrap();
        let shown: Vec<_> = examples.values().map(|example| &example["value"]).collect();
        assert_eq!(shown, [&answer.json()], "{status}");
    }
}

/// The gateway of a deployment words its own refusals as the service does.
#[test]
fn the_gateways_refusals_have_codes_of_the_document_and_their_titles() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("terraform/gateway_refusals.tf");
    let module = std::fs::read_to_string(path).unwrap();
    let codes = &document()["components"]["schemas"]["JsonApiError"]["properties"]["code"]["enum"];
    let (_, titles) = module.split_once("titles = {\n").unwrap();
    let titles = titles.split('}').next().unwrap().trim();
    let titles: BTreeMap<_, _> = titles
        .lines()
        .map(|line| line.split_once('=').unwrap())
        .map(|(code, title)| (code.trim(), title.trim().trim_matches('"')))
        .collect();
    for (code, title) in &titles {
        assert!(codes.as_array().unwrap().contains(&json!(code)), "{code}");
        if let Some(known) = Code::ALL.iter().find(|known| known.name() == *code) {
            assert_eq!(known.title(), *title);
        }
    }
    assert!(titles.len() >= 5);
    let (_, refusals) = module.split_once("refusals = {").unwrap();
    for refusal in refusals.split("code = \"").skip(1) {
        let code = refusal.split('"').next().unwrap();
        assert!(titles.contains_key(code), "{code}");
    }
}

/// What a name or a content may hold is said twice: by the code, and by a pattern for clients.
#[tokio::test]
async fn the_patterns_of_the_document_refuse_what_the_service_refuses() {
    let app = App::new();
    let white = "\t\n\u{b}\u{c}\r \u{85}\u{a0}\u{1680}\u{2000}\u{2003}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";
    let odd =
        "\0\u{1}\u{1f}\u{7f}\u{80}\u{9f}\u{a1}\u{ad}\u{180e}\u{200b}\u{feff}\u{fffd}\u{1f600}az~";
    let mut texts = vec![
        String::new(),
        "a".repeat(150),
        "a".repeat(151),
        white.to_owned(),
    ];
    for character in white.chars().chain(odd.chars()) {
        texts.extend([
            format!("{character}"),
            format!(" {character}"),
            format!("{character}a"),
            format!("a{character}"),
        ]);
    }
    for text in texts {
        for field in ["entity_id", "domain", "content"] {
            let mut body = json!({"entity_id": "e", "domain": "d", "content": "c"});
            body[field] = text.clone().into();
            let answer = app.send(tool_for_document(body.to_string())).await;
            assert_eq!(
                answer.status == 201,
                is_valid("ToolBody", &body),
                "{body} is answered {}",
                answer.status
            );
        }
        let attributes = json!({"content": "c", "repository_id": "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d", "memory_type": text});
        let body = json!({"data": {"type": "memories", "attributes": attributes}});
        let answer = app.send(envelope(body.to_string())).await;
        assert_eq!(
            answer.status == 201,
            is_valid("MemoryCreateDocument", &body),
            "{body}"
        );
    }
}

#[test]
fn a_view_has_one_shape_and_says_nothing_that_the_whole_does_not() {
    let whole = document();
    let flat = [
        "201", "400", "401", "403", "409", "413", "415", "422", "500", "503", "504",
    ];
    let of_json_api = [
        "201", "400", "401", "403", "406", "409", "413", "415", "422", "429", "500", "503", "504",
    ];
    let views = [
        (View::JsonApi, JSON_API, &of_json_api[..]),
        (View::Tool, JSON, &flat[..]),
    ];
    for (view, media_type, shown) in views {
        let view: Value = serde_json::from_str(&openapi::view(view)).unwrap();
        assert_eq!(view["openapi"], "3.0.3");
        let paths: Vec<_> = view["paths"].as_object().unwrap().keys().collect();
        let expected = ["/memories", "/memory", "/memory/search", "/memory/{id}"];
        assert_eq!(paths, expected);
        let responses = view["paths"]["/memory"]["post"]["responses"].as_object();
        let statuses: Vec<_> = responses.unwrap().keys().map(String::as_str).collect();
        assert_eq!(statuses, shown);
        let items = view["paths"].as_object().unwrap().iter();
        let operations = items.flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            methods.map(move |(method, operation)| (path, method, operation))
        });
        for (path, method, operation) in operations {
            let whole_operation = &whole["paths"][path][method];
            assert_eq!(operation["operationId"], whole_operation["operationId"]);
            let mut parameters = whole_operation["parameters"].clone();
            for parameter in parameters.as_array_mut().into_iter().flatten() {
                let schema = parameter["schema"].as_object_mut().unwrap();
                // Not every language reads these.
                schema.retain(|name, value| {
                    name != "pattern" || !value.to_string().contains("\\\\u")
                });
            }
            assert_eq!(operation["parameters"], parameters);
            let answers = operation["responses"].as_object().unwrap().iter();
            let answers = answers.map(|(status, response)| {
                let of_the_whole = &whole_operation["responses"][status];
                (&response["content"], &of_the_whole["content"])
            });
            // OpenAPI 3.0 has no bodies of DELETE.
            let request = operation.get("requestBody").map(|request| {
                let of_the_whole = &whole_operation["requestBody"]["content"];
                (&request["content"], of_the_whole)
            });
            let has_body = ["post", "patch"].contains(&method.as_str());
            assert_eq!(request.is_some(), has_body, "{method} {path}");
            for (content, of_the_whole) in answers.chain(request) {
                let types: Vec<_> = content.as_object().unwrap().keys().collect();
                assert_eq!(types, [media_type]);
                for (name, example) in content[media_type]["examples"]
                    .as_object()
                    .into_iter()
                    .flatten()
                {
                    assert_eq!(example, &of_the_whole[media_type]["examples"][name]);
                }
            }
        }
        let text = view.to_string();
        for (name, schema) in view["components"]["schemas"].as_object().unwrap() {
            assert!(
                text.contains(&format!("\"#/components/schemas/{name}\"")),
                "{name} is not used"
            );
            let of_the_whole = &whole["components"]["schemas"][name];
            let members = |schema: &Value| {
                let members = schema["properties"].as_object().cloned();
                members.map(|members| members.keys().cloned().collect::<Vec<_>>())
            };
            assert_eq!(members(schema), members(of_the_whole), "{name}");
        }
        assert!(!text.contains("\"null\""));
        assert!(
            !text.contains("\\\\u"),
            "a pattern that PHP and Go cannot read"
        );
    }
}

/// Calls `see` with every schema of a document that stands inside another part of it.
fn inline_schemas(part: &Value, pointer: &str, see: &mut impl FnMut(&str, &Value)) {
    let is_named = pointer.matches('/').count() == 3 && pointer.starts_with("/components/schemas/");
    if !is_named && (part["enum"].is_array() || part["properties"].is_object()) {
        see(pointer, part);
    }
    match part {
        Value::Object(members) => {
            let members = members.iter().filter(|(name, _)| *name != "examples");
            for (name, value) in members {
                inline_schemas(value, &format!("{pointer}/{name}"), see);
            }
        }
        Value::Array(items) => {
            for (item, number) in items.iter().zip(0..) {
                inline_schemas(item, &format!("{pointer}/{number}"), see);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_type_that_a_generator_makes_has_a_name_of_its_own() {
    let views = [View::JsonApi, View::Tool].map(openapi::view);
    let mut found = Vec::new();
    for text in [openapi::document(), openapi::ingress()]
        .iter()
        .chain(&views)
    {
        let document: Value = serde_json::from_str(text).unwrap();
        let mut values = BTreeMap::new();
        inline_schemas(&document, "", &mut |pointer, schema| {
            // The parts of a schema are no types.
            if pointer.contains("/allOf/") {
                return;
            }
            let title = schema["title"].as_str();
            let title = title.unwrap_or_else(|| panic!("{pointer} has no title"));
            let named = document["components"]["schemas"].get(title);
            assert!(named.is_none(), "{title} is the name of a schema, too");
            let before = values.insert(title.to_owned(), schema.clone());
            let same = before.is_none_or(|before| before["enum"] == schema["enum"]);
            assert!(same, "two types have the name {title}");
        });
        found.push(values.into_keys().collect::<Vec<_>>());
    }
    assert_eq!(
        found[0],
        [
            "ErrorCode",
            "Health",
            "JsonRpcError",
            "JsonRpcVersion",
            "MemoryStatus",
            "ResourceType",
            "SortOrder",
            "ToolErrorStatus",
            "ToolStatus",
            "Written"
        ]
    );
}

#[test]
fn the_flat_view_says_of_itself_and_of_every_operation_which_accept_it_needs() {
    let warns = |described: &Value| {
        let text = described["description"].as_str().unwrap_or_default();
        text.contains(
            "Send `Accept: application/json`: without it the response is a JSON:API document",
        )
    };
    for (view, is_warned) in [(View::Tool, true), (View::JsonApi, false)] {
        let view: Value = serde_json::from_str(&openapi::view(view)).unwrap();
        assert_eq!(warns(&view["info"]), is_warned);
        let items = view["paths"].as_object().unwrap().values();
        let operations = items.flat_map(|item| item.as_object().unwrap().values());
        for operation in operations {
            assert_eq!(warns(operation), is_warned, "{}", operation["operationId"]);
        }
    }
}

/// Whether this is valid by a schema of the OpenAPI document.
fn is_valid(schema: &str, instance: &Value) -> bool {
    validator(&component(schema)).is_valid(instance)
}
