//! The control master of one connection: channels through it, and its end.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use openssh::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::channel::Channel;
use super::ssh_error::words;

/// The pauses between the tries to open a channel on a host that refuses another one, in milliseconds.
const CHANNEL_PAUSES_MS: [u64; 7] = [50, 100, 200, 400, 800, 1600, 3200];

/// What a command on a host is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// A terminal of its own, which mirrors the one of this process.
    Terminal,
    /// The standard streams of this process.
    Streams,
}

/// A connection to one host.
pub struct Master {
    /// Dropped first, so that the session's own goodbye finds nobody and does not wait.
    keeper: Arc<Keeper>,
    session: Arc<openssh::Session>,
    /// The beginning of a command of ssh to this host, without options of the session.
    client: Vec<String>,
    host: String,
}

impl Master {
    /// Returns the connection that `keeper` holds. `client` begins a command of ssh to `host`.
    pub fn new(
        keeper: Arc<Keeper>,
        session: openssh::Session,
        mut client: Vec<String>,
        host: &str,
    ) -> Self {
        let socket = session.control_socket().display().to_string();
        client.extend(["-S".to_owned(), socket]);
        Self {
            keeper,
            session: Arc::new(session),
            client,
            host: host.to_owned(),
        }
    }

    /// Returns the command of this machine that runs `line` on the host, through this connection.
    pub fn session(&self, line: String, session: Session) -> Vec<String> {
        let terminal = match session {
            Session::Terminal => "-t",
            Session::Streams => "-T",
        };
        let options = [
            terminal,
            "-o",
            "LogLevel=ERROR",
            "-o",
            "ControlMaster=no",
            "--",
        ];
        let mut argv = self.client.clone();
        argv.extend(options.map(str::to_owned));
        argv.extend([self.host.clone(), line]);
        argv
    }

    /// Opens a channel on which `sh` reads a script. A host that allows fewer channels than we use is asked again
    /// while the others end.
    pub async fn open(&self) -> Result<Channel, String> {
        let mut pauses = CHANNEL_PAUSES_MS.iter();
        loop {
            let mut command = Arc::clone(&self.session).arc_raw_command("sh");
            let spawned = command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .await;
            let error = match spawned {
                Ok(mut child) => {
                    let streams = (
                        child.stdin().take(),
                        child.stdout().take(),
                        child.stderr().take(),
                    );
                    let (Some(stdin), Some(stdout), Some(stderr)) = streams else {
                        return Err("a channel without standard streams".to_owned());
                    };
                    return Ok(Channel {
                        stdin: Box::new(stdin),
                        stdout: Box::new(stdout),
                        stderr: Box::new(stderr),
                        keep: Box::new(child),
                    });
                }
                Err(error) => error,
            };
            match (&error, pauses.next()) {
                (openssh::Error::SshMux(_), Some(pause)) => {
                    tokio::time::sleep(Duration::from_millis(*pause)).await;
                }
                _ => return Err(words(&error).replace('\n', ": ")),
            }
        }
    }
}

/// An idle connection to a master's control socket: while it is open the master does not end by itself.
pub struct Keeper {
    stream: UnixStream,
    master: Option<rustix::process::Pid>,
}

impl Drop for Master {
    fn drop(&mut self) {
        self.keeper.end();
    }
}

impl Keeper {
    /// Connects, and asks the master for its process id.
    pub async fn hold(socket: &Path) -> io::Result<Self> {
        const HELLO: u32 = 1;
        const VERSION: u32 = 4;
        const ALIVE_CHECK: u32 = 0x1000_0004;
        const ALIVE: u32 = 0x8000_0005;
        let mut stream = UnixStream::connect(socket).await?;
        send(&mut stream, &[HELLO, VERSION]).await?;
        receive(&mut stream).await?;
        send(&mut stream, &[ALIVE_CHECK, 0]).await?;
        let master = match receive(&mut stream).await?[..] {
            [ALIVE, _, pid, ..] => i32::try_from(pid).ok(),
            _ => None,
        };
        Ok(Self {
            stream,
            master: master.and_then(rustix::process::Pid::from_raw),
        })
    }

    /// Ends the master. While the connection to it stands, its process id is its own.
    pub fn end(&self) {
        let is_gone = matches!(self.stream.try_read(&mut [0; 16]), Ok(0));
        if let (false, Some(pid)) = (is_gone, self.master) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

/// Sends a message of the multiplexing protocol: its length, then its words, all big-endian.
async fn send(stream: &mut UnixStream, words: &[u32]) -> io::Result<()> {
    let length = u32::try_from(words.len() * 4).map_err(io::Error::other)?;
    let bytes: Vec<u8> = std::iter::once(&length)
        .chain(words)
        .flat_map(|word| word.to_be_bytes())
        .collect();
    stream.write_all(&bytes).await
}

async fn receive(stream: &mut UnixStream) -> io::Result<Vec<u32>> {
    const LONGEST: u32 = 1024;
    let length = stream.read_u32().await?.min(LONGEST);
    let mut bytes = vec![0; length as usize];
    stream.read_exact(&mut bytes).await?;
    let words = bytes.chunks_exact(4);
    Ok(words
        .map(|word| word.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
        .collect())
}
