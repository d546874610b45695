//! A way to a service on which answers are lost.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// What becomes of one request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    /// It arrives, and its answer is lost.
    Lost,
    /// It arrives, and half of its answer comes back.
    Cut,
    /// The connection breaks before it arrives.
    Broken,
    /// A gateway refuses it for now.
    Throttled,
}

/// The URL of the way, and the body of each request as it comes. Requests beyond the fates pass.
pub(crate) fn way(to: &str, fates: &'static [Fate]) -> (String, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let to = to.strip_prefix("http://").unwrap().to_owned();
    let (seen, bodies) = channel();
    thread::spawn(move || {
        let mut fates = fates.iter().copied();
        for connection in listener.incoming() {
            let mut client = connection.unwrap();
            let (head, body) = read(&mut client);
            let fate = fates.next();
            if seen.send(body.clone()).is_err() {
                return;
            }
            let answer = match fate {
                Some(Fate::Broken) => Vec::new(),
                Some(Fate::Throttled) => THROTTLED.to_vec(),
                Some(Fate::Lost) => {
                    forward(&to, &head, &body);
                    Vec::new()
                }
                Some(Fate::Cut) => {
                    let answer = forward(&to, &head, &body);
                    answer[..answer.len() - 9].to_vec()
                }
                None => forward(&to, &head, &body),
            };
            // A client that has given up is not there.
            let _ = client.write_all(&answer);
        }
    });
    (url, bodies)
}

/// As API Gateway's HTTP APIs word it.
const THROTTLED: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nRetry-After: 1\r\n\
    Content-Length: 31\r\nConnection: close\r\n\r\n{\"message\":\"Too Many Requests\"}";

/// The head of a request, and its body.
fn read(client: &mut TcpStream) -> (String, Vec<u8>) {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, value)| value.parse().unwrap());
            let body = head.len() + 4;
            if bytes.len() == body + length {
                return (head.to_owned(), bytes[body..].to_vec());
            }
        }
        let count = client.read(&mut buffer).unwrap();
        assert!(count > 0, "the request is not whole");
        bytes.extend_from_slice(&buffer[..count]);
    }
}

fn forward(to: &str, head: &str, body: &[u8]) -> Vec<u8> {
    let mut server = TcpStream::connect(to).unwrap();
    let kept = head
        .lines()
        .filter(|line| !line.to_lowercase().starts_with("connection:"));
    let head: Vec<_> = kept.chain(["Connection: close", "", ""]).collect();
    server.write_all(head.join("\r\n").as_bytes()).unwrap();
    server.write_all(body).unwrap();
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).unwrap();
    answer
}
