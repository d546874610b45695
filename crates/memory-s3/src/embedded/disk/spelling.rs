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

#[cfg(test)]
mod tests {
    use super::*;

    /// As a disk has it that takes two cases for one name. This one need not be such a disk: what counts is the listing.
    fn folded() -> Spelling {
        Spelling {
            is_folded: true,
            ..Spelling::default()
        }
    }

    #[test]
    fn a_name_in_another_case_is_told_as_it_is_listed() {
        let around = tempfile::tempdir().unwrap();
        fs::create_dir(around.path().join("Rob")).unwrap();
        let other = |spelling: &Spelling, name| spelling.other(&around.path().join(name)).unwrap();
        assert_eq!(other(&folded(), "rob"), Some("Rob".to_owned()));
        assert_eq!(other(&folded(), "Rob"), None);
        assert_eq!(other(&folded(), "ro"), None);
        assert_eq!(other(&Spelling::default(), "rob"), None);
    }

    #[test]
    fn a_folder_is_compared_once_and_those_that_are_remembered_have_an_end() {
        let around = tempfile::tempdir().unwrap();
        let path = around.path().join("Rob");
        let spelling = folded();
        for number in 1..FOLDERS_KNOWN_MAX {
            spelling.compared().insert(number.to_string().into());
        }
        fs::create_dir(&path).unwrap();
        assert_eq!(spelling.other(&path).unwrap(), None);
        assert_eq!(spelling.compared().len(), FOLDERS_KNOWN_MAX);
        drop(around);
        assert_eq!(spelling.other(&path).unwrap(), None, "it was compared");

        let around = tempfile::tempdir().unwrap();
        let path = around.path().join("Rob");
        fs::create_dir(&path).unwrap();
        assert_eq!(spelling.other(&path).unwrap(), None);
        assert_eq!(spelling.compared().len(), 1);
    }
}
