//! One bucket, as all that read or write it share it: a client, the name, and what counts the calls.
//!
//! The module is private: who may put, get or list what is decided by the types around it, each of which
//! has a bucket of its own. It must not know what a call is for.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;

use crate::tally::Tally;

/// A bucket, and whatever counts the calls to it.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    pub(crate) client: Client,
    pub(crate) name: String,
    pub(crate) tally: Tally,
}

impl Bucket {
    pub(crate) fn new(client: Client, name: impl Into<String>) -> Self {
        Self {
            client,
            name: name.into(),
            tally: Tally::default(),
        }
    }

    /// The same bucket, whose calls this tally counts.
    pub(crate) fn counted(&self, tally: &Tally) -> Self {
        Self {
            tally: tally.clone(),
            ..self.clone()
        }
    }

    /// The same bucket, whose failed calls are repeated as the SDK's standard mode does.
    pub(crate) fn with_retries(self) -> Self {
        let settings = self.client.config().to_builder();
        let settings = settings.retry_config(RetryConfig::standard());
        Self {
            client: Client::from_conf(settings.build()),
            ..self
        }
    }
}
