//! The options of `erase`.

use uuid::Uuid;

use super::{Location, settings_of_a_log};

/// `erase`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = concat!("\
This command deletes nothing. It prints what there is, as comments, and then the commands that erase
it, for sh and, with --bucket, the AWS CLI. They end with an error unless only tombstones are left,
which keep a repeat of an erased memory hidden. If one of them fails, make a new plan: it goes on
from there.

With --bucket, run it as a break-glass principal. It needs s3:ListBucket, s3:ListBucketVersions,
s3:GetObject, s3:GetBucketObjectLockConfiguration, s3:GetObjectRetention and s3:GetObjectLegalHold,
and MEMORY_VIEWS_BUCKET. If it may not look at something, it prints no plan.

Example:
  memory-ingress erase --domain work --entity rob > erase.sh
  less erase.sh      # what there is, and what will be done
  sh erase.sh        # ends with: Erased: only the tombstones are left.

Settings:
", settings_of_a_log!()))]
pub struct Erase {
    /// Where the log is.
    #[command(flatten)]
    pub location: Location,
    /// The domain of the entity
    #[arg(long, value_name = "NAME")]
    pub domain: String,
    /// The entity
    #[arg(long, value_name = "NAME")]
    pub entity: String,
    /// Only this memory of it
    #[arg(long, value_name = "ID")]
    pub id: Option<Uuid>,
    /// There is no bucket of views, because no recall is deployed
    #[arg(long)]
    without_views: bool,
}

impl Erase {
    /// The bucket of the views, if there is one: by this setting, or by an option that says that there is none.
    ///
    /// # Errors
    /// What to set, in a sentence: a plan that leaves out the views would not be whole.
    pub fn views(&self, set: Option<&String>) -> Result<Option<String>, &'static str> {
        match (set, self.without_views) {
            (Some(views), false) => Ok(Some(views.clone())),
            (None, true) => Ok(None),
            (Some(_), true) => {
                Err("MEMORY_VIEWS_BUCKET names a bucket of views: leave out --without-views.")
            }
            (None, false) => Err(
                "set MEMORY_VIEWS_BUCKET to the bucket of the views, because a view keeps lines of erased memories, or say \
                 --without-views where no recall is deployed.",
            ),
        }
    }
}
