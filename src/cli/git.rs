//! What git says about the current directory.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use crate::exit_code::ExitCode;
use crate::facts::source;
use crate::record::Ending;
use crate::transport::local::{self, LocalCommand, LocalOutcome};

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

/// Returns the commit that is checked out.
pub async fn head() -> Option<String> {
    first_line(&["rev-parse", "--verify", "--quiet", "HEAD"]).await
}

/// Returns whether `commit` precedes `later`, as far as git knows both.
pub async fn is_ancestor(commit: &str, later: &str) -> bool {
    run(&["merge-base", "--is-ancestor", commit, later], None)
        .await
        .is_some()
}

/// Returns the tree of the directory `context` at the commit that `name` names, if git knows it.
pub async fn tree_of(root: &Path, name: &str, context: &str) -> Option<String> {
    let below = match context {
        "." => "",
        context => context,
    };
    let tree = format!("{name}^{{commit}}:./{below}");
    let outcome = run(&["rev-parse", "--verify", "--quiet", &tree], Some(root)).await?;
    outcome.stdout.lines().next().map(str::to_owned)
}

/// Returns the file of allowed signers that git uses to verify signatures.
pub async fn allowed_signers() -> Option<PathBuf> {
    let setting = ["config", "--type=path", "gpg.ssh.allowedSignersFile"];
    first_line(&setting).await.map(PathBuf::from)
}

/// Returns the tracked files that `pattern` matches, relative to `root`.
pub async fn tracked(root: &Path, pattern: &str) -> BTreeSet<String> {
    let outcome = run(&["ls-files", "-z", "--", pattern], Some(root)).await;
    let printed = outcome.map(|outcome| outcome.stdout).unwrap_or_default();
    let paths = printed.split('\0').filter(|path| !path.is_empty());
    paths.map(str::to_owned).collect()
}

/// Returns the first line that a git command prints; nothing if it fails.
async fn first_line(arguments: &[&str]) -> Option<String> {
    let outcome = run(arguments, None).await?;
    let line = outcome.stdout.lines().next()?.to_owned();
    (!line.is_empty()).then_some(line)
}

/// Runs git; nothing if it fails.
async fn run(arguments: &[&str], directory: Option<&Path>) -> Option<LocalOutcome> {
    let command = LocalCommand {
        argv: source::GIT
            .iter()
            .chain(arguments)
            .copied()
            .map(String::from)
            .collect(),
        directory: directory.map(Path::to_owned),
        ..LocalCommand::default()
    };
    let outcome = local::run(&command, |_| {}).await.ok()?;
    (outcome.ending == Ending::Succeeded).then_some(outcome)
}
