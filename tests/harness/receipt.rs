//! The receipt of a memory that the service has stored.

use serde_json::Value;

use crate::process::Server;

impl Server {
    /// Stores one memory and returns its key.
    pub(crate) async fn store(&self, body: impl Into<String>) -> String {
        let answer = self.post(body).await.unwrap();
        assert_eq!(answer.status(), 201);
        key(&answer.bytes().await.unwrap())
    }
}

/// The key in the tool's response.
pub(crate) fn key(answer: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(answer).unwrap();
    answer["s3_key"].as_str().unwrap().to_owned()
}
