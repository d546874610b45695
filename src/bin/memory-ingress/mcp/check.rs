//! `mcp --check`: who calls which endpoint, and whether a call gets through.

use std::process::ExitCode;
use std::time::Duration;

use memory_ingress::store::chain;
use tokio::time::{Instant, timeout, timeout_at};

use super::endpoint::Endpoint;
use super::gateway::{Attempt, Words};
use super::signature::Identity;
use crate::{Stop, print, tell};

/// Longest wait for AWS to name the caller: it is good to know and no more.
const IDENTITY_TIME_MAX: Duration = Duration::from_secs(5);

/// A memory without content: the service reads it, refuses it, and stores nothing.
const EMPTY: &[u8] = b"{}";

pub(crate) async fn run(endpoint: &Endpoint) -> Result<ExitCode, Stop> {
    line("endpoint", &endpoint.target.to_string())?;
    line("called by", &endpoint.to_string())?;
    if let Some(signature) = &endpoint.signature {
        line("service", &signature.service)?;
        let identity = timeout_at(endpoint.deadline(), signature.identity()).await;
        match identity.unwrap_or_else(|_| Err("AWS gave no credentials in time.".to_owned())) {
            Ok(identity) => {
                line("region", &identity.region)?;
                line("identity", &name(&identity).await)?;
            }
            Err(why) => {
                line("region", signature.region.as_deref().unwrap_or("not known"))?;
                return failed(&why);
            }
        }
    }
    let started = Instant::now();
    let attempt = endpoint.attempt(EMPTY, endpoint.deadline()).await;
    let took = started.elapsed().as_millis();
    let lost = match attempt {
        Attempt::Failed(lost) => lost,
        Attempt::Stored(_) => {
            return failed("The endpoint took an empty memory: it is no memory-ingress.");
        }
    };
    match lost.words {
        Words::Service(422, _) => {
            let said =
                "the service read an empty memory and refused it, as it should; nothing was stored";
            line("request", &format!("ok, HTTP 422 in {took} ms: {said}"))?;
            Ok(ExitCode::SUCCESS)
        }
        Words::Service(_, words) | Words::Other(words) => failed(&words),
    }
}

fn line(name: &str, value: &str) -> Result<(), Stop> {
    print(format!("{name:<10} {value}\n").as_bytes())?;
    Ok(())
}

fn failed(what: &str) -> Result<ExitCode, Stop> {
    line("request", "failed")?;
    tell(&format!("memory-ingress: {what}"));
    Ok(ExitCode::FAILURE)
}

/// The caller as AWS knows it, or what this machine knows of it.
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
