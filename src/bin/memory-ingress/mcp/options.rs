//! What a command line says of a deployed service.
//!
//! A URL and a header field may carry a secret, so they are read after the command line is: an error
//! of its parser would show them.

use axum::http::{HeaderName, HeaderValue, header};

/// Options of `mcp --url`.
#[derive(Debug, clap::Args)]
pub(crate) struct Remote {
    /// Send memories to this deployed service, by https
    #[arg(long, conflicts_with_all = ["data", "bucket"])]
    pub(crate) url: Option<String>,
    /// Sign for this service [default: what the host tells, else execute-api]
    #[arg(long, value_name = "NAME", requires = "url", value_parser = name)]
    pub(crate) service: Option<String>,
    /// Sign for this region [default: what the host tells, else the profile's or `AWS_REGION`]
    #[arg(long, value_name = "NAME", requires = "url", value_parser = name)]
    pub(crate) region: Option<String>,
    /// Sign with this profile of the AWS configuration
    #[arg(long, value_name = "NAME", requires = "url")]
    pub(crate) profile: Option<String>,
    /// Seconds for a call and its retries
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=900), requires = "url")]
    pub(crate) timeout: u64,
    /// How often a call is sent again where that may help; it is stored once
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=2), requires = "url")]
    pub(crate) retries: u32,
    /// Send this header field, signed if the request is; may be given again
    #[arg(long = "header", value_name = "NAME=VALUE", requires = "url")]
    pub(crate) headers: Vec<String>,
}

fn name(text: &str) -> Result<String, &'static str> {
    let is_sound = |character: char| character.is_ascii_alphanumeric() || character == '-';
    match !text.is_empty() && text.chars().all(is_sound) {
        true => Ok(text.to_owned()),
        false => Err("it has letters, digits and hyphens"),
    }
}

/// Header fields that this program sets itself, or that are the connection's.
const OWN_FIELDS: [HeaderName; 12] = [
    header::ACCEPT,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::HOST,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::USER_AGENT,
];

/// Reads `NAME=VALUE`, or `NAME: VALUE` as curl has it.
pub(crate) fn field(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text
        .split_once(['=', ':'])
        .ok_or("A --header is written NAME=VALUE.")?;
    let name: HeaderName = name
        .trim()
        .parse()
        .map_err(|_| "The name of a --header is no header field's.")?;
    if OWN_FIELDS.contains(&name) || name.as_str().starts_with("x-amz") {
        return Err(format!("The header {name} is set by this program."));
    }
    if name == memory_ingress::guard::API_KEY {
        return Err("Set MEMORY_API_KEY to send x-api-key.".to_owned());
    }
    let mut value = HeaderValue::from_str(value.trim())
        .ok()
        .filter(|value| value.to_str().is_ok())
        .ok_or_else(|| {
            format!("The value of --header {name} has a character that no header can carry.")
        })?;
    // It may be a token.
    value.set_sensitive(true);
    Ok((name, value))
}
