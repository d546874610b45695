//! Where an agent logs in: the document, its place, and the challenge that names it (contract 3.13).

use memory_ingress::http::endpoints;
use memory_ingress::remember::Ingress;
use memory_log::scope::WriteScopes;
use memory_s3::embedded::{self, BUCKET, Disk};
use memory_s3::writer::Writer;
use memory_web::caller::{ApiKey, Callers};
use memory_web::guard::Guard;
use memory_web::http::{Endpoint, router};
use memory_web::login::Login;
use serde_json::{Value, json};

use crate::app::App;
use crate::exchange::{Answer, Asked, JSON_API, ask, mcp};
use crate::issuer::{Authority, Signer};
use crate::process::{Server, command};

const METADATA: &str = "/.well-known/oauth-protected-resource";
const NAME: &str = "memory.test";

/// A service that says that tokens come from here.
fn service(callers: Callers) -> App {
    let folder = tempfile::tempdir().unwrap();
    let store = Writer::new(
        embedded::client(Disk::create(folder.path()).unwrap()),
        BUCKET,
    );
    let mut endpoints = endpoints(Ingress::new(store, WriteScopes::Everywhere));
    let login = Login::default().or_at("https://issuer.test");
    endpoints.extend(Endpoint::login(login));
    let guard = Guard {
        callers,
        allowed_origins: Vec::new(),
    };
    App::of(router(endpoints, guard))
}

fn asked(method: &str, path: &str) -> Asked {
    ask(method, &format!("{METADATA}{path}")).header("host", NAME)
}

/// The answer to this request, which is not in the OpenAPI document.
async fn get(app: &App, asked: &Asked) -> Answer {
    app.send_raw(asked.build()).await
}

fn lines<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    let lines = answer.headers.get_all(name).iter();
    lines.map(|line| line.to_str().unwrap()).collect()
}

#[tokio::test]
async fn everybody_is_told_where_to_log_in_for_each_path() {
    for callers in [
        Callers::Gateway,
        Callers::Tokens,
        Callers::Key(ApiKey::new("secret")),
    ] {
        let app = service(callers);
        for path in ["", "/mcp", "/mcp/", "/api/v1/mcp", "/mcp/recall", "/memory"] {
            for query in ["", "?", "?resource=https://evil.test"] {
                let answer = get(&app, &asked("GET", &format!("{path}{query}"))).await;
                assert_eq!(answer.status, 200, "{path}{query}");
                assert_eq!(
                    answer.json(),
                    json!({
                        "resource": format!("https://{NAME}{path}"),
                        "authorization_servers": ["https://issuer.test"],
                        "bearer_methods_supported": ["header"],
                    })
                );
            }
        }
    }
}

#[tokio::test]
async fn the_document_may_be_read_by_every_page_and_kept_by_every_cache_that_knows_its_name() {
    let app = service(Callers::Gateway);
    for origin in [None, Some("https://inspector.test"), Some("null")] {
        let asked = asked("GET", "/mcp").header("accept", "text/html");
        let asked = match origin {
            Some(origin) => asked.header("origin", origin),
            None => asked,
        };
        let answer = get(&app, &asked).await;
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        assert_eq!(answer.header("cache-control"), "public, max-age=3600");
        assert_eq!(lines(&answer, "vary"), ["Accept", "Host"]);
    }
    let preflight = asked("OPTIONS", "/mcp")
        .header("origin", "https://inspector.test")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "mcp-protocol-version");
    let answer = app.send(preflight).await;
    assert_eq!(answer.status, 204);
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "GET, HEAD"),
        ("access-control-allow-headers", "mcp-protocol-version"),
        ("cache-control", ""),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn another_path_is_unknown_and_another_method_is_not_allowed() {
    let (app, unset) = (service(Callers::Gateway), App::new());
    let long = format!("/{}", "a".repeat(256));
    for near in [
        "/",
        "x",
        "/mcp//",
        "//mcp",
        "/../mcp",
        "/mcp/..",
        "/./mcp",
        "/%2e%2e",
        "/mcp%2Frecall",
        "/mcp%00",
        "/mcp;a",
        "/mcp%22",
        "/%6Dcp",
        "/m\u{e9}moire",
        &long,
    ] {
        let answer = app.send(asked("GET", near)).await;
        assert_eq!(answer.faults(), ["not_found"], "{near}");
    }
    for near in [
        "/.well-known",
        "/.well-known/oauth-protected-resourc",
        "/.well-known/OAuth-Protected-Resource",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/mcp/.well-known/oauth-protected-resource",
        "//.well-known/oauth-protected-resource",
    ] {
        let answer = app.send(ask("GET", near).header("host", NAME)).await;
        assert_eq!(answer.faults(), ["not_found"], "{near}");
    }
    for path in ["", "/mcp"] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
            let answer = app.send(asked(method, path)).await;
            assert_eq!(answer.status, 405, "{method}");
            assert_eq!(answer.header("allow"), "GET, HEAD");
        }
        // Unset it is unknown, to every method, and a page may not ask.
        for method in ["GET", "POST", "OPTIONS"] {
            let (unset, unknown) = (
                unset.send(asked(method, path)).await,
                unset.send(ask(method, "/unknown")).await,
            );
            assert_eq!(unset.faults(), ["not_found"]);
            let detail = |answer: &Answer| answer.json()["errors"][0]["detail"].clone();
            assert_eq!(detail(&unset), detail(&unknown));
            let names = |answer: &Answer| {
                let names = answer.headers.keys();
                names.map(ToString::to_string).collect::<Vec<_>>()
            };
            assert_eq!(names(&unset), names(&unknown));
        }
    }
}

#[tokio::test]
async fn a_name_that_is_not_one_of_a_host_is_in_no_document() {
    let app = service(Callers::Tokens);
    for host in [
        "",
        "*",
        "evil.test/mcp",
        "user@evil.test",
        "evil.test:x",
        "evil.test\"",
        "a.test, evil.test",
    ] {
        let nameless = ask("GET", METADATA).header("host", host);
        assert_eq!(get(&app, &nameless).await.status, 404, "{host}");
    }
    for forged in [
        asked("GET", "").header("host", "evil.test"),
        asked("GET", "").to(&format!("http://evil.test{METADATA}")),
        ask("GET", METADATA).header("x-forwarded-host", "evil.test"),
    ] {
        assert_eq!(get(&app, &forged).await.status, 404, "{forged:?}");
    }
    for header in [
        "x-forwarded-host",
        "forwarded",
        "x-forwarded-proto",
        "x-original-url",
    ] {
        let answer = get(&app, &asked("GET", "").header(header, "http://evil.test")).await;
        assert_eq!(
            answer.json()["resource"],
            format!("https://{NAME}"),
            "{header}"
        );
    }
    // Without any credentials the guard of this machine refuses a foreign name.
    let app = service(Callers::Loopback);
    assert_eq!(app.send(asked("GET", "")).await.status, 403);
    let own = ask("GET", METADATA).header("host", "localhost:8080");
    assert_eq!(
        get(&app, &own).await.json()["resource"],
        "http://localhost:8080"
    );
}

#[tokio::test]
async fn a_refused_caller_is_told_where_the_document_is() {
    let app = service(Callers::Tokens);
    let place = |path: &str| format!("Bearer resource_metadata=\"https://{NAME}{METADATA}{path}\"");
    let send = async |asked: Asked| {
        let answer = app.send(asked.header("host", NAME)).await;
        assert_eq!(answer.status, 401);
        answer.header("www-authenticate").to_owned()
    };
    let message = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    assert_eq!(send(mcp(message)).await, place("/mcp"));
    assert_eq!(send(mcp(message).to("/mcp/")).await, place("/mcp/"));
    assert_eq!(send(mcp(message).to("/mcp?a=%22")).await, place("/mcp"));
    assert_eq!(
        send(ask("GET", "/openapi.json")).await,
        place("/openapi.json")
    );
    // Each challenge leads to a document about what was asked for.
    let path = format!("{METADATA}/openapi.json");
    let document = get(&app, &ask("GET", &path).header("host", NAME))
        .await
        .json();
    assert_eq!(document["resource"], format!("https://{NAME}/openapi.json"));
    for nameless in ["evil.test\"", "evil.test, a"] {
        let answer = app.send(mcp(message).header("host", nameless)).await;
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{nameless}");
    }
    // A key is not a token.
    let app = service(Callers::Key(ApiKey::new("secret")));
    let refused = app.send(mcp(message).header("host", NAME)).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.header("www-authenticate"), "");
    let refused = app
        .send(ask("GET", "/unknown").header("accept", JSON_API))
        .await;
    assert_eq!(refused.header("www-authenticate"), "");
}

/// A `serve` whose callers send tokens, with these settings.
fn serve(authority: &Authority, settings: &[(&str, &str)]) -> (Server, tempfile::TempDir) {
    let data = tempfile::tempdir().unwrap();
    let mut command = command();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--write-only", "--data"])
        .arg(data.path())
        .args(["--jwt-issuer", &authority.url, "--jwt-audience", "memory"])
        .envs(settings.iter().copied());
    (Server::spawn(command), data)
}

#[tokio::test]
async fn serve_with_an_issuer_names_it_unless_another_server_is_named() {
    let signer = Signer::new("1");
    let authority = Authority::start(json!([signer.jwk()])).await;
    let named = [
        ("MEMORY_OAUTH_SERVERS", "https://a.test https://b.test/x"),
        ("MEMORY_OAUTH_SCOPES", "memory:write"),
    ];
    for (settings, servers, scopes) in [
        (&[][..], json!([authority.url]), Value::Null),
        (
            &named,
            json!(["https://a.test", "https://b.test/x"]),
            json!(["memory:write"]),
        ),
    ] {
        let (server, _data) = serve(&authority, settings);
        let url = format!("{}/mcp", server.url);
        let message = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        let refused = server.client.post(&url).body(message).send().await.unwrap();
        assert_eq!(refused.status(), 401);
        let place = format!("{}{METADATA}/mcp", server.url);
        let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
        assert_eq!(challenge, format!("Bearer resource_metadata=\"{place}\""));
        let document = server.client.get(&place).send().await.unwrap();
        let document: Value = serde_json::from_str(&document.text().await.unwrap()).unwrap();
        assert_eq!(document["resource"], url);
        assert_eq!(document["authorization_servers"], servers);
        assert_eq!(document["scopes_supported"], scopes);
        let expired = server.client.post(&url).bearer_auth("a.b.c").body(message);
        let expired = expired.send().await.unwrap();
        let challenge = expired.headers()["www-authenticate"].to_str().unwrap();
        assert_eq!(
            challenge,
            format!("Bearer error=\"invalid_token\", resource_metadata=\"{place}\"")
        );
        let head = server.client.head(&place).send().await.unwrap();
        assert_eq!(
            (head.status().as_u16(), head.text().await.unwrap().len()),
            (200, 0)
        );
    }
}

#[test]
fn serve_does_not_start_where_it_would_send_agents_to_log_in_in_vain() {
    for (settings, said) in [
        (
            &[("MEMORY_OAUTH_SERVERS", "https://a.test")][..],
            "--jwt-issuer",
        ),
        (
            &[
                ("MEMORY_OAUTH_SERVERS", "https://a.test"),
                ("MEMORY_API_KEY", "k"),
            ],
            "--jwt-issuer",
        ),
        (
            &[("MEMORY_OAUTH_SERVERS", "http://a.test")],
            "MEMORY_OAUTH_SERVERS",
        ),
        (&[("MEMORY_OAUTH_SERVERS", "")], "MEMORY_OAUTH_SERVERS"),
        (&[("MEMORY_OAUTH_SCOPES", "a\"b")], "MEMORY_OAUTH_SCOPES"),
        (&[("MEMORY_OAUTH_SCOPES", "a")], "--jwt-issuer"),
    ] {
        let mut command = command();
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        let output = command.envs(settings.iter().copied()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{settings:?}: {stderr}");
        assert!(stderr.contains(said), "{settings:?}: {stderr}");
    }
}
