//! A read of the log is complete and in order, or an error. A reader of a bucket behind a network repeats what failed
//! (contract 7.5).

use std::fs;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use axum::http::Response;
use futures_util::TryStreamExt;
use memory_log::scope::{ReadScope, operator};
use memory_s3::embedded::BUCKET;
use memory_s3::reader::{Entry, Got, Listed, Range, ReadError, Reader, Selection};
use memory_s3::writer::Writer;
use tempfile::TempDir;

use crate::app::{App, tool_for_document};
use crate::faulty::client_with;
use crate::folder::{memory, stored};
use crate::misbehaving::{Does, Misbehaving, answer};
use crate::s3_client::client_of;

/// What is wrong with the second request of a kind.
#[derive(Debug, Clone, Copy)]
enum Wrong {
    /// A listing says that there is more, and not where.
    NoToken,
    /// A listing has the token of the page itself.
    SameToken,
    /// A listing does not say whether there is more.
    NotTruncatedNorWhole,
    /// The listing of the second page panics.
    ListPanics,
    /// The second get panics.
    GetPanics,
}

#[derive(Debug)]
struct Second {
    behind: SharedHttpConnector,
    wrong: Wrong,
    /// The key that is on the first page.
    key: String,
    seen: Arc<AtomicUsize>,
}

impl HttpConnector for Second {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        const MORE: &str = "<NextContinuationToken>more</NextContinuationToken>";
        const TRUNCATED: &str = "<IsTruncated>true</IsTruncated>";
        let is_list = request.uri().contains("list-type=2");
        if is_list == matches!(self.wrong, Wrong::GetPanics) {
            return self.behind.call(request);
        }
        let is_first = self.seen.fetch_add(1, Ordering::SeqCst) == 0;
        match self.wrong {
            Wrong::GetPanics if is_first => self.behind.call(request),
            _ if is_first => page(&format!(
                "{TRUNCATED}{MORE}<Contents><Key>{}</Key><Size>9</Size></Contents>",
                self.key
            )),
            Wrong::NoToken => page(TRUNCATED),
            Wrong::SameToken => page(&format!("{TRUNCATED}{MORE}")),
            Wrong::NotTruncatedNorWhole => page(""),
            Wrong::ListPanics | Wrong::GetPanics => panic!("a bug"),
        }
    }
}

/// A page of a listing.
fn page(members: &str) -> HttpConnectorFuture {
    let document = format!("<ListBucketResult>{members}</ListBucketResult>");
    let response = Response::builder().status(200).body(document.into());
    HttpConnectorFuture::ready(Ok(HttpResponse::try_from(response.unwrap()).unwrap()))
}

#[tokio::test]
async fn a_read_that_breaks_off_is_an_error_after_what_was_read_and_never_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::over(Writer::new(
        client_with(folder.path(), |behind| behind),
        BUCKET,
    ));
    for content in ["a", "b", "c"] {
        let body = memory("e", content, "2026-01-27T03:14:22Z");
        assert_eq!(app.send(tool_for_document(body)).await.status, 201);
    }
    let (first, _) = stored(folder.path()).pop_first().unwrap();
    for (wrong, says) in [
        (Wrong::NoToken, "does not say whether it is the last"),
        (Wrong::SameToken, "does not say whether it is the last"),
        (
            Wrong::NotTruncatedNorWhole,
            "does not say whether it is the last",
        ),
        (Wrong::ListPanics, "panicked"),
        (Wrong::GetPanics, "panicked"),
    ] {
        let seen = Arc::new(AtomicUsize::new(0));
        let key = first.clone();
        let client = client_with(folder.path(), move |behind| Second {
            behind,
            wrong,
            key: key.clone(),
            seen: Arc::clone(&seen),
        });
        let reader = Reader::new(client, BUCKET);
        let mut entries = pin!(reader.entries(&everything(), &Selection::default()));
        let entry = entries.try_next().await.unwrap();
        assert!(
            matches!(entry, Some(Entry::Memory(object)) if object.key == first),
            "{wrong:?}"
        );
        let error = entries.try_next().await.unwrap_err();
        assert!(error.to_string().contains(says), "{wrong:?}: {error}");
        assert!(matches!(error, ReadError::Unavailable(_)), "{wrong:?}");
        assert_eq!(entries.try_next().await, Ok(None), "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_come_in_the_order_of_keys_whatever_their_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::over(Writer::new(
        client_with(folder.path(), |behind| behind),
        BUCKET,
    ));
    for number in 0..150 {
        let bytes = [1, 200_000, 40, 30_000][number % 4];
        let timestamp = format!("2026-01-27T03:{:02}:{:02}Z", number / 60, number % 60);
        let body = memory("e", &"x".repeat(bytes), &timestamp);
        assert_eq!(app.send(tool_for_document(body)).await.status, 201);
    }
    let reader = Reader::new(client_with(folder.path(), |behind| behind), BUCKET);
    let entries = reader.entries(&everything(), &Selection::default());
    let read: Vec<_> = entries
        .map_ok(|entry| match entry {
            Entry::Memory(object) => (object.key, object.body.to_vec()),
            Entry::Bad { .. } => panic!("{entry:?}"),
        })
        .try_collect()
        .await
        .unwrap();
    assert_eq!(read, stored(folder.path()).into_iter().collect::<Vec<_>>());
}

fn everything() -> ReadScope {
    operator().everything()
}

const EMPTY: &str = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";

async fn reader(server: &Misbehaving) -> Reader {
    Reader::new(client_of(&server.endpoint).await, "memories-of-a-test")
}

async fn read(reader: &Reader) -> Result<Vec<Entry>, ReadError> {
    reader
        .entries(&everything(), &Selection::default())
        .try_collect()
        .await
}

#[tokio::test]
async fn a_read_that_failed_is_repeated_only_where_it_is_asked_for() {
    let script = || {
        let failing = answer("503 Service Unavailable", "", "");
        vec![failing, answer("200 OK", "", EMPTY)]
    };
    let server = Misbehaving::start_with("http", script()).await;
    let once = read(&reader(&server).await).await;
    assert_eq!(server.seen().len(), 1);
    let said = once.unwrap_err().to_string();
    assert!(said.starts_with("the bucket cannot be listed: "), "{said}");

    let server = Misbehaving::start_with("http", script()).await;
    let repeated = read(&reader(&server).await.with_retries()).await;
    assert_eq!((repeated, server.seen().len()), (Ok(Vec::new()), 2));
}

#[tokio::test]
async fn an_object_that_breaks_off_is_an_error_and_one_that_is_refused_an_entry() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n{".to_vec();
    let server = Misbehaving::start("http", Does::Answers(cut)).await;
    let error = reader(&server)
        .await
        .entry(&everything(), "a/b".to_owned())
        .await;
    let said = error.unwrap_err().to_string();
    assert!(said.starts_with("a/b cannot be read: "), "{said}");

    let document = "<Error><Code>AccessDenied</Code><Message>No.</Message></Error>";
    let server = Misbehaving::start("http", answer("403 Forbidden", "", document)).await;
    let entry = reader(&server)
        .await
        .entry(&everything(), "a/b".to_owned())
        .await;
    let Ok(Entry::Bad { key, why }) = entry else {
        panic!("{entry:?}");
    };
    assert_eq!(key, "a/b");
    assert_eq!(why.to_string(), "it cannot be read: AccessDenied No.");
}

/// A key of the entity that [`Keys`] has.
fn key(number: usize) -> String {
    format!("memories/domain=work/entity=rob/{number:04}")
}

/// An embedded S3 over empty files with these keys, and what was asked of it.
struct Keys {
    folder: TempDir,
    reader: Reader,
    asked: Arc<Mutex<Vec<String>>>,
}

#[derive(Debug)]
struct Asked {
    behind: SharedHttpConnector,
    asked: Arc<Mutex<Vec<String>>>,
}

impl HttpConnector for Asked {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.asked.lock().unwrap().push(request.uri().to_owned());
        self.behind.call(request)
    }
}

impl Keys {
    fn of(keys: impl IntoIterator<Item = String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let asked = Arc::default();
        let noted = Arc::clone(&asked);
        let client = client_with(folder.path(), move |behind| Asked {
            behind,
            asked: Arc::clone(&noted),
        });
        let keys_of = Self {
            folder,
            reader: Reader::new(client, BUCKET).with_retries(),
            asked,
        };
        keys.into_iter().for_each(|key| keys_of.add(&key));
        keys_of
    }

    fn add(&self, key: &str) {
        let file = self.folder.path().join(BUCKET).join(key);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, key).unwrap();
    }

    async fn listed(&self, range: &Range, cuts: &[String]) -> Vec<String> {
        let listed = self
            .reader
            .list(&rob(), range, cuts, no_guess, usize::MAX)
            .await;
        let listed = listed.unwrap().unwrap().into_iter();
        listed.map(|listed| listed.key).collect()
    }

    fn requests(&self) -> usize {
        std::mem::take(&mut *self.asked.lock().unwrap()).len()
    }
}

fn rob() -> ReadScope {
    operator().entity("work", "rob")
}

fn no_guess(_: &[Listed]) -> Vec<String> {
    Vec::new()
}

#[tokio::test]
async fn a_guess_can_only_cost_requests() {
    let keys = Keys::of((0..9_500).filter(|number| number % 7 != 3).map(key));
    let whole = Range::under(rob().memories());
    let all = keys.listed(&whole, &[]).await;
    assert_eq!((all.len(), keys.requests()), (8_143, 9));
    // A folder is listed by one request after another, whatever is known.
    let near = Reader::new(client_with(keys.folder.path(), |behind| behind), BUCKET);
    let cuts = [key(3), key(4_000)];
    let listed = near.list(&rob(), &whole, &cuts, no_guess, 8_143).await;
    let listed = listed.unwrap().unwrap().into_iter();
    assert_eq!(listed.map(|listed| listed.key).collect::<Vec<_>>(), all);
    assert_eq!(
        near.list(&rob(), &whole, &cuts, no_guess, 8_142).await,
        Ok(None)
    );
    let good = |listed: &[Listed]| {
        let last = &listed.last().unwrap().key;
        (1..9)
            .map(|number| key(number * 1_100))
            .filter(|cut| cut > last)
            .collect()
    };
    let listed = keys
        .reader
        .list(&rob(), &whole, &[], good, usize::MAX)
        .await;
    let listed = listed.unwrap().unwrap().into_iter();
    assert_eq!(listed.map(|listed| listed.key).collect::<Vec<_>>(), all);
    assert!(keys.requests() <= 2 + 7);
    // Guesses that lie before, between two keys, elsewhere, and in no order.
    let bad = |_: &[Listed]| {
        let near = format!("{}x", key(7_000));
        vec![
            key(0),
            near.clone(),
            near,
            key(5_000),
            "z".to_owned(),
            key(9_499),
            String::new(),
        ]
    };
    let listed = keys.reader.list(&rob(), &whole, &[], bad, usize::MAX).await;
    let listed = listed.unwrap().unwrap().into_iter();
    assert_eq!(listed.map(|listed| listed.key).collect::<Vec<_>>(), all);
}

#[tokio::test]
async fn parts_listed_side_by_side_have_what_one_listing_has_and_what_was_added_between_the_cuts() {
    let keys = Keys::of((0..3_500).step_by(2).map(key));
    keys.add("memories/domain=work/entity=rob2/0");
    let whole = Range::under(rob().memories());
    let all = keys.listed(&whole, &[]).await;
    assert_eq!((all.len(), keys.requests()), (1_750, 2));
    let cuts: Vec<_> = all.iter().step_by(900).skip(1).cloned().collect();
    assert_eq!(keys.listed(&whole, &cuts).await, all);
    assert_eq!(
        keys.requests(),
        2,
        "a part that ends at its cut has no other page"
    );
    // Added at the beginning, next to a cut, within a part so that it takes a second page, and at the end.
    (1..1_200)
        .step_by(2)
        .map(key)
        .for_each(|key| keys.add(&key));
    keys.add(&key(1_801));
    keys.add(&key(9_999));
    let all = keys.listed(&whole, &[]).await;
    assert_eq!(all.len(), 1_750 + 600 + 2);
    assert_eq!(keys.listed(&whole, &cuts).await, all);
    let bounded = Range {
        after: Some(key(0)),
        through: Some(key(1_801)),
        ..whole
    };
    let expected = &all[1..=all.binary_search(&key(1_801)).unwrap()];
    for cuts in [&cuts[..], &[]] {
        assert_eq!(keys.listed(&bounded, cuts).await, expected);
    }
}

#[tokio::test]
async fn a_listing_that_is_longer_than_wanted_is_not_read_to_its_end() {
    let keys = Keys::of((0..6_000).map(key));
    let whole = Range::under(rob().memories());
    let list = async |most| keys.reader.list(&rob(), &whole, &[], no_guess, most).await;
    assert_eq!(list(5_999).await, Ok(None));
    assert_eq!(list(6_000).await.unwrap().unwrap().len(), 6_000);
    keys.requests();
    assert_eq!(list(1_500).await, Ok(None));
    assert_eq!(keys.requests(), 2);
}

#[tokio::test]
async fn a_range_is_its_first_page_and_the_rest_of_it() {
    let keys = Keys::of((0..1_500).map(key));
    let whole = Range::under(rob().memories());
    let first = keys.reader.first_page(&rob(), &whole).await.unwrap();
    let rest = first.rest_of(&whole).unwrap();
    assert_eq!((first.listed.len(), keys.requests()), (1_000, 1));
    assert_eq!(
        keys.listed(&rest, &[]).await,
        (1_000..1_500).map(key).collect::<Vec<_>>()
    );
    let last = keys.reader.first_page(&rob(), &rest).await.unwrap();
    assert_eq!((last.listed.len(), last.rest_of(&rest)), (500, None));
}

#[tokio::test]
async fn what_lies_outside_of_the_scope_is_refused_and_never_asked_for() {
    let keys = Keys::of([key(1)]);
    let other = "memories/domain=work/entity=rob2/0001";
    keys.add(other);
    let (reader, scope) = (&keys.reader, rob());
    let near = Range::under("memories/domain=work/entity=rob");
    let listed = Listed {
        key: other.to_owned(),
        bytes: 1,
        etag: None,
    };
    let fetched = reader.fetch(&scope, vec![listed], |_, body| body);
    let selection = Selection {
        domain: Some("work".to_owned()),
        ..Selection::default()
    };
    for error in [
        reader
            .list(&scope, &near, &[], no_guess, 1)
            .await
            .unwrap_err(),
        reader.first_page(&scope, &near).await.unwrap_err(),
        reader.is_listed(&scope, other).await.unwrap_err(),
        reader.get(&scope, other).await.unwrap_err(),
        reader.entry(&scope, other.to_owned()).await.unwrap_err(),
        fetched.try_collect::<Vec<_>>().await.unwrap_err(),
        pin!(reader.entries(&scope, &selection))
            .try_next()
            .await
            .unwrap_err(),
    ] {
        assert!(
            matches!(&error, ReadError::Refused(failure) if failure.what.contains("outside of the scope")),
            "{error}"
        );
    }
    assert_eq!(keys.requests(), 0);
    assert!(reader.is_listed(&scope, &key(1)).await.unwrap());
    assert_eq!(keys.requests(), 1);
}

#[tokio::test]
async fn many_objects_are_fetched_whole_and_one_that_is_gone_is_listed_once_more() {
    let keys = Keys::of((0..300).map(key));
    let whole = Range::under(rob().memories());
    let mut listed = keys
        .reader
        .list(&rob(), &whole, &[], no_guess, 300)
        .await
        .unwrap()
        .unwrap();
    listed.push(Listed {
        key: key(300),
        bytes: u64::MAX,
        etag: None,
    });
    keys.requests();
    let fetched = keys
        .reader
        .fetch(&rob(), listed, |key, body| (key.to_owned(), body));
    let mut fetched: Vec<_> = fetched.try_collect().await.unwrap();
    assert_eq!(keys.requests(), 301 + 1);
    fetched.sort_by(|(a, _), (b, _)| a.key.cmp(&b.key));
    let (gone, there) = fetched.split_last().unwrap();
    assert_eq!((&gone.0.key, &gone.1), (&key(300), &Got::Gone));
    for (number, (listed, got)) in there.iter().enumerate() {
        assert_eq!(listed.key, key(number));
        assert_eq!(*got, Got::Whole((key(number), key(number).into())));
    }
}

/// The response of an S3 that has this listing, and gives no object but this.
fn s3_with(object: Does, listed: &str) -> Vec<Does> {
    let contents = format!("<Contents><Key>{listed}</Key><Size>9</Size></Contents>");
    let listing = EMPTY.replace(
        "</ListBucketResult>",
        &format!("{contents}</ListBucketResult>"),
    );
    vec![object, answer("200 OK", "", &listing)]
}

fn refusal(status: &str, code: &str) -> Does {
    answer(
        status,
        "",
        &format!("<Error><Code>{code}</Code><Message>No.</Message></Error>"),
    )
}

#[tokio::test]
async fn what_is_gone_is_told_apart_from_what_is_refused_and_from_what_is_unavailable() {
    #[derive(Debug, PartialEq)]
    enum Known {
        Gone,
        Refused,
        Unavailable,
    }
    let cut = Does::Answers(
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n{".to_vec(),
    );
    for (object, listed, known) in [
        (refusal("404 Not Found", "NoSuchKey"), "a/b", Known::Gone),
        (refusal("403 Forbidden", "AccessDenied"), "a/c", Known::Gone),
        (
            refusal("403 Forbidden", "AccessDenied"),
            "a/b2",
            Known::Gone,
        ),
        (
            refusal("403 Forbidden", "AccessDenied"),
            "a/b",
            Known::Refused,
        ),
        (
            refusal("403 Forbidden", "InvalidAccessKeyId"),
            "a/c",
            Known::Refused,
        ),
        (
            refusal("404 Not Found", "NoSuchBucket"),
            "a/c",
            Known::Refused,
        ),
        (answer("404 Not Found", "", ""), "a/c", Known::Unavailable),
        (
            refusal("400 Bad Request", "ExpiredToken"),
            "a/c",
            Known::Unavailable,
        ),
        (
            refusal("503 Slow Down", "SlowDown"),
            "a/c",
            Known::Unavailable,
        ),
        (
            refusal("500 Internal Server Error", "InternalError"),
            "a/c",
            Known::Unavailable,
        ),
        (cut, "a/c", Known::Unavailable),
        (Does::ResetsLate, "a/c", Known::Unavailable),
    ] {
        let about = format!("{object:?} {listed}");
        let server = Misbehaving::start_with("http", s3_with(object, listed)).await;
        let got = reader(&server).await.get(&everything(), "a/b").await;
        let found = match got {
            Ok(Got::Gone) => Known::Gone,
            Ok(Got::Whole(body)) => panic!("{about}: {body:?}"),
            Err(ReadError::Refused(_)) => Known::Refused,
            Err(ReadError::Unavailable(_)) => Known::Unavailable,
        };
        assert_eq!(found, known, "{about}");
    }
}

#[tokio::test]
async fn a_missing_object_that_is_listed_again_is_no_proof_of_its_erasure() {
    let mut script = s3_with(refusal("404 Not Found", "NoSuchKey"), "a/b");
    script.push(refusal("404 Not Found", "NoSuchKey"));
    let server = Misbehaving::start_with("http", script).await;
    let listed = Listed {
        key: "a/b".to_owned(),
        bytes: 9,
        etag: None,
    };
    let reader = reader(&server).await;
    let fetched = reader.fetch(&everything(), vec![listed], |_, body| body);
    let error = fetched.try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(error, ReadError::Unavailable(_)), "{error}");
    assert_eq!(server.seen().len(), 3);
}
