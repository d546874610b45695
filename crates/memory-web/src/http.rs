//! HTTP: the checks before a body counts as a request, and the endpoints behind them.
//!
//! The checks run in the order of contract 3.2, and the first failure ends the request.
//! `exchange.rs` holds the data of one request, and `response.rs` the form of its response. The module
//! must not know AWS or what an endpoint does.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::response::Response;
use futures_util::FutureExt;
use tokio::time::Instant;

use crate::body::BodyRoom;
use crate::guard::{Guard, is_preflight};
use crate::problem::Problem;
use crate::record::Why;

mod endpoint;
mod exchange;
mod kind;
mod messages;
mod resource;
mod response;

pub use endpoint::Endpoint;
pub use exchange::Exchange;
pub use kind::Kind;
pub use messages::{Called, messages};
pub use response::{Advice, Handled, RequestError, ResponseStyle, of_type};

use endpoint::{AtPath, Endpoints};
use exchange::Route;

/// The collection of memories, in every spelling.
pub const MEMORIES: &[&str] = &[
    "/api/v1/mcp/memory",
    "/api/v1/mcp/memories",
    "/memory",
    "/memories",
];

/// The response header field of a request that had been made before.
pub const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Longest time for one request, unless the platform grants less (contract 4.1).
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);

/// The time by which a request must be answered: an extension that the platform's binary can set on
/// a request.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(pub Instant);

/// The id under which the platform's own log knows a request: an extension like [`Deadline`].
#[derive(Debug, Clone)]
pub struct PlatformRequestId(pub String);

/// The path of a request as its caller spelled it, if the platform shortens it: an extension like
/// [`Deadline`]. Links are built on it.
#[derive(Debug, Clone, Default)]
pub struct SpelledPath(pub String);

/// The name under which the platform was called, if it knows it better than `Host`: an extension like
/// [`Deadline`].
#[derive(Debug, Clone, Default)]
pub struct CalledName(pub String);

/// Marks a request for which the process has no room: an extension like [`Deadline`]. Only a request
/// that needs no body is answered, such as one for `/health`.
#[derive(Debug, Clone, Copy)]
pub struct Crowded;

/// A service with these endpoints, for callers whom the guard admits.
pub fn router(endpoints: Vec<Endpoint>, guard: Guard) -> Router {
    let service = Arc::new(Service {
        endpoints: Endpoints(endpoints),
        guard,
        bodies: Arc::new(BodyRoom::new()),
    });
    Router::new().fallback(move |request: Request| {
        let service = Arc::clone(&service);
        async move { service.respond(request).await }
    })
}

/// The endpoints of a service whose settings are wrong: every request is answered 500 `internal`, at
/// the paths of MCP as JSON-RPC has it.
pub fn misconfigured_router(of_messages: &'static [&'static str]) -> Router {
    Router::new().fallback(async move |request: Request| {
        let (guard, bodies) = (Guard::default(), Arc::new(BodyRoom::new()));
        let path = request.uri().path();
        let path = path.strip_suffix('/').unwrap_or(path);
        let kind = of_messages.contains(&path).then_some(Kind::Message);
        let route = Route {
            kind,
            ..Route::default()
        };
        let exchange = Exchange::begin(request, &guard, &bodies, route);
        let why = "the service has no settings".to_owned();
        let error = RequestError::because(Problem::internal(), Why::from(why));
        exchange.end(Err(error)).await
    })
}

struct Service {
    endpoints: Endpoints,
    guard: Guard,
    bodies: Arc<BodyRoom>,
}

impl Service {
    async fn respond(&self, request: Request) -> Response {
        let at = self.endpoints.at(request.uri().path());
        let method = wanted_method(request.method(), request.headers());
        let route = Route {
            kind: at.for_method(&method).map(Endpoint::kind),
            template: at.template,
            id: at.id.clone(),
        };
        let mut exchange = Exchange::begin(request, &self.guard, &self.bodies, route);
        let handled = AssertUnwindSafe(self.handle(&at, &mut exchange)).catch_unwind();
        let panicked = |_| {
            Err(RequestError::because(
                Problem::internal(),
                Why::from("a panic".to_owned()),
            ))
        };
        let result = handled.await.unwrap_or_else(panicked);
        exchange.end(result).await
    }

    async fn handle(&self, at: &AtPath<'_>, exchange: &mut Exchange) -> Handled {
        let head = &exchange.head;
        let method = wanted_method(&head.method, &head.headers);
        let endpoint = at.for_method(&method).ok_or_else(Problem::not_found)?;
        if let Err(refused) = self.guard.admit(head, endpoint.kind.is_open()) {
            if self.endpoints.has_login() {
                let metadata = resource::metadata_of(head);
                exchange.style.tell_where_to_log_in(metadata);
            }
            return Err(refused.into());
        }
        exchange.admitted();
        if endpoint.kind == Kind::Message || self.guard.checks_every_origin() {
            exchange.origin.clone()?;
        }
        if matches!(endpoint.kind, Kind::Recall | Kind::RecallMessage) {
            exchange.reader.clone()?;
        }
        if exchange.style.has_cors_origin() && is_preflight(head) {
            let requested = head.headers.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS);
            let requested = requested.iter().cloned().collect();
            return Ok(response::preflight(&at.allow_of(endpoint.kind), requested));
        }
        if !at.allows(&head.method) {
            return Err(RequestError::method_not_allowed(at.allow()));
        }
        (endpoint.handler)(exchange).await
    }
}

/// The method of a request, or the one for which a preflight asks.
fn wanted_method(method: &Method, headers: &HeaderMap) -> Method {
    let asked = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD);
    let asked = asked.and_then(|asked| Method::from_bytes(asked.as_bytes()).ok());
    match (method, asked) {
        (&Method::OPTIONS, Some(asked)) => asked,
        (method, _) => method.clone(),
    }
}
