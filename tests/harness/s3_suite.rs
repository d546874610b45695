//! What the service relies on of S3, as two suites: one of the log, one of views. They run on the embedded S3, on
//! another implementation, and on a real bucket. They only add objects, and replace their own views, under `conduct/`.

use std::pin::Pin;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumMode;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::join_all;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::notice::say;

/// An S3, and a place in it that nobody else uses.
#[derive(Clone)]
pub(crate) struct Target {
    client: Client,
    bucket: String,
    prefix: String,
}

pub(crate) type Checked<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + 'a>>;
pub(crate) type Conduct = (&'static str, fn(&Target) -> Checked<'_>);

/// What S3 does with the log, each by a name that says it.
pub(crate) const LOG: &[Conduct] = &[
    ("a_free_key_is_written", |s3| Box::pin(a_free_key(s3))),
    ("the_checksum_of_a_put_is_echoed", |s3| {
        Box::pin(an_echo(s3))
    }),
    ("a_taken_key_is_412_and_keeps_its_first_bytes", |s3| {
        Box::pin(a_taken_key(s3))
    }),
    ("other_bytes_for_a_taken_key_are_412", |s3| {
        Box::pin(other_bytes(s3))
    }),
    ("of_50_concurrent_puts_to_one_key_one_wins", |s3| {
        Box::pin(concurrent_puts(s3))
    }),
    ("a_wrong_checksum_is_400_and_stores_nothing", |s3| {
        Box::pin(a_wrong_checksum(s3))
    }),
    ("a_malformed_checksum_is_400_and_stores_nothing", |s3| {
        Box::pin(a_malformed_checksum(s3))
    }),
    ("another_bucket_is_404_no_such_bucket", |s3| {
        Box::pin(another_bucket(s3))
    }),
    ("a_wrong_secret_is_403_and_stores_nothing", |s3| {
        Box::pin(a_wrong_secret(s3))
    }),
    ("an_unknown_access_key_is_403", |s3| {
        Box::pin(an_unknown_access_key(s3))
    }),
    ("an_object_is_read_back_with_its_type", |s3| {
        Box::pin(read_back(s3))
    }),
    ("an_object_is_read_back_with_its_checksum", |s3| {
        Box::pin(read_checksum(s3))
    }),
    ("a_missing_key_is_404_no_such_key", |s3| {
        Box::pin(a_missing_key(s3))
    }),
    ("a_key_of_1024_bytes_is_kept", |s3| {
        Box::pin(the_longest_key(s3))
    }),
    ("a_key_of_1025_bytes_is_400", |s3| {
        Box::pin(a_key_too_long(s3))
    }),
    ("keys_are_listed_in_the_order_of_their_bytes", |s3| {
        Box::pin(order_of_keys(s3))
    }),
    (
        "a_listing_comes_in_pages_after_a_key_and_of_a_prefix",
        |s3| Box::pin(pages(s3)),
    ),
    ("an_empty_prefix_lists_nothing", |s3| {
        Box::pin(an_empty_listing(s3))
    }),
    ("a_wrong_continuation_token_is_400", |s3| {
        Box::pin(a_wrong_token(s3))
    }),
    ("every_error_has_a_request_id", |s3| {
        Box::pin(a_request_id(s3))
    }),
    ("an_event_is_kept_like_any_other_object", |s3| {
        Box::pin(an_event(s3))
    }),
];

/// What S3 does with views, which are replaced.
pub(crate) const VIEWS: &[Conduct] = &[
    ("a_view_is_read_back_with_its_type", |s3| {
        Box::pin(a_view(s3))
    }),
    ("a_view_that_is_there_is_412_for_a_first_one", |s3| {
        Box::pin(a_second_first_view(s3))
    }),
    ("a_view_is_replaced_by_its_etag_and_gets_another", |s3| {
        Box::pin(a_replaced_view(s3))
    }),
    ("the_etag_of_an_older_view_is_412", |s3| {
        Box::pin(an_older_view(s3))
    }),
    ("a_view_that_is_missing_is_404_for_its_replacement", |s3| {
        Box::pin(a_missing_view(s3))
    }),
    ("of_50_concurrent_replacements_one_wins", |s3| {
        Box::pin(concurrent_replacements(s3))
    }),
    (
        "a_wrong_checksum_of_a_view_is_400_and_replaces_nothing",
        |s3| Box::pin(a_wrong_checksum_of_a_view(s3)),
    ),
];

/// Runs a suite. A behaviour that is listed as missing must fail, so that the list stays true.
pub(crate) async fn run(suite: &[Conduct], target: &Target, weaker: &[&str]) {
    let mut wrong = Vec::new();
    for (name, conduct) in suite {
        let prefix = format!("conduct/{}/", Uuid::new_v4());
        let result = conduct(&Target {
            prefix,
            ..target.clone()
        })
        .await;
        match (result, weaker.contains(name)) {
            (Ok(()), false) => {}
            (Err(what), true) => say(&format!("weaker than S3: {name}: {what}")),
            (Err(what), false) => wrong.push(format!("{name}: {what}")),
            (Ok(()), true) => wrong.push(format!(
                "{name} is listed as weaker than S3, and holds: take it off the list"
            )),
        }
    }
    assert!(
        weaker
            .iter()
            .all(|name| suite.iter().any(|(known, _)| known == name)),
        "an unknown name is listed"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

impl Target {
    pub(crate) fn new(client: Client, bucket: &str) -> Self {
        Self {
            client,
            bucket: bucket.to_owned(),
            prefix: String::new(),
        }
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A put as the service sends it.
    async fn put(
        &self,
        key: &str,
        body: &str,
        checksum: &str,
    ) -> Result<PutObjectOutput, (u16, String)> {
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .if_none_match("*")
            .checksum_sha256(checksum);
        let put = put
            .content_type("application/json")
            .body(ByteStream::from(body.as_bytes().to_vec()));
        put.send().await.map_err(status_and_code)
    }

    async fn put_sound(&self, key: &str, body: &str) -> Result<PutObjectOutput, (u16, String)> {
        self.put(key, body, &sha256(body)).await
    }

    /// A put of a view in the place of the one with this `ETag`, or where there is none. It gives the new `ETag`.
    async fn put_view(
        &self,
        key: &str,
        body: &str,
        replaces: Option<&str>,
    ) -> Result<String, (u16, String)> {
        let put = self.client.put_object().bucket(&self.bucket).key(key);
        let put = match replaces {
            Some(etag) => put.if_match(etag),
            None => put.if_none_match("*"),
        };
        let put = put
            .content_type("application/zstd")
            .checksum_sha256(sha256(body))
            .body(ByteStream::from(body.as_bytes().to_vec()));
        let output = put.send().await.map_err(status_and_code)?;
        Ok(output.e_tag().unwrap().to_owned())
    }

    /// A put of a view that must succeed.
    async fn puts_view(
        &self,
        key: &str,
        body: &str,
        replaces: Option<&str>,
    ) -> Result<String, String> {
        let put = self.put_view(key, body, replaces).await;
        put.map_err(|error| format!("{key}: {error:?}"))
    }

    /// A put that must succeed.
    async fn puts(&self, key: &str, body: &str) -> Result<PutObjectOutput, String> {
        self.put_sound(key, body)
            .await
            .map_err(|error| format!("{key}: {error:?}"))
    }

    async fn get(&self, key: &str) -> Result<Vec<u8>, (u16, String)> {
        let object = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await
            .map_err(status_and_code)?;
        Ok(object.body.collect().await.unwrap().to_vec())
    }

    async fn keys(&self) -> Vec<String> {
        let listed = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(&self.prefix)
            .send()
            .await
            .unwrap();
        listed
            .contents()
            .iter()
            .map(|object| object.key().unwrap().to_owned())
            .collect()
    }
}

fn sha256(body: &str) -> String {
    BASE64_STANDARD.encode(Sha256::digest(body))
}

/// The status and S3's code of a failure; 0 and what happened, where S3 gave no answer.
pub(crate) fn status_and_code<E: ProvideErrorMetadata + std::fmt::Debug>(
    error: SdkError<E>,
) -> (u16, String) {
    let SdkError::ServiceError(answer) = error else {
        return (0, format!("{error:?}"));
    };
    (
        answer.raw().status().as_u16(),
        answer.err().code().unwrap_or_default().to_owned(),
    )
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "what is found is made for the comparison"
)]
fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what} is {found:?}, and S3's {expected:?}"))
    }
}

fn failure<T>(found: Result<T, (u16, String)>, status: u16, code: &str) -> Result<(), String> {
    match found {
        Err(failure) => expect("the failure", failure, (status, code.to_owned())),
        Ok(_) => Err("it succeeded".to_owned()),
    }
}

async fn a_free_key(s3: &Target) -> Result<(), String> {
    let key = s3.key("free.json");
    let put = s3.puts(&key, "{}").await?;
    expect(
        "an ETag",
        put.e_tag().is_some_and(|etag| etag.len() > 2),
        true,
    )?;
    expect("the body", s3.get(&key).await, Ok(b"{}".to_vec()))
}

async fn an_echo(s3: &Target) -> Result<(), String> {
    let put = s3.puts(&s3.key("echo.json"), "{}").await?;
    expect("the checksum", put.checksum_sha256(), Some(&*sha256("{}")))
}

async fn a_taken_key(s3: &Target) -> Result<(), String> {
    let key = s3.key("taken.json");
    s3.puts(&key, "1").await?;
    failure(s3.put_sound(&key, "1").await, 412, "PreconditionFailed")?;
    let other = s3.put_sound(&key, "2").await;
    expect("another put", other.is_err(), true)?;
    expect("the body", s3.get(&key).await, Ok(b"1".to_vec()))
}

async fn other_bytes(s3: &Target) -> Result<(), String> {
    let key = s3.key("other.json");
    s3.puts(&key, "1").await?;
    failure(s3.put_sound(&key, "2").await, 412, "PreconditionFailed")
}

async fn concurrent_puts(s3: &Target) -> Result<(), String> {
    let key = s3.key("contended.json");
    let bodies: Vec<_> = (0..50)
        .map(|number| format!("{{\"writer\":{number}}}"))
        .collect();
    let puts = join_all(bodies.iter().map(|body| s3.put_sound(&key, body))).await;
    let winners: Vec<_> = puts
        .iter()
        .zip(&bodies)
        .filter(|(put, _)| put.is_ok())
        .map(|(_, body)| body)
        .collect();
    let lost = puts.iter().filter_map(|put| put.as_ref().err());
    // On a race S3 may also say 409 ConditionalRequestConflict, which is no success either.
    let lost = lost
        .filter(|(status, _)| matches!(status, 412 | 409))
        .count();
    expect("the winners and the losers", (winners.len(), lost), (1, 49))?;
    expect(
        "the body",
        s3.get(&key).await,
        Ok(winners[0].clone().into_bytes()),
    )
}

async fn a_wrong_checksum(s3: &Target) -> Result<(), String> {
    let key = s3.key("wrong.json");
    failure(s3.put(&key, "{}", &sha256("[]")).await, 400, "BadDigest")?;
    failure(s3.get(&key).await, 404, "NoSuchKey")
}

async fn a_malformed_checksum(s3: &Target) -> Result<(), String> {
    let key = s3.key("malformed.json");
    failure(s3.put(&key, "{}", "c2hvcnQ=").await, 400, "InvalidRequest")?;
    failure(s3.put(&key, "{}", "?").await, 400, "InvalidRequest")?;
    failure(s3.get(&key).await, 404, "NoSuchKey")
}

async fn another_bucket(s3: &Target) -> Result<(), String> {
    let other = Target {
        bucket: format!("no-{}", Uuid::new_v4()),
        ..s3.clone()
    };
    failure(other.put_sound("x.json", "{}").await, 404, "NoSuchBucket")?;
    failure(other.get("x.json").await, 404, "NoSuchBucket")
}

fn signed_by(s3: &Target, access_key: &str, secret: &str) -> Target {
    let credentials =
        SharedCredentialsProvider::new(Credentials::new(access_key, secret, None, None, "test"));
    let config = s3
        .client
        .config()
        .to_builder()
        .credentials_provider(credentials)
        .build();
    Target {
        client: Client::from_conf(config),
        ..s3.clone()
    }
}

async fn a_wrong_secret(s3: &Target) -> Result<(), String> {
    let key = s3.key("secret.json");
    failure(
        signed_by(s3, "embedded", "wrong")
            .put_sound(&key, "{}")
            .await,
        403,
        "SignatureDoesNotMatch",
    )?;
    failure(s3.get(&key).await, 404, "NoSuchKey")
}

async fn an_unknown_access_key(s3: &Target) -> Result<(), String> {
    let put = signed_by(s3, "AKIAUNKNOWN", "wrong")
        .put_sound(&s3.key("unknown.json"), "{}")
        .await;
    expect(
        "the status",
        put.map(|_| ()).map_err(|(status, _)| status),
        Err(403),
    )
}

async fn read_back(s3: &Target) -> Result<(), String> {
    let key = s3.key("read=%20back/2026.json");
    let body = "{\"content\":\"é\\n\"}";
    let put = s3.puts(&key, body).await?;
    let get = s3
        .client
        .get_object()
        .bucket(&s3.bucket)
        .key(&key)
        .send()
        .await;
    let object = get.map_err(|error| format!("{:?}", status_and_code(error)))?;
    expect("the type", object.content_type(), Some("application/json"))?;
    expect(
        "the length",
        object.content_length(),
        i64::try_from(body.len()).ok(),
    )?;
    expect("the ETag", object.e_tag(), put.e_tag())?;
    expect("a time", object.last_modified().is_some(), true)?;
    let read = object
        .body
        .collect()
        .await
        .map_err(|error| error.to_string())?;
    expect("the body", &*read.to_vec(), body.as_bytes())
}

async fn read_checksum(s3: &Target) -> Result<(), String> {
    let key = s3.key("checksum.json");
    s3.puts(&key, "{}").await?;
    let get = s3
        .client
        .get_object()
        .bucket(&s3.bucket)
        .key(&key)
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await;
    let object = get.map_err(|error| format!("{:?}", status_and_code(error)))?;
    expect(
        "the checksum",
        object.checksum_sha256(),
        Some(&*sha256("{}")),
    )
}

async fn a_missing_key(s3: &Target) -> Result<(), String> {
    failure(s3.get(&s3.key("missing.json")).await, 404, "NoSuchKey")?;
    failure(
        s3.get(&s3.key("missing/deeper/still.json")).await,
        404,
        "NoSuchKey",
    )
}

async fn the_longest_key(s3: &Target) -> Result<(), String> {
    let key = format!("{:x<1019}.json", s3.key("long/entity="));
    s3.puts(&key, "{}").await?;
    failure(s3.put_sound(&key, "{}").await, 412, "PreconditionFailed")?;
    expect("the keys", s3.keys().await, vec![key.clone()])?;
    expect("the body", s3.get(&key).await, Ok(b"{}".to_vec()))
}

async fn a_key_too_long(s3: &Target) -> Result<(), String> {
    let key = format!("{:x<1020}.json", s3.key("long/"));
    failure(s3.put_sound(&key, "{}").await, 400, "KeyTooLongError")
}

async fn order_of_keys(s3: &Target) -> Result<(), String> {
    let long = "p".repeat(254);
    let names = [
        "a-b/1",
        "a.b",
        "a/1",
        "a/b/c",
        "a0",
        "a=1/x",
        "a~",
        "Z",
        "z%20",
        "entity=a/1",
        "entity=a-/1",
        "entity=a%2F/1",
    ];
    let mut names: Vec<_> = names.map(str::to_owned).to_vec();
    // Around the length at which the embedded S3 cuts a component in two.
    names.extend(["-", "0", "~x", "/y", "-a/z", "00/w"].map(|rest| format!("{long}{rest}")));
    for name in &names {
        s3.puts(&s3.key(name), "{}").await?;
    }
    let mut keys: Vec<_> = names.iter().map(|name| s3.key(name)).collect();
    keys.sort();
    expect("the order", s3.keys().await, keys)
}

async fn pages(s3: &Target) -> Result<(), String> {
    let mut keys = Vec::new();
    for (folder, number) in [
        ("a", 0),
        ("a", 1),
        ("a", 2),
        ("b", 0),
        ("b", 1),
        ("c", 0),
        ("c", 1),
    ] {
        let key = s3.key(&format!("{folder}/{number}.json"));
        s3.puts(&key, "{}").await?;
        keys.push(key);
    }
    let list = || s3.client.list_objects_v2().bucket(&s3.bucket).max_keys(2);
    let listed = |output: &aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output| {
        output
            .contents()
            .iter()
            .map(|object| object.key().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let mut pages = list().prefix(&s3.prefix).into_paginator().send();
    let (mut sizes, mut all) = (Vec::new(), Vec::new());
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| format!("{:?}", status_and_code(error)))?;
        expect(
            "the count",
            page.key_count(),
            i32::try_from(page.contents().len()).ok(),
        )?;
        expect(
            "sizes",
            page.contents()
                .iter()
                .all(|object| object.size() == Some(2) && object.e_tag().is_some()),
            true,
        )?;
        sizes.push(page.contents().len());
        all.extend(listed(&page));
    }
    expect("the pages", (sizes, all), (vec![2, 2, 2, 1], keys.clone()))?;
    let after = list()
        .prefix(&s3.prefix)
        .start_after(&keys[2])
        .send()
        .await
        .unwrap();
    expect("after a key", listed(&after), keys[3..5].to_vec())?;
    expect("more", after.is_truncated(), Some(true))?;
    let between = list()
        .prefix(&s3.prefix)
        .start_after(s3.key("b"))
        .send()
        .await
        .unwrap();
    expect(
        "after what is no key",
        listed(&between),
        keys[3..5].to_vec(),
    )?;
    let last = list().prefix(s3.key("c")).send().await.unwrap();
    expect(
        "of a prefix",
        (listed(&last), last.is_truncated()),
        (keys[5..].to_vec(), Some(false)),
    )?;
    expect("no token", last.next_continuation_token(), None)?;
    let within = list().prefix(s3.key("b/1")).send().await.unwrap();
    expect(
        "of a prefix within a name",
        listed(&within),
        keys[4..5].to_vec(),
    )
}

async fn an_empty_listing(s3: &Target) -> Result<(), String> {
    let listed = s3
        .client
        .list_objects_v2()
        .bucket(&s3.bucket)
        .prefix(s3.key("nothing"))
        .send()
        .await
        .unwrap();
    expect(
        "the listing",
        (
            listed.contents().len(),
            listed.key_count(),
            listed.is_truncated(),
        ),
        (0, Some(0), Some(false)),
    )
}

async fn a_wrong_token(s3: &Target) -> Result<(), String> {
    let list = s3
        .client
        .list_objects_v2()
        .bucket(&s3.bucket)
        .continuation_token("?!");
    failure(
        list.send().await.map_err(status_and_code),
        400,
        "InvalidArgument",
    )
}

async fn a_request_id(s3: &Target) -> Result<(), String> {
    let get = s3
        .client
        .get_object()
        .bucket(&s3.bucket)
        .key(s3.key("missing.json"))
        .send()
        .await;
    let error = get.err().ok_or("it succeeded")?;
    expect(
        "a request id",
        error.request_id().is_some_and(|id| !id.is_empty()),
        true,
    )
}

async fn an_event(s3: &Target) -> Result<(), String> {
    let id = "0190b0ab-0000-8000-8000-000000000000";
    let key = s3.key(&format!("events/domain=d/entity=e%2F/{id}/0000000001.json"));
    s3.puts(&key, "{}").await?;
    failure(s3.put_sound(&key, "{}").await, 412, "PreconditionFailed")?;
    expect("the keys", s3.keys().await, vec![key.clone()])?;
    expect("the body", s3.get(&key).await, Ok(b"{}".to_vec()))
}

async fn a_view(s3: &Target) -> Result<(), String> {
    let key = s3.key("views/1/domain=d/entity=e%2F.zst");
    let etag = s3.puts_view(&key, "one", None).await?;
    let get = s3.client.get_object().bucket(&s3.bucket).key(&key);
    let view = get
        .send()
        .await
        .map_err(|error| format!("{:?}", status_and_code(error)))?;
    expect("the type", view.content_type(), Some("application/zstd"))?;
    expect("the ETag", view.e_tag(), Some(&*etag))?;
    expect("the length", view.content_length(), Some(3))?;
    expect("the body", s3.get(&key).await, Ok(b"one".to_vec()))
}

async fn a_second_first_view(s3: &Target) -> Result<(), String> {
    let key = s3.key("first.zst");
    s3.puts_view(&key, "one", None).await?;
    let second = s3.put_view(&key, "two", None).await;
    failure(second, 412, "PreconditionFailed")?;
    expect("the body", s3.get(&key).await, Ok(b"one".to_vec()))
}

async fn a_replaced_view(s3: &Target) -> Result<(), String> {
    let key = s3.key("replaced.zst");
    let first = s3.puts_view(&key, "one", None).await?;
    let second = s3.puts_view(&key, "two", Some(&first)).await?;
    expect("another ETag", first != second, true)?;
    expect("the body", s3.get(&key).await, Ok(b"two".to_vec()))?;
    s3.puts_view(&key, "three", Some(&second)).await?;
    expect("the body", s3.get(&key).await, Ok(b"three".to_vec()))
}

async fn an_older_view(s3: &Target) -> Result<(), String> {
    let key = s3.key("older.zst");
    let first = s3.puts_view(&key, "one", None).await?;
    s3.puts_view(&key, "two", Some(&first)).await?;
    let late = s3.put_view(&key, "three", Some(&first)).await;
    failure(late, 412, "PreconditionFailed")?;
    expect("the body", s3.get(&key).await, Ok(b"two".to_vec()))
}

async fn a_missing_view(s3: &Target) -> Result<(), String> {
    let key = s3.key("missing/view.zst");
    let etag = "\"d41d8cd98f00b204e9800998ecf8427e\"";
    failure(s3.put_view(&key, "one", Some(etag)).await, 404, "NoSuchKey")?;
    failure(s3.get(&key).await, 404, "NoSuchKey")
}

async fn concurrent_replacements(s3: &Target) -> Result<(), String> {
    let key = s3.key("contended.zst");
    let etag = s3.puts_view(&key, "first", None).await?;
    let bodies: Vec<_> = (0..50).map(|number| number.to_string()).collect();
    let put = async |body: &String| s3.put_view(&key, body, Some(&etag)).await;
    let puts = join_all(bodies.iter().map(put)).await;
    let won = puts.iter().zip(&bodies).filter(|(put, _)| put.is_ok());
    let winners: Vec<_> = won.map(|(_, body)| body).collect();
    let lost = puts.iter().filter_map(|put| put.as_ref().err());
    let lost = lost.filter(|(status, _)| matches!(status, 412 | 409));
    expect("winners and losers", (winners.len(), lost.count()), (1, 49))?;
    expect(
        "the body",
        s3.get(&key).await,
        Ok(winners[0].clone().into_bytes()),
    )
}

async fn a_wrong_checksum_of_a_view(s3: &Target) -> Result<(), String> {
    let key = s3.key("wrong.zst");
    let etag = s3.puts_view(&key, "one", None).await?;
    let put = s3.client.put_object().bucket(&s3.bucket).key(&key);
    let put = put.if_match(etag).checksum_sha256(sha256("other"));
    let put = put.content_type("application/zstd");
    let put = put.body(ByteStream::from_static(b"two")).send().await;
    failure(put.map_err(status_and_code), 400, "BadDigest")?;
    expect("the body", s3.get(&key).await, Ok(b"one".to_vec()))
}
