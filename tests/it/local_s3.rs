//! What the embedded S3 refuses, because it could not store it as S3 would (contract 7.6, 7.7).

use std::fs;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::{ByteStream, DateTime, SdkBody};
use aws_sdk_s3::types::EncodingType;
use memory_s3::embedded::{self, BUCKET, Disk, VIEWS_BUCKET};
use tempfile::TempDir;

use crate::folder::stored;
use crate::s3_suite::status_and_code;

const JSON: &str = "application/json";

fn embedded() -> (Client, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (
        embedded::client(Disk::create(folder.path()).unwrap()),
        folder,
    )
}

/// Status and code of a failure.
fn said<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    result: Result<T, SdkError<E>>,
) -> (u16, String) {
    status_and_code(result.unwrap_err())
}

fn not_implemented() -> (u16, String) {
    (501, "NotImplemented".to_owned())
}

#[tokio::test]
async fn a_put_that_could_overwrite_is_denied_as_the_bucket_s_policy_does() {
    let (client, folder) = embedded();
    let put = || {
        client
            .put_object()
            .bucket(BUCKET)
            .key("a.json")
            .content_type(JSON)
            .body(ByteStream::from_static(b"{}"))
    };
    assert_eq!(said(put().send().await), (403, "AccessDenied".to_owned()));
    assert_eq!(
        said(put().if_none_match("\"etag\"").send().await),
        not_implemented()
    );
    assert_eq!(
        said(put().if_match("*").if_none_match("*").send().await),
        not_implemented()
    );
    assert!(stored(folder.path()).is_empty());
}

/// Sends other bytes than the SDK has signed.
#[derive(Debug)]
struct Swapped;

impl Intercept for Swapped {
    fn name(&self) -> &'static str {
        "Swapped"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *context.request_mut().body_mut() = SdkBody::from("[]");
        Ok(())
    }
}

#[tokio::test]
async fn other_bytes_than_those_that_were_signed_are_not_stored() {
    let (client, folder) = embedded();
    let put = client.put_object().bucket(BUCKET).key("a.json");
    let put = put.if_none_match("*").content_type(JSON);
    let put = put.body(ByteStream::from_static(b"{}"));
    let refused = put.customize().interceptor(Swapped).send().await;
    let (status, code) = said(refused);
    assert_eq!((status, &*code), (400, "IncompleteBody"));
    assert!(stored(folder.path()).is_empty());
}

#[tokio::test]
async fn what_it_does_not_keep_it_refuses() {
    let (client, folder) = embedded();
    let put = || {
        client
            .put_object()
            .bucket(BUCKET)
            .key("a.json")
            .content_type(JSON)
            .if_none_match("*")
            .body(ByteStream::from_static(b"{}"))
    };
    assert_eq!(
        said(put().metadata("a", "b").send().await),
        not_implemented()
    );
    assert_eq!(
        said(put().content_type("text/plain").send().await),
        not_implemented()
    );
    assert_eq!(
        said(put().content_encoding("gzip").send().await),
        not_implemented()
    );
    assert_eq!(
        said(put().cache_control("no-store").send().await),
        not_implemented()
    );
    assert_eq!(said(put().tagging("a=b").send().await), not_implemented());
    for key in ["a//b", "a/", "../a", "a/./b", "a+"] {
        assert_eq!(
            said(put().key(key).send().await),
            not_implemented(),
            "{key}"
        );
    }
    assert!(stored(folder.path()).is_empty());
    put().send().await.unwrap();
    assert_eq!(said(put().key("a.json/b").send().await), not_implemented());
    let get = || client.get_object().bucket(BUCKET).key("a.json");
    assert_eq!(
        said(get().range("bytes=0-1").send().await),
        not_implemented()
    );
    assert_eq!(
        said(get().if_none_match("*").send().await),
        not_implemented()
    );
    assert_eq!(said(get().version_id("1").send().await), not_implemented());
    let list = || client.list_objects_v2().bucket(BUCKET);
    assert_eq!(said(list().delimiter("/").send().await), not_implemented());
    assert_eq!(
        said(list().max_keys(-1).send().await),
        (400, "InvalidArgument".to_owned())
    );
    assert_eq!(
        said(
            client
                .delete_object()
                .bucket(BUCKET)
                .key("a.json")
                .send()
                .await
        ),
        not_implemented()
    );
    assert_eq!(stored(folder.path()).len(), 1);
}

#[tokio::test]
async fn what_it_could_not_do_with_a_view_as_s3_would_it_refuses() {
    let (client, folder) = embedded();
    let bare = || {
        let put = client.put_object().bucket(VIEWS_BUCKET).key("a.zst");
        put.content_type("application/zstd")
            .body(ByteStream::from_static(b"view"))
    };
    assert_eq!(said(bare().send().await), (403, "AccessDenied".to_owned()));
    let refused = [
        bare().if_match("*"),
        bare().if_match("W/\"a\""),
        bare().if_none_match("\"a\""),
        bare().if_match("\"a\"").if_none_match("*"),
    ];
    for put in refused {
        assert_eq!(said(put.send().await), not_implemented());
    }
    let put = || bare().if_none_match("*");
    let refused = [
        put().content_type(JSON),
        put().content_encoding("zstd"),
        put().metadata("a", "b"),
        put().cache_control("no-store"),
        put().tagging("a=b"),
        put().key("a//b.zst"),
        put().key("../a.zst"),
    ];
    for put in refused {
        assert_eq!(said(put.send().await), not_implemented());
    }
    assert!(!folder.path().join(VIEWS_BUCKET).exists());
    put().send().await.unwrap();
    let get = || client.get_object().bucket(VIEWS_BUCKET).key("a.zst");
    for get in [
        get().range("bytes=0-1"),
        get().if_none_match("*"),
        get().if_match("\"a\""),
        get().version_id("1"),
    ] {
        assert_eq!(said(get.send().await), not_implemented());
    }
    let list = client.list_objects_v2().bucket(VIEWS_BUCKET);
    assert_eq!(said(list.send().await), not_implemented());
    let delete = client.delete_object().bucket(VIEWS_BUCKET).key("a.zst");
    assert_eq!(said(delete.send().await), not_implemented());
    get().send().await.unwrap();
}

#[tokio::test]
async fn a_folder_is_no_object() {
    let (client, folder) = embedded();
    fs::create_dir_all(folder.path().join("memory/a/b.json")).unwrap();
    let put = client
        .put_object()
        .bucket(BUCKET)
        .key("a/b.json")
        .content_type(JSON)
        .if_none_match("*")
        .body(ByteStream::from_static(b"{}"));
    assert_eq!(said(put.send().await), not_implemented());
    assert_eq!(
        said(
            client
                .get_object()
                .bucket(BUCKET)
                .key("a/b.json")
                .send()
                .await
        )
        .0,
        404
    );
}

#[tokio::test]
async fn a_page_has_at_most_1000_keys_and_may_have_none() {
    let (client, folder) = embedded();
    for number in 0..1_002 {
        fs::write(folder.path().join(format!("memory/{number:04}")), "").unwrap();
    }
    let page = client
        .list_objects_v2()
        .bucket(BUCKET)
        .max_keys(5_000)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (page.contents().len(), page.is_truncated()),
        (1_000, Some(true))
    );
    let token = page.next_continuation_token().unwrap();
    let page = client
        .list_objects_v2()
        .bucket(BUCKET)
        .continuation_token(token)
        .send()
        .await
        .unwrap();
    let keys: Vec<_> = page
        .contents()
        .iter()
        .map(|object| object.key().unwrap())
        .collect();
    assert_eq!(
        (keys, page.is_truncated()),
        (vec!["1000", "1001"], Some(false))
    );
    let none = client
        .list_objects_v2()
        .bucket(BUCKET)
        .max_keys(0)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (none.contents().len(), none.is_truncated()),
        (0, Some(false))
    );
}

#[tokio::test]
async fn a_listing_says_what_was_asked_for_and_what_each_object_is() {
    let (client, _folder) = embedded();
    for key in ["a/1", "a/2", "a/3"] {
        let put = client
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .content_type(JSON);
        let put = put.if_none_match("*").body(ByteStream::from_static(b"{}"));
        put.send().await.unwrap();
    }
    let list = || {
        client
            .list_objects_v2()
            .bucket(BUCKET)
            .prefix("a/")
            .max_keys(1)
    };
    let first = list().start_after("a/1").send().await.unwrap();
    assert_eq!((first.name(), first.prefix()), (Some(BUCKET), Some("a/")));
    assert_eq!((first.max_keys(), first.key_count()), (Some(1), Some(1)));
    assert_eq!(first.start_after(), Some("a/1"));
    let [object] = first.contents() else {
        panic!("{first:?}");
    };
    let got = client.get_object().bucket(BUCKET).key("a/2");
    let got = got.send().await.unwrap();
    assert_eq!((object.key(), object.size()), (Some("a/2"), Some(2)));
    assert_eq!(
        (got.content_length(), got.content_type()),
        (Some(2), Some(JSON))
    );
    assert!(object.e_tag().is_some() && object.e_tag() == got.e_tag());
    // A header has no fraction of a second.
    let modified = |time: Option<&DateTime>| time.unwrap().secs();
    let (listed, got) = (object.last_modified(), got.last_modified());
    assert_eq!(modified(listed), modified(got));
    let token = first.next_continuation_token();
    let second = list().set_continuation_token(token.map(str::to_owned));
    let second = second.send().await.unwrap();
    assert_eq!(second.continuation_token(), token);
    assert_eq!(second.contents()[0].key(), Some("a/3"));
}

#[tokio::test]
async fn a_listing_encodes_keys_only_if_it_is_asked_to() {
    let (client, folder) = embedded();
    fs::write(folder.path().join("memory/a%20b c"), "").unwrap();
    for (encoding, key) in [(None, "a%20b c"), (Some(EncodingType::Url), "a%2520b%20c")] {
        let list = client.list_objects_v2().bucket(BUCKET);
        let page = list.set_encoding_type(encoding.clone()).send().await;
        let page = page.unwrap();
        assert_eq!(page.contents()[0].key(), Some(key));
        assert_eq!(page.encoding_type(), encoding.as_ref());
    }
}

#[tokio::test]
async fn a_file_that_a_killed_process_left_is_removed_when_it_is_old() {
    let (_, folder) = embedded();
    let left = |name: &str| folder.path().join("uncommitted").join(name);
    fs::write(left("old"), "").unwrap();
    fs::write(left("new"), "").unwrap();
    fs::create_dir(left("folder")).unwrap();
    let two_hours_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 60 * 60);
    fs::File::options()
        .write(true)
        .open(left("old"))
        .unwrap()
        .set_modified(two_hours_ago)
        .unwrap();
    Disk::create(folder.path()).unwrap();
    assert_eq!((left("old").exists(), left("new").exists()), (false, true));
}

#[tokio::test]
async fn a_file_or_a_link_where_a_folder_must_be_is_refused_and_no_write_goes_around_it() {
    let (client, folder) = embedded();
    let bucket = folder.path().join("memory");
    fs::create_dir(bucket.join("a")).unwrap();
    fs::write(bucket.join("a/file"), "").unwrap();
    std::os::unix::fs::symlink("../elsewhere", bucket.join("a/link")).unwrap();
    std::os::unix::fs::symlink("nowhere", bucket.join("a/dangling")).unwrap();
    fs::create_dir(folder.path().join("elsewhere")).unwrap();
    fs::create_dir(bucket.join("elsewhere")).unwrap();
    for name in ["file", "link", "dangling"] {
        let put = client
            .put_object()
            .bucket(BUCKET)
            .key(format!("a/{name}/b/c.json"))
            .content_type(JSON);
        let put = put.if_none_match("*").content_type(JSON);
        let put = put.body(ByteStream::from_static(b"{}"));
        assert_eq!(said(put.send().await), not_implemented(), "{name}");
    }
    // What may hide keys of the prefix is told of, as a key or as a failure, never as nothing.
    let list = |prefix: &str| {
        client
            .list_objects_v2()
            .bucket(BUCKET)
            .prefix(prefix)
            .send()
    };
    let keys: Vec<_> = list("")
        .await
        .unwrap()
        .contents()
        .iter()
        .map(|object| object.key().unwrap().to_owned())
        .collect();
    assert_eq!(keys, ["a/dangling", "a/file", "a/link"]);
    assert_eq!(
        said(list("a/link/b").await),
        (500, "InternalError".to_owned())
    );
    assert_eq!(list("a/lin").await.unwrap().contents().len(), 1);
    assert_eq!(list("a/file/b").await.unwrap().contents().len(), 0);
    let after = client
        .list_objects_v2()
        .bucket(BUCKET)
        .start_after("a/link")
        .send()
        .await
        .unwrap();
    assert_eq!(after.contents().len(), 0);
}
