//! Where calls are sent: the endpoint's URL, and the service and region to sign for that its host
//! name shows.

use std::fmt;
use std::net::IpAddr;

use axum::http::Uri;

/// A route of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// It stores a memory.
    Memory,
    /// The tools that read.
    Recall,
    /// The tools that change as well.
    Changes,
    /// It says that the service is up.
    Health,
}

impl Route {
    const fn path(self) -> &'static str {
        match self {
            Self::Memory => "/api/v1/mcp/memory",
            Self::Recall => "/api/v1/mcp/recall",
            Self::Changes => "/api/v1/mcp/recall/changes",
            Self::Health => "/health",
        }
    }
}

/// Paths that a user's URL may end with, the longer ones first. They mean the same service.
const ENDINGS: [&str; 11] = [
    Route::Changes.path(),
    Route::Recall.path(),
    "/mcp/recall/changes",
    "/mcp/recall",
    Route::Memory.path(),
    "/api/v1/mcp/memories",
    "/api/v1/mcp",
    "/memories",
    "/memory",
    "/mcp",
    Route::Health.path(),
];

/// A deployed service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The whole URL that stores a memory.
    pub url: Uri,
    recall: Uri,
    changes: Uri,
    health: Uri,
    /// The service and the region that its host name shows.
    pub inferred: Option<(&'static str, String)>,
}

impl Target {
    /// Reads the URL of a deployed service, with or without one of its routes.
    ///
    /// # Errors
    /// What is wrong. The text shows nothing of the URL, which may carry a secret.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const ABSOLUTE: &str = "it is not an absolute URL such as https://a1b2c3.execute-api.eu-central-1.amazonaws.com/prod";
        let url: Uri = text.parse().map_err(|_| ABSOLUTE)?;
        let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else {
            return Err(ABSOLUTE);
        };
        let host = authority.host();
        let port = authority.port_u16().filter(|port| *port > 0);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        if authority.as_str().contains('@') {
            return Err("it carries a name or a password: leave it out");
        }
        if format!("{host}{port}") != authority.as_str() {
            return Err("its host or port is not valid");
        }
        match scheme {
            "https" => {}
            "http" if is_loopback(host) => {}
            "http" => return Err("memories are sent by https only, except to this machine"),
            _ => return Err("its scheme is not https"),
        }
        if url.query().is_some() || text.contains('#') {
            return Err("it has a query or a fragment: leave it out");
        }
        let path = url.path().trim_end_matches('/');
        if !path.split('/').skip(1).all(is_segment) {
            return Err(
                "its path has an empty segment, a dot segment, or a character that is not percent-encoded",
            );
        }
        let base = ENDINGS
            .iter()
            .find_map(|ending| path.strip_suffix(ending))
            .unwrap_or(path);
        let inferred = inferred(&host.to_ascii_lowercase());
        let at = |route: Route| {
            let url = format!("{scheme}://{authority}{base}{}", route.path());
            url.parse().map_err(|_| ABSOLUTE)
        };
        Ok(Self {
            url: at(Route::Memory)?,
            recall: at(Route::Recall)?,
            changes: at(Route::Changes)?,
            health: at(Route::Health)?,
            inferred,
        })
    }

    /// The whole URL of a route.
    #[must_use]
    pub fn at(&self, route: Route) -> &Uri {
        match route {
            Route::Memory => &self.url,
            Route::Recall => &self.recall,
            Route::Changes => &self.changes,
            Route::Health => &self.health,
        }
    }

    /// Whether it is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.url.host().is_some_and(is_loopback)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

/// Whether this is a path segment of RFC 3986, section 3.3, that no client or gateway would resolve.
fn is_segment(segment: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%".contains(&byte);
    let decoded = segment.replace("%2e", ".").replace("%2E", ".");
    segment.bytes().all(plain) && !["", ".", ".."].contains(&decoded.as_str())
}

pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The service and region of API Gateway's `*.execute-api.{region}.*` and of Lambda's
/// `*.lambda-url.{region}.on.aws`.
fn inferred(host: &str) -> Option<(&'static str, String)> {
    let labels: Vec<_> = host.split('.').collect();
    let after = |name: &str| {
        let at = labels.iter().position(|label| *label == name)?;
        let region = labels
            .get(at + 1)
            .filter(|_| at > 0 && labels.len() > at + 2)?;
        Some((*region).to_owned())
    };
    if let Some(region) = after("execute-api") {
        return Some(("execute-api", region));
    }
    let region = after("lambda-url").filter(|_| host.ends_with(".on.aws"))?;
    Some(("lambda", region))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_named_with_or_without_its_route() {
        for (text, url) in [
            ("https://x.test", "https://x.test/api/v1/mcp/memory"),
            ("https://x.test/", "https://x.test/api/v1/mcp/memory"),
            (
                "https://x.test/prod",
                "https://x.test/prod/api/v1/mcp/memory",
            ),
            (
                "https://x.test/prod/",
                "https://x.test/prod/api/v1/mcp/memory",
            ),
            (
                "https://x.test/prod/mcp",
                "https://x.test/prod/api/v1/mcp/memory",
            ),
            (
                "https://x.test/prod/api/v1/mcp",
                "https://x.test/prod/api/v1/mcp/memory",
            ),
            (
                "https://x.test/prod/memory/",
                "https://x.test/prod/api/v1/mcp/memory",
            ),
            (
                "https://x.test/memories",
                "https://x.test/api/v1/mcp/memory",
            ),
            (
                "https://x.test:8443/api/v1/mcp/memories",
                "https://x.test:8443/api/v1/mcp/memory",
            ),
            (
                "http://127.0.0.1:8080",
                "http://127.0.0.1:8080/api/v1/mcp/memory",
            ),
            ("http://[::1]:8080", "http://[::1]:8080/api/v1/mcp/memory"),
            ("http://localhost", "http://localhost/api/v1/mcp/memory"),
            (
                "https://x.test/prod/health",
                "https://x.test/prod/api/v1/mcp/memory",
            ),
            (
                "https://x.test/prod/mcp/recall/changes",
                "https://x.test/prod/api/v1/mcp/memory",
            ),
            (
                "https://x.test/prod/api/v1/mcp/recall",
                "https://x.test/prod/api/v1/mcp/memory",
            ),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!(target.to_string(), url, "{text}");
            assert_eq!(target.url, url, "{text}");
            let recall = url.replace("/memory", "/recall");
            assert_eq!(*target.at(Route::Recall), *recall, "{text}");
            assert_eq!(*target.at(Route::Changes), *format!("{recall}/changes"));
            let is_loopback = text.starts_with("http:");
            assert_eq!(target.is_loopback(), is_loopback, "{text}");
        }
    }

    #[test]
    fn the_reason_of_a_refusal_says_what_to_write() {
        for (text, reason) in [
            ("http://x.test", "by https only"),
            ("ftp://x.test", "its scheme is not https"),
            ("https://user:password@x.test", "a name or a password"),
            ("https://x.test/?key=1", "a query or a fragment"),
            ("https://x.test:0", "its host or port is not valid"),
            ("https://x.test//mcp", "an empty segment"),
            ("x.test", "it is not an absolute URL"),
        ] {
            let refused = Target::parse(text).unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }

    #[test]
    fn a_url_that_would_send_memories_astray_is_refused() {
        for text in [
            "",
            "x.test",
            "/prod",
            "http://x.test",
            "http://127.0.0.1.x.test",
            "http://localhost.x.test",
            "ftp://x.test",
            "https://user:password@x.test",
            "https://x.test/?key=1",
            "https://x.test/#mcp",
            "https:// x.test",
            "https://x.test:99999",
            "https://x.test:0",
            "https://x.test:",
            "http://[::1]evil.test:1",
            "https://x.test/a/../b",
            "https://x.test/%2e%2E/b",
            "https://x.test//mcp",
            "https://x.test/prød",
            "https://x.test/{x}|",
        ] {
            assert!(Target::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_host_tells_the_service_and_the_region() {
        for (host, service) in [
            (
                "a1.execute-api.eu-central-1.amazonaws.com",
                Some(("execute-api", "eu-central-1")),
            ),
            (
                "A1.Execute-Api.cn-north-1.amazonaws.com.cn",
                Some(("execute-api", "cn-north-1")),
            ),
            (
                "a1-vpce-0f.execute-api.us-east-1.amazonaws.com",
                Some(("execute-api", "us-east-1")),
            ),
            (
                "vpce-0f.execute-api.us-east-1.vpce.amazonaws.com",
                Some(("execute-api", "us-east-1")),
            ),
            (
                "abc.lambda-url.eu-west-3.on.aws",
                Some(("lambda", "eu-west-3")),
            ),
            ("abc.lambda-url.eu-west-3.evil.test", None),
            ("execute-api.eu-central-1.amazonaws.com", None),
            ("a1.execute-api", None),
            ("a1.execute-api.eu-central-1", None),
            ("memory.example.com", None),
            ("127.0.0.1", None),
        ] {
            let target = Target::parse(&format!("https://{host}/prod")).unwrap();
            let expected = service.map(|(service, region)| (service, region.to_owned()));
            assert_eq!(target.inferred, expected, "{host}");
        }
    }
}
