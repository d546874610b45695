//! The options of `mcp`.

use std::time::Duration;

use memory_web::config::Config;

use super::{Location, settings_of_a_log};
use crate::client::endpoint::EndpointSettings;
use crate::client::field;

const HELP: &str = concat!(
    "\
Without --url, memories are written to --data or --bucket directly, and found there. With --url the
same tools are served here, and each call is sent to the endpoint as one request: signed with AWS
SigV4, or with the key in MEMORY_API_KEY, or with the token in MEMORY_TOKEN. To sign in addition to
a key, give --profile, --region or --service. At the start the endpoint is asked once which tools it
has, for at most 5 seconds; with --write-only nothing is asked, and no credentials are loaded,
before the first call.

Examples:
  memory-ingress mcp --data ~/memories                an agent's memories as files
  memory-ingress mcp --url https://a1b2c3.execute-api.eu-central-1.amazonaws.com/live
  memory-ingress mcp --url https://memory.example.com --region eu-central-1 --profile work
  memory-ingress mcp --url https://memory.example.com --header-env Authorization=TEAM_LOGIN
  memory-ingress mcp --check --url https://…          show who you are there, and try a call

An agent starts this command by itself. Its configuration names it, for most agents like this:
  {\"mcpServers\": {\"memory\": {
    \"command\": \"memory-ingress\", \"args\": [\"mcp\", \"--data\", \"/home/rob/memories\"]}}}

Settings:
  [env: MEMORY_API_KEY]            with --url: the key to send in the header x-api-key
  [env: MEMORY_TOKEN]              with --url: the token to send as Authorization: Bearer
  [env: OTEL_EXPORTER_OTLP_ENDPOINT]  a collector for traces, such as http://127.0.0.1:4318
",
    settings_of_a_log!()
);

/// `mcp`
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Mcp {
    /// Where the log is.
    #[command(flatten)]
    pub location: Location,
    /// The service that is called instead.
    #[command(flatten)]
    pub remote: Remote,
    /// Show the endpoint and your identity there, send one request that stores nothing, and exit
    #[arg(long, requires = "url")]
    pub check: bool,
    /// Offer the tool that stores memories only
    #[arg(long)]
    pub write_only: bool,
}

/// How a deployed service is called.
#[derive(Debug, clap::Args)]
pub struct Remote {
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
    /// The same with the value of an environment variable, which keeps a secret off the command line
    #[arg(long = "header-env", value_name = "NAME=VARIABLE", requires = "url")]
    headers_of_environment: Vec<String>,
    /// Say on stderr what each request came to: its route, status and time, and nothing of its content
    #[arg(long, requires = "url")]
    pub verbose: bool,
}

impl Remote {
    /// The settings of the endpoint, if the command line names one. `variable` reads the environment.
    ///
    /// # Errors
    /// A header has no value, in words that show no secret.
    pub fn settings(
        self,
        config: &Config,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<EndpointSettings>, String> {
        let Some(url) = self.url else {
            return Ok(None);
        };
        let named = self.headers_of_environment.iter();
        let read: Vec<_> = named
            .map(|text| field::of_environment(text, &variable))
            .collect::<Result<_, _>>()?;
        Ok(Some(EndpointSettings {
            url,
            service: self.service,
            region: self.region,
            profile: self.profile,
            timeout: Duration::from_secs(self.timeout),
            retries: self.retries,
            fields: [self.headers, read].concat(),
            key: config.api_key.clone(),
            token: config.token.clone(),
        }))
    }
}

fn name(text: &str) -> Result<String, &'static str> {
    let is_valid = |character: char| character.is_ascii_alphanumeric() || character == '-';
    match !text.is_empty() && text.chars().all(is_valid) {
        true => Ok(text.to_owned()),
        false => Err("it must have letters, digits and hyphens only"),
    }
}
