//! The commands that erase in a data folder, for `sh`.
//!
//! A tombstone is put as the service puts an event: written and synced elsewhere, and linked to its name
//! only if the name is free. Folders stay, because another process may rely on them being durable.

use std::path::Path;

use memory_s3::embedded::{self, BUCKET, UNCOMMITTED, VIEWS_BUCKET};

use super::bucket::{LAST, unchanged};
use super::shell::{comment, list, quoted};
use super::{EraseError, Erasure, Kept, WAIT};

/// A data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its absolute path.
    pub path: String,
    /// The key of the entity's view.
    pub view: String,
}

/// Seconds that no request of a local service lasts.
const LOCAL_WAIT: u32 = 10;

/// Files of another owner would be closed to the service.
const OWNER: &str = "\
if ! [ -O memory ]; then
  echo 'Run this plan as the owner of the data folder.' >&2
  exit 1
fi
";

const FUNCTIONS: &str = r#"
# Puts the tombstones on stdin, a file and the bytes of an event in each line. If a file exists, somebody has changed the
# memory meanwhile: make a new plan.
put_tombstones() {
  while IFS=' ' read -r file body; do
    mkdir -p "${file%/*}"
    printf '%s' "$body" > "$work/tombstone"
    sync
    ln "$work/tombstone" "$file"
    rm "$work/tombstone"
    echo "put $file"
  done
  sync
}

# Lists the files below a folder, if there is one.
files() {
  if [ -e "$1" ]; then find "$@"; fi
}
"#;

impl Erasure {
    /// The commands for a data folder, with what there is in comments above them.
    ///
    /// # Errors
    /// [`EraseError`] if a key of the log cannot be the name of a file.
    pub fn in_folder(&self, place: &Folder) -> Result<String, EraseError> {
        let mut text = self.told(&format!("the data folder {}", place.path));
        text += &comment("");
        text +=
            &comment("Read this plan, then run it with sh. A service of this folder may go on.");
        text += &comment(
            "First end the commands search and views of memory-ingress: they can run for longer than step 4 waits.",
        );
        text += "set -eu\numask 077\n";
        text += &format!("cd {}\n", quoted(&place.path));
        text += OWNER;
        text += &format!("mkdir -p {UNCOMMITTED}\nwork=$(mktemp -d {UNCOMMITTED}/erase.XXXXXX)\n");
        text += "trap 'rm -rf \"$work\"' EXIT\n";
        text += FUNCTIONS;

        text += "\n# 1. The tombstones keep a repeat of an erased memory hidden.\n";
        let tombstones = self.tombstones.iter().map(|tombstone| {
            let body = String::from_utf8_lossy(&tombstone.body);
            Ok(format!("{} {body}", file(BUCKET, &tombstone.key)?))
        });
        let tombstones = tombstones.collect::<Result<Vec<_>, _>>()?;
        if !tombstones.is_empty() {
            text += &list("put_tombstones", "TOMBSTONES", tombstones);
        }
        let view = quoted(&file(VIEWS_BUCKET, &place.view)?);
        let events = quoted(&file(BUCKET, &self.found.meant.events())?);
        text +=
            "\n# Nothing is deleted if somebody has changed the memory since this plan was made.\n";
        text += &format!("files {events} -name '*.json' ! -type d > \"$work/now\"\n");
        let known = self.known_events().into_iter();
        let known = known.map(|key| file(BUCKET, key));
        text += &unchanged(known.collect::<Result<Vec<_>, _>>()?);
        text += "\n# 2. The memories.\n";
        text += &removals(self.memories())?;
        text += &format!("\n# 3. The view.\nrm -f {view}\n");
        text += &format!(
            "\n# 4. Until no request that began before is under way, and then, for files of processes that were killed\n\
             # meanwhile, longer than a request of this folder.\nsleep {WAIT}\ntouch \"$work/began\"\nsleep {LOCAL_WAIT}\n"
        );
        text += "\n# 5. The events below the tombstones, the view that a slow reader has put meanwhile, and files that a killed\n\
                 # process had not yet linked to a name, or still has under a second one.\n";
        text += &removals(self.events())?;
        text += &format!("rm -f {view}\n");
        text += &format!(
            "find {UNCOMMITTED} -type f ! -newer \"$work/began\" ! -path \"$work/*\" -exec rm -f {{}} +\nsync\n"
        );
        text += &self.last_files(&view)?;
        text += &self.folders()?;
        Ok(text)
    }

    /// Lists the files that are left, and fails if they are not the tombstones alone.
    fn last_files(&self, view: &str) -> Result<String, EraseError> {
        let meant = &self.found.meant;
        let [memories, events] =
            [meant.scope.memories(), &meant.events()].map(|key| file(BUCKET, key));
        let of_one = match meant.end() {
            Some(end) => format!(" -name '*{end}'"),
            None => String::new(),
        };
        let mut text = "\n# 6. What is left: the tombstones alone.\n".to_owned();
        let left = self.left.iter().map(|key| file(BUCKET, key));
        let left = left.collect::<Result<Vec<_>, _>>()?;
        text += &list("cat > \"$work/expected\"", "LEFT", left);
        let (memories, events) = (quoted(&memories?), quoted(&events?));
        text += &format!("files {memories} ! -type d{of_one} > \"$work/left\"\n");
        text += &format!("files {events} ! -type d >> \"$work/left\"\n");
        text += &format!("files {view} >> \"$work/left\"\n");
        Ok(text + LAST)
    }

    /// What it takes to remove the names as well.
    fn folders(&self) -> Result<String, EraseError> {
        let meant = &self.found.meant;
        let mut lines = vec![
            String::new(),
            "The tombstones stay. The names of their folders name the domain, the entity and the ids. To remove these names as"
                .to_owned(),
            "well, first stop every process of this data folder. Then remove:".to_owned(),
        ];
        let events = file(BUCKET, &meant.events())?;
        lines.push(format!("  rm -r {}", quoted(&events)));
        if meant.memory_id.is_none() {
            let memories = file(BUCKET, meant.scope.memories())?;
            lines.push(format!("  rm -r {}", quoted(&memories)));
        }
        for line in [
            "From then on a repeat of an erased memory is stored and visible again. Backups of the folder, snapshots of its disk",
            "and blocks that a disk has not overwritten keep what they have: this plan reaches none of them.",
        ] {
            lines.push(line.to_owned());
        }
        Ok(lines.iter().map(|line| comment(line)).collect())
    }
}

/// The path of a key from the data folder.
fn file(bucket: &str, key: &str) -> Result<String, EraseError> {
    let unnameable = || EraseError::Unnameable(key.to_owned());
    let path = embedded::path(bucket, key).ok_or_else(unnameable)?;
    let path: Option<&str> = Path::to_str(&path);
    path.map(str::to_owned).ok_or_else(unnameable)
}

fn removals<'a>(kept: impl Iterator<Item = &'a Kept>) -> Result<String, EraseError> {
    let files = kept.map(|kept| file(BUCKET, &kept.version.key));
    let removals = files.map(|file| Ok(format!("rm -f {}\n", quoted(&file?))));
    removals.collect()
}
