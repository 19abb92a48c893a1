//! One run of `sh` on a host: the script goes in, lines come out.

use std::any::Any;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::bounds::{Bounds, Excess};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

/// The most that is kept of what `sh` says on its standard error.
const ERRORS_KEPT: usize = 16 * 1024;

/// How long the rest of standard error is waited for after the answer has ended.
const LAST_ERRORS: Duration = Duration::from_millis(200);

/// The standard streams of a `sh` that runs on a host.
pub struct Channel {
    /// Where the script goes.
    pub stdin: Box<dyn AsyncWrite + Send + Unpin>,
    /// Where the answer comes from.
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    /// Where complaints of `sh` come from.
    pub stderr: Box<dyn AsyncRead + Send + Unpin>,
    /// What must live as long as the channel.
    pub keep: Box<dyn Any + Send>,
}

impl Channel {
    /// Sends `script`, and hands each line of the answer to `on_line` until that breaks off or the answer ends. Returns what
    /// stood on standard error by then.
    ///
    /// # Errors
    ///
    /// An answer that is longer than its bounds.
    pub async fn converse(
        self,
        script: &str,
        bounds: Bounds,
        on_line: impl FnMut(&str) -> ControlFlow<()> + Send,
    ) -> Result<String, Excess> {
        let Channel {
            mut stdin,
            stdout,
            mut stderr,
            keep,
        } = self;
        let errors = Mutex::new(Vec::new());
        let write = async {
            if stdin.write_all(script.as_bytes()).await.is_ok() {
                let _ = stdin.shutdown().await;
            }
            drop(stdin);
        };
        let listen = async {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
                let mut errors = errors.lock().unwrap_or_else(PoisonError::into_inner);
                let room = ERRORS_KEPT - errors.len().min(ERRORS_KEPT);
                errors.extend_from_slice(&buffer[..length.min(room)]);
            }
        };
        let mut rest = Box::pin(async { tokio::join!(write, listen) });
        let mut read = Box::pin(read_lines(stdout, bounds, on_line));
        let flow = tokio::select! {
            flow = &mut read => {
                if let Ok(ControlFlow::Continue(())) = flow {
                    let _ = tokio::time::timeout(LAST_ERRORS, &mut rest).await;
                }
                flow
            }
            _ = &mut rest => read.await,
        };
        drop(keep);
        let _ = flow?;
        let errors = errors.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(String::from_utf8_lossy(&errors).trim().to_owned())
    }
}

/// Hands lines to `on_line` until that breaks off, and never has more than one in memory.
async fn read_lines(
    stdout: impl AsyncRead + Unpin,
    bounds: Bounds,
    mut on_line: impl FnMut(&str) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Excess> {
    let mut stdout = BufReader::new(stdout);
    let mut line = Vec::new();
    let mut total: usize = 0;
    loop {
        let chunk = match stdout.fill_buf().await {
            Ok(chunk) if !chunk.is_empty() => chunk,
            _ => break,
        };
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(chunk.len(), |at| at + 1);
        total = total.saturating_add(length);
        if total > bounds.total {
            return Err(Excess::Total(bounds.total));
        }
        if line.len() + length > bounds.line {
            return Err(Excess::Line(bounds.line));
        }
        line.extend_from_slice(&chunk[..length]);
        stdout.consume(length);
        if end.is_some() {
            if on_line(&String::from_utf8_lossy(&line)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            line.clear();
        }
    }
    match line.is_empty() {
        true => Ok(ControlFlow::Continue(())),
        false => Ok(on_line(&String::from_utf8_lossy(&line))),
    }
}
