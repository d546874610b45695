//! HTTP: what is checked before a body is a request, and what leaves as an answer.
//!
//! The checks run in the contract's order (path, key, method, size, media types, query, body) and
//! the first failure answers. Every answer carries `x-request-id` and `Vary: Accept`; every failure
//! is an error document. The module knows no AWS and reads no environment.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use futures_util::FutureExt;
use tokio::time::{Instant, timeout_at};
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::accept::{JSON, NotAcceptable, Representation, negotiate};
use crate::body::{Incoming, declared_type};
use crate::guard::Guard;
use crate::memory::Draft;
use crate::problem::{Code, Locate, Problem, Source};
use crate::query::unsupported_parameters;
use crate::remember::{Failure, Ingress, Receipt};
use crate::store::Put;
use crate::{jsonapi, openapi, shape, tool};

/// Longest time for one request, unless the platform grants less.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);
/// Seconds until a caller may try again: S3 wants a pause after `SlowDown`, and a caller waits.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

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
        guard: Guard::Gateway,
    }))
}

struct Service {
    ingress: Option<Ingress>,
    guard: Guard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Memory,
    Health,
    OpenApi,
}

impl Route {
    fn of(path: &str) -> Option<Self> {
        match path.strip_suffix('/').unwrap_or(path) {
            "/api/v1/mcp/memory" | "/api/v1/mcp/memories" | "/memory" | "/memories" => {
                Some(Self::Memory)
            }
            _ if path == "/health" => Some(Self::Health),
            _ if path == "/openapi.json" => Some(Self::OpenApi),
            _ => None,
        }
    }

    /// The methods it has, as `Allow` lists them.
    fn allow(self) -> &'static str {
        match self {
            Self::Memory => "POST",
            Self::Health | Self::OpenApi => "GET, HEAD",
        }
    }

    fn allows(self, method: &Method) -> bool {
        self.allow()
            .split(", ")
            .any(|allowed| allowed == method.as_str())
    }
}

/// What a request comes to, before it has a representation.
enum Outcome {
    Stored(Receipt),
    Plain {
        media_type: &'static str,
        body: Vec<u8>,
    },
}

/// Why a request comes to nothing.
struct Refusal {
    /// At least one, all of one status.
    problems: Vec<Problem>,
    /// The methods of the path, where another was asked for.
    allow: Option<&'static str>,
    /// What the log says beside, and the caller never sees.
    log: Option<String>,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::from(vec![problem])
    }
}

impl From<Vec<Problem>> for Refusal {
    fn from(problems: Vec<Problem>) -> Self {
        Self {
            problems,
            allow: None,
            log: None,
        }
    }
}

impl Refusal {
    fn because(problems: impl Into<Self>, log: impl Into<String>) -> Self {
        Self {
            log: Some(log.into()),
            ..problems.into()
        }
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
    let representation = accepted.unwrap_or(Representation::JsonApi);

    let outcome = AssertUnwindSafe(service.handle(&head, &mut body, accepted, deadline))
        .catch_unwind()
        .await;
    let outcome = outcome.unwrap_or_else(|_| Err(Refusal::because(Problem::internal(), "a panic")));
    let response = match outcome {
        Ok(outcome) => {
            if let Outcome::Stored(receipt) = &outcome {
                let (memory_id, put, duration_ms) = (
                    receipt.memory_id,
                    receipt.put,
                    started.elapsed().as_millis(),
                );
                info!(request_id, %memory_id, ?put, duration_ms, "a memory is durable");
            }
            outcome.into_response(representation)
        }
        Err(refusal) => {
            body.drain(deadline).await;
            refusal.log(&head, &request_id, started);
            refusal.into_response(representation, &request_id)
        }
    };
    finish(response, &request_id)
}

fn finish(mut response: Response, request_id: &str) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

impl Service {
    async fn handle(
        &self,
        head: &Parts,
        body: &mut Incoming,
        accepted: Result<Representation, NotAcceptable>,
        deadline: Instant,
    ) -> Result<Outcome, Refusal> {
        let Some(ingress) = &self.ingress else {
            return Err(Refusal::because(
                Problem::internal(),
                "the service has no settings",
            ));
        };
        let route = Route::of(head.uri.path()).ok_or_else(Problem::not_found)?;
        self.guard.admit(head, route == Route::Health)?;
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
                remember(ingress, draft, deadline)
                    .await
                    .map(Outcome::Stored)
            }
            Route::Health => {
                let body = concat!(
                    r#"{"status":"pass","version":""#,
                    env!("CARGO_PKG_VERSION"),
                    r#""}"#
                );
                Ok(Outcome::Plain {
                    media_type: "application/health+json",
                    body: body.into(),
                })
            }
            Route::OpenApi => Ok(Outcome::Plain {
                media_type: JSON,
                body: openapi::document().into(),
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
    let too_slow = |_| Refusal::because(Problem::too_slow(), "the body did not arrive in time");
    let body = timeout_at(deadline, body.read())
        .await
        .map_err(too_slow)??;
    let body_type = declared_type(&head.headers)?;
    accepted.map_err(|NotAcceptable| Problem::not_acceptable())?;
    let unsupported = unsupported_parameters(head.uri.query().unwrap_or_default());
    if !unsupported.is_empty() {
        return Err(unsupported.into());
    }
    Ok(shape::draft(&body, body_type)?)
}

async fn remember(
    ingress: &Ingress,
    (draft, locate): (Draft, Locate),
    deadline: Instant,
) -> Result<Receipt, Refusal> {
    ingress.remember(draft, deadline).await.map_err(|failure| {
        let log = match &failure {
            Failure::Invalid(_) => None,
            Failure::Write { error, .. } => Some(error.to_string()),
            Failure::Crashed { .. } => Some("the put panicked".to_owned()),
        };
        Refusal {
            log,
            ..Problem::of(&failure, locate).into()
        }
    })
}

impl Outcome {
    fn into_response(self, representation: Representation) -> Response {
        match self {
            Self::Plain { media_type, body } => response(StatusCode::OK, media_type, body),
            Self::Stored(receipt) => {
                let body = match representation {
                    Representation::JsonApi => jsonapi::success(&receipt),
                    Representation::Json => tool::success(&receipt),
                };
                let mut response = response(StatusCode::CREATED, representation.media_type(), body);
                if receipt.put == Put::AlreadyThere {
                    response
                        .headers_mut()
                        .insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
                }
                response
            }
        }
    }
}

impl Refusal {
    fn code(&self) -> Code {
        self.problems
            .first()
            .map_or(Code::Internal, |problem| problem.code)
    }

    /// An error is for the operator to mend; a warning tells that the storage is not well.
    fn log(&self, head: &Parts, request_id: &str, started: Instant) {
        let Parts { method, uri, .. } = head;
        let (path, duration_ms) = (uri.path(), started.elapsed().as_millis());
        let codes: Vec<_> = self
            .problems
            .iter()
            .map(|problem| problem.code.name())
            .collect();
        let (codes, why) = (codes.join(","), self.log.as_deref());
        match self.code().status() {
            500 => error!(request_id, %method, path, codes, why, duration_ms, "a request failed"),
            501.. => warn!(request_id, %method, path, codes, why, duration_ms, "a request failed"),
            _ => info!(request_id, %method, path, codes, why, duration_ms, "a request was refused"),
        }
    }

    fn into_response(self, representation: Representation, request_id: &str) -> Response {
        let body = match representation {
            Representation::JsonApi => jsonapi::failure(&self.problems, request_id),
            Representation::Json => tool::failure(&self.problems),
        };
        let code = self.code();
        let status =
            StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = response(status, representation.media_type(), body);
        let headers = response.headers_mut();
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        match self.problems.first().map(|problem| &problem.source) {
            Some(Source::Header("Content-Type")) => {
                let both = HeaderValue::from_static("application/vnd.api+json, application/json");
                headers.insert(header::ACCEPT, both);
            }
            Some(Source::Header("Content-Encoding")) => {
                headers.insert(
                    header::ACCEPT_ENCODING,
                    HeaderValue::from_static("identity"),
                );
            }
            _ => {}
        }
        if matches!(code, Code::StorageUnavailable | Code::StorageOutcomeUnknown) {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}

fn response(status: StatusCode, media_type: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
