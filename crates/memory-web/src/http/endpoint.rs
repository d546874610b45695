//! The endpoints of a service: their paths and methods, and what handles them (contract 3.1).
//!
//! Two endpoints may share a path with other methods, so that two halves of a service can be served
//! side by side. The module must not know what an endpoint does.

use axum::http::{HeaderValue, Method, StatusCode, header};
use futures_util::future::BoxFuture;

use super::exchange::Exchange;
use super::kind::Kind;
use super::resource;
use super::response::{Handled, of_type};
use crate::login::Login;
use crate::media_type::JSON;
use crate::problem::Problem;

/// How long the document about the login may be kept: one hour, because it changes with a deployment.
const CACHING: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// What handles the requests of an endpoint.
type Handler = Box<dyn for<'e> Fn(&'e mut Exchange) -> BoxFuture<'e, Handled> + Send + Sync>;

/// Some paths with some methods, and what handles them.
pub struct Endpoint {
    pub(super) kind: Kind,
    paths: &'static [&'static str],
    /// The methods, as the `Allow` field lists them.
    allow: &'static str,
    pub(super) handler: Handler,
}

impl Endpoint {
    /// An endpoint at these paths, with these methods as `Allow` lists them. A path may end with
    /// `/{id}`, which is one segment that is not empty.
    pub fn new(
        kind: Kind,
        paths: &'static [&'static str],
        allow: &'static str,
        handler: impl for<'e> Fn(&'e mut Exchange) -> BoxFuture<'e, Handled> + Send + Sync + 'static,
    ) -> Self {
        Self {
            kind,
            paths,
            allow,
            handler: Box::new(handler),
        }
    }

    /// The endpoint that says that a program with this version can answer
    /// (<https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check>).
    #[must_use]
    pub fn health(paths: &'static [&'static str], version: &'static str) -> Self {
        Self::new(Kind::Health, paths, "GET, HEAD", move |_| {
            let body = format!(r#"{{"status":"pass","version":"{version}"}}"#);
            let healthy = of_type(StatusCode::OK, "application/health+json", body);
            Box::pin(async { Ok(healthy) })
        })
    }

    /// The endpoint of the document that says where to log in, for each resource of the service; `None` if no
    /// authorization server is named, so that its paths are unknown.
    #[must_use]
    pub fn login(login: Login) -> Option<Self> {
        let paths = &[resource::METADATA];
        login.has_server().then(|| {
            Self::new(Kind::Login, paths, "GET, HEAD", move |exchange| {
                let resource = resource::of_metadata(&exchange.head, exchange.spelled_path());
                let document = resource.map(|resource| login.document(&resource));
                Box::pin(async {
                    let document = document.ok_or_else(Problem::not_found)?;
                    let mut response = of_type(StatusCode::OK, JSON, document);
                    response
                        .headers_mut()
                        .insert(header::CACHE_CONTROL, CACHING);
                    Ok(response)
                })
            })
        })
    }

    /// Every path of it.
    #[must_use]
    pub fn paths(&self) -> &'static [&'static str] {
        self.paths
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    fn allows(&self, method: &Method) -> bool {
        let mut allowed = self.allow.split(", ");
        allowed.any(|allowed| allowed == method.as_str())
    }

    /// How it has a path, if it does.
    fn has(&self, path: &str) -> Option<Match> {
        let path = match self.kind {
            Kind::Document | Kind::Recall | Kind::Message | Kind::RecallMessage => {
                path.strip_suffix('/').unwrap_or(path)
            }
            Kind::Constant | Kind::Health => path,
            Kind::Login => {
                return resource::described(path).map(|_| Match::Whole(resource::METADATA));
            }
        };
        if let Some(whole) = self.paths.iter().find(|known| **known == path) {
            return Some(Match::Whole(whole));
        }
        let (parent, id) = path.rsplit_once('/')?;
        let mut known = self.paths.iter();
        let template = known.find(|known| known.strip_suffix("/{id}") == Some(parent))?;
        (!id.is_empty()).then(|| Match::Id(template, id.to_owned()))
    }
}

/// How a path is that of an endpoint. A path that is written out goes before one with an id.
#[derive(Debug, PartialEq, Eq)]
enum Match {
    Whole(&'static str),
    Id(&'static str, String),
}

/// Every endpoint of a service.
pub(super) struct Endpoints(pub(super) Vec<Endpoint>);

/// The endpoints of one path.
pub(super) struct AtPath<'e> {
    endpoints: Vec<&'e Endpoint>,
    /// The path as the endpoints spell it.
    pub(super) template: Option<&'static str>,
    /// The id in the path.
    pub(super) id: Option<String>,
}

impl Endpoints {
    /// Whether one of them says where to log in.
    pub(super) fn has_login(&self) -> bool {
        self.0.iter().any(|endpoint| endpoint.kind == Kind::Login)
    }

    pub(super) fn at(&self, path: &str) -> AtPath<'_> {
        let mut whole = Vec::new();
        let mut with_id = Vec::new();
        let mut template = None;
        let mut id = None;
        for endpoint in &self.0 {
            match endpoint.has(path) {
                None => {}
                Some(Match::Whole(path)) => {
                    template = Some(path);
                    whole.push(endpoint);
                }
                Some(Match::Id(path, found)) => {
                    // A path that is written out goes before it.
                    if whole.is_empty() {
                        template = Some(path);
                    }
                    id = Some(found);
                    with_id.push(endpoint);
                }
            }
        }
        match whole.is_empty() {
            true => AtPath {
                endpoints: with_id,
                template,
                id,
            },
            false => AtPath {
                endpoints: whole,
                template,
                id: None,
            },
        }
    }
}

impl<'e> AtPath<'e> {
    /// The endpoint for a method, or else the first one.
    pub(super) fn for_method(&self, method: &Method) -> Option<&'e Endpoint> {
        let mut endpoints = self.endpoints.iter();
        let found = endpoints.find(|endpoint| endpoint.allows(method));
        found.or(self.endpoints.first()).copied()
    }

    pub(super) fn allows(&self, method: &Method) -> bool {
        self.endpoints
            .iter()
            .any(|endpoint| endpoint.allows(method))
    }

    /// The methods of all of them, as `Allow` lists them.
    pub(super) fn allow(&self) -> String {
        let allowed: Vec<_> = self
            .endpoints
            .iter()
            .map(|endpoint| endpoint.allow)
            .collect();
        allowed.join(", ")
    }

    /// The methods of those of this kind.
    pub(super) fn allow_of(&self, kind: Kind) -> String {
        let of_kind = self
            .endpoints
            .iter()
            .filter(|endpoint| endpoint.kind == kind);
        let allowed: Vec<_> = of_kind.map(|endpoint| endpoint.allow).collect();
        allowed.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(kind: Kind, paths: &'static [&'static str], allow: &'static str) -> Endpoint {
        Endpoint::new(kind, paths, allow, |_| {
            Box::pin(async { Err(Problem::internal().into()) })
        })
    }

    fn endpoints() -> Endpoints {
        Endpoints(vec![
            endpoint(Kind::Document, &["/memory", "/api/memories"], "POST"),
            endpoint(Kind::Document, &["/memory"], "GET, HEAD"),
            endpoint(Kind::Document, &["/memory/{id}"], "PATCH"),
            endpoint(Kind::Document, &["/memory/search"], "GET"),
            endpoint(Kind::Message, &["/mcp"], "POST"),
            endpoint(Kind::Health, &["/health"], "GET, HEAD"),
        ])
    }

    #[test]
    fn a_path_is_case_sensitive_and_may_end_with_one_slash_where_something_is_sent() {
        let endpoints = endpoints();
        for (path, allow) in [
            ("/memory", "POST, GET, HEAD"),
            ("/memory/", "POST, GET, HEAD"),
            ("/api/memories/", "POST"),
            ("/mcp/", "POST"),
            ("/health", "GET, HEAD"),
            ("/memory/1", "PATCH"),
            ("/memory/1/", "PATCH"),
            ("/memory/Search", "PATCH"),
            ("/memory/search", "GET"),
            ("/memory/search/", "GET"),
            ("/health/", ""),
            ("/memory//", ""),
            ("/memory/1/2", ""),
            ("/Memory", ""),
            ("/api/memory", ""),
            ("memory", ""),
            ("/", ""),
            ("", ""),
        ] {
            assert_eq!(endpoints.at(path).allow(), allow, "{path}");
        }
    }

    #[test]
    fn the_id_is_the_segment_as_it_is_sent() {
        let endpoints = endpoints();
        assert_eq!(endpoints.at("/memory/a%2Fb").id.as_deref(), Some("a%2Fb"));
        assert_eq!(endpoints.at("/memory/search").id, None);
    }

    #[test]
    fn the_template_of_a_path_has_nothing_that_a_caller_chose() {
        let endpoints = endpoints();
        for (path, template) in [
            ("/memory/", Some("/memory")),
            ("/memory/a%2Fb", Some("/memory/{id}")),
            ("/memory/search", Some("/memory/search")),
            ("/secret", None),
        ] {
            assert_eq!(endpoints.at(path).template, template, "{path}");
        }
    }

    #[test]
    fn a_method_is_allowed_by_its_whole_name() {
        let endpoints = endpoints();
        let health = endpoints.at("/health");
        assert!(health.allows(&Method::HEAD) && health.allows(&Method::GET));
        assert!(!health.allows(&Method::POST));
        let near = Method::from_bytes(b"POS").unwrap();
        assert!(!endpoints.at("/memory").allows(&near));
    }

    #[test]
    fn the_endpoint_of_a_path_is_the_one_with_the_method() {
        let endpoints = endpoints();
        let at = endpoints.at("/memory");
        let allow = |method: &Method| at.for_method(method).map(|endpoint| endpoint.allow);
        assert_eq!(allow(&Method::GET), Some("GET, HEAD"));
        assert_eq!(allow(&Method::PUT), Some("POST"));
    }
}
