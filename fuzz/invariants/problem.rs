//! A problem is true of the value in the body that it points at.

use memory_web::problem::{Problem, Source};

use super::instant::instant;
use super::reading::{Raw, at_pointer, depth, elements, given, member, members, text};
use super::sent::{ATTRIBUTES, DEPTH_MAX, NAME_BYTES_MAX, TOOL_FIELDS};

/// Checks that a problem of a body that is JSON is true.
pub(crate) fn check_problem(problem: &Problem, body: Raw<'_>) {
    let Source::Pointer(pointer) = &problem.source else {
        panic!("{problem:?} has no pointer");
    };
    let found = at_pointer(body, pointer);
    let found = found.unwrap_or_else(|| panic!("{problem:?} points at a value that is not there"));
    let name = pointer.rsplit('/').next().unwrap_or_default();
    let value = text(found).unwrap_or_default();
    let is_true = match problem.code.name() {
        "invalid_document" if pointer.is_empty() => {
            members(found).is_none() || member(found, "data").is_none()
        }
        "invalid_document" => pointer == "/data" && members(found).is_none(),
        "required" => {
            let field = problem
                .field
                .as_deref()
                .expect("a required field has a name");
            members(found).is_some() && given(found, field).is_none()
        }
        "invalid_type" => !is_of_field_type(name, found),
        "blank" => text(found).is_some() && value.trim().is_empty(),
        "too_long" => value.len() > NAME_BYTES_MAX,
        "invalid_character" => value.contains(char::is_control),
        "invalid_uuid" => name == "repository_id" && !is_uuid(&value),
        "invalid_timestamp" => text(found).is_some() && instant(&value).is_none(),
        "out_of_range" if name == "confidence" => is_at_limit_or_outside(found.get()),
        "out_of_range" => text(found).is_some() && instant(&value).is_none(),
        "too_deep" => pointer == "/metadata" && depth(found) > DEPTH_MAX,
        "unknown_field" => is_unknown(pointer, found),
        "type_mismatch" => text(found).is_some() && value != "memories",
        "client_id_unsupported" => pointer == "/data/id" && found.get() != "null",
        code => panic!("{code} is not a problem of a body"),
    };
    assert!(is_true, "{problem:?} is not true of {}", found.get());
}

fn is_of_field_type(name: &str, value: Raw<'_>) -> bool {
    match name {
        "metadata" | "attributes" | "relationships" | "jsonapi" | "links" | "meta" => {
            members(value).is_some()
        }
        "tags" => elements(value).is_some(),
        "confidence" => value
            .get()
            .starts_with(|first: char| first == '-' || first.is_ascii_digit()),
        _ => text(value).is_some(),
    }
}

/// Longest member name in a pointer, in bytes. If the name is longer, the pointer names the parent.
const NAME_SHOWN_MAX: usize = 1024;

fn is_unknown(pointer: &str, found: Raw<'_>) -> bool {
    match pointer.rsplit_once('/') {
        Some(("", name)) if name != "data" => !TOOL_FIELDS.contains(&name),
        Some(("/data/attributes", name)) => !ATTRIBUTES.contains(&name),
        Some(("/data/relationships", _)) => true,
        _ => {
            let mut members = members(found).into_iter().flatten();
            members.any(|(name, _)| name.len() > NAME_SHOWN_MAX)
        }
    }
}

/// Whether this is a UUID with hyphens, in upper or lower case.
pub(crate) fn is_uuid(text: &str) -> bool {
    let lengths: Vec<_> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12]
        && text
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Whether a number is at most 0 or at least 1. A double cannot tell 1.00000000000000000001 from 1, or
/// -1e-400 from 0, so both limits are included.
fn is_at_limit_or_outside(number: &str) -> bool {
    let number: f64 = number.parse().expect("a number");
    number <= 0.0 || number >= 1.0
}
