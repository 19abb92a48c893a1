//! The `mrsk` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    let status = mrsk::cli::become_command();
    status.unwrap_or_else(mrsk::cli::run).into()
}
