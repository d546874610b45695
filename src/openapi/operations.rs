//! The operations of HTTP, and what all responses have in common.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, OperationBuilder};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{Object, ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{Content, Ref, RefOr, Required, Schema};

use super::examples::{self, ENVELOPE, FailureExample, REQUEST_ID, TOOL_BODY};
use crate::jsonapi::{self, MemoryDocument};
use crate::remember::Receipt;
use crate::tool::{ToolOutcome, ToolResult};
use memory_web::documents::{self, ErrorDocument};
use memory_web::flat::{Flat, ToolError};
use memory_web::http::Advice;
use memory_web::media_type::{JSON, JSON_API};
use memory_web::problem::{Code, Problem};

/// The names and descriptions of groups of operations.
pub(super) const TAGS: [(&str, &str); 3] = [
    ("memories", "Memories, by HTTP."),
    ("agents", "Memories, by the Model Context Protocol."),
    ("service", "Health and documentation of the service."),
];

const STORE: &str = "\
Stores one memory, from a JSON:API envelope or from the body of the tool `append_memory`. `Accept` alone chooses the form of \
the response: `application/vnd.api+json` (the default) or `application/json`. The same operation is at \
`/api/v1/mcp/memory`, `/api/v1/mcp/memories` and `/memories`.";

pub(super) fn reference<T: ToSchema>() -> Ref {
    Ref::from_schema_name(T::name())
}

pub(super) fn store_memory() -> Operation {
    let mut operation = OperationBuilder::new()
        .operation_id(Some("storeMemory"))
        .tag("memories")
        .summary(Some("Store one memory"))
        .description(Some(STORE))
        .request_body(Some(request_body()))
        .response("201", stored())
        .response("429", ResponseBuilder::new()
            .description(
                "Too many requests, or the quota is used up. A gateway in front of the service sends this. Nothing was stored.",
            )
            .header("Retry-After", header(RETRY_AFTER))
            .content(JSON_API, content(reference::<ErrorDocument>(), [])));
    let mut by_status: BTreeMap<u16, Vec<FailureExample>> = BTreeMap::new();
    for example in examples::failures() {
        by_status.entry(example.status()).or_default().push(example);
    }
    for (status, examples) in by_status {
        operation = operation.response(status.to_string(), failed(meaning(status), &examples));
    }
    operation.build()
}

fn request_body() -> RequestBody {
    let either = OneOfBuilder::new()
        .item(Ref::from_schema_name("ToolBody"))
        .item(Ref::from_schema_name("MemoryCreateDocument"))
        .build();
    let envelope = || ("envelope", example("The JSON:API envelope", ENVELOPE));
    let tool_body = ("tool_body", example("The tool's body", TOOL_BODY));
    RequestBodyBuilder::new()
        .description(Some(
            "One memory, at most 4 MiB. `application/json` can have either shape.",
        ))
        .required(Some(Required::True))
        .content(
            JSON_API,
            content(Ref::from_schema_name("MemoryCreateDocument"), [envelope()]),
        )
        .content(JSON, content(Schema::from(either), [tool_body, envelope()]))
        .build()
}

fn stored() -> Response {
    let receipts: Vec<_> = [ENVELOPE, TOOL_BODY]
        .into_iter()
        .filter_map(examples::receipt)
        .collect();
    let form = |render: fn(&Receipt) -> String| {
        let names = [
            ("envelope", "For the example of the envelope"),
            ("tool_body", "For the example of the tool body"),
        ];
        let examples = names.into_iter().zip(&receipts);
        examples
            .map(|((name, summary), receipt)| (name, example(summary, &render(receipt))))
            .collect::<Vec<_>>()
    };
    response("The memory is durable.")
        .header("Idempotent-Replayed", header(REPLAYED))
        .content(
            JSON_API,
            content(reference::<MemoryDocument>(), form(jsonapi::success)),
        )
        .content(
            JSON,
            content(
                reference::<ToolResult>(),
                form(|receipt| ToolOutcome::of(receipt).flat().document().to_owned()),
            ),
        )
        .build()
}

/// The error response of one status, with these examples.
pub(super) fn failed(meaning: &str, examples: &[FailureExample]) -> Response {
    let form = |render: &dyn Fn(&FailureExample) -> String| {
        let examples = examples
            .iter()
            .map(|shown| (shown.name, example(shown.summary, &render(shown))));
        examples.collect::<Vec<_>>()
    };
    let json_api = form(&|shown| documents::failure(&shown.problems, REQUEST_ID));
    let flat = form(&|shown| Flat::failure(&shown.problems).document().to_owned());
    let mut failed =
        response(meaning).content(JSON_API, content(reference::<ErrorDocument>(), json_api));
    if examples
        .iter()
        .all(|shown| examples::has_flat_form(&shown.problems))
    {
        failed = failed.content(JSON, content(reference::<ToolError>(), flat));
    }
    with_advice(failed, examples.iter().flat_map(|shown| &shown.problems)).build()
}

pub(super) const UNAUTHORIZED: &str = "\
The token is missing, has expired, or is not for this API. Nothing was stored. A gateway in front of the service sends \
this in a form of its own.";

/// What a status means to the sender of a memory.
fn meaning(status: u16) -> &'static str {
    match status {
        400 => {
            "The body is not acceptable JSON, or a query parameter is not supported. Nothing was stored."
        }
        401 => UNAUTHORIZED,
        403 => {
            "The caller may not do this, or the client chose the memory's id, which is derived. Nothing was stored."
        }
        406 => "None of the representations is acceptable. Nothing was stored.",
        409 => {
            "The resource has another type, or its name differs from a stored one in case only, on a disk that takes both for \
             one name. Nothing was stored."
        }
        413 => "The body is larger than 4 MiB. Nothing was stored.",
        415 => "The body has another media type, or is encoded. Nothing was stored.",
        422 => {
            "The document or the memory has faults. All are listed, or the first hundred and how many more there are. Nothing was \
             stored."
        }
        503 => {
            "The memory was not stored, and a repeat may succeed. The error names the timestamp for the repeat, if the memory had \
             been read."
        }
        504 => {
            "It is not known whether the memory was stored. Repeated with the timestamp that the error names, it is stored only \
             once."
        }
        _ => {
            "The storage refused the write, and a repeat does not help until the operator has fixed the cause. Or the service has \
             a fault of its own; its error says what is known about the memory."
        }
    }
}

const REPLAYED: &str =
    "`true` if this same memory was already durable. The body is the same to the byte.";
const RETRY_AFTER: &str = "Seconds to wait before the request is repeated.";

/// Documents the header fields with which these problems say what to do.
pub(super) fn with_advice<'p>(
    mut response: ResponseBuilder,
    problems: impl IntoIterator<Item = &'p Problem>,
) -> ResponseBuilder {
    for advice in problems.into_iter().filter_map(Advice::of) {
        let (name, description) = match advice {
            Advice::Accept => (
                "Accept",
                "The media types that a body can have, if its type is at fault.",
            ),
            Advice::AcceptEncoding => (
                "Accept-Encoding",
                "`identity`, if the coding of the body is at fault.",
            ),
            Advice::Authenticate | Advice::AuthenticateAgain => (
                "WWW-Authenticate",
                "`Bearer`, and `error=\"invalid_token\"` after a token that is not accepted.",
            ),
            Advice::RetryAfter => ("Retry-After", RETRY_AFTER),
        };
        response = response.header(name, header(description));
    }
    response
}

pub(super) fn response(description: &str) -> ResponseBuilder {
    ResponseBuilder::new()
        .description(description)
        .header(
            "x-request-id",
            header("The request id, which is also in the service's log."),
        )
        .header(
            "Vary",
            header("`Accept`, and also `Origin` if a browser origin is allowed to call."),
        )
}

pub(super) fn header(description: &str) -> utoipa::openapi::Header {
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    HeaderBuilder::new()
        .schema(Some(text))
        .description(Some(description))
        .build()
}

pub(super) fn content(
    schema: impl Into<RefOr<Schema>>,
    examples: impl IntoIterator<Item = (&'static str, Example)>,
) -> Content {
    ContentBuilder::new()
        .schema(Some(schema))
        .examples_from_iter(examples)
        .build()
}

pub(super) fn example(summary: &str, body: &str) -> Example {
    let value: Option<Value> = serde_json::from_str(body).ok();
    ExampleBuilder::new().summary(summary).value(value).build()
}

/// An operation about the service itself. Its failures are those of every route.
pub(super) fn about_itself(id: &str, summary: &str, ok: ResponseBuilder) -> OperationBuilder {
    let mut operation = OperationBuilder::new()
        .operation_id(Some(id))
        .tag("service")
        .summary(Some(summary))
        .response("200", ok);
    for (code, meaning) in [
        (Code::Unauthorized, UNAUTHORIZED),
        (Code::Forbidden, "The caller may not call."),
        (Code::Internal, "The service has a fault of its own."),
    ] {
        let of_every_route = examples::failures()
            .into_iter()
            .filter(|shown| shown.problems.iter().all(|problem| problem.code == code));
        let shown: Vec<_> = of_every_route.collect();
        operation = operation.response(code.status().to_string(), failed(meaning, &shown));
    }
    operation
}

/// The response of a half of the service that is up.
pub(super) fn health(description: &str) -> ResponseBuilder {
    let schema = ObjectBuilder::new()
        .title(Some("Health"))
        .property("status", Object::with_type(Type::String))
        .property("version", Object::with_type(Type::String))
        .required("status")
        .required("version");
    let content = content(Schema::from(schema.build()), []);
    response(description).content("application/health+json", content)
}

pub(super) fn get_health() -> Operation {
    about_itself("getHealth", "Check that the service is up", health("The service is up."))
        .description(Some(
            "Does not use the storage. `serve` requires no key for it; a gateway requires what it always requires.",
        ))
        .build()
}

pub(super) fn get_openapi() -> Operation {
    let content = content(Schema::from(Object::with_type(Type::Object)), []);
    let ok = response("OpenAPI 3.1.").content(JSON, content);
    about_itself("getOpenApi", "Get this document", ok)
        .description(Some(
            "The whole document, for example to generate a client.",
        ))
        .build()
}
