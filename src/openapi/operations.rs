//! The operations of HTTP, and what all answers have.

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
use crate::accept::{JSON, JSON_API};
use crate::jsonapi::{self, ErrorDocument, MemoryDocument};
use crate::problem::Code;
use crate::tool::{self, ToolError, ToolResult};

/// What operations are about, and what that is.
pub(super) const TAGS: [(&str, &str); 3] = [
    ("memories", "Memories come in."),
    (
        "agents",
        "The same for agents, by the Model Context Protocol.",
    ),
    ("service", "The service about itself."),
];

const STORE: &str = "\
Stores one memory, from a JSON:API envelope or from the body of the tool `append_memory`. The answer's form follows \
`Accept` alone: `application/vnd.api+json` (the default) or `application/json`. The same operation is at \
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
        .response("401", ResponseBuilder::new().description(
            "The token is missing, has expired or is not for this API. A gateway answers so, before the service.",
        ))
        .response("429", ResponseBuilder::new()
            .description(
                "Too many requests, or a quota is used up. A gateway answers so, before the service: nothing was stored.",
            )
            .header("Retry-After", header(RETRY_AFTER))
            .content(JSON_API, content(reference::<ErrorDocument>(), [])));
    let mut by_status: BTreeMap<u16, Vec<FailureExample>> = BTreeMap::new();
    for example in examples::failures() {
        by_status.entry(example.status()).or_default().push(example);
    }
    for (status, examples) in by_status {
        operation = operation.response(
            status.to_string(),
            failed(status, meaning(status), &examples),
        );
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
            "One memory, at most 4 MiB. `application/json` carries either shape.",
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
    let form = |render: fn(&crate::remember::Receipt) -> String| {
        let names = [
            ("envelope", "Of the envelope's example"),
            ("tool_body", "Of the tool body's example"),
        ];
        let examples = names.into_iter().zip(&receipts);
        examples
            .map(|((name, summary), receipt)| (name, example(summary, &render(receipt))))
            .collect::<Vec<_>>()
    };
    answer("The memory is durable.")
        .header("Idempotent-Replayed", header(REPLAYED))
        .content(
            JSON_API,
            content(reference::<MemoryDocument>(), form(jsonapi::success)),
        )
        .content(
            JSON,
            content(reference::<ToolResult>(), form(tool::success)),
        )
        .build()
}

/// The answer of one status to a request that comes to nothing.
fn failed(status: u16, meaning: &str, examples: &[FailureExample]) -> Response {
    let form = |render: &dyn Fn(&FailureExample) -> String| {
        let examples = examples
            .iter()
            .map(|shown| (shown.name, example(shown.summary, &render(shown))));
        examples.collect::<Vec<_>>()
    };
    let json_api = form(&|shown| jsonapi::failure(&shown.problems, REQUEST_ID));
    let flat = form(&|shown| tool::failure(&shown.problems));
    let mut response =
        answer(meaning).content(JSON_API, content(reference::<ErrorDocument>(), json_api));
    if examples
        .iter()
        .all(|shown| examples::has_flat_form(&shown.problems))
    {
        response = response.content(JSON, content(reference::<ToolError>(), flat));
    }
    with_advice(response, status).build()
}

/// What an answer of a status says to the sender of a memory.
fn meaning(status: u16) -> &'static str {
    match status {
        400 => {
            "The body is no JSON that can be taken, or a query parameter is not known. Nothing was stored."
        }
        403 => {
            "The caller may not do this, or chose the memory's id, which is derived. Nothing was stored."
        }
        406 => "No representation was asked for that there is. Nothing was stored.",
        409 => "The resource is of another type. Nothing was stored.",
        413 => "The body is larger than 4 MiB. Nothing was stored.",
        415 => "The body is declared as something else, or is encoded. Nothing was stored.",
        422 => {
            "The document or the memory has faults. All are listed, or the first hundred and how many more. Nothing was stored."
        }
        503 => {
            "The memory was not stored, and a repeat may succeed: the error names the timestamp to repeat it with, where the memory had been read."
        }
        504 => {
            "Whether the memory was stored is not known: repeated with the timestamp that the error names, it is stored once."
        }
        _ => {
            "The storage refused the write, and a repeat does not help before the operator has mended it; or the service has a fault of its own, whose error says what is known of the memory."
        }
    }
}

const REPLAYED: &str =
    "`true` where this very memory was already durable; the body is the same to the byte.";
const RETRY_AFTER: &str = "Seconds to wait before the request is repeated.";

/// An answer with the headers that an answer of its status has beside those of every answer.
pub(super) fn with_advice(mut response: ResponseBuilder, status: u16) -> ResponseBuilder {
    let headers: &[(&str, &str)] = match status {
        415 => &[
            (
                "Accept",
                "The media types that a body can have, where its type is at fault.",
            ),
            (
                "Accept-Encoding",
                "`identity`, where the body's coding is at fault.",
            ),
        ],
        503 | 504 => &[("Retry-After", RETRY_AFTER)],
        _ => &[],
    };
    for (name, description) in headers {
        response = response.header(*name, header(description));
    }
    response
}

/// An answer with the headers of every answer.
pub(super) fn answer(description: &str) -> ResponseBuilder {
    ResponseBuilder::new()
        .description(description)
        .header(
            "x-request-id",
            header("The request's id, under which the service's log knows it."),
        )
        .header(
            "Vary",
            header("`Accept`, and `Origin` where a page is allowed to call."),
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

/// An operation of the service about itself, whose failures are those of every route.
fn about_itself(id: &str, summary: &str, answered: ResponseBuilder) -> OperationBuilder {
    let mut operation = OperationBuilder::new()
        .operation_id(Some(id))
        .tag("service")
        .summary(Some(summary))
        .response("200", answered);
    for (code, meaning) in [
        (Code::Forbidden, "The caller may not call."),
        (Code::Internal, "The service has a fault of its own."),
    ] {
        let of_every_route = examples::failures()
            .into_iter()
            .filter(|shown| shown.problems.iter().all(|problem| problem.code == code));
        let shown: Vec<_> = of_every_route.collect();
        let answered = failed(code.status(), meaning, &shown);
        operation = operation.response(code.status().to_string(), answered);
    }
    operation
}

pub(super) fn get_health() -> Operation {
    let schema = ObjectBuilder::new()
        .property("status", Object::with_type(Type::String))
        .property("version", Object::with_type(Type::String))
        .required("status")
        .required("version");
    let content = content(Schema::from(schema.build()), []);
    let answered = answer("It does.").content("application/health+json", content);
    about_itself("getHealth", "Whether the service answers", answered)
        .description(Some(
            "Touches no storage. `serve` asks no key for it; a gateway asks for what it always asks for.",
        ))
        .build()
}

pub(super) fn get_openapi() -> Operation {
    let content = content(Schema::from(Object::with_type(Type::Object)), []);
    let answered = answer("OpenAPI 3.1.").content(JSON, content);
    about_itself("getOpenApi", "This document", answered)
        .description(Some("The whole document, by which clients can be made."))
        .build()
}
