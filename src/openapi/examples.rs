//! The document's examples, each rendered by the code that renders the response.

use memory_log::memory::Memory;
use memory_log::object::Object;
use memory_log::timestamp::Timestamp;
use memory_s3::writer::Put;

use crate::remember::Receipt;
use crate::shape;
use memory_web::body::BODY_BYTES_MAX;
use memory_web::media_type::BodyType;
use memory_web::problem::{Code, Problem, Source, StorageFailure, code_of};
use memory_web::query::unsupported_parameters;

/// The request id of every example.
pub(super) const REQUEST_ID: &str = "5f1c9d1e-6f0a-4b5e-9a57-3c2f0d7e8a41";

pub(super) const ENVELOPE: &str = r#"{"data":{"type":"memories","attributes":{"content":"Gunakan rounding PHP_ROUND_HALF_UP untuk kalkulasi pajak.","memory_type":"decision_log","repository_id":"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d","tags":["tax","backend"],"timestamp":"2026-01-19T14:00:00Z"}}}"#;
pub(super) const TOOL_BODY: &str = r#"{"entity_id":"rob","domain":"work","content":"Rob prefers mornings.","timestamp":"2026-01-27T03:14:22Z","metadata":{"tags":["habit"],"source":"chat","confidence":0.9}}"#;

/// A failure that the document shows.
pub(super) struct FailureExample {
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    pub(super) problems: Vec<Problem>,
}

impl FailureExample {
    pub(super) fn status(&self) -> u16 {
        code_of(&self.problems).status()
    }
}

/// The problems of a body that is not a memory.
fn refusal(body: &str) -> Vec<Problem> {
    match shape::read(body.as_bytes(), BodyType::Json) {
        Err(problems) => problems,
        Ok((draft, shape)) => match Memory::new(draft, Timestamp::from_unix_micros(0)) {
            Ok(_) => Vec::new(),
            Err(violations) => Problem::of_violations(&violations, |place| shape.locate(place)),
        },
    }
}

/// The memory of a body that is one.
pub(super) fn memory(body: &str) -> Option<Memory> {
    let (draft, _) = shape::read(body.as_bytes(), BodyType::Json).ok()?;
    Memory::new(draft, Timestamp::from_unix_micros(0)).ok()
}

/// The receipt of a body that is a memory.
pub(super) fn receipt(body: &str) -> Option<Receipt> {
    let memory = memory(body)?;
    let Object { memory_id, key, .. } = Object::of(&memory);
    Some(Receipt {
        memory_id,
        timestamp: memory.timestamp(),
        key,
        put: Put::Written,
    })
}

/// The problem of a failed write.
fn failed_write(failure: StorageFailure) -> Vec<Problem> {
    let retry =
        Timestamp::parse("2026-01-27T03:14:22Z").unwrap_or_else(|_| Timestamp::from_unix_micros(0));
    vec![Problem::of_storage(failure, retry)]
}

/// Every failure of `POST /memory` that the document shows.
#[rustfmt::skip]
pub(super) fn failures() -> Vec<FailureExample> {
    let wrong_key = Problem::forbidden(Source::None, memory_web::guard::WRONG_KEY);
    [
        ("malformed_json", "The body ends too early", refusal(r#"{"content":"#)),
        ("repeated_member", "A member appears twice", refusal(r#"{"content":"a","content":"b"}"#)),
        ("unsupported_parameter", "A query parameter", unsupported_parameters("include=author")),
        ("client_id_unsupported", "The client chose an id", refusal(r#"{"data":{"type":"memories","id":"1","attributes":{}}}"#)),
        ("unauthorized", "There is no token", vec![Problem::unauthorized(None)]),
        ("forbidden", "The key is wrong", vec![wrong_key]),
        ("not_acceptable", "No representation is acceptable", vec![Problem::not_acceptable()]),
        ("type_mismatch", "The resource has another type", refusal(r#"{"data":{"type":"facts","attributes":{}}}"#)),
        ("name_collision", "The disk of the service takes the name for another one", vec![Problem::name_collision(&["entity_id".to_owned()], "Rob", "rob")]),
        ("too_large", "The body is over the limit", vec![Problem::too_large(BODY_BYTES_MAX)]),
        ("unsupported_media_type", "The body has another media type", vec![Problem::unsupported_media_type()]),
        ("unsupported_coding", "The body is compressed", vec![Problem::unsupported_coding()]),
        ("invalid_document", "The document has no resource object", refusal(r#"{"data":[]}"#)),
        ("envelope_faults", "Every fault of an envelope", refusal(
            r#"{"data":{"type":"memories","attributes":{"repository_id":"42","tags":["tax",7],"author":"Rob"}}}"#,
        )),
        ("tool_body_faults", "Every fault of the tool's body", refusal(
            r#"{"domain":"work","entity_id":" ","content":"x","timestamp":"2026-01-27","metadata":{"confidence":2}}"#,
        )),
        ("storage_refused", "S3 refused the write", failed_write(StorageFailure::Refused)),
        ("log_damaged", "Other bytes are under the memory's key", failed_write(StorageFailure::Damaged)),
        ("internal", "A bug", vec![Problem::internal()]),
        ("overloaded", "The service has no room for the request", vec![Problem::overloaded()]),
        ("issuer_unavailable", "The keys of the token's issuer are not known", vec![Problem::issuer_unavailable()]),
        ("storage_unavailable", "S3 could not take the write", failed_write(StorageFailure::Unavailable)),
        ("storage_outcome_unknown", "S3's response was lost", failed_write(StorageFailure::OutcomeUnknown)),
    ]
    .into_iter()
    .map(|(name, summary, problems)| FailureExample { name, summary, problems })
    .collect()
}

/// Whether a failure has a flat form. If no representation is acceptable, it is a JSON:API document.
pub(super) fn has_flat_form(problems: &[Problem]) -> bool {
    problems
        .iter()
        .all(|problem| problem.code != Code::NotAcceptable)
}
