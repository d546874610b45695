//! What is sent: the representation of a receipt or of an error, and the headers of every response.
//!
//! Every response has `x-request-id` and `Vary: Accept` (contract 3.11). The module must not decide
//! whether a request succeeds.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;

use crate::documents;
use crate::flat::Flat;
use crate::mcp;
use crate::media_type::{JSON, Representation};
use crate::problem::{Code, Header, Problem, Source, code_of};
use crate::record::Why;

/// Seconds until a caller may repeat the request: S3 wants a pause after `SlowDown`.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");
/// Seconds for which a browser may keep the result of a preflight: one hour, because the origins
/// change with a deployment.
const PREFLIGHT_AGE_MAX: HeaderValue = HeaderValue::from_static("3600");

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The result of handling a request.
pub type Handled = Result<Response, RequestError>;

/// Why a request has no result.
#[derive(Debug)]
pub struct RequestError {
    /// At least one, all with the same status.
    pub problems: Vec<Problem>,
    /// Header fields that say more.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What only the log says.
    pub why: Option<Why>,
}

impl From<Problem> for RequestError {
    fn from(problem: Problem) -> Self {
        Self::from(vec![problem])
    }
}

impl From<Vec<Problem>> for RequestError {
    fn from(problems: Vec<Problem>) -> Self {
        Self {
            problems,
            headers: Vec::new(),
            why: None,
        }
    }
}

impl RequestError {
    /// These problems, with what the log says about them.
    pub fn because(problems: impl Into<Self>, why: impl Into<Option<Why>>) -> Self {
        Self {
            why: why.into(),
            ..problems.into()
        }
    }

    pub(super) fn method_not_allowed(allow: String) -> Self {
        let mut error = Self::from(Problem::method_not_allowed(&allow));
        if let Ok(allow) = HeaderValue::try_from(allow) {
            error.headers.push((header::ALLOW, allow));
        }
        error
    }

    /// The code of the response.
    #[must_use]
    pub fn code(&self) -> Code {
        code_of(&self.problems)
    }
}

/// Error format and CORS origin of a response.
pub struct ResponseStyle {
    /// What `Accept` chose; `None` if nothing that the service offers is acceptable.
    accepted: Option<Representation>,
    errors: ErrorFormat,
    /// The browser origin that may read the response.
    cors_origin: Option<HeaderValue>,
    /// Whether the response shows what was stored.
    is_recall: bool,
    /// Where the metadata is that says where to log in.
    metadata: Option<String>,
}

/// The format of an error.
enum ErrorFormat {
    /// An error document, in the representation that the caller accepts.
    Document,
    JsonRpc,
}

impl ResponseStyle {
    /// The style of a route that answers with documents.
    pub(super) fn of_document(accepted: Option<Representation>) -> Self {
        Self {
            accepted,
            errors: ErrorFormat::Document,
            cors_origin: None,
            is_recall: false,
            metadata: None,
        }
    }

    /// The style of what was stored.
    pub(super) fn of_recall(
        accepted: Option<Representation>,
        cors_origin: Option<HeaderValue>,
    ) -> Self {
        Self {
            cors_origin,
            is_recall: true,
            ..Self::of_document(accepted)
        }
    }

    /// The style of MCP, where only a POST has a message.
    pub(super) fn of_mcp(
        method: &Method,
        accepted: Option<Representation>,
        cors_origin: Option<HeaderValue>,
    ) -> Self {
        Self {
            errors: match *method {
                Method::POST => ErrorFormat::JsonRpc,
                _ => ErrorFormat::Document,
            },
            cors_origin,
            ..Self::of_document(accepted)
        }
    }

    /// The style of what pages of every origin may read.
    pub(super) fn of_login(accepted: Option<Representation>) -> Self {
        Self {
            cors_origin: Some(HeaderValue::from_static("*")),
            ..Self::of_document(accepted)
        }
    }

    /// The same style, for what was stored.
    pub(super) fn that_recalls(self) -> Self {
        Self {
            is_recall: true,
            ..self
        }
    }

    /// Names the place that says where to log in, for a refusal that asks for a token.
    pub(super) fn tell_where_to_log_in(&mut self, metadata: Option<String>) {
        self.metadata = metadata;
    }

    pub(super) fn has_cors_origin(&self) -> bool {
        self.cors_origin.is_some()
    }

    /// The representation that the caller accepts.
    ///
    /// # Errors
    /// 406 `not_acceptable`.
    pub fn representation(&self) -> Result<Representation, Problem> {
        self.accepted.ok_or_else(Problem::not_acceptable)
    }

    /// The response to a request that has no result.
    pub(super) fn refuse(&self, error: &RequestError, request_id: &str) -> Response {
        let problems = &error.problems;
        let mut response = match self.errors {
            ErrorFormat::JsonRpc => message(mcp::Response::to_unread(problems)),
            ErrorFormat::Document => {
                let form = self.accepted.unwrap_or(Representation::JsonApi);
                let body = match form {
                    Representation::JsonApi => documents::failure(problems, request_id),
                    Representation::Json => Flat::failure(problems).document().to_owned(),
                };
                of_type(status(error.code().status()), form.media_type(), body)
            }
        };
        let headers = response.headers_mut();
        headers.extend(error.headers.clone());
        if let Some(advice) = problems.first().and_then(Advice::of) {
            headers.insert(advice.field(), self.value_of(advice));
        }
        response
    }

    fn value_of(&self, advice: Advice) -> HeaderValue {
        match (advice, &self.errors) {
            (Advice::Accept, ErrorFormat::Document) => {
                HeaderValue::from_static("application/vnd.api+json, application/json")
            }
            (Advice::Accept, ErrorFormat::JsonRpc) => HeaderValue::from_static(JSON),
            (Advice::AcceptEncoding, _) => HeaderValue::from_static("identity"),
            (Advice::Authenticate, _) => self.challenge(None),
            (Advice::AuthenticateAgain, _) => self.challenge(Some("error=\"invalid_token\"")),
            (Advice::RetryAfter, _) => RETRY_AFTER,
        }
    }

    /// How to send a token (RFC 6750, section 3), and where it is said who issues one (RFC 9728, section 5.1). The
    /// URL of a request that was read has no quote.
    fn challenge(&self, error: Option<&str>) -> HeaderValue {
        let metadata = self.metadata.as_ref();
        let metadata = metadata.map(|url| format!("resource_metadata=\"{url}\""));
        let parameters: Vec<_> = error.into_iter().chain(metadata.as_deref()).collect();
        let challenge = format!("Bearer {}", parameters.join(", "));
        HeaderValue::from_str(challenge.trim_end()).unwrap_or(HeaderValue::from_static("Bearer"))
    }

    /// Adds the header fields of every response.
    pub(super) fn finish(&self, mut response: Response, request_id: &str) -> Response {
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("Accept"));
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert(REQUEST_ID, id);
        }
        if self.is_recall {
            // What was stored is data: no browser runs it, or shows it to another site.
            headers.insert(
                header::X_CONTENT_TYPE_OPTIONS,
                HeaderValue::from_static("nosniff"),
            );
            headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
            // A cache may keep a 404 or 410 that does not forbid it (RFC 9110, section 15.1).
            let caching = headers.entry(header::CACHE_CONTROL);
            caching.or_insert(HeaderValue::from_static("no-store"));
        }
        if let Some(origin) = &self.cors_origin {
            let exposed = match self.is_recall {
                true => "x-request-id, idempotent-replayed, retry-after, www-authenticate, etag",
                false => "x-request-id, idempotent-replayed, retry-after, www-authenticate",
            };
            // What every page may read differs by the name that was called. A cache in front that keeps it without that
            // name would hand on a document that somebody else made up with another `Host`.
            let varies = if origin == "*" { "Host" } else { "Origin" };
            headers.append(header::VARY, HeaderValue::from_static(varies));
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static(exposed),
            );
        }
        response
    }
}

/// A header field that says what the caller can do instead (RFC 9110, sections 10.2.3, 12.5.1 and
/// 12.5.3; RFC 6750, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Advice {
    /// The media types that a body may have.
    Accept,
    /// The codings that a body may have.
    AcceptEncoding,
    /// How to send a token.
    Authenticate,
    /// The same, after a token that is not accepted.
    AuthenticateAgain,
    /// The time after which to repeat the request.
    RetryAfter,
}

impl Advice {
    /// The advice that belongs to a problem.
    #[must_use]
    pub fn of(problem: &Problem) -> Option<Self> {
        match (problem.code, &problem.source) {
            (Code::UnsupportedMediaType, Source::Header(Header::ContentType)) => Some(Self::Accept),
            (Code::UnsupportedMediaType, Source::Header(Header::ContentEncoding)) => {
                Some(Self::AcceptEncoding)
            }
            (Code::Unauthorized, Source::None) => Some(Self::Authenticate),
            (Code::Unauthorized, _) => Some(Self::AuthenticateAgain),
            (code, _) => code.asks_for_a_repeat().then_some(Self::RetryAfter),
        }
    }

    fn field(self) -> HeaderName {
        match self {
            Self::Accept => header::ACCEPT,
            Self::AcceptEncoding => header::ACCEPT_ENCODING,
            Self::Authenticate | Self::AuthenticateAgain => header::WWW_AUTHENTICATE,
            Self::RetryAfter => header::RETRY_AFTER,
        }
    }
}

/// The HTTP response that carries a message of MCP.
pub(super) fn message(response: mcp::Response) -> Response {
    match response.message {
        Some(message) => of_type(status(response.status), JSON, message),
        None => bare(status(response.status)),
    }
}

/// A browser page may send the header fields that it asks for: its origin is trusted, and the fields
/// that MCP clients send change (<https://fetch.spec.whatwg.org/#http-cors-protocol>).
pub(super) fn preflight(allow: &str, requested: Vec<HeaderValue>) -> Response {
    let mut response = bare(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    if let Ok(allow) = HeaderValue::from_str(allow) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, allow);
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE_MAX);
    for line in requested {
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

/// A response with a body of this media type.
pub fn of_type(status: StatusCode, media_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = bare(status);
    *response.body_mut() = body.into();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

#[cfg(test)]
mod tests;
