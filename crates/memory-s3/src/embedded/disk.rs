//! Objects as files, durable before a response is sent.
//!
//! A put looks whether its name is free, writes a temporary file outside the bucket, syncs it, and
//! links it to its name only if the name is still free. Then it syncs every folder whose new entry is
//! not yet known to be on disk, even if another process made it. Only after that it reports that the
//! name is new *or taken*. A killed process can leave a temporary file, but never half an object.
//! `disk/views.rs` replaces views, which are not durable. The module must not know S3.

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use super::bucket::Bucket;
use super::key::{self, Key};
use super::listing::{Continuation, Kept, Listing};
use super::permissions::{make_file, make_folder};

/// The folder of temporary files, which are not objects yet.
pub const UNCOMMITTED: &str = "uncommitted";
/// Most folders that are remembered as durable. Forgetting one costs one more sync.
const FOLDERS_KNOWN_MAX: usize = 100_000;

mod opening;
mod spelling;
mod views;

pub use opening::DataFolderError;
use spelling::Spelling;
pub(super) use views::{Expected, Replaced};

/// A data folder.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    bucket: PathBuf,
    uncommitted: PathBuf,
    /// Folders that existed before this process synced their parent, so they are durable.
    durable: Mutex<HashSet<PathBuf>>,
    /// Whether a sync has failed. The kernel reports a lost page only once, so a later success would
    /// prove nothing.
    failed: AtomicBool,
    /// Listings between two of their pages.
    listings: Kept,
    /// Whether folders have the names by which they are found.
    spelling: Spelling,
    /// Held while a view is compared and replaced.
    replacing: Mutex<()>,
}

/// The result of linking a file to its name.
pub(super) enum Linked {
    /// The name was free.
    New(Stat),
    /// The name was taken by a file with these bytes.
    Taken,
    /// The name was taken by a file with other bytes. It stays as it is.
    Damaged,
    /// A folder on the way is that of another name, which differs in case only: the beginning of the
    /// keys that it has.
    Collides(String),
    /// The name is a folder, or a file is where it needs a folder. S3 could store both; a disk
    /// cannot.
    Unstorable,
}

/// Why it is not proved that an object is linked to its name.
#[derive(Debug)]
pub(super) enum LinkError {
    /// It failed before the link: this put links nothing, now or later.
    BeforeLink(io::Error),
    /// It failed at the link or after it, or a sync has failed: nothing proves whether the object is
    /// durable.
    InDoubt(io::Error),
}

impl LinkError {
    /// What failed.
    pub(super) fn cause(self) -> io::Error {
        match self {
            Self::BeforeLink(error) | Self::InDoubt(error) => error,
        }
    }
}

/// What is known about an object without reading it.
pub(super) struct Stat {
    pub(super) bytes: u64,
    pub(super) modified: SystemTime,
    /// Opaque, as S3's `ETag` is. It changes when the file changes.
    pub(super) etag: String,
}

impl Stat {
    fn of(metadata: &Metadata) -> io::Result<Self> {
        let modified = metadata.modified()?;
        let age = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        let etag = format!(
            "{:x}-{:x}-{:x}",
            metadata.ino(),
            metadata.len(),
            age.as_nanos()
        );
        Ok(Self {
            bytes: metadata.len(),
            modified,
            etag,
        })
    }
}

/// One page of a listing.
pub(super) struct Page {
    pub(super) objects: Vec<(String, Stat)>,
    /// Where the next page begins, if more keys follow.
    pub(super) next: Option<Continuation>,
}

impl Disk {
    /// Stores the bytes under this key if the key is free. The object is durable in either case.
    pub(super) fn link(&self, key: &Key, bytes: &[u8]) -> Result<Linked, LinkError> {
        if self.failed.load(Ordering::Acquire) {
            return Err(LinkError::InDoubt(io::Error::other(
                "a sync failed before: check the disk, then restart",
            )));
        }
        // A repeat needs no room on the disk, so the key is looked for before anything is written.
        let linked = match self.found(key, bytes).map_err(LinkError::BeforeLink)? {
            Some(found) => found,
            None => {
                let temporary = self.write_uncommitted(bytes)?;
                let linked = self.link_file(&temporary, key, bytes);
                // If it stays, it is not an object, and a later start removes it.
                let _ = fs::remove_file(&temporary);
                linked?
            }
        };
        match linked {
            Linked::New(_) | Linked::Taken => {
                self.sync_folders(key).map_err(LinkError::InDoubt)?;
            }
            Linked::Damaged | Linked::Collides(_) | Linked::Unstorable => {}
        }
        Ok(linked)
    }

    /// What is there under a key, compared with these bytes; `None` if nothing is.
    fn found(&self, key: &Key, bytes: &[u8]) -> io::Result<Option<Linked>> {
        for folder in key.folders(&self.bucket) {
            match entry(&folder)? {
                None => return Ok(None),
                Some(metadata) if metadata.is_dir() => {
                    if let Some(there) = self.keys_there(&folder)? {
                        return Ok(Some(Linked::Collides(there)));
                    }
                }
                Some(_) => return Ok(Some(Linked::Unstorable)),
            }
        }
        let path = key.path(&self.bucket);
        let Some(metadata) = entry(&path)? else {
            return Ok(None);
        };
        if !metadata.is_file() {
            return Ok(Some(Linked::Unstorable));
        }
        let is_as_long = usize::try_from(metadata.len()).is_ok_and(|length| length == bytes.len());
        Ok(Some(if is_as_long && fs::read(&path)? == bytes {
            Linked::Taken
        } else {
            Linked::Damaged
        }))
    }

    /// The beginning of the keys in this folder of the log, if it is another name's.
    fn keys_there(&self, folder: &Path) -> io::Result<Option<String>> {
        let Some(listed) = self.spelling.other(folder)? else {
            return Ok(None);
        };
        let there = folder.with_file_name(listed);
        let there = there.strip_prefix(&self.bucket).unwrap_or(&there);
        Ok(Some(key::beginning(&there.to_string_lossy())))
    }

    /// Makes a new temporary file.
    fn make_uncommitted(&self) -> Result<(PathBuf, File), LinkError> {
        let path = self.uncommitted.join(Uuid::new_v4().to_string());
        let made = match make_file(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.remake_uncommitted()?;
                make_file(&path)
            }
            made => made,
        };
        Ok((path, made.map_err(LinkError::BeforeLink)?))
    }

    fn write_uncommitted(&self, bytes: &[u8]) -> Result<PathBuf, LinkError> {
        let (path, mut file) = self.make_uncommitted()?;
        let written = file.write_all(bytes).map_err(LinkError::BeforeLink);
        let synced = written.and_then(|()| self.sync(&file).map_err(LinkError::InDoubt));
        if synced.is_err() {
            let _ = fs::remove_file(&path);
        }
        synced.map(|()| path)
    }

    /// Makes the folder of temporary files again, durably, as at the start.
    fn remake_uncommitted(&self) -> Result<(), LinkError> {
        make_folder(&self.uncommitted).map_err(LinkError::BeforeLink)?;
        let around = File::open(&self.folder).map_err(LinkError::BeforeLink)?;
        self.sync(&around).map_err(LinkError::InDoubt)
    }

    fn link_file(&self, temporary: &Path, key: &Key, bytes: &[u8]) -> Result<Linked, LinkError> {
        for folder in key.folders(&self.bucket) {
            let made = make_folder(&folder);
            if fs::symlink_metadata(&folder).is_ok_and(|metadata| !metadata.is_dir()) {
                return Ok(Linked::Unstorable);
            }
            if !matches!(made, Ok(false)) {
                // The folder that was durable under this name was removed since.
                self.durable().remove(&folder);
            }
            if matches!(made, Ok(false)) {
                let there = self.keys_there(&folder).map_err(LinkError::BeforeLink)?;
                if let Some(there) = there {
                    return Ok(Linked::Collides(there));
                }
            }
            made.map_err(LinkError::BeforeLink)?;
        }
        let path = key.path(&self.bucket);
        match fs::hard_link(temporary, &path) {
            Ok(()) => fs::symlink_metadata(&path)
                .and_then(|metadata| Stat::of(&metadata))
                .map(Linked::New)
                .map_err(LinkError::InDoubt),
            // Another writer was faster; or, over a network, this link itself, whose reply was lost.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let found = self.found(key, bytes).map_err(LinkError::InDoubt)?;
                found.ok_or(LinkError::InDoubt(error))
            }
            Err(error) if makes_no_link(&error) => Err(LinkError::BeforeLink(error)),
            Err(error) => Err(LinkError::InDoubt(error)),
        }
    }

    /// Syncs the file's own folder, and each folder around it whose entry is not known to be durable.
    fn sync_folders(&self, key: &Key) -> io::Result<()> {
        let folders = key.folders(&self.bucket);
        self.sync_folder(folders.last().unwrap_or(&self.bucket))?;
        for folder in folders.iter().rev() {
            let known = self.durable().contains(folder);
            if let (false, Some(parent)) = (known, folder.parent()) {
                self.sync_folder(parent)?;
                let mut durable = self.durable();
                if durable.len() >= FOLDERS_KNOWN_MAX {
                    durable.clear();
                }
                durable.insert(folder.clone());
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

    /// The object under this key of a bucket; `None` if there is no file.
    pub(super) fn read(&self, bucket: Bucket, key: &Key) -> io::Result<Option<(Vec<u8>, Stat)>> {
        for folder in key.folders(&self.folder.join(bucket.name())) {
            match self.spelling.other(&folder) {
                Ok(None) => {}
                Ok(Some(_)) => return Ok(None),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        match read(
            &key.path(&self.folder.join(bucket.name())),
            bucket.bytes_max(),
        ) {
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Ok(None)
            }
            read => read,
        }
    }

    /// The first page of the keys that have this prefix and are greater than `after`, in order.
    pub(super) fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> io::Result<Page> {
        let listing = Listing::begin(&self.bucket, prefix, after.unwrap_or_default())?;
        self.page(listing, limit)
    }

    /// The next page of a listing. Keys that are new since the page before may be missing.
    pub(super) fn list_on(
        &self,
        prefix: &str,
        from: &Continuation,
        limit: usize,
    ) -> io::Result<Page> {
        let kept = self.listings.take(from.listing);
        match kept.filter(|kept| kept.continues(prefix, &from.after)) {
            Some(listing) => self.page(listing, limit),
            None => self.list(prefix, Some(&from.after), limit),
        }
    }

    fn page(&self, mut listing: Listing, limit: usize) -> io::Result<Page> {
        let mut found = Vec::new();
        while found.len() < limit {
            match listing.next_key()? {
                Some(key) => found.push(key),
                None => break,
            }
        }
        let last = found.last().map(|(key, _)| key.clone());
        let next = match last {
            Some(after) if listing.has_next()? => Some(Continuation {
                listing: self.listings.keep(listing),
                after,
            }),
            _ => None,
        };
        // An object that was removed meanwhile is not listed.
        let stat = |path: &Path| {
            fs::symlink_metadata(path)
                .and_then(|metadata| Stat::of(&metadata))
                .ok()
        };
        let objects = found
            .into_iter()
            .filter_map(|(key, path)| Some((key, stat(&path)?)));
        Ok(Page {
            objects: objects.collect(),
            next,
        })
    }
}

/// What is there under a path, without following a link; `None` if nothing is.
fn entry(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A file's bytes, and what is known about these bytes; `None` if it is a folder.
fn read(path: &Path, bytes_max: usize) -> io::Result<Option<(Vec<u8>, Stat)>> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_dir() {
        return Ok(None);
    }
    if !metadata.is_file() {
        return Err(io::Error::other("it is neither a file nor a folder"));
    }
    // A view may have been replaced since.
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if usize::try_from(metadata.len()).unwrap_or(usize::MAX) > bytes_max {
        return Err(io::Error::other("it is larger than any object"));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(Some((bytes, Stat::of(&metadata)?)))
}

/// Whether this error of `link` says that the file system took no new name. Any other one, such as
/// `EIO`, may come after it was taken. Source: <https://man7.org/linux/man-pages/man2/link.2.html>.
fn makes_no_link(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::TooManyLinks
            | ErrorKind::PermissionDenied
            | ErrorKind::NotFound
    )
}

#[cfg(test)]
mod tests;
