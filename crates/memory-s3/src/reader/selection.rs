//! Which part of the log is read: a domain, an entity, a span of time.
//!
//! Pure. A key that is not a key of the log belongs to every selection whose prefix it has, so that
//! a foreign object is reported and not skipped. The key of an event is one of the log's, and of no memory.

use memory_log::event::EventKey;
use memory_log::object::{KeyClaim, Prefix, earliest_key};
use memory_log::timestamp::Timestamp;

use super::listing::Range;

/// A part of the log; the default is all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only memories of this domain.
    pub domain: Option<String>,
    /// Only memories of this entity, in every domain unless one is named.
    pub entity_id: Option<String>,
    /// Only memories at this instant or later.
    pub since: Option<Timestamp>,
    /// Only memories before this instant.
    pub until: Option<Timestamp>,
}

impl Selection {
    fn of_log(&self) -> Prefix<'_> {
        match (self.domain.as_deref(), self.entity_id.as_deref()) {
            (None, _) => Prefix::All,
            (Some(domain), None) => Prefix::Domain(domain),
            (Some(domain), Some(entity_id)) => Prefix::Entity { domain, entity_id },
        }
    }

    /// The range to list. Only an entity's keys are in the order of time. A range ends nowhere earlier,
    /// because a foreign key may lie after the last instant.
    #[must_use]
    pub fn range(&self) -> Range {
        let prefix = self.of_log();
        let is_by_time = matches!(prefix, Prefix::Entity { .. });
        let since = self.since.filter(|_| is_by_time);
        Range {
            after: since.map(|since| earliest_key(prefix, since)),
            ..Range::under(prefix.to_string())
        }
    }

    /// Whether a listed key is selected.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        let Some(claim) = KeyClaim::parse(key) else {
            return EventKey::parse(key).is_none();
        };
        let is = |wanted: &Option<String>, claimed: &String| {
            wanted.as_ref().is_none_or(|wanted| wanted == claimed)
        };
        is(&self.domain, &claim.domain)
            && is(&self.entity_id, &claim.entity_id)
            && self.since.is_none_or(|since| claim.timestamp >= since)
            && self.until.is_none_or(|until| claim.timestamp < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: &str = "2026-01-27T03-14-22.000000000Z";
    const ID: &str = "3801baa2-1063-86b6-b294-c22f1c2f081e";

    fn key(domain: &str, entity_id: &str) -> String {
        format!("memories/domain={domain}/entity={entity_id}/2026/01/27/{AT}_{ID}.json")
    }

    fn time(text: &str) -> Option<Timestamp> {
        Some(Timestamp::parse(text).unwrap())
    }

    fn of(domain: Option<&str>, entity_id: Option<&str>) -> Selection {
        Selection {
            domain: domain.map(str::to_owned),
            entity_id: entity_id.map(str::to_owned),
            ..Selection::default()
        }
    }

    #[test]
    fn the_prefix_ends_where_the_name_ends() {
        assert_eq!(of(None, None).range().prefix, "");
        assert_eq!(of(None, Some("rob")).range().prefix, "");
        assert_eq!(
            of(Some("work"), None).range().prefix,
            "memories/domain=work/"
        );
        assert_eq!(
            of(Some("a/b"), Some("rob")).range().prefix,
            "memories/domain=a%2Fb/entity=rob/"
        );
    }

    #[test]
    fn an_entity_is_listed_from_its_first_instant_to_its_end() {
        let mut selection = of(Some("work"), Some("rob"));
        assert_eq!(selection.range().after, None);
        selection.since = time("2026-01-27T03:14:22Z");
        selection.until = time("2026-01-28T00:00:00Z");
        let Range { after, through, .. } = selection.range();
        let start = after.unwrap();
        assert!(start < key("work", "rob"), "{start}");
        assert_eq!(through, None, "what is foreign may come later");
        selection.entity_id = None;
        let range = selection.range();
        assert_eq!(range.after, None, "days of entities interleave");
    }

    #[test]
    fn names_are_compared_whole() {
        let rob = of(Some("work"), Some("rob"));
        assert!(rob.has(&key("work", "rob")));
        for (domain, entity_id) in [("work", "rob2"), ("work", "ro"), ("works", "rob")] {
            assert!(!rob.has(&key(domain, entity_id)), "{domain}/{entity_id}");
        }
        assert!(of(None, Some("rob")).has(&key("home", "rob")));
    }

    #[test]
    fn since_is_inclusive_and_until_is_exclusive() {
        let at = "2026-01-27T03:14:22Z";
        let just_after = "2026-01-27T03:14:22.000000001Z";
        let has = |since: Option<&str>, until: Option<&str>| {
            let selection = Selection {
                since: since.and_then(time),
                until: until.and_then(time),
                ..Selection::default()
            };
            selection.has(&key("work", "rob"))
        };
        assert!(has(Some(at), None));
        assert!(!has(Some(just_after), None));
        assert!(!has(None, Some(at)));
        assert!(has(None, Some(just_after)));
        assert!(!has(Some(at), Some(at)));
    }

    #[test]
    fn a_foreign_key_is_in_every_selection() {
        let mut narrow = of(Some("work"), Some("rob"));
        narrow.until = time("1970-01-01T00:00:00Z");
        for foreign in [".DS_Store", "memories/domain=work/entity=rob/x.json", ""] {
            assert!(narrow.has(foreign), "{foreign:?}");
        }
    }

    #[test]
    fn an_event_is_no_memory_and_what_only_looks_like_one_is_foreign() {
        let event = format!("events/domain=work/entity=rob/{ID}/0000000001.json");
        assert!(!Selection::default().has(&event));
        for foreign in [
            format!("events/domain=work/entity=rob/{ID}/1.json"),
            format!("events/domain=work/entity=rob/{ID}/0000000999.json"),
            "events/.DS_Store".to_owned(),
            format!("event/domain=work/entity=rob/{ID}/0000000001.json"),
        ] {
            assert!(Selection::default().has(&foreign), "{foreign}");
        }
    }
}
