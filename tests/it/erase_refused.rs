//! `erase` where S3 does not let it look at everything: it prints no plan.

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use memory_log::event::{Actor, Event};
use memory_log::timestamp::Timestamp;

use crate::process::text;
use crate::s3_client::on_aws;

const ID: &str = "3801baa2-1063-86b6-b294-c22f1c2f081e";
/// What a plan asks S3 for, and what the refusal of each says.
const QUESTIONS: [(&str, &str); 7] = [
    ("the versions", "s3:ListBucketVersions"),
    ("the views", "s3:ListBucketVersions"),
    ("the locks", "s3:GetBucketObjectLockConfiguration"),
    ("a retention", "s3:GetObjectRetention"),
    ("a legal hold", "s3:GetObjectLegalHold"),
    ("the keys", "the bucket cannot be listed"),
    ("an event", "cannot be read"),
];

fn event() -> Event {
    let at = Timestamp::parse("2026-01-27T03:14:22Z").unwrap();
    let id = ID.parse().unwrap();
    Event::tombstone("work", "rob", id, None, Actor::new("alice"), at).unwrap()
}

fn question(uri: &Uri) -> &'static str {
    let query = uri.query().unwrap_or_default();
    let is = |name: &str| {
        query
            .split('&')
            .any(|part| part.trim_end_matches('=') == name)
    };
    match () {
        () if is("versions") && uri.path().starts_with("/views") => "the views",
        () if is("versions") => "the versions",
        () if is("object-lock") => "the locks",
        () if is("retention") => "a retention",
        () if is("legal-hold") => "a legal hold",
        () if is("list-type=2") => "the keys",
        () => "an event",
    }
}

/// S3's answer to a question: one event, and nothing else.
fn answer(uri: &Uri) -> String {
    let key = event().object().key;
    let is_of_events = uri
        .query()
        .is_some_and(|query| query.contains("prefix=events"));
    match question(uri) {
        "the versions" if is_of_events => format!(
            "<ListVersionsResult><IsTruncated>false</IsTruncated><Version><Key>{key}</Key><VersionId>v</VersionId>\
             <IsLatest>true</IsLatest><Size>9</Size></Version></ListVersionsResult>"
        ),
        "the versions" | "the views" => {
            "<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>".to_owned()
        }
        "the locks" => "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>"
            .to_owned(),
        "a retention" => "<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>2999-01-01T00:00:00Z</RetainUntilDate></Retention>"
            .to_owned(),
        "a legal hold" => "<LegalHold><Status>OFF</Status></LegalHold>".to_owned(),
        "the keys" => format!(
            "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>{key}</Key><Size>9</Size></Contents>\
             </ListBucketResult>"
        ),
        _ => text(&event().object().body),
    }
}

/// The URL of an S3 that refuses to answer this question.
async fn s3_that_refuses(refused: &'static str) -> String {
    let service = Router::new().fallback(move |uri: Uri| async move {
        if question(&uri) == refused {
            let document = "<Error><Code>AccessDenied</Code><Message>not you</Message></Error>";
            return (StatusCode::FORBIDDEN, document).into_response();
        }
        Response::new(answer(&uri).into())
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, service).await });
    format!("http://{address}")
}

/// What the command line prints, says, and ends with.
async fn erase(
    refused: &'static str,
    views: Option<&'static str>,
    more: &'static [&str],
) -> (String, String, Option<i32>) {
    let endpoint = s3_that_refuses(refused).await;
    let ended = tokio::task::spawn_blocking(move || {
        let mut command = on_aws(&endpoint);
        for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            command.env(name, "test");
        }
        command.env_remove("MEMORY_VIEWS_BUCKET");
        command.envs(views.map(|views| ("MEMORY_VIEWS_BUCKET", views)));
        command.args([
            "erase", "--bucket", "memories", "--domain", "work", "--entity", "rob",
        ]);
        command.args(more).output().unwrap()
    });
    let ended = ended.await.unwrap();
    (
        text(&ended.stdout),
        text(&ended.stderr),
        ended.status.code(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn where_s3_lets_it_look_everywhere_there_is_a_plan() {
    let (plan, said, code) = erase("nothing", Some("views"), &[]).await;
    assert_eq!(
        (
            code,
            plan.contains("retained until 2999-01-01T00:00:00Z (COMPLIANCE)")
        ),
        (Some(0), true),
        "{said}"
    );
    assert!(said.contains("1 of them cannot be deleted now"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_s3_refuses_to_answer_there_is_no_plan_and_the_permission_is_named() {
    for (refused, named) in QUESTIONS {
        let (plan, said, code) = erase(refused, Some("views"), &[]).await;
        assert_eq!((code, &*plan), (Some(1), ""), "{refused}: {said}");
        assert!(
            said.starts_with("memory-ingress: no plan, because ")
                && said.contains(named)
                && said.contains("AccessDenied"),
            "{refused}: {said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_there_are_views_must_be_said() {
    let (plan, said, code) = erase("nothing", None, &[]).await;
    assert_eq!((code, &*plan), (Some(78), ""));
    assert!(
        said.contains("MEMORY_VIEWS_BUCKET") && said.contains("--without-views"),
        "{said}"
    );
    let (plan, _, code) = erase("the views", None, &["--without-views"]).await;
    assert_eq!(code, Some(0));
    assert!(plan.contains("# There is no bucket of views.") && !plan.contains("\"$views\""));
    let (plan, _, code) = erase("nothing", Some("views"), &["--without-views"]).await;
    assert_eq!((code, &*plan), (Some(78), ""));
}
