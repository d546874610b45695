//! The JSON:API envelope and its documents (<https://jsonapi.org/format/1.1/>).
//!
//! Unknown members are ignored where the specification demands it and refused where to ignore them
//! would lose data: among the attributes and relationships. The module knows no HTTP.

use uuid::Uuid;

use crate::json::{Kind, Value};
use crate::memory::{Draft, Fault, Given, Place, Violations, name_faults, text};
use crate::metadata::{Metadata, tags};
use crate::problem::{Code, Problem};

mod documents;

pub(crate) use documents::{ErrorDocument, MemoryDocument};
pub use documents::{failure, success};

/// The type of the only resource.
pub const TYPE: &str = "memories";
/// The domain of every memory that arrives in an envelope.
const DOMAIN: &str = "repository";
const ATTRIBUTES: &[&str] = &[
    "content",
    "repository_id",
    "memory_type",
    "tags",
    "timestamp",
];

/// Why an envelope gives no draft.
#[derive(Debug)]
pub enum Unreadable {
    /// The document is not one resource object of this type: nothing else was judged.
    Document(Problem),
    /// It is one, without attributes to judge.
    Violations(Violations),
}

/// Reads the envelope.
///
/// # Errors
/// [`Unreadable`]: there is nothing to make a draft of.
pub fn draft(root: Value<'_>) -> Result<Draft, Unreadable> {
    let data = resource(root).map_err(Unreadable::Document)?;
    let mut others = Violations::default();
    judge_type(data, &mut others).map_err(Unreadable::Document)?;
    judge_defined_members(root, data, &mut others);
    judge_relationships(data, &mut others);

    let Some(attributes) = data.given("attributes") else {
        others.push(request(&["data", "attributes"]), Fault::Required);
        return Err(Unreadable::Violations(others));
    };
    if attributes.kind() != Kind::Object {
        others.push(
            request(&["data", "attributes"]),
            Fault::wrong_type("an object", attributes),
        );
        return Err(Unreadable::Violations(others));
    }
    for (name, _) in attributes.members().filter(|(name, _)| !is_at_member(name)) {
        if !ATTRIBUTES.contains(&&*name) {
            others.push(
                request(&["data", "attributes", &name]),
                Fault::Unknown { known: ATTRIBUTES },
            );
        }
    }
    Ok(Draft {
        domain: Ok(Some(DOMAIN.to_owned())),
        entity_id: repository_id(attributes),
        content: text(attributes, "content", Place::Content),
        timestamp: text(attributes, "timestamp", Place::Timestamp),
        metadata: metadata(attributes),
        others,
    })
}

/// The one resource object of the document.
fn resource(root: Value<'_>) -> Result<Value<'_>, Problem> {
    const EXAMPLE: &str = r#"{"data":{"type":"memories","attributes":{…}}}"#;
    if root.kind() != Kind::Object {
        let detail = format!(
            "The document is {}; it must be an object: {EXAMPLE}.",
            root.kind()
        );
        return Err(Problem::at(Code::InvalidDocument, &[], detail));
    }
    let Some(data) = root.member("data") else {
        let detail = format!(
            "The document has no \"data\": send {EXAMPLE}, or the tool's flat body with Content-Type: application/json."
        );
        return Err(Problem::at(Code::InvalidDocument, &[], detail));
    };
    if data.kind() != Kind::Object {
        let detail = format!(
            "\"data\" is {}; it must be one resource object: {EXAMPLE}.",
            data.kind()
        );
        return Err(Problem::at(
            Code::InvalidDocument,
            &["data".to_owned()],
            detail,
        ));
    }
    Ok(data)
}

/// `type`, then `id`: what they forbid ends the check.
fn judge_type(data: Value<'_>, others: &mut Violations) -> Result<(), Problem> {
    let path = |name: &str| ["data".to_owned(), name.to_owned()];
    match data.given("type") {
        None => others.push(request(&["data", "type"]), Fault::Required),
        Some(value) => match value.text() {
            None => others.push(
                request(&["data", "type"]),
                Fault::wrong_type("a string", value),
            ),
            Some(name) if name == TYPE => {}
            Some(_) => {
                let detail = format!(
                    "This collection holds resources of the type \"{TYPE}\": send that as \"type\"."
                );
                return Err(Problem::at(Code::TypeMismatch, &path("type"), detail));
            }
        },
    }
    if data.given("id").is_some() {
        let detail = "The id of a memory is derived from its content: leave \"id\" out.";
        return Err(Problem::at(Code::ClientIdUnsupported, &path("id"), detail));
    }
    Ok(())
}

/// Members that JSON:API defines and this service has no use for: their types are judged, their
/// content is ignored.
fn judge_defined_members(root: Value<'_>, data: Value<'_>, others: &mut Violations) {
    for (parent, path, name) in [
        (root, &[][..], "jsonapi"),
        (root, &[], "links"),
        (root, &[], "meta"),
        (data, &["data"], "links"),
        (data, &["data"], "meta"),
    ] {
        if let Some(value) = parent
            .given(name)
            .filter(|value| value.kind() != Kind::Object)
        {
            others.push(
                request(&[path, &[name]].concat()),
                Fault::wrong_type("an object", value),
            );
        }
    }
    if let Some(value) = data
        .given("lid")
        .filter(|value| value.kind() != Kind::String)
    {
        others.push(
            request(&["data", "lid"]),
            Fault::wrong_type("a string", value),
        );
    }
}

fn judge_relationships(data: Value<'_>, others: &mut Violations) {
    let Some(relationships) = data.given("relationships") else {
        return;
    };
    if relationships.kind() != Kind::Object {
        others.push(
            request(&["data", "relationships"]),
            Fault::wrong_type("an object", relationships),
        );
    }
    for (name, _) in relationships
        .members()
        .filter(|(name, _)| !is_at_member(name))
    {
        others.push(
            request(&["data", "relationships", &name]),
            Fault::Unknown { known: &[] },
        );
    }
}

fn repository_id(attributes: Value<'_>) -> Given<String> {
    let Some(id) = text(attributes, "repository_id", Place::EntityId)? else {
        return Ok(None);
    };
    // `Uuid` reads other spellings too, none of this length.
    match Uuid::try_parse(&id) {
        Ok(uuid) if id.len() == uuid::fmt::Hyphenated::LENGTH => Ok(Some(uuid.to_string())),
        _ => Err(Violations::one(Place::EntityId, Fault::NotAUuid)),
    }
}

fn metadata(attributes: Value<'_>) -> Given<Metadata> {
    let mut violations = Violations::default();
    let place = || Place::Metadata(vec!["memory_type".to_owned()]);
    let memory_type = violations.optional(text(attributes, "memory_type", place()));
    for fault in memory_type.iter().flat_map(|name| name_faults(name)) {
        violations.push(place(), fault);
    }
    let tags = violations.optional(attributes.given("tags").map(tags).transpose());
    violations.unless_any(Some(Metadata::of(memory_type.as_deref(), tags.as_deref())))
}

/// `@`-members are ignored (<https://jsonapi.org/format/1.1/#document-member-names-at-members>).
fn is_at_member(name: &str) -> bool {
    name.starts_with('@')
}

fn request(path: &[&str]) -> Place {
    Place::Request(path.iter().map(ToString::to_string).collect())
}

/// Where the envelope spells a place.
#[must_use]
pub fn locate(place: &Place) -> Vec<String> {
    let attribute = |name: &str| ["data", "attributes", name].map(str::to_owned).to_vec();
    match place {
        // The envelope gives no domain, so no fault can be there.
        Place::Domain => vec!["data".to_owned()],
        Place::EntityId => attribute("repository_id"),
        Place::Content => attribute("content"),
        Place::Timestamp => attribute("timestamp"),
        Place::Metadata(path) => ["data", "attributes"]
            .map(str::to_owned)
            .into_iter()
            .chain(path.clone())
            .collect(),
        Place::Request(path) => path.clone(),
    }
}
