//! The frame of JSON:API documents, and the error document (<https://jsonapi.org/format/1.1/>).
//!
//! The module must not know resources.

use memory_log::json::serialized;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use crate::problem::{Code, Past, Problem, Source, Written};

/// The version of JSON:API that the document follows.
#[derive(Debug, Serialize, ToSchema)]
pub struct JsonApi {
    version: &'static str,
}

/// The `jsonapi` member of every document.
pub const JSON_API: JsonApi = JsonApi { version: "1.1" };

/// Every fault that was found, or the first hundred and how many more there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorDocument {
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
    /// The memory's status.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status: Option<String>,
    /// The number of the memory's highest event.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    seq: Option<u8>,
    /// When the memory was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    deleted_at: Option<String>,
    /// How many events the memory has, for stewards.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    events: Option<usize>,
    /// The memory's newest events, for stewards.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    history: Vec<Past>,
    /// The part of the scopes that was read, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    progress: Option<f64>,
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

fn code_schema() -> Object {
    let own = Code::ALL.iter().map(|code| code.name());
    let names = own.chain(GATEWAY_CODES).map(str::to_owned).collect();
    one_of("ErrorCode", "The kind of failure, for programs.", names)
}

fn written_schema() -> Object {
    let written = [Written::NotWritten, Written::Unknown].map(|written| written.to_string());
    one_of(
        "Written",
        "Whether the memory, or the change, was stored.",
        written.into(),
    )
}

/// The schema of a member with these values. Generators name its type by the title.
fn one_of(title: &str, description: &str, names: Vec<String>) -> Object {
    ObjectBuilder::new()
        .title(Some(title))
        .schema_type(Type::String)
        .enum_values(Some(names))
        .description(Some(description))
        .build()
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
    let found = problem.found.as_deref();
    let applies = problem.field.is_some() || storage.is_some() || found.is_some();
    let found = found.cloned().unwrap_or_default();
    applies.then(|| ErrorMeta {
        field: problem.field.clone(),
        written: storage.map(|storage| storage.written.to_string()),
        retry: retry.map(|timestamp| Retry {
            timestamp: timestamp.to_string(),
        }),
        status: found.status,
        seq: found.seq,
        deleted_at: found.deleted_at.map(|at| at.to_string()),
        events: found.events,
        history: found.history,
        progress: found.progress,
    })
}

#[cfg(test)]
mod tests {
    use memory_log::timestamp::Timestamp;

    use super::*;
    use crate::problem::{Header, StorageFailure};

    fn retry() -> Timestamp {
        Timestamp::parse("2026-01-27T03:14:22Z").unwrap()
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
