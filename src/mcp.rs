//! The Model Context Protocol: one message in, an answer or a call to make out.
//!
//! Pure: nothing waits here, and HTTP and stdio share it. Two eras are spoken. *Modern* is
//! 2026-07-28, in which every request carries its version
//! (<https://modelcontextprotocol.io/specification/2026-07-28/basic>); before it a connection began
//! with `initialize`. A request that names no version is of that older era, and is served without a
//! handshake. The module knows no storage.

use std::borrow::Cow;
use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::json::{Json, Kind, Malformed, Value, quoted, spell};
use crate::memory::Draft;
use crate::problem::{Code, Problem};
use crate::tool::{self, Told};

/// The versions spoken, the newest first.
pub const VERSIONS: [&str; 3] = [MODERN, NEWEST_WITH_INITIALIZE, "2025-06-18"];
const MODERN: &str = "2026-07-28";
const NEWEST_WITH_INITIALIZE: &str = "2025-11-25";

/// The one tool.
pub const TOOL_NAME: &str = "append_memory";
/// The tool as `tools/list` shows it, in compact JSON. Its schemas are flat, since clients and
/// models differ in what else of JSON Schema they bear.
static TOOL: LazyLock<String> = LazyLock::new(|| {
    let text = include_bytes!("mcp/append_memory.json");
    Json::parse(text).map_or_else(|_| String::new(), |tool| tool.root().compact())
});

/// What the server says of itself to a model, beside what its tool says.
const INSTRUCTIONS: &str = "This server keeps a log of memories that outlives the conversation. Call append_memory when \
     something is worth knowing in later conversations: a fact, a decision, a preference. It cannot read memories back.";
/// How long a client may keep the tool's description, in milliseconds: it changes with a release.
const TTL_MS: &str = "3600000";

/// Header fields that mirror a modern request's body
/// (<https://modelcontextprotocol.io/specification/2026-07-28/basic/transports>).
const PROTOCOL_VERSION: &str = "MCP-Protocol-Version";
const METHOD: &str = "Mcp-Method";
const NAME: &str = "Mcp-Name";
/// Members of a modern request's `_meta`.
const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// What a message comes to.
#[derive(Debug)]
pub enum Step {
    /// It is answered.
    Answer(Answer),
    /// The tool is called: the draft is to be stored, and the reply says so.
    Call(Draft, Reply),
}

/// What goes back to the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// One JSON-RPC response on one line; none to a notification.
    pub message: Option<Vec<u8>>,
}

/// To which request, and in which era, an answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The request's id as it is spelled; none where it has none that can be echoed.
    id: Option<String>,
    era: Era,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Era {
    Initialize,
    Modern,
}

/// A JSON-RPC error (<https://www.jsonrpc.org/specification#error_object>), and the status that it
/// has over HTTP in the modern era.
struct Fault {
    code: i32,
    status: u16,
    message: String,
    /// A JSON text.
    data: Option<String>,
}

impl Fault {
    fn new(code: i32, status: u16, message: impl Into<String>) -> Self {
        Self {
            code,
            status,
            message: message.into(),
            data: None,
        }
    }

    fn parse_error(message: impl Into<String>) -> Self {
        Self::new(-32700, 400, message)
    }

    fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(-32600, 400, message)
    }

    fn method_not_found(method: &str) -> Self {
        let message = format!(
            "There is no method {} here. This server has one tool: tools/list shows it.",
            quoted(method)
        );
        Self::new(-32601, 404, message)
    }

    fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(-32602, 400, message)
    }

    fn header_mismatch(message: impl Into<String>) -> Self {
        Self::new(-32020, 400, message)
    }

    fn unsupported_version(requested: &str) -> Self {
        let supported = VERSIONS.map(spell).join(",");
        let data = format!(
            r#"{{"supported":[{supported}],"requested":{}}}"#,
            spell(requested)
        );
        let message = format!(
            "The protocol version {} is not spoken here; {} are.",
            quoted(requested),
            VERSIONS.join(", ")
        );
        Self {
            data: Some(data),
            ..Self::new(-32022, 400, message)
        }
    }

    fn of_problems(problems: &[Problem]) -> Self {
        let code = problems
            .first()
            .map_or(Code::Internal, |problem| problem.code);
        let details: Vec<_> = problems.iter().map(|problem| &*problem.detail).collect();
        let rpc = match code.status() {
            500.. => -32603,
            _ => -32600,
        };
        Self::new(rpc, code.status(), details.join(" "))
    }
}

/// Reads one message; `headers` are those that it came with, none over stdio.
#[must_use]
pub fn dispatch(headers: Option<&HeaderMap>, message: &[u8]) -> Step {
    let mut reply = Reply {
        id: None,
        era: era(headers, None, ""),
    };
    match read(headers, message, &mut reply) {
        Ok(step) => step,
        Err(fault) => Step::Answer(reply.fault(&fault)),
    }
}

/// The answer to a message that was refused before it was read, with the refusal's own status.
#[must_use]
pub fn refusal(problems: &[Problem]) -> Answer {
    let reply = Reply {
        id: None,
        era: Era::Modern,
    };
    reply.fault(&Fault::of_problems(problems))
}

/// Fills in the reply as soon as the message tells to whom it goes.
fn read(headers: Option<&HeaderMap>, message: &[u8], reply: &mut Reply) -> Result<Step, Fault> {
    let json = Json::grammatical(message).map_err(|fault| Fault::parse_error(said(&fault)))?;
    let root = json.root();
    let id = root
        .member("id")
        .filter(|id| matches!(id.kind(), Kind::String | Kind::Number));
    reply.id = id.map(|id| id.raw().to_owned());
    match root.kind() {
        Kind::Object => {}
        Kind::Array => {
            let advice = "Batches are not taken: send one message at a time.";
            return Err(Fault::invalid_request(advice));
        }
        other @ (Kind::Null | Kind::Boolean | Kind::Number | Kind::String) => {
            let advice = format!("The message is {other}; it must be one JSON-RPC object.");
            return Err(Fault::invalid_request(advice));
        }
    }
    let Some(method) = root.member("method").and_then(Value::text) else {
        if root.member("result").or(root.member("error")).is_some() {
            return Ok(Step::Answer(Answer::to_notification()));
        }
        return Err(Fault::invalid_request(
            "The message has no \"method\", a string such as \"tools/call\".",
        ));
    };
    let params = root.given("params");
    let version = params
        .and_then(|params| params.member("_meta"))
        .and_then(|meta| meta.member(META_VERSION))
        .and_then(Value::text);
    reply.era = era(headers, version.as_deref(), &method);

    if root.member("jsonrpc").and_then(Value::text).as_deref() != Some("2.0") {
        return Err(Fault::invalid_request(
            "The message must have \"jsonrpc\":\"2.0\".",
        ));
    }
    if reply.id.is_none() {
        if method.starts_with("notifications/") && root.member("id").is_none() {
            return Ok(Step::Answer(Answer::to_notification()));
        }
        // A call that nobody hears the answer of could be lost unseen.
        return Err(Fault::invalid_request(
            "The request has no \"id\", a string or a number, so nothing was done.",
        ));
    }
    if params.is_some_and(|params| params.kind() != Kind::Object) {
        return Err(Fault::invalid_params("\"params\" must be an object."));
    }
    let request = Request {
        method,
        params,
        version,
    };
    request.check(headers, reply.era)?;
    match json.unambiguous() {
        Ok(()) => request.step(reply),
        // A model that is told can mend it; many clients keep an error of the protocol to themselves.
        Err(fault) if request.method == "tools/call" => {
            Ok(reply.refused(Problem::malformed(&fault)))
        }
        Err(fault) => Err(Fault::invalid_request(said(&fault))),
    }
}

/// The era of a request, by the version that its `_meta` names, or its header field where it names
/// none.
fn era(headers: Option<&HeaderMap>, version: Option<&str>, method: &str) -> Era {
    let has_initialize = |version: &str| VERSIONS.contains(&version) && version != MODERN;
    match version {
        Some(version) if has_initialize(version) => Era::Initialize,
        Some(_) => Era::Modern,
        None if method == "server/discover" => Era::Modern,
        None if method == "initialize" => Era::Initialize,
        None if single(headers, PROTOCOL_VERSION) == Ok(Some(MODERN.into())) => Era::Modern,
        None => Era::Initialize,
    }
}

/// A field is given more than once, or is no text.
#[derive(Debug, PartialEq, Eq)]
struct Repeated;

/// The value of a field that has one, decoded where it is in base64.
fn single<'h>(
    headers: Option<&'h HeaderMap>,
    name: &str,
) -> Result<Option<Cow<'h, str>>, Repeated> {
    let Some(headers) = headers else {
        return Ok(None);
    };
    let mut values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let (value, None) = (values.next(), values.next()) else {
        return Err(Repeated);
    };
    let Some(value) = value else { return Ok(None) };
    let text = std::str::from_utf8(value).map_err(|_| Repeated)?;
    let encoded = text
        .strip_prefix("=?base64?")
        .and_then(|text| text.strip_suffix("?="));
    let Some(encoded) = encoded else {
        return Ok(Some(text.into()));
    };
    let decoded = BASE64_STANDARD.decode(encoded).map_err(|_| Repeated)?;
    let decoded = String::from_utf8(decoded).map_err(|_| Repeated)?;
    Ok(Some(decoded.into()))
}

fn said(fault: &Malformed) -> String {
    Problem::malformed(fault).detail
}

/// A request with an id.
struct Request<'j> {
    method: Cow<'j, str>,
    /// An object, where given.
    params: Option<Value<'j>>,
    /// The version that its `_meta` names.
    version: Option<Cow<'j, str>>,
}

impl Request<'_> {
    /// Whether it may be served: its version, and the header fields that mirror its body.
    fn check(&self, headers: Option<&HeaderMap>, era: Era) -> Result<(), Fault> {
        let field = |name: &str| {
            single(headers, name).map_err(|Repeated| {
                Fault::header_mismatch(format!(
                    "The header {name} is given more than once, or is no text."
                ))
            })
        };
        let header_version = field(PROTOCOL_VERSION)?;
        if era == Era::Initialize {
            return match header_version.as_deref() {
                Some(version) if self.method != "initialize" && !VERSIONS.contains(&version) => {
                    Err(Fault::unsupported_version(version))
                }
                _ => Ok(()),
            };
        }
        let meta = self.params.and_then(|params| params.given("_meta"));
        let capabilities = meta.and_then(|meta| meta.member(META_CAPABILITIES));
        let (Some(version), Some(Kind::Object)) = (&self.version, capabilities.map(Value::kind))
        else {
            return Err(Fault::invalid_params(format!(
                "\"params\" must have \"_meta\" with \"{META_VERSION}\", a string, and \"{META_CAPABILITIES}\", an object."
            )));
        };
        if headers.is_some() {
            mirrors(PROTOCOL_VERSION, header_version, version)?;
        }
        if version != MODERN {
            return Err(Fault::unsupported_version(version));
        }
        if headers.is_some() {
            mirrors(METHOD, field(METHOD)?, &self.method)?;
            if self.method == "tools/call" {
                mirrors(NAME, field(NAME)?, &self.name()?)?;
            }
        }
        Ok(())
    }

    fn step(&self, reply: &Reply) -> Result<Step, Fault> {
        let answer = |members: &[(&str, String)]| Ok(Step::Answer(reply.result(members)));
        match (&*self.method, reply.era) {
            ("initialize", Era::Initialize) => answer(&[
                ("protocolVersion", spell(self.negotiated())),
                ("capabilities", capabilities()),
                ("serverInfo", server_info()),
                ("instructions", spell(INSTRUCTIONS)),
            ]),
            ("ping", Era::Initialize) => answer(&[]),
            ("server/discover", Era::Modern) => answer(&[
                (
                    "supportedVersions",
                    format!("[{}]", VERSIONS.map(spell).join(",")),
                ),
                ("capabilities", capabilities()),
                ("instructions", spell(INSTRUCTIONS)),
                ("ttlMs", TTL_MS.to_owned()),
                ("cacheScope", spell("public")),
            ]),
            ("tools/list", era) => {
                if self
                    .params
                    .is_some_and(|params| params.given("cursor").is_some())
                {
                    return Err(Fault::invalid_params(
                        "There is one page of tools: leave \"cursor\" out.",
                    ));
                }
                let tools = ("tools", format!("[{}]", *TOOL));
                match era {
                    Era::Initialize => answer(&[tools]),
                    Era::Modern => answer(&[
                        tools,
                        ("ttlMs", TTL_MS.to_owned()),
                        ("cacheScope", spell("public")),
                    ]),
                }
            }
            ("tools/call", _) => {
                let name = self.name()?;
                if name != TOOL_NAME {
                    return Err(Fault::invalid_params(format!(
                        "There is no tool {} here. The one tool is {TOOL_NAME}.",
                        quoted(&name)
                    )));
                }
                Ok(match self.draft() {
                    Ok(draft) => Step::Call(draft, reply.clone()),
                    Err(problem) => reply.refused(problem),
                })
            }
            (method, _) => Err(Fault::method_not_found(method)),
        }
    }

    /// The version that an `initialize` asks for, or the newest that has it.
    fn negotiated(&self) -> &'static str {
        let asked = self
            .params
            .and_then(|params| params.member("protocolVersion"))
            .and_then(Value::text);
        VERSIONS
            .into_iter()
            .find(|version| *version != MODERN && asked.as_deref() == Some(version))
            .unwrap_or(NEWEST_WITH_INITIALIZE)
    }

    fn name(&self) -> Result<Cow<'_, str>, Fault> {
        self.params
            .and_then(|params| params.member("name"))
            .and_then(Value::text)
            .ok_or_else(|| {
                Fault::invalid_params(format!(
                    "\"params\" must have the tool's \"name\", {TOOL_NAME}."
                ))
            })
    }

    /// The call's arguments, which models also give as JSON in a string, or not at all.
    fn draft(&self) -> Result<Draft, Problem> {
        let arguments = self.params.and_then(|params| params.given("arguments"));
        let text = match arguments {
            None => Cow::Borrowed("{}"),
            Some(value) => match value.text() {
                None => return tool::draft(value),
                Some(text) => text,
            },
        };
        let json = Json::parse(text.as_bytes()).map_err(|fault| Problem::malformed(&fault))?;
        tool::draft(json.root())
    }
}

/// Whether a header field says what the body says.
fn mirrors(name: &str, header: Option<Cow<'_, str>>, body: &str) -> Result<(), Fault> {
    match header {
        Some(header) if header == body => Ok(()),
        Some(header) => Err(Fault::header_mismatch(format!(
            "The header {name} is {}, and the body says {}.",
            quoted(&header),
            quoted(body)
        ))),
        None => Err(Fault::header_mismatch(format!(
            "The header {name} is missing; the body says {}.",
            quoted(body)
        ))),
    }
}

fn capabilities() -> String {
    r#"{"tools":{}}"#.to_owned()
}

fn server_info() -> String {
    format!(
        r#"{{"name":"memory-ingress","title":"Memory Ingress","version":{}}}"#,
        spell(env!("CARGO_PKG_VERSION"))
    )
}

impl Answer {
    fn to_notification() -> Self {
        Self {
            status: 202,
            message: None,
        }
    }
}

impl Reply {
    /// A call whose arguments are no draft.
    fn refused(&self, problem: Problem) -> Step {
        Step::Answer(self.told(&Err(tool::failure(&[problem]))))
    }

    /// The result of the call.
    #[must_use]
    pub fn told(&self, told: &Told) -> Answer {
        let (flat, is_error) = match told {
            Ok(flat) => (flat, "false"),
            Err(flat) => (flat, "true"),
        };
        let flat = String::from_utf8_lossy(flat);
        let text = format!(r#"[{{"type":"text","text":{}}}]"#, spell(&flat));
        self.result(&[
            ("content", text),
            ("structuredContent", flat.into_owned()),
            ("isError", is_error.to_owned()),
        ])
    }

    /// A result of these members, each a JSON text.
    fn result(&self, members: &[(&str, String)]) -> Answer {
        let modern = match self.era {
            Era::Initialize => vec![],
            Era::Modern => vec![
                ("resultType", spell("complete")),
                (
                    "_meta",
                    object(&[("io.modelcontextprotocol/serverInfo", server_info())]),
                ),
            ],
        };
        self.answer(200, ("result", object(&[members, &*modern].concat())))
    }

    fn fault(&self, fault: &Fault) -> Answer {
        let is_version = fault.code == -32022;
        let status = match self.era {
            Era::Initialize if !is_version => 200,
            Era::Initialize | Era::Modern => fault.status,
        };
        let mut members = vec![
            ("code", fault.code.to_string()),
            ("message", spell(&fault.message)),
        ];
        members.extend(fault.data.clone().map(|data| ("data", data)));
        self.answer(status, ("error", object(&members)))
    }

    fn answer(&self, status: u16, outcome: (&str, String)) -> Answer {
        let version = ("jsonrpc", spell("2.0"));
        let members = match self.id.clone() {
            Some(id) => object(&[version, ("id", id), outcome]),
            // MCP has no null for an id.
            None => object(&[version, outcome]),
        };
        Answer {
            status,
            message: Some(members.into_bytes()),
        }
    }
}

/// An object of members that are each a JSON text.
fn object(members: &[(&str, String)]) -> String {
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!("{}:{value}", spell(name)))
        .collect();
    format!("{{{}}}", members.join(","))
}
