//! A body in either shape: what is stored is what was sent, and each problem of a refusal is true.

use memory_ingress::jsonapi;
use memory_ingress::tool::{self, ToolOutcome};
use memory_log::fault::VIOLATIONS_LISTED_MAX;
use memory_log::memory::Memory;
use memory_log::object::Object;
use memory_log::timestamp::Timestamp;
use memory_web::documents;
use memory_web::media_type::BodyType;
use memory_web::problem::{Problem, Source};
use serde_json::Value;

use super::all_faults::check_all_are_listed;
use super::problem::check_problem;
use super::reading::{Raw, compact, has_null, member, unambiguous};
use super::sent::Sent;
use super::subject::{NOW, memory_of, problems, receipt};

/// Checks a JSON:API document, a body of the type `application/vnd.api+json`.
pub fn envelope(bytes: &[u8]) {
    check_body(bytes, BodyType::JsonApi);
}

/// Checks the tool's body, a body of the type `application/json`. It is an envelope if it has `data`.
pub fn tool_body(bytes: &[u8]) {
    check_body(bytes, BodyType::Json);
}

fn check_body(bytes: &[u8], body_type: BodyType) {
    let body = unambiguous(bytes);
    let has_data = body.is_some_and(|body| member(body, "data").is_some());
    let is_envelope = body_type == BodyType::JsonApi || has_data;
    let found = match memory_of(bytes, body_type, NOW) {
        Ok(memory) => {
            let body = body.expect("serde_json reads a body that is accepted");
            check_object(&memory, body, is_envelope);
            check_repeats(&memory, bytes, body_type, body, is_envelope);
            Vec::new()
        }
        Err(found) => {
            check_refusal(&found);
            found
        }
    };
    let is_malformed = found
        .iter()
        .any(|problem| problem.code.name() == "malformed_json");
    assert_eq!(is_malformed, body.is_none(), "{found:?}");
    match body {
        None => assert_eq!((found.len(), &found[0].source), (1, &Source::None)),
        Some(body) => {
            found
                .iter()
                .for_each(|problem| check_problem(problem, body));
            let spaceless = compact(body.get());
            assert_eq!(
                found,
                problems(spaceless.as_bytes(), body_type),
                "white space changes the problems"
            );
            check_all_are_listed(&found, body, is_envelope);
        }
    }
}

/// The object can be read again and has what was sent. The receipt names it.
fn check_object(memory: &Memory, body: Raw<'_>, is_envelope: bool) {
    let object = Object::of(memory);
    let read = Object::read(&object.key, &object.body).expect("what was written is proved");
    assert_eq!((&read.memory, &read.object), (memory, &object));
    let sent = sent(body, is_envelope);
    sent.check_object(&object, &Timestamp::from_unix_micros(NOW).to_string());

    let receipt = receipt(memory, &object);
    let (id, key) = (object.memory_id.to_string(), &object.key);
    let flat: Value =
        serde_json::from_str(ToolOutcome::of(&receipt).flat().document()).expect("JSON");
    assert_eq!(
        flat,
        serde_json::json!({"status": "ok", "memory_id": id, "s3_key": key})
    );
    let document: Value = serde_json::from_str(&jsonapi::success(&receipt)).expect("JSON");
    let data = &document["data"];
    assert_eq!(
        (&data["id"], &data["meta"]["s3_key"]),
        (&flat["memory_id"], &flat["s3_key"])
    );
    assert_eq!(
        data["attributes"]["created_at"],
        memory.timestamp().to_string()
    );
}

/// The same request gives the same object, with any white space. With a timestamp, it does so at any
/// time.
fn check_repeats(
    memory: &Memory,
    bytes: &[u8],
    body_type: BodyType,
    body: Raw<'_>,
    is_envelope: bool,
) {
    let object = Object::of(memory);
    let again = |bytes: &[u8], body_type, micros| {
        let memory = memory_of(bytes, body_type, micros).expect("the same request was accepted");
        assert_eq!(Object::of(&memory), object);
    };
    again(bytes, body_type, NOW);
    again(compact(body.get()).as_bytes(), body_type, NOW);
    again(tool::body(memory).as_bytes(), BodyType::Json, NOW + 1);
    if sent(body, is_envelope).timestamp.is_some() {
        again(bytes, body_type, NOW + 1);
    }
}

fn sent(body: Raw<'_>, is_envelope: bool) -> Sent {
    let sent = if is_envelope {
        Sent::by_envelope(body)
    } else {
        Sent::by_tool(body)
    };
    sent.expect("a body that is accepted has the required members")
}

/// Both representations of a refusal have all of its problems.
fn check_refusal(found: &[Problem]) {
    assert!((1..=VIOLATIONS_LISTED_MAX).contains(&found.len()));
    let document: Value = serde_json::from_str(&documents::failure(found, "r")).expect("JSON");
    assert!(!has_null(&document), "{document}");
    let errors = document["errors"].as_array().expect("errors");
    assert_eq!(errors.len(), found.len());
    for ((error, problem), number) in errors.iter().zip(found).zip(1..) {
        assert!(problem.detail.ends_with('.'), "{}", problem.detail);
        assert_eq!(problem.code.status(), found[0].code.status());
        assert_eq!(
            (error["id"].as_str(), error["detail"].as_str()),
            (Some(&*format!("r-{number}")), Some(&*problem.detail))
        );
    }
    let flat: Value =
        serde_json::from_str(ToolOutcome::refused(found).flat().document()).expect("JSON");
    let details: Vec<_> = found.iter().map(|problem| &*problem.detail).collect();
    assert_eq!(
        flat,
        serde_json::json!({"status": "error", "error": details.join(" ")})
    );
}
