//! Which requests may come in, and which browser origins may read the response (contract 5.6, 7.2).
//!
//! Without a key the service answers programs of this machine only. A browser page is not one of
//! them: on a laptop it could otherwise write memories through a foreign name that resolves to
//! 127.0.0.1 (DNS rebinding), or across origins. The module must not know what a request asks for.

use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, header};

use crate::caller::{API_KEY, Callers, Verdict};
use crate::origin::{Origin, is_loopback_authority, is_loopback_origin};
use crate::problem::{Header, Problem, Source};

const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// What the sender of a wrong key is told.
pub const WRONG_KEY: &str = "The key in x-api-key is wrong.";

/// Who may call.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// How callers prove who they are.
    pub callers: Callers,
    /// Browser origins that may call MCP.
    pub allowed_origins: Vec<Origin>,
}

impl Guard {
    /// Admits a request. `is_open` if its route needs no key and no token; a preflight never has one.
    ///
    /// # Errors
    /// 403 `forbidden`; 401 `unauthorized` or 503 `issuer_unavailable` where callers send tokens.
    pub(crate) fn admit(&self, head: &Parts, is_open: bool) -> Result<(), Problem> {
        let forbidden = |source, detail: &str| Err(Problem::forbidden(source, detail));
        match &self.callers {
            Callers::Gateway => Ok(()),
            Callers::Key(_) if is_open || is_preflight(head) => Ok(()),
            Callers::Key(key) => {
                let mut given = head.headers.get_all(API_KEY).iter().peekable();
                if given.peek().is_none() {
                    let detail = "This service requires its key in the header x-api-key.";
                    return forbidden(Source::None, detail);
                }
                if given.all(|given| key.is(given.as_bytes())) {
                    Ok(())
                } else {
                    forbidden(Source::None, WRONG_KEY)
                }
            }
            Callers::Tokens if is_open || is_preflight(head) => Ok(()),
            Callers::Tokens => match head.extensions.get() {
                Some(Verdict::Verified(_)) => Ok(()),
                Some(Verdict::Refused(why)) => Err(Problem::unauthorized(Some(why))),
                Some(Verdict::Unjudged) => Err(Problem::issuer_unavailable()),
                Some(Verdict::Missing) | None => Err(Problem::unauthorized(None)),
            },
            Callers::Loopback => {
                // The host of an absolute-form target counts as well (RFC 9112, section 3.2.2).
                let of_target = head
                    .uri
                    .authority()
                    .map(|authority| authority.as_str().as_bytes());
                let mut hosts = head
                    .headers
                    .get_all(header::HOST)
                    .iter()
                    .map(HeaderValue::as_bytes)
                    .chain(of_target);
                if hosts.all(is_loopback_authority) {
                    Ok(())
                } else {
                    let detail = "This service accepts requests from this machine only: call it as 127.0.0.1 or localhost.";
                    forbidden(Source::Header(Header::Host), detail)
                }
            }
        }
    }

    /// The browser origin of a request, if it may call; a program sends none. An origin of this
    /// machine may call this machine's own service without being allowed by name.
    ///
    /// # Errors
    /// 403 `forbidden`: a foreign origin.
    pub(crate) fn origin(&self, head: &Parts) -> Result<Option<HeaderValue>, Problem> {
        let origins = || head.headers.get_all(header::ORIGIN).iter();
        if origins().all(|origin| self.allows(origin.as_bytes())) {
            return Ok(origins().next().cloned());
        }
        let detail = "Browser pages of this origin may not call this service. Its operator can allow the origin in \
                      MEMORY_ALLOWED_ORIGINS.";
        Err(Problem::forbidden(Source::Header(Header::Origin), detail))
    }

    /// The browser origin of a request that reads, if it may: one that is allowed by name, or the
    /// service's own page. A page of another origin of this machine may write, but not read. Images and
    /// scripts of a page send no `Origin`, but say where they come from
    /// (<https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header>).
    ///
    /// # Errors
    /// 403 `forbidden`: a foreign origin, or a foreign page's request without one.
    pub(crate) fn reader(&self, head: &Parts) -> Result<Option<HeaderValue>, Problem> {
        let mut origins = head.headers.get_all(header::ORIGIN).iter().peekable();
        let first = origins.peek().copied().cloned();
        let is_own = |origin: &HeaderValue| is_own_page(head, origin.as_bytes());
        if !origins.all(|origin| self.names(origin.as_bytes()) || is_own(origin)) {
            return Err(Problem::foreign_reader());
        }
        let mut sites = head.headers.get_all(SEC_FETCH_SITE).iter();
        let is_trusted = |site: &HeaderValue| matches!(site.as_bytes(), b"same-origin" | b"none");
        if first.is_none() && !sites.all(is_trusted) {
            let detail = "A page of another site may not embed or open memories.";
            let source = Source::Header(Header::SecFetchSite);
            return Err(Problem::forbidden(source, detail));
        }
        Ok(first)
    }

    /// Whether a foreign origin is refused on every route and not by MCP alone: on loopback nothing
    /// else stands between a page and this machine.
    pub(crate) fn checks_every_origin(&self) -> bool {
        matches!(self.callers, Callers::Loopback)
    }

    fn allows(&self, origin: &[u8]) -> bool {
        self.names(origin) || self.checks_every_origin() && is_loopback_origin(origin)
    }

    /// Whether the operator allows this origin by name.
    fn names(&self, origin: &[u8]) -> bool {
        let mut allowed = self.allowed_origins.iter();
        allowed.any(|allowed| allowed.as_str().as_bytes() == origin)
    }
}

/// Whether an origin is that of the service itself, by the name under which it was called. The service
/// speaks http itself, and https behind a proxy.
fn is_own_page(head: &Parts, origin: &[u8]) -> bool {
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let schemes = [&b"http://"[..], b"https://"];
    let mut named = schemes
        .iter()
        .filter_map(|scheme| origin.strip_prefix(*scheme));
    named.any(|name| name == host.as_bytes())
}

/// Whether this is a browser's question before a request across origins
/// (<https://fetch.spec.whatwg.org/#cors-preflight-request>).
pub(crate) fn is_preflight(head: &Parts) -> bool {
    head.method == Method::OPTIONS
        && head.headers.contains_key(header::ORIGIN)
        && head
            .headers
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;
    use crate::caller::ApiKey;

    fn head(target: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = Request::get(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn guard(callers: Callers) -> Guard {
        Guard {
            callers,
            allowed_origins: vec![Origin::parse("https://app.test").unwrap()],
        }
    }

    #[test]
    fn every_key_that_is_sent_must_be_the_right_one() {
        let guard = guard(Callers::Key(ApiKey::new("right")));
        let admits = |fields: &[(&str, &str)]| guard.admit(&head("/memory", fields), false).is_ok();
        assert!(admits(&[("x-api-key", "right")]));
        assert!(admits(&[("x-api-key", "right"), ("x-api-key", "right")]));
        assert!(!admits(&[]));
        assert!(!admits(&[("x-api-key", "")]));
        assert!(!admits(&[("x-api-key", "right2")]));
        assert!(!admits(&[("x-api-key", "righ")]));
        assert!(!admits(&[("x-api-key", "right"), ("x-api-key", "wrong")]));
        assert!(!admits(&[("x-api-key", "wrong"), ("x-api-key", "right")]));
        assert!(!admits(&[("authorization", "right")]));
    }

    #[test]
    fn a_key_is_not_needed_on_an_open_route_or_for_a_preflight() {
        let guard = guard(Callers::Key(ApiKey::new("right")));
        assert!(guard.admit(&head("/health", &[]), true).is_ok());
        let mut preflight = head(
            "/mcp",
            &[
                ("origin", "https://app.test"),
                ("access-control-request-method", "POST"),
            ],
        );
        assert!(guard.admit(&preflight, false).is_err(), "a GET");
        preflight.method = Method::OPTIONS;
        assert!(guard.admit(&preflight, false).is_ok());
        preflight.headers.remove("origin");
        assert!(guard.admit(&preflight, false).is_err(), "no origin");
    }

    #[test]
    fn where_callers_send_tokens_nothing_but_a_verified_one_comes_in() {
        let guard = guard(Callers::Tokens);
        let admit = |token: Option<Verdict>, is_open| {
            let field = ("authorization", "Bearer verified");
            let mut head = head("/memory", &[field, ("x-api-key", "right")]);
            token.map(|token| head.extensions.insert(token));
            let admitted = guard.admit(&head, is_open);
            admitted.map_err(|problem| problem.code.status())
        };
        let claims = memory_log::scope::Claims::default();
        assert_eq!(admit(Some(Verdict::Verified(claims)), false), Ok(()));
        assert_eq!(admit(None, false), Err(401), "nobody has verified");
        assert_eq!(admit(Some(Verdict::Missing), false), Err(401));
        assert_eq!(
            admit(Some(Verdict::Refused("has expired")), false),
            Err(401)
        );
        assert_eq!(admit(Some(Verdict::Unjudged), false), Err(503));
        assert_eq!(admit(Some(Verdict::Refused("has expired")), true), Ok(()));
    }

    #[test]
    fn on_loopback_every_host_must_be_this_machines() {
        let guard = guard(Callers::Loopback);
        let admits = |target: &str, fields: &[(&str, &str)]| {
            guard.admit(&head(target, fields), false).is_ok()
        };
        assert!(admits("/memory", &[("host", "localhost:8080")]));
        assert!(admits("http://127.0.0.1/memory", &[("host", "127.0.0.1")]));
        assert!(!admits("/memory", &[("host", "evil.test")]));
        assert!(!admits(
            "/memory",
            &[("host", "localhost"), ("host", "evil.test")]
        ));
        assert!(!admits("http://evil.test/memory", &[("host", "localhost")]));
        assert!(!admits("http://evil.test/memory", &[]));
    }

    #[test]
    fn every_origin_that_is_sent_must_be_allowed() {
        let origin = |callers: Callers, fields: &[(&str, &str)]| {
            let origin = guard(callers).origin(&head("/mcp", fields));
            origin.map(|origin| origin.map(|value| value.to_str().unwrap().to_owned()))
        };
        let allowed = Ok(Some("https://app.test".to_owned()));
        let field = ("origin", "https://app.test");
        assert_eq!(origin(Callers::Gateway, &[]), Ok(None));
        assert_eq!(origin(Callers::Gateway, &[field]), allowed);
        for foreign in [
            "https://app.test.evil.test",
            "https://app.tes",
            "http://app.test",
            "https://app.test:444",
            "null",
            "http://localhost:3000",
        ] {
            assert!(
                origin(Callers::Gateway, &[("origin", foreign)]).is_err(),
                "{foreign}"
            );
            assert!(
                origin(Callers::Gateway, &[field, ("origin", foreign)]).is_err(),
                "{foreign} after an allowed one"
            );
        }
        assert!(origin(Callers::Loopback, &[("origin", "http://localhost:3000")]).is_ok());
        assert!(origin(Callers::Loopback, &[("origin", "http://evil.test")]).is_err());
    }
}
