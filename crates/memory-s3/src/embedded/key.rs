//! Keys as paths: each component of a key is a folder or file of that name. A long component is cut
//! into pieces. The module must not touch the disk.

use std::path::{Path, PathBuf};

/// Longest name of a file or folder, in bytes, on the file systems of Linux and macOS.
const NAME_BYTES_MAX: usize = 255;
/// The last character of a folder name that holds the rest of a component. No key contains it.
pub(super) const CUT: char = '+';

/// The beginning of the keys in the folder with this path in a bucket: its pieces joined again.
pub(super) fn beginning(path: &str) -> String {
    path.replace("+/", "").trim_end_matches(CUT).to_owned()
}

/// A key that can be stored as a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    names: Vec<String>,
}

impl Key {
    /// Reads a key; `None` if one of its components cannot be a file name.
    pub(super) fn parse(key: &str) -> Option<Self> {
        let is_name = |name: &str| !matches!(name, "" | "." | "..") && !name.contains([CUT, '\0']);
        let mut names = Vec::new();
        for mut component in key.split('/') {
            if !is_name(component) {
                return None;
            }
            while component.len() > NAME_BYTES_MAX {
                let mut at = component.floor_char_boundary(NAME_BYTES_MAX - CUT.len_utf8());
                // The rest must be a valid name as well.
                while !is_name(component.get(at..).unwrap_or_default()) {
                    at = component.floor_char_boundary(at - 1);
                }
                let (piece, rest) = component.split_at(at);
                names.push(format!("{piece}{CUT}"));
                component = rest;
            }
            names.push(component.to_owned());
        }
        Some(Self { names })
    }

    /// The path of the object's file.
    pub(super) fn path(&self, bucket: &Path) -> PathBuf {
        bucket.join(self.names.iter().collect::<PathBuf>())
    }

    /// The folders around the file, the outermost first, without the bucket itself.
    pub(super) fn folders(&self, bucket: &Path) -> Vec<PathBuf> {
        let (_, folders) = self.names.split_last().unzip();
        let folders: &[String] = folders.unwrap_or_default();
        let mut path = bucket.to_owned();
        let mut paths = Vec::with_capacity(folders.len());
        for name in folders {
            path.push(name);
            paths.push(path.clone());
        }
        paths
    }
}

#[cfg(test)]
mod tests {
    use std::path::Component;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_path_has_names_only_and_tells_its_key(
            dots in "[.]{0,3}", middle in "[.aü]{0,3}", end in "[.]{0,3}", length in 248..262_usize, cuts in 0..3_usize,
        ) {
            let filler = "p".repeat((length + 254 * cuts).saturating_sub(dots.len() + middle.len()));
            let key = format!("a/{dots}{filler}{middle}{end}/z");
            let path = Key::parse(&key).unwrap().path(Path::new(""));
            prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))), "{path:?}");
            let names = path.iter().map(|name| name.to_str().unwrap());
            prop_assert!(names.clone().all(|name| name.len() <= NAME_BYTES_MAX));
            prop_assert_eq!(path.to_str().unwrap().replace("+/", ""), key);
        }
    }

    #[test]
    fn a_key_is_a_path_and_long_components_are_cut() {
        let path = |key: &str| {
            Key::parse(key).map(|key| key.path(Path::new("b")).to_str().unwrap().to_owned())
        };
        assert_eq!(path("a/b=%2F/c.json").unwrap(), "b/a/b=%2F/c.json");
        let (long, piece) = ("x".repeat(600), "x".repeat(254));
        assert_eq!(
            path(&format!("{long}/y")).unwrap(),
            format!("b/{piece}+/{piece}+/{}/y", "x".repeat(92))
        );
        assert_eq!(
            path(&"x".repeat(255)).unwrap(),
            format!("b/{}", "x".repeat(255))
        );
        assert_eq!(path(&"x".repeat(256)).unwrap(), format!("b/{piece}+/xx"));
        assert_eq!(beginning(&format!("{piece}+/xx")), "x".repeat(256));
        assert_eq!(beginning(&format!("m/{piece}+")), format!("m/{piece}"));
        for key in ["", "/a", "a/", "a//b", "a/./b", "../a", "a+", "a\0"] {
            assert_eq!(path(key), None, "{key:?}");
        }
        assert_eq!(
            Key::parse("a/b/c").unwrap().folders(Path::new("m")),
            [Path::new("m/a"), Path::new("m/a/b")]
        );
    }
}
