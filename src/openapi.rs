//! The OpenAPI document, made by `utoipa` from the answers' own types.
//!
//! Every example is rendered by the code that renders the answer; a test provokes each over HTTP
//! and compares.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, PathItem};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{Object, ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{
    Components, Content, InfoBuilder, LicenseBuilder, OpenApiBuilder, PathsBuilder, Ref, RefOr,
    Required, Schema, ServerBuilder,
};

use crate::accept::{JSON, JSON_API};
use crate::jsonapi::{self, ErrorDocument, MemoryDocument};
use crate::tool::{self, ToolError, ToolResult};

mod examples;
mod requests;

use examples::{ENVELOPE, FailureExample, REQUEST_ID, TOOL_BODY};
use requests::{MemoryCreateDocument, ToolBody};

const DESCRIPTION: &str = "\
Takes one memory, stores it durably in Amazon S3, and says yes only then.\n\n\
A success answer means that S3 has confirmed the memory's object with its SHA-256. A caller that may lose the answer sends \
a `timestamp`: the same request may then be repeated without limit, and the memory is stored once.";

const STORE: &str = "\
Stores one memory, from a JSON:API envelope or from the body of the tool `append_memory`. The answer's form follows \
`Accept` alone: `application/vnd.api+json` (the default) or `application/json`. The same operation is at \
`/api/v1/mcp/memory`, `/api/v1/mcp/memories` and `/memories`.";

/// The whole document: OpenAPI 3.1 in JSON, with a newline at its end.
#[must_use]
pub fn document() -> &'static str {
    static DOCUMENT: LazyLock<String> = LazyLock::new(make);
    &DOCUMENT
}

#[expect(
    clippy::expect_used,
    reason = "the document is a constant of the build, and a test writes it"
)]
fn make() -> String {
    let license = LicenseBuilder::new()
        .name("Apache-2.0")
        .identifier(Some("Apache-2.0"))
        .build();
    let info = InfoBuilder::new()
        .title("memory-ingress")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(license));
    let paths = PathsBuilder::new()
        .path("/memory", PathItem::new(HttpMethod::Post, store_memory()))
        .path("/health", PathItem::new(HttpMethod::Get, get_health()))
        .path(
            "/openapi.json",
            PathItem::new(HttpMethod::Get, get_openapi()),
        );
    let document = OpenApiBuilder::new()
        .info(info)
        .servers(Some([ServerBuilder::new().url("/").build()]))
        .paths(paths)
        .components(Some(components()))
        .build();
    let mut document = serde_json::to_value(document).expect("a document of strings");
    unwrap_lines(&mut document);
    format!("{document:#}\n")
}

/// Descriptions come from comments, whose lines end where the source's do.
fn unwrap_lines(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(unwrap_lines),
        Value::Object(members) => {
            for (name, value) in members {
                if let (Value::String(text), "description") = (&mut *value, name.as_str()) {
                    let paragraphs = text.split("\n\n").map(|lines| lines.replace('\n', " "));
                    *text = paragraphs.collect::<Vec<_>>().join("\n\n");
                }
                unwrap_lines(value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn components() -> Components {
    let mut components = Components::new();
    let mut add = |name: String, schema: RefOr<Schema>| components.schemas.insert(name, schema);
    let mut nested = Vec::new();
    for (name, schema, collect) in [
        schema_of::<MemoryCreateDocument>(),
        schema_of::<ToolBody>(),
        schema_of::<MemoryDocument>(),
        schema_of::<ErrorDocument>(),
        schema_of::<ToolResult>(),
        schema_of::<ToolError>(),
    ] {
        add(name, schema);
        collect(&mut nested);
    }
    for (name, schema) in nested {
        add(name, schema);
    }
    components
}

type NamedSchemas = Vec<(String, RefOr<Schema>)>;

fn schema_of<T: ToSchema>() -> (String, RefOr<Schema>, fn(&mut NamedSchemas)) {
    (T::name().into_owned(), T::schema(), T::schemas)
}

fn reference<T: ToSchema>() -> Ref {
    Ref::from_schema_name(T::name())
}

fn store_memory() -> Operation {
    let mut operation = OperationBuilder::new()
        .operation_id(Some("storeMemory"))
        .summary(Some("Store one memory"))
        .description(Some(STORE))
        .request_body(Some(request_body()))
        .response("201", stored());
    let mut by_status: BTreeMap<u16, Vec<FailureExample>> = BTreeMap::new();
    for example in examples::failures() {
        by_status.entry(example.status()).or_default().push(example);
    }
    for (status, examples) in by_status {
        operation = operation.response(status.to_string(), failed(status, &examples));
    }
    operation.build()
}

fn request_body() -> RequestBody {
    let either = OneOfBuilder::new()
        .item(reference::<ToolBody>())
        .item(reference::<MemoryCreateDocument>())
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
            content(reference::<MemoryCreateDocument>(), [envelope()]),
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
    let replayed =
        "`true` where this very memory was already durable; the body is the same to the byte.";
    answer("The memory is durable.")
        .header("Idempotent-Replayed", header(replayed))
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

fn failed(status: u16, examples: &[FailureExample]) -> Response {
    let problems = examples.iter().flat_map(|example| &example.problems);
    let mut titles: Vec<_> = problems.map(|problem| problem.code.title()).collect();
    titles.dedup();
    let form = |render: &dyn Fn(&FailureExample) -> String| {
        let examples = examples
            .iter()
            .map(|shown| (shown.name, example(shown.summary, &render(shown))));
        examples.collect::<Vec<_>>()
    };
    let json_api = form(&|shown| jsonapi::failure(&shown.problems, REQUEST_ID));
    let flat = form(&|shown| tool::failure(&shown.problems));
    let mut response = answer(&format!("{}.", titles.join(", or ")))
        .content(JSON_API, content(reference::<ErrorDocument>(), json_api));
    if examples
        .iter()
        .all(|shown| examples::has_flat_form(&shown.problems))
    {
        response = response.content(JSON, content(reference::<ToolError>(), flat));
    }
    for (name, description) in headers_of(status) {
        response = response.header(*name, header(description));
    }
    response.build()
}

/// What headers an answer of a status has beside those of every answer.
fn headers_of(status: u16) -> &'static [(&'static str, &'static str)] {
    match status {
        405 => &[("Allow", "The methods that the path has.")],
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
        503 | 504 => &[(
            "Retry-After",
            "Seconds to wait before the request is repeated.",
        )],
        _ => &[],
    }
}

/// An answer with the headers of every answer.
fn answer(description: &str) -> ResponseBuilder {
    ResponseBuilder::new()
        .description(description)
        .header(
            "x-request-id",
            header("The request's id, under which the service's log knows it."),
        )
        .header("Vary", header("`Accept`."))
}

fn header(description: &str) -> utoipa::openapi::Header {
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    HeaderBuilder::new()
        .schema(Some(text))
        .description(Some(description))
        .build()
}

fn content(
    schema: impl Into<RefOr<Schema>>,
    examples: impl IntoIterator<Item = (&'static str, Example)>,
) -> Content {
    ContentBuilder::new()
        .schema(Some(schema))
        .examples_from_iter(examples)
        .build()
}

fn example(summary: &str, body: &str) -> Example {
    let value: Option<Value> = serde_json::from_str(body).ok();
    ExampleBuilder::new().summary(summary).value(value).build()
}

fn get_health() -> Operation {
    let schema = ObjectBuilder::new()
        .property("status", Object::with_type(Type::String))
        .property("version", Object::with_type(Type::String))
        .required("status")
        .required("version");
    let content = ContentBuilder::new()
        .schema(Some(Schema::from(schema.build())))
        .build();
    OperationBuilder::new()
        .operation_id(Some("getHealth"))
        .summary(Some("Whether the service answers"))
        .description(Some("Touches no storage and needs no key."))
        .response(
            "200",
            answer("It does.")
                .content("application/health+json", content)
                .build(),
        )
        .build()
}

fn get_openapi() -> Operation {
    let content = ContentBuilder::new()
        .schema(Some(Schema::from(Object::with_type(Type::Object))))
        .build();
    OperationBuilder::new()
        .operation_id(Some("getOpenApi"))
        .summary(Some("This document"))
        .response("200", answer("OpenAPI 3.1.").content(JSON, content).build())
        .build()
}
