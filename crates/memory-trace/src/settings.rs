//! Where spans go, by the variables that OpenTelemetry defines
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).
//!
//! OpenTelemetry's library reads those of them that need no decision here. Without the feature `otel`
//! none is read. The module must not read the environment itself.

/// Where spans go, if anywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    #[cfg(feature = "otel")]
    pub(crate) scheme: Option<Scheme>,
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
    /// Reads the variables by their names.
    ///
    /// # Errors
    /// Each mistake, as a sentence. A URL is not repeated, because it may carry a password.
    pub fn read(mut read: impl FnMut(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        let mut given = |name: &str| read(name).filter(|value| !value.is_empty());
        let is_disabled = given("OTEL_SDK_DISABLED");
        if is_disabled.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(Self::default());
        }
        let mut mistakes = Vec::new();
        let mut scheme = None;
        // The last one counts: it is for traces alone.
        for name in [
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        ] {
            let Some(url) = given(name) else { continue };
            match scheme_of(&url) {
                Some(found) => scheme = Some(found),
                None => mistakes.push(format!(
                    "{name} is not the URL of a collector such as http://127.0.0.1:4318, without user and password: correct \
                     it, or unset it. A password goes into OTEL_EXPORTER_OTLP_HEADERS."
                )),
            }
        }
        for name in [
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        ] {
            let protocol = given(name).filter(|_| scheme.is_some());
            if let Some(other) = protocol.filter(|protocol| protocol != "http/protobuf") {
                mistakes.push(format!(
                    "{name} is {other:?}, and traces are sent by http/protobuf alone: unset it, and name the port of the \
                     collector for that, which is usually 4318."
                ));
            }
        }
        for name in [
            "OTEL_EXPORTER_OTLP_COMPRESSION",
            "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
        ] {
            let compression = given(name).filter(|_| scheme.is_some());
            if let Some(other) = compression.filter(|compression| compression != "none") {
                mistakes.push(format!(
                    "{name} is {other:?}, and traces are sent without compression: unset it."
                ));
            }
        }
        match mistakes.is_empty() {
            true => Ok(Self { scheme }),
            false => Err(mistakes),
        }
    }
}

/// The scheme of an absolute URL of HTTP without user and password.
#[cfg(feature = "otel")]
fn scheme_of(url: &str) -> Option<Scheme> {
    let url: http::Uri = url.parse().ok()?;
    let authority = url.authority()?;
    if authority.host().is_empty() || authority.as_str().contains('@') || url.query().is_some() {
        return None;
    }
    match url.scheme_str()? {
        "http" => Some(Scheme::Http),
        "https" => Some(Scheme::Https),
        _ => None,
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

    #[test]
    fn spans_go_to_the_endpoint_and_nowhere_without_one() {
        let of = |settings: &[_]| read(settings).unwrap().scheme;
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(ENDPOINT, "")]), None);
        assert_eq!(
            of(&[(ENDPOINT, "http://127.0.0.1:4318")]),
            Some(Scheme::Http)
        );
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
            let settings = [
                (ENDPOINT, "http://localhost"),
                ("OTEL_SDK_DISABLED", disabled),
            ];
            assert_eq!(of(&settings), scheme, "{disabled}");
        }
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
        let endpoint = (ENDPOINT, "http://localhost:4317");
        assert!(read(&[(PROTOCOL, "grpc")]).is_ok());
        assert!(read(&[endpoint, (PROTOCOL, "http/protobuf")]).is_ok());
        for protocol in ["grpc", "http/json"] {
            let mistakes = read(&[endpoint, (PROTOCOL, protocol)]).unwrap_err();
            assert!(mistakes.concat().contains("4318"), "{mistakes:?}");
        }
    }
}
