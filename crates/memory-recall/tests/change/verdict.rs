//! What must be true of a log of events, and of what requests were told, however they met.

use std::collections::BTreeMap;

use memory_log::event::{Event, Status, Step, step};
use memory_recall::change::precondition::IfMatch;
use memory_recall::change::{ChangeError, Did, Receipt, Request};

/// A request whose actor is its own, and what it was told in the end.
pub(crate) struct Told {
    pub(crate) request: Request,
    /// How often it was told before that nobody knows.
    pub(crate) unknown: usize,
    pub(crate) last: Result<Receipt, ChangeError>,
}

/// Checks that the events are one life of a memory, and that every request was told the truth.
pub(crate) fn check(events: &BTreeMap<u8, Event>, told: &[Told]) {
    let mut from = Status::Unverified;
    for (number, (&seq, event)) in (1..).zip(events) {
        assert_eq!(seq, number, "a gap");
        let to = event.change().status;
        let asked = told
            .iter()
            .find(|told| told.request.actor == event.change().actor);
        let request = &asked.expect("an event of nobody").request;
        assert_eq!(to, request.to);
        match step(from, to) {
            Step::Free => {}
            Step::Seen => {
                let tag = IfMatch::parse(&format!("\"{}-1j\"", seq - 1));
                assert_eq!(request.if_match, Some(tag), "undone unseen: {event:?}");
            }
            Step::Holds | Step::Locked | Step::Deleted => panic!("{from} to {to}: {event:?}"),
        }
        from = to;
    }
    for Told {
        request,
        unknown,
        last,
    } in told
    {
        let own = events
            .values()
            .filter(|event| event.change().actor == request.actor);
        let own = own.count();
        match last {
            Ok(receipt) => {
                let event = receipt.event.as_deref();
                assert_eq!(
                    event,
                    events.get(&receipt.seq()),
                    "a receipt of another event"
                );
                let status = event.map_or(Status::Unverified, |event| event.change().status);
                assert_eq!((status, receipt.status), (request.to, request.to));
                assert!(
                    own >= usize::from(receipt.did != Did::Nothing),
                    "{request:?}"
                );
                let made = usize::from(receipt.did == Did::Change);
                assert!(own <= made + unknown, "more events than puts: {request:?}");
            }
            Err(ChangeError::Ended { .. }) => assert!(own <= *unknown, "{request:?}"),
            Err(error) => panic!("{error}"),
        }
    }
}
