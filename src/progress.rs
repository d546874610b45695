//! What a person who waits sees on stderr, if stderr is a terminal.
//!
//! The clock alone draws it, never what is counted: a line drawn for each of many things would fill
//! a slow terminal, and a recording of it. The module must not know what is counted.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// The time between two drawings: a person sees it move.
const TURN: Duration = Duration::from_millis(200);
/// Goes to the start of a terminal's line and erases it (ECMA-48: CR, EL).
const ERASE: &str = "\r\u{1b}[2K";

/// A counter of these things, unless stdout shows the things themselves.
#[must_use]
pub fn counter(things: &str) -> ProgressBar {
    if io::stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    on_terminal(
        None,
        &format!("{{spinner}} {{human_pos}} {things}, {{rate}}/s, {{elapsed}}"),
    )
}

/// A line for stderr in the place of what is drawn there, which its next turn draws again below.
#[must_use]
pub fn instead(progress: &ProgressBar, line: &str) -> String {
    match progress.is_hidden() {
        true => line.to_owned(),
        false => format!("{ERASE}{line}"),
    }
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
    let progress = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(template) {
        progress.set_style(style.with_key("rate", rate));
    }
    progress.enable_steady_tick(TURN);
    progress
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is not negative, and fractions of it tell nobody anything"
)]
fn rate(state: &ProgressState, out: &mut dyn std::fmt::Write) {
    let _ = write!(out, "{}", HumanCount(state.per_sec() as u64));
}
