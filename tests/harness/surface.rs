//! The ways to send a memory, and what the response to each says about it.

use memory_web::http::Deadline;
use serde_json::{Value, json};

use crate::exchange::{Asked, JSON, JSON_API, ask, mcp};

/// `POST /memory` with this body and `Content-Type`.
pub(crate) fn post(media_type: &str, body: impl Into<Vec<u8>>) -> Asked {
    ask("POST", "/memory")
        .header("content-type", media_type)
        .body(body)
}

/// The tool's body, with the tool's response.
pub(crate) fn tool(body: impl Into<Vec<u8>>) -> Asked {
    post(JSON, body).header("accept", JSON)
}

/// The JSON:API document.
pub(crate) fn envelope(body: impl Into<Vec<u8>>) -> Asked {
    post(JSON_API, body)
}

impl Asked {
    pub(crate) fn with_deadline(mut self, deadline: Deadline) -> Self {
        self.deadline = Some(deadline);
        self
    }
}

/// What a caller knows after a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is stored under this key.
    Stored { key: String },
    /// It is not stored, or that is not known. A retry has this timestamp.
    Failed { known: &'static str, retry: String },
}

/// A way to send a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    Envelope,
    Tool,
    Mcp,
}

impl Surface {
    pub(crate) const ALL: [Self; 3] = [Self::Envelope, Self::Tool, Self::Mcp];

    /// A memory about this UUID.
    pub(crate) fn ask(self, uuid: &str, content: &str, timestamp: Option<&str>) -> Asked {
        let mut fields = match self {
            Self::Envelope => json!({"repository_id": uuid, "content": content}),
            Self::Tool | Self::Mcp => {
                json!({"domain": "repository", "entity_id": uuid, "content": content})
            }
        };
        if let Some(timestamp) = timestamp {
            fields["timestamp"] = json!(timestamp);
        }
        match self {
            Self::Envelope => {
                envelope(json!({"data": {"type": "memories", "attributes": fields}}).to_string())
            }
            Self::Tool => tool(fields.to_string()),
            Self::Mcp => {
                let params = json!({"name": "append_memory", "arguments": fields});
                let message =
                    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
                mcp(message.to_string())
            }
        }
    }

    /// Reads what a response says: from its members, or from its text if it has no members for it.
    pub(crate) fn told(self, answer: &Value) -> Told {
        let stored = |key: &Value| Told::Stored {
            key: key.as_str().expect("a key").to_owned(),
        };
        let flat = match self {
            Self::Envelope if answer.get("data").is_some() => {
                return stored(&answer["data"]["meta"]["s3_key"]);
            }
            Self::Envelope => {
                let meta = &answer["errors"][0]["meta"];
                let known = match meta["written"].as_str() {
                    Some("not_written") => "not_written",
                    Some("unknown") => "unknown",
                    _ => panic!("{answer} does not say what is known"),
                };
                let retry = meta["retry"]["timestamp"].as_str().unwrap().to_owned();
                return Told::Failed { known, retry };
            }
            Self::Tool => answer,
            Self::Mcp => &answer["result"]["structuredContent"],
        };
        if flat["status"] == "ok" {
            return stored(&flat["s3_key"]);
        }
        let words = flat["error"].as_str().unwrap();
        let known = match words {
            _ if words.contains("is not known") => "unknown",
            _ if words.contains("was not stored") => "not_written",
            _ => panic!("{words:?} does not say what is known"),
        };
        let (_, retry) = words.split_once("\"timestamp\":\"").expect("a timestamp");
        let retry = retry.split('"').next().unwrap().to_owned();
        Told::Failed { known, retry }
    }
}
