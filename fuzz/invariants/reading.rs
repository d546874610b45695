//! A second reader of JSON, `serde_json`, which shares no code with the reader under test.
//!
//! A value is kept as it is spelled ([`RawValue`]), so no number is rounded. Objects and arrays are
//! read one level at a time, so no depth of nesting can exhaust the stack.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// A value as it is spelled, without the white space around it.
pub(crate) type Raw<'j> = &'j RawValue;

/// One JSON value. Only the grammar is checked.
pub(crate) fn grammatical(bytes: &[u8]) -> Option<Raw<'_>> {
    serde_json::from_str(std::str::from_utf8(bytes).ok()?).ok()
}

/// One JSON value without repeated members or lone surrogates.
pub(crate) fn unambiguous(bytes: &[u8]) -> Option<Raw<'_>> {
    let root = grammatical(bytes)?;
    let mut left = vec![root];
    while let Some(value) = left.pop() {
        if value.get().starts_with('"') {
            text(value)?;
        }
        let mut names = Vec::new();
        for (name, member) in members(value).unwrap_or_default() {
            names.push(String::from_utf8(name).ok()?);
            left.push(member);
        }
        let given = names.len();
        names.sort_unstable();
        names.dedup();
        if names.len() < given {
            return None;
        }
        left.extend(elements(value).unwrap_or_default());
    }
    Some(root)
}

/// An object's members in order, with repeated ones. A name with a lone surrogate is given in bytes
/// that are not UTF-8.
pub(crate) fn members(value: Raw<'_>) -> Option<Vec<(Vec<u8>, Raw<'_>)>> {
    let members: Result<Members<'_>, _> = serde_json::from_str(value.get());
    Some(members.ok()?.0)
}

/// The first member of this name.
pub(crate) fn member<'j>(object: Raw<'j>, name: &str) -> Option<Raw<'j>> {
    let mut members = members(object)?.into_iter();
    members
        .find(|(given, _)| given == name.as_bytes())
        .map(|(_, value)| value)
}

/// The last member of this name.
pub(crate) fn last_member<'j>(object: Raw<'j>, name: &str) -> Option<Raw<'j>> {
    let mut members = members(object)?.into_iter();
    members
        .rfind(|(given, _)| given == name.as_bytes())
        .map(|(_, value)| value)
}

/// The member of this name, unless it is null.
pub(crate) fn given<'j>(object: Raw<'j>, name: &str) -> Option<Raw<'j>> {
    member(object, name).filter(|value| value.get() != "null")
}

/// An array's elements.
pub(crate) fn elements(value: Raw<'_>) -> Option<Vec<Raw<'_>>> {
    serde_json::from_str(value.get()).ok()
}

/// A string's text; `None` if it has a lone surrogate.
pub(crate) fn text(value: Raw<'_>) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// The text of an object's member.
pub(crate) fn text_of(object: Raw<'_>, name: &str) -> Option<String> {
    member(object, name).and_then(text)
}

/// The value that a JSON Pointer (RFC 6901) points at.
pub(crate) fn at_pointer<'j>(mut value: Raw<'j>, pointer: &str) -> Option<Raw<'j>> {
    let mut tokens = pointer.split('/');
    if tokens.next() != Some("") {
        return None;
    }
    for token in tokens {
        let token = token.replace("~1", "/").replace("~0", "~");
        value = match elements(value) {
            Some(elements) => *elements.get(token.parse::<usize>().ok()?)?,
            None => member(value, &token)?,
        };
    }
    Some(value)
}

/// A JSON text without the white space between its tokens.
pub(crate) fn compact(text: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let kept = |character: &char| {
        let is_kept = quoted || !matches!(character, ' ' | '\t' | '\n' | '\r');
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        is_kept
    };
    text.chars().filter(kept).collect()
}

/// Levels of nesting.
pub(crate) fn depth(value: Raw<'_>) -> usize {
    let (mut level, mut deepest) = (vec![value], 0);
    loop {
        let within = |value: &Raw<'_>| value.get().starts_with(['{', '[']);
        level.retain(within);
        if level.is_empty() {
            return deepest;
        }
        deepest += 1;
        let inside = |value| {
            let members = members(value).unwrap_or_default().into_iter();
            let elements = elements(value).unwrap_or_default();
            members.map(|(_, member)| member).chain(elements)
        };
        level = level.into_iter().flat_map(inside).collect();
    }
}

/// Whether a document has null anywhere.
pub(crate) fn has_null(document: &Value) -> bool {
    match document {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

struct Members<'j>(Vec<(Vec<u8>, Raw<'j>)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Collect)
    }
}

struct Collect;

impl<'de> Visitor<'de> for Collect {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((Name(name), value)) = map.next_entry()? {
            members.push((name, value));
        }
        Ok(Members(members))
    }
}

/// A member's name in bytes, because a `String` cannot hold a lone surrogate.
struct Name(Vec<u8>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Bytes)
    }
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<Name, E> {
        Ok(Name(name.to_vec()))
    }
}
