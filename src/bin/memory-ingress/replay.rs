//! `replay`: the stored memories in key order, each proved to be what its key claims.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use memory_ingress::config::Config;
use memory_ingress::local_s3::{self, Disk};
use memory_ingress::object::{KeyClaim, Object, Prefix, instant_in_key};
use memory_ingress::store;
use memory_ingress::timestamp::Timestamp;

use crate::serve::with_region;
use crate::{Location, Place, Stop};

/// Objects that are fetched at once: the order of their lines stays the order of keys.
const FETCHES_AT_ONCE: usize = 16;

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Each line is an object as it is stored. A bad or alien object is named on stderr instead, and the exit code is 1.

Examples:
  memory-ingress replay                                   all memories of ./memory-data
  memory-ingress replay --domain work --entity rob        an entity's memories, in the order of time
  memory-ingress replay --since 2026-01-01T00:00:00Z --until 2026-02-01T00:00:00Z
  memory-ingress replay --bucket my-memories | jq -r .content")]
pub(crate) struct Options {
    #[command(flatten)]
    location: Location,
    /// Only this domain's memories
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,
    /// Only this entity's memories, of every domain unless one is named
    #[arg(long, value_name = "NAME")]
    entity: Option<String>,
    /// Only memories at this instant or later (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = timestamp)]
    since: Option<Timestamp>,
    /// Only memories before this instant (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = timestamp)]
    until: Option<Timestamp>,
}

fn timestamp(text: &str) -> Result<Timestamp, &'static str> {
    Timestamp::parse(text).map_err(|_| "send RFC 3339 with an offset, such as 2026-01-19T14:00:00Z")
}

pub(crate) async fn run(options: Options, config: &Config) -> Result<ExitCode, Stop> {
    let (client, bucket) = open(options.location.clone(), config).await?;
    let wanted = Wanted::of(&options);
    let progress = progress();
    let mut out = io::stdout().lock();
    let mut is_sound = true;

    let mut pages = client
        .list_objects_v2()
        .bucket(&bucket)
        .prefix(&wanted.prefix)
        .set_start_after(wanted.start_after.clone())
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failed("the bucket cannot be listed", &error))?;
        let keys = page.contents().iter().filter_map(|object| object.key());
        let mut objects = stream::iter(keys.filter(|key| wanted.has(key)))
            .map(|key| {
                let (client, bucket) = (&client, &bucket);
                async move { fetch(client, bucket, key).await.map(|read| (key, read)) }
            })
            .buffered(FETCHES_AT_ONCE);
        while let Some((key, read)) = objects.try_next().await? {
            progress.inc(1);
            let proved = read.and_then(|body| match Object::read(key, &body) {
                Ok(object) => Ok(object.body),
                Err(defect) => Err(defect.to_string()),
            });
            let printed = progress.suspend(|| match proved {
                Ok(mut line) => {
                    line.push(b'\n');
                    out.write_all(&line)
                }
                Err(defect) => {
                    is_sound = false;
                    eprintln!("bad: {key}: {defect}");
                    Ok(())
                }
            });
            match printed {
                // Whoever reads has enough, as `head` does.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Ok(code(is_sound));
                }
                printed => printed?,
            }
        }
    }
    progress.finish_and_clear();
    Ok(code(is_sound))
}

fn code(is_sound: bool) -> ExitCode {
    if is_sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn open(location: Location, config: &Config) -> Result<(Client, String), Stop> {
    match location.place(config) {
        Place::Folder(folder) => Ok((
            local_s3::client(Disk::open(&folder)?),
            local_s3::BUCKET.to_owned(),
        )),
        Place::Bucket(bucket) => {
            let client = store::client(&with_region(store::sdk_config().await)?);
            // A read may be repeated as the SDK sees fit; only a write may not.
            let reading = client
                .config()
                .to_builder()
                .retry_config(RetryConfig::standard())
                .build();
            Ok((Client::from_conf(reading), bucket))
        }
    }
}

/// An object's bytes, or what S3 says against giving them; no answer at all ends the work.
async fn fetch(client: &Client, bucket: &str, key: &str) -> Result<Result<Vec<u8>, String>, Stop> {
    let object = match client.get_object().bucket(bucket).key(key).send().await {
        Ok(object) => object,
        Err(SdkError::ServiceError(answer)) => {
            return Ok(Err(format!(
                "it cannot be read: {}",
                answer.err().code().unwrap_or("no code")
            )));
        }
        Err(error) => return Err(failed(&format!("{key} cannot be read"), &error)),
    };
    let body = object.body.collect().await;
    body.map(|body| Ok(body.to_vec()))
        .map_err(|error| failed(&format!("{key} was cut off"), &error))
}

fn failed(what: &str, error: &(impl std::error::Error + 'static)) -> Stop {
    Stop::Failed(format!("{what}: {}", DisplayErrorContext(error)))
}

/// Which keys are read.
struct Wanted {
    prefix: String,
    start_after: Option<String>,
    domain: Option<String>,
    entity: Option<String>,
    since: Option<String>,
    until: Option<String>,
}

impl Wanted {
    fn of(options: &Options) -> Self {
        let prefix = match (options.domain.as_deref(), options.entity.as_deref()) {
            (None, _) => Prefix::All,
            (Some(domain), None) => Prefix::Domain(domain),
            (Some(domain), Some(entity_id)) => Prefix::Entity { domain, entity_id },
        };
        let since = options.since.map(instant_in_key);
        let is_one_entity = matches!(prefix, Prefix::Entity { .. });
        Self {
            start_after: since
                .as_ref()
                .filter(|_| is_one_entity)
                .map(|since| format!("{prefix}{since}")),
            prefix: prefix.to_string(),
            domain: options.domain.clone(),
            entity: options.entity.clone(),
            since,
            until: options.until.map(instant_in_key),
        }
    }

    /// Whether a key is wanted; one that is no key of the log always is, to be told of.
    fn has(&self, key: &str) -> bool {
        let Some(claim) = KeyClaim::parse(key) else {
            return true;
        };
        let is = |wanted: &Option<String>, claimed: &String| {
            wanted.as_ref().is_none_or(|wanted| wanted == claimed)
        };
        is(&self.domain, &claim.domain)
            && is(&self.entity, &claim.entity_id)
            && self
                .since
                .as_ref()
                .is_none_or(|since| claim.instant >= *since)
            && self
                .until
                .as_ref()
                .is_none_or(|until| claim.instant < *until)
    }
}

/// A count on stderr where somebody watches it.
fn progress() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let progress = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {human_pos} memories proved, {per_sec}, {elapsed}")
    {
        progress.set_style(style);
    }
    progress.enable_steady_tick(Duration::from_millis(200));
    progress
}
