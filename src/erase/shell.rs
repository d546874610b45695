//! Text for `sh`: words, comments, and lists that a command reads.
//!
//! A key can have any character, so each is quoted, and no comment ends before its line does.

use memory_web::terminal::on_one_line;

/// A word that a shell takes for this text and nothing else.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Comments with this text, each of one line. What a text from a bucket has of line breaks is escaped.
pub(super) fn comment(text: &str) -> String {
    match on_one_line(text) {
        line if line.is_empty() => "#\n".to_owned(),
        line => format!("# {line}\n"),
    }
}

/// What a command reads: lines that no shell expands. None may be the word at their end.
pub(super) fn list(command: &str, end: &str, lines: impl IntoIterator<Item = String>) -> String {
    let lines: String = lines.into_iter().map(|line| line + "\n").collect();
    format!("{command} <<'{end}'\n{lines}{end}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_word_and_a_comment_are_each_one() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's $(x)\n-"), "'it'\\''s $(x)\n-'");
        assert_eq!(
            comment("a\nrm -r /\r\u{2028}"),
            "# a\\nrm -r /\\r\u{2028}\n"
        );
        assert_eq!(comment(""), "#\n");
        assert_eq!(
            list("cat", "END", ["$x".to_owned()]),
            "cat <<'END'\n$x\nEND\n"
        );
    }
}
