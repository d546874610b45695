//! A memory that was found, for a person at a terminal: the best passage with the words that were
//! found, where it comes from, how old it is, and how far it is trusted.
//!
//! Pure. No character of a memory controls the terminal or begins a line. The module must not print.

use memory_log::timestamp::Timestamp;
use memory_recall::find::{Found, Recalled};
use memory_recall::rank::{marked, passage};
use memory_recall::words::Query;

use memory_web::terminal::on_one_line;

/// Longest passage, in characters: about four lines of a terminal.
const PASSAGE_CHARS: usize = 320;

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const END: &str = "\x1b[0m";

/// The pauses after which an age is counted in a larger unit.
const UNITS: [(u64, &str); 5] = [
    (365 * DAY, "year"),
    (30 * DAY, "month"),
    (DAY, "day"),
    (60 * 60, "hour"),
    (60, "minute"),
];
const DAY: u64 = 24 * 60 * 60;

/// How a hit is shown.
#[derive(Debug, Clone, Copy)]
pub struct View<'q> {
    /// Its words are marked.
    pub query: &'q Query,
    /// Ages are counted from this instant.
    pub now: Timestamp,
    /// Whether marks are colors, which a terminal may not want.
    pub colors: bool,
}

impl View<'_> {
    /// A hit in two lines.
    #[must_use]
    pub fn of(&self, hit: &Recalled) -> String {
        let content = hit.line.memory.content();
        let part = passage(content, self.query, PASSAGE_CHARS);
        let mut shown = String::new();
        let mut at = 0;
        for word in marked(part, self.query) {
            let before = part.get(at..word.start).unwrap_or_default();
            shown.push_str(&plain(before));
            let marked = part.get(word.clone()).unwrap_or_default();
            shown.push_str(&self.styled(BOLD, &plain(marked)));
            at = word.end;
        }
        shown.push_str(&plain(part.get(at..).unwrap_or_default()));
        let before = if content.starts_with(part) { "" } else { "…" };
        let after = if content.ends_with(part) { "" } else { "…" };
        let about = self.styled(DIM, &self.about(hit));
        format!("{before}{shown}{after}\n  {about}\n")
    }

    fn about(&self, hit: &Recalled) -> String {
        let memory = &hit.line.memory;
        let at = memory.timestamp().to_string();
        let day = at.split('T').next().unwrap_or_default();
        let age = age(self.now, memory.timestamp());
        let source = hit.line.source.as_ref();
        let parts = [
            Some(format!("{}/{}", memory.domain(), memory.entity_id())),
            Some(format!("{day}, {age}")),
            Some(hit.status.to_string()),
            hit.line.memory_type.clone(),
            source.map(|source| format!("from {source}")),
            Some(hit.line.place.memory_id.to_string()),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        plain(&parts.join(" · "))
    }

    fn styled(&self, style: &str, text: &str) -> String {
        match self.colors {
            true => format!("{style}{text}{END}"),
            false => text.to_owned(),
        }
    }
}

/// What was found, in one sentence.
#[must_use]
pub fn summary(found: &Found) -> String {
    let Found {
        hits,
        matches,
        searched,
        unmatched_terms,
        ..
    } = found;
    let shown = match hits.len() {
        0 => "nothing found".to_owned(),
        shown if shown < *matches => format!("the best {shown} of {matches}"),
        shown => format!("{shown} found"),
    };
    let absent = match unmatched_terms.as_slice() {
        [] => String::new(),
        absent => format!("; none has: {}", plain(&absent.join(", "))),
    };
    format!("{shown}, of {searched} memories{absent}")
}

/// A text of a memory on one line.
fn plain(text: &str) -> String {
    let spaces = |character: char| match character {
        '\n' | '\r' | '\t' => ' ',
        other => other,
    };
    on_one_line(&text.chars().map(spaces).collect::<String>())
}

/// How long ago an instant was, in the largest unit that it fills.
fn age(now: Timestamp, then: Timestamp) -> String {
    if then > now {
        return "not yet".to_owned();
    }
    let seconds = now.since(then).as_secs();
    let fills = |(unit, name): &(u64, &'static str)| match seconds / unit {
        0 => None,
        count => Some((count, *name)),
    };
    match UNITS.iter().find_map(fills) {
        None => "just now".to_owned(),
        Some((1, name)) => format!("1 {name} ago"),
        Some((count, name)) => format!("{count} {name}s ago"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use memory_log::event::Status;
    use memory_log::fault::Violations;
    use memory_log::json::Json;
    use memory_log::memory::{Draft, Memory};
    use memory_log::object::Object;
    use memory_recall::line::Line;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn hit(content: &str, metadata: &str) -> Recalled {
        let content = serde_json::to_string(content).unwrap();
        let body = format!(
            r#"{{"domain":"work","entity_id":"rob","timestamp":"2026-01-27T03:14:22Z","content":{content},"metadata":{metadata}}}"#
        );
        let json = Json::parse(body.as_bytes()).unwrap();
        let draft = Draft::of_fields(json.root(), Violations::default());
        let memory = Memory::new(draft, at("2026-01-01T00:00:00Z")).unwrap();
        let object = Object::of(&memory);
        Recalled {
            line: Arc::new(Line::read(&object.key, &object.body).unwrap()),
            status: Status::Verified,
            seq: 1,
            score: Some(1.0),
        }
    }

    fn shown(hit: &Recalled, query: &str, colors: bool) -> String {
        let query = Query::parse(query).unwrap();
        let now = at("2026-03-29T03:14:22Z");
        let query = &query;
        View { query, now, colors }.of(hit)
    }

    #[test]
    fn a_hit_shows_what_was_found_where_it_comes_from_and_how_far_it_is_trusted() {
        let hit = hit(
            "Rob prefers mornings.",
            r#"{"source":"chat","memory_type":"habit"}"#,
        );
        let id = hit.line.place.memory_id;
        assert_eq!(
            shown(&hit, "morning", false),
            format!(
                "Rob prefers mornings.\n  work/rob · 2026-01-27, 2 months ago · verified · habit · from chat · {id}\n"
            )
        );
        let colored = shown(&hit, "morning ROB", true);
        assert!(
            colored.starts_with(
                "\x1b[1mRob\x1b[0m prefers \x1b[1mmornings\x1b[0m.\n  \x1b[2mwork/rob"
            ),
            "{colored:?}"
        );
    }

    #[test]
    fn no_text_of_a_memory_controls_the_terminal_or_begins_a_line() {
        let hostile = "a\u{1b}[2J\u{9b}31m\u{7}\nwork/eve · 2026-01-27 \u{202e}\r morning";
        let hit = hit(hostile, r#"{"source":"\u001b]0;x\u0007\n"}"#);
        for colors in [false, true] {
            let shown = shown(&hit, "morning", colors);
            assert_eq!(shown.lines().count(), 2, "{shown}");
            let rest = [BOLD, DIM, END]
                .iter()
                .fold(shown, |text, own| text.replace(own, ""));
            let controls = |character: char| character.is_control() && character != '\n';
            assert!(!rest.contains(controls), "{rest:?}");
            assert!(!rest.contains('\u{202e}'), "{rest:?}");
            assert!(rest.contains(r"a\u{1b}[2J"), "{rest}");
        }
    }

    #[test]
    fn of_a_long_memory_the_best_passage_is_shown() {
        let long = format!("{} mornings {}", "x ".repeat(1_000), "y ".repeat(1_000));
        let shown = shown(&hit(&long, "{}"), "mornings", false);
        let passage = shown.lines().next().unwrap();
        assert!(passage.starts_with('…') && passage.ends_with('…') && passage.contains("mornings"));
        assert_eq!(passage.chars().count(), PASSAGE_CHARS + 2);
    }

    #[test]
    fn an_age_is_told_in_the_largest_unit_that_it_fills() {
        let now = at("2026-03-29T03:14:22Z");
        for (then, told) in [
            ("2026-03-29T03:13:23Z", "just now"),
            ("2026-03-29T03:13:22Z", "1 minute ago"),
            ("2026-03-29T01:14:22Z", "2 hours ago"),
            ("2026-03-28T03:14:22Z", "1 day ago"),
            ("2026-02-27T03:14:22Z", "1 month ago"),
            ("2024-03-29T03:14:22Z", "2 years ago"),
            ("2026-03-29T03:14:23Z", "not yet"),
        ] {
            assert_eq!(age(now, at(then)), told, "{then}");
        }
    }

    #[test]
    fn a_summary_counts_and_names_the_words_that_no_memory_has() {
        let found = |hits: usize, matches: usize, unmatched: &[&str]| Found {
            hits: vec![hit("x", "{}"); hits],
            matches,
            searched: 9,
            unmatched_terms: unmatched.iter().map(|word| (*word).to_owned()).collect(),
            aliens: 0,
        };
        assert_eq!(summary(&found(2, 2, &[])), "2 found, of 9 memories");
        assert_eq!(summary(&found(2, 7, &[])), "the best 2 of 7, of 9 memories");
        assert_eq!(
            summary(&found(0, 0, &["mor\u{1b}", "x"])),
            "nothing found, of 9 memories; none has: mor\\u{1b}, x"
        );
    }
}
