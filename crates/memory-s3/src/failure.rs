//! Why a call to S3 failed: the words for the log, and S3's code and request id as data.
//!
//! A caller never sees any of it. The module must not know which call it was.

use std::fmt;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;

/// Why a call to S3 failed. The words can name the bucket and the role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// What happened, for the log alone.
    pub what: String,
    /// The code of S3's response.
    pub code: Option<String>,
    /// S3's own id of the request, which AWS asks for.
    pub request_id: Option<String>,
}

impl Failure {
    /// The failure that an error of the SDK reports, in these words.
    pub(crate) fn of<E>(error: &SdkError<E>, what: String) -> Self
    where
        E: ProvideErrorMetadata + RequestId,
    {
        let request_id = error.as_service_error().and_then(RequestId::request_id);
        Self {
            what,
            code: code(error).map(str::to_owned),
            request_id: request_id.map(str::to_owned),
        }
    }

    /// The same failure, with words before its own.
    #[must_use]
    pub fn after(self, words: &str) -> Self {
        let what = format!("{words}: {}", self.what);
        Self { what, ..self }
    }
}

/// The code of S3's response, if there was one. It is S3's only if its document is whole: the SDK makes up
/// a code where there is no document, and reads one that was cut off.
pub(crate) fn code<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Option<&str> {
    let SdkError::ServiceError(response) = error else {
        return None;
    };
    let document = response.raw().body().bytes().unwrap_or_default();
    let is_whole = document.trim_ascii_end().ends_with(b"</Error>");
    let code = response.err().code();
    code.filter(|code| is_whole && !code.is_empty())
}

impl From<String> for Failure {
    fn from(what: String) -> Self {
        Self {
            what,
            ..Self::default()
        }
    }
}

impl From<&str> for Failure {
    fn from(what: &str) -> Self {
        what.to_owned().into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_before_a_failure_leave_what_s3_said_of_it() {
        let failure = Failure {
            code: Some("SlowDown".to_owned()),
            ..Failure::from("S3 is busy".to_owned())
        };
        let after = failure.clone().after("page 2");
        assert_eq!(after.to_string(), "page 2: S3 is busy");
        assert_eq!(after.code, failure.code);
    }
}
