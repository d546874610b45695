//! Tests of a data folder: what may be linked, read and listed, and what stays on the disk.

use std::os::unix::fs::symlink;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::super::bucket::{BUCKET, LOG_BYTES_MAX};
use super::opening::around;
use super::*;

fn disk() -> (Disk, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Disk::create(folder.path()).unwrap(), folder)
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

/// The bytes under a key, if it is an object.
fn bytes(disk: &Disk, text: &str) -> Option<Vec<u8>> {
    let read = disk.read(Bucket::Log, &key(text)).unwrap();
    read.map(|(bytes, _)| bytes)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn listed(page: &Page) -> Vec<&str> {
    page.objects.iter().map(|(key, _)| key.as_str()).collect()
}

#[test]
fn a_new_folder_is_made_if_only_its_last_component_is_missing() {
    let around = tempfile::tempdir().unwrap();
    let folder = around.path().join("log");
    assert!(Disk::open(&folder).is_err(), "reading makes nothing");
    assert!(Disk::create(&folder).is_ok());
    assert_eq!(names(&folder), [BUCKET, UNCOMMITTED]);
    for inside in [BUCKET, UNCOMMITTED] {
        assert!(names(&folder.join(inside)).is_empty(), "no probe is left");
    }
    assert!(Disk::create(&folder).is_ok() && Disk::open(&folder).is_ok());
    let deep = around.path().join("a/b");
    let error = Disk::create(&deep).unwrap_err().to_string();
    assert!(
        error.contains("the folder around it does not exist"),
        "{error}"
    );
    assert!(!around.path().join("a").exists());
}

#[test]
fn the_folder_around_one_is_found_without_a_look_at_the_disk() {
    for (folder, expected) in [
        ("a/b", "a"),
        ("a", "."),
        ("/a", "/"),
        ("./a", "."),
        ("a/", "."),
    ] {
        assert_eq!(around(Path::new(folder)), Path::new(expected), "{folder}");
    }
}

#[test]
fn a_file_is_not_a_data_folder() {
    let around = tempfile::tempdir().unwrap();
    let file = around.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = Disk::create(&file).unwrap_err().to_string();
    assert!(
        error.ends_with("is a file: name another with --data."),
        "{error}"
    );
    assert!(Disk::open(&file).is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn a_data_folder_on_two_file_systems_is_refused_at_the_start() {
    let device = |folder: &TempDir| fs::metadata(folder.path()).unwrap().dev();
    // Linux has a file system in memory here, so one of the two is another than this.
    let there = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut here = tempfile::tempdir().unwrap();
    if device(&here) == device(&there) {
        here = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    }
    for inside in [BUCKET, UNCOMMITTED] {
        let folder = here.path().join(format!("{inside}-elsewhere"));
        fs::create_dir(&folder).unwrap();
        symlink(there.path(), folder.join(inside)).unwrap();
        let error = Disk::create(&folder).unwrap_err().to_string();
        assert!(
            error.contains("its folders are on two file systems"),
            "{error}"
        );
    }
}

#[test]
fn an_object_is_linked_once_and_never_overwritten() {
    let (disk, folder) = disk();
    let first = disk.link(&key("a/b.json"), b"first").unwrap();
    assert!(matches!(first, Linked::New(stat) if stat.bytes == 5));
    let repeat = disk.link(&key("a/b.json"), b"first").unwrap();
    assert!(matches!(repeat, Linked::Taken));
    for other in [&b"second"[..], b"First", b"firs", b"first ", b""] {
        let other = disk.link(&key("a/b.json"), other).unwrap();
        assert!(matches!(other, Linked::Damaged));
    }
    assert_eq!(bytes(&disk, "a/b.json").as_deref(), Some(&b"first"[..]));
    let file = folder.path().join(BUCKET).join("a/b.json");
    assert_eq!(fs::read(file).unwrap(), b"first", "a plain file");
    assert!(names(&folder.path().join(UNCOMMITTED)).is_empty());
}

#[test]
fn two_keys_that_differ_in_case_or_after_a_cut_are_two_objects() {
    let (disk, _folder) = disk();
    let long = "x".repeat(300);
    for text in ["A", "a", &long, &format!("{long}y"), &"x".repeat(254)] {
        let linked = disk.link(&key(text), text.as_bytes()).unwrap();
        assert!(matches!(linked, Linked::New(_)), "{text}");
        assert_eq!(bytes(&disk, text).unwrap(), text.as_bytes());
    }
}

#[test]
fn a_name_that_is_a_folder_and_a_file_where_a_folder_must_be_are_unstorable() {
    let (disk, folder) = disk();
    disk.link(&key("a/b"), b"x").unwrap();
    for text in ["a", "a/b/c"] {
        let linked = disk.link(&key(text), b"y").unwrap();
        assert!(matches!(linked, Linked::Unstorable), "{text}");
        assert_eq!(bytes(&disk, text), None, "{text}");
    }
    assert!(names(&folder.path().join(UNCOMMITTED)).is_empty());
}

#[test]
fn no_write_and_no_read_follows_a_link() {
    let (disk, folder) = disk();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("object"), "x").unwrap();
    let bucket = folder.path().join(BUCKET);
    symlink(elsewhere.path(), bucket.join("folder")).unwrap();
    symlink(elsewhere.path().join("object"), bucket.join("file")).unwrap();
    symlink("nowhere", bucket.join("broken")).unwrap();
    for text in ["folder/new", "file", "broken", "broken/new"] {
        let linked = disk.link(&key(text), b"y").unwrap();
        assert!(matches!(linked, Linked::Unstorable), "{text}");
    }
    assert_eq!(names(elsewhere.path()), ["object"]);
    assert!(
        disk.read(Bucket::Log, &key("file")).is_err()
            && disk.read(Bucket::Log, &key("broken")).is_err()
    );
    symlink("loop", bucket.join("loop")).unwrap();
    assert!(
        disk.read(Bucket::Log, &key("loop/object")).is_err(),
        "it is not known"
    );
}

#[test]
fn after_a_failed_sync_nothing_is_linked_any_more() {
    let (disk, folder) = disk();
    disk.link(&key("a"), b"x").unwrap();
    // Nothing of a device like this can be made durable.
    assert!(disk.sync_folder(Path::new("/dev/null")).is_err());
    assert!(disk.link(&key("b"), b"x").is_err());
    assert!(disk.link(&key("a"), b"x").is_err(), "not even a repeat");
    assert_eq!(names(&folder.path().join(BUCKET)), ["a"]);
    assert!(bytes(&disk, "a").is_some(), "it can still be read");
}

#[test]
fn a_name_that_another_writer_took_first_is_compared_as_one_that_was_there() {
    let (disk, folder) = disk();
    disk.link(&key("a"), b"first").unwrap();
    for (bytes, is_same) in [(b"first", true), (b"other", false)] {
        let temporary = disk.write_uncommitted(bytes).unwrap();
        match disk.link_file(&temporary, &key("a"), bytes).unwrap() {
            Linked::Taken => assert!(is_same),
            Linked::Damaged => assert!(!is_same),
            Linked::New(_) | Linked::Collides(_) | Linked::Unstorable => panic!("{bytes:?}"),
        }
    }
    let file = folder.path().join(BUCKET).join("a");
    assert_eq!(fs::read(file).unwrap(), b"first");
}

#[test]
fn an_error_of_the_link_is_in_doubt_unless_it_says_that_there_is_none() {
    let (disk, folder) = disk();
    let is_in_doubt = |temporary: &Path| match disk.link_file(temporary, &key("a"), b"x") {
        Ok(_) => panic!("{temporary:?} is linked"),
        Err(LinkError::InDoubt(_)) => true,
        Err(LinkError::BeforeLink(_)) => false,
    };
    assert!(!is_in_doubt(&folder.path().join("missing")));
    let file = disk.write_uncommitted(b"x").unwrap();
    assert!(is_in_doubt(&file.join("below a file")));
}

#[test]
fn what_fails_before_the_link_stores_nothing() {
    let (disk, folder) = disk();
    let is_before_link = || {
        let linked = disk.link(&key("a"), b"x");
        matches!(linked, Err(LinkError::BeforeLink(_)))
    };
    let bucket = folder.path().join(BUCKET);
    fs::remove_dir(&bucket).unwrap();
    assert!(is_before_link());
    fs::write(&bucket, "").unwrap();
    assert!(is_before_link());
    fs::remove_file(&bucket).unwrap();
    fs::create_dir(&bucket).unwrap();
    fs::remove_dir(&disk.uncommitted).unwrap();
    assert!(matches!(disk.link(&key("a"), b"x"), Ok(Linked::New(_))));
}

#[test]
fn folders_that_are_known_to_be_durable_are_not_forgotten_at_each_put() {
    let (disk, _folder) = disk();
    disk.link(&key("a/b/c"), b"x").unwrap();
    disk.link(&key("a/d/e"), b"x").unwrap();
    assert_eq!(disk.durable().len(), ["a", "a/b", "a/d"].len());
}

#[test]
fn a_folder_that_was_removed_is_made_durable_again() {
    let (disk, folder) = disk();
    disk.link(&key("a/b/c"), b"x").unwrap();
    let outer = folder.path().join(BUCKET).join("a");
    assert!(disk.durable().contains(&outer));
    fs::remove_dir_all(&outer).unwrap();
    let temporary = disk.write_uncommitted(b"y").unwrap();
    let linked = disk.link_file(&temporary, &key("a/b/c"), b"y").unwrap();
    assert!(matches!(linked, Linked::New(_)));
    assert!(!disk.durable().contains(&outer), "its entry is a new one");
}

#[test]
fn what_is_not_an_object_is_not_there_and_what_is_too_large_is_an_error() {
    let (disk, folder) = disk();
    disk.link(&key("a/b"), b"x").unwrap();
    for missing in ["c", "a", "a/c", "a/b/c"] {
        assert_eq!(bytes(&disk, missing), None, "{missing}");
    }
    let bucket = folder.path().join(BUCKET);
    let sized = |name: &str, bytes: usize| {
        let file = File::create(bucket.join(name)).unwrap();
        file.set_len(bytes as u64).unwrap();
        disk.read(Bucket::Log, &key(name))
            .map(|read| read.map(|(_, stat)| stat.bytes))
    };
    let most = LOG_BYTES_MAX as u64;
    assert_eq!(sized("most", LOG_BYTES_MAX).unwrap(), Some(most));
    assert!(sized("more", LOG_BYTES_MAX + 1).is_err());
    // The object of the largest body, 4 MiB, with all that an object adds.
    assert!(sized("largest", 5 * 1024 * 1024).is_ok());
}

#[test]
fn an_etag_changes_with_the_file() {
    let (disk, folder) = disk();
    disk.link(&key("a"), b"x").unwrap();
    let etag = || disk.read(Bucket::Log, &key("a")).unwrap().unwrap().1.etag;
    let (first, again) = (etag(), etag());
    assert_eq!(first, again);
    fs::write(folder.path().join(BUCKET).join("a"), "longer").unwrap();
    assert_ne!(etag(), first);
}

#[test]
fn a_start_removes_temporary_files_that_are_older_than_an_hour() {
    let (_, folder) = disk();
    let uncommitted = folder.path().join(UNCOMMITTED);
    for (name, age) in [
        ("old", Duration::from_secs(61 * 60)),
        ("young", Duration::from_secs(59 * 60)),
    ] {
        let file = File::create(uncommitted.join(name)).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }
    Disk::create(folder.path()).unwrap();
    assert_eq!(names(&uncommitted), ["young"]);
}

#[test]
fn a_page_says_where_the_next_begins_only_if_there_is_one() {
    let (disk, _folder) = disk();
    for text in ["a/1", "a/2", "b"] {
        disk.link(&key(text), b"x").unwrap();
    }
    for (after, limit, keys, next) in [
        (None, 2, &["a/1", "a/2"][..], Some("a/2")),
        (Some("a/2"), 2, &["b"], None),
        (None, 3, &["a/1", "a/2", "b"], None),
        (Some("a/1"), 1, &["a/2"], Some("a/2")),
        (Some("b"), 1, &[], None),
        (None, 0, &[], None),
    ] {
        let page = disk.list("", after, limit).unwrap();
        assert_eq!(listed(&page), keys, "{after:?} {limit}");
        let begins = page.next.as_ref().map(|next| next.after.as_str());
        assert_eq!(begins, next, "{after:?} {limit}");
    }
    assert_eq!(listed(&disk.list("a/", None, 9).unwrap()), ["a/1", "a/2"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn pages_of_any_length_give_every_key_once_in_the_order_of_its_bytes(
        keys in prop::collection::btree_set("[ab.ü-]{1,2}(/[a.0]{1,2}){0,2}", 0..12), limit in 1..5_usize, prefix in "[ab]?/?",
    ) {
        let (disk, folder) = disk();
        let mut expected = Vec::new();
        for text in keys {
            let Some(key) = Key::parse(&text) else { continue };
            let path = key.path(&folder.path().join(BUCKET));
            if fs::create_dir_all(path.parent().unwrap()).is_ok() && !path.exists() && fs::write(&path, "x").is_ok() {
                expected.push(text);
            }
        }
        expected.sort();
        expected.retain(|key| key.starts_with(&prefix));
        let mut found = Vec::new();
        let mut page = disk.list(&prefix, None, limit).unwrap();
        loop {
            prop_assert!(page.objects.len() <= limit);
            found.extend(page.objects.into_iter().map(|(key, _)| key));
            let Some(next) = page.next else { break };
            page = disk.list_on(&prefix, &next, limit).unwrap();
        }
        prop_assert_eq!(found, expected);
    }
}
