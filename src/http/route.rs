//! The routes: which path means what, and which methods it has (contract 3.1).

use axum::http::Method;

/// What a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Stores one memory.
    Memory,
    /// Takes one message of MCP.
    Mcp,
    /// Says that the service is up.
    Health,
    /// Gives the OpenAPI document.
    OpenApi,
}

/// Every path of the service, and its route.
pub const PATHS: [(&str, Route); 8] = [
    ("/api/v1/mcp/memory", Route::Memory),
    ("/api/v1/mcp/memories", Route::Memory),
    ("/memory", Route::Memory),
    ("/memories", Route::Memory),
    ("/api/v1/mcp", Route::Mcp),
    ("/mcp", Route::Mcp),
    ("/health", Route::Health),
    ("/openapi.json", Route::OpenApi),
];

impl Route {
    /// The route of a path. A trailing slash is accepted where memories or messages are sent.
    pub(super) fn of(path: &str) -> Option<Self> {
        let of = |path| {
            PATHS
                .iter()
                .find_map(|(of, route)| (*of == path).then_some(*route))
        };
        match path.strip_suffix('/') {
            None => of(path),
            Some(path) => of(path).filter(|route| matches!(route, Self::Memory | Self::Mcp)),
        }
    }

    /// Its methods, as the `Allow` field lists them.
    pub(super) fn allow(self) -> &'static str {
        match self {
            Self::Memory | Self::Mcp => "POST",
            Self::Health | Self::OpenApi => "GET, HEAD",
        }
    }

    pub(super) fn allows(self, method: &Method) -> bool {
        self.allow()
            .split(", ")
            .any(|allowed| allowed == method.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_case_sensitive_and_may_end_with_one_slash_where_something_is_sent() {
        for (path, route) in [
            ("/memory", Some(Route::Memory)),
            ("/memories/", Some(Route::Memory)),
            ("/api/v1/mcp/memory", Some(Route::Memory)),
            ("/api/v1/mcp/memories/", Some(Route::Memory)),
            ("/mcp/", Some(Route::Mcp)),
            ("/api/v1/mcp", Some(Route::Mcp)),
            ("/health", Some(Route::Health)),
            ("/openapi.json", Some(Route::OpenApi)),
            ("/health/", None),
            ("/openapi.json/", None),
            ("/memory//", None),
            ("/Memory", None),
            ("/memory/1", None),
            ("/api/v1/memory", None),
            ("/mcp/memory", None),
            ("memory", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(Route::of(path), route, "{path}");
        }
    }

    #[test]
    fn a_method_is_allowed_by_its_whole_name() {
        assert!(Route::Health.allows(&Method::HEAD) && Route::Health.allows(&Method::GET));
        assert!(!Route::Health.allows(&Method::POST) && !Route::Memory.allows(&Method::GET));
        let near = Method::from_bytes(b"POS").unwrap();
        assert!(!Route::Memory.allows(&near));
    }
}
