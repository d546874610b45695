//! Which endpoint is called, by whom, and whether a call gets through.

use std::io;
use std::time::Duration;

use memory_s3::aws::chain;
use tokio::time::{Instant, timeout, timeout_at};

use super::endpoint::Endpoint;
use super::signer::Identity;
use super::verdict::Words;

/// Longest wait for AWS to name the caller, which is useful but not needed.
const IDENTITY_TIME_MAX: Duration = Duration::from_secs(5);

/// A memory without content: the service reads it, refuses it, and stores nothing.
const EMPTY: &[u8] = b"{}";

/// Says of an endpoint, by name and value, what is known as soon as it is known. Returns why no call gets
/// through, in a sentence, if none does.
///
/// # Errors
/// Those of `say`.
pub async fn check(
    endpoint: &Endpoint,
    mut say: impl FnMut(&str, &str) -> io::Result<()>,
) -> io::Result<Option<String>> {
    say("endpoint", &endpoint.target.to_string())?;
    say("called by", &endpoint.to_string())?;
    if let Some(signer) = &endpoint.signer {
        say("service", &signer.service)?;
        let identity = timeout_at(endpoint.deadline(), signer.identity()).await;
        match identity.unwrap_or_else(|_| Err("AWS gave no credentials in time.".to_owned())) {
            Ok(identity) => {
                say("region", &identity.region)?;
                say("identity", &name(&identity).await)?;
            }
            Err(why) => {
                say("region", signer.region.as_deref().unwrap_or("not known"))?;
                say("request", "failed")?;
                return Ok(Some(why));
            }
        }
    }
    let started = Instant::now();
    let attempt = endpoint.attempt(EMPTY, endpoint.deadline()).await;
    let took = started.elapsed().as_millis();
    let why = match attempt.map_err(|error| error.words) {
        Err(Words::Service(422, _)) => {
            let what =
                "the service read an empty memory and refused it, as it should; nothing was stored";
            say("request", &format!("ok, HTTP 422 in {took} ms: {what}"))?;
            return Ok(None);
        }
        Err(Words::Service(_, words) | Words::Other(words)) => words,
        Ok(_) => "The endpoint accepted an empty memory: it is not a memory-ingress.".to_owned(),
    };
    say("request", "failed")?;
    Ok(Some(why))
}

/// The caller as AWS knows it, or what this machine knows about it.
async fn name(identity: &Identity) -> String {
    let key = identity.credentials.access_key_id();
    let client = aws_sdk_sts::Client::new(&identity.sdk);
    let why = match timeout(IDENTITY_TIME_MAX, client.get_caller_identity().send()).await {
        Ok(Ok(caller)) => return format!("{} (key {key})", caller.arn().unwrap_or("unnamed")),
        Ok(Err(error)) => chain(&error),
        Err(_) => "it did not answer in time".to_owned(),
    };
    format!("key {key}; AWS STS did not name its owner: {why}")
}
