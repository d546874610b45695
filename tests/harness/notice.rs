//! Messages to the person who runs the tests.

use std::io::Write;

/// Prints a line even if the test passes: the test runner hides only the standard macros.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
