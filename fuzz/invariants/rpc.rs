//! What all replies to a message have in common (JSON-RPC 2.0, and the rules of MCP).

use memory_web::mcp::Response;
use serde_json::Value;
use serde_json::value::RawValue;

use super::reading::{Raw, grammatical, has_null, member, members, text, text_of, unambiguous};

/// Checks that the reply is one line with the id of the message. Only a message that expects no reply
/// may have none.
pub(crate) fn check_reply(reply: &Response, message: &[u8]) {
    let request = grammatical(message);
    let Some(line) = &reply.message else {
        assert_eq!(reply.status, 202);
        return check_expects_no_reply(request.expect("only JSON has no reply"));
    };
    assert!(!line.contains(['\n', '\r']), "a reply is one line");
    let root = grammatical(line.as_bytes()).expect("a reply is JSON");
    let echoed = request.and_then(id);
    let names: Vec<_> = members(root)
        .expect("a reply is an object")
        .into_iter()
        .map(|(name, _)| String::from_utf8(name).expect("a name"))
        .collect();
    let outcome = if member(root, "error").is_some() {
        "error"
    } else {
        "result"
    };
    match echoed {
        Some(_) => assert_eq!(names, ["jsonrpc", "id", outcome]),
        None => assert_eq!(names, ["jsonrpc", outcome]),
    }
    assert_eq!(text_of(root, "jsonrpc").as_deref(), Some("2.0"));
    assert_eq!(
        member(root, "id").map(RawValue::get),
        echoed.map(RawValue::get),
        "the id is not spelled as in the message"
    );
    let content = unambiguous(member(root, outcome).expect("an outcome").get().as_bytes());
    let content: Value =
        serde_json::from_str(content.expect("it is unambiguous").get()).expect("JSON");
    assert!(!has_null(&content), "{content}");
    match outcome {
        "error" => check_error(reply.status, &content),
        _ => check_result(reply.status, &content),
    }
}

/// Checks that a message is a notification or a reply.
fn check_expects_no_reply(message: Raw<'_>) {
    match text_of(message, "method") {
        Some(method) => {
            assert!(method.starts_with("notifications/") && member(message, "id").is_none());
        }
        None => assert!(
            member(message, "result")
                .or(member(message, "error"))
                .is_some()
        ),
    }
}

fn check_error(status: u16, error: &Value) {
    let statuses: &[u16] = match error["code"].as_i64() {
        Some(-32700 | -32600 | -32602) => &[200, 400],
        Some(-32601) => &[200, 404],
        Some(-32020 | -32022) => &[400],
        _ => panic!("{error}"),
    };
    assert!(statuses.contains(&status), "{status} {error}");
    assert!(
        error["message"].as_str().expect("a message").ends_with('.'),
        "{error}"
    );
}

fn check_result(status: u16, result: &Value) {
    assert_eq!(status, 200);
    let Some(flat) = result.get("structuredContent") else {
        return;
    };
    let text = result["content"][0]["text"].as_str().expect("a text");
    assert_eq!(serde_json::from_str::<Value>(text).expect("JSON"), *flat);
    assert_eq!(result["isError"], flat["status"] == "error");
    assert!(
        flat["error"]
            .as_str()
            .is_none_or(|error| error.ends_with('.')),
        "{flat}"
    );
}

/// The id that a reply repeats.
pub(crate) fn id(request: Raw<'_>) -> Option<Raw<'_>> {
    let members = members(request)?;
    let ids: Vec<_> = members.iter().filter(|(name, _)| name == b"id").collect();
    let [(_, id)] = ids[..] else { return None };
    let is_echoed = match id.get().as_bytes() {
        [b'"', ..] => text(id).is_some(),
        bytes => {
            !bytes.starts_with(b"{") && !bytes.starts_with(b"[") && !b"tfn".contains(&bytes[0])
        }
    };
    is_echoed.then_some(id)
}
