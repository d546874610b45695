//! Spans of a build without OpenTelemetry: none.

use std::convert::Infallible;
use std::marker::PhantomData;

use super::Sender;

/// Nothing.
#[derive(Debug, Clone, Default)]
pub struct Span(());

/// Nothing that could be filled.
#[derive(Debug)]
pub struct Attributes<'s>(Infallible, PhantomData<&'s ()>);

#[expect(
    missing_docs,
    reason = "the other form of this module says what each is for"
)]
impl Span {
    #[must_use]
    pub fn of_request<'a>(_: impl FnOnce() -> Option<Sender<'a>>) -> Self {
        Self(())
    }

    #[must_use]
    pub fn of_call(&self, _: &'static str) -> Self {
        Self(())
    }

    pub fn fill(&self, _: impl FnOnce(&Attributes<'_>)) {}

    #[must_use]
    pub fn trace_id(&self) -> Option<String> {
        None
    }

    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        None
    }
}

#[expect(
    missing_docs,
    reason = "the other form of this module says what each is for"
)]
impl Attributes<'_> {
    pub fn name(&self, _: String) {
        match self.0 {}
    }

    pub fn text(&self, _: &'static str, _: &str) {
        match self.0 {}
    }

    pub fn name_of_memory(&self, _: &'static str, _: &str) {
        match self.0 {}
    }

    pub fn number(&self, _: &'static str, _: usize) {
        match self.0 {}
    }

    pub fn flag(&self, _: &'static str, _: bool) {
        match self.0 {}
    }

    pub fn failed(&self, _: Option<&str>) {
        match self.0 {}
    }
}
