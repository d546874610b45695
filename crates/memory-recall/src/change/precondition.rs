//! `If-Match` of a change: the event that the caller has seen.
//!
//! A tag begins with the number of the highest event, and the number alone is compared: the rest says
//! which form of the memory was fetched.
//! Source: RFC 9110, section 13.1.1 (<https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1>).

use memory_log::event::{Seq, Step};

/// The field `If-Match` of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum IfMatch {
    /// `*`: whatever is there.
    Any,
    /// Entity tags.
    Tags(Vec<Tag>),
}

/// An entity tag, as far as it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tag {
    /// A weak tag, which `If-Match` never matches.
    Weak,
    /// A strong tag of this event; 0 for a memory without events.
    Of(u8),
    /// A strong tag that this service never gave.
    Foreign,
}

/// Why a change is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unmet {
    /// The step needs an `If-Match` that names an event.
    Required,
    /// It names another event than the highest one.
    Failed,
}

impl IfMatch {
    /// Reads the value of the field; several lines are joined by a comma first.
    #[must_use]
    pub fn parse(value: &str) -> Self {
        match is_any(value) {
            true => Self::Any,
            false => Self::Tags(tags(value).map(Tag::read).collect()),
        }
    }
}

impl Tag {
    fn read((is_weak, opaque): (bool, &str)) -> Self {
        let digits = opaque.trim_start_matches('"').split_once('-');
        match (is_weak, digits.and_then(|(digits, _)| number(digits))) {
            (true, _) => Self::Weak,
            (false, Some(number)) => Self::Of(number),
            (false, None) => Self::Foreign,
        }
    }
}

/// What stands between the elements of a list, which may be empty (RFC 9110, section 5.6.1).
const BETWEEN: [char; 3] = [' ', '\t', ','];

/// Whether a field is `*`, which names whatever is there.
pub(crate) fn is_any(field: &str) -> bool {
    field.trim_matches(BETWEEN) == "*"
}

/// The entity tags of a field: whether each is weak, and its opaque text in its quotes, which may have
/// commas. What is not an entity tag ends the list, because nothing after it can be meant.
pub(crate) fn tags(field: &str) -> impl Iterator<Item = (bool, &str)> {
    let mut rest = field;
    std::iter::from_fn(move || {
        let list = rest.trim_start_matches(BETWEEN);
        let weak = list.strip_prefix("W/");
        let quoted = weak.unwrap_or(list);
        let end = quoted.strip_prefix('"')?.find('"')? + 2;
        let (opaque, after) = quoted.split_at_checked(end)?;
        rest = after;
        Some((weak.is_some(), opaque))
    })
}

/// A number in its one spelling.
fn number(digits: &str) -> Option<u8> {
    let number: u8 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

/// Whether a step may be made over the highest event.
///
/// # Errors
/// [`Unmet`] says why not.
pub(super) fn judge(
    if_match: Option<&IfMatch>,
    step: Step,
    highest: Option<Seq>,
) -> Result<(), Unmet> {
    let must_be_seen = step == Step::Seen;
    let tags = match if_match {
        None | Some(IfMatch::Any) if must_be_seen => return Err(Unmet::Required),
        None | Some(IfMatch::Any) => return Ok(()),
        Some(IfMatch::Tags(tags)) => tags,
    };
    let number = highest.map_or(0, Seq::get);
    if tags.contains(&Tag::Of(number)) {
        return Ok(());
    }
    let names_an_event = tags.iter().any(|tag| *tag != Tag::Weak);
    match must_be_seen && !names_an_event {
        true => Err(Unmet::Required),
        false => Err(Unmet::Failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_read_by_the_number_before_its_first_hyphen() {
        use Tag::{Foreign, Of, Weak};
        for (value, tags) in [
            ("\"2-1j\"", vec![Of(2)]),
            ("\"0-1f\"", vec![Of(0)]),
            ("\"201-1j\"", vec![Of(201)]),
            ("\"1-1j\", \"2-1j\"", vec![Of(1), Of(2)]),
            (" , \"1-1j\",,\t\"2-1j\" ,", vec![Of(1), Of(2)]),
            ("\"a,b\", \"2-1j\"", vec![Foreign, Of(2)]),
            ("W/\"2-1j\"", vec![Weak]),
            ("W/\"2-1j\", \"3-1j\"", vec![Weak, Of(3)]),
            ("\"2\"", vec![Foreign]),
            ("\"\"", vec![Foreign]),
            ("\"-1j\"", vec![Foreign]),
            ("\"02-1j\"", vec![Foreign]),
            ("\"+2-1j\"", vec![Foreign]),
            ("\"256-1j\"", vec![Foreign]),
            ("\"*\"", vec![Foreign]),
            ("", vec![]),
            ("2-1j", vec![]),
            ("w/\"2-1j\"", vec![]),
            ("\"2-1j", vec![]),
            ("\"1-1j\", x, \"2-1j\"", vec![Of(1)]),
            ("*, \"2-1j\"", vec![]),
        ] {
            assert_eq!(IfMatch::parse(value), IfMatch::Tags(tags), "{value}");
        }
        for value in ["*", " * ", "*,"] {
            assert_eq!(IfMatch::parse(value), IfMatch::Any, "{value:?}");
        }
    }

    #[test]
    fn a_step_that_undoes_a_decision_needs_a_strong_tag_of_the_highest_event() {
        use Step::{Free, Seen};
        let met = Ok(());
        let (required, failed) = (Err(Unmet::Required), Err(Unmet::Failed));
        for (value, free, seen) in [
            (None, met, required),
            (Some("*"), met, required),
            (Some("\"2-1j\""), met, met),
            (Some("\"2-1f\""), met, met),
            (Some("\"1-1j\", \"2-1j\""), met, met),
            (Some("W/\"1-1j\", \"2-1j\""), met, met),
            (Some("\"1-1j\""), failed, failed),
            (Some("\"3-1j\""), failed, failed),
            (Some("\"0-1j\""), failed, failed),
            (Some("\"x\""), failed, failed),
            (Some("W/\"2-1j\""), failed, required),
            (Some(""), failed, required),
        ] {
            let if_match = value.map(IfMatch::parse);
            let judged = |step| judge(if_match.as_ref(), step, Seq::new(2));
            assert_eq!((judged(Free), judged(Seen)), (free, seen), "{value:?}");
        }
        let of_none = IfMatch::parse("\"0-1j\"");
        assert_eq!(judge(Some(&of_none), Free, None), met);
        assert_eq!(judge(Some(&IfMatch::parse("\"1-1j\"")), Free, None), failed);
    }
}
