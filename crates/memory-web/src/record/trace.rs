//! The ids by which a trace of several services names this request. Only ids of the exact form are
//! taken, so that nothing else of a header gets into the log.
//! Sources: <https://www.w3.org/TR/trace-context/#traceparent-header>,
//! <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>.

use axum::http::{HeaderMap, HeaderValue};
use memory_trace::span::Sender;

/// The header field of W3C that names the span of a sender.
pub const TRACEPARENT: &str = "traceparent";
/// The header field that has what tracing systems add to it.
pub const TRACESTATE: &str = "tracestate";

/// Longest state that is taken over. Every system must hand on this many characters
/// (<https://www.w3.org/TR/trace-context/#tracestate-limits>).
pub const STATE_BYTES_MAX: usize = 512;
const OF_XRAY: &str = "x-amzn-trace-id";

/// The ids of a trace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// The trace, as `traceparent` names it.
    pub trace_id: Option<String>,
    /// The span of the caller.
    pub parent_id: Option<String>,
    /// The trace, as AWS X-Ray names it.
    pub xray_trace_id: Option<String>,
}

impl Trace {
    /// The ids that a request brings.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let parent = only(headers, TRACEPARENT).and_then(parent);
        let (trace_id, parent_id) = parent.unzip();
        let xray = only(headers, OF_XRAY).and_then(xray_root);
        Self {
            trace_id: trace_id.map(str::to_owned),
            parent_id: parent_id.map(str::to_owned),
            xray_trace_id: xray.map(str::to_owned),
        }
    }

    /// The span that sent a request with these header fields, whose ids these are.
    pub(super) fn sender<'a>(&'a self, headers: &'a HeaderMap) -> Option<Sender<'a>> {
        let parent = only(headers, TRACEPARENT)?;
        let flags = parent.split('-').nth(3)?;
        let flags = u8::from_str_radix(flags, 16).ok()?;
        Some(Sender {
            trace_id: self.trace_id.as_deref()?,
            span_id: self.parent_id.as_deref()?,
            is_sampled: flags & 1 == 1,
            state: joined(headers, TRACESTATE).filter(|state| state.len() <= STATE_BYTES_MAX),
        })
    }
}

/// The value of a header field that is there once.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(first)
}

/// The lines of a header field as one value (RFC 9110, section 5.3); `None` without one, or if one is not text.
fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(name).iter().map(HeaderValue::to_str);
    let lines: Vec<_> = lines.collect::<Result<_, _>>().ok()?;
    (!lines.is_empty()).then(|| lines.join(","))
}

/// The ids of the trace and of the parent. A version after 00 may have more behind them.
fn parent(value: &str) -> Option<(&str, &str)> {
    let mut parts = value.splitn(5, '-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_whole = match version {
        "00" => parts.next().is_none(),
        "ff" => false,
        _ => true,
    };
    let is_id = |id: &str, digits| is_hex(id, digits) && id.bytes().any(|digit| digit != b'0');
    let is_well_formed = is_hex(version, 2) && is_hex(flags, 2) && is_whole;
    (is_well_formed && is_id(trace, 32) && is_id(parent, 16)).then_some((trace, parent))
}

/// `Root=1-<8 digits>-<24 digits>`, among other parts.
fn xray_root(value: &str) -> Option<&str> {
    let mut parts = value.split(';');
    let root = parts.find_map(|part| part.trim().strip_prefix("Root="))?;
    let (time, unique) = root.strip_prefix("1-")?.split_once('-')?;
    (is_hex(time, 8) && is_hex(unique, 24)).then_some(root)
}

fn is_hex(text: &str, digits: usize) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == digits && text.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn of(fields: &[(&'static str, &str)]) -> Trace {
        Trace::of(&headers(fields))
    }

    #[test]
    fn lines_of_a_state_are_one_value() {
        let parent = format!("00-{TRACE}-{PARENT}-01");
        let state = |lines: &[&'static str]| {
            let lines = lines.iter().map(|line| (TRACESTATE, *line));
            let parent = std::iter::once((TRACEPARENT, &*parent));
            let headers = headers(&parent.chain(lines).collect::<Vec<_>>());
            Trace::of(&headers).sender(&headers).unwrap().state
        };
        assert_eq!(state(&[]), None);
        assert_eq!(state(&["a=1"]).as_deref(), Some("a=1"));
        assert_eq!(state(&["a=1,b=2", "c=3"]).as_deref(), Some("a=1,b=2,c=3"));
        assert_eq!(state(&["a=1", "b=\u{e9}"]), None);
    }

    #[test]
    fn a_trace_is_named_as_its_headers_name_it() {
        let parent = format!("00-{TRACE}-{PARENT}-01");
        let root = "1-67891233-abcdef012345678912345678";
        for xray in [
            format!("Root={root}"),
            format!("Self=1-2-3; Root={root};Sampled=1"),
        ] {
            let trace = of(&[("traceparent", &parent), ("x-amzn-trace-id", &xray)]);
            let expected = Trace {
                trace_id: Some(TRACE.to_owned()),
                parent_id: Some(PARENT.to_owned()),
                xray_trace_id: Some(root.to_owned()),
            };
            assert_eq!(trace, expected);
        }
        let later = of(&[("traceparent", &format!("01-{TRACE}-{PARENT}-01-more"))]);
        assert_eq!(later.trace_id.as_deref(), Some(TRACE));
    }

    #[test]
    fn what_is_almost_an_id_is_not_taken() {
        for parent in [
            format!("00-{TRACE}-{PARENT}-01-more"),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}"),
            format!("00-{TRACE}-{PARENT}-0g"),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{}-{PARENT}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}0-{PARENT}-01"),
            format!("0-{TRACE}-{PARENT}-01"),
            String::new(),
        ] {
            assert_eq!(
                of(&[("traceparent", &parent)]),
                Trace::default(),
                "{parent}"
            );
        }
        let parent = format!("00-{TRACE}-{PARENT}-01");
        let twice = of(&[("traceparent", &parent), ("traceparent", &parent)]);
        assert_eq!(twice, Trace::default());
        for root in [
            "Root=2-67891233-abcdef012345678912345678",
            "Root=1-67891233-abcdef01234567891234567",
            "Root=1-6789123-abcdef0123456789123456789",
            "Root=1-67891233",
            "Root=secret",
            "root=1-67891233-abcdef012345678912345678",
            "",
        ] {
            assert_eq!(of(&[("x-amzn-trace-id", root)]), Trace::default(), "{root}");
        }
    }
}
