//! What the image and the files of accessories are made from.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::compression;
use super::context::Context;
use super::failure::Failure;
use super::{git, registry};
use crate::apply::preflight;
use crate::config::model::Config;
use crate::exit_code::ExitCode;
use crate::facts::model::{LocalFile, SourceFacts};
use crate::facts::source;
use crate::name::Sha256Hex;
use crate::plan::hook::{self, Hook};
use crate::plan::{Operation, compile};
use crate::repository::{self, FileKind, ReadError, Repository};

/// What a plan and facts begin with. Earlier ones are not worth a warning, and the same plan printed to another file has the same
/// bytes.
const PLAN_OR_FACTS: &[u8] = b"{\"format_version\":\"";

/// Returns what the image would be built from, with paths relative to `root`.
pub async fn read(config: &Config, root: &Path) -> Result<SourceFacts, Failure> {
    let current = std::env::current_dir().unwrap_or_else(|_| root.to_owned());
    let context = relative(&current, &config.builder.context, root)?;
    let dockerfile = relative(&current, &config.builder.dockerfile, root)?;
    let repository = Repository::at(root);
    // Before git, which fails without a reason for what is no file.
    let dockerfile_sha256 = digest(&repository, &dockerfile, FileKind::Dockerfile)?;
    let files = files(config, &current, root)?;
    let answers = preflight::ask_git(root, &context).await;
    let git_problem = match answers.commit {
        None => preflight::git_problem(root).await,
        Some(_) => None,
    };
    let built = Context::open(root, &context, &dockerfile)?;
    let hooks = hooks(config, &current, root)?;
    let output = output_file(root);
    let counts = |path: &str| {
        let known = output.as_deref() == Some(path);
        !known && built.has(path) && !is_plan_or_facts(&repository, root, path)
    };
    let facts = source::read(&answers, &counts)
        .map_err(Failure::internal)?
        .unwrap_or_default();
    Ok(SourceFacts {
        context_missing: !root.join(&context).is_dir(),
        context,
        dockerfile,
        dockerfile_sha256,
        files,
        hooks: hooks.found,
        hook_problems: hooks.problems,
        directory: Some(relative(&current, ".", root)?).filter(|path| path != "."),
        git_problem,
        credential_helper: registry::credential_helper(config),
        ..facts
    })
}

/// Adds what the version of `operation` names to `source`, if an image is built and it looks like a commit that is not checked out.
pub async fn resolve(source: &mut SourceFacts, operation: &Operation, root: &Path) {
    let release = operation.kind.release();
    let Some(release) = release.filter(|release| !release.skip_push) else {
        return;
    };
    resolve_version(source, &release.version, root).await;
}

/// Adds what `version` names to `source`, if it looks like a commit that is not checked out.
pub async fn resolve_version(source: &mut SourceFacts, version: &str, root: &Path) {
    let is_head = source
        .commit
        .as_ref()
        .is_some_and(|commit| commit.starts_with(version));
    if is_head || !compile::is_commit(version) {
        return;
    }
    if let Some(tree) = git::tree_of(root, version, &source.context).await {
        source.named.insert(version.to_owned(), tree);
    }
}

/// Returns the files of accessories and the broadcast's program, as far as they can be read. An operation that needs a missing one
/// reports it; most need none.
fn files(
    config: &Config,
    current: &Path,
    root: &Path,
) -> Result<BTreeMap<String, LocalFile>, Failure> {
    let accessories = config.accessories.iter();
    let files = accessories.flat_map(|accessory| accessory.files.iter().map(|file| &file.local));
    let program = config.audit_broadcast_cmd.first();
    let program = program.filter(|program| program.contains('/'));
    let repository = Repository::at(root);
    let mut found = BTreeMap::new();
    for local in files.chain(program) {
        let Ok(path) = relative(current, local, root) else {
            continue;
        };
        if let Some(sha256) = digest(&repository, &path, FileKind::AccessoryFile)? {
            let mode = mode(&root.join(&path));
            found.insert(local.clone(), LocalFile { path, sha256, mode });
        }
    }
    Ok(found)
}

/// Returns the permission bits that a file has on hosts if nothing else is said: its own, without write access for others.
/// Nothing if these are the usual ones.
fn mode(path: &Path) -> Option<String> {
    const USUAL: u32 = 0o644;
    let mode = path.metadata().ok()?.permissions().mode() & 0o755;
    (mode != USUAL).then(|| format!("{mode:04o}"))
}

/// The files in the directories of hooks, and what is wrong with others.
#[derive(Default)]
struct Hooks {
    found: BTreeMap<String, LocalFile>,
    problems: BTreeMap<String, String>,
}

/// Reads the directories of hooks. The examples that the original tools write are none.
fn hooks(config: &Config, current: &Path, root: &Path) -> Result<Hooks, Failure> {
    let directories = match &config.hooks.path {
        Some(path) => vec![path.as_str()],
        None => hook::DIRECTORIES.to_vec(),
    };
    let repository = Repository::at(root);
    let mut hooks = Hooks::default();
    for directory in directories {
        let place = current.join(directory);
        let entries = match std::fs::read_dir(&place) {
            Ok(entries) => entries,
            Err(error) => {
                if place.symlink_metadata().is_ok() {
                    let problem = problem(&error.into());
                    hooks.problems.insert(directory.to_owned(), problem);
                }
                continue;
            }
        };
        let names = entries.flatten();
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        for name in names.filter(|name| !name.ends_with(".sample") && !name.starts_with('.')) {
            let known = format!("{directory}/{name}");
            let path = relative(current, &known, root)?;
            let is_hook = Hook::of_file(&known).is_some();
            match repository.read_below(Path::new(&path), FileKind::AccessoryFile) {
                Ok(bytes) if is_hook && hook::has_windows_line_ends(&bytes) => {
                    let problem = "its first line ends with a carriage return (CRLF)";
                    hooks.problems.insert(known, problem.to_owned());
                }
                Ok(bytes) => {
                    let (sha256, mode) = (Sha256Hex::of(&bytes), mode(&root.join(&path)));
                    hooks.found.insert(known, LocalFile { path, sha256, mode });
                }
                // Another file is read by nobody.
                Err(error) if is_hook => {
                    hooks.problems.insert(known, problem(&error));
                }
                Err(_) => {}
            }
        }
    }
    Ok(hooks)
}

/// Returns why a file that is there cannot be read.
fn problem(error: &ReadError) -> String {
    match error.is_not_found() {
        true => "it is a link to a file that does not exist".to_owned(),
        false => error.to_string(),
    }
}

/// Returns the digest of a file below the root, if it can be read. Fails for what no repository needs: a pipe, a device, a link
/// out of the repository, a file that is too large.
fn digest(
    repository: &Repository,
    path: &str,
    kind: FileKind,
) -> Result<Option<Sha256Hex>, Failure> {
    match repository.read_below(Path::new(path), kind) {
        Ok(bytes) => Ok(Some(Sha256Hex::of(&bytes))),
        Err(error) if error.is_hostile() => {
            let message = error.message(path);
            Err(Failure::new(ExitCode::Configuration, message).help(error.help()))
        }
        Err(_) => Ok(None),
    }
}

/// Returns whether a file holds a plan or facts, compressed or not. One that is named like a file with secrets is not opened to see
/// it.
fn is_plan_or_facts(repository: &Repository, root: &Path, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.starts_with(".env") {
        return false;
    }
    let (path, length) = (root.join(path), 4 * PLAN_OR_FACTS.len());
    let mut start = repository.beginning(&path, length as u64);
    if compression::is_compressed(&start) {
        start = compression::beginning(&repository.beginning(&path, COMPRESSED_START), length);
    }
    start.retain(|byte| !byte.is_ascii_whitespace());
    start.starts_with(PLAN_OR_FACTS)
}

/// The bytes of a compressed file that hold its first block.
const COMPRESSED_START: u64 = 256 << 10;

/// Returns the file below `root` that standard output is written to: `mrsk plan > plan.json` is not an untracked file.
fn output_file(root: &Path) -> Option<String> {
    let file = std::fs::read_link("/proc/self/fd/1").ok()?;
    Some(file.strip_prefix(root).ok()?.to_str()?.to_owned())
}

/// Returns `path`, which is relative to `current`, relative to `root`.
fn relative(current: &Path, path: &str, root: &Path) -> Result<String, Failure> {
    let whole = repository::lexical(&current.join(path));
    let below = whole.strip_prefix(root).map_err(|_| {
        let message = format!("{path} is outside of {}", root.display());
        Failure::new(ExitCode::Configuration, message)
            .help("move it below the git root, so that another clone can apply the plan")
    })?;
    let text = below.to_string_lossy().replace('\\', "/");
    Ok(if text.is_empty() { ".".into() } else { text })
}
