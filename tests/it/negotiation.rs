//! The checks before the body, their order, and the headers of responses (contract 3.1, 3.2, 3.3, 3.4, 3.5, 3.10,
//! 3.11).

use memory_web::caller::{ApiKey, Callers};

use crate::app::App;
use crate::exchange::{Asked, JSON, JSON_API, ask};
use crate::surface::{envelope, post, tool};

const MEMORY: &str = r#"{"entity_id":"e","domain":"d","content":"c"}"#;

#[tokio::test]
async fn the_route_is_known_by_four_names_with_or_without_a_slash_and_by_no_other() {
    let app = App::new();
    for path in [
        "/api/v1/mcp/memory",
        "/api/v1/mcp/memories",
        "/memory",
        "/memories",
    ] {
        for slash in ["", "/"] {
            let answer = app.send(tool(MEMORY).to(&format!("{path}{slash}"))).await;
            assert_eq!(answer.status, 201, "{path}{slash}");
        }
    }
    for path in [
        "/",
        "/Memory",
        "/memory//",
        "/memorys",
        "/api/v1/memory",
        "/api/v1/",
        "//memory",
        "/health/",
        "/%6demory",
    ] {
        let answer = app.send(tool(MEMORY).to(path)).await;
        assert_eq!(answer.status, 404, "{path}");
        let answer = app.send(envelope(MEMORY).to(path)).await;
        assert_eq!(answer.faults(), ["not_found"], "{path}");
    }
}

#[tokio::test]
async fn a_known_path_with_another_method_says_which_it_has() {
    let app = App::new();
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "QUERY"] {
        let answer = app.send(ask(method, "/memory")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("allow")),
            (405, "POST")
        );
        if method == "HEAD" {
            continue;
        }
        assert_eq!(
            (answer.header("allow"), answer.faults()),
            ("POST", vec!["method_not_allowed".to_owned()])
        );
    }
    for path in ["/health", "/openapi.json"] {
        let answer = app.send(ask("POST", path)).await;
        assert_eq!(answer.header("allow"), "GET, HEAD");
        assert_eq!(app.send(ask("HEAD", path)).await.status, 200);
    }
}

#[tokio::test]
async fn health_touches_no_storage_and_the_document_is_served() {
    let app = App::new();
    let health = app.send(ask("GET", "/health")).await;
    assert_eq!(health.json()["status"], "pass");
    assert_eq!(health.json()["version"], env!("CARGO_PKG_VERSION"));
    let document = app.send(ask("GET", "/openapi.json")).await;
    assert_eq!(
        document.json()["openapi"].as_str().unwrap().get(..3),
        Some("3.1")
    );
    app.assert_nothing_stored();
}

#[tokio::test]
async fn a_body_is_declared_as_json_or_is_not_taken() {
    let app = App::new();
    for media_type in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/vnd.api+json; charset=utf-8",
        "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"",
        "application/json, application/json",
        "application/problem+json",
        "\u{e9}/json",
    ] {
        let answer = app.send(post(media_type, MEMORY)).await;
        assert_eq!(answer.status, 415, "{media_type}");
        assert_eq!(answer.faults(), ["unsupported_media_type \"Content-Type\""]);
        assert_eq!(
            answer.header("accept"),
            "application/vnd.api+json, application/json"
        );
    }
    let none = ask("POST", "/memory").body(MEMORY);
    assert_eq!(app.send(none.clone()).await.status, 415);
    let two = none
        .header("content-type", JSON)
        .header("content-type", JSON);
    assert_eq!(app.send(two).await.status, 415);
    app.assert_nothing_stored();
    for media_type in [JSON, "Application/JSON; charset=UTF-16"] {
        assert_eq!(
            app.send(post(media_type, MEMORY)).await.status,
            201,
            "{media_type}"
        );
    }
}

#[tokio::test]
async fn a_body_in_a_content_coding_is_not_taken() {
    let app = App::new();
    for coding in ["gzip", "br", "identity, gzip", "x"] {
        let answer = app
            .send(post(JSON, MEMORY).header("content-encoding", coding))
            .await;
        assert_eq!(
            answer.faults(),
            ["unsupported_media_type \"Content-Encoding\""],
            "{coding}"
        );
        assert_eq!(answer.header("accept-encoding"), "identity");
        assert_eq!(answer.header("accept"), "");
    }
    app.assert_nothing_stored();
    for coding in ["Identity", "", "identity, identity"] {
        let answer = app
            .send(post(JSON, MEMORY).header("content-encoding", coding))
            .await;
        assert_eq!(answer.status, 201, "{coding}");
    }
}

#[tokio::test]
async fn the_envelope_alone_comes_as_json_api_and_either_shape_as_json() {
    let app = App::new();
    let document = r#"{"data":{"type":"memories","attributes":{"content":"c","repository_id":"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"}}}"#;
    assert_eq!(app.send(envelope(document)).await.status, 201);
    assert_eq!(app.send(tool(document)).await.status, 201);
    assert_eq!(
        app.send(envelope(MEMORY)).await.faults(),
        ["invalid_document \"\""]
    );
}

#[tokio::test]
async fn query_parameters_are_refused_together_unless_they_are_custom_ones() {
    let app = App::new();
    let answer = app
        .send(tool(MEMORY).to("/memory?include=a&foo=1&dryRun=1&page%5Bsize%5D=1"))
        .await;
    assert_eq!(answer.status, 400);
    let answer = app
        .send(envelope(MEMORY).to("/memory?include=a&foo=1&dryRun=1&page%5Bsize%5D=1"))
        .await;
    let faults =
        ["include", "foo", "page[size]"].map(|name| format!("unsupported_parameter \"{name}\""));
    assert_eq!(answer.faults(), faults);
    app.assert_nothing_stored();
    assert_eq!(
        app.send(tool(MEMORY).to("/memory?utm_source=x&?"))
            .await
            .status,
        400
    );
    assert_eq!(
        app.send(tool(MEMORY).to("/memory?utm_source=x&"))
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn the_first_failed_check_answers() {
    let key = || App::for_callers(Callers::Key(ApiKey::new("secret")));
    let status = |asked| async move { key().send(asked).await.status.as_u16() };
    let too_large = vec![b' '; 4 * 1024 * 1024 + 1];
    let all_wrong = |method, path| {
        ask(method, path)
            .header("content-type", "text/plain")
            .header("accept", "text/html")
            .body(too_large.clone())
    };
    let with_key = |asked: Asked| asked.header("x-api-key", "secret");
    assert_eq!(status(all_wrong("GET", "/nothing?foo")).await, 404);
    assert_eq!(status(all_wrong("GET", "/memory?foo")).await, 403);
    assert_eq!(status(with_key(all_wrong("GET", "/memory?foo"))).await, 405);
    assert_eq!(
        status(with_key(all_wrong("POST", "/memory?foo"))).await,
        413
    );
    let small = || {
        with_key(
            ask("POST", "/memory?foo")
                .header("accept", "text/html")
                .body("{"),
        )
    };
    assert_eq!(
        status(small().header("content-type", "text/plain")).await,
        415
    );
    assert_eq!(status(small().header("content-type", JSON)).await, 406);
    let acceptable = |target| with_key(post(JSON, "{").to(target));
    assert_eq!(status(acceptable("/memory?foo")).await, 400);
    assert_eq!(
        key().send(acceptable("/memory?foo")).await.faults(),
        ["unsupported_parameter \"foo\""]
    );
    assert_eq!(
        key().send(acceptable("/memory")).await.faults(),
        ["malformed_json"]
    );
}

#[tokio::test]
async fn with_a_key_a_preflight_needs_none() {
    let app = App::for_callers(Callers::Key(ApiKey::new("secret")));
    let options = || ask("OPTIONS", "/memory").header("origin", "https://a.test");
    let preflight = options().header("access-control-request-method", "POST");
    assert_eq!(app.send(preflight).await.status, 405);
    assert_eq!(app.send(options()).await.status, 403);
}

#[tokio::test]
async fn hostile_parameters_are_counted_and_not_all_listed() {
    let names: Vec<_> = (0..150).map(|number| format!("a[{number}]")).collect();
    let answer = App::new()
        .send(envelope("{}").to(&format!("/memory?{}", names.join("&"))))
        .await;
    assert_eq!(answer.faults().len(), 100);
    assert!(
        answer
            .text()
            .contains("More faults that are not listed: 50.")
    );
}

#[tokio::test]
async fn a_repeat_is_answered_the_same_to_the_byte_and_says_so() {
    let app = App::new();
    let body = r#"{"entity_id":"e","domain":"d","content":"c","timestamp":"2026-01-27T03:14:22Z"}"#;
    for accept in [JSON, JSON_API] {
        let app = if accept == JSON {
            app.clone()
        } else {
            App::new()
        };
        let asked = || post(JSON, body).header("accept", accept);
        let (first, repeat) = (app.send(asked()).await, app.send(asked()).await);
        assert_eq!((first.status, &first.body), (repeat.status, &repeat.body));
        assert_eq!(
            (
                first.header("idempotent-replayed"),
                repeat.header("idempotent-replayed")
            ),
            ("", "true")
        );
        assert_eq!(first.header("location"), "");
        assert_eq!(app.stored().len(), 1);
    }
}
