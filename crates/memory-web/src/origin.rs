//! Browser origins: which pages may read a response, and which names belong to this machine.
//!
//! Pure: header values in, a verdict out. The module must not know who the caller is.
//! Source: RFC 6454, section 6.2 (<https://www.rfc-editor.org/rfc/rfc6454#section-6.2>).

use axum::http::Uri;

/// An origin as a browser sends it: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The origin's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads an origin as a browser spells it: in lower case, and without the scheme's default port.
    /// `None` for any other spelling, because it could never match.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let (scheme, host) = (uri.scheme_str()?, uri.host()?);
        let default = match scheme {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        let port = match uri.port_u16().filter(|port| Some(*port) != default) {
            Some(port) => format!(":{port}"),
            None => String::new(),
        };
        let spelled = format!("{scheme}://{host}{port}").to_ascii_lowercase();
        (spelled == text && !host.contains('*')).then_some(Self(spelled))
    }
}

/// Whether the value of an `Origin` field names this machine.
pub(crate) fn is_loopback_origin(origin: &[u8]) -> bool {
    [&b"http://"[..], b"https://"].iter().any(|scheme| {
        origin
            .strip_prefix(*scheme)
            .is_some_and(is_loopback_authority)
    })
}

/// Whether this is `host` or `host:port`, and the host is `localhost` or a loopback address.
pub(crate) fn is_loopback_authority(authority: &[u8]) -> bool {
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
    fn only_loopback_names_belong_to_this_machine() {
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

    #[test]
    fn an_origin_in_another_spelling_than_a_browsers_is_refused() {
        for origin in [
            "https://a.test",
            "http://a.test:443",
            "http://[::1]:80801",
            "chrome-extension://abc",
        ] {
            let is_sound = origin != "http://[::1]:80801";
            assert_eq!(Origin::parse(origin).is_some(), is_sound, "{origin}");
        }
        for origin in [
            "https://a.test:443",
            "http://a.test:80",
            "https://a.test:",
            "https://a.test:0443",
            "https://a.test:99999",
            "https://A.test",
            "https://*.a.test",
            "https://u@a.test",
            "https://a.test/",
            "a.test",
            "null",
        ] {
            assert_eq!(Origin::parse(origin), None, "{origin}");
        }
    }
}
