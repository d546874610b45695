//! Tests of which settings sign a call, what an endpoint shows of them, and what a request carries.

use super::*;

const REMOTE: &str = "https://a1.execute-api.eu-central-1.amazonaws.com/prod";
const LOCAL: &str = "http://127.0.0.1:8080";

fn settings(url: &str) -> EndpointSettings {
    EndpointSettings {
        url: url.to_owned(),
        service: None,
        region: None,
        profile: None,
        timeout: Duration::from_secs(30),
        retries: 2,
        fields: Vec::new(),
        key: None,
        token: None,
    }
}

fn with(url: &str, change: impl Fn(&mut EndpointSettings)) -> Endpoint {
    let mut settings = settings(url);
    change(&mut settings);
    Endpoint::new(settings).unwrap()
}

/// The service and the region that calls are signed for, if they are signed.
fn scope(endpoint: &Endpoint) -> Option<(&str, Option<&str>)> {
    let signer = endpoint.signer.as_ref()?;
    Some((&signer.service, signer.region.as_deref()))
}

fn authorization() -> Vec<String> {
    vec!["Authorization=Bearer secret".to_owned()]
}

#[test]
fn a_call_is_signed_unless_it_has_another_proof_or_stays_on_this_machine() {
    let nothing = |_: &mut EndpointSettings| {};
    let key = |settings: &mut EndpointSettings| settings.key = Some(ApiKey::new("secret"));
    let header = |settings: &mut EndpointSettings| settings.fields = authorization();
    let other = |settings: &mut EndpointSettings| settings.fields = vec!["x-team=a".to_owned()];
    let token = |settings: &mut EndpointSettings| settings.token = Some(Token::new("secret"));
    assert!(with(REMOTE, token).signer.is_none());
    assert!(with(REMOTE, nothing).signer.is_some());
    assert!(with(REMOTE, other).signer.is_some());
    assert!(with(REMOTE, key).signer.is_none());
    assert!(with(REMOTE, header).signer.is_none());
    assert!(with(LOCAL, nothing).signer.is_none());
    assert!(with("https://localhost", nothing).signer.is_none());
}

#[test]
fn a_profile_a_region_or_a_service_asks_for_a_signature_even_on_this_machine() {
    type Change = fn(&mut EndpointSettings);
    let asks: [Change; 3] = [
        |settings| settings.profile = Some("work".to_owned()),
        |settings| settings.region = Some("eu-west-1".to_owned()),
        |settings| settings.service = Some("lambda".to_owned()),
    ];
    for ask in asks {
        assert!(with(LOCAL, ask).signer.is_some());
        let with_key = with(REMOTE, |settings| {
            ask(settings);
            settings.key = Some(ApiKey::new("secret"));
        });
        assert!(with_key.signer.is_some());
        let with_authorization = with(REMOTE, |settings| {
            ask(settings);
            settings.fields = authorization();
        });
        assert!(with_authorization.signer.is_none(), "its own header counts");
    }
}

#[test]
fn the_scope_of_a_signature_is_what_the_user_says_or_the_host_shows() {
    assert_eq!(
        scope(&with(REMOTE, |_| {})),
        Some(("execute-api", Some("eu-central-1")))
    );
    let lambda = "https://abc.lambda-url.eu-west-3.on.aws";
    assert_eq!(
        scope(&with(lambda, |_| {})),
        Some(("lambda", Some("eu-west-3")))
    );
    let own_name = "https://memory.example.com";
    assert_eq!(scope(&with(own_name, |_| {})), Some(("execute-api", None)));
    let region = with(lambda, |settings| {
        settings.region = Some("us-east-1".to_owned());
    });
    assert_eq!(scope(&region), Some(("lambda", Some("us-east-1"))));
    let service = with(REMOTE, |settings| {
        settings.service = Some("vpc-lattice".to_owned());
    });
    assert_eq!(scope(&service), Some(("vpc-lattice", Some("eu-central-1"))));
}

#[test]
fn an_endpoint_names_every_proof_of_the_caller_and_shows_none() {
    let key = |settings: &mut EndpointSettings| settings.key = Some(ApiKey::new("secret"));
    let header = |settings: &mut EndpointSettings| settings.fields = authorization();
    let token = |settings: &mut EndpointSettings| settings.token = Some(Token::new("secret"));
    let both = |settings: &mut EndpointSettings| {
        key(settings);
        settings.profile = Some("work".to_owned());
    };
    for (endpoint, proofs) in [
        (with(REMOTE, |_| {}), "a signature (SigV4)"),
        (with(REMOTE, key), "the key in MEMORY_API_KEY"),
        (
            with(REMOTE, both),
            "a signature (SigV4) and the key in MEMORY_API_KEY",
        ),
        (with(LOCAL, header), "the header authorization"),
        (with(LOCAL, token), "the token in MEMORY_TOKEN"),
        (
            with(LOCAL, |settings| {
                token(settings);
                header(settings);
            }),
            "the header authorization",
        ),
        (
            with(LOCAL, |_| {}),
            "nothing: the endpoint is on this machine",
        ),
    ] {
        assert_eq!(endpoint.to_string(), proofs);
        assert!(!format!("{endpoint:?}").contains("secret"), "{proofs}");
    }
}

#[test]
fn a_wrong_setting_is_named_without_its_value() {
    let url = Endpoint::new(settings("https://user:secret@x.test")).unwrap_err();
    assert!(url.starts_with("The --url is not accepted:"), "{url}");
    let mut wrong = settings(REMOTE);
    wrong.fields = vec!["x-team=a".to_owned(), "host=secret".to_owned()];
    let field = Endpoint::new(wrong).unwrap_err();
    assert!(
        !format!("{url} {field}").contains("secret"),
        "{url} {field}"
    );
}

#[tokio::test]
async fn a_token_is_sent_as_a_bearer_and_never_with_a_signature() {
    let endpoint = with(REMOTE, |settings| settings.token = Some(Token::new("a.b")));
    let (request, _) = endpoint.request(Route::Memory, b"{}").await.unwrap();
    assert_eq!(request.headers()["authorization"], "Bearer a.b");
    assert!(request.headers()["authorization"].is_sensitive());
    let mut both = settings(REMOTE);
    both.token = Some(Token::new("secret"));
    both.profile = Some("work".to_owned());
    let mistake = Endpoint::new(both).unwrap_err();
    assert!(
        mistake.contains("MEMORY_TOKEN") && !mistake.contains("secret"),
        "{mistake}"
    );
}

#[tokio::test]
async fn a_request_carries_every_proof_and_the_headers_of_its_own() {
    let endpoint = with(LOCAL, |settings| {
        settings.key = Some(ApiKey::new("secret"));
        settings.fields = vec!["x-team=a".to_owned(), "x-team=b".to_owned()];
    });
    let (request, credentials) = endpoint.request(Route::Memory, b"{}").await.unwrap();
    assert!(credentials.is_none());
    assert_eq!(request.uri(), "http://127.0.0.1:8080/api/v1/mcp/memory");
    let headers = request.headers();
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["accept"], "application/json");
    assert_eq!(headers["x-api-key"], "secret");
    assert!(headers["x-api-key"].is_sensitive());
    assert_eq!(headers.get_all("x-team").iter().count(), 2);
}

#[test]
fn a_pause_doubles_with_each_retry_and_comes_on_top_of_what_is_asked_for() {
    let ms = Duration::from_millis;
    for (least, retries, part, expected) in [
        (0, 0, 0.0, 0),
        (0, 0, 1.0, 250),
        (0, 1, 1.0, 500),
        (0, 3, 0.5, 1_000),
        (2_000, 0, 0.0, 2_000),
        (2_000, 2, 1.0, 3_000),
    ] {
        assert_eq!(pause(ms(least), retries, part), ms(expected));
    }
}
