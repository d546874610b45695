//! Every method of the Model Context Protocol on the wire, in each version: as it was agreed on, and
//! by the protocol's own schemas.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::app::{App, Asked, mcp};
use crate::installed::node;
use crate::mcp::{ARGUMENTS, modern, request};
use crate::mcp_clients::CONFORMANCE;

const REFUSED: &str = r#"{"entity_id":"rob","domain":"work"}"#;

/// A request, and the schema's name of its result; of an error where it has none.
struct Exchange {
    about: &'static str,
    asked: Asked,
    shown: String,
    result: Option<&'static str>,
}

fn call(arguments: &str) -> String {
    format!(r#"{{"name":"append_memory","arguments":{arguments}}}"#)
}

fn exchanges(version: &str) -> Vec<Exchange> {
    let initialize = format!(
        r#"{{"protocolVersion":"{version}","capabilities":{{}},"clientInfo":{{"name":"agent","version":"1"}}}}"#
    );
    let common = [
        (
            "the list of tools",
            "tools/list",
            "{}".to_owned(),
            Some("ListToolsResult"),
        ),
        (
            "a call",
            "tools/call",
            call(ARGUMENTS),
            Some("CallToolResult"),
        ),
        (
            "a refused call",
            "tools/call",
            call(REFUSED),
            Some("CallToolResult"),
        ),
        (
            "an unknown tool",
            "tools/call",
            r#"{"name":"read_memory"}"#.to_owned(),
            None,
        ),
        ("an unknown method", "resources/list", "{}".to_owned(), None),
    ];
    let opening = match version {
        "2026-07-28" => vec![(
            "the opening",
            "server/discover",
            "{}".to_owned(),
            Some("DiscoverResult"),
        )],
        _ => vec![
            (
                "the opening",
                "initialize",
                initialize,
                Some("InitializeResult"),
            ),
            (
                "a sign of life",
                "ping",
                "{}".to_owned(),
                Some("EmptyResult"),
            ),
        ],
    };
    let of = |(about, method, params, result): (&'static str, &str, String, _)| {
        let asked = match version {
            "2026-07-28" => modern(method, &params),
            _ => mcp(request(method, &params)).header("mcp-protocol-version", version),
        };
        let name = serde_json::from_str::<Value>(&params).unwrap()["name"].clone();
        let asked = match name.as_str() {
            Some(name) if version == "2026-07-28" => asked.header("mcp-name", name),
            _ => asked,
        };
        let shown = format!("{method} {params}");
        Exchange {
            about,
            asked,
            shown,
            result,
        }
    };
    opening.into_iter().chain(common).map(of).collect()
}

#[tokio::test]
async fn every_method_is_answered_as_it_was_agreed_on() {
    for version in memory_ingress::mcp::VERSIONS {
        let app = App::new();
        let mut seen = String::new();
        for Exchange {
            about,
            asked,
            shown,
            ..
        } in exchanges(version)
        {
            let answer = app.send(asked).await;
            let body = answer
                .text()
                .replace(env!("CARGO_PKG_VERSION"), "<version>");
            seen += &format!("{about}\n> {shown}\n< {}\n< {body}\n\n", answer.status);
        }
        insta::assert_snapshot!(format!("mcp_{version}"), seen);
    }
}

#[tokio::test]
async fn every_answer_is_valid_by_the_protocols_own_schemas() {
    let folder = node("conformance", &CONFORMANCE);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/wire_schemas.mjs");
    let printed = Command::new("node")
        .arg(script)
        .arg(&folder)
        .output()
        .unwrap();
    assert!(
        printed.status.success(),
        "{}",
        String::from_utf8_lossy(&printed.stderr)
    );
    let schemas: Value = serde_json::from_slice(&printed.stdout).unwrap();
    for version in memory_ingress::mcp::VERSIONS {
        let schema = &schemas[version];
        let definitions = if schema.get("$defs").is_some() {
            "$defs"
        } else {
            "definitions"
        };
        let valid = |name: &str, instance: &Value| {
            let whole = json!({
                "$schema": schema["$schema"],
                "$ref": format!("#/{definitions}/{name}"),
                definitions: schema[definitions],
            });
            let validator = jsonschema::validator_for(&whole).unwrap();
            if let Err(error) = validator.validate(instance) {
                panic!("{version}: {instance} is no {name}: {error}");
            }
        };
        let app = App::new();
        for Exchange { asked, result, .. } in exchanges(version) {
            let answer = app.send(asked).await.json();
            valid("JSONRPCMessage", &answer);
            match result {
                Some(name) => valid(name, &answer["result"]),
                None => assert!(answer["error"].is_object()),
            }
        }
    }
}
