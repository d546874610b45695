//! The table of failures: HTTP status, code and title.

/// Every kind of failure that this service tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table below says of each what it means")]
pub enum Code {
    MalformedJson,
    UnsupportedParameter,
    InvalidDocument,
    InvalidType,
    Required,
    Blank,
    TooLong,
    InvalidCharacter,
    InvalidUuid,
    InvalidTimestamp,
    OutOfRange,
    TooDeep,
    UnknownField,
    TypeMismatch,
    ClientIdUnsupported,
    Forbidden,
    UnsupportedMediaType,
    NotAcceptable,
    NotFound,
    MethodNotAllowed,
    TooLarge,
    StorageUnavailable,
    StorageRefused,
    StorageOutcomeUnknown,
    Internal,
}

impl Code {
    /// Every code, once.
    pub const ALL: [Self; 25] = [
        Self::MalformedJson,
        Self::UnsupportedParameter,
        Self::InvalidDocument,
        Self::InvalidType,
        Self::Required,
        Self::Blank,
        Self::TooLong,
        Self::InvalidCharacter,
        Self::InvalidUuid,
        Self::InvalidTimestamp,
        Self::OutOfRange,
        Self::TooDeep,
        Self::UnknownField,
        Self::TypeMismatch,
        Self::ClientIdUnsupported,
        Self::Forbidden,
        Self::UnsupportedMediaType,
        Self::NotAcceptable,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::TooLarge,
        Self::StorageUnavailable,
        Self::StorageRefused,
        Self::StorageOutcomeUnknown,
        Self::Internal,
    ];

    /// The HTTP status, the code as it is spelled, and the title, which never varies.
    const fn row(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::MalformedJson => (400, "malformed_json", "Malformed JSON"),
            Self::UnsupportedParameter => {
                (400, "unsupported_parameter", "Unsupported query parameter")
            }
            Self::InvalidDocument => (422, "invalid_document", "Invalid document"),
            Self::InvalidType => (422, "invalid_type", "Wrong JSON type"),
            Self::Required => (422, "required", "Missing member"),
            Self::Blank => (422, "blank", "Blank value"),
            Self::TooLong => (422, "too_long", "Value too long"),
            Self::InvalidCharacter => (422, "invalid_character", "Control character"),
            Self::InvalidUuid => (422, "invalid_uuid", "Invalid UUID"),
            Self::InvalidTimestamp => (422, "invalid_timestamp", "Invalid timestamp"),
            Self::OutOfRange => (422, "out_of_range", "Value out of range"),
            Self::TooDeep => (422, "too_deep", "Nested too deep"),
            Self::UnknownField => (422, "unknown_field", "Unknown member"),
            Self::TypeMismatch => (409, "type_mismatch", "Resource type conflict"),
            Self::ClientIdUnsupported => (
                403,
                "client_id_unsupported",
                "Client-generated id unsupported",
            ),
            Self::Forbidden => (403, "forbidden", "Forbidden"),
            Self::UnsupportedMediaType => (415, "unsupported_media_type", "Unsupported media type"),
            Self::NotAcceptable => (406, "not_acceptable", "Not acceptable"),
            Self::NotFound => (404, "not_found", "Not found"),
            Self::MethodNotAllowed => (405, "method_not_allowed", "Method not allowed"),
            Self::TooLarge => (413, "too_large", "Content too large"),
            Self::StorageUnavailable => (503, "storage_unavailable", "Storage unavailable"),
            Self::StorageRefused => (500, "storage_refused", "Storage refused the write"),
            Self::StorageOutcomeUnknown => (504, "storage_outcome_unknown", "Outcome unknown"),
            Self::Internal => (500, "internal", "Internal error"),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.row().0
    }

    /// The code as it is spelled.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().1
    }

    /// The title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.row().2
    }
}
