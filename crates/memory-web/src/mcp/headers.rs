//! The header fields that repeat parts of a modern request's body, so that a proxy can judge a
//! request without reading it
//! (<https://modelcontextprotocol.io/specification/2026-07-28/basic/transports>).

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use memory_log::json::quoted;

use super::reply::RpcError;

pub(super) const PROTOCOL_VERSION: &str = "MCP-Protocol-Version";
pub(super) const METHOD: &str = "Mcp-Method";
/// The only field whose value may be in base64, because a tool name may have any character.
pub(super) const NAME: &str = "Mcp-Name";

/// The header fields of a message; stdio has none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Headers<'h>(pub(super) Option<&'h HeaderMap>);

impl<'h> Headers<'h> {
    /// A field's value, if it is given.
    pub(super) fn value(self, name: &str) -> Result<Option<&'h str>, RpcError> {
        let Some(headers) = self.0 else {
            return Ok(None);
        };
        let mut values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
        match (values.next().map(std::str::from_utf8), values.next()) {
            (None, _) => Ok(None),
            (Some(Ok(value)), None) => Ok(Some(value)),
            (Some(_), _) => Err(RpcError::HeaderMismatch(format!(
                "The header {name} appears more than once, or is not text."
            ))),
        }
    }

    /// Checks that a field agrees with the body. There are no fields over stdio.
    pub(super) fn mirror(self, name: &str, body: &str) -> Result<(), RpcError> {
        if self.0.is_none() {
            return Ok(());
        }
        let Some(value) = self.value(name)? else {
            return Err(RpcError::HeaderMismatch(format!(
                "The header {name} is missing; the body has {}.",
                quoted(body)
            )));
        };
        let said = match name {
            NAME => decoded(value),
            _ => Some(value.into()),
        };
        if said.as_deref() == Some(body) {
            return Ok(());
        }
        Err(RpcError::HeaderMismatch(format!(
            "The header {name} is {}, but the body has {}.",
            quoted(value),
            quoted(body)
        )))
    }
}

/// Decodes a value that may be base64 between `=?base64?` and `?=`.
fn decoded(value: &str) -> Option<Cow<'_, str>> {
    let encoded = value
        .strip_prefix("=?base64?")
        .and_then(|value| value.strip_suffix("?="));
    let Some(encoded) = encoded else {
        return Some(value.into());
    };
    let bytes = BASE64_STANDARD.decode(encoded).ok()?;
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirrors(fields: &[(&'static str, &'static str)], name: &str, body: &str) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        Headers(Some(&headers)).mirror(name, body).is_ok()
    }

    #[test]
    fn a_field_must_appear_once_and_have_the_whole_value() {
        let field = ("mcp-method", "tools/call");
        assert!(mirrors(&[field], METHOD, "tools/call"));
        assert!(!mirrors(&[], METHOD, "tools/call"));
        assert!(!mirrors(&[field, field], METHOD, "tools/call"));
        assert!(!mirrors(&[field], METHOD, "tools/cal"));
        assert!(!mirrors(&[field], METHOD, "tools/call2"));
        assert!(Headers(None).mirror(METHOD, "tools/call").is_ok(), "stdio");
    }

    #[test]
    fn only_a_name_may_be_in_base64() {
        let encoded = "=?base64?YXBwZW5kX21lbW9yeQ==?=";
        assert!(mirrors(&[("mcp-name", encoded)], NAME, "append_memory"));
        assert!(mirrors(
            &[("mcp-name", "append_memory")],
            NAME,
            "append_memory"
        ));
        assert!(!mirrors(
            &[("mcp-method", encoded)],
            METHOD,
            "append_memory"
        ));
        assert!(!mirrors(
            &[("mcp-name", "=?base64?!?=")],
            NAME,
            "append_memory"
        ));
        assert!(!mirrors(
            &[("mcp-name", "=?base64?/w==?=")],
            NAME,
            "append_memory"
        ));
    }
}
