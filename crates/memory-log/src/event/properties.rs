//! Tests of what holds for every event: its bytes and its key are read back, and no flipped bit stays
//! unseen.

use proptest::prelude::*;

use super::*;

fn status() -> impl Strategy<Value = Status> {
    prop::sample::select(&Status::ALL[..])
}

fn change() -> impl Strategy<Value = Change> {
    let reason = prop::option::of(any::<String>());
    (status(), any::<String>(), reason, any::<i64>()).prop_map(|(status, actor, reason, micros)| {
        Change {
            status,
            actor: Actor::new(&actor),
            reason: reason.and_then(Reason::new),
            timestamp: Timestamp::from_unix_micros(micros),
        }
    })
}

fn name() -> impl Strategy<Value = String> {
    "[a-z/ %é]{0,20}[!-~]"
}

fn event() -> impl Strategy<Value = Event> {
    let id =
        any::<[u8; 16]>().prop_map(|bytes| uuid::Builder::from_custom_bytes(bytes).into_uuid());
    let highest = (0..CHANGES_MAX).prop_map(Seq::new);
    (name(), name(), id, highest, change()).prop_map(|(domain, entity_id, id, highest, change)| {
        Event::next(&domain, &entity_id, id, highest, change).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_event_is_one_line_and_is_read_back(event in event()) {
        let object = event.object();
        let body = std::str::from_utf8(&object.body).unwrap();
        prop_assert!(!body.contains('\n'));
        let document: serde_json::Value = serde_json::from_str(body).unwrap();
        let change = event.change();
        prop_assert_eq!(document["actor"].as_str(), Some(change.actor.as_str()));
        prop_assert_eq!(document["reason"].as_str(), change.reason.as_ref().map(Reason::as_str));
        let key = EventKey::parse(&object.key);
        prop_assert_eq!(key.as_ref(), Some(event.key()));
        prop_assert_eq!(Event::read(key.unwrap(), &object.body), Ok(event));
    }

    #[test]
    fn the_order_of_keys_is_the_order_of_events(event in event(), a in 1..=201_u8, b in 1..=201_u8) {
        let key = |number| EventKey { seq: Seq::new(number).unwrap(), ..event.key().clone() }.to_string();
        prop_assert_eq!(key(a).cmp(&key(b)), a.cmp(&b));
    }

    /// A flip can make another sound event, of another actor or moment; it never makes one of another
    /// memory or number.
    #[test]
    fn no_flipped_bit_makes_other_bytes_the_same_event(event in event(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let object = event.object();
        let mut flipped = object.body.to_vec();
        flipped[at.index(object.body.len())] ^= 1_u8 << bit;
        if let Ok(read) = Event::read(event.key().clone(), &flipped) {
            prop_assert_eq!(read.key(), event.key());
            prop_assert_ne!(read.change(), event.change());
            prop_assert_eq!(read.object().body, flipped);
        }
    }

    #[test]
    fn any_text_is_a_key_in_its_own_spelling_or_no_key(key in "events/domain=[a-c%0-9]{1,3}/entity=[a-c%0-9]{1,3}/3801baa2-1063-86b6-b294-c22f1c2f081e/0{7,8}[0-9]{1,3}.json") {
        if let Some(parsed) = EventKey::parse(&key) {
            prop_assert_eq!(parsed.to_string(), key);
        }
    }
}
