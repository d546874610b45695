//! Where spans go, by the variables that OpenTelemetry defines
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).
//!
//! OpenTelemetry's library reads most of them itself. It ignores some wrong values and ends the process
//! at others, so all are checked here first. Without the feature `otel` none is read. The module must not
//! read the environment itself.

#[cfg(feature = "otel")]
use std::time::Duration;

#[cfg(feature = "otel")]
mod rules;

/// Where spans go, if anywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    #[cfg(feature = "otel")]
    pub(crate) target: Option<Target>,
}

/// A collector that takes spans. The library knows its URL.
#[cfg(feature = "otel")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) scheme: Scheme,
    /// How long a batch may take, if that is said.
    pub(crate) timeout: Option<Duration>,
}

/// How a collector is reached.
#[cfg(feature = "otel")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

#[cfg(not(feature = "otel"))]
impl Settings {
    /// Spans go nowhere.
    ///
    /// # Errors
    /// Never.
    pub fn read(_: impl FnMut(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        Ok(Self::default())
    }
}

#[cfg(feature = "otel")]
impl Settings {
    /// Reads the variables by their names. Without the URL of a collector, none of the others counts.
    ///
    /// # Errors
    /// Each mistake, as a sentence. No value is repeated, because a URL or a header field may have a
    /// secret.
    pub fn read(read: impl FnMut(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        let given = rules::Given::read(read);
        let Some(endpoint) = given.endpoint().filter(|_| !given.is_disabled()) else {
            return Ok(Self::default());
        };
        let mistakes = given.mistakes();
        match rules::scheme_of(endpoint) {
            Some(scheme) if mistakes.is_empty() => Ok(Self {
                target: Some(Target {
                    scheme,
                    timeout: given.timeout(),
                }),
            }),
            _ => Err(mistakes),
        }
    }
}

#[cfg(test)]
#[cfg(feature = "otel")]
mod tests {
    use super::*;

    const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

    fn read(settings: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        Settings::read(|name| {
            let mut given = settings.iter().filter(|(given, _)| *given == name);
            given.next().map(|(_, value)| (*value).to_owned())
        })
    }

    fn scheme(settings: &Settings) -> Option<Scheme> {
        settings.target.map(|target| target.scheme)
    }

    /// Reads a setting beside that of a collector.
    fn read_with(name: &str, value: &str) -> Result<Settings, Vec<String>> {
        read(&[(ENDPOINT, "http://127.0.0.1:4318"), (name, value)])
    }

    #[test]
    fn spans_go_to_the_endpoint_and_nowhere_without_one() {
        let of = |settings: &[_]| scheme(&read(settings).unwrap());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(ENDPOINT, "")]), None);
        for url in [
            "http://127.0.0.1:4318",
            "http://localhost",
            "http://[::1]:65535/",
        ] {
            assert_eq!(of(&[(ENDPOINT, url)]), Some(Scheme::Http), "{url}");
        }
        let https = "https://collector.example.com/otlp/v1/traces";
        assert_eq!(
            of(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", https)]),
            Some(Scheme::Https)
        );
        for (disabled, scheme) in [
            ("true", None),
            ("TRUE", None),
            ("false", Some(Scheme::Http)),
            ("1", Some(Scheme::Http)),
        ] {
            let read = read_with("OTEL_SDK_DISABLED", disabled);
            assert_eq!(self::scheme(&read.unwrap()), scheme, "{disabled}");
        }
    }

    #[test]
    fn no_exporter_is_as_good_as_no_endpoint() {
        let none = read(&[
            (ENDPOINT, "not a URL"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_TRACES_EXPORTER", "none"),
        ]);
        assert_eq!(none, Ok(Settings::default()));
        let otlp = read_with("OTEL_TRACES_EXPORTER", "otlp").unwrap();
        assert_eq!(scheme(&otlp), Some(Scheme::Http));
    }

    #[test]
    fn a_batch_may_take_the_time_that_is_said_for_traces_or_else_for_all() {
        let of = |settings: &[(&str, &str)]| {
            let settings = [&[(ENDPOINT, "http://localhost")], settings].concat();
            read(&settings).unwrap().target.unwrap().timeout
        };
        let all = ("OTEL_EXPORTER_OTLP_TIMEOUT", "2000");
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "300");
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[all]), Some(Duration::from_secs(2)));
        assert_eq!(of(&[all, traces]), Some(Duration::from_millis(300)));
    }

    #[test]
    fn a_wrong_endpoint_is_a_mistake_that_names_the_variable_and_no_secret() {
        for url in [
            "127.0.0.1:4318",
            "collector",
            "grpc://secret:4317",
            "http://user:secret@collector",
            "http://",
            "http:///secret",
            "https://collector/v1?token=secret",
            "http://a b",
            "http://secret:99999",
            "http://secret:0",
            "http://secret:",
            "http://:4318",
            "http://[secret",
        ] {
            let mistakes = read(&[(ENDPOINT, url)]).unwrap_err();
            assert_eq!(mistakes.len(), 1, "{url}");
            let mistake = mistakes.concat();
            assert!(mistake.starts_with(ENDPOINT) && mistake.contains("http://127.0.0.1:4318"));
            assert!(!mistake.contains("secret"), "{mistake}");
        }
    }

    #[test]
    fn another_protocol_is_a_mistake_where_there_is_an_endpoint() {
        const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
        assert!(read(&[(PROTOCOL, "grpc")]).is_ok());
        assert!(read_with(PROTOCOL, "http/protobuf").is_ok());
        for protocol in ["grpc", "http/json"] {
            let mistakes = read_with(PROTOCOL, protocol).unwrap_err();
            assert!(mistakes.concat().contains("4318"), "{mistakes:?}");
        }
    }

    #[test]
    fn a_value_that_the_library_would_ignore_or_end_by_is_a_mistake() {
        for (name, right, wrong) in [
            (
                "OTEL_BSP_MAX_QUEUE_SIZE",
                &["", "1", "65536"][..],
                &["0", "65537", "99999999999999999", "-1", "many", "1 "][..],
            ),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", &["512"], &["0", "65537"]),
            (
                "OTEL_BSP_SCHEDULE_DELAY",
                &["1", "86400000"],
                &["0", "86400001", "5s", "18446744073709551615"],
            ),
            (
                "OTEL_TRACES_SAMPLER",
                &["always_on", "parentbased_always_off"],
                &["always", "xray", "ALWAYS_ON"],
            ),
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                &[
                    "authorization=Bearer%20secret, x-team = a=b,",
                    "x=%C3%A9%zz",
                ],
                &[
                    "Authorization: Bearer secret",
                    "x-team=a,secret",
                    "=secret",
                    "secret=",
                    "x team=secret",
                    "x=secret%0A",
                ],
            ),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", &["a=b"], &["secret"]),
            (
                "OTEL_TRACES_EXPORTER",
                &["otlp", "none"],
                &["console", "otlp,console", "None"],
            ),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                &["a=b, c=d=e,", "a="],
                &["a", "a=b,secret", "=secret"],
            ),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", &["1", "10000"], &["0", "10s"]),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", &["1"], &["0"]),
        ] {
            for value in right {
                assert!(read_with(name, value).is_ok(), "{name}={value}");
            }
            for value in wrong {
                let mistakes = read_with(name, value).unwrap_err();
                assert_eq!(mistakes.len(), 1, "{name}={value}: {mistakes:?}");
                assert!(mistakes[0].starts_with(&format!("{name} must be ")));
                assert!(!mistakes[0].contains("secret"), "{mistakes:?}");
                assert!(read(&[(name, value)]).is_ok(), "without a collector");
            }
        }
    }

    #[test]
    fn the_share_of_a_sampler_is_a_number_from_0_to_1() {
        const SHARE: &str = "OTEL_TRACES_SAMPLER_ARG";
        let read = |sampler, share| {
            let sampler = ("OTEL_TRACES_SAMPLER", sampler);
            read(&[(ENDPOINT, "http://localhost"), sampler, (SHARE, share)])
        };
        for sampler in ["traceidratio", "parentbased_traceidratio"] {
            for share in ["", "0", "1", "0.01", "1e-3"] {
                assert!(read(sampler, share).is_ok(), "{share}");
            }
            for share in ["1%", "-0.1", "1.01", "NaN", "half"] {
                let mistakes = read(sampler, share).unwrap_err();
                assert!(mistakes[0].starts_with(SHARE) && mistakes.len() == 1);
            }
        }
        assert!(read("always_on", "1%").is_ok(), "it has no share");
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let mistakes = read(&[
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
            ("OTEL_TRACES_SAMPLER", "traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "2"),
        ]);
        assert_eq!(mistakes.unwrap_err().len(), 5);
    }
}
