//! What happens on the wire, where the SDK's result does not tell.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, Ordering};
use std::task::{Context, Poll};

use aws_sdk_s3::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::SdkBody;
use http_body::{Body, Frame, SizeHint};

use super::WriteError;

/// Sees on the wire what a client's result does not tell: whether any of the request was given away,
/// and the status.
#[derive(Debug, Clone, Default)]
pub struct Witness {
    request: Arc<AtomicU8>,
    status: Arc<AtomicU16>,
}

/// Nobody has asked for the body.
const IDLE: u8 = 0;
/// The body has been asked for: bytes of it may be on their way.
const BEGUN: u8 = 1;
/// The put was given up before, and a body asked for later is refused.
const GIVEN_UP: u8 = 2;

impl Witness {
    /// The answer's status; 0 where there was none.
    pub(super) fn status(&self) -> u16 {
        self.status.load(Ordering::Acquire)
    }

    /// Whether the request is in this state from now on; what it was first, it stays.
    fn settle(&self, state: u8) -> bool {
        let first = self
            .request
            .compare_exchange(IDLE, state, Ordering::AcqRel, Ordering::Acquire);
        first.map_or_else(|found| found == state, |_| true)
    }

    /// A body that this witness sees asked for.
    #[must_use]
    pub fn watch(&self, body: SdkBody) -> SdkBody {
        let witness = self.clone();
        SdkBody::from_body_1_x(Watched { body, witness })
    }

    /// Gives the request up; whether none of it was ever sent. A body is asked for only when a
    /// connection stands (TLS included), and before the first byte of the request leaves: one never
    /// asked for was never sent, nor will it be.
    #[must_use]
    pub fn give_up(&self) -> bool {
        self.settle(GIVEN_UP)
    }

    /// A put that ended without an answer from S3.
    pub(super) fn no_answer(&self, what: &str) -> WriteError {
        if self.give_up() {
            WriteError::Unavailable(format!("the request was never begun: {what}"))
        } else {
            WriteError::Unknown(format!("no answer after the request had begun: {what}"))
        }
    }
}

/// A body that tells its witness when it is asked for.
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
            Pin::new(&mut self.body).poll_frame(context)
        } else {
            Poll::Ready(Some(Err("the request was given up".into())))
        }
    }

    fn size_hint(&self) -> SizeHint {
        Body::size_hint(&self.body)
    }
}

impl Intercept for Witness {
    fn name(&self) -> &'static str {
        "Witness"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let witness = self.clone();
        let body = context.request_mut().body_mut();
        *body = std::mem::replace(body, SdkBody::taken()).map(move |body| witness.watch(body));
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.status
            .store(context.response().status().as_u16(), Ordering::Release);
        Ok(())
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
    async fn a_put_given_up_before_its_body_was_asked_for_sends_none_later() {
        let (mut body, witness) = watched();
        assert!(matches!(
            witness.no_answer("late"),
            WriteError::Unavailable(_)
        ));
        assert!(body.frame().await.unwrap().is_err());
        assert!(matches!(
            witness.no_answer("later"),
            WriteError::Unavailable(_)
        ));
    }

    #[tokio::test]
    async fn a_body_once_asked_for_makes_the_outcome_unknown() {
        let (mut body, witness) = watched();
        assert_eq!(
            body.frame().await.unwrap().unwrap().into_data().unwrap(),
            "{}"
        );
        assert!(matches!(witness.no_answer("late"), WriteError::Unknown(_)));
        assert!(body.frame().await.is_none());
    }
}
