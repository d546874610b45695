//! Faults that only sockets can have, between the real SDK and the embedded S3: resets, cuts, TLS (contract 1.4, 1.5,
//! 3.9).

use memory_s3::embedded::BUCKET;
use memory_s3::writer::Writer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::app::App;
use crate::faults::after_a_fault;
use crate::misbehaving::{Does, Misbehaving, is_whole};
use crate::s3_client::client_of;
use crate::socket::s3;
use crate::surface::{Surface, Told};

/// What becomes of the first connection.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// Reset once the beginning of the request is there.
    BeforeTheBody,
    /// Reset with a part of the body.
    InTheBody,
    /// Reset with all of it, and nothing passed on.
    AfterTheBody,
    /// Reset once the storage has answered.
    BeforeTheAnswer,
    /// Closed in the middle of the storage's answer.
    InTheAnswer,
}

/// Passes connections on to a server, but for the first.
async fn proxy(upstream: String, cut: Cut) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (first, _) = listener.accept().await.unwrap();
        fail(first, &upstream, cut).await;
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut behind = TcpStream::connect(&upstream).await.unwrap();
            tokio::spawn(
                async move { tokio::io::copy_bidirectional(&mut socket, &mut behind).await },
            );
        }
    });
    address
}

async fn fail(mut socket: TcpStream, upstream: &str, cut: Cut) {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let read = socket.read(&mut buffer).await.unwrap();
        request.extend_from_slice(&buffer[..read]);
        let has_head = request.windows(4).any(|bytes| bytes == b"\r\n\r\n");
        let is_enough = match cut {
            Cut::BeforeTheBody => true,
            Cut::InTheBody => has_head && !request.ends_with(b"\r\n\r\n"),
            Cut::AfterTheBody | Cut::BeforeTheAnswer | Cut::InTheAnswer => is_whole(&request),
        };
        if is_enough {
            break;
        }
    }
    if matches!(cut, Cut::BeforeTheAnswer | Cut::InTheAnswer) {
        let mut behind = TcpStream::connect(upstream).await.unwrap();
        behind.write_all(&request).await.unwrap();
        let read = behind.read(&mut buffer).await.unwrap();
        if matches!(cut, Cut::InTheAnswer) {
            socket.write_all(&buffer[..read / 2]).await.unwrap();
            return socket.shutdown().await.unwrap();
        }
    }
    socket.set_zero_linger().unwrap();
}

async fn over(endpoint: &str) -> App {
    App::over(Writer::new(client_of(endpoint).await, BUCKET))
}

#[tokio::test]
async fn a_cut_connection_is_told_truly_by_every_surface_and_its_retry_stores_one_memory() {
    for (cut, lying) in [
        (Cut::BeforeTheBody, 0),
        (Cut::InTheBody, 0),
        (Cut::AfterTheBody, 0),
        (Cut::BeforeTheAnswer, 1),
        (Cut::InTheAnswer, 1),
    ] {
        for surface in Surface::ALL {
            let folder = tempfile::tempdir().unwrap();
            let upstream = s3(folder.path(), "test", "test").await;
            let app = over(&format!("http://{}", proxy(upstream, cut).await)).await;
            let (_, told, found) = after_a_fault(&app, &app, surface, folder.path()).await;
            assert!(
                matches!(
                    told,
                    Told::Failed {
                        known: "unknown",
                        ..
                    }
                ),
                "{cut:?}, {surface:?}: {told:?}"
            );
            assert_eq!(found, lying, "{cut:?}, {surface:?}");
        }
    }
}

#[tokio::test]
async fn a_connection_that_never_stood_stored_nothing_and_its_retry_does() {
    for (scheme, does) in [
        ("http", Does::IsNotThere),
        ("https", Does::ResetsEarly),
        ("https", Does::Answers(b"HTTP/1.1 200 OK\r\n\r\n".to_vec())),
    ] {
        for surface in Surface::ALL {
            let folder = tempfile::tempdir().unwrap();
            let server = Misbehaving::start(scheme, does.clone()).await;
            let failing = over(&server.endpoint).await;
            let sound = over(&format!(
                "http://{}",
                s3(folder.path(), "test", "test").await
            ))
            .await;
            let (_, told, found) = after_a_fault(&failing, &sound, surface, folder.path()).await;
            assert!(
                matches!(
                    told,
                    Told::Failed {
                        known: "not_written",
                        ..
                    }
                ),
                "{does:?}: {told:?}"
            );
            assert_eq!(found, 0);
        }
    }
}
