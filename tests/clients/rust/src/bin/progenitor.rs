//! Does a backend's work with the client that progenitor generates from the view tool.json.
//!
//! usage: progenitor URL FAILING_URL
//!
//! Prints its results, as `jsonapi_client.mjs` does.

use std::env;

progenitor::generate_api!("tool.json");

use types::{
    FlatReceipt, MemoryChange, MemoryChangeAttributes, MemoryChangeDocument, MemoryStatus,
    ResourceType, ToolBody, ToolError, ToolMetadata, ToolResult,
};

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

/// What is found, listed in pages of one, and got.
async fn recall(url: &str, id: uuid::Uuid) -> serde_json::Value {
    let client = Client::new(url);
    let domain = "work".parse().unwrap();
    let entity = "rob".parse().unwrap();
    let list = async |after: Option<&str>| {
        let (one, domain, entity) = (1.try_into().ok(), Some(&domain), Some(&entity));
        let page = client.list_memories(
            domain, entity, None, None, None, None, None, None, after, one, None,
        );
        page.await.unwrap().into_inner()
    };
    let newest = list(None).await;
    let oldest = list(newest.next.as_deref()).await;
    let domain = "work".parse().unwrap();
    let entity = "rob".parse().unwrap();
    let query = "mornings".parse().unwrap();
    let found = client.search_memories(
        Some(&domain),
        Some(&entity),
        None,
        &query,
        None,
        None,
        None,
        None,
        None,
        None,
    );
    let found = found.await.unwrap().into_inner().memories;
    let found: Vec<_> = found.iter().map(|hit| hit.memory_id).collect();
    let domain = "work".parse().unwrap();
    let entity = "rob".parse().unwrap();
    let got = client.get_memory(&id, None, Some(&domain), Some(&entity), None, None);
    let listed = newest.memories.iter().chain(&oldest.memories);
    let listed: Vec<_> = listed.map(|memory| &memory.content).collect();
    serde_json::json!([
        found,
        listed,
        got.await.unwrap().into_inner().memory.content
    ])
}

/// What a call came to, and the tag of the state that it saw.
type Told = (String, String);

/// The statuses that the client gives a memory, and the HTTP statuses of what it must not do.
async fn life(url: &str, id: uuid::Uuid) -> Vec<String> {
    let client = Client::new(url);
    // Each operation has types of its own for its parameters.
    let (domain, entity) = ("work".parse().unwrap(), "rob".parse().unwrap());
    let patch = async |status, tag: Option<&str>| {
        let data = MemoryChange {
            attributes: MemoryChangeAttributes { status },
            id,
            type_: ResourceType::Memories,
        };
        let document = MemoryChangeDocument { data, meta: None };
        let (domain, entity) = (Some(&domain), Some(&entity));
        let changed = client.change_memory(&id, None, domain, entity, None, tag, &document);
        told(changed.await)
    };
    let delete = async || {
        let (domain, entity) = ("work".parse().unwrap(), "rob".parse().unwrap());
        let (domain, entity) = (Some(&domain), Some(&entity));
        told(client.delete_memory(&id, None, domain, entity, None, None).await)
    };
    let verified = patch(MemoryStatus::Verified, None).await;
    let locked = patch(MemoryStatus::Locked, None).await;
    let kept = delete().await;
    let unseen = patch(MemoryStatus::Verified, None).await;
    let stale = patch(MemoryStatus::Verified, Some("\"0-1f\"")).await;
    let unlocked = patch(MemoryStatus::Verified, Some(&locked.1)).await;
    let deleted = delete().await;
    let (domain, entity) = ("work".parse().unwrap(), "rob".parse().unwrap());
    let gone = client.get_memory(&id, None, Some(&domain), Some(&entity), None, None);
    let gone = refused(gone.await.unwrap_err());
    let restored = patch(MemoryStatus::Unverified, Some(&gone.1)).await;
    let steps = [
        verified, locked, kept, unseen, stale, unlocked, deleted, gone, restored,
    ];
    steps.into_iter().map(|(word, _)| word).collect()
}

fn told(answer: Result<ResponseValue<FlatReceipt>, Error<ToolError>>) -> Told {
    match answer {
        Ok(changed) => {
            let tag = changed.headers()["etag"].to_str().unwrap().to_owned();
            (changed.into_inner().memory_status, tag)
        }
        Err(error) => refused(error),
    }
}

fn refused(error: Error<ToolError>) -> Told {
    let Error::ErrorResponse(refusal) = error else {
        panic!("{error}");
    };
    let tag = refusal.headers().get("etag");
    let tag = tag.map_or("", |tag| tag.to_str().unwrap());
    (refusal.status().as_str().to_owned(), tag.to_owned())
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
    let later = ToolBody {
        content: "Rob drinks tea.".parse().unwrap(),
        timestamp: Some("2026-01-28T03:14:22Z".parse().unwrap()),
        ..memory()
    };
    send(&url, &later).await.unwrap();
    let recalled = recall(&url, first.memory_id).await;
    let seen = serde_json::json!({
        "id": first.memory_id,
        "s3_key": first.s3_key,
        "repeated": again.memory_id,
        "refused": send(&url, &faulty).await.unwrap_err(),
        "failed": send(&failing, &memory()).await.unwrap_err(),
        "found": recalled[0],
        "listed": recalled[1],
        "got": recalled[2],
        "changed": life(&url, first.memory_id).await,
    });
    println!("{seen}");
}
