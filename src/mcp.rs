//! The Model Context Protocol: one message in, an answer or a call to make out.
//!
//! Pure: nothing waits here, and HTTP and stdio share it. Two eras are spoken. *Modern* is
//! 2026-07-28, in which every request carries its version
//! (<https://modelcontextprotocol.io/specification/2026-07-28/basic>); before it a connection began
//! with `initialize`. A request that names no version is of that older era, and is served without a
//! handshake. The module knows no storage.

use std::borrow::Cow;
use std::sync::LazyLock;

use axum::http::HeaderMap;

use crate::json::{Json, Kind, Value, quoted, spell};
use crate::memory::Draft;
use crate::problem::Problem;
use crate::tool;

mod headers;
mod reply;

pub use reply::{Answer, Reply};

use headers::{Headers, METHOD, NAME, PROTOCOL_VERSION};
use reply::{Era, Fault, list, server_info};

/// The versions spoken, the newest first.
pub const VERSIONS: [&str; 3] = [MODERN, "2025-11-25", "2025-06-18"];
const MODERN: &str = "2026-07-28";
/// Those of them that begin with `initialize`, the newest first.
const WITH_INITIALIZE: [&str; 2] = [VERSIONS[1], VERSIONS[2]];

/// The one tool.
pub const TOOL_NAME: &str = "append_memory";
/// The tool as `tools/list` shows it. Its schemas are flat, since clients and models differ in what
/// else of JSON Schema they bear.
#[expect(
    clippy::expect_used,
    reason = "the text is a constant of the build, and tests list it"
)]
static TOOL: LazyLock<String> = LazyLock::new(|| {
    let text = include_bytes!("mcp/append_memory.json");
    Json::parse(text).expect("JSON").root().compact()
});

/// What the server says of itself to a model, beside what its tool says.
const INSTRUCTIONS: &str = "This server keeps a log of memories that outlives the conversation. Call append_memory when \
     something is worth knowing in later conversations: a fact, a decision, a preference. It cannot read memories back.";
/// How long a client may keep the tool's description, in milliseconds: it changes with a release.
const TTL_MS: &str = "3600000";

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

/// Reads one message; `headers` are those that it came with, none over stdio.
#[must_use]
pub fn dispatch(headers: Option<&HeaderMap>, message: &[u8]) -> Step {
    let headers = Headers(headers);
    let json = match Json::grammatical(message) {
        Ok(json) => json,
        Err(malformed) => {
            let (id, era) = (None, era_of(headers));
            let unreadable = Fault::ParseError(Problem::malformed(&malformed).detail);
            let fault = supported(headers).err().unwrap_or(unreadable);
            return Step::Answer(Reply { id, era }.fault(&fault));
        }
    };
    let message = Message::of(json.root());
    let reply = Reply {
        id: message.id.map(|id| id.raw().to_owned()),
        era: message.era(headers),
    };
    match message.step(headers, &reply) {
        Ok(step) => step,
        Err(fault) => Step::Answer(reply.fault(&fault)),
    }
}

/// A message, taken apart and not yet judged.
struct Message<'j> {
    root: Value<'j>,
    /// The one id that it has and that can be echoed.
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

    /// By the version that its `_meta` names, or its header field where it names none.
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

    /// Judges it from the outside to the inside.
    fn step(&self, headers: Headers<'_>, reply: &Reply) -> Result<Step, Fault> {
        let invalid = |words: &str| Err(Fault::InvalidRequest(words.to_owned()));
        // A client that falls back to `initialize` may still send the version it hoped for.
        if self.method.as_deref() != Some("initialize") && self.version.is_none() {
            supported(headers)?;
        }
        match self.root.kind() {
            Kind::Object => {}
            Kind::Array => return invalid("Batches are not taken: send one message at a time."),
            kind @ (Kind::Null | Kind::Boolean | Kind::Number | Kind::String) => {
                let words = format!("The message is {kind}; it must be one JSON-RPC object.");
                return Err(Fault::InvalidRequest(words));
            }
        }
        if let Err(malformed) = self.root.unambiguous(self.arguments()) {
            return Err(Fault::InvalidRequest(Problem::malformed(&malformed).detail));
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
                None if is_response => Ok(Step::Answer(Answer::to_notification())),
                _ => invalid("The message has no \"method\", a string such as \"tools/call\"."),
            };
        };
        if self
            .params
            .is_some_and(|params| params.kind() != Kind::Object)
        {
            return Err(Fault::InvalidParams(
                "\"params\" must be an object.".to_owned(),
            ));
        }
        if self.id.is_none() {
            if method.starts_with("notifications/") && self.root.member("id").is_none() {
                return Ok(Step::Answer(Answer::to_notification()));
            }
            // A call that nobody hears the answer of could be lost unseen.
            return invalid(
                "The request has no \"id\", a string or a number, so nothing was done.",
            );
        }
        self.check_version(headers, reply.era)?;
        self.answer(method, reply)
    }

    /// Whether it is of a version that is spoken here, and its header fields say what it says.
    fn check_version(&self, headers: Headers<'_>, era: Era) -> Result<(), Fault> {
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
            return Err(Fault::InvalidParams(format!(
                "\"params\" must have \"_meta\" with \"{META_VERSION}\", a string, and \"{META_CAPABILITIES}\", an object."
            )));
        };
        headers.mirror(PROTOCOL_VERSION, version)?;
        if !VERSIONS.contains(&&**version) {
            let requested = version.clone().into_owned();
            return Err(Fault::UnsupportedVersion { requested });
        }
        let method = self.method.as_deref().unwrap_or_default();
        headers.mirror(METHOD, method)?;
        match method {
            "tools/call" => headers.mirror(NAME, &self.name()?),
            _ => Ok(()),
        }
    }

    fn answer(&self, method: &str, reply: &Reply) -> Result<Step, Fault> {
        let result = |members: &[(&str, String)]| Ok(Step::Answer(reply.result(members)));
        let capabilities = || ("capabilities", r#"{"tools":{}}"#.to_owned());
        let instructions = || ("instructions", spell(INSTRUCTIONS));
        let kept = || {
            [
                ("ttlMs", TTL_MS.to_owned()),
                ("cacheScope", spell("public")),
            ]
        };
        match (method, reply.era) {
            ("initialize", Era::Initialize) => result(&[
                ("protocolVersion", spell(self.negotiated())),
                capabilities(),
                ("serverInfo", server_info()),
                instructions(),
            ]),
            ("ping", Era::Initialize) => result(&[]),
            ("server/discover", Era::Modern) => {
                let versions = ("supportedVersions", list(&VERSIONS));
                result(&[&[versions, capabilities(), instructions()][..], &kept()].concat())
            }
            ("tools/list", era) => {
                let cursor = self.params.and_then(|params| params.given("cursor"));
                if cursor.is_some() {
                    let words = "There is one page of tools: leave \"cursor\" out.";
                    return Err(Fault::InvalidParams(words.to_owned()));
                }
                let tools = ("tools", format!("[{}]", *TOOL));
                match era {
                    Era::Initialize => result(&[tools]),
                    Era::Modern => result(&[&[tools][..], &kept()].concat()),
                }
            }
            ("tools/call", _) => self.call(reply),
            (method, _) => Err(Fault::MethodNotFound(method.to_owned())),
        }
    }

    fn call(&self, reply: &Reply) -> Result<Step, Fault> {
        let name = self.name()?;
        if name != TOOL_NAME {
            return Err(Fault::InvalidParams(format!(
                "There is no tool {} here. The one tool is {TOOL_NAME}.",
                quoted(&name)
            )));
        }
        // A model that is told can mend its arguments; many clients keep an error of the protocol to
        // themselves.
        Ok(match self.draft() {
            Ok(draft) => Step::Call(draft, reply.clone()),
            Err(problem) => reply.refused(problem),
        })
    }

    /// The version that an `initialize` asks for, or the newest that has it.
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

    fn name(&self) -> Result<Cow<'j, str>, Fault> {
        let name = self.params.and_then(|params| params.member("name"));
        name.and_then(Value::text).ok_or_else(|| {
            Fault::InvalidParams(format!(
                "\"params\" must have the tool's \"name\", {TOOL_NAME}."
            ))
        })
    }

    /// The call's arguments, which models also give as JSON in a string, or not at all.
    fn draft(&self) -> Result<Draft, Problem> {
        let text = match self.arguments() {
            None => Cow::Borrowed("{}"),
            Some(value) => {
                let sound = value.unambiguous(None);
                sound.map_err(|malformed| Problem::malformed(&malformed))?;
                let Some(text) = value.text() else {
                    return tool::draft(value);
                };
                text
            }
        };
        let json = Json::parse(text.as_bytes());
        let json = json.map_err(|malformed| Problem::malformed(&malformed))?;
        tool::draft(json.root())
    }
}

/// By the version header alone.
fn era_of(headers: Headers<'_>) -> Era {
    match headers.value(PROTOCOL_VERSION) {
        Ok(Some(MODERN)) => Era::Modern,
        Ok(_) | Err(_) => Era::Initialize,
    }
}

/// Whether the version header, where it is given, names a version that is spoken here.
fn supported(headers: Headers<'_>) -> Result<(), Fault> {
    match headers.value(PROTOCOL_VERSION)? {
        Some(version) if !VERSIONS.contains(&version) => Err(Fault::UnsupportedVersion {
            requested: version.to_owned(),
        }),
        Some(_) | None => Ok(()),
    }
}
