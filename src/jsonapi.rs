//! The JSON:API envelope and its documents (<https://jsonapi.org/format/1.1/>).
//!
//! Unknown members are ignored where the specification demands it. They are refused where ignoring
//! them would lose data: among the attributes and relationships. The module must not know HTTP.

use memory_log::fault::{Fault, Given, Place, Violations, text};
use memory_log::json::{Kind, Value};
use memory_log::memory::{Draft, REPOSITORY, hyphenated, name_faults};
use memory_log::metadata::{Metadata, tags};

use memory_web::problem::{Code, Problem};

mod documents;

#[cfg(feature = "local")]
pub(crate) use documents::MemoryDocument;
pub use documents::success;

/// The type of the only resource.
pub(crate) const TYPE: &str = "memories";
/// The domain of every memory that is sent in an envelope.
const ATTRIBUTES: &[&str] = &[
    "content",
    "repository_id",
    "memory_type",
    "tags",
    "timestamp",
];

/// Why an envelope cannot be read as a draft.
#[derive(Debug)]
pub enum EnvelopeError {
    /// The document is not one resource object of this type. Nothing else was checked.
    Document(Problem),
    /// It is one, but it has no attributes to check.
    Violations(Violations),
}

/// Reads the envelope (contract 2.3).
///
/// # Errors
/// [`EnvelopeError`] if there is nothing to make a draft of.
pub fn draft(root: Value<'_>) -> Result<Draft, EnvelopeError> {
    let data = resource(root).map_err(EnvelopeError::Document)?;
    let mut others = Violations::default();
    check_type(data, &mut others).map_err(EnvelopeError::Document)?;
    check_defined_members(root, data, &mut others);
    check_relationships(data, &mut others);

    let Some(attributes) = data.given("attributes") else {
        others.push(request(&["data", "attributes"]), Fault::Required);
        return Err(EnvelopeError::Violations(others));
    };
    if attributes.kind() != Kind::Object {
        others.push(
            request(&["data", "attributes"]),
            Fault::wrong_type("an object", attributes),
        );
        return Err(EnvelopeError::Violations(others));
    }
    for (name, _) in attributes.members().filter(|(name, _)| !is_at_member(name)) {
        if !ATTRIBUTES.contains(&&*name) {
            others.push(
                request(&["data", "attributes", &name]),
                Fault::UnknownMember { known: ATTRIBUTES },
            );
        }
    }
    Ok(Draft {
        domain: Ok(Some(REPOSITORY.to_owned())),
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

/// Checks `type`, then `id`. A conflict in one of them ends the check.
fn check_type(data: Value<'_>, others: &mut Violations) -> Result<(), Problem> {
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
                    "This collection has resources of the type \"{TYPE}\": send that as \"type\"."
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

/// Checks the types of members that JSON:API defines and this service does not use. Their content is
/// ignored.
fn check_defined_members(root: Value<'_>, data: Value<'_>, others: &mut Violations) {
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

fn check_relationships(data: Value<'_>, others: &mut Violations) {
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
            Fault::UnknownMember { known: &[] },
        );
    }
}

fn repository_id(attributes: Value<'_>) -> Given<String> {
    let Some(id) = text(attributes, "repository_id", Place::EntityId)? else {
        return Ok(None);
    };
    match hyphenated(&id) {
        Some(uuid) => Ok(Some(uuid.to_string())),
        None => Err(Violations::one(Place::EntityId, Fault::InvalidUuid)),
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

/// The path of a place in the envelope.
#[must_use]
pub fn locate(place: &Place) -> Vec<String> {
    let attribute = |name: &str| ["data", "attributes", name].map(str::to_owned).to_vec();
    match place {
        // The domain of an envelope is always `repository`.
        Place::Domain | Place::EntityId => attribute("repository_id"),
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

#[cfg(test)]
mod tests {
    use memory_log::json::Json;

    use super::*;

    fn read(body: &str) -> Result<Draft, EnvelopeError> {
        draft(Json::parse(body.as_bytes()).unwrap().root())
    }

    /// The code of a document that is refused whole.
    fn refused(body: &str) -> Code {
        match read(body) {
            Err(EnvelopeError::Document(problem)) => problem.code,
            other => panic!("{body}: {other:?}"),
        }
    }

    fn with_attributes(attributes: &str) -> Draft {
        let body = format!(r#"{{"data":{{"type":"memories","attributes":{attributes}}}}}"#);
        read(&body).unwrap()
    }

    #[test]
    fn a_document_without_one_resource_object_is_refused_whole() {
        for body in ["[]", "1", "{}", r#"{"data":null}"#, r#"{"data":[{}]}"#] {
            assert_eq!(refused(body), Code::InvalidDocument, "{body}");
        }
    }

    #[test]
    fn the_type_is_checked_before_the_id_and_both_before_anything_else() {
        let of = |data: &str| refused(&format!(r#"{{"data":{data}}}"#));
        assert_eq!(of(r#"{"type":"facts","id":"1"}"#), Code::TypeMismatch);
        assert_eq!(of(r#"{"type":"Memories"}"#), Code::TypeMismatch);
        assert_eq!(
            of(r#"{"type":"memories","id":"1"}"#),
            Code::ClientIdUnsupported
        );
        assert_eq!(
            of(r#"{"type":"memories","id":""}"#),
            Code::ClientIdUnsupported
        );
        assert!(read(r#"{"data":{"type":"memories","id":null,"attributes":{}}}"#).is_ok());
    }

    #[test]
    fn a_repository_id_is_a_uuid_in_any_case_with_hyphens() {
        let id = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d";
        let read = |id: &str| with_attributes(&format!(r#"{{"repository_id":"{id}"}}"#)).entity_id;
        assert_eq!(read(&id.to_uppercase()), Ok(Some(id.to_owned())));
        for near in [
            "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d",
            "{9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d}",
            "urn:uuid:9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
            "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6",
            "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d ",
            "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6g",
            "",
        ] {
            let fault = Violations::one(Place::EntityId, Fault::InvalidUuid);
            assert_eq!(read(near), Err(fault), "{near:?}");
        }
    }

    #[test]
    fn metadata_has_the_two_attributes_in_one_order_and_only_if_given() {
        let of = |attributes: &str| {
            let metadata = with_attributes(attributes).metadata.unwrap().unwrap();
            metadata.as_str().to_owned()
        };
        assert_eq!(of("{}"), "{}");
        assert_eq!(of(r#"{"tags":null,"memory_type":null}"#), "{}");
        assert_eq!(of(r#"{"tags":[]}"#), r#"{"tags":[]}"#);
        assert_eq!(
            of(r#"{"tags":["\u00e9","a\/b"],"memory_type":"x"}"#),
            r#"{"memory_type":"x","tags":["é","a/b"]}"#
        );
    }

    #[test]
    fn at_members_are_ignored_and_unknown_attributes_are_not() {
        let draft = with_attributes(r#"{"@x":1,"x@":1,"Content":1}"#);
        let unknown = draft.others.listed().iter();
        let names: Vec<_> = unknown
            .map(|found| locate(&found.place)[2].clone())
            .collect();
        assert_eq!(names, ["x@", "Content"]);
    }
}
