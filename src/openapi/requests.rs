//! The schemas of requests, for the document only. `jsonapi.rs`, `tool.rs` and `memory.rs` decide what
//! is accepted, and a test compares.

use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr, Schema};

use memory_log::event::{REASON_BYTES_MAX, Status};
use memory_log::memory::NAME_BYTES_MAX;
use memory_recall::described::{NAME, NOT_BLANK};
use memory_web::flat::always;

const CONTENT: &str = "The memory itself, stored to the byte. Must not be blank.";
const TIMESTAMP: &str = "The instant that the memory is about: RFC 3339 with an offset, at most nanoseconds, from \
     1970-01-01T00:00:00Z to the end of 9999 in UTC, without leap seconds. The default is now. Send it, so that you can \
     repeat the request if its response is lost. A space may replace the `T`.";
const TAGS: &str = "Labels.";

/// The names and schemas of both shapes.
pub(super) fn schemas() -> [(&'static str, Schema); 5] {
    let envelope = object("One memory in a JSON:API envelope.")
        .property("data", Ref::from_schema_name("MemoryCreate"))
        .required("data");
    let create = object(
        "The memory to create. Of the other members that JSON:API defines here, `id` must be left out or null, because ids \
         are derived, and `relationships` must be empty. `lid`, `meta`, `links` and `jsonapi` must have the types that \
         JSON:API gives them.",
    )
    .property("type", always("ResourceType", "memories", "The type of every memory."))
    .required("type")
    .property("attributes", Ref::from_schema_name("MemoryAttributes"))
    .required("attributes");
    let attributes = object(
        "The memory. An attribute that is not listed here is refused, unless its name begins with `@`.",
    )
        .property("content", content())
        .required("content")
        .property(
            "repository_id",
            text("The repository that the memory is about.").format(Some(known(KnownFormat::Uuid))),
        )
        .required("repository_id")
        .property("memory_type", optional(name("The kind of memory.")))
        .property("tags", tags())
        .property("timestamp", timestamp())
        .additional_properties(Some(AdditionalProperties::FreeForm(false)));
    let tool_body = object(
        "One memory in the flat form of the tool `append_memory`. A member that is not listed here is refused.",
    )
    .property("entity_id", name("Who or what the memory is about, within its domain."))
    .required("entity_id")
    .property("domain", name("The kind of thing the memory is about."))
    .required("domain")
    .property("content", content())
    .required("content")
    .property("timestamp", timestamp())
    .property("metadata", Ref::from_schema_name("ToolMetadata"))
    .additional_properties(Some(AdditionalProperties::FreeForm(false)));
    let metadata = optional_object(
        "Any other data: a JSON object, nested at most 64 levels deep, stored as it was spelled. Three members have a meaning.",
    )
    .property("tags", tags())
    .property("source", optional(text("Where the memory comes from.")))
    .property(
        "confidence",
        ObjectBuilder::new()
            .schema_type(nullable(Type::Number))
            .minimum(Some(0))
            .maximum(Some(1))
            .description(Some("How sure the writer is, from 0 to 1.")),
    )
    .additional_properties(Some(AdditionalProperties::FreeForm(true)));
    [
        ("MemoryCreateDocument", envelope),
        ("MemoryCreate", create),
        ("MemoryAttributes", attributes),
        ("ToolBody", tool_body),
        ("ToolMetadata", metadata),
    ]
    .map(|(name, schema)| (name, Schema::from(schema.build())))
}

/// The names and schemas of the bodies of changes.
pub(super) fn of_changes() -> [(&'static str, Schema); 5] {
    let status = text("The status that the memory shall have.")
        .title(Some("MemoryStatus"))
        .enum_values(Some(Status::ALL.map(Status::as_str)));
    let attributes = object(
        "The status. Other attributes may stand here as they are stored: any other value of them is refused.",
    )
    .property("status", status)
    .required("status");
    let resource = object("The memory, by the id of the path.")
        .property(
            "type",
            always("ResourceType", "memories", "The type of every memory."),
        )
        .required("type")
        .property(
            "id",
            text("The memory's id.").format(Some(known(KnownFormat::Uuid))),
        )
        .required("id")
        .property(
            "attributes",
            Ref::from_schema_name("MemoryChangeAttributes"),
        )
        .required("attributes");
    let document = object("A change of a memory's status.")
        .property("data", Ref::from_schema_name("MemoryChange"))
        .required("data")
        .property("meta", Ref::from_schema_name("ChangeMeta"));
    let meta = object("Why and where the change is made.")
        .property(
            "reason",
            optional(text(&format!(
                "Why, for stewards, who see it: at most {REASON_BYTES_MAX} bytes of UTF-8."
            )))
            .max_length(Some(REASON_BYTES_MAX)),
        )
        .property(
            "repository_id",
            optional(text(
                "The scope, if the query does not name it: the memories of this repository.",
            ))
            .format(Some(known(KnownFormat::Uuid))),
        );
    let deletion = object("Why and where a memory is deleted.")
        .property("meta", Ref::from_schema_name("ChangeMeta"));
    [
        ("MemoryChangeDocument", document),
        ("MemoryChange", resource),
        ("MemoryChangeAttributes", attributes),
        ("ChangeMeta", meta),
        ("DeletionDocument", deletion),
    ]
    .map(|(name, schema)| (name, Schema::from(schema.build())))
}

fn object(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(description))
}

fn optional_object(description: &str) -> ObjectBuilder {
    object(description).schema_type(nullable(Type::Object))
}

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
}

/// Null is the same as leaving it out.
fn optional(text: ObjectBuilder) -> ObjectBuilder {
    text.schema_type(nullable(Type::String))
}

fn nullable(of: Type) -> SchemaType {
    SchemaType::from_iter([of, Type::Null])
}

fn known(format: KnownFormat) -> SchemaFormat {
    SchemaFormat::KnownFormat(format)
}

fn content() -> ObjectBuilder {
    text(CONTENT).min_length(Some(1)).pattern(Some(NOT_BLANK))
}

fn name(description: &str) -> ObjectBuilder {
    text(&format!(
        "{description} 1 to {NAME_BYTES_MAX} bytes of UTF-8, not blank, without control characters."
    ))
    .min_length(Some(1))
    .max_length(Some(NAME_BYTES_MAX))
    .pattern(Some(NAME))
}

fn timestamp() -> ObjectBuilder {
    optional(text(TIMESTAMP)).format(Some(known(KnownFormat::DateTime)))
}

fn tags() -> RefOr<Schema> {
    let tags = ArrayBuilder::new()
        .schema_type(nullable(Type::Array))
        .items(ObjectBuilder::new().schema_type(Type::String))
        .description(Some(TAGS));
    RefOr::T(tags.build().into())
}
