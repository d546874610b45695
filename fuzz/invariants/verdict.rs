//! The client's judgement of a response: only a receipt proves the write, and a failure claims no more
//! than is known (contract 7.4).

use std::time::{Duration, SystemTime};

use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use memory_ingress::client::verdict::{CallError, Next, Words, judge};
use memory_ingress::tool::ToolOutcome;
use memory_log::timestamp::Timestamp;
use memory_web::problem::Written;

use super::problem::is_uuid;
use super::reading::{Raw, grammatical, last_member, members, text, text_of, unambiguous};
use super::subject::NOW;

/// The statuses for first lines that are not a status.
const STATUSES: &[u16] = &[
    200, 201, 307, 400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504,
];
const RECEIPT: [&str; 3] = ["status", "memory_id", "s3_key"];
/// Longest text about a gateway's response, in characters.
const WORDS_CHARS_MAX: usize = 1_000;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Checks a response: a line with the status, lines with header fields, an empty line, and the body.
pub fn verdict(bytes: &[u8]) {
    let response = response(bytes);
    let now = SystemTime::UNIX_EPOCH + Duration::from_micros(NOW.unsigned_abs());
    let judged = judge(&response, now);
    assert_eq!(
        judged,
        judge(&response, now),
        "the same response is judged differently"
    );
    match judged {
        Ok(outcome) => check_success(&outcome, &response),
        Err(error) => {
            assert!(
                !is_plain_receipt(&response),
                "a receipt is judged a failure"
            );
            check_what_is_known(&error, &response);
            check_pause(error.next, &response);
            check_words(&error, &response);
            check_advice(&error);
        }
    }
}

/// Reads the input. Lines that are not header fields are skipped.
fn response(bytes: &[u8]) -> Response<Vec<u8>> {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = bytes.split_at(end.unwrap_or(bytes.len()));
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let chosen = usize::from(first.first().copied().unwrap_or_default()) % STATUSES.len();
    let status = StatusCode::from_bytes(first)
        .or_else(|_| StatusCode::from_u16(STATUSES[chosen]))
        .expect("a status");
    let mut response = Response::new(body.get(2..).unwrap_or_default().to_vec());
    *response.status_mut() = status;
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            // A map that is full takes no more fields.
            let _ = response.headers_mut().try_append(name, value);
        }
    }
    response
}

/// Checks that a success is a 201 with a receipt, and that the result is this receipt on one line,
/// without other members.
fn check_success(outcome: &ToolOutcome, response: &Response<Vec<u8>>) {
    assert_eq!(response.status().as_u16(), 201);
    let received = grammatical(response.body()).expect("a receipt is JSON");
    let received = |name| last_member(received, name).and_then(text);
    let [status, id, key] = RECEIPT.map(|name| received(name).expect("a string"));
    assert!(status == "ok" && !key.is_empty(), "{status:?} {key:?}");

    assert!(!outcome.flat().is_error());
    let flat = outcome.flat();
    let line = flat.document();
    assert!(!line.contains(['\n', '\r']), "{line:?} is not one line");
    let passed = unambiguous(line.as_bytes()).expect("what is passed on is JSON");
    assert_eq!(names(passed), RECEIPT);
    let [passed_status, passed_id, passed_key] =
        RECEIPT.map(|name| text_of(passed, name).expect("a string"));
    assert_eq!((passed_status, passed_key), (status, key));
    assert!(is_uuid(&passed_id), "{passed_id} is not a UUID");
    // The client also accepts a UUID as a URN, in braces, or without hyphens, and writes it as RFC 9562
    // does.
    let id = id.to_ascii_lowercase();
    let id = id.strip_prefix("urn:uuid:").unwrap_or(&id);
    let digits = |id: &str| id.replace(['-', '{', '}'], "");
    assert_eq!(digits(id), digits(&passed_id));
}

/// Whether this is a receipt exactly as the service writes it.
fn is_plain_receipt(response: &Response<Vec<u8>>) -> bool {
    let Some(body) = unambiguous(response.body()) else {
        return false;
    };
    let is_text =
        |name, is_right: fn(&str) -> bool| text_of(body, name).is_some_and(|text| is_right(&text));
    response.status().as_u16() == 201
        && names(body) == RECEIPT
        && is_text("status", |status| status == "ok")
        && is_text("memory_id", is_uuid)
        && is_text("s3_key", |key| !key.is_empty())
}

/// Checks that "not written" is claimed only for a refused request and for the service's own 503, and
/// that only the statuses of contract 7.4 are repeated.
fn check_what_is_known(error: &CallError, response: &Response<Vec<u8>>) {
    let status = response.status().as_u16();
    let can_be_known = match status {
        408 => false,
        503 => flat_error(response).is_some(),
        _ => (400..500).contains(&status),
    };
    let is_known = error.written == Written::NotWritten;
    assert!(can_be_known || !is_known, "{error:?}");
    let can_repeat = [429, 502, 503, 504].contains(&status);
    match error.next {
        Next::Repeat(_) => assert!(can_repeat, "{error:?}"),
        Next::NewCredentials => assert_eq!(status, 403, "{error:?}"),
        Next::GiveUp => assert!(!can_repeat, "{error:?}"),
    }
}

/// Checks that a pause is what `Retry-After` asks for, and at most a day.
fn check_pause(next: Next, response: &Response<Vec<u8>>) {
    let Next::Repeat(pause) = next else { return };
    assert!(pause <= DAY, "{pause:?}");
    let field = response.headers().get(header::RETRY_AFTER);
    let field = field.map(HeaderValue::as_bytes).unwrap_or_default();
    if !field.is_empty() && field.iter().all(u8::is_ascii_digit) {
        let seconds = field.iter().fold(0_u64, |seconds, digit| {
            seconds
                .saturating_mul(10)
                .saturating_add(u64::from(digit - b'0'))
        });
        assert_eq!(pause, Duration::from_secs(seconds).min(DAY));
    } else if !field.first().is_some_and(u8::is_ascii_alphabetic) {
        // RFC 9110, section 5.6.7: each form of a date begins with the name of a day.
        assert_eq!(
            pause,
            Duration::ZERO,
            "{field:?} is neither seconds nor a date"
        );
    }
}

/// Checks that the service's words are passed on unchanged. Words about a gateway's response are short
/// sentences without control characters.
fn check_words(error: &CallError, response: &Response<Vec<u8>>) {
    let status = response.status().as_u16();
    let flat = flat_error(response);
    match &error.words {
        Words::Service(of, words) => {
            assert_eq!((*of, Some(words)), (status, flat.as_ref()));
        }
        Words::Other(words) => {
            let start = format!("The endpoint answered HTTP {status}");
            assert!(
                words.starts_with(&start) && words.ends_with('.'),
                "{words:?}"
            );
            assert!(words.chars().count() <= WORDS_CHARS_MAX, "{words:?}");
            let is_control = |character| matches!(character, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}');
            assert!(!words.contains(is_control), "{words:?}");
            let body = unambiguous(response.body());
            let is_plain = body.is_some_and(|body| names(body) == ["status", "error"]);
            // Words that are empty, or that do not say how to repeat a call whose outcome is unknown.
            let is_known = error.written == Written::NotWritten;
            let may_be_left_out = !is_plain
                || flat.is_none_or(|flat| {
                    flat.is_empty() || !is_known && !flat.contains("\"timestamp\":")
                });
            assert!(
                may_be_left_out,
                "the service's words are left out: {words:?}"
            );
        }
    }
}

/// Checks that the advice names the timestamp for the repeat. It says that the memory was not stored
/// only if no attempt can have stored it.
fn check_advice(error: &CallError) {
    let timestamp = Timestamp::from_unix_micros(NOW);
    let member = format!("\"timestamp\":\"{timestamp}\"");
    for earlier in [Written::NotWritten, Written::Unknown] {
        let advice = error.advice(earlier, timestamp);
        let ours = match &error.words {
            Words::Service(_, words) if earlier == Written::NotWritten => {
                assert_eq!(&advice, words, "the service's words are changed");
                continue;
            }
            Words::Service(..) => &*advice,
            // A gateway's own words are quoted, even if they claim something about the memory.
            Words::Other(words) => advice.strip_prefix(&**words).expect("the words come first"),
        };
        assert!(ours.contains(&member) && ours.ends_with('.'), "{advice:?}");
        let is_known = earlier.max(error.written) == Written::NotWritten;
        assert_eq!(ours.contains("was not stored"), is_known, "{advice:?}");
        assert_eq!(ours.contains("is not known"), !is_known, "{advice:?}");
    }
}

/// The error of the service's flat result.
fn flat_error(response: &Response<Vec<u8>>) -> Option<String> {
    let body = grammatical(response.body())?;
    let status = last_member(body, "status").and_then(text);
    let error = last_member(body, "error").and_then(text);
    error.filter(|_| status.as_deref() == Some("error") && !response.status().is_success())
}

fn names(object: Raw<'_>) -> Vec<String> {
    let members = members(object).unwrap_or_default().into_iter();
    let name = |(name, _)| String::from_utf8(name).expect("a name is Unicode");
    members.map(name).collect()
}
