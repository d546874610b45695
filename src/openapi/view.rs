//! Views of the document for client generators.
//!
//! Few generators support two shapes on one operation, and not all read OpenAPI 3.1. A view has one
//! shape, only the operations that use it, and is OpenAPI 3.0.3. Whatever is valid by a view is valid
//! by the whole document. A response without a body of that shape is left out, because some generators
//! refuse errors of several types.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::SIGV4;
use memory_web::media_type::{JSON, JSON_API};

/// The shape that a client uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// JSON:API documents.
    JsonApi,
    /// The tool's flat bodies and results.
    Tool,
}

const STORES: &str = "storeMemory";
/// Some generators send no `Accept`, whatever a document says.
const ACCEPT: &str = "Send `Accept: application/json`: without it the response is a JSON:API document, which a client of this view \
cannot read. Generators that leave the header out let you set it.";
const STORE: &str = "Stores one memory. The response is sent when the memory is durable.";
/// The paths whose responses have both shapes.
const PATHS: [&str; 4] = ["/memory", "/memory/search", "/memories", "/memory/{id}"];
const LICENSE: &str = "https://www.apache.org/licenses/LICENSE-2.0";

impl View {
    fn media_type(self) -> &'static str {
        match self {
            Self::JsonApi => JSON_API,
            Self::Tool => JSON,
        }
    }

    /// The schema of a request that stores.
    fn request(self) -> &'static str {
        match self {
            Self::JsonApi => "#/components/schemas/MemoryCreateDocument",
            Self::Tool => "#/components/schemas/ToolBody",
        }
    }

    /// The example of a request that stores, and of its response.
    fn example(self) -> &'static str {
        match self {
            Self::JsonApi => "envelope",
            Self::Tool => "tool_body",
        }
    }

    pub(super) fn of(self, mut document: Value) -> Value {
        set(&mut document, "/openapi", &"3.0.3".into());
        if let Some(license) = members(&mut document, "/info/license") {
            license.remove("identifier");
            license.insert("url".to_owned(), LICENSE.into());
        }
        keep(&mut document, "/paths", |path, _| PATHS.contains(&path));
        retain(&mut document, "/tags", |tag| {
            tag.get("name").is_some_and(|name| name == "memories")
        });
        // No generator signs requests, and some send a key in every header that a scheme names.
        keep(&mut document, "/components/securitySchemes", |name, _| {
            name != SIGV4
        });
        retain(&mut document, "/security", |way| way.get(SIGV4).is_none());
        set(
            &mut document,
            "/paths/~1memory/post/description",
            &STORE.into(),
        );
        let items = members(&mut document, "/paths").into_iter().flatten();
        let items = items.filter_map(|(_, item)| item.as_object_mut());
        for (method, operation) in items.flatten() {
            // OpenAPI 3.0 has no bodies of DELETE.
            if let ("delete", Some(operation)) = (&**method, operation.as_object_mut()) {
                operation.remove("requestBody");
            }
            self.narrow(operation);
            self.warn(operation);
        }
        if let Some(info) = document.get_mut("info") {
            self.warn(info);
        }
        let mut reached = BTreeSet::new();
        if let Some(paths) = document.get("paths") {
            reach(paths, &document, &mut reached);
        }
        keep(&mut document, "/components/schemas", |name, _| {
            reached.contains(name)
        });
        to_3_0(&mut document);
        document
    }

    /// Says in a description what a client of this view must send.
    fn warn(self, described: &mut Value) {
        let description = described.get("description").and_then(Value::as_str);
        if let (Self::Tool, Some(text)) = (self, description) {
            let warned = format!("{text}\n\n{ACCEPT}");
            set(described, "/description", &warned.into());
        }
    }

    /// Keeps the bodies of this form, and the responses that have one.
    fn narrow(self, operation: &mut Value) {
        let media_type = self.media_type();
        let of_this_form = |name: &str, _: &Value| name == media_type;
        let body = format!("/content/{}", media_type.replace('/', "~1"));
        let shown = format!("{body}/examples");
        let stores = operation.get("operationId").is_some_and(|id| id == STORES);
        if let Some(request) = operation.get_mut("requestBody") {
            keep(request, "/content", of_this_form);
            if stores {
                let description = "One memory, at most 4 MiB.";
                set(request, "/description", &description.into());
                let schema = format!("{body}/schema");
                set(request, &schema, &reference(self.request()));
                keep(request, &shown, |name, _| name == self.example());
            }
        }
        keep(operation, "/responses", |_, response| {
            response.pointer(&body).is_some()
        });
        for (status, response) in members(operation, "/responses").into_iter().flatten() {
            keep(response, "/content", of_this_form);
            if status == "201" {
                keep(response, &shown, |name, _| name == self.example());
            }
        }
    }
}

fn members<'v>(value: &'v mut Value, pointer: &str) -> Option<&'v mut Map<String, Value>> {
    value.pointer_mut(pointer).and_then(Value::as_object_mut)
}

fn set(value: &mut Value, pointer: &str, to: &Value) {
    if let Some(old) = value.pointer_mut(pointer) {
        *old = to.clone();
    }
}

fn keep(value: &mut Value, pointer: &str, wanted: impl Fn(&str, &Value) -> bool) {
    if let Some(members) = members(value, pointer) {
        members.retain(|name, value| wanted(name, value));
    }
}

fn retain(value: &mut Value, pointer: &str, wanted: impl Fn(&Value) -> bool) {
    if let Some(items) = value.pointer_mut(pointer).and_then(Value::as_array_mut) {
        items.retain(wanted);
    }
}

fn reference(to: &str) -> Value {
    Value::Object(Map::from_iter([("$ref".to_owned(), to.into())]))
}

/// Collects the names of the schemas that a part of the document refers to, directly or not.
fn reach(part: &Value, document: &Value, reached: &mut BTreeSet<String>) {
    match part {
        Value::Array(items) => items.iter().for_each(|item| reach(item, document, reached)),
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str().and_then(|text| text.strip_prefix('#')) {
                    Some(pointer) if name == "$ref" => {
                        let schema = pointer.rsplit('/').next().unwrap_or_default();
                        if reached.insert(schema.to_owned())
                            && let Some(schema) = document.pointer(pointer)
                        {
                            reach(schema, document, reached);
                        }
                    }
                    Some(_) | None => reach(value, document, reached),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Gives each schema one type, as OpenAPI 3.0 requires. Null is removed, because it means the same as
/// leaving the member out. Patterns with `\u` are removed as well: the regular expressions of PHP and Go do
/// not know it, and a client of PHP then refuses every value.
fn to_3_0(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(to_3_0),
        Value::Object(members) => {
            if let Some(types) = members.get("type").and_then(Value::as_array) {
                let given = types.iter().find(|name| *name != "null").cloned();
                members.extend(given.map(|name| ("type".to_owned(), name)));
            }
            let is_foreign =
                |pattern: &Value| pattern.as_str().is_some_and(|text| text.contains("\\u"));
            members.retain(|name, value| name != "pattern" || !is_foreign(value));
            members.values_mut().for_each(to_3_0);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
