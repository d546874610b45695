//! The two documents of a response: a memory that is durable, and an error document.

use memory_log::json::serialized;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::TYPE;
use crate::problem::{Code, Problem, Source, Written};
use crate::remember::Receipt;

/// The version of JSON:API that the document follows.
#[derive(Debug, Serialize, ToSchema)]
struct JsonApi {
    version: &'static str,
}

const JSON_API: JsonApi = JsonApi { version: "1.1" };

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

/// Every fault that was found, or the first hundred and how many more there are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorDocument {
    jsonapi: JsonApi,
    #[schema(min_items = 1)]
    errors: Vec<JsonApiError>,
}

#[derive(Debug, Serialize, ToSchema)]
struct JsonApiError {
    /// The request id (`x-request-id`), a hyphen, and the number of the error from 1; or an id of the
    /// gateway.
    id: String,
    /// The HTTP status. Only default responses of a gateway lack it.
    #[schema(pattern = r"^[45]\d\d$", required = false)]
    status: String,
    #[schema(schema_with = code_schema)]
    code: &'static str,
    /// The kind of failure, for people. It is the same for every error with this code.
    title: &'static str,
    /// What is wrong, in which field, the limit, and what to do.
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    source: Option<ErrorSource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    meta: Option<ErrorMeta>,
}

/// The part of the request that is at fault: one of these three.
#[derive(Debug, Default, Serialize, ToSchema)]
struct ErrorSource {
    /// A JSON Pointer to a value of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pointer: Option<String>,
    /// A query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    parameter: Option<String>,
    /// A header field.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    header: Option<&'static str>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ErrorMeta {
    /// The required member that is missing; `source.pointer` names its parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = written_schema, required = false)]
    written: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    retry: Option<Retry>,
}

/// How to repeat the request without storing the memory twice.
#[derive(Debug, Serialize, ToSchema)]
struct Retry {
    /// The `timestamp` to send.
    #[schema(format = DateTime)]
    timestamp: String,
}

/// The codes that only the gateway in front of the service uses.
const GATEWAY_CODES: [&str; 2] = ["gateway_refused", "too_many_requests"];

fn type_schema() -> Object {
    one_of("The type of every memory.", vec![TYPE.to_owned()])
}

fn code_schema() -> Object {
    let own = Code::ALL.iter().map(|code| code.name());
    let names = own.chain(GATEWAY_CODES).map(str::to_owned).collect();
    one_of("The kind of failure, for programs.", names)
}

fn written_schema() -> Object {
    let written = [Written::NotWritten, Written::Unknown].map(|written| written.to_string());
    one_of("Whether the memory was stored.", written.into())
}

fn one_of(description: &str, names: Vec<String>) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(names))
        .description(Some(description))
        .build()
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

/// The document of a failure (contract 3.7). Each error's id is the request id and its number.
#[must_use]
pub fn failure(problems: &[Problem], request_id: &str) -> String {
    let errors = problems
        .iter()
        .zip(1..)
        .map(|(problem, number): (&Problem, usize)| JsonApiError {
            id: format!("{request_id}-{number}"),
            status: problem.code.status().to_string(),
            code: problem.code.name(),
            title: problem.code.title(),
            detail: problem.detail.clone(),
            source: error_source(&problem.source),
            meta: error_meta(problem),
        });
    serialized(&ErrorDocument {
        jsonapi: JSON_API,
        errors: errors.collect(),
    })
}

fn error_source(source: &Source) -> Option<ErrorSource> {
    Some(match source {
        Source::None => return None,
        Source::Pointer(pointer) => ErrorSource {
            pointer: Some(pointer.clone()),
            ..ErrorSource::default()
        },
        Source::Parameter(name) => ErrorSource {
            parameter: Some(name.clone()),
            ..ErrorSource::default()
        },
        Source::Header(field) => ErrorSource {
            header: Some(field.name()),
            ..ErrorSource::default()
        },
    })
}

fn error_meta(problem: &Problem) -> Option<ErrorMeta> {
    let storage = problem.storage;
    let retry = storage.and_then(|storage| storage.retry);
    (problem.field.is_some() || storage.is_some()).then(|| ErrorMeta {
        field: problem.field.clone(),
        written: storage.map(|storage| storage.written.to_string()),
        retry: retry.map(|timestamp| Retry {
            timestamp: timestamp.to_string(),
        }),
    })
}

#[cfg(test)]
mod tests {
    use memory_log::timestamp::Timestamp;
    use memory_s3::writer::Put;
    use uuid::Uuid;

    use super::*;
    use crate::problem::{Header, StorageFailure};

    fn retry() -> Timestamp {
        Timestamp::parse("2026-01-27T03:14:22Z").unwrap()
    }

    #[test]
    fn a_memory_document_has_the_id_the_timestamp_and_the_key_and_no_link() {
        let receipt = |put| Receipt {
            memory_id: Uuid::nil(),
            timestamp: retry(),
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

    #[test]
    fn an_error_document_has_only_the_members_that_apply() {
        let missing = Problem {
            field: Some("domain".to_owned()),
            ..Problem::at(Code::Required, &[], "Missing.")
        };
        let problems = [
            Problem::new(Code::NotFound, Source::None, "None."),
            Problem::at(Code::Blank, &["data".to_owned()], "Blank."),
            Problem::new(
                Code::UnsupportedParameter,
                Source::Parameter("a".to_owned()),
                "A.",
            ),
            Problem::forbidden(Source::Header(Header::Host), "Host."),
            missing,
        ];
        insta::assert_snapshot!(failure(&problems, "r").replace("},{", "},\n{"), @r#"
        {"jsonapi":{"version":"1.1"},"errors":[{"id":"r-1","status":"404","code":"not_found","title":"Not found","detail":"None."},
        {"id":"r-2","status":"422","code":"blank","title":"Blank value","detail":"Blank.","source":{"pointer":"/data"}},
        {"id":"r-3","status":"400","code":"unsupported_parameter","title":"Unsupported query parameter","detail":"A.","source":{"parameter":"a"}},
        {"id":"r-4","status":"403","code":"forbidden","title":"Forbidden","detail":"Host.","source":{"header":"Host"}},
        {"id":"r-5","status":"422","code":"required","title":"Missing member","detail":"Missing.","source":{"pointer":""},"meta":{"field":"domain"}}]}
        "#);
    }

    #[test]
    fn what_is_known_of_a_write_is_in_meta_with_the_timestamp_of_a_repeat_if_there_is_one() {
        let meta = |problem: Problem| {
            let document: serde_json::Value =
                serde_json::from_str(&failure(&[problem], "r")).unwrap();
            document["errors"][0]["meta"].to_string()
        };
        let unknown = Problem::of_storage(StorageFailure::OutcomeUnknown, retry());
        assert_eq!(
            meta(unknown),
            r#"{"written":"unknown","retry":{"timestamp":"2026-01-27T03:14:22Z"}}"#
        );
        assert_eq!(meta(Problem::too_slow()), r#"{"written":"not_written"}"#);
    }

    #[test]
    fn no_member_of_an_error_document_is_ever_null() {
        let failures = [
            StorageFailure::Unavailable,
            StorageFailure::Refused,
            StorageFailure::OutcomeUnknown,
            StorageFailure::Crashed,
        ];
        let of_storage = failures.map(|failure| Problem::of_storage(failure, retry()));
        let of_code = Code::ALL.map(|code| Problem::new(code, Source::None, "x"));
        let problems = [&of_code[..], &of_storage, &[Problem::too_slow()]].concat();
        assert!(!failure(&problems, "r").contains("null"));
    }
}
