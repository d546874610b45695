//! Names of domains and entities, hashed where the operator wants it. Equal names have equal hashes, so
//! a log can still be searched. Whoever guesses a name can check the guess.

use std::fmt::Write;

use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

/// Digits of a hash: enough that two names of one log have not the same one.
const DIGITS: usize = 16;

/// The hash of a name: the first digits of its SHA-256.
pub(super) fn hashed(name: &str) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(name).iter().take(DIGITS / 2) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A text with the names in its keys and prefixes hashed: what is between `domain=` or `entity=` and the
/// next slash. In keys names are percent-encoded.
pub(super) fn veiled(text: &str) -> String {
    let mut veiled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = next_name(rest) {
        let (before, after) = rest.split_at(at);
        let (name, after) = after.split_at(after.find(is_end).unwrap_or(after.len()));
        veiled.push_str(before);
        if !name.is_empty() {
            veiled.push_str(&hashed(&percent_decode_str(name).decode_utf8_lossy()));
        }
        rest = after;
    }
    veiled.push_str(rest);
    veiled
}

/// Where the next name begins.
fn next_name(text: &str) -> Option<usize> {
    let after = |mark: &str| text.find(mark).map(|at| at + mark.len());
    match (after("domain="), after("entity=")) {
        (Some(domain), Some(entity)) => Some(domain.min(entity)),
        (domain, entity) => domain.or(entity),
    }
}

/// No percent-encoded name has such a character.
fn is_end(character: char) -> bool {
    !(character.is_ascii_alphanumeric() || "-._~%".contains(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_what_sha256sum_prints() {
        // printf %s work | sha256sum | cut -c1-16
        assert_eq!(hashed("work"), "sha256:00e13ed7af55b276");
    }

    #[test]
    fn the_names_in_a_key_have_the_hashes_of_the_names() {
        let (work, rob) = (hashed("work"), hashed("rob/ä"));
        let key = "memories/domain=work/entity=rob%2F%C3%A4/2026/01/27/x.json";
        let expected = format!("memories/domain={work}/entity={rob}/2026/01/27/x.json");
        assert_eq!(veiled(key), expected);
        let said = format!("{key}: AccessDenied on \"arn:aws:s3:::b/{key}\"");
        let veiled_twice = format!("{expected}: AccessDenied on \"arn:aws:s3:::b/{expected}\"");
        assert_eq!(veiled(&said), veiled_twice);
        for (text, expected) in [
            ("nothing to hide", "nothing to hide".to_owned()),
            ("memories/domain=work/", format!("memories/domain={work}/")),
            ("domain=work", format!("domain={work}")),
            ("the entity=rob%2F%C3%A4", format!("the entity={rob}")),
            ("domain= entity=", "domain= entity=".to_owned()),
        ] {
            assert_eq!(veiled(text), expected);
        }
    }
}
