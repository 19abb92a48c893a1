//! What the two ways to run a process of this machine share.

use std::io;
use std::process::{Command, ExitStatus};

use crate::record::Ending;

/// Returns the command of `argv`, which does not pass through a shell.
///
/// # Errors
///
/// `InvalidInput` if `argv` is empty.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that names a program to start"
)]
pub fn command(argv: &[String]) -> io::Result<Command> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "an empty command",
        ));
    };
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(command)
}

/// Returns how a process ended.
pub fn ending(status: ExitStatus) -> Ending {
    use std::os::unix::process::ExitStatusExt;
    match status.code() {
        Some(0) => Ending::Succeeded,
        Some(code) => Ending::Failed { code },
        None => Ending::Failed {
            code: 128 + status.signal().unwrap_or(0),
        },
    }
}
