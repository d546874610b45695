//! The operation of the Model Context Protocol. The protocol itself defines its messages; the
//! schemas here are those of JSON-RPC.

use utoipa::openapi::path::{Operation, OperationBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, Required, Schema};

use super::examples::{self, TOOL_BODY};
use super::operations::{UNAUTHORIZED, content, example, header, response, with_advice};
use crate::tool::{self, ToolOutcome};
use memory_web::body::BODY_BYTES_MAX;
use memory_web::flat::{Flat, always};
use memory_web::guard::WRONG_KEY;
use memory_web::mcp::{self, Step, Toolset};
use memory_web::media_type::JSON;
use memory_web::problem::{Code, Problem, Source};

const SEND_BOTH: &str = "\
`serve` on a laptop has both halves in one process, and here the tools of `/mcp/recall`, too.";

/// What a server of MCP takes, in words. `tools` says which tools it has.
pub(super) fn description(tools: &str, path: &str) -> String {
    let versions = mcp::VERSIONS.join(", ");
    format!(
        "One message of the [Model Context Protocol](https://modelcontextprotocol.io) in one of the versions {versions}. \
         {tools} A `tools/call` works without any handshake. Bad arguments and failures of the storage are results with \
         `isError`. The same operation is at `/api/v1{path}`."
    )
}

const REQUEST: &str = "JsonRpcMessage";
const RESPONSE: &str = "JsonRpcResponse";

/// The schemas of the operation's messages.
pub(super) fn schemas() -> [(&'static str, Schema); 2] {
    let object = |description: &str| {
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(description))
            .property(
                "jsonrpc",
                always("JsonRpcVersion", "2.0", "The version of JSON-RPC."),
            )
            .required("jsonrpc")
            .property(
                "id",
                ObjectBuilder::new()
                    .schema_type(SchemaType::from_iter([Type::String, Type::Number]))
                    .description(Some("The request's id, which the response repeats.")),
            )
    };
    let member = |of: Type, description: &str| {
        ObjectBuilder::new()
            .schema_type(of)
            .description(Some(description))
    };
    let request = object("A request; without `id` a notification.")
        .property(
            "method",
            member(Type::String, "For example `tools/list` or `tools/call`."),
        )
        .required("method")
        .property(
            "params",
            member(Type::Object, "The parameters of the method."),
        );
    let error = member(Type::Object, "Why there is no result.")
        .title(Some("JsonRpcError"))
        .property(
            "code",
            member(Type::Integer, "A code of JSON-RPC or of MCP."),
        )
        .required("code")
        .property("message", member(Type::String, "What is wrong, in words."))
        .required("message")
        .property(
            "data",
            member(Type::Object, "Details, such as the `supported` versions."),
        );
    let response = object("The response to a request: `result` or `error`.")
        .property("result", member(Type::Object, "The result of the method."))
        .property("error", error);
    [(REQUEST, request), (RESPONSE, response)]
        .map(|(name, schema)| (name, Schema::from(schema.build())))
}

/// A server of MCP, as the document describes it.
pub(super) struct Server<'s, T> {
    pub(super) id: &'s str,
    pub(super) summary: &'s str,
    pub(super) description: &'s str,
    /// A call, with its summary.
    pub(super) call: (&'s str, &'s str),
    /// What the call comes to, with its summary.
    pub(super) result: (&'s str, Option<Flat>),
    /// When a call has `Idempotent-Replayed: true`, if calls can have it.
    pub(super) replayed: Option<&'s str>,
    pub(super) tools: Toolset<T>,
}

impl<T> Server<'_, T> {
    /// The response to a message; for a call, with what the call comes to.
    fn response(&self, message: &str) -> String {
        let step = mcp::dispatch(&self.tools, mcp::Sender::Any, None, message.as_bytes());
        let response = match (step, &self.result.1) {
            (Step::Respond(response), _) => response.message,
            (Step::Call(_, reply), Some(flat)) => reply.result_of_call(flat).message,
            (Step::Call(..), None) => None,
        };
        response.unwrap_or_default()
    }
}

/// `POST /mcp`. Where recall is served in the same process, its tools are here, too.
pub(super) fn send_message(with_recall: bool) -> Operation {
    let call = call_of(tool::NAME, TOOL_BODY);
    let receipt = examples::receipt(TOOL_BODY);
    let tool = "Its tool `append_memory` takes the flat body of `POST /memory`.";
    let mut description = description(tool, "/mcp");
    if with_recall {
        description += "\n\n";
        description += SEND_BOTH;
    }
    operation(&Server {
        id: "sendMessage",
        summary: "Send one message of MCP",
        description: &description,
        call: ("A memory to append", &call),
        result: (
            "The memory is durable",
            receipt.map(|receipt| ToolOutcome::of(&receipt).flat()),
        ),
        replayed: Some("`true` if the memory was already durable."),
        tools: tool::toolset(),
    })
}

pub(super) fn operation<T>(server: &Server<'_, T>) -> Operation {
    let request = RequestBodyBuilder::new()
        .description(Some("One message, at most 4 MiB."))
        .required(Some(Required::True))
        .content(
            JSON,
            content(
                Ref::from_schema_name(REQUEST),
                [("call", example(server.call.0, server.call.1))],
            ),
        );
    let result = server.response(server.call.1);
    let shown = [("call", example(server.result.0, &result))];
    let mut ok = response("The response. Before 2026-07-28 a JSON-RPC error has this status, too.");
    if let Some(replayed) = server.replayed {
        ok = ok.header("Idempotent-Replayed", header(replayed));
    }
    let mut operation = OperationBuilder::new()
        .operation_id(Some(server.id))
        .tag("agents")
        .summary(Some(server.summary))
        .description(Some(server.description))
        .request_body(Some(request.build()))
        .response(
            "200",
            ok.content(JSON, content(Ref::from_schema_name(RESPONSE), shown)),
        )
        .response(
            "202",
            response("A notification was accepted. It has no response message."),
        );
    let refusals = [
        ("401", UNAUTHORIZED, Problem::unauthorized(None)),
        (
            "403",
            "The caller or its browser origin may not call.",
            Problem::forbidden(Source::None, WRONG_KEY),
        ),
        (
            "413",
            "The message is too large.",
            Problem::too_large(BODY_BYTES_MAX),
        ),
        (
            "415",
            "The message has another media type, or is encoded.",
            Problem::unsupported_message_type(),
        ),
        ("500", "A bug.", Problem::internal()),
        (
            "503",
            "The message did not arrive in time.",
            Problem::too_slow(),
        ),
    ];
    for (status, description, problem) in refusals {
        let code = problem.code;
        let mut problems = vec![problem];
        let message = mcp::Response::to_unread(&problems)
            .message
            .unwrap_or_default();
        if code == Code::UnsupportedMediaType {
            problems.push(Problem::unsupported_coding());
        }
        let shown = [(code.name(), example(code.title(), &message))];
        let refused = with_advice(response(description), &problems);
        let refused = refused.content(JSON, content(Ref::from_schema_name(RESPONSE), shown));
        operation = operation.response(status, refused);
    }
    for (status, description, name, summary, method, version) in [
        (
            "400",
            "The message, its version or its headers are wrong, or it did not arrive completely.",
            "unsupported_version",
            "A version that is not supported",
            "ping",
            "2030-01-01",
        ),
        (
            "404",
            "The method is unknown. Before 2026-07-28 this error has status 200.",
            "unknown_method",
            "A method of another server",
            "resources/list",
            "2026-07-28",
        ),
    ] {
        let message = server.response(&request_of(method, version));
        let shown = [(name, example(summary, &message))];
        let refused =
            response(description).content(JSON, content(Ref::from_schema_name(RESPONSE), shown));
        operation = operation.response(status, refused);
    }
    operation.build()
}

/// A request with this method and version.
fn request_of(method: &str, version: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"_meta":{{"io.modelcontextprotocol/protocolVersion":"{version}","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    )
}

/// A call of a tool.
pub(super) fn call_of(tool: &str, arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
    )
}
