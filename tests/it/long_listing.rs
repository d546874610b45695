//! A listing of many pages has each key once, also beside a writer
//! (contract 7.5).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use memory_s3::embedded::{self, BUCKET, Disk};
use tempfile::TempDir;

/// An embedded S3 over empty files with these keys.
fn with(keys: impl IntoIterator<Item = String>) -> (Client, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let client = embedded::client(Disk::create(folder.path()).unwrap());
    keys.into_iter().for_each(|key| add(folder.path(), &key));
    (client, folder)
}

fn add(folder: &Path, key: &str) {
    let file = folder.join(BUCKET).join(key);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, "").unwrap();
}

/// A page that begins after a token, or at the beginning.
async fn page(
    client: &Client,
    prefix: &str,
    token: Option<&str>,
    most: i32,
) -> ListObjectsV2Output {
    let list = client.list_objects_v2().bucket(BUCKET).prefix(prefix);
    let list = list.set_continuation_token(token.map(str::to_owned));
    list.max_keys(most).send().await.unwrap()
}

fn keys(page: &ListObjectsV2Output) -> Vec<String> {
    let keys = page.contents().iter().map(|object| object.key().unwrap());
    keys.map(str::to_owned).collect()
}

fn token(page: &ListObjectsV2Output) -> Option<&str> {
    page.next_continuation_token()
}

/// Keys in folders and around them, some of which sort differently from the names of their folders.
fn tree() -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for day in 1..=7 {
        for number in 0..13 {
            keys.insert(format!("a/{day:02}/{number:02}"));
        }
        keys.insert(format!("a/{day:02}-"));
        keys.insert(format!("a/{day:02}0"));
    }
    keys.extend(["A", "b/c/d/e", "z"].map(str::to_owned));
    keys
}

#[tokio::test]
async fn pages_of_every_length_have_each_key_once_and_in_order() {
    let (client, _folder) = with(tree());
    for prefix in ["", "a/", "a/03", "a/03/", "nothing"] {
        let expected: Vec<_> = tree()
            .into_iter()
            .filter(|key| key.starts_with(prefix))
            .collect();
        for most in [1, 2, 7, 13, 14, 1_000] {
            let mut found = Vec::new();
            let mut next = None;
            loop {
                let page = page(&client, prefix, next.as_deref(), most).await;
                found.extend(keys(&page));
                assert_eq!(page.is_truncated(), Some(token(&page).is_some()));
                next = token(&page).map(str::to_owned);
                if next.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected, "{prefix:?} in pages of {most}");
        }
    }
}

#[tokio::test]
async fn a_page_asked_for_twice_is_the_same_and_so_are_those_of_many_listings_at_once() {
    let (client, _folder) = with(tree());
    let expected: Vec<_> = tree().into_iter().collect();
    // More listings than are kept.
    let mut found = vec![Vec::new(); 12];
    let mut tokens = vec![None::<String>; 12];
    while found[0].len() < expected.len() {
        for (found, next) in found.iter_mut().zip(&mut tokens) {
            let (once, again) = (
                page(&client, "", next.as_deref(), 9).await,
                page(&client, "", next.as_deref(), 9).await,
            );
            assert_eq!(keys(&once), keys(&again));
            found.extend(keys(&once));
            *next = token(&once).map(str::to_owned);
        }
    }
    assert!(found.iter().all(|found| *found == expected));
    assert!(tokens.iter().all(Option::is_none));
}

#[tokio::test]
async fn a_token_of_another_prefix_or_process_continues_after_its_key() {
    let (client, folder) = with(tree());
    let first = page(&client, "a/", None, 5).await;
    let last = keys(&first).pop().unwrap();
    let after = |prefix: &'static str| {
        let keys = tree().into_iter();
        let keys = keys.filter(|key| key.starts_with(prefix) && *key > last);
        keys.collect::<Vec<_>>()
    };
    let other = page(&client, "a/02", token(&first), 1_000).await;
    assert_eq!(keys(&other), after("a/02"));
    let restarted = embedded::client(Disk::open(folder.path()).unwrap());
    let rest = page(&restarted, "a/", token(&first), 1_000).await;
    assert_eq!(keys(&rest), after("a/"));
}

#[tokio::test]
async fn beside_a_writer_no_key_is_missing_or_doubled_and_no_new_listing_is_stale() {
    let (client, folder) = with(tree());
    let mut found = Vec::new();
    let mut next = None;
    let mut number = 0;
    loop {
        let page = page(&client, "", next.as_deref(), 5).await;
        found.extend(keys(&page));
        next = token(&page).map(str::to_owned);
        if next.is_none() {
            break;
        }
        // Before what is listed already, next to it, behind it, and in a folder of its own.
        let last = found.last().unwrap();
        for new in [
            format!("0/{number}"),
            format!("{last}+"),
            format!("a/99/{number}"),
        ] {
            add(folder.path(), &new);
        }
        add(folder.path(), &format!("a/0{}/new-{number}", number % 8));
        number += 1;
        // A listing that begins now has all of it.
        let list = client.list_objects_v2().bucket(BUCKET);
        let begun = list.start_after(last).send().await.unwrap();
        let there: Vec<_> = crate::folder::stored(folder.path())
            .into_keys()
            .filter(|key| key > last)
            .collect();
        assert_eq!(keys(&begun), there);
    }
    assert!(found.is_sorted());
    let once: BTreeSet<_> = found.iter().cloned().collect();
    assert_eq!(once.len(), found.len(), "none twice");
    assert!(once.is_superset(&tree()), "none missing");
}

#[tokio::test]
async fn a_token_that_this_s3_has_not_made_is_refused() {
    let (client, _folder) = with(tree());
    for token in ["YQ", "L2E", "YS9i", "!"] {
        let list = client.list_objects_v2().bucket(BUCKET);
        let refused = list.continuation_token(token).send().await.unwrap_err();
        let (status, code) = crate::s3_suite::status_and_code(refused);
        assert_eq!((status, &*code), (400, "InvalidArgument"), "{token:?}");
    }
}
