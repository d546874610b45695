//! Connections to S3 are kept within a burst, and never used after a pause (contract 4.1): no write is unknown that
//! would have been stored over a new connection.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use memory_s3::aws::IDLE_MAX;
use memory_s3::writer::{Put, WriteError, Writer};
use rustix::net::connect_unspec;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep};

use crate::app::vectors;
use crate::folder::memory;
use crate::lambda::{Function, rest_event};
use crate::misbehaving::is_whole;
use crate::outcomes::{object, scope};
use crate::process::Server;
use crate::s3_client::{client_of, on_aws};

/// What the server does with a connection.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Habit {
    /// Keeps it.
    Keeps,
    /// Closes it during the pause.
    Closes,
    /// Resets it during the pause.
    Resets,
    /// Forgets it during the pause: whatever comes later has no response.
    Forgets,
    /// Closes it after so many responses, and does not say so.
    ClosesAfter(usize),
    /// Says `Connection: close` in each response.
    SaysClose,
}

/// A storage that confirms every put, and the number of requests that came over each of its connections.
struct Storage {
    endpoint: String,
    requests: Arc<Mutex<Vec<usize>>>,
    /// Each open connection has a receiver.
    pause: broadcast::Sender<Habit>,
}

impl Storage {
    async fn start(habit: Habit) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<usize>>>::default();
        let (pause, _) = broadcast::channel(1);
        let storage = Self {
            endpoint,
            requests: Arc::clone(&requests),
            pause: pause.clone(),
        };
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let connection = {
                    let mut requests = requests.lock().unwrap();
                    requests.push(0);
                    requests.len() - 1
                };
                let (requests, pause) = (Arc::clone(&requests), pause.subscribe());
                let count = move || {
                    let mut requests = requests.lock().unwrap();
                    requests[connection] += 1;
                    requests[connection]
                };
                tokio::spawn(serve(socket, habit, pause, count));
            }
        });
        storage
    }

    /// Does to the idle connections what is this server's habit, and returns when it is done.
    async fn pause(&self, habit: Habit) {
        if matches!(habit, Habit::Closes | Habit::Resets | Habit::Forgets) {
            let _ = self.pause.send(habit);
        }
        while matches!(habit, Habit::Closes | Habit::Resets) && self.pause.receiver_count() > 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// How many requests came over each connection.
    fn requests(&self) -> Vec<usize> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(
    mut socket: TcpStream,
    habit: Habit,
    mut pause: broadcast::Receiver<Habit>,
    count: impl Fn() -> usize,
) {
    loop {
        let request = tokio::select! {
            request = read(&mut socket) => request,
            Ok(habit) = pause.recv() => {
                // A process that another test starts at this moment has a copy of the socket for a while. So the
                // connection is ended by name, and not by the end of the last copy.
                match habit {
                    Habit::Resets => connect_unspec(&socket).unwrap(),
                    Habit::Forgets => std::future::pending().await,
                    Habit::Closes | Habit::Keeps | Habit::ClosesAfter(_) | Habit::SaysClose => {
                        let _ = socket.shutdown().await;
                    }
                }
                return;
            }
        };
        let Some(request) = request else { return };
        let requests = count();
        let close = match habit == Habit::SaysClose {
            true => "connection: close\r\n",
            false => "",
        };
        let _ = socket
            .write_all(confirmation(&request, close).as_bytes())
            .await;
        if habit == Habit::SaysClose || habit == Habit::ClosesAfter(requests) {
            let _ = socket.shutdown().await;
            return;
        }
    }
}

/// The response to a put that proves it, with more header lines.
fn confirmation(request: &str, lines: &str) -> String {
    let is_digest = |line: &&str| line.starts_with("x-amz-checksum-sha256: ");
    let digest = request.lines().find(is_digest).unwrap();
    format!("HTTP/1.1 200 OK\r\n{lines}{digest}\r\netag: \"e\"\r\ncontent-length: 0\r\n\r\n")
}

/// The next whole request, or nothing where the client has closed the connection.
async fn read(socket: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !is_whole(&request) {
        let read = socket
            .read(&mut buffer)
            .await
            .ok()
            .filter(|read| *read > 0)?;
        request.extend_from_slice(&buffer[..read]);
    }
    Some(String::from_utf8(request).unwrap())
}

async fn writer(endpoint: &str) -> Writer {
    Writer::new(client_of(endpoint).await, "memories-of-a-test")
}

async fn put(writer: &Writer) -> Result<Put, WriteError> {
    let deadline = Instant::now() + Duration::from_secs(8);
    writer.put(&object(), &scope(), deadline).await
}

#[tokio::test]
async fn requests_of_a_burst_share_a_connection_and_one_after_a_pause_has_its_own() {
    let storage = Storage::start(Habit::Keeps).await;
    let writer = writer(&storage.endpoint).await;
    for _ in 0..3 {
        assert_eq!(put(&writer).await, Ok(Put::Written));
    }
    assert_eq!(storage.requests(), [3]);
    sleep(IDLE_MAX + Duration::from_millis(100)).await;
    assert_eq!(put(&writer).await, Ok(Put::Written));
    assert_eq!(storage.requests(), [3, 1]);
}

#[tokio::test]
async fn a_connection_that_the_server_wants_closed_is_not_used_again() {
    let storage = Storage::start(Habit::SaysClose).await;
    let writer = writer(&storage.endpoint).await;
    for _ in 0..3 {
        assert_eq!(put(&writer).await, Ok(Put::Written));
    }
    assert_eq!(storage.requests(), [1, 1, 1]);
}

#[tokio::test]
async fn a_server_may_close_a_connection_after_any_number_of_requests() {
    let storage = Storage::start(Habit::ClosesAfter(3)).await;
    let writer = writer(&storage.endpoint).await;
    for _ in 0..7 {
        assert_eq!(put(&writer).await, Ok(Put::Written));
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(storage.requests(), [3, 3, 1]);
}

/// hyper sends a request again only if no byte of it had left: that is still one attempt.
#[tokio::test]
async fn a_request_goes_to_another_connection_only_if_no_byte_of_it_had_left() {
    // The pool does not know of this close, because nothing ran meanwhile.
    let pause = Duration::from_millis(100);
    let closed = move || after_a_pause(Habit::Closes, State::IsBlocked, pause);
    let second = tokio::task::spawn_blocking(closed).await.unwrap();
    assert_eq!(second, "Ok(Written)");

    // This server answers one request of a connection, and closes it after the first byte of the next.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let writer = writer(&format!("http://{}", listener.local_addr().unwrap())).await;
    let begun = Arc::<Mutex<Vec<usize>>>::default();
    let seen = Arc::clone(&begun);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let requests = Arc::clone(&seen);
            requests.lock().unwrap().push(0);
            tokio::spawn(async move {
                let request = read(&mut socket).await.unwrap();
                socket
                    .write_all(confirmation(&request, "").as_bytes())
                    .await
                    .unwrap();
                if let Ok(1) = socket.read(&mut [0; 1]).await {
                    *requests.lock().unwrap().last_mut().unwrap() += 1;
                }
            });
        }
    });
    assert_eq!(put(&writer).await, Ok(Put::Written));
    let error = put(&writer).await.unwrap_err();
    assert!(matches!(error, WriteError::Unknown(_)), "{error}");
    sleep(Duration::from_millis(100)).await;
    assert_eq!(*begun.lock().unwrap(), [1], "no second attempt");
}

/// A microVM that is paused can stop every clock inside it. The deadline of the next invocation shows it.
#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_was_frozen_without_its_clocks_uses_a_new_connection() {
    let request = vectors("envelope.json")[0]["request"].clone();
    let event = rest_event("/memory", request.as_str().unwrap());
    for (third_lives_ms, of_the_last) in [(15_000, 2), (19_000, 1)] {
        let storage = Storage::start(Habit::Keeps).await;
        let settings = [
            ("MEMORY_BUCKET", "memories-of-a-test"),
            ("AWS_ENDPOINT_URL_S3", &*storage.endpoint),
        ];
        // The first one is slow, because the function starts with it.
        let events = [(&event, 15_000), (&event, 15_000), (&event, third_lives_ms)];
        let mut function = Function::start_with(&events, &settings).await;
        for _ in &events {
            assert_eq!(function.answer().await["statusCode"], json!(201));
        }
        let requests = storage.requests();
        assert!(*requests.last().unwrap() >= of_the_last, "{requests:?}");
        assert!(of_the_last > 1 || requests.ends_with(&[1]), "{requests:?}");
    }
}

/// What the client does during the pause.
#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    /// Its runtime goes on.
    Runs,
    /// Its only thread is busy, so nothing looks at the connection.
    IsBlocked,
    /// The system has stopped its process (SIGSTOP).
    IsStopped,
}

/// A put, a pause, and the outcome of a second put.
fn after_a_pause(habit: Habit, state: State, gap: Duration) -> String {
    use tokio::runtime::Builder;
    // The server has a thread of its own, so that it goes on while the client is blocked.
    let servers = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let storage = servers.block_on(Storage::start(habit));
    let endpoint = storage.endpoint.clone();
    let (is_idle, idle) = std::sync::mpsc::channel();
    let (has_paused, paused) = std::sync::mpsc::channel();
    let client = thread::spawn(move || {
        let pause = || {
            is_idle.send(()).unwrap();
            paused.recv().unwrap();
        };
        let client = Builder::new_current_thread().enable_all().build().unwrap();
        client.block_on(async {
            match state {
                State::Runs | State::IsBlocked => {
                    let writer = writer(&endpoint).await;
                    assert_eq!(put(&writer).await, Ok(Put::Written));
                    pause();
                    match state {
                        State::IsBlocked => thread::sleep(gap),
                        State::Runs | State::IsStopped => sleep(gap).await,
                    }
                    format!("{:?}", put(&writer).await)
                }
                State::IsStopped => {
                    let service = service(&endpoint);
                    let body = memory("e", "c", "2026-01-27T03:14:22Z");
                    assert_eq!(service.post(body.clone()).await.unwrap().status(), 201);
                    service.signal("STOP");
                    pause();
                    sleep(gap).await;
                    service.signal("CONT");
                    let response = service.post(body).await.unwrap();
                    response.text().await.unwrap()
                }
            }
        })
    });
    idle.recv().unwrap();
    servers.block_on(storage.pause(habit));
    has_paused.send(()).unwrap();
    client.join().unwrap()
}

/// A service over this storage.
fn service(endpoint: &str) -> Server {
    let mut command = on_aws(endpoint);
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(["--bucket", "memories-of-a-test"])
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test");
    Server::spawn(command)
}

/// Pauses from 1 ms to 30 s, in 200 cases side by side. `MEMORY_GAPS=50` does it 50 times.
#[test]
fn no_pause_makes_a_write_unknown_that_a_new_connection_would_have_stored() {
    const CASES: u32 = 200;
    /// With more of them, the servers would not be in time on a small machine.
    const SIDE_BY_SIDE: u32 = 25;
    #[expect(clippy::disallowed_methods, reason = "how long this test runs")]
    let rounds = std::env::var("MEMORY_GAPS").map_or(1, |rounds| rounds.parse().unwrap());
    for round in 0..rounds {
        let cases = (0..CASES).map(|case| {
            let habits = [
                Habit::Keeps,
                Habit::Closes,
                Habit::Resets,
                Habit::Forgets,
                Habit::ClosesAfter(1),
                Habit::SaysClose,
            ];
            let states = [State::Runs, State::IsBlocked, State::IsStopped];
            let habit = habits[case as usize % habits.len()];
            let state = states[case as usize / habits.len() % states.len()];
            let exponent =
                (f64::from(case) + f64::from(round) / f64::from(rounds)) / f64::from(CASES);
            let gap = Duration::from_millis(1).mul_f64(30_000_f64.powf(exponent));
            // A close that is still on its way cannot be seen, nor that a server has forgotten a connection. S3 does
            // neither within the limit.
            let shortest = match habit {
                Habit::Keeps | Habit::SaysClose => Duration::ZERO,
                Habit::Closes | Habit::Resets | Habit::ClosesAfter(_) => Duration::from_millis(100),
                Habit::Forgets => IDLE_MAX + Duration::from_millis(100),
            };
            (habit, state, gap.max(shortest))
        });
        // The longest come first.
        let cases = Mutex::new(cases.rev());
        let work = || {
            while let Some((habit, state, gap)) = next(&cases) {
                let second = after_a_pause(habit, state, gap);
                let is_stored = second == "Ok(Written)" || second.contains("\"status\":\"ok\"");
                assert!(is_stored, "{habit:?} {state:?} {gap:?}: {second}");
            }
        };
        thread::scope(|scope| {
            for _ in 0..SIDE_BY_SIDE {
                scope.spawn(work);
            }
        });
    }
}

fn next<T>(items: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    items.lock().unwrap().next()
}
