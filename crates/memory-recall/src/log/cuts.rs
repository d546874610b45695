//! Where a long listing is cut, so that its parts are listed side by side: guesses from what was listed.
//!
//! Pure. A wrong guess costs empty pages, or pages one after another, and no key.

use memory_log::event::EventKey;
use memory_log::object::{Prefix, earliest_key};
use memory_log::scope::ReadScope;
use memory_log::timestamp::Timestamp;
use memory_s3::reader::Listed;
use uuid::Uuid;

use crate::line::Place;

/// Memories of a part, if they go on as those that were listed: somewhat less than a page.
const PART_KEYS: i64 = 900;
/// Parts of this length. With two pages before them and the double ones after them, the parts of 100,000
/// memories are found in two rounds.
const EQUAL_PARTS: i64 = 48;
/// Parts after them, each twice as long as the one before: the end of the log is not known.
const DOUBLE_PARTS: u32 = 8;
/// Parts of all ids, which are spread evenly.
const ID_PARTS: u64 = 128;

/// Cuts after memories of an entity, by their times.
pub(super) fn by_time(scope: &ReadScope, listed: &[Listed]) -> Vec<String> {
    let (Some(domain), Some(entity_id)) = (scope.domain(), scope.entity_id()) else {
        return Vec::new();
    };
    let mut places = listed.iter().cloned().filter_map(Place::of);
    let first = places.next();
    let Some((first, last)) = first.and_then(|first| Some((first, places.next_back()?))) else {
        return Vec::new();
    };
    let (begin, end) = (first.timestamp.unix_micros(), last.timestamp.unix_micros());
    let count = i64::try_from(listed.len()).unwrap_or(i64::MAX);
    let span = ((end - begin) / count).saturating_mul(PART_KEYS).max(1);
    let equal = (1..=EQUAL_PARTS).map(|part| span.saturating_mul(part));
    let double = (1..=DOUBLE_PARTS).map(|part| span.saturating_mul(EQUAL_PARTS << part));
    let prefix = Prefix::Entity { domain, entity_id };
    let cut = |after: i64| {
        earliest_key(
            prefix,
            Timestamp::from_unix_micros(end.saturating_add(after)),
        )
    };
    equal.chain(double).map(cut).collect()
}

/// Cuts after events of an entity, by the ids of their memories.
pub(super) fn by_id(scope: &ReadScope, listed: &[Listed]) -> Vec<String> {
    let mut ids = listed
        .iter()
        .filter_map(|listed| EventKey::parse(&listed.key));
    let mut high_bits = || Some(ids.next()?.memory_id.as_u64_pair().0);
    let first = high_bits();
    let Some((first, last)) = first.and_then(|first| Some((first, ids.next_back()?))) else {
        return Vec::new();
    };
    let last = last.memory_id.as_u64_pair().0;
    let part = last.saturating_sub(first).max(u64::MAX / ID_PARTS);
    let cuts = (1..=ID_PARTS).map_while(|number| last.checked_add(part.checked_mul(number)?));
    let cuts = cuts.map(|high| Uuid::from_u64_pair(high, 0));
    cuts.map(|id| format!("{}{id}", scope.events())).collect()
}

#[cfg(test)]
mod tests {
    use memory_log::scope::operator;

    use super::*;

    fn listed(keys: &[String]) -> Vec<Listed> {
        let listed = |key: &String| Listed {
            key: key.clone(),
            bytes: 1,
            etag: None,
        };
        keys.iter().map(listed).collect()
    }

    fn memory(scope: &ReadScope, second: u32) -> String {
        let id = "3801baa2-1063-86b6-b294-c22f1c2f081e";
        let minute = second / 60;
        let second = second % 60;
        format!(
            "{}2026/01/27/2026-01-27T00-{minute:02}-{second:02}.000000000Z_{id}.json",
            scope.memories()
        )
    }

    #[test]
    fn parts_are_a_page_long_and_then_longer_and_longer() {
        let scope = operator().entity("work", "rob");
        // One a second.
        let keys: Vec<_> = (0..10).map(|second| memory(&scope, second)).collect();
        let cuts = by_time(&scope, &listed(&keys));
        assert_eq!(cuts.len(), 48 + 8);
        assert!(cuts.is_sorted());
        let between = |cut: usize, before: u32, after: u32| {
            let (before, after) = (memory(&scope, before), memory(&scope, after));
            assert!(before < cuts[cut] && cuts[cut] < after, "{}", cuts[cut]);
        };
        // Nine seconds for ten keys.
        between(0, 9 + 809, 9 + 811);
        between(1, 9 + 1_619, 9 + 1_621);
        // All at one instant, at the end of time, and of a scope without an order.
        assert!(by_time(&scope, &listed(&keys[..1])).is_empty());
        let same = by_time(&scope, &listed(&[keys[0].clone(), keys[0].clone()]));
        assert!(same[0] > keys[0] && same.is_sorted());
        let last = keys[2].replace("2026", "9999");
        let late = by_time(&scope, &listed(&[keys[0].clone(), last.clone()]));
        assert!(late.iter().all(|cut| *cut > last) && late.is_sorted());
        assert!(by_time(&operator().domain("work"), &listed(&keys)).is_empty());
        assert!(by_time(&scope, &listed(&["x".to_owned()])).is_empty());
    }

    #[test]
    fn ids_are_cut_evenly() {
        let scope = operator().entity("work", "rob");
        let event = |id: &str| format!("{}{id}/0000000001.json", scope.events());
        let first = event("00000000-1063-86b6-b294-c22f1c2f081e");
        let last = event("20000000-1063-86b6-b294-c22f1c2f081e");
        let cuts = by_id(&scope, &listed(&[first.clone(), last]));
        assert_eq!(cuts.len(), 6);
        assert!(cuts.is_sorted() && cuts[0] > event("3fffffff-1063-86b6-b294-c22f1c2f081e"));
        assert!(
            cuts[0] < event("40000001-1063-86b6-b294-c22f1c2f081e"),
            "{}",
            cuts[0]
        );
        let near = first.replace("1063", "1064");
        assert_eq!(by_id(&scope, &listed(&[first, near])).len(), 127);
        assert!(by_id(&scope, &[]).is_empty());
    }
}
