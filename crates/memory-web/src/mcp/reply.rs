//! What is sent back to a client: a JSON-RPC response with a result, a tool's result, or an error.
//!
//! serde writes every message. The request's id is repeated as it was spelled.

use memory_log::json::{quoted, serialized};
use serde::Serialize;
use serde_json::value::RawValue;

use super::VERSIONS;
use super::results::ServerInfo;
use crate::flat::Flat;
use crate::problem::{Problem, code_of, in_words};

/// What is sent back to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// One JSON-RPC response on one line; none for a notification.
    pub message: Option<String>,
    /// The tool that was called, if it is known.
    pub tool: Option<&'static str>,
    /// Why the message was refused, each reason as a code; none if it was not.
    pub codes: Vec<&'static str>,
}

/// The request that a response belongs to, and the era of its client.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The request's id as it was spelled; none if the request has no id that can be repeated.
    pub(super) id: Option<Box<RawValue>>,
    pub(super) era: Era,
    pub(super) server: ServerInfo,
    /// The tool that is called.
    pub(super) tool: Option<&'static str>,
}

/// How a server and its clients negotiate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    /// A connection begins with `initialize`.
    Initialize,
    /// Every request carries its version.
    Modern,
}

/// Why a message gets a JSON-RPC error
/// (<https://www.jsonrpc.org/specification#error_object>), with words for its sender.
#[derive(Debug)]
pub(super) enum RpcError {
    /// It is not JSON.
    ParseError(String),
    /// It is not a request.
    InvalidRequest(String),
    MethodNotFound(String),
    InvalidParams(String),
    /// A header field and the body differ.
    HeaderMismatch(String),
    /// The server does not support its version.
    UnsupportedVersion {
        requested: String,
    },
}

impl RpcError {
    /// The codes of JSON-RPC, and of MCP itself
    /// (<https://modelcontextprotocol.io/specification/2026-07-28/basic>).
    fn code(&self) -> i32 {
        match self {
            Self::ParseError(_) => -32700,
            Self::InvalidRequest(_) => -32600,
            Self::MethodNotFound(_) => -32601,
            Self::InvalidParams(_) => -32602,
            Self::HeaderMismatch(_) => -32020,
            Self::UnsupportedVersion { .. } => -32022,
        }
    }

    /// Its name, for the log.
    fn name(&self) -> &'static str {
        match self {
            Self::ParseError(_) => "parse_error",
            Self::InvalidRequest(_) => "invalid_request",
            Self::MethodNotFound(_) => "method_not_found",
            Self::InvalidParams(_) => "invalid_params",
            Self::HeaderMismatch(_) => "header_mismatch",
            Self::UnsupportedVersion { .. } => "unsupported_version",
        }
    }

    /// The HTTP status. Before the modern era an error has status 200, except for a version header
    /// that is unsupported or unreadable.
    fn status(&self, era: Era) -> u16 {
        match (self, era) {
            (Self::UnsupportedVersion { .. } | Self::HeaderMismatch(_), _) => 400,
            (_, Era::Initialize) => 200,
            (Self::MethodNotFound(_), Era::Modern) => 404,
            (
                Self::ParseError(_) | Self::InvalidRequest(_) | Self::InvalidParams(_),
                Era::Modern,
            ) => 400,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::ParseError(words)
            | Self::InvalidRequest(words)
            | Self::InvalidParams(words)
            | Self::HeaderMismatch(words) => words.clone(),
            Self::MethodNotFound(method) => format!(
                "This server has no method {}. It has tools only: see tools/list.",
                quoted(method)
            ),
            Self::UnsupportedVersion { requested } => format!(
                "The protocol version {} is not supported. Supported versions: {}.",
                quoted(requested),
                VERSIONS.join(", ")
            ),
        }
    }

    fn data(&self) -> Option<VersionData<'_>> {
        match self {
            Self::UnsupportedVersion { requested } => Some(VersionData {
                supported: &VERSIONS,
                requested,
            }),
            Self::ParseError(_)
            | Self::InvalidRequest(_)
            | Self::MethodNotFound(_)
            | Self::InvalidParams(_)
            | Self::HeaderMismatch(_) => None,
        }
    }
}

/// A JSON-RPC response.
#[derive(Serialize)]
struct Message<'a, T> {
    jsonrpc: &'static str,
    /// MCP has no null for an id.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    #[serde(flatten)]
    outcome: Outcome<'a, T>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome<'a, T> {
    Result(Completed<T>),
    Error(ErrorObject<'a>),
}

/// A result. In the modern era it says that it is complete, and who the server is.
#[derive(Serialize)]
struct Completed<T> {
    #[serde(flatten)]
    result: T,
    #[serde(rename = "resultType", skip_serializing_if = "Option::is_none")]
    result_type: Option<&'static str>,
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    meta: Option<ResultMeta>,
}

#[derive(Serialize)]
struct ResultMeta {
    #[serde(rename = "io.modelcontextprotocol/serverInfo")]
    server_info: ServerInfo,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    code: i32,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<VersionData<'a>>,
}

#[derive(Serialize)]
struct VersionData<'a> {
    supported: &'a [&'static str],
    requested: &'a str,
}

/// The result of `tools/call`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallResult<'a> {
    content: [Text<'a>; 1],
    structured_content: &'a RawValue,
    is_error: bool,
}

#[derive(Serialize)]
struct Text<'a> {
    r#type: &'static str,
    text: &'a str,
}

impl Response {
    pub(super) fn to_notification() -> Self {
        Self {
            status: 202,
            message: None,
            tool: None,
            codes: Vec::new(),
        }
    }

    /// The response to a message that was refused before it was read: with the status of the refusal,
    /// and without an id.
    #[must_use]
    pub fn to_unread(problems: &[Problem]) -> Self {
        let code = code_of(problems);
        let error = ErrorObject {
            code: code.json_rpc(),
            message: in_words(problems),
            data: None,
        };
        Self {
            codes: names_of(problems),
            ..Self::of::<()>(code.status(), None, Outcome::Error(error))
        }
    }

    fn of<T: Serialize>(status: u16, id: Option<&RawValue>, outcome: Outcome<'_, T>) -> Self {
        let message = serialized(&Message {
            jsonrpc: "2.0",
            id,
            outcome,
        });
        Self {
            status,
            message: Some(message),
            tool: None,
            codes: Vec::new(),
        }
    }
}

fn names_of(problems: &[Problem]) -> Vec<&'static str> {
    problems.iter().map(|problem| problem.code.name()).collect()
}

impl Reply {
    /// The result of a call of the tool.
    #[must_use]
    pub fn result_of_call(&self, outcome: &Flat) -> Response {
        self.result(CallResult {
            content: [Text {
                r#type: "text",
                text: outcome.document(),
            }],
            structured_content: outcome.raw(),
            is_error: outcome.is_error(),
        })
    }

    /// The result of a call of the tool that is refused for these faults.
    #[must_use]
    pub fn refuse_call(&self, problems: &[Problem]) -> Response {
        Response {
            tool: self.tool,
            codes: names_of(problems),
            ..self.result_of_call(&Flat::failure(problems))
        }
    }

    /// The same reply, to a call of this tool.
    pub(super) fn of_call(&self, tool: &'static str) -> Self {
        Self {
            tool: Some(tool),
            ..self.clone()
        }
    }

    /// The tool that is called.
    #[must_use]
    pub fn tool(&self) -> Option<&'static str> {
        self.tool
    }

    /// A result with these members.
    pub(super) fn result(&self, result: impl Serialize) -> Response {
        let (result_type, meta) = match self.era {
            Era::Initialize => (None, None),
            Era::Modern => {
                let server_info = self.server;
                (Some("complete"), Some(ResultMeta { server_info }))
            }
        };
        let completed = Completed {
            result,
            result_type,
            meta,
        };
        Response::of(200, self.id.as_deref(), Outcome::Result(completed))
    }

    pub(super) fn error(&self, error: &RpcError) -> Response {
        let object = ErrorObject {
            code: error.code(),
            message: error.message(),
            data: error.data(),
        };
        let status = error.status(self.era);
        Response {
            codes: vec![error.name()],
            ..Response::of::<()>(status, self.id.as_deref(), Outcome::Error(object))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: ServerInfo = ServerInfo {
        name: "memory",
        title: "Memory",
        version: "1",
    };

    fn reply(id: Option<&str>, era: Era) -> Reply {
        let id = id.map(|id| RawValue::from_string(id.to_owned()).unwrap());
        Reply {
            id,
            era,
            server: SERVER,
            tool: None,
        }
    }

    fn errors() -> [RpcError; 6] {
        [
            RpcError::ParseError("Parse.".to_owned()),
            RpcError::InvalidRequest("Request.".to_owned()),
            RpcError::MethodNotFound("a\"b".to_owned()),
            RpcError::InvalidParams("Params.".to_owned()),
            RpcError::HeaderMismatch("Header.".to_owned()),
            RpcError::UnsupportedVersion {
                requested: "v9".to_owned(),
            },
        ]
    }

    #[test]
    fn every_error_has_its_code_and_its_status_in_either_era() {
        let found = errors().map(|error| {
            let status = |era| reply(Some("1"), era).error(&error).status;
            (error.code(), status(Era::Initialize), status(Era::Modern))
        });
        let expected = [
            (-32700, 200, 400),
            (-32600, 200, 400),
            (-32601, 200, 404),
            (-32602, 200, 400),
            (-32020, 400, 400),
            (-32022, 400, 400),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn an_error_has_words_and_only_an_unsupported_version_has_data() {
        let messages = errors().map(|error| {
            let response = reply(Some("1"), Era::Initialize).error(&error);
            response.message.unwrap()
        });
        insta::assert_snapshot!(messages.join("\n"), @r#"
        {"jsonrpc":"2.0","id":1,"error":{"code":-32700,"message":"Parse."}}
        {"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"Request."}}
        {"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"This server has no method \"a\\\"b\". It has tools only: see tools/list."}}
        {"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Params."}}
        {"jsonrpc":"2.0","id":1,"error":{"code":-32020,"message":"Header."}}
        {"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"The protocol version \"v9\" is not supported. Supported versions: 2026-07-28, 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05.","data":{"supported":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"],"requested":"v9"}}}
        "#);
    }

    #[test]
    fn an_id_is_repeated_as_it_was_spelled_and_left_out_where_there_is_none() {
        for id in ["1.50", "12345678901234567890123", r#""\u00e9""#] {
            let response = reply(Some(id), Era::Initialize).result(super::super::NoOptions {});
            let expected = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#);
            assert_eq!(response.message, Some(expected));
        }
        let without = reply(None, Era::Initialize).error(&errors()[0]);
        assert!(
            !without.message.unwrap().contains("\"id\""),
            "MCP has no null for an id"
        );
    }

    #[test]
    fn only_a_modern_result_says_that_it_is_complete_and_who_the_server_is() {
        let result = |era| {
            let response = reply(Some("1"), era).result(super::super::NoOptions {});
            response.message.unwrap()
        };
        assert_eq!(
            result(Era::Initialize),
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#
        );
        assert_eq!(
            result(Era::Modern),
            r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"memory","title":"Memory","version":"1"}}}}"#
        );
    }

    #[test]
    fn a_failed_call_is_a_result_with_the_same_words_twice() {
        let reply = reply(Some("1"), Era::Initialize);
        let stored = Flat::success(&["k"]);
        for (outcome, is_error) in [(stored, false), (Flat::failed("No.".to_owned()), true)] {
            let response = reply.result_of_call(&outcome);
            assert_eq!(response.status, 200);
            let message: serde_json::Value =
                serde_json::from_str(&response.message.unwrap()).unwrap();
            let result = &message["result"];
            assert_eq!(result["isError"], is_error);
            assert_eq!(result["content"][0]["type"], "text");
            assert_eq!(result["content"][0]["text"], outcome.document());
            assert_eq!(result["structuredContent"].to_string(), outcome.document());
        }
    }

    #[test]
    fn a_message_refused_before_it_was_read_has_the_status_of_the_refusal_and_no_id() {
        let refused = |problem: Problem| Response::to_unread(&[problem]);
        let large = refused(Problem::too_large(1 << 20));
        assert_eq!(large.status, 413);
        let begins = r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"#;
        assert!(large.message.unwrap().starts_with(begins));
        let bug = refused(Problem::internal());
        assert_eq!(bug.status, 500);
        assert!(bug.message.unwrap().contains("-32603"));
        assert_eq!(refused(Problem::too_slow()).status, 503);
    }
}
