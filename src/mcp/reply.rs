//! What goes back to the sender of a message: a result, a tool's result, or a fault.

use crate::json::{quoted, spell};
use crate::problem::{Code, Problem};
use crate::tool::{self, Told};

use super::{Step, VERSIONS};

/// What goes back to the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// One JSON-RPC response on one line; none to a notification.
    pub message: Option<String>,
}

/// To which request, and in which era, an answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The request's id as it is spelled; none where it has none that can be echoed.
    pub(super) id: Option<String>,
    pub(super) era: Era,
}

/// How a server and its clients speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    /// A connection begins with `initialize`.
    Initialize,
    /// Every request carries its version.
    Modern,
}

/// Why a message is answered with a JSON-RPC error
/// (<https://www.jsonrpc.org/specification#error_object>), each with words for whoever sent it.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is no JSON.
    ParseError(String),
    /// It is no request.
    InvalidRequest(String),
    MethodNotFound(String),
    InvalidParams(String),
    /// A header field does not say what the body says.
    HeaderMismatch(String),
    /// Its version is not spoken here.
    UnsupportedVersion {
        requested: String,
    },
}

impl Fault {
    /// JSON-RPC's codes, and MCP's own
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

    /// The HTTP status. Before the modern era an error came with 200, but for a version header that
    /// is unsupported or no version at all.
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
                "There is no method {} here. This server has one tool: tools/list shows it.",
                quoted(method)
            ),
            Self::UnsupportedVersion { requested } => format!(
                "The protocol version {} is not spoken here; {} are.",
                quoted(requested),
                VERSIONS.join(", ")
            ),
        }
    }

    /// A JSON text.
    fn data(&self) -> Option<String> {
        match self {
            Self::UnsupportedVersion { requested } => Some(object(&[
                ("supported", list(&VERSIONS)),
                ("requested", spell(requested)),
            ])),
            Self::ParseError(_)
            | Self::InvalidRequest(_)
            | Self::MethodNotFound(_)
            | Self::InvalidParams(_)
            | Self::HeaderMismatch(_) => None,
        }
    }
}

impl Answer {
    pub(super) fn to_notification() -> Self {
        Self {
            status: 202,
            message: None,
        }
    }

    /// To a message that was refused before it was read: with the refusal's own status, and no id.
    #[must_use]
    pub fn to_unread(problems: &[Problem]) -> Self {
        let code = problems
            .first()
            .map_or(Code::Internal, |problem| problem.code);
        let details: Vec<_> = problems.iter().map(|problem| &*problem.detail).collect();
        let rpc = match code.status() {
            500.. => -32603,
            _ => -32600,
        };
        let error = error(rpc, &details.join(" "), None);
        Self::of(code.status(), None, ("error", error))
    }

    fn of(status: u16, id: Option<&str>, outcome: (&str, String)) -> Self {
        let version = ("jsonrpc", spell("2.0"));
        let message = match id {
            Some(id) => object(&[version, ("id", id.to_owned()), outcome]),
            // MCP has no null for an id.
            None => object(&[version, outcome]),
        };
        Self {
            status,
            message: Some(message),
        }
    }
}

impl Reply {
    /// The result of the call.
    #[must_use]
    pub fn told(&self, told: &Told) -> Answer {
        let (flat, is_error) = match told {
            Ok(flat) => (flat, "false"),
            Err(flat) => (flat, "true"),
        };
        let text = object(&[("type", spell("text")), ("text", spell(flat))]);
        self.result(&[
            ("content", format!("[{text}]")),
            ("structuredContent", flat.clone()),
            ("isError", is_error.to_owned()),
        ])
    }

    /// A call whose arguments are no draft.
    pub(super) fn refused(&self, problem: Problem) -> Step {
        Step::Answer(self.told(&Err(tool::failure(&[problem]))))
    }

    /// A result of these members, each a JSON text.
    pub(super) fn result(&self, members: &[(&str, String)]) -> Answer {
        let modern = match self.era {
            Era::Initialize => vec![],
            Era::Modern => {
                let server = ("io.modelcontextprotocol/serverInfo", server_info());
                vec![
                    ("resultType", spell("complete")),
                    ("_meta", object(&[server])),
                ]
            }
        };
        let result = object(&[members, &*modern].concat());
        Answer::of(200, self.id.as_deref(), ("result", result))
    }

    pub(super) fn fault(&self, fault: &Fault) -> Answer {
        let error = error(fault.code(), &fault.message(), fault.data());
        Answer::of(fault.status(self.era), self.id.as_deref(), ("error", error))
    }
}

fn error(code: i32, message: &str, data: Option<String>) -> String {
    let mut members = vec![("code", code.to_string()), ("message", spell(message))];
    members.extend(data.map(|data| ("data", data)));
    object(&members)
}

pub(super) fn server_info() -> String {
    object(&[
        ("name", spell("memory-ingress")),
        ("title", spell("Memory Ingress")),
        ("version", spell(env!("CARGO_PKG_VERSION"))),
    ])
}

/// An object of members that are each a JSON text.
fn object(members: &[(&str, String)]) -> String {
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!("{}:{value}", spell(name)))
        .collect();
    format!("{{{}}}", members.join(","))
}

pub(super) fn list(texts: &[&str]) -> String {
    let texts: Vec<_> = texts.iter().map(|text| spell(text)).collect();
    format!("[{}]", texts.join(","))
}
