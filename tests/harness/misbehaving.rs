//! A server that misbehaves on a real socket, in a named way.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Does {
    /// Reads it whole and answers these bytes.
    Answers(Vec<u8>),
    /// Reads it whole and answers with what this makes of its body.
    AnswersTo(fn(&str) -> Vec<u8>),
    /// Reads it whole, answers these bytes, and keeps the connection without another word.
    AnswersAndHangs(Vec<u8>),
    /// Reads its beginning and resets the connection.
    ResetsEarly,
    /// Reads it whole and resets the connection.
    ResetsLate,
    /// Says nothing at all, not even TLS's hello.
    IsSilent,
    /// Is not there.
    IsNotThere,
}

/// A server on a port of this machine, and the requests that reached it.
pub(crate) struct Misbehaving {
    pub(crate) endpoint: String,
    seen: Arc<Mutex<Vec<String>>>,
    /// Keeps a port on which nobody listens, so that no other test gets it.
    unheard: Option<TcpSocket>,
}

impl Misbehaving {
    pub(crate) async fn start(scheme: &str, does: Does) -> Self {
        Self::start_with(scheme, vec![does]).await
    }

    /// Does one thing after another with each connection, and the last for ever.
    pub(crate) async fn start_with(scheme: &str, script: Vec<Does>) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let endpoint = format!("{scheme}://{}", socket.local_addr().unwrap());
        let seen = Arc::default();
        let mut server = Self {
            endpoint,
            seen: Arc::clone(&seen),
            unheard: None,
        };
        if matches!(script[..], [Does::IsNotThere]) {
            server.unheard = Some(socket);
            return server;
        }
        let listener = socket.listen(1024).unwrap();
        tokio::spawn(async move {
            let last = script.last().cloned().into_iter().cycle();
            for does in script.into_iter().chain(last) {
                let Ok((socket, _)) = listener.accept().await else {
                    return;
                };
                tokio::spawn(serve(socket, does, Arc::clone(&seen)));
            }
        });
        server
    }

    /// What of each request was read, in the order of their coming.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut socket: TcpStream, does: Does, seen: Arc<Mutex<Vec<String>>>) {
    if matches!(does, Does::IsSilent) {
        return std::future::pending().await;
    }
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let Ok(read @ 1..) = socket.read(&mut buffer).await else {
            return;
        };
        request.extend_from_slice(&buffer[..read]);
        if matches!(does, Does::ResetsEarly) || is_whole(&request) {
            break;
        }
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    seen.lock().unwrap().push(text.clone());
    match does {
        Does::AnswersTo(make) => {
            let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            let _ = socket.write_all(&make(body)).await;
            let _ = socket.shutdown().await;
        }
        Does::Answers(bytes) => {
            let _ = socket.write_all(&bytes).await;
            let _ = socket.shutdown().await;
        }
        Does::AnswersAndHangs(bytes) => {
            let _ = socket.write_all(&bytes).await;
            std::future::pending::<()>().await;
        }
        Does::ResetsEarly | Does::ResetsLate => socket.set_zero_linger().unwrap(),
        Does::IsSilent | Does::IsNotThere => {}
    }
}

/// Whether a request has its end. A TLS hello counts as whole, and a GET has no body.
pub(crate) fn is_whole(request: &[u8]) -> bool {
    if request.first() == Some(&0x16) {
        return true;
    }
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length: ")
            .map(str::to_owned)
    });
    match length {
        Some(length) => body.len() >= length.parse().unwrap(),
        None => head.starts_with("GET "),
    }
}

pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Does {
    Does::Answers(bytes_of(status, headers, body))
}

/// A whole response.
pub(crate) fn bytes_of(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .into()
}
