//! Power loss: every prefix of a traced run's file operations, with what was not synced dropped,
//! replays with every acknowledged memory and every acknowledged change present, and no half object.
//!
//! After each line of the trace two disks are judged: one has of names and bytes what a sync has
//! proved, the other has every name, also of a call in flight, and still no other bytes. All other
//! disks lie between them, for no object is ever removed. A change of files that the model does not
//! know fails the test.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use memory_log::object::Object;

use crate::change::{event_key, id, proved};
use crate::folder::{memory, stored};
use crate::local::run;
use crate::process::{Server, text};
use crate::receipt::key;
use crate::trace::{Call, calls};

/// What the model knows, and the ways around it; not every processor has those with a `?`.
const TRACED: &str = "trace=?mkdir,mkdirat,?rmdir,?unlink,unlinkat,?link,linkat,?symlink,symlinkat,?rename,?renameat,\
    renameat2,?open,openat,openat2,?creat,write,writev,pwrite64,pwritev,pwritev2,lseek,truncate,ftruncate,fallocate,\
    copy_file_range,sendfile,splice,fsync,fdatasync,sendto,sendmsg,sendmmsg";
/// Slow syncs keep writes in flight together, and leave a name taken long before it is durable.
const SLOW: &str = "inject=fsync,fdatasync:delay_enter=15000";
/// Slower than a whole request, so that others can be answered between a link and its sync.
const SLOWER: &str = "inject=fsync,fdatasync:delay_enter=300000";
/// A part of that time.
const SOON: Duration = Duration::from_millis(75);

const NEVER: usize = usize::MAX;
/// When a name changes on the disk that has the least, and on the one that has the most.
const LEAST: fn(Change) -> usize = |change| change.proved;
const MOST: fn(Change) -> usize = |change| change.began;

/// A change of a folder or a file, in lines of the trace.
#[derive(Clone, Copy)]
struct Change {
    began: usize,
    /// Since when it has happened for certain.
    happened: usize,
    /// When a sync that began after that had ended.
    proved: usize,
}

impl Change {
    fn within(began: usize, happened: usize) -> Self {
        Self {
            began,
            happened,
            proved: NEVER,
        }
    }

    fn prove(&mut self, sync: &Call) {
        if self.happened < sync.began {
            self.proved = self.proved.min(sync.ended);
        }
    }
}

/// A name in a folder, of a file or of another folder.
struct Entry {
    path: PathBuf,
    file: Option<usize>,
    made: Change,
    removed: Change,
}

/// What is written to a file, and the last write: a power loss drops all of it or none.
type File = (Vec<u8>, Change);

struct History {
    data: PathBuf,
    entries: Vec<Entry>,
    files: Vec<File>,
}

impl History {
    fn of(data: &Path, calls: &[Call]) -> Self {
        let mut history = Self {
            data: data.to_owned(),
            entries: Vec::new(),
            files: Vec::new(),
        };
        let succeeded = || calls.iter().filter(|call| call.succeeded);
        succeeded().for_each(|call| history.change(call));
        // A name found taken is there, even if the call that made it is seen to end only later.
        // So is one that is opened for reading.
        let taken = |call: &&Call| {
            let opened = call.name == "openat" && call.args.contains("O_RDONLY");
            call.args.contains(") = -1 EEXIST ") || opened && call.succeeded
        };
        for call in calls.iter().filter(taken) {
            let entry = history.entry(texts(&call.args).pop().unwrap());
            if let Some(entry) = entry.filter(|entry| entry.made.began < call.ended) {
                entry.made.happened = entry.made.happened.min(call.ended);
            }
        }
        for call in succeeded().filter(|call| ["fsync", "fdatasync"].contains(&&*call.name)) {
            history.sync(call);
        }
        history.entries.sort_by_key(|entry| entry.path.clone());
        history
    }

    fn change(&mut self, call: &Call) {
        let (open, texts) = (descriptor(&call.args), texts(&call.args));
        let subject = open.or(texts.first().map(Path::new));
        if !subject.is_some_and(|path| path.starts_with(&self.data)) {
            return;
        }
        let change = Change::within(call.began, call.ended);
        match (&*call.name, &*texts) {
            ("fsync" | "fdatasync", _) => {}
            ("openat", _) if call.args.contains("O_RDONLY") => {}
            // It asks where a file is read, and moves nothing.
            ("lseek", _) if call.args.contains(", 0, SEEK_CUR)") => {}
            ("openat", [path]) if call.args.contains("O_CREAT|O_EXCL") => {
                self.files.push((Vec::new(), change));
                self.make(path, Some(self.files.len() - 1), change);
            }
            ("write", [bytes]) => {
                let (_, count) = call.args.rsplit_once(" = ").unwrap();
                let file = self.entry(open.unwrap()).unwrap().file;
                let (written, last) = &mut self.files[file.unwrap()];
                written.extend_from_slice(&bytes.as_bytes()[..count.parse().unwrap()]);
                *last = change;
            }
            ("mkdir" | "mkdirat", [path]) => self.make(path, None, change),
            ("link" | "linkat", [from, to]) => {
                let file = self.entry(from).unwrap().file;
                self.make(to, file, change);
            }
            ("unlink" | "unlinkat" | "rmdir", [path]) => {
                let is_in_bucket = Path::new(path).starts_with(self.data.join("memory"));
                let entry = self.entry(path).unwrap();
                assert!(!is_in_bucket || entry.file.is_none(), "{path} is removed");
                entry.removed = change;
            }
            (name, _) => panic!("the model does not know {name}({}", call.args),
        }
    }

    fn make(&mut self, path: impl AsRef<Path>, file: Option<usize>, made: Change) {
        let path = path.as_ref().to_owned();
        assert!(self.entry(&path).is_none(), "{path:?} is made twice");
        self.entries.push(Entry {
            path,
            file,
            made,
            removed: Change::within(NEVER, NEVER),
        });
    }

    fn entry(&mut self, path: impl AsRef<Path>) -> Option<&mut Entry> {
        let mut entries = self.entries.iter_mut();
        entries.find(|entry| entry.path == path.as_ref() && entry.removed.began == NEVER)
    }

    fn sync(&mut self, call: &Call) {
        let synced = descriptor(&call.args).unwrap();
        for entry in &mut self.entries {
            if entry.path.parent() == Some(synced) && call.name == "fsync" {
                entry.made.prove(call);
                entry.removed.prove(call);
            }
            let is_there = entry.made.began < call.began && call.began < entry.removed.began;
            if let (true, Some(file)) = (entry.path == synced && is_there, entry.file) {
                self.files[file].1.prove(call);
            }
        }
    }

    /// What a power loss after this many lines leaves: folders, and files with their bytes.
    fn disk(&self, lines: usize, at: fn(Change) -> usize) -> BTreeMap<&Path, Option<&[u8]>> {
        let mut disk = BTreeMap::<&Path, _>::new();
        for entry in &self.entries {
            let parent = entry.path.parent().unwrap();
            let is_reached = entry.path == self.data || disk.contains_key(parent);
            if is_reached && at(entry.made) < lines && at(entry.removed) >= lines {
                let bytes = entry.file.map(|file| match &self.files[file] {
                    (bytes, last) if last.proved < lines => &**bytes,
                    _ => b"",
                });
                disk.insert(&entry.path, bytes);
            }
        }
        disk
    }

    fn objects(&self, lines: usize, at: fn(Change) -> usize) -> BTreeMap<String, Vec<u8>> {
        let bucket = self.data.join("memory");
        let mut objects = BTreeMap::new();
        for (path, bytes) in self.disk(lines, at) {
            if let (Ok(path), Some(bytes)) = (path.strip_prefix(&bucket), bytes) {
                let key = path.to_str().unwrap().replace("+/", "");
                objects.insert(key, bytes.to_vec());
            }
        }
        objects
    }

    /// What the real replay prints of the least that a power loss leaves.
    fn replay(&self, lines: usize, more: &[&str]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        for (path, bytes) in self.disk(lines, LEAST) {
            let path = data.join(path.strip_prefix(&self.data).unwrap());
            match bytes {
                Some(bytes) => fs::write(path, bytes).unwrap(),
                None => fs::create_dir(path).unwrap(),
            }
        }
        let replay = run(&[&["replay", "--data", data.to_str().unwrap()], more].concat());
        assert!(replay.status.success(), "{}", text(&replay.stderr));
        text(&replay.stdout).lines().map(str::to_owned).collect()
    }
}

/// The path that strace gives for the descriptor that a call takes first.
fn descriptor(args: &str) -> Option<&Path> {
    let (number, rest) = args.split_once('<')?;
    let (path, _) = rest.split_once('>')?;
    number.parse::<u32>().is_ok().then_some(Path::new(path))
}

/// A call's quoted arguments. What is stored here is ASCII: strace escapes it without digits.
fn texts(args: &str) -> Vec<String> {
    let mut rest = args.chars();
    let mut texts = Vec::new();
    while rest.any(|character| character == '"') {
        let mut text = String::new();
        while let Some(mut character) = rest.next().filter(|character| *character != '"') {
            if character == '\\' {
                character = rest.next().unwrap();
            }
            text.push(character);
        }
        texts.push(text);
    }
    texts
}

/// When an answer 201 began, and its memory's key.
fn acknowledgement(call: &Call) -> Option<(usize, String)> {
    let answer = texts(&call.args).concat();
    let (_, body) = answer.split_at(answer.find('{')?);
    let is_yes = call.args.contains("HTTP/1.1 201");
    is_yes.then(|| (call.began, key(body.as_bytes())))
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_power_loss_at_any_call_every_acknowledged_memory_replays_and_none_is_half() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().canonicalize().unwrap().join("data");
    let trace = folder.path().join("trace");
    let on = |day: usize, entity: &str, content: &str| {
        let content = format!("{content} \"\\\n");
        memory(entity, &content, &format!("2026-01-0{day}T03:14:22Z"))
    };
    // A write whose fourth sync fails: strace counts by thread, and the start's are three.
    let failing = "inject=fsync:error=EIO:when=4+";
    let mut server = Server::traced(&data, &trace, &["-e", TRACED, "-e", failing]);
    server.post(on(1, "left", "a")).await.unwrap();
    assert!(server.stop().success());
    assert_eq!(stored(&data).len(), 1);

    let mut server = Server::traced(&data, &trace, &["-A", "-e", TRACED, "-e", SLOW]);
    // Beside what is left, that again, in known folders, again, and in one whose name is cut.
    let long = &*"/".repeat(150);
    let entities = ["one", "left", "one", "left", "left", long, long];
    let contents = ["a", "a", "b", "b", "b", "a", "b"];
    for (entity, content) in entities.into_iter().zip(contents) {
        server.store(on(1, entity, content)).await;
    }
    // Writers that need the same new folders at once, each memory twice.
    let server_ref = &server;
    let writers = (0..16).map(|number| async move {
        let body = on(1 + number / 2 % 3, "many", &format!("{}", number / 2));
        server_ref.store(body.replace("work", "home")).await
    });
    join_all(writers).await;
    assert!(server.stop().success());

    let calls = calls(&trace);
    let history = History::of(&data, &calls);
    let answers: Vec<_> = calls.iter().filter_map(acknowledgement).collect();
    let stored = stored(&data);
    let end = calls.iter().map(|call| call.ended + 1).max().unwrap();
    for (lines, at) in (0..=end).flat_map(|lines| [(lines, LEAST), (lines, MOST)]) {
        let objects = history.objects(lines, at);
        for (key, bytes) in &objects {
            assert!(Object::read(key, bytes).is_ok(), "line {lines}: half {key}");
        }
        for (_, key) in answers.iter().filter(|(began, _)| *began < lines) {
            assert!(objects.contains_key(key), "line {lines}: no {key}");
        }
    }
    assert_eq!(history.objects(end, MOST), stored);
    assert_eq!((answers.len(), stored.len()), (7 + 16, 6 + 8));

    let some = (0..5).map(|number| answers[number * (answers.len() - 1) / 4].0 + 1);
    for lines in some.chain([end]) {
        let objects = history.objects(lines, LEAST);
        let bodies: Vec<_> = objects.values().map(|body| text(body)).collect();
        assert_eq!(history.replay(lines, &[]), bodies, "line {lines}");
    }
}

/// When an answer to a change began, and the key of the event that it rests on.
fn confirmation(call: &Call) -> Option<(usize, String)> {
    let answer = texts(&call.args).concat();
    let (_, body) = answer.split_at(answer.find('{')?);
    let is_yes = call.args.contains("HTTP/1.1 200");
    is_yes.then(|| Some((call.began, event_key(body.as_bytes())?)))?
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_power_loss_at_any_call_every_acknowledged_change_is_there_and_none_is_half() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().canonicalize().unwrap().join("data");
    let trace = folder.path().join("trace");
    let mut server = Server::traced(&data, &trace, &["-e", TRACED, "-e", SLOWER]);
    let mut ids = Vec::new();
    for content in ["a", "b", "c", "d"] {
        let body = memory("one", content, "2026-01-27T03:14:22Z");
        ids.push(id(&server.store(body).await));
    }
    // One after another, in new folders and in known ones, one that changes nothing, and one that is refused,
    // because to unlock needs an If-Match.
    let alone = ids.pop().unwrap();
    for (status, code) in [
        ("verified", 200),
        ("locked", 200),
        ("locked", 200),
        ("verified", 428),
    ] {
        let answer = server.change("one", &alone, status).await.unwrap();
        assert_eq!(answer.status(), code);
    }
    // One shortly after another, so that some find an event which is linked and not synced, and rest on it.
    const AT_ONCE: usize = 12;
    let server_ref = &server;
    for status in ["verified", "deleted"] {
        let same = (0..3 * AT_ONCE).map(|number| {
            let (id, after) = (&ids[number % 3], SOON * u32::try_from(number / 3).unwrap());
            async move {
                tokio::time::sleep(after).await;
                let answer = server_ref.change("one", id, status).await.unwrap();
                assert_eq!(answer.status(), 200);
            }
        });
        join_all(same).await;
    }
    assert!(server.stop().success());

    let calls = calls(&trace);
    let history = History::of(&data, &calls);
    let answers: Vec<_> = calls.iter().filter_map(confirmation).collect();
    let is_event = |(key, _): &(&String, &Vec<u8>)| key.starts_with("events/");
    let end = calls.iter().map(|call| call.ended + 1).max().unwrap();
    for (lines, at) in (0..=end).flat_map(|lines| [(lines, LEAST), (lines, MOST)]) {
        let objects = history.objects(lines, at);
        for (key, bytes) in objects.iter().filter(is_event) {
            proved(key, bytes);
        }
        for (_, key) in answers.iter().filter(|(began, _)| *began < lines) {
            assert!(objects.contains_key(key), "line {lines}: no {key}");
        }
    }
    let stored = stored(&data);
    assert_eq!(history.objects(end, MOST), stored);
    let events = stored.iter().filter(is_event).count();
    assert_eq!((answers.len(), events), (3 + 2 * 3 * AT_ONCE, 2 + 2 * 3));
    for lines in [answers[0].0 + 1, answers[9].0 + 1, end] {
        let objects = history.objects(lines, LEAST);
        let bodies = objects.iter().filter(is_event);
        let bodies: Vec<_> = bodies.map(|(_, body)| text(body)).collect();
        assert_eq!(history.replay(lines, &["--events"]), bodies, "line {lines}");
    }
}
