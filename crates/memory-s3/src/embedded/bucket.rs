//! The two buckets of the embedded S3: the log, and the views, which are a cache of it. The module
//! must not touch the disk.

use memory_log::object;

use crate::views;

/// The name of the log's bucket, and of its folder.
pub const BUCKET: &str = "memory";
/// The name of the bucket of views, and of its folder.
pub const VIEWS_BUCKET: &str = "views";
/// Largest object of the log that is read: it is held in memory, and the object of a memory is far
/// smaller.
pub(super) const LOG_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A bucket of the embedded S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bucket {
    /// Memories and their events. Nothing is overwritten, and everything is durable.
    Log,
    /// Views. They are replaced, never synced, and may be deleted at any time.
    Views,
}

impl Bucket {
    /// The bucket of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let buckets = [Self::Log, Self::Views];
        buckets.into_iter().find(|bucket| bucket.name() == name)
    }

    /// Its name, and that of its folder.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Log => BUCKET,
            Self::Views => VIEWS_BUCKET,
        }
    }

    /// The media type of its objects.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Log => object::CONTENT_TYPE,
            Self::Views => views::CONTENT_TYPE,
        }
    }

    /// The size of its largest object.
    pub(super) fn bytes_max(self) -> usize {
        match self {
            Self::Log => LOG_BYTES_MAX,
            Self::Views => views::VIEW_BYTES_MAX,
        }
    }
}
