//! What the image and the files of accessories are made from.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use super::failure::Failure;
use crate::apply::preflight;
use crate::config::model::Config;
use crate::exit_code::ExitCode;
use crate::facts::model::{LocalFile, SourceFacts};
use crate::facts::source;
use crate::name::Sha256Hex;

/// Returns what the image would be built from, with paths relative to `root`.
pub async fn read(config: &Config, root: &Path) -> Result<SourceFacts, Failure> {
    let current = std::env::current_dir().unwrap_or_else(|_| root.to_owned());
    let context = relative(&current, &config.builder.context, root)?;
    let dockerfile = relative(&current, &config.builder.dockerfile, root)?;
    let answers = preflight::ask_git(root, &context).await;
    let output = output_file(root);
    let known: Vec<&str> = output.as_deref().into_iter().collect();
    let mut facts = source::read(&answers, &known)
        .map_err(Failure::internal)?
        .unwrap_or_default();
    facts
        .untracked
        .retain(|path| !is_plan_or_facts(&root.join(path)));
    let dockerfile_sha256 = std::fs::read(root.join(&dockerfile))
        .ok()
        .map(|bytes| Sha256Hex::of(&bytes));
    Ok(SourceFacts {
        context,
        dockerfile,
        dockerfile_sha256,
        files: files(config, &current, root),
        ..facts
    })
}

/// Returns the files of accessories and the broadcast's program, as far as they can be read. An operation that needs a missing one
/// reports it; most need none.
fn files(config: &Config, current: &Path, root: &Path) -> BTreeMap<String, LocalFile> {
    let files = config
        .accessories
        .iter()
        .flat_map(|accessory| &accessory.files);
    let read = |local: &String| {
        let path = relative(current, local, root).ok()?;
        let sha256 = Sha256Hex::of(&std::fs::read(root.join(&path)).ok()?);
        Some((local.clone(), LocalFile { path, sha256 }))
    };
    let program = config.audit_broadcast_cmd.first();
    let program = program.filter(|program| program.contains('/'));
    files
        .map(|file| &file.local)
        .chain(program)
        .filter_map(read)
        .collect()
}

/// Returns the file below `root` that standard output is written to: `mrsk plan > plan.json` is not an untracked file.
fn output_file(root: &Path) -> Option<String> {
    let file = std::fs::read_link("/proc/self/fd/1").ok()?;
    Some(file.strip_prefix(root).ok()?.to_str()?.to_owned())
}

/// Returns whether a file holds a plan or facts. Earlier ones are not worth a warning, and the same plan printed to another file
/// has the same bytes.
fn is_plan_or_facts(path: &Path) -> bool {
    let mut start = Vec::new();
    let read =
        std::fs::File::open(path).and_then(|file| file.take(64).read_to_end(&mut start).map(drop));
    start.retain(|byte: &u8| !byte.is_ascii_whitespace());
    read.is_ok() && start.starts_with(b"{\"format_version\":\"")
}

/// Returns `path`, which is relative to `current`, relative to `root`.
fn relative(current: &Path, path: &str, root: &Path) -> Result<String, Failure> {
    let mut whole = PathBuf::new();
    for part in current.join(path).components() {
        match part {
            Component::ParentDir => {
                whole.pop();
            }
            Component::CurDir => {}
            part => whole.push(part),
        }
    }
    let below = whole.strip_prefix(root).map_err(|_| {
        let message = format!("{path} is outside of {}", root.display());
        Failure::new(ExitCode::Configuration, message)
            .help("move it below the git root, so that another clone can apply the plan")
    })?;
    let text = below.to_string_lossy().replace('\\', "/");
    Ok(if text.is_empty() { ".".into() } else { text })
}
