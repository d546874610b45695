//! What is asked: a search, a list, or one memory, read from the parameters of a request or the
//! arguments of a tool.
//!
//! Every fault is found at once. The module must not know who asks, or what the log has.

use std::collections::BTreeSet;

use memory_log::event::Status;
use memory_log::memory::{REPOSITORY, hyphenated, name_faults};
use memory_log::timestamp::Timestamp;
use memory_web::problem::Problem;

use crate::find::{Cursor, Filters, Order};
use crate::words::{Query, QueryError};

mod arguments;
mod change;
pub(crate) mod parameters;

pub use arguments::{ForgetArguments, GetArguments, SearchArguments};
pub use change::{ChangeBody, PatchBody, delete, patch};
pub(crate) use parameters::{AFTER, OTHER_QUERY, invalid};
pub use parameters::{get, list, search};

/// Hits of a search without a limit, and at most.
pub(crate) const HITS: usize = 5;
pub(crate) const HITS_MAX: usize = 50;
/// Memories of a page without a limit, and at most.
pub(crate) const PAGE: usize = 50;
pub(crate) const PAGE_MAX: usize = 200;

/// The entity that is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The one that the caller's claims name.
    Own,
    /// This one.
    Entity {
        /// Its domain.
        domain: String,
        /// The entity.
        entity_id: String,
    },
}

/// The best memories for a query.
#[derive(Debug, Clone)]
pub struct SearchQuestion {
    /// Where.
    pub place: Place,
    /// What for.
    pub query: Query,
    /// Which memories.
    pub filters: Filters,
    /// How many hits at most.
    pub limit: usize,
}

/// The memories of an entity, in the order of time.
#[derive(Debug, Clone)]
pub struct ListQuestion {
    /// Where.
    pub place: Place,
    /// Which memories.
    pub filters: Filters,
    /// In which order.
    pub order: Order,
    /// After the last one of another page.
    pub after: Option<Cursor>,
    /// How many at most.
    pub limit: usize,
}

/// One memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetQuestion {
    /// Where.
    pub place: Place,
    /// Its timestamp, if the caller knows it.
    pub created_at: Option<Timestamp>,
}

/// The same question, where the body names the entity. Both ways must not differ.
pub(crate) fn placed(
    question: GetQuestion,
    of_the_body: Option<Place>,
) -> Result<GetQuestion, Vec<Problem>> {
    let place = match (question.place, of_the_body) {
        (place, None) => place,
        (Place::Own, Some(place)) => place,
        (place, Some(other)) if place == other => place,
        (_, Some(_)) => {
            let fault = "is another scope than meta.repository_id of the body";
            return Err(vec![invalid("filter[repository_id]", fault)]);
        }
    };
    Ok(GetQuestion { place, ..question })
}

/// Most elements of a filter: each memory is compared with all of them.
const ELEMENTS_MAX: usize = 64;

/// The elements of a filter, each once.
fn each_once<T: Clone + Ord>(elements: Vec<T>) -> Result<Vec<T>, Fault> {
    let once: BTreeSet<_> = elements.into_iter().collect();
    match once.len() <= ELEMENTS_MAX {
        true => Ok(once.into_iter().collect()),
        false => Err(format!("has more than {ELEMENTS_MAX} elements")),
    }
}

/// Why a value is refused: the rest of a sentence that begins with its name.
type Fault = String;

/// A `repository_id` as its entity is called.
fn repository(id: &str) -> Result<Place, Fault> {
    let uuid = hyphenated(id);
    let uuid =
        uuid.ok_or("must be a UUID: 32 hexadecimal digits with hyphens, grouped 8-4-4-4-12")?;
    Ok(Place::Entity {
        domain: REPOSITORY.to_owned(),
        entity_id: uuid.to_string(),
    })
}

fn name(text: &str) -> Result<String, Fault> {
    match name_faults(text).is_empty() {
        true => Ok(text.to_owned()),
        false => Err(
            "must be 1 to 150 bytes of UTF-8, not blank, and without control characters".to_owned(),
        ),
    }
}

fn instant(text: &str) -> Result<Timestamp, Fault> {
    let example = "must be RFC 3339 with an offset, such as 2026-01-19T14:00:00Z";
    Timestamp::parse(text).map_err(|_| example.to_owned())
}

fn query(text: &str) -> Result<Query, Fault> {
    Query::parse(text).map_err(|error| match error {
        QueryError::Blank => "is blank: give the words that the memory may contain".to_owned(),
        QueryError::TooLong { .. } => "is longer than 1,000 bytes: give fewer words".to_owned(),
        QueryError::TooManyWords { .. } => {
            "has more than 64 distinct words: give fewer words".to_owned()
        }
    })
}

/// A status that a list may be narrowed to. What is deleted is never listed.
fn status(text: &str) -> Result<Status, Fault> {
    let shown = [Status::Unverified, Status::Verified, Status::Locked];
    let mut named = shown
        .into_iter()
        .filter(|status| status.to_string() == text);
    let wrong = || "has another status than unverified, verified and locked".to_owned();
    named.next().ok_or_else(wrong)
}

/// Whether no instant is in this span.
fn is_contradictory(filters: &Filters) -> bool {
    let both = filters.since.zip(filters.until);
    both.is_some_and(|(since, until)| since >= until)
}

/// A part of a scope's name: whether it is given, and what it says where it is sound.
type Part<T> = (bool, Option<T>);

/// The scope that a request names, and the faults of its domain and its entity.
fn place(
    repository: Part<Place>,
    domain: Part<String>,
    entity_id: Part<String>,
) -> (Place, [Option<&'static str>; 2]) {
    let fault = |is_given: bool, other: bool| match (is_given, repository.0, other) {
        (true, true, _) => Some("is a second scope: give repository_id, or domain and entity_id"),
        (true, false, false) => Some("is half of a scope: give the domain and the entity_id"),
        _ => None,
    };
    let faults = [fault(domain.0, entity_id.0), fault(entity_id.0, domain.0)];
    let place = match (repository.1, domain.1, entity_id.1) {
        (Some(place), ..) => place,
        (None, Some(domain), Some(entity_id)) => Place::Entity { domain, entity_id },
        (None, ..) => Place::Own,
    };
    (place, faults)
}

const CONTRADICTORY: &str = "is not after the start of the span, so no memory can lie in it";
