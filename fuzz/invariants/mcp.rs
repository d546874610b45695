//! A message of MCP: the reply is one line of JSON-RPC with the same id, and the tool runs only if the
//! message calls it.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use memory_ingress::tool::{self, ToolOutcome};
use memory_log::memory::Memory;
use memory_log::object::Object;
use memory_log::timestamp::Timestamp;
use memory_web::mcp::{Response, Sender, Step, dispatch};
use memory_web::media_type::BodyType;
use memory_web::problem::Problem;
use serde_json::{Value, json};

use super::reading::{given, grammatical, member, text, text_of, unambiguous};
use super::rpc::{check_reply, id};
use super::subject::{NOW, memory_of, receipt};

/// The transports and header fields of a message, each named by a byte. `s` is stdio, and `b` is HTTP
/// without header fields. `1`, `2` and `m` are the header fields of 2025-06-18, 2025-11-25 and
/// 2026-07-28, and `M` is `m` with the name in base64. `w` names another method, `x` names an unknown
/// version, and `r` names two versions.
pub(crate) const ARRIVALS: &[u8] = b"sb12mMwxr";

/// Checks a message, after a byte for its transport and header fields.
pub fn mcp_message(bytes: &[u8]) {
    let Some((first, message)) = bytes.split_first() else {
        return;
    };
    let by_number = ARRIVALS[usize::from(*first) % ARRIVALS.len()];
    let arrival = if ARRIVALS.contains(first) {
        *first
    } else {
        by_number
    };
    let headers = headers(arrival, message);
    match dispatch(&tool::toolset(), Sender::Any, headers.as_ref(), message) {
        Step::Respond(reply) => {
            check_reply(&reply, message);
            let is_error = reply
                .message
                .as_deref()
                .and_then(|reply| grammatical(reply.as_bytes()))
                .and_then(|reply| member(reply, "error"))
                .is_some();
            let must_run = b"sb12".contains(&arrival) && is_call_without_meta(message);
            assert!(!(must_run && is_error), "a call without `_meta` is refused");
            let Step::Respond(again) =
                dispatch(&tool::toolset(), Sender::Any, headers.as_ref(), message)
            else {
                panic!("the same message gets another reply");
            };
            assert_eq!(reply, again);
        }
        Step::Call(draft, pending) => {
            let arguments = arguments_of_call(message).expect("the message calls the tool");
            let memory = Memory::new(draft, Timestamp::from_unix_micros(NOW));
            let outcome = match &memory {
                Ok(memory) => ToolOutcome::of(&receipt(memory, &Object::of(memory))),
                Err(violations) => {
                    ToolOutcome::refused(&Problem::of_violations(violations, tool::locate))
                }
            };
            let reply = pending.result_of_call(&outcome.flat());
            check_reply(&reply, message);
            let result = result(&reply);
            let flat: Value = serde_json::from_str(outcome.flat().document()).expect("JSON");
            assert_eq!(
                (&result["structuredContent"], &result["isError"]),
                (&flat, &json!(outcome.flat().is_error()))
            );
            // The arguments are the tool's body. Only over HTTP does `data` make a body an envelope.
            let has_data = unambiguous(arguments.as_bytes())
                .is_some_and(|arguments| member(arguments, "data").is_some());
            if !has_data {
                let posted = memory_of(arguments.as_bytes(), BodyType::Json, NOW);
                assert_eq!(
                    memory.map_err(|violations| Problem::of_violations(&violations, tool::locate)),
                    posted
                );
            }
        }
    }
}

/// The arguments of a message that calls the tool; `None` for any other message.
fn arguments_of_call(message: &[u8]) -> Option<String> {
    let request = unambiguous(message)?;
    let params = member(request, "params")?;
    let is_call = text_of(request, "jsonrpc").as_deref() == Some("2.0")
        && text_of(request, "method").as_deref() == Some("tools/call")
        && text_of(params, "name").as_deref() == Some(tool::NAME)
        && id(request).is_some();
    let arguments = given(params, "arguments");
    let arguments = arguments.map_or("{}".to_owned(), |value| {
        text(value).unwrap_or_else(|| value.get().to_owned())
    });
    is_call.then_some(arguments)
}

/// Whether a message calls the tool without `_meta`, so that it names no version.
fn is_call_without_meta(message: &[u8]) -> bool {
    let request = unambiguous(message);
    arguments_of_call(message).is_some()
        && request
            .and_then(|request| member(request, "params"))
            .is_some_and(|params| member(params, "_meta").is_none())
}

fn result(reply: &Response) -> Value {
    let line = reply.message.as_deref().expect("a call has a reply");
    let result = grammatical(line.as_bytes()).and_then(|reply| member(reply, "result"));
    serde_json::from_str(result.expect("a call has a result").get()).expect("JSON")
}

fn headers(arrival: u8, message: &[u8]) -> Option<HeaderMap> {
    let request = grammatical(message);
    let method = request
        .and_then(|request| text_of(request, "method"))
        .unwrap_or_default();
    let name = request
        .and_then(|request| member(request, "params"))
        .and_then(|params| text_of(params, "name"))
        .unwrap_or_default();
    let modern = |method: &str, name: &str| {
        vec![
            ("mcp-protocol-version", "2026-07-28".to_owned()),
            ("mcp-method", method.to_owned()),
            ("mcp-name", name.to_owned()),
        ]
    };
    let version = |version: &str| ("mcp-protocol-version", version.to_owned());
    let fields = match arrival {
        b's' => return None,
        b'1' => vec![version("2025-06-18")],
        b'2' => vec![version("2025-11-25")],
        b'm' => modern(&method, &name),
        b'M' => modern(&method, "=?base64?YXBwZW5kX21lbW9yeQ==?="),
        b'w' => modern("tools/list", "another"),
        b'x' => vec![version("1999-01-01")],
        b'r' => vec![version("2025-06-18"), version("2026-07-28")],
        _ => Vec::new(),
    };
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    Some(headers)
}
