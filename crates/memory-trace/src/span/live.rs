//! Spans of `tracing`, which its layer for OpenTelemetry exports.

use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanRef, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, KeyValue};
use tracing::info_span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::Sender;

/// The target of every span of this crate. The log shows none of them.
pub const SPANS: &str = "memory_spans";

/// The word of the conventions for a failure without a code
/// (<https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/>).
const UNNAMED: &str = "_OTHER";

static HIDES_NAMES: AtomicBool = AtomicBool::new(false);

/// Leaves the names of domains and entities out of every span.
pub fn hide_names() {
    HIDES_NAMES.store(true, Ordering::Relaxed);
}

/// A span, which ends when its last copy is dropped.
#[derive(Debug, Clone)]
pub struct Span(tracing::Span);

impl Default for Span {
    /// The span of nothing. Calls below it have none either.
    fn default() -> Self {
        Self(tracing::Span::none())
    }
}

impl Span {
    /// Begins the span of a request, below that of its sender if it names one.
    #[must_use]
    pub fn of_request<'a>(sender: impl FnOnce() -> Option<Sender<'a>>) -> Self {
        let span = info_span!(target: SPANS, parent: None, "request", otel.kind = "server");
        if !span.is_disabled()
            && let Some(parent) = sender().and_then(context)
        {
            // It fails without the layer alone, and then nothing is exported.
            let _ = span.set_parent(Context::new().with_remote_span_context(parent));
        }
        Self(span)
    }

    /// Begins the span of a call that this request makes.
    #[must_use]
    pub fn of_call(&self, name: &'static str) -> Self {
        if self.0.is_disabled() {
            return Self::default();
        }
        let span = info_span!(target: SPANS, parent: &self.0, "call", otel.kind = "client", otel.name = name);
        Self(span)
    }

    /// Fills the span, if it is recorded.
    pub fn fill(&self, fill: impl FnOnce(&Attributes<'_>)) {
        if self.0.is_disabled() {
            return;
        }
        let context = self.0.context();
        let span = context.span();
        if span.is_recording() {
            fill(&Attributes(span));
        }
    }

    /// The 32 digits of its trace.
    #[must_use]
    pub fn trace_id(&self) -> Option<String> {
        Some(self.context()?.trace_id().to_string())
    }

    /// The header field that names this span as the sender of a request.
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        let context = self.context()?;
        let (trace, span) = (context.trace_id(), context.span_id());
        let flags = context.trace_flags() & TraceFlags::SAMPLED;
        Some(format!("00-{trace}-{span}-{flags:02x}"))
    }

    fn context(&self) -> Option<SpanContext> {
        if self.0.is_disabled() {
            return None;
        }
        let context = self.0.context().span().span_context().clone();
        context.is_valid().then_some(context)
    }
}

fn context(sender: Sender<'_>) -> Option<SpanContext> {
    let state = sender.state;
    let state = state.and_then(|state| TraceState::from_str(&state).ok());
    let flags = match sender.is_sampled {
        true => TraceFlags::SAMPLED,
        false => TraceFlags::NOT_SAMPLED,
    };
    Some(SpanContext::new(
        TraceId::from_hex(sender.trace_id).ok()?,
        SpanId::from_hex(sender.span_id).ok()?,
        flags,
        true,
        state.unwrap_or_default(),
    ))
}

/// What a span says about itself.
pub struct Attributes<'s>(SpanRef<'s>);

impl Attributes<'_> {
    /// Gives the span another name.
    pub fn name(&self, name: String) {
        self.0.update_name(name);
    }

    /// Adds a text.
    pub fn text(&self, name: &'static str, value: &str) {
        self.0.set_attribute(KeyValue::new(name, value.to_owned()));
    }

    /// Adds a text with the name of a domain or an entity in it, unless those are hidden.
    pub fn name_of_memory(&self, name: &'static str, value: &str) {
        if !HIDES_NAMES.load(Ordering::Relaxed) {
            self.text(name, value);
        }
    }

    /// Adds a number.
    pub fn number(&self, name: &'static str, value: usize) {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.0.set_attribute(KeyValue::new(name, value));
    }

    /// Adds whether something is so.
    pub fn flag(&self, name: &'static str, value: bool) {
        self.0.set_attribute(KeyValue::new(name, value));
    }

    /// Says that it failed, and by which code. There are no words: those of S3 can have names in them.
    pub fn failed(&self, code: Option<&str>) {
        self.text("error.type", code.unwrap_or(UNNAMED));
        self.0.set_status(Status::error(""));
    }
}
