//! The body of the tool `append_memory` and its flat result.
//!
//! The fields are taken as they are. The module must not know HTTP or JSON:API.

use memory_log::fault::{Fault, Place, Violations};
use memory_log::json::{Kind, Value, serialized, spell};
use memory_log::memory::{Draft, Memory};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use uuid::Uuid;

use crate::problem::{Code, Problem, in_words};
use crate::remember::Receipt;

const FIELDS: &[&str] = &["entity_id", "domain", "content", "timestamp", "metadata"];

/// Reads the tool's body (contract 2.2).
///
/// # Errors
/// `invalid_document` if the body is not an object.
pub fn draft(root: Value<'_>) -> Result<Draft, Problem> {
    if root.kind() != Kind::Object {
        let fields = FIELDS.join(", ");
        let detail = format!(
            "The memory is {}; it must be an object with the members {fields}.",
            root.kind()
        );
        return Err(Problem::at(Code::InvalidDocument, &[], detail));
    }
    let mut others = Violations::default();
    for (name, _) in root
        .members()
        .filter(|(name, _)| !FIELDS.contains(&&**name))
    {
        others.push(
            Place::Request(vec![name.into_owned()]),
            Fault::UnknownMember { known: FIELDS },
        );
    }
    Ok(Draft::of_fields(root, others))
}

/// The body that gives exactly this memory, including its timestamp.
#[must_use]
pub fn body(memory: &Memory) -> String {
    format!(
        r#"{{"entity_id":{},"domain":{},"content":{},"timestamp":{},"metadata":{}}}"#,
        spell(memory.entity_id()),
        spell(memory.domain()),
        spell(memory.content()),
        spell(&memory.timestamp().to_string()),
        memory.metadata(),
    )
}

/// The path of a place in the tool's body.
#[must_use]
pub fn locate(place: &Place) -> Vec<String> {
    let field = |name: &str| vec![name.to_owned()];
    match place {
        Place::Domain => field("domain"),
        Place::EntityId => field("entity_id"),
        Place::Content => field("content"),
        Place::Timestamp => field("timestamp"),
        Place::Metadata(path) => [field("metadata"), path.clone()].concat(),
        Place::Request(path) => path.clone(),
    }
}

const OK: &str = "ok";
const ERROR: &str = "error";

/// The outcome of a call of the tool, in its flat form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ToolOutcome {
    /// The memory is durable.
    Stored(ToolResult),
    /// It was refused, or it is not proved to be durable.
    Failed(ToolError),
}

/// The memory is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ToolResult {
    #[schema(schema_with = ok_schema)]
    status: &'static str,
    /// The memory's id, derived from its five fields.
    #[schema(format = Uuid)]
    memory_id: String,
    /// The key of its object in the bucket.
    s3_key: String,
}

/// The memory was refused, or it is not proved to be durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ToolError {
    #[schema(schema_with = error_schema)]
    status: &'static str,
    /// Every fault in words, and what to do.
    error: String,
}

impl ToolOutcome {
    /// The memory of this receipt is durable.
    #[must_use]
    pub fn of(receipt: &Receipt) -> Self {
        Self::stored(receipt.memory_id, receipt.key.clone())
    }

    /// A memory with this id is durable under this key.
    #[must_use]
    pub fn stored(memory_id: Uuid, s3_key: String) -> Self {
        Self::Stored(ToolResult {
            status: OK,
            memory_id: memory_id.to_string(),
            s3_key,
        })
    }

    /// A failure with these problems: every detail, joined by a space.
    #[must_use]
    pub fn refused(problems: &[Problem]) -> Self {
        Self::failed(in_words(problems))
    }

    /// A failure in these words.
    #[must_use]
    pub fn failed(error: String) -> Self {
        Self::Failed(ToolError {
            status: ERROR,
            error,
        })
    }

    /// Whether the call failed.
    #[must_use]
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Failed(_))
    }

    /// The flat document.
    #[must_use]
    pub fn document(&self) -> String {
        serialized(self)
    }
}

fn ok_schema() -> Object {
    always(OK, "The memory is durable.")
}

fn error_schema() -> Object {
    always(
        ERROR,
        "The memory was refused, or it is not proved to be durable.",
    )
}

fn always(word: &str, meaning: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some([word]))
        .description(Some(meaning))
        .build()
}

#[cfg(test)]
mod tests {
    use memory_log::json::Json;
    use memory_log::timestamp::Timestamp;

    use super::*;

    fn read(body: &str) -> Result<Draft, Problem> {
        draft(Json::parse(body.as_bytes()).unwrap().root())
    }

    #[test]
    fn a_body_that_is_not_an_object_is_an_invalid_document() {
        for body in ["[]", "\"x\"", "1", "null", "true"] {
            let problem = read(body).unwrap_err();
            assert_eq!(problem.code, Code::InvalidDocument, "{body}");
        }
    }

    #[test]
    fn every_unknown_member_is_a_fault_of_its_own() {
        let draft = read(r#"{"Content":"x","content ":"x","data":{},"content":"x"}"#).unwrap();
        let places: Vec<_> = draft
            .others
            .listed()
            .iter()
            .map(|found| &found.place)
            .collect();
        let of = |name: &str| Place::Request(vec![name.to_owned()]);
        assert_eq!(places, [&of("Content"), &of("content "), &of("data")]);
    }

    #[test]
    fn a_place_has_its_path_in_the_body() {
        let tag = Place::Metadata(vec!["tags".to_owned(), "1".to_owned()]);
        assert_eq!(locate(&tag), ["metadata", "tags", "1"]);
        assert_eq!(locate(&Place::EntityId), ["entity_id"]);
        assert_eq!(locate(&Place::Request(vec!["x".to_owned()])), ["x"]);
    }

    #[test]
    fn the_body_of_a_memory_gives_the_same_memory_again() {
        let text = r#"{"entity_id":"r\"ob","domain":"wörk","content":"a\nb","metadata":{"a":1.0,"b":"\u0041"}}"#;
        let now = Timestamp::parse("2026-01-27T03:14:22.5Z").unwrap();
        let memory = Memory::new(read(text).unwrap(), now).unwrap();
        let again = Memory::new(
            read(&body(&memory)).unwrap(),
            Timestamp::from_unix_micros(0),
        );
        assert_eq!(again, Ok(memory));
    }

    #[test]
    fn an_outcome_is_written_flat() {
        let stored = ToolOutcome::stored(Uuid::nil(), "k".to_owned());
        assert_eq!(
            stored.document(),
            r#"{"status":"ok","memory_id":"00000000-0000-0000-0000-000000000000","s3_key":"k"}"#
        );
        let failed = ToolOutcome::refused(&[Problem::cut_off(), Problem::internal()]);
        assert!(failed.is_error() && !stored.is_error());
        let joined = format!(
            "{} {}",
            Problem::cut_off().detail,
            Problem::internal().detail
        );
        assert_eq!(
            failed.document(),
            format!(r#"{{"status":"error","error":"{joined}"}}"#)
        );
    }
}
