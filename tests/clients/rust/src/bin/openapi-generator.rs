//! Does a backend's work with the client that openapi-generator generates from the view jsonapi.json.
//!
//! usage: openapi-generator URL FAILING_URL
//!
//! Prints its results, as `jsonapi_client.mjs` does.

use std::env;

use memory_client::apis::configuration::Configuration;
use memory_client::apis::memories_api::store_memory;
use memory_client::apis::{Error, ResponseContent};
use memory_client::models::{
    ErrorDocument, MemoryAttributes, MemoryCreate, MemoryCreateDocument, MemoryResource,
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
    let seen = serde_json::json!({
        "id": first.id,
        "s3_key": first.meta.s3_key,
        "repeated": again.id,
        "refused": send(&url, faulty).await.unwrap_err(),
        "failed": send(&failing, memory()).await.unwrap_err(),
    });
    println!("{seen}");
}
