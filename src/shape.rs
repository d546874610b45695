//! The shape of a body: the envelope or the tool's body, told apart and read.

use crate::accept::BodyType;
use crate::json::Json;
use crate::jsonapi::{self, Unreadable};
use crate::memory::Draft;
use crate::problem::{Locate, Problem};
use crate::tool;

/// Reads a draft, and tells where the body spells each of its places.
///
/// # Errors
/// What keeps the body from being a draft: it is not JSON, or no document of its shape.
pub fn draft(body: &[u8], body_type: BodyType) -> Result<(Draft, Locate), Vec<Problem>> {
    let json = Json::parse(body).map_err(|fault| vec![Problem::malformed(&fault)])?;
    let root = json.root();
    if body_type == BodyType::Json && root.member("data").is_none() {
        let draft = tool::draft(root).map_err(|problem| vec![problem])?;
        return Ok((draft, tool::locate));
    }
    match jsonapi::draft(root) {
        Ok(draft) => Ok((draft, jsonapi::locate)),
        Err(Unreadable::Document(problem)) => Err(vec![problem]),
        Err(Unreadable::Violations(violations)) => {
            Err(Problem::of_violations(&violations, jsonapi::locate))
        }
    }
}
