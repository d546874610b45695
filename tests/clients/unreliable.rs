//! A way to a service on which answers are lost.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// What becomes of one request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    /// It arrives, and its answer is lost.
    Lost,
    /// It arrives, and half of its answer comes back.
    Cut,
    /// The connection breaks before it arrives.
    Broken,
    /// A gateway answers in the service's place: status and headers, and body.
    Answered(&'static str, &'static str),
    /// A gateway refuses it until a date, which is two seconds away.
    Dated,
}

/// As API Gateway's HTTP APIs word it.
pub(crate) const THROTTLED: Fate = Fate::Answered(
    "429 Too Many Requests\r\nRetry-After: 1",
    "{\"message\":\"Too Many Requests\"}",
);

/// A request on its way, to wherever it was sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) at: Instant,
    pub(crate) body: Vec<u8>,
}

/// The URL of the way, and each request as it comes. Requests beyond the fates pass.
pub(crate) fn way(to: &str, fates: &[Fate]) -> (String, Receiver<Sent>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let to = to.strip_prefix("http://").unwrap().to_owned();
    let (seen, requests) = channel();
    let fates = fates.to_vec();
    thread::spawn(move || {
        let mut fates = fates.into_iter();
        for connection in listener.incoming() {
            let mut client = connection.unwrap();
            let (head, body) = read(&mut client);
            let fate = fates.next();
            let sent = Sent {
                at: Instant::now(),
                body: body.clone(),
            };
            if seen.send(sent).is_err() {
                return;
            }
            let answer = match fate {
                Some(Fate::Broken) => Vec::new(),
                Some(Fate::Answered(head, body)) => answer(head, body),
                Some(Fate::Dated) => {
                    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2));
                    answer(
                        &format!("503 Service Unavailable\r\nRetry-After: {date}"),
                        "",
                    )
                }
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
    (url, requests)
}

fn answer(head: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {head}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

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
