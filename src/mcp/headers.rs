//! The header fields that mirror a modern request's body, so that whatever stands before the server
//! can judge a request without reading it
//! (<https://modelcontextprotocol.io/specification/2026-07-28/basic/transports>).

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::json::quoted;

use super::reply::Fault;

pub(super) const PROTOCOL_VERSION: &str = "MCP-Protocol-Version";
pub(super) const METHOD: &str = "Mcp-Method";
/// The one field whose value may be in base64: a name may have any character.
pub(super) const NAME: &str = "Mcp-Name";

/// The header fields of a message; stdio has none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Headers<'h>(pub(super) Option<&'h HeaderMap>);

impl<'h> Headers<'h> {
    /// A field's value, where it is given.
    pub(super) fn value(self, name: &str) -> Result<Option<&'h str>, Fault> {
        let Some(headers) = self.0 else {
            return Ok(None);
        };
        let mut values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
        match (values.next().map(std::str::from_utf8), values.next()) {
            (None, _) => Ok(None),
            (Some(Ok(value)), None) => Ok(Some(value)),
            (Some(_), _) => Err(Fault::HeaderMismatch(format!(
                "The header {name} is given more than once, or is no text."
            ))),
        }
    }

    /// Whether a field says what the body says; over stdio there is none to say it.
    pub(super) fn mirror(self, name: &str, body: &str) -> Result<(), Fault> {
        if self.0.is_none() {
            return Ok(());
        }
        let Some(value) = self.value(name)? else {
            return Err(Fault::HeaderMismatch(format!(
                "The header {name} is missing; the body says {}.",
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
        Err(Fault::HeaderMismatch(format!(
            "The header {name} is {}, and the body says {}.",
            quoted(value),
            quoted(body)
        )))
    }
}

/// A value that may stand in base64 between `=?base64?` and `?=`.
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
