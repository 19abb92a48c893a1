//! A load of many clients without pause, which knows what became of each request. Of the standard library alone:
//! tests/lab/load compiles it without cargo.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test, and the command, uses a part of it"
)]

mod http;
mod report;
mod websocket;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use http::{Broken, Connection};
pub use report::{FirstAnswer, Report};
pub use websocket::{WebSocket, WebSocketEnd, WebSocketLife, websocket};

/// What a client does after a lost request before the next: a dead host would be asked a hundred thousand times a second
/// otherwise, and the number of lost requests would say nothing.
const AFTER_A_LOSS: Duration = Duration::from_millis(50);

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Answered in full, with this status. All but 200 count as lost.
    Status(u16),
    /// Nobody listened.
    Refused,
    /// The connection was reset.
    Reset,
    /// No full answer within the limit.
    Timeout,
    /// The connection was closed before the answer's end, after so many bytes of it.
    Torn(usize),
    /// What came is not HTTP.
    Malformed,
    /// Another failure of the connection.
    Failed(ErrorKind),
}

impl Outcome {
    /// Whether the user got what was asked for.
    pub fn is_served(self) -> bool {
        self == Self::Status(200)
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            Self::Refused => f.write_str("refused"),
            Self::Reset => f.write_str("reset"),
            Self::Timeout => f.write_str("timeout"),
            Self::Torn(0) => f.write_str("closed without an answer"),
            Self::Torn(bytes) => write!(f, "torn after {bytes} bytes"),
            Self::Malformed => f.write_str("not HTTP"),
            Self::Failed(kind) => write!(f, "failed: {kind}"),
        }
    }
}

/// One request. Times are since [`Report::began`].
#[derive(Debug, Clone, Copy)]
pub struct Record {
    /// When it began.
    pub start: Duration,
    /// When its answer was complete, or its failure known.
    pub end: Duration,
    /// What became of it.
    pub outcome: Outcome,
    /// Which of [`Report::addresses`] was asked.
    pub address: usize,
    /// Which of [`Report::versions`] the body named.
    pub version: Option<usize>,
    /// Whether the client keeps its connection.
    pub keeps: bool,
    /// Whether the kept connection turned out to be closed and the request went to a new one.
    pub reconnected: bool,
}

impl Record {
    /// Returns how long it took.
    pub fn duration(&self) -> Duration {
        self.end - self.start
    }

    /// Whether it was on its way at this instant: begun, and not yet answered before it.
    pub fn in_flight_at(&self, at: Duration) -> bool {
        self.start <= at && at <= self.end
    }
}

/// What to ask, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whom. Each client asks one of them.
    pub addresses: Vec<SocketAddr>,
    /// How many clients over all addresses: every second one keeps its connection. At least one for each address.
    pub clients: usize,
    /// The `Host` header; the address asked where there is none.
    pub host: Option<String>,
    /// The path.
    pub path: String,
    /// How long a request may take.
    pub limit: Duration,
}

impl Settings {
    /// Returns settings for `/`, with a limit of 10 s.
    pub fn new(addresses: &[SocketAddr], clients: usize) -> Self {
        Self {
            addresses: addresses.to_vec(),
            clients,
            host: None,
            path: "/".to_owned(),
            limit: Duration::from_secs(10),
        }
    }
}

/// What the clients share.
struct Shared {
    settings: Settings,
    began: Instant,
    stop: AtomicBool,
    in_flight: AtomicUsize,
    ended: AtomicUsize,
    lost: AtomicUsize,
    versions: Mutex<Vec<String>>,
}

impl Shared {
    /// Returns the number of a version.
    fn number_of(&self, version: &str) -> usize {
        let mut known = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .iter()
            .position(|one| one == version)
            .unwrap_or_else(|| {
                known.push(version.to_owned());
                known.len() - 1
            })
    }
}

/// A load that is under way. Dropped, it ends.
pub struct Load {
    shared: Arc<Shared>,
    began_at: SystemTime,
    clients: Vec<JoinHandle<Vec<Record>>>,
}

impl Load {
    /// Starts the clients.
    ///
    /// # Panics
    ///
    /// Where there are fewer clients than addresses, or no address.
    pub fn start(settings: Settings) -> Self {
        let addresses = settings.addresses.len();
        assert!(
            addresses > 0 && settings.clients >= addresses,
            "{} clients for {addresses} addresses",
            settings.clients
        );
        let clients = 0..settings.clients;
        let began_at = SystemTime::now();
        let shared = Arc::new(Shared {
            settings,
            began: Instant::now(),
            stop: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            lost: AtomicUsize::new(0),
            versions: Mutex::new(Vec::new()),
        });
        let clients = clients
            .map(|number| {
                let address = number % addresses;
                let keeps = (number / addresses + address) % 2 == 1;
                let shared = Arc::clone(&shared);
                std::thread::Builder::new()
                    .stack_size(256 * 1024)
                    .spawn(move || Client::new(&shared, address, keeps).run())
                    .expect("a thread for each client")
            })
            .collect();
        Self {
            shared,
            began_at,
            clients,
        }
    }

    /// Returns how many requests are on their way now.
    pub fn in_flight(&self) -> usize {
        self.shared.in_flight.load(Relaxed)
    }

    /// Returns how many requests have ended, whatever became of them.
    pub fn ended(&self) -> usize {
        self.shared.ended.load(Relaxed)
    }

    /// Returns how many of them are lost.
    pub fn lost(&self) -> usize {
        self.shared.lost.load(Relaxed)
    }

    /// Returns the time since its beginning, by which the report tells instants.
    pub fn elapsed(&self) -> Duration {
        self.shared.began.elapsed()
    }

    /// Waits until so many more requests have ended: until the load flows.
    pub fn wait_for(&self, requests: usize) -> &Self {
        let goal = self.ended() + requests;
        while self.ended() < goal {
            std::thread::sleep(Duration::from_millis(5));
        }
        self
    }

    /// Lets each client finish its request, and reports.
    pub fn stop(mut self) -> Report {
        self.shared.stop.store(true, Relaxed);
        let stopped = self.elapsed();
        let records = self
            .clients
            .drain(..)
            .flat_map(|client| client.join().expect("a client that does not panic"))
            .collect();
        let versions = self
            .shared
            .versions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Report::new(
            self.shared.settings.addresses.clone(),
            versions.clone(),
            records,
            self.began_at,
            stopped,
        )
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.stop.store(true, Relaxed);
    }
}

/// One client: it asks, waits for the answer, and asks again.
struct Client<'a> {
    shared: &'a Shared,
    address: usize,
    keeps: bool,
    request: Vec<u8>,
    connection: Option<Connection>,
    /// The version of the answer before, as it mostly is the next one's.
    version: Option<(String, usize)>,
}

/// What one attempt came to: the outcome, and the version that the body named.
type Answered = (Outcome, Option<usize>);

impl<'a> Client<'a> {
    fn new(shared: &'a Shared, address: usize, keeps: bool) -> Self {
        let settings = &shared.settings;
        let host = settings
            .host
            .clone()
            .unwrap_or_else(|| settings.addresses[address].to_string());
        Self {
            shared,
            address,
            keeps,
            request: http::get(&host, &settings.path, keeps),
            connection: None,
            version: None,
        }
    }

    fn run(mut self) -> Vec<Record> {
        let mut records = Vec::with_capacity(4096);
        while !self.shared.stop.load(Relaxed) {
            let record = self.ask();
            records.push(record);
            if !self.keeps {
                self.part();
            }
            if !record.outcome.is_served() {
                std::thread::sleep(AFTER_A_LOSS);
            }
        }
        records
    }

    fn ask(&mut self) -> Record {
        let shared = self.shared;
        let start = shared.began.elapsed();
        shared.in_flight.fetch_add(1, Relaxed);
        let deadline = Instant::now() + shared.settings.limit;
        let (reconnected, (outcome, version)) = match self.connection.take() {
            Some(kept) => self.ask_again(kept, deadline),
            None => (false, self.ask_anew(deadline)),
        };
        let end = shared.began.elapsed();
        shared.in_flight.fetch_sub(1, Relaxed);
        shared
            .lost
            .fetch_add(usize::from(!outcome.is_served()), Relaxed);
        shared.ended.fetch_add(1, Relaxed);
        Record {
            start,
            end,
            outcome,
            address: self.address,
            version,
            keeps: self.keeps,
            reconnected,
        }
    }

    /// Asks on a kept connection. A server may close one between two requests, and the client learns of it by the
    /// next: a GET then goes to a new connection, once (RFC 9112, 9.3.1). Returns also whether that was so.
    fn ask_again(&mut self, mut kept: Connection, deadline: Instant) -> (bool, Answered) {
        match kept.exchange(&self.request, deadline) {
            Err(broken) if broken.was_closed_before() => (true, self.ask_anew(deadline)),
            result => (false, self.take(kept, result)),
        }
    }

    fn ask_anew(&mut self, deadline: Instant) -> Answered {
        let address = self.shared.settings.addresses[self.address];
        match Connection::open(address, deadline) {
            Ok(mut connection) => {
                let result = connection.exchange(&self.request, deadline);
                self.take(connection, result)
            }
            Err(outcome) => (outcome, None),
        }
    }

    fn take(&mut self, connection: Connection, result: Result<http::Answer, Broken>) -> Answered {
        match result {
            Ok(answer) => {
                let version = http::version(connection.body(&answer));
                let version = version.map(|version| self.number_of(version));
                if answer.keeps || !self.keeps {
                    self.connection = Some(connection);
                }
                (Outcome::Status(answer.status), version)
            }
            Err(broken) => (broken.outcome, None),
        }
    }

    fn number_of(&mut self, version: &str) -> usize {
        match &self.version {
            Some((known, number)) if known == version => *number,
            _ => {
                let number = self.shared.number_of(version);
                self.version = Some((version.to_owned(), number));
                number
            }
        }
    }

    /// Lets the server, which was asked to, close the connection first: the side that does so keeps its port
    /// for a minute, and a client would run out of them.
    fn part(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.wait_for_close(Duration::from_millis(100));
        }
    }
}

/// A single long request that is under way.
pub struct SlowRequest {
    thread: JoinHandle<SlowAnswer>,
}

/// What became of a single request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlowAnswer {
    /// What became of it.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

/// Asks the lab's app for an answer that comes after `ms` milliseconds, on a connection of its own.
/// It is given half a minute more than that.
pub fn slow_request(address: SocketAddr, host: &str, ms: u64) -> SlowRequest {
    let request = http::get(host, &format!("/sleep/{ms}"), false);
    let thread = std::thread::spawn(move || {
        let begun = Instant::now();
        let deadline = begun + Duration::from_millis(ms) + Duration::from_secs(30);
        let outcome = Connection::open(address, deadline)
            .and_then(|mut connection| {
                connection
                    .exchange(&request, deadline)
                    .map_err(|broken| broken.outcome)
            })
            .map_or_else(|outcome| outcome, |answer| Outcome::Status(answer.status));
        SlowAnswer {
            outcome,
            took: begun.elapsed(),
        }
    });
    SlowRequest { thread }
}

impl SlowRequest {
    /// Whether it is still on its way.
    pub fn is_in_flight(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Waits for its end.
    pub fn join(self) -> SlowAnswer {
        self.thread.join().expect("a client that does not panic")
    }
}
