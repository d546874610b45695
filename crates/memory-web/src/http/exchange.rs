//! One request and its response: what every route needs, and what its record has of it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;
use memory_log::steward::Caller;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::kind::Kind;
use super::response::{Handled, RequestError, ResponseStyle};
use super::{Crowded, Deadline, PlatformRequestId, REQUEST_TIME_MAX, SpelledPath};
use crate::body::{BodyRoom, Incoming};
use crate::caller::Sender;
use crate::guard::Guard;
use crate::media_type::negotiate;
use crate::problem::Problem;
use crate::record::{Outcome, Record, Surface, Why};

/// A request that is being handled.
pub struct Exchange {
    /// Its method, target and header fields.
    pub head: Parts,
    body: Incoming,
    bodies: Arc<BodyRoom>,
    /// The room that the body takes until the request ends.
    room: Option<OwnedSemaphorePermit>,
    /// The id in the path, as it was sent.
    pub id: Option<String>,
    /// The browser origin that sent the request, if it may call.
    pub(super) origin: Result<Option<HeaderValue>, Problem>,
    /// The same, if it may read.
    pub(super) reader: Result<Option<HeaderValue>, Problem>,
    /// How the response is represented.
    pub style: ResponseStyle,
    sender: Sender,
    /// The time by which it must be answered.
    pub deadline: Instant,
    request_id: String,
    /// What the log will say about it.
    pub record: Record,
}

/// What the path of a request is, as the endpoints know it.
#[derive(Default)]
pub(super) struct Route {
    /// The endpoint for the request's method, or another one of the path.
    pub(super) kind: Option<Kind>,
    /// The path with `{id}` in the place of an id.
    pub(super) template: Option<&'static str>,
    /// The id, as it was sent.
    pub(super) id: Option<String>,
}

impl Exchange {
    pub(super) fn begin(
        request: Request,
        guard: &Guard,
        bodies: &Arc<BodyRoom>,
        Route { kind, template, id }: Route,
    ) -> Self {
        let (mut head, body) = request.into_parts();
        let sender = guard.callers.sender(&mut head.extensions);
        let body = Incoming::new(body, &head.headers);
        let latest = Instant::now() + REQUEST_TIME_MAX;
        let granted = head.extensions.get::<Deadline>();
        let deadline = granted.map_or(latest, |deadline| deadline.0.min(latest));
        let (surface, request_id) = match head.extensions.get::<PlatformRequestId>() {
            Some(PlatformRequestId(id)) => (Surface::Lambda, id.clone()),
            None => (Surface::Http, Uuid::new_v4().to_string()),
        };
        let record = Record::begin(surface, &head.headers);
        record.fill(|members| {
            members.request_id.clone_from(&request_id);
            members.method = Some(known(&head.method));
            members.route = template;
            members.is_open = kind.is_some_and(Kind::is_open);
        });
        let (origin, reader) = (guard.origin(&head), guard.reader(&head));
        let accept = head.headers.get_all(header::ACCEPT).iter();
        let accepted = negotiate(accept.map(HeaderValue::as_bytes));
        let style = match kind {
            // A browser page may read the errors of MCP, too.
            Some(Kind::Message) => {
                ResponseStyle::of_mcp(&head.method, accepted, origin.clone().unwrap_or_default())
            }
            Some(Kind::RecallMessage) => {
                let reader = reader.clone().unwrap_or_default();
                ResponseStyle::of_mcp(&head.method, accepted, reader).that_recalls()
            }
            Some(Kind::Recall) => {
                ResponseStyle::of_recall(accepted, reader.clone().unwrap_or_default())
            }
            Some(Kind::Login) => ResponseStyle::of_login(accepted),
            Some(Kind::Document | Kind::Constant | Kind::Health) | None => {
                ResponseStyle::of_document(accepted)
            }
        };
        Self {
            head,
            body,
            bodies: Arc::clone(bodies),
            room: None,
            id,
            origin,
            reader,
            style,
            sender,
            deadline,
            request_id,
            record,
        }
    }

    /// Says that the caller is admitted, and may be named.
    pub(super) fn admitted(&self) {
        self.record.called_by(self.caller());
    }

    /// The path as the caller spelled it, on which links are built.
    #[must_use]
    pub fn spelled_path(&self) -> &str {
        let spelled = self.head.extensions.get::<SpelledPath>();
        spelled.map_or_else(|| self.head.uri.path(), |spelled| &spelled.0)
    }

    /// Who asks, as the way in has verified it.
    #[must_use]
    pub fn caller(&self) -> Caller<'_> {
        self.sender.caller()
    }

    /// The whole body, once there is room for it.
    ///
    /// # Errors
    /// It is too large, too slow or cut off, or the process has no room for it.
    pub async fn body(&mut self) -> Result<Bytes, RequestError> {
        let overloaded =
            |why: &str| RequestError::because(Problem::overloaded(), Why::from(why.to_owned()));
        let bytes = self.body.bytes_max()?;
        if self.head.extensions.get::<Crowded>().is_some() {
            return Err(overloaded("every connection is taken"));
        }
        let full = || overloaded("the bodies of other requests take all the room");
        self.room = Some(self.bodies.take(bytes).ok_or_else(full)?);
        let read = timeout_at(self.deadline, self.body.read()).await;
        let too_slow = |_| {
            let why = "the body did not arrive before the deadline".to_owned();
            RequestError::because(Problem::too_slow(), Why::from(why))
        };
        let body = read.map_err(too_slow)??;
        self.record
            .fill(|members| members.bytes_in = Some(body.len()));
        Ok(body)
    }

    /// Says for the log that a call failed whose response is a result all the same.
    pub fn failed(&self, error: RequestError) {
        self.record.refused(&error.problems, error.why);
    }

    /// Makes the response, and says in the record what became of the request.
    pub(super) async fn end(mut self, handled: Handled) -> Response {
        let response = match handled {
            Ok(response) => response,
            Err(error) => {
                let response = self.style.refuse(&error, &self.request_id);
                self.failed(error);
                self.body.discard(self.deadline).await;
                response
            }
        };
        let status = response.status();
        self.record
            .fill(|members| members.status = Some(status.as_u16()));
        self.record.ended(match status.is_client_error() {
            true => Outcome::Refused,
            false => Outcome::Answered,
        });
        self.style.finish(response, &self.request_id)
    }
}

/// A method by its name, if it is one of HTTP's own: a client can make up others.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::TRACE => "TRACE",
        Method::CONNECT => "CONNECT",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;

    use super::*;

    fn begin(request: Request) -> Exchange {
        begin_with(request, &Guard::default())
    }

    fn begin_with(request: Request, guard: &Guard) -> Exchange {
        let kind = match request.uri().path() {
            "/memory" => Some(Kind::Document),
            "/mcp" | "/api/v1/mcp/" => Some(Kind::Message),
            "/health" => Some(Kind::Health),
            _ => None,
        };
        let route = Route {
            kind,
            ..Route::default()
        };
        Exchange::begin(request, guard, &Arc::new(BodyRoom::new()), route)
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
    async fn of_the_ingress_routes_mcp_answers_with_the_headers_of_an_origin() {
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
            let exchange = begin_with(request.body(Body::empty()).unwrap(), &guard);
            assert_eq!(exchange.style.has_cors_origin(), has_origin, "{path}");
            assert!(exchange.origin.is_ok(), "{path}");
        }
    }
}
