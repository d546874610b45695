//! `serve` under clients that hold connections, send slowly, or speak another HTTP (contract 3.10,
//! 3.11 and 7.2).

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::process::{Server, text};

/// A connection to the real binary or to a server of this process.
async fn connect(url: &str) -> TcpStream {
    let address = url.strip_prefix("http://").unwrap_or(url);
    TcpStream::connect(address).await.unwrap()
}

/// Sends bytes, and gives everything that comes back before the connection is closed.
async fn sent(url: &str, bytes: &str) -> String {
    let mut socket = connect(url).await;
    socket.write_all(bytes.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    // A reset is an end, too.
    let _ = socket.read_to_end(&mut response).await;
    text(&response)
}

#[tokio::test]
async fn http_2_is_not_spoken() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let settings = "\0\0\0\u{4}\0\0\0\0\0";
    let preface = format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{settings}");
    assert_eq!(sent(&server.url, &preface).await, "");
    // Nor after an upgrade of HTTP/1.1, which the server may ignore (RFC 9110, section 7.8).
    let upgrade = "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close, upgrade, http2-settings\r\n\
                   upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n";
    let response = sent(&server.url, upgrade).await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
}
