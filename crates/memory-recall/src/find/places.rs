//! The listed memories of a list, and what is known of each.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::try_join_all;
use memory_log::event::Event;
use memory_log::scope::ReadScope;
use memory_s3::reader::Range;

use super::RecallError;
use super::read::Gained;
use crate::kept::Lines;
use crate::line::{Line, Place};
use crate::log::{Changes, Log};

/// The listed memories of all entities of a list, in its order.
#[derive(Default)]
pub(super) struct Places {
    pub(super) entities: Vec<Entity>,
    /// Those that are not after this place were on pages before.
    pub(super) after: Option<Place>,
    pub(super) is_reverse: bool,
    pub(super) aliens: usize,
    /// How many were listed, and how many of them a filter has looked at without getting them.
    pub(super) listed: usize,
    pub(super) looked: AtomicUsize,
}

/// The listed memories of one entity.
pub(super) struct Entity {
    pub(super) scope: ReadScope,
    /// The next memories.
    pub(super) ready: VecDeque<Place>,
    /// What is not listed yet.
    pub(super) rest: Option<Range>,
    pub(super) changes: Changes,
    /// What this process kept of the entity when it was listed.
    pub(super) before: Lines,
    /// The same, and what its view has.
    pub(super) lines: Lines,
    /// Lines that were got for this list.
    pub(super) gained: Gained,
}

/// A memory of a list, and what is known of it.
pub(super) struct Look {
    pub(super) entity: usize,
    pub(super) place: Place,
    pub(super) event: Option<Arc<Event>>,
    pub(super) line: Option<Arc<Line>>,
}

impl Places {
    /// The next places: at most this many, and none after those that have this many bytes.
    pub(super) async fn take(
        &mut self,
        log: &Log,
        most: usize,
        bytes_max: u64,
    ) -> Result<Vec<Look>, RecallError> {
        let mut taken = Vec::new();
        let mut bytes = 0_u64;
        while taken.len() < most && bytes < bytes_max {
            self.list_on(log).await?;
            let Some(next) = self.next() else { break };
            let is_after = self
                .after
                .as_ref()
                .is_none_or(|after| match self.is_reverse {
                    true => next.place.order() < after.order(),
                    false => next.place.order() > after.order(),
                });
            if is_after {
                bytes = bytes.saturating_add(next.place.bytes);
                taken.push(next);
            }
        }
        Ok(taken)
    }

    /// Lists the next page of each entity that has none left: without it the next place is not known.
    async fn list_on(&mut self, log: &Log) -> Result<(), RecallError> {
        let empty = self
            .entities
            .iter_mut()
            .filter(|entity| entity.ready.is_empty());
        let pages = empty.filter_map(|entity| Some((entity.rest.take()?, entity)));
        let pages = pages.map(|(rest, entity)| async move {
            // A page can be empty, or have foreign keys alone.
            let mut rest = Some(rest);
            let mut aliens = 0;
            while let Some(range) = rest.take().filter(|_| entity.ready.is_empty()) {
                let (page, after) = log.first_memories(&entity.scope, &range).await?;
                entity.ready = page.places.into();
                aliens += page.aliens;
                rest = after;
            }
            entity.rest = rest;
            Ok::<_, RecallError>((aliens, entity.ready.len()))
        });
        for (aliens, listed) in try_join_all(pages).await? {
            self.aliens += aliens;
            self.listed += listed;
        }
        Ok(())
    }

    /// Adds an entity, with what is listed of it.
    pub(super) fn push(&mut self, entity: Entity, aliens: usize) {
        self.aliens += aliens;
        self.listed += entity.ready.len();
        self.entities.push(entity);
    }

    /// Which share of what is listed a filter has looked at.
    pub(super) fn progress(&self) -> f64 {
        let gained: usize = self.entities.iter().map(|entity| entity.gained.len()).sum();
        let looked = self.looked.load(Ordering::Relaxed) + gained;
        #[expect(clippy::cast_precision_loss, reason = "a share of some 100,000")]
        let progress = looked as f64 / self.listed.max(1) as f64;
        progress.min(1.0)
    }

    fn next(&mut self) -> Option<Look> {
        let heads = self.entities.iter().enumerate();
        let heads =
            heads.filter_map(|(number, entity)| Some((entity.ready.front()?.order(), number)));
        let (_, entity) = match self.is_reverse {
            true => heads.max()?,
            false => heads.min()?,
        };
        let place = self.entities.get_mut(entity)?.ready.pop_front()?;
        Some(Look {
            entity,
            place,
            event: None,
            line: None,
        })
    }
}
