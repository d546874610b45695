//! Does a backend's work with the client that openapi-generator generates from the view jsonapi.json.
//!
//! usage: openapi-generator URL FAILING_URL
//!
//! Prints its results, as `jsonapi_client.mjs` does.

use std::env;

use memory_client::apis::configuration::Configuration;
use memory_client::apis::memories_api::{
    change_memory, delete_memory, get_memory, list_memories, search_memories, store_memory,
};
use memory_client::apis::{Error, ResponseContent};
use memory_client::models::memory_change_attributes::Status;
use memory_client::models::{
    ChangedDocument, ErrorDocument, MemoryAttributes, MemoryChange, MemoryChangeAttributes,
    MemoryChangeDocument, MemoryCreate, MemoryCreateDocument, MemoryResource, memory_change,
    memory_create,
};

fn memory() -> MemoryAttributes {
    let repository_id = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d".parse().unwrap();
    MemoryAttributes {
        memory_type: Some("habit".to_owned()),
        tags: Some(vec!["a".to_owned(), "b".to_owned()]),
        timestamp: Some("2026-01-27T03:14:22Z".parse().unwrap()),
        ..MemoryAttributes::new("Rob prefers mornings. „☃“".to_owned(), repository_id)
    }
}

/// Sends a memory. Returns its resource, or the text of a refusal.
///
/// The client guesses the type of an error document by trying each, so this function parses the text itself.
async fn send(url: &str, attributes: MemoryAttributes) -> Result<MemoryResource, String> {
    let configuration = Configuration {
        base_path: url.to_owned(),
        ..Configuration::default()
    };
    let create = MemoryCreate::new(memory_create::Type::Memories, attributes);
    match store_memory(&configuration, MemoryCreateDocument::new(create)).await {
        Ok(document) => Ok(*document.data),
        Err(Error::ResponseError(ResponseContent { content, .. })) => {
            let document: ErrorDocument = serde_json::from_str(&content).unwrap();
            let words = document.errors.iter().map(|error| error.detail.clone());
            Err(words.collect::<Vec<_>>().join(" "))
        }
        Err(error) => panic!("{error}"),
    }
}

const REPOSITORY: Option<&str> = Some("9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d");

/// What is found, listed in pages of one, and got. Of the parameters the client names brackets in words.
async fn recall(url: &str, id: &str) -> Result<serde_json::Value, String> {
    let configuration = Configuration {
        base_path: url.to_owned(),
        ..Configuration::default()
    };
    let list = async |after: Option<&str>| {
        let none = None;
        list_memories(
            &configuration,
            REPOSITORY,
            none,
            none,
            none,
            none,
            none,
            none,
            none,
            none,
            Some(1),
            after,
        )
        .await
        .map_err(|error| error.to_string())
    };
    let newest = list(None).await?;
    let next = newest.links.map(|links| links.next).unwrap_or_default();
    let cursor = next.rsplit('=').next();
    let oldest = list(cursor).await?;
    let found = search_memories(
        &configuration,
        "mornings",
        REPOSITORY,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
    )
    .await
    .map_err(|error| error.to_string())?;
    let got = get_memory(&configuration, id, REPOSITORY, None, None, None, None)
        .await
        .map_err(|error| error.to_string())?;
    let found: Vec<_> = found.data.iter().map(|hit| hit.id.to_string()).collect();
    let listed = newest.data.iter().chain(&oldest.data);
    let listed: Vec<_> = listed
        .map(|memory| memory.attributes.content.clone())
        .collect();
    Ok(serde_json::json!([
        found,
        listed,
        got.data.attributes.content
    ]))
}

/// The statuses that the client gives a memory, and the HTTP statuses of what it must not do.
///
/// The client shows no header of a response, so a tag is made of the number in the receipt.
async fn life(url: &str, id: uuid::Uuid) -> Vec<String> {
    let configuration = Configuration {
        base_path: url.to_owned(),
        ..Configuration::default()
    };
    let path = id.to_string();
    let patch = async |status, tag: Option<&str>| {
        let attributes = MemoryChangeAttributes::new(status);
        let change = MemoryChange::new(memory_change::Type::Memories, id, attributes);
        let document = MemoryChangeDocument::new(change);
        told(change_memory(&configuration, &path, document, REPOSITORY, None, None, None, tag).await)
    };
    let delete = async || {
        told(delete_memory(&configuration, &path, REPOSITORY, None, None, None, None).await)
    };
    let verified = patch(Status::Verified, None).await;
    let locked = patch(Status::Locked, None).await;
    let kept = delete().await;
    let unseen = patch(Status::Verified, None).await;
    let stale = patch(Status::Verified, Some("\"0-1j\"")).await;
    let unlocked = patch(Status::Verified, Some(&locked.1)).await;
    let deleted = delete().await;
    let gone = match get_memory(&configuration, &path, REPOSITORY, None, None, None, None).await {
        Err(Error::ResponseError(ResponseContent { status, .. })) => status.as_str().to_owned(),
        other => panic!("{other:?}"),
    };
    let restored = patch(Status::Unverified, Some(&deleted.1)).await;
    let steps = [verified, locked, kept, unseen, stale, unlocked, deleted];
    let words = steps.into_iter().map(|(word, _)| word);
    words.chain([gone, restored.0]).collect()
}

/// What a change came to, and the tag of the state that it made.
fn told<E: std::fmt::Debug>(answer: Result<ChangedDocument, Error<E>>) -> (String, String) {
    match answer {
        Ok(changed) => {
            let tag = format!("\"{}-1j\"", changed.meta.seq);
            (changed.meta.status, tag)
        }
        Err(Error::ResponseError(ResponseContent { status, .. })) => {
            (status.as_str().to_owned(), String::new())
        }
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let [url, failing] = [1, 2].map(|place| env::args().nth(place).unwrap());
    let faulty = MemoryAttributes {
        memory_type: Some("é".repeat(76)),
        timestamp: Some("1969-12-31T00:00:00Z".parse().unwrap()),
        ..memory()
    };
    let first = send(&url, memory()).await.unwrap();
    let again = send(&url, memory()).await.unwrap();
    let later = MemoryAttributes {
        content: "Rob drinks tea.".to_owned(),
        timestamp: Some("2026-01-28T03:14:22Z".parse().unwrap()),
        ..memory()
    };
    send(&url, later).await.unwrap();
    let recalled = recall(&url, &first.id.to_string()).await.unwrap();
    let seen = serde_json::json!({
        "id": first.id,
        "s3_key": first.meta.s3_key,
        "repeated": again.id,
        "refused": send(&url, faulty).await.unwrap_err(),
        "failed": send(&failing, memory()).await.unwrap_err(),
        "found": recalled[0],
        "listed": recalled[1],
        "got": recalled[2],
        "changed": life(&url, first.id).await,
    });
    println!("{seen}");
}
