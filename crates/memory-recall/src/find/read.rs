//! All that a search knows of an entity, and what a request has got so far.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memory_log::event::Event;
use memory_log::scope::ReadScope;
use uuid::Uuid;

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

/// Lines that were got so far, by the ids of their memories.
#[derive(Default)]
pub(super) struct Gained(Mutex<HashMap<Uuid, Arc<Line>>>);

impl Gained {
    pub(super) fn add(&self, line: Line) {
        self.lines().insert(line.place.memory_id, Arc::new(line));
    }

    pub(super) fn line(&self, memory_id: Uuid) -> Option<Arc<Line>> {
        self.lines().get(&memory_id).cloned()
    }

    pub(super) fn len(&self) -> usize {
        self.lines().len()
    }

    pub(super) fn take(self) -> Vec<Arc<Line>> {
        let lines = self.0.into_inner();
        let lines = lines.unwrap_or_else(PoisonError::into_inner);
        lines.into_values().collect()
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Line>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
