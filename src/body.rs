//! The body of a request: bounded before it is read, and declared as JSON.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use crate::accept::BodyType;
use crate::problem::{BODY_BYTES_MAX, Problem};

/// How much of a refused body is read on, so that its sender sees the answer and no reset
/// connection.
const DRAINED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long: a sender that stalls has no use for it.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(2);

/// A request's body on its way here.
pub(crate) struct Incoming {
    body: Body,
    /// Whether any of it was asked for: a sender that waits for `100 Continue` sends none before.
    is_asked_for: bool,
}

impl Incoming {
    pub(crate) fn new(body: Body, headers: &HeaderMap) -> Self {
        let is_asked_for = !headers.contains_key(header::EXPECT);
        Self { body, is_asked_for }
    }

    /// The whole body, if it is not too large.
    pub(crate) async fn read(&mut self) -> Result<Bytes, Problem> {
        let declared = declared_bytes(&self.body);
        if declared > BODY_BYTES_MAX {
            return Err(Problem::too_large());
        }
        self.is_asked_for = true;
        let mut whole = Vec::with_capacity(declared);
        while let Some(frame) = self.body.frame().await {
            let Ok(data) = frame.map_err(|_| Problem::cut_off())?.into_data() else {
                continue;
            };
            if whole.len() + data.len() > BODY_BYTES_MAX {
                return Err(Problem::too_large());
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.into())
    }

    /// Reads on what nobody wants, for a while and to the deadline; of gigabytes nothing.
    pub(crate) async fn drain(&mut self, deadline: Instant) {
        if self.is_asked_for && declared_bytes(&self.body) <= DRAINED_BYTES_MAX {
            let latest = deadline.min(Instant::now() + DRAIN_TIME_MAX);
            let _ = timeout_at(latest, self.discard()).await;
        }
    }

    async fn discard(&mut self) {
        let mut drained = 0;
        while let Some(Ok(frame)) = self.body.frame().await {
            drained += frame.data_ref().map_or(0, Bytes::len);
            if drained > DRAINED_BYTES_MAX {
                return;
            }
        }
    }
}

fn declared_bytes(body: &Body) -> usize {
    usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX)
}

/// The one type that a request declares its body to be, if the service takes it.
pub(crate) fn declared_type(headers: &HeaderMap) -> Result<BodyType, Problem> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let body_type = match (types.next(), types.next()) {
        (Some(value), None) => BodyType::parse(value.as_bytes()),
        _ => None,
    };
    let body_type = body_type.ok_or_else(Problem::unsupported_media_type)?;
    refuse_codings(headers)?;
    Ok(body_type)
}

/// Whether a message of MCP is declared as JSON, or not at all, as agents do.
pub(crate) fn declared_message(headers: &HeaderMap) -> Result<(), Problem> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let is_json = |value: &HeaderValue| BodyType::parse(value.as_bytes()) == Some(BodyType::Json);
    if !types.all(is_json) {
        return Err(Problem::unsupported_message_type());
    }
    refuse_codings(headers)
}

fn refuse_codings(headers: &HeaderMap) -> Result<(), Problem> {
    let codings = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .map(HeaderValue::as_bytes);
    let mut codings = codings
        .flat_map(|line| line.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii);
    if codings.any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")) {
        return Err(Problem::unsupported_coding());
    }
    Ok(())
}
