//! The app that the lab deploys: a small HTTP/1.1 server of the standard library alone, which
//! can misbehave on request. Settings are KEY=value lines of the file /behaviour, each
//! overridden by an environment variable of the same name:
//!
//!   APP_VERSION=text        shown at /
//!   APP_BOOT_MS=N           listens only after N ms
//!   APP_SLOW_MS=N           every answer but /up and /health comes N ms late
//!   APP_HEALTH=never        /up answers 503
//!   APP_HEALTH=once         healthy for APP_DIE_AFTER_MS after it listens, then exits with 1
//!   APP_EXIT=code           says "fatal: ..." on stderr and exits at once
//!   APP_IGNORE_TERM=1       ignores SIGTERM
//!   APP_TERM=graceful|die   on SIGTERM: finish what is in flight and exit 0 / exit 143 at once
//!   PORT=N                  default 3000
//!
//! What it answers stands in tests/lab/README.md.

mod ws;

use std::collections::HashMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;
const SIG_IGN: usize = 1;
const SHUT_RDWR: i32 = 2;
const MAX_LINE: u64 = 64 * 1024;

extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
    fn shutdown(fd: i32, how: i32) -> i32;
    fn _exit(code: i32) -> !;
}

/// SIGTERM came: accept nothing more, answer with `Connection: close`.
static STOPPING: AtomicBool = AtomicBool::new(false);
/// Requests that have begun to arrive and are not yet answered.
static IN_FLIGHT: AtomicUsize = AtomicUsize::new(0);
/// Connections from which nothing has come yet.
static FRESH: AtomicUsize = AtomicUsize::new(0);
/// Open websockets. They are no requests in flight: nobody can wait for their end.
static WEBSOCKETS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn on_term_stop(_: i32) {
    STOPPING.store(true, SeqCst);
}

extern "C" fn on_term_die(_: i32) {
    unsafe { _exit(143) }
}

struct Counted(&'static AtomicUsize);

impl Counted {
    fn new(counter: &'static AtomicUsize) -> Self {
        counter.fetch_add(1, SeqCst);
        Counted(counter)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

struct App {
    version: Vec<u8>,
    port: u16,
    boot: Duration,
    slow: Duration,
    never_healthy: bool,
    dies_after: Option<Duration>,
    exit: Option<i32>,
    term: usize,
}

impl App {
    fn load() -> App {
        let file = behaviour("/behaviour");
        let get = |name: &str| -> Option<OsString> {
            env::var_os(name)
                .or_else(|| file.get(name).cloned())
                .filter(|value| !value.is_empty())
        };
        let number = |name: &str| -> Option<u64> {
            let value = get(name)?;
            match value.to_str().and_then(|text| text.parse().ok()) {
                Some(number) => Some(number),
                None => fatal(&format!("{name} is no number: {value:?}"), 2),
            }
        };
        let text = |name: &str| get(name).map(|value| value.to_string_lossy().into_owned());
        let millis = |name: &str| Duration::from_millis(number(name).unwrap_or(0));
        let health = text("APP_HEALTH");
        if !matches!(health.as_deref(), None | Some("ok" | "never" | "once")) {
            fatal("APP_HEALTH is none of ok, never, once", 2);
        }
        let ignore = text("APP_IGNORE_TERM").is_some_and(|value| value != "0");
        let term = match text("APP_TERM").as_deref() {
            _ if ignore => SIG_IGN,
            None | Some("graceful") => on_term_stop as extern "C" fn(i32) as usize,
            Some("die") => on_term_die as extern "C" fn(i32) as usize,
            Some(_) => fatal("APP_TERM is neither graceful nor die", 2),
        };
        App {
            version: get("APP_VERSION").unwrap_or_default().into_vec(),
            port: number("PORT").unwrap_or(3000) as u16,
            boot: millis("APP_BOOT_MS"),
            slow: millis("APP_SLOW_MS"),
            never_healthy: health.as_deref() == Some("never"),
            dies_after: (health.as_deref() == Some("once")).then(|| millis("APP_DIE_AFTER_MS")),
            exit: number("APP_EXIT").map(|code| code as i32),
            term,
        }
    }

    /// The status and the body for a path.
    fn answer(&self, path: &[u8]) -> (u16, Vec<u8>) {
        if path == b"/up" || path == b"/health" {
            return if self.never_healthy { (503, b"not healthy\n".to_vec()) } else { (200, b"ok\n".to_vec()) };
        }
        if path == b"/ws" {
            return (400, b"only a websocket is served here\n".to_vec());
        }
        thread::sleep(self.slow);
        if path == b"/" {
            return (200, self.describe());
        }
        if let Some(name) = path.strip_prefix(b"/assets/") {
            let file = Path::new("/public/assets").join(OsStr::from_bytes(name));
            return match fs::read(file) {
                Ok(text) => (200, text),
                Err(_) => (404, b"no such asset\n".to_vec()),
            };
        }
        if path == b"/args" {
            let mut lines = String::new();
            for arg in env::args_os() {
                for byte in arg.as_bytes() {
                    let _ = write!(lines, "{byte:02x}");
                }
                lines.push('\n');
            }
            return (200, lines.into_bytes());
        }
        if let Some(name) = path.strip_prefix(b"/env/") {
            if let Some(value) = env::var_os(OsStr::from_bytes(name)) {
                return (200, value.into_vec());
            }
        }
        if let Some(millis) = path.strip_prefix(b"/sleep/") {
            if let Some(millis) = std::str::from_utf8(millis).ok().and_then(|text| text.parse().ok()) {
                thread::sleep(Duration::from_millis(millis));
                return (200, format!("slept {millis} ms\n").into_bytes());
            }
        }
        (404, b"not found\n".to_vec())
    }

    fn describe(&self) -> Vec<u8> {
        let container = env::var_os("MRSK_CONTAINER_NAME").unwrap_or_default();
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        format!(
            "{{\"version\":{},\"container\":{},\"host\":{},\"pid\":{}}}\n",
            json(&self.version),
            json(container.as_bytes()),
            json(host.trim_end().as_bytes()),
            process::id()
        )
        .into_bytes()
    }

    /// Serves one connection until either side ends it.
    fn serve(&self, stream: TcpStream, fresh: Counted) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut writer = stream;
        let mut fresh = Some(fresh);
        loop {
            if reader.fill_buf()?.is_empty() {
                return Ok(());
            }
            let in_flight = Counted::new(&IN_FLIGHT);
            fresh.take();
            let started = Instant::now();
            let Some(request) = Request::read(&mut reader)? else {
                return Ok(());
            };
            if request.path == b"/ws" {
                if let Some(key) = &request.websocket {
                    return converse(&mut reader, &mut writer, key, in_flight);
                }
            }
            let (status, body) = self.answer(&request.path);
            let close = request.close || STOPPING.load(SeqCst);
            writer.write_all(&request.reply(status, &body, close))?;
            say(&format!(
                "{} {} {status} {}ms",
                String::from_utf8_lossy(&request.method),
                String::from_utf8_lossy(&request.target),
                started.elapsed().as_millis()
            ));
            if close {
                writer.shutdown(Shutdown::Write)?;
                return Ok(());
            }
        }
    }
}

/// Makes a websocket of the connection and serves it to its end.
fn converse(
    reader: &mut BufReader<TcpStream>,
    writer: &mut TcpStream,
    key: &str,
    in_flight: Counted,
) -> io::Result<()> {
    let _open = Counted::new(&WEBSOCKETS);
    writer.write_all(ws::upgrade(key).as_bytes())?;
    say("GET /ws 101");
    drop(in_flight);
    let end = ws::serve(reader, writer, &|| STOPPING.load(SeqCst));
    writer.shutdown(Shutdown::Write)?;
    end
}

struct Request {
    method: Vec<u8>,
    target: Vec<u8>,
    path: Vec<u8>,
    close: bool,
    /// The key of a client that asks for a websocket.
    websocket: Option<String>,
}

impl Request {
    /// Reads a request with its body; None where it is cut off or malformed.
    fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
        let Some(line) = read_line(reader)? else { return Ok(None) };
        let mut words = line.split(|byte| *byte == b' ');
        let (Some(method), Some(target), Some(protocol)) = (words.next(), words.next(), words.next()) else {
            return Ok(None);
        };
        let mut close = protocol != b"HTTP/1.1";
        let mut length: u64 = 0;
        let (mut upgrade, mut key) = (false, None);
        loop {
            let Some(header) = read_line(reader)? else { return Ok(None) };
            if header.is_empty() {
                break;
            }
            let header = String::from_utf8_lossy(&header);
            let Some((name, value)) = header.split_once(':') else { return Ok(None) };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "connection" if has(value, "close") => close = true,
                "connection" if has(value, "keep-alive") => close = false,
                "content-length" => length = value.parse().unwrap_or(0),
                // Its end is not looked for: the connection ends with the answer.
                "transfer-encoding" => close = true,
                "upgrade" => upgrade = has(value, "websocket"),
                "sec-websocket-key" => key = Some(value.to_string()),
                _ => {}
            }
        }
        io::copy(&mut reader.take(length), &mut io::sink())?;
        let path = target.split(|byte| *byte == b'?').next().unwrap_or(target);
        Ok(Some(Request {
            method: method.to_vec(),
            target: target.to_vec(),
            path: path.to_vec(),
            close,
            websocket: key.filter(|_| upgrade && method == b"GET"),
        }))
    }

    /// The bytes of an answer.
    fn reply(&self, status: u16, body: &[u8], close: bool) -> Vec<u8> {
        let reason = match status {
            200 => "OK",
            400 => "Bad Request",
            404 => "Not Found",
            _ => "Service Unavailable",
        };
        let mut out = format!(
            "HTTP/1.1 {status} {reason}\r\nContent-Length: {}\r\nContent-Type: {}\r\nConnection: {}\r\n\r\n",
            body.len(),
            if self.path == b"/" { "application/json" } else { "text/plain" },
            if close { "close" } else { "keep-alive" }
        )
        .into_bytes();
        if self.method != b"HEAD" {
            out.extend_from_slice(body);
        }
        out
    }
}

/// Whether a comma-separated list of a header has this word.
fn has(list: &str, word: &str) -> bool {
    list.split(',').any(|item| item.trim().eq_ignore_ascii_case(word))
}

fn read_line(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    reader.take(MAX_LINE).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Ok(None);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(line))
}

fn behaviour(path: &str) -> HashMap<String, OsString> {
    let content = fs::read(path).unwrap_or_default();
    content
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.starts_with(b"#"))
        .filter_map(|line| {
            let at = line.iter().position(|byte| *byte == b'=')?;
            let name = String::from_utf8_lossy(&line[..at]).trim().to_string();
            Some((name, OsString::from_vec(line[at + 1..].to_vec())))
        })
        .collect()
}

fn json(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for character in String::from_utf8_lossy(text).chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            character if (character as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", character as u32);
            }
            character => out.push(character),
        }
    }
    out.push('"');
    out
}

/// A line on stdout; nobody may be listening.
fn say(line: &str) {
    let _ = io::stdout().lock().write_all(format!("{line}\n").as_bytes());
}

fn fatal(message: &str, code: i32) -> ! {
    let _ = io::stderr().write_all(format!("fatal: {message}\n").as_bytes());
    process::exit(code)
}

fn accept(app: &'static App, stream: TcpStream) {
    let fresh = Counted::new(&FRESH);
    let _ = thread::Builder::new().stack_size(256 * 1024).spawn(move || app.serve(stream, fresh));
}

/// Waits, but no longer than until SIGTERM.
fn pause(how_long: Duration) {
    let end = Instant::now() + how_long;
    while !STOPPING.load(SeqCst) && Instant::now() < end {
        thread::sleep(Duration::from_millis(10).min(end - Instant::now()));
    }
}

/// Takes what already waits in the queue, closes the listener, finishes what is in flight, and says goodbye on websockets.
fn drain(app: &'static App, listener: &TcpListener) {
    let _ = listener.set_nonblocking(true);
    while let Ok((stream, _)) = listener.accept() {
        let _ = stream.set_nonblocking(false);
        accept(app, stream);
    }
    unsafe { shutdown(listener.as_raw_fd(), SHUT_RDWR) };
    let patience = Instant::now() + Duration::from_millis(500);
    let soon_gone = || FRESH.load(SeqCst) > 0 || WEBSOCKETS.load(SeqCst) > 0;
    while IN_FLIGHT.load(SeqCst) > 0 || (soon_gone() && Instant::now() < patience) {
        thread::sleep(Duration::from_millis(2));
    }
}

fn main() {
    let app: &'static App = Box::leak(Box::new(App::load()));
    unsafe {
        signal(SIGTERM, app.term);
        signal(SIGINT, app.term);
    }
    if let Some(code) = app.exit {
        fatal(&format!("told to exit with {code}"), code);
    }
    pause(app.boot);
    if STOPPING.load(SeqCst) {
        return;
    }
    let listener = match TcpListener::bind(("0.0.0.0", app.port)) {
        Ok(listener) => listener,
        Err(error) => fatal(&format!("port {}: {error}", app.port), 1),
    };
    say(&format!("listening on {} version {}", app.port, String::from_utf8_lossy(&app.version)));
    let accepting = match listener.try_clone() {
        Ok(listener) => listener,
        Err(error) => fatal(&error.to_string(), 1),
    };
    thread::spawn(move || {
        while !STOPPING.load(SeqCst) {
            match accepting.accept() {
                Ok((stream, _)) => accept(app, stream),
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        }
    });
    if let Some(life) = app.dies_after {
        pause(life);
        if !STOPPING.load(SeqCst) {
            fatal("told to die by now", 1);
        }
    }
    while !STOPPING.load(SeqCst) {
        pause(Duration::from_secs(3600));
    }
    drain(app, &listener);
    say("stopped");
}
