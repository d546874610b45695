//! Every way in which a put fails, through every surface: what the caller is told, what is in the bucket, and that the
//! repeat that the response proposes stores the memory once (contract 1.3, 1.4, 3.9).

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use memory_s3::embedded::BUCKET;
use memory_s3::writer::Writer;

use crate::app::App;
use crate::faulty::{Fault, error, faulty_store};
use crate::folder::stored;
use crate::surface::{Surface, Told};

const UUID: &str = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d";

/// Sends a memory without a timestamp to a service whose put fails, then as the answer proposes to
/// one whose does not: the status, what was told, and how many objects lay in the bucket before the
/// retry.
pub(crate) async fn after_a_fault(
    failing: &App,
    app: &App,
    surface: Surface,
    folder: &Path,
) -> (u16, Told, usize) {
    let answer = failing.send(surface.ask(UUID, "„☃“ once", None)).await;
    let told = surface.told(&answer.json());
    let lying = stored(folder).len();
    let Told::Failed { retry, .. } = &told else {
        return (answer.status.as_u16(), told, lying);
    };
    let repeat = surface.ask(UUID, "„☃“ once", Some(retry));
    let first = app.send(repeat.clone()).await;
    let Told::Stored { key } = surface.told(&first.json()) else {
        panic!("{surface:?}: the retry was not stored: {}", first.text());
    };
    let keys: Vec<_> = stored(folder).into_keys().collect();
    assert_eq!(
        keys,
        [key],
        "{surface:?}: exactly one, under the key of the receipt"
    );
    // The object was there before if the failure left it there, and is now.
    assert_eq!(first.header("idempotent-replayed") == "true", lying == 1);
    let again = app.send(repeat).await;
    assert_eq!(
        (&again.body, again.header("idempotent-replayed")),
        (&first.body, "true")
    );
    (answer.status.as_u16(), told, lying)
}

/// A store whose first put meets this fault, and no other does.
fn failing_once(folder: &Path, fault: Fault) -> Writer {
    let is_first = Arc::new(AtomicBool::new(true));
    faulty_store(
        folder,
        Arc::new(move |_| match is_first.swap(false, Ordering::SeqCst) {
            true => fault.clone(),
            false => Fault::None,
        }),
    )
}

#[tokio::test(start_paused = true)]
async fn every_fault_is_told_truly_by_every_surface_and_its_retry_stores_one_memory() {
    use Fault::{
        Answered, AnsweredLate, Dropped, HangsAfterIt, HangsAtOnce, Lost, NoEtag, OtherDigest,
        Refused, StoredAnd,
    };
    let minute = Duration::from_secs(60);
    let garbage = || "<html>proxy error".to_owned();
    for (name, fault, status, known, lying) in [
        (
            "refused before it is read",
            Refused(503, error("SlowDown")),
            503,
            "not_written",
            0,
        ),
        ("stored and the answer lost", Lost, 504, "unknown", 1),
        (
            "stored and answered after the deadline",
            AnsweredLate(minute),
            504,
            "unknown",
            1,
        ),
        (
            "the connection broke after the request",
            Dropped,
            504,
            "unknown",
            0,
        ),
        (
            "hangs before the first byte",
            HangsAtOnce,
            503,
            "not_written",
            0,
        ),
        ("hangs after the request", HangsAfterIt, 504, "unknown", 0),
        (
            "500 InternalError",
            Answered(500, error("InternalError")),
            504,
            "unknown",
            0,
        ),
        (
            "500 InternalError, and stored",
            StoredAnd(500, error("InternalError")),
            504,
            "unknown",
            1,
        ),
        (
            "503 SlowDown",
            Answered(503, error("SlowDown")),
            503,
            "not_written",
            0,
        ),
        (
            "503 without a code, and stored",
            StoredAnd(503, garbage()),
            504,
            "unknown",
            1,
        ),
        (
            "403 AccessDenied",
            Answered(403, error("AccessDenied")),
            500,
            "not_written",
            0,
        ),
        (
            "403 ExpiredToken",
            Answered(403, error("ExpiredToken")),
            503,
            "not_written",
            0,
        ),
        (
            "404 NoSuchBucket",
            Answered(404, error("NoSuchBucket")),
            500,
            "not_written",
            0,
        ),
        (
            "409 ConditionalRequestConflict",
            Answered(409, error("ConditionalRequestConflict")),
            503,
            "not_written",
            0,
        ),
        (
            "412 without its code",
            Answered(412, garbage()),
            504,
            "unknown",
            0,
        ),
        (
            "a redirect",
            Answered(307, error("TemporaryRedirect")),
            500,
            "not_written",
            0,
        ),
        (
            "garbage for a refusal",
            Answered(400, garbage()),
            504,
            "unknown",
            0,
        ),
        (
            "a success that proves nothing",
            Answered(200, String::new()),
            504,
            "unknown",
            0,
        ),
        ("another digest", OtherDigest, 504, "unknown", 1),
        ("no ETag", NoEtag, 504, "unknown", 1),
    ] {
        for surface in Surface::ALL {
            let folder = tempfile::tempdir().unwrap();
            let app = App::over(failing_once(folder.path(), fault.clone()));
            let (answered, told, found) = after_a_fault(&app, &app, surface, folder.path()).await;
            // An agent's failure is a result, whose status is 200.
            let expected = if surface == Surface::Mcp { 200 } else { status };
            assert_eq!(answered, expected, "{name}, {surface:?}");
            assert_eq!(found, lying, "{name}, {surface:?}");
            assert!(
                matches!(told, Told::Failed { known: said, .. } if said == known),
                "{name}, {surface:?}: {told:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_lands_after_it_was_given_up_and_after_its_retry_is_the_same_memory() {
    for surface in Surface::ALL {
        let folder = tempfile::tempdir().unwrap();
        let app = App::over(failing_once(
            folder.path(),
            Fault::Late(Duration::from_secs(60)),
        ));
        let (_, told, lying) = after_a_fault(&app, &app, surface, folder.path()).await;
        assert!(
            matches!(
                told,
                Told::Failed {
                    known: "unknown",
                    ..
                }
            ),
            "{told:?}"
        );
        assert_eq!(lying, 0);
        // Taken away, it comes back by the write that nobody waits for any more.
        let key = stored(folder.path()).into_keys().next().unwrap();
        std::fs::remove_file(folder.path().join(BUCKET).join(key)).unwrap();
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert_eq!(stored(folder.path()).len(), 1, "{surface:?}");
    }
}

#[tokio::test]
async fn a_412_that_is_true_is_a_success_with_the_same_receipt() {
    for surface in Surface::ALL {
        let folder = tempfile::tempdir().unwrap();
        let app = App::over(failing_once(folder.path(), Fault::None));
        let asked = surface.ask(UUID, "twice", Some("2026-01-27T03:14:22Z"));
        let (first, repeat) = (app.send(asked.clone()).await, app.send(asked).await);
        assert_eq!((first.status, &first.body), (repeat.status, &repeat.body));
        assert_eq!(repeat.header("idempotent-replayed"), "true");
        assert_eq!(stored(folder.path()).len(), 1);
    }
}
