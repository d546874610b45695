//! A record as a line: JSON for machines, text for a person at a terminal.
//!
//! Written by hand, because a warm write should not pay for a serializer. A test reads every line back.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;

use super::names::{hashed, veiled};
use super::object::{Millis, Object, timestamp};
use super::{Members, Outcome, Surface, metrics};
use crate::problem::Severity;
use crate::telemetry::Form;
use crate::terminal::on_one_line;

/// Longest text of a failure or a remark, in bytes: more than S3's own messages have.
const TEXT_BYTES_MAX: usize = 2_048;

/// The line of a record, with its end. Names of domains and entities are hashed where that is asked for.
pub(super) fn of(members: &Members, took: Duration, form: &Form, hashes_names: bool) -> String {
    let names = Names {
        are_hashed: hashes_names,
    };
    let mut line = match form {
        Form::Text => text(members, took, names),
        Form::Json => json(members, took, names, None),
        Form::Metrics { function } => json(members, took, names, Some(function)),
    };
    line.push('\n');
    line
}

/// Whether names of domains and entities are hashed.
#[derive(Clone, Copy)]
struct Names {
    are_hashed: bool,
}

impl Names {
    fn name(self, name: &str) -> Cow<'_, str> {
        match self.are_hashed {
            true => Cow::Owned(hashed(name)),
            false => Cow::Borrowed(name),
        }
    }

    fn within(self, text: &str) -> Cow<'_, str> {
        let end = text.floor_char_boundary(TEXT_BYTES_MAX);
        let text = text.get(..end).unwrap_or_default();
        match self.are_hashed {
            true => Cow::Owned(veiled(text)),
            false => Cow::Borrowed(text),
        }
    }
}

fn json(members: &Members, took: Duration, names: Names, function: Option<&str>) -> String {
    let Members { about, storage, .. } = members;
    let mut object = Object::begin();
    let o = &mut object;
    o.text("timestamp", &timestamp(members.at).to_string());
    o.text("level", level(members.severity));
    o.text("message", "request");
    o.text("request_id", &members.request_id);
    o.given("trace_id", members.trace.trace_id.as_deref());
    o.given("parent_id", members.trace.parent_id.as_deref());
    o.given("xray_trace_id", members.trace.xray_trace_id.as_deref());
    o.given("caller", members.caller.as_deref());
    o.text("surface", members.surface.name());
    o.given("method", members.method);
    o.given("route", members.route);
    o.given("tool", members.tool);
    if let Some(status) = members.status {
        o.number("status", status);
    }
    o.text("outcome", members.outcome().name());
    if let Some(first) = members.codes.first() {
        o.text("code", first);
        o.text("codes", &members.codes.join(","));
    }
    let domain = about.domain.as_deref().map(|domain| names.name(domain));
    o.given("domain", domain.as_deref());
    let entity = about.entity.as_deref().map(|entity| names.name(entity));
    o.given("entity", entity.as_deref());
    if let Some(id) = about.memory_id {
        o.text("memory_id", id.hyphenated().encode_lower(&mut [0; 36]));
    }
    let key = about.key.as_deref().map(|key| names.within(key));
    o.given("key", key.as_deref());
    o.given("memory_status", about.status);
    if let Some(shown) = &members.shown {
        o.text("scopes", &names.within(&shown.scopes));
        o.number("shown", shown.memories);
    }
    if let Some(bytes) = members.bytes_in {
        o.number("bytes_in", bytes);
    }
    if let Some(bytes) = about.bytes {
        o.number("bytes_stored", bytes);
    }
    o.number("ms", Millis(took));
    if let Some(time) = storage.time {
        o.number("s3_ms", Millis(time));
    }
    if let Some(connecting) = storage.connecting {
        o.number("connect_ms", Millis(connecting));
    }
    for (name, count) in [
        ("s3_lists", storage.lists),
        ("s3_keys", storage.keys),
        ("s3_gets", storage.gets),
        ("s3_puts", storage.puts),
        ("view_hits", storage.view_hits),
        ("view_misses", storage.view_misses),
        ("views_built", storage.views_built),
    ] {
        o.count(name, count);
    }
    let why = members.why.as_ref();
    let failed = why.and_then(|why| why.s3_request_id.as_deref());
    o.given("s3_request_id", failed.or(storage.request_id.as_deref()));
    o.given("s3_code", why.and_then(|why| why.s3_code.as_deref()));
    if let Some(why) = why {
        o.text("why", &names.within(&why.what));
    }
    if !storage.remarks.is_empty() {
        o.text("remarks", &names.within(&storage.remarks.join("; ")));
    }
    if let Some(function) = function {
        o.text("function", function);
        metrics::add(o, members, took);
    }
    object.end()
}

/// One line for a person: what was asked, what became of it, and how long it took.
fn text(members: &Members, took: Duration, names: Names) -> String {
    let Members { about, storage, .. } = members;
    let mut line = String::with_capacity(256);
    // Writing to a string cannot fail.
    let _ = write!(
        line,
        "{} {:5} {}",
        timestamp(members.at),
        level(members.severity),
        members.outcome().name()
    );
    let status = members.status.map(|status| status.to_string());
    let asked = [
        members.method,
        members.route,
        members.tool,
        status.as_deref(),
    ];
    for part in asked.into_iter().flatten() {
        let _ = write!(line, " {part}");
    }
    if !members.codes.is_empty() {
        let _ = write!(line, " {}", members.codes.join(","));
    }
    let _ = write!(line, " in {} ms", Millis(took));
    if let Some(time) = storage.time {
        let _ = write!(line, " (S3 {} ms)", Millis(time));
    }
    if let Some(key) = &about.key {
        let _ = write!(line, " {}", names.within(key));
    }
    if let Some(shown) = &members.shown {
        let _ = write!(
            line,
            " {} of {}",
            shown.memories,
            names.within(&shown.scopes)
        );
    }
    if let Some(caller) = &members.caller {
        let _ = write!(line, " by {}", on_one_line(caller));
    }
    let _ = write!(line, " request_id={}", members.request_id);
    let why = members.why.as_ref().map(|why| &why.what);
    for said in why.into_iter().chain(&storage.remarks) {
        let _ = write!(line, ": {}", on_one_line(&names.within(said)));
    }
    line
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "ERROR",
        Severity::Warning => "WARN",
        Severity::Info => "INFO",
    }
}

impl Surface {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Lambda => "lambda",
            Self::Stdio => "stdio",
        }
    }
}

impl Outcome {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Repeated => "repeated",
            Self::Refused => "refused",
            Self::NotWritten => "not_written",
            Self::Unknown => "unknown",
            Self::Read => "read",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
            Self::Answered => "answered",
            Self::Abandoned => "abandoned",
        }
    }
}
