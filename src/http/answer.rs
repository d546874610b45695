//! What leaves as an answer.
//!
//! Every answer carries `x-request-id` and `Vary: Accept`. A failure is an error document in the
//! representation that the caller chose, or what JSON-RPC makes of it for an agent.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::accept::{JSON, Representation};
use crate::mcp::{self, Reply};
use crate::problem::{Code, Problem, Source};
use crate::remember::Receipt;
use crate::store::Put;
use crate::{jsonapi, tool};

/// Seconds until a caller may try again: S3 wants a pause after `SlowDown`, and a caller waits.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");
/// Seconds for which a browser may keep the answer to a preflight: an hour, as the origins change
/// with a deployment.
const PREFLIGHT_AGE_MAX: HeaderValue = HeaderValue::from_static("3600");

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What a request comes to.
pub(super) enum Outcome {
    Stored(Receipt, Representation),
    Message(mcp::Answer),
    /// A tool's call, whose failure is a result as well.
    Called(Reply, Result<Receipt, Refusal>),
    /// A page may send what it asks to send.
    Preflight {
        headers: Vec<HeaderValue>,
    },
    Plain {
        media_type: &'static str,
        body: String,
    },
}

/// Why a request comes to nothing.
pub(super) struct Refusal {
    /// At least one, all of one status.
    pub(super) problems: Vec<Problem>,
    /// The methods of the path, where another was asked for.
    pub(super) allow: Option<&'static str>,
    /// What the log says beside, and the caller never sees.
    pub(super) log: Option<String>,
}

/// How a request is answered.
pub(super) struct Manner {
    /// How it is refused.
    pub(super) form: Form,
    /// The origin of the page that reads the answer, where it may.
    pub(super) page: Option<HeaderValue>,
}

/// What a refusal is written in.
pub(super) enum Form {
    /// An error document.
    Document(Representation),
    /// An error of JSON-RPC.
    JsonRpc,
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
    pub(super) fn because(problems: impl Into<Self>, log: impl Into<String>) -> Self {
        Self {
            log: Some(log.into()),
            ..problems.into()
        }
    }

    fn code(&self) -> Code {
        self.problems
            .first()
            .map_or(Code::Internal, |problem| problem.code)
    }

    /// An error is for the operator to mend; a warning tells that the storage is not well.
    pub(super) fn log(&self, head: &Parts, request_id: &str, started: Instant) {
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
}

impl Manner {
    pub(super) fn answer(&self, outcome: Outcome, request_id: &str) -> Response {
        let response = match outcome {
            Outcome::Plain { media_type, body } => of_type(StatusCode::OK, media_type, body),
            Outcome::Message(answer) => message(answer),
            Outcome::Preflight { headers } => preflight(headers),
            Outcome::Stored(receipt, form) => {
                let body = match form {
                    Representation::JsonApi => jsonapi::success(&receipt),
                    Representation::Json => tool::success(&receipt),
                };
                let created = of_type(StatusCode::CREATED, form.media_type(), body);
                replayed(created, receipt.put)
            }
            Outcome::Called(reply, Ok(receipt)) => {
                let result = message(reply.told(&Ok(tool::success(&receipt))));
                replayed(result, receipt.put)
            }
            Outcome::Called(reply, Err(refusal)) => {
                message(reply.told(&Err(tool::failure(&refusal.problems))))
            }
        };
        self.finish(response, request_id)
    }

    pub(super) fn refuse(&self, refusal: &Refusal, request_id: &str) -> Response {
        let problems = &refusal.problems;
        let failed = |form: Representation, body| {
            of_type(status(refusal.code().status()), form.media_type(), body)
        };
        let response = match &self.form {
            Form::Document(form @ Representation::JsonApi) => {
                failed(*form, jsonapi::failure(problems, request_id))
            }
            Form::Document(form @ Representation::Json) => failed(*form, tool::failure(problems)),
            Form::JsonRpc => message(mcp::Answer::to_unread(problems)),
        };
        self.finish(self.with_advice(response, refusal), request_id)
    }

    /// The header fields that tell a caller what to do otherwise.
    fn with_advice(&self, mut response: Response, refusal: &Refusal) -> Response {
        let headers = response.headers_mut();
        if let Some(allow) = refusal.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        match refusal.problems.first().map(|problem| &problem.source) {
            Some(Source::Header("Content-Type")) => {
                let types = match self.form {
                    Form::Document(_) => "application/vnd.api+json, application/json",
                    Form::JsonRpc => JSON,
                };
                headers.insert(header::ACCEPT, HeaderValue::from_static(types));
            }
            Some(Source::Header("Content-Encoding")) => {
                headers.insert(
                    header::ACCEPT_ENCODING,
                    HeaderValue::from_static("identity"),
                );
            }
            _ => {}
        }
        if matches!(
            refusal.code(),
            Code::StorageUnavailable | Code::StorageOutcomeUnknown
        ) {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }

    fn finish(&self, mut response: Response, request_id: &str) -> Response {
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("Accept"));
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert(REQUEST_ID, id);
        }
        if let Some(origin) = &self.page {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static("x-request-id, idempotent-replayed, retry-after"),
            );
        }
        response
    }
}

fn replayed(mut response: Response, put: Put) -> Response {
    if put == Put::AlreadyThere {
        response
            .headers_mut()
            .insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

fn message(answer: mcp::Answer) -> Response {
    match answer.message {
        Some(message) => of_type(status(answer.status), JSON, message),
        None => bare(status(answer.status)),
    }
}

/// The page may send the header fields it asks for: its origin is trusted, and which fields clients
/// of MCP send changes (<https://fetch.spec.whatwg.org/#http-cors-protocol>).
fn preflight(asked: Vec<HeaderValue>) -> Response {
    let mut response = bare(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("POST"),
    );
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE_MAX);
    for line in asked {
        headers.append(header::ACCESS_CONTROL_ALLOW_HEADERS, line);
    }
    response
}

fn status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn bare(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn of_type(status: StatusCode, media_type: &'static str, body: String) -> Response {
    let mut response = bare(status);
    *response.body_mut() = body.into();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
