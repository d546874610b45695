//! The keys of a folder tree, in S3's order, without walking what a page does not need.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::key::CUT;

/// Collects keys in the order of their UTF-8 bytes.
pub(super) struct Listing<'a> {
    pub(super) prefix: &'a str,
    /// Only greater keys are listed.
    pub(super) after: &'a str,
    pub(super) limit: usize,
    pub(super) found: Vec<(String, PathBuf)>,
}

struct Child {
    /// The key so far; a folder's ends with a slash, so that the order of children is the order of
    /// their keys.
    key: String,
    path: PathBuf,
}

impl Listing<'_> {
    /// Walks a folder whose keys begin with `key`, until the limit is reached. A folder that cannot
    /// be read is listed as a key of its own, which nobody can get: it is not passed over in silence.
    pub(super) fn walk(&mut self, folder: &Path, key: &str) -> io::Result<()> {
        let mut children = Vec::new();
        children_of(folder, key, &mut children)?;
        children.sort_by(|a, b| a.key.cmp(&b.key));
        for Child { key, path } in children {
            if self.found.len() >= self.limit {
                return Ok(());
            }
            let is_folder = key.ends_with('/');
            let is_walked = is_folder && (!self.may_hold(&key) || self.walk(&path, &key).is_ok());
            if !is_walked && key.starts_with(self.prefix) && key.as_str() > self.after {
                self.found.push((key, path));
            }
        }
        Ok(())
    }

    /// Whether a key that begins so can have the prefix and be greater than `after`.
    fn may_hold(&self, beginning: &str) -> bool {
        let has_prefix = beginning.starts_with(self.prefix) || self.prefix.starts_with(beginning);
        has_prefix && (beginning > self.after || self.after.starts_with(beginning))
    }
}

/// What a folder holds, a component's pieces put together again.
fn children_of(folder: &Path, key: &str, children: &mut Vec<Child>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // Removed by its owner since its parent was read.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let path = entry.path();
        let is_folder = entry.file_type()?.is_dir();
        match name.strip_suffix(CUT) {
            Some(piece) if is_folder => children_of(&path, &format!("{key}{piece}"), children)?,
            _ if is_folder => children.push(Child {
                key: format!("{key}{name}/"),
                path,
            }),
            _ => children.push(Child {
                key: format!("{key}{name}"),
                path,
            }),
        }
    }
    Ok(())
}
