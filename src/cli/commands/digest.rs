//! `mrsk digest`

use std::path::PathBuf;

use crate::approval;
use crate::cli::failure::Failure;
use crate::cli::{input, output};
use crate::exit_code::ExitCode;

/// Arguments of `mrsk digest`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Plan file; `-` for standard input
    plan: PathBuf,

    /// Print only `sha256:…`, as `mrsk apply --expect` takes it
    #[arg(long)]
    bare: bool,
}

/// Checks the plan's digest and prints it.
pub fn run(args: Args) -> Result<ExitCode, Failure> {
    let digest = input::read_plan(&args.plan)?.digest;
    output::print(&match args.bare {
        true => format!("{digest}\n"),
        false => approval::signed_line(&digest),
    })?;
    Ok(ExitCode::Done)
}
