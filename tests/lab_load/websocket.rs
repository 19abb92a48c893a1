//! A websocket's client (RFC 6455), as far as a connection needs it that is watched for its life.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Outcome;
use super::http::outcome;

/// The key of RFC 6455's example, and what must come back for it. A server cannot tell it from a random one.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const PAUSE: Duration = Duration::from_millis(100);
/// How long an echo, a pong or the upgrade may take.
const LIMIT: Duration = Duration::from_secs(10);
const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// How a websocket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebSocketEnd {
    /// It had not: the client closed it, when it was told to.
    StillOpen,
    /// The server said goodbye, with this code where it gave one.
    Closed(Option<u16>),
    /// The connection ended without a goodbye, by a reset, or by silence; or the upgrade was answered with a status.
    Broken(Outcome),
}

/// What became of a websocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebSocketLife {
    /// How it ended.
    pub end: WebSocketEnd,
    /// How long it was open; zero where it never was.
    pub lived: Duration,
    /// How many texts and pings came back.
    pub echoes: usize,
}

/// An open websocket that sends a text or a ping every 100 ms, and waits for each to come back.
pub struct WebSocket {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<WebSocketLife>,
}

/// Opens the websocket of the lab's app. Returns once it is open, or cannot be opened, which `join` tells.
pub fn websocket(address: SocketAddr, host: &str) -> WebSocket {
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let opened = open(address, host);
    let thread = std::thread::spawn(move || match opened {
        Ok(stream) => live(stream, &told),
        Err(outcome) => WebSocketLife {
            end: WebSocketEnd::Broken(outcome),
            lived: Duration::ZERO,
            echoes: 0,
        },
    });
    WebSocket { stop, thread }
}

impl WebSocket {
    /// Whether it is still open.
    pub fn is_open(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Closes it if it is still open, and says what became of it.
    pub fn join(self) -> WebSocketLife {
        self.stop.store(true, Relaxed);
        self.thread.join().expect("a client that does not panic")
    }

    /// Waits until it ends by itself, but no longer than this.
    pub fn join_within(self, limit: Duration) -> WebSocketLife {
        let end = Instant::now() + limit;
        while self.is_open() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.join()
    }
}

fn open(address: SocketAddr, host: &str) -> Result<TcpStream, Outcome> {
    let failed = |error: io::Error| outcome(&error, 0);
    let mut stream = TcpStream::connect_timeout(&address, LIMIT).map_err(failed)?;
    let head = upgrade(&mut stream, host).map_err(failed)?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    match status {
        Some(101) if accepts(&head) => Ok(stream),
        None | Some(101) => Err(Outcome::Malformed),
        Some(status) => Err(Outcome::Status(status)),
    }
}

/// Asks for a websocket; returns the head of the answer. It is read byte by byte, as frames may follow at once.
fn upgrade(stream: &mut TcpStream, host: &str) -> io::Result<String> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    write!(
        stream,
        "GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let [byte] = bytes(stream)?;
        head.push(byte);
    }
    String::from_utf8(head).map_err(|_| ErrorKind::InvalidData.into())
}

fn accepts(head: &str) -> bool {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .any(|(name, value)| {
            name.eq_ignore_ascii_case("sec-websocket-accept") && value.trim() == ACCEPT
        })
}

fn live(mut stream: TcpStream, stop: &AtomicBool) -> WebSocketLife {
    let begun = Instant::now();
    let mut echoes = 0;
    let end = talk(&mut stream, stop, &mut echoes)
        .unwrap_or_else(|error| WebSocketEnd::Broken(outcome(&error, 0)));
    WebSocketLife {
        end,
        lived: begun.elapsed(),
        echoes,
    }
}

/// Sends texts and pings in turn until the end.
fn talk(stream: &mut TcpStream, stop: &AtomicBool, echoes: &mut usize) -> io::Result<WebSocketEnd> {
    loop {
        let payload = echoes.to_string().into_bytes();
        let (sent, expected) = match *echoes % 2 {
            0 => (TEXT, TEXT),
            _ => (PING, PONG),
        };
        send(stream, sent, &payload)?;
        stream.set_read_timeout(Some(LIMIT))?;
        let (opcode, answer) = receive(stream)?;
        if opcode == CLOSE {
            return goodbye(stream, &answer);
        }
        if opcode != expected || answer != payload {
            return Err(ErrorKind::InvalidData.into());
        }
        *echoes += 1;
        if let Some(end) = pause(stream, stop)? {
            return Ok(end);
        }
    }
}

/// Waits for the next turn; returns the end if it comes meanwhile.
fn pause(stream: &mut TcpStream, stop: &AtomicBool) -> io::Result<Option<WebSocketEnd>> {
    let end = Instant::now() + PAUSE;
    loop {
        if stop.load(Relaxed) {
            send(stream, CLOSE, &1000u16.to_be_bytes())?;
            return Ok(Some(WebSocketEnd::StillOpen));
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        stream.set_read_timeout(Some(left.min(Duration::from_millis(20))))?;
        match stream.peek(&mut [0]) {
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
            Ok(_) => {
                stream.set_read_timeout(Some(LIMIT))?;
                return match receive(stream)? {
                    (CLOSE, code) => goodbye(stream, &code).map(Some),
                    _ => Err(ErrorKind::InvalidData.into()),
                };
            }
        }
    }
}

/// Answers the server's goodbye. It has ended well even if that no longer arrives.
fn goodbye(stream: &mut TcpStream, payload: &[u8]) -> io::Result<WebSocketEnd> {
    let _ = send(stream, CLOSE, payload);
    Ok(WebSocketEnd::Closed(
        payload.first_chunk().map(|code| u16::from_be_bytes(*code)),
    ))
}

/// Sends a short frame; a client masks what it sends.
fn send(stream: &mut TcpStream, opcode: u8, payload: &[u8]) -> io::Result<()> {
    const MASK: [u8; 4] = [0x1f, 0x2e, 0x3d, 0x4c];
    let length = u8::try_from(payload.len())
        .ok()
        .filter(|length| *length < 126);
    let length = length.ok_or(ErrorKind::InvalidInput)?;
    let mut frame = vec![0x80 | opcode, 0x80 | length];
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(b, m)| b ^ m));
    stream.write_all(&frame)
}

/// Receives a short, whole frame: the app sends no other to this client.
fn receive(stream: &mut TcpStream) -> io::Result<(u8, Vec<u8>)> {
    let [first, length] = bytes(stream)?;
    if first & 0xf0 != 0x80 || length > 125 {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut payload = vec![0; length.into()];
    stream.read_exact(&mut payload)?;
    Ok((first & 0x0f, payload))
}

fn bytes<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}
