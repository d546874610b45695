//! What is sent back to a client: a JSON-RPC response with a result, a tool's result, or an error.
//!
//! serde writes every message. The request's id is repeated as it was spelled.

use memory_log::json::{quoted, serialized};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{SERVER_INFO, ServerInfo, VERSIONS};
use crate::problem::{Problem, code_of, in_words};
use crate::tool::ToolOutcome;

/// What is sent back to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// One JSON-RPC response on one line; none for a notification.
    pub message: Option<String>,
}

/// The request that a response belongs to, and the era of its client.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The request's id as it was spelled; none if the request has no id that can be repeated.
    pub(super) id: Option<Box<RawValue>>,
    pub(super) era: Era,
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
                "This server has no method {}. It has one tool: see tools/list.",
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
    content: [Text; 1],
    structured_content: &'a ToolOutcome,
    is_error: bool,
}

#[derive(Serialize)]
struct Text {
    r#type: &'static str,
    text: String,
}

impl Response {
    pub(super) fn to_notification() -> Self {
        Self {
            status: 202,
            message: None,
        }
    }

    /// The response to a message that was refused before it was read: with the status of the refusal,
    /// and without an id.
    #[must_use]
    pub(crate) fn to_unread(problems: &[Problem]) -> Self {
        let code = code_of(problems);
        let error = ErrorObject {
            code: code.json_rpc(),
            message: in_words(problems),
            data: None,
        };
        Self::of::<()>(code.status(), None, Outcome::Error(error))
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
        }
    }
}

impl Reply {
    /// The result of a call of the tool.
    #[must_use]
    pub fn result_of_call(&self, outcome: &ToolOutcome) -> Response {
        self.result(CallResult {
            content: [Text {
                r#type: "text",
                text: outcome.document(),
            }],
            structured_content: outcome,
            is_error: outcome.is_error(),
        })
    }

    /// A result with these members.
    pub(super) fn result(&self, result: impl Serialize) -> Response {
        let (result_type, meta) = match self.era {
            Era::Initialize => (None, None),
            Era::Modern => {
                let server_info = SERVER_INFO;
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
        Response::of::<()>(status, self.id.as_deref(), Outcome::Error(object))
    }
}
