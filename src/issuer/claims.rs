//! What a token says, once its signature and its claims are checked (RFC 7519).
//!
//! The rules are those of API Gateway's JWT authorizer
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html>), and the
//! claims become text as it hands them to a function, so that scopes mean the same behind either.

use std::collections::HashSet;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Validation, decode, decode_header};
use memory_log::scope::Claims;
use serde_json::{Map, Value};

use super::keys::Key;
use super::signature::use_ring;

/// How far two clocks may differ, in seconds.
const LEEWAY: u64 = 60;

const NOT_A_TOKEN: &str = "is not a signed JSON Web Token";

/// The audiences of this service.
#[derive(Debug, Clone)]
pub(super) struct Audiences(HashSet<String>);

impl Audiences {
    pub(super) fn new(audiences: Vec<String>) -> Result<Self, String> {
        let audiences: HashSet<_> = audiences.into_iter().collect();
        match audiences.is_empty() || audiences.contains("") {
            true => Err(
                "The --jwt-audience is missing or empty: name the audience of your tokens."
                    .to_owned(),
            ),
            false => Ok(Self(audiences)),
        }
    }
}

/// The id of the key that signed a token, as the token says.
pub(super) fn key_named(token: &str) -> Result<String, &'static str> {
    let header = decode_header(token).map_err(|_| NOT_A_TOKEN)?;
    if header.crit.is_some() {
        return Err("has an extension that this service does not know (crit)");
    }
    header
        .kid
        .ok_or("does not name the key that signed it (kid)")
}

/// The claims of a token that this key signed, that is of this issuer and for one of these audiences, and
/// whose time is now.
pub(super) fn verified(
    token: &str,
    key: &Key,
    issuer: &str,
    audiences: &Audiences,
) -> Result<Claims, &'static str> {
    use_ring();
    let Some(first) = key.algorithms.first() else {
        return Err(NOT_A_TOKEN);
    };
    let mut validation = Validation::new(*first);
    validation.algorithms = key.algorithms.clone();
    validation.leeway = LEEWAY;
    validation.validate_nbf = true;
    validation.aud = Some(audiences.0.clone());
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["exp", "iss"]);
    let decoded = decode::<Map<String, Value>>(token, &key.public, &validation);
    let claims = decoded.map_err(|error| reason(error.kind()))?.claims;
    // The library takes a list of issuers, and lets an audience of another type pass.
    if claims.get("iss").and_then(Value::as_str) != Some(issuer) {
        return Err("is of another issuer");
    }
    let for_client = claims.get("client_id").and_then(Value::as_str);
    let is_for_us = match claims.get("aud") {
        None | Some(Value::Null) => for_client.is_some_and(|id| audiences.0.contains(id)),
        Some(Value::String(_) | Value::Array(_)) => true,
        Some(_) => false,
    };
    if !is_for_us {
        return Err("is for another audience");
    }
    let text = |(name, value): (String, Value)| flattened(&value).map(|text| (name, text));
    Ok(Claims {
        token: claims.into_iter().filter_map(text).collect(),
        ..Claims::default()
    })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's reasons grow; all others are of the form"
)]
fn reason(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpiredSignature => "has expired",
        ErrorKind::ImmatureSignature => "is not valid yet",
        ErrorKind::InvalidAudience => "is for another audience",
        ErrorKind::InvalidIssuer => "is of another issuer",
        ErrorKind::InvalidSignature => "does not have the signature of its issuer",
        ErrorKind::InvalidAlgorithm => "is signed by an algorithm that its key does not allow",
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => {
            "lacks a claim, or has one that is not readable (iss, exp, nbf)"
        }
        _ => NOT_A_TOKEN,
    }
}

/// A claim as a gateway hands it over: a list in brackets, its elements separated by spaces; the members
/// of an object as `map[name:value]`. A null is no claim.
fn flattened(value: &Value) -> Option<String> {
    let text = |value: &Value| flattened(value).unwrap_or_else(|| "<nil>".to_owned());
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(text).collect();
            format!("[{}]", elements.join(" "))
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members
                .iter()
                .map(|(name, value)| format!("{name}:{}", text(value)))
                .collect();
            members.sort();
            format!("map[{}]", members.join(" "))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_become_text_as_a_gateway_spells_them() {
        let of = |json: &str| flattened(&serde_json::from_str(json).unwrap());
        for (claim, text) in [
            (r#""rob""#, "rob"),
            (r#""""#, ""),
            ("true", "true"),
            ("1612345678", "1612345678"),
            ("0.5", "0.5"),
            (r#"["a","b"]"#, "[a b]"),
            (r#"["a"]"#, "[a]"),
            ("[]", "[]"),
            (r#"[1,["a",null]]"#, "[1 [a <nil>]]"),
            (r#"{"b":2,"a":["x","y"]}"#, "map[a:[x y] b:2]"),
        ] {
            assert_eq!(of(claim).as_deref(), Some(text), "{claim}");
        }
        assert_eq!(of("null"), None);
    }

    #[test]
    fn an_audience_is_named_and_not_empty() {
        assert!(Audiences::new(vec!["memory".to_owned()]).is_ok());
        assert!(Audiences::new(Vec::new()).is_err());
        assert!(Audiences::new(vec!["memory".to_owned(), String::new()]).is_err());
    }
}
