//! Changes of a memory's status, as a steward on this machine asks for them.

use memory_log::event::{Event, EventKey};
use reqwest::Response;
use serde_json::{Value, json};

use crate::process::Server;

impl Server {
    /// Asks for a status of a memory of the domain `work`.
    pub(crate) async fn change(
        &self,
        entity_id: &str,
        id: &str,
        status: &str,
    ) -> reqwest::Result<Response> {
        let url = format!(
            "{}/memory/{id}?filter[domain]=work&filter[entity_id]={entity_id}",
            self.url
        );
        let body =
            json!({"data": {"type": "memories", "id": id, "attributes": {"status": status}}});
        let request = self.client.patch(url).header("accept", "application/json");
        let request = request.header("content-type", "application/vnd.api+json");
        request.body(body.to_string()).send().await
    }
}

/// The id of the memory with this key.
pub(crate) fn id(key: &str) -> String {
    let (_, id) = key.rsplit_once('_').unwrap();
    id.strip_suffix(".json").unwrap().to_owned()
}

/// The key of the event that a receipt of a change rests on; `None` if the memory has had no change.
pub(crate) fn event_key(receipt: &[u8]) -> Option<String> {
    let receipt: Value = serde_json::from_slice(receipt).unwrap();
    receipt["s3_key"].as_str().map(str::to_owned)
}

/// An event of the log, which must be whole.
pub(crate) fn proved(key: &str, body: &[u8]) -> Event {
    let parsed = EventKey::parse(key).unwrap_or_else(|| panic!("{key} is foreign"));
    Event::read(parsed, body).unwrap_or_else(|defect| panic!("{key}: {defect}"))
}
