//! How the AWS SDK is set up here: settings, connections, region, credentials, and the text of its
//! errors.
//!
//! Nothing is asked of the network before the first request needs credentials. The module must not
//! know what is read or written.

mod connections;
mod idle;

use std::error::Error;
use std::fmt;

use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{
    Builder, Credentials, ProvideCredentials, RequestChecksumCalculation,
    ResponseChecksumValidation, StalledStreamProtectionConfig,
};

pub use connections::{CONNECT_TIMEOUT, IDLE_MAX};
pub use idle::Invocations;

/// Why AWS cannot be called: one sentence for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AwsError {
    /// No region is set, so no request could be signed.
    NoRegion,
    /// The SDK's own chain found no credentials, for this reason.
    NoCredentials(String),
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRegion => f.write_str(
                "No region is set: set AWS_REGION to the bucket's region, or use a profile that has it.",
            ),
            Self::NoCredentials(reason) => write!(
                f,
                "No AWS credentials were found ({reason}); sign in, or set AWS_PROFILE or AWS_ACCESS_KEY_ID."
            ),
        }
    }
}

impl Error for AwsError {}

/// The SDK's settings from its own chain: environment, profiles, roles.
pub async fn sdk_config() -> SdkConfig {
    sdk_loader(Invocations::default()).load().await
}

/// The loader of these settings, for a caller that overrides some of them, or has invocations.
#[must_use]
pub fn sdk_loader(invocations: Invocations) -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(connections::http_client(invocations))
}

/// A client of Amazon S3, or of another endpoint. Another endpoint is addressed by path, because its
/// host names rarely resolve with a bucket in front.
///
/// # Errors
/// [`AwsError::NoRegion`].
pub fn s3_client(sdk: &SdkConfig, endpoint: Option<&str>) -> Result<Client, AwsError> {
    if sdk.region().is_none_or(|region| region.as_ref().is_empty()) {
        return Err(AwsError::NoRegion);
    }
    let settings = match endpoint {
        None => settings(sdk),
        Some(url) => settings(sdk).endpoint_url(url).force_path_style(true),
    };
    Ok(Client::from_conf(settings.build()))
}

/// A client with these settings of the SDK and those of every client of the log.
#[must_use]
pub fn client(sdk: &SdkConfig) -> Client {
    Client::from_conf(settings(sdk).build())
}

/// The settings of every client: one attempt, and no checksum except ours.
fn settings(sdk: &SdkConfig) -> Builder {
    Builder::from(sdk)
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
}

/// Credentials from the SDK's own chain.
///
/// # Errors
/// [`AwsError::NoCredentials`].
pub async fn credentials(sdk: &SdkConfig) -> Result<Credentials, AwsError> {
    let Some(provider) = sdk.credentials_provider() else {
        return Err(AwsError::NoCredentials("nothing provides them".to_owned()));
    };
    provider.provide_credentials().await.map_err(|error| {
        // After the first line the SDK lists all places that it tried.
        let chain = chain(&error);
        let first = chain.lines().next().unwrap_or_default();
        AwsError::NoCredentials(first.trim_end_matches(" Attempted:").to_owned())
    })
}

/// An error's text and that of its sources, which the SDK's `Display` leaves out.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let sources = std::iter::successors(error.source(), |error| (*error).source());
    sources.fold(error.to_string(), |text, source| {
        format!("{text}: {source}")
    })
}
