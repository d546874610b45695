//! What an endpoint is, as far as its requests are checked before it sees them.

/// What an endpoint is, as far as its requests are checked before it sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It answers with documents. A trailing slash is accepted.
    Document,
    /// It answers with what was stored, or changes it. A trailing slash is accepted. Only programs, and
    /// pages that the operator names, may ask (contract 8.8).
    Recall,
    /// It takes messages of MCP. A trailing slash is accepted.
    Message,
    /// The same, for tools that show or change what was stored, and nobody else's pages.
    RecallMessage,
    /// It answers with a constant, and needs the key if the service has one.
    Constant,
    /// It answers with a constant, and needs no key.
    Health,
    /// It says where to log in, to everybody and to pages of every origin.
    Login,
}

impl Kind {
    /// Whether its requests need neither key nor token.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Health | Self::Login)
    }
}
