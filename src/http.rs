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
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use futures_util::FutureExt;
use tokio::time::{Instant, timeout_at};
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::accept::{BodyType, JSON, NotAcceptable, Representation, negotiate};
use crate::guard::Guard;
use crate::json::Json;
use crate::jsonapi::Unreadable;
use crate::memory::{Draft, Place};
use crate::problem::{Code, Problem};
use crate::query::unsupported_parameters;
use crate::remember::{Failure, Ingress, Receipt};
use crate::store::Put;
use crate::{body, jsonapi, openapi, tool};

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

/// Why a request comes to nothing: at least one problem, all of one status.
pub(crate) struct Refusal {
    problems: Vec<Problem>,
    header: Option<(HeaderName, &'static str)>,
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
            header: None,
            log: None,
        }
    }
}

impl Refusal {
    pub(crate) fn with_header(problem: Problem, name: HeaderName, value: &'static str) -> Self {
        Self {
            header: Some((name, value)),
            ..Self::from(problem)
        }
    }
}

async fn answer(State(service): State<Arc<Service>>, request: Request) -> Response {
    let started = Instant::now();
    let request_id = match request.extensions().get::<PlatformRequestId>() {
        Some(PlatformRequestId(id)) => id.clone(),
        None => Uuid::new_v4().to_string(),
    };
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let representation = negotiated(request.headers()).unwrap_or(Representation::JsonApi);

    let outcome = AssertUnwindSafe(service.handle(request))
        .catch_unwind()
        .await;
    let outcome = outcome.unwrap_or_else(|_| {
        Err(Refusal {
            log: Some("a panic".to_owned()),
            ..Refusal::from(Problem::internal())
        })
    });
    let duration_ms = started.elapsed().as_millis();
    let response = match outcome {
        Ok(outcome) => {
            if let Outcome::Stored(receipt) = &outcome {
                let (memory_id, put) = (receipt.memory_id, receipt.put);
                info!(request_id, %memory_id, ?put, duration_ms, "a memory is durable");
            }
            outcome.into_response(representation)
        }
        Err(refusal) => {
            let codes: Vec<_> = refusal
                .problems
                .iter()
                .map(|problem| problem.code.name())
                .collect();
            let (codes, why) = (
                codes.join(","),
                refusal.log.as_deref().unwrap_or("the request is at fault"),
            );
            match refusal
                .problems
                .first()
                .map_or(500, |problem| problem.code.status())
            {
                500.. => {
                    error!(request_id, %method, path, codes, why, duration_ms, "a request failed");
                }
                _ => {
                    warn!(request_id, %method, path, codes, why, duration_ms, "a request was refused");
                }
            }
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
    async fn handle(&self, request: Request) -> Result<Outcome, Refusal> {
        let Some(ingress) = &self.ingress else {
            let log = Some("the service has no settings".to_owned());
            return Err(Refusal {
                log,
                ..Refusal::from(Problem::internal())
            });
        };
        let route = Route::of(request.uri().path()).ok_or_else(Problem::not_found)?;
        self.guard
            .admit(request.uri(), request.headers(), route == Route::Health)?;
        if !route.allows(request.method()) {
            let problem = Problem::method_not_allowed(route.allow());
            return Err(Refusal::with_header(problem, header::ALLOW, route.allow()));
        }
        match route {
            Route::Memory => remember(ingress, request).await.map(Outcome::Stored),
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
                body: openapi::document().into_bytes(),
            }),
        }
    }
}

async fn remember(ingress: &Ingress, request: Request) -> Result<Receipt, Refusal> {
    let latest = Instant::now() + REQUEST_TIME_MAX;
    let granted = request
        .extensions()
        .get::<Deadline>()
        .map_or(latest, |deadline| deadline.0);
    let deadline = granted.min(latest);

    let (head, body) = request.into_parts();
    let expects_continue = head.headers.contains_key(header::EXPECT);
    let body = timeout_at(deadline, body::read(body, expects_continue))
        .await
        .map_err(|_| Problem::too_slow())??;
    let body_type = body::declared_type(&head.headers)?;
    negotiated(&head.headers).map_err(|NotAcceptable| Problem::not_acceptable())?;
    let unsupported = unsupported_parameters(head.uri.query().unwrap_or_default());
    if !unsupported.is_empty() {
        return Err(unsupported.into());
    }

    let (draft, locate) = draft(&body, body_type)?;
    ingress
        .remember(draft, deadline)
        .await
        .map_err(|failure| Refusal {
            log: match &failure {
                Failure::Invalid(_) => None,
                Failure::Write { error, .. } => Some(error.to_string()),
                Failure::Crashed { .. } => Some("the put panicked".to_owned()),
            },
            ..Refusal::from(Problem::of(&failure, locate))
        })
}

/// Where a request's shape spells each place of a memory.
pub(crate) type Locate = fn(&Place) -> Vec<String>;

/// A draft, and where its request's shape spells each place.
pub(crate) fn draft(body: &[u8], body_type: BodyType) -> Result<(Draft, Locate), Vec<Problem>> {
    let json = Json::parse(body).map_err(|fault| vec![Problem::malformed(&fault)])?;
    let root = json.root();
    if body_type == BodyType::Json && root.member("data").is_none() {
        return tool::draft(root)
            .map(|draft| (draft, tool::locate as Locate))
            .map_err(|problem| vec![problem]);
    }
    match jsonapi::draft(root) {
        Ok(draft) => Ok((draft, jsonapi::locate)),
        Err(Unreadable::Document(problem)) => Err(vec![problem]),
        Err(Unreadable::Violations(violations)) => {
            Err(Problem::of_violations(&violations, jsonapi::locate))
        }
    }
}

fn negotiated(headers: &HeaderMap) -> Result<Representation, NotAcceptable> {
    negotiate(
        headers
            .get_all(header::ACCEPT)
            .iter()
            .map(HeaderValue::as_bytes),
    )
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
    fn into_response(self, representation: Representation, request_id: &str) -> Response {
        let body = match representation {
            Representation::JsonApi => jsonapi::failure(&self.problems, request_id),
            Representation::Json => tool::failure(&self.problems),
        };
        let code = self
            .problems
            .first()
            .map_or(Code::Internal, |problem| problem.code);
        let status =
            StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = response(status, representation.media_type(), body);
        if let Some((name, value)) = self.header {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        if matches!(code, Code::StorageUnavailable | Code::StorageOutcomeUnknown) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, RETRY_AFTER);
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
