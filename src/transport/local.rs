//! Processes of this machine.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::channel::Channel;
use super::dependent::dependent;
use super::process::{command, ending};
use crate::record::Ending;
use crate::secret::{Secret, Secrets};

/// Lines of output that are kept for a report.
const TAIL_LINES: usize = 100;

/// The longest line of output that is shown, in bytes. It is longer than a secret, so that none is cut, and not known any more.
const MAX_LINE: u64 = 256 << 10;

/// What is shown in place of a longer one.
const OVERLONG: &str = "(a line of more than 256 KiB)\n";

/// The most that is kept for a report, in bytes.
const TAIL_BYTES: usize = 512 << 10;

/// How long the output of a command that has ended is waited for: a process that it left behind may hold it open.
const LINGER: Duration = Duration::from_secs(10);

/// How long a process group may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);

/// The pause between two looks at a process group that is to end.
const LOOK: Duration = Duration::from_millis(20);

/// A `sh` of this machine, as if it were a host's.
#[derive(Debug, Clone)]
pub struct LocalShell {
    /// The program that reads the script, and its arguments: `["sh"]`.
    pub argv: Vec<String>,
    /// The login directory.
    pub directory: PathBuf,
    /// Variables that are set beside those of this process.
    pub variables: Vec<(String, String)>,
}

impl LocalShell {
    /// Starts it.
    pub(super) fn open(&self) -> io::Result<Channel> {
        let mut command = Command::from(command(&self.argv)?);
        command
            .current_dir(&self.directory)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("a process without standard streams"));
        };
        Ok(Channel {
            stdin: Box::new(stdin),
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
            keep: Box::new(child),
        })
    }
}

/// A command to be run on this machine. It never passes through a shell.
#[derive(Debug, Clone, Default)]
pub struct LocalCommand {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Secrets that are exported to it, by name, beside the variables of this process.
    pub secrets: Secrets,
    /// Further variables.
    pub variables: Vec<(String, OsString)>,
    /// What it reads on its standard input.
    pub stdin: Option<Secret>,
    /// Its working directory; this process's where absent.
    pub directory: Option<PathBuf>,
    /// The longest that it may take.
    pub timeout: Option<Duration>,
    /// The longest that it may print nothing.
    pub idle_timeout: Option<Duration>,
    /// The most of standard output that is kept, in bytes; all without it.
    pub stdout_limit: Option<usize>,
}

/// How a local command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalOutcome {
    /// How it ended. A signal counts as status 128 plus its number.
    pub ending: Ending,
    /// What it wrote to standard output, as far as it is kept: the end.
    pub stdout: String,
    /// The last 100 lines of both its streams.
    pub tail: String,
}

/// Which stream a line of output came on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Out,
    Error,
}

/// Ends the commands that look at its [`Stopped`].
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Tells whether commands are to end.
#[derive(Debug)]
pub struct Stopped(watch::Receiver<bool>);

impl Stopper {
    /// Returns one, and what commands look at.
    pub fn new() -> (Self, Stopped) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stopped(receiver))
    }

    /// Ends the commands, and lets no further one begin.
    pub fn stop(self) {
        self.0.send_replace(true);
    }
}

impl Stopped {
    /// Waits until commands are to end; does not return if nobody can say so any more.
    async fn wait(&mut self) {
        if self.0.wait_for(|is_stopped| *is_stopped).await.is_err() {
            std::future::pending().await
        }
    }
}

/// As [`run_until`], until it ends by itself.
///
/// # Errors
///
/// Fails if the program cannot be started.
pub async fn run(
    request: &LocalCommand,
    on_output: impl FnMut(&str) + Send,
) -> io::Result<LocalOutcome> {
    let (_stop, mut stopped) = Stopper::new();
    run_until(request, &mut stopped, on_output).await
}

/// Runs a command in a process group of its own and hands each line that it prints to `on_output`. The group is ended when it takes too
/// long, or is `stopped`. When the returned future is dropped the group gets SIGTERM. What a command leaves running when it ends stays,
/// and is not waited for.
///
/// # Errors
///
/// Fails if the program cannot be started.
pub async fn run_until(
    request: &LocalCommand,
    stopped: &mut Stopped,
    mut on_output: impl FnMut(&str) + Send,
) -> io::Result<LocalOutcome> {
    let mut output = Output::of(request);
    if *stopped.0.borrow() {
        return Ok(output.outcome(Ending::Stopped));
    }
    let mut child = spawn(request)?;
    let mut group = Group::of(&child);
    let (sender, mut lines) = mpsc::channel(64);
    let feed = feed(child.stdin.take(), request.stdin.as_ref());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let readers = async {
        tokio::join!(
            forward(stdout, Stream::Out, sender.clone()),
            forward(stderr, Stream::Error, sender.clone()),
        );
        drop(sender);
    };
    let mut beside = Box::pin(async { tokio::join!(feed, readers) });
    let mut is_beside_done = false;
    let begun = Instant::now();
    let mut heard = begun;
    let deadline = |heard: Instant| {
        let limits = [
            request.timeout.map(|limit| begun + limit),
            request.idle_timeout.map(|limit| heard + limit),
        ];
        limits.into_iter().flatten().min()
    };
    let mut is_heard = false;
    let mut status = None;
    let mut lingers = None;
    while !is_heard || status.is_none() {
        tokio::select! {
            _ = &mut beside, if !is_beside_done => is_beside_done = true,
            piece = lines.recv(), if !is_heard => match piece {
                Some(piece) => {
                    heard = Instant::now();
                    if let Some(line) = piece.shown() {
                        on_output(&line);
                        output.show(line);
                    }
                    output.keep(piece);
                }
                None => is_heard = true,
            },
            ended = child.wait(), if status.is_none() => {
                status = Some(ended?);
                lingers = Some(Instant::now() + LINGER);
            }
            () = until(lingers) => break,
            ending = ended_by(stopped, deadline(heard)), if status.is_none() => {
                drop(beside);
                group.end(&mut child).await;
                return Ok(output.outcome(ending));
            }
        }
    }
    drop(beside);
    group.release();
    let status = status.ok_or_else(|| io::Error::other("a process without a status"))?;
    Ok(output.outcome(ending(status)))
}

/// Waits until a command is to be ended, and returns why.
async fn ended_by(stopped: &mut Stopped, deadline: Option<Instant>) -> Ending {
    tokio::select! {
        () = stopped.wait() => Ending::Stopped,
        () = until(deadline) => Ending::TimedOut,
    }
}

fn spawn(request: &LocalCommand) -> io::Result<Child> {
    let mut command = Command::from(dependent(&request.argv)?);
    command
        .stdin(match request.stdin {
            Some(_) => Stdio::piped(),
            None => Stdio::null(),
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    for (name, value) in &request.secrets {
        command.env(name, value.reveal());
    }
    command.envs(request.variables.iter().map(|(name, value)| (name, value)));
    if let Some(directory) = &request.directory {
        command.current_dir(directory);
    }
    command.spawn()
}

async fn feed(stdin: Option<tokio::process::ChildStdin>, secret: Option<&Secret>) {
    if let (Some(mut stdin), Some(secret)) = (stdin, secret) {
        let _ = stdin.write_all(secret.reveal().as_bytes()).await;
    }
}

/// A line of output, or a part of a long one.
struct Piece {
    stream: Stream,
    bytes: Vec<u8>,
    part: Part,
}

/// Which part of its line a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    First,
    Later,
}

impl Piece {
    /// Returns what is shown of it.
    fn shown(&self) -> Option<String> {
        match self.part {
            Part::Whole => Some(String::from_utf8_lossy(&self.bytes).into_owned()),
            Part::First => Some(OVERLONG.to_owned()),
            Part::Later => None,
        }
    }
}

async fn forward<R: AsyncRead + Unpin>(
    stream: Option<R>,
    kind: Stream,
    sender: mpsc::Sender<Piece>,
) {
    let Some(stream) = stream else { return };
    let mut stream = BufReader::new(stream);
    let mut is_within = false;
    loop {
        let mut bytes = Vec::new();
        let mut limited = (&mut stream).take(MAX_LINE);
        let Ok(1..) = limited.read_until(b'\n', &mut bytes).await else {
            return;
        };
        let is_end = limited.limit() > 0 || bytes.ends_with(b"\n");
        let part = match (is_within, is_end) {
            (false, true) => Part::Whole,
            (false, false) => Part::First,
            (true, _) => Part::Later,
        };
        is_within = !is_end;
        let stream = kind;
        let piece = Piece {
            stream,
            bytes,
            part,
        };
        if sender.send(piece).await.is_err() {
            return;
        }
    }
}

/// Waits until `deadline`; without one, for ever.
pub async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// What a command has printed.
struct Output {
    stdout: Kept<Vec<u8>>,
    tail: Kept<String>,
}

/// The end of some output, in pieces.
struct Kept<T> {
    pieces: VecDeque<T>,
    /// How many bytes they have.
    length: usize,
    most_pieces: usize,
    most_bytes: usize,
}

impl<T: AsRef<[u8]>> Kept<T> {
    const fn new(most_pieces: usize, most_bytes: usize) -> Self {
        Self {
            pieces: VecDeque::new(),
            length: 0,
            most_pieces,
            most_bytes,
        }
    }

    fn add(&mut self, piece: T) {
        self.length += piece.as_ref().len();
        self.pieces.push_back(piece);
        while self.pieces.len() > self.most_pieces || self.length > self.most_bytes {
            let Some(first) = self.pieces.pop_front() else {
                break;
            };
            self.length -= first.as_ref().len();
        }
    }
}

impl Output {
    fn of(request: &LocalCommand) -> Self {
        let limit = request.stdout_limit.unwrap_or(usize::MAX);
        Self {
            stdout: Kept::new(usize::MAX, limit),
            tail: Kept::new(TAIL_LINES, TAIL_BYTES),
        }
    }

    fn show(&mut self, line: String) {
        self.tail.add(line);
    }

    fn keep(&mut self, piece: Piece) {
        if piece.stream == Stream::Out {
            self.stdout.add(piece.bytes);
        }
    }

    fn outcome(self, ending: Ending) -> LocalOutcome {
        let stdout: Vec<u8> = self.stdout.pieces.into_iter().flatten().collect();
        LocalOutcome {
            ending,
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            tail: self.tail.pieces.into_iter().collect(),
        }
    }
}

/// A process group that is not to outlive this value.
struct Group(Option<rustix::process::Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        Self(pid.and_then(rustix::process::Pid::from_raw))
    }

    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(group) = self.0 {
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }

    /// Ends the group: gently, and after a while not.
    async fn end(&mut self, child: &mut Child) {
        self.signal(rustix::process::Signal::TERM);
        let gently = async {
            let _ = child.wait().await;
            while self.has_members() {
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(GRACE, gently).await.is_err() {
            self.signal(rustix::process::Signal::KILL);
            let _ = child.wait().await;
        }
        self.release();
    }

    fn has_members(&self) -> bool {
        let group = self.0;
        group.is_some_and(|group| rustix::process::test_kill_process_group(group).is_ok())
    }

    fn release(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(rustix::process::Signal::TERM);
    }
}

#[cfg(test)]
#[path = "local_tests.rs"]
mod tests;
