//! What a browser's page may do with memories: a page of another origin may not read them (contract 8.8).

use memory_web::caller::{ApiKey, Callers};
use memory_web::guard::Guard;
use memory_web::origin::Origin;
use serde_json::{Value, json};

use crate::exchange::Answer;
use crate::reader::{Field, SCOPE, call, memory};

const HOST: (&str, &str) = ("host", "localhost:8080");
const KEY: (&str, &str) = ("x-api-key", "secret");
const NAMED: &str = "https://app.test";
/// What a page with the key sends when it asks before a request.
const OWN: &str = "http://localhost:8080";

fn guard(callers: Callers) -> Guard {
    Guard {
        callers,
        allowed_origins: vec![Origin::parse(NAMED).unwrap()],
    }
}

/// A service of each kind of callers, and what its callers send beside the origin.
fn fields() -> [(Field, Vec<(&'static str, &'static str)>); 3] {
    let key = Callers::Key(ApiKey::new("secret"));
    [
        (Field::guarded(guard(Callers::Loopback)), vec![HOST]),
        (Field::guarded(guard(key)), vec![HOST, KEY]),
        (Field::guarded(guard(Callers::Gateway)), vec![HOST]),
    ]
}

fn routes(id: &str) -> [String; 3] {
    [
        format!("/memory/search?{SCOPE}&filter[query]=note"),
        format!("/api/v1/mcp/memories/?{SCOPE}"),
        format!("/memories/{id}?{SCOPE}"),
    ]
}

#[tokio::test]
async fn only_the_services_own_page_and_named_origins_may_read() {
    for (field, usual) in fields() {
        let id = field.lay(&memory(&json!({})));
        for target in routes(&id) {
            for (fields, is_read) in [
                (&[][..], true),
                (&[("origin", OWN)], true),
                (&[("origin", "https://localhost:8080")], true),
                (&[("origin", NAMED)], true),
                (&[("origin", NAMED), ("sec-fetch-site", "cross-site")], true),
                (&[("origin", OWN), ("sec-fetch-site", "same-origin")], true),
                (&[("sec-fetch-site", "same-origin")], true),
                (&[("sec-fetch-site", "none")], true),
                // Near misses of the service's own origin.
                (&[("origin", "http://localhost")], false),
                (&[("origin", "http://localhost:8081")], false),
                (&[("origin", "http://127.0.0.1:8080")], false),
                (&[("origin", "http://[::1]:8080")], false),
                (&[("origin", "http://localhost:80800")], false),
                (&[("origin", "http://localhost:8080.evil.test")], false),
                (&[("origin", "http://localhost:8080/")], false),
                (&[("origin", "http://evil.test")], false),
                (&[("origin", "ftp://localhost:8080")], false),
                (&[("origin", "localhost:8080")], false),
                (&[("origin", "null")], false),
                (&[("origin", "")], false),
                (&[("origin", "file://")], false),
                // And of the named one.
                (&[("origin", "http://app.test")], false),
                (&[("origin", "https://app.test:8443")], false),
                (&[("origin", "https://app.test.evil.test")], false),
                (&[("origin", "https://evil.app.test")], false),
                (&[("origin", "https://app.tes")], false),
                // Every origin that is sent must be one.
                (&[("origin", NAMED), ("origin", "https://evil.test")], false),
                (&[("origin", "https://evil.test"), ("origin", NAMED)], false),
                // An image or a script of a page sends no origin.
                (&[("sec-fetch-site", "cross-site")], false),
                (&[("sec-fetch-site", "same-site")], false),
                (&[("sec-fetch-site", "Same-Origin")], false),
                (&[("sec-fetch-site", "")], false),
                (&[("sec-fetch-site", "none, cross-site")], false),
                (
                    &[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")],
                    false,
                ),
                (
                    &[
                        ("sec-fetch-site", "cross-site"),
                        ("sec-fetch-mode", "navigate"),
                    ],
                    false,
                ),
            ] {
                let sent = [&usual[..], fields].concat();
                let answer = field.ask("GET", &target, &sent).await;
                let about = format!("{target} {sent:?}");
                assert_eq!(answer.status == 200, is_read, "{about}");
                if !is_read {
                    let source = fields[0].0.replace("origin", "Origin");
                    let source = source.replace("sec-fetch-site", "Sec-Fetch-Site");
                    assert_eq!(
                        answer.faults(),
                        [format!("forbidden {source:?}")],
                        "{about}"
                    );
                    assert!(!answer.text().contains("note"), "{about}");
                }
                let head = field.ask("HEAD", &target, &sent).await;
                assert_eq!(head.status, answer.status, "{about}");
                let shared = answer.header("access-control-allow-origin");
                let origin = fields.iter().find(|(name, _)| *name == "origin");
                let may_be_shared = is_read && origin.is_some();
                assert_eq!(!shared.is_empty(), may_be_shared, "{about}");
                if may_be_shared {
                    assert_eq!(shared, origin.unwrap().1);
                    let exposed = answer.header("access-control-expose-headers");
                    assert!(exposed.split(", ").any(|name| name == "etag"), "{exposed}");
                    assert_eq!(answer.header("access-control-allow-credentials"), "");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_page_is_not_the_services_own_by_a_host_that_is_sent_twice_or_is_foreign() {
    let field = Field::guarded(guard(Callers::Loopback));
    let target = format!("/memories?{SCOPE}");
    for fields in [
        [("host", "localhost:8080"), ("host", "localhost:8081")],
        [("host", "localhost:8081"), ("host", "localhost:8080")],
    ] {
        let sent = [&fields[..], &[("origin", OWN)]].concat();
        assert_eq!(field.ask("GET", &target, &sent).await.status, 403);
    }
    // A name of an attacker that resolves to this machine.
    let rebound = [
        ("host", "evil.test:8080"),
        ("origin", "http://evil.test:8080"),
    ];
    let refused = field.ask("GET", &target, &rebound).await;
    assert_eq!(refused.faults(), ["forbidden \"Host\""]);
    let rebound = [("host", "evil.test:8080")];
    assert_eq!(field.ask("GET", &target, &rebound).await.status, 403);
}

#[tokio::test]
async fn only_a_page_that_may_read_learns_from_a_preflight_that_it_may() {
    for (field, _) in fields() {
        for target in routes("0d8a1c1e-6a4f-8b62-9d1b-1f0a5c3e7b21") {
            let ask = async |origin: &str, method: &str| {
                let sent = [
                    HOST,
                    ("origin", origin),
                    ("access-control-request-method", method),
                    ("access-control-request-headers", "if-none-match, x-api-key"),
                ];
                field.ask("OPTIONS", &target, &sent).await
            };
            for origin in [OWN, NAMED] {
                for method in ["GET", "HEAD"] {
                    let answer = ask(origin, method).await;
                    assert_eq!(answer.status, 204, "{target} {origin}");
                    assert_eq!(answer.header("access-control-allow-origin"), origin);
                    let methods = answer.header("access-control-allow-methods");
                    assert!(methods.starts_with("GET, HEAD"), "{methods}");
                    assert!(!methods.contains("POST"), "{methods}");
                    let fields = answer.header("access-control-allow-headers");
                    assert_eq!(fields, "if-none-match, x-api-key");
                }
            }
            for origin in ["http://localhost:3000", "https://evil.test", "null"] {
                let answer = ask(origin, "GET").await;
                assert_eq!(answer.status, 403, "{target} {origin}");
                assert_eq!(answer.header("access-control-allow-origin"), "");
                assert_eq!(answer.header("access-control-allow-methods"), "");
            }
        }
    }
}

#[tokio::test]
async fn a_key_is_asked_of_every_page_and_opens_nothing_to_a_foreign_one() {
    let field = Field::guarded(guard(Callers::Key(ApiKey::new("secret"))));
    let id = field.lay(&memory(&json!({})));
    for target in routes(&id) {
        for (fields, status) in [
            (&[][..], 403),
            (&[("origin", NAMED)], 403),
            (&[("x-api-key", "Secret")], 403),
            (&[KEY, ("x-api-key", "wrong")], 403),
            (&[KEY], 200),
            (&[KEY, ("origin", NAMED)], 200),
            (&[KEY, ("origin", "http://localhost:3000")], 403),
            (&[KEY, ("sec-fetch-site", "cross-site")], 403),
        ] {
            let sent = [&[HOST], fields].concat();
            let answer = field.ask("GET", &target, &sent).await;
            assert_eq!(answer.status, status, "{target} {fields:?}");
        }
    }
    let health = field.ask_anything("GET", "/mcp/recall/health", &[HOST], "");
    let health = health.await;
    assert_eq!(health.header("content-type"), "application/health+json");
    assert_eq!(health.json()["status"], "pass");
}

fn tools(answer: &Answer) -> Vec<String> {
    let document = answer.json();
    let tools = document["result"]["tools"].as_array().expect("tools");
    let name = |tool: &Value| tool["name"].as_str().unwrap().to_owned();
    tools.iter().map(name).collect()
}

#[tokio::test]
async fn at_the_joined_path_a_foreign_page_of_this_machine_sees_and_calls_append_memory_alone() {
    let field = Field::guarded(guard(Callers::Loopback));
    field.lay(&memory(&json!({"content": "a secret note"})));
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
    let scope = json!({"domain": "work", "entity_id": "rob"});
    let id = "0d8a1c1e-6a4f-8b62-9d1b-1f0a5c3e7b21";
    for (fields, is_foreign) in [
        (&[("origin", "http://localhost:3000")][..], true),
        (&[("origin", "http://127.0.0.1:8080")], true),
        (&[("sec-fetch-site", "cross-site")], true),
        (&[("origin", OWN)], false),
        (&[("origin", NAMED)], false),
        (&[], false),
    ] {
        let sent = [&[HOST], fields].concat();
        for path in ["/mcp", "/api/v1/mcp/", "/mcp/recall"] {
            let listed = field.message(path, &sent, &list).await;
            // Recall's own path has nothing for such a page.
            if is_foreign && path.contains("recall") {
                assert_eq!(listed.status, 403, "{path} {fields:?}");
                continue;
            }
            assert_eq!(listed.status, 200, "{path} {fields:?}");
            let shown = tools(&listed);
            let has = |name: &str| shown.iter().any(|tool| tool == name);
            assert_eq!(has("search_memory"), !is_foreign, "{path} {fields:?}");
            assert_eq!(has("get_memory"), !is_foreign, "{path} {fields:?}");
            assert_eq!(has("append_memory"), !path.contains("recall"), "{path}");
            assert!(!is_foreign || shown.len() <= 1, "{shown:?}");
            for (tool, arguments) in [
                ("search_memory", scope.clone()),
                (
                    "get_memory",
                    json!({"domain": "work", "entity_id": "rob", "memory_id": id}),
                ),
                // A refusal comes before what is wrong with the arguments.
                ("search_memory", json!({"nonsense": true})),
            ] {
                let answer = field.message(path, &sent, &call(tool, &arguments)).await;
                let status = if is_foreign { 403 } else { 200 };
                assert_eq!(answer.status, status, "{path} {tool} {fields:?}");
                assert!(!is_foreign || answer.json().get("result").is_none());
                assert!(!is_foreign || !answer.text().contains("secret"));
            }
        }
        let note = json!({"domain": "work", "entity_id": "rob", "content": "c"});
        let stored = field
            .message("/mcp", &sent, &call("append_memory", &note))
            .await;
        assert_eq!(stored.json()["result"]["isError"], false, "{fields:?}");
    }
    for origin in ["https://evil.test", "null"] {
        let sent = [HOST, ("origin", origin)];
        for path in ["/mcp", "/mcp/recall"] {
            assert_eq!(field.message(path, &sent, &list).await.status, 403);
        }
    }
}
