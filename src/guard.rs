//! Who may call: the gateway's callers, the holders of a key, or this machine's own programs.
//!
//! A page in a browser is not one of these: on a laptop it could otherwise write memories by a
//! foreign name that resolves to 127.0.0.1 (DNS rebinding), or across origins.

use std::fmt;

use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, header};
use sha2::{Digest, Sha256};

use crate::config::Origin;
use crate::problem::{Problem, Source};

/// The header field that carries the key, as API Gateway names it.
pub const API_KEY: &str = "x-api-key";
/// What the sender of another key is told.
pub(crate) const WRONG_KEY: &str = "The key in x-api-key is not this service's.";

/// Who may come in.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// How callers are told apart.
    pub callers: Callers,
    /// Origins of pages that may call by MCP.
    pub allowed_origins: Vec<Origin>,
}

/// How callers are told apart.
#[derive(Debug, Clone, Default)]
pub enum Callers {
    /// They were, before the request came here.
    #[default]
    Gateway,
    /// They hold this key.
    Key(ApiKey),
    /// They run on this machine, where a page of a foreign host or origin is turned away, but for
    /// the allowed ones.
    Loopback,
}

/// A key that callers must send.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// The key of this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The key itself, to be sent.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// Whether this is the key. Digests are compared, so that the time taken tells nothing of it.
    fn is(&self, given: &[u8]) -> bool {
        Sha256::digest(given) == Sha256::digest(&self.0)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

impl Guard {
    /// Lets a request in; `is_open` where its route needs no key, as a preflight never has one.
    ///
    /// # Errors
    /// 403 `forbidden`.
    pub(crate) fn admit(&self, head: &Parts, is_open: bool) -> Result<(), Problem> {
        let forbidden = |source, detail: &str| Err(Problem::forbidden(source, detail));
        match &self.callers {
            Callers::Gateway => Ok(()),
            Callers::Key(_) if is_open || is_preflight(head) => Ok(()),
            Callers::Key(key) => {
                let mut given = head.headers.get_all(API_KEY).iter().peekable();
                if given.peek().is_none() {
                    let detail = "This service needs its key in the header x-api-key.";
                    return forbidden(Source::None, detail);
                }
                if given.all(|given| key.is(given.as_bytes())) {
                    Ok(())
                } else {
                    forbidden(Source::None, WRONG_KEY)
                }
            }
            Callers::Loopback => {
                let named = head
                    .uri
                    .authority()
                    .map(|authority| authority.as_str().as_bytes());
                let mut hosts = head
                    .headers
                    .get_all(header::HOST)
                    .iter()
                    .map(HeaderValue::as_bytes)
                    .chain(named);
                if hosts.all(is_loopback_authority) {
                    Ok(())
                } else {
                    let detail = "This service answers on this machine alone: call it as 127.0.0.1 or localhost.";
                    forbidden(Source::Header("Host"), detail)
                }
            }
        }
    }

    /// The origin of the page that calls; a program has none. A page of this machine may call this
    /// machine's own service without being allowed by name.
    ///
    /// # Errors
    /// 403 `forbidden`: a foreign page.
    pub(crate) fn page(&self, head: &Parts) -> Result<Option<HeaderValue>, Problem> {
        let origins = || head.headers.get_all(header::ORIGIN).iter();
        if origins().all(|origin| self.allows(origin.as_bytes())) {
            return Ok(origins().next().cloned());
        }
        let detail =
            "Pages of this origin may not call: its owner can allow it in MEMORY_ALLOWED_ORIGINS.";
        Err(Problem::forbidden(Source::Header("Origin"), detail))
    }

    /// Whether a foreign page is turned away on every route, and not by MCP alone: nothing else
    /// stands between it and this machine.
    pub(crate) fn judges_every_page(&self) -> bool {
        matches!(self.callers, Callers::Loopback)
    }

    fn allows(&self, origin: &[u8]) -> bool {
        let mut allowed = self.allowed_origins.iter();
        allowed.any(|allowed| allowed.as_str().as_bytes() == origin)
            || self.judges_every_page() && is_loopback_origin(origin)
    }
}

/// A browser's question before a request of another origin
/// (<https://fetch.spec.whatwg.org/#cors-preflight-request>).
pub(crate) fn is_preflight(head: &Parts) -> bool {
    head.method == Method::OPTIONS
        && head.headers.contains_key(header::ORIGIN)
        && head
            .headers
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn is_loopback_origin(origin: &[u8]) -> bool {
    [&b"http://"[..], b"https://"].iter().any(|scheme| {
        origin
            .strip_prefix(*scheme)
            .is_some_and(is_loopback_authority)
    })
}

/// `host` or `host:port`, the host `localhost` or a loopback address.
fn is_loopback_authority(authority: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(authority) else {
        return false;
    };
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (text, "0"),
    };
    let is_address = |host: &str| {
        host.parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
    };
    let is_host = match host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        Some(v6) => v6.contains(':') && is_address(v6),
        None => host.eq_ignore_ascii_case("localhost") || !host.contains(':') && is_address(host),
    };
    is_host && port.bytes().all(|byte| byte.is_ascii_digit()) && port.len() <= "65535".len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_its_own() {
        for own in [
            "localhost:",
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1",
            "127.8.9.1:1",
            "[::1]",
            "[::1]:8080",
        ] {
            assert!(is_loopback_authority(own.as_bytes()), "{own}");
        }
        for foreign in [
            "",
            "evil.test",
            "localhost.evil.test",
            "127.0.0.1.evil.test",
            "127.0.0.1@evil.test",
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "::1",
            "[127.0.0.1]",
            "127.0.0.1:80:80",
            "127.0.0.1:evil",
            "localhost:+80",
            "localhost:100000",
            "[fe80::1]:80",
            "localhost.",
            "2130706433",
        ] {
            assert!(!is_loopback_authority(foreign.as_bytes()), "{foreign}");
        }
        assert!(is_loopback_origin(b"http://localhost:3000"));
        for foreign in [
            "null",
            "localhost",
            "file://",
            "http://evil.test",
            "http://localhost/",
            "HTTP://localhost",
        ] {
            assert!(!is_loopback_origin(foreign.as_bytes()), "{foreign}");
        }
    }
}
