//! What a refusal says of a body: that it is true of the very value that it points at.

use memory_ingress::problem::{Problem, Source};

use super::instant::instant;
use super::reading::{Raw, depth, elements, given, member, members, pointed, text};
use super::sent::{ATTRIBUTES, DEPTH_MAX, NAME_BYTES_MAX, TOOL_FIELDS};

/// A body that is JSON is refused for this, if that is true.
pub(crate) fn is_true(problem: &Problem, body: Raw<'_>) {
    let Source::Pointer(pointer) = &problem.source else {
        panic!("{problem:?} points at nothing");
    };
    let found = pointed(body, pointer);
    let found = found.unwrap_or_else(|| panic!("{problem:?} points at what is not there"));
    let name = pointer.rsplit('/').next().unwrap_or_default();
    let said = text(found).unwrap_or_default();
    let is_true = match problem.code.name() {
        "invalid_document" if pointer.is_empty() => {
            members(found).is_none() || member(found, "data").is_none()
        }
        "invalid_document" => pointer == "/data" && members(found).is_none(),
        "required" => {
            let field = problem
                .field
                .as_deref()
                .expect("what is required has a name");
            members(found).is_some() && given(found, field).is_none()
        }
        "invalid_type" => !is_of_its_type(name, found),
        "blank" => text(found).is_some() && said.trim().is_empty(),
        "too_long" => said.len() > NAME_BYTES_MAX,
        "invalid_character" => said.contains(char::is_control),
        "invalid_uuid" => name == "repository_id" && !is_uuid(&said),
        "invalid_timestamp" => text(found).is_some() && instant(&said).is_none(),
        "out_of_range" if name == "confidence" => is_at_or_beyond_the_edge(found.get()),
        "out_of_range" => text(found).is_some() && instant(&said).is_none(),
        "too_deep" => pointer == "/metadata" && depth(found) > DEPTH_MAX,
        "unknown_field" => is_unknown(pointer, found),
        "type_mismatch" => text(found).is_some() && said != "memories",
        "client_id_unsupported" => pointer == "/data/id" && found.get() != "null",
        code => panic!("{code} is nothing that a body is refused for"),
    };
    assert!(is_true, "{problem:?} is not true of {}", found.get());
}

fn is_of_its_type(name: &str, value: Raw<'_>) -> bool {
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

/// Longest name that a pointer repeats, in bytes: of a longer one it names the parent.
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

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<_> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12]
        && text
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// A double is too coarse to tell 1.00000000000000000001 from 1, or -1e-400 from 0.
fn is_at_or_beyond_the_edge(number: &str) -> bool {
    let number: f64 = number.parse().expect("a number");
    number <= 0.0 || number >= 1.0
}
