//! The settings, read from the environment here and nowhere else.
//!
//! All mistakes are reported at once, not only the first. The module must not know what a setting is
//! used for.

use std::fmt;

use memory_log::scope::{ReadScopes, WriteScopes};
use memory_log::steward::Stewards;
use memory_trace::settings::Settings;

use crate::caller::{ApiKey, Token};
use crate::login::{self, Login};
use crate::origin::Origin;
use crate::telemetry;

/// The settings of the environment (contract 6.1).
#[derive(Debug, Clone)]
pub struct Config {
    /// `MEMORY_BUCKET`.
    pub bucket: Option<String>,
    /// `MEMORY_ALLOWED_ORIGINS`.
    pub allowed_origins: Vec<Origin>,
    /// `MEMORY_API_KEY`.
    pub api_key: Option<ApiKey>,
    /// `MEMORY_TOKEN`.
    pub token: Option<Token>,
    /// `MEMORY_WRITE_SCOPES`.
    pub write_scopes: WriteScopes,
    /// `MEMORY_READ_SCOPES` and `MEMORY_SHARED_SCOPES`.
    pub read_scopes: ReadScopes,
    /// `MEMORY_STEWARDS`.
    pub stewards: Stewards,
    /// `MEMORY_OAUTH_SERVERS` and `MEMORY_OAUTH_SCOPES`.
    pub login: Login,
    /// `MEMORY_VIEWS_BUCKET`.
    pub views_bucket: Option<String>,
    /// `RUST_LOG`.
    pub log_filter: String,
    /// `MEMORY_LOG_HASH_NAMES`.
    pub log_hash_names: bool,
    /// `AWS_ENDPOINT_URL_S3`.
    pub s3_endpoint: Option<String>,
    /// Where traces go, by the variables of OpenTelemetry.
    pub traces: Settings,
}

/// All mistakes in the settings, each a sentence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigError(pub Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl std::error::Error for ConfigError {}

/// `EX_CONFIG` of sysexits.h: the exit code of a start that wrong settings prevent.
pub const EX_CONFIG: u8 = 78;

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`ConfigError`]: all mistakes in it.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(variable).unless_any_mistake()
    }

    /// Reads the process's environment for a command that exports no traces. So what the shell says of them
    /// cannot be wrong for it.
    ///
    /// # Errors
    /// [`ConfigError`]: all mistakes in it.
    pub fn from_env_without_traces() -> Result<Self, ConfigError> {
        let read = |name: &str| variable(name).filter(|_| !name.starts_with("OTEL_"));
        Self::read(read).unless_any_mistake()
    }

    /// Reads the process's environment where a bucket is required, and returns its name as well.
    ///
    /// # Errors
    /// [`ConfigError`]: all mistakes in it, including a missing bucket.
    pub fn from_env_with_bucket() -> Result<(Self, String), ConfigError> {
        Self::read(variable).with_bucket()
    }

    /// Whether it is said what each caller may write and read.
    #[must_use]
    pub fn scopes_are_set(&self) -> bool {
        self.write_scopes != WriteScopes::Everywhere && !self.read_scopes.is_everywhere()
    }

    /// Whether statuses may be changed with these settings. What everybody may read, nobody may change
    /// before it is said who.
    #[must_use]
    pub fn may_change(&self) -> bool {
        !self.read_scopes.has_shared() || self.write_scopes != WriteScopes::Everywhere
    }

    /// Reads settings by name; `Err` is a value that is not Unicode.
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
        let token = read("MEMORY_TOKEN");
        let writable = read("MEMORY_WRITE_SCOPES");
        let readable = read("MEMORY_READ_SCOPES");
        let shared = read("MEMORY_SHARED_SCOPES");
        let stewards = read("MEMORY_STEWARDS");
        let servers = read("MEMORY_OAUTH_SERVERS");
        let oauth_scopes = read("MEMORY_OAUTH_SCOPES");
        let views_bucket = read("MEMORY_VIEWS_BUCKET");
        let log_filter = read("RUST_LOG").filter(|filter| !filter.is_empty());
        let log_hash_names = read("MEMORY_LOG_HASH_NAMES");
        let s3_endpoint = read("AWS_ENDPOINT_URL_S3");
        let traces = Settings::read(&mut read);

        for (setting, bucket) in [
            ("MEMORY_BUCKET", &bucket),
            ("MEMORY_VIEWS_BUCKET", &views_bucket),
        ] {
            if let Some(name) = bucket.as_deref().filter(|name| !is_bucket_name(name)) {
                mistakes.push(format!(
                    "{setting} is {name:?}, which is not a bucket name (3 to 63 characters of a-z, 0-9, - and .)."
                ));
            }
        }
        if views_bucket.is_some() && views_bucket == bucket {
            mistakes.push(
                "MEMORY_VIEWS_BUCKET is the bucket of the memories: views need one of their own."
                    .to_owned(),
            );
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
                    "MEMORY_ALLOWED_ORIGINS has {origin:?}, which is not an origin such as https://app.example.com."
                )),
            }
        }
        let write_scopes = parsed("MEMORY_WRITE_SCOPES", writable, WriteScopes::parse);
        let write_scopes = write_scopes.unwrap_or(Ok(WriteScopes::Everywhere));
        let write_scopes = write_scopes.unwrap_or_else(|mistake| {
            mistakes.push(mistake);
            WriteScopes::Of(Vec::new())
        });
        let read_scopes = parsed("MEMORY_READ_SCOPES", readable, ReadScopes::parse);
        let read_scopes = read_scopes.unwrap_or(Ok(ReadScopes::everywhere()));
        let read_scopes = read_scopes.and_then(|scopes| {
            let with_shared = |text: &str| scopes.clone().with_shared(text);
            let both = parsed("MEMORY_SHARED_SCOPES", shared, with_shared);
            both.unwrap_or(Ok(scopes.clone()))
        });
        let read_scopes = read_scopes.unwrap_or_else(|mistake| {
            mistakes.push(mistake);
            ReadScopes::nowhere()
        });
        let stewards = parsed("MEMORY_STEWARDS", stewards, Stewards::parse);
        let stewards = stewards.unwrap_or(Ok(Stewards::Unnamed));
        let stewards = stewards.unwrap_or_else(|mistake| {
            mistakes.push(mistake);
            Stewards::Of(Vec::new())
        });
        let servers = parsed("MEMORY_OAUTH_SERVERS", servers, login::servers);
        let scopes = parsed("MEMORY_OAUTH_SCOPES", oauth_scopes, login::scopes);
        let mut or_mistake = |parsed: Option<Result<Vec<String>, String>>| {
            parsed.unwrap_or(Ok(Vec::new())).unwrap_or_else(|mistake| {
                mistakes.push(mistake);
                Vec::new()
            })
        };
        let login = Login::new(or_mistake(servers), or_mistake(scopes));
        // White space at the ends of a header value is not part of it, so a key with it could never be
        // sent.
        let can_be_sent = |key: &str| {
            key.bytes()
                .all(|byte| byte.is_ascii_graphic() || byte == b' ')
                && key.trim() == key
        };
        match key.as_deref() {
            Some("") => {
                mistakes.push("MEMORY_API_KEY is empty: set a key, or unset it.".to_owned());
            }
            Some(key) if !can_be_sent(key) => {
                mistakes.push(
                    "MEMORY_API_KEY has a character that a header cannot carry: use visible ASCII."
                        .to_owned(),
                );
            }
            Some(_) | None => {}
        }
        // A token has no white space (RFC 6750, section 2.1).
        let is_token = |token: &str| token.bytes().all(|byte| byte.is_ascii_graphic());
        match token.as_deref() {
            Some("") => mistakes.push("MEMORY_TOKEN is empty: set a token, or unset it.".to_owned()),
            Some(token) if !is_token(token) => mistakes.push(
                "MEMORY_TOKEN has a character that a token cannot have: set the token alone, without the word Bearer."
                    .to_owned(),
            ),
            Some(_) | None => {}
        }
        let log_filter = log_filter.unwrap_or_else(|| "info".to_owned());
        if telemetry::shown(&log_filter).is_err() {
            mistakes.push(format!(
                "RUST_LOG is {log_filter:?}, which is not a log filter such as info or debug."
            ));
        }
        let log_hash_names = match log_hash_names.as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => {
                mistakes.push(format!(
                    "MEMORY_LOG_HASH_NAMES is {other:?}, which is not true or false."
                ));
                true
            }
        };
        if s3_endpoint.as_deref().is_some_and(|url| !is_http_url(url)) {
            // It may carry a password, so it is not repeated.
            mistakes.push(
                "AWS_ENDPOINT_URL_S3 is not a URL such as http://127.0.0.1:9000, without user and password."
                    .to_owned(),
            );
        }
        let traces = traces.unwrap_or_else(|wrong| {
            mistakes.extend(wrong);
            Settings::default()
        });
        let (api_key, token) = (key.map(ApiKey::new), token.map(Token::new));
        let config = Self {
            bucket,
            allowed_origins,
            api_key,
            token,
            write_scopes,
            read_scopes,
            stewards,
            login,
            views_bucket,
            log_filter,
            log_hash_names,
            s3_endpoint,
            traces,
        };
        Read { config, mistakes }
    }
}

/// What a setting says, or its mistake. An empty one is a mistake: it would name nobody.
fn parsed<T, E: fmt::Display>(
    name: &str,
    text: Option<String>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Option<Result<T, String>> {
    let text = text?;
    Some(match text.trim() {
        "" => Err(format!(
            "{name} is empty, so it names nobody: name some, or unset it."
        )),
        text => parse(text).map_err(|error| format!("{name}: {error}.")),
    })
}

/// The text of a variable of the environment that a user names, if it is set. `Err` if it is not
/// Unicode.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the environment"
)]
pub fn variable(name: &str) -> Option<Result<String, ()>> {
    std::env::var_os(name).map(|value| value.into_string().map_err(|_| ()))
}

/// Settings that may be wrong.
struct Read {
    config: Config,
    mistakes: Vec<String>,
}

impl Read {
    fn unless_any_mistake(self) -> Result<Config, ConfigError> {
        if self.mistakes.is_empty() {
            Ok(self.config)
        } else {
            Err(ConfigError(self.mistakes))
        }
    }

    fn with_bucket(mut self) -> Result<(Config, String), ConfigError> {
        let missing = "MEMORY_BUCKET is not set: name the bucket that stores the memories.";
        match self.config.bucket.clone() {
            Some(bucket) => Ok((self.unless_any_mistake()?, bucket)),
            None => {
                self.mistakes.push(missing.to_owned());
                Err(ConfigError(self.mistakes))
            }
        }
    }
}

/// Whether this is an absolute URL of HTTP. The SDK would not send a user and password, so an
/// endpoint that needs them could never answer.
fn is_http_url(text: &str) -> bool {
    text.parse::<axum::http::Uri>().is_ok_and(|uri| {
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        let has_user = uri.authority().is_some_and(|of| of.as_str().contains('@'));
        matches!(uri.scheme_str(), Some("http" | "https")) && has_host && !has_user
    })
}

/// Whether this is a name that Amazon S3 accepts for a general purpose bucket
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

    fn read(settings: &[(&str, &str)]) -> Result<Config, ConfigError> {
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
            ("MEMORY_WRITE_SCOPES", "work"),
            ("MEMORY_OAUTH_SERVERS", "login.example.com"),
            ("MEMORY_OAUTH_SCOPES", " "),
            ("MEMORY_LOG_HASH_NAMES", "yes"),
            ("RUST_LOG", "a=b=c"),
            ("AWS_ENDPOINT_URL_S3", "localhost:9000"),
        ])
        .unwrap_err();
        assert_eq!(mistakes.0.len(), 10, "{mistakes}");
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
        for token in ["", "Bearer token", "tökén", "token\n"] {
            let mistake = read(&[("MEMORY_TOKEN", token)]).unwrap_err().to_string();
            assert!(mistake.starts_with("MEMORY_TOKEN "), "{mistake}");
            assert!(token.is_empty() || !mistake.contains(token), "{mistake}");
        }
        let token = read(&[("MEMORY_TOKEN", "a.b-c_d~+/==")]).unwrap().token;
        assert_eq!(token, Some(Token::new("a.b-c_d~+/==")));
    }

    #[test]
    fn scopes_that_are_empty_or_wrong_never_open_the_log() {
        for scopes in ["", "  ", "work", "user/{aws:userArn}", "work/* /"] {
            let given = |name: &str| (name == "MEMORY_WRITE_SCOPES").then(|| Ok(scopes.to_owned()));
            let read = Config::read(given);
            assert_ne!(
                read.config.write_scopes,
                WriteScopes::Everywhere,
                "{scopes:?}"
            );
            assert_eq!(read.mistakes.len(), 1, "{scopes:?}");
        }
        let no_text = |name: &str| (name == "MEMORY_WRITE_SCOPES").then_some(Err(()));
        assert!(Config::read(no_text).unless_any_mistake().is_err());
        let unset = read(&[]).unwrap().write_scopes;
        assert_eq!(unset, WriteScopes::Everywhere);
    }

    #[test]
    fn an_endpoint_with_a_password_is_refused_and_not_repeated() {
        let endpoint = |url: &str| read(&[("AWS_ENDPOINT_URL_S3", url)]);
        for url in [
            "https://user:secret@s3.test",
            "https://secret@s3.test:9000/",
            "s3.test/secret",
            "ftp://s3.test/secret",
            "http://user:secret@",
        ] {
            let error = endpoint(url).unwrap_err().to_string();
            assert!(error.contains("AWS_ENDPOINT_URL_S3"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(endpoint("http://127.0.0.1:9000").is_ok());
        assert!(endpoint("https://s3.test/a@b").is_ok());
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
    fn names_are_hashed_in_the_log_where_it_is_asked_for() {
        let hashed =
            |value| read(&[("MEMORY_LOG_HASH_NAMES", value)]).map(|read| read.log_hash_names);
        assert_eq!((hashed("true"), hashed("false")), (Ok(true), Ok(false)));
        assert!(!read(&[]).unwrap().log_hash_names);
        for near in ["", "True", "1", "yes"] {
            assert!(hashed(near).is_err(), "{near:?}");
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
