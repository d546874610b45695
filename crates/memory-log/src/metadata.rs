//! The caller's own data about a memory: any JSON object, kept as it was spelled.
//!
//! Three of its members have a meaning and are checked: `tags`, `source` and `confidence`. The
//! module must not know the other fields of a memory.

use crate::fault::{Fault, Place, Violations};
use crate::json::{Kind, Value, spell};

/// Deepest nesting of `metadata`, which is itself level 1: deep enough for real data, and shallow
/// enough for the recursive readers of other languages.
pub const METADATA_DEPTH_MAX: usize = 64;

/// A JSON object in compact text: the caller's own spelling, or this service's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata(String);

impl Default for Metadata {
    fn default() -> Self {
        Self("{}".to_owned())
    }
}

impl Metadata {
    /// The object's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes an object as it was spelled, without insignificant white space.
    ///
    /// # Errors
    /// Every fault of it and of the members that have a meaning: `tags`, `source`, `confidence`.
    pub fn verbatim(object: Value<'_>) -> Result<Self, Violations> {
        let mut violations = Violations::default();
        let itself = || Place::Metadata(Vec::new());
        if object.kind() != Kind::Object {
            return Err(Violations::one(
                itself(),
                Fault::wrong_type("an object", object),
            ));
        }
        let levels = object.depth();
        if levels > METADATA_DEPTH_MAX {
            violations.push(itself(), Fault::TooDeep { levels });
        }
        for (name, value) in object
            .members()
            .filter(|(_, value)| value.kind() != Kind::Null)
        {
            let place = || Place::Metadata(vec![name.clone().into_owned()]);
            let wrong_type = |expected| Fault::wrong_type(expected, value);
            match (&*name, value.kind()) {
                ("tags", _) => violations.append(tags(value).err().unwrap_or_default()),
                ("source", kind) if kind != Kind::String => {
                    violations.push(place(), wrong_type("a string"));
                }
                ("confidence", Kind::Number) if !is_confidence(value.raw()) => {
                    violations.push(place(), Fault::ConfidenceOutOfRange);
                }
                ("confidence", Kind::Number) => {}
                ("confidence", _) => violations.push(place(), wrong_type("a number")),
                _ => {}
            }
        }
        violations.unless_any(Self(object.compact()))
    }

    /// The metadata of an envelope: its two attributes, each only if given, in this service's
    /// spelling (contract 2.3).
    #[must_use]
    pub fn of(memory_type: Option<&str>, tags: Option<&[String]>) -> Self {
        let memory_type = memory_type.map(|name| format!("\"memory_type\":{}", spell(name)));
        let tags = tags.map(|tags| {
            let tags: Vec<_> = tags.iter().map(|tag| spell(tag)).collect();
            format!("\"tags\":[{}]", tags.join(","))
        });
        let members: Vec<_> = memory_type.into_iter().chain(tags).collect();
        Self(format!("{{{}}}", members.join(",")))
    }
}

/// Reads `tags`: an array of strings.
///
/// # Errors
/// Every element that is not a string.
pub fn tags(value: Value<'_>) -> Result<Vec<String>, Violations> {
    let place = |rest: Option<usize>| {
        let index = rest.map(|index| index.to_string());
        Place::Metadata(std::iter::once("tags".to_owned()).chain(index).collect())
    };
    if value.kind() != Kind::Array {
        let fault = Fault::wrong_type("an array of strings", value);
        return Err(Violations::one(place(None), fault));
    }
    let mut violations = Violations::default();
    let mut tags = Vec::new();
    for (index, element) in value.elements().enumerate() {
        match element.text() {
            Some(tag) => tags.push(tag.into_owned()),
            None => {
                violations.push(place(Some(index)), Fault::wrong_type("a string", element));
            }
        }
    }
    violations.unless_any(tags)
}

/// Whether a JSON number is at least 0 and at most 1, by its digits: a double would round
/// 1.00000000000000000001 to 1.
fn is_confidence(number: &str) -> bool {
    let (sign, magnitude) = number
        .strip_prefix('-')
        .map_or(("", number), |rest| ("-", rest));
    let (mantissa, exponent) = magnitude.split_once(['e', 'E']).unwrap_or((magnitude, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return true;
    }
    // The number is 0.{significant} times ten to the power of `point`.
    let leading_zeros = digits.len() - significant.len();
    let point = i128::try_from(whole.len()).unwrap_or(i128::MAX)
        - i128::try_from(leading_zeros).unwrap_or(i128::MAX);
    let point = match exponent.parse::<i64>() {
        Ok(exponent) => point + i128::from(exponent),
        Err(_) => return sign.is_empty() && exponent.starts_with('-'),
    };
    sign.is_empty() && (point < 1 || point == 1 && significant.trim_end_matches('0') == "1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::VIOLATIONS_LISTED_MAX;
    use crate::json::Json;

    #[test]
    fn a_confidence_is_judged_by_its_digits() {
        for number in [
            "0",
            "-0",
            "-0.0e5",
            "1",
            "1.000",
            "10e-1",
            "0.1e1",
            "100E-2",
            "1e-400",
            "0.99999999999999999999999",
            "1e-99999999999999999999999",
            "0e99999999999999999999999",
            "0.0000",
        ] {
            assert!(is_confidence(number), "{number}");
        }
        for number in [
            "1.00000000000000000001",
            "-1e-400",
            "2",
            "10",
            "1e1",
            "1e400",
            "0.11e1",
            "-0.5",
            "20e-1",
            "1e99999999999999999999999",
            "-1e-99999999999999999999999",
        ] {
            assert!(!is_confidence(number), "{number}");
        }
    }

    #[test]
    fn metadata_names_every_fault_and_takes_null_for_nothing() {
        let faults = |text: &str| Metadata::verbatim(Json::parse(text.as_bytes()).unwrap().root());
        assert!(faults(r#"{"tags":null,"source":null,"confidence":null,"memory_type":7}"#).is_ok());
        let out_of_range = Violations::one(
            Place::Metadata(vec!["confidence".to_owned()]),
            Fault::ConfidenceOutOfRange,
        );
        assert_eq!(faults(r#"{"confidence":1.5}"#), Err(out_of_range));
        let text = r#"{"tags":["a",1,null],"source":[],"confidence":"high"}"#;
        let violations = faults(text).unwrap_err();
        let places: Vec<_> = violations
            .listed()
            .iter()
            .map(|violation| violation.place.clone())
            .collect();
        let path =
            |tokens: &[&str]| Place::Metadata(tokens.iter().map(ToString::to_string).collect());
        assert_eq!(
            places,
            [
                path(&["tags", "1"]),
                path(&["tags", "2"]),
                path(&["source"]),
                path(&["confidence"])
            ]
        );
    }

    #[test]
    fn metadata_may_nest_64_levels_and_no_more() {
        let nested = |levels: usize| {
            format!(
                "{}{}",
                r#"{"a":"#.repeat(levels - 1) + "{}",
                "}".repeat(levels - 1)
            )
        };
        let judged =
            |levels| Metadata::verbatim(Json::parse(nested(levels).as_bytes()).unwrap().root());
        assert!(judged(64).is_ok());
        let too_deep = Violations::one(Place::Metadata(Vec::new()), Fault::TooDeep { levels: 65 });
        assert_eq!(judged(65), Err(too_deep));
    }

    #[test]
    fn a_hostile_number_of_faults_is_counted_and_not_kept() {
        let text = format!("[{}]", vec!["1"; 1_000].join(","));
        let violations = tags(Json::parse(text.as_bytes()).unwrap().root()).unwrap_err();
        assert_eq!(
            (violations.listed().len(), violations.unlisted()),
            (VIOLATIONS_LISTED_MAX, 900)
        );
    }

    #[test]
    fn only_an_object_is_metadata() {
        for (text, found) in [
            ("[]", Kind::Array),
            ("\"{}\"", Kind::String),
            ("0", Kind::Number),
        ] {
            let json = Json::parse(text.as_bytes()).unwrap();
            let expected = "an object";
            let fault = Fault::WrongType { expected, found };
            let violations = Violations::one(Place::Metadata(Vec::new()), fault);
            assert_eq!(Metadata::verbatim(json.root()), Err(violations), "{text}");
        }
    }

    #[test]
    fn metadata_loses_white_space_between_tokens_and_nothing_else() {
        let text = "{ \"b\" : 1.00 ,\n\"a\":[ -0e+2 , \"x  y\\u00e9\" ] , \"Tags\" : 7 }";
        let json = Json::parse(text.as_bytes()).unwrap();
        let metadata = Metadata::verbatim(json.root()).unwrap();
        let compact = r#"{"b":1.00,"a":[-0e+2,"x  y\u00e9"],"Tags":7}"#;
        assert_eq!(metadata.as_str(), compact);
    }

    #[test]
    fn metadata_of_an_envelope_has_its_two_attributes_in_one_order_and_spelling() {
        let of = |memory_type, tags: Option<&[&str]>| {
            let owned = |tags: &[&str]| tags.iter().map(ToString::to_string).collect::<Vec<_>>();
            let tags = tags.map(owned);
            Metadata::of(memory_type, tags.as_deref()).0
        };
        assert_eq!(of(None, None), Metadata::default().as_str());
        assert_eq!(of(None, Some(&[])), r#"{"tags":[]}"#);
        assert_eq!(of(Some(""), None), r#"{"memory_type":""}"#);
        let both = r#"{"memory_type":"a\"b","tags":["é","\n"]}"#;
        assert_eq!(of(Some("a\"b"), Some(&["é", "\n"])), both);
    }
}
