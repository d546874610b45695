//! A memory for a data folder, and the objects in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use memory_s3::embedded::BUCKET;

/// The tool's body of a memory of this entity.
pub(crate) fn memory(entity_id: &str, content: &str, timestamp: &str) -> String {
    serde_json::json!({"entity_id": entity_id, "domain": "work", "content": content, "timestamp": timestamp}).to_string()
}

/// Returns every object of a data folder: its key and its bytes.
pub(crate) fn stored(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let bucket = folder.join(BUCKET);
    let mut objects = BTreeMap::new();
    let mut folders = vec![bucket.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let key = path
                    .strip_prefix(&bucket)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .replace("+/", "");
                objects.insert(key, fs::read(&path).unwrap());
            }
        }
    }
    objects
}
