//! The keys of an issuer: fetched, kept, and fetched again when they are old or one is missing.
//!
//! API Gateway keeps them for two hours. Here an unknown key is looked for at once, so that a rotation
//! is seen, but never more often than [`PAUSE`], so that tokens that name keys at random cost nothing.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Shortest time between two fetches.
const PAUSE: Duration = Duration::from_secs(10);
/// Age at which keys are fetched again: a withdrawn key is accepted for so long.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// Age at which keys are no longer believed if no fetch succeeds: two hours, as with API Gateway.
const AGE_MAX: Duration = Duration::from_secs(2 * 60 * 60);

/// A public key, and the algorithms by which it may be used.
#[derive(Clone)]
pub(super) struct Key {
    id: String,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) public: DecodingKey,
}

/// The keys, or why they could not be fetched.
pub(super) type Fetched = BoxFuture<'static, Result<Vec<Key>, String>>;

/// The keys of an issuer.
pub(super) struct Keys {
    fetch: Box<dyn Fn() -> Fetched + Send + Sync>,
    held: RwLock<Option<Arc<Held>>>,
    /// When a fetch began last. Whoever has the lock is fetching.
    tried: Mutex<Option<Instant>>,
}

struct Held {
    keys: Vec<Key>,
    since: Instant,
}

/// The keys are not known, because they cannot be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unknown;

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    pub(super) fn new(fetch: Box<dyn Fn() -> Fetched + Send + Sync>) -> Self {
        Self {
            fetch,
            held: RwLock::new(None),
            tried: Mutex::new(None),
        }
    }

    /// The key with this id; `None` if the issuer has no such key.
    pub(super) async fn find(&self, id: &str) -> Result<Option<Key>, Unknown> {
        let of = |held: &Held| held.keys.iter().find(|key| key.id == id).cloned();
        if let Some(held) = self.held()
            && held.since.elapsed() < FRESH
            && let Some(key) = of(&held)
        {
            return Ok(Some(key));
        }
        // Without it the keys that are held decide.
        let _ = self.refresh().await;
        match self.held() {
            Some(held) if held.since.elapsed() < AGE_MAX => Ok(of(&held)),
            Some(_) | None => Err(Unknown),
        }
    }

    /// Fetches the keys, unless somebody did so just now.
    pub(super) async fn refresh(&self) -> Result<(), String> {
        let mut tried = self.tried.lock().await;
        if tried.is_some_and(|tried| tried.elapsed() < PAUSE) {
            return Ok(());
        }
        *tried = Some(Instant::now());
        let keys = (self.fetch)().await.inspect_err(|why| {
            tracing::warn!(why, "the keys of the issuer cannot be fetched");
        })?;
        let since = Instant::now();
        let held = Some(Arc::new(Held { keys, since }));
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = held;
        Ok(())
    }

    fn held(&self) -> Option<Arc<Held>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.clone()
    }
}

/// A set of keys (RFC 7517, section 5).
#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

/// Reads the keys that can verify a signature. Others are left out, those of unknown types too.
pub(super) fn read(document: &[u8]) -> Result<Vec<Key>, String> {
    let set: Set = serde_json::from_slice(document).map_err(|error| error.to_string())?;
    let keys: Vec<_> = set.keys.into_iter().filter_map(key).collect();
    match keys.is_empty() {
        true => Err("it has no key that can verify a token".to_owned()),
        false => Ok(keys),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "types of keys are added; one that is not known verifies nothing"
)]
fn key(jwk: serde_json::Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(jwk).ok()?;
    if matches!(&jwk.common.public_key_use, Some(of) if *of != PublicKeyUse::Signature) {
        return None;
    }
    let of_type = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => AlgorithmFamily::Rsa.algorithms(),
        AlgorithmParameters::EllipticCurve(of) => match of.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(of) if of.curve == EllipticCurve::Ed25519 => {
            AlgorithmFamily::Ed.algorithms()
        }
        // A symmetric key in a public document is nobody's secret.
        _ => return None,
    };
    let mut algorithms = of_type.to_vec();
    if let Some(named) = jwk.common.key_algorithm {
        algorithms.retain(|algorithm| named == (*algorithm).into());
    }
    let public = DecodingKey::from_jwk(&jwk).ok()?;
    let id = jwk.common.key_id?;
    (!algorithms.is_empty()).then_some(Key {
        id,
        algorithms,
        public,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as Shared;

    use super::*;

    const RSA: &str = r#""kty":"RSA","n":"AQAB","e":"AQAB""#;
    const P256: &str = r#""kty":"EC","crv":"P-256","x":"AQ","y":"AQ""#;

    fn of(members: &str) -> Vec<Algorithm> {
        let set = format!(r#"{{"keys":[{{{members}}}]}}"#);
        let keys = read(set.as_bytes()).unwrap_or_default();
        keys.into_iter().flat_map(|key| key.algorithms).collect()
    }

    #[test]
    fn a_key_is_used_by_the_algorithms_of_its_type_or_by_the_one_that_it_names() {
        let kid = r#""kid":"1""#;
        assert_eq!(of(&format!("{kid},{RSA}")).len(), 6);
        assert_eq!(of(&format!("{kid},{P256}")), [Algorithm::ES256]);
        let named = |name: &str| of(&format!(r#"{kid},"use":"sig","alg":"{name}",{RSA}"#));
        assert_eq!(named("PS384"), [Algorithm::PS384]);
        for other in ["HS256", "ES256", "RSA-OAEP", "none", "rs256"] {
            assert_eq!(named(other), [], "{other}");
        }
        for unusable in [
            RSA.to_owned(),
            format!(r#"{kid},"use":"enc",{RSA}"#),
            format!(r#"{kid},"kty":"oct","k":"c2VjcmV0""#),
            format!(r#"{kid},"kty":"EC","crv":"secp256k1","x":"AQ","y":"AQ""#),
            format!(r#"{kid},"kty":"EC","crv":"P-521","x":"AQ","y":"AQ""#),
            format!(r#"{kid},"kty":"OKP","crv":"X25519","x":"AQ""#),
            format!(r#"{kid},"kty":"AKP","alg":"ML-DSA-44","pub":"AQ""#),
        ] {
            assert_eq!(of(&unusable), [], "{unusable}");
        }
    }

    #[test]
    fn a_key_of_an_unknown_type_does_not_spoil_its_set() {
        let set = format!(r#"{{"keys":[{{"kty":"new"}},7,{{"kid":"1",{P256}}}]}}"#);
        assert_eq!(read(set.as_bytes()).unwrap().len(), 1);
        for none in [
            r#"{"keys":[]}"#,
            "{}",
            "[]",
            "",
            r#"{"keys":[{"kty":"new"}]}"#,
        ] {
            assert!(read(none.as_bytes()).is_err(), "{none}");
        }
    }

    /// Keys whose fetches give what is in `next`, and the number of fetches.
    struct World {
        keys: Keys,
        next: Arc<Shared<Option<Vec<&'static str>>>>,
        fetches: Arc<Shared<usize>>,
    }

    impl World {
        fn new() -> Self {
            let next = Arc::new(Shared::new(None::<Vec<&'static str>>));
            let fetches = Arc::new(Shared::new(0));
            let (given, counted) = (Arc::clone(&next), Arc::clone(&fetches));
            let fetch = move || {
                *counted.lock().unwrap() += 1;
                let given = given.lock().unwrap().clone();
                let keys = given.map(|ids| {
                    let of = |id| serde_json::from_str(&format!(r#"{{"kid":"{id}",{P256}}}"#));
                    ids.into_iter()
                        .filter_map(|id| key(of(id).unwrap()))
                        .collect()
                });
                let fetched: Fetched = Box::pin(async { keys.ok_or_else(|| "down".to_owned()) });
                fetched
            };
            Self {
                keys: Keys::new(Box::new(fetch)),
                next,
                fetches,
            }
        }

        fn serves(&self, ids: Option<Vec<&'static str>>) {
            *self.next.lock().unwrap() = ids;
        }

        async fn has(&self, id: &str) -> Result<bool, Unknown> {
            self.keys.find(id).await.map(|key| key.is_some())
        }

        fn fetches(&self) -> usize {
            *self.fetches.lock().unwrap()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_key_is_looked_for_once_and_then_not_before_the_pause() {
        let world = World::new();
        world.serves(Some(vec!["a"]));
        assert_eq!(world.has("a").await, Ok(true));
        tokio::time::advance(PAUSE).await;
        for _ in 0..100 {
            assert_eq!(world.has("x").await, Ok(false));
        }
        assert_eq!(world.fetches(), 2);
        world.serves(Some(vec!["b"]));
        assert_eq!(
            world.has("b").await,
            Ok(false),
            "it was looked for just now"
        );
        tokio::time::advance(PAUSE).await;
        assert_eq!(world.has("b").await, Ok(true), "the rotation is seen");
        assert_eq!(world.has("a").await, Ok(false), "the old key is gone");
        assert_eq!(world.fetches(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn keys_are_fetched_again_when_they_are_old_and_kept_for_two_hours_without_an_issuer() {
        let world = World::new();
        world.serves(Some(vec!["a"]));
        assert_eq!(world.has("a").await, Ok(true));
        tokio::time::advance(FRESH - Duration::from_millis(1)).await;
        assert_eq!((world.has("a").await, world.fetches()), (Ok(true), 1));
        world.serves(None);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!((world.has("a").await, world.fetches()), (Ok(true), 2));
        tokio::time::advance(AGE_MAX - FRESH - Duration::from_millis(1)).await;
        assert_eq!(world.has("a").await, Ok(true));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(world.has("a").await, Err(Unknown), "nobody comes in");
    }

    #[tokio::test(start_paused = true)]
    async fn without_keys_nobody_is_judged_until_they_can_be_fetched() {
        let world = World::new();
        assert!(world.keys.refresh().await.is_err());
        assert_eq!(world.has("a").await, Err(Unknown));
        world.serves(Some(vec!["a"]));
        assert_eq!(world.has("a").await, Err(Unknown), "not before the pause");
        tokio::time::advance(PAUSE).await;
        let together = tokio::join!(world.has("a"), world.has("a"), world.has("a"));
        assert_eq!(together, (Ok(true), Ok(true), Ok(true)));
        assert_eq!(world.fetches(), 2);
    }
}
