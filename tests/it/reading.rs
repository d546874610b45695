//! A read of the log is complete and in order, or an error (contract 7.5).

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

/// What is wrong with the second request of a kind.
#[derive(Debug, Clone, Copy)]
enum Wrong {
    /// A listing says that there is more, and not where.
    NoToken,
    /// A listing says that the next page is this one.
    SameToken,
    /// The listing of the second page panics.
    ListPanics,
    /// The second get panics.
    GetPanics,
}

#[derive(Debug)]
struct Second {
    behind: SharedHttpConnector,
    wrong: Wrong,
    seen: Arc<AtomicUsize>,
}

impl HttpConnector for Second {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let is_list = request.uri().contains("list-type=2");
        let is_meant = is_list != matches!(self.wrong, Wrong::GetPanics);
        if !is_meant || self.seen.fetch_add(1, Ordering::SeqCst) == 0 {
            // Every page but the last says where the next begins.
            return match (is_list, self.wrong) {
                (true, Wrong::GetPanics) | (false, _) => self.behind.call(request),
                (true, _) => page("<NextContinuationToken>more</NextContinuationToken>"),
            };
        }
        match self.wrong {
            Wrong::NoToken => page(""),
            Wrong::SameToken => page("<NextContinuationToken>more</NextContinuationToken>"),
            Wrong::ListPanics | Wrong::GetPanics => panic!("a bug"),
        }
    }
}

/// A page of no keys that is not the last one.
fn page(token: &str) -> HttpConnectorFuture {
    let document =
        format!("<ListBucketResult><IsTruncated>true</IsTruncated>{token}</ListBucketResult>");
    let response = Response::builder().status(200).body(document.into());
    HttpConnectorFuture::ready(Ok(HttpResponse::try_from(response.unwrap()).unwrap()))
}

#[tokio::test]
async fn a_read_that_breaks_off_is_an_error_and_never_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::over(Writer::new(
        client_with(folder.path(), |behind| behind),
        BUCKET,
    ));
    for content in ["a", "b", "c"] {
        let body = memory("e", content, "2026-01-27T03:14:22Z");
        assert_eq!(app.send(tool_for_document(body)).await.status, 201);
    }
    for wrong in [
        Wrong::NoToken,
        Wrong::SameToken,
        Wrong::ListPanics,
        Wrong::GetPanics,
    ] {
        let seen = Arc::new(AtomicUsize::new(0));
        let client = client_with(folder.path(), move |behind| Second {
            behind,
            wrong,
            seen: Arc::clone(&seen),
        });
        let reader = Reader::new(client, BUCKET);
        let read: Result<Vec<_>, _> = reader.entries(&Selection::default()).try_collect().await;
        match (wrong, read) {
            (Wrong::GetPanics, Err(ReadError::Get { .. })) => {}
            (Wrong::NoToken | Wrong::SameToken | Wrong::ListPanics, Err(ReadError::List(_))) => {}
            (_, read) => panic!("{wrong:?}: {read:?}"),
        }
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
            Entry::Memory(object) => (object.key, object.body),
            Entry::Bad { .. } => panic!("{entry:?}"),
        })
        .try_collect()
        .await
        .unwrap();
    assert_eq!(read, stored(folder.path()).into_iter().collect::<Vec<_>>());
}
