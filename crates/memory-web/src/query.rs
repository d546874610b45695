//! Query parameters: this service has none. It refuses each one that JSON:API does not let it ignore
//! (contract 3.4, <https://jsonapi.org/format/1.1/#query-parameters-custom>).

use std::borrow::Cow;
use std::collections::BTreeSet;

use memory_log::fault::VIOLATIONS_LISTED_MAX;
use memory_log::json::quoted;
use percent_encoding::percent_decode_str;

use crate::problem::{Code, Problem, Source};

/// A problem for each unsupported parameter of a raw query, once for each name.
#[must_use]
pub fn unsupported_parameters(query: &str) -> Vec<Problem> {
    let mut names = BTreeSet::new();
    let mut problems = Vec::new();
    let mut unlisted = 0;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let encoded = pair.split('=').next().unwrap_or_default().replace('+', " ");
        let decoded: Cow<'_, [u8]> = percent_decode_str(&encoded).into();
        let name = String::from_utf8_lossy(&decoded).into_owned();
        if std::str::from_utf8(&decoded).is_ok_and(may_be_ignored) || !names.insert(name.clone()) {
            continue;
        }
        if problems.len() < VIOLATIONS_LISTED_MAX {
            problems.push(unsupported(name));
        } else {
            unlisted += 1;
        }
    }
    Problem::and_unlisted(problems, unlisted)
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
