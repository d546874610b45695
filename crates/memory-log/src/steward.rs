//! Who may verify, lock, unlock and restore: the callers that the operator names.
//!
//! To delete needs no steward: whoever may write somewhere may hide what was written there. The module
//! must not know how a caller was verified.

use std::error::Error;
use std::fmt;
use std::sync::LazyLock;

use crate::event::Status;
use crate::scope::Claims;

/// What was verified about a caller who has no token and no identity of a gateway: nothing.
static NO_CLAIMS: LazyLock<Claims> = LazyLock::new(Claims::default);

/// A caller, as the way in has verified it, and never as the caller says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller<'a> {
    /// A gateway, or this service, verified these claims.
    Verified(&'a Claims),
    /// A holder of the key of this service.
    Key,
    /// A program of this machine: over stdio, or on a loopback without a key.
    Local,
}

impl<'a> Caller<'a> {
    /// What was verified about the caller.
    #[must_use]
    pub fn claims(self) -> &'a Claims {
        match self {
            Self::Verified(claims) => claims,
            Self::Key | Self::Local => &NO_CLAIMS,
        }
    }

    /// The caller's name, for the record: `sub`, `aws:userArn` or `aws:apiKeyId`, `key`, or `local`.
    #[must_use]
    pub fn name(self) -> &'a str {
        match self {
            Self::Key => "key",
            Self::Local => "local",
            Self::Verified(claims) => {
                let sub = claims.token.get("sub").map(String::as_str);
                let named = sub.or(claims.user_arn.as_deref());
                named.or(claims.api_key_id.as_deref()).unwrap_or("unnamed")
            }
        }
    }
}

/// Who is a steward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stewards {
    /// Programs of this machine, and nobody else: no steward is named.
    Unnamed,
    /// These callers.
    Of(Vec<Entry>),
}

/// A caller, or a group of callers, that an operator names: `role=admin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Claim { name: String, text: String },
    RoleArn(String),
    ApiKeyId(String),
    Key,
    Local,
}

/// Whether only a steward may give a memory this status.
#[must_use]
pub fn is_needed_for(to: Status) -> bool {
    match to {
        Status::Unverified | Status::Verified | Status::Locked => true,
        Status::Deleted => false,
    }
}

impl Stewards {
    /// Reads entries that are separated by commas.
    ///
    /// # Errors
    /// [`StewardError`] names the first entry that is not accepted.
    pub fn parse(text: &str) -> Result<Self, StewardError> {
        let entries = text.split(',').map(|entry| Entry::parse(entry.trim()));
        Ok(Self::Of(entries.collect::<Result<_, _>>()?))
    }

    /// Whether this caller is one of them.
    #[must_use]
    pub fn have(&self, caller: Caller<'_>) -> bool {
        match self {
            Self::Unnamed => caller == Caller::Local,
            Self::Of(entries) => entries.iter().any(|entry| entry.0.is(caller)),
        }
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self, StewardError> {
        let kind = match (text, text.split_once('=')) {
            ("key", _) => Ok(Kind::Key),
            ("local", _) => Ok(Kind::Local),
            (_, None) => Err(Why::NotAnEntry),
            (_, Some(("", _) | (_, ""))) => Err(Why::NothingGiven),
            (_, Some(("aws:roleArn", arn))) => Ok(Kind::RoleArn(arn.to_owned())),
            (_, Some(("aws:apiKeyId", id))) => Ok(Kind::ApiKeyId(id.to_owned())),
            (_, Some((name, _))) if name.starts_with("aws:") => Err(Why::UnknownOfGateway),
            (_, Some((name, text))) => Ok(Kind::Claim {
                name: name.to_owned(),
                text: text.to_owned(),
            }),
        };
        let entry = text.to_owned();
        kind.map(Self).map_err(|why| StewardError { entry, why })
    }
}

impl Kind {
    fn is(&self, caller: Caller<'_>) -> bool {
        match (self, caller) {
            (Self::Key, Caller::Key) | (Self::Local, Caller::Local) => true,
            (Self::Claim { name, text }, Caller::Verified(claims)) => {
                claims.token.get(name) == Some(text)
            }
            (Self::RoleArn(arn), Caller::Verified(claims)) => claims.role_arn.as_ref() == Some(arn),
            (Self::ApiKeyId(id), Caller::Verified(claims)) => {
                claims.api_key_id.as_ref() == Some(id)
            }
            (Self::Key, Caller::Verified(_) | Caller::Local)
            | (Self::Local, Caller::Verified(_) | Caller::Key)
            | (
                Self::Claim { .. } | Self::RoleArn(_) | Self::ApiKeyId(_),
                Caller::Key | Caller::Local,
            ) => false,
        }
    }
}

/// An entry that is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StewardError {
    /// The entry.
    pub entry: String,
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    NotAnEntry,
    NothingGiven,
    UnknownOfGateway,
}

impl fmt::Display for StewardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the steward {:?} is not accepted: ", self.entry)?;
        f.write_str(match self.why {
            Why::NotAnEntry => {
                "write key, local, or a claim and its whole text, such as role=admin"
            }
            Why::NothingGiven => "a claim and its text must not be empty",
            Why::UnknownOfGateway => {
                "of the gateway's names, only aws:roleArn and aws:apiKeyId name a steward"
            }
        })
    }
}

impl Error for StewardError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn stewards(text: &str) -> Stewards {
        Stewards::parse(text).unwrap()
    }

    fn with_claim(name: &str, text: &str) -> Claims {
        Claims {
            token: [(name.to_owned(), text.to_owned())].into(),
            ..Claims::default()
        }
    }

    #[test]
    fn a_caller_is_named_by_what_was_verified_and_by_nothing_else() {
        let mut claims = Claims::default();
        assert_eq!(Caller::Verified(&claims).name(), "unnamed");
        claims.api_key_id = Some("a1b2".to_owned());
        assert_eq!(Caller::Verified(&claims).name(), "a1b2");
        claims.user_arn = Some("arn:aws:iam::1:user/rob".to_owned());
        assert_eq!(Caller::Verified(&claims).name(), "arn:aws:iam::1:user/rob");
        claims.token = with_claim("sub", "rob").token;
        assert_eq!(Caller::Verified(&claims).name(), "rob");
        assert_eq!(Caller::Verified(&claims).claims(), &claims);
        for (caller, name) in [(Caller::Key, "key"), (Caller::Local, "local")] {
            assert_eq!(caller.name(), name);
            assert_eq!(caller.claims(), &Claims::default());
        }
    }

    #[test]
    fn only_a_deletion_needs_no_steward() {
        let needs = Status::ALL.map(is_needed_for);
        assert_eq!(needs, [true, true, true, false]);
    }

    #[test]
    fn without_names_only_programs_of_this_machine_are_stewards() {
        let claims = with_claim("role", "admin");
        assert!(Stewards::Unnamed.have(Caller::Local));
        assert!(!Stewards::Unnamed.have(Caller::Key));
        assert!(!Stewards::Unnamed.have(Caller::Verified(&claims)));
    }

    #[test]
    fn a_claim_is_compared_as_a_whole_text() {
        let stewards = stewards("role=admin");
        assert!(stewards.have(Caller::Verified(&with_claim("role", "admin"))));
        for (name, text) in [
            ("role", "Admin"),
            ("role", "admin "),
            ("role", "[admin]"),
            ("role", "[admin user]"),
            ("role", "admin,user"),
            ("role", "administrator"),
            ("role", ""),
            ("Role", "admin"),
            ("roles", "admin"),
            ("aws:roleArn", "admin"),
        ] {
            assert!(
                !stewards.have(Caller::Verified(&with_claim(name, text))),
                "{name}={text}"
            );
        }
        assert!(!stewards.have(Caller::Verified(&Claims::default())));
        assert!(!stewards.have(Caller::Key) && !stewards.have(Caller::Local));
    }

    #[test]
    fn the_names_of_the_gateway_are_not_claims_of_a_token() {
        const ARN: &str = "arn:aws:sts::123456789012:assumed-role/Steward";
        let by_role = stewards(&format!("aws:roleArn={ARN}"));
        let by_key = stewards("aws:apiKeyId=abc123");
        let caller = Claims {
            role_arn: Some(ARN.to_owned()),
            api_key_id: Some("abc123".to_owned()),
            ..Claims::default()
        };
        assert!(by_role.have(Caller::Verified(&caller)));
        assert!(by_key.have(Caller::Verified(&caller)));
        let forged = with_claim("aws:roleArn", ARN);
        assert!(!by_role.have(Caller::Verified(&forged)));
        let forged = with_claim("aws:apiKeyId", "abc123");
        assert!(!by_key.have(Caller::Verified(&forged)));
    }

    #[test]
    fn several_entries_are_separated_by_commas_and_split_at_the_first_equals_sign() {
        let stewards = stewards("key, https://example.org/roles=a=b ,local");
        assert!(stewards.have(Caller::Key));
        assert!(stewards.have(Caller::Local));
        let claims = with_claim("https://example.org/roles", "a=b");
        assert!(stewards.have(Caller::Verified(&claims)));
        let near = with_claim("https://example.org/roles=a", "b");
        assert!(!stewards.have(Caller::Verified(&near)));
    }

    #[test]
    fn a_holder_of_the_key_and_a_local_program_are_no_stewards_unless_they_are_named() {
        assert!(!stewards("key").have(Caller::Local));
        assert!(!stewards("local").have(Caller::Key));
        let forged = with_claim("key", "key");
        assert!(!stewards("key").have(Caller::Verified(&forged)));
    }

    #[test]
    fn an_entry_that_cannot_be_meant_is_refused_with_the_reason() {
        let refused = |text: &str| Stewards::parse(text).unwrap_err().to_string();
        for text in ["", "role", "admin,", "Key", "LOCAL", "role=admin,,key"] {
            assert!(refused(text).contains("write key, local"), "{text}");
        }
        for text in ["role=", "=admin", "=", "aws:roleArn="] {
            assert!(refused(text).contains("must not be empty"), "{text}");
        }
        for text in ["aws:userArn=x", "aws:accountId=123456789012", "aws:=x"] {
            assert!(refused(text).contains("only aws:roleArn"), "{text}");
        }
        assert!(refused("role=admin, x").starts_with("the steward \"x\" is not accepted"));
    }
}
