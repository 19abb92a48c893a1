//! The `mrsk` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    mrsk::cli::run().code().into()
}
