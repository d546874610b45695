//! The operations that change a memory's status, and the tools of agents that may forget (contract 9).
//!
//! `memory_recall::described` has their parameters, schemas and examples. The module must not know how a
//! change is made.

use memory_log::memory::Memory;
use memory_recall::described::{self, Changing, Failure, Operation as Read};
use memory_recall::tools;
use memory_web::media_type::{JSON, JSON_API};
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, PathItem};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::response::Response;
use utoipa::openapi::{PathsBuilder, Ref, Required};

use super::examples::{self, ENVELOPE};
use super::messages::{self, Server};
use super::operations::{UNAUTHORIZED, content, example, header, response};
use super::reading::{TAG, guarded, with_failures};

const PATCH: &str = "\
Gives a memory a status. Any caller who may write in the memory's scope may delete it. Every other status is given by stewards \
alone. To unlock (`locked` to `verified`) and to restore (`deleted` to `unverified`) undo a decision: they need `If-Match`. If \
the memory has the status already, that is a success. The same operation is at `/api/v1/mcp/memory/{id}`, \
`/api/v1/mcp/memories/{id}` and `/memories/{id}`.";
const DELETE: &str = "\
Gives a memory the status `deleted`: a soft delete. The log keeps the memory, and a steward can restore it. The body is \
optional. A client that cannot send a body with DELETE names the scope in the query; to give a reason, it sends a PATCH with \
the status `deleted`. The same operation is at `/api/v1/mcp/memory/{id}`, `/api/v1/mcp/memories/{id}` and `/memories/{id}`.";
const REPLAYED: &str =
    "`true` if an earlier request with the same caller and reason made the change.";

/// Adds the operations of changes.
pub(super) fn add_to(paths: PathsBuilder) -> PathsBuilder {
    let Some(memory) = examples::memory(ENVELOPE) else {
        return paths;
    };
    let one = |method, change| PathItem::new(method, operation(change, &memory));
    let agents = PathItem::new(HttpMethod::Post, send_message(&memory));
    paths
        .path("/memory/{id}", one(HttpMethod::Patch, Changing::Patch))
        .path("/memory/{id}", one(HttpMethod::Delete, Changing::Delete))
        .path("/mcp/recall/changes", agents)
}

fn operation(change: Changing, memory: &Memory) -> Operation {
    let (id, summary, description) = match change {
        Changing::Patch => ("changeMemory", "Change a memory's status", PATCH),
        Changing::Delete => ("deleteMemory", "Delete a memory", DELETE),
    };
    let described = OperationBuilder::new()
        .operation_id(Some(id))
        .tag("memories")
        .summary(Some(summary))
        .description(Some(description))
        .parameters(Some(described::of_a_change()))
        .request_body(Some(request_body(change, memory)))
        .response("200", changed(change, memory));
    with_failures(described, failures(change, memory), meaning).build()
}

fn request_body(change: Changing, memory: &Memory) -> RequestBody {
    let (schema, name, summary, body, required) = match change {
        Changing::Patch => (
            "MemoryChangeDocument",
            "verify",
            "Verify the memory of the example of the envelope",
            described::patch_body(memory),
            Required::True,
        ),
        Changing::Delete => (
            "DeletionDocument",
            "reason",
            "With a reason and the scope",
            described::DELETE_BODY.to_owned(),
            Required::False,
        ),
    };
    let of_either = || {
        let shown = [(name, example(summary, &body))];
        content(Ref::from_schema_name(schema), shown)
    };
    RequestBodyBuilder::new()
        .description(Some(
            "The same document in either media type, at most 4 MiB.",
        ))
        .required(Some(required))
        .content(JSON_API, of_either())
        .content(JSON, of_either())
        .build()
}

fn changed(change: Changing, memory: &Memory) -> Response {
    let description = match change {
        Changing::Patch => "The memory has the status.",
        Changing::Delete => "The memory is deleted.",
    };
    let [json_api, flat] = described::change_schemas().map(Ref::from_schema_name);
    let shown = described::changed(change, memory);
    let form =
        |text: Option<&str>| text.map(|text| ("changed", example("The change was made", text)));
    guarded(response(description))
        .header("ETag", header(TAG))
        .header("Cache-Control", header("`no-store`"))
        .header("Idempotent-Replayed", header(REPLAYED))
        .content(
            JSON_API,
            content(json_api, form(shown.as_ref().map(|shown| &*shown.json_api))),
        )
        .content(
            JSON,
            content(flat, form(shown.as_ref().map(|shown| &*shown.flat))),
        )
        .build()
}

/// Every failure of a change: its own, and those of looking for the memory.
fn failures(change: Changing, memory: &Memory) -> Vec<Failure> {
    let of_a_look = described::failures(Read::Get).into_iter();
    // A memory that is deleted can be changed, and its own failure says to what.
    let of_a_look = of_a_look.filter(|(name, ..)| *name != "deleted");
    of_a_look
        .chain(described::change_failures(change, memory))
        .collect()
}

/// What a status means to whoever changes a memory.
fn meaning(status: u16) -> &'static str {
    match status {
        400 => {
            "The body is not acceptable JSON, or parameters are not accepted, all of them listed. Or no scope is named, and the \
             claims name none or several."
        }
        401 => UNAUTHORIZED,
        403 => {
            "The caller may not call, may not change memories of this scope, or is not a steward. Or the memory is locked, or \
             another attribute than the status would change."
        }
        404 => {
            "The scope has no such memory, or the caller may not read the scope: the response is the same."
        }
        406 => "None of the representations is acceptable.",
        409 => "The body names another resource than the path. Or another change came between.",
        410 => "The memory is deleted: only `unverified` can follow.",
        412 => {
            "`If-Match` names another state than the memory has. Get it again, then decide again."
        }
        413 => "The body is larger than 4 MiB.",
        415 => "The body has another media type, or is encoded.",
        422 => {
            "The document has faults, all of them listed. Or the memory can have no more changes."
        }
        428 => {
            "This change undoes a decision: it needs `If-Match` with a strong `ETag` of the memory."
        }
        503 => "The status was not changed. Repeat the same request.",
        504 => {
            "It is not known whether the status was changed. To repeat the same request is safe."
        }
        _ => {
            "The storage refused, or the log is damaged, and a repeat does not help until the operator has fixed the \
             cause. Or the service has a fault of its own."
        }
    }
}

fn send_message(memory: &Memory) -> Operation {
    let call = messages::call_of("forget_memory", &described::forget_arguments(memory));
    let its_tools = "Its tools are those of `/mcp/recall`, and `forget_memory`.";
    messages::operation(&Server {
        id: "sendChangesMessage",
        summary: "Send one message of MCP to the tools that read and forget",
        description: &messages::description(its_tools, "/mcp/recall/changes"),
        call: ("A memory to forget", &call),
        result: ("The memory is deleted", described::forgotten(memory)),
        replayed: Some(REPLAYED),
        tools: tools::toolset(tools::all()),
    })
}
