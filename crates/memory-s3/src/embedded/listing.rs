//! The keys of a folder tree in S3's order, without walking folders that a listing does not need.
//!
//! A listing reads each folder once, when it reaches it, however many pages it has. Between two pages
//! it is kept, with the names that are still to come.

use std::collections::VecDeque;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::vec;

use uuid::Uuid;

use super::key::CUT;

/// Most listings that are kept. One that is not kept reads its folders again.
const KEPT_MAX: usize = 4;

/// A walk over the keys in the order of their UTF-8 bytes.
#[derive(Debug)]
pub(super) struct Listing {
    prefix: String,
    /// Only keys greater than this are listed.
    after: String,
    /// The folders on the way to the next key, the innermost last: their children that are still to
    /// come, in order.
    open: Vec<vec::IntoIter<Child>>,
    /// A key that was looked for, and not yet taken.
    peeked: Option<(String, PathBuf)>,
}

/// Where the next page of a listing begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Continuation {
    /// The listing, if it is still kept.
    pub(super) listing: Uuid,
    /// The last key of the page before, which is enough without it.
    pub(super) after: String,
}

impl Continuation {
    /// Reads what `Display` writes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (listing, after) = text.split_once('/')?;
        Some(Self {
            listing: listing.parse().ok()?,
            after: after.to_owned(),
        })
    }
}

impl fmt::Display for Continuation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.listing, self.after)
    }
}

/// Listings of which another page may be asked for, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<VecDeque<(Uuid, Listing)>>);

impl Kept {
    /// Keeps a listing until its next page is asked for. Its name is new for each page, so a page that
    /// is asked for twice never gets the keys after it.
    pub(super) fn keep(&self, listing: Listing) -> Uuid {
        let name = Uuid::new_v4();
        let mut listings = self.listings();
        if listings.len() >= KEPT_MAX {
            listings.pop_front();
        }
        listings.push_back((name, listing));
        name
    }

    /// The listing of this name, if it is still kept. It is not kept any longer.
    pub(super) fn take(&self, name: Uuid) -> Option<Listing> {
        let mut listings = self.listings();
        let at = listings.iter().position(|(kept, _)| *kept == name)?;
        listings.remove(at).map(|(_, listing)| listing)
    }

    fn listings(&self) -> MutexGuard<'_, VecDeque<(Uuid, Listing)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Child {
    /// The key so far; a folder's ends with a slash, so that the order of children is the order of
    /// their keys.
    key: String,
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    File,
    Folder,
    /// Unreadable: keys with this prefix may exist.
    Opaque {
        beginning: String,
        why: io::Error,
    },
}

impl Listing {
    /// Begins with the keys of this folder that have the prefix and are greater than `after`.
    pub(super) fn begin(bucket: &Path, prefix: &str, after: &str) -> io::Result<Self> {
        let mut listing = Self {
            prefix: prefix.to_owned(),
            after: after.to_owned(),
            open: Vec::new(),
            peeked: None,
        };
        listing.enter(bucket, "")?;
        Ok(listing)
    }

    /// Whether this listing, whose last key was `after`, is one of this prefix.
    pub(super) fn continues(&self, prefix: &str, after: &str) -> bool {
        self.prefix == prefix
            && self
                .peeked
                .as_ref()
                .is_some_and(|(next, _)| **next > *after)
    }

    /// Whether a key follows.
    pub(super) fn has_next(&mut self) -> io::Result<bool> {
        if self.peeked.is_none() {
            self.peeked = self.walk()?;
        }
        Ok(self.peeked.is_some())
    }

    /// The next key, and its file.
    ///
    /// A folder that cannot be read is never skipped silently. It is listed as a key of its own, which
    /// cannot be read either; or it is an error, if that key is not one of those asked for.
    pub(super) fn next_key(&mut self) -> io::Result<Option<(String, PathBuf)>> {
        match self.peeked.take() {
            Some(peeked) => Ok(Some(peeked)),
            None => self.walk(),
        }
    }

    fn walk(&mut self) -> io::Result<Option<(String, PathBuf)>> {
        while let Some(children) = self.open.last_mut() {
            let Some(Child { key, path, kind }) = children.next() else {
                self.open.pop();
                continue;
            };
            let (beginning, why) = match kind {
                Kind::File if self.wants(&key) => return Ok(Some((key, path))),
                Kind::File => continue,
                Kind::Folder if !self.may_hold(&key) => continue,
                Kind::Folder => match self.enter(&path, &key) {
                    Ok(()) => continue,
                    Err(why) => (key.clone(), why),
                },
                Kind::Opaque { beginning, why } => (beginning, why),
            };
            if self.wants(&key) {
                return Ok(Some((key, path)));
            }
            let was_reported =
                key == self.after || key < self.after && !self.after.starts_with(&beginning);
            if self.is_on_the_way(&beginning) && !was_reported {
                return Err(why);
            }
        }
        Ok(None)
    }

    /// Reads a folder whose keys begin with `key`.
    fn enter(&mut self, folder: &Path, key: &str) -> io::Result<()> {
        let mut children = Vec::new();
        children_of(folder, key, &mut children)?;
        children.sort_by(|a, b| a.key.cmp(&b.key));
        self.open.push(children.into_iter());
        Ok(())
    }

    fn wants(&self, key: &str) -> bool {
        key.starts_with(&self.prefix) && key > self.after.as_str()
    }

    /// Whether a key with this beginning can have the prefix and be greater than `after`.
    fn may_hold(&self, beginning: &str) -> bool {
        self.is_on_the_way(beginning)
            && (beginning > self.after.as_str() || self.after.starts_with(beginning))
    }

    fn is_on_the_way(&self, beginning: &str) -> bool {
        beginning.starts_with(&self.prefix) || self.prefix.starts_with(beginning)
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
        let mut listing = Listing::begin(folder.path(), prefix, after)?;
        let mut keys = Vec::new();
        while keys.len() < limit {
            let Some((key, _)) = listing.next_key()? else {
                break;
            };
            keys.push(key);
        }
        Ok(keys)
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
        for after in ["b", "b0", "bc"] {
            assert_eq!(keys(&folder, "", after), ["c"], "it was reported by then");
        }
        assert_eq!(keys(&folder, "", "c"), [""; 0]);
        assert_eq!(keys(&folder, "c", ""), ["c"], "it is not on the way");
    }

    #[test]
    fn a_link_on_the_way_to_a_prefix_is_an_error_and_not_an_empty_listing() {
        let (folder, elsewhere) = (tree(&["a"]), tree(&["inside"]));
        symlink(elsewhere.path(), folder.path().join("b")).unwrap();
        assert!(list(&folder, "b/", "", 9).is_err());
        assert!(list(&folder, "b/inside", "", 9).is_err());
        assert!(list(&folder, "bc", "", 9).unwrap().is_empty());
        let after = list(&folder, "", "b/inside", 9);
        assert!(after.is_err(), "keys inside it may follow");
    }

    #[test]
    fn a_folder_is_read_only_if_a_wanted_key_may_lie_in_it() {
        let folder = tree(&[]);
        let may_hold = |prefix: &str, after: &str, beginning: &str| {
            let listing = Listing::begin(folder.path(), prefix, after).unwrap();
            listing.may_hold(beginning)
        };
        for (prefix, after, beginning) in [
            ("", "", "a/"),
            ("a/b", "", "a/"),
            ("a", "", "a/"),
            ("", "a/b", "a/"),
            ("", "a/b", "a/c/"),
            ("", "a/b", "b/"),
            ("a/", "a/b", "a/"),
        ] {
            assert!(
                may_hold(prefix, after, beginning),
                "{prefix} {after} {beginning}"
            );
        }
        for (prefix, after, beginning) in [
            ("a/b", "", "b/"),
            ("a/b", "", "a/c/"),
            ("", "b", "a/"),
            ("", "a/b", "a/a/"),
            ("b/", "a/b", "a/"),
            ("a/", "b", "a/"),
        ] {
            assert!(
                !may_hold(prefix, after, beginning),
                "{prefix} {after} {beginning}"
            );
        }
    }

    #[test]
    fn a_file_whose_name_ends_like_a_cut_is_a_key_of_its_own() {
        let folder = tree(&["a+", "b+/c"]);
        assert_eq!(keys(&folder, "", ""), ["a+", "bc"]);
    }

    #[test]
    fn a_continuation_is_read_only_as_it_is_written() {
        let continuation = Continuation {
            listing: Uuid::new_v4(),
            after: "a/b".to_owned(),
        };
        let text = continuation.to_string();
        assert_eq!(Continuation::parse(&text), Some(continuation));
        for near in ["", "a/b", &text.replace('/', "-"), &text[1..]] {
            assert_eq!(Continuation::parse(near), None, "{near}");
        }
    }

    #[test]
    fn a_listing_is_kept_for_one_page_and_continues_only_its_own() {
        let folder = tree(&["a/1", "a/2", "a/3"]);
        let kept = Kept::default();
        let begun = || {
            let mut listing = Listing::begin(folder.path(), "a/", "").unwrap();
            listing.next_key().unwrap();
            assert!(listing.has_next().unwrap());
            listing
        };
        let names: Vec<_> = (0..=KEPT_MAX).map(|_| kept.keep(begun())).collect();
        assert!(kept.take(names[0]).is_none(), "the oldest has gone");
        assert!(kept.take(Uuid::new_v4()).is_none());
        for name in &names[1..] {
            let listing = kept.take(*name).unwrap();
            assert!(kept.take(*name).is_none(), "once");
            assert!(listing.continues("a/", "a/1"));
            assert!(!listing.continues("a", "a/1") && !listing.continues("", "a/1"));
            // The key after the last one has been given by then.
            assert!(!listing.continues("a/", "a/2") && !listing.continues("a/", "a/3"));
        }
        let mut whole = begun();
        while whole.next_key().unwrap().is_some() {}
        assert!(!whole.has_next().unwrap() && !whole.continues("a/", ""));
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
