//! The options of `mcp --url`.
//!
//! A URL and a header field may carry a secret, so the library reads them after the command line is
//! parsed: an error of the parser would show them.

use std::time::Duration;

use memory_ingress::client::endpoint::EndpointSettings;
use memory_web::caller::ApiKey;

/// How a deployed service is called.
#[derive(Debug, clap::Args)]
pub(crate) struct Remote {
    /// Send memories to this deployed service, by https
    #[arg(long, conflicts_with_all = ["data", "bucket"])]
    url: Option<String>,
    /// Sign for this service [default: the one that the host name shows, or execute-api]
    #[arg(long, value_name = "NAME", requires = "url", value_parser = name)]
    service: Option<String>,
    /// Sign for this region [default: the one that the host name shows, or the profile's, or `AWS_REGION`]
    #[arg(long, value_name = "NAME", requires = "url", value_parser = name)]
    region: Option<String>,
    /// Sign with this profile of the AWS configuration
    #[arg(long, value_name = "NAME", requires = "url")]
    profile: Option<String>,
    /// Seconds for a call and its retries
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=900), requires = "url")]
    timeout: u64,
    /// How often a call is repeated where that may help; its memory is stored only once
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=2), requires = "url")]
    retries: u32,
    /// Send this header field, signed if the request is; may be repeated
    #[arg(long = "header", value_name = "NAME=VALUE", requires = "url")]
    headers: Vec<String>,
}

impl Remote {
    /// The settings of the endpoint, if the command line names one.
    pub(crate) fn settings(self, key: Option<ApiKey>) -> Option<EndpointSettings> {
        Some(EndpointSettings {
            url: self.url?,
            service: self.service,
            region: self.region,
            profile: self.profile,
            timeout: Duration::from_secs(self.timeout),
            retries: self.retries,
            fields: self.headers,
            key,
        })
    }
}

fn name(text: &str) -> Result<String, &'static str> {
    let is_valid = |character: char| character.is_ascii_alphanumeric() || character == '-';
    match !text.is_empty() && text.chars().all(is_valid) {
        true => Ok(text.to_owned()),
        false => Err("it must have letters, digits and hyphens only"),
    }
}
