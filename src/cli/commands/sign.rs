//! `mrsk sign`

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::approval;
use crate::cli::approval::signature_file;
use crate::cli::failure::Failure;
use crate::cli::{input, output};
use crate::exit_code::ExitCode;

/// Arguments of `mrsk sign`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The signature is appended to PLAN.sig. Review the plan first: `mrsk show PLAN`."
)]
pub struct Args {
    /// Plan file
    plan: PathBuf,

    /// Private SSH key; with a public key the ssh-agent signs
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

/// Appends a signature to the signature file of the plan.
pub fn run(args: Args) -> Result<ExitCode, Failure> {
    let file = signature_file(&args.plan, None)?;
    let plan = input::read_plan(&args.plan)?;
    let signature = approval::sign(&plan.digest, &args.key).map_err(|error| {
        let message = format!("cannot sign with {}: {error}", args.key.display());
        Failure::new(ExitCode::Failed, message)
    })?;
    append(&file, &signature).map_err(|error| {
        let message = format!("cannot write {}: {error}", file.display());
        Failure::new(ExitCode::Failed, message)
    })?;
    output::print(&format!(
        "added a signature of {} to {}\n",
        plan.digest,
        file.display()
    ))?;
    Ok(ExitCode::Done)
}

fn append(file: &Path, signature: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    file.write_all(signature.as_bytes())?;
    file.sync_all()
}
