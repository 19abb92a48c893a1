//! A command on a host with the input and the terminal of this one.

use std::io::IsTerminal;

use tokio::signal::unix::{SignalKind, signal};

use crate::action::Run;
use crate::apply::driver::signals;
use crate::cli::failure::Failure;
use crate::docker::once::Streams;
use crate::exit_code::ExitCode;
use crate::record::Ending;
use crate::transport::foreground;
use crate::transport::{Host, Session};

/// What a command on a host is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attached {
    /// The terminal of this command.
    Terminal,
    /// Its input and output, of which one is no terminal.
    Streams,
}

impl Attached {
    /// Returns what there is.
    pub fn available() -> Self {
        match std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
            true => Self::Terminal,
            false => Self::Streams,
        }
    }

    /// Returns what docker is told of it.
    pub const fn streams(self) -> Streams {
        match self {
            Self::Terminal => Streams::Terminal,
            Self::Streams => Streams::Input,
        }
    }
}

/// Runs a command on a host and returns its status. Signals and changes of the terminal's size reach it; those of the keyboard do not
/// end mrsk itself. Others that stop a program end the command.
pub async fn attach(host: &Host, command: &Run, attached: Attached) -> Result<u8, Failure> {
    let session = match attached {
        Attached::Terminal => Session::Terminal,
        Attached::Streams => Session::Streams,
    };
    let argv = host.session(command, session).map_err(Failure::internal)?;
    let kinds = [SignalKind::interrupt(), SignalKind::quit()];
    let _kept = kinds.map(signal);
    match foreground::attach(&argv, stopped()).await {
        Ok(Some(Ending::Succeeded)) => Ok(0),
        Ok(Some(Ending::Failed { code })) => Ok(u8::try_from(code).unwrap_or(1)),
        Ok(Some(_)) => Ok(ExitCode::Failed.code()),
        Ok(None) => Ok(ExitCode::Interrupted.code()),
        Err(error) => Err(Failure::internal(format!(
            "cannot run {}: {error}",
            argv[0]
        ))),
    }
}

/// Waits for a signal that does not come from the keyboard and is to stop this program: its terminal was closed, or its job was cancelled.
async fn stopped() {
    let kinds = signals::stopping().filter(|kind| *kind != SignalKind::interrupt());
    signals::received(kinds).await;
}
