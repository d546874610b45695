//! The results of methods, as serde writes them (contract 5.3).

use serde::Serialize;
use serde_json::value::RawValue;

use super::VERSIONS;

/// What a server is.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ServerInfo {
    /// Its name, for programs.
    pub name: &'static str,
    /// Its name, for people.
    pub title: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// What the server can do: it has tools, and nothing else.
#[derive(Serialize)]
pub(super) struct Capabilities {
    pub(super) tools: NoOptions,
}

/// An empty object.
#[derive(Serialize)]
pub(super) struct NoOptions {}

pub(super) const CAPABILITIES: Capabilities = Capabilities {
    tools: NoOptions {},
};

/// How long a client may cache the tool's description, in milliseconds: it changes with a release.
const TTL_MS: u32 = 3_600_000;

/// How a modern client may cache a result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Caching {
    pub(super) ttl_ms: u32,
    pub(super) cache_scope: &'static str,
}

pub(super) const CACHING: Caching = Caching {
    ttl_ms: TTL_MS,
    cache_scope: "public",
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InitializeResult {
    pub(super) protocol_version: &'static str,
    pub(super) capabilities: Capabilities,
    pub(super) server_info: ServerInfo,
    pub(super) instructions: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DiscoverResult {
    pub(super) supported_versions: [&'static str; VERSIONS.len()],
    pub(super) capabilities: Capabilities,
    pub(super) instructions: &'static str,
    #[serde(flatten)]
    pub(super) caching: Caching,
}

#[derive(Serialize)]
pub(super) struct ListToolsResult<'t> {
    pub(super) tools: Vec<&'t RawValue>,
    #[serde(flatten)]
    pub(super) caching: Option<Caching>,
}
