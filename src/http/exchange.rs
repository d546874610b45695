//! One request and its response: what every route needs, and the line that the log has of it.

use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use memory_log::scope::Claims;
use tokio::sync::OwnedSemaphorePermit;
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
    /// The room that the body takes until the request ends.
    pub(super) room: Option<OwnedSemaphorePermit>,
    pub(super) route: Option<Route>,
    /// What the platform verified about the caller: an extension that its binary can set on a request.
    pub(super) claims: Claims,
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
        let (mut head, body) = request.into_parts();
        let claims = head.extensions.remove().unwrap_or_default();
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
            room: None,
            route,
            claims,
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;

    use super::*;

    fn begin(request: Request) -> Exchange {
        Exchange::begin(request, &Guard::default())
    }

    fn request() -> Request {
        let request = Request::post("/memory").header("x-request-id", "the-callers-own");
        request.body(Body::empty()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_platform_may_grant_less_time_and_never_more() {
        let now = Instant::now();
        assert_eq!(begin(request()).deadline, now + REQUEST_TIME_MAX);
        for (granted, given) in [(3, 3), (0, 0), (10, 10), (600, 10)] {
            let mut request = request();
            let deadline = Deadline(now + Duration::from_secs(granted));
            request.extensions_mut().insert(deadline);
            let expected = now + Duration::from_secs(given);
            assert_eq!(begin(request).deadline, expected, "{granted}");
        }
    }

    #[tokio::test]
    async fn the_request_id_is_the_platforms_or_a_new_one_and_never_the_callers() {
        let (first, second) = (begin(request()).request_id, begin(request()).request_id);
        assert!(
            Uuid::parse_str(&first).is_ok() && first != second,
            "{first}"
        );
        let mut request = request();
        let id = PlatformRequestId("of-the-invocation".to_owned());
        request.extensions_mut().insert(id);
        assert_eq!(begin(request).request_id, "of-the-invocation");
    }

    #[tokio::test]
    async fn only_mcp_answers_with_the_headers_of_an_origin() {
        let guard = Guard {
            callers: crate::caller::Callers::Loopback,
            ..Guard::default()
        };
        for (path, has_origin) in [
            ("/mcp", true),
            ("/api/v1/mcp/", true),
            ("/memory", false),
            ("/health", false),
            ("/x", false),
        ] {
            let request = Request::post(path).header("origin", "http://localhost:1");
            let exchange = Exchange::begin(request.body(Body::empty()).unwrap(), &guard);
            assert_eq!(exchange.style.has_cors_origin(), has_origin, "{path}");
            assert!(exchange.origin.is_ok(), "{path}");
        }
    }
}
