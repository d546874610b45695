//! Where an identifier begins and ends, and how it is cut: `src/http.rs` into `src` and `http.rs`, `getUserById` into
//! `get`, `User`, `By` and `Id`.

/// What may stand between the words of one identifier. Two dots or two hyphens are punctuation between sentences.
const JOINTS: [&str; 13] = [
    "-", ".", "/", "\\", ":", "::", "://", ":\\", "@", "_", "+", "#", "=",
];

/// Whether the text between two words makes them one identifier.
pub(super) fn is_joint(between: &str) -> bool {
    JOINTS.contains(&between)
}

/// The segments of an identifier, as in a path: between all punctuation but `-`, `.`, `_` and the apostrophe.
pub(super) fn segments(identifier: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| c.is_ascii_punctuation() && !matches!(c, '-' | '.' | '_' | '\'');
    identifier
        .split(ends)
        .map(trimmed)
        .filter(|segment| !segment.is_empty())
}

/// An identifier without the punctuation around it: `init` of `__init__`.
pub(super) fn trimmed(identifier: &str) -> &str {
    identifier.trim_matches(|c: char| c.is_ascii_punctuation())
}

/// The parts of a segment: between punctuation, and where its case changes.
pub(super) fn parts(segment: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| c.is_ascii_punctuation() && c != '\'';
    segment
        .split(ends)
        .flat_map(by_case)
        .map(trimmed)
        .filter(|part| !part.is_empty())
}

/// Cuts before a capital that follows a small letter, and before one that begins a word: `HTTP|Server`, `utf8|Encode`.
fn by_case(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = case_change(rest).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        rest = after;
        (!part.is_empty()).then_some(part)
    })
}

/// Where the case changes first. The plural of an abbreviation (`URLs`) is one part.
fn case_change(text: &str) -> Option<usize> {
    let mut letters = text.char_indices().peekable();
    let (_, mut before) = letters.next()?;
    while let Some((at, letter)) = letters.next() {
        if letter.is_uppercase() {
            let next = letters.peek();
            let begins_a_word =
                next.is_some_and(|(next, c)| c.is_lowercase() && text.get(*next..) != Some("s"));
            let is_after_capital = before.is_uppercase() || before.is_numeric();
            if before.is_lowercase() || is_after_capital && begins_a_word {
                return Some(at);
            }
        }
        before = letter;
    }
    None
}
