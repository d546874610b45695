//! Who may write where, by what the gateway verified (contract 6.3).

use axum::Extension;
use memory_ingress::http::endpoints;
use memory_ingress::remember::Ingress;
use memory_log::scope::{Claims, WriteScopes};
use memory_s3::embedded::{self, BUCKET, Disk};
use memory_s3::writer::Writer;
use memory_web::guard::Guard;
use memory_web::http::router;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::App;
use crate::folder::stored;
use crate::lambda::Function;
use crate::surface::{Surface, Told, tool};

const OWN: &str = "0d8a1c1e-6a4f-4b62-9d1b-1f0a5c3e7b21";
const OTHER: &str = "6b1f5a52-98c7-4d0e-8a34-0c9be6d2f713";

/// A service with these scopes, all of whose callers have this `sub` and these `repositories`.
fn service(scopes: &str, sub: &str, repositories: &str) -> (App, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let client = embedded::client(Disk::create(folder.path()).unwrap());
    let scopes = WriteScopes::parse(scopes).unwrap();
    let router = router(
        endpoints(Ingress::new(Writer::new(client, BUCKET), scopes)),
        Guard::default(),
    );
    let token = [("sub", sub), ("repositories", repositories)];
    let claims = Claims {
        token: token
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        ..Claims::default()
    };
    (App::of(router.layer(Extension(claims))), folder)
}

/// The flat form of a refusal at this member.
fn flat(member: &str) -> Value {
    let error = format!(
        "You may not write memories with this \"{member}\". The operator of the service can allow it. Nothing was stored."
    );
    json!({"status": "error", "error": error})
}

#[tokio::test]
async fn a_write_outside_is_forbidden_at_the_member_over_every_surface() {
    let (app, folder) = service("repository/{repositories}", "rob", OWN);
    for surface in Surface::ALL {
        let refused = app.send(surface.ask(OTHER, "c", None)).await;
        let told = refused.json();
        match surface {
            Surface::Envelope => {
                let error = &told["errors"][0];
                assert_eq!(
                    (refused.status.as_u16(), &error["code"]),
                    (403, &json!("forbidden"))
                );
                let pointer = json!({"pointer": "/data/attributes/repository_id"});
                assert_eq!(error["source"], pointer);
            }
            Surface::Tool => {
                assert_eq!(refused.status, 403);
                assert_eq!(told, flat("entity_id"));
            }
            Surface::Mcp => {
                assert_eq!(told["result"]["isError"], true);
                assert_eq!(told["result"]["structuredContent"], flat("entity_id"));
            }
        }
        assert!(stored(folder.path()).is_empty(), "{surface:?}");
    }
    for surface in Surface::ALL {
        let own = app.send(surface.ask(OWN, "c", Some("2026-01-27T03:14:22Z")));
        let told = surface.told(&own.await.json());
        assert!(matches!(told, Told::Stored { .. }), "{surface:?}: {told:?}");
    }
    assert_eq!(stored(folder.path()).len(), 1);
}

#[tokio::test]
async fn the_faults_of_a_document_come_before_its_scope() {
    let (app, _folder) = service("user/{sub}", "rob", "");
    let both = app
        .send(tool(
            r#"{"domain":"other","entity_id":"eve","content":" "}"#,
        ))
        .await;
    assert_eq!(both.status, 422);
    for (domain, entity_id, member) in [("other", "rob", "domain"), ("user", "rob2", "entity_id")] {
        let body = json!({"domain": domain, "entity_id": entity_id, "content": "c"});
        let outside = app.send(tool(body.to_string())).await;
        assert_eq!(
            (outside.status.as_u16(), outside.json()),
            (403, flat(member))
        );
    }
    let own = app
        .send(tool(r#"{"domain":"user","entity_id":"rob","content":"c"}"#))
        .await;
    assert_eq!(own.status, 201);
}

/// An event of this kind, and a memory about an entity.
fn event(kind: &str, domain: &str, entity_id: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/events");
    let text = std::fs::read_to_string(format!("{folder}/{kind}.json")).unwrap();
    let mut event: Value = serde_json::from_str(&text).unwrap();
    let body = json!({"domain": domain, "entity_id": entity_id, "content": "c"});
    event["body"] = json!(body.to_string());
    event["isBase64Encoded"] = json!(false);
    let is_rest = kind.starts_with("rest");
    let name = if is_rest {
        "Content-Type"
    } else {
        "content-type"
    };
    event["headers"][name] = json!("application/json");
    if is_rest {
        event["multiValueHeaders"][name] = json!(["application/json"]);
    }
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn every_gateway_says_who_calls_and_no_client_can() {
    let folder = tempfile::tempdir().unwrap();
    let scopes = "user/{sub} repository/{repositories} role/{aws:roleArn} account/{aws:accountId} key/{aws:apiKeyId}";
    const ROLE: &str = "arn:aws:sts::123456789012:assumed-role/writer";
    let jwt = |claims: Value, domain, entity_id| {
        let mut event = event("http_jwt_envelope", domain, entity_id);
        event["requestContext"]["authorizer"]["jwt"]["claims"] = claims;
        event
    };
    let iam = |kind, user_arn: &str, domain, entity_id| {
        let mut event = event(kind, domain, entity_id);
        if kind.starts_with("rest") {
            event["requestContext"]["identity"]["userArn"] = json!(user_arn);
        } else {
            let iam = json!({"accountId": "123456789012", "userArn": user_arn, "accessKey": "A", "callerId": "A", "userId": "A"});
            event["requestContext"]["authorizer"] = json!({"iam": iam});
        }
        event
    };
    let session = format!("{ROLE}/rob");
    let key = |entity_id| {
        let mut event = event("rest_iam_envelope", "key", entity_id);
        event["requestContext"]["identity"]["apiKeyId"] = json!("k1");
        event["requestContext"]["identity"]["apiKey"] = json!("secret-key");
        event
    };
    // What the authorizer of a REST API hands over, each kind in its own form.
    let rest = |authorizer: Value| {
        let mut event = event("rest_cognito_envelope", "user", "rob");
        event["requestContext"]["authorizer"] = authorizer;
        event
    };
    // A token without claims, and everything that a client can write.
    let mut claimed_by_the_client = jwt(json!({}), "user", "rob");
    for name in ["sub", "x-sub", "x-amzn-oidc-data"] {
        claimed_by_the_client["headers"][name] = json!("rob");
    }
    claimed_by_the_client["rawQueryString"] = json!("Sub=rob");
    claimed_by_the_client["requestContext"]["authorizer"]["lambda"] = json!({"sub": "rob"});
    claimed_by_the_client["body"] =
        json!(r#"{"domain":"user","entity_id":"rob","content":"c","metadata":{"sub":"rob"}}"#);
    // A caller of another account than the API's.
    let of_another_account = |kind: &'static str, entity_id: &'static str| {
        let mut event = iam(
            kind,
            "arn:aws:iam::999999999999:user/rob",
            "account",
            entity_id,
        );
        if kind.starts_with("rest") {
            event["requestContext"]["identity"]["accountId"] = json!("999999999999");
        } else {
            event["requestContext"]["authorizer"]["iam"]["accountId"] = json!("999999999999");
        }
        event
    };
    let cases = [
        (jwt(json!({"sub": "rob"}), "user", "rob"), 201),
        (jwt(json!({"sub": "rob"}), "user", "eve"), 403),
        (
            jwt(json!({"sub": "rob", "aws:accountId": "7"}), "account", "7"),
            403,
        ),
        (
            jwt(
                json!({"repositories": format!("[{OWN} {OTHER}]")}),
                "repository",
                OTHER,
            ),
            201,
        ),
        (
            jwt(
                json!({"repositories": format!("[{OWN} x]")}),
                "repository",
                OWN,
            ),
            403,
        ),
        (jwt(json!({}), "user", "rob"), 403),
        (iam("rest_iam_envelope", &session, "role", ROLE), 201),
        (iam("rest_iam_envelope", &session, "role", &session), 403),
        (iam("http_jwt_envelope", &session, "role", ROLE), 201),
        (iam("function_url", &session, "role", ROLE), 201),
        (
            iam("function_url", &session, "account", "123456789012"),
            201,
        ),
        (
            iam("function_url", &session, "account", "123456789013"),
            403,
        ),
        (of_another_account("rest_iam_envelope", "999999999999"), 201),
        (of_another_account("rest_iam_envelope", "123456789012"), 403),
        (of_another_account("function_url", "999999999999"), 201),
        (of_another_account("function_url", "123456789012"), 403),
        (key("k1"), 201),
        (key("secret-key"), 403),
        (rest(json!({"claims": {"sub": "rob"}})), 201),
        (rest(json!({"claims": {"sub": "eve"}})), 403),
        (rest(json!({"claims": {"sub": ["rob"]}})), 403),
        (rest(json!({"principalId": "rob", "sub": "rob"})), 403),
        (
            rest(json!({"principalId": "rob", "claims": "{\"sub\":\"rob\"}"})),
            403,
        ),
        (rest(json!({"jwt": {"claims": {"sub": "rob"}}})), 403),
        (claimed_by_the_client, 403),
    ];
    let events: Vec<_> = cases.iter().map(|(event, _)| event.clone()).collect();
    let mut function =
        Function::over(folder.path(), &events, &[("MEMORY_WRITE_SCOPES", scopes)]).await;
    for (event, expected) in &cases {
        let answer = function.answer().await;
        assert_eq!(answer["statusCode"], *expected, "{event}\n{answer}");
    }
}
