//! What a bucket keeps of an entity, for whoever erases it: versions, delete markers, and what Object Lock
//! holds of them.
//!
//! A listing of keys does not show what was deleted or replaced, and a bucket with versions keeps it. What
//! is listed here is complete or an error. [`Versions`] changes nothing. The module must not know what is
//! erased, or in which order.
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object_retention::GetObjectRetentionOutput;
use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::types::{EncodingType, ObjectLockLegalHoldStatus, ObjectLockRetentionMode};
use memory_log::scope::ReadScope;
use memory_log::timestamp::Timestamp;

use crate::bucket::Bucket;
use crate::reader::{Failed, ReadError, covered, decoded};
use crate::views;

/// Lists the versions of one bucket. It has no way to put or delete anything.
#[derive(Debug, Clone)]
pub struct Versions(Bucket);

/// A version of an object, or a delete marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The key.
    pub key: String,
    /// S3's name for it: `null` if it was put while the bucket had no versions.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// Whether it is the newest one of its key.
    pub is_latest: bool,
}

/// What a version is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An object of this size.
    Object {
        /// The size.
        bytes: u64,
    },
    /// A delete marker. It has a key and no bytes.
    Marker,
}

/// What Object Lock holds of a version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lock {
    /// How, and until when, the version is retained.
    pub retention: Option<(Mode, Timestamp)>,
    /// Whether there is a legal hold, which has no end of its own.
    pub legal_hold: bool,
}

/// Who may delete before the end of a retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Whoever has the permission to bypass it.
    Governance,
    /// Nobody. A mode that this program does not know is taken for it.
    Compliance,
}

impl Versions {
    /// The versions of this bucket. Failed requests are repeated as the SDK's standard mode does.
    #[must_use]
    pub fn new(client: &Client, bucket: impl Into<String>) -> Self {
        Self(Bucket::new(client.clone(), bucket).with_retries())
    }

    /// Every version and delete marker under a prefix that lies inside the scope, in the order of keys.
    ///
    /// # Errors
    /// [`ReadError`] if any of them may be missing.
    pub async fn under(&self, scope: &ReadScope, prefix: &str) -> Result<Vec<Version>, ReadError> {
        covered(scope, prefix)?;
        self.listed(prefix).await
    }

    /// Every version and delete marker of the view of the scope's entity.
    ///
    /// # Errors
    /// [`ReadError`] if any of them may be missing, or the scope is not of one entity.
    pub async fn of_view(&self, scope: &ReadScope) -> Result<Vec<Version>, ReadError> {
        let key =
            views::key(scope).map_err(|error| ReadError::Refused(error.to_string().into()))?;
        let mut listed = self.listed(&key).await?;
        // The key of another view may begin with this one.
        listed.retain(|version| version.key == key);
        Ok(listed)
    }

    /// Whether this bucket can lock objects.
    ///
    /// # Errors
    /// [`ReadError`] if S3 does not say it.
    pub async fn has_locks(&self) -> Result<bool, ReadError> {
        let request = self.0.client.get_object_lock_configuration();
        let Err(error) = request.bucket(&self.0.name).send().await else {
            return Ok(true);
        };
        let failed = Failed::of(&error);
        match failed.code() {
            Some("ObjectLockConfigurationNotFoundError") => Ok(false),
            _ => {
                let what = "the Object Lock configuration cannot be read";
                Err(self.failed(failed, what, "s3:GetBucketObjectLockConfiguration"))
            }
        }
    }

    /// What Object Lock holds of a version, which must be an object of the scope.
    ///
    /// # Errors
    /// [`ReadError`] if S3 does not say it.
    pub async fn lock(&self, scope: &ReadScope, version: &Version) -> Result<Lock, ReadError> {
        covered(scope, &version.key)?;
        let request = self.0.client.get_object_retention().bucket(&self.0.name);
        let request = request.key(&version.key).version_id(&version.id);
        let retention = match request.send().await.map_err(|error| Failed::of(&error)) {
            Ok(found) => retention(&found),
            Err(failed) if is_unlocked(&failed) => None,
            Err(failed) => {
                let what = format!("the retention of {} cannot be read", version.key);
                return Err(self.failed(failed, &what, "s3:GetObjectRetention"));
            }
        };
        let request = self.0.client.get_object_legal_hold().bucket(&self.0.name);
        let request = request.key(&version.key).version_id(&version.id);
        let legal_hold = match request.send().await.map_err(|error| Failed::of(&error)) {
            Ok(found) => found
                .legal_hold()
                .and_then(|hold| hold.status())
                .is_some_and(|status| *status == ObjectLockLegalHoldStatus::On),
            Err(failed) if is_unlocked(&failed) => false,
            Err(failed) => {
                let what = format!("the legal hold of {} cannot be read", version.key);
                return Err(self.failed(failed, &what, "s3:GetObjectLegalHold"));
            }
        };
        Ok(Lock {
            retention,
            legal_hold,
        })
    }

    async fn listed(&self, prefix: &str) -> Result<Vec<Version>, ReadError> {
        let mut versions = Vec::new();
        let mut after: Option<(String, Option<String>)> = None;
        loop {
            let (key, id) = after.clone().unzip();
            let request = self.0.client.list_object_versions().bucket(&self.0.name);
            let page = request
                .prefix(prefix)
                .set_key_marker(key)
                .set_version_id_marker(id.flatten())
                // The only encoding that can carry every key in XML.
                .encoding_type(EncodingType::Url)
                .send()
                .await;
            let page = page.map_err(|error| {
                self.failed(Failed::of(&error), UNLISTED, "s3:ListBucketVersions")
            })?;
            versions.extend(versions_in(&page, prefix)?);
            let next = page.next_key_marker().map(|key| {
                let key = spelled(&page, key);
                (key, page.next_version_id_marker().map(str::to_owned))
            });
            after = match (page.is_truncated(), next) {
                (Some(false), _) => break,
                (Some(true), Some(next)) if after.as_ref() != Some(&next) => Some(next),
                (is_truncated, next) => {
                    return Err(unlisted(&format!(
                        "a page does not say whether it is the last (IsTruncated: {is_truncated:?}, next: {next:?})"
                    )));
                }
            };
        }
        // The older versions of a key stay behind the newer ones.
        versions.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(versions)
    }

    /// The error of a request that needs this permission.
    fn failed(&self, failed: Failed, what: &str, permission: &str) -> ReadError {
        let bucket = &self.0.name;
        failed.named(&format!(
            "{what} (in the bucket {bucket}; this needs {permission})"
        ))
    }
}

const UNLISTED: &str = "the versions of the bucket cannot be listed";

fn unlisted(what: &str) -> ReadError {
    ReadError::Unavailable(format!("{UNLISTED}: {what}").into())
}

/// Whether S3 says that a version has no lock of the kind that was asked for.
fn is_unlocked(failed: &Failed) -> bool {
    failed.code() == Some("NoSuchObjectLockConfiguration")
}

fn retention(found: &GetObjectRetentionOutput) -> Option<(Mode, Timestamp)> {
    let found = found.retention()?;
    let mode = match *found.mode()? == ObjectLockRetentionMode::Governance {
        true => Mode::Governance,
        false => Mode::Compliance,
    };
    let until = found.retain_until_date()?;
    let micros = until.secs().saturating_mul(1_000_000);
    Some((mode, Timestamp::from_unix_micros(micros)))
}

/// The versions and markers of a page.
fn versions_in(page: &ListObjectVersionsOutput, prefix: &str) -> Result<Vec<Version>, ReadError> {
    let objects = page.versions().iter().map(|version| {
        let bytes = u64::try_from(version.size().unwrap_or_default()).unwrap_or(u64::MAX);
        let kind = Kind::Object { bytes };
        (
            version.key(),
            version.version_id(),
            kind,
            version.is_latest(),
        )
    });
    let markers = page.delete_markers().iter().map(|marker| {
        (
            marker.key(),
            marker.version_id(),
            Kind::Marker,
            marker.is_latest(),
        )
    });
    let versions = objects.chain(markers).map(|(key, id, kind, is_latest)| {
        let key = key.map(|key| spelled(page, key));
        let (Some(key), Some(id)) = (key.filter(|key| key.starts_with(prefix)), id) else {
            return Err(unlisted(
                "a page has a version without its id, or of another prefix",
            ));
        };
        Ok(Version {
            key,
            id: id.to_owned(),
            kind,
            is_latest: is_latest.unwrap_or_default(),
        })
    });
    versions.collect()
}

/// A key of a page, decoded if S3 has encoded it.
fn spelled(page: &ListObjectVersionsOutput, key: &str) -> String {
    match page.encoding_type() {
        Some(_) => decoded(key),
        None => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::primitives::DateTime;
    use aws_sdk_s3::types::{DeleteMarkerEntry, ObjectLockRetention, ObjectVersion};

    use super::*;

    #[test]
    fn a_page_has_versions_and_markers_and_nothing_of_another_prefix() {
        let version = ObjectVersion::builder().key("a%2Fb+c").version_id("null");
        let marker = DeleteMarkerEntry::builder().key("a%2Fb").version_id("2");
        let page = ListObjectVersionsOutput::builder()
            .encoding_type(EncodingType::Url)
            .versions(version.size(7).is_latest(true).build())
            .delete_markers(marker.build())
            .build();
        let found = versions_in(&page, "a/").unwrap();
        let shown: Vec<_> = found
            .iter()
            .map(|version| (&*version.key, &*version.id, version.kind, version.is_latest))
            .collect();
        assert_eq!(
            shown,
            [
                ("a/b c", "null", Kind::Object { bytes: 7 }, true),
                ("a/b", "2", Kind::Marker, false),
            ]
        );
        assert!(versions_in(&page, "a/c").is_err());
        let nameless = ObjectVersion::builder().key("a/b").build();
        let page = ListObjectVersionsOutput::builder()
            .versions(nameless)
            .build();
        assert!(
            versions_in(&page, "a/").is_err(),
            "it could not be deleted by its id"
        );
    }

    #[test]
    fn a_retention_of_an_unknown_mode_is_one_that_nobody_can_bypass() {
        let of = |mode: &str| {
            let until = DateTime::from_secs(1_800_000_000);
            let found = ObjectLockRetention::builder()
                .mode(mode.into())
                .retain_until_date(until);
            let output = GetObjectRetentionOutput::builder().retention(found.build());
            retention(&output.build()).map(|(mode, until)| (mode, until.to_string()))
        };
        let until = "2027-01-15T08:00:00Z".to_owned();
        assert_eq!(of("GOVERNANCE"), Some((Mode::Governance, until.clone())));
        assert_eq!(of("COMPLIANCE"), Some((Mode::Compliance, until.clone())));
        assert_eq!(of("FOREVER"), Some((Mode::Compliance, until)));
        assert_eq!(
            retention(&GetObjectRetentionOutput::builder().build()),
            None
        );
    }
}
