//! All faults are reported at once: the faults of a body are those of its fields, each checked alone.

use memory_log::fault::VIOLATIONS_LISTED_MAX;
use memory_web::media_type::BodyType;
use memory_web::problem::Problem;

use super::reading::{Raw, compact, depth, given, grammatical, members, text_of};
use super::sent::{ATTRIBUTES, DEPTH_MAX, TOOL_FIELDS};
use super::subject::problems;

/// Required fields of the tool's body, with values that are accepted.
const VALID_FIELDS: &[(&str, &str)] = &[
    ("domain", "\"d\""),
    ("entity_id", "\"e\""),
    ("content", "\"c\""),
];
/// Required attributes of the envelope, with values that are accepted.
const VALID_ATTRIBUTES: &[(&str, &str)] = &[
    ("repository_id", "\"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d\""),
    ("content", "\"c\""),
];

/// A member's name, and its value as the body spells it.
type Member = (String, String);

/// Checks that the faults of the whole body are those of its parts, in the order of the fields
/// (contract 2.1).
pub(crate) fn check_all_are_listed(found: &[Problem], body: Raw<'_>, is_envelope: bool) {
    let parts = if is_envelope {
        envelopes(body)
    } else {
        members(body).map(|_| tool_bodies(body))
    };
    let Some(parts) = parts else { return };
    let body_type = if is_envelope {
        BodyType::JsonApi
    } else {
        BodyType::Json
    };
    let expected: Vec<_> = parts
        .iter()
        .flat_map(|part| problems(part.as_bytes(), body_type))
        .collect();
    if expected.len() < VIOLATIONS_LISTED_MAX {
        assert_eq!(found, expected, "the parts are {parts:#?}");
    }
}

/// Splits a body into one body for each field, one for each member of metadata, and one for unknown
/// members.
fn tool_bodies(body: Raw<'_>) -> Vec<String> {
    let parts = split(&members_of(body), TOOL_FIELDS, VALID_FIELDS).into_iter();
    let parts = parts.flat_map(by_metadata);
    parts.map(|members| object(&members)).collect()
}

/// Splits metadata by its members. Metadata that is nested too deeply stays whole, because the nesting
/// is a fault of the whole.
fn by_metadata(part: Vec<Member>) -> Vec<Vec<Member>> {
    let metadata = part.iter().find(|(name, _)| name == "metadata");
    let metadata = metadata.and_then(|(_, value)| grammatical(value.as_bytes()));
    let inside = metadata
        .filter(|metadata| depth(metadata) <= DEPTH_MAX)
        .map(members_of);
    let alone = |member: Member| {
        let mut part = part.clone();
        let metadata = part.iter_mut().filter(|(name, _)| name == "metadata");
        metadata.for_each(|(_, value)| *value = object(std::slice::from_ref(&member)));
        part
    };
    match inside {
        Some(inside) if !inside.is_empty() => inside.into_iter().map(alone).collect(),
        _ => vec![part],
    }
}

/// Splits an envelope in the same way. `None` if the service stops before it checks the attributes.
fn envelopes(document: Raw<'_>) -> Option<Vec<String>> {
    let data = given(document, "data")?;
    let attributes = given(data, "attributes")?;
    members(attributes)?;
    let ends_the_check =
        text_of(data, "type").is_some_and(|name| name != "memories") || given(data, "id").is_some();
    if ends_the_check {
        return None;
    }
    let mut parts = split(&members_of(attributes), ATTRIBUTES, VALID_ATTRIBUTES);
    let rest = object(&parts.pop()?);
    let envelope_of = |attributes: &Vec<Member>| {
        format!(
            r#"{{"data":{{"type":"memories","attributes":{}}}}}"#,
            object(attributes)
        )
    };
    let mut envelopes: Vec<_> = parts.iter().map(envelope_of).collect();
    let data = replaced(data, "attributes", &rest);
    envelopes.push(object(&replaced(document, "data", &object(&data))));
    Some(envelopes)
}

/// Returns one object for each field: this field as it is given, and valid values for the others. The
/// last object has all members that are not fields.
fn split(given: &[Member], fields: &[&str], valid: &[(&str, &str)]) -> Vec<Vec<Member>> {
    let valid_without = |name: &str| -> Vec<Member> {
        let others = valid.iter().filter(|(valid, _)| *valid != name);
        others
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    let of_field = |field: &&str| {
        let mut part = valid_without(field);
        part.extend(given.iter().find(|(name, _)| name == field).cloned());
        part
    };
    let mut parts: Vec<_> = fields.iter().map(of_field).collect();
    let mut rest = valid_without("");
    rest.extend(
        given
            .iter()
            .filter(|(name, _)| !fields.contains(&&**name))
            .cloned(),
    );
    parts.push(rest);
    parts
}

fn members_of(object: Raw<'_>) -> Vec<Member> {
    let members = members(object).unwrap_or_default().into_iter();
    members
        .map(|(name, value)| {
            (
                String::from_utf8_lossy(&name).into_owned(),
                compact(value.get()),
            )
        })
        .collect()
}

fn replaced(object: Raw<'_>, name: &str, value: &str) -> Vec<Member> {
    let mut members = members_of(object);
    for member in members.iter_mut().filter(|(given, _)| given == name) {
        value.clone_into(&mut member.1);
    }
    members
}

fn object(members: &[Member]) -> String {
    let spelled = |(name, value): &Member| {
        format!("{}:{value}", serde_json::to_string(name).expect("a string"))
    };
    let members: Vec<_> = members.iter().map(spelled).collect();
    format!("{{{}}}", members.join(","))
}
