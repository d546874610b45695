//! What an endpoint's answer to a call means, and what a model is told of it.
//!
//! Pure. The service's own words pass as they are; a gateway before it has words of its own.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use axum::http::{HeaderMap, Response, StatusCode, header};
use serde_json::Value;

/// Longest text of a gateway that is passed on, in characters.
const SAID_CHARS_MAX: usize = 300;

/// How an attempt to store a memory ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// The service says that the memory is durable: its flat result.
    Stored(Vec<u8>),
    /// It is not proved to be.
    Failed(Failed),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    /// What went wrong, as one or more full sentences.
    pub(crate) what: String,
    /// Whether `what` says all there is to say, as the service's own words do.
    pub(crate) is_whole: bool,
    pub(crate) known: Known,
    pub(crate) next: Next,
}

/// What is known of the memory after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Known {
    NotWritten,
    Nothing,
}

/// What may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// A repeat, not before this time has passed.
    Repeat(Duration),
    /// The same request by fresh credentials.
    NewCredentials,
    /// Nothing that is done here.
    Nothing,
}

impl Failed {
    /// Nothing came back.
    pub(crate) fn unheard(what: String, known: Known) -> Self {
        Self {
            what,
            is_whole: false,
            known,
            next: Next::Repeat(Duration::ZERO),
        }
    }
}

/// Judges a whole answer.
pub(crate) fn judge(answer: &Response<Vec<u8>>, now: SystemTime) -> Attempt {
    let status = answer.status();
    let body = serde_json::from_slice::<Value>(answer.body()).unwrap_or_default();
    let says = |name: &str, value: &str| body.get(name).and_then(Value::as_str) == Some(value);
    let has = |name: &str| body.get(name).is_some_and(Value::is_string);
    if status == StatusCode::CREATED && says("status", "ok") && has("memory_id") && has("s3_key") {
        return Attempt::Stored(answer.body().clone());
    }
    let own = body
        .get("error")
        .and_then(Value::as_str)
        .filter(|_| says("status", "error") && !status.is_success());
    // Only the service itself knows of its storage. What a gateway refuses never reached it.
    let known = match status.as_u16() {
        408 => Known::Nothing,
        400..=499 => Known::NotWritten,
        503 if own.is_some() => Known::NotWritten,
        _ => Known::Nothing,
    };
    let next = match status.as_u16() {
        429 | 502..=504 => Next::Repeat(retry_after(answer.headers(), now)),
        403 if is_expired(answer.headers(), &body) => Next::NewCredentials,
        _ => Next::Nothing,
    };
    let what = own.map_or_else(|| said(answer, &body), str::to_owned);
    Attempt::Failed(Failed {
        what,
        is_whole: own.is_some(),
        known,
        next,
    })
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Duration {
    let Some(text) = headers
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
    else {
        return Duration::ZERO;
    };
    let until = |date: DateTime| SystemTime::try_from(date).ok()?.duration_since(now).ok();
    text.trim().parse().map_or_else(
        |_| {
            let date = DateTime::from_str(text.trim(), DateTimeFormat::HttpDate);
            date.ok().and_then(until).unwrap_or_default()
        },
        Duration::from_secs,
    )
}

/// The kind of a gateway's error: `x-amzn-ErrorType: ExpiredTokenException:http://…`, or a member.
fn error_type<'a>(headers: &'a HeaderMap, body: &'a Value) -> Option<&'a str> {
    let field = headers
        .get("x-amzn-errortype")
        .and_then(|value| value.to_str().ok());
    let member = || {
        ["__type", "code"]
            .iter()
            .find_map(|name| body.get(name)?.as_str())
    };
    let text = field.or_else(member)?;
    let text = text.split(':').next()?;
    text.rsplit('#').next().filter(|text| !text.is_empty())
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
    ["message", "Message", "error"]
        .iter()
        .find_map(|name| body.get(name)?.as_str())
}

/// A gateway's own words, on one line and not too many.
fn said(answer: &Response<Vec<u8>>, body: &Value) -> String {
    let status = answer.status();
    let kind = error_type(answer.headers(), body);
    let location = answer
        .headers()
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok());
    let words: String = match (message(body), location) {
        (Some(message), _) => message.to_owned(),
        (None, Some(location)) if status.is_redirection() => {
            format!("it points to {location}, and memories are sent nowhere else than asked")
        }
        (None, _) if status.is_success() => "it gave no receipt".to_owned(),
        (None, _) => status.canonical_reason().unwrap_or("no reason").to_owned(),
    };
    let words: String = words
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .take(SAID_CHARS_MAX)
        .collect();
    let kind = kind.map(|kind| format!(" {kind}")).unwrap_or_default();
    let advice = advice(status, &words)
        .map(|advice| format!(" {advice}"))
        .unwrap_or_default();
    format!(
        "The endpoint answered HTTP {}{kind}: {}.{advice}",
        status.as_u16(),
        words.trim().trim_end_matches('.'),
    )
}

/// What to look at, where a gateway's own words are known to lead astray.
fn advice(status: StatusCode, words: &str) -> Option<&'static str> {
    match status.as_u16() {
        403 if words.contains("Missing Authentication Token") => Some(
            "API Gateway says so of a path or stage that it does not have, too: check the URL.",
        ),
        403 if words.contains("signature") => {
            Some("Check --service and --region, and this machine's clock.")
        }
        401 | 403 => {
            Some("Check who calls (--profile, MEMORY_API_KEY) and what they may do there.")
        }
        404 => Some("Check the URL and its stage."),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Response<Vec<u8>> {
        let mut answer = Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        answer.body(body.as_bytes().to_vec()).unwrap()
    }

    fn failed(answer: &Response<Vec<u8>>) -> Failed {
        match judge(answer, SystemTime::UNIX_EPOCH) {
            Attempt::Failed(failed) => failed,
            Attempt::Stored(_) => panic!("stored"),
        }
    }

    #[test]
    fn only_a_receipt_proves_the_write() {
        let receipt = r#"{"status":"ok","memory_id":"i","s3_key":"k"}"#;
        assert_eq!(
            judge(&answer(201, &[], receipt), SystemTime::now()),
            Attempt::Stored(receipt.into())
        );
        for (status, body) in [
            (200, receipt),
            (202, receipt),
            (201, ""),
            (201, "{}"),
            (201, r#"{"status":"ok","memory_id":"i"}"#),
            (201, r#"{"status":"ok","memory_id":"i","s3_key":null}"#),
            (201, r#"{"status":"error","error":"x"}"#),
            (201, "<html>Sign in</html>"),
        ] {
            let failed = failed(&answer(status, &[], body));
            assert_eq!(
                (failed.known, failed.next),
                (Known::Nothing, Next::Nothing),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn the_services_words_pass_and_a_gateways_are_told() {
        let own = failed(&answer(
            422,
            &[],
            r#"{"status":"error","error":"Send less."}"#,
        ));
        assert_eq!((own.what.as_str(), own.is_whole), ("Send less.", true));
        let expired = [("x-amzn-ErrorType", "ExpiredTokenException:http://x")];
        let words = r#"{"message":"The security token\nis expired"}"#;
        let gateway = failed(&answer(403, &expired, words));
        assert_eq!(gateway.next, Next::NewCredentials);
        assert!(gateway.what.starts_with(
            "The endpoint answered HTTP 403 ExpiredTokenException: The security token is expired."
        ));
        let moved = failed(&answer(307, &[("location", "https://evil.test/")], ""));
        assert!(moved.what.contains("evil.test") && moved.next == Next::Nothing);
        let unknown = failed(&answer(
            403,
            &[],
            r#"{"message":"Missing Authentication Token"}"#,
        ));
        assert!(unknown.what.ends_with("check the URL."));
        let page = failed(&answer(502, &[], &"<html>".repeat(100)));
        assert_eq!(page.what, "The endpoint answered HTTP 502: Bad Gateway.");
    }

    #[test]
    fn what_is_known_and_what_may_help_follow_from_the_status() {
        use Known::{NotWritten, Nothing};
        let at_once = Next::Repeat(Duration::ZERO);
        let own = r#"{"status":"error","error":"x"}"#;
        for (status, body, known, next) in [
            (400, "", NotWritten, Next::Nothing),
            (403, r#"{"message":"Forbidden"}"#, NotWritten, Next::Nothing),
            (
                403,
                r#"{"message":"The security token included in the request is invalid."}"#,
                NotWritten,
                Next::NewCredentials,
            ),
            (408, "", Nothing, Next::Nothing),
            (413, "", NotWritten, Next::Nothing),
            (429, "", NotWritten, at_once),
            (500, own, Nothing, Next::Nothing),
            (502, "", Nothing, at_once),
            (503, "", Nothing, at_once),
            (503, own, NotWritten, at_once),
            (504, own, Nothing, at_once),
            (302, "", Nothing, Next::Nothing),
        ] {
            let failed = failed(&answer(status, &[], body));
            assert_eq!(
                (failed.known, failed.next),
                (known, next),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let after = |value: &str| failed(&answer(503, &[("retry-after", value)], "")).next;
        assert_eq!(after("2"), Next::Repeat(Duration::from_secs(2)));
        let date = "Thu, 01 Jan 1970 00:01:00 GMT";
        assert_eq!(after(date), Next::Repeat(Duration::from_secs(60)));
        for nonsense in ["soon", "-1", ""] {
            assert_eq!(after(nonsense), Next::Repeat(Duration::ZERO), "{nonsense}");
        }
    }
}
