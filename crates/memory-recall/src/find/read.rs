//! All that a search knows of an entity.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use memory_log::event::Event;
use memory_log::scope::ReadScope;

use crate::kept::{Lines, Match, View};
use crate::line::Line;

/// All that a search knows of an entity.
pub(super) struct Read {
    pub(super) scope: ReadScope,
    /// The highest event of each changed place, by the place's number.
    pub(super) events: HashMap<usize, Arc<Event>>,
    /// The places that are not to be shown: deleted, or of a status that is not known yet.
    pub(super) hidden: HashSet<usize>,
    pub(super) lines: Lines,
    pub(super) matched: Match,
    /// The view that may be replaced by these lines.
    pub(super) view: Option<View>,
    pub(super) aliens: usize,
}

impl Read {
    pub(super) fn event(&self, place: usize) -> Option<&Event> {
        self.events.get(&place).map(|event| &**event)
    }

    /// The lines that are listed and not deleted, in the order of their keys.
    pub(super) fn live_lines(&self) -> impl Iterator<Item = Arc<Line>> {
        let lines = self.matched.line_of.iter().enumerate();
        let live = lines.filter(|(place, _)| !self.hidden.contains(place));
        live.filter_map(|(_, line)| {
            let (set, line) = (*line)?;
            self.lines.sets().get(set)?.lines().get(line).cloned()
        })
    }
}
