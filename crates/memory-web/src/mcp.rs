//! The Model Context Protocol: one message in; a response, or a call to make, out.
//!
//! Pure: nothing waits here, and HTTP and stdio share it. There are two eras. *Modern* is
//! 2026-07-28, in which every request carries its version
//! (<https://modelcontextprotocol.io/specification/2026-07-28/basic>). Before it a connection began
//! with `initialize`. A request that names no version belongs to the older era, and is served
//! without a handshake. The module must not know what a tool does.

use std::borrow::Cow;

use axum::http::HeaderMap;
use memory_log::json::{Json, Kind, Value, quoted};
use serde_json::value::RawValue;

use crate::problem::Problem;

mod headers;
mod reply;
mod results;
mod toolset;

pub use reply::{Reply, Response};
pub use results::ServerInfo;
pub use toolset::{Sender, Tool, Toolset};

use headers::{Headers, METHOD, NAME, PROTOCOL_VERSION};
use reply::{Era, RpcError};
use results::{
    CACHING, CAPABILITIES, DiscoverResult, InitializeResult, ListToolsResult, NoOptions,
};

/// The supported versions, the newest first (contract 5.2).
pub const VERSIONS: [&str; 5] = {
    let [a, b, c, d] = WITH_INITIALIZE;
    [MODERN, a, b, c, d]
};
const MODERN: &str = "2026-07-28";
/// Those of them in which a connection begins with `initialize`, the newest first. A message of one
/// tool is the same in all of them: an older client ignores the members that are newer than it.
const WITH_INITIALIZE: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// A value as it was spelled, on one line.
#[expect(
    clippy::expect_used,
    reason = "the grammar of a parsed value was already checked"
)]
fn raw(value: Value<'_>) -> Box<RawValue> {
    RawValue::from_string(value.compact()).expect("JSON")
}

/// Members of a modern request's `_meta`.
const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// What to do after a message.
#[derive(Debug)]
pub enum Step<T> {
    /// Send this response.
    Respond(Response),
    /// Make this call of a tool, and send its result by this reply.
    Call(T, Reply),
}

/// Reads one message with its header fields, for a server with these tools; stdio has no header fields.
#[must_use]
pub fn dispatch<T>(
    tools: &Toolset<T>,
    sender: Sender,
    headers: Option<&HeaderMap>,
    message: &[u8],
) -> Step<T> {
    let headers = Headers(headers);
    let json = match Json::grammatical(message) {
        Ok(json) => json,
        Err(error) => {
            let (id, era) = (None, era_of(headers));
            let unreadable = RpcError::ParseError(Problem::malformed(&error).detail);
            let error = check_supported(headers).err().unwrap_or(unreadable);
            let server = tools.server;
            let tool = None;
            return Step::Respond(
                Reply {
                    id,
                    era,
                    server,
                    tool,
                }
                .error(&error),
            );
        }
    };
    let message = Message::of(json.root());
    let reply = Reply {
        id: message.id.map(raw),
        era: message.era(headers),
        server: tools.server,
        tool: None,
    };
    let tools = (tools, sender);
    match message.step(tools, headers, &reply) {
        Ok(step) => step,
        Err(error) => Step::Respond(reply.error(&error)),
    }
}

/// The parts of a message, before it is checked.
struct Message<'j> {
    root: Value<'j>,
    /// Its id, if it has exactly one, and one that can be repeated.
    id: Option<Value<'j>>,
    method: Option<Cow<'j, str>>,
    params: Option<Value<'j>>,
    /// The version that its `_meta` names.
    version: Option<Cow<'j, str>>,
}

impl<'j> Message<'j> {
    fn of(root: Value<'j>) -> Self {
        let mut ids = root.members().filter(|(name, _)| name == "id");
        let id = match (ids.next(), ids.next()) {
            (Some((_, id)), None) => Some(id),
            _ => None,
        };
        let params = root.given("params");
        let meta = params.and_then(|params| params.member("_meta"));
        Self {
            root,
            id: id.filter(|id| {
                matches!(id.kind(), Kind::String | Kind::Number) && id.unambiguous(None).is_ok()
            }),
            method: root.member("method").and_then(Value::text),
            params,
            version: meta
                .and_then(|meta| meta.member(META_VERSION))
                .and_then(Value::text),
        }
    }

    /// The era of the version in `_meta`, or else of the version header.
    fn era(&self, headers: Headers<'_>) -> Era {
        match (self.method.as_deref(), self.version.as_deref()) {
            (Some("server/discover"), _) => Era::Modern,
            (_, Some(version)) if WITH_INITIALIZE.contains(&version) => Era::Initialize,
            (_, Some(_)) => Era::Modern,
            (Some("initialize"), None) => Era::Initialize,
            (_, None) => era_of(headers),
        }
    }

    fn arguments(&self) -> Option<Value<'j>> {
        self.params.and_then(|params| params.given("arguments"))
    }

    /// Checks the message from the outside to the inside.
    fn step<T>(
        &self,
        tools: (&Toolset<T>, Sender),
        headers: Headers<'_>,
        reply: &Reply,
    ) -> Result<Step<T>, RpcError> {
        let invalid = |words: &str| Err(RpcError::InvalidRequest(words.to_owned()));
        // A client that falls back to `initialize` may still send the version it hoped for.
        if self.method.as_deref() != Some("initialize") && self.version.is_none() {
            check_supported(headers)?;
        }
        match self.root.kind() {
            Kind::Object => {}
            Kind::Array => {
                return invalid("Batches are not supported: send one message at a time.");
            }
            kind @ (Kind::Null | Kind::Boolean | Kind::Number | Kind::String) => {
                let words = format!("The message is {kind}; it must be one JSON-RPC object.");
                return Err(RpcError::InvalidRequest(words));
            }
        }
        if let Err(error) = self.root.unambiguous(self.arguments()) {
            return Err(RpcError::InvalidRequest(Problem::malformed(&error).detail));
        }
        if self.root.member("jsonrpc").and_then(Value::text).as_deref() != Some("2.0") {
            return invalid("The message must have \"jsonrpc\":\"2.0\".");
        }
        let Some(method) = self.method.as_deref() else {
            let is_response = self
                .root
                .member("result")
                .or(self.root.member("error"))
                .is_some();
            return match self.root.member("method") {
                None if is_response => Ok(Step::Respond(Response::to_notification())),
                _ => invalid("The message has no \"method\" (a string such as \"tools/call\")."),
            };
        };
        if self
            .params
            .is_some_and(|params| params.kind() != Kind::Object)
        {
            return Err(RpcError::InvalidParams(
                "\"params\" must be an object.".to_owned(),
            ));
        }
        if self.id.is_none() {
            if method.starts_with("notifications/") && self.root.member("id").is_none() {
                return Ok(Step::Respond(Response::to_notification()));
            }
            // Without an id there is no response, so the loss of a call would go unnoticed.
            return invalid(
                "The request has no \"id\" (a string or a number), so nothing was done.",
            );
        }
        self.check_version(tools, headers, reply.era)?;
        self.result(tools, method, reply)
    }

    /// Checks that its version is supported, and that its header fields agree with it.
    fn check_version<T>(
        &self,
        tools: (&Toolset<T>, Sender),
        headers: Headers<'_>,
        era: Era,
    ) -> Result<(), RpcError> {
        if era == Era::Initialize {
            return match &self.version {
                Some(version) if headers.value(PROTOCOL_VERSION)?.is_some() => {
                    headers.mirror(PROTOCOL_VERSION, version)
                }
                Some(_) | None => Ok(()),
            };
        }
        let capabilities = self
            .params
            .and_then(|params| params.given("_meta"))
            .and_then(|meta| meta.member(META_CAPABILITIES));
        let (Some(version), Some(Kind::Object)) = (&self.version, capabilities.map(Value::kind))
        else {
            return Err(RpcError::InvalidParams(format!(
                "\"params\" must have \"_meta\" with \"{META_VERSION}\", a string, and \"{META_CAPABILITIES}\", an object."
            )));
        };
        headers.mirror(PROTOCOL_VERSION, version)?;
        if !VERSIONS.contains(&&**version) {
            let requested = version.clone().into_owned();
            return Err(RpcError::UnsupportedVersion { requested });
        }
        let method = self.method.as_deref().unwrap_or_default();
        headers.mirror(METHOD, method)?;
        match method {
            "tools/call" => headers.mirror(NAME, &self.name(tools)?),
            _ => Ok(()),
        }
    }

    fn result<T>(
        &self,
        tools: (&Toolset<T>, Sender),
        method: &str,
        reply: &Reply,
    ) -> Result<Step<T>, RpcError> {
        let response = match (method, reply.era) {
            ("initialize", Era::Initialize) => reply.result(InitializeResult {
                protocol_version: self.negotiated(),
                capabilities: CAPABILITIES,
                server_info: tools.0.server,
                instructions: tools.0.instructions,
            }),
            ("ping", Era::Initialize) => reply.result(NoOptions {}),
            ("server/discover", Era::Modern) => reply.result(DiscoverResult {
                supported_versions: VERSIONS,
                capabilities: CAPABILITIES,
                instructions: tools.0.instructions,
                caching: CACHING,
            }),
            ("tools/list", era) => {
                let cursor = self.params.and_then(|params| params.given("cursor"));
                if cursor.is_some() {
                    let words = "There is only one page of tools: remove \"cursor\".";
                    return Err(RpcError::InvalidParams(words.to_owned()));
                }
                reply.result(ListToolsResult {
                    tools: tools.0.descriptors(tools.1).collect(),
                    caching: (era == Era::Modern).then_some(CACHING),
                })
            }
            ("tools/call", _) => return self.call(tools, reply),
            (method, _) => return Err(RpcError::MethodNotFound(method.to_owned())),
        };
        Ok(Step::Respond(response))
    }

    fn call<T>(
        &self,
        (tools, sender): (&Toolset<T>, Sender),
        reply: &Reply,
    ) -> Result<Step<T>, RpcError> {
        let name = self.name((tools, sender))?;
        let Some(tool) = tools.tool(&name) else {
            return Err(RpcError::InvalidParams(format!(
                "This server has no tool {}. {}",
                quoted(&name),
                tools.names_in_words(sender)
            )));
        };
        if !tool.is_for(sender) {
            return Ok(Step::Respond(Response::to_unread(&[
                Problem::foreign_reader(),
            ])));
        }
        // A model that sees the error can correct its arguments. Many clients do not pass on an error of
        // the protocol.
        let reply = reply.of_call(tool.name());
        Ok(match self.arguments_of(tool) {
            Ok(call) => Step::Call(call, reply),
            Err(problems) => Step::Respond(reply.refuse_call(&problems)),
        })
    }

    /// The version that an `initialize` asks for, or else the newest version that has `initialize`.
    fn negotiated(&self) -> &'static str {
        let asked = self
            .params
            .and_then(|params| params.member("protocolVersion"))
            .and_then(Value::text);
        let [newest, ..] = WITH_INITIALIZE;
        let mut spoken = WITH_INITIALIZE.into_iter();
        spoken
            .find(|version| asked.as_deref() == Some(version))
            .unwrap_or(newest)
    }

    fn name<T>(&self, (tools, sender): (&Toolset<T>, Sender)) -> Result<Cow<'j, str>, RpcError> {
        let name = self.params.and_then(|params| params.member("name"));
        name.and_then(Value::text).ok_or_else(|| {
            RpcError::InvalidParams(format!(
                "\"params\" must have the tool's \"name\", {}.",
                tools.names(sender)
            ))
        })
    }

    /// The call that the arguments ask for. Some models send them as JSON in a string, or not at all.
    fn arguments_of<T>(&self, tool: &Tool<T>) -> Result<T, Vec<Problem>> {
        let text = match self.arguments() {
            None => Cow::Borrowed("{}"),
            Some(value) => {
                let sound = value.unambiguous(None);
                sound.map_err(|error| vec![Problem::malformed(&error)])?;
                let Some(text) = value.text() else {
                    return tool.read(value);
                };
                text
            }
        };
        let json = Json::parse(text.as_bytes());
        let json = json.map_err(|error| vec![Problem::malformed(&error)])?;
        tool.read(json.root())
    }
}

/// The era by the version header alone.
fn era_of(headers: Headers<'_>) -> Era {
    match headers.value(PROTOCOL_VERSION) {
        Ok(Some(MODERN)) => Era::Modern,
        Ok(_) | Err(_) => Era::Initialize,
    }
}

/// Checks that the version header, if there is one, names a supported version.
fn check_supported(headers: Headers<'_>) -> Result<(), RpcError> {
    match headers.value(PROTOCOL_VERSION)? {
        Some(version) if !VERSIONS.contains(&version) => Err(RpcError::UnsupportedVersion {
            requested: version.to_owned(),
        }),
        Some(_) | None => Ok(()),
    }
}
