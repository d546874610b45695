//! An issuer of tokens on a socket of this machine: its metadata, its keys, and tokens that it signs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use crate::socket::serve;

/// An issuer whose keys can change.
#[derive(Clone)]
pub(crate) struct Authority {
    pub(crate) url: String,
    /// The answer at each path, and its status.
    pub(crate) documents: Arc<Mutex<Vec<(String, u16, Value)>>>,
    /// How many documents were asked for.
    pub(crate) asked: Arc<AtomicUsize>,
}

/// A key that signs by ES256.
pub(crate) struct Signer {
    pub(crate) id: String,
    key: EcdsaKeyPair,
}

pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The time in seconds, as tokens have it.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

impl Signer {
    pub(crate) fn new(id: &str) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
        let id = id.to_owned();
        Self { id, key }
    }

    /// The point of the public key: 4, x and y.
    pub(crate) fn point(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }

    pub(crate) fn jwk(&self) -> Value {
        let (x, y) = self.point()[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": self.id, "x": base64(x), "y": base64(y)})
    }

    pub(crate) fn signature(&self, message: &str) -> Vec<u8> {
        let signature = self.key.sign(&SystemRandom::new(), message.as_bytes());
        signature.unwrap().as_ref().to_vec()
    }

    pub(crate) fn token_with(&self, header: &Value, claims: &Value) -> String {
        let message = format!(
            "{}.{}",
            base64(header.to_string()),
            base64(claims.to_string())
        );
        let signature = base64(self.signature(&message));
        format!("{message}.{signature}")
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_with(
            &json!({"alg": "ES256", "typ": "JWT", "kid": self.id}),
            claims,
        )
    }
}

impl Authority {
    /// An issuer with these keys.
    pub(crate) async fn start(keys: Value) -> Self {
        let documents = Arc::new(Mutex::new(Vec::<(String, u16, Value)>::new()));
        let asked = Arc::new(AtomicUsize::new(0));
        let (shown, counted) = (Arc::clone(&documents), Arc::clone(&asked));
        let answer = move |request: Request| {
            counted.fetch_add(1, Ordering::SeqCst);
            let shown = shown.lock().unwrap();
            let found = shown.iter().find(|(path, ..)| path == request.uri().path());
            let answer = match found {
                Some((_, status, document)) => {
                    (StatusCode::from_u16(*status).unwrap(), document.to_string())
                }
                None => (StatusCode::NOT_FOUND, String::new()),
            };
            async move { answer.into_response() }
        };
        let url = format!("http://{}", serve(Router::new().fallback(answer)).await);
        let authority = Self {
            url,
            documents,
            asked,
        };
        let metadata =
            json!({"issuer": authority.url, "jwks_uri": format!("{}/keys", authority.url)});
        authority.serves("/.well-known/openid-configuration", 200, metadata);
        authority.serves("/keys", 200, json!({"keys": keys}));
        authority
    }

    /// Answers with this document at a path.
    pub(crate) fn serves(&self, path: &str, status: u16, document: Value) {
        let mut documents = self.documents.lock().unwrap();
        documents.retain(|(known, ..)| known != path);
        documents.push((path.to_owned(), status, document));
    }

    /// Claims that are accepted.
    pub(crate) fn claims(&self) -> Value {
        json!({"iss": self.url, "aud": "memory", "sub": "rob", "exp": now() + 300})
    }
}
