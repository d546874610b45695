//! HTTP: what is checked before a body is a request.
//!
//! The checks run in the contract's order (path, key, a page's origin, method, size, media types,
//! query, body) and the first failure answers; what leaves is `answer.rs`'s. The module knows no AWS and reads no
//! environment.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;
use futures_util::FutureExt;
use tokio::time::{Instant, timeout_at};
use tracing::info;
use uuid::Uuid;

use crate::accept::{JSON, NotAcceptable, Representation, negotiate};
use crate::body::{Incoming, declared_message, declared_type};
use crate::guard::{Guard, is_preflight};
use crate::mcp::{self, Step};
use crate::memory::Draft;
use crate::problem::{Locate, Problem};
use crate::query::unsupported_parameters;
use crate::remember::{Failure, Ingress, Receipt};
use crate::{openapi, shape, tool};

mod answer;

use answer::{Form, Manner, Outcome, Refusal};

/// Longest time for one request, unless the platform grants less.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);

/// The time by which a request must be answered; an extension that the platform's binary may put on
/// a request.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(pub Instant);

/// The id under which the platform's own log knows a request; an extension like [`Deadline`].
#[derive(Debug, Clone)]
pub struct PlatformRequestId(pub String);

/// The service's routes over this door to the log.
pub fn router(ingress: Ingress, guard: Guard) -> Router {
    Router::new().fallback(answer).with_state(Arc::new(Service {
        ingress: Some(ingress),
        guard,
    }))
}

/// The same routes where the service cannot start: every request is answered 500 `internal`.
pub fn router_of_a_service_without_settings() -> Router {
    Router::new().fallback(answer).with_state(Arc::new(Service {
        ingress: None,
        guard: Guard::default(),
    }))
}

struct Service {
    ingress: Option<Ingress>,
    guard: Guard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Memory,
    Mcp,
    Health,
    OpenApi,
}

impl Route {
    fn of(path: &str) -> Option<Self> {
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

    /// The methods it has, as `Allow` lists them.
    fn allow(self) -> &'static str {
        match self {
            Self::Memory | Self::Mcp => "POST",
            Self::Health | Self::OpenApi => "GET, HEAD",
        }
    }

    fn allows(self, method: &Method) -> bool {
        self.allow()
            .split(", ")
            .any(|allowed| allowed == method.as_str())
    }
}

async fn answer(State(service): State<Arc<Service>>, request: Request) -> Response {
    let started = Instant::now();
    let (head, body) = request.into_parts();
    let mut body = Incoming::new(body, &head.headers);
    let latest = started + REQUEST_TIME_MAX;
    let granted = head
        .extensions
        .get::<Deadline>()
        .map_or(latest, |deadline| deadline.0);
    let deadline = granted.min(latest);
    let request_id = match head.extensions.get::<PlatformRequestId>() {
        Some(PlatformRequestId(id)) => id.clone(),
        None => Uuid::new_v4().to_string(),
    };
    let accepted = negotiate(
        head.headers
            .get_all(header::ACCEPT)
            .iter()
            .map(HeaderValue::as_bytes),
    );
    let mut manner = Manner {
        form: Form::Document(accepted.unwrap_or(Representation::JsonApi)),
        page: None,
    };

    let outcome =
        AssertUnwindSafe(service.handle(&head, &mut body, accepted, deadline, &mut manner))
            .catch_unwind()
            .await;
    let outcome = outcome.unwrap_or_else(|_| Err(Refusal::because(Problem::internal(), "a panic")));
    let stored = |receipt: &Receipt| {
        let (memory_id, put, duration_ms) = (
            receipt.memory_id,
            receipt.put,
            started.elapsed().as_millis(),
        );
        info!(request_id, %memory_id, ?put, duration_ms, "a memory is durable");
    };
    match outcome {
        Ok(outcome) => {
            match &outcome {
                Outcome::Stored(receipt, _) | Outcome::Called(_, Ok(receipt)) => stored(receipt),
                Outcome::Called(_, Err(refusal)) => refusal.log(&head, &request_id, started),
                Outcome::Message(_) | Outcome::Preflight { .. } | Outcome::Plain { .. } => {}
            }
            manner.answer(outcome, &request_id)
        }
        Err(refusal) => {
            body.drain(deadline).await;
            refusal.log(&head, &request_id, started);
            manner.refuse(&refusal, &request_id)
        }
    }
}

impl Service {
    async fn handle(
        &self,
        head: &Parts,
        body: &mut Incoming,
        accepted: Result<Representation, NotAcceptable>,
        deadline: Instant,
        manner: &mut Manner,
    ) -> Result<Outcome, Refusal> {
        let route = Route::of(head.uri.path());
        let page = self.guard.page(head);
        if route == Some(Route::Mcp) {
            if head.method == Method::POST {
                manner.form = Form::JsonRpc;
            }
            // A page may read its refusals, too.
            manner.page = page.clone().unwrap_or_default();
        }
        let Some(ingress) = &self.ingress else {
            return Err(Refusal::because(
                Problem::internal(),
                "the service has no settings",
            ));
        };
        let route = route.ok_or_else(Problem::not_found)?;
        self.guard.admit(head, route == Route::Health)?;
        if route == Route::Mcp || self.guard.judges_every_page() {
            page?;
        }
        if manner.page.is_some() && is_preflight(head) {
            let asked = head.headers.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS);
            let headers = asked.iter().cloned().collect();
            return Ok(Outcome::Preflight { headers });
        }
        if !route.allows(&head.method) {
            let allow = Some(route.allow());
            return Err(Refusal {
                allow,
                ..Problem::method_not_allowed(route.allow()).into()
            });
        }
        match route {
            Route::Memory => {
                let draft = read_draft(head, body, accepted, deadline).await?;
                let receipt = remember(ingress, draft, deadline).await?;
                let form = accepted.unwrap_or(Representation::JsonApi);
                Ok(Outcome::Stored(receipt, form))
            }
            Route::Mcp => {
                let message = read_message(head, body, deadline).await?;
                Ok(match mcp::dispatch(Some(&head.headers), &message) {
                    Step::Answer(answer) => Outcome::Message(answer),
                    Step::Call(draft, reply) => {
                        let draft: (Draft, Locate) = (draft, tool::locate);
                        Outcome::Called(reply, remember(ingress, draft, deadline).await)
                    }
                })
            }
            Route::Health => {
                let body = concat!(
                    r#"{"status":"pass","version":""#,
                    env!("CARGO_PKG_VERSION"),
                    r#""}"#
                );
                Ok(Outcome::Plain {
                    media_type: "application/health+json",
                    body: body.to_owned(),
                })
            }
            Route::OpenApi => Ok(Outcome::Plain {
                media_type: JSON,
                body: openapi::document().to_owned(),
            }),
        }
    }
}

async fn read_draft(
    head: &Parts,
    body: &mut Incoming,
    accepted: Result<Representation, NotAcceptable>,
    deadline: Instant,
) -> Result<(Draft, Locate), Refusal> {
    let body = read_body(body, deadline).await?;
    let body_type = declared_type(&head.headers)?;
    accepted.map_err(|NotAcceptable| Problem::not_acceptable())?;
    let unsupported = unsupported_parameters(head.uri.query().unwrap_or_default());
    if !unsupported.is_empty() {
        return Err(unsupported.into());
    }
    Ok(shape::draft(&body, body_type)?)
}

/// A message of MCP, whose sender may leave its type out, and whose answer is JSON whatever it
/// accepts.
async fn read_message(
    head: &Parts,
    body: &mut Incoming,
    deadline: Instant,
) -> Result<Bytes, Refusal> {
    let body = read_body(body, deadline).await?;
    declared_message(&head.headers)?;
    Ok(body)
}

async fn read_body(body: &mut Incoming, deadline: Instant) -> Result<Bytes, Refusal> {
    let too_slow = |_| Refusal::because(Problem::too_slow(), "the body did not arrive in time");
    Ok(timeout_at(deadline, body.read())
        .await
        .map_err(too_slow)??)
}

async fn remember(
    ingress: &Ingress,
    (draft, locate): (Draft, Locate),
    deadline: Instant,
) -> Result<Receipt, Refusal> {
    let refusal = |failure: Failure| Refusal {
        log: failure.log(),
        ..Problem::of(&failure, locate).into()
    };
    ingress.remember(draft, deadline).await.map_err(refusal)
}
