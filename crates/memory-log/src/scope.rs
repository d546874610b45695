//! Who may read and write where: templates of scopes, and what was verified about a caller.
//!
//! A scope is a domain and an entity. This judgement is the only maker of a [`WriteScope`], a
//! [`ReadScope`] and a [`ChangeScope`]. A claim that is missing, empty or ambiguous gives no scope, and
//! never a wider one. The module must not know how a caller was verified.

use std::collections::HashMap;

use crate::memory::Memory;
use crate::object::Prefix;

mod reading;
mod template;

pub use reading::{
    NoSingleScope, Operator, ReadScope, ReadScopes, SHARED_MAX, TooManyShared, operator,
};
pub use template::{ScopeError, Template};

/// What was verified about a caller. Nothing in it can be set by a header, a query or a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// The claims of the verified token, each as the text that the gateway hands over.
    pub token: HashMap<String, String>,
    /// `aws:roleArn`: the ARN of an IAM user, or of an assumed role without its session.
    pub role_arn: Option<String>,
    /// `aws:accountId`: the caller's account.
    pub account_id: Option<String>,
    /// `aws:apiKeyId`: the id of the API key, which is not the key.
    pub api_key_id: Option<String>,
    /// `aws:userArn`, of which the caller may have chosen the last part. It names who did something,
    /// and gives no right.
    pub user_arn: Option<String>,
}

/// Where callers may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteScopes {
    /// Everywhere, for everyone who is admitted.
    Everywhere,
    /// Where one of these templates allows it.
    Of(Vec<Template>),
}

/// The right to write memories of one entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteScope {
    prefix: String,
}

impl WriteScope {
    /// Whether the object with this key is one of the entity's memories.
    #[must_use]
    pub fn covers(&self, key: &str) -> bool {
        key.starts_with(&self.prefix)
    }
}

/// The right to change the status of one entity's memories. Who has it may also read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeScope {
    prefix: String,
}

impl ChangeScope {
    /// Whether the object with this key is one of the entity's events.
    #[must_use]
    pub fn covers(&self, key: &str) -> bool {
        key.starts_with(&self.prefix)
    }
}

/// The name that lies outside of a caller's scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    /// No template has this domain.
    Domain,
    /// A template has the domain, and none with it has this entity.
    Entity,
}

impl WriteScopes {
    /// Reads templates that are separated by spaces.
    ///
    /// # Errors
    /// [`ScopeError`] names the first template that is not accepted.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        template::parse(text).map(Self::Of)
    }

    /// The right to write this memory, if a template gives it to a caller with these claims.
    ///
    /// # Errors
    /// [`Outside`]: the member of the memory that no template allows.
    pub fn permit(&self, claims: &Claims, memory: &Memory) -> Result<WriteScope, Outside> {
        let (domain, entity_id) = (memory.domain(), memory.entity_id());
        self.judge(claims, domain, entity_id)?;
        let prefix = Prefix::Entity { domain, entity_id }.to_string();
        Ok(WriteScope { prefix })
    }

    /// The right to change what a caller with these claims may read, if a template lets the caller
    /// write there as well.
    ///
    /// # Errors
    /// [`Outside`]: the name that no template allows. A scope that is wider than an entity gives no
    /// right: see [`ReadScope::entity_of`].
    pub fn permit_change(&self, claims: &Claims, read: &ReadScope) -> Result<ChangeScope, Outside> {
        let domain = read.domain().ok_or(Outside::Domain)?;
        let entity_id = read.entity_id().ok_or(Outside::Entity)?;
        self.judge(claims, domain, entity_id)?;
        let prefix = read.events().to_owned();
        Ok(ChangeScope { prefix })
    }

    fn judge(&self, claims: &Claims, domain: &str, entity_id: &str) -> Result<(), Outside> {
        match self {
            Self::Everywhere => Ok(()),
            Self::Of(templates) => template::judge(templates, claims, domain, entity_id),
        }
    }
}

#[cfg(test)]
mod tests;
