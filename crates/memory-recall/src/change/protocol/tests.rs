//! Tests of one request: what it comes to, look by look.

use super::super::precondition::Tag;
use super::*;

fn standing(status: Status, number: u8) -> Standing {
    Standing {
        status,
        highest: Seq::new(number),
        is_of_this_request: false,
    }
}

/// The last word on a request that looks at these standings one after another.
fn after(to: Status, if_match: Option<&IfMatch>, looks: &[(Status, u8)]) -> Next {
    let mut attempt = Attempt::new(to, if_match);
    let (last, before) = looks.split_last().unwrap();
    for &(status, number) in before {
        assert_eq!(attempt.looked(standing(status, number)), Next::Put);
    }
    attempt.looked(standing(last.0, last.1))
}

#[test]
fn a_first_look_decides_by_the_table_and_if_match() {
    use Status::{Deleted, Locked, Unverified, Verified};
    let two = IfMatch::Tags(vec![Tag::Of(2)]);
    let unmet = |unmet| Next::End(End::Precondition(unmet));
    let not_replayed = Next::Holds { is_replayed: false };
    for (to, from, bare, with_two_of_two, with_two_of_three) in [
        (
            Verified,
            Unverified,
            Next::Put,
            Next::Put,
            unmet(Unmet::Failed),
        ),
        (
            Unverified,
            Verified,
            Next::Put,
            Next::Put,
            unmet(Unmet::Failed),
        ),
        (
            Deleted,
            Verified,
            Next::Put,
            Next::Put,
            unmet(Unmet::Failed),
        ),
        (
            Verified,
            Locked,
            unmet(Unmet::Required),
            Next::Put,
            unmet(Unmet::Failed),
        ),
        (
            Unverified,
            Deleted,
            unmet(Unmet::Required),
            Next::Put,
            unmet(Unmet::Failed),
        ),
        (
            Deleted,
            Locked,
            Next::End(End::Locked),
            Next::End(End::Locked),
            Next::End(End::Locked),
        ),
        (
            Unverified,
            Locked,
            Next::End(End::Locked),
            Next::End(End::Locked),
            Next::End(End::Locked),
        ),
        (
            Locked,
            Deleted,
            Next::End(End::Deleted),
            Next::End(End::Deleted),
            Next::End(End::Deleted),
        ),
        (Deleted, Deleted, not_replayed, not_replayed, not_replayed),
    ] {
        assert_eq!(after(to, None, &[(from, 2)]), bare, "{from} to {to}");
        assert_eq!(
            after(to, Some(&two), &[(from, 2)]),
            with_two_of_two,
            "{from} to {to}"
        );
        assert_eq!(
            after(to, Some(&two), &[(from, 3)]),
            with_two_of_three,
            "{from} to {to}"
        );
    }
}

#[test]
fn what_holds_already_is_a_success_and_a_replay_if_it_is_of_this_request() {
    for is_of_this_request in [false, true] {
        let standing = Standing {
            is_of_this_request,
            ..standing(Status::Deleted, 3)
        };
        let other_event = IfMatch::Tags(vec![Tag::Of(1)]);
        let mut attempt = Attempt::new(Status::Deleted, Some(&other_event));
        let is_replayed = is_of_this_request;
        assert_eq!(attempt.looked(standing), Next::Holds { is_replayed });
    }
}

#[test]
fn who_lost_a_race_goes_on_only_with_the_same_step() {
    use Status::{Deleted, Locked, Unverified, Verified};
    let changed = Next::End(End::ChangedMeanwhile);
    let holds = Next::Holds { is_replayed: false };
    for (to, looks, expected) in [
        (Deleted, vec![(Unverified, 0), (Unverified, 2)], Next::Put),
        (Deleted, vec![(Unverified, 0), (Verified, 1)], changed),
        (Deleted, vec![(Unverified, 0), (Locked, 1)], changed),
        (Deleted, vec![(Unverified, 0), (Deleted, 1)], holds),
        (Locked, vec![(Verified, 1), (Deleted, 2)], changed),
        (Verified, vec![(Unverified, 0), (Locked, 1)], changed),
        (Unverified, vec![(Verified, 1), (Deleted, 2)], changed),
    ] {
        assert_eq!(after(to, None, &looks), expected, "{to}: {looks:?}");
    }
}

#[test]
fn after_four_puts_it_ends_and_a_last_look_still_finds_what_holds() {
    let from = Status::Unverified;
    let lost: Vec<_> = (0..=PUTS_MAX).map(|look| (from, 2 * look)).collect();
    let contended = Next::End(End::Contended);
    assert_eq!(after(Status::Deleted, None, &lost), contended);
    let mut found = lost.clone();
    found[4] = (Status::Deleted, 9);
    let holds = Next::Holds { is_replayed: false };
    assert_eq!(after(Status::Deleted, None, &found), holds);
}

#[test]
fn with_if_match_nothing_is_put_over_another_event() {
    let first = IfMatch::Tags(vec![Tag::Of(1)]);
    let from = Status::Unverified;
    let failed = Next::End(End::Precondition(Unmet::Failed));
    let again = after(Status::Deleted, Some(&first), &[(from, 1), (from, 3)]);
    assert_eq!(again, failed);
    // A put that only collided has changed nothing, and the tag still names the highest event.
    let again = after(Status::Deleted, Some(&first), &[(from, 1), (from, 1)]);
    assert_eq!(again, Next::Put);
}
