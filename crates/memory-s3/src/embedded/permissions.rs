//! Who may use a data folder: its owner alone, because memories are personal.
//!
//! What is made here is 0700 (folders) and 0600 (files), whatever the umask. What was there before
//! keeps its mode, and a folder that others may use is reported. The module must not know objects.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// The permissions of everybody except the owner.
const OF_OTHERS: u32 = 0o077;
/// The permissions in a mode, without the bits that say what kind of file it is.
const PERMISSIONS: u32 = 0o777;

/// A data folder that other users of the machine may use: one sentence for its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFolder {
    folder: PathBuf,
    mode: u32,
}

impl OpenFolder {
    /// Looks at a folder; `None` if only its owner may use it.
    pub(super) fn find(folder: &Path) -> Option<Self> {
        let mode = fs::metadata(folder).ok()?.mode() & PERMISSIONS;
        (mode & OF_OTHERS != 0).then(|| Self {
            folder: folder.to_owned(),
            mode,
        })
    }
}

impl fmt::Display for OpenFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = self.folder.display();
        write!(
            f,
            "The data folder {folder} is open to other users of this machine (its mode is {:04o}): close it with \
             chmod 700 {}",
            self.mode,
            quoted(&folder.to_string())
        )
    }
}

/// A path as a word of a shell.
fn quoted(path: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%".contains(c);
    if !path.is_empty() && path.chars().all(is_plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

/// Makes a folder for its owner alone. True if it was missing.
pub(super) fn make_folder(path: &Path) -> io::Result<bool> {
    match DirBuilder::new().mode(FOLDER_MODE).create(path) {
        Ok(()) => {
            // A umask can only take permissions away, from the owner too.
            if fs::symlink_metadata(path)?.mode() & FOLDER_MODE != FOLDER_MODE {
                fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE))?;
            }
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes a file for its owner alone, and opens it for writing. It must not exist.
pub(super) fn make_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)?;
    if file.metadata()?.mode() & FILE_MODE != FILE_MODE {
        file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_that_others_may_use_is_found_open() {
        let folder = tempfile::tempdir().unwrap();
        let found = |mode: u32| {
            fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
            OpenFolder::find(folder.path()).map(|open| open.mode)
        };
        for (mode, open) in [
            (0o700, None),
            (0o1700, None),
            (0o701, Some(0o701)),
            (0o740, Some(0o740)),
            (0o2750, Some(0o750)),
        ] {
            assert_eq!(found(mode), open, "{mode:o}");
        }
    }

    #[test]
    fn a_folder_that_is_there_is_not_new_and_a_file_is_no_folder() {
        let around = tempfile::tempdir().unwrap();
        let folder = around.path().join("folder");
        assert!(make_folder(&folder).unwrap());
        assert!(!make_folder(&folder).unwrap());
        fs::write(folder.join("file"), "").unwrap();
        assert!(make_folder(&folder.join("file")).is_err());
        assert!(make_folder(&folder.join("a/b")).is_err());
        assert!(make_file(&folder.join("file")).is_err(), "it exists");
    }

    #[test]
    fn an_open_folder_is_named_with_its_mode_and_the_command_that_closes_it() {
        let said = |folder: &str, mode: u32| {
            let folder = folder.into();
            OpenFolder { folder, mode }.to_string()
        };
        assert_eq!(
            said("./memory-data", 0o755),
            "The data folder ./memory-data is open to other users of this machine (its mode is 0755): close it with \
             chmod 700 ./memory-data"
        );
        assert!(said("a b", 0o701).ends_with("chmod 700 'a b'"));
        assert!(said("it's", 0o750).ends_with(r"chmod 700 'it'\''s'"));
        assert!(said("a;b", 0o710).contains("(its mode is 0710)"));
        assert!(said("a;b", 0o710).ends_with("chmod 700 'a;b'"));
    }
}
