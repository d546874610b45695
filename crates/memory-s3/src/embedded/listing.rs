//! The keys of a folder tree in S3's order, without walking folders that a page does not need.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::key::CUT;

/// Collects keys in the order of their UTF-8 bytes.
pub(super) struct Listing<'a> {
    pub(super) prefix: &'a str,
    /// Only keys greater than this are listed.
    pub(super) after: &'a str,
    pub(super) limit: usize,
    pub(super) found: Vec<(String, PathBuf)>,
}

struct Child {
    /// The key so far; a folder's ends with a slash, so that the order of children is the order of
    /// their keys.
    key: String,
    path: PathBuf,
    kind: Kind,
}

enum Kind {
    File,
    Folder,
    /// Unreadable: keys with this prefix may exist.
    Opaque {
        beginning: String,
        why: io::Error,
    },
}

impl Listing<'_> {
    /// Walks a folder whose keys begin with `key`, until the limit is reached.
    ///
    /// A folder that cannot be read is never skipped silently. It is listed as a key of its own, which
    /// cannot be read either; or it is an error, if that key is not one of those asked for.
    pub(super) fn walk(&mut self, folder: &Path, key: &str) -> io::Result<()> {
        let mut children = Vec::new();
        children_of(folder, key, &mut children)?;
        children.sort_by(|a, b| a.key.cmp(&b.key));
        for Child { key, path, kind } in children {
            if self.found.len() >= self.limit {
                return Ok(());
            }
            match kind {
                Kind::File if self.wants(&key) => self.found.push((key, path)),
                Kind::File => {}
                Kind::Folder if !self.may_hold(&key) => {}
                Kind::Folder => {
                    if let Err(why) = self.walk(&path, &key) {
                        self.report(key.clone(), path, &key, why)?;
                    }
                }
                Kind::Opaque { beginning, why } => self.report(key, path, &beginning, why)?,
            }
        }
        Ok(())
    }

    fn wants(&self, key: &str) -> bool {
        key.starts_with(self.prefix) && key > self.after
    }

    /// Whether a key with this beginning can have the prefix and be greater than `after`.
    fn may_hold(&self, beginning: &str) -> bool {
        self.is_on_the_way(beginning)
            && (beginning > self.after || self.after.starts_with(beginning))
    }

    fn is_on_the_way(&self, beginning: &str) -> bool {
        beginning.starts_with(self.prefix) || self.prefix.starts_with(beginning)
    }

    fn report(
        &mut self,
        key: String,
        path: PathBuf,
        beginning: &str,
        why: io::Error,
    ) -> io::Result<()> {
        let was_reported =
            key == self.after || key.as_str() < self.after && !self.after.starts_with(beginning);
        if self.wants(&key) {
            self.found.push((key, path));
        } else if self.is_on_the_way(beginning) && !was_reported {
            return Err(why);
        }
        Ok(())
    }
}

/// The entries of a folder, with the pieces of cut components joined again.
fn children_of(folder: &Path, key: &str, children: &mut Vec<Child>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // It was removed after its parent was read.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let key = format!("{key}{}", name.to_string_lossy());
        let kind = entry.file_type()?;
        let child = match key.strip_suffix(CUT) {
            Some(piece) if kind.is_dir() => match children_of(&path, piece, children) {
                Ok(()) => continue,
                Err(why) => {
                    let beginning = piece.to_owned();
                    Child {
                        key: piece.to_owned(),
                        path,
                        kind: Kind::Opaque { beginning, why },
                    }
                }
            },
            _ if kind.is_dir() => Child {
                key: format!("{key}/"),
                path,
                kind: Kind::Folder,
            },
            _ if kind.is_symlink() => {
                let (beginning, why) = (
                    format!("{key}/"),
                    io::Error::other("a link, which is not followed"),
                );
                Child {
                    key,
                    path,
                    kind: Kind::Opaque { beginning, why },
                }
            }
            _ => Child {
                key,
                path,
                kind: Kind::File,
            },
        };
        children.push(child);
    }
    Ok(())
}
