//! Media types: the type of a request's body (`Content-Type`), and the representation of its
//! response (`Accept`).
//!
//! Pure: header values in, a choice out. The rules are RFC 9110, sections 8.3.1 and 12.5.1, and the
//! server responsibilities of JSON:API 1.1
//! (<https://jsonapi.org/format/1.1/#content-negotiation-servers>). The module must not know what a
//! body or a response contains.

/// The media type of JSON:API documents.
pub const JSON_API: &str = "application/vnd.api+json";
/// The media type of the tool's flat body and result.
pub const JSON: &str = "application/json";

/// The two representations of a response, the preferred one first (contract 3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Representation {
    /// A JSON:API document.
    JsonApi,
    /// The tool's flat result.
    Json,
}

impl Representation {
    /// The response's `Content-Type`.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::JsonApi => JSON_API,
            Self::Json => JSON,
        }
    }
}

/// Chooses the representation by the lines of the `Accept` field. `None` (406) if both are excluded,
/// or if every JSON:API entry has a parameter that this service does not know.
#[must_use]
pub fn negotiate<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Option<Representation> {
    let lines: Vec<_> = lines.into_iter().map(String::from_utf8_lossy).collect();
    let field = lines.join(",");
    let mut listed = split_unquoted(&field, ',')
        .map(|entry| entry.trim_matches(OWS))
        .filter(|entry| !entry.is_empty())
        .peekable();
    if listed.peek().is_none() {
        return Some(Representation::JsonApi);
    }
    let ranges: Vec<_> = listed.filter_map(MediaType::parse).collect();
    let (json_api, mut usable): (Vec<_>, Vec<_>) =
        ranges.iter().partition(|range| range.essence == JSON_API);
    let is_asked_for = !json_api.is_empty();
    let plain: Vec<_> = json_api
        .into_iter()
        .filter(|range| range.is_plain_json_api())
        .collect();
    if is_asked_for && plain.is_empty() {
        return None;
    }
    usable.extend(plain);
    let weight = |offer: &str| {
        let of_range = |essence: &str| {
            let matching = usable.iter().filter(|range| range.essence == essence);
            matching
                .map(|range| range.weight.unwrap_or(WEIGHT_MAX))
                .max()
        };
        [offer, "application/*", "*/*"]
            .into_iter()
            .find_map(of_range)
            .unwrap_or(0)
    };
    match (weight(JSON_API), weight(JSON)) {
        (0, 0) => None,
        (json_api, json) if json_api >= json => Some(Representation::JsonApi),
        _ => Some(Representation::Json),
    }
}

/// The type of a request's body by its `Content-Type` (contract 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyType {
    /// `application/vnd.api+json`: the envelope only.
    JsonApi,
    /// `application/json`: either shape.
    Json,
}

impl BodyType {
    /// Reads a `Content-Type` value; `None` if the service does not read such a body.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let media_type = MediaType::parse(&String::from_utf8_lossy(value))?;
        match media_type.essence.as_str() {
            JSON_API if media_type.is_plain_json_api() && media_type.weight.is_none() => {
                Some(Self::JsonApi)
            }
            JSON => Some(Self::Json),
            _ => None,
        }
    }
}

/// White space between the parts of a field value (RFC 9110, section 5.6.3).
const OWS: [char; 2] = [' ', '\t'];

/// A media type or range with its parameters.
#[derive(Debug)]
struct MediaType {
    /// `type/subtype` in lower case.
    essence: String,
    /// The names of its parameters other than `q`, in lower case.
    parameters: Vec<String>,
    /// `q` in thousandths, if given.
    weight: Option<u16>,
}

impl MediaType {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = split_unquoted(text, ';').map(|part| part.trim_matches(OWS));
        let essence = parts.next()?.to_ascii_lowercase();
        let (kind, subtype) = essence.split_once('/')?;
        if !is_token(kind) || !is_token(subtype) {
            return None;
        }
        let mut media_type = Self {
            essence,
            parameters: Vec::new(),
            weight: None,
        };
        for parameter in parts.filter(|part| !part.is_empty()) {
            let (name, value) = parameter.split_once('=')?;
            if !is_token(name) || !is_token(value) && !is_quoted_string(value) {
                return None;
            }
            match name.to_ascii_lowercase() {
                name if name == "q" => media_type.weight = Some(weight(value)?),
                name => media_type.parameters.push(name),
            }
        }
        Some(media_type)
    }

    /// Whether this is JSON:API's type without a parameter that changes its meaning. Unknown profiles
    /// may be ignored; no extension is supported.
    fn is_plain_json_api(&self) -> bool {
        self.essence == JSON_API && self.parameters.iter().all(|name| name == "profile")
    }
}

/// The weight 1, in thousandths.
const WEIGHT_MAX: u16 = 1000;

/// A weight in thousandths: 0 to 1 with at most three decimals (RFC 9110, section 12.4.2).
fn weight(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    match (whole, digits) {
        ("0", true) => format!("{decimals:0<3}").parse().ok(),
        ("1", true) => decimals
            .bytes()
            .all(|byte| byte == b'0')
            .then_some(WEIGHT_MAX),
        _ => None,
    }
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// RFC 9110, section 5.6.4.
fn is_quoted_string(text: &str) -> bool {
    let Some(inside) = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
    else {
        return false;
    };
    let mut escaped = false;
    for character in inside.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return false,
            _ => {}
        }
    }
    !escaped
}

/// Splits at each separator outside quoted strings (RFC 9110, section 5.6.4).
fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |character| {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        character == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_lines_join_and_an_empty_one_does_not_count() {
        use Representation::{Json, JsonApi};
        let chosen = |lines: &[&str]| negotiate(lines.iter().map(|line| line.as_bytes()));
        assert_eq!(chosen(&[]), Some(JsonApi));
        assert_eq!(chosen(&[" ", ", ,"]), Some(JsonApi));
        assert_eq!(
            chosen(&["application/vnd.api+json;q=0.5", "application/json"]),
            Some(Json)
        );
        assert_eq!(chosen(&["text/html", ""]), None);
    }

    #[test]
    fn an_entry_that_is_not_a_media_range_or_has_a_bad_weight_is_ignored() {
        let chosen = |line: &str| negotiate([line.as_bytes()]);
        assert_eq!(chosen("json, */*"), Some(Representation::JsonApi));
        assert_eq!(
            chosen("application/vnd.api+json;q =1, application/json"),
            Some(Representation::Json)
        );
        assert_eq!(
            chosen("application/vnd.api+json;q=2, application/json"),
            Some(Representation::Json)
        );
        assert_eq!(chosen("application/json;q=0.1234"), None);
        assert_eq!(
            chosen("application/json;Q=1.000;x=\"a,b;q=0\""),
            Some(Representation::Json)
        );
        assert_eq!(chosen("\"application/json"), None);
        assert_eq!(negotiate([&b"\xff/json"[..]]), None);
    }

    #[test]
    fn a_body_is_json_api_without_parameters_but_profile_or_json_with_any() {
        let body = |value: &str| BodyType::parse(value.as_bytes());
        for value in [
            "application/vnd.api+json",
            "Application/Vnd.API+JSON ; profile=\"https://x.test/p,q\"",
        ] {
            assert_eq!(body(value), Some(BodyType::JsonApi), "{value}");
        }
        for value in [
            "application/json",
            "application/json; charset=utf-8",
            "APPLICATION/JSON;a=\"b;c\"",
        ] {
            assert_eq!(body(value), Some(BodyType::Json), "{value}");
        }
        for value in [
            "",
            "application",
            "text/plain",
            "application/vnd.api+json;charset=utf-8",
            "application/vnd.api+json;CHARSET=x",
            "application/vnd.api+json;ext=\"https://u.test\"",
            "application/vnd.api+json;q=1",
            "application/json, application/json",
            "application/vnd.api+json, application/json",
            "application/*",
            "application/json; =",
            "application/json;charset",
            "application/json;a=\"unclosed",
            "application/json;a=\"b\"c\"",
            "application/json; charset=utf-8, application/json",
            "application/json\u{a0}",
            "application/vnd.api+json;profile",
        ] {
            assert_eq!(body(value), None, "{value}");
        }
    }

    fn chosen(accept: &str) -> Option<Representation> {
        negotiate([accept.as_bytes()])
    }

    #[test]
    fn every_worked_accept_header_chooses_its_representation() {
        let file = include_str!("../../../tests/vectors/accept.json");
        let worked: serde_json::Value = serde_json::from_str(file).unwrap();
        for example in worked.as_array().unwrap() {
            let lines = example["accept"].as_str().map(str::as_bytes);
            let expected = match example["expect"].as_str() {
                Some("jsonapi") => Some(Representation::JsonApi),
                Some("json") => Some(Representation::Json),
                Some(other) => panic!("{other}"),
                None => None,
            };
            assert_eq!(negotiate(lines), expected, "{example}");
        }
    }

    #[test]
    fn the_most_specific_range_counts_and_not_the_greatest_weight() {
        use Representation::{Json, JsonApi};
        for (accept, representation) in [
            ("application/vnd.api+json;q=0.1, application/*", Some(Json)),
            ("application/vnd.api+json;q=0.1, */*", Some(Json)),
            ("application/vnd.api+json;q=0, */*", Some(Json)),
            ("application/json;q=0, */*;q=0.001", Some(JsonApi)),
            ("application/*;q=0, */*", None),
            ("application/*;q=0.001, */*;q=0", Some(JsonApi)),
            (
                "application/json;q=0.2, application/json;q=0.9, application/vnd.api+json;q=0.5",
                Some(Json),
            ),
        ] {
            assert_eq!(chosen(accept), representation, "{accept}");
        }
    }

    #[test]
    fn a_tie_goes_to_json_api_and_a_thousandth_decides() {
        use Representation::{Json, JsonApi};
        let both = |json_api: &str, json: &str| {
            chosen(&format!(
                "application/json;q={json},application/vnd.api+json;q={json_api}"
            ))
        };
        assert_eq!(both("0.5", "0.500"), Some(JsonApi));
        assert_eq!(both("0.499", "0.5"), Some(Json));
        assert_eq!(both("1.000", "1"), Some(JsonApi));
        assert_eq!(both("0.999", "1."), Some(Json));
        assert_eq!(both("0.000", "0"), None);
    }

    #[test]
    fn a_weight_is_0_to_1_with_at_most_three_decimals() {
        for (text, thousandths) in [
            ("0", 0),
            ("0.", 0),
            ("0.5", 500),
            ("0.05", 50),
            ("0.001", 1),
            ("1", 1000),
            ("1.000", 1000),
        ] {
            assert_eq!(weight(text), Some(thousandths), "{text}");
        }
        for near in [
            "", ".5", "00.5", "0.0000", "1.001", "1.0000", "2", "-0", "+1", "0,5", "0.5 ", "1e0",
            "\"1\"",
        ] {
            assert_eq!(weight(near), None, "{near}");
        }
    }

    #[test]
    fn json_api_with_unknown_parameters_only_is_not_acceptable_whatever_else_is() {
        use Representation::JsonApi;
        let ext = "application/vnd.api+json;ext=\"https://u.test\"";
        assert_eq!(chosen(ext), None);
        assert_eq!(chosen(&format!("{ext}, application/json, */*")), None);
        assert_eq!(
            chosen(&format!("{ext}, application/vnd.api+json;q=0.1")),
            Some(JsonApi)
        );
        assert_eq!(
            chosen("application/vnd.api+json;profile=\"https://p.test/a,b;c\""),
            Some(JsonApi)
        );
    }
}
