//! A read of the log is complete and in order, or an error. A reader of a bucket behind a network repeats what failed
//! (contract 7.5).

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use axum::http::Response;
use futures_util::TryStreamExt;
use memory_s3::embedded::BUCKET;
use memory_s3::reader::{Entry, ReadError, Reader, Selection};
use memory_s3::writer::Writer;

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
        let mut entries = pin!(reader.entries(&Selection::default()));
        let entry = entries.try_next().await.unwrap();
        assert!(
            matches!(entry, Some(Entry::Memory(object)) if object.key == first),
            "{wrong:?}"
        );
        let error = entries.try_next().await.unwrap_err();
        assert!(error.to_string().contains(says), "{wrong:?}: {error}");
        assert_eq!(
            matches!(error, ReadError::Get { .. }),
            matches!(wrong, Wrong::GetPanics)
        );
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
    let entries = reader.entries(&Selection::default());
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

const EMPTY: &str = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";

async fn reader(server: &Misbehaving) -> Reader {
    Reader::new(client_of(&server.endpoint).await, "memories-of-a-test")
}

async fn read(reader: &Reader) -> Result<Vec<Entry>, ReadError> {
    reader.entries(&Selection::default()).try_collect().await
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
    let error = reader(&server).await.entry("a/b".to_owned()).await;
    let said = error.unwrap_err().to_string();
    assert!(said.starts_with("a/b cannot be read: "), "{said}");

    let document = "<Error><Code>AccessDenied</Code><Message>No.</Message></Error>";
    let server = Misbehaving::start("http", answer("403 Forbidden", "", document)).await;
    let entry = reader(&server).await.entry("a/b".to_owned()).await;
    let Ok(Entry::Bad { key, why }) = entry else {
        panic!("{entry:?}");
    };
    assert_eq!(key, "a/b");
    assert_eq!(why.to_string(), "it cannot be read: AccessDenied No.");
}
