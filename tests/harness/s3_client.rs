//! Clients of an S3 at another endpoint: the SDK's, and the command line.

use std::process::Command;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Credentials, Region, SharedCredentialsProvider};
use memory_s3::aws;

use crate::process::command;

/// The SDK's client with the settings of the service, for an S3 on this machine.
pub(crate) async fn client_of(endpoint: &str) -> Client {
    let credentials = Credentials::new("test", "test", None, None, "test");
    let sdk = aws::sdk_config().await.into_builder();
    let sdk = sdk
        .region(Region::from_static("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials));
    aws::client(&sdk.build())
}

/// The command line for another S3, without credentials and without a way to find any.
pub(crate) fn on_aws(endpoint: &str) -> Command {
    let mut command = command();
    command
        .env("AWS_ENDPOINT_URL_S3", endpoint)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("HOME", "/nonexistent");
    for name in [
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    ] {
        command.env_remove(name);
    }
    command
}
