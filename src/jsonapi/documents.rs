//! The document of a memory that is durable.

use memory_log::json::serialized;
use memory_web::documents::{JSON_API, JsonApi};
use memory_web::flat::always;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use super::TYPE;
use crate::remember::Receipt;

/// A memory that is durable.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemoryDocument {
    jsonapi: JsonApi,
    data: MemoryResource,
}

#[derive(Debug, Serialize, ToSchema)]
struct MemoryResource {
    #[schema(schema_with = type_schema)]
    r#type: &'static str,
    /// The memory's id, derived from its five fields.
    #[schema(format = Uuid)]
    id: String,
    attributes: MemoryResourceAttributes,
    meta: MemoryResourceMeta,
}

#[derive(Debug, Serialize, ToSchema)]
struct MemoryResourceAttributes {
    /// `unverified`: it has not been checked whether the memory is true.
    status: &'static str,
    /// The memory's timestamp in normal form: the one that was sent, or the one that the service chose.
    #[schema(format = DateTime)]
    created_at: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct MemoryResourceMeta {
    /// The key of the memory's object in the bucket.
    s3_key: String,
}

fn type_schema() -> Object {
    always("ResourceType", TYPE, "The type of every memory.")
}

/// The document of a memory that is durable (contract 3.6). It has no `self` link: this service
/// cannot read, and JSON:API forbids a link that cannot be fetched.
#[must_use]
pub fn success(receipt: &Receipt) -> String {
    serialized(&MemoryDocument {
        jsonapi: JSON_API,
        data: MemoryResource {
            r#type: TYPE,
            id: receipt.memory_id.to_string(),
            attributes: MemoryResourceAttributes {
                status: "unverified",
                created_at: receipt.timestamp.to_string(),
            },
            meta: MemoryResourceMeta {
                s3_key: receipt.key.clone(),
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use memory_log::timestamp::Timestamp;
    use memory_s3::writer::Put;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_memory_document_has_the_id_the_timestamp_and_the_key_and_no_link() {
        let receipt = |put| Receipt {
            memory_id: Uuid::nil(),
            timestamp: Timestamp::parse("2026-01-27T03:14:22Z").unwrap(),
            key: "memories/\"".to_owned(),
            put,
        };
        insta::assert_snapshot!(success(&receipt(Put::Written)), @r#"{"jsonapi":{"version":"1.1"},"data":{"type":"memories","id":"00000000-0000-0000-0000-000000000000","attributes":{"status":"unverified","created_at":"2026-01-27T03:14:22Z"},"meta":{"s3_key":"memories/\""}}}"#);
        let repeat = success(&receipt(Put::AlreadyThere));
        assert_eq!(
            repeat,
            success(&receipt(Put::Written)),
            "the same to the byte"
        );
    }
}
