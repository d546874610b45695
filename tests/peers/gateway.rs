//! A stand-in for an HTTP API of API Gateway with a JWT authorizer, in front of the function's own code.
//!
//! A token is judged by the service's own verifier, whose rules are the authorizer's. The refusals are API Gateway's.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lambda_http::request::LambdaRequest;
use lambda_http::{Context, LambdaEvent};
use memory_ingress::http::endpoints;
use memory_ingress::issuer::{Issuer, IssuerSettings};
use memory_ingress::remember::Ingress;
use memory_log::scope::WriteScopes;
use memory_s3::embedded::{self, BUCKET, Disk};
use memory_s3::writer::Writer;
use memory_web::caller::Verdict;
use memory_web::guard::Guard;
use memory_web::http::{Endpoint, router};
use memory_web::lambda;
use memory_web::login::Login;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

/// Where and below which the routes of `terraform/gateway_http.tf` need no token, by GET and OPTIONS.
const OPEN: &str = "/.well-known/oauth-protected-resource";

/// Starts the gateway. It accepts the tokens of this issuer for its own `/mcp`, whose URL it gives.
pub(crate) async fn start(issuer: &str, folder: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let name = listener.local_addr().unwrap().to_string();
    let resource = format!("http://{name}/mcp");
    let store = Writer::new(embedded::client(Disk::create(folder).unwrap()), BUCKET);
    let scopes = WriteScopes::parse("user/{sub}").unwrap();
    let mut endpoints = endpoints(Ingress::new(store, scopes));
    endpoints.extend(Endpoint::login(Login::default().or_at(issuer)));
    let function = router(endpoints, Guard::default());
    let authorizer = Issuer::new(IssuerSettings {
        url: issuer.to_owned(),
        audiences: vec![resource.clone()],
        jwks_url: None,
    });
    let authorizer = Arc::new(authorizer.unwrap());
    let gateway = Router::new().fallback(move |request: Request| {
        let (function, name) = (function.clone(), name.clone());
        async move { pass(function, &name, request).await }
    });
    let gateway = authorizer.in_front_of(gateway);
    tokio::spawn(async move { axum::serve(listener, gateway).await });
    resource
}

/// Passes a request on to the function, as an event, or refuses it.
async fn pass(function: Router, name: &str, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let (method, path) = (&head.method, head.uri.path());
    let below = path.strip_prefix(OPEN);
    let is_open = [Method::GET, Method::OPTIONS].contains(method)
        && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let claims = match head.extensions.get::<Verdict>() {
        Some(Verdict::Verified(claims)) => &claims.token,
        _ if is_open => &Default::default(),
        verdict => {
            // <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-jwt.html>, with the
            // scopes of the route.
            let challenge = match verdict {
                Some(Verdict::Refused(_)) => {
                    r#"Bearer scope="memory:write" error="invalid_token" error_description="the token is not valid""#
                }
                _ => "Bearer",
            };
            let fields = [
                (header::WWW_AUTHENTICATE, challenge),
                (header::CONTENT_TYPE, "application/json"),
            ];
            let refused = (fields, r#"{"message":"Unauthorized"}"#);
            return (StatusCode::UNAUTHORIZED, refused).into_response();
        }
    };
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let fields = head.headers.iter();
    let fields = fields.map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let route = if is_open { path } else { "/{proxy+}" };
    let event = json!({
        "version": "2.0",
        "routeKey": format!("{method} {route}"),
        "rawPath": path,
        "rawQueryString": head.uri.query().unwrap_or_default(),
        "headers": fields.collect::<BTreeMap<_, _>>(),
        "requestContext": {
            "accountId": "123456789012", "apiId": "a1b2c3d4e5", "domainName": name, "stage": "$default",
            "authorizer": {"jwt": {"claims": claims, "scopes": null}},
            "http": {"method": method.as_str(), "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": ""},
            "requestId": "JKJaXmPLvHcESHA=", "time": "27/Jan/2026:03:14:22 +0000", "timeEpoch": 1_769_483_662_000_u64,
        },
        "body": std::str::from_utf8(&body).unwrap(),
        "isBase64Encoded": false,
    });
    let event: LambdaRequest = serde_json::from_value(event).unwrap();
    let handled = lambda::handle(function, LambdaEvent::new(event, Context::default()));
    // Lambda has one event at a time, so this future need not be `Send`, and is not.
    let answer = tokio::task::block_in_place(|| Handle::current().block_on(handled));
    let answer = serde_json::to_value(answer.unwrap()).unwrap();
    let status = answer["statusCode"].as_u64().unwrap();
    let mut response = Response::builder().status(u16::try_from(status).unwrap());
    for (name, value) in answer["headers"].as_object().unwrap() {
        response = response.header(name, value.as_str().unwrap());
    }
    let body = answer["body"].as_str().unwrap_or_default().to_owned();
    response.body(Body::from(body)).unwrap()
}
