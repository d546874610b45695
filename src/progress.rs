//! What a person who waits sees on stderr, if stderr is a terminal.
//!
//! The module must not know what is counted.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Lines that are drawn a second. More would fill a slow terminal, and a log of it.
const DRAWN_A_SECOND: u8 = 10;

/// A counter of these things.
#[must_use]
pub fn counter(things: &str) -> ProgressBar {
    on_terminal(
        None,
        &format!("{{spinner}} {{human_pos}} {things}, {{per_sec}}, {{elapsed}}"),
    )
}

/// A bar from 0 to 100.
#[must_use]
pub fn percent(what: &str) -> ProgressBar {
    on_terminal(
        Some(100),
        &format!("{{spinner}} {what} {{wide_bar}} {{percent}} %, {{elapsed}}"),
    )
}

fn on_terminal(length: Option<u64>, template: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let target = ProgressDrawTarget::stderr_with_hz(DRAWN_A_SECOND);
    let progress = ProgressBar::with_draw_target(length, target);
    if let Ok(style) = ProgressStyle::with_template(template) {
        progress.set_style(style);
    }
    progress.enable_steady_tick(Duration::from_millis(200));
    progress
}
