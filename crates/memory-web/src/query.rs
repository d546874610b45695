//! Query parameters, and which of them a service may ignore
//! (contract 3.4, <https://jsonapi.org/format/1.1/#query-parameters-custom>).

use std::collections::BTreeSet;

use memory_log::json::quoted;
use percent_encoding::percent_decode_str;

use crate::problem::{Code, Faults, Problem, Source};

/// A parameter of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, with what is not UTF-8 replaced.
    pub name: String,
    /// Its value; `None` if it is not UTF-8.
    pub value: Option<String>,
}

/// The parameters of a raw query, without those that JSON:API lets a service ignore. A plus sign is a
/// space (<https://url.spec.whatwg.org/#application/x-www-form-urlencoded>).
pub fn parameters(query: &str) -> impl Iterator<Item = Parameter> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name), decoded(value));
        if std::str::from_utf8(&name).is_ok_and(may_be_ignored) {
            return None;
        }
        Some(Parameter {
            name: String::from_utf8_lossy(&name).into_owned(),
            value: String::from_utf8(value).ok(),
        })
    })
}

fn decoded(text: &str) -> Vec<u8> {
    percent_decode_str(&text.replace('+', " ")).collect()
}

/// A problem for each unsupported parameter of a raw query, once for each name.
#[must_use]
pub fn unsupported_parameters(query: &str) -> Vec<Problem> {
    let mut names = BTreeSet::new();
    let mut faults = Faults::default();
    for Parameter { name, .. } in parameters(query) {
        if names.insert(name.clone()) {
            faults.push(|| unsupported(name));
        }
    }
    faults.into_problems()
}

fn unsupported(name: String) -> Problem {
    let detail = format!(
        "The query parameter {} is not supported: remove it.",
        quoted(&name)
    );
    Problem::new(Code::UnsupportedParameter, Source::Parameter(name), detail)
}

/// Whether this is a custom parameter: its base name is a member name with a character outside a to z.
fn may_be_ignored(name: &str) -> bool {
    let base = name.split('[').next().unwrap_or_default();
    is_member_name(base) && !base.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Whether JSON:API allows this as a member name
/// (<https://jsonapi.org/format/1.1/#document-member-names>).
fn is_member_name(name: &str) -> bool {
    let anywhere = |character: char| character.is_ascii_alphanumeric() || character >= '\u{80}';
    let inside = |character: char| anywhere(character) || matches!(character, '-' | '_' | ' ');
    name.starts_with(anywhere) && name.ends_with(anywhere) && name.chars().all(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_decoded_and_brackets_may_be_encoded() {
        let read = |query| {
            parameters(query)
                .map(|found| (found.name, found.value))
                .collect::<Vec<_>>()
        };
        let one =
            |name: &str, value: Option<&str>| vec![(name.to_owned(), value.map(str::to_owned))];
        assert_eq!(
            read("filter%5Bquery%5D=a%20b+c%2B&myOwn=1"),
            one("filter[query]", Some("a b c+"))
        );
        assert_eq!(read("filter[tags]=a=b"), one("filter[tags]", Some("a=b")));
        assert_eq!(read("sort"), one("sort", Some("")));
        assert_eq!(read("sort=%FF"), one("sort", None));
        assert_eq!(read("page=1&page=2").len(), 2);
    }

    #[test]
    fn a_parameter_is_refused_unless_its_base_name_is_a_custom_one() {
        let refused = |query| {
            unsupported_parameters(query)
                .iter()
                .map(|problem| problem.source.clone())
                .collect::<Vec<_>>()
        };
        let parameter = |name: &str| Source::Parameter(name.to_owned());
        for query in [
            "",
            "&&",
            "dryRun=1",
            "utm_source=x&trace-id=y&v2",
            "camelCase[page]=1",
            "f%C3%BC=1",
            "a+b=1",
        ] {
            assert_eq!(refused(query), [], "{query}");
        }
        assert_eq!(
            refused("include=&foo=1&foo=2&dryRun=1"),
            [parameter("include"), parameter("foo")]
        );
        assert_eq!(refused("page%5BSize%5D=1"), [parameter("page[Size]")]);
        for name in [
            "=1",
            "_a=1",
            "a.b=1",
            "A-=1",
            "%40Context=1",
            "%FF",
            "[A]=1",
        ] {
            assert_eq!(refused(name).len(), 1, "{name}");
        }
    }
}
