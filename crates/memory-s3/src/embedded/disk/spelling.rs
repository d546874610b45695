//! Folders on a disk that takes `A` and `a` for one name (contract 7.6).
//!
//! There the folders of two names that differ in case only are one folder, and its keys would be mixed
//! up. So a folder that is there already must have the wanted name as the disk lists it. Names are
//! percent-encoded, and so ASCII: a disk that normalizes Unicode finds nothing to normalize.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::FOLDERS_KNOWN_MAX;

/// Whether folders have the names by which they are found.
#[derive(Debug, Default)]
pub(super) struct Spelling {
    /// Whether the disk takes two cases for one name. Elsewhere nothing is compared.
    pub(super) is_folded: bool,
    /// Folders that this process has compared, and that have their names.
    compared: Mutex<HashSet<PathBuf>>,
}

impl Spelling {
    /// The name of an existing folder as the disk lists it, if it is not the one in this path.
    pub(super) fn other(&self, folder: &Path) -> io::Result<Option<String>> {
        if !self.is_folded || self.compared().contains(folder) {
            return Ok(None);
        }
        let (Some(around), Some(wanted)) = (folder.parent(), folder.file_name()) else {
            return Ok(None);
        };
        let mut other = None;
        for entry in fs::read_dir(around)? {
            let name = entry?.file_name();
            if name == wanted {
                let mut compared = self.compared();
                if compared.len() >= FOLDERS_KNOWN_MAX {
                    compared.clear();
                }
                compared.insert(folder.to_owned());
                return Ok(None);
            }
            if name.eq_ignore_ascii_case(wanted) {
                other = Some(name.to_string_lossy().into_owned());
            }
        }
        Ok(other)
    }

    fn compared(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.compared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
