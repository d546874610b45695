//! Who calls: how callers prove who they are, and the key that they may have to send.
//!
//! The module must not know routes or browser origins.

use std::fmt;

use axum::http::Extensions;
use memory_log::scope::Claims;
use memory_log::steward::Caller;
use sha2::{Digest, Sha256};

/// The header field that carries the key, with API Gateway's own name for it.
pub const API_KEY: &str = "x-api-key";

/// How callers prove who they are.
#[derive(Debug, Clone, Default)]
pub enum Callers {
    /// API Gateway has already authenticated the caller.
    #[default]
    Gateway,
    /// Callers send this key.
    Key(ApiKey),
    /// Callers send a token, which this process verifies: see [`Verdict`].
    Tokens,
    /// Callers run on this machine. Requests with a foreign `Host` are refused, and requests of
    /// foreign browser origins that are not allowed by name.
    Loopback,
}

/// The verdict on the token of a request: an extension that whoever verifies tokens sets on every
/// request. A request without this extension has no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is one of the issuer, for this service.
    Verified(Claims),
    /// There is none.
    Missing,
    /// It is not acceptable, for this reason: the end of a sentence that begins with "it".
    Refused(&'static str),
    /// The issuer's keys cannot be fetched, so nobody knows.
    Unjudged,
}

/// Who sent a request. It counts only after the guard has admitted the request.
#[derive(Debug)]
pub(crate) enum Sender {
    /// A gateway, or this process, verified these claims.
    Verified(Claims),
    /// A holder of the key.
    Key,
    /// A program of this machine.
    Local,
}

impl Sender {
    pub(crate) fn caller(&self) -> Caller<'_> {
        match self {
            Self::Verified(claims) => Caller::Verified(claims),
            Self::Key => Caller::Key,
            Self::Local => Caller::Local,
        }
    }
}

impl Callers {
    /// Who sent a request with these extensions, which a platform sets and no client can.
    pub(crate) fn sender(&self, extensions: &mut Extensions) -> Sender {
        match self {
            Self::Gateway => Sender::Verified(extensions.remove().unwrap_or_default()),
            Self::Tokens => Sender::Verified(match extensions.get() {
                Some(Verdict::Verified(claims)) => claims.clone(),
                Some(Verdict::Missing | Verdict::Refused(_) | Verdict::Unjudged) | None => {
                    Claims::default()
                }
            }),
            Self::Key(_) => Sender::Key,
            Self::Loopback => Sender::Local,
        }
    }
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
struct Hidden(String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// A key that callers must send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey(Hidden);

impl ApiKey {
    /// The key with this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Hidden(text.into()))
    }

    /// The key itself, to be sent.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0.0
    }

    /// Whether this is the key. Digests are compared, so that the time taken reveals nothing.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        Sha256::digest(given) == Sha256::digest(&self.0.0)
    }
}
/// A bearer token that proves the caller to a gateway (RFC 6750).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token(Hidden);

impl Token {
    /// The token with this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Hidden(text.into()))
    }

    /// The token itself, to be sent.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0.0
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_compared_whole() {
        let key = ApiKey::new("secret");
        assert!(key.is(b"secret"));
        for near in [&b"secre"[..], b"secrets", b"Secret", b" secret", b""] {
            assert!(!key.is(near), "{near:?}");
        }
    }

    #[test]
    fn claims_count_only_from_the_one_who_verifies_them() {
        let claims = |sub: &str| Claims {
            token: [("sub".to_owned(), sub.to_owned())].into(),
            ..Claims::default()
        };
        let mut both = Extensions::new();
        both.insert(claims("of the gateway"));
        both.insert(Verdict::Verified(claims("of the token")));
        let name = |callers: Callers| {
            let sender = callers.sender(&mut both.clone());
            sender.caller().name().to_owned()
        };
        assert_eq!(name(Callers::Gateway), "of the gateway");
        assert_eq!(name(Callers::Tokens), "of the token");
        assert_eq!(name(Callers::Key(ApiKey::new("k"))), "key");
        assert_eq!(name(Callers::Loopback), "local");
    }

    #[test]
    fn a_key_or_a_token_is_never_shown() {
        let shown = format!("{:?}", Callers::Key(ApiKey::new("secret")));
        assert_eq!(shown, "Key(ApiKey(…))");
        assert_eq!(format!("{:?}", Token::new("secret")), "Token(…)");
    }
}
