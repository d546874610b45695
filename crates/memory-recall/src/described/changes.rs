//! The examples of changes of status (contract 9): receipts, and every failure that is theirs alone.

use std::sync::Arc;

use memory_log::event::{Actor, Change, Event, Status};
use memory_log::memory::Memory;
use memory_log::scope::Outside;
use memory_log::timestamp::Timestamp;
use memory_s3::changer;
use memory_web::body::BODY_BYTES_MAX;
use memory_web::flat::Flat;
use memory_web::problem::Problem;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Example, Failure, recalled};
use crate::access::unchanged;
use crate::change::precondition::Unmet;
use crate::change::{ChangeError, Did, End, Receipt};
use crate::documents::{self, Changed, FlatChanged};
use crate::question;

/// A change of a memory's status, by its method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changing {
    /// `PATCH /memory/{id}`
    Patch,
    /// `DELETE /memory/{id}`
    Delete,
}

/// When the changes of the examples were asked for.
const CHANGED_AT: &str = "2026-02-01T09:30:00Z";

/// The body of a PATCH that verifies this memory.
#[must_use]
pub fn patch_body(memory: &Memory) -> String {
    let memory_id = recalled(memory).line.place.memory_id;
    format!(
        r#"{{"data":{{"type":"memories","id":"{memory_id}","attributes":{{"status":"verified"}}}},"meta":{{"reason":"Checked against the tax office's table."}}}}"#
    )
}

/// The body of a DELETE.
pub const DELETE_BODY: &str = r#"{"meta":{"reason":"The customer took it back.","repository_id":"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"}}"#;

/// The arguments of a call of `forget_memory` for this memory.
#[must_use]
pub fn forget_arguments(memory: &Memory) -> String {
    let memory_id = recalled(memory).line.place.memory_id;
    format!(
        r#"{{"memory_id":"{memory_id}","reason":"The customer took it back.","repository_id":"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"}}"#
    )
}

/// The schemas of the responses: in JSON:API, and in the flat form.
#[must_use]
pub fn change_schemas() -> [String; 2] {
    [Changed::name(), FlatChanged::name()].map(std::borrow::Cow::into_owned)
}

/// The response of the first change of this memory.
#[must_use]
pub fn changed(change: Changing, memory: &Memory) -> Option<Example> {
    let (to, collection) = match change {
        Changing::Patch => (Status::Verified, Some("/memory")),
        Changing::Delete => (Status::Deleted, None),
    };
    let receipt = receipt(memory, to)?;
    Some(Example {
        json_api: documents::changed(&receipt, collection),
        flat: documents::changed_flat(&receipt).document().to_owned(),
    })
}

/// The result of a call of `forget_memory` for this memory.
#[must_use]
pub fn forgotten(memory: &Memory) -> Option<Flat> {
    Some(documents::changed_flat(&receipt(memory, Status::Deleted)?))
}

fn receipt(memory: &Memory, to: Status) -> Option<Receipt> {
    let line = recalled(memory).line;
    let (domain, entity_id) = (memory.domain(), memory.entity_id());
    let event = event(domain, entity_id, line.place.memory_id, to)?;
    Some(Receipt {
        line,
        status: to,
        event: Some(Arc::new(event)),
        did: Did::Change,
    })
}

/// The event of a memory that had none.
fn event(domain: &str, entity_id: &str, memory_id: Uuid, status: Status) -> Option<Event> {
    let change = Change {
        status,
        actor: Actor::new("local"),
        reason: None,
        timestamp: Timestamp::parse(CHANGED_AT).ok()?,
    };
    Event::next(domain, entity_id, memory_id, None, change)
}

/// The same, of any memory.
pub(super) fn first_event(status: Status) -> Option<Event> {
    event("repository", "e", Uuid::nil(), status)
}

/// Every failure of a change of this memory that a read does not have.
#[must_use]
#[rustfmt::skip]
pub fn change_failures(change: Changing, memory: &Memory) -> Vec<Failure> {
    let memory_id = recalled(memory).line.place.memory_id;
    let refused = |body: &str| match change {
        Changing::Patch => question::patch(body.as_bytes(), memory_id).err(),
        Changing::Delete => question::delete(body.as_bytes()).err(),
    }
    .unwrap_or_default();
    let told = |error| unchanged(error).problems;
    let ended = |end, status| {
        let event = first_event(status).map(Arc::new);
        told(ChangeError::Ended { end, status, event })
    };
    let put = |error| told(ChangeError::Put(error));
    let faulty = r#"{"meta":{"reason":7,"repository_id":"42"}}"#;
    let mut failures = vec![
        ("malformed_json", "The body ends too early", refused(r#"{"meta":"#)),
        ("unwritable", "The caller may read this scope, and not write there", told(ChangeError::Outside(Outside::Entity))),
        ("locked", "The memory is locked", ended(End::Locked, Status::Locked)),
        ("changed_meanwhile", "Another change came between", ended(End::ChangedMeanwhile, Status::Locked)),
        ("precondition_failed", "If-Match names another state", ended(End::Precondition(Unmet::Failed), Status::Verified)),
        ("too_large", "The body is over the limit", vec![Problem::too_large(BODY_BYTES_MAX)]),
        ("unsupported_media_type", "The body has another media type", vec![Problem::unsupported_media_type()]),
        ("unsupported_coding", "The body is compressed", vec![Problem::unsupported_coding()]),
        ("invalid_document", "The body is not an object", refused("[]")),
        ("too_many_changes", "The memory has had all the changes that it can have", told(ChangeError::TooManyChanges)),
        ("change_refused", "S3 refused the change", put(changer::ChangeError::Refused("".into()))),
        ("overloaded", "The service has no room for the request", vec![Problem::overloaded()]),
        ("change_unavailable", "S3 could not take the change", put(changer::ChangeError::Unavailable("".into()))),
        ("contended", "Other changes were first, each time", ended(End::Contended, Status::Verified)),
        ("storage_outcome_unknown", "S3's response was lost", put(changer::ChangeError::Unknown("".into()))),
    ];
    match change {
        Changing::Delete => failures.push(("change_faults", "Every fault of the body", refused(faulty))),
        Changing::Patch => {
            let faulty = patch_body(memory).replace("verified", "wrong");
            let (resource, _) = faulty.split_once(",\"meta\"").unwrap_or_default();
            let faulty = format!(r#"{resource},"meta":{{"reason":7,"repository_id":"42"}}}}"#);
            failures.extend([
                ("change_faults", "Every fault of the document", refused(&faulty)),
                ("not_a_steward", "Only a steward may give this status", told(ChangeError::NotASteward)),
                ("immutable", "Another attribute is not the stored one", told(ChangeError::Immutable(vec!["content".to_owned()]))),
                ("type_mismatch", "The resource has another type", refused(r#"{"data":{"type":"facts"}}"#)),
                ("id_mismatch", "The resource has another id", refused(r#"{"data":{"type":"memories","id":"1"}}"#)),
                ("deleted", "The memory is deleted", ended(End::Deleted, Status::Deleted)),
                ("precondition_required", "A locked memory is unlocked without If-Match", ended(End::Precondition(Unmet::Required), Status::Locked)),
            ]);
        }
    }
    failures
}
