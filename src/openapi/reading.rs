//! The operations of recall: search, list, one memory, and the tools that read.
//!
//! `memory_recall::described` has their parameters, schemas and examples. The module must not know how a
//! memory is found.

use std::collections::BTreeMap;

use memory_recall::described::{self, Failure, Operation as Read};
use memory_recall::tools;
use memory_web::documents::ErrorDocument;
use memory_web::guard::WRONG_KEY;
use memory_web::media_type::{JSON, JSON_API};
use memory_web::problem::{Problem, Source};
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, PathItem};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{PathsBuilder, Ref};

use super::examples::{self, ENVELOPE, FailureExample};
use super::messages::{self, Server};
use super::operations::{
    UNAUTHORIZED, about_itself, content, example, failed, header, health, reference, response,
};

/// The query of the examples, and the parameters of the list.
const QUERY: &str = "rounding pajak discount";
const PAGE: &str =
    "filter%5Brepository_id%5D=9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d&page%5Blimit%5D=1";

const SEARCH: &str = "\
Finds the memories that match the query best, best first. All filters apply before the ranking. The same operation is at \
`/api/v1/mcp/memory/search`, `/api/v1/mcp/memories/search` and `/memories/search`.";
const LIST: &str = "\
Lists the memories of a scope in pages. Follow `links.next` until it is absent. The same operation is at \
`/api/v1/mcp/memory`, `/api/v1/mcp/memories` and `/memory`.";
const GET: &str = "\
Gets one memory in full. Send the `self` link of a search or a list as it stands: it has the id, the scope and the \
timestamp. Stewards also see the memory's events. The same operation is at `/api/v1/mcp/memory/{id}`, \
`/api/v1/mcp/memories/{id}` and `/memories/{id}`.";

/// Adds the paths of recall.
pub(super) fn add_to(paths: PathsBuilder) -> PathsBuilder {
    let get = |operation| PathItem::new(HttpMethod::Get, operation);
    paths
        .path("/memory/search", get(read(Read::Search)))
        .path("/memories", get(read(Read::List)))
        .path("/memory/{id}", get(read(Read::Get)))
        .path(
            "/mcp/recall",
            PathItem::new(HttpMethod::Post, send_message()),
        )
        .path("/mcp/recall/health", get(get_health()))
}

fn read(operation: Read) -> Operation {
    let (id, summary, description) = match operation {
        Read::Search => ("searchMemories", "Search memories", SEARCH),
        Read::List => ("listMemories", "List memories", LIST),
        Read::Get => ("getMemory", "Get one memory", GET),
    };
    let mut described = OperationBuilder::new()
        .operation_id(Some(id))
        .tag("memories")
        .summary(Some(summary))
        .description(Some(description))
        .parameters(Some(described::parameters(operation)))
        .response("200", found(operation));
    if operation == Read::Get {
        described = described.response(
            "304",
            tagged(guarded(response("The caller has it already."))),
        );
    }
    with_failures(described, described::failures(operation), meaning).build()
}

/// The same operation with these failures, with those of every route, and with a gateway's.
pub(super) fn with_failures(
    operation: OperationBuilder,
    own: Vec<Failure>,
    meaning: fn(u16) -> &'static str,
) -> OperationBuilder {
    let mut operation = operation
        .response("429", ResponseBuilder::new()
            .description("Too many requests, or the quota is used up. A gateway in front of the service sends this.")
            .header("Retry-After", header("Seconds to wait before the request is repeated."))
            .content(JSON_API, content(reference::<ErrorDocument>(), [])));
    let mut by_status: BTreeMap<u16, Vec<FailureExample>> = BTreeMap::new();
    for failure in failures(own) {
        by_status.entry(failure.status()).or_default().push(failure);
    }
    for (status, failures) in by_status {
        let mut failure = ResponseBuilder::from(failed(meaning(status), &failures));
        if status == 410 {
            failure = failure.header("ETag", header(TAG));
        }
        let failure = guarded(failure).header("Cache-Control", header("`no-store`"));
        operation = operation.response(status.to_string(), failure);
    }
    operation
}

/// Every failure that the document shows: the operation's own, and those of every route.
fn failures(own: Vec<Failure>) -> Vec<FailureExample> {
    let wrong_key = Problem::forbidden(Source::None, WRONG_KEY);
    let of_every_route = [
        (
            "unauthorized",
            "There is no token",
            vec![Problem::unauthorized(None)],
        ),
        ("forbidden", "The key is wrong", vec![wrong_key]),
        (
            "not_acceptable",
            "No representation is acceptable",
            vec![Problem::not_acceptable()],
        ),
        ("internal", "A bug", vec![Problem::internal()]),
    ];
    own.into_iter()
        .chain(of_every_route)
        .map(|(name, summary, problems)| FailureExample {
            name,
            summary,
            problems,
        })
        .collect()
}

/// What a status means to a reader.
fn meaning(status: u16) -> &'static str {
    match status {
        400 => {
            "Parameters are not accepted, all of them listed. Or no scope is named, and the claims name none or several."
        }
        401 => UNAUTHORIZED,
        403 => "The caller may not call, or may not read this scope.",
        404 => {
            "The scope has no such memory, or the caller may not read the scope: the response is the same."
        }
        406 => "None of the representations is acceptable.",
        410 => "The memory is deleted.",
        422 => {
            "The scopes have too many memories to be read at once. `filter[since]` and `filter[until]` narrow them."
        }
        503 => {
            "There was no time for the whole answer. Repeat the same request: each repeat gets further."
        }
        _ => {
            "The storage refused, or the log is damaged, and a repeat does not help until the operator has fixed the \
              cause. Or the service has a fault of its own."
        }
    }
}

pub(super) const TAG: &str = "Changes with the memory's status. Each form has its own.";

fn found(operation: Read) -> Response {
    let description = match operation {
        Read::Search => {
            "The best matches. `meta` says how many there are, and among how many memories."
        }
        Read::List => "A page.",
        Read::Get => "The memory.",
    };
    let [json_api, flat] = described::schemas(operation).map(Ref::from_schema_name);
    let memory = examples::memory(ENVELOPE);
    let shown = memory.and_then(|memory| described::example(operation, &memory, QUERY, PAGE));
    let form = |text: Option<&str>| {
        text.map(|text| {
            (
                "found",
                example("The memory of the example of the envelope", text),
            )
        })
    };
    let found = guarded(response(description))
        .content(
            JSON_API,
            content(json_api, form(shown.as_ref().map(|shown| &*shown.json_api))),
        )
        .content(
            JSON,
            content(flat, form(shown.as_ref().map(|shown| &*shown.flat))),
        );
    match operation {
        Read::Search | Read::List => found.header("Cache-Control", header("`no-store`")),
        Read::Get => tagged(found),
    }
    .build()
}

/// Documents the header fields of one memory.
fn tagged(response: ResponseBuilder) -> ResponseBuilder {
    response
        .header("ETag", header(TAG))
        .header("Cache-Control", header("`private, no-cache`"))
}

/// Documents the header fields that keep browsers from showing memories to other sites.
pub(super) fn guarded(response: ResponseBuilder) -> ResponseBuilder {
    response
        .header("X-Content-Type-Options", header("`nosniff`"))
        .header("Cross-Origin-Resource-Policy", header("`same-origin`"))
}

fn send_message() -> Operation {
    let arguments =
        format!(r#"{{"query":"{QUERY}","repository_id":"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"}}"#);
    let call = messages::call_of("search_memory", &arguments);
    let flat = examples::memory(ENVELOPE).and_then(|memory| described::called(&memory, QUERY));
    let its_tools = "Its tools are `search_memory` and `get_memory`.";
    messages::operation(&Server {
        id: "sendRecallMessage",
        summary: "Send one message of MCP to the tools that read",
        description: &messages::description(its_tools, "/mcp/recall"),
        call: ("A search", &call),
        result: ("The memory of the example of the envelope", flat),
        replayed: None,
        tools: tools::toolset(tools::reading()),
    })
}

fn get_health() -> Operation {
    about_itself("getRecallHealth", "Check that recall is up", health("Recall is up."))
        .description(Some(
            "Does not use the storage. `serve` requires no key for it; a gateway requires what it always requires.",
        ))
        .build()
}
