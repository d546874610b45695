//! The committed OpenAPI document is the code's, and each of its examples a real answer.

use std::collections::BTreeMap;
use std::path::Path;

use memory_ingress::guard::{ApiKey, Callers};
use serde_json::Value;

use crate::app::{
    Answer, App, Asked, JSON, JSON_API, ask, conforms, envelope, post, tool_for_document,
};
use crate::outcomes;

fn document() -> Value {
    serde_json::from_str(memory_ingress::openapi::document()).unwrap()
}

#[test]
fn the_committed_document_is_the_one_that_the_code_makes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == memory_ingress::openapi::document(),
        "openapi/openapi.json is not what the code makes; rewrite it with: cargo run -- openapi > openapi/openapi.json"
    );
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
        "201", "400", "403", "404", "405", "406", "409", "413", "415", "422", "500", "503", "504",
    ];
    assert_eq!(statuses, expected);
    for (status, response) in responses {
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
                .all(|longest| longest == memory_ingress::memory::NAME_BYTES_MAX as u64)
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
        "forbidden" => {
            let app = App::for_callers(Callers::Key(ApiKey::new("right")));
            app.send(tool_for_document(SOUND).header("x-api-key", "wrong"))
                .await
        }
        "not_found" => send(ask("POST", "/nothing")).await,
        "method_not_allowed" => send(ask("GET", "/memory")).await,
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
        "storage_refused" => outcomes::refused(SOUND).await,
        "storage_unavailable" => outcomes::unavailable(SOUND).await,
        "storage_outcome_unknown" => outcomes::unknown(SOUND).await,
        "internal" => {
            let router = memory_ingress::http::router_of_a_service_without_settings();
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
        let examples = response["content"][JSON_API]["examples"]
            .as_object()
            .unwrap()
            .clone();
        for (name, example) in examples {
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
    assert!(shown.len() >= 19);
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
