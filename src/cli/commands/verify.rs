//! `mrsk verify`

use std::path::PathBuf;

use crate::cli::approval::{SignerOptions, check_signatures};
use crate::cli::failure::Failure;
use crate::cli::{input, output};
use crate::exit_code::ExitCode;
use crate::text;

/// Arguments of `mrsk verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Plan file; `-` for standard input
    plan: PathBuf,
    #[command(flatten)]
    signers: SignerOptions,
}

/// Prints who signed the plan; fails if too few did.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let allowed = args.signers.allowed_or_configured().await?;
    let plan = input::read_plan(&args.plan)?;
    let checked = check_signatures(&args.plan, &plan.digest, &args.signers, &allowed).await?;
    for signature in &checked.verification.good {
        output::print(&format!(
            "good signature by {}\n",
            text::escape(&signature.principals.join(", "))
        ))?;
    }
    Ok(ExitCode::Done)
}
