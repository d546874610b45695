//! The shape of a body: the JSON:API envelope or the tool's body, told apart and read.

use memory_log::fault::Place;
use memory_log::json::Json;
use memory_log::memory::Draft;

use crate::jsonapi::{self, EnvelopeError};
use crate::media_type::BodyType;
use crate::problem::Problem;
use crate::tool;

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
    use super::*;
    use crate::problem::{Code, code_of};

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
}
