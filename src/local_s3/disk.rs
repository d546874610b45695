//! Objects as files, durable before anything is answered.
//!
//! A put writes a temporary file outside the bucket, syncs it, and links it to its name only if
//! none exists; then it syncs every folder whose new entry nothing proves to be on disk yet, also
//! where another process made it, before it says that the name is new *or taken*. A killed process
//! can leave a temporary file, never half an object.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use md5::{Digest, Md5};
use uuid::Uuid;

use super::BUCKET;
use super::key::Key;
use super::listing::Listing;

/// The folder of files that are not objects yet.
const UNCOMMITTED: &str = "uncommitted";
/// When a temporary file can belong to no write any more: a write takes seconds.
const ABANDONED_AFTER: Duration = Duration::from_secs(60 * 60);

/// A data folder.
#[derive(Debug)]
pub struct Disk {
    bucket: PathBuf,
    uncommitted: PathBuf,
    /// Folders that this process has seen to exist before it synced their parent.
    durable: Mutex<HashSet<PathBuf>>,
    /// A sync has failed. The kernel tells of a lost page once, so a later success would prove
    /// nothing.
    failed: AtomicBool,
}

/// What became of a file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Linked {
    /// It was free.
    New,
    /// It was taken.
    Taken,
    /// It is a folder, or a file is where it needs a folder: S3 has room for both, a disk has not.
    Unkeepable,
}

/// Why a data folder cannot be used: one sentence for its owner.
#[derive(Debug)]
pub struct Unusable(String);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unusable {}

pub(super) struct Page {
    pub(super) objects: Vec<Listed>,
    pub(super) is_truncated: bool,
}

pub(super) struct Listed {
    pub(super) key: String,
    pub(super) bytes: usize,
    pub(super) md5: [u8; 16],
    pub(super) modified: SystemTime,
}

impl Disk {
    /// Opens a folder for writing, and makes it where only its last component is missing.
    ///
    /// # Errors
    /// The folder cannot be made or written, or its disk cannot keep a log.
    pub fn create(folder: &Path) -> Result<Self, Unusable> {
        let shown = folder.display();
        let disk = Self::at(folder);
        let prepared = disk.prepare(folder).map_err(|error| {
            let advice = "name another with --data";
            Unusable(if error.kind() == ErrorKind::NotFound {
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
        if prepared? {
            Ok(disk)
        } else {
            Err(Unusable(format!(
                "The data folder {shown} is on a disk that takes A and a for one name, which would mix up keys: name a \
                 folder on a case-sensitive disk with --data."
            )))
        }
    }

    /// Opens a folder for reading; it must hold a bucket.
    ///
    /// # Errors
    /// There is none.
    pub fn open(folder: &Path) -> Result<Self, Unusable> {
        let disk = Self::at(folder);
        match fs::read_dir(&disk.bucket) {
            Ok(_) => Ok(disk),
            Err(error) => Err(Unusable(format!(
                "There is no data folder at {}, for its folder {BUCKET:?} cannot be read ({error}): name another with --data.",
                folder.display()
            ))),
        }
    }

    fn at(folder: &Path) -> Self {
        Self {
            bucket: folder.join(BUCKET),
            uncommitted: folder.join(UNCOMMITTED),
            durable: Mutex::default(),
            failed: AtomicBool::new(false),
        }
    }

    /// Makes the folders durable, and finds out whether names differ by case.
    fn prepare(&self, folder: &Path) -> io::Result<bool> {
        make_folder(folder)?;
        make_folder(&self.bucket)?;
        make_folder(&self.uncommitted)?;
        self.sync_folder(folder)?;
        let around = folder
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        match self.sync_folder(around) {
            // Not ours to open, so not ours to have changed.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
        self.remove_abandoned()?;
        // The same operations as a put's: a disk without hard links is found out now, not by the
        // first memory.
        let probe = self.write_uncommitted(b"")?;
        let name = Uuid::new_v4();
        let (linked, other_case) = (format!("probe-{name}"), format!("PROBE-{name}"));
        let linked = self.uncommitted.join(linked);
        let distinct =
            fs::hard_link(&probe, &linked).map(|()| !self.uncommitted.join(other_case).exists());
        fs::remove_file(&probe)?;
        let distinct = distinct?;
        fs::remove_file(linked)?;
        Ok(distinct)
    }

    fn remove_abandoned(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.uncommitted)? {
            let entry = entry?;
            let age = entry
                .metadata()
                .and_then(|metadata| metadata.modified())
                .map(|modified| modified.elapsed());
            if matches!(age, Ok(Ok(age)) if age > ABANDONED_AFTER) {
                match fs::remove_file(entry.path()) {
                    // Another process cleans up as well.
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Gives the bytes this key if nothing has it; durable in either case.
    pub(super) fn link(&self, key: &Key, bytes: &[u8]) -> io::Result<Linked> {
        if self.failed.load(Ordering::Acquire) {
            return Err(io::Error::other(
                "a sync failed before: check the disk, then restart",
            ));
        }
        let temporary = self.write_uncommitted(bytes)?;
        let linked = self.link_file(&temporary, key);
        // Left behind, it is no object, and is removed as abandoned some day.
        let _ = fs::remove_file(&temporary);
        let linked = linked?;
        self.sync_folders(key)?;
        Ok(linked)
    }

    fn write_uncommitted(&self, bytes: &[u8]) -> io::Result<PathBuf> {
        let path = self.uncommitted.join(Uuid::new_v4().to_string());
        let mut file = File::create_new(&path)?;
        let written = file.write_all(bytes).and_then(|()| self.sync(&file));
        if written.is_err() {
            let _ = fs::remove_file(&path);
        }
        written.map(|()| path)
    }

    fn link_file(&self, temporary: &Path, key: &Key) -> io::Result<Linked> {
        for folder in key.folders(&self.bucket) {
            match make_folder(&folder) {
                // Whatever was durable under this name has been removed.
                Ok(true) => drop(self.durable().remove(&folder)),
                Ok(false) => {}
                Err(_) if folder.is_file() => return Ok(Linked::Unkeepable),
                Err(error) => return Err(error),
            }
        }
        let path = key.path(&self.bucket);
        match fs::hard_link(temporary, &path) {
            Ok(()) => Ok(Linked::New),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(if path.is_dir() {
                Linked::Unkeepable
            } else {
                Linked::Taken
            }),
            Err(error) => Err(error),
        }
    }

    /// Syncs the file's own folder, and each folder around it that holds an entry not known to be
    /// durable.
    fn sync_folders(&self, key: &Key) -> io::Result<()> {
        let folders = key.folders(&self.bucket);
        self.sync_folder(folders.last().unwrap_or(&self.bucket))?;
        for folder in folders.iter().rev() {
            let known = self.durable().contains(folder);
            if let (false, Some(parent)) = (known, folder.parent()) {
                self.sync_folder(parent)?;
                self.durable().insert(folder.clone());
            }
        }
        Ok(())
    }

    fn durable(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a folder's entries durable.
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.sync(&File::open(path)?)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
            .inspect_err(|_| self.failed.store(true, Ordering::Release))
    }

    /// The bytes under this key, and when they were put there.
    pub(super) fn read(&self, key: &Key) -> io::Result<Option<(Vec<u8>, SystemTime)>> {
        read_object(&key.path(&self.bucket))
    }

    /// A page of the keys that have this prefix and are greater than `after`, in order.
    pub(super) fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> io::Result<Page> {
        // One more than asked for tells whether there are more.
        let mut listing = Listing {
            prefix,
            after: after.unwrap_or_default(),
            limit: limit + 1,
            found: Vec::new(),
        };
        if limit > 0 {
            listing.walk(&self.bucket, "")?;
        }
        let is_truncated = listing.found.len() > limit;
        let mut objects = Vec::new();
        for (key, path) in listing.found.into_iter().take(limit) {
            if let Some((bytes, modified)) = read_object(&path)? {
                objects.push(Listed {
                    key,
                    bytes: bytes.len(),
                    md5: Md5::digest(&bytes).into(),
                    modified,
                });
            }
        }
        Ok(Page {
            objects,
            is_truncated,
        })
    }
}

fn read_object(path: &Path) -> io::Result<Option<(Vec<u8>, SystemTime)>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some((bytes, fs::metadata(path)?.modified()?))),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Makes a folder, and says whether it was missing.
fn make_folder(path: &Path) -> io::Result<bool> {
    match fs::create_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        Err(error) => Err(error),
    }
}
