//! The flat form of a result: what a tool returns, and what a caller gets who prefers
//! `application/json`.
//!
//! The module must not know which tool it is.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use crate::problem::{Problem, in_words};

/// `status` of a result that is not a failure.
pub const OK: &str = "ok";
const ERROR: &str = "error";

/// A flat document, and whether it is that of a failure.
#[derive(Debug, Clone)]
pub struct Flat {
    document: Box<RawValue>,
    is_error: bool,
}

/// The memory was refused, or it is not proved to be durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ToolError {
    #[schema(schema_with = error_schema)]
    status: &'static str,
    /// Every fault in words, and what to do.
    error: String,
}

impl ToolError {
    /// A failure in these words.
    #[must_use]
    pub fn new(error: String) -> Self {
        Self {
            status: ERROR,
            error,
        }
    }
}

impl Flat {
    /// The document of a call that did what it was asked for.
    #[must_use]
    pub fn success(result: &impl Serialize) -> Self {
        Self::of(result, false)
    }

    /// A failure with these problems: every detail, joined by a space.
    #[must_use]
    pub fn failure(problems: &[Problem]) -> Self {
        Self::failed(in_words(problems))
    }

    /// A failure in these words.
    #[must_use]
    pub fn failed(error: String) -> Self {
        Self::failure_of(&ToolError::new(error))
    }

    /// The document of a failure.
    #[must_use]
    pub fn failure_of(error: &ToolError) -> Self {
        Self::of(error, true)
    }

    #[expect(clippy::expect_used, reason = "results have strings for keys")]
    fn of(result: &impl Serialize, is_error: bool) -> Self {
        let document = to_raw_value(result).expect("a document of strings and lists");
        Self { document, is_error }
    }

    /// Whether the call failed.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.is_error
    }

    /// The document.
    #[must_use]
    pub fn document(&self) -> &str {
        self.document.get()
    }

    pub(crate) fn raw(&self) -> &RawValue {
        &self.document
    }
}

fn error_schema() -> Object {
    always(
        "ToolErrorStatus",
        ERROR,
        "The memory was refused, or it is not proved to be durable.",
    )
}

/// The schema of a member that is always this word. Generators name its type by the title.
#[must_use]
pub fn always(title: &str, word: &str, meaning: &str) -> Object {
    ObjectBuilder::new()
        .title(Some(title))
        .schema_type(Type::String)
        .enum_values(Some([word]))
        .description(Some(meaning))
        .build()
}
