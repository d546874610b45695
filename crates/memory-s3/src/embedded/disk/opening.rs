//! Opening a data folder: it is made durable, and its disk is tried out before the first memory.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use uuid::Uuid;

use super::super::bucket::BUCKET;
use super::super::key::CUT;
use super::super::listing::Kept;
use super::super::permissions::{OpenFolder, make_folder};
use super::spelling::Spelling;
use super::{Disk, LinkError, UNCOMMITTED};

/// The age at which a temporary file cannot belong to a write any more: a write takes seconds.
const ABANDONED_AFTER: Duration = Duration::from_secs(60 * 60);

/// Why a data folder cannot be used: one sentence for its owner.
#[derive(Debug)]
pub struct DataFolderError(String);

impl fmt::Display for DataFolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DataFolderError {}

impl Disk {
    /// Opens a folder for writing, and makes it if only its last component is missing.
    ///
    /// # Errors
    /// [`DataFolderError`] if the folder cannot be made or written, or its disk cannot keep a log.
    pub fn create(folder: &Path) -> Result<Self, DataFolderError> {
        let shown = folder.display();
        let mut disk = Self::at(folder);
        let prepared = disk.prepare(folder).map_err(|error| {
            let advice = "name another with --data";
            DataFolderError(if error.kind() == ErrorKind::NotFound {
                format!(
                    "The data folder {shown} cannot be made, because the folder around it does not exist: make that, or \
                     {advice}."
                )
            } else if folder.is_file() {
                format!("The data folder {shown} is a file: {advice}.")
            } else {
                format!("The data folder {shown} cannot be written ({error}): {advice}.")
            })
        });
        disk.spelling.is_folded = prepared?;
        Ok(disk)
    }

    /// Opens a folder for reading; it must hold a bucket.
    ///
    /// # Errors
    /// [`DataFolderError`] if the folder has no bucket, or the bucket cannot be read.
    pub fn open(folder: &Path) -> Result<Self, DataFolderError> {
        let disk = Self::at(folder);
        match fs::read_dir(&disk.bucket) {
            Ok(_) => Ok(disk),
            Err(error) => Err(DataFolderError(format!(
                "There is no data folder at {}, because its folder {BUCKET:?} cannot be read ({error}): name another with --data.",
                folder.display()
            ))),
        }
    }

    /// The data folder, if other users of the machine may use it.
    #[must_use]
    pub fn open_to_others(&self) -> Option<OpenFolder> {
        OpenFolder::find(&self.folder)
    }

    fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            bucket: folder.join(BUCKET),
            uncommitted: folder.join(UNCOMMITTED),
            durable: Mutex::default(),
            failed: AtomicBool::new(false),
            listings: Kept::default(),
            spelling: Spelling::default(),
            replacing: Mutex::default(),
        }
    }

    /// Makes the folders durable. True if the disk takes two cases for one name.
    fn prepare(&self, folder: &Path) -> io::Result<bool> {
        let is_new = make_folder(folder)?;
        make_folder(&self.bucket)?;
        make_folder(&self.uncommitted)?;
        self.sync_folder(folder)?;
        match self.sync_folder(around(folder)) {
            // We may not open it, and we have put nothing into it.
            Err(error) if error.kind() == ErrorKind::PermissionDenied && !is_new => {}
            synced => synced?,
        }
        self.remove_abandoned();
        self.probe()
    }

    /// Does what a put does, so that a disk that cannot do it is found at the start and not by the
    /// first memory.
    fn probe(&self) -> io::Result<bool> {
        let name = Uuid::new_v4();
        // A folder with this name is not part of any key.
        let made = self.bucket.join(format!("probe-{name}{CUT}"));
        make_folder(&made)?;
        let is_folded = self.bucket.join(format!("PROBE-{name}{CUT}")).exists();
        fs::remove_dir(&made)?;
        if fs::metadata(&self.bucket)?.dev() != fs::metadata(&self.uncommitted)?.dev() {
            let two = "its folders are on two file systems";
            return Err(io::Error::new(ErrorKind::CrossesDevices, two));
        }
        let temporary = self.write_uncommitted(b"").map_err(LinkError::cause)?;
        let linked = self.uncommitted.join(format!("probe-{name}"));
        let outcome = fs::hard_link(&temporary, &linked);
        fs::remove_file(&temporary)?;
        outcome?;
        fs::remove_file(linked)?;
        Ok(is_folded)
    }

    /// Removes temporary files of killed processes. One that cannot be removed does no harm.
    fn remove_abandoned(&self) {
        let entries = fs::read_dir(&self.uncommitted)
            .into_iter()
            .flatten()
            .flatten();
        for entry in entries {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let age = modified.ok().and_then(|modified| modified.elapsed().ok());
            if age.is_some_and(|age| age > ABANDONED_AFTER) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// The folder that has the name of this one. A relative path of one component has an empty parent.
pub(super) fn around(folder: &Path) -> &Path {
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
