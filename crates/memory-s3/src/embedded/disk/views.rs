//! Views as files: a cache of the log, replaced by rename and never synced.
//!
//! A view is written to a temporary file and renamed over the one before, so a reader finds one of the
//! two, whole. After a loss of power it may be gone, old, or half written: whoever reads a view proves
//! each line. The folder may be deleted at any time.
//!
//! In this process the comparison and the rename are one step. Between two processes they are not: both
//! may find the view that they expect, and the second rename undoes the first. No file is lost, and the
//! lines that the second view lacks are read from the log again, so this costs time and nothing else.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::PoisonError;

use super::super::bucket::VIEWS_BUCKET;
use super::super::key::Key;
use super::super::permissions::make_folder;
use super::{Disk, LinkError, Stat, entry};

/// What a put expects to find under its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Expected {
    /// Nothing.
    Nothing,
    /// The object with this `ETag`.
    Etag(String),
}

/// The result of replacing a view.
pub(in super::super) enum Replaced {
    /// The new view is there.
    New(Stat),
    /// There is no view to replace.
    Missing,
    /// There is another view than the one that was expected.
    Unexpected,
}

impl Disk {
    /// Puts a view under this key if what is there is what is expected.
    pub(in super::super) fn replace(
        &self,
        key: &Key,
        bytes: &[u8],
        expected: &Expected,
    ) -> io::Result<Replaced> {
        let (temporary, mut file) = self.make_uncommitted().map_err(LinkError::cause)?;
        let replaced = file
            .write_all(bytes)
            .and_then(|()| Stat::of(&file.metadata()?))
            .and_then(|stat| self.rename(&temporary, key, stat, expected));
        if !matches!(replaced, Ok(Replaced::New(_))) {
            // If it stays, it is not an object, and a later start removes it.
            let _ = fs::remove_file(&temporary);
        }
        replaced
    }

    fn rename(
        &self,
        temporary: &Path,
        key: &Key,
        stat: Stat,
        expected: &Expected,
    ) -> io::Result<Replaced> {
        let bucket = self.folder.join(VIEWS_BUCKET);
        make_folder(&bucket)?;
        for folder in key.folders(&bucket) {
            make_folder(&folder)?;
            if self.spelling.other(&folder)?.is_some() {
                return Ok(Replaced::Unexpected);
            }
        }
        let path = key.path(&bucket);
        let _alone = self
            .replacing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let found = match entry(&path)? {
            Some(metadata) => Some(Stat::of(&metadata)?.etag),
            None => None,
        };
        match (expected, found) {
            (Expected::Nothing, None) => {}
            (Expected::Etag(expected), Some(found)) if *expected == found => {}
            (Expected::Etag(_), None) => return Ok(Replaced::Missing),
            (Expected::Nothing | Expected::Etag(_), Some(_)) => return Ok(Replaced::Unexpected),
        }
        fs::rename(temporary, &path)?;
        Ok(Replaced::New(stat))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::atomic::Ordering;

    use super::super::super::bucket::Bucket;
    use super::super::UNCOMMITTED;
    use super::*;

    fn replaced(disk: &Disk, bytes: &[u8], expected: &Expected) -> io::Result<Replaced> {
        disk.replace(&Key::parse("a/b.zst").unwrap(), bytes, expected)
    }

    #[test]
    fn a_put_that_replaces_nothing_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::create(folder.path()).unwrap();
        let lost = replaced(&disk, b"x", &Expected::Etag("a".to_owned()));
        assert!(matches!(lost, Ok(Replaced::Missing)));
        let first = replaced(&disk, b"x", &Expected::Nothing);
        assert!(matches!(first, Ok(Replaced::New(stat)) if stat.bytes == 1));
        let lost = replaced(&disk, b"y", &Expected::Nothing);
        assert!(matches!(lost, Ok(Replaced::Unexpected)));
        fs::remove_dir_all(folder.path().join(VIEWS_BUCKET)).unwrap();
        File::create(folder.path().join(VIEWS_BUCKET)).unwrap();
        assert!(replaced(&disk, b"x", &Expected::Nothing).is_err());
        let left = fs::read_dir(folder.path().join(UNCOMMITTED)).unwrap();
        assert_eq!(left.count(), 0);
    }

    #[test]
    fn of_threads_that_replace_the_same_view_one_wins_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::create(folder.path()).unwrap();
        let mut expected = Expected::Nothing;
        for round in 0..200_usize {
            // Views of other lengths have other ETags.
            let put = |thread| replaced(&disk, &vec![b'x'; 4 * round + thread], &expected);
            let won: Vec<_> = std::thread::scope(|scope| {
                let threads = [0, 1, 2, 3].map(|thread| scope.spawn(move || put(thread)));
                let put = threads.map(|thread| thread.join().unwrap().unwrap());
                let new = put.into_iter().filter_map(|replaced| match replaced {
                    Replaced::New(stat) => Some(stat.etag),
                    Replaced::Missing | Replaced::Unexpected => None,
                });
                new.collect()
            });
            let [etag] = &*won else {
                panic!("{} won in round {round}", won.len());
            };
            expected = Expected::Etag(etag.clone());
        }
    }

    #[test]
    fn views_do_not_rely_on_the_syncs_of_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::create(folder.path()).unwrap();
        disk.failed.store(true, Ordering::Release);
        assert!(replaced(&disk, b"x", &Expected::Nothing).is_ok());
        let read = disk.read(Bucket::Views, &Key::parse("a/b.zst").unwrap());
        assert!(matches!(read, Ok(Some((bytes, _))) if bytes == b"x"));
    }

    #[test]
    fn a_view_and_an_object_of_the_log_may_have_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::create(folder.path()).unwrap();
        let key = Key::parse("a/b.zst").unwrap();
        disk.link(&key, b"log").unwrap();
        assert!(matches!(disk.read(Bucket::Views, &key), Ok(None)));
        replaced(&disk, b"view", &Expected::Nothing).unwrap();
        let read = |bucket| disk.read(bucket, &key).unwrap().unwrap().0;
        assert_eq!(
            (read(Bucket::Log), read(Bucket::Views)),
            (b"log".to_vec(), b"view".to_vec())
        );
    }
}
