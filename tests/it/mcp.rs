//! The Model Context Protocol over HTTP: both eras, agents that are not exact, and browser origins (contract 5.1, 5.2, 5.3,
//! 5.4, 5.5, 5.6).

use memory_web::caller::{ApiKey, Callers};
use memory_web::guard::Guard;
use memory_web::mcp::VERSIONS;
use memory_web::origin::Origin;
use serde_json::{Value, json};

use crate::app::{App, vectors};
use crate::exchange::{Answer, Asked, ask, mcp};
use crate::message::{ARGUMENTS, modern, request};
use crate::surface::tool;

const KEY: &str = "memories/domain=work/entity=rob/2026/01/27/";

/// A call of the tool in the older era.
fn call(arguments: &str) -> String {
    request(
        "tools/call",
        &format!(r#"{{"name":"append_memory","arguments":{arguments}}}"#),
    )
}

fn modern_call(arguments: &str) -> Asked {
    modern(
        "tools/call",
        &format!(r#"{{"name":"append_memory","arguments":{arguments}}}"#),
    )
    .header("mcp-name", "append_memory")
}

/// The status, and the code of the JSON-RPC error.
fn fault(answer: &Answer) -> (u16, i64) {
    let code = answer.json()["error"]["code"].as_i64();
    (answer.status.as_u16(), code.expect("a JSON-RPC error"))
}

/// What a refused call says to the model.
fn refused(answer: &Answer) -> String {
    let message = answer.json();
    assert_eq!(
        (answer.status.as_u16(), &message["result"]["isError"]),
        (200, &json!(true))
    );
    message["result"]["structuredContent"]["error"]
        .as_str()
        .expect("words")
        .to_owned()
}

fn stored(answer: &Answer) -> Value {
    let message = answer.json();
    assert_eq!(
        (answer.status.as_u16(), &message["result"]["isError"]),
        (200, &json!(false)),
        "{message}"
    );
    message["result"]["structuredContent"].clone()
}

#[tokio::test]
async fn a_call_stores_the_same_object_as_the_tools_body_in_either_era() {
    let (plain, older, newer) = (App::new(), App::new(), App::new());
    let flat = plain.send(tool(ARGUMENTS)).await.json();
    assert_eq!(stored(&older.send(mcp(call(ARGUMENTS))).await), flat);
    assert_eq!(stored(&newer.send(modern_call(ARGUMENTS)).await), flat);
    assert_eq!(plain.stored(), older.stored());
    assert_eq!(plain.stored(), newer.stored());
    let repeat = older.send(mcp(call(ARGUMENTS)).to("/api/v1/mcp")).await;
    assert_eq!(repeat.header("idempotent-replayed"), "true");
    assert_eq!(older.stored().len(), 1);
}

#[tokio::test]
async fn metadata_stays_verbatim() {
    let app = App::new();
    let metadata = r#"{"b":1.50,"a":[1e2,"\u00e9"],"A":12345678901234567890}"#;
    let arguments = format!(
        r#"{{"entity_id":"e","domain":"d","content":"c","metadata":{}}}"#,
        metadata.replace(',', " ,\t")
    );
    stored(&app.send(mcp(call(&arguments))).await);
    let object = app.stored().into_values().next().unwrap();
    assert!(
        String::from_utf8(object)
            .unwrap()
            .ends_with(&format!("\"metadata\":{metadata}}}"))
    );
}

#[tokio::test]
async fn initialize_negotiates_its_own_versions_and_never_the_modern_one() {
    let app = App::new();
    for (asked, given) in [
        (r#""2025-06-18""#, "2025-06-18"),
        (r#""2025-11-25""#, "2025-11-25"),
        (r#""2025-03-26""#, "2025-03-26"),
        (r#""2024-11-05""#, "2024-11-05"),
        (r#""2024-11-04""#, "2025-11-25"),
        (r#""2024-10-07""#, "2025-11-25"),
        (r#""2026-07-28""#, "2025-11-25"),
        (r#""2099-01-01""#, "2025-11-25"),
        ("7", "2025-11-25"),
    ] {
        let params = format!(
            r#"{{"protocolVersion":{asked},"capabilities":{{}},"clientInfo":{{"name":"t","version":"1"}}}}"#
        );
        let answer = app.send(mcp(request("initialize", &params))).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["result"]["protocolVersion"], given);
        assert_eq!(answer.header("mcp-session-id"), "");
    }
    let answer = app
        .send(mcp(r#"{"jsonrpc":"2.0","id":"a","method":"initialize"}"#))
        .await;
    assert_eq!(answer.json()["id"], "a");
}

#[tokio::test]
async fn a_notification_is_accepted_without_a_body() {
    let app = App::new();
    for message in [
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/nobody/knows"}"#,
        r#"{"jsonrpc":"2.0","id":4,"result":{}}"#,
    ] {
        assert_eq!(app.send(mcp(message)).await.status, 202, "{message}");
    }
}

#[tokio::test]
async fn the_older_eras_errors_come_with_200_but_for_an_unsupported_version() {
    let app = App::new();
    for (message, code) in [
        (r#"{"jsonrpc":"2.0","id":1,"method":"#, -32700),
        ("\u{feff}{}", -32700),
        ("", -32700),
        ("[]", -32600),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600),
        ("7", -32600),
        ("{}", -32600),
        (r#"{"jsonrpc":"2.0","id":1}"#, -32600),
        (r#"{"id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#,
            -32602,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"\ud800"}"#, -32600),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"resources/list"}"#,
            -32601,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"server/discovers"}"#,
            -32601,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"2"}}"#,
            -32602,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#, -32602),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_memory"}}"#,
            -32602,
        ),
    ] {
        assert_eq!(
            fault(&app.send(mcp(message)).await),
            (200, code),
            "{message}"
        );
    }
    let unsupported = mcp(request("tools/list", "{}")).header("mcp-protocol-version", "2025-03-27");
    let answer = app.send(unsupported).await;
    assert_eq!(fault(&answer), (400, -32022));
    assert_eq!(
        answer.json()["error"]["data"],
        json!({"supported": VERSIONS, "requested": "2025-03-27"})
    );
    // No version at all is an error of HTTP as well, whatever else is wrong.
    for values in [
        &["2025-06-18", "2025-11-25"][..],
        &["2025-11-25", "2025-11-25"],
        &["=?base64?MjAyNS0xMS0yNQ==?="],
    ] {
        for message in [
            request("tools/list", "{}"),
            "{".to_owned(),
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_owned(),
        ] {
            let asked = values.iter().fold(mcp(&*message), |asked, value| {
                asked.header("mcp-protocol-version", *value)
            });
            assert_eq!(fault(&app.send(asked).await).0, 400, "{values:?} {message}");
        }
    }
    // A client that falls back to `initialize` may still send what it hoped for.
    let initialize = mcp(request("initialize", "{}")).header("mcp-protocol-version", "2099-01-01");
    assert_eq!(app.send(initialize).await.status, 200);
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let supported = mcp(request("tools/list", "{}")).header("mcp-protocol-version", version);
        assert_eq!(app.send(supported).await.status, 200);
    }
    app.assert_nothing_stored();
}

#[tokio::test]
async fn an_id_comes_back_as_it_is_spelled() {
    let app = App::new();
    for id in [
        "0",
        "-7",
        "1.50",
        "12345678901234567890123",
        r#""""#,
        r#""\u00e9é\n""#,
    ] {
        let answer = app
            .send(mcp(format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#
            )))
            .await;
        assert_eq!(
            answer.text(),
            format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)
        );
    }
}

#[tokio::test]
async fn a_call_that_nobody_would_hear_the_answer_of_stores_nothing() {
    let app = App::new();
    for id in ["", r#""id":null,"#, r#""id":{},"#, r#""id":true,"#] {
        let message = format!(
            r#"{{"jsonrpc":"2.0",{id}"method":"tools/call","params":{{"name":"append_memory","arguments":{ARGUMENTS}}}}}"#
        );
        let answer = app.send(mcp(message)).await;
        assert_eq!(fault(&answer), (200, -32600));
        assert!(answer.text().contains("nothing was done"));
    }
    app.assert_nothing_stored();
}

#[tokio::test]
async fn a_modern_request_must_carry_its_version_and_capabilities() {
    let app = App::new();
    let version = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#;
    let capabilities = r#""io.modelcontextprotocol/clientCapabilities":{}"#;
    for meta in [
        "{}".to_owned(),
        r#"{"_meta":{}}"#.to_owned(),
        r#"{"_meta":null}"#.to_owned(),
        r#"{"_meta":7}"#.to_owned(),
        format!(r#"{{"_meta":{{{version}}}}}"#),
        format!(r#"{{"_meta":{{{capabilities}}}}}"#),
        format!(r#"{{"_meta":{{{version},"io.modelcontextprotocol/clientCapabilities":[]}}}}"#),
    ] {
        for method in ["server/discover", "tools/list", "tools/call"] {
            let asked = mcp(request(method, &meta))
                .header("mcp-protocol-version", "2026-07-28")
                .header("mcp-method", method);
            assert_eq!(
                fault(&app.send(asked).await),
                (400, -32602),
                "{method} {meta}"
            );
        }
    }
    let unknown = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"v9","io.modelcontextprotocol/clientCapabilities":{}}}"#;
    let asked = mcp(request("server/discover", unknown)).header("mcp-protocol-version", "v9");
    let answer = app.send(asked).await;
    assert_eq!(fault(&answer), (400, -32022));
    assert_eq!(answer.json()["error"]["data"]["requested"], "v9");
    let asked =
        mcp(request("server/discover", unknown)).header("mcp-protocol-version", "2026-07-28");
    assert_eq!(fault(&app.send(asked).await), (400, -32020));
}

#[tokio::test]
async fn a_modern_requests_headers_mirror_its_body() {
    let app = App::new();
    let body = |method: &str| {
        let meta = r#"{"name":"append_memory","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}"#;
        mcp(request(method, meta))
    };
    let version = ("MCP-Protocol-Version", "2026-07-28");
    let method = ("Mcp-Method", "tools/call");
    let name = ("Mcp-Name", "append_memory");
    let mismatches: &[&[(&str, &str)]] = &[
        &[method, name],
        &[("MCP-Protocol-Version", "2025-11-25"), method, name],
        &[version, name],
        &[version, ("Mcp-Method", "TOOLS/CALL"), name],
        &[version, method, method, name],
        &[version, version, method, name],
        &[version, method],
        &[version, method, ("Mcp-Name", "Append_memory")],
        &[version, method, name, name],
        &[version, method, ("Mcp-Name", "=?base64?YXBwZW5k?=")],
        &[version, method, ("Mcp-Name", "=?base64?!?=")],
        &[version, method, ("Mcp-Name", "=?base64?/w==?=")],
        // No other field may be in base64.
        &[
            ("MCP-Protocol-Version", "=?base64?MjAyNi0wNy0yOA==?="),
            method,
            name,
        ],
        &[version, ("Mcp-Method", "=?base64?dG9vbHMvY2FsbA==?="), name],
    ];
    for fields in mismatches {
        let asked = fields
            .iter()
            .fold(body("tools/call"), |asked, (name, value)| {
                asked.header(name, *value)
            });
        assert_eq!(fault(&app.send(asked).await), (400, -32020), "{fields:?}");
    }
    for given in ["append_memory", "=?base64?YXBwZW5kX21lbW9yeQ==?="] {
        let asked = [version, method, ("mcp-name", given)]
            .iter()
            .fold(body("tools/call"), |asked, (name, value)| {
                asked.header(name, *value)
            });
        assert!(refused(&app.send(asked).await).contains("is required"));
    }
    // Other methods have no name to mirror, and other fields mean nothing.
    let list = [
        version,
        ("mcp-method", "tools/list"),
        ("mcp-session-id", "x"),
        ("last-event-id", "1"),
    ]
    .iter()
    .fold(body("tools/list"), |asked, (name, value)| {
        asked.header(name, *value)
    });
    assert_eq!(app.send(list).await.status, 200);
    app.assert_nothing_stored();
}

#[tokio::test]
async fn a_modern_server_has_no_initialize_no_ping_and_no_other_method() {
    let app = App::new();
    for method in [
        "initialize",
        "ping",
        "logging/setLevel",
        "prompts/list",
        "resources/subscribe",
        "subscriptions/listen",
        "completion/complete",
    ] {
        let answer = app.send(modern(method, "{}")).await;
        assert_eq!(fault(&answer), (404, -32601), "{method}");
        assert_eq!(answer.json()["id"], 1);
    }
    let unknown =
        modern("tools/call", r#"{"name":"read_memory"}"#).header("mcp-name", "read_memory");
    let answer = app.send(unknown).await;
    assert_eq!(fault(&answer), (400, -32602));
    assert!(answer.text().contains("append_memory"));
}

#[tokio::test]
async fn a_version_of_the_older_era_in_meta_is_served_as_that_era() {
    let params = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2025-11-25"}}"#;
    let app = App::new();
    assert_eq!(
        app.send(mcp(request("ping", params))).await.json()["result"],
        json!({})
    );
    let agrees = mcp(request("ping", params)).header("mcp-protocol-version", "2025-11-25");
    assert_eq!(app.send(agrees).await.status, 200);
    // A header that says otherwise would lead astray whoever trusts it.
    for other in ["2026-07-28", "2025-06-18"] {
        let asked = mcp(request("ping", params)).header("mcp-protocol-version", other);
        assert_eq!(fault(&app.send(asked).await), (400, -32020));
    }
    // It asks for what is spoken, and is told.
    let discover = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2025-11-25","io.modelcontextprotocol/clientCapabilities":{}}}"#;
    let asked = mcp(request("server/discover", discover))
        .header("mcp-protocol-version", "2025-11-25")
        .header("mcp-method", "server/discover");
    assert_eq!(
        app.send(asked).await.json()["result"]["supportedVersions"],
        json!(VERSIONS)
    );
}

#[tokio::test]
async fn what_is_ambiguous_about_a_message_is_its_senders_fault_and_not_its_models() {
    let app = App::new();
    let call = format!(
        r#""method":"tools/call","params":{{"name":"append_memory","arguments":{ARGUMENTS}}}"#
    );
    for (message, id) in [
        (format!(r#"{{"jsonrpc":"2.0","id":1,"id":2,{call}}}"#), None),
        (format!(r#"{{"jsonrpc":"2.0","id":"\ud800",{call}}}"#), None),
        (
            format!(r#"{{"jsonrpc":"2.0","id":1,{call},"params":{{}}}}"#),
            Some(1),
        ),
        (
            format!(r#"{{"jsonrpc":"2.0","id":1,{call},"x":"\udc00"}}"#),
            Some(1),
        ),
        (
            format!(r#"{{"jsonrpc":"2.0","method":"notifications/x",{call}}}"#),
            None,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"notifications/x","a":1,"a":2}"#.to_owned(),
            None,
        ),
        (
            r#"{"jsonrpc":"2.0","id":5,"method":7,"result":{}}"#.to_owned(),
            Some(5),
        ),
        (r#"{"result":1}"#.to_owned(), None),
    ] {
        let answer = app.send(mcp(&*message)).await;
        assert_eq!(fault(&answer), (200, -32600), "{message}");
        assert_eq!(
            answer.json().get("id").and_then(Value::as_i64),
            id,
            "{message}"
        );
    }
    app.assert_nothing_stored();
}

#[tokio::test]
async fn sloppy_agents_are_served() {
    let app = App::new();
    let bare = |body: String| ask("POST", "/mcp").body(body);
    // A bare call by curl: no handshake, no type, and whatever it accepts.
    stored(&app.send(bare(call(ARGUMENTS))).await);
    for accept in [
        "*/*",
        "text/event-stream",
        "text/html",
        "",
        "application/json;q=0",
        "garbage",
    ] {
        stored(
            &app.send(bare(call(ARGUMENTS)).header("accept", accept))
                .await,
        );
    }
    for media_type in ["application/json; charset=utf-8", "APPLICATION/JSON"] {
        stored(
            &app.send(bare(call(ARGUMENTS)).header("content-type", media_type))
                .await,
        );
    }
    // Arguments in a string, nulls, and what nobody asked for beside them.
    let in_a_string = serde_json::to_string(ARGUMENTS).unwrap();
    stored(&app.send(mcp(call(&in_a_string))).await);
    let with_nulls = ARGUMENTS.replace('}', r#","metadata":null}"#);
    stored(&app.send(mcp(call(&with_nulls))).await);
    let params = format!(
        r#"{{"name":"append_memory","arguments":{ARGUMENTS},"_meta":{{"progressToken":1,"AWS_REGION":"x","traceparent":null}},"task":null}}"#
    );
    stored(&app.send(mcp(request("tools/call", &params))).await);
    let query = mcp(call(ARGUMENTS)).to("/mcp?utm_source=x&page=1");
    assert_eq!(app.send(query).await.status, 200);
    assert_eq!(app.stored().len(), 1, "it was one memory all the time");
    assert!(app.stored().keys().all(|key| key.starts_with(KEY)));
}

#[tokio::test]
async fn bad_arguments_are_results_that_a_model_can_mend() {
    let app = App::new();
    for (arguments, words) in [
        (
            "{}",
            "\"domain\" is required and must not be null. \"entity_id\" is required",
        ),
        ("null", "\"content\" is required"),
        (
            "[]",
            "The memory is an array; it must be an object with the members entity_id, domain, content",
        ),
        ("7", "The memory is a number"),
        (r#""not json""#, "is not acceptable JSON"),
        (r#""[]""#, "The memory is an array"),
        (r#""{\"a\":1,\"a\":2}""#, "the member \"a\" appears twice"),
        (
            r#"{"content":"\ud83d"}"#,
            "it escapes one half of a surrogate pair",
        ),
        (
            r#"{"content":"a","content":"b"}"#,
            "the member \"content\" appears twice",
        ),
        (
            r#"{"entity_id":"e","domain":"d","content":{"a":1}}"#,
            "\"content\" is an object; it must be a string.",
        ),
        (
            r#"{"entity_id":"e","domain":"d","content":"c","timestamp":"today"}"#,
            "Send RFC 3339 with an offset",
        ),
        (
            r#"{"entity_id":"e","domain":"d","content":"c","id":"1"}"#,
            "\"id\" is not a known member",
        ),
    ] {
        for answer in [
            app.send(mcp(call(arguments))).await,
            app.send(modern_call(arguments)).await,
        ] {
            let said = refused(&answer);
            assert!(said.contains(words), "{arguments}: {said}");
        }
    }
    let missing = app
        .send(mcp(request("tools/call", r#"{"name":"append_memory"}"#)))
        .await;
    assert!(refused(&missing).contains("\"content\" is required"));
    app.assert_nothing_stored();
}

#[tokio::test]
async fn what_is_refused_before_it_is_read_is_an_error_of_json_rpc() {
    let app = App::new();
    let typed = |media_type: &str| {
        ask("POST", "/mcp")
            .header("content-type", media_type)
            .body(call(ARGUMENTS))
    };
    for media_type in [
        "application/x-www-form-urlencoded",
        "text/plain",
        "",
        "json",
    ] {
        let answer = app.send(typed(media_type)).await;
        assert_eq!(fault(&answer), (415, -32600), "{media_type}");
        assert_eq!(answer.header("accept"), "application/json");
    }
    let encoded = mcp(call(ARGUMENTS)).header("content-encoding", "gzip");
    assert_eq!(fault(&app.send(encoded).await), (415, -32600));
    let large = format!(r#"{{"content":"{}"}}"#, "x".repeat(4 * 1024 * 1024));
    assert_eq!(fault(&app.send(mcp(call(&large))).await), (413, -32600));
    let broken = App::of(memory_web::http::misconfigured_router(
        memory_ingress::http::MCP,
    ));
    assert_eq!(
        fault(&broken.send(mcp(call(ARGUMENTS))).await),
        (500, -32603)
    );
    let locked = App::for_callers(Callers::Key(ApiKey::new("right")));
    assert_eq!(
        fault(&locked.send(mcp(call(ARGUMENTS))).await),
        (403, -32600)
    );
    let unlocked = mcp(call(ARGUMENTS)).header("x-api-key", "right");
    stored(&locked.send(unlocked).await);
    app.assert_nothing_stored();
}

#[tokio::test]
async fn other_methods_are_405_and_name_the_one_there_is() {
    let app = App::new();
    for path in ["/mcp", "/mcp/", "/api/v1/mcp"] {
        for method in ["GET", "DELETE", "PUT", "OPTIONS", "PATCH"] {
            let answer = app
                .send(ask(method, path).header("accept", "text/event-stream"))
                .await;
            assert_eq!(answer.faults(), ["method_not_allowed"]);
            assert_eq!(answer.header("allow"), "POST");
        }
    }
    let wrong_case = ask("POST", "/MCP").body(call(ARGUMENTS));
    assert_eq!(app.send(wrong_case).await.status, 404);
}

#[tokio::test]
async fn a_page_calls_if_its_origin_is_allowed() {
    const OWN: &str = "https://app.example.com";
    let app = |callers: Callers| {
        App::guarded(Guard {
            callers,
            allowed_origins: vec![Origin::parse(OWN).unwrap()],
        })
    };
    let key = Callers::Key(ApiKey::new("right"));
    for callers in [Callers::Gateway, Callers::Loopback, key] {
        let app = app(callers);
        let from = |origin: &str, asked: Asked| {
            asked
                .header("host", "127.0.0.1:1")
                .header("x-api-key", "right")
                .header("origin", origin)
        };
        for origin in [
            "https://evil.test",
            "null",
            "https://app.example.com.evil.test",
            "https://APP.example.com",
            "http://app.example.com",
            "",
        ] {
            let answer = app.send(from(origin, mcp(call(ARGUMENTS)))).await;
            assert_eq!(fault(&answer), (403, -32600), "{origin}");
            assert_eq!(answer.header("access-control-allow-origin"), "");
        }
        app.assert_nothing_stored();
        let answer = app.send(from(OWN, mcp(call(ARGUMENTS)))).await;
        stored(&answer);
        assert_eq!(answer.header("access-control-allow-origin"), OWN);
        assert_eq!(
            answer.header("access-control-expose-headers"),
            "x-request-id, idempotent-replayed, retry-after, www-authenticate"
        );
        // An error may be read as well.
        let answer = app.send(from(OWN, mcp("{"))).await;
        assert_eq!(answer.header("access-control-allow-origin"), OWN);
    }
}

#[tokio::test]
async fn a_preflight_of_an_allowed_origin_is_answered_and_needs_no_key() {
    const OWN: &str = "https://app.example.com";
    let app = App::guarded(Guard {
        callers: Callers::Key(ApiKey::new("right")),
        allowed_origins: vec![Origin::parse(OWN).unwrap()],
    });
    let asked = "content-type, mcp-method, mcp-name, mcp-protocol-version, x-api-key, x-amz-date";
    let preflight = |path: &str, origin: &str| {
        ask("OPTIONS", path)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", asked)
    };
    let answer = app.send(preflight("/mcp", OWN)).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (204, ""));
    for (name, value) in [
        ("access-control-allow-origin", OWN),
        ("access-control-allow-methods", "POST"),
        ("access-control-allow-headers", asked),
        ("access-control-max-age", "3600"),
        ("content-type", ""),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    assert_eq!(
        app.send(preflight("/mcp", "https://evil.test"))
            .await
            .status,
        403
    );
    assert_eq!(app.send(preflight("/memory", OWN)).await.status, 405);
}

#[tokio::test]
async fn a_page_of_this_machine_needs_no_permission_on_a_laptop_and_does_elsewhere() {
    const PAGE: &str = "http://localhost:6274";
    let from_page = |asked: Asked| asked.header("host", "localhost:1").header("origin", PAGE);
    let own = || from_page(mcp(call(ARGUMENTS)));
    let answer = App::for_callers(Callers::Loopback).send(own()).await;
    assert_eq!(answer.header("access-control-allow-origin"), PAGE);
    stored(&answer);
    let preflight = from_page(ask("OPTIONS", "/mcp"))
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type");
    let answer = App::for_callers(Callers::Loopback).send(preflight).await;
    assert_eq!(
        (
            answer.status.as_u16(),
            answer.header("access-control-allow-origin")
        ),
        (204, PAGE)
    );
    assert_eq!(fault(&App::new().send(own()).await), (403, -32600));
}

#[tokio::test]
async fn a_page_reads_why_it_was_refused() {
    const OWN: &str = "https://app.example.com";
    let app = App::guarded(Guard {
        callers: Callers::Key(ApiKey::new("right")),
        allowed_origins: vec![Origin::parse(OWN).unwrap()],
    });
    for keys in [
        &[][..],
        &["wrong"],
        &["right", "wrong"],
        &["wrong", "right"],
    ] {
        let asked = keys
            .iter()
            .fold(mcp(call(ARGUMENTS)).header("origin", OWN), |asked, key| {
                asked.header("x-api-key", *key)
            });
        let answer = app.send(asked).await;
        assert_eq!(fault(&answer), (403, -32600), "{keys:?}");
        assert_eq!(answer.header("access-control-allow-origin"), OWN);
    }
    app.assert_nothing_stored();
}

#[tokio::test]
async fn every_worked_example_of_the_tools_body_is_the_same_memory_here() {
    let tool: Value =
        serde_json::from_str(include_str!("../../src/tool/append_memory.json")).unwrap();
    let schema = jsonschema::validator_for(&tool["inputSchema"]).unwrap();
    for vector in vectors("tool.json").as_array().unwrap() {
        let body = vector["request"].as_str().unwrap();
        let app = App::new();
        let in_a_string = serde_json::to_string(body).unwrap();
        for asked in [mcp(call(body)), mcp(call(&in_a_string)), modern_call(body)] {
            let flat = stored(&app.send(asked).await);
            assert_eq!(
                flat["memory_id"], vector["memory_id"],
                "{}",
                vector["about"]
            );
        }
        let key = vector["s3_key"].as_str().unwrap().to_owned();
        let object = vector["object"].as_str().unwrap().as_bytes().to_vec();
        assert_eq!(app.stored(), [(key, object)].into());
        // Nulls are taken as left out, and no schema that all clients bear can say so.
        let arguments: Value = serde_json::from_str(body).unwrap();
        let has_null = arguments.as_object().unwrap().values().any(Value::is_null);
        assert!(has_null || schema.is_valid(&arguments), "{body}");
    }
}
