//! `replay`: the stored memories in key order, each proved to be what its key claims.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::EncodingType;
use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use memory_ingress::config::Config;
use memory_ingress::local_s3::{self, Disk};
use memory_ingress::object::{KeyClaim, Object, Prefix, earliest_key};
use memory_ingress::store;
use memory_ingress::timestamp::Timestamp;
use percent_encoding::percent_decode_str;

use crate::{Location, Place, Reader, Stop, print, tell};

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
    let mut is_sound = true;

    let mut pages = client
        .list_objects_v2()
        .bucket(&bucket)
        .prefix(&wanted.prefix)
        .set_start_after(wanted.start_after.clone())
        .encoding_type(EncodingType::Url)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failed("the bucket cannot be listed", &error))?;
        let is_encoded = page.encoding_type().is_some();
        let keys = page.contents().iter().filter_map(|object| object.key());
        let keys = keys.map(|key| {
            if is_encoded {
                decoded(key)
            } else {
                key.to_owned()
            }
        });
        let keys = keys.filter(|key| wanted.has(key));
        let mut objects = stream::iter(keys)
            .map(|key| fetch(&client, &bucket, key))
            .buffered(FETCHES_AT_ONCE);
        while let Some((key, read)) = objects.try_next().await? {
            progress.inc(1);
            let proved = read.and_then(|body| match Object::read(&key, &body) {
                Ok(object) => Ok(object.body),
                Err(defect) => Err(defect.to_string()),
            });
            let reader = progress.suspend(|| match proved {
                Ok(mut line) => {
                    line.push(b'\n');
                    print(&line)
                }
                Err(defect) => {
                    is_sound = false;
                    tell(&on_one_line(&format!("bad: {key}: {defect}")));
                    Ok(Reader::Listens)
                }
            });
            if reader? == Reader::HasEnough {
                return Ok(code(is_sound));
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
            let sdk = store::sdk_config().await;
            let client = store::aws_client(&sdk, config.s3_endpoint.as_deref())?;
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

/// A key as a listing in `encoding-type=url` spells it, which is the only one for every key.
fn decoded(key: &str) -> String {
    percent_decode_str(&key.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

/// Longest line on stderr, in characters: a key has at most 1,024 bytes, a defect may quote more.
const LINE_CHARS_MAX: usize = 4_000;

/// Text of a bucket as a line that no terminal obeys.
fn on_one_line(text: &str) -> String {
    let shown = |character: char| match character.is_control() {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    };
    text.chars().take(LINE_CHARS_MAX).map(shown).collect()
}

/// An object's bytes, or what S3 says against giving them; no answer at all ends the work.
async fn fetch(
    client: &Client,
    bucket: &str,
    key: String,
) -> Result<(String, Result<Vec<u8>, String>), Stop> {
    let object = match client.get_object().bucket(bucket).key(&key).send().await {
        Ok(object) => object,
        Err(SdkError::ServiceError(answer)) => {
            let (code, message) = (
                answer.err().code().unwrap_or("no code"),
                answer.err().message().unwrap_or_default(),
            );
            return Ok((
                key,
                Err(format!("it cannot be read: {code} {message}")
                    .trim_end()
                    .to_owned()),
            ));
        }
        Err(error) => return Err(failed(&format!("{key} cannot be read"), &error)),
    };
    match object.body.collect().await {
        Ok(body) => Ok((key, Ok(body.to_vec()))),
        Err(error) => Err(failed(&format!("{key} was cut off"), &error)),
    }
}

fn failed(what: &str, error: &(dyn std::error::Error + 'static)) -> Stop {
    Stop::Failed(on_one_line(&format!("{what}: {}", store::chain(error))))
}

/// Which keys are read.
struct Wanted {
    prefix: String,
    start_after: Option<String>,
    domain: Option<String>,
    entity: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Wanted {
    fn of(options: &Options) -> Self {
        let prefix = match (options.domain.as_deref(), options.entity.as_deref()) {
            (None, _) => Prefix::All,
            (Some(domain), None) => Prefix::Domain(domain),
            (Some(domain), Some(entity_id)) => Prefix::Entity { domain, entity_id },
        };
        let is_one_entity = matches!(prefix, Prefix::Entity { .. });
        Self {
            start_after: options
                .since
                .filter(|_| is_one_entity)
                .map(|since| earliest_key(prefix, since)),
            prefix: prefix.to_string(),
            domain: options.domain.clone(),
            entity: options.entity.clone(),
            since: options.since,
            until: options.until,
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
            && self.since.is_none_or(|since| claim.timestamp >= since)
            && self.until.is_none_or(|until| claim.timestamp < until)
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
