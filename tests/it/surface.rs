//! The ways for a memory to come in, and what each tells of it.

use serde_json::{Value, json};

use crate::app::{Asked, envelope, mcp, tool};

/// What a caller knows after a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is stored under this key.
    Stored { key: String },
    /// It is not, or nobody knows; with this timestamp it may be sent again.
    Failed { known: &'static str, retry: String },
}

/// A way for a memory to come in.
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

    /// What its answer tells: by members where it has them, else by its words.
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
