//! The log line by line, as `replay` prints it: what was proved, and what is not what its key says.
//!
//! The module must not print, or know where the log is.

use std::fmt;

use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use indicatif::HumanCount;
use memory_log::event::EventKey;
use memory_log::scope::ReadScope;
use memory_recall::events::{self, Events};
use memory_s3::reader::{Entry, ReadError, Reader, Selection};

use memory_web::terminal::{json_for_terminal, on_one_line};

/// A line of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// An object as it is stored, proved.
    Proved(Vec<u8>),
    /// A complaint about one.
    Bad(String),
}

impl Line {
    /// The line with its end, for a terminal or for a program.
    #[must_use]
    pub fn of_object(body: &[u8], is_terminal: bool) -> Self {
        let mut line = match is_terminal {
            true => json_for_terminal(body),
            false => body.to_vec(),
        };
        line.push(b'\n');
        Self::Proved(line)
    }

    fn bad(key: &str, why: &impl std::fmt::Display) -> Self {
        Self::Bad(on_one_line(&format!("bad: {key}: {why}")))
    }
}

/// How many lines of a replay were proved, and how many were complaints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Objects that were proved.
    pub proved: u64,
    /// Complaints.
    pub bad: u64,
}

impl Tally {
    /// The result of a replay of these things, in words.
    #[must_use]
    pub fn of(self, things: Things) -> String {
        let Self { proved, bad } = self;
        let (one, many) = things.names();
        let count = HumanCount(proved);
        match (proved, bad) {
            (0, 0) => format!("0 {many}"),
            (1, 0) => format!("1 {one}, proved"),
            (_, 0) => format!("{count} {many}, all proved"),
            (1, _) => format!("1 {one} proved, and {} reported above", Faults(bad)),
            (_, _) => format!("{count} {many} proved, and {} reported above", Faults(bad)),
        }
    }
}

struct Faults(u64);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 fault"),
            many => write!(f, "{} faults", HumanCount(many)),
        }
    }
}

/// What is replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Things {
    /// Memories.
    Memories,
    /// Events.
    Events,
}

impl Things {
    /// One of them, and many.
    #[must_use]
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Memories => ("memory", "memories"),
            Self::Events => ("event", "events"),
        }
    }
}

/// The memories of a selection in the order of keys.
pub fn memories(
    reader: &Reader,
    scope: &ReadScope,
    selection: &Selection,
    is_terminal: bool,
) -> impl Stream<Item = Result<Line, ReadError>> + use<> {
    let entries = reader.entries(scope, selection);
    entries.map_ok(move |entry| match entry {
        Entry::Memory(object) => Line::of_object(&object.body, is_terminal),
        Entry::Bad { key, why } => Line::bad(&key, &why),
    })
}

/// The events of a scope in the order of keys, of all its entities or of those with this name. What
/// cannot be an event is told whatever the name.
pub fn events(
    reader: &Reader,
    scope: &ReadScope,
    entity_id: Option<String>,
    is_terminal: bool,
) -> impl Stream<Item = Result<Line, ReadError>> + use<> {
    let events = Events::new(reader.clone(), scope.clone());
    let pages = stream::try_unfold(events, |mut events| async move {
        let page = events.next_page().await?;
        Ok(page.map(|page| (stream::iter(page.into_iter().map(Ok)), events)))
    });
    let is_wanted = move |key: Option<&EventKey>| {
        let wanted = entity_id.as_ref();
        wanted.is_none_or(|wanted| key.is_none_or(|key| key.entity_id == *wanted))
    };
    let lines = pages.try_flatten().map_ok(move |entry| match entry {
        events::Entry::Event(event) => {
            is_wanted(Some(event.key())).then(|| Line::of_object(&event.object().body, is_terminal))
        }
        events::Entry::Bad { key, why } => {
            is_wanted(EventKey::parse(&key).as_ref()).then(|| Line::bad(&key, &why))
        }
    });
    lines.filter_map(|line| async { line.transpose() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_says_what_was_proved_and_what_was_not() {
        for (proved, bad, words) in [
            (0, 0, "0 memories"),
            (1, 0, "1 memory, proved"),
            (10_000, 0, "10,000 memories, all proved"),
            (0, 1, "0 memories proved, and 1 fault reported above"),
            (1, 2, "1 memory proved, and 2 faults reported above"),
            (
                9_998,
                1_200,
                "9,998 memories proved, and 1,200 faults reported above",
            ),
        ] {
            assert_eq!(Tally { proved, bad }.of(Things::Memories), words);
        }
        let one = Tally { proved: 1, bad: 0 };
        assert_eq!(one.of(Things::Events), "1 event, proved");
    }
}
