//! Messages of the Model Context Protocol, as agents of each version send them.

use crate::exchange::{Asked, mcp};

/// The arguments of a call that stores one memory.
pub(crate) const ARGUMENTS: &str = r#"{"entity_id":"rob","domain":"work","content":"Rob prefers mornings.","timestamp":"2026-01-27T03:14:22Z"}"#;

/// A request of the protocol versions before 2026-07-28.
pub(crate) fn request(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#)
}

/// A request of version 2026-07-28 with the headers that repeat parts of it.
pub(crate) fn modern(method: &str, params: &str) -> Asked {
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let params = match params {
        "{}" => format!("{{{meta}}}"),
        _ => format!("{{{meta},{}", params.strip_prefix('{').expect("an object")),
    };
    mcp(request(method, &params))
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", method)
}
