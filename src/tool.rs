//! The body of the tool `append_memory` and its flat result.
//!
//! The fields are taken as they stand. The module knows no HTTP and no JSON:API.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use uuid::Uuid;

use crate::json::{Kind, Value, spell, written};
use crate::memory::{Draft, Fault, Memory, Place, Violations, text};
use crate::metadata::Metadata;
use crate::problem::{Code, Problem};
use crate::remember::Receipt;

const FIELDS: &[&str] = &["entity_id", "domain", "content", "timestamp", "metadata"];

/// Reads the tool's body.
///
/// # Errors
/// The body is no object.
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
            Fault::Unknown { known: FIELDS },
        );
    }
    Ok(Draft {
        domain: text(root, "domain", Place::Domain),
        entity_id: text(root, "entity_id", Place::EntityId),
        content: text(root, "content", Place::Content),
        timestamp: text(root, "timestamp", Place::Timestamp),
        metadata: root.given("metadata").map(Metadata::verbatim).transpose(),
        others,
    })
}

/// The body that gives this very memory, its timestamp included.
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

/// Where the tool's body spells a place.
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

/// The memory is durable.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolResult {
    #[schema(schema_with = ok_schema)]
    status: &'static str,
    /// The memory's id, derived from its five fields.
    #[schema(format = Uuid)]
    memory_id: String,
    /// The key of its object in the bucket.
    s3_key: String,
}

/// The memory was refused, or is not proved to be durable.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolError {
    #[schema(schema_with = error_schema)]
    status: &'static str,
    /// Every fault in words, and what to do.
    error: String,
}

fn ok_schema() -> Object {
    always(OK, "The memory is durable.")
}

fn error_schema() -> Object {
    always(ERROR, "It was refused, or is not proved to be durable.")
}

fn always(word: &str, meaning: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some([word]))
        .description(Some(meaning))
        .build()
}

/// What a call of the tool comes to: the flat result, or the flat error.
pub type Told = Result<String, String>;

/// The flat result of a memory that is durable.
#[must_use]
pub fn success(receipt: &Receipt) -> String {
    success_of(receipt.memory_id, &receipt.key)
}

/// The flat result of a memory with this id, under this key.
#[must_use]
pub fn success_of(memory_id: Uuid, key: &str) -> String {
    written(&ToolResult {
        status: OK,
        memory_id: memory_id.to_string(),
        s3_key: key.to_owned(),
    })
}

/// The flat result of a failure: every detail, joined by a space.
#[must_use]
pub fn failure(problems: &[Problem]) -> String {
    let details: Vec<_> = problems.iter().map(|problem| &*problem.detail).collect();
    failure_in_words(details.join(" "))
}

/// The flat result of a failure that is told in these words.
#[must_use]
pub fn failure_in_words(error: String) -> String {
    written(&ToolError {
        status: ERROR,
        error,
    })
}
