//! Every method of the Model Context Protocol in each version.

use serde_json::Value;

use crate::exchange::{Asked, mcp};
use crate::message::{ARGUMENTS, modern, request};

const REFUSED: &str = r#"{"entity_id":"rob","domain":"work"}"#;

/// A request, and the name of the schema of its result. Without a name, the response is an error.
pub(crate) struct Exchange {
    pub(crate) about: &'static str,
    pub(crate) asked: Asked,
    pub(crate) shown: String,
    pub(crate) result: Option<&'static str>,
}

fn call(arguments: &str) -> String {
    format!(r#"{{"name":"append_memory","arguments":{arguments}}}"#)
}

/// Every method of one protocol version.
pub(crate) fn exchanges(version: &str) -> Vec<Exchange> {
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
