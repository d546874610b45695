//! Where an agent logs in: the authorization servers of a service, and the document that names them.
//!
//! The document is public, and the same for everybody: it is made of settings and of the URL that it is about.
//! The module must not know requests or tokens.
//! Source: RFC 9728, section 2 (<https://www.rfc-editor.org/rfc/rfc9728#section-2>).

use axum::http::Uri;
use axum::http::uri::Authority;
use memory_log::json::serialized;
use serde::Serialize;

use crate::origin::is_loopback_authority;

/// The authorization servers of a service, and the scopes that an agent asks them for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Login {
    servers: Vec<String>,
    scopes: Vec<String>,
}

/// The members of the document.
#[derive(Serialize)]
struct Document<'d> {
    resource: &'d str,
    authorization_servers: &'d [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    scopes_supported: &'d [String],
    bearer_methods_supported: [&'static str; 1],
}

impl Login {
    /// The login with these servers and scopes. No server means that nobody is told where to log in.
    pub(crate) fn new(servers: Vec<String>, scopes: Vec<String>) -> Self {
        Self { servers, scopes }
    }

    /// Whether an authorization server is named.
    #[must_use]
    pub fn has_server(&self) -> bool {
        !self.servers.is_empty()
    }

    /// The same login, at this issuer unless a server is named.
    #[must_use]
    pub fn or_at(mut self, issuer: &str) -> Self {
        if !self.has_server() {
            self.servers.push(issuer.to_owned());
        }
        self
    }

    /// The document about the resource with this URL.
    pub(crate) fn document(&self, resource: &str) -> String {
        serialized(&Document {
            resource,
            authorization_servers: &self.servers,
            scopes_supported: &self.scopes,
            bearer_methods_supported: ["header"],
        })
    }
}

/// Reads the identifiers of authorization servers, which are separated by white space. Each is kept as it is
/// spelled, because the `iss` of a token is compared with it character by character.
///
/// # Errors
/// What is wrong with one: the end of a sentence that begins with its setting.
pub(crate) fn servers(text: &str) -> Result<Vec<String>, String> {
    let is_server = |text: &&str| {
        // An issuer has no query and no fragment (RFC 8414, section 2). A comma is a list in another setting's form.
        !text.contains(['?', '#', ','])
            && text.parse::<Uri>().is_ok_and(|url| {
                let authority = url.authority().map(Authority::as_str);
                let authority = authority.unwrap_or_default();
                let has_user = authority.contains('@');
                match url.scheme_str() {
                    Some("https") => !has_user && url.host().is_some_and(|host| !host.is_empty()),
                    Some("http") => is_loopback_authority(authority.as_bytes()),
                    _ => false,
                }
            })
    };
    each(
        text,
        is_server,
        "the URL of an authorization server, such as https://login.example.com",
    )
}

/// Reads scopes, which are separated by white space (RFC 6749, section 3.3).
///
/// # Errors
/// As [`servers`].
pub(crate) fn scopes(text: &str) -> Result<Vec<String>, String> {
    let is_scope = |text: &&str| {
        let is_allowed = |byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        text.bytes().all(is_allowed)
    };
    each(text, is_scope, "a scope, such as memory:write")
}

fn each(text: &str, is_one: impl Fn(&&str) -> bool, one: &str) -> Result<Vec<String>, String> {
    match text.split_whitespace().find(|part| !is_one(part)) {
        Some(part) => Err(format!("{part:?} is not {one}")),
        None => Ok(text.split_whitespace().map(str::to_owned).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_url_by_https_and_keeps_its_spelling() {
        for server in [
            "https://login.example.com",
            "https://login.example.com/",
            "https://Login.example.com:8443/realms/A%20b",
            "http://127.0.0.1:9000",
            "http://localhost/a",
            "https://login.example.com/@tenant",
        ] {
            assert_eq!(servers(server).as_deref(), Ok(&[server.to_owned()][..]));
        }
        for near in [
            "login.example.com",
            "http://login.example.com",
            "http://localhost.example.com",
            "HTTPS//login.example.com",
            "https://",
            "https:///a",
            "https://user@login.example.com",
            "https://user@login.example.com/@tenant",
            "http://user@localhost",
            "https://login.example.com?tenant=1",
            "https://login.example.com#a",
            "ftp://login.example.com",
            "javascript:alert(1)",
            "https://a.test,https://b.test",
        ] {
            assert!(servers(near).is_err(), "{near}");
        }
        let both = servers(" https://a.test\n https://b.test ").unwrap();
        assert_eq!(both, ["https://a.test", "https://b.test"]);
    }

    #[test]
    fn a_scope_has_no_character_that_would_end_it() {
        let both = scopes("memory:write https://api.example.com/.default");
        assert_eq!(both.map(|both| both.len()), Ok(2));
        for near in ["a\"b", "a\\b", "schreiben-ü", "a\u{7f}"] {
            assert!(scopes(near).is_err(), "{near}");
        }
    }

    #[test]
    fn the_document_names_the_resource_and_who_issues_its_tokens() {
        let login = Login::default().or_at("https://issuer.test/");
        assert_eq!(
            login.document("https://memory.test/mcp"),
            r#"{"resource":"https://memory.test/mcp","authorization_servers":["https://issuer.test/"],"bearer_methods_supported":["header"]}"#
        );
        let named = Login::new(vec!["https://a.test".to_owned()], vec!["w".to_owned()]);
        assert_eq!(
            named
                .or_at("https://issuer.test/")
                .document("https://memory.test"),
            r#"{"resource":"https://memory.test","authorization_servers":["https://a.test"],"scopes_supported":["w"],"bearer_methods_supported":["header"]}"#
        );
    }
}
