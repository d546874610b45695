//! The issuer of the tokens that callers send, and the verdict on each token (contract 7.9).
//!
//! A process without a gateway in front verifies tokens itself: `serve --jwt-issuer`. The claims of a
//! verified token are the caller's, spelled as API Gateway spells them. Where the keys are unknown,
//! nobody comes in. A token is never logged. The module must not know routes or what a claim allows.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::middleware::{self, Next};
use memory_web::caller::Verdict;

mod claims;
mod discovery;
mod keys;
mod signature;

use claims::Audiences;
use keys::Keys;

/// What an operator says about an issuer.
#[derive(Debug, Clone)]
pub struct IssuerSettings {
    /// Its URL, as the claim `iss` of its tokens spells it.
    pub url: String,
    /// The audiences of this service: a token is for one of them.
    pub audiences: Vec<String>,
    /// Where its keys are, unless its metadata says so.
    pub jwks_url: Option<String>,
}

/// An issuer of tokens, with its keys.
#[derive(Debug)]
pub struct Issuer {
    url: String,
    audiences: Audiences,
    keys: Keys,
}

impl Issuer {
    /// The issuer of these settings. Nothing is fetched yet.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn new(settings: IssuerSettings) -> Result<Self, String> {
        let IssuerSettings {
            url,
            audiences,
            jwks_url,
        } = settings;
        let source = discovery::Source::new(&url, jwks_url.as_deref())?;
        let source = Arc::new(source);
        let fetch = move || {
            let source = Arc::clone(&source);
            let fetched: keys::Fetched = Box::pin(async move { source.keys().await });
            fetched
        };
        Ok(Self {
            url,
            audiences: Audiences::new(audiences)?,
            keys: Keys::new(Box::new(fetch)),
        })
    }

    /// Its URL, as the claim `iss` of its tokens spells it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Fetches the keys, so that the first request need not wait for them.
    ///
    /// # Errors
    /// Why there are none. A later request tries again.
    pub async fn prepare(&self) -> Result<(), String> {
        self.keys.refresh().await
    }

    /// A router that knows the verdict on the token of each request.
    pub fn in_front_of(self: Arc<Self>, router: Router) -> Router {
        router.layer(middleware::from_fn(
            move |mut request: Request, next: Next| {
                let issuer = Arc::clone(&self);
                async move {
                    let token = issuer.judge(request.headers()).await;
                    request.extensions_mut().insert(token);
                    next.run(request).await
                }
            },
        ))
    }

    /// The verdict on the token of a request. It comes in `Authorization` alone: a query is in every log.
    async fn judge(&self, headers: &HeaderMap) -> Verdict {
        let mut fields = headers.get_all(header::AUTHORIZATION).iter();
        let text = match (fields.next(), fields.next()) {
            (None, _) => return Verdict::Missing,
            (Some(_), Some(_)) => return Verdict::Refused("is not the only one of the request"),
            (Some(field), None) => match bearer(field) {
                None => return Verdict::Missing,
                Some(text) if text.is_empty() || text.contains([' ', '\t', ',']) => {
                    return Verdict::Refused("is not one token after Bearer");
                }
                Some(text) => text,
            },
        };
        let key = match claims::key_named(text) {
            Ok(id) => self.keys.find(&id).await,
            Err(why) => return Verdict::Refused(why),
        };
        match key {
            Ok(Some(key)) => match claims::verified(text, &key, &self.url, &self.audiences) {
                Ok(claims) => Verdict::Verified(claims),
                Err(why) => Verdict::Refused(why),
            },
            Ok(None) => Verdict::Refused("names a key that its issuer does not have"),
            Err(keys::Unknown) => Verdict::Unjudged,
        }
    }
}

/// What follows the scheme of a token (RFC 6750, section 2.1). Another scheme says nothing about one (section 3.1). The
/// name of a scheme has no case (RFC 9110, section 11.1).
fn bearer(field: &HeaderValue) -> Option<&str> {
    let field = field.to_str().ok()?;
    let (scheme, token) = field.split_once(' ').unwrap_or((field, ""));
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
}

/// The URL of an issuer or of its keys, or what is wrong with it.
fn url(option: &str, text: &str) -> Result<Uri, String> {
    let url = crate::client::fetch::url(text);
    url.map_err(|why| format!("The {option} is not accepted: {why}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_after_its_scheme() {
        let of = |text: &str| bearer(&HeaderValue::from_str(text).unwrap()).map(str::to_owned);
        for text in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c "] {
            assert_eq!(of(text).as_deref(), Some("a.b.c"), "{text}");
        }
        for text in [
            "a.b.c",
            "Bearer\ta.b.c",
            "Bearera.b.c",
            "Basic a.b.c",
            "Token a.b.c",
            "",
        ] {
            assert_eq!(of(text), None, "{text:?}");
        }
        for text in ["Bearer", "Bearer "] {
            assert_eq!(of(text).as_deref(), Some(""), "{text:?}");
        }
    }
}
