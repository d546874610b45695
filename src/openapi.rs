//! The OpenAPI document, made by `utoipa` from the answers' own types, and the views of it.
//!
//! Every example is rendered by the code that renders the answer. A test provokes each failure over
//! HTTP, compares the document, and holds the flat form to the document's details.

use std::sync::LazyLock;

use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{HttpMethod, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::server::{Server, ServerBuilder, ServerVariableBuilder};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, InfoBuilder, LicenseBuilder, OpenApiBuilder, PathsBuilder, RefOr, Schema,
};

use crate::guard::API_KEY;
use crate::jsonapi::{ErrorDocument, MemoryDocument};
use crate::tool::{ToolError, ToolResult};

mod examples;
mod messages;
mod operations;
mod requests;
mod view;

pub use view::View;

const DESCRIPTION: &str = "\
Takes one memory, stores it durably in Amazon S3, and says yes only then.\n\n\
A success answer means that S3 has confirmed the memory's object with its SHA-256. A caller that may lose the answer sends \
a `timestamp`: the same request may then be repeated without limit, and the memory is stored once.\n\n\
Any other path is answered 404 `not_found`, and any other method of a path 405 `method_not_allowed` with `Allow`, in the form \
that `Accept` chooses.\n\n\
Where a gateway stands before the service, it refuses by itself who may not call (401, 403), what is too much (429), and what the service \
did not answer (5xx), of every operation. Such an answer has no `x-request-id`. A REST API of API Gateway words it as a JSON:API error \
document, whatever `Accept` says, and an HTTP API as `{\"message\":\"…\"}`. After a 5xx without `meta.written` it is not known whether the \
memory was stored.";

/// The names of the ways to say who calls.
const SIGV4: &str = "awsSigV4";
const KEY: &str = "apiKey";
const TOKEN: &str = "bearerToken";

/// The whole document: OpenAPI 3.1 in JSON, with a newline at its end.
#[must_use]
pub fn document() -> &'static str {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| written(&make()));
    &DOCUMENT
}

/// A view of the document, in OpenAPI 3.0.3.
#[must_use]
pub fn view(view: View) -> String {
    written(&view.of(make()))
}

fn written(document: &Value) -> String {
    format!("{document:#}\n")
}

#[expect(
    clippy::expect_used,
    reason = "the document is a constant of the build, and a test writes it"
)]
fn make() -> Value {
    let license = LicenseBuilder::new()
        .name("Apache-2.0")
        .identifier(Some("Apache-2.0"));
    let info = InfoBuilder::new()
        .title("memory-ingress")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(license.build()));
    let tag = |(name, description)| {
        let tag = TagBuilder::new().name(name);
        tag.description(Some(description)).build()
    };
    let document = OpenApiBuilder::new()
        .info(info)
        .servers(Some(servers()))
        .security(Some(callers()))
        .tags(Some(operations::TAGS.map(tag)))
        .paths(paths())
        .components(Some(components()))
        .build();
    let mut document = serde_json::to_value(document).expect("a document of strings");
    unwrap_lines(&mut document);
    document
}

fn paths() -> PathsBuilder {
    let at = |method, operation| PathItem::new(method, operation);
    PathsBuilder::new()
        .path("/memory", at(HttpMethod::Post, operations::store_memory()))
        .path("/mcp", at(HttpMethod::Post, messages::send_message()))
        .path("/health", at(HttpMethod::Get, operations::get_health()))
        .path(
            "/openapi.json",
            at(HttpMethod::Get, operations::get_openapi()),
        )
}

fn servers() -> [Server; 3] {
    let variable = |value: &str, description: &str| {
        ServerVariableBuilder::new()
            .default_value(value)
            .description(Some(description))
    };
    let local = ServerBuilder::new()
        .url("http://127.0.0.1:8080")
        .description(Some("`memory-ingress serve`, on this machine"));
    let deployed = ServerBuilder::new()
        .url("https://{api}.execute-api.{region}.amazonaws.com/{stage}")
        .description(Some("Deployed on AWS behind a REST API"))
        .parameter("api", variable("a1b2c3d4e5", "The API's id."))
        .parameter("region", variable("eu-central-1", "The AWS region."))
        .parameter("stage", variable("live", "The API's stage."));
    let without_stage = ServerBuilder::new()
        .url("https://{api}.execute-api.{region}.amazonaws.com")
        .description(Some("Deployed on AWS behind an HTTP API"))
        .parameter("api", variable("a1b2c3d4e5", "The API's id."))
        .parameter("region", variable("eu-central-1", "The AWS region."));
    [local.build(), deployed.build(), without_stage.build()]
}

/// What a caller must send depends on the deployment: one of these, or on a laptop nothing.
fn callers() -> [SecurityRequirement; 4] {
    let of = |name: &str| SecurityRequirement::new(name, [""; 0]);
    [
        SecurityRequirement::default(),
        of(SIGV4),
        of(KEY),
        of(TOKEN),
    ]
}

fn security_schemes() -> [(&'static str, SecurityScheme); 3] {
    let mut signature = ApiKeyValue::with_description(
        "Authorization",
        "AWS Signature Version 4, for the service `execute-api`: where the deployment asks for IAM.",
    );
    let kind = ExtensionsBuilder::new().add("x-amazon-apigateway-authtype", "awsSigv4");
    signature.extensions = Some(kind.build());
    let key = ApiKeyValue::with_description(
        API_KEY,
        "A key: where `serve` has one set, or the deployment asks for API keys.",
    );
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(
            "A token of the identity provider that the deployment trusts.",
        ));
    [
        (SIGV4, SecurityScheme::ApiKey(ApiKey::Header(signature))),
        (KEY, SecurityScheme::ApiKey(ApiKey::Header(key))),
        (TOKEN, SecurityScheme::Http(token.build())),
    ]
}

fn components() -> Components {
    let mut components = Components::new();
    for (name, scheme) in security_schemes() {
        components.add_security_scheme(name, scheme);
    }
    let mut add = |name: String, schema: RefOr<Schema>| components.schemas.insert(name, schema);
    for (name, schema) in requests::schemas().into_iter().chain(messages::schemas()) {
        add(name.to_owned(), schema.into());
    }
    let mut nested = Vec::new();
    for (name, schema, collect) in [
        schema_of::<MemoryDocument>(),
        schema_of::<ErrorDocument>(),
        schema_of::<ToolResult>(),
        schema_of::<ToolError>(),
    ] {
        add(name, schema);
        collect(&mut nested);
    }
    for (name, schema) in nested {
        add(name, schema);
    }
    components
}

type NamedSchemas = Vec<(String, RefOr<Schema>)>;

fn schema_of<T: ToSchema>() -> (String, RefOr<Schema>, fn(&mut NamedSchemas)) {
    (T::name().into_owned(), T::schema(), T::schemas)
}

/// Descriptions come from comments, whose lines end where the source's do.
fn unwrap_lines(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(unwrap_lines),
        Value::Object(members) => {
            for (name, value) in members {
                if let (Value::String(text), "description") = (&mut *value, name.as_str()) {
                    let paragraphs = text.split("\n\n").map(|lines| lines.replace('\n', " "));
                    *text = paragraphs.collect::<Vec<_>>().join("\n\n");
                }
                unwrap_lines(value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
