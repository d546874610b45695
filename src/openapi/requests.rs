//! The shapes of requests, for the document alone: what is accepted is judged by `jsonapi.rs`,
//! `tool.rs` and `memory.rs`.

use serde::Deserialize;
use utoipa::ToSchema;

/// One memory in a JSON:API envelope.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document's schema")]
pub(super) struct MemoryCreateDocument {
    data: MemoryCreate,
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "the document's schema")]
struct MemoryCreate {
    r#type: MemoryType,
    attributes: MemoryAttributes,
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "the document's schema")]
#[schema(rename_all = "lowercase")]
enum MemoryType {
    Memories,
}

/// What the memory is. An attribute that is not listed here is refused.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "the document's schema")]
#[serde(deny_unknown_fields)]
struct MemoryAttributes {
    /// The memory itself: kept to the byte, not blank.
    #[schema(min_length = 1)]
    content: String,
    /// The repository that the memory is about.
    #[schema(format = Uuid)]
    repository_id: String,
    /// What kind of memory it is: 1 to 150 bytes of UTF-8 without control characters.
    #[schema(min_length = 1, max_length = 150)]
    memory_type: Option<String>,
    /// Labels.
    tags: Option<Vec<String>>,
    /// The instant that the memory is about: RFC 3339 with an offset, at most nanoseconds. Left
    /// out, it is now. Send it, so that the request can be repeated when its answer is lost.
    #[schema(format = DateTime)]
    timestamp: Option<String>,
}

/// One memory as the tool `append_memory` takes it. A member that is not listed here is refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the document's schema")]
pub(super) struct ToolBody {
    /// Whom or what the memory is about, within its domain: 1 to 150 bytes of UTF-8 without control
    /// characters.
    #[schema(min_length = 1, max_length = 150)]
    entity_id: String,
    /// The kind of thing the memory is about: 1 to 150 bytes of UTF-8 without control characters.
    #[schema(min_length = 1, max_length = 150)]
    domain: String,
    /// The memory itself: kept to the byte, not blank.
    #[schema(min_length = 1)]
    content: String,
    /// The instant that the memory is about: RFC 3339 with an offset, at most nanoseconds. Left
    /// out, it is now. Send it, so that the request can be repeated when its answer is lost.
    #[schema(format = DateTime)]
    timestamp: Option<String>,
    metadata: Option<ToolMetadata>,
}

/// What else there is to say: any JSON object, nested at most 64 deep, kept as it is spelled. Three
/// members have a meaning.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "the document's schema")]
struct ToolMetadata {
    /// Labels.
    tags: Option<Vec<String>>,
    /// Where the memory comes from.
    source: Option<String>,
    /// How sure the writer is.
    #[schema(minimum = 0, maximum = 1)]
    confidence: Option<f64>,
}
