//! The settings, read from the environment here and nowhere else.
//!
//! Every mistake is reported, not the first.

use std::fmt;

use crate::guard::ApiKey;

/// What the environment says.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// `MEMORY_BUCKET`.
    pub bucket: Option<String>,
    /// `MEMORY_ALLOWED_ORIGINS`.
    pub allowed_origins: Vec<Origin>,
    /// `MEMORY_API_KEY`.
    pub api_key: Option<ApiKey>,
    /// `RUST_LOG`.
    pub log_filter: String,
    /// `AWS_ENDPOINT_URL_S3`.
    pub s3_endpoint: Option<String>,
}

/// An origin as a browser sends it: scheme, host and port (RFC 6454, section 6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The origin's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads an origin as a browser spells it: lower case, and no port that its scheme implies.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let uri: axum::http::Uri = text.parse().ok()?;
        let (scheme, host) = (uri.scheme_str()?, uri.host()?);
        let implied = match scheme {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        let port = match uri.port_u16().filter(|port| Some(*port) != implied) {
            Some(port) => format!(":{port}"),
            None => String::new(),
        };
        let spelled = format!("{scheme}://{host}{port}").to_ascii_lowercase();
        (spelled == text && !host.contains('*')).then_some(Self(spelled))
    }
}

/// Every mistake in the settings, each a sentence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mistakes(pub Vec<String>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl std::error::Error for Mistakes {}

/// `EX_CONFIG` of sysexits.h: the exit code of a start that the settings prevent.
pub const EX_CONFIG: u8 = 78;

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// All mistakes in it.
    pub fn from_env() -> Result<Self, Mistakes> {
        Self::read(lookup).unless_any_mistake()
    }

    /// Reads the process's environment where the bucket is the only place for memories, and names
    /// it.
    ///
    /// # Errors
    /// All mistakes in it, a missing bucket among them.
    pub fn from_env_with_bucket() -> Result<(Self, String), Mistakes> {
        Self::read(lookup).with_bucket()
    }

    /// Reads settings by name; `Err` is a value that is no Unicode.
    fn read(lookup: impl Fn(&str) -> Option<Result<String, ()>>) -> Read {
        let mut mistakes = Vec::new();
        let mut read = |name: &str| match lookup(name) {
            Some(Err(())) => {
                mistakes.push(format!("{name} is not UTF-8."));
                None
            }
            Some(Ok(value)) => Some(value),
            None => None,
        };
        let bucket = read("MEMORY_BUCKET");
        let origins = read("MEMORY_ALLOWED_ORIGINS").unwrap_or_default();
        let key = read("MEMORY_API_KEY");
        let log_filter = read("RUST_LOG").filter(|filter| !filter.is_empty());
        let s3_endpoint = read("AWS_ENDPOINT_URL_S3");

        if let Some(name) = bucket.as_deref().filter(|name| !is_bucket_name(name)) {
            mistakes.push(format!(
                "MEMORY_BUCKET is {name:?}, which is no bucket name (3 to 63 of a-z, 0-9, - and .)."
            ));
        }
        let mut allowed_origins = Vec::new();
        for origin in origins
            .split(',')
            .map(str::trim)
            .filter(|origin| !origin.is_empty())
        {
            match Origin::parse(origin) {
                Some(origin) => allowed_origins.push(origin),
                None => mistakes.push(format!(
                    "MEMORY_ALLOWED_ORIGINS has {origin:?}, which is no origin such as https://app.example.com."
                )),
            }
        }
        // A header value's own white space at its ends is not part of it, so such a key could never
        // be sent.
        let can_be_sent = |key: &str| {
            key.bytes()
                .all(|byte| byte.is_ascii_graphic() || byte == b' ')
                && key.trim() == key
        };
        match key.as_deref() {
            Some("") => mistakes.push(
                "MEMORY_API_KEY is empty: set a key, or unset it for loopback only.".to_owned(),
            ),
            Some(key) if !can_be_sent(key) => {
                mistakes.push(
                    "MEMORY_API_KEY has a character that a header cannot carry: use visible ASCII."
                        .to_owned(),
                );
            }
            Some(_) | None => {}
        }
        let log_filter = log_filter.unwrap_or_else(|| "info".to_owned());
        if tracing_subscriber::EnvFilter::try_new(&log_filter).is_err() {
            mistakes.push(format!(
                "RUST_LOG is {log_filter:?}, which is no log filter such as info or debug."
            ));
        }
        if let Some(url) = s3_endpoint.as_deref().filter(|url| !is_http_url(url)) {
            mistakes.push(format!(
                "AWS_ENDPOINT_URL_S3 is {url:?}, which is no URL such as http://127.0.0.1:9000."
            ));
        }
        let api_key = key.map(ApiKey::new);
        let config = Self {
            bucket,
            allowed_origins,
            api_key,
            log_filter,
            s3_endpoint,
        };
        Read { config, mistakes }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the environment"
)]
fn lookup(name: &str) -> Option<Result<String, ()>> {
    std::env::var_os(name).map(|value| value.into_string().map_err(|_| ()))
}

/// Settings that may be wrong.
struct Read {
    config: Config,
    mistakes: Vec<String>,
}

impl Read {
    fn unless_any_mistake(self) -> Result<Config, Mistakes> {
        if self.mistakes.is_empty() {
            Ok(self.config)
        } else {
            Err(Mistakes(self.mistakes))
        }
    }

    fn with_bucket(mut self) -> Result<(Config, String), Mistakes> {
        let missing = "MEMORY_BUCKET is not set: name the bucket that keeps the memories.";
        match self.config.bucket.clone() {
            Some(bucket) => Ok((self.unless_any_mistake()?, bucket)),
            None => {
                self.mistakes.push(missing.to_owned());
                Err(Mistakes(self.mistakes))
            }
        }
    }
}

fn is_http_url(text: &str) -> bool {
    text.parse::<axum::http::Uri>()
        .is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some())
}

/// Amazon S3's general purpose bucket names
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>).
#[must_use]
pub fn is_bucket_name(name: &str) -> bool {
    let outer = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.starts_with(outer)
        && name.ends_with(outer)
        && name
            .chars()
            .all(|character| outer(character) || matches!(character, '-' | '.'))
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Config, Mistakes> {
        let read = Config::read(|name| {
            settings
                .iter()
                .find(|(given, _)| *given == name)
                .map(|(_, value)| Ok((*value).to_owned()))
        });
        read.unless_any_mistake()
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let mistakes = read(&[
            ("MEMORY_BUCKET", "My_Bucket"),
            (
                "MEMORY_ALLOWED_ORIGINS",
                "https://ok.test, nonsense, https://x.test/path",
            ),
            ("MEMORY_API_KEY", ""),
            ("RUST_LOG", "a=b=c"),
            ("AWS_ENDPOINT_URL_S3", "localhost:9000"),
        ])
        .unwrap_err();
        assert_eq!(mistakes.0.len(), 6, "{mistakes}");
        let lookup = |name: &str| (name == "MEMORY_API_KEY").then_some(Err(()));
        assert_eq!(
            Config::read(lookup).unless_any_mistake().unwrap_err().0,
            ["MEMORY_API_KEY is not UTF-8."]
        );
        let key_only = |name: &str| (name == "MEMORY_API_KEY").then(|| Ok(String::new()));
        let both = Config::read(key_only).with_bucket().unwrap_err();
        assert_eq!(both.0.len(), 2, "{both}");
        assert!(read(&[("MEMORY_API_KEY", "schlüssel")]).is_err());
        assert!(read(&[("MEMORY_API_KEY", " key")]).is_err());
    }

    #[test]
    fn nothing_set_is_the_laptop_s_default() {
        let config = read(&[]).unwrap();
        assert_eq!(
            (config.bucket, config.api_key, config.log_filter.as_str()),
            (None, None, "info")
        );
        let config = read(&[
            (
                "MEMORY_ALLOWED_ORIGINS",
                "https://a.test,http://b.test:3000,",
            ),
            ("RUST_LOG", ""),
        ])
        .unwrap();
        let origins: Vec<_> = config.allowed_origins.iter().map(Origin::as_str).collect();
        assert_eq!(origins, ["https://a.test", "http://b.test:3000"]);
    }

    #[test]
    fn an_origin_is_spelled_as_a_browser_would_or_it_could_never_match() {
        for origin in [
            "https://a.test",
            "http://a.test:443",
            "http://[::1]:80801",
            "chrome-extension://abc",
        ] {
            let is_sound = origin != "http://[::1]:80801";
            assert_eq!(Origin::parse(origin).is_some(), is_sound, "{origin}");
        }
        for origin in [
            "https://a.test:443",
            "http://a.test:80",
            "https://a.test:",
            "https://a.test:0443",
            "https://a.test:99999",
            "https://A.test",
            "https://*.a.test",
            "https://u@a.test",
            "https://a.test/",
            "a.test",
            "null",
        ] {
            assert_eq!(Origin::parse(origin), None, "{origin}");
        }
    }

    #[test]
    fn a_bucket_name_is_what_s3_takes() {
        for name in ["abc", "my-log.2026", "0ab"] {
            assert!(is_bucket_name(name), "{name}");
        }
        for name in [
            "ab",
            "Abc",
            "-abc",
            "abc-",
            "a..b",
            "a_b",
            "192.168.0.1",
            &"a".repeat(64),
            "",
        ] {
            assert!(!is_bucket_name(name), "{name}");
        }
    }
}
