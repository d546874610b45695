//! A memory as it is shown: its members in either form, and the links to it (contract 8.4).
//!
//! The module must not know whether a memory may be shown.

use std::borrow::Cow;

use memory_log::event::Status;
use memory_log::json::{Json, Kind, Value, serialized};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::find::Recalled;
use crate::line::Line;

/// The type of every resource.
pub(crate) const TYPE: &str = "memories";
/// Longest resource with the copies of what its metadata has. Beside them it can have twice the bytes of
/// its object, which has at most about 4 MiB, and Lambda sends 6 MB in base64.
const WITH_COPIES_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What is percent-encoded in a query: all but the unreserved characters of RFC 3986, section 2.3, and
/// the colon of a timestamp.
const IN_A_QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':');

/// A memory as a JSON:API resource.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecalledMemory)]
pub(crate) struct MemoryResource<'m> {
    #[schema(pattern = "^memories$")]
    r#type: &'static str,
    /// The memory's id.
    #[schema(format = Uuid)]
    id: String,
    attributes: MemoryAttributes<'m>,
    links: SelfLink<'m>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    meta: Option<HitMeta>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecalledAttributes)]
struct MemoryAttributes<'m> {
    /// What is remembered, as it was sent.
    content: &'m str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    memory_type: Option<&'m str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schema(required = false)]
    tags: &'m [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    source: Option<&'m str>,
    /// The repository, if the memory is one of a repository; else it has `domain` and `entity_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = Uuid)]
    repository_id: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    domain: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    entity_id: Option<&'m str>,
    /// `unverified`, `verified` or `locked`.
    status: &'static str,
    /// The kind of the scope that the memory comes from, for people: its domain.
    scope_badge: String,
    /// How far the memory is trusted, from 0 to 1. It says nothing about the query.
    reliability_score: f64,
    /// The memory's timestamp.
    #[schema(format = DateTime)]
    created_at: String,
    /// The metadata, as it was sent. The names in it are the caller's own.
    #[schema(value_type = Object)]
    metadata: &'m RawValue,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecalledLinks)]
struct SelfLink<'m> {
    /// Where the memory can be fetched.
    #[serde(rename = "self")]
    own: &'m str,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecalledMeta)]
struct HitMeta {
    /// How well the memory matches the query: the greater, the better. To be compared within one
    /// response only.
    score: f64,
}

/// A memory in the flat form.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FlatMemory<'m> {
    #[schema(format = Uuid)]
    pub(crate) memory_id: String,
    domain: &'m str,
    entity_id: &'m str,
    /// What is remembered, as it was sent.
    pub(crate) content: &'m str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) r#type: Option<&'m str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schema(required = false)]
    pub(crate) tags: &'m [String],
    /// `unverified`, `verified` or `locked`.
    memory_status: &'static str,
    /// The kind of the scope that the memory comes from, for people: its domain.
    scope_badge: String,
    /// How far the memory is trusted, from 0 to 1. It says nothing about the query.
    reliability_score: f64,
    #[schema(format = DateTime)]
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) source: Option<&'m str>,
    /// How well the memory matches the query: the greater, the better.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    score: Option<f64>,
    /// Whether something of the memory is left out here.
    #[serde(skip_serializing_if = "is_false")]
    #[schema(required = false)]
    pub(crate) truncated: bool,
    /// The metadata, as it was sent. Only in the response with one memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable = false)]
    pub(crate) metadata: Option<&'m RawValue>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for this")]
pub(crate) fn is_false(flag: &bool) -> bool {
    !flag
}

/// A resource, with the link under this collection.
pub(crate) fn resource(recalled: &Recalled, collection: &str) -> String {
    let own = self_link(recalled, collection);
    let line = &recalled.line;
    let memory = &line.memory;
    let repository_id = memory.repository_id();
    let by_names = repository_id.is_none();
    let mut resource = MemoryResource {
        r#type: TYPE,
        id: line.place.memory_id.to_string(),
        attributes: MemoryAttributes {
            content: memory.content(),
            memory_type: line.memory_type.as_deref(),
            tags: &line.tags,
            source: line.source.as_deref(),
            repository_id,
            domain: by_names.then(|| memory.domain()),
            entity_id: by_names.then(|| memory.entity_id()),
            status: recalled.status.as_str(),
            scope_badge: scope_badge(memory.domain()),
            reliability_score: reliability(recalled),
            created_at: memory.timestamp().to_string(),
            metadata: metadata(recalled),
        },
        links: SelfLink { own: &own },
        meta: recalled.score.map(|score| HitMeta { score }),
    };
    let text = serialized(&resource);
    if text.len() <= WITH_COPIES_BYTES_MAX {
        return text;
    }
    let attributes = &mut resource.attributes;
    (attributes.memory_type, attributes.tags, attributes.source) = (None, &[], None);
    serialized(&resource)
}

/// Whether an attribute with this JSON text is the stored one. What is derived is not compared.
pub(crate) fn is_stored(line: &Line, name: &str, text: &str) -> bool {
    let Ok(json) = Json::parse(text.as_bytes()) else {
        return false;
    };
    let value = json.root();
    let memory = &line.memory;
    let is = |stored: Option<&str>| match stored {
        Some(stored) => value.text().is_some_and(|text| text == stored),
        None => value.kind() == Kind::Null,
    };
    match name {
        "content" => is(Some(memory.content())),
        "memory_type" => is(line.memory_type.as_deref()),
        "source" => is(line.source.as_deref()),
        "repository_id" => is(memory.repository_id()),
        "domain" => is(Some(memory.domain())),
        "entity_id" => is(Some(memory.entity_id())),
        "created_at" => is(Some(&memory.timestamp().to_string())),
        "tags" => {
            let tags = value.elements().map(Value::text);
            let stored = line.tags.iter().map(|tag| Some(Cow::from(tag.as_str())));
            value.kind() == Kind::Array && tags.eq(stored)
        }
        "metadata" => value.compact() == memory.metadata(),
        "scope_badge" | "reliability_score" => true,
        _ => false,
    }
}

impl FlatMemory<'_> {
    /// Leaves out what the metadata also has.
    pub(crate) fn leave_out_copies(&mut self) {
        (self.r#type, self.tags, self.source) = (None, &[], None);
    }
}

/// A memory in the flat form, without its metadata.
pub(crate) fn flat(recalled: &Recalled) -> FlatMemory<'_> {
    let line = &recalled.line;
    let memory = &line.memory;
    FlatMemory {
        memory_id: line.place.memory_id.to_string(),
        domain: memory.domain(),
        entity_id: memory.entity_id(),
        content: memory.content(),
        r#type: line.memory_type.as_deref(),
        tags: &line.tags,
        memory_status: recalled.status.as_str(),
        scope_badge: scope_badge(memory.domain()),
        reliability_score: reliability(recalled),
        timestamp: memory.timestamp().to_string(),
        source: line.source.as_deref(),
        score: recalled.score,
        truncated: false,
        metadata: None,
    }
}

/// A memory in the flat form as one line of JSON, without its metadata.
#[must_use]
pub fn line(recalled: &Recalled) -> String {
    serialized(&flat(recalled))
}

/// A memory in the flat form, in full.
pub(crate) fn flat_in_full(recalled: &Recalled) -> String {
    let mut shown = flat(recalled);
    shown.metadata = Some(metadata(recalled));
    let text = serialized(&shown);
    if text.len() <= WITH_COPIES_BYTES_MAX {
        return text;
    }
    shown.leave_out_copies();
    serialized(&shown)
}

/// The metadata, as it was sent.
#[expect(clippy::expect_used, reason = "a memory's metadata is a JSON object")]
pub(crate) fn metadata(recalled: &Recalled) -> &RawValue {
    serde_json::from_str(recalled.line.memory.metadata()).expect("JSON")
}

fn self_link(recalled: &Recalled, collection: &str) -> String {
    let memory = &recalled.line.memory;
    let encoded = |text: &str| utf8_percent_encode(text, IN_A_QUERY).to_string();
    let scope = match memory.repository_id() {
        Some(repository) => format!("filter%5Brepository_id%5D={repository}"),
        None => format!(
            "filter%5Bdomain%5D={}&filter%5Bentity_id%5D={}",
            encoded(memory.domain()),
            encoded(memory.entity_id())
        ),
    };
    format!(
        "{collection}/{}?{scope}&filter%5Bcreated_at%5D={}",
        recalled.line.place.memory_id,
        memory.timestamp()
    )
}

/// The domain with its first letter large.
fn scope_badge(domain: &str) -> String {
    let mut characters = domain.chars();
    let first = characters.next();
    first
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(characters)
        .collect()
}

/// Trust of a memory that nobody has checked and that says nothing of itself.
const UNKNOWN: f64 = 0.5;
/// Most trust of a memory that nobody has checked, whatever it says of itself.
const UNCHECKED_MAX: f64 = 0.9;

/// How far a memory is trusted: what a steward has checked, or else what it says of itself.
fn reliability(recalled: &Recalled) -> f64 {
    match recalled.status {
        Status::Locked => 0.99,
        Status::Verified => 0.95,
        Status::Unverified | Status::Deleted => recalled
            .line
            .confidence
            .unwrap_or(UNKNOWN)
            .min(UNCHECKED_MAX),
    }
}
