//! The official MCP client for Rust, over HTTP and over stdio.

use rmcp::model::{CallToolRequestParams, ProtocolVersion};
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ClientLifecycleMode, ClientServiceExt};
use serde_json::{Value, json};

use crate::place::{check, over_http, over_stdio};

#[tokio::test]
async fn the_rust_client_stores_finds_and_forgets_a_memory_in_either_lifecycle() {
    let modern = || ClientLifecycleMode::Discover {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
    };
    for (lifecycle, version) in [
        (modern(), "2026-07-28"),
        (ClientLifecycleMode::Initialize, "2025-11-25"),
    ] {
        for place in [over_http(), over_stdio()] {
            let client = match &place.target[..] {
                [url] => {
                    let transport = StreamableHttpClientTransport::from_uri(url.as_str());
                    ().serve_with_lifecycle(transport, lifecycle.clone())
                        .await
                        .unwrap()
                }
                [program, arguments @ ..] => {
                    let mut command = tokio::process::Command::new(program);
                    command.args(arguments);
                    let transport = TokioChildProcess::new(command).unwrap();
                    ().serve_with_lifecycle(transport, lifecycle.clone())
                        .await
                        .unwrap()
                }
                [] => unreachable!("a place has a target"),
            };
            let tools = client.list_all_tools().await.unwrap();
            let call = |tool: &'static str, arguments: Value| {
                let arguments = arguments.as_object().unwrap().clone();
                client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments))
            };
            let append = |content: &str| {
                let memory = json!({"entity_id": "rob", "domain": "work", "content": content, "timestamp": "2026-01-27T03:14:22Z"});
                call("append_memory", memory)
            };
            let (accepted, refused) = (append("„☃“").await.unwrap(), append(" ").await.unwrap());
            let place_of_it = json!({"domain": "work", "entity_id": "rob"});
            let search = || call("search_memory", place_of_it.clone());
            let found = search().await.unwrap();
            let receipt = accepted.structured_content.unwrap();
            let mut forgotten = place_of_it.clone();
            forgotten["memory_id"] = receipt["memory_id"].clone();
            forgotten["reason"] = json!("Rob asked for it.");
            let forgotten = call("forget_memory", forgotten).await.unwrap();
            let refused = serde_json::to_value(refused).unwrap();
            let seen = json!({
                "tool": tools[0].name,
                "receipt": receipt,
                "is_error": accepted.is_error,
                "refused_is_error": refused["isError"],
                "refused_text": refused["content"][0]["text"],
                "found": found.structured_content,
                "forgotten": forgotten.structured_content,
                "found_after": search().await.unwrap().structured_content,
            });
            check(version, &place, &seen, None);
            client.cancel().await.unwrap();
        }
    }
}
