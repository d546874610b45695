//! Does a backend's work with the client that progenitor generates from the view tool.json.
//!
//! usage: progenitor URL FAILING_URL
//!
//! Prints its results, as `jsonapi_client.mjs` does.

use std::env;

progenitor::generate_api!("tool.json");

use types::{ToolBody, ToolMetadata, ToolResult};

fn memory() -> ToolBody {
    let metadata = ToolMetadata {
        tags: vec!["a".to_owned(), "b".to_owned()],
        ..ToolMetadata::default()
    };
    ToolBody {
        entity_id: "rob".parse().unwrap(),
        domain: "work".parse().unwrap(),
        content: "Rob prefers mornings. „☃“".parse().unwrap(),
        timestamp: Some("2026-01-27T03:14:22Z".parse().unwrap()),
        metadata: Some(metadata),
    }
}

async fn send(url: &str, memory: &ToolBody) -> Result<ToolResult, String> {
    match Client::new(url).store_memory(memory).await {
        Ok(answer) => Ok(answer.into_inner()),
        Err(Error::ErrorResponse(refusal)) => Err(refusal.into_inner().error),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let [url, failing] = [1, 2].map(|place| env::args().nth(place).unwrap());
    let faulty = ToolBody {
        domain: "é".repeat(76).parse().unwrap(),
        timestamp: Some("1969-12-31T00:00:00Z".parse().unwrap()),
        ..memory()
    };
    let first = send(&url, &memory()).await.unwrap();
    let again = send(&url, &memory()).await.unwrap();
    let seen = serde_json::json!({
        "id": first.memory_id,
        "s3_key": first.s3_key,
        "repeated": again.memory_id,
        "refused": send(&url, &faulty).await.unwrap_err(),
        "failed": send(&failing, &memory()).await.unwrap_err(),
    });
    println!("{seen}");
}
