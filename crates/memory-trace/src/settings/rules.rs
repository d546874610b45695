//! What the variables of OpenTelemetry may say here. The module must not know what becomes of them.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use super::Scheme;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const ENDPOINT_OF_TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const DISABLED: &str = "OTEL_SDK_DISABLED";
const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
const TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
const TIMEOUT_OF_TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SHARE: &str = "OTEL_TRACES_SAMPLER_ARG";

/// Most spans that may wait. The library makes room for all of them at the start, and a full queue of
/// this size has tens of MiB.
const SPANS_MAX: u64 = 65_536;
/// A day. The library adds a time to the clock, which has an end.
const MILLISECONDS_MAX: u64 = 86_400_000;
/// The samplers of the specification that the library has.
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// A variable, whether it may have a value, and what it must be.
type Rule = (&'static str, fn(&str) -> bool, &'static str);

const URL: &str = "the URL of a collector such as http://127.0.0.1:4318, without a query, a user and a password \
                   (which goes into OTEL_EXPORTER_OTLP_HEADERS)";
const PROTOCOL: &str = "http/protobuf, for which collectors usually have the port 4318";
const COMPRESSION: &str = "none, because traces are sent without compression";
const FIELDS: &str = "header fields such as name=value, separated by commas and percent-encoded";
const ATTRIBUTES: &str = "attributes such as name=value, separated by commas";
const SPANS: &str = "a number from 1 to 65536";
const MILLISECONDS: &str = "a number of milliseconds from 1 to 86400000";

const RULES: &[Rule] = &[
    (ENDPOINT, is_url, URL),
    (ENDPOINT_OF_TRACES, is_url, URL),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", is_protocol, PROTOCOL),
    ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", is_protocol, PROTOCOL),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", is_none, COMPRESSION),
    (
        "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
        is_none,
        COMPRESSION,
    ),
    (EXPORTER, is_exporter, "otlp or none"),
    (TIMEOUT, is_time, MILLISECONDS),
    (TIMEOUT_OF_TRACES, is_time, MILLISECONDS),
    ("OTEL_EXPORTER_OTLP_HEADERS", are_fields, FIELDS),
    ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", are_fields, FIELDS),
    ("OTEL_RESOURCE_ATTRIBUTES", are_attributes, ATTRIBUTES),
    ("OTEL_BSP_MAX_QUEUE_SIZE", is_of_spans, SPANS),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", is_of_spans, SPANS),
    ("OTEL_BSP_SCHEDULE_DELAY", is_time, MILLISECONDS),
    (
        SAMPLER,
        is_sampler,
        "always_on, always_off, traceidratio, or one of these after parentbased_",
    ),
];

/// The variables that are set. An empty one counts as not set, by the specification.
pub(super) struct Given(BTreeMap<&'static str, String>);

impl Given {
    pub(super) fn read(mut read: impl FnMut(&str) -> Option<String>) -> Self {
        let names = RULES.iter().map(|(name, ..)| *name);
        let given = names.chain([DISABLED, SHARE]).filter_map(|name| {
            let value = read(name).filter(|value| !value.is_empty())?;
            Some((name, value))
        });
        Self(given.collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The URL of the collector. The one for traces alone goes before the other.
    pub(super) fn endpoint(&self) -> Option<&str> {
        self.get(ENDPOINT_OF_TRACES).or(self.get(ENDPOINT))
    }

    /// Whether nothing is to be exported.
    pub(super) fn is_disabled(&self) -> bool {
        let is_disabled = self.get(DISABLED);
        is_disabled.is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || self.get(EXPORTER).is_some_and(is_none)
    }

    /// How long a batch may take. The time for traces alone goes before the other.
    pub(super) fn timeout(&self) -> Option<Duration> {
        let timeout = self.get(TIMEOUT_OF_TRACES).or(self.get(TIMEOUT))?;
        timeout.parse().map(Duration::from_millis).ok()
    }

    /// What is wrong with them, each as a sentence without the value.
    pub(super) fn mistakes(&self) -> Vec<String> {
        let is_wrong =
            |name, is_right: fn(&str) -> bool| self.get(name).is_some_and(|value| !is_right(value));
        let mistake =
            |name: &str, what: &str| format!("{name} must be {what}: correct it, or unset it.");
        let wrong = RULES
            .iter()
            .filter(|(name, is_right, _)| is_wrong(name, *is_right));
        let mut mistakes: Vec<_> = wrong.map(|(name, _, what)| mistake(name, what)).collect();
        let has_share = self
            .get(SAMPLER)
            .is_some_and(|name| name.ends_with("ratio"));
        if has_share && is_wrong(SHARE, is_share) {
            mistakes.push(mistake(SHARE, "a number from 0 to 1"));
        }
        mistakes
    }
}

/// The scheme of an absolute URL of HTTP without user, password and query.
pub(super) fn scheme_of(url: &str) -> Option<Scheme> {
    let url: Uri = url.parse().ok()?;
    let authority = url.authority()?;
    if authority.host().is_empty() || authority.as_str().contains('@') || url.query().is_some() {
        return None;
    }
    let has_port = authority.as_str().len() > authority.host().len();
    if has_port && authority.port_u16().is_none_or(|port| port == 0) {
        return None;
    }
    match url.scheme_str()? {
        "http" => Some(Scheme::Http),
        "https" => Some(Scheme::Https),
        _ => None,
    }
}

fn is_url(text: &str) -> bool {
    scheme_of(text).is_some()
}

fn is_protocol(text: &str) -> bool {
    text == "http/protobuf"
}

fn is_exporter(text: &str) -> bool {
    is_none(text) || text == "otlp"
}

fn is_none(text: &str) -> bool {
    text == "none"
}

/// Whether the library sends all of them. It splits before it decodes.
fn are_fields(text: &str) -> bool {
    let is_field = |field: &str| {
        field.split_once('=').is_some_and(|(name, value)| {
            let value: Vec<_> = percent_decode_str(value.trim()).collect();
            let is_value = !value.is_empty() && HeaderValue::from_bytes(&value).is_ok();
            is_value && HeaderName::try_from(name.trim()).is_ok()
        })
    };
    text.split_terminator(',').map(str::trim).all(is_field)
}

/// Whether the library takes all of them.
fn are_attributes(text: &str) -> bool {
    let is_attribute = |attribute: &str| {
        let name = attribute.split_once('=').map(|(name, _)| name.trim());
        name.is_some_and(|name| !name.is_empty())
    };
    text.split_terminator(',').all(is_attribute)
}

fn is_of_spans(text: &str) -> bool {
    is_number(text, SPANS_MAX)
}

fn is_time(text: &str) -> bool {
    is_number(text, MILLISECONDS_MAX)
}

fn is_number(text: &str, most: u64) -> bool {
    text.parse()
        .is_ok_and(|number| (1..=most).contains(&number))
}

fn is_sampler(text: &str) -> bool {
    SAMPLERS.contains(&text)
}

fn is_share(text: &str) -> bool {
    text.parse().is_ok_and(|share| (0.0..=1.0).contains(&share))
}
