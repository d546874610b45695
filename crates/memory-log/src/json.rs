//! JSON text, read once and kept as it was written.
//!
//! [`Json`] is a flat list of nodes over the request's own text. Nothing is decoded before it is
//! used, so numbers, escapes and the order of members survive, and deep nesting cannot exhaust the
//! stack. One pass checks the grammar and finds the nodes; where it fails, `serde_json` says why.
//! This module refuses what RFC 8259 allows and a log cannot keep: a member that appears twice, and a
//! string that is not Unicode. It must not know what the members mean.

use std::borrow::Cow;
use std::fmt;

use serde::de::IgnoredAny;

mod nodes;
mod string;

use nodes::{Node, nodes};
pub use string::spell_onto;
use string::{Spelling, unescaped};

/// A JSON text in UTF-8 without repeated members or lone surrogates.
#[derive(Debug)]
pub struct Json<'t> {
    text: &'t str,
    nodes: Vec<Node>,
}

/// The type of a JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are JSON's own type names")]
pub enum Kind {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        })
    }
}

/// Why a text is not acceptable JSON, and where. Lines and columns count from 1; columns count
/// characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// What is wrong, as a clause: "expected value", "the member \"a\" appears twice".
    pub reason: String,
    /// The line of the fault.
    pub line: usize,
    /// The column of the fault.
    pub column: usize,
}

impl JsonError {
    fn at(text: &[u8], offset: usize, reason: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(0, |at| at + 1);
        Self {
            reason: reason.into(),
            line: before.iter().filter(|&&b| b == b'\n').count() + 1,
            column: String::from_utf8_lossy(before.get(line_start..).unwrap_or_default())
                .chars()
                .count()
                + 1,
        }
    }
}

/// Longest piece of a caller's text that a message quotes, in characters.
const QUOTE_CHARS_MAX: usize = 60;

/// A string literal in this service's spelling: raw UTF-8, with `"`, `\` and U+0000 to U+001F
/// escaped (`\b \t \n \f \r`, else `\u00xx` in lower case; contract 2.6). `serde_json` spells the
/// documents of responses the same way, and a test makes sure that it always does.
#[must_use]
pub fn spell(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    spell_onto(&mut literal, text);
    literal
}

/// Quotes a caller's text for a message: as JSON, and shortened if it is long.
#[must_use]
pub fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTE_CHARS_MAX) {
        None => spell(text),
        Some((end, _)) => format!("{}…", spell(text.get(..end).unwrap_or_default())),
    }
}

/// The JSON text of one of this service's own documents: structs of strings, lists and options.
#[expect(
    clippy::expect_used,
    reason = "only a map whose keys are not strings, or a `Serialize` that fails, can fail"
)]
#[must_use]
pub fn serialized(document: &impl serde::Serialize) -> String {
    serde_json::to_string(document).expect("a document of strings and lists")
}

impl<'t> Json<'t> {
    /// Reads a whole text.
    ///
    /// # Errors
    /// [`JsonError`] for anything but one JSON value in UTF-8 (RFC 8259), for a member that appears
    /// twice at any depth, and for a string with a lone surrogate.
    pub fn parse(bytes: &'t [u8]) -> Result<Self, JsonError> {
        let json = Self::grammatical(bytes)?;
        json.root().unambiguous(None)?;
        Ok(json)
    }

    /// Reads a text by its grammar alone. For protocols that must report an ambiguous message by
    /// its id. Where a member appears twice, the first is used.
    ///
    /// # Errors
    /// [`JsonError`] for anything but one JSON value in UTF-8 (RFC 8259).
    pub fn grammatical(bytes: &'t [u8]) -> Result<Self, JsonError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            JsonError::at(bytes, error.valid_up_to(), "the bytes are not UTF-8")
        })?;
        if u32::try_from(bytes.len()).is_err() {
            return Err(JsonError::at(&[], 0, "the text is longer than 4 GiB"));
        }
        let nodes = nodes(text).ok_or_else(|| not_json(text))?;
        Ok(Self { text, nodes })
    }

    /// The outermost value of the text.
    #[must_use]
    pub fn root(&self) -> Value<'_> {
        Value {
            json: self,
            index: 0,
        }
    }

    fn node(&self, index: usize) -> Node {
        const NOTHING: Node = Node {
            kind: Kind::Null,
            spelling: Spelling::Plain,
            start: 0,
            end: 0,
            after: u32::MAX,
        };
        self.nodes.get(index).copied().unwrap_or(NOTHING)
    }

    fn raw(&self, node: Node) -> &str {
        self.text
            .get(node.start as usize..node.end as usize)
            .unwrap_or_default()
    }

    /// The text of a string. One that is not Unicode has none.
    fn text(&self, index: usize) -> Cow<'_, str> {
        let node = self.node(index);
        let inner = node.start as usize + 1..(node.end as usize).saturating_sub(1);
        let inner = self.text.get(inner).unwrap_or_default();
        match node.spelling {
            Spelling::Plain => Cow::Borrowed(inner),
            Spelling::Escaped => Cow::Owned(unescaped(inner)),
            Spelling::NotUnicode => Cow::Borrowed(""),
        }
    }
}

/// The error at the place where `serde_json` stops. It counts columns in bytes; people count
/// characters.
fn not_json(text: &str) -> JsonError {
    if text.trim_ascii().is_empty() {
        return JsonError::at(&[], 0, "it is empty");
    }
    let Err(error) = serde_json::from_str::<IgnoredAny>(text) else {
        return JsonError::at(&[], 0, "it is not one JSON value");
    };
    if error.is_eof() {
        return JsonError::at(text.as_bytes(), text.len(), "it ends too early");
    }
    let lines_before = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1));
    let line_start: usize = lines_before.map(str::len).sum();
    let said = error.to_string();
    let reason = said.split(" at line ").next().unwrap_or_default();
    let offset = line_start + error.column().saturating_sub(1);
    JsonError::at(text.as_bytes(), offset, reason)
}

/// One value of a [`Json`] text.
#[derive(Debug, Clone, Copy)]
pub struct Value<'j> {
    json: &'j Json<'j>,
    index: usize,
}

impl<'j> Value<'j> {
    /// The value's type.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.json.node(self.index).kind
    }

    /// The value as it is spelled.
    #[must_use]
    pub fn raw(self) -> &'j str {
        self.json.raw(self.json.node(self.index))
    }

    /// The value as it is spelled, without insignificant white space (RFC 8259, section 2).
    #[must_use]
    pub fn compact(self) -> String {
        let json = self.json;
        let mut text = String::with_capacity(self.raw().len());
        let itself = json.node(self.index);
        let mut at = itself.start as usize;
        for index in self.index..itself.after as usize {
            let node = json.node(index);
            if node.kind == Kind::String {
                let outside = json.text.get(at..node.start as usize);
                text.extend(outside.unwrap_or_default().split_ascii_whitespace());
                text.push_str(json.raw(node));
                at = node.end as usize;
            }
        }
        let outside = json.text.get(at..itself.end as usize);
        text.extend(outside.unwrap_or_default().split_ascii_whitespace());
        text
    }

    /// The text of a string; `None` for any other type.
    #[must_use]
    pub fn text(self) -> Option<Cow<'j, str>> {
        (self.kind() == Kind::String).then(|| self.json.text(self.index))
    }

    /// An object's members in their order; nothing for any other type.
    pub fn members(self) -> impl Iterator<Item = (Cow<'j, str>, Value<'j>)> {
        let json = self.json;
        self.member_indices().map(move |name| {
            (
                json.text(name),
                Value {
                    json,
                    index: name + 1,
                },
            )
        })
    }

    /// The member of this name, if the value is an object that has it.
    #[must_use]
    pub fn member(self, name: &str) -> Option<Self> {
        self.members()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value)
    }

    /// The member of this name, if it is present and not null: null is the same as leaving it out.
    #[must_use]
    pub fn given(self, name: &str) -> Option<Self> {
        self.member(name).filter(|value| value.kind() != Kind::Null)
    }

    /// An array's elements in their order; nothing for any other type.
    pub fn elements(self) -> impl Iterator<Item = Value<'j>> {
        let json = self.json;
        let array = (self.kind() == Kind::Array).then_some(self.index);
        array
            .into_iter()
            .flat_map(move |index| json.children(index))
            .map(move |index| Value { json, index })
    }

    /// Levels of nesting: 0 for a scalar, 1 for an array or object of scalars.
    #[must_use]
    pub fn depth(self) -> usize {
        let mut deepest = 0;
        let mut open = Vec::new();
        for index in self.index..self.json.node(self.index).after as usize {
            let node = self.json.node(index);
            while open.last().is_some_and(|&after| after as usize <= index) {
                open.pop();
            }
            if matches!(node.kind, Kind::Array | Kind::Object) {
                open.push(node.after);
                deepest = deepest.max(open.len());
            }
        }
        deepest
    }

    /// Refuses what the grammar allows and a log cannot keep, in this value and everything inside
    /// it, except in one part of it.
    ///
    /// # Errors
    /// [`JsonError`] for a member that appears twice at any depth, and for a string with a lone
    /// surrogate.
    pub fn unambiguous(self, except: Option<Self>) -> Result<(), JsonError> {
        let json = self.json;
        let range = |value: Self| value.index..json.node(value.index).after as usize;
        let left_out = except.map_or(0..0, range);
        let within = || range(self).filter(|index| !left_out.contains(index));
        let at = |index, reason: &str| {
            let start = json.node(index).start as usize;
            Err(JsonError::at(json.text.as_bytes(), start, reason))
        };
        let mut indices = within();
        if let Some(index) = indices.find(|&at| json.node(at).spelling == Spelling::NotUnicode) {
            let reason = "the string is not valid Unicode: it escapes one half of a surrogate pair";
            return at(index, reason);
        }
        for index in within().filter(|&index| json.node(index).kind == Kind::Object) {
            let object = Value { json, index };
            let names = object.member_indices().map(|name| (json.text(name), name));
            let mut names: Vec<_> = names.collect();
            names.sort();
            for ((first, _), (second, index)) in names.iter().zip(names.iter().skip(1)) {
                if first == second {
                    let reason = format!("the member {} appears twice", quoted(second));
                    return at(*index, &reason);
                }
            }
        }
        Ok(())
    }

    fn member_indices(self) -> impl Iterator<Item = usize> {
        let json = self.json;
        let object = (self.kind() == Kind::Object).then_some(self.index);
        object
            .into_iter()
            .flat_map(move |index| json.children(index))
            .step_by(2)
    }
}

impl Json<'_> {
    /// The indices of the direct children of a container: elements, or names and values in turn.
    fn children(&self, container: usize) -> impl Iterator<Item = usize> {
        let end = self.node(container).after as usize;
        let within = move |index: &usize| *index < end;
        std::iter::successors(Some(container + 1), |&index| {
            Some(self.node(index).after as usize)
        })
        .take_while(within)
    }
}

#[cfg(test)]
pub(crate) mod tests;
