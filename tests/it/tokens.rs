//! Tokens that the service verifies itself, and the near misses of each rule (contract 7.9).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use memory_ingress::http::endpoints;
use memory_ingress::issuer::{Issuer, IssuerSettings};
use memory_ingress::remember::Ingress;
use memory_log::scope::WriteScopes;
use memory_s3::embedded::{self, BUCKET, Disk};
use memory_s3::writer::Writer;
use memory_web::caller::Callers;
use memory_web::guard::Guard;
use memory_web::http::router;
use ring::hmac;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::App;
use crate::exchange::{Answer, ask, mcp};
use crate::folder::stored;
use crate::issuer::{Authority, Signer, base64, now};
use crate::process::{Server, command};
use crate::surface::tool;

/// A service whose callers send tokens of this issuer, and may write what is theirs.
fn service(authority: &Authority) -> (App, TempDir) {
    service_of(IssuerSettings {
        url: authority.url.clone(),
        audiences: vec!["memory".to_owned(), "another".to_owned()],
        jwks_url: None,
    })
}

fn service_of(issuer: IssuerSettings) -> (App, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Writer::new(
        embedded::client(Disk::create(folder.path()).unwrap()),
        BUCKET,
    );
    let scopes = WriteScopes::parse("user/{sub} repository/{repositories}").unwrap();
    let guard = Guard {
        callers: Callers::Tokens,
        allowed_origins: Vec::new(),
    };
    let router = router(endpoints(Ingress::new(store, scopes)), guard);
    let issuer = Arc::new(Issuer::new(issuer).unwrap());
    (App::of(issuer.in_front_of(router)), folder)
}

/// A memory about rob, sent with these values of `Authorization`.
async fn send(app: &App, fields: &[&str]) -> Answer {
    let body =
        r#"{"domain":"user","entity_id":"rob","content":"c","timestamp":"2026-01-27T03:14:22Z"}"#;
    let asked = fields.iter().fold(tool(body), |asked, field| {
        asked.header("authorization", *field)
    });
    app.send(asked).await
}

async fn status(app: &App, token: &str) -> u16 {
    send(app, &[&format!("Bearer {token}")])
        .await
        .status
        .as_u16()
}

/// These claims with some of them changed; a null removes one.
fn with(claims: &Value, changes: Value) -> Value {
    let mut claims = claims.clone();
    let Value::Object(changes) = changes else {
        panic!("changes are an object");
    };
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes {
        members.insert(name, value);
    }
    members.retain(|_, value| !value.is_null());
    claims
}

#[tokio::test]
async fn a_verified_token_is_the_caller_and_no_other_comes_in() {
    let signer = Signer::new("1");
    let authority = Authority::start(json!([signer.jwk()])).await;
    let (app, folder) = service(&authority);
    let claims = authority.claims();
    let accepted = |changes| signer.token(&with(&claims, changes));
    for changes in [
        json!({}),
        json!({"aud": ["x", "memory"]}),
        json!({"aud": "another"}),
        json!({"aud": null, "client_id": "memory"}),
        json!({"aud": "memory", "client_id": "x"}),
        json!({"exp": now() - 50}),
        json!({"nbf": now() + 50}),
    ] {
        let answer = status(&app, &accepted(changes.clone())).await;
        assert_eq!(answer, 201, "{changes}");
    }
    assert_eq!(stored(folder.path()).len(), 1);
    let eve = signer.token(&with(&claims, json!({"sub": "eve"})));
    assert_eq!(status(&app, &eve).await, 403, "the scope is the caller's");
    for (changes, why) in [
        (json!({"iss": "https://evil.test"}), "another issuer"),
        (
            json!({"iss": format!("{}/", authority.url)}),
            "another issuer",
        ),
        (json!({"iss": [authority.url]}), "another issuer"),
        (json!({"iss": null}), "lacks a claim"),
        (json!({"aud": "memor"}), "another audience"),
        (json!({"aud": "memory2"}), "another audience"),
        (json!({"aud": "Memory"}), "another audience"),
        (json!({"aud": ["x"]}), "another audience"),
        (json!({"aud": []}), "another audience"),
        (json!({"aud": 7}), "another audience"),
        (json!({"aud": null}), "another audience"),
        (json!({"aud": null, "client_id": "x"}), "another audience"),
        (
            json!({"aud": null, "client_id": ["memory"]}),
            "another audience",
        ),
        (
            json!({"aud": "x", "client_id": "memory"}),
            "another audience",
        ),
        (json!({"exp": now() - 61}), "has expired"),
        (json!({"exp": "2100-01-01T00:00:00Z"}), "lacks a claim"),
        (json!({"exp": null}), "lacks a claim"),
        (json!({"nbf": now() + 120}), "not valid yet"),
        (json!({"nbf": "soon"}), "lacks a claim"),
    ] {
        let token = signer.token(&with(&claims, changes.clone()));
        let refused = send(&app, &[&format!("Bearer {token}")]).await;
        assert_eq!(refused.status, 401, "{changes}");
        let detail = refused.json()["error"].as_str().unwrap().to_owned();
        assert!(detail.contains(why), "{changes}: {detail}");
        let challenge = refused.header("www-authenticate");
        assert_eq!(challenge, "Bearer error=\"invalid_token\"");
    }
    assert_eq!(stored(folder.path()).len(), 1);
}

#[tokio::test]
async fn a_token_is_believed_by_the_signature_of_its_key_alone() {
    let (signer, other) = (Signer::new("1"), Signer::new("1"));
    let authority = Authority::start(json!([signer.jwk(), Signer::new("2").jwk()])).await;
    let (app, folder) = service(&authority);
    let claims = authority.claims();
    let with_header = |header: Value| signer.token_with(&header, &claims);
    let sound = signer.token(&claims);
    let (message, signature) = sound.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    // The secret of a symmetric signature that a careless verifier would take: the public key.
    let confused = |alg: &str, secret: &[u8]| {
        let header = base64(json!({"alg": alg, "kid": "1"}).to_string());
        let message = format!("{header}.{payload}");
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let tag = hmac::sign(&key, message.as_bytes());
        format!("{message}.{}", base64(tag.as_ref()))
    };
    let none = base64(r#"{"alg":"none","kid":"1"}"#);
    let mut flipped = signer.signature(message);
    flipped[40] ^= 1;
    for (about, token) in [
        ("another key of this name", other.token(&claims)),
        ("no signature", format!("{message}.")),
        ("a flipped bit", format!("{message}.{}", base64(flipped))),
        ("no algorithm", format!("{none}.{payload}.")),
        (
            "no algorithm, signed",
            format!("{none}.{payload}.{signature}"),
        ),
        (
            "the public key as a secret",
            confused("HS256", signer.point()),
        ),
        (
            "its document as a secret",
            confused("HS256", signer.jwk().to_string().as_bytes()),
        ),
        ("an empty secret", confused("HS256", b"")),
        (
            "another algorithm",
            with_header(json!({"alg": "ES384", "kid": "1"})),
        ),
        (
            "an algorithm of RSA",
            with_header(json!({"alg": "RS256", "kid": "1"})),
        ),
        (
            "another key's name",
            with_header(json!({"alg": "ES256", "kid": "2"})),
        ),
        ("no name of a key", with_header(json!({"alg": "ES256"}))),
        (
            "an unknown extension",
            with_header(json!({"alg": "ES256", "kid": "1", "crit": ["b64"], "b64": false})),
        ),
        (
            "a key of its own",
            other.token_with(
                &json!({"alg": "ES256", "kid": "x", "jwk": other.jwk()}),
                &claims,
            ),
        ),
        (
            "a place of keys",
            other.token_with(
                &json!({"alg": "ES256", "kid": "x", "jku": "http://127.0.0.1:1/keys"}),
                &claims,
            ),
        ),
        (
            "a path as a name",
            with_header(json!({"alg": "ES256", "kid": "../keys"})),
        ),
        (
            "a number as a name",
            with_header(json!({"alg": "ES256", "kid": 1})),
        ),
        ("four parts", format!("{sound}.{signature}")),
        ("two parts", message.to_owned()),
        (
            "another payload",
            format!(
                "{header}.{}.{signature}",
                base64(with(&claims, json!({"sub": "eve"})).to_string())
            ),
        ),
        ("padding", format!("{sound}=")),
        ("nothing", "..".to_owned()),
    ] {
        assert_eq!(status(&app, &token).await, 401, "{about}: {token}");
    }
    assert!(stored(folder.path()).is_empty());
    assert_eq!(status(&app, &sound).await, 201);
}

/// Signed elsewhere, by a key of RSA that is lost.
#[tokio::test]
async fn signatures_by_rsa_are_verified_too() {
    const N: &str = "sO63iP2k0kZBfCA86-qfDzIygmyhc-Cm2Fj2rJ08YrwmsldeixFZTrFFvmUQvbiF-XJMSXLKA3ra_TTHZnNDMmMgyzTCOdGzOlx47BIaHlQYsA9QC79IUM2Sf8dIUr3L9sPDW3wB2VxrD_msklDJWZuQLr9rckUIMSxO6Tz8bRSSA2fEAjN6zm169FtgtriQrk2m0WpWXAy0W6NpUptjao8-YoWihFWamAoXJppAQsiHMv4U4EroJTSjwr-pATtyOJNepalO5Z-aNypfNc9D7RP52y3WbOJ1HIKAv6SZvxjr76KKudWnKtJqoq7BlHQkIu9PDr74_8s28jTvzASsjw";
    const RS256: &str = "EAHoVav7QGzP49Jb-zcz1dckT4VuyJTUL-87En833-ycbnuTb12umkoa5JF7_hNjufJ7zsPmWWnQlWQyzOtma5uciJycsOVocyjWnMVp7w5JOur2F8Hsf2gT25imaGeUp8kUV43q1QXDlih8V8FFfFwp92RjANbaR9TnHylEPZgKEFSFo483avyufwAN9jlUIRpz7ZvW2bD0NQN8izCQ9Ljz6suX1zlhbPVB41SfWZBv6gzHheuxgpy1nxtjTPVXZeoXx1El3msjJiXgRIqZ_VBNsmhxUYPUTjdJXgOTBPXYESNrn-MUHk980EVRZTLuO92Dt0ruTVtbtxPpTMggBg";
    const PS256: &str = "pf87_f6dHyy2H9QH8m4CMpdKv_bVChT5XEtQIRMtydqBiPhCFC0ZcMwLVnCIwRdQKlD_keA75zMV10uWBoKjm-LybmqXPU1qnztHyDB_k5PkMqz9RqrU8KdhyciG_s55ipGcxCJoxBzDyyB7kEg8kBEPkO_CzPE5tEinSwbuvzA5dQVRrZUHUJW7dREAcKI1DB2alePI72gV6Rv04OdYCYGXwqCFU0N3OT-Q3gHOZDxr7D-wKiiNVwC4C4h3WAQ-ELT031i5Xize9ZVqvrLg4p5JE7M4llCxQ8veRI9rDnX6xzfi-VcMXTGj78zJfueUXeHj9rubmxT7AndAyqTDBg";
    const CLAIMS: &str =
        r#"{"iss":"https://issuer.test","aud":"memory","exp":4102444800,"sub":"rob"}"#;
    let token = |alg: &str, signature: &str| {
        let header = format!(r#"{{"alg":"{alg}","kid":"rsa"}}"#);
        format!("{}.{}.{signature}", base64(header), base64(CLAIMS))
    };
    let authority = Authority::start(json!([])).await;
    let statuses = async |named: Value| {
        let key = json!({"kty": "RSA", "kid": "rsa", "n": N, "e": "AQAB"});
        authority.serves("/rsa", 200, json!({"keys": [with(&key, named)]}));
        let (app, _folder) = service_of(IssuerSettings {
            url: "https://issuer.test".to_owned(),
            audiences: vec!["memory".to_owned()],
            jwks_url: Some(format!("{}/rsa", authority.url)),
        });
        let secret = hmac::Key::new(hmac::HMAC_SHA256, N.as_bytes());
        let header = base64(r#"{"alg":"HS256","kid":"rsa"}"#);
        let message = format!("{header}.{}", base64(CLAIMS));
        let confused = base64(hmac::sign(&secret, message.as_bytes()).as_ref());
        [
            status(&app, &token("RS256", RS256)).await,
            status(&app, &token("PS256", PS256)).await,
            status(&app, &token("PS256", RS256)).await,
            status(&app, &token("RS384", RS256)).await,
            status(&app, &format!("{message}.{confused}")).await,
        ]
    };
    assert_eq!(statuses(json!({})).await, [201, 201, 401, 401, 401]);
    let named = statuses(json!({"alg": "RS256"})).await;
    assert_eq!(named, [201, 401, 401, 401, 401]);
    // A symmetric key in a public document is no key, and without keys nobody is judged.
    let symmetric = json!({"kty": "oct", "k": base64(N), "n": null, "e": null});
    assert_eq!(statuses(symmetric).await, [503; 5]);
}

#[tokio::test]
async fn a_token_comes_in_its_header_once() {
    let signer = Signer::new("1");
    let authority = Authority::start(json!([signer.jwk()])).await;
    let (app, _folder) = service(&authority);
    let token = signer.token(&authority.claims());
    let bearer = format!("Bearer {token}");
    assert_eq!(send(&app, &[&bearer]).await.status, 201);
    let lower = format!("bearer {token}");
    assert_eq!(send(&app, &[&lower]).await.status, 201);
    for fields in [
        &[&*bearer, &*bearer][..],
        &[&bearer, "Bearer x"],
        &["Bearer x", &bearer],
        &["Bearer"],
        &["bearer "],
        &[&format!("{bearer} d.e.f")],
        &[&format!("{bearer}\td.e.f")],
        &[&format!("{bearer}, {bearer}")],
    ] {
        let refused = send(&app, fields).await;
        assert_eq!(refused.status, 401, "{fields:?}");
        let challenge = refused.header("www-authenticate");
        assert_eq!(challenge, "Bearer error=\"invalid_token\"", "{fields:?}");
    }
    // Without a token there is nothing wrong with one.
    for fields in [
        &[][..],
        &[&*token],
        &[&format!("Basic {token}")],
        &[&format!("Bearerer {token}")],
    ] {
        let missing = send(&app, fields).await;
        assert_eq!(missing.status, 401, "{fields:?}");
        assert_eq!(missing.header("www-authenticate"), "Bearer", "{fields:?}");
    }
    let body = r#"{"domain":"user","entity_id":"rob","content":"c"}"#;
    for query in ["access_token", "token", "authorization"] {
        let asked = tool(body).to(&format!("/memory?{query}={token}"));
        assert_eq!(app.send(asked).await.status, 401, "{query}");
    }
    let message = app.send(mcp(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#));
    let message = message.await;
    assert_eq!(message.status, 401);
    assert_eq!(message.json()["error"]["code"], -32600);
    assert_eq!(app.send(ask("GET", "/health")).await.status, 200);
    assert_eq!(app.send(ask("GET", "/openapi.json")).await.status, 401);
    assert_eq!(app.send(ask("GET", "/nothing")).await.status, 404);
}

#[tokio::test]
async fn without_the_keys_of_the_issuer_nobody_comes_in() {
    let signer = Signer::new("1");
    let authority = Authority::start(json!([signer.jwk()])).await;
    let metadata = json!({"issuer": authority.url, "jwks_uri": format!("{}/keys", authority.url)});
    let token = signer.token(&authority.claims());
    let place = "/.well-known/openid-configuration";
    for (about, status_, document) in [
        ("down", 500, json!({})),
        ("moved", 301, metadata.clone()),
        (
            "another issuer's",
            200,
            with(&metadata, json!({"issuer": "https://evil.test"})),
        ),
        (
            "keys by http",
            200,
            with(&metadata, json!({"jwks_uri": "http://evil.test/keys"})),
        ),
        ("no keys", 200, with(&metadata, json!({"jwks_uri": null}))),
        (
            "too large",
            200,
            with(&metadata, json!({"x": "x".repeat(300 * 1024)})),
        ),
    ] {
        authority.serves(place, status_, document);
        let (app, folder) = service(&authority);
        let answer = send(&app, &[&format!("Bearer {token}")]).await;
        assert_eq!(answer.status, 503, "{about}");
        assert_eq!(answer.header("retry-after"), "2", "{about}");
        assert!(stored(folder.path()).is_empty(), "{about}");
        assert_eq!(
            send(&app, &[]).await.status,
            401,
            "{about}: nothing to judge"
        );
        assert_eq!(app.send(ask("GET", "/health")).await.status, 200, "{about}");
    }
    // The place of RFC 8414 counts where that of OpenID has nothing. A large document is read.
    authority.serves(place, 404, json!({}));
    let large = with(&metadata, json!({"x": "x".repeat(200 * 1024)}));
    authority.serves("/.well-known/oauth-authorization-server", 200, large);
    assert_eq!(status(&service(&authority).0, &token).await, 201);
}

#[tokio::test]
async fn tokens_that_name_keys_at_random_do_not_reach_the_issuer() {
    let signer = Signer::new("1");
    let authority = Authority::start(json!([signer.jwk()])).await;
    let (app, _folder) = service(&authority);
    assert_eq!(status(&app, &signer.token(&authority.claims())).await, 201);
    let before = authority.asked.load(Ordering::SeqCst);
    for number in 0..50 {
        let stranger = Signer::new(&format!("x{number}"));
        assert_eq!(
            status(&app, &stranger.token(&authority.claims())).await,
            401
        );
    }
    assert_eq!(authority.asked.load(Ordering::SeqCst), before);
}

/// What the real binary says when it does not start.
fn refused(args: &[&str], settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = command();
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(args);
    for (name, value) in settings {
        command.env(name, value);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}

#[test]
fn serve_starts_with_an_issuer_only_where_each_caller_has_scopes() {
    const ISSUER: [&str; 4] = [
        "--jwt-issuer",
        "https://issuer.test",
        "--jwt-audience",
        "memory",
    ];
    const BOTH: [(&str, &str); 2] = [
        ("MEMORY_WRITE_SCOPES", "user/{sub}"),
        ("MEMORY_READ_SCOPES", "user/{sub}"),
    ];
    for settings in [&[][..], &BOTH[..1], &BOTH[1..]] {
        let (code, said) = refused(&ISSUER, settings);
        assert_eq!(code, Some(78), "{said}");
        assert!(said.contains("MEMORY_READ_SCOPES"), "{said}");
    }
    let with_key = [BOTH[0], BOTH[1], ("MEMORY_API_KEY", "right")];
    let (code, said) = refused(&ISSUER, &with_key);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("choose one"), "{said}");
    for args in [
        &["--jwt-issuer", "https://issuer.test"][..],
        &["--jwt-audience", "memory"],
        &["--jwt-jwks-url", "https://issuer.test/keys"],
        &[
            "--jwt-issuer",
            "http://issuer.test",
            "--jwt-audience",
            "memory",
        ],
        &["--jwt-issuer", "https://issuer.test", "--jwt-audience", ""],
    ] {
        let (code, said) = refused(args, &BOTH);
        assert_eq!(code, Some(2), "{args:?}: {said}");
    }
}

#[tokio::test]
async fn serve_gives_each_caller_a_memory_of_its_own() {
    let signer = Signer::new("1");
    let authority = Authority::start(json!([signer.jwk()])).await;
    let data = tempfile::tempdir().unwrap();
    let mut command = command();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .args(["--jwt-issuer", &authority.url, "--jwt-audience", "memory"])
        .env("MEMORY_WRITE_SCOPES", "user/{sub}")
        .env("MEMORY_READ_SCOPES", "user/{sub}")
        .env("MEMORY_STEWARDS", "role=admin");
    let server = Server::spawn(command);
    let token = |changes: Value| signer.token(&with(&authority.claims(), changes));
    let rob = token(json!({"groups": ["a", "b"]}));
    let eve = token(json!({"sub": "eve"}));
    let admin = token(json!({"role": "admin"}));
    let memory = json!({"domain": "user", "entity_id": "rob", "content": "Rob prefers mornings."});
    let call = async |method: reqwest::Method, path: &str, token: &str, body: Option<&Value>| {
        let url = format!("{}{path}", server.url);
        let request = server.client.request(method, url);
        let request = request
            .header("accept", "application/json")
            .header("content-type", "application/json")
            .bearer_auth(token);
        let request = match body {
            Some(body) => request.body(body.to_string()),
            None => request,
        };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str::<Value>(&text).unwrap())
    };
    let (get, post) = (reqwest::Method::GET, reqwest::Method::POST);
    let (status, receipt) = call(post.clone(), "/memory", &rob, Some(&memory)).await;
    assert_eq!(status, 201, "{receipt}");
    assert_eq!(call(post, "/memory", &eve, Some(&memory)).await.0, 403);
    let (status, found) = call(
        get.clone(),
        "/memory/search?filter[query]=mornings",
        &rob,
        None,
    )
    .await;
    assert_eq!((status, &found["matches"]), (200, &json!(1)), "{found}");
    let (status, found) = call(
        get.clone(),
        "/memory/search?filter[query]=mornings",
        &eve,
        None,
    )
    .await;
    assert_eq!((status, &found["matches"]), (200, &json!(0)), "{found}");
    let path = format!("/memory/{}", receipt["memory_id"].as_str().unwrap());
    assert_eq!(call(get.clone(), &path, &eve, None).await.0, 404);
    let lock = json!({"data": {"type": "memories", "id": receipt["memory_id"], "attributes": {"status": "locked"}}});
    let patch = reqwest::Method::PATCH;
    assert_eq!(call(patch.clone(), &path, &rob, Some(&lock)).await.0, 403);
    let (status, changed) = call(patch, &path, &admin, Some(&lock)).await;
    assert_eq!(status, 200, "{changed}");
}
