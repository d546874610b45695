//! HTTP: the checks before a body counts as a request, and the routes.
//!
//! The checks run in the order of contract 3.2, and the first failure ends the request.
//! `exchange.rs` holds the data of one request, and `response.rs` builds its response. The module must
//! not know AWS or read the environment.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::header;
use futures_util::FutureExt;
use memory_log::memory::Draft;
use memory_log::scope::Claims;
use tokio::time::{Instant, timeout_at};

use crate::guard::{Guard, is_preflight};
use crate::mcp::{self, Step};
use crate::problem::Problem;
use crate::remember::{Ingress, Receipt};

mod body;
mod exchange;
pub(crate) mod query;
mod response;
mod route;
pub mod shape;

pub use body::{BODIES_BYTES_MAX, BODY_BYTES_MAX};
#[cfg(feature = "local")]
pub(crate) use response::Advice;
pub use route::{PATHS, Route};

use body::{BodyRoom, check_message_type, declared_type};
use exchange::Exchange;
use query::unsupported_parameters;
use response::{Outcome, RequestError};
use shape::Shape;

/// Longest time for one request, unless the platform grants less (contract 4.1).
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);

/// The time by which a request must be answered: an extension that the platform's binary can set on
/// a request.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(pub Instant);

/// The id under which the platform's own log knows a request: an extension like [`Deadline`].
#[derive(Debug, Clone)]
pub struct PlatformRequestId(pub String);

/// Marks a request for which the process has no room: an extension like [`Deadline`]. Only a request
/// that needs no body is answered, such as one for `/health`.
#[derive(Debug, Clone, Copy)]
pub struct Crowded;

/// The OpenAPI document. A test compares it with what `openapi` generates from the code.
const OPENAPI: &str = include_str!("../openapi/openapi.json");

const HEALTH: &str = concat!(
    r#"{"status":"pass","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""}"#
);

/// The routes of the service.
pub fn router(ingress: Ingress, guard: Guard) -> Router {
    let bodies = BodyRoom::new();
    let service = Arc::new(Service {
        ingress,
        guard,
        bodies,
    });
    Router::new().fallback(move |request: Request| {
        let service = Arc::clone(&service);
        async move {
            let mut exchange = Exchange::begin(request, &service.guard);
            let handled = AssertUnwindSafe(service.handle(&mut exchange)).catch_unwind();
            let panicked = |_| {
                Err(RequestError::because(
                    Problem::internal(),
                    "a panic".to_owned(),
                ))
            };
            let result = handled.await.unwrap_or_else(panicked);
            exchange.end(result).await
        }
    })
}

/// The routes of a service whose settings are wrong: every request is answered 500 `internal`.
pub fn misconfigured_router() -> Router {
    Router::new().fallback(async |request: Request| {
        let exchange = Exchange::begin(request, &Guard::default());
        let why = "the service has no settings".to_owned();
        let error = RequestError::because(Problem::internal(), why);
        exchange.end(Err(error)).await
    })
}

struct Service {
    ingress: Ingress,
    guard: Guard,
    bodies: BodyRoom,
}

impl Service {
    async fn handle(&self, exchange: &mut Exchange) -> Result<Outcome, RequestError> {
        let route = exchange.route.ok_or_else(Problem::not_found)?;
        let head = &exchange.head;
        self.guard.admit(head, route == Route::Health)?;
        if route == Route::Mcp || self.guard.checks_every_origin() {
            exchange.origin.clone()?;
        }
        if exchange.style.has_cors_origin() && is_preflight(head) {
            let requested = head.headers.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS);
            let headers = requested.iter().cloned().collect();
            return Ok(Outcome::Preflight { headers });
        }
        if !route.allows(&head.method) {
            return Err(RequestError::method_not_allowed(route.allow()));
        }
        match route {
            Route::Memory => self.remember_body(exchange).await,
            Route::Mcp => self.dispatch_message(exchange).await,
            Route::Health => Ok(Outcome::Health(HEALTH)),
            Route::OpenApi => Ok(Outcome::OpenApi(OPENAPI)),
        }
    }

    async fn remember_body(&self, exchange: &mut Exchange) -> Result<Outcome, RequestError> {
        let body = self.read_body(exchange).await?;
        let body_type = declared_type(&exchange.head.headers)?;
        let representation = exchange.style.representation()?;
        let unsupported = unsupported_parameters(exchange.head.uri.query().unwrap_or_default());
        if !unsupported.is_empty() {
            return Err(unsupported.into());
        }
        let (draft, shape) = shape::read(&body, body_type)?;
        let receipt = self
            .remember(draft, shape, &exchange.claims, exchange.deadline)
            .await?;
        Ok(Outcome::Stored(receipt, representation))
    }

    /// Handles a message of MCP. Its sender may leave the type out, and the response is JSON whatever
    /// `Accept` says (contract 5.1).
    async fn dispatch_message(&self, exchange: &mut Exchange) -> Result<Outcome, RequestError> {
        let message = self.read_body(exchange).await?;
        check_message_type(&exchange.head.headers)?;
        Ok(
            match mcp::dispatch(Some(&exchange.head.headers), &message) {
                Step::Respond(response) => Outcome::Message(response),
                Step::Call(draft, reply) => {
                    let (claims, deadline) = (&exchange.claims, exchange.deadline);
                    let result = self
                        .remember(draft, Shape::ToolBody, claims, deadline)
                        .await;
                    Outcome::Called(reply, result)
                }
            },
        )
    }

    async fn read_body(&self, exchange: &mut Exchange) -> Result<Bytes, RequestError> {
        let overloaded = |why: &str| RequestError::because(Problem::overloaded(), why.to_owned());
        let bytes = exchange.body.bytes_max()?;
        if exchange.head.extensions.get::<Crowded>().is_some() {
            return Err(overloaded("every connection is taken"));
        }
        let full = || overloaded("the bodies of other requests take all the room");
        exchange.room = Some(self.bodies.take(bytes).ok_or_else(full)?);
        let read = timeout_at(exchange.deadline, exchange.body.read()).await;
        let too_slow = |_| {
            let why = "the body did not arrive before the deadline".to_owned();
            RequestError::because(Problem::too_slow(), why)
        };
        Ok(read.map_err(too_slow)??)
    }

    async fn remember(
        &self,
        draft: Draft,
        shape: Shape,
        claims: &Claims,
        deadline: Instant,
    ) -> Result<Receipt, RequestError> {
        let remembered = self.ingress.remember(draft, claims, deadline).await;
        remembered.map_err(|error| {
            let problems = error.problems(|place| shape.locate(place));
            RequestError::because(problems, error.log())
        })
    }
}
