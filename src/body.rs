//! The body of a request: bounded before it is read, and declared as JSON.

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt;

use crate::accept::BodyType;
use crate::http::Refusal;
use crate::problem::{BODY_BYTES_MAX, Problem};

/// How much of a body that is too large is read on, so that its sender sees the answer and no reset
/// connection.
const DRAINED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The whole body, if it is not too large.
pub(crate) async fn read(mut body: Body, expects_continue: bool) -> Result<Bytes, Problem> {
    let declared = body.size_hint().lower();
    let is_too_large = |bytes: usize| bytes > BODY_BYTES_MAX;
    let declared = usize::try_from(declared).unwrap_or(usize::MAX);
    // A sender that waits for `100 Continue` has sent nothing yet; one that sends gigabytes is not
    // worth the reading.
    if is_too_large(declared) && (expects_continue || declared > DRAINED_BYTES_MAX) {
        return Err(Problem::too_large());
    }
    let mut whole = Vec::with_capacity(declared.min(BODY_BYTES_MAX));
    let mut arrived = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Problem::cut_off())?.into_data() else {
            continue;
        };
        arrived += data.len();
        if !is_too_large(arrived) {
            whole.extend_from_slice(&data);
        } else if arrived > DRAINED_BYTES_MAX {
            break;
        }
    }
    if is_too_large(arrived) {
        Err(Problem::too_large())
    } else {
        Ok(whole.into())
    }
}

/// The one type that a request declares its body to be, if the service takes it.
pub(crate) fn declared_type(headers: &HeaderMap) -> Result<BodyType, Refusal> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let body_type = match (types.next(), types.next()) {
        (Some(value), None) => BodyType::parse(value.as_bytes()),
        _ => None,
    };
    let body_type = body_type.ok_or_else(|| {
        let both = "application/vnd.api+json, application/json";
        Refusal::with_header(Problem::unsupported_media_type(), header::ACCEPT, both)
    })?;
    let is_identity = |coding: &HeaderValue| {
        coding
            .as_bytes()
            .trim_ascii()
            .eq_ignore_ascii_case(b"identity")
    };
    if !headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(is_identity)
    {
        return Err(Refusal::with_header(
            Problem::unsupported_coding(),
            header::ACCEPT_ENCODING,
            "identity",
        ));
    }
    Ok(body_type)
}
