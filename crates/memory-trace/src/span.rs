//! A span: one request, or one call to S3 that it makes.
//!
//! The two modules have the same items. Without the feature `otel` a span has no size, nothing is asked
//! of whoever fills it, and the compiler removes every trace of it. The module must not know what a span
//! is about.

#[cfg(feature = "otel")]
mod live;
#[cfg(feature = "otel")]
pub use live::{Attributes, SPANS, Span, hide_names};

#[cfg(not(feature = "otel"))]
mod nothing;
#[cfg(not(feature = "otel"))]
pub use nothing::{Attributes, Span};

/// The span of whoever sent a request, as its headers name it.
#[derive(Debug, Clone)]
pub struct Sender<'a> {
    /// The 32 digits of the trace.
    pub trace_id: &'a str,
    /// The 16 digits of the span.
    pub span_id: &'a str,
    /// Whether the trace is recorded.
    pub is_sampled: bool,
    /// `tracestate`, if there is one.
    pub state: Option<String>,
}
