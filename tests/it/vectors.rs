//! Every worked example of the contract, over HTTP, to the stored byte (contract 1.3, 1.7, 2.4, 2.5, 2.6, 3.6).

use serde_json::Value;

use crate::app::{App, tool_for_document, vectors};
use crate::exchange::{Asked, JSON, JSON_API, ask};
use crate::surface::{envelope, tool};

#[tokio::test]
async fn every_worked_request_is_stored_under_its_key_to_the_byte() {
    for (file, as_asked) in [
        ("tool.json", tool as fn(String) -> _),
        ("envelope.json", envelope),
    ] {
        for vector in vectors(file).as_array().unwrap() {
            let text = |name: &str| vector[name].as_str().unwrap().to_owned();
            let app = App::new();
            let answer = app
                .send(as_asked(text("request")).header("accept", JSON))
                .await;
            let expected = serde_json::json!({
                "status": "ok", "memory_id": text("memory_id"), "s3_key": text("s3_key"),
            });
            assert_eq!(answer.json(), expected, "{}", text("about"));
            let object = text("object").into_bytes();
            assert_eq!(
                app.stored().into_iter().collect::<Vec<_>>(),
                [(text("s3_key"), object)]
            );

            let document = app
                .send(as_asked(text("request")).header("accept", JSON_API))
                .await;
            assert_eq!(document.header("idempotent-replayed"), "true");
            assert_eq!(document.json()["data"]["id"], text("memory_id"));
            assert_eq!(document.json()["data"]["meta"]["s3_key"], text("s3_key"));
        }
    }
}

#[tokio::test]
async fn every_worked_timestamp_is_kept_or_refused() {
    let app = App::new();
    let body = |timestamp: &Value| {
        serde_json::json!({"entity_id": "e", "domain": "d", "content": "c", "timestamp": timestamp})
            .to_string()
    };
    let timestamps = vectors("timestamps.json");
    for accepted in timestamps["accepted"].as_array().unwrap() {
        let answer = app.send(envelope(wrapped(&accepted["given"]))).await;
        assert_eq!(
            answer.json()["data"]["attributes"]["created_at"],
            accepted["stored"]
        );
        let answer = app.send(tool(body(&accepted["given"]))).await;
        let key = answer.json()["s3_key"].as_str().unwrap().to_owned();
        let object: Value = serde_json::from_slice(&app.stored()[&key]).unwrap();
        assert_eq!(object["timestamp"], accepted["stored"]);
    }
    let stored = app.stored().len();
    for refused in timestamps["refused"].as_array().unwrap() {
        for (asked, pointer) in [
            (tool_for_document(body(refused)), "/timestamp"),
            (envelope(wrapped(refused)), "/data/attributes/timestamp"),
        ] {
            let faults = app.send(asked).await.faults();
            let codes =
                ["invalid_timestamp", "out_of_range"].map(|code| format!("{code} \"{pointer}\""));
            assert!(
                faults.len() == 1 && codes.contains(&faults[0]),
                "{refused}: {faults:?}"
            );
        }
    }
    assert_eq!(app.stored().len(), stored);
}

fn wrapped(timestamp: &Value) -> String {
    serde_json::json!({"data": {"type": "memories", "attributes": {
        "content": "c", "repository_id": "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d", "timestamp": timestamp,
    }}})
    .to_string()
}

#[tokio::test]
async fn every_worked_accept_header_chooses_its_representation_of_success_and_failure() {
    let body = r#"{"entity_id":"e","domain":"d","content":"c","timestamp":"2026-01-27T03:14:22Z"}"#;
    for vector in vectors("accept.json").as_array().unwrap() {
        let app = App::new();
        let with_accept = |asked: Asked| match vector["accept"].as_str() {
            Some(accept) => asked.header("accept", accept),
            None => asked,
        };
        let post = |body: &str| {
            with_accept(
                ask("POST", "/memories")
                    .header("content-type", JSON)
                    .body(body),
            )
        };
        let (stored, failed) = (app.send(post(body)).await, app.send(post("{}")).await);
        match vector["expect"].as_str() {
            Some(form) => {
                let media_type = if form == "jsonapi" { JSON_API } else { JSON };
                assert_eq!(
                    (stored.status.as_u16(), stored.header("content-type")),
                    (201, media_type),
                    "{vector}"
                );
                assert_eq!(
                    (failed.status.as_u16(), failed.header("content-type")),
                    (422, media_type),
                    "{vector}"
                );
            }
            None => {
                assert_eq!(vector["expect"], stored.status.as_u16(), "{vector}");
                assert_eq!(stored.faults(), ["not_acceptable \"Accept\""]);
                app.assert_nothing_stored();
            }
        }
    }
}
