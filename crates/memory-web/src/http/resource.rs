//! The URL under which a resource was called, and the place of its metadata (RFC 9728, section 3).
//!
//! The name comes from the gateway's event, or else from `Host`. A client that sends a wrong one gets a
//! document for itself. The module must not know what the metadata says.

use std::net::Ipv6Addr;

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderValue, header};

use super::CalledName;
use crate::origin::{Origin, is_loopback_authority};

/// Where the metadata of the whole service is. That of a path is below: the path follows.
pub(super) const METADATA: &str = "/.well-known/oauth-protected-resource";

/// Longest path of a resource: longer than every path of the service.
const PATH_BYTES_MAX: usize = 256;

/// The path of the resource whose metadata is at this path.
pub(super) fn described(path: &str) -> Option<&str> {
    path.strip_prefix(METADATA).filter(|path| is_plain(path))
}

/// The URL of the resource whose metadata a request asks for. A stage stays in front of its path.
pub(super) fn of_metadata(head: &Parts, spelled: &str) -> Option<String> {
    let path = described(head.uri.path())?;
    let stage = spelled.strip_suffix(head.uri.path()).unwrap_or_default();
    Some(format!("{}{stage}{path}", origin(head)?.as_str()))
}

/// Where the metadata is of what a request asks for. A path that is not one of the service's own is told that
/// of the whole service. There is no stage before it: a gateway refuses callers by itself.
pub(super) fn metadata_of(head: &Parts) -> Option<String> {
    let path = match head.uri.path() {
        path if is_plain(path) && path != "/" => path,
        _ => "",
    };
    Some(format!("{}{METADATA}{path}", origin(head)?.as_str()))
}

/// Whether this is empty or a path in the characters of the service's own, which no URL changes (RFC 3986,
/// sections 2.3 and 5.2.4). One slash may end it.
fn is_plain(path: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_segment =
        |text: &str| !matches!(text, "" | "." | "..") && text.bytes().all(is_unreserved);
    let Some(segments) = path.strip_prefix('/') else {
        return path.is_empty();
    };
    let segments = segments.strip_suffix('/').unwrap_or(segments);
    path.len() <= PATH_BYTES_MAX && segments.split('/').all(is_segment)
}

/// The origin at which the service was called. Everywhere but on this machine TLS ends in front of it.
fn origin(head: &Parts) -> Option<Origin> {
    let name = match head.extensions.get::<CalledName>() {
        Some(CalledName(name)) => name,
        None => {
            // The host of an absolute-form target counts as well (RFC 9112, section 3.2.2).
            let of_target = head.uri.authority().map(|of| of.as_str().as_bytes());
            let hosts = head.headers.get_all(header::HOST).iter();
            let mut names = hosts.map(HeaderValue::as_bytes).chain(of_target);
            let first = names.next()?;
            names.all(|name| name == first).then_some(())?;
            std::str::from_utf8(first).ok()?
        }
    };
    let (scheme, own_port) = match is_loopback_authority(name.as_bytes()) {
        true => ("http", ":80"),
        false => ("https", ":443"),
    };
    let name = name.to_ascii_lowercase();
    // No port, an empty one and the scheme's own are the same (RFC 3986, section 6.2.3).
    let without_port = name.strip_suffix(own_port).or(name.strip_suffix(':'));
    let name = without_port.unwrap_or(&name);
    is_host(name.parse::<Authority>().ok()?.host()).then_some(())?;
    Origin::parse(&format!("{scheme}://{name}"))
}

/// Whether this is a name or an address. The grammar of URLs has room for more (RFC 3986, section 3.2.2).
fn is_host(host: &str) -> bool {
    let in_brackets = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match in_brackets {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            let in_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            host.bytes().all(in_names) && host.bytes().any(|byte| byte.is_ascii_alphanumeric())
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn head(target: &str, hosts: &[&str]) -> Parts {
        let request = Request::get(target);
        let request = hosts
            .iter()
            .fold(request, |request, host| request.header("host", *host));
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_a_path_in_the_services_own_characters_is_described() {
        for path in [
            "",
            "/mcp",
            "/mcp/",
            "/api/v1/mcp/recall",
            "/memory/0-9_~",
            "/...",
            "/.a",
        ] {
            assert_eq!(described(&format!("{METADATA}{path}")), Some(path));
        }
        let longest = format!("/{}", "a".repeat(255));
        assert!(is_plain(&longest));
        for near in [
            "/",
            "//",
            "/mcp//",
            "//mcp",
            "/..",
            "/mcp/..",
            "/../mcp",
            "/.",
            "/a/./b",
            "mcp",
            "x/mcp",
            "/%2e%2e",
            "/a%2Fb",
            "/a b",
            "/a\\b",
            "/a\"b",
            "/a;b",
            "/a@b",
            "/a:b",
            "/é",
            &format!("{longest}a"),
        ] {
            assert_eq!(described(&format!("{METADATA}{near}")), None, "{near}");
        }
        for near in [
            "",
            "/",
            "/x/.well-known/oauth-protected-resource/mcp",
            "/.Well-Known/oauth-protected-resource",
        ] {
            assert_eq!(described(near), None, "{near}");
        }
    }

    #[test]
    fn the_origin_is_the_one_name_that_a_request_has() {
        let of = |target: &str, hosts: &[&str]| {
            origin(&head(target, hosts)).map(|origin| origin.as_str().to_owned())
        };
        for (host, origin) in [
            ("memory.example.com", "https://memory.example.com"),
            ("Memory.Example.com:8443", "https://memory.example.com:8443"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("localhost", "http://localhost"),
            ("localhost:80", "http://localhost"),
            ("localhost:443", "http://localhost:443"),
            ("127.0.0.1:", "http://127.0.0.1"),
            ("memory.test:443", "https://memory.test"),
            ("memory.test:", "https://memory.test"),
            ("memory.test:80", "https://memory.test:80"),
            ("memory.test:1443", "https://memory.test:1443"),
            ("memory.test:0443", ""),
            ("memory.test:443:443", ""),
            ("memory.test:443:", ""),
            ("[::1]:80", "http://[::1]"),
            ("[2001:db8::443]", "https://[2001:db8::443]"),
            (":443", ""),
            ("..", ""),
            ("a.test,evil.test", ""),
            ("a.test;x=1", ""),
            ("a.test'", ""),
            ("[evil]", ""),
            ("[fe80::1%25eth0]", ""),
            ("[::1]:80801", ""),
            ("127.0.0.1.evil.test", "https://127.0.0.1.evil.test"),
            ("user@evil.test", ""),
            ("evil.test/mcp", ""),
            ("evil.test?x", ""),
            ("evil.test#x", ""),
            ("evil.test\"", ""),
            ("evil.test, memory.example.com", ""),
            ("evil.test:99999", ""),
            ("*", ""),
            ("", ""),
        ] {
            assert_eq!(of("/", &[host]).unwrap_or_default(), origin, "{host}");
        }
        assert_eq!(of("/", &[]), None);
        assert_eq!(
            of("/", &["a.test", "a.test"]).as_deref(),
            Some("https://a.test")
        );
        assert_eq!(of("/", &["a.test", "evil.test"]), None);
        assert_eq!(of("http://evil.test/", &["a.test"]), None);
        assert_eq!(
            of("http://a.test/", &["a.test"]).as_deref(),
            Some("https://a.test")
        );
    }

    #[test]
    fn the_name_of_the_platform_goes_before_every_header() {
        let mut head = head("/mcp", &["evil.test"]);
        let called = CalledName("memory.example.com".to_owned());
        head.extensions.insert(called);
        let metadata = metadata_of(&head).unwrap();
        assert_eq!(
            metadata,
            format!("https://memory.example.com{METADATA}/mcp")
        );
    }

    #[test]
    fn a_stage_stands_before_the_path_that_is_described() {
        let path = format!("{METADATA}/mcp");
        let asked = head(&path, &["a.test"]);
        assert_eq!(
            of_metadata(&asked, &path).as_deref(),
            Some("https://a.test/mcp")
        );
        let staged = format!("/live{path}");
        assert_eq!(
            of_metadata(&asked, &staged).as_deref(),
            Some("https://a.test/live/mcp")
        );
    }

    #[test]
    fn metadata_of_a_path_that_is_not_the_services_own_is_that_of_the_service() {
        for path in ["/", "/a%2Fb", "/memory/..", "/memory/%22"] {
            let metadata = metadata_of(&head(path, &["a.test"]));
            assert_eq!(
                metadata,
                Some(format!("https://a.test{METADATA}")),
                "{path}"
            );
        }
    }
}
