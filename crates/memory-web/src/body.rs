//! The body of a request: limited before it is read, and declared as JSON.
//!
//! The module must not know what a body means.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::media_type::BodyType;
use crate::problem::Problem;

/// Largest body, in bytes: a Lambda event of 6 MB can still hold it in base64.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Most bytes of bodies that requests in flight hold together: 64 of the largest. A memory is seldom
/// over 100 kB, so that is room for thousands, and a laptop has this much memory to spare.
pub const BODIES_BYTES_MAX: usize = 256 * 1024 * 1024;

/// How many bytes of a refused body are read and discarded.
const DISCARDED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long that may take. A sender that stalls does not benefit from it.
const DISCARD_TIME_MAX: Duration = Duration::from_secs(2);

/// A request's body that is not read yet.
pub(crate) struct Incoming {
    body: Body,
    /// Whether the client sends the body without being asked. With `Expect: 100-continue` it waits
    /// until the server reads, so a refused body never has to be discarded (RFC 9110, section
    /// 10.1.1).
    is_on_its_way: bool,
}

impl Incoming {
    pub(crate) fn new(body: Body, headers: &HeaderMap) -> Self {
        let is_on_its_way = !headers.contains_key(header::EXPECT);
        Self {
            body,
            is_on_its_way,
        }
    }

    /// The bytes that the body may have: as many as it declares, or the limit if it declares none.
    pub(crate) fn bytes_max(&self) -> Result<usize, Problem> {
        if declared_bytes(&self.body) > BODY_BYTES_MAX {
            return Err(Problem::too_large(BODY_BYTES_MAX));
        }
        let declared = self.body.size_hint().exact();
        let declared = declared.and_then(|bytes| usize::try_from(bytes).ok());
        Ok(declared.unwrap_or(BODY_BYTES_MAX))
    }

    /// The whole body, unless it is too large. A body in one piece, such as that of an event, is not
    /// copied.
    pub(crate) async fn read(&mut self) -> Result<Bytes, Problem> {
        self.bytes_max()?;
        let declared = declared_bytes(&self.body);
        self.is_on_its_way = true;
        let first = self.piece(0).await?.unwrap_or_default();
        let Some(second) = self.piece(first.len()).await? else {
            return Ok(first);
        };
        let mut whole = Vec::with_capacity(declared);
        whole.extend_from_slice(&first);
        whole.extend_from_slice(&second);
        while let Some(piece) = self.piece(whole.len()).await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole.into())
    }

    /// The next piece after this many bytes, unless the body is too large.
    async fn piece(&mut self, bytes_before: usize) -> Result<Option<Bytes>, Problem> {
        while let Some(frame) = self.body.frame().await {
            let Ok(data) = frame.map_err(|_| Problem::cut_off())?.into_data() else {
                continue;
            };
            return match bytes_before + data.len() > BODY_BYTES_MAX {
                true => Err(Problem::too_large(BODY_BYTES_MAX)),
                false => Ok(Some(data)),
            };
        }
        Ok(None)
    }

    /// Discards the rest of a refused body, within a time and size limit, so that the client sees our
    /// response and not a reset.
    pub(crate) async fn discard(&mut self, deadline: Instant) {
        if self.is_on_its_way && declared_bytes(&self.body) <= DISCARDED_BYTES_MAX {
            let latest = deadline.min(Instant::now() + DISCARD_TIME_MAX);
            let _ = timeout_at(latest, self.read_and_discard()).await;
        }
    }

    async fn read_and_discard(&mut self) {
        let mut discarded = 0;
        while let Some(Ok(frame)) = self.body.frame().await {
            discarded += frame.data_ref().map_or(0, Bytes::len);
            if discarded > DISCARDED_BYTES_MAX {
                return;
            }
        }
    }
}

/// Room for the bodies of all requests in flight, in bytes. Each takes its part before it is read. A
/// Lambda function has one request at a time, so there it is never full.
pub(crate) struct BodyRoom(Arc<Semaphore>);

impl BodyRoom {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(BODIES_BYTES_MAX)))
    }

    /// Takes room for a body until the result is dropped; `None` if too little is left.
    pub(crate) fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(bytes).ok()
    }
}

fn declared_bytes(body: &Body) -> usize {
    usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX)
}

/// The one type that a request declares for its body, if the service reads it (contract 3.3).
///
/// # Errors
/// 415 `unsupported_media_type`.
pub fn declared_type(headers: &HeaderMap) -> Result<BodyType, Problem> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let body_type = match (types.next(), types.next()) {
        (Some(value), None) => BodyType::parse(value.as_bytes()),
        _ => None,
    };
    let body_type = body_type.ok_or_else(Problem::unsupported_media_type)?;
    refuse_codings(headers)?;
    Ok(body_type)
}

/// Checks that a message of MCP is declared as JSON, or not at all, as some agents do.
pub(crate) fn check_message_type(headers: &HeaderMap) -> Result<(), Problem> {
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

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;
    use crate::problem::Code;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn incoming(body: Body, fields: &[(&'static str, &'static str)]) -> Incoming {
        Incoming::new(body, &headers(fields))
    }

    /// A body of unknown length in pieces.
    fn pieces(bytes: usize, count: usize) -> Body {
        let piece = Bytes::from(vec![b'x'; bytes]);
        let pieces = std::iter::repeat_n(piece, count).map(Ok::<_, std::io::Error>);
        Body::from_stream(stream::iter(pieces))
    }

    #[tokio::test]
    async fn a_body_at_the_limit_is_read_and_one_byte_more_is_refused() {
        let read = async |body: Body| incoming(body, &[]).read().await.map(|body| body.len());
        let too_large = Err(Problem::too_large(BODY_BYTES_MAX));
        assert_eq!(
            read(vec![0; BODY_BYTES_MAX].into()).await,
            Ok(BODY_BYTES_MAX)
        );
        assert_eq!(read(vec![0; BODY_BYTES_MAX + 1].into()).await, too_large);
        let half = BODY_BYTES_MAX / 2;
        assert_eq!(read(pieces(half, 2)).await, Ok(BODY_BYTES_MAX));
        assert_eq!(read(pieces(half, 3)).await, too_large);
    }

    #[test]
    fn a_body_takes_what_it_declares_or_the_limit() {
        let of = |body: Body| incoming(body, &[]).bytes_max();
        assert_eq!(of(Body::empty()), Ok(0));
        assert_eq!(of(vec![0; 7].into()), Ok(7));
        assert_eq!(of(vec![0; BODY_BYTES_MAX].into()), Ok(BODY_BYTES_MAX));
        assert_eq!(of(pieces(1, 1)), Ok(BODY_BYTES_MAX));
        let too_large = Err(Problem::too_large(BODY_BYTES_MAX));
        assert_eq!(of(vec![0; BODY_BYTES_MAX + 1].into()), too_large);
    }

    #[test]
    fn room_is_taken_to_the_byte_and_given_back() {
        let room = BodyRoom::new();
        let most = room.take(BODIES_BYTES_MAX - 7).unwrap();
        let rest = room.take(7);
        assert!(rest.is_some() && room.take(1).is_none());
        assert!(room.take(0).is_some(), "a request without a body");
        drop(rest);
        assert!(room.take(8).is_none() && room.take(7).is_some());
        drop(most);
        assert!(room.take(BODIES_BYTES_MAX).is_some());
        assert!(room.take(BODIES_BYTES_MAX + 1).is_none());
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_malformed() {
        let broken = [Ok(Bytes::from("{")), Err(std::io::Error::other("reset"))];
        let body = Body::from_stream(stream::iter(broken));
        let problem = incoming(body, &[]).read().await.unwrap_err();
        assert_eq!(problem.code, Code::MalformedJson);
    }

    #[tokio::test]
    async fn a_refused_body_is_discarded_unless_its_sender_still_waits() {
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut sent = incoming(pieces(10, 3), &[]);
        sent.discard(deadline).await;
        assert!(sent.body.frame().await.is_none());
        let mut waiting = incoming(pieces(10, 3), &[("expect", "100-continue")]);
        waiting.discard(deadline).await;
        assert!(waiting.body.frame().await.is_some());
    }

    #[test]
    fn there_must_be_exactly_one_content_type() {
        let json = ("content-type", "application/json");
        let code = |fields: &[_]| declared_type(&headers(fields)).map_err(|problem| problem.code);
        assert_eq!(code(&[json]), Ok(BodyType::Json));
        let unsupported = Err(Code::UnsupportedMediaType);
        assert_eq!(code(&[]), unsupported);
        assert_eq!(code(&[json, json]), unsupported);
        assert_eq!(code(&[("content-type", "text/plain")]), unsupported);
    }

    #[test]
    fn a_message_may_leave_its_type_out() {
        let json = ("content-type", "application/json; charset=utf-8");
        let is_ok = |fields: &[_]| check_message_type(&headers(fields)).is_ok();
        assert!(is_ok(&[]) && is_ok(&[json]) && is_ok(&[json, json]));
        assert!(!is_ok(&[("content-type", "application/vnd.api+json")]));
        assert!(!is_ok(&[json, ("content-type", "text/plain")]));
    }

    #[test]
    fn only_the_identity_coding_is_accepted() {
        let json = ("content-type", "application/json");
        let is_ok = |coding| declared_type(&headers(&[json, ("content-encoding", coding)])).is_ok();
        for coding in ["identity", "", " , ", "Identity, identity"] {
            assert!(is_ok(coding), "{coding}");
        }
        for coding in ["gzip", "identity, gzip", "identity2", "gzip;q=0"] {
            assert!(!is_ok(coding), "{coding}");
        }
    }
}
