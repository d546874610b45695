//! One request and its response: what every route needs, and the line that the log has of it.

use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use tokio::time::Instant;
use tracing::{error, info, warn};
use uuid::Uuid;

use super::body::Incoming;
use super::response::{Outcome, RequestError, ResponseStyle};
use super::route::Route;
use super::{Deadline, PlatformRequestId, REQUEST_TIME_MAX};
use crate::guard::Guard;
use crate::media_type::negotiate;
use crate::problem::{Problem, Severity};
use crate::remember::Receipt;

/// A request that is being handled.
pub(super) struct Exchange {
    pub(super) head: Parts,
    pub(super) body: Incoming,
    pub(super) route: Option<Route>,
    /// The browser origin that sent the request, if it may call.
    pub(super) origin: Result<Option<HeaderValue>, Problem>,
    pub(super) style: ResponseStyle,
    pub(super) deadline: Instant,
    request_id: String,
    started: Instant,
}

impl Exchange {
    pub(super) fn begin(request: Request, guard: &Guard) -> Self {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        let body = Incoming::new(body, &head.headers);
        let latest = started + REQUEST_TIME_MAX;
        let granted = head.extensions.get::<Deadline>();
        let deadline = granted.map_or(latest, |deadline| deadline.0.min(latest));
        let request_id = match head.extensions.get::<PlatformRequestId>() {
            Some(PlatformRequestId(id)) => id.clone(),
            None => Uuid::new_v4().to_string(),
        };
        let route = Route::of(head.uri.path());
        let origin = guard.origin(&head);
        let accept = head.headers.get_all(header::ACCEPT).iter();
        let accepted = negotiate(accept.map(HeaderValue::as_bytes));
        let style = match route {
            // A browser page may read the errors of MCP, too.
            Some(Route::Mcp) => {
                ResponseStyle::of_mcp(&head.method, accepted, origin.clone().unwrap_or_default())
            }
            Some(Route::Memory | Route::Health | Route::OpenApi) | None => {
                ResponseStyle::of_document(accepted)
            }
        };
        Self {
            head,
            body,
            route,
            origin,
            style,
            deadline,
            request_id,
            started,
        }
    }

    /// Logs the result and makes the response.
    pub(super) async fn end(mut self, result: Result<Outcome, RequestError>) -> Response {
        match result {
            Ok(outcome) => {
                match &outcome {
                    Outcome::Stored(receipt, _) | Outcome::Called(_, Ok(receipt)) => {
                        self.log_receipt(receipt);
                    }
                    Outcome::Called(_, Err(error)) => self.log_error(error),
                    Outcome::Message(_)
                    | Outcome::Preflight { .. }
                    | Outcome::Health(_)
                    | Outcome::OpenApi(_) => {}
                }
                self.style.respond(outcome, &self.request_id)
            }
            Err(error) => {
                self.body.discard(self.deadline).await;
                self.log_error(&error);
                self.style.refuse(&error, &self.request_id)
            }
        }
    }

    fn log_receipt(&self, receipt: &Receipt) {
        let (request_id, duration_ms) = (&self.request_id, self.started.elapsed().as_millis());
        let (memory_id, put) = (receipt.memory_id, receipt.put);
        info!(request_id, %memory_id, ?put, duration_ms, "a memory is durable");
    }

    fn log_error(&self, error: &RequestError) {
        let (request_id, duration_ms) = (&self.request_id, self.started.elapsed().as_millis());
        let (method, path) = (&self.head.method, self.head.uri.path());
        let codes: Vec<_> = error
            .problems
            .iter()
            .map(|problem| problem.code.name())
            .collect();
        let (codes, why) = (codes.join(","), error.log.as_deref());
        match error.code().severity() {
            Severity::Error => {
                error!(request_id, %method, path, codes, why, duration_ms, "a request failed");
            }
            Severity::Warning => {
                warn!(request_id, %method, path, codes, why, duration_ms, "a request failed");
            }
            Severity::Info => {
                info!(request_id, %method, path, codes, why, duration_ms, "a request was refused");
            }
        }
    }
}
