//! What the OpenAPI document says of recall: the parameters of each operation, the schemas of the
//! responses, and examples.
//!
//! Every example is rendered by the code that renders the response. The module must not be needed at run
//! time.

use std::sync::Arc;

use memory_log::event::Status;
use memory_log::memory::Memory;
use memory_log::object::{Object, Stored};
use memory_log::scope::{Claims, NoSingleScope, ReadScopes};
use memory_s3::reader::ReadError;
use memory_web::flat::Flat;
use memory_web::media_type::Representation;
use memory_web::problem::Problem;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::access::{deleted, not_found, refused, scope_required};
use crate::documents::{self, Changed, Collection, FlatChanged, FlatCollection, FlatOne, One};
use crate::endpoints::{entity_tag, next_link};
use crate::find::{Found, Page, RecallError, Recalled};
use crate::line::Line;
use crate::log::LogError;
use crate::question;
use crate::rank::{self, Index};
use crate::tools::bounded;
use crate::words::Query;

mod changes;
mod parameters;

pub use changes::{
    Changing, DELETE_BODY, change_failures, change_schemas, changed, forget_arguments, forgotten,
    patch_body,
};
pub use parameters::{NAME, NOT_BLANK, of_a_change, parameters};

/// An operation that answers with documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `GET /memory/search`
    Search,
    /// `GET /memories`
    List,
    /// `GET /memory/{id}`
    Get,
}

/// A response in both forms.
#[derive(Debug)]
pub struct Example {
    /// As a JSON:API document.
    pub json_api: String,
    /// In the flat form.
    pub flat: String,
}

/// A name and a schema.
type Named = (String, RefOr<Schema>);

/// The schemas of an operation's responses: in JSON:API, and in the flat form.
#[must_use]
pub fn schemas(operation: Operation) -> [String; 2] {
    match operation {
        Operation::Search | Operation::List => [Collection::name(), FlatCollection::name()],
        Operation::Get => [One::name(), FlatOne::name()],
    }
    .map(std::borrow::Cow::into_owned)
}

/// Every schema of the responses, and those that they refer to.
#[must_use]
pub fn all_schemas() -> Vec<Named> {
    fn with_nested<T: ToSchema + PartialSchema>(all: &mut Vec<Named>) {
        T::schemas(all);
        all.push((T::name().into_owned(), T::schema()));
    }
    let mut all = Vec::new();
    with_nested::<Collection<'static>>(&mut all);
    with_nested::<FlatCollection<'static>>(&mut all);
    with_nested::<One<'static>>(&mut all);
    with_nested::<FlatOne<'static>>(&mut all);
    with_nested::<Changed>(&mut all);
    with_nested::<FlatChanged>(&mut all);
    all
}

/// The response of an operation about this memory. Of a search it is the only memory, and of a list the
/// first of more.
#[must_use]
pub fn example(operation: Operation, memory: &Memory, query: &str, raw: &str) -> Option<Example> {
    Some(match operation {
        Operation::Search => {
            let found = found(memory, query)?;
            Example {
                json_api: documents::found(&found, "/memory"),
                flat: documents::found_flat(&found),
            }
        }
        Operation::List => {
            let (domain, entity_id) = (memory.domain(), memory.entity_id());
            let anyone = Claims::default();
            let scope = ReadScopes::everywhere().permit(&anyone, domain, entity_id);
            let mut page = Page::of_one(recalled(memory), &scope.ok()?);
            Example {
                json_api: documents::page(&mut page, "/memories", |cursor| next_link(raw, cursor)),
                flat: documents::page_flat(&mut page),
            }
        }
        Operation::Get => Example {
            json_api: documents::one(&recalled(memory), "/memory", None),
            flat: documents::one_flat(&recalled(memory), None),
        },
    })
}

/// The entity tag of a memory that was never changed.
#[must_use]
pub fn tag() -> String {
    entity_tag(0, Representation::JsonApi)
}

/// The result of a call of `search_memory` that finds this memory alone.
#[must_use]
pub fn called(memory: &Memory, query: &str) -> Option<Flat> {
    let parsed = Query::parse(query).ok()?;
    Some(bounded::found(&found(memory, query)?, &parsed))
}

fn recalled(memory: &Memory) -> Recalled {
    let line = Line::of(Stored {
        object: Object::of(memory),
        memory: memory.clone(),
    });
    Recalled::unverified(Arc::new(line))
}

/// A search among this memory alone.
fn found(memory: &Memory, query: &str) -> Option<Found> {
    let query = Query::parse(query).ok()?;
    let memory = recalled(memory);
    let mut index = Index::default();
    index.add(memory.line.place.memory_id, &memory.line.memory);
    let ranked = rank::search(&[index.candidates(|_| true)], &query, 1);
    Some(Found {
        hits: vec![Recalled {
            score: Some(ranked.hits.first()?.score),
            ..memory
        }],
        matches: ranked.matches,
        searched: ranked.searched,
        unmatched_terms: ranked.unmatched_terms,
        aliens: 0,
    })
}

/// A failure: its name, a summary, and its problems.
pub type Failure = (&'static str, &'static str, Vec<Problem>);

/// Every failure of an operation that is recall's own.
#[must_use]
#[rustfmt::skip]
pub fn failures(operation: Operation) -> Vec<Failure> {
    const FAULTY: &str = "filter[domain]=work&filter[since]=today&filter[query]=&page[limit]=0&include=author";
    let faults = match operation {
        Operation::Search => question::search(FAULTY).err(),
        Operation::List => question::list(FAULTY).err(),
        Operation::Get => question::get(FAULTY).err(),
    };
    let of_log = |error| refused(RecallError::Log(error)).problems;
    let (key, what) = (String::new(), String::new());
    let mut failures = vec![
        ("invalid_parameter", "Every parameter at fault", faults.unwrap_or_default()),
        ("scope_required", "No scope is named", vec![scope_required(NoSingleScope::None)]),
        ("storage_refused", "S3 refused the read", of_log(LogError::Read(ReadError::Refused("".into())))),
        ("log_damaged", "An object is not what its key names", of_log(LogError::Damaged { key: key.clone(), what: what.clone() })),
        ("log_newer", "An object of a later version", of_log(LogError::Newer { key, what })),
        ("storage_unavailable", "S3 did not answer in time", refused(RecallError::Late).problems),
    ];
    match operation {
        Operation::Search | Operation::List => {
            failures.push(("unreadable", "The caller may not read the scope", vec![Problem::unreadable()]));
            failures.push(("scope_too_large", "The scopes have too many memories", refused(RecallError::TooLarge).problems));
        }
        Operation::Get => {
            failures.push(("not_found", "No such memory, or not for this caller", vec![not_found()]));
            failures.extend(changes::first_event(Status::Deleted).map(|event| ("deleted", "The memory is deleted", vec![deleted(&event, None)])));
        }
    }
    if operation == Operation::Search {
        let building = refused(RecallError::Building { progress: 0.5 });
        failures.push(("view_building", "The memories are being read for the first time", building.problems));
    }
    failures
}
