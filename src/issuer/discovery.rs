//! Where the keys of an issuer are: at a URL that the operator names, or that its metadata has.
//!
//! Metadata is at the place of `OpenID` Connect Discovery 1.0 (section 4), or else of RFC 8414 (section 3).

use axum::http::Uri;
use serde::Deserialize;

use super::keys::{self, Key};
use crate::client::fetch;

/// Where the keys of an issuer come from.
#[derive(Debug)]
pub(super) enum Source {
    /// This document is the set of keys.
    Keys(Uri),
    /// The first of these documents that there is names the set.
    Metadata { issuer: String, places: [Uri; 2] },
}

/// What is read of the metadata.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl Source {
    pub(super) fn new(issuer: &str, jwks_url: Option<&str>) -> Result<Self, String> {
        let url = super::url("--jwt-issuer", issuer)?;
        if url.query().is_some() {
            return Err("The --jwt-issuer is not accepted: it has a query.".to_owned());
        }
        if let Some(text) = jwks_url {
            return super::url("--jwt-jwks-url", text).map(Self::Keys);
        }
        let places = places(issuer, &url);
        let places = places.map(|place| super::url("--jwt-issuer", &place));
        let [of_openid, of_oauth] = places;
        Ok(Self::Metadata {
            issuer: issuer.to_owned(),
            places: [of_openid?, of_oauth?],
        })
    }

    /// Fetches the keys.
    pub(super) async fn keys(&self) -> Result<Vec<Key>, String> {
        let url = match self {
            Self::Keys(url) => url.clone(),
            Self::Metadata { issuer, places } => {
                let [of_openid, of_oauth] = places;
                let document = match fetch::get(of_openid).await {
                    Ok(document) => document,
                    Err(first) => fetch::get(of_oauth)
                        .await
                        .map_err(|second| format!("{first}; {second}"))?,
                };
                keys_of(&document, issuer)?
            }
        };
        keys::read(&fetch::get(&url).await?).map_err(|why| format!("{url}: {why}"))
    }
}

/// The two places of metadata. An issuer may end with a slash, which counts in its name alone.
fn places(issuer: &str, url: &Uri) -> [String; 2] {
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    let path = url.path().strip_suffix('/').unwrap_or(url.path());
    let root = issuer.strip_suffix(path).unwrap_or(issuer);
    [
        format!("{issuer}/.well-known/openid-configuration"),
        format!("{root}/.well-known/oauth-authorization-server{path}"),
    ]
}

/// The URL of the keys, if the metadata is of this issuer (RFC 8414, section 3.3).
fn keys_of(document: &[u8], issuer: &str) -> Result<Uri, String> {
    let metadata: Metadata = serde_json::from_slice(document)
        .map_err(|error| format!("the metadata of {issuer} is not readable: {error}"))?;
    if metadata.issuer != issuer {
        return Err(format!(
            "the metadata of {issuer} is that of {:?}: spell --jwt-issuer as it does",
            metadata.issuer
        ));
    }
    let url = fetch::url(&metadata.jwks_uri);
    url.map_err(|why| format!("the jwks_uri of {issuer} is not accepted: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_below_the_issuer_or_before_its_path() {
        let of = |issuer: &str| places(issuer, &issuer.parse().unwrap());
        for issuer in ["https://a.test", "https://a.test/"] {
            assert_eq!(
                of(issuer),
                [
                    "https://a.test/.well-known/openid-configuration",
                    "https://a.test/.well-known/oauth-authorization-server",
                ]
            );
        }
        assert_eq!(
            of("https://a.test/realms/b"),
            [
                "https://a.test/realms/b/.well-known/openid-configuration",
                "https://a.test/.well-known/oauth-authorization-server/realms/b",
            ]
        );
    }

    #[test]
    fn metadata_of_another_issuer_names_no_keys() {
        let of = |issuer: &str, keys: &str| {
            let document = format!(r#"{{"issuer":"{issuer}","jwks_uri":"{keys}"}}"#);
            keys_of(document.as_bytes(), "https://a.test/").map(|url| url.to_string())
        };
        let keys = "https://keys.test/k?p=1";
        assert_eq!(of("https://a.test/", keys).as_deref(), Ok(keys));
        for near in ["https://a.test", "https://A.test/", "https://b.test/", ""] {
            assert!(of(near, keys).is_err(), "{near}");
        }
        assert!(of("https://a.test/", "http://keys.test/k").is_err());
        assert!(keys_of(b"{}", "https://a.test/").is_err());
    }
}
