//! A JSON object that is written member by member, and how times stand in it.

use std::fmt::{self, Write};
use std::time::{Duration, SystemTime};

use memory_log::json::spell_onto;
use memory_log::timestamp::{Timestamp, unix_micros};

/// A JSON object that is being written.
pub(super) struct Object(String);

impl Object {
    pub(super) fn begin() -> Self {
        // Records have less, with their metrics, unless a text in them is long.
        Self(String::with_capacity(1_536))
    }

    pub(super) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        spell_onto(&mut self.0, value);
    }

    pub(super) fn given(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    pub(super) fn number(&mut self, name: &str, value: impl fmt::Display) {
        self.name(name);
        let _ = write!(self.0, "{value}");
    }

    pub(super) fn count(&mut self, name: &str, value: usize) {
        if value > 0 {
            self.number(name, value);
        }
    }

    /// Adds a member whose value is JSON.
    pub(super) fn raw(&mut self, name: &str, value: &str) {
        self.name(name);
        self.0.push_str(value);
    }

    fn name(&mut self, name: &str) {
        let begins = if self.0.is_empty() { '{' } else { ',' };
        self.0.push(begins);
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
    }
}

/// A time in milliseconds, to the microsecond.
pub(super) struct Millis(pub(super) Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        write!(f, "{}.{:03}", micros / 1_000, micros % 1_000)
    }
}

/// The time as a record and CloudWatch have it, to the millisecond.
pub(super) fn timestamp(at: SystemTime) -> Timestamp {
    Timestamp::from_unix_micros(unix_micros(at) / 1_000 * 1_000)
}

/// The milliseconds since 1970.
pub(super) fn unix_millis(at: SystemTime) -> i64 {
    timestamp(at).unix_micros() / 1_000
}
