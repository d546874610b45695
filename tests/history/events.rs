//! Whether what was shown and told of a memory's status agrees with the events of the log.

use memory_log::event::{Event, Status, Step, step};

/// A request for a change, and what it was told in the end. Its reason is its own.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) reason: String,
    pub(crate) to: Status,
    /// The number that its `If-Match` names.
    pub(crate) seen: Option<u8>,
    /// How often it was told that nobody knows.
    pub(crate) unknown: usize,
    /// Whether it was told in the end that its own event made the status.
    pub(crate) is_made: bool,
}

/// The status after each event; the first is that of a memory without any.
pub(crate) fn statuses(events: &[Event]) -> Vec<Status> {
    let made = events.iter().map(|event| event.change().status);
    std::iter::once(Status::Unverified).chain(made).collect()
}

/// Whether a read that began after the event `floor` was confirmed may show this: a status, or `Deleted` for
/// a memory that it does not show. `log` is read after it.
pub(crate) fn agrees(floor: u8, log: &[Status], shown: Status) -> bool {
    log.iter().skip(floor.into()).any(|status| *status == shown)
}

/// Every sentence in which the events of one memory and its requests contradict each other.
pub(crate) fn contradictions(events: &[Event], asked: &[Asked]) -> Vec<String> {
    let reason = |event: &Event| {
        let reason = event.change().reason.as_ref();
        reason.map(|reason| reason.as_str().to_owned())
    };
    let mut found = Vec::new();
    let mut from = Status::Unverified;
    for (event, number) in events.iter().zip(1..) {
        let (to, seq) = (event.change().status, event.seq().get());
        let by = |asked: &&Asked| reason(event).as_ref() == Some(&asked.reason);
        let is_allowed = match (step(from, to), asked.iter().find(by)) {
            (Step::Free, Some(asked)) => asked.to == to,
            (Step::Seen, Some(asked)) => asked.to == to && asked.seen == Some(seq - 1),
            (Step::Holds | Step::Locked | Step::Deleted, _) | (_, None) => false,
        };
        if seq != number || !is_allowed {
            found.push(format!("nobody asked for {event:?} after {from}"));
        }
        from = to;
    }
    for asked in asked {
        let own = events.iter();
        let own = own.filter(|event| reason(event).as_ref() == Some(&asked.reason));
        let own = own.count();
        let made = usize::from(asked.is_made);
        if !(made..=made + asked.unknown).contains(&own) {
            found.push(format!("{own} events of {asked:?}"));
        }
    }
    found
}

/// Every contradiction is found in a history made up to have it, and none in a sound one.
pub(crate) fn proves_to_bite() {
    use Status::{Deleted, Locked, Unverified, Verified};
    let log = [Unverified, Verified, Deleted, Unverified];
    for (floor, shown, is_sound) in [
        (0, Unverified, true),
        (0, Locked, false),
        (1, Unverified, true),
        (2, Verified, false),
        (2, Deleted, true),
        (3, Deleted, false),
        (3, Unverified, true),
        // A confirmed event that the log does not have.
        (4, Unverified, false),
    ] {
        assert_eq!(agrees(floor, &log, shown), is_sound, "{floor} {shown}");
    }

    let event = |seq: u8, status: Status, reason: &str| {
        let body = format!(
            r#"{{"schema_version":1,"memory_id":"3801baa2-1063-86b6-b294-c22f1c2f081e","seq":{seq},"status":"{status}","actor":"a","reason":"{reason}","timestamp":"2026-01-27T03:14:22Z"}}"#
        );
        let key =
            format!("events/domain=d/entity=e/3801baa2-1063-86b6-b294-c22f1c2f081e/{seq:010}.json");
        let key = memory_log::event::EventKey::parse(&key).unwrap();
        Event::read(key, body.as_bytes()).unwrap()
    };
    let asked = |reason: &str, to, seen, unknown, is_made| Asked {
        reason: reason.to_owned(),
        to,
        seen,
        unknown,
        is_made,
    };
    let verify = |unknown, is_made| asked("r", Verified, None, unknown, is_made);
    let made = || vec![event(1, Verified, "r")];
    let deleted = || vec![event(1, Deleted, "r"), event(2, Unverified, "s")];
    let delete = || asked("r", Deleted, None, 0, true);
    let restore = |seen| asked("s", Unverified, seen, 0, true);
    for (events, asked, is_sound) in [
        (made(), vec![verify(0, true)], true),
        (made(), vec![verify(1, false)], true),
        (vec![], vec![verify(1, false)], true),
        (vec![], vec![verify(0, true)], false),
        (made(), vec![verify(0, false)], false),
        (made(), vec![], false),
        (made(), vec![asked("r", Locked, None, 0, true)], false),
        (vec![event(2, Verified, "r")], vec![verify(0, true)], false),
        (
            vec![event(1, Verified, "r"), event(2, Verified, "r")],
            vec![verify(1, true)],
            false,
        ),
        (deleted(), vec![delete(), restore(Some(1))], true),
        (deleted(), vec![delete(), restore(None)], false),
        (deleted(), vec![delete(), restore(Some(0))], false),
    ] {
        let found = contradictions(&events, &asked);
        assert_eq!(
            found.is_empty(),
            is_sound,
            "{events:?} {asked:?}: {found:?}"
        );
    }
}
