//! The output of commands that run on a host, handed on piece by piece. It may be endless: whoever reads it slows it down.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};

use super::channel::Channel;
use super::pieces::Pieces;
use super::request::CommandsEnded;

/// The longest piece of a line that is handed on, in bytes.
const PIECE: usize = 64 * 1024;

/// The most that is kept of what `sh` says on its standard error.
const ERRORS_KEPT: u64 = 4096;

/// Why there is no end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unended {
    /// The channel ended before the commands did; what `sh` said.
    Lost(String),
    /// Nothing came for this time.
    Silent(Duration),
    /// Nobody reads any more.
    Unread,
}

/// What is listened for.
pub struct Listening<'a> {
    /// The script.
    pub script: &'a str,
    /// The mark of the line that ends the answer.
    pub mark: &'a str,
    /// The longest time in which nothing may come.
    pub silence: Option<Duration>,
}

/// Sends the script and hands each line that comes to `pieces`, until the commands end. Should this future be dropped, they are ended.
pub async fn listen(
    channel: Channel,
    listening: &Listening<'_>,
    pieces: &Pieces,
) -> Result<CommandsEnded, Unended> {
    let Channel {
        mut stdin,
        stdout,
        stderr,
        keep,
    } = channel;
    // The script's stream stays open as long as somebody reads: its end ends the commands.
    let write = async {
        let _ = stdin.write_all(listening.script.as_bytes()).await;
        let _ = stdin.flush().await;
        std::future::pending::<()>().await
    };
    let mut errors = Vec::new();
    let mut kept = stderr.take(ERRORS_KEPT);
    let complain = async {
        let _ = kept.read_to_end(&mut errors).await;
        let _ = tokio::io::copy(&mut kept.into_inner(), &mut tokio::io::sink()).await;
        std::future::pending::<()>().await
    };
    let reading = Reading {
        mark: format!("@mrsk-{} ", listening.mark),
        silence: listening.silence,
        pieces,
        is_begun: false,
        is_blank_held: false,
    };
    let ended = tokio::select! {
        ended = reading.read(stdout) => ended,
        () = write => Err(Unended::Unread),
        () = complain => Err(Unended::Unread),
    };
    drop(keep);
    ended.map_err(|unended| match unended {
        Unended::Lost(_) => Unended::Lost(String::from_utf8_lossy(&errors).trim().to_owned()),
        other => other,
    })
}

/// What is known while an answer is read.
struct Reading<'a> {
    mark: String,
    silence: Option<Duration>,
    pieces: &'a Pieces,
    /// Whether the output has begun: what the host greets with is before it.
    is_begun: bool,
    /// Whether an empty line was read that was not handed on: the one before the mark is not of the output.
    is_blank_held: bool,
}

impl Reading<'_> {
    async fn read(mut self, stdout: impl AsyncRead + Unpin) -> Result<CommandsEnded, Unended> {
        let mut stdout = BufReader::new(stdout);
        let mut line = Vec::new();
        loop {
            let chunk = match self.silence {
                Some(limit) => tokio::time::timeout(limit, stdout.fill_buf())
                    .await
                    .map_err(|_| Unended::Silent(limit))?,
                None => stdout.fill_buf().await,
            };
            let chunk = match chunk {
                Ok(chunk) if !chunk.is_empty() => chunk,
                _ => return Err(Unended::Lost(String::new())),
            };
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(chunk.len(), |at| at + 1).min(PIECE);
            line.extend_from_slice(&chunk[..length]);
            stdout.consume(length);
            if line.ends_with(b"\n") || line.len() >= PIECE {
                let behind = line.split_off(whole_characters(&line));
                let piece = String::from_utf8_lossy(&line).into_owned();
                if let Some(ended) = self.hand_on(piece).await? {
                    return Ok(ended);
                }
                line = behind;
            }
        }
    }

    async fn hand_on(&mut self, piece: String) -> Result<Option<CommandsEnded>, Unended> {
        if let Some(rest) = piece.strip_prefix(&self.mark) {
            if rest == "begin\n" {
                self.is_begun = true;
                return Ok(None);
            }
            return match ended(rest) {
                Some(ended) => Ok(Some(ended)),
                None => Err(Unended::Lost(String::new())),
            };
        }
        if !self.is_begun {
            return Ok(None);
        }
        let send = async |piece| self.pieces.send(piece).await.map_err(|_| Unended::Unread);
        if std::mem::take(&mut self.is_blank_held) {
            send("\n".to_owned()).await?;
        }
        match piece.as_str() {
            "\n" => self.is_blank_held = true,
            _ => send(piece).await?,
        }
        Ok(None)
    }
}

/// Returns how much of `bytes` is there without a character at the end that goes on in the next piece.
fn whole_characters(bytes: &[u8]) -> usize {
    let longest = bytes.len().saturating_sub(4);
    let tail = &bytes[longest..];
    let cuts = tail.utf8_chunks().last().filter(|chunk| {
        let invalid = chunk.invalid();
        std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none())
    });
    bytes.len() - cuts.map_or(0, |chunk| chunk.invalid().len())
}

fn ended(text: &str) -> Option<CommandsEnded> {
    let (part, code) = text.trim_end().split_once(' ')?;
    match part {
        "main" => code.parse().ok().map(CommandsEnded::Main),
        "before" => Some(CommandsEnded::Before),
        "pattern" => Some(CommandsEnded::Pattern),
        _ => None,
    }
}
