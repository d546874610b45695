//! `erase` in a data folder: its printed commands are run, and then nothing of the memory is left (contract 7.8).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use memory_log::event::{Event, EventKey, Status};
use serde_json::json;

use crate::erasure::{Memories, of, plan, run_plan};
use crate::folder::stored;
use crate::local::{path_of, run};
use crate::process::{Server, command, text};

/// What must be nowhere afterwards.
const SECRET: &str = "the-secret-word";

/// A folder with a service.
struct World {
    folder: tempfile::TempDir,
    memories: Memories,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let memories = Memories(Server::start(folder.path()));
        Self { folder, memories }
    }

    fn data(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = command();
        command.args(["erase", "--domain", "work", "--data"]);
        command.arg(self.data()).args(args);
        command
    }

    fn erase(&self, args: &[&str], meanwhile: &str) -> Output {
        run_plan(&plan(&mut self.command(args)), &[], meanwhile)
    }

    fn is_erased(&self, args: &[&str], meanwhile: &str) {
        let ended = self.erase(args, meanwhile);
        let (out, err) = (text(&ended.stdout), text(&ended.stderr));
        assert!(ended.status.success(), "{out}{err}");
        assert!(
            out.ends_with("Erased: only the tombstones are left.\n"),
            "{out}"
        );
    }

    /// Every file of the folder with what is in it, also the temporary ones, and the views, which are
    /// compressed.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut folders = vec![self.data().to_owned()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => {
                        let bytes = fs::read(&path).unwrap();
                        files.push((path, bytes));
                    }
                }
            }
        }
        files.sort();
        files
    }

    fn holding(&self, what: &str) -> Vec<PathBuf> {
        let files = self.files().into_iter();
        let holding = files.filter(|(_, bytes)| text(bytes).contains(what));
        holding.map(|(path, _)| path).collect()
    }

    /// The events of the log, each proved.
    fn events(&self) -> Vec<Event> {
        let stored = stored(self.data());
        let events = stored.iter().filter(|(key, _)| key.starts_with("events/"));
        let events = events.map(|(key, body)| Event::read(EventKey::parse(key).unwrap(), body));
        events.collect::<Result<_, _>>().unwrap()
    }
}

fn view(entity_id: &str) -> String {
    format!("views/views/1/domain=work/entity={entity_id}.zst")
}

#[tokio::test]
async fn of_an_erased_memory_nothing_is_left_but_a_tombstone_that_hides_a_repeat() {
    let world = World::new();
    let (id, _) = world.memories.store("rob", SECRET).await;
    let (other, _) = world.memories.store("rob", "mornings").await;
    world
        .memories
        .delete(&id, "rob", &format!("it names {SECRET}"))
        .await;
    world.memories.delete(&other, "rob", "x").await;
    let (third, _) = world.memories.store("rob", "evenings").await;
    let data = world.data();
    let data_name = data.to_str().unwrap();
    let built = run(&[
        "views", "--data", data_name, "--domain", "work", "--entity", "rob",
    ]);
    assert!(built.status.success(), "{}", text(&built.stderr));
    // What a killed process leaves: a second name of the memory's file.
    let [memory] = &world.holding(&format!("\"{SECRET}\""))[..] else {
        panic!("one file has the memory");
    };
    fs::hard_link(memory, data.join("uncommitted/left")).unwrap();
    // A view that a slow reader puts while the plan waits.
    let (view, slow) = (data.join(view("rob")), data.join("slow"));
    assert!(view.exists());
    fs::write(&slow, SECRET).unwrap();
    // And what a process leaves that is killed meanwhile.
    let killed = data.join("uncommitted/killed");
    let [slow, view_file, killed] = [&slow, &view, &killed].map(|path| path.display());
    let meanwhile = format!("cp '{slow}' '{killed}'\nmv '{slow}' '{view_file}'");
    world.is_erased(&["--entity", "rob", "--id", &id], &meanwhile);

    assert_eq!(world.holding(SECRET), Vec::<PathBuf>::new());
    assert!(!view.exists(), "the view is made again by the next reader");
    let of_memory = |event: &&Event| event.key().memory_id.to_string() == id;
    let events = world.events();
    let [tombstone] = &events.iter().filter(of_memory).collect::<Vec<_>>()[..] else {
        panic!("one event is left: {events:?}");
    };
    assert_eq!(
        (tombstone.seq().get(), tombstone.change().status),
        (2, Status::Deleted)
    );
    assert_eq!(tombstone.change().reason, None);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = path_of(data, &tombstone.key().to_string());
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));

    // The other memories are as they were, and a repeat stays hidden.
    assert_eq!(world.memories.get(&other, "rob").await, 410);
    assert_eq!(world.memories.get(&third, "rob").await, 200);
    assert_eq!(world.memories.get(&id, "rob").await, 404);
    assert_eq!(world.memories.store("rob", SECRET).await.0, id);
    assert_eq!(world.memories.get(&id, "rob").await, 410);
    assert_eq!(world.memories.found("rob", SECRET).await, 0);
    let replayed = run(&["replay", "--events", "--data", data_name]);
    assert!(replayed.status.success(), "{}", text(&replayed.stderr));

    // A second erasure takes the repeat, and its tombstone is the one that is there.
    world.is_erased(&["--entity", "rob", "--id", &id], "");
    assert_eq!(world.holding(SECRET), Vec::<PathBuf>::new());
    assert_eq!(world.events(), events);
}

#[tokio::test]
async fn of_an_erased_entity_nothing_is_left_and_no_other_one_is_touched() {
    // The keys of the last two begin with the same 254 bytes, so they share a folder on the disk.
    let long = "/".repeat(100);
    let [same, other] = ["a", "b"].map(|end| format!("{long}{end}"));
    for (erased, others) in [
        ("rob", vec!["rob2", "ro", "rob.zst", "Rob", "rob/x"]),
        (
            "it's \"$(touch oops)\" %27\\",
            vec!["it's", "it's \"$(touch oops)\""],
        ),
        ("-rf", vec!["-r"]),
        ("..", vec![".", "..."]),
        (&*same, vec![&*other, &long[..99]]),
    ] {
        let world = World::new();
        let mut ids = Vec::new();
        for content in ["one", "two"] {
            let (id, _) = world
                .memories
                .store(erased, &format!("{content} {SECRET}"))
                .await;
            ids.push(id);
        }
        for other in &others {
            world.memories.store(other, "kept").await;
        }
        let before = stored(world.data());
        // Foreign files of the entity go as well, whatever their names are.
        let end = format!("_{}.json", ids[0]);
        let key = before.keys().find(|key| key.ends_with(&end)).unwrap();
        let memory = path_of(world.data(), key);
        let memory = match memory.exists() {
            true => memory,
            false => world.holding("one")[0].clone(),
        };
        for name in ["it's\nrm", "-x", ".DS_Store", "$(x)"] {
            fs::write(memory.with_file_name(name), SECRET).unwrap();
        }
        world.is_erased(&[&format!("--entity={erased}")], "");
        assert_eq!(world.holding(SECRET), Vec::<PathBuf>::new(), "{erased}");
        let after = stored(world.data());
        let is_kept = |(_, body): &(&String, &Vec<u8>)| text(body).contains("\"kept\"");
        assert_eq!(
            after.iter().filter(is_kept).collect::<Vec<_>>(),
            before.iter().filter(is_kept).collect::<Vec<_>>()
        );
        assert_eq!(after.len(), others.len() + 2, "and two tombstones");
        assert_eq!(world.events().len(), 2);
        for content in ["one", "two"] {
            let (id, _) = world
                .memories
                .store(erased, &format!("{content} {SECRET}"))
                .await;
            assert!(ids.contains(&id));
        }
    }
}

#[tokio::test]
async fn a_change_after_the_plan_stops_it_before_anything_is_deleted() {
    let world = World::new();
    let (id, _) = world.memories.store("rob", SECRET).await;
    let printed = plan(&mut world.command(&["--entity", "rob", "--id", &id]));
    world.memories.delete(&id, "rob", "x").await;
    let before = world.files();
    let ended = run_plan(&printed, &[], "");
    assert!(!ended.status.success());
    assert_eq!(world.files(), before);
}

/// A tombstone that is there is not put again, so nothing but the events tells of a change.
#[tokio::test]
async fn a_memory_that_was_restored_after_the_plan_is_not_erased() {
    let world = World::new();
    let (id, _) = world.memories.store("rob", SECRET).await;
    world.is_erased(&["--entity", "rob", "--id", &id], "");
    world.memories.store("rob", SECRET).await;
    let printed = plan(&mut world.command(&["--entity", "rob", "--id", &id]));
    let document =
        json!({"data": {"type": "memories", "id": id, "attributes": {"status": "unverified"}}});
    let Memories(server) = &world.memories;
    let path = of("rob", &format!("/{id}"), "");
    let restore = server.client.patch(format!("{}{path}", server.url));
    let restore = restore.header("content-type", "application/json");
    let restore = restore.header("if-match", "\"1-1j\"");
    let restored = restore.body(document.to_string()).send().await.unwrap();
    assert_eq!(restored.status(), 200);
    let before = world.files();
    let ended = run_plan(&printed, &[], "");
    let told = text(&ended.stderr);
    assert!(told.starts_with("STOPPED: "), "{told}");
    assert!(!ended.status.success());
    assert_eq!(world.files(), before);
    assert_eq!(world.memories.get(&id, "rob").await, 200);
}

#[tokio::test]
async fn what_comes_back_while_the_plan_runs_is_told_in_the_end() {
    let world = World::new();
    let (id, _) = world.memories.store("rob", SECRET).await;
    let copy = world.data().join("copy");
    let [memory] = &world.holding(SECRET)[..] else {
        panic!("one file has the memory");
    };
    fs::copy(memory, &copy).unwrap();
    let meanwhile = format!("mv '{}' '{}'", copy.display(), memory.display());
    let ended = world.erase(&["--entity", "rob", "--id", &id], &meanwhile);
    assert!(!ended.status.success());
    assert!(text(&ended.stdout).contains(&format!(
        "< {}",
        memory.strip_prefix(world.data()).unwrap().display()
    )));
    assert!(
        text(&ended.stderr).starts_with("NOT ERASED"),
        "{}",
        text(&ended.stderr)
    );
    world.is_erased(&["--entity", "rob", "--id", &id], "");
}

#[tokio::test]
async fn of_what_is_not_there_is_no_plan() {
    let world = World::new();
    let (id, _) = world.memories.store("rob", "x").await;
    let none = id.replace(|digit: char| digit.is_ascii_digit(), "8");
    for args in [&["--entity", "ro"][..], &["--entity", "rob", "--id", &none]] {
        let ended = world.command(args).output().unwrap();
        assert_eq!(
            (ended.status.code(), text(&ended.stdout)),
            (Some(1), String::new())
        );
        assert!(text(&ended.stderr).contains("there is nothing of it"));
    }
    let before = world.files();
    plan(&mut world.command(&["--entity", "rob"]));
    assert_eq!(world.files(), before, "a plan changes nothing");
}
