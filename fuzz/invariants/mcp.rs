//! A message of MCP: one line of JSON-RPC answers it, to its very id, and nothing is called that was
//! not asked for.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use memory_ingress::mcp::{Response, Step, TOOL_NAME, dispatch};
use memory_ingress::media_type::BodyType;
use memory_ingress::problem::Problem;
use memory_ingress::tool::{self, ToolOutcome};
use memory_log::memory::Memory;
use memory_log::object::Object;
use memory_log::timestamp::Timestamp;
use serde_json::{Value, json};

use super::reading::{given, grammatical, member, text, text_of, unambiguous};
use super::remembered::{NOW, receipt, remembered};
use super::rpc::{id, is_an_answer};

/// How a message arrives, by its first byte: on stdio, bare, or with the header fields of 2025-06-18,
/// of 2025-11-25, of 2026-07-28, of that with its name in base64, with those of another method, of a
/// version that is none, or with two versions.
pub(crate) const ARRIVALS: &[u8] = b"sb12mMwxr";

/// A byte for how it arrives, and the message.
pub fn mcp_message(bytes: &[u8]) {
    let Some((first, message)) = bytes.split_first() else {
        return;
    };
    let unnamed = ARRIVALS[usize::from(*first) % ARRIVALS.len()];
    let arrival = if ARRIVALS.contains(first) {
        *first
    } else {
        unnamed
    };
    let headers = headers(arrival, message);
    match dispatch(headers.as_ref(), message) {
        Step::Respond(answer) => {
            is_an_answer(&answer, message);
            let is_error = answer
                .message
                .as_deref()
                .and_then(|answer| grammatical(answer.as_bytes()))
                .and_then(|answer| member(answer, "error"))
                .is_some();
            let must_be_served = b"sb12".contains(&arrival) && is_bare(message);
            assert!(!(must_be_served && is_error), "a bare call is a call");
            let Step::Respond(again) = dispatch(headers.as_ref(), message) else {
                panic!("the answer is not the same again");
            };
            assert_eq!(answer, again);
        }
        Step::Call(draft, reply) => {
            let arguments = called(message).expect("a call is made that was not asked for");
            let memory = Memory::new(draft, Timestamp::from_unix_micros(NOW));
            let outcome = match &memory {
                Ok(memory) => ToolOutcome::of(&receipt(memory, &Object::of(memory))),
                Err(violations) => {
                    ToolOutcome::refused(&Problem::of_violations(violations, tool::locate))
                }
            };
            let answer = reply.result_of_call(&outcome);
            is_an_answer(&answer, message);
            let result = result(&answer);
            let flat: Value = serde_json::from_str(&outcome.document()).expect("JSON");
            assert_eq!(
                (&result["structuredContent"], &result["isError"]),
                (&flat, &json!(outcome.is_error()))
            );
            // What an agent sends is the tool's body, but that `data` makes no envelope of it.
            let has_data = unambiguous(arguments.as_bytes())
                .is_some_and(|arguments| member(arguments, "data").is_some());
            if !has_data {
                let posted = remembered(arguments.as_bytes(), BodyType::Json, NOW);
                assert_eq!(
                    memory.map_err(|violations| Problem::of_violations(&violations, tool::locate)),
                    posted
                );
            }
        }
    }
}

/// The arguments of a message that calls the tool.
fn called(message: &[u8]) -> Option<String> {
    let request = unambiguous(message)?;
    let params = member(request, "params")?;
    let is_call = text_of(request, "jsonrpc").as_deref() == Some("2.0")
        && text_of(request, "method").as_deref() == Some("tools/call")
        && text_of(params, "name").as_deref() == Some(TOOL_NAME)
        && id(request).is_some();
    let arguments = given(params, "arguments");
    let arguments = arguments.map_or("{}".to_owned(), |value| {
        text(value).unwrap_or_else(|| value.get().to_owned())
    });
    is_call.then_some(arguments)
}

/// Whether it is a call that names no version.
fn is_bare(message: &[u8]) -> bool {
    let request = unambiguous(message);
    called(message).is_some()
        && request
            .and_then(|request| member(request, "params"))
            .is_some_and(|params| member(params, "_meta").is_none())
}

fn result(answer: &Response) -> Value {
    let line = answer.message.as_deref().expect("a call is answered");
    let result = grammatical(line.as_bytes()).and_then(|answer| member(answer, "result"));
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
