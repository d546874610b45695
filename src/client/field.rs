//! A header field that a user adds to each call: `NAME=VALUE`.
//!
//! A value may be a secret, so no error shows it.

use axum::http::{HeaderName, HeaderValue, header};

use memory_web::caller::API_KEY;

/// Header fields that the client sets itself, or that belong to the connection.
const OWN_FIELDS: [HeaderName; 12] = [
    header::ACCEPT,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::HOST,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::USER_AGENT,
];

/// Reads `NAME=VALUE`, or `NAME: VALUE` as curl writes it.
///
/// # Errors
/// What is wrong with it, in words that do not show the value.
pub fn parse(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text
        .split_once(['=', ':'])
        .ok_or("A --header is written NAME=VALUE.")?;
    let name: HeaderName = name
        .trim()
        .parse()
        .map_err(|_| "The name of a --header is not the name of a header field.")?;
    if OWN_FIELDS.contains(&name) || name.as_str().starts_with("x-amz") {
        return Err(format!("The header {name} is set by this program."));
    }
    if name == API_KEY {
        return Err("Set MEMORY_API_KEY to send x-api-key.".to_owned());
    }
    let mut value = HeaderValue::from_str(value.trim())
        .ok()
        .filter(|value| value.to_str().is_ok())
        .ok_or_else(|| {
            format!("The value of --header {name} has a character that no header can carry.")
        })?;
    // The value may be a token.
    value.set_sensitive(true);
    Ok((name, value))
}

/// Reads `NAME=VARIABLE`: the same field with the value of a variable of the environment, so that a
/// secret is not on the command line. `variable` gives the value, if there is one.
///
/// # Errors
/// What is wrong with it. The variable is not named, because it may be the secret itself by mistake.
pub fn of_environment(
    text: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let (name, named) = text
        .split_once('=')
        .ok_or("A --header-env is written NAME=VARIABLE.")?;
    match variable(named).filter(|value| !value.trim().is_empty()) {
        Some(value) => Ok(format!("{name}={value}")),
        None => Err(format!(
            "What --header-env {name} names is not a variable of the environment that is set."
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_with_an_equals_sign_or_a_colon() {
        for text in ["X-Team=memory", "x-team: memory", " x-team = memory "] {
            let (name, value) = parse(text).unwrap();
            assert_eq!(
                (name.as_str(), value.as_bytes()),
                ("x-team", &b"memory"[..]),
                "{text}"
            );
            assert!(value.is_sensitive());
        }
        assert_eq!(parse("a=b=c").unwrap().1, "b=c");
    }

    #[test]
    fn a_field_of_the_clients_own_is_refused_and_no_error_shows_a_value() {
        for name in [
            "Host",
            "content-type",
            "Content-Length",
            "accept",
            "user-agent",
            "x-amz-date",
            "X-Amzn-Trace-Id",
            "x-api-key",
            "a b",
            "",
        ] {
            let error = parse(&format!("{name}=secret")).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(parse("x-api-key2=k").is_ok() && parse("x-am=k").is_ok());
        assert!(parse("no value").is_err());
        let error = parse("x-team=sécret").unwrap_err();
        assert!(!error.contains("cret"), "{error}");
    }

    #[test]
    fn a_field_of_the_environment_is_read_there_and_no_error_shows_it() {
        let set = |name: &str| (name == "TEAM_TOKEN").then(|| "Bearer s3cret\n".to_owned());
        let field = of_environment("Authorization=TEAM_TOKEN", set).unwrap();
        assert_eq!(parse(&field).unwrap().1, "Bearer s3cret");
        for wrong in [
            "Authorization",
            "Authorization=",
            "Authorization=s3cret",
            "Authorization=Bearer s3cret",
            "Authorization=$TEAM_TOKEN",
        ] {
            let error = of_environment(wrong, set).unwrap_err();
            assert!(!error.contains("s3cret"), "{error}");
        }
        assert!(of_environment("x-team=EMPTY", |_| Some(" ".to_owned())).is_err());
    }
}
