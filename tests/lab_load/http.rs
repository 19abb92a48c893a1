//! A connection of HTTP/1.1, as far as a GET needs it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::{Duration, Instant};

use super::Outcome;

/// More than the head of any answer.
const LONGEST_HEAD: usize = 64 * 1024;

/// Returns the bytes of a GET.
pub fn get(host: &str, path: &str, keeps: bool) -> Vec<u8> {
    let connection = if keeps { "keep-alive" } else { "close" };
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: lab-load\r\nConnection: {connection}\r\n\r\n"
    )
    .into_bytes()
}

/// Returns the version that the lab's app writes into its JSON; escapes in it stay as they are.
pub fn version(body: &[u8]) -> Option<&str> {
    const KEY: &[u8] = b"\"version\":\"";
    let start = body.windows(KEY.len()).position(|here| here == KEY)? + KEY.len();
    let rest = std::str::from_utf8(&body[start..]).ok()?;
    let mut escaped = false;
    let end = rest.find(|letter| {
        let ends = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    })?;
    Some(&rest[..end])
}

/// A full answer.
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Whether the connection takes another request.
    pub keeps: bool,
    body: Range<usize>,
}

/// An exchange that failed.
#[derive(Debug)]
pub struct Broken {
    /// How.
    pub outcome: Outcome,
    /// How many answers the connection had brought before.
    answered: usize,
    /// How many bytes of this answer came.
    received: usize,
}

impl Broken {
    /// Whether the server closed the kept connection before it saw the request, as far as a client can know.
    pub fn was_closed_before(&self) -> bool {
        self.answered > 0
            && self.received == 0
            && matches!(self.outcome, Outcome::Reset | Outcome::Torn(0))
    }
}

/// Returns what a failure of a connection means for its request, of whose answer so many bytes came.
pub fn outcome(error: &io::Error, received: usize) -> Outcome {
    match error.kind() {
        ErrorKind::ConnectionRefused => Outcome::Refused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            Outcome::Reset
        }
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Outcome::Timeout,
        ErrorKind::UnexpectedEof => Outcome::Torn(received),
        ErrorKind::InvalidData => Outcome::Malformed,
        kind => Outcome::Failed(kind),
    }
}

/// Returns the time that is left.
fn left(deadline: Instant) -> io::Result<Duration> {
    deadline
        .checked_duration_since(Instant::now())
        .filter(|left| !left.is_zero())
        .ok_or_else(|| ErrorKind::TimedOut.into())
}

/// Where the body ends.
enum Framing {
    Length(usize),
    Chunks,
    Close,
}

struct Head {
    status: u16,
    keeps: bool,
    framing: Framing,
    /// Where it ends.
    end: usize,
}

/// A connection, with what was read from it.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    answered: usize,
}

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr, deadline: Instant) -> Result<Self, Outcome> {
        let connect = || -> io::Result<TcpStream> {
            let stream = TcpStream::connect_timeout(&address, left(deadline)?)?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        connect()
            .map(|stream| Self {
                stream,
                buffer: Vec::with_capacity(1024),
                answered: 0,
            })
            .map_err(|error| outcome(&error, 0))
    }

    /// Sends a request and reads its answer.
    pub fn exchange(&mut self, request: &[u8], deadline: Instant) -> Result<Answer, Broken> {
        self.buffer.clear();
        let answer = self.ask(request, deadline).map_err(|error| Broken {
            outcome: outcome(&error, self.buffer.len()),
            answered: self.answered,
            received: self.buffer.len(),
        })?;
        self.answered += 1;
        Ok(answer)
    }

    /// Returns the bytes of the answer's body (in chunks, as they came).
    pub fn body(&self, answer: &Answer) -> &[u8] {
        &self.buffer[answer.body.clone()]
    }

    /// Waits until the server closes.
    pub fn wait_for_close(mut self, limit: Duration) {
        let _ = self.stream.set_read_timeout(Some(limit));
        let _ = self.stream.read(&mut [0; 64]);
    }

    fn ask(&mut self, request: &[u8], deadline: Instant) -> io::Result<Answer> {
        self.stream.set_write_timeout(Some(left(deadline)?))?;
        self.stream.write_all(request)?;
        let head = self.head(deadline)?;
        let end = match head.framing {
            Framing::Length(length) => {
                head.end.checked_add(length).ok_or(ErrorKind::InvalidData)?
            }
            Framing::Chunks => self.chunks(head.end, deadline)?,
            Framing::Close => {
                while self.more(deadline)? > 0 {}
                self.buffer.len()
            }
        };
        self.fill(end, deadline)?;
        if self.buffer.len() > end {
            return Err(ErrorKind::InvalidData.into());
        }
        Ok(Answer {
            status: head.status,
            keeps: head.keeps,
            body: head.end..end,
        })
    }

    fn head(&mut self, deadline: Instant) -> io::Result<Head> {
        let mut seen = 0;
        loop {
            let fresh = &self.buffer[seen..];
            if let Some(at) = fresh.windows(4).position(|here| here == b"\r\n\r\n") {
                let end = seen + at + 4;
                return parse(&self.buffer[..end]).ok_or_else(|| ErrorKind::InvalidData.into());
            }
            if self.buffer.len() > LONGEST_HEAD {
                return Err(ErrorKind::InvalidData.into());
            }
            seen = self.buffer.len().saturating_sub(3);
            self.fill(self.buffer.len() + 1, deadline)?;
        }
    }

    /// Reads chunks that begin at `at`; returns where the last one ends.
    fn chunks(&mut self, mut at: usize, deadline: Instant) -> io::Result<usize> {
        loop {
            let line = self.line(at, deadline)?;
            let text = std::str::from_utf8(&self.buffer[at..line - 2]).unwrap_or_default();
            let size = text.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| ErrorKind::InvalidData)?;
            at = line;
            if size == 0 {
                break;
            }
            at = at
                .checked_add(size)
                .and_then(|at| at.checked_add(2))
                .ok_or(ErrorKind::InvalidData)?;
            self.fill(at, deadline)?;
        }
        // Trailers, and the empty line after them.
        loop {
            let line = self.line(at, deadline)?;
            let is_empty = line == at + 2;
            at = line;
            if is_empty {
                return Ok(at);
            }
        }
    }

    /// Returns where the line that begins at `at` ends.
    fn line(&mut self, at: usize, deadline: Instant) -> io::Result<usize> {
        loop {
            let found = self.buffer.get(at..).unwrap_or_default();
            if let Some(end) = found.windows(2).position(|here| here == b"\r\n") {
                return Ok(at + end + 2);
            }
            self.fill(self.buffer.len() + 1, deadline)?;
        }
    }

    /// Reads until there are so many bytes.
    fn fill(&mut self, end: usize, deadline: Instant) -> io::Result<()> {
        while self.buffer.len() < end {
            if self.more(deadline)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    fn more(&mut self, deadline: Instant) -> io::Result<usize> {
        let mut bytes = [0; 4096];
        self.stream.set_read_timeout(Some(left(deadline)?))?;
        let read = loop {
            match self.stream.read(&mut bytes) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.buffer.extend_from_slice(&bytes[..read]);
        Ok(read)
    }
}

fn parse(head: &[u8]) -> Option<Head> {
    let text = std::str::from_utf8(head).ok()?;
    let mut lines = text.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let protocol = words.next()?;
    let status = words.next()?.parse().ok()?;
    if !protocol.starts_with("HTTP/1.") {
        return None;
    }
    let mut keeps = protocol != "HTTP/1.0";
    let mut framing = match status {
        204 | 304 => Framing::Length(0),
        _ => Framing::Close,
    };
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("connection") {
            keeps = keeps && !value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            framing = Framing::Chunks;
        } else if name.eq_ignore_ascii_case("content-length") && !matches!(framing, Framing::Chunks)
        {
            framing = Framing::Length(value.parse().ok()?);
        }
    }
    keeps = keeps && !matches!(framing, Framing::Close);
    Some(Head {
        status,
        keeps,
        framing,
        end: head.len(),
    })
}
