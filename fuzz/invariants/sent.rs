//! The fields of a body, read by a second reader, and the object that is stored for them.

use memory_log::object::{KeyClaim, Object};
use serde_json::value::RawValue;

use super::instant::{fraction, instant};
use super::reading::{Raw, compact, depth, elements, given, members, text, text_of, unambiguous};

/// Longest name that is accepted, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 150;
/// Most levels of nesting in metadata.
pub(crate) const DEPTH_MAX: usize = 64;
/// Longest key that S3 takes, in bytes.
const KEY_BYTES_MAX: usize = 1024;

pub(crate) const TOOL_FIELDS: &[&str] =
    &["domain", "entity_id", "content", "timestamp", "metadata"];
pub(crate) const ATTRIBUTES: &[&str] = &[
    "repository_id",
    "content",
    "timestamp",
    "memory_type",
    "tags",
];

/// The fields of a memory as a body spells them.
#[derive(Debug, PartialEq)]
pub(crate) struct Sent {
    domain: String,
    entity_id: String,
    content: String,
    /// As the body gives it.
    pub(crate) timestamp: Option<String>,
    metadata: String,
}

impl Sent {
    /// Reads the tool's body; `None` if a member is missing or has another type.
    pub(crate) fn by_tool(body: Raw<'_>) -> Option<Self> {
        let sent = Self {
            domain: text_of(body, "domain")?,
            entity_id: text_of(body, "entity_id")?,
            content: text_of(body, "content")?,
            timestamp: given(body, "timestamp").and_then(text),
            metadata: given(body, "metadata")
                .map_or("{}".to_owned(), |metadata| compact(metadata.get())),
        };
        check_metadata(given(body, "metadata"));
        check_members(body, TOOL_FIELDS, "");
        Some(sent)
    }

    /// Reads the envelope in the same way.
    pub(crate) fn by_envelope(document: Raw<'_>) -> Option<Self> {
        let data = given(document, "data")?;
        assert_eq!(text_of(data, "type").as_deref(), Some("memories"));
        assert!(
            given(data, "id").is_none(),
            "an id from the client is accepted"
        );
        let attributes = given(data, "attributes")?;
        check_members(attributes, ATTRIBUTES, "@");
        if let Some(relationships) = given(data, "relationships") {
            check_members(relationships, &[], "@");
        }
        let mut metadata = Vec::new();
        if let Some(memory_type) = given(attributes, "memory_type").and_then(text) {
            check_name(&memory_type);
            metadata.push(format!(
                "\"memory_type\":{}",
                serde_json::to_string(&memory_type).ok()?
            ));
        }
        if let Some(tags) = given(attributes, "tags") {
            let tags: Vec<String> = serde_json::from_str(tags.get()).expect("tags are strings");
            metadata.push(format!("\"tags\":{}", serde_json::to_string(&tags).ok()?));
        }
        Some(Self {
            domain: "repository".to_owned(),
            entity_id: text_of(attributes, "repository_id")?.to_ascii_lowercase(),
            content: text_of(attributes, "content")?,
            timestamp: given(attributes, "timestamp").and_then(text),
            metadata: format!("{{{}}}", metadata.join(",")),
        })
    }

    /// Checks that these fields may be stored and that the object has them and nothing else. The
    /// timestamp of a memory without one is `now`.
    pub(crate) fn check_object(&self, object: &Object, now: &str) {
        check_name(&self.domain);
        check_name(&self.entity_id);
        assert!(!self.content.trim().is_empty(), "blank content is stored");

        let body = unambiguous(&object.body).expect("an object is JSON");
        assert_eq!(
            compact(body.get()).as_bytes(),
            object.body,
            "an object has no white space between tokens"
        );
        let fields: Vec<_> = members(body).expect("an object is an object");
        let names = "schema_version memory_id entity_id domain timestamp content metadata";
        assert!(
            fields
                .iter()
                .map(|(name, _)| &**name)
                .eq(names.split(' ').map(str::as_bytes))
        );
        let field = |name: &str| text_of(body, name).expect("a string");
        let metadata = given(body, "metadata").expect("metadata").get();
        assert_eq!(given(body, "schema_version").map(RawValue::get), Some("1"));
        assert_eq!(field("memory_id"), object.memory_id.to_string());
        assert_eq!(
            (
                field("domain"),
                field("entity_id"),
                field("content"),
                metadata
            ),
            (
                self.domain.clone(),
                self.entity_id.clone(),
                self.content.clone(),
                &*self.metadata
            ),
        );

        let timestamp = field("timestamp");
        let given = self.timestamp.as_deref().unwrap_or(now);
        let (seconds, nanos) = instant(given).expect("a timestamp that can be stored");
        assert_eq!(instant(&timestamp), Some((seconds, nanos)), "{given}");
        let (whole, rest) = timestamp.split_at("yyyy-mm-ddThh:mm:ss".len());
        assert_eq!(rest, fraction(nanos) + "Z");

        let claim = KeyClaim::parse(&object.key).expect("a key of this log");
        assert_eq!(
            (&claim.domain, &claim.entity_id),
            (&self.domain, &self.entity_id)
        );
        assert_eq!(claim.timestamp.to_string(), timestamp);
        assert_eq!(claim.memory_id, object.memory_id);
        let id = object.memory_id.to_string();
        let key = key_of(&self.domain, &self.entity_id, whole, nanos, &id);
        assert_eq!(object.key, key);
        assert!(object.key.len() <= KEY_BYTES_MAX);
    }
}

/// The key of a memory (contract 2.5). `whole` is its instant in UTC to the second, `yyyy-mm-ddThh:mm:ss`.
pub(crate) fn key_of(domain: &str, entity_id: &str, whole: &str, nanos: u32, id: &str) -> String {
    let (date, time) = whole.split_once('T').expect("a date and a time");
    format!(
        "memories/domain={}/entity={}/{}/{date}T{}.{nanos:09}Z_{id}.json",
        encoded(domain),
        encoded(entity_id),
        date.replace('-', "/"),
        time.replace(':', "-"),
    )
}

fn check_name(name: &str) {
    assert!(!name.trim().is_empty(), "a blank name is stored");
    assert!(name.len() <= NAME_BYTES_MAX, "a long name is stored");
    assert!(!name.contains(char::is_control), "{name:?} is stored");
}

/// Checks that no member is dropped, except those that JSON:API requires a server to ignore.
fn check_members(object: Raw<'_>, known: &[&str], ignored: &str) {
    for (name, _) in members(object).expect("an object") {
        let name = String::from_utf8(name).expect("a name is Unicode");
        let is_ignored = !ignored.is_empty() && name.starts_with(ignored);
        assert!(is_ignored || known.contains(&&*name), "{name:?} is dropped");
    }
}

fn check_metadata(metadata: Option<Raw<'_>>) {
    let Some(metadata) = metadata else { return };
    assert!(members(metadata).is_some(), "metadata is an object");
    assert!(depth(metadata) <= DEPTH_MAX);
    if let Some(tags) = given(metadata, "tags") {
        let tags = elements(tags).expect("tags are an array");
        assert!(tags.into_iter().all(|tag| text(tag).is_some()));
    }
    assert!(given(metadata, "source").is_none_or(|source| text(source).is_some()));
    if let Some(confidence) = given(metadata, "confidence") {
        let confidence: f64 = confidence.get().parse().expect("a number");
        assert!((0.0..=1.0).contains(&confidence));
    }
}

/// Percent-encodes all except the unreserved characters of RFC 3986, section 2.3.
fn encoded(name: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    name.bytes().map(encode).collect()
}
