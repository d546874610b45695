//! What the gateway verified about a caller: the claims of a token, the identity of IAM, the API key.
//!
//! All of it is in the event's `requestContext`, which no client of a gateway can write. REST APIs, HTTP APIs and
//! function URLs spell it differently. The module must not know what a claim allows.
//! Sources: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html#context-variable-reference>.

use std::collections::HashMap;

use lambda_http::request::LambdaRequest;
use memory_log::scope::Claims;

/// The claims of the caller who sent this event, taken out of it.
pub(super) fn claims_taken_from(event: &mut LambdaRequest) -> Claims {
    match event {
        LambdaRequest::ApiGatewayV1(event) => {
            let token = of_user_pool(event.request_context.authorizer.fields.remove("claims"));
            let identity = &mut event.request_context.identity;
            Claims {
                token,
                role_arn: identity.user_arn.as_deref().and_then(role_arn),
                account_id: known(identity.account_id.take()),
                api_key_id: known(identity.api_key_id.take()),
                user_arn: known(identity.user_arn.take()),
            }
        }
        LambdaRequest::ApiGatewayV2(event) => {
            let authorizer = event.request_context.authorizer.take();
            let (token, iam) = authorizer.map_or((None, None), |by| (by.jwt, by.iam));
            let (user_arn, account_id) =
                iam.map_or((None, None), |iam| (iam.user_arn, iam.account_id));
            Claims {
                token: token.map(|token| token.claims).unwrap_or_default(),
                role_arn: user_arn.as_deref().and_then(role_arn),
                account_id: known(account_id),
                api_key_id: None,
                user_arn: known(user_arn),
            }
        }
        // Other events are not read. The enum is the library's and grows with its features.
        _ => Claims::default(),
    }
}

/// The claims that a Cognito authorizer of a REST API verified, each a text. A Lambda authorizer has no
/// `claims`: API Gateway takes from it texts, numbers and booleans alone.
fn of_user_pool(claims: Option<serde_json::Value>) -> HashMap<String, String> {
    let Some(serde_json::Value::Object(claims)) = claims else {
        return HashMap::new();
    };
    let text = |claim: serde_json::Value| claim.as_str().map(str::to_owned);
    let texts = claims
        .into_iter()
        .filter_map(|(name, claim)| Some((name, text(claim)?)));
    texts.collect()
}

fn known(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// The ARN of a user, or that of an assumed role without its session, because the caller chooses the
/// session's name. The name of a federated user is the caller's choice as well.
fn role_arn(user_arn: &str) -> Option<String> {
    let resource = user_arn.splitn(6, ':').nth(5)?;
    match resource.split('/').collect::<Vec<_>>().as_slice() {
        ["assumed-role", _role, session] => {
            let role = user_arn.strip_suffix(session)?.strip_suffix('/')?;
            Some(role.to_owned())
        }
        ["user", .., _] | ["root"] => Some(user_arn.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_cannot_choose_its_role() {
        for (user_arn, expected) in [
            (
                "arn:aws:sts::123456789012:assumed-role/writer/rob",
                Some("arn:aws:sts::123456789012:assumed-role/writer"),
            ),
            (
                "arn:aws-cn:sts::123456789012:assumed-role/writer/a:b=c@d",
                Some("arn:aws-cn:sts::123456789012:assumed-role/writer"),
            ),
            (
                "arn:aws:iam::123456789012:user/team/rob",
                Some("arn:aws:iam::123456789012:user/team/rob"),
            ),
            (
                "arn:aws:iam::123456789012:root",
                Some("arn:aws:iam::123456789012:root"),
            ),
            ("arn:aws:sts::123456789012:federated-user/rob", None),
            ("arn:aws:sts::123456789012:assumed-role/writer", None),
            ("arn:aws:sts::123456789012:assumed-role/writer/a/b", None),
            ("assumed-role/writer/rob", None),
            ("", None),
        ] {
            assert_eq!(role_arn(user_arn).as_deref(), expected, "{user_arn}");
        }
    }
}
