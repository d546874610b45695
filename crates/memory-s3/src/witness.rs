//! What happened on the wire, where the SDK's result does not say it.
//!
//! A body is polled only once a connection stands (TLS included), and before the first byte of the
//! request leaves. So a body that was never polled was never sent. The module must not know what
//! this means for a memory.

use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU16, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use aws_sdk_s3::primitives::SdkBody;
use http_body::{Body, Frame, SizeHint};

/// Records what the SDK's result does not say: whether sending the request began, how long it waited for
/// a connection, and the status of the response.
#[derive(Debug, Clone, Default)]
pub struct Witness(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    request: AtomicU8,
    status: AtomicU16,
    /// When the request was ready for a connection.
    ready: OnceLock<Instant>,
    /// How long it waited for one.
    waited: OnceLock<Duration>,
}

/// The body was not polled yet.
const IDLE: u8 = 0;
/// The body was polled: some of its bytes may have been sent.
const BEGUN: u8 = 1;
/// The request was given up before that; a later poll of the body fails.
const GIVEN_UP: u8 = 2;

impl Witness {
    /// The status of the response; 0 if there was none.
    pub(crate) fn status(&self) -> u16 {
        self.0.status.load(Ordering::Acquire)
    }

    /// How long the request waited for a connection that could take it, name look-up and TLS included:
    /// until the first byte could be sent, or until now. `None` if it was never ready.
    pub(crate) fn connecting(&self) -> Option<Duration> {
        let ready = self.0.ready.get()?;
        Some(
            self.0
                .waited
                .get()
                .copied()
                .unwrap_or_else(|| ready.elapsed()),
        )
    }

    /// Moves to `state` unless it has already moved; true if it is now in `state`.
    fn settle(&self, state: u8) -> bool {
        let first =
            self.0
                .request
                .compare_exchange(IDLE, state, Ordering::AcqRel, Ordering::Acquire);
        first.map_or_else(|found| found == state, |_| true)
    }

    /// Wraps a body so that this witness sees its first poll.
    #[must_use]
    pub fn watch(&self, body: SdkBody) -> SdkBody {
        let witness = self.clone();
        SdkBody::from_body_1_x(Watched { body, witness })
    }

    /// Wraps the body of a request that is ready for a connection.
    pub(crate) fn watch_sent(&self, body: &mut SdkBody) {
        let witness = self.clone();
        self.0.ready.get_or_init(Instant::now);
        *body = std::mem::replace(body, SdkBody::taken()).map(move |body| witness.watch(body));
    }

    /// Records the status of the response.
    pub(crate) fn answered(&self, status: u16) {
        self.0.status.store(status, Ordering::Release);
    }

    /// Gives the request up. True if nothing of it was ever sent; then nothing will be sent later
    /// either.
    #[must_use]
    pub fn give_up(&self) -> bool {
        self.settle(GIVEN_UP)
    }
}

/// A body that reports its first poll to a witness.
struct Watched {
    body: SdkBody,
    witness: Witness,
}

impl Body for Watched {
    type Data = <SdkBody as Body>::Data;
    type Error = <SdkBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if self.witness.settle(BEGUN) {
            let seen = &self.witness.0;
            if let Some(ready) = seen.ready.get() {
                seen.waited.get_or_init(|| ready.elapsed());
            }
            Pin::new(&mut self.body).poll_frame(context)
        } else {
            Poll::Ready(Some(Err("the request was given up".into())))
        }
    }

    fn size_hint(&self) -> SizeHint {
        Body::size_hint(&self.body)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn watched() -> (Watched, Witness) {
        let witness = Witness::default();
        let body = SdkBody::from("{}");
        (
            Watched {
                body,
                witness: witness.clone(),
            },
            witness,
        )
    }

    #[tokio::test]
    async fn a_request_given_up_before_its_body_was_polled_sends_nothing_later() {
        let (mut body, witness) = watched();
        assert!(witness.give_up());
        assert!(body.frame().await.unwrap().is_err());
        assert!(witness.give_up());
    }

    #[tokio::test]
    async fn a_request_whose_body_was_polled_cannot_be_given_up() {
        let (mut body, witness) = watched();
        assert_eq!(
            body.frame().await.unwrap().unwrap().into_data().unwrap(),
            "{}"
        );
        assert!(!witness.give_up());
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn a_request_waits_for_a_connection_until_its_body_is_polled() {
        let (mut body, witness) = watched();
        assert_eq!(witness.connecting(), None);
        witness.0.ready.set(Instant::now()).unwrap();
        let waiting = witness.connecting().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        assert!(witness.connecting().unwrap() >= waiting + Duration::from_millis(20));
        body.frame().await.unwrap().unwrap();
        let waited = witness.connecting();
        std::thread::sleep(Duration::from_millis(5));
        body.frame().await;
        assert_eq!(witness.connecting(), waited);
    }

    #[test]
    fn a_watched_body_has_the_length_that_it_had() {
        let (body, _) = watched();
        assert_eq!(body.size_hint().exact(), Some(2));
    }
}
