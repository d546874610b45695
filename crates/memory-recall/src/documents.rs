//! The documents of a read or a change, in either form (contract 8.4, 9.3).
//!
//! A page or a search ends before 1 MiB, and never before its first memory. The module must not know
//! HTTP.

use std::sync::Arc;

use memory_log::event::Status;
use memory_log::json::serialized;
use memory_web::documents::{JSON_API, JsonApi};
use memory_web::flat::{Flat, OK};
use memory_web::problem::Past;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::change::{Did, Receipt};
use crate::find::{Found, Page, Recalled};
use crate::shown::{self, FlatMemory, MemoryResource, flat, is_false};

/// Bytes of the memories in one response: what a client or a model can take, and far under Lambda's 6 MB.
const RESPONSE_BYTES_MAX: usize = 1024 * 1024;

/// Several memories: the best ones for a query, or a page of a list.
#[derive(Serialize, ToSchema)]
#[schema(as = MemoriesDocument)]
pub(crate) struct Collection<'d> {
    jsonapi: JsonApi,
    #[schema(value_type = Vec<MemoryResource<'static>>)]
    data: &'d [Box<RawValue>],
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    links: Option<Links<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    meta: Option<Meta<'d>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PageLinks)]
struct Links<'d> {
    /// The next page of a list: a reference that is resolved against the URL of this one. The last page
    /// has none.
    next: &'d str,
}

/// What a response says beside its memories.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = MemoriesMeta)]
struct Meta<'d> {
    /// Of a search: how many memories have a word of the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    matches: Option<usize>,
    /// Of a search: how many memories were searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    searched: Option<usize>,
    /// Of a search: the words of the query that no memory has.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schema(required = false)]
    unmatched_terms: &'d [String],
    /// Of a search: whether hits are left out, because the response would be longer than 1 MiB.
    #[serde(skip_serializing_if = "is_false")]
    #[schema(required = false)]
    truncated: bool,
    /// How many keys under the prefix are not keys of the log.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(required = false)]
    alien: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for this")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Several memories in the flat form.
#[derive(Serialize, ToSchema)]
#[schema(as = FlatMemories)]
pub(crate) struct FlatCollection<'d> {
    /// `ok`.
    status: &'static str,
    #[schema(value_type = Vec<FlatMemory<'static>>)]
    memories: &'d [Box<RawValue>],
    #[serde(flatten)]
    meta: Meta<'d>,
    /// Of a list: `page[after]` of the next page. The last page has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

/// One memory in full.
#[derive(Serialize, ToSchema)]
#[schema(as = RecalledDocument)]
pub(crate) struct One<'d> {
    jsonapi: JsonApi,
    #[schema(value_type = MemoryResource<'static>)]
    data: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    meta: Option<OneMeta<'d>>,
}

/// What stewards see of a memory.
#[derive(Serialize, ToSchema)]
#[schema(as = MemoryHistory)]
struct OneMeta<'d> {
    /// How many events it has.
    events: usize,
    /// The newest 50 of them, the newest first.
    history: &'d [Past],
}

/// One memory in full.
#[derive(Serialize, ToSchema)]
#[schema(as = FlatRecalled)]
pub(crate) struct FlatOne<'d> {
    /// `ok`.
    status: &'static str,
    #[schema(value_type = FlatMemory<'static>)]
    memory: Box<RawValue>,
    /// How many events it has, for stewards.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    events: Option<usize>,
    /// The newest 50 of them, the newest first, for stewards.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    history: Option<&'d [Past]>,
}

/// The history of a memory, for stewards.
pub(crate) struct ShownHistory {
    /// How many events it has.
    pub(crate) events: usize,
    /// The newest of them.
    pub(crate) newest: Vec<Past>,
}

/// A search as a JSON:API document.
pub(crate) fn found(found: &Found, collection: &str) -> String {
    let data = fitting(&found.hits, |hit| shown::resource(hit, collection));
    serialized(&Collection {
        jsonapi: JSON_API,
        data: &data,
        links: None,
        meta: Some(counts(found, data.len())),
    })
}

/// A search in the flat form.
pub(crate) fn found_flat(found: &Found) -> String {
    let memories = fitting(&found.hits, |hit| serialized(&flat(hit)));
    serialized(&FlatCollection {
        status: OK,
        memories: &memories,
        meta: counts(found, memories.len()),
        next: None,
    })
}

/// A page of a list as a JSON:API document; `next` makes the link to the next page of its cursor.
pub(crate) fn page(page: &mut Page, collection: &str, next: impl Fn(&str) -> String) -> String {
    let data = fitting(&page.memories, |memory| shown::resource(memory, collection));
    page.end_before(data.len());
    let next = page.next.as_ref().map(|cursor| next(&cursor.to_string()));
    let alien = page.aliens;
    serialized(&Collection {
        jsonapi: JSON_API,
        data: &data,
        links: next.as_deref().map(|next| Links { next }),
        meta: (alien > 0).then(|| Meta {
            alien,
            ..Meta::default()
        }),
    })
}

/// A page of a list in the flat form.
pub(crate) fn page_flat(page: &mut Page) -> String {
    let memories = fitting(&page.memories, |memory| serialized(&flat(memory)));
    page.end_before(memories.len());
    serialized(&FlatCollection {
        status: OK,
        memories: &memories,
        meta: Meta {
            alien: page.aliens,
            ..Meta::default()
        },
        next: page.next.as_ref().map(ToString::to_string),
    })
}

/// One memory as a JSON:API document.
pub(crate) fn one(recalled: &Recalled, collection: &str, past: Option<&ShownHistory>) -> String {
    serialized(&One {
        jsonapi: JSON_API,
        data: raw(shown::resource(recalled, collection)),
        meta: past.map(one_meta),
    })
}

/// One memory in the flat form.
pub(crate) fn one_flat(recalled: &Recalled, past: Option<&ShownHistory>) -> String {
    serialized(&FlatOne {
        status: OK,
        memory: raw(shown::flat_in_full(recalled)),
        events: past.map(|past| past.events),
        history: past.map(|past| past.newest.as_slice()),
    })
}

/// A change that is made, or was made before. The response to a PATCH has `data`, as a GET shows it, unless
/// the memory is deleted now.
#[derive(Serialize, ToSchema)]
#[schema(as = ChangedDocument)]
pub(crate) struct Changed {
    jsonapi: JsonApi,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MemoryResource<'static>>, nullable = false)]
    data: Option<Box<RawValue>>,
    meta: Receipted,
}

/// The receipt of a change.
#[derive(Serialize, ToSchema)]
#[schema(as = ChangeReceipt)]
struct Receipted {
    #[schema(format = Uuid)]
    memory_id: String,
    /// The status that the memory has now.
    status: &'static str,
    #[serde(flatten)]
    by: MadeBy,
}

/// The receipt of a change in the flat form.
#[derive(Serialize, ToSchema)]
#[schema(as = FlatReceipt)]
pub(crate) struct FlatChanged {
    /// `ok`.
    status: &'static str,
    #[schema(format = Uuid)]
    memory_id: String,
    /// The status that the memory has now.
    memory_status: &'static str,
    #[serde(flatten)]
    by: MadeBy,
}

/// The event that made a memory's status.
#[derive(Serialize, ToSchema)]
#[schema(as = ReceiptEvent)]
struct MadeBy {
    /// The number of the memory's highest event; 0 without events.
    #[schema(minimum = 0, maximum = 201)]
    seq: u8,
    /// When the change was asked for. Left out without events.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    changed_at: Option<String>,
    /// The key of the event in the bucket. Left out without events.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    s3_key: Option<String>,
    /// Whether the memory had the status already, by another request than this one.
    #[serde(skip_serializing_if = "is_false")]
    #[schema(required = false)]
    unchanged: bool,
}

/// The receipt of a change as a JSON:API document, with the memory if a collection is given. A memory
/// that is deleted is not shown.
pub(crate) fn changed(receipt: &Receipt, collection: Option<&str>) -> String {
    let collection = collection.filter(|_| receipt.status != Status::Deleted);
    let data = collection.map(|collection| {
        let line = Arc::clone(&receipt.line);
        let recalled = Recalled::with_status(line, receipt.status, receipt.seq());
        raw(shown::resource(&recalled, collection))
    });
    serialized(&Changed {
        jsonapi: JSON_API,
        data,
        meta: Receipted {
            memory_id: receipt.line.place.memory_id.to_string(),
            status: receipt.status.as_str(),
            by: made_by(receipt),
        },
    })
}

/// The receipt of a change in the flat form.
pub(crate) fn changed_flat(receipt: &Receipt) -> Flat {
    Flat::success(&FlatChanged {
        status: OK,
        memory_id: receipt.line.place.memory_id.to_string(),
        memory_status: receipt.status.as_str(),
        by: made_by(receipt),
    })
}

fn made_by(receipt: &Receipt) -> MadeBy {
    let event = receipt.event.as_deref();
    MadeBy {
        seq: receipt.seq(),
        changed_at: event.map(|event| event.change().timestamp.to_string()),
        s3_key: event.map(|event| event.object().key),
        unchanged: receipt.did == Did::Nothing,
    }
}

fn one_meta(past: &ShownHistory) -> OneMeta<'_> {
    OneMeta {
        events: past.events,
        history: &past.newest,
    }
}

fn counts(found: &Found, shown: usize) -> Meta<'_> {
    Meta {
        matches: Some(found.matches),
        searched: Some(found.searched),
        unmatched_terms: &found.unmatched_terms,
        truncated: shown < found.hits.len(),
        alien: found.aliens,
    }
}

/// The memories that fit into a response, and the first one in any case.
fn fitting(memories: &[Recalled], show: impl Fn(&Recalled) -> String) -> Vec<Box<RawValue>> {
    let mut shown = Vec::new();
    let mut bytes = 0;
    for memory in memories {
        let text = show(memory);
        bytes += text.len();
        if bytes > RESPONSE_BYTES_MAX && !shown.is_empty() {
            break;
        }
        shown.push(raw(text));
    }
    shown
}

#[expect(clippy::expect_used, reason = "serde has just written it")]
fn raw(text: String) -> Box<RawValue> {
    RawValue::from_string(text).expect("JSON")
}
