//! What git says about the current directory.

use std::path::PathBuf;

use super::failure::Failure;
use crate::exit_code::ExitCode;
use crate::record::Ending;
use crate::transport::local::{self, LocalCommand};

/// Returns the directory that paths of a plan are relative to: the git root, else the current directory.
pub async fn root() -> Result<PathBuf, Failure> {
    let current = std::env::current_dir().map_err(|error| {
        let message = format!("cannot find the current directory: {error}");
        Failure::new(ExitCode::Failed, message)
    })?;
    let root = first_line(&["rev-parse", "--show-toplevel"]).await;
    Ok(root.map_or(current, PathBuf::from))
}

/// Returns who runs this: git's `user.name`, else the login name.
pub async fn user_name() -> String {
    match first_line(&["config", "user.name"]).await {
        Some(name) => name,
        None => std::env::var("USER").unwrap_or_else(|_| "unknown".into()),
    }
}

/// Returns the file of allowed signers that git uses to verify signatures.
pub async fn allowed_signers() -> Option<PathBuf> {
    let setting = ["config", "--type=path", "gpg.ssh.allowedSignersFile"];
    first_line(&setting).await.map(PathBuf::from)
}

/// Returns the first line that a git command prints; nothing if it fails.
async fn first_line(arguments: &[&str]) -> Option<String> {
    let command = LocalCommand {
        argv: std::iter::once("git")
            .chain(arguments.iter().copied())
            .map(String::from)
            .collect(),
        ..LocalCommand::default()
    };
    let outcome = local::run(&command, |_| {}).await.ok()?;
    let line = outcome.stdout.lines().next()?.to_owned();
    (outcome.ending == Ending::Succeeded && !line.is_empty()).then_some(line)
}
