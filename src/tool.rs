//! The body of the tool `append_memory` and its flat result.
//!
//! The fields are taken as they are. The module must not know HTTP or JSON:API.

use memory_log::fault::{Fault, Place, Violations};
use memory_log::json::{Kind, Value, spell};
use memory_log::memory::{Draft, Memory};
use memory_web::flat::{Flat, OK, ToolError, always};
use memory_web::mcp::{ServerInfo, Tool, Toolset};
use memory_web::problem::{Code, Problem, in_words};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;
use uuid::Uuid;

use crate::remember::Receipt;

/// The tool's name.
pub const NAME: &str = "append_memory";

/// What the server is.
pub(crate) const SERVER: ServerInfo = ServerInfo {
    name: "memory-ingress",
    title: "Memory Ingress",
    version: env!("CARGO_PKG_VERSION"),
};

/// What the server tells a model about itself, in addition to the description of its tool.
pub(crate) const INSTRUCTIONS: &str = "This server keeps a log of memories that outlives the conversation. Call append_memory when \
     something is worth knowing in later conversations: a fact, a decision, a preference. It cannot read memories back.";

/// The tool as MCP shows it, whose calls are drafts.
#[must_use]
pub fn tool() -> Tool<Draft> {
    let descriptor = include_bytes!("tool/append_memory.json");
    Tool::new(NAME, descriptor, |arguments| {
        draft(arguments).map_err(|problem| vec![problem])
    })
}

/// A server with this tool alone.
#[must_use]
pub fn toolset() -> Toolset<Draft> {
    Toolset::new(SERVER, INSTRUCTIONS, vec![tool()])
}

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

/// The outcome of a call of the tool.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        Self::Failed(ToolError::new(error))
    }

    /// The flat document.
    #[must_use]
    pub fn flat(&self) -> Flat {
        match self {
            Self::Stored(result) => Flat::success(result),
            Self::Failed(error) => Flat::failure_of(error),
        }
    }
}

fn ok_schema() -> Object {
    always("ToolStatus", OK, "The memory is durable.")
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
            stored.flat().document(),
            r#"{"status":"ok","memory_id":"00000000-0000-0000-0000-000000000000","s3_key":"k"}"#
        );
        let failed = ToolOutcome::refused(&[Problem::cut_off(), Problem::internal()]);
        assert!(failed.flat().is_error() && !stored.flat().is_error());
        let joined = format!(
            "{} {}",
            Problem::cut_off().detail,
            Problem::internal().detail
        );
        assert_eq!(
            failed.flat().document(),
            format!(r#"{{"status":"error","error":"{joined}"}}"#)
        );
    }
}
