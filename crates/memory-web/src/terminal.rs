//! Texts of others, such as those from a bucket, shown on a terminal: no character of theirs controls it.
//!
//! Pure. The module must not know what a text means, or print.

/// Longest line on stderr, in characters: a key has at most 1,024 bytes, an error may quote more.
const LINE_CHARS_MAX: usize = 4_000;

/// A text of others on one line, without characters that control a terminal.
#[must_use]
pub fn on_one_line(text: &str) -> String {
    let shown = |character: char| match controls_a_terminal(character) {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    };
    text.chars().take(LINE_CHARS_MAX).map(shown).collect()
}

/// The same JSON with escapes for characters that control a terminal. JSON has them raw only inside
/// strings.
#[must_use]
pub fn json_for_terminal(json: &[u8]) -> Vec<u8> {
    let shown = |character: char| match controls_a_terminal(character) {
        true => format!("\\u{:04x}", u32::from(character)),
        false => character.to_string(),
    };
    let text = String::from_utf8_lossy(json);
    text.chars().map(shown).collect::<String>().into_bytes()
}

/// Whether a terminal obeys this character: a control character (Unicode category Cc), or one that
/// changes the direction of text and so hides what is written (Unicode property `Bidi_Control`,
/// <https://www.unicode.org/reports/tr9/>).
fn controls_a_terminal(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_the_same_json_with_escapes() {
        let json = "{\"content\":\"a\u{9b}31m \u{7f} \u{202e}cba\u{2069} é \\n\"}";
        let shown = String::from_utf8(json_for_terminal(json.as_bytes())).unwrap();
        assert_eq!(
            shown,
            r#"{"content":"a\u009b31m \u007f \u202ecba\u2069 é \n"}"#
        );
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&shown), value(json));
    }

    #[test]
    fn a_report_is_one_line_that_no_terminal_obeys() {
        let line = on_one_line("bad: a\nb\u{1b}[2J\u{85}\u{200f}ü");
        assert_eq!(line, r"bad: a\nb\u{1b}[2J\u{85}\u{200f}ü");
        assert_eq!(on_one_line(&"x".repeat(5_000)).len(), LINE_CHARS_MAX);
    }
}
