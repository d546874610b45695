//! The operation of the Model Context Protocol. What a message must be is that protocol's to say:
//! the schemas here are JSON-RPC's.

use utoipa::openapi::path::{Operation, OperationBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, Required, Schema};

use super::examples::{self, TOOL_BODY};
use super::operations::{answer, content, example, header, with_advice};
use crate::accept::JSON;
use crate::guard::WRONG_KEY;
use crate::mcp::{self, Step};
use crate::problem::{Problem, Source};
use crate::tool;

const SEND: &str = "\
One message of the [Model Context Protocol](https://modelcontextprotocol.io) in the versions 2026-07-28, 2025-11-25 and \
2025-06-18. The one tool, `append_memory`, takes the body of `POST /memory` in its flat shape; a bare `tools/call` works \
without any handshake. Bad arguments and failures of the storage are results with `isError`. The same operation is at \
`/api/v1/mcp`.";

const REQUEST: &str = "JsonRpcMessage";
const RESPONSE: &str = "JsonRpcResponse";

/// What the operation's messages look like.
pub(super) fn schemas() -> [(&'static str, Schema); 2] {
    let object = |description: &str| {
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(description))
            .property(
                "jsonrpc",
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .enum_values(Some(["2.0"])),
            )
            .required("jsonrpc")
            .property(
                "id",
                ObjectBuilder::new()
                    .schema_type(SchemaType::from_iter([Type::String, Type::Number]))
                    .description(Some("The request's id, which its answer repeats.")),
            )
    };
    let member = |of: Type, description: &str| {
        ObjectBuilder::new()
            .schema_type(of)
            .description(Some(description))
    };
    let request = object("A request, or without `id` a notification.")
        .property(
            "method",
            member(Type::String, "Such as `tools/list` or `tools/call`."),
        )
        .required("method")
        .property("params", member(Type::Object, "What the method takes."));
    let error = member(Type::Object, "Why there is no result.")
        .property("code", member(Type::Integer, "JSON-RPC's, or MCP's own."))
        .required("code")
        .property("message", member(Type::String, "What is wrong, in words."))
        .required("message")
        .property(
            "data",
            member(
                Type::Object,
                "More of it, such as the versions that are `supported`.",
            ),
        );
    let response = object("The answer to a request: `result` or `error`.")
        .property("result", member(Type::Object, "What the method gives."))
        .property("error", error);
    [(REQUEST, request), (RESPONSE, response)]
        .map(|(name, schema)| (name, Schema::from(schema.build())))
}

pub(super) fn send_message() -> Operation {
    let (call, told) = call();
    let request = RequestBodyBuilder::new()
        .description(Some("One message, at most 4 MiB."))
        .required(Some(Required::True))
        .content(
            JSON,
            content(
                Ref::from_schema_name(REQUEST),
                [("call", example("A memory to append", &call))],
            ),
        );
    let shown = [("call", example("The memory is durable", &told))];
    let mut operation = OperationBuilder::new()
        .operation_id(Some("sendMessage"))
        .tag("agents")
        .summary(Some("Send one message of MCP"))
        .description(Some(SEND))
        .request_body(Some(request.build()))
        .response(
            "200",
            answer("The answer. Before 2026-07-28 an error of JSON-RPC is one, too.")
                .header(
                    "Idempotent-Replayed",
                    header("`true` where the memory was already durable."),
                )
                .content(JSON, content(Ref::from_schema_name(RESPONSE), shown)),
        )
        .response("202", answer("A notification, which has no answer."));
    let refusals = [
        (
            "403",
            "The caller or the page's origin may not call.",
            Problem::forbidden(Source::None, WRONG_KEY),
        ),
        ("413", "The message is too large.", Problem::too_large()),
        (
            "415",
            "The message is declared as something else.",
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
        let message = mcp::Answer::to_unread(&[problem])
            .message
            .unwrap_or_default();
        let shown = [(code.name(), example(code.title(), &message))];
        let refused = with_advice(answer(description), code.status());
        let refused = refused.content(JSON, content(Ref::from_schema_name(RESPONSE), shown));
        operation = operation.response(status, refused);
    }
    for (status, description, name, summary, method, version) in [
        (
            "400",
            "The message, its version or its headers are wrong, or it has not arrived whole.",
            "unsupported_version",
            "A version that is not spoken here",
            "ping",
            "2030-01-01",
        ),
        (
            "404",
            "The method is unknown. Before 2026-07-28 that is an error with 200.",
            "unknown_method",
            "A method of another server",
            "resources/list",
            "2026-07-28",
        ),
    ] {
        let shown = [(name, example(summary, &refused(method, version)))];
        let refused =
            answer(description).content(JSON, content(Ref::from_schema_name(RESPONSE), shown));
        operation = operation.response(status, refused);
    }
    operation.build()
}

/// What a request of this method and version is answered.
fn refused(method: &str, version: &str) -> String {
    let request = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"_meta":{{"io.modelcontextprotocol/protocolVersion":"{version}","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    );
    match mcp::dispatch(None, request.as_bytes()) {
        Step::Answer(answer) => answer.message.unwrap_or_default(),
        Step::Call(..) => String::new(),
    }
}

/// A call of the tool, and its answer.
fn call() -> (String, String) {
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{}","arguments":{TOOL_BODY}}}}}"#,
        mcp::TOOL_NAME
    );
    let told = match (
        mcp::dispatch(None, call.as_bytes()),
        examples::receipt(TOOL_BODY),
    ) {
        (Step::Call(_, reply), Some(receipt)) => reply.told(&Ok(tool::success(&receipt))).message,
        (Step::Call(..) | Step::Answer(_), _) => None,
    };
    (call, told.unwrap_or_default())
}
