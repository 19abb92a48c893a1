//! The files and directories of accessories on hosts.

use std::collections::BTreeSet;

use crate::action::{Run, Upload};
use crate::config::model::Accessory;
use crate::diagnostic::Diagnostic;
use crate::docker::container;
use crate::name::SecretVariable;
use crate::plan::compile::Draft;

/// Returns the commands that make what files and directories are put into. The accessory's own
/// directory is for the SSH user alone, also one that is there; what is mounted from it can be read
/// by whatever user the container has. Directories elsewhere are the user's: it is only told if
/// others can write to them.
pub fn directories(accessory: &Accessory, base: &str, home: &str) -> Vec<Run> {
    if accessory.files.is_empty() && accessory.directories.is_empty() {
        return Vec::new();
    }
    let files = accessory.files.iter();
    let files: Vec<String> = files
        .map(|file| container::file_on_host(base, file))
        .collect();
    let parents = files
        .iter()
        .filter_map(|file| Some(file.rsplit_once('/')?.0));
    let parents: BTreeSet<&str> = parents.filter(|parent| *parent != base).collect();
    let mut runs = vec![
        Run::literal(["mkdir", "-p", "-m", "0700", base]),
        Run::literal(["chmod", "0700", base]),
    ];
    runs.extend(
        parents
            .iter()
            .map(|parent| Run::literal(["mkdir", "-p", parent])),
    );
    let own = format!("{base}/");
    for directory in &accessory.directories {
        let path = container::directory_on_host(base, directory, home);
        runs.push(Run::literal(["mkdir", "-p", "-m", "0755", &path]));
        if !path.starts_with(&own) {
            runs.push(report_writers(&path));
        }
    }
    runs
}

/// Returns the command that says it if other users can write to a directory.
fn report_writers(path: &str) -> Run {
    const WARNING: &str = "warning: other users can write to";
    let find = ["find", "-H", path, "-prune", "("];
    let are_open = ["-perm", "-020", "-o", "-perm", "-002", ")"];
    let tell = ["-exec", "echo", WARNING, "{}", ";"];
    Run::literal(find.into_iter().chain(are_open).chain(tell))
}

/// Returns the uploads of an accessory's files, and notes those that are not there.
pub fn uploads(draft: &mut Draft, accessory: &Accessory, base: &str) -> Vec<Upload> {
    let mut uploads = Vec::new();
    for file in &accessory.files {
        let known = draft.facts.source.as_ref();
        let Some(local) = known.and_then(|source| source.files.get(&file.local)) else {
            let (accessory, path) = (&accessory.name, &file.local);
            let problem =
                Diagnostic::error(format!("accessory {accessory}: cannot read file {path}"));
            draft.refuse(problem.help(
                "paths in `files` are relative to the current directory and must lie in the \
                 repository",
            ));
            continue;
        };
        let template = file.local.ends_with(".erb");
        uploads.push(Upload {
            source: local.path.clone(),
            sha256: local.sha256.clone(),
            path: container::file_on_host(base, file),
            mode: match (&file.permissions, template) {
                (Some(permissions), _) => permissions.clone(),
                // Any template may hold secrets: it sees the variables of the machine that applies, too.
                (None, true) => "0600".into(),
                (None, false) => local.mode.clone().unwrap_or_else(|| "0644".into()),
            },
            owner: file.owner.clone(),
            template,
            env: match template {
                true => accessory.env.clear.clone(),
                false => Default::default(),
            },
            aliases: match template {
                true => aliases(accessory),
                false => Vec::new(),
            },
        });
    }
    uploads
}

/// Returns the variables that have the values of secrets of other names.
fn aliases(accessory: &Accessory) -> Vec<SecretVariable> {
    let variables = accessory.env.secret.iter();
    variables
        .filter(|variable| !variable.is_plain())
        .cloned()
        .collect()
}
