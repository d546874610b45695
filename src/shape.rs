//! The shape of a body: the JSON:API envelope or the tool's body, told apart and read.

use memory_log::fault::Place;
use memory_log::json::Json;
use memory_log::memory::Draft;

use crate::jsonapi::{self, EnvelopeError};
use crate::tool;
use memory_web::media_type::BodyType;
use memory_web::problem::Problem;

/// How a request spells a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The JSON:API envelope.
    Envelope,
    /// The body of the tool `append_memory`.
    ToolBody,
}

impl Shape {
    /// The path of a place in a body of this shape.
    #[must_use]
    pub fn locate(self, place: &Place) -> Vec<String> {
        match self {
            Self::Envelope => jsonapi::locate(place),
            Self::ToolBody => tool::locate(place),
        }
    }
}

/// Reads a body as a draft, and returns its shape as well. With `application/json` an object that has
/// a `data` member is an envelope.
///
/// # Errors
/// What keeps the body from being a draft: it is not JSON, or not a document of its shape.
pub fn read(body: &[u8], body_type: BodyType) -> Result<(Draft, Shape), Vec<Problem>> {
    let json = Json::parse(body).map_err(|error| vec![Problem::malformed(&error)])?;
    let root = json.root();
    if body_type == BodyType::Json && root.member("data").is_none() {
        let draft = tool::draft(root).map_err(|problem| vec![problem])?;
        return Ok((draft, Shape::ToolBody));
    }
    match jsonapi::draft(root) {
        Ok(draft) => Ok((draft, Shape::Envelope)),
        Err(EnvelopeError::Document(problem)) => Err(vec![problem]),
        Err(EnvelopeError::Violations(violations)) => {
            Err(Problem::of_violations(&violations, jsonapi::locate))
        }
    }
}

#[cfg(test)]
mod tests {
    use memory_log::memory::Memory;
    use memory_log::object::Object;
    use memory_log::timestamp::Timestamp;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use memory_web::problem::{Code, code_of};

    fn shape(body: &str, body_type: BodyType) -> Result<Shape, Code> {
        let read = read(body.as_bytes(), body_type);
        read.map(|(_, shape)| shape)
            .map_err(|problems| code_of(&problems))
    }

    #[test]
    fn a_data_member_makes_an_envelope_and_the_vnd_type_always_does() {
        let envelope = r#"{"data":{"type":"memories","attributes":{}}}"#;
        assert_eq!(shape(envelope, BodyType::Json), Ok(Shape::Envelope));
        assert_eq!(shape(envelope, BodyType::JsonApi), Ok(Shape::Envelope));
        assert_eq!(shape("{}", BodyType::Json), Ok(Shape::ToolBody));
        assert_eq!(shape(r#"{"Data":1}"#, BodyType::Json), Ok(Shape::ToolBody));
        let invalid = Err(Code::InvalidDocument);
        assert_eq!(shape(r#"{"data":null}"#, BodyType::Json), invalid);
        assert_eq!(shape("{}", BodyType::JsonApi), invalid);
        assert_eq!(shape("[]", BodyType::Json), invalid);
    }

    #[test]
    fn a_body_that_is_not_json_has_no_shape() {
        for body in ["", "{", "{}{}", r#"{"a":1,"a":1}"#] {
            for body_type in [BodyType::Json, BodyType::JsonApi] {
                assert_eq!(shape(body, body_type), Err(Code::MalformedJson), "{body}");
            }
        }
    }

    fn object(body: &str, body_type: BodyType) -> Object {
        let (draft, _) = read(body.as_bytes(), body_type).unwrap();
        let memory = Memory::new(draft, Timestamp::from_unix_micros(0)).unwrap();
        Object::of(&memory)
    }

    #[test]
    fn every_worked_request_is_its_object_by_the_type_of_its_shape_and_as_json() {
        for (file, body_type) in [
            (include_str!("../tests/vectors/tool.json"), BodyType::Json),
            (
                include_str!("../tests/vectors/envelope.json"),
                BodyType::JsonApi,
            ),
        ] {
            let worked: Value = serde_json::from_str(file).unwrap();
            for example in worked.as_array().unwrap() {
                let text = |name: &str| example[name].as_str().unwrap();
                for body_type in [body_type, BodyType::Json] {
                    let object = object(text("request"), body_type);
                    assert_eq!(object.key, text("s3_key"), "{}", text("about"));
                    let body = std::str::from_utf8(&object.body).unwrap();
                    assert_eq!(body, text("object"), "{}", text("about"));
                }
            }
        }
    }

    #[test]
    fn a_place_has_its_path_in_the_shape_that_was_sent() {
        let tag = Place::Metadata(vec!["tags".to_owned(), "0".to_owned()]);
        let path = |shape: Shape, place: &Place| shape.locate(place).join("/");
        assert_eq!(path(Shape::ToolBody, &tag), "metadata/tags/0");
        assert_eq!(path(Shape::Envelope, &tag), "data/attributes/tags/0");
        assert_eq!(path(Shape::ToolBody, &Place::EntityId), "entity_id");
        assert_eq!(
            path(Shape::Envelope, &Place::EntityId),
            "data/attributes/repository_id"
        );
    }

    /// Any text that has a character which is not white space.
    fn content() -> impl Strategy<Value = String> {
        let text = prop::collection::vec(any::<char>(), 1..40).prop_map(String::from_iter);
        text.prop_filter("blank", |text| !text.chars().all(char::is_whitespace))
    }

    fn name() -> impl Strategy<Value = String> {
        let name = prop::collection::vec(any::<char>(), 1..30).prop_map(String::from_iter);
        name.prop_filter("not a name", |name| {
            !name.chars().all(char::is_whitespace) && !name.contains(char::is_control)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn the_same_memory_in_either_shape_is_the_same_object(
            content in content(), id in any::<u128>(), upper in any::<bool>(), memory_type in prop::option::of(name()),
            tags in prop::option::of(prop::collection::vec(name(), 0..4)), micros in 0..253_402_300_799_999_999_i64,
        ) {
            let id = uuid::Uuid::from_u128(id).to_string();
            let timestamp = Timestamp::from_unix_micros(micros).to_string();
            let spelled_id = if upper { id.to_uppercase() } else { id.clone() };
            let mut metadata = json!({});
            let mut attributes = json!({"repository_id": spelled_id, "content": content, "timestamp": timestamp});
            if let Some(tags) = &tags {
                attributes["tags"] = json!(tags);
            }
            if let Some(memory_type) = &memory_type {
                attributes["memory_type"] = json!(memory_type);
                metadata["memory_type"] = json!(memory_type);
            }
            if let Some(tags) = &tags {
                metadata["tags"] = json!(tags);
            }
            let envelope = json!({"data": {"attributes": attributes, "type": "memories"}});
            let flat = json!({
                "entity_id": id, "domain": "repository", "content": content, "timestamp": timestamp, "metadata": metadata,
            });
            let flat = object(&flat.to_string(), BodyType::Json);
            prop_assert_eq!(object(&envelope.to_string(), BodyType::JsonApi), flat);
        }
    }
}
