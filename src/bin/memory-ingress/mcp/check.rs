//! `mcp --check`: which endpoint is called, by whom, and whether a call gets through.

use std::process::ExitCode;
use std::time::Duration;

use memory_ingress::client::endpoint::Endpoint;
use memory_ingress::client::signer::Identity;
use memory_ingress::client::verdict::Words;
use memory_s3::aws::chain;
use tokio::time::{Instant, timeout, timeout_at};

use crate::{CommandError, print, report};

/// Longest wait for AWS to name the caller, which is useful but not needed.
const IDENTITY_TIME_MAX: Duration = Duration::from_secs(5);

/// A memory without content: the service reads it, refuses it, and stores nothing.
const EMPTY: &[u8] = b"{}";

pub(crate) async fn run(endpoint: &Endpoint) -> Result<ExitCode, CommandError> {
    line("endpoint", &endpoint.target.to_string())?;
    line("called by", &endpoint.to_string())?;
    if let Some(signer) = &endpoint.signer {
        line("service", &signer.service)?;
        let identity = timeout_at(endpoint.deadline(), signer.identity()).await;
        match identity.unwrap_or_else(|_| Err("AWS gave no credentials in time.".to_owned())) {
            Ok(identity) => {
                line("region", &identity.region)?;
                line("identity", &name(&identity).await)?;
            }
            Err(why) => {
                line("region", signer.region.as_deref().unwrap_or("not known"))?;
                return failed(&why);
            }
        }
    }
    let started = Instant::now();
    let attempt = endpoint.attempt(EMPTY, endpoint.deadline()).await;
    let took = started.elapsed().as_millis();
    let Err(error) = attempt else {
        return failed("The endpoint accepted an empty memory: it is not a memory-ingress.");
    };
    match error.words {
        Words::Service(422, _) => {
            let what =
                "the service read an empty memory and refused it, as it should; nothing was stored";
            line("request", &format!("ok, HTTP 422 in {took} ms: {what}"))?;
            Ok(ExitCode::SUCCESS)
        }
        Words::Service(_, words) | Words::Other(words) => failed(&words),
    }
}

fn line(name: &str, value: &str) -> Result<(), CommandError> {
    print(format!("{name:<10} {value}\n").as_bytes())?;
    Ok(())
}

fn failed(what: &str) -> Result<ExitCode, CommandError> {
    line("request", "failed")?;
    report(&format!("memory-ingress: {what}"));
    Ok(ExitCode::FAILURE)
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
