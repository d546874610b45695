//! Tests of the protocol: which message gets which reply in which era, and which one is a call. The
//! file is long because the near misses of each message are written out.

use axum::http::{HeaderMap, HeaderValue};
use memory_ingress::tool::toolset;
use memory_log::memory::{Draft, Memory};
use memory_log::timestamp::Timestamp;
use memory_web::mcp::{self, Response, VERSIONS};
use serde_json::json;

type Step = mcp::Step<Draft>;

fn dispatch(headers: Option<&HeaderMap>, message: &[u8]) -> Step {
    mcp::dispatch(&toolset(), mcp::Sender::Any, headers, message)
}

const ARGUMENTS: &str = r#"{"entity_id":"rob","domain":"work","content":"Rob prefers mornings.","timestamp":"2026-01-27T03:14:22Z"}"#;
const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

fn request(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#)
}

/// A call of the tool by a client of the older era.
fn call(arguments: &str) -> String {
    request(
        "tools/call",
        &format!(r#"{{"name":"append_memory","arguments":{arguments}}}"#),
    )
}

fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_static(value));
    }
    headers
}

fn responded(headers: Option<&HeaderMap>, message: &str) -> Response {
    match dispatch(headers, message.as_bytes()) {
        Step::Respond(response) => response,
        Step::Call(draft, _) => panic!("{message} is a call: {draft:?}"),
    }
}

/// The draft of a message that is a call.
fn called(message: &str) -> Draft {
    match dispatch(None, message.as_bytes()) {
        Step::Call(draft, _) => draft,
        Step::Respond(response) => panic!("{message}: {response:?}"),
    }
}

fn message(response: &Response) -> serde_json::Value {
    serde_json::from_str(response.message.as_deref().unwrap()).unwrap()
}

/// The status and the code of an error.
fn fault(response: &Response) -> (u16, i64) {
    let code = message(response)["error"]["code"].as_i64();
    (
        response.status,
        code.unwrap_or_else(|| panic!("{response:?}")),
    )
}

#[test]
fn a_call_needs_no_handshake_and_no_header() {
    let now = Timestamp::from_unix_micros(0);
    let memory = Memory::new(called(&call(ARGUMENTS)), now).unwrap();
    assert_eq!((memory.domain(), memory.entity_id()), ("work", "rob"));
    assert_eq!(memory.content(), "Rob prefers mornings.");
    let none = headers(&[]);
    let step = dispatch(Some(&none), call(ARGUMENTS).as_bytes());
    assert!(matches!(step, Step::Call(..)));
}

#[test]
fn arguments_in_a_json_string_are_the_same_memory() {
    let now = Timestamp::from_unix_micros(0);
    let metadata = ARGUMENTS.replace('}', r#","metadata":{"a":1.00,"b":"\u00e9"}}"#);
    let in_a_string = serde_json::to_string(&metadata).unwrap();
    let (plain, string) = (called(&call(&metadata)), called(&call(&in_a_string)));
    let memory = Memory::new(plain, now).unwrap();
    assert_eq!(memory.metadata(), r#"{"a":1.00,"b":"\u00e9"}"#);
    assert_eq!(Memory::new(string, now), Ok(memory));
    // A string in the string is not unpacked again.
    let twice = serde_json::to_string(&in_a_string).unwrap();
    let result = message(&responded(None, &call(&twice)));
    assert_eq!(result["result"]["isError"], true);
}

#[test]
fn arguments_that_are_missing_or_null_are_an_empty_object() {
    let missing = request("tools/call", r#"{"name":"append_memory"}"#);
    for message in [call("{}"), call("null"), call(r#""{}""#), missing] {
        let faults = Memory::new(called(&message), Timestamp::from_unix_micros(0));
        assert_eq!(faults.unwrap_err().listed().len(), 3, "{message}");
    }
}

#[test]
fn arguments_that_are_not_an_object_are_a_result_that_a_model_can_correct() {
    for (arguments, words) in [
        ("[]", "The memory is an array"),
        ("7", "The memory is a number"),
        (r#""[]""#, "The memory is an array"),
        (r#""""#, "is not acceptable JSON: it is empty"),
        (r#""{""#, "is not acceptable JSON: it ends too early"),
        (r#"{"content":"\ud83d"}"#, "one half of a surrogate pair"),
        (r#"{"content":"a","content":"a"}"#, "appears twice"),
        (r#""{\"a\":1,\"a\":1}""#, "appears twice"),
    ] {
        let response = responded(None, &call(arguments));
        let result = message(&response);
        assert_eq!(
            (response.status, &result["result"]["isError"]),
            (200, &json!(true))
        );
        let said = result["result"]["structuredContent"]["error"]
            .as_str()
            .unwrap();
        assert!(said.contains(words), "{arguments}: {said}");
    }
}

#[test]
fn only_the_one_tool_by_its_whole_name_is_called() {
    for name in [
        r#""append_memor""#,
        r#""append_memory ""#,
        r#""Append_memory""#,
        r#""""#,
        "7",
        "null",
    ] {
        let params = format!(r#"{{"name":{name},"arguments":{ARGUMENTS}}}"#);
        let response = responded(None, &request("tools/call", &params));
        assert_eq!(fault(&response), (200, -32602), "{name}");
        assert!(response.message.unwrap().contains("append_memory"));
    }
}

#[test]
fn a_batch_or_another_value_than_an_object_is_not_a_message() {
    for message in [
        "[]",
        "7",
        "null",
        "true",
        r#""ping""#,
        &format!("[{}]", call(ARGUMENTS)),
    ] {
        let response = responded(None, message);
        assert_eq!(fault(&response), (200, -32600), "{message}");
        assert!(!response.message.unwrap().contains("\"id\""), "{message}");
    }
    for message in ["", "{", "{}{}", "\u{feff}{}"] {
        assert_eq!(fault(&responded(None, message)), (200, -32700), "{message}");
    }
}

#[test]
fn a_notification_or_a_response_gets_no_response() {
    for message in [
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/x","params":{"a":1}}"#,
        r#"{"jsonrpc":"2.0","id":4,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":4,"error":{"code":1,"message":"x"}}"#,
    ] {
        assert_eq!(
            responded(None, message),
            Response {
                status: 202,
                message: None,
                tool: None,
                codes: Vec::new(),
            },
            "{message}"
        );
    }
    for near in [
        r#"{"jsonrpc":"2.0","method":"notification"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications"}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","method":null,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":4}"#,
        r#"{"id":4,"result":{}}"#,
        r#"{"jsonrpc":2.0,"method":"notifications/initialized"}"#,
    ] {
        assert_eq!(fault(&responded(None, near)), (200, -32600), "{near}");
    }
}

#[test]
fn an_id_is_repeated_as_it_was_spelled() {
    for id in [
        "0",
        "-7",
        "1.50",
        "1e3",
        "12345678901234567890123",
        r#""""#,
        r#""\u00e9é\n""#,
    ] {
        let ping = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        let expected = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#);
        assert_eq!(responded(None, &ping).message, Some(expected));
    }
}

#[test]
fn a_call_whose_id_cannot_be_repeated_stores_nothing() {
    for ids in [
        "",
        r#""id":null,"#,
        r#""id":{},"#,
        r#""id":[1],"#,
        r#""id":true,"#,
        r#""id":"\ud800","#,
        r#""id":1,"id":1,"#,
    ] {
        let call = call(ARGUMENTS).replace(r#""id":1,"#, ids);
        let response = responded(None, &call);
        assert_eq!(fault(&response), (200, -32600), "{ids}");
        assert_eq!(message(&response).get("id"), None, "{ids}");
    }
}

#[test]
fn ambiguity_outside_the_arguments_is_an_error_with_the_id_if_there_is_one() {
    for twice in [
        call(ARGUMENTS).replace(r#""method""#, r#""x":1,"x":2,"method""#),
        call(ARGUMENTS).replace(r#""name""#, r#""name":"append_memory","name""#),
        call(ARGUMENTS).replace(r#""name""#, r#""x":"\udc00","name""#),
    ] {
        let response = responded(None, &twice);
        assert_eq!(fault(&response), (200, -32600), "{twice}");
        assert_eq!(message(&response)["id"], 1);
    }
}

#[test]
fn initialize_gives_the_version_asked_for_if_it_is_of_its_era_and_else_the_newest() {
    let negotiated = |version: &str| {
        let params = format!(r#"{{"protocolVersion":{version}}}"#);
        let result = message(&responded(None, &request("initialize", &params)));
        result["result"]["protocolVersion"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        assert_eq!(negotiated(&format!("\"{version}\"")), version);
    }
    for other in [
        r#""2026-07-28""#,
        r#""2024-10-07""#,
        r#""2025-11-25 ""#,
        "20251125",
        "null",
    ] {
        assert_eq!(negotiated(other), "2025-11-25", "{other}");
    }
}

#[test]
fn the_era_is_that_of_meta_or_else_of_the_header_or_else_the_older_one() {
    let list = |fields: &[_], params: &str| {
        responded(Some(&headers(fields)), &request("tools/list", params))
    };
    let is_modern = |response: &Response| message(response)["result"]["resultType"] == "complete";
    let version = ("mcp-protocol-version", "2026-07-28");
    let mirrored = [version, ("mcp-method", "tools/list")];
    assert!(!is_modern(&list(&[], "{}")));
    assert!(!is_modern(&list(
        &[("mcp-protocol-version", "2025-06-18")],
        "{}"
    )));
    assert!(is_modern(&list(&mirrored, &format!("{{{META}}}"))));
    assert_eq!(
        fault(&list(&mirrored, "{}")),
        (400, -32602),
        "its _meta is missing"
    );
    let older = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2025-11-25"}}"#;
    assert!(!is_modern(&list(&[], older)));
    assert!(!is_modern(&list(
        &[("mcp-protocol-version", "2025-11-25")],
        older
    )));
    assert_eq!(
        fault(&list(&[version], older)),
        (400, -32020),
        "they contradict"
    );
    let without = responded(None, &request("server/discover", "{}"));
    assert_eq!(fault(&without), (400, -32602), "it is always modern");
}

#[test]
fn each_era_has_methods_that_the_other_does_not_have() {
    let modern = |method: &str| responded(None, &request(method, &format!("{{{META}}}")));
    for method in ["initialize", "ping", "resources/list", "tools/lists"] {
        assert_eq!(fault(&modern(method)), (404, -32601), "{method}");
    }
    assert_eq!(modern("server/discover").status, 200);
    for method in ["tools/lists", "Tools/list", "server/discovers", ""] {
        let older = responded(None, &request(method, "{}"));
        assert_eq!(fault(&older), (200, -32601), "{method}");
    }
    for method in ["initialize", "ping", "tools/list"] {
        let older = responded(None, &request(method, "{}"));
        assert!(message(&older)["result"].is_object(), "{method}");
    }
}

#[test]
fn an_unsupported_version_is_refused_with_those_that_are_supported() {
    let unsupported = headers(&[("mcp-protocol-version", "2025-03-27")]);
    let response = responded(Some(&unsupported), &request("tools/list", "{}"));
    assert_eq!(fault(&response), (400, -32022));
    let data = json!({"supported": VERSIONS, "requested": "2025-03-27"});
    assert_eq!(message(&response)["error"]["data"], data);
    assert_eq!(
        fault(&responded(Some(&unsupported), "{")),
        (400, -32022),
        "before the grammar"
    );
    // A client that falls back to `initialize` may still send the version it hoped for.
    let initialize = responded(Some(&unsupported), &request("initialize", "{}"));
    assert_eq!(initialize.status, 200);
    let twice = headers(&[("mcp-protocol-version", "2025-11-25"); 2]);
    let response = responded(Some(&twice), &request("tools/list", "{}"));
    assert_eq!(fault(&response), (400, -32020));
}

#[test]
fn the_list_of_tools_has_one_page() {
    for cursor in [r#"{"cursor":""}"#, r#"{"cursor":0}"#] {
        let response = responded(None, &request("tools/list", cursor));
        assert_eq!(fault(&response), (200, -32602), "{cursor}");
    }
    for params in ["{}", "null", r#"{"cursor":null}"#] {
        let list = message(&responded(None, &request("tools/list", params)));
        assert_eq!(list["result"]["tools"].as_array().unwrap().len(), 1);
        assert_eq!(
            list["result"].get("ttlMs"),
            None,
            "only modern clients may cache it"
        );
    }
    let modern = responded(None, &request("tools/list", &format!("{{{META}}}")));
    assert_eq!(message(&modern)["result"]["ttlMs"], 3_600_000);
    assert_eq!(message(&modern)["result"]["cacheScope"], "public");
}

#[test]
fn over_stdio_no_header_is_missed() {
    for method in ["server/discover", "tools/list"] {
        let response = responded(None, &request(method, &format!("{{{META}}}")));
        assert_eq!(response.status, 200);
        assert!(message(&response)["result"].is_object());
    }
    let params = format!(r#"{{{META},"name":"append_memory","arguments":{ARGUMENTS}}}"#);
    called(&request("tools/call", &params));
}

#[test]
fn the_tools_schemas_are_flat_and_all_its_hints_are_set() {
    fn no_key_anywhere(value: &serde_json::Value, forbidden: &[&str]) {
        match value {
            serde_json::Value::Object(members) => {
                for (name, value) in members {
                    assert!(!forbidden.contains(&name.as_str()), "{name}");
                    if name == "type" {
                        assert!(value.is_string(), "one type: {value}");
                    }
                    no_key_anywhere(value, forbidden);
                }
            }
            serde_json::Value::Array(items) => items
                .iter()
                .for_each(|item| no_key_anywhere(item, forbidden)),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_) => {}
        }
    }
    let message = message(&responded(None, &request("tools/list", "{}")));
    let tools = message["result"]["tools"].as_array().unwrap();
    assert_eq!(tools.len(), 1);
    let tool = &tools[0];
    assert_eq!(tool["name"], "append_memory");
    assert!(tool["description"].as_str().unwrap().len() <= 500);
    for (schema, properties, required) in [
        (
            "inputSchema",
            &["entity_id", "domain", "content", "timestamp", "metadata"][..],
            json!(["entity_id", "domain", "content"]),
        ),
        (
            "outputSchema",
            &["status", "memory_id", "s3_key", "error"],
            json!(["status"]),
        ),
    ] {
        let schema = &tool[schema];
        let members: Vec<_> = schema.as_object().unwrap().keys().collect();
        assert_eq!(members, ["type", "properties", "required"]);
        assert_eq!(
            (&schema["type"], &schema["required"]),
            (&json!("object"), &required)
        );
        let named: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
        assert_eq!(named, properties);
        no_key_anywhere(
            schema,
            &[
                "$ref",
                "$defs",
                "$schema",
                "oneOf",
                "anyOf",
                "allOf",
                "not",
                "default",
                "additionalProperties",
                "x-mcp-header",
            ],
        );
        for property in schema["properties"].as_object().unwrap().values() {
            assert!(property["type"].is_string() && property["description"].is_string());
        }
        jsonschema::draft202012::meta::validate(schema).unwrap();
    }
    assert_eq!(
        tool["annotations"],
        json!({"title": "Append a memory", "readOnlyHint": false, "destructiveHint": false, "idempotentHint": false, "openWorldHint": false})
    );
    assert_eq!(tool["title"], tool["annotations"]["title"]);
}
