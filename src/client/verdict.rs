//! What an endpoint's response means for a call, and what the model that made the call is told.
//!
//! Pure. The service's own words are passed on where they are true for all attempts; a gateway in
//! front of it has its own words. The module must not know how a call is sent. Half of the file is
//! its tests.

use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use memory_log::timestamp::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::tool::ToolOutcome;
use memory_web::caller::API_KEY;
use memory_web::flat::Flat;
use memory_web::problem::Written;

/// Longest text of a gateway that is passed on, in characters.
const SAID_CHARS_MAX: usize = 300;
/// Longest error type or request id that is passed on, in characters.
const NAME_CHARS_MAX: usize = 80;
/// Longest pause that an endpoint can ask for: more than a day means never.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// What to do about a missing or wrong key.
const KEY_IS_SET: &str = "Set MEMORY_API_KEY to it where this program is started: in the agent's configuration under env.";

/// Why an attempt did not prove that the memory is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    /// What is said about it.
    pub words: Words,
    /// Whether the memory was stored.
    pub written: Written,
    /// What may help.
    pub next: Next,
    /// The status of the response, if there was one.
    pub status: Option<u16>,
}

/// What is said about a failure, in full sentences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words {
    /// The service's own words and the status of its response: they say everything about this
    /// attempt.
    Service(u16, String),
    /// A gateway's words, or ours: only what went wrong.
    Other(String),
}

/// What may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A repeat, after this time.
    Repeat(Duration),
    /// The same request with new credentials.
    NewCredentials,
    /// Nothing that this client can do.
    GiveUp,
}

/// Judges a whole response.
///
/// # Errors
/// [`CallError`] unless the response is the service's receipt.
pub fn judge(response: &Response<Vec<u8>>, now: SystemTime) -> Result<ToolOutcome, CallError> {
    let status = response.status();
    let body = serde_json::from_slice::<Value>(response.body()).unwrap_or_default();
    receipt(status, &body).ok_or_else(|| failed(response, &body, now))
}

/// Judges a whole response to a call of a tool of recall.
///
/// # Errors
/// [`CallError`] unless the response has the tool's result, which may be that of a failure.
pub fn result(response: &Response<Vec<u8>>, now: SystemTime) -> Result<Flat, CallError> {
    let called = serde_json::from_slice::<Called>(response.body());
    let result = called.ok().and_then(|called| called.result);
    match result.filter(|_| response.status() == StatusCode::OK) {
        Some(result) if result.is_error => {
            let error = serde_json::from_str::<Value>(result.document.get()).unwrap_or_default();
            let words = error.get("error").and_then(Value::as_str);
            Ok(Flat::failed(words.unwrap_or("The call failed.").to_owned()))
        }
        Some(result) => Ok(Flat::success(&result.document)),
        None => Err(without_result(response, now)),
    }
}

/// Reads the names of the tools that a route lists.
///
/// # Errors
/// [`CallError`] if the response lists none.
pub fn tools(response: &Response<Vec<u8>>, now: SystemTime) -> Result<Vec<String>, CallError> {
    let body = serde_json::from_slice::<Value>(response.body()).unwrap_or_default();
    let listed = body.pointer("/result/tools").and_then(Value::as_array);
    let listed = listed.filter(|_| response.status() == StatusCode::OK);
    let name = |tool: &Value| Some(tool.get("name")?.as_str()?.to_owned());
    let names = listed.map(|tools| tools.iter().filter_map(name).collect());
    names.ok_or_else(|| without_result(response, now))
}

/// A response to a call of a tool.
#[derive(Deserialize)]
struct Called {
    result: Option<ResultOfCall>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResultOfCall {
    /// Passed on as it is.
    #[serde(rename = "structuredContent")]
    document: Box<RawValue>,
    #[serde(default)]
    is_error: bool,
}

/// A response without the result of a tool: an error of JSON-RPC, or of something in front.
fn without_result(response: &Response<Vec<u8>>, now: SystemTime) -> CallError {
    let body = serde_json::from_slice::<Value>(response.body()).unwrap_or_default();
    let said = body.pointer("/error/message").and_then(Value::as_str);
    let what = match said {
        Some(said) => shown(said, SAID_CHARS_MAX),
        None if response.status().is_success() => "it sent no result of a tool".to_owned(),
        None => return failed(response, &body, now),
    };
    let what = format!(
        "The endpoint answered HTTP {}: {what}",
        response.status().as_u16()
    );
    let what = format!("{}.", what.trim_end_matches('.'));
    CallError::without_response(what, Written::Unknown, Next::GiveUp)
}

/// A response without a receipt or a result.
fn failed(response: &Response<Vec<u8>>, body: &Value, now: SystemTime) -> CallError {
    let status = response.status();
    let own = body
        .get("error")
        .and_then(Value::as_str)
        .filter(|words| !words.is_empty() && body.get("status") == Some(&Value::from("error")))
        .filter(|_| !status.is_success());
    // Only the service itself knows about its storage. A request that a gateway refused never reached
    // the service.
    let written = match status.as_u16() {
        408 => Written::Unknown,
        400..=499 => Written::NotWritten,
        503 if own.is_some() => Written::NotWritten,
        _ => Written::Unknown,
    };
    let next = match status.as_u16() {
        429 | 502..=504 => Next::Repeat(retry_after(response.headers(), now)),
        403 if is_expired(response.headers(), body) => Next::NewCredentials,
        _ => Next::GiveUp,
    };
    let words = match own {
        // The service cannot know how this program is given its key.
        Some(words) if status == StatusCode::FORBIDDEN && words.contains(API_KEY) => {
            Words::Other(format!("{words} {KEY_IS_SET}"))
        }
        // Where the outcome is not known, only words that name the timestamp say how to repeat the call. What
        // the service says about a bug of its own says nothing about the memory.
        Some(words) if written == Written::NotWritten || words.contains("\"timestamp\":") => {
            Words::Service(status.as_u16(), words.to_owned())
        }
        Some(_) | None => Words::Other(in_words(response, body)),
    };
    CallError {
        words,
        written,
        next,
        status: Some(status.as_u16()),
    }
}

/// The flat result, written again: on one line, and without foreign members.
fn receipt(status: StatusCode, body: &Value) -> Option<ToolOutcome> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let memory_id = Uuid::parse_str(text("memory_id")?).ok()?;
    let is_receipt = status == StatusCode::CREATED && text("status") == Some("ok");
    let key = text("s3_key").filter(|key| is_receipt && !key.is_empty())?;
    Some(ToolOutcome::stored(memory_id, key.to_owned()))
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Duration {
    let text = |value: &HeaderValue| value.to_str().map(|text| text.trim().to_owned()).ok();
    let Some(text) = headers.get(header::RETRY_AFTER).and_then(text) else {
        return Duration::ZERO;
    };
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let pause = if is_number {
        text.parse().map_or(RETRY_AFTER_MAX, Duration::from_secs)
    } else {
        let date = httpdate::parse_http_date(&text).ok();
        date.and_then(|date| date.duration_since(now).ok())
            .unwrap_or_default()
    };
    pause.min(RETRY_AFTER_MAX)
}

/// The type of a gateway's error: `x-amzn-ErrorType: ExpiredTokenException:http://…`, or a member.
fn error_type(headers: &HeaderMap, body: &Value) -> Option<String> {
    let field = headers
        .get("x-amzn-errortype")
        .and_then(|value| value.to_str().ok());
    let member = || {
        ["__type", "code"]
            .iter()
            .find_map(|name| body.get(name)?.as_str())
    };
    let text = field.or_else(member)?.split(':').next()?;
    let kind = shown(text.rsplit('#').next()?, NAME_CHARS_MAX);
    Some(kind).filter(|kind| !kind.is_empty())
}

fn is_expired(headers: &HeaderMap, body: &Value) -> bool {
    let names = ["ExpiredToken", "InvalidClientTokenId", "UnrecognizedClient"];
    let kind = error_type(headers, body).unwrap_or_default();
    let message = message(body).unwrap_or_default();
    names.iter().any(|name| kind.starts_with(name))
        || message.contains("security token included in the request is expired")
        || message.contains("security token included in the request is invalid")
}

fn message(body: &Value) -> Option<&str> {
    let names = ["message", "Message", "error"];
    let mut texts = names.iter().filter_map(|name| body.get(name)?.as_str());
    texts.find(|text| !text.trim().is_empty())
}

/// A foreign text on one line, shortened.
fn shown(text: &str, chars_max: usize) -> String {
    let characters = text.chars().take(chars_max);
    let plain = characters.map(|character| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    });
    plain.collect::<String>().trim().to_owned()
}

/// A response of a gateway in words.
fn in_words(response: &Response<Vec<u8>>, body: &Value) -> String {
    let status = response.status();
    let field = |name: &str| response.headers().get(name)?.to_str().ok();
    let words = match (message(body), field("location")) {
        (Some(message), _) => shown(message, SAID_CHARS_MAX),
        (None, Some(location)) if status.is_redirection() => {
            let location = shown(location, SAID_CHARS_MAX);
            format!("it redirects to {location}, and redirects are not followed")
        }
        (None, _) if status.is_success() => "it sent no receipt".to_owned(),
        (None, _) => status.canonical_reason().unwrap_or("no reason").to_owned(),
    };
    let kind = error_type(response.headers(), body).map(|kind| format!(" {kind}"));
    let id = field("x-request-id").or(field("x-amzn-requestid"));
    let id = id.map(|id| format!(" (request id {})", shown(id, NAME_CHARS_MAX)));
    let advice = advice(status, &words).map(|advice| format!(" {advice}"));
    format!(
        "The endpoint answered HTTP {}{}: {}{}.{}",
        status.as_u16(),
        kind.unwrap_or_default(),
        words.trim_end_matches('.'),
        id.unwrap_or_default(),
        advice.unwrap_or_default(),
    )
}

/// What to check where a gateway's own words are known to mislead.
fn advice(status: StatusCode, words: &str) -> Option<&'static str> {
    match status.as_u16() {
        403 if words.contains("Missing Authentication Token") => Some(
            "API Gateway also says this about a path or stage that does not exist: check the URL.",
        ),
        403 if words.contains("signature") => {
            Some("Check --service and --region, and this machine's clock.")
        }
        401 | 403 => {
            Some("Check the caller (--profile, MEMORY_API_KEY, MEMORY_TOKEN) and its permissions.")
        }
        404 => Some("Check the URL and its stage."),
        _ => None,
    }
}

impl CallError {
    /// The error of an attempt without a response.
    #[must_use]
    pub fn without_response(words: impl Into<String>, written: Written, next: Next) -> Self {
        Self {
            words: Words::Other(words.into()),
            written,
            next,
            status: None,
        }
    }

    /// What went wrong, without advice.
    #[must_use]
    pub fn what(&self) -> &str {
        match &self.words {
            Words::Service(_, words) | Words::Other(words) => words,
        }
    }

    /// What a model is told about a call of recall that is given up.
    #[must_use]
    pub fn advice_of_recall(&self) -> String {
        let what = self.what();
        format!(
            "{what} {} the same call: to repeat it is safe.",
            self.when()
        )
    }

    fn when(&self) -> String {
        match self.next {
            Next::Repeat(Duration::ZERO) => "Repeat".to_owned(),
            Next::Repeat(pause) => format!("After {} s, repeat", pause.as_secs().max(1)),
            Next::NewCredentials | Next::GiveUp => "When that is fixed, repeat".to_owned(),
        }
    }

    /// What a model is told about a call that is given up. `earlier` is what is known from earlier
    /// attempts of the same call.
    #[must_use]
    pub fn advice(&self, earlier: Written, timestamp: Timestamp) -> String {
        let what = match &self.words {
            Words::Service(_, words) if earlier == Written::NotWritten => return words.clone(),
            // Its words are true for its own attempt only.
            Words::Service(status, _) => format!("The endpoint answered HTTP {status}."),
            Words::Other(words) => words.clone(),
        };
        let stored = match earlier.max(self.written) {
            Written::NotWritten => "The memory was not stored.",
            Written::Unknown => "It is not known whether the memory was stored.",
        };
        let when = self.when();
        format!(
            "{what} {stored} {when} the same call with \"timestamp\":\"{timestamp}\": it is stored only once, however \
             often it is sent."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, headers: &[(&'static str, &str)], body: &str) -> Response<Vec<u8>> {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(body.as_bytes().to_vec()).unwrap()
    }

    fn failure(response: &Response<Vec<u8>>) -> CallError {
        judge(response, SystemTime::UNIX_EPOCH).unwrap_err()
    }

    fn words(failed: &CallError) -> &str {
        match &failed.words {
            Words::Service(_, words) | Words::Other(words) => words,
        }
    }

    const ID: &str = "3801baa2-1063-86b6-b294-c22f1c2f081e";

    #[test]
    fn only_a_receipt_proves_the_write_and_it_is_written_anew() {
        let receipt = format!(r#"{{"status":"ok","memory_id":"{ID}","s3_key":"k"}}"#);
        let pretty = format!(
            "{{\n \"s3_key\": \"k\", \"evil\": 1, \"memory_id\": \"{ID}\",\n \"status\": \"ok\"}}\n"
        );
        for body in [&receipt, &pretty] {
            let judged = judge(&response(201, &[], body), SystemTime::now());
            assert_eq!(judged.unwrap().flat().document(), receipt);
        }
        for (status, body) in [
            (200, &*receipt),
            (202, &receipt),
            (201, ""),
            (201, "{}"),
            (201, &format!(r#"{{"status":"ok","memory_id":"{ID}"}}"#)),
            (
                201,
                &format!(r#"{{"status":"ok","memory_id":"{ID}","s3_key":""}}"#),
            ),
            (201, r#"{"status":"ok","memory_id":"i","s3_key":"k"}"#),
            (201, r#"{"status":"error","error":"x"}"#),
            (201, "<html>Sign in</html>"),
        ] {
            let failed = failure(&response(status, &[], body));
            assert_eq!(
                (failed.written, failed.next),
                (Written::Unknown, Next::GiveUp),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn the_services_words_are_passed_on_and_a_gateways_are_quoted() {
        let own = failure(&response(
            422,
            &[],
            r#"{"status":"error","error":"Send less."}"#,
        ));
        assert_eq!(own.words, Words::Service(422, "Send less.".to_owned()));
        let bug = r#"{"status":"error","error":"The service failed."}"#;
        let bug = failure(&response(500, &[("x-request-id", "r-1")], bug));
        assert_eq!(
            words(&bug),
            "The endpoint answered HTTP 500: The service failed (request id r-1)."
        );
        let expired = [("x-amzn-ErrorType", "ExpiredTokenException:http://x")];
        let gateway = failure(&response(
            403,
            &expired,
            r#"{"message":"The security token\nis expired"}"#,
        ));
        assert_eq!(gateway.next, Next::NewCredentials);
        assert!(words(&gateway).starts_with(
            "The endpoint answered HTTP 403 ExpiredTokenException: The security token is expired."
        ));
        let moved = failure(&response(307, &[("location", "https://evil.test/")], ""));
        assert!(words(&moved).contains("evil.test") && moved.next == Next::GiveUp);
        let placed = failure(&response(500, &[("location", "https://evil.test/")], ""));
        assert!(!words(&placed).contains("evil.test"), "not a redirect");
        let empty = failure(&response(200, &[], "{}"));
        assert_eq!(
            words(&empty),
            "The endpoint answered HTTP 200: it sent no receipt."
        );
        let unknown = failure(&response(
            403,
            &[],
            r#"{"message":"Missing Authentication Token"}"#,
        ));
        assert!(words(&unknown).ends_with("check the URL."));
        let page = failure(&response(502, &[], &"<html>".repeat(100)));
        assert_eq!(words(&page), "The endpoint answered HTTP 502: Bad Gateway.");
        let long = format!(r#"{{"code":"{0}","message":"{0}"}}"#, "K\\n".repeat(2000));
        assert!(words(&failure(&response(400, &[], &long))).len() < 500);
    }

    #[test]
    fn a_gateways_words_come_with_what_to_check() {
        let token = r#"{"message":"Missing Authentication Token"}"#;
        let signature = r#"{"message":"The request signature does not match"}"#;
        let denied = r#"{"message":"Forbidden"}"#;
        for (status, body, advice) in [
            (
                403,
                token,
                "a path or stage that does not exist: check the URL.",
            ),
            (
                403,
                signature,
                "Check --service and --region, and this machine's clock.",
            ),
            (
                403,
                denied,
                "Check the caller (--profile, MEMORY_API_KEY, MEMORY_TOKEN) and its permissions.",
            ),
            (
                401,
                denied,
                "Check the caller (--profile, MEMORY_API_KEY, MEMORY_TOKEN) and its permissions.",
            ),
            (404, denied, "Check the URL and its stage."),
            (400, denied, "HTTP 400: Forbidden."),
        ] {
            let failed = failure(&response(status, &[], body));
            let words = words(&failed);
            assert!(words.ends_with(advice), "{words}");
        }
    }

    #[test]
    fn a_missing_or_wrong_key_is_told_with_its_setting_and_how_to_repeat() {
        let timestamp = Timestamp::from_unix_micros(0);
        for words in [
            "This service requires its key in the header x-api-key.",
            "The key in x-api-key is wrong.",
        ] {
            let own = format!(r#"{{"status":"error","error":"{words}"}}"#);
            let refused = failure(&response(403, &[], &own));
            assert_eq!(
                refused.advice(Written::NotWritten, timestamp),
                format!(
                    "{words} {KEY_IS_SET} The memory was not stored. When that is fixed, repeat the same call with \
                     \"timestamp\":\"1970-01-01T00:00:00Z\": it is stored only once, however often it is sent."
                )
            );
        }
        let scope = r#"{"status":"error","error":"You may not write there."}"#;
        let refused = failure(&response(403, &[], scope));
        assert_eq!(
            refused.advice(Written::NotWritten, timestamp),
            "You may not write there."
        );
    }

    #[test]
    fn the_services_words_are_not_repeated_where_an_attempt_before_is_unknown() {
        let own = r#"{"status":"error","error":"The memory was not stored."}"#;
        let refused = failure(&response(503, &[("retry-after", "2")], own));
        let timestamp = Timestamp::from_unix_micros(0);
        assert_eq!(
            refused.advice(Written::NotWritten, timestamp),
            "The memory was not stored."
        );
        assert_eq!(
            refused.advice(Written::Unknown, timestamp),
            "The endpoint answered HTTP 503. It is not known whether the memory was stored. After 2 s, repeat the same call with \
             \"timestamp\":\"1970-01-01T00:00:00Z\": it is stored only once, however often it is sent."
        );
    }

    #[test]
    fn words_that_do_not_say_how_to_repeat_an_unknown_call_are_not_all_that_is_said() {
        let timestamp = Timestamp::from_unix_micros(0);
        let flat = |error: &str| format!(r#"{{"status":"error","error":"{error}"}}"#);
        for (status, error) in [
            (504, ""),
            (503, ""),
            (504, "The memory was not stored."),
            (302, "The memory was not stored."),
            (500, "The service failed."),
        ] {
            let failed = failure(&response(status, &[], &flat(error)));
            let advice = failed.advice(Written::NotWritten, timestamp);
            assert!(advice.contains("It is not known whether"), "{advice}");
            assert!(advice.contains("1970-01-01T00:00:00Z"), "{advice}");
        }
        let own = r#"Repeat with \"timestamp\":\"2026-01-27T03:14:22Z\"."#;
        let failed = failure(&response(504, &[], &flat(own)));
        assert_eq!(words(&failed), own.replace('\\', ""));
    }

    #[test]
    fn what_is_known_and_what_may_help_follow_from_the_status() {
        use Written::{NotWritten, Unknown};
        let at_once = Next::Repeat(Duration::ZERO);
        let own = r#"{"status":"error","error":"x"}"#;
        for (status, body, written, next) in [
            (400, "", NotWritten, Next::GiveUp),
            (403, r#"{"message":"Forbidden"}"#, NotWritten, Next::GiveUp),
            (
                403,
                r#"{"message":"The security token included in the request is invalid."}"#,
                NotWritten,
                Next::NewCredentials,
            ),
            (408, "", Unknown, Next::GiveUp),
            (413, "", NotWritten, Next::GiveUp),
            (429, "", NotWritten, at_once),
            (500, own, Unknown, Next::GiveUp),
            (502, "", Unknown, at_once),
            (503, "", Unknown, at_once),
            (503, own, NotWritten, at_once),
            (504, own, Unknown, at_once),
            (302, "", Unknown, Next::GiveUp),
        ] {
            let failed = failure(&response(status, &[], body));
            assert_eq!(
                (failed.written, failed.next),
                (written, next),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_at_most_a_day() {
        let after = |value: &str| match failure(&response(503, &[("retry-after", value)], "")).next
        {
            Next::Repeat(pause) => pause.as_secs(),
            Next::NewCredentials | Next::GiveUp => panic!("no repeat"),
        };
        assert_eq!(after("2"), 2);
        assert_eq!(after("Thu, 01 Jan 1970 00:01:00 GMT"), 60);
        for long in [
            "100000",
            "18446744073709551615",
            "99999999999999999999999",
            "Fri, 31 Dec 9999 23:59:59 GMT",
        ] {
            assert_eq!(after(long), 86_400, "{long}");
        }
        for nonsense in ["soon", "-1", "", "1.5"] {
            assert_eq!(after(nonsense), 0, "{nonsense}");
        }
    }
}
