//! Views: one object for each entity, replaced only by who has seen the one before, and never needed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use axum::http::Response;
use futures_util::future::join_all;
use memory_log::scope::{Claims, ReadScope, ReadScopes, operator};
use memory_s3::embedded::{self, Disk, VIEWS_BUCKET};
use memory_s3::views::{Cached, ETag, Put, VIEW_BYTES_MAX, Views};
use tempfile::TempDir;

use crate::faulty::{client_with, error};
use crate::folder::{memory, stored};
use crate::local::run;
use crate::process::{Server, text};

fn entity(entity_id: &str) -> ReadScope {
    let everywhere = ReadScopes::everywhere();
    everywhere
        .permit(&Claims::default(), "work", entity_id)
        .unwrap()
}

/// The views of a process that opens this folder.
fn views_of(folder: &Path) -> Views {
    let disk = Disk::create(folder).unwrap();
    Views::new(embedded::client(disk), VIEWS_BUCKET)
}

fn views() -> (Views, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (views_of(folder.path()), folder)
}

/// A put that must succeed.
async fn put(views: &Views, entity_id: &str, view: &'static str, replaces: Option<&ETag>) -> ETag {
    let put = views.put(&entity(entity_id), view.into(), replaces).await;
    let Ok(Put::Replaced(etag)) = put else {
        panic!("{put:?}");
    };
    etag
}

async fn get(views: &Views, entity_id: &str) -> Option<Cached> {
    views.get(&entity(entity_id)).await.unwrap()
}

#[tokio::test]
async fn a_view_is_got_as_it_was_put_and_is_that_of_its_entity_alone() {
    let (views, folder) = views();
    assert_eq!(get(&views, "rob/").await, None);
    let etag = put(&views, "rob/", "view", None).await;
    let bytes = "view".into();
    assert_eq!(get(&views, "rob/").await, Some(Cached { bytes, etag }));
    for other in ["rob", "rob2", "rob/2", "rob%2F"] {
        assert_eq!(get(&views, other).await, None, "{other}");
    }
    let file = "views/views/1/domain=work/entity=rob%2F.zst";
    let file = folder.path().join(file);
    assert_eq!(fs::read(&file).unwrap(), b"view");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_name_of_any_length_has_a_view() {
    let (views, _folder) = views();
    let long = "/".repeat(150);
    put(&views, &long, "view", None).await;
    assert!(get(&views, &long).await.is_some());
}

#[tokio::test]
async fn a_view_is_replaced_only_by_who_has_seen_the_one_before() {
    let (views, _folder) = views();
    let first = put(&views, "rob", "one", None).await;
    let second = put(&views, "rob", "two", Some(&first)).await;
    for late in [None, Some(&first)] {
        let lost = views.put(&entity("rob"), "late".into(), late).await;
        assert_eq!(lost, Ok(Put::Lost));
    }
    let view = get(&views, "rob").await.unwrap();
    assert_eq!((&*view.bytes, &view.etag), (&b"two"[..], &second));
    put(&views, "rob", "three", Some(&view.etag)).await;
}

#[tokio::test]
async fn views_may_be_deleted_while_the_service_runs() {
    let (views, folder) = views();
    let first = put(&views, "rob", "one", None).await;
    fs::remove_dir_all(folder.path().join(VIEWS_BUCKET)).unwrap();
    assert_eq!(get(&views, "rob").await, None);
    // Who deletes a view erases: what was read before does not bring it back.
    let lost = views.put(&entity("rob"), "two".into(), Some(&first)).await;
    assert_eq!(lost, Ok(Put::Lost));
    fs::remove_dir_all(folder.path().join("uncommitted")).unwrap();
    put(&views, "rob", "three", None).await;
    assert_eq!(&*get(&views, "rob").await.unwrap().bytes, b"three");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_replace_views_at_once_leave_whole_ones_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let processes = [views_of(folder.path()), views_of(folder.path())];
    let texts: Vec<_> = (0..8).map(|n| n.to_string().repeat(100_000)).collect();
    let replace = async |number: usize| {
        let views = &processes[number % 2];
        let name = ["rob", "ann", "eve"][number % 3];
        let before = get(views, name).await.map(|view| view.etag);
        let view = texts[number % 8].clone().into();
        let put = views.put(&entity(name), view, before.as_ref()).await;
        put.unwrap();
    };
    join_all((0..64).map(replace)).await;
    for name in ["rob", "ann", "eve"] {
        let view = get(&processes[0], name).await.unwrap();
        assert!(texts.iter().any(|text| text.as_bytes() == view.bytes));
    }
    let left = fs::read_dir(folder.path().join("uncommitted")).unwrap();
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn a_scope_that_is_wider_than_an_entity_has_no_view() {
    let (views, folder) = views();
    for scope in [operator().everything(), operator().domain("work")] {
        assert!(views.get(&scope).await.is_err());
        assert!(views.put(&scope, "view".into(), None).await.is_err());
    }
    assert!(!folder.path().join(VIEWS_BUCKET).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_knows_no_views_and_the_service_none_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let mut server = Server::start(data);
    put(&views_of(data), "rob", "view", None).await;
    server
        .store(memory("rob", "one", "2026-01-27T03:14:22Z"))
        .await;
    assert!(server.stop().success());
    assert_eq!(stored(data).len(), 1);
    let replayed = run(&["replay", "--data", data.to_str().unwrap()]);
    assert_eq!(text(&replayed.stderr), "");
    assert!(replayed.status.success());
    assert_eq!(text(&replayed.stdout).lines().count(), 1);
}

/// An S3 with one response to everything.
#[derive(Debug, Clone)]
struct Says(u16, &'static [(&'static str, &'static str)], String);

impl HttpConnector for Says {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let Self(status, headers, body) = self;
        let mut response = Response::builder().status(*status);
        for (name, value) in *headers {
            response = response.header(*name, *value);
        }
        let response = response.body(SdkBody::from(body.as_str())).unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::try_from(response).unwrap()))
    }
}

fn views_behind(says: Says) -> Views {
    let folder = tempfile::tempdir().unwrap();
    Views::new(
        client_with(folder.path(), move |_| says.clone()),
        VIEWS_BUCKET,
    )
}

#[tokio::test]
async fn only_the_codes_of_a_lost_race_say_that_it_was_lost() {
    for (status, code, is_lost) in [
        (412, "PreconditionFailed", true),
        (409, "ConditionalRequestConflict", true),
        (404, "NoSuchKey", true),
        (404, "NoSuchBucket", false),
        (403, "AccessDenied", false),
        (503, "SlowDown", false),
        (500, "InternalError", false),
    ] {
        let views = views_behind(Says(status, &[], error(code)));
        let put = views.put(&entity("rob"), "view".into(), None).await;
        assert_eq!(put == Ok(Put::Lost), is_lost, "{put:?}");
        assert_eq!(put.is_err(), !is_lost, "{put:?}");
        let got = views.get(&entity("rob")).await;
        assert_eq!(got == Ok(None), code == "NoSuchKey", "{got:?}");
        assert_eq!(got.is_err(), code != "NoSuchKey", "{got:?}");
    }
}

#[tokio::test]
async fn a_failure_names_the_view_and_what_s3_said() {
    let views = views_behind(Says(403, &[], error("AccessDenied")));
    let said = views.get(&entity("rob")).await.unwrap_err().to_string();
    assert!(said.starts_with("views/1/domain=work/entity=rob.zst was not got: "));
    assert!(said.contains("AccessDenied"), "{said}");
}

#[tokio::test]
async fn a_response_without_an_etag_proves_nothing() {
    for headers in [&[][..], &[("etag", "\"\"")]] {
        let views = views_behind(Says(200, headers, "view".to_owned()));
        assert!(views.get(&entity("rob")).await.is_err());
        let put = views.put(&entity("rob"), "view".into(), None).await;
        assert!(put.is_err());
    }
}

#[tokio::test]
async fn a_view_that_is_too_large_is_not_read_and_can_be_replaced() {
    const MOST: &str = "272629760";
    const MORE: &str = "272629761";
    assert_eq!(MOST, VIEW_BYTES_MAX.to_string());
    let got = async |headers| {
        let views = views_behind(Says(200, headers, "view".to_owned()));
        views.get(&entity("rob")).await
    };
    let sound = got(&[("etag", "\"a\""), ("content-length", "4")]).await;
    let sound = sound.unwrap().unwrap();
    assert_eq!(&*sound.bytes, b"view");
    // It is read, and breaks off.
    let most = got(&[("etag", "\"a\""), ("content-length", MOST)]).await;
    assert!(most.is_err());
    let more = got(&[("etag", "\"a\""), ("content-length", MORE)]).await;
    let endless = got(&[("etag", "\"a\"")]).await;
    for view in [more, endless] {
        let view = view.unwrap().unwrap();
        assert_eq!((&*view.bytes, &view.etag), (&b""[..], &sound.etag));
    }
}
