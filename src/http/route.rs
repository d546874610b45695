//! The routes: which path means what, and which methods it has (contract 3.1).

use axum::http::Method;

/// What a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Memory,
    Mcp,
    Health,
    OpenApi,
}

impl Route {
    /// The route of a path. A trailing slash is accepted where memories or messages are sent.
    pub(super) fn of(path: &str) -> Option<Self> {
        match path.strip_suffix('/').unwrap_or(path) {
            "/api/v1/mcp/memory" | "/api/v1/mcp/memories" | "/memory" | "/memories" => {
                Some(Self::Memory)
            }
            "/api/v1/mcp" | "/mcp" => Some(Self::Mcp),
            _ if path == "/health" => Some(Self::Health),
            _ if path == "/openapi.json" => Some(Self::OpenApi),
            _ => None,
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
