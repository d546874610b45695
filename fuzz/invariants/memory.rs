//! A body in either shape: what is kept of it is what was sent, and what is refused is told truly.

use memory_ingress::jsonapi;
use memory_ingress::media_type::BodyType;
use memory_ingress::problem::{Problem, Source};
use memory_ingress::tool::{self, ToolOutcome};
use memory_log::fault::VIOLATIONS_LISTED_MAX;
use memory_log::memory::Memory;
use memory_log::object::Object;
use memory_log::timestamp::Timestamp;
use serde_json::Value;

use super::reading::{Raw, compact, has_null, member, unambiguous};
use super::remembered::{NOW, problems, receipt, remembered};
use super::sent::Sent;
use super::{at_once, claim};

/// A JSON:API document, as `application/vnd.api+json` declares it.
pub fn envelope(bytes: &[u8]) {
    judge(bytes, BodyType::JsonApi);
}

/// The tool's body, as `application/json` declares it, which is an envelope if it has `data`.
pub fn tool_body(bytes: &[u8]) {
    judge(bytes, BodyType::Json);
}

fn judge(bytes: &[u8], body_type: BodyType) {
    let body = unambiguous(bytes);
    let has_data = body.is_some_and(|body| member(body, "data").is_some());
    let is_envelope = body_type == BodyType::JsonApi || has_data;
    let found = match remembered(bytes, body_type, NOW) {
        Ok(memory) => {
            let body = body.expect("serde_json reads what is accepted");
            is_kept(&memory, body, is_envelope);
            is_stored_once(&memory, bytes, body_type, body, is_envelope);
            Vec::new()
        }
        Err(found) => {
            is_told(&found);
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
                .for_each(|problem| claim::is_true(problem, body));
            let spaceless = compact(body.get());
            assert_eq!(
                found,
                problems(spaceless.as_bytes(), body_type),
                "white space means something"
            );
            at_once::are_all_listed(&found, body, is_envelope);
        }
    }
}

/// The object, read back, has what was sent, and the receipt names it.
fn is_kept(memory: &Memory, body: Raw<'_>, is_envelope: bool) {
    let object = Object::of(memory);
    assert_eq!(
        Object::read(&object.key, &object.body).as_ref(),
        Ok(&object)
    );
    let sent = sent(body, is_envelope);
    sent.is_kept_by(&object, &Timestamp::from_unix_micros(NOW).to_string());

    let receipt = receipt(memory, &object);
    let (id, key) = (object.memory_id.to_string(), &object.key);
    let flat: Value = serde_json::from_str(&ToolOutcome::of(&receipt).document()).expect("JSON");
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

/// The same request gives the same key, however it is spaced; with a timestamp, whenever it is sent.
fn is_stored_once(
    memory: &Memory,
    bytes: &[u8],
    body_type: BodyType,
    body: Raw<'_>,
    is_envelope: bool,
) {
    let object = Object::of(memory);
    let again = |bytes: &[u8], body_type, micros| {
        let memory = remembered(bytes, body_type, micros).expect("accepted before");
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
    sent.expect("what is accepted has what is required")
}

/// Both representations of a refusal say all of it.
fn is_told(found: &[Problem]) {
    assert!((1..=VIOLATIONS_LISTED_MAX).contains(&found.len()));
    let document: Value = serde_json::from_str(&jsonapi::failure(found, "r")).expect("JSON");
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
    let flat: Value = serde_json::from_str(&ToolOutcome::refused(found).document()).expect("JSON");
    let details: Vec<_> = found.iter().map(|problem| &*problem.detail).collect();
    assert_eq!(
        flat,
        serde_json::json!({"status": "error", "error": details.join(" ")})
    );
}
