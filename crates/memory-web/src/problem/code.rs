//! The table of failures: for each code its HTTP status, its title, its form in JSON-RPC, and its
//! severity in the log (contract 3.8).

/// Every kind of failure that this service reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table below says what each means")]
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
    Unauthorized,
    Forbidden,
    UnsupportedMediaType,
    NotAcceptable,
    NotFound,
    MethodNotAllowed,
    TooLarge,
    Overloaded,
    IssuerUnavailable,
    NameCollision,
    StorageUnavailable,
    StorageRefused,
    StorageOutcomeUnknown,
    LogDamaged,
    InvalidParameter,
    ScopeRequired,
    Locked,
    Immutable,
    IdMismatch,
    ChangedMeanwhile,
    Deleted,
    PreconditionFailed,
    ScopeTooLarge,
    TooManyChanges,
    PreconditionRequired,
    LogNewer,
    ViewBuilding,
    Contended,
    Internal,
}

impl Code {
    /// Every code, once.
    pub const ALL: [Self; 44] = [
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
        Self::Unauthorized,
        Self::Forbidden,
        Self::UnsupportedMediaType,
        Self::NotAcceptable,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::TooLarge,
        Self::Overloaded,
        Self::IssuerUnavailable,
        Self::NameCollision,
        Self::StorageUnavailable,
        Self::StorageRefused,
        Self::StorageOutcomeUnknown,
        Self::LogDamaged,
        Self::InvalidParameter,
        Self::ScopeRequired,
        Self::Locked,
        Self::Immutable,
        Self::IdMismatch,
        Self::ChangedMeanwhile,
        Self::Deleted,
        Self::PreconditionFailed,
        Self::ScopeTooLarge,
        Self::TooManyChanges,
        Self::PreconditionRequired,
        Self::LogNewer,
        Self::ViewBuilding,
        Self::Contended,
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
            Self::Unauthorized => (401, "unauthorized", "Unauthorized"),
            Self::Forbidden => (403, "forbidden", "Forbidden"),
            Self::UnsupportedMediaType => (415, "unsupported_media_type", "Unsupported media type"),
            Self::NotAcceptable => (406, "not_acceptable", "Not acceptable"),
            Self::NotFound => (404, "not_found", "Not found"),
            Self::MethodNotAllowed => (405, "method_not_allowed", "Method not allowed"),
            Self::TooLarge => (413, "too_large", "Content too large"),
            Self::Overloaded => (503, "overloaded", "Overloaded"),
            Self::IssuerUnavailable => (503, "issuer_unavailable", "Issuer unavailable"),
            Self::NameCollision => (409, "name_collision", "Name collision"),
            Self::StorageUnavailable => (503, "storage_unavailable", "Storage unavailable"),
            Self::StorageRefused => (500, "storage_refused", "Storage refused the request"),
            Self::StorageOutcomeUnknown => (504, "storage_outcome_unknown", "Outcome unknown"),
            Self::LogDamaged => (500, "log_damaged", "Log damaged"),
            Self::InvalidParameter => (400, "invalid_parameter", "Invalid query parameter"),
            Self::ScopeRequired => (400, "scope_required", "Scope required"),
            Self::Locked => (403, "locked", "Memory locked"),
            Self::Immutable => (403, "immutable", "Memories are immutable"),
            Self::IdMismatch => (409, "id_mismatch", "Resource id conflict"),
            Self::ChangedMeanwhile => (409, "changed_meanwhile", "Changed meanwhile"),
            Self::Deleted => (410, "deleted", "Memory deleted"),
            Self::PreconditionFailed => (412, "precondition_failed", "Precondition failed"),
            Self::ScopeTooLarge => (422, "scope_too_large", "Scope too large"),
            Self::TooManyChanges => (422, "too_many_changes", "Too many changes"),
            Self::PreconditionRequired => (428, "precondition_required", "Precondition required"),
            Self::LogNewer => (500, "log_newer", "Log newer than the service"),
            Self::ViewBuilding => (503, "view_building", "View being built"),
            Self::Contended => (503, "contended", "Contended"),
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

    /// Whether the response asks the caller to repeat the request, with `Retry-After`.
    #[must_use]
    pub const fn asks_for_a_repeat(self) -> bool {
        matches!(
            self,
            Self::Overloaded
                | Self::IssuerUnavailable
                | Self::StorageUnavailable
                | Self::StorageOutcomeUnknown
                | Self::ViewBuilding
                | Self::Contended
        )
    }

    /// The error code of JSON-RPC for a message that is refused before it is read
    /// (<https://www.jsonrpc.org/specification#error_object>): internal error, or invalid request.
    #[must_use]
    pub(crate) const fn json_rpc(self) -> i32 {
        match self.status() {
            500.. => -32603,
            _ => -32600,
        }
    }

    /// How serious it is for the operator.
    #[must_use]
    pub(crate) const fn severity(self) -> Severity {
        match self.status() {
            500 => Severity::Error,
            501.. => Severity::Warning,
            _ => Severity::Info,
        }
    }
}

/// How serious a failure is for the operator: the level of its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// The operator must act.
    Error,
    /// The storage is not well, or the process has too much to do.
    Warning,
    /// The caller made a mistake.
    Info,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_a_name_and_a_title_of_its_own() {
        let of = |text: fn(Code) -> &'static str| {
            Code::ALL.map(text).into_iter().collect::<BTreeSet<_>>()
        };
        assert_eq!(of(Code::name).len(), Code::ALL.len());
        assert_eq!(of(Code::title).len(), Code::ALL.len());
    }

    #[test]
    fn only_a_503_or_504_asks_for_a_repeat() {
        for code in Code::ALL {
            let repeats = matches!(code.status(), 503 | 504);
            assert_eq!(code.asks_for_a_repeat(), repeats, "{code:?}");
        }
    }

    #[test]
    fn a_500_is_an_error_another_5xx_a_warning_and_the_rest_information() {
        assert_eq!(Code::StorageRefused.severity(), Severity::Error);
        assert_eq!(Code::Internal.severity(), Severity::Error);
        assert_eq!(Code::Overloaded.severity(), Severity::Warning);
        assert_eq!(Code::StorageUnavailable.severity(), Severity::Warning);
        assert_eq!(Code::StorageOutcomeUnknown.severity(), Severity::Warning);
        assert_eq!(Code::Required.severity(), Severity::Info);
        assert_eq!(
            (Code::Internal.json_rpc(), Code::TooLarge.json_rpc()),
            (-32603, -32600)
        );
    }
}
