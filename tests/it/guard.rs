//! The guard is asked on every route, in every spelling of its path (contract 3.2, 5.6 and 7.2).
//!
//! The routes come from the table of the service itself. A new route is in this test, and a new kind
//! of route does not compile before it is said here what the guard asks of it.

use memory_ingress::http::endpoints;
use memory_ingress::remember::Ingress;
use memory_log::scope::WriteScopes;
use memory_s3::embedded::{self, BUCKET, Disk};
use memory_s3::writer::Writer;
use memory_web::caller::{ApiKey, Callers};
use memory_web::http::Kind;

use crate::app::{App, tool_for_document};
use crate::exchange::{Asked, ask};

const MEMORY: &str = r#"{"entity_id":"e","domain":"d","content":"c"}"#;

/// An ingress that stores nothing: only its table of endpoints is read.
fn nowhere() -> Ingress {
    let folder = tempfile::tempdir().unwrap();
    let client = embedded::client(Disk::create(folder.path()).unwrap());
    Ingress::new(Writer::new(client, BUCKET), WriteScopes::Everywhere)
}

/// A request for a path that the service has.
struct Case {
    kind: Kind,
    asked: Asked,
}

/// Every spelling of every path, each with a method of its route and with another.
fn cases() -> Vec<Case> {
    let endpoints = endpoints(nowhere());
    let paths = endpoints.iter().flat_map(|endpoint| {
        let paths = endpoint.paths().iter();
        paths.map(|path| (*path, endpoint.kind()))
    });
    let spelled = paths.flat_map(|(path, kind)| match kind {
        Kind::Document | Kind::Recall | Kind::Message | Kind::RecallMessage => {
            vec![(path.to_owned(), kind), (format!("{path}/"), kind)]
        }
        Kind::Constant | Kind::Health | Kind::Login => vec![(path.to_owned(), kind)],
    });
    let cases = spelled.flat_map(|(path, kind)| {
        ["GET", "HEAD", "POST", "DELETE", "OPTIONS"].map(|method| Case {
            kind,
            asked: ask(method, &format!("{path}?a=b")),
        })
    });
    cases.collect()
}

impl Case {
    /// Whether the guard refuses this request with these headers.
    async fn is_refused(&self, app: &App, headers: &[(&str, &str)]) -> bool {
        let asked = headers
            .iter()
            .fold(self.asked.clone(), |asked, (name, value)| {
                asked.header(name, *value)
            });
        app.send(asked).await.status == 403
    }
}

#[tokio::test]
async fn without_a_key_a_foreign_host_or_origin_is_refused_on_every_route() {
    let app = App::for_callers(Callers::Loopback);
    let own = ("host", "localhost:8080");
    for case in cases() {
        for (headers, is_refused) in [
            (&[("host", "evil.test:8080")][..], true),
            (&[own, ("host", "evil.test")], true),
            (&[own, ("origin", "https://evil.test")], true),
            (&[own, ("origin", "null")], true),
            (
                &[
                    own,
                    ("origin", "http://127.0.0.1:8080"),
                    ("origin", "https://evil.test"),
                ],
                true,
            ),
            (&[own, ("origin", "http://127.0.0.1:8080")], false),
            (&[own], false),
        ] {
            let refused = case.is_refused(&app, headers).await;
            assert_eq!(refused, is_refused, "{:?} {headers:?}", case.asked);
        }
        let foreign_target = Case {
            kind: case.kind,
            asked: case
                .asked
                .clone()
                .to(&format!("http://evil.test{}", case.asked.target)),
        };
        assert!(
            foreign_target.is_refused(&app, &[own]).await,
            "{:?}",
            case.asked
        );
    }
    let foreign = tool_for_document(MEMORY).header("host", "evil.test");
    assert_eq!(app.send(foreign).await.faults(), ["forbidden \"Host\""]);
    let foreign = tool_for_document(MEMORY).header("origin", "https://evil.test");
    assert_eq!(app.send(foreign).await.faults(), ["forbidden \"Origin\""]);
    app.assert_nothing_stored();
    let own = tool_for_document(MEMORY).header("origin", "http://127.0.0.1:8080");
    assert_eq!(app.send(own).await.status, 201);
}

#[tokio::test]
async fn with_a_key_every_route_needs_it_but_health() {
    let app = App::for_callers(Callers::Key(ApiKey::new("secret")));
    for case in cases() {
        let is_open = match case.kind {
            Kind::Health | Kind::Login => true,
            Kind::Document
            | Kind::Recall
            | Kind::Message
            | Kind::RecallMessage
            | Kind::Constant => false,
        };
        for (keys, is_right) in [
            (&[][..], false),
            (&[""], false),
            (&["Secret"], false),
            (&["s"], false),
            (&["secretX"], false),
            (&["secret", "wrong"], false),
            (&["secret"], true),
        ] {
            // The host of a service with a key is of no interest.
            let mut headers = vec![("host", "any.test")];
            headers.extend(keys.iter().map(|key| ("x-api-key", *key)));
            let refused = case.is_refused(&app, &headers).await;
            assert_eq!(refused, !is_open && !is_right, "{:?} {keys:?}", case.asked);
        }
    }
    app.assert_nothing_stored();
    let own = tool_for_document(MEMORY).header("x-api-key", "secret");
    assert_eq!(app.send(own).await.status, 201);
}

#[tokio::test]
async fn with_a_key_or_behind_a_gateway_only_mcp_refuses_a_foreign_origin() {
    let key = Callers::Key(ApiKey::new("secret"));
    for app in [App::for_callers(Callers::Gateway), App::for_callers(key)] {
        for case in cases() {
            let is_judged = match case.kind {
                Kind::Message | Kind::Recall | Kind::RecallMessage => true,
                Kind::Document | Kind::Health | Kind::Login | Kind::Constant => false,
            };
            let headers = [("x-api-key", "secret"), ("host", "any.test")];
            assert!(!case.is_refused(&app, &headers).await, "{:?}", case.asked);
            let headers = [&headers[..], &[("origin", "https://evil.test")]].concat();
            let refused = case.is_refused(&app, &headers).await;
            assert_eq!(refused, is_judged, "{:?}", case.asked);
        }
    }
}
