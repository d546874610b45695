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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    /// A folder with files under these paths.
    fn tree(paths: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for path in paths {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "x").unwrap();
        }
        folder
    }

    fn list(folder: &TempDir, prefix: &str, after: &str, limit: usize) -> io::Result<Vec<String>> {
        let mut listing = Listing {
            prefix,
            after,
            limit,
            found: Vec::new(),
        };
        listing.walk(folder.path(), "")?;
        Ok(listing.found.into_iter().map(|(key, _)| key).collect())
    }

    fn keys(folder: &TempDir, prefix: &str, after: &str) -> Vec<String> {
        list(folder, prefix, after, 99).unwrap()
    }

    #[test]
    fn keys_are_in_the_order_of_their_bytes_and_not_of_their_folders() {
        let folder = tree(&["a0", "a/b", "a.b", "a-b", "a/b.c", "ab", "A", "é", "z"]);
        let ordered = ["A", "a-b", "a.b", "a/b", "a/b.c", "a0", "ab", "z", "é"];
        assert_eq!(keys(&folder, "", ""), ordered);
    }

    #[test]
    fn a_prefix_may_end_within_a_name() {
        let folder = tree(&["ab/1", "ab/2", "abc/1", "b/1"]);
        assert_eq!(keys(&folder, "ab", ""), ["ab/1", "ab/2", "abc/1"]);
        assert_eq!(keys(&folder, "ab/", ""), ["ab/1", "ab/2"]);
        assert_eq!(keys(&folder, "ab/2", ""), ["ab/2"]);
        assert_eq!(keys(&folder, "ab/2/", ""), [""; 0]);
        assert_eq!(keys(&folder, "c", ""), [""; 0]);
    }

    #[test]
    fn only_keys_after_the_given_one_are_listed_whether_it_exists_or_not() {
        let folder = tree(&["a/1", "a/2", "a/3/x", "b"]);
        assert_eq!(keys(&folder, "", "a/1"), ["a/2", "a/3/x", "b"]);
        assert_eq!(keys(&folder, "", "a/11"), ["a/2", "a/3/x", "b"]);
        assert_eq!(keys(&folder, "", "a/3/x"), ["b"]);
        assert_eq!(keys(&folder, "", "a0"), ["b"]);
        assert_eq!(keys(&folder, "a/", "a/2"), ["a/3/x"]);
        assert_eq!(keys(&folder, "", "b"), [""; 0]);
    }

    #[test]
    fn a_listing_ends_at_its_limit() {
        let folder = tree(&["a/1", "a/2", "b/1"]);
        assert_eq!(list(&folder, "", "", 2).unwrap(), ["a/1", "a/2"]);
        assert_eq!(list(&folder, "", "a/1", 1).unwrap(), ["a/2"]);
    }

    #[test]
    fn the_pieces_of_a_long_component_are_joined_again() {
        let folder = tree(&["long+/er", "long+/est+/x/y", "longe", "m"]);
        assert_eq!(
            keys(&folder, "", ""),
            ["longe", "longer", "longestx/y", "m"]
        );
        assert_eq!(keys(&folder, "longest", ""), ["longestx/y"]);
    }

    #[test]
    fn a_link_is_listed_as_a_key_and_never_followed() {
        let (folder, elsewhere) = (tree(&["a", "c"]), tree(&["inside"]));
        symlink(elsewhere.path(), folder.path().join("b")).unwrap();
        assert_eq!(keys(&folder, "", ""), ["a", "b", "c"]);
        assert_eq!(keys(&folder, "", "b"), ["c"], "it was reported by then");
        assert_eq!(keys(&folder, "c", ""), ["c"], "it is not on the way");
    }

    #[test]
    fn a_link_on_the_way_to_a_prefix_is_an_error_and_not_an_empty_listing() {
        let (folder, elsewhere) = (tree(&["a"]), tree(&["inside"]));
        symlink(elsewhere.path(), folder.path().join("b")).unwrap();
        assert!(list(&folder, "b/", "", 9).is_err());
        assert!(list(&folder, "b/inside", "", 9).is_err());
        assert!(list(&folder, "bc", "", 9).unwrap().is_empty());
    }

    #[test]
    fn a_folder_that_was_removed_meanwhile_is_empty() {
        let folder = tree(&["a"]);
        let mut children = Vec::new();
        children_of(&folder.path().join("gone"), "gone/", &mut children).unwrap();
        assert!(children.is_empty());
        let file = children_of(&folder.path().join("a"), "a/", &mut children);
        assert!(file.is_err(), "a file is not a folder that was removed");
    }
}
