//! The body of a change: which status, why, and where (contract 9.2).

use memory_log::event::{REASON_BYTES_MAX, Reason, Status};
use memory_log::json::{Json, Kind, Value};
use memory_web::problem::{Code, Faults, Problem};
use uuid::Uuid;

use super::{Place, repository};
use crate::shown::TYPE;

/// What a body says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeBody {
    /// Why the change is made.
    pub reason: Option<Reason>,
    /// The entity that has the memory.
    pub place: Option<Place>,
}

/// What a PATCH says beside that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchBody {
    /// The status that the memory shall have.
    pub to: Status,
    /// Every other attribute that is given: its name and its JSON text.
    pub others: Vec<(String, String)>,
    /// Why and where.
    pub change: ChangeBody,
}

/// Reads the body of a PATCH of the memory with this id.
///
/// # Errors
/// Every fault of the document; a type or an id unlike that of the path ends the check.
pub fn patch(body: &[u8], memory_id: Uuid) -> Result<PatchBody, Vec<Problem>> {
    let json = Json::parse(body).map_err(|error| vec![Problem::malformed(&error)])?;
    let root = json.root();
    let data = root
        .given("data")
        .filter(|data| data.kind() == Kind::Object);
    let Some(data) = data else {
        let detail = "The document must be an object with the member \"data\", one resource of the type \"memories\".";
        return Err(vec![Problem::at(Code::InvalidDocument, &[], detail)]);
    };
    check_identity(data, memory_id)?;
    let mut faults = Faults::default();
    let attributes = object(data, &["data"], "attributes", &mut faults);
    let to = status(data, attributes).map_err(|problem| faults.push(|| problem));
    let change = change(root, &mut faults);
    let relationships = object(data, &["data"], "relationships", &mut faults);
    for (name, _) in relationships.into_iter().flat_map(Value::members) {
        faults.push(|| {
            let path = ["data", "relationships", &name].map(str::to_owned);
            let detail = "A memory has no relationships: leave them out.";
            Problem::at(Code::UnknownField, &path, detail)
        });
    }
    let others = attributes.into_iter().flat_map(Value::members);
    let others = others.filter(|(name, _)| name != "status" && !name.starts_with('@'));
    let others = others.map(|(name, value)| (name.into_owned(), value.raw().to_owned()));
    let others = others.collect();
    faults.unless_any(to.ok().map(|to| PatchBody { to, others, change }))
}

/// Reads the body of a DELETE, which may have none.
///
/// # Errors
/// Every fault of the document.
pub fn delete(body: &[u8]) -> Result<ChangeBody, Vec<Problem>> {
    if body.is_empty() {
        return Ok(ChangeBody {
            reason: None,
            place: None,
        });
    }
    let json = Json::parse(body).map_err(|error| vec![Problem::malformed(&error)])?;
    let root = json.root();
    if root.kind() != Kind::Object {
        let detail =
            "The body must be an object, such as {\"meta\":{\"reason\":\"…\"}}, or be left out.";
        return Err(vec![Problem::at(Code::InvalidDocument, &[], detail)]);
    }
    let mut faults = Faults::default();
    let change = change(root, &mut faults);
    faults.unless_any(Some(change))
}

/// A member that must be an object, if it is given.
fn object<'v>(
    parent: Value<'v>,
    path: &[&str],
    name: &str,
    faults: &mut Faults,
) -> Option<Value<'v>> {
    let value = parent.given(name)?;
    if value.kind() == Kind::Object {
        return Some(value);
    }
    faults.push(|| {
        let path: Vec<_> = path
            .iter()
            .chain(&[name])
            .map(ToString::to_string)
            .collect();
        let named = path.join(".");
        let detail = format!("\"{named}\" is {}; it must be an object.", value.kind());
        Problem::at(Code::InvalidType, &path, detail)
    });
    None
}

/// Checks that the resource is the one that the path names.
fn check_identity(data: Value<'_>, memory_id: Uuid) -> Result<(), Vec<Problem>> {
    let at = |name: &str| ["data", name].map(str::to_owned);
    for (name, own, code) in [
        ("type", TYPE.to_owned(), Code::TypeMismatch),
        ("id", memory_id.to_string(), Code::IdMismatch),
    ] {
        let Some(value) = data.given(name) else {
            let problem = Problem {
                field: Some(name.to_owned()),
                ..Problem::at(
                    Code::Required,
                    &["data".to_owned()],
                    format!("\"data.{name}\" is required and must not be null."),
                )
            };
            return Err(vec![problem]);
        };
        match value.text() {
            Some(text) if text == own => {}
            Some(_) => {
                let detail = format!(
                    "The path names the resource whose \"{name}\" is \"{own}\": send that."
                );
                return Err(vec![Problem::at(code, &at(name), detail)]);
            }
            None => return Err(vec![not_a_string(value, &at(name))]),
        }
    }
    Ok(())
}

/// The status that is asked for.
fn status(data: Value<'_>, attributes: Option<Value<'_>>) -> Result<Status, Problem> {
    let path = ["data", "attributes", "status"].map(str::to_owned);
    let Some(value) = attributes.and_then(|attributes| attributes.given("status")) else {
        // The pointer names a value that exists: the attributes, or else the resource.
        let parent = match data.given("attributes") {
            Some(_) => 2,
            None => 1,
        };
        let parent: Vec<_> = path.iter().take(parent).cloned().collect();
        return Err(Problem {
            field: Some("status".to_owned()),
            ..Problem::at(
                Code::Required,
                &parent,
                "\"status\" is required: it is the only attribute of a memory that can be changed.",
            )
        });
    };
    let Some(text) = value.text() else {
        return Err(not_a_string(value, &path));
    };
    Status::parse(&text).ok_or_else(|| {
        let all = Status::ALL.map(Status::as_str).join(", ");
        let detail = format!("\"status\" must be one of {all}.");
        Problem::at(Code::OutOfRange, &path, detail)
    })
}

/// `meta.reason` and `meta.repository_id`.
fn change(root: Value<'_>, faults: &mut Faults) -> ChangeBody {
    let meta = object(root, &[], "meta", faults);
    let path = |name: &str| ["meta", name].map(str::to_owned);
    let mut text = |name: &str| {
        let value = meta.and_then(|meta| meta.given(name))?;
        let text = value.text();
        if text.is_none() {
            faults.push(|| not_a_string(value, &path(name)));
        }
        text
    };
    let (reason, repository_id) = (text("reason"), text("repository_id"));
    let reason = reason.and_then(|reason| {
        let bytes = reason.len();
        let reason = Reason::new(reason);
        if reason.is_none() {
            let detail = format!(
                "\"meta.reason\" has {bytes} bytes in UTF-8; shorten it to at most {REASON_BYTES_MAX}."
            );
            faults.push(|| Problem::at(Code::TooLong, &path("reason"), detail));
        }
        reason
    });
    let place = repository_id.and_then(|id| {
        let place = repository(&id);
        let place = place.map_err(|fault| {
            let detail = format!("\"meta.repository_id\" {fault}.");
            faults.push(|| Problem::at(Code::InvalidUuid, &path("repository_id"), detail));
        });
        place.ok()
    });
    ChangeBody { reason, place }
}

fn not_a_string(value: Value<'_>, path: &[String]) -> Problem {
    let detail = format!(
        "\"{}\" is {}; it must be a string.",
        path.join("."),
        value.kind()
    );
    Problem::at(Code::InvalidType, path, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "9b1deb4d-3b7d-8bad-9bdd-2b0d7b3dcb6d";

    fn read(body: &str) -> Result<PatchBody, Vec<&'static str>> {
        let id = Uuid::parse_str(ID).unwrap();
        let read = patch(body.as_bytes(), id);
        read.map_err(|problems| problems.iter().map(|problem| problem.code.name()).collect())
    }

    fn resource(rest: &str) -> String {
        format!(r#"{{"data":{{"type":"memories","id":"{ID}"{rest}}}}}"#)
    }

    #[test]
    fn a_patch_names_the_status_and_may_repeat_what_is_stored() {
        let body = resource(r#","attributes":{"status":"verified","content":"x","@a":1}"#);
        let body = body.replace("}}}", r#"}},"meta":{"reason":"checked"}}"#);
        let patch = read(&body).unwrap();
        assert_eq!(patch.to, Status::Verified);
        assert_eq!(patch.others, [("content".to_owned(), "\"x\"".to_owned())]);
        assert_eq!(patch.change.reason.unwrap().as_str(), "checked");
        assert_eq!(patch.change.place, None);
    }

    #[test]
    fn a_document_that_is_not_a_change_of_this_memory_is_refused_with_every_fault() {
        for (body, codes) in [
            ("{", &["malformed_json"][..]),
            ("[]", &["invalid_document"]),
            (r#"{"data":[]}"#, &["invalid_document"]),
            (r#"{"data":{}}"#, &["required"]),
            (r#"{"data":{"type":"memory"}}"#, &["type_mismatch"]),
            (r#"{"data":{"type":"memories"}}"#, &["required"]),
            (r#"{"data":{"type":"memories","id":"x"}}"#, &["id_mismatch"]),
            (r#"{"data":{"type":"memories","id":7}}"#, &["invalid_type"]),
            (&resource(""), &["required"]),
            (&resource(r#","attributes":{}"#), &["required"]),
            (&resource(r#","attributes":{"status":null}"#), &["required"]),
            (
                &resource(r#","attributes":{"status":1}"#),
                &["invalid_type"],
            ),
            (
                &resource(r#","attributes":{"status":"Verified"}"#),
                &["out_of_range"],
            ),
        ] {
            assert_eq!(read(body).unwrap_err(), codes, "{body}");
        }
        let both = resource(r#","attributes":{"status":"x"},"relationships":{"a":{}}"#);
        let both = both.replace("}}}}", r#"}}},"meta":{"reason":1,"repository_id":"x"}}"#);
        let found = read(&both).unwrap_err();
        assert_eq!(
            found,
            [
                "out_of_range",
                "invalid_type",
                "invalid_uuid",
                "unknown_field"
            ]
        );
    }

    #[test]
    fn a_delete_may_have_a_reason_of_a_thousand_bytes_or_no_body() {
        assert_eq!(delete(b"").unwrap().reason, None);
        assert_eq!(delete(b"{}").unwrap().reason, None);
        for (bytes, is_read) in [(1_000, true), (1_001, false)] {
            let body = format!(r#"{{"meta":{{"reason":"{}"}}}}"#, "r".repeat(bytes));
            assert_eq!(delete(body.as_bytes()).is_ok(), is_read, "{bytes}");
        }
        assert!(delete(b"[]").is_err() && delete(b" ").is_err());
    }
}
