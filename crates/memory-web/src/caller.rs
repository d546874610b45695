//! Who calls: how callers prove who they are, and the key that they may have to send.
//!
//! The module must not know routes or browser origins.

use std::fmt;

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
    /// Callers run on this machine. Requests with a foreign `Host` are refused, and requests of
    /// foreign browser origins that are not allowed by name.
    Loopback,
}

/// How a caller was admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// By API Gateway, which verified the caller's claims.
    ByGateway,
    /// By the key.
    ByKey,
    /// As a program of this machine.
    Locally,
}

impl Callers {
    /// How a caller who passes is admitted.
    pub(crate) fn admitted(&self) -> Admitted {
        match self {
            Self::Gateway => Admitted::ByGateway,
            Self::Key(_) => Admitted::ByKey,
            Self::Loopback => Admitted::Locally,
        }
    }
}

/// A key that callers must send.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// The key with this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The key itself, to be sent.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// Whether this is the key. Digests are compared, so that the time taken reveals nothing.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        Sha256::digest(given) == Sha256::digest(&self.0)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// A bearer token that proves the caller to a gateway (RFC 6750).
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token with this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The token itself, to be sent.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
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
    fn a_key_or_a_token_is_never_shown() {
        let shown = format!("{:?}", Callers::Key(ApiKey::new("secret")));
        assert_eq!(shown, "Key(ApiKey(…))");
        assert_eq!(format!("{:?}", Token::new("secret")), "Token(…)");
    }
}
