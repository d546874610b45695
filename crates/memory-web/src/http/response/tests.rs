//! Tests of representations and headers: documents, JSON-RPC, and what a caller can do instead.

use http_body_util::BodyExt;
use memory_log::timestamp::Timestamp;

use super::*;
use crate::problem::StorageFailure;

const ORIGIN: HeaderValue = HeaderValue::from_static("https://app.test");

/// A response with the header fields of every response.
fn refused(style: &ResponseStyle, error: &RequestError) -> Response {
    style.finish(style.refuse(error, "r"), "r")
}

fn document(accepted: Option<Representation>) -> ResponseStyle {
    ResponseStyle::of_document(accepted)
}

fn of_mcp(method: &Method, origin: Option<HeaderValue>) -> ResponseStyle {
    ResponseStyle::of_mcp(method, Some(Representation::Json), origin)
}

/// A header field's values, joined by `|`.
fn field(response: &Response, name: &str) -> String {
    let values = response.headers().get_all(name).iter();
    let values: Vec<_> = values.map(|value| value.to_str().unwrap()).collect();
    values.join("|")
}

async fn text(response: Response) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[test]
fn the_advice_of_a_problem_is_what_the_caller_can_do_instead() {
    let retry = Timestamp::from_unix_micros(0);
    for (problem, advice) in [
        (Problem::unsupported_media_type(), Some(Advice::Accept)),
        (Problem::unsupported_message_type(), Some(Advice::Accept)),
        (Problem::unsupported_coding(), Some(Advice::AcceptEncoding)),
        (Problem::too_slow(), Some(Advice::RetryAfter)),
        (
            Problem::of_storage(StorageFailure::Unavailable, retry),
            Some(Advice::RetryAfter),
        ),
        (
            Problem::of_storage(StorageFailure::OutcomeUnknown, retry),
            Some(Advice::RetryAfter),
        ),
        (Problem::of_storage(StorageFailure::Refused, retry), None),
        (Problem::of_storage(StorageFailure::Crashed, retry), None),
        (Problem::not_acceptable(), None),
        (Problem::cut_off(), None),
        (Problem::internal(), None),
    ] {
        assert_eq!(Advice::of(&problem), advice, "{problem:?}");
    }
}

#[test]
fn only_a_503_or_504_of_all_codes_has_retry_after() {
    for code in Code::ALL {
        let error = RequestError::from(Problem::new(code, Source::None, "x"));
        let response = refused(&document(None), &error);
        let expected = match code.status() {
            503 | 504 => "2",
            _ => "",
        };
        assert_eq!(field(&response, "retry-after"), expected, "{code:?}");
        assert_eq!(response.status().as_u16(), code.status());
    }
}

#[test]
fn a_401_says_how_to_send_a_token_and_whether_one_was_refused() {
    for (why, expected) in [
        (None, "Bearer"),
        (Some("has expired"), "Bearer error=\"invalid_token\""),
    ] {
        let error = RequestError::from(Problem::unauthorized(why));
        for style in [document(None), of_mcp(&Method::POST, None)] {
            let response = refused(&style, &error);
            assert_eq!(response.status().as_u16(), 401);
            assert_eq!(field(&response, "www-authenticate"), expected);
        }
    }
}

#[tokio::test]
async fn a_failure_follows_the_choice_and_is_a_json_api_document_where_none_was_made() {
    let error = RequestError::from(Problem::not_found());
    for (accepted, media_type, begins) in [
        (
            Some(Representation::JsonApi),
            "application/vnd.api+json",
            r#"{"jsonapi""#,
        ),
        (
            Some(Representation::Json),
            "application/json",
            r#"{"status":"error""#,
        ),
        (None, "application/vnd.api+json", r#"{"jsonapi""#),
    ] {
        let response = refused(&document(accepted), &error);
        assert_eq!(field(&response, "content-type"), media_type);
        assert!(text(response).await.starts_with(begins));
    }
    assert_eq!(
        document(None).representation(),
        Err(Problem::not_acceptable())
    );
}

#[tokio::test]
async fn a_post_to_mcp_is_refused_in_json_rpc_and_any_other_method_in_a_document() {
    let error = RequestError::from(Problem::unsupported_message_type());
    let rpc = refused(&of_mcp(&Method::POST, None), &error);
    assert_eq!(rpc.status().as_u16(), 415);
    assert_eq!(field(&rpc, "accept"), "application/json");
    assert!(
        text(rpc)
            .await
            .starts_with(r#"{"jsonrpc":"2.0","error":{"code":-32600"#)
    );
    for method in [Method::GET, Method::DELETE, Method::OPTIONS] {
        let error = RequestError::method_not_allowed("POST".to_owned());
        let response = refused(&of_mcp(&method, None), &error);
        assert_eq!(field(&response, "allow"), "POST");
        assert!(text(response).await.starts_with(r#"{"status":"error""#));
    }
}

#[test]
fn a_refused_media_type_names_those_that_the_route_reads() {
    let refused = |problem: Problem| refused(&document(None), &problem.into());
    let media_type = refused(Problem::unsupported_media_type());
    let both = "application/vnd.api+json, application/json";
    assert_eq!(field(&media_type, "accept"), both);
    assert_eq!(field(&media_type, "accept-encoding"), "");
    let coding = refused(Problem::unsupported_coding());
    assert_eq!(field(&coding, "accept"), "");
    assert_eq!(field(&coding, "accept-encoding"), "identity");
}

#[test]
fn every_response_has_the_request_id_and_varies_by_accept() {
    let style = document(None);
    let nothing = mcp::Response {
        status: 202,
        message: None,
        tool: None,
        codes: Vec::new(),
    };
    for response in [
        of_type(StatusCode::OK, JSON, "{}"),
        preflight("POST", Vec::new()),
        message(nothing),
        style.refuse(&Problem::internal().into(), "r-1"),
    ] {
        let response = style.finish(response, "r-1");
        assert_eq!(field(&response, "x-request-id"), "r-1");
        assert_eq!(field(&response, "vary"), "Accept");
        assert_eq!(field(&response, "access-control-allow-origin"), "");
    }
    let no_header = style.finish(bare(StatusCode::OK), "a\nb");
    assert_eq!(field(&no_header, "x-request-id"), "");
}

#[test]
fn an_allowed_origin_may_read_a_receipt_and_a_refusal() {
    let style = of_mcp(&Method::POST, Some(ORIGIN));
    assert!(style.has_cors_origin() && !of_mcp(&Method::POST, None).has_cors_origin());
    let message = mcp::Response {
        status: 200,
        message: Some("{}".to_owned()),
        tool: None,
        codes: Vec::new(),
    };
    for response in [
        super::message(message),
        style.refuse(&Problem::too_slow().into(), "r"),
    ] {
        let response = style.finish(response, "r");
        assert_eq!(
            field(&response, "access-control-allow-origin"),
            "https://app.test"
        );
        assert_eq!(field(&response, "vary"), "Accept|Origin");
        let exposed = "x-request-id, idempotent-replayed, retry-after, www-authenticate";
        assert_eq!(field(&response, "access-control-expose-headers"), exposed);
    }
}

#[tokio::test]
async fn a_preflight_repeats_every_line_that_it_asks_for() {
    let lines = ["content-type, x-a", "mcp-name"].map(HeaderValue::from_static);
    let headers = lines.to_vec();
    let style = of_mcp(&Method::OPTIONS, Some(ORIGIN));
    let response = style.finish(preflight("POST", headers), "r");
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(field(&response, "access-control-allow-methods"), "POST");
    assert_eq!(field(&response, "access-control-max-age"), "3600");
    let allowed = "content-type, x-a|mcp-name";
    assert_eq!(field(&response, "access-control-allow-headers"), allowed);
    assert_eq!(field(&response, "content-type"), "");
    assert_eq!(text(response).await, "");
}

#[tokio::test]
async fn a_notification_has_no_body_and_no_type() {
    let message = mcp::Response {
        status: 202,
        message: None,
        tool: None,
        codes: Vec::new(),
    };
    let response = super::message(message);
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(field(&response, "content-type"), "");
    assert_eq!(text(response).await, "");
}
