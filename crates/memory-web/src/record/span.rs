//! A record as a span, by the conventions of OpenTelemetry
//! (<https://opentelemetry.io/docs/specs/semconv/http/http-spans/>).
//!
//! It has less than the line of the log: a reader of traces is not always a reader of the log. The path
//! is that of the route, because a caller can write anything into the others.

use memory_trace::span::Attributes;

use super::{Members, Outcome, Surface};

/// The method of MCP that every tool is called by.
const CALL: &str = "tools/call";

/// Fills the span of a request.
pub(super) fn fill(span: &Attributes<'_>, members: &Members) {
    match members.surface {
        Surface::Http | Surface::Lambda => of_http(span, members),
        Surface::Stdio => {
            let name = members.tool.map(|tool| format!("{CALL} {tool}"));
            span.name(name.unwrap_or_else(|| "message".to_owned()));
        }
    }
    if members.surface == Surface::Lambda {
        span.text("faas.trigger", "http");
        span.text("faas.invocation_id", &members.request_id);
        span.flag("faas.coldstart", members.is_cold);
    }
    if let Some(tool) = members.tool {
        span.text("mcp.method.name", CALL);
        span.text("gen_ai.tool.name", tool);
    }
    let outcome = members.outcome();
    span.text("memory.outcome", outcome.name());
    span.text("memory.request_id", &members.request_id);
    if let Some(id) = members.about.memory_id {
        span.text("memory.id", &id.to_string());
    }
    let storage = &members.storage;
    for (name, count) in [
        ("memory.s3.lists", storage.lists),
        ("memory.s3.gets", storage.gets),
        ("memory.s3.puts", storage.puts),
    ] {
        if count > 0 {
            span.number(name, count);
        }
    }
    let code = members.codes.first().copied();
    if let Some(code) = code {
        span.text("memory.code", code);
    }
    match outcome {
        Outcome::NotWritten | Outcome::Unknown | Outcome::Failed => {
            span.failed(code);
        }
        // The mistake of a caller is no failure of a server.
        Outcome::Stored
        | Outcome::Repeated
        | Outcome::Refused
        | Outcome::Read
        | Outcome::Changed
        | Outcome::Unchanged
        | Outcome::Answered
        | Outcome::Abandoned => {}
    }
}

fn of_http(span: &Attributes<'_>, members: &Members) {
    // The conventions have a word for methods that a client made up.
    let method = members.method.filter(|method| *method != "other");
    let name = method.unwrap_or("HTTP");
    span.name(match members.route {
        Some(route) => format!("{name} {route}"),
        None => name.to_owned(),
    });
    span.text("http.request.method", method.unwrap_or("_OTHER"));
    span.text(
        "url.scheme",
        match members.surface {
            Surface::Lambda => "https",
            Surface::Http | Surface::Stdio => "http",
        },
    );
    if let Some(route) = members.route {
        span.text("http.route", route);
        if !route.contains('{') {
            span.text("url.path", route);
        }
    }
    if let Some(status) = members.status {
        span.number("http.response.status_code", status.into());
    }
}
