//! The problems of HTTP itself: a request that is refused before its body means anything.

use super::{Code, Header, Problem, Source, Storage, Written};
use crate::media_type::{JSON, JSON_API};

impl Problem {
    /// 404: the path does not exist.
    #[must_use]
    pub fn not_found() -> Self {
        let detail =
            "This path does not exist. Send memories to POST /memory; see GET /openapi.json.";
        Self::new(Code::NotFound, Source::None, detail)
    }

    /// 403: the page of a foreign origin would read.
    #[must_use]
    pub fn foreign_reader() -> Self {
        let detail = "Browser pages of this origin may not read memories. The service's operator can allow the \
                      origin in MEMORY_ALLOWED_ORIGINS.";
        Self::forbidden(Source::Header(Header::Origin), detail)
    }

    /// 405: the path has other methods.
    #[must_use]
    pub fn method_not_allowed(allow: &str) -> Self {
        let detail = format!("This path supports {allow} only.");
        Self::new(Code::MethodNotAllowed, Source::None, detail)
    }

    /// 413: the body is larger than this limit in bytes.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        let detail = format!(
            "The body is larger than {limit} bytes ({} MiB): send a shorter memory.",
            limit >> 20
        );
        Self::new(Code::TooLarge, Source::None, detail)
    }

    /// 415: the body has a media type that the service does not read.
    #[must_use]
    pub fn unsupported_media_type() -> Self {
        let detail = format!(
            "The Content-Type must be {JSON_API}, without parameters other than profile, or {JSON}. Send exactly one \
             Content-Type header."
        );
        let source = Source::Header(Header::ContentType);
        Self::new(Code::UnsupportedMediaType, source, detail)
    }

    /// 415: a message of MCP has another media type than JSON.
    #[must_use]
    pub fn unsupported_message_type() -> Self {
        let detail = format!("The Content-Type of a message must be {JSON}, or be left out.");
        let source = Source::Header(Header::ContentType);
        Self::new(Code::UnsupportedMediaType, source, detail)
    }

    /// 415: the body is compressed or encoded in another way.
    #[must_use]
    pub fn unsupported_coding() -> Self {
        let detail = "The body must not be compressed: send it without Content-Encoding.";
        let source = Source::Header(Header::ContentEncoding);
        Self::new(Code::UnsupportedMediaType, source, detail)
    }

    /// 406: none of the representations is acceptable to the caller.
    #[must_use]
    pub fn not_acceptable() -> Self {
        let detail = format!(
            "The response can be {JSON_API} without parameters, or {JSON}: name one of them in Accept."
        );
        Self::new(Code::NotAcceptable, Source::Header(Header::Accept), detail)
    }

    /// 403: the caller may not call this service.
    #[must_use]
    pub fn forbidden(source: Source, detail: &str) -> Self {
        Self::new(Code::Forbidden, source, detail)
    }

    /// 401: the request has no token, or one that is not acceptable for this reason.
    #[must_use]
    pub fn unauthorized(why: Option<&str>) -> Self {
        let Some(why) = why else {
            let detail = "This service requires a token: send Authorization: Bearer and the token.";
            return Self::new(Code::Unauthorized, Source::None, detail);
        };
        let detail = format!("The token is not accepted: it {why}. Get a new one from its issuer.");
        let source = Source::Header(Header::Authorization);
        Self::new(Code::Unauthorized, source, detail)
    }

    /// 503: the keys that verify tokens cannot be fetched, so this token was not judged.
    #[must_use]
    pub fn issuer_unavailable() -> Self {
        let detail = "Your token was not judged: the keys of its issuer cannot be fetched now. Nothing was stored. \
                      Wait, then repeat the same request.";
        Self::before_storing(Code::IssuerUnavailable, detail)
    }

    /// 403: the caller may not write memories of the domain or the entity at this path.
    #[must_use]
    pub fn outside(path: &[String]) -> Self {
        let name = path.last().map(String::as_str).unwrap_or_default();
        let detail = format!(
            "You may not write memories with this {name:?}. The operator of the service can allow it. Nothing was stored."
        );
        Self::at(Code::Forbidden, path, detail)
    }

    /// 409: the disk of the service takes this name for one that is there already.
    #[must_use]
    pub fn name_collision(path: &[String], wanted: &str, there: &str) -> Self {
        let member = path.last().map(String::as_str).unwrap_or_default();
        let detail = format!(
            "{member} is {wanted:?}, and {there:?} is there already: they differ in case only, and the disk of this service \
             takes both for one name. Nothing was stored. Use {there:?}, or another name."
        );
        Self::at(Code::NameCollision, path, detail).written(Written::NotWritten)
    }

    /// 400: the connection closed before the whole body had arrived, or the body could not be decoded.
    #[must_use]
    pub fn cut_off() -> Self {
        let detail = "The body did not arrive completely: the connection broke, its framing is wrong, or it is not the \
                      base64 that its gateway says it is. Nothing was stored.";
        Self::new(Code::MalformedJson, Source::None, detail)
    }

    /// 503: the deadline passed before the body had arrived, so storing never began.
    #[must_use]
    pub fn too_slow() -> Self {
        let detail = "Nothing was stored: the time for this request ended before its body had arrived. Repeat \
                      the same request.";
        Self::before_storing(Code::StorageUnavailable, detail)
    }

    /// 503: the process has no room for another request, so storing never began.
    #[must_use]
    pub fn overloaded() -> Self {
        let detail = "Nothing was stored: the service is handling as many requests as it can. Wait, then repeat \
                      the same request.";
        Self::before_storing(Code::Overloaded, detail)
    }

    /// A failure of the service before the memory was normalized, so no timestamp can be named.
    fn before_storing(code: Code, detail: &str) -> Self {
        let storage = Some(Storage {
            written: Written::NotWritten,
            retry: None,
        });
        Self {
            storage,
            ..Self::new(code, Source::None, detail)
        }
    }

    /// 403: the caller may not read this domain or entity.
    #[must_use]
    pub fn unreadable() -> Self {
        let detail = "You may not read this scope. The operator of the service can allow it.";
        Self::new(Code::Forbidden, Source::None, detail)
    }

    /// 500: a bug that says nothing about the memory.
    #[must_use]
    pub fn internal() -> Self {
        let detail = "The service failed because of a fault of its own. Report the request id to its operator.";
        Self::new(Code::Internal, Source::None, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusals() -> [Problem; 14] {
        [
            Problem::not_found(),
            Problem::method_not_allowed("GET, HEAD"),
            Problem::too_large(4 * 1024 * 1024),
            Problem::unsupported_media_type(),
            Problem::unsupported_message_type(),
            Problem::unsupported_coding(),
            Problem::not_acceptable(),
            Problem::forbidden(Source::Header(Header::Origin), "No."),
            Problem::unauthorized(None),
            Problem::unauthorized(Some("has expired")),
            Problem::issuer_unavailable(),
            Problem::cut_off(),
            Problem::too_slow(),
            Problem::internal(),
        ]
    }

    #[test]
    fn every_refusal_says_what_is_wrong_and_what_to_do() {
        let said = refusals().map(|problem| {
            let (status, name) = (problem.code.status(), problem.code.name());
            format!("{status} {name}: {}", problem.detail)
        });
        insta::assert_snapshot!(said.join("\n"), @"
        404 not_found: This path does not exist. Send memories to POST /memory; see GET /openapi.json.
        405 method_not_allowed: This path supports GET, HEAD only.
        413 too_large: The body is larger than 4194304 bytes (4 MiB): send a shorter memory.
        415 unsupported_media_type: The Content-Type must be application/vnd.api+json, without parameters other than profile, or application/json. Send exactly one Content-Type header.
        415 unsupported_media_type: The Content-Type of a message must be application/json, or be left out.
        415 unsupported_media_type: The body must not be compressed: send it without Content-Encoding.
        406 not_acceptable: The response can be application/vnd.api+json without parameters, or application/json: name one of them in Accept.
        403 forbidden: No.
        401 unauthorized: This service requires a token: send Authorization: Bearer and the token.
        401 unauthorized: The token is not accepted: it has expired. Get a new one from its issuer.
        503 issuer_unavailable: Your token was not judged: the keys of its issuer cannot be fetched now. Nothing was stored. Wait, then repeat the same request.
        400 malformed_json: The body did not arrive completely: the connection broke, its framing is wrong, or it is not the base64 that its gateway says it is. Nothing was stored.
        503 storage_unavailable: Nothing was stored: the time for this request ended before its body had arrived. Repeat the same request.
        500 internal: The service failed because of a fault of its own. Report the request id to its operator.
        ");
    }

    #[test]
    fn a_refusal_because_of_a_header_names_it() {
        let named = refusals().map(|problem| match problem.source {
            Source::Header(header) => header.name(),
            Source::None => "",
            Source::Pointer(_) | Source::Parameter(_) => panic!("there was no body"),
        });
        assert_eq!(
            named,
            [
                "",
                "",
                "",
                "Content-Type",
                "Content-Type",
                "Content-Encoding",
                "Accept",
                "Origin",
                "",
                "Authorization",
                "",
                "",
                "",
                ""
            ]
        );
    }

    #[test]
    fn of_all_refusals_only_those_that_ask_for_a_repeat_speak_of_the_storage() {
        for problem in refusals() {
            let repeats = problem.code.asks_for_a_repeat();
            let not_written = Storage {
                written: Written::NotWritten,
                retry: None,
            };
            assert_eq!(
                problem.storage,
                repeats.then_some(not_written),
                "{problem:?}"
            );
        }
    }
}
