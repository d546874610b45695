//! The commands that erase in a bucket, for `sh` and the AWS CLI.
//!
//! S3 has no transaction, so each step can be the last one: whatever was done before is safe to keep, and
//! a new plan goes on from there.

use std::iter;

use memory_s3::versions::Version;
use serde_json::{Value, json};

use super::shell::{comment, list, quoted};
use super::{Erasure, Kept, WAIT};

/// Versions in one call of `DeleteObjects`: S3 takes no more.
const BATCH: usize = 1_000;

/// Where the log and the views are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// The endpoint of S3, where it is not that of AWS.
    pub endpoint: Option<String>,
    /// The bucket of the log.
    pub log: String,
    /// The bucket of the views, and the key of the entity's view; none where no recall is deployed.
    pub view: Option<(String, String)>,
}

/// What the steps have in common.
const FUNCTIONS: &str = r#"
# Puts the tombstones on stdin, a key and the bytes of an event in each line. If S3 refuses one with PreconditionFailed,
# somebody has changed the memory meanwhile: make a new plan.
put_tombstones() {
  while IFS=' ' read -r key body; do
    printf '%s' "$body" > "$work/tombstone"
    aws s3api put-object --bucket "$bucket" --key "$key" --body "$work/tombstone" --content-type application/json \
      --if-none-match '*' --checksum-algorithm SHA256 < /dev/null > /dev/null
    echo "put $key"
  done
}

# Deletes the versions on stdin. The call succeeds even if S3 refuses some of them.
delete() {
  cat > "$work/versions"
  refused=$(aws s3api delete-objects --bucket "$bucket" --delete "file://$work/versions" "$@" \
    --output json --query 'Errors || `[]`')
  if [ "$refused" != '[]' ]; then
    printf 'S3 did not delete everything:\n%s\n' "$refused" >&2
    exit 1
  fi
}
"#;

impl Erasure {
    /// The commands for a bucket of S3, with what there is in comments above them.
    #[must_use]
    pub fn in_bucket(&self, place: &Bucket) -> String {
        let bucket = &place.log;
        let mut text = self.told(&format!("the bucket {bucket}"));
        text += &self.told_held();
        text += &comment("");
        text += &comment("Read this plan, then run it with sh, as a break-glass principal.");
        text += &comment(
            "First end the commands search and views of memory-ingress: they can run for longer than step 4 waits.",
        );
        text += "set -eu\nexport AWS_PAGER=\n";
        text += &endpoint(place.endpoint.as_deref());
        text += &format!("bucket={}\n", quoted(bucket));
        text += "work=$(mktemp -d)\ntrap 'rm -rf \"$work\"' EXIT\n";
        text += FUNCTIONS;
        text += &view_function(place);

        text += "\n# 1. The tombstones keep a repeat of an erased memory hidden.\n";
        let tombstones = self.tombstones.iter();
        let tombstones: Vec<_> = tombstones
            .map(|tombstone| {
                format!(
                    "{} {}",
                    tombstone.key,
                    String::from_utf8_lossy(&tombstone.body)
                )
            })
            .collect();
        if !tombstones.is_empty() {
            text += &list("put_tombstones", "TOMBSTONES", tombstones);
        }
        text +=
            "\n# Nothing is deleted if somebody has changed the memory since this plan was made.\n";
        let of_events = " | [?Key && ends_with(Key, `\".json\"`)]";
        let events = self.found.meant.events();
        text += &listing("\"$bucket\"", &events, of_events, "> \"$work/now\"");
        text += &unchanged(self.known_events().into_iter().map(str::to_owned));
        text += "\n# 2. The memories.\n";
        text += &self.deletions(self.memories());
        text += "\n# 3. The view.\nerase_view\n";
        text += &format!("\n# 4. Until no request that began before is under way.\nsleep {WAIT}\n");
        text += "\n# 5. The events below the tombstones, and the view that a slow reader has put meanwhile.\n";
        text += &self.deletions(self.events());
        text += "erase_view\n";
        text += &self.last_listing(place);
        text += &self.names(bucket);
        text
    }

    fn deletions<'a>(&self, kept: impl Iterator<Item = &'a Kept>) -> String {
        let (bypassed, free): (Vec<_>, Vec<_>) = kept.partition(|kept| self.needs_bypass(kept));
        let bypass = "--bypass-governance-retention";
        deletions(&free, "") + &deletions(&bypassed, bypass)
    }

    /// Lists what is left, and fails if it is not the tombstones alone.
    fn last_listing(&self, place: &Bucket) -> String {
        let meant = &self.found.meant;
        let of_one = match meant.end() {
            Some(end) => format!(" | [?Key && ends_with(Key, `\"{end}\"`)]"),
            None => String::new(),
        };
        let mut text = "\n# 6. What is left: the tombstones alone.\n".to_owned();
        text += &list(
            "cat > \"$work/expected\"",
            "LEFT",
            self.left.iter().cloned(),
        );
        let (begin, add) = ("> \"$work/left\"", ">> \"$work/left\"");
        text += &listing("\"$bucket\"", meant.scope.memories(), &of_one, begin);
        text += &listing("\"$bucket\"", &meant.events(), "", add);
        if let Some((_, key)) = &place.view {
            let of_key = format!(" | [?Key==`\"{key}\"`]");
            text += &listing("\"$views\"", key, &of_key, add);
        }
        text + LAST
    }

    /// What it takes to remove the names as well.
    pub(super) fn names(&self, bucket: &str) -> String {
        let events = self.found.meant.events();
        let command = format!(
            "  aws s3api list-object-versions --bucket {} --prefix {}",
            quoted(bucket),
            quoted(&events)
        );
        let lines = [
            "",
            "The tombstones stay. Their keys name the domain, the entity and the ids. To remove these names as well, delete the",
            "versions that this lists, after all of the above:",
            &command,
            "From then on a repeat of an erased memory is stored and visible again, and its numbers begin at 1. So first stop",
            "whoever may repeat it. Replicas, backups and logs have the names too, and this plan reaches none of them.",
        ];
        lines.iter().map(|line| comment(line)).collect()
    }
}

/// The command that lists the keys of versions and markers.
fn listing(bucket: &str, prefix: &str, filter: &str, into: &str) -> String {
    format!(
        "aws s3api list-object-versions --bucket {bucket} --prefix {} --output text \\\n  \
         --query '[Versions, DeleteMarkers][]{filter}.[Key]' {into}\n",
        quoted(prefix)
    )
}

/// The plan is run where it was made: the same names can be buckets of another S3.
fn endpoint(endpoint: Option<&str>) -> String {
    match endpoint {
        None => "unset AWS_ENDPOINT_URL_S3\n".to_owned(),
        Some(with_password) if with_password.contains('@') => {
            comment("Run it with the same AWS_ENDPOINT_URL_S3 as the plan was made with.")
        }
        Some(url) => format!("export AWS_ENDPOINT_URL_S3={}\n", quoted(url)),
    }
}

/// Ends the plan if there is an event that it does not know.
const UNCHANGED: &str = r#"LC_ALL=C sort -u "$work/now" > "$work/events"
LC_ALL=C sort -u "$work/known" > "$work/planned"
if [ -n "$(LC_ALL=C comm -23 "$work/events" "$work/planned")" ]; then
  echo 'STOPPED: somebody has changed the memory since this plan was made. Nothing was deleted. Make a new plan.' >&2
  exit 1
fi
"#;

/// Compares the events that are there now with these, which the plan knows.
pub(super) fn unchanged(known: impl IntoIterator<Item = String>) -> String {
    list("cat > \"$work/known\"", "KNOWN", known) + UNCHANGED
}

/// Compares what is left with what must be.
pub(super) const LAST: &str = r#"sort "$work/left" > "$work/sorted"
sort "$work/expected" > "$work/wanted"
if ! diff "$work/sorted" "$work/wanted"; then
  echo 'NOT ERASED: what is marked with < is still there. Make a new plan.' >&2
  exit 1
fi
echo 'Erased: only the tombstones are left.'
"#;

/// The function that erases the view. It lists when it runs, because a view is put at any time.
fn view_function(place: &Bucket) -> String {
    let Some((views, key)) = &place.view else {
        return "\n# There is no bucket of views.\nerase_view() {\n  :\n}\n".to_owned();
    };
    format!(
        r#"views={}
view={}

# Deletes every version of the entity's view.
erase_view() {{
  aws s3api list-object-versions --bucket "$views" --prefix "$view" --output text \
    --query '[Versions, DeleteMarkers][] | [?Key==`"{key}"`].[VersionId]' > "$work/view"
  while read -r version; do
    aws s3api delete-object --bucket "$views" --key "$view" --version-id="$version" < /dev/null > /dev/null
  done < "$work/view"
}}
"#,
        quoted(views),
        quoted(key)
    )
}

/// Commands that delete these versions: in batches, but for keys that XML cannot carry.
fn deletions(kept: &[&Kept], option: &str) -> String {
    let versions = kept.iter().map(|kept| &kept.version);
    let (in_batches, alone): (Vec<_>, Vec<_>) = versions.partition(|version| is_in_xml(version));
    let delete = match option {
        "" => "delete".to_owned(),
        option => format!("delete {option}"),
    };
    let batches = in_batches.chunks(BATCH).map(|batch| {
        let objects: Vec<_> = batch.iter().map(|version| object(version)).collect();
        let lines = iter::once("{\"Objects\": [".to_owned());
        let lines = lines.chain(iter::once(objects.join(",\n")));
        list(
            &delete,
            "VERSIONS",
            lines.chain(iter::once("]}".to_owned())),
        )
    });
    let alone = alone.into_iter().map(|Version { key, id, .. }| {
        let (key, id) = (quoted(key), quoted(id));
        let words = format!("--bucket \"$bucket\" --key={key} --version-id={id} {option}");
        format!("aws s3api delete-object {}\n", words.trim_end())
    });
    batches.chain(alone).collect()
}

fn object(Version { key, id, .. }: &Version) -> String {
    let object: Value = json!({"Key": key, "VersionId": id});
    object.to_string()
}

/// Whether a request in XML has this key as it is: no control character, and no line end or space that is
/// read as another one. Every key of the log is of these characters.
fn is_in_xml(version: &Version) -> bool {
    version
        .key
        .chars()
        .all(|character| character.is_ascii_graphic())
}
