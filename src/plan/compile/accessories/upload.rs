//! Copies the files of accessories to their hosts, and creates their directories.

use super::files::{directories, uploads};
use super::lifecycle::{for_each, step};
use crate::action::{Action, Upload};
use crate::docker::container;
use crate::facts::model::HostFacts;
use crate::plan::compile::Draft;
use crate::plan::operation::Accessories;
use crate::plan::{Predicate, Reason, StepKind, Travel};
use crate::text::count;

/// Adds the upload of the files that differ from the local ones. What a template becomes is not known before it is applied.
pub fn files(draft: &mut Draft, named: &Accessories) {
    for_each(draft, named, |draft, host, accessory| {
        let base = container::accessory_directory(draft.config, accessory, &host.facts.home);
        let mut uploads = uploads(draft, accessory, &base);
        uploads.retain(|upload| differs(host.facts, upload));
        if uploads.is_empty() {
            let reason = "the host has its files as they are here";
            return draft.unchanged(Some(host.name()), &accessory.name, reason);
        }
        let done: Vec<Predicate> = uploads.iter().map(is_there).collect();
        let has_template = uploads.iter().any(|upload| upload.template);
        let secrets = match has_template {
            true => accessory.env.secret_names(),
            false => Vec::new(),
        };
        let what = count(uploads.len(), "file");
        let step = step(host, StepKind::Upload, accessory, "upload")
            .because(
                format!("Upload {what} of accessory {}", accessory.name),
                Reason::Requested,
            )
            .does(directories(accessory, &base, &host.facts.home))
            .does(uploads.into_iter().map(Action::Upload))
            .secrets(&secrets, Travel::File)
            .done_when(done);
        draft.add(step);
    });
}

/// Adds the creation of the directories that are missing.
pub fn directories_of(draft: &mut Draft, named: &Accessories) {
    for_each(draft, named, |draft, host, accessory| {
        let home = &host.facts.home;
        let base = container::accessory_directory(draft.config, accessory, home);
        let paths = accessory.directories.iter();
        let paths: Vec<String> = paths
            .map(|directory| container::directory_on_host(&base, directory, home))
            .collect();
        let is_missing = |path: &&String| !host.facts.directories.contains_key(*path);
        let missing = paths.iter().filter(is_missing).count();
        if missing == 0 {
            return draft.unchanged(Some(host.name()), &accessory.name, "its directories exist");
        }
        let done = paths.iter();
        let done: Vec<Predicate> = done
            .map(|path| Predicate::contains(&["directories"], path.as_str()))
            .collect();
        let step = step(host, StepKind::Upload, accessory, "directories")
            .because(
                format!("Create the directories of accessory {}", accessory.name),
                Reason::missing(match missing {
                    1 => "1 directory".to_owned(),
                    missing => format!("{missing} directories"),
                }),
            )
            .does(directories(accessory, &base, home))
            .done_when(done);
        draft.add(step);
    });
}

fn differs(facts: &HostFacts, upload: &Upload) -> bool {
    let there = facts.files.get(&upload.path);
    there.is_none_or(|file| file.sha256 != upload.sha256.as_str())
}

/// Returns that a file is as the local one. A template is rendered when it is applied, so that this is never so: an upload that
/// was cut off is repeated.
fn is_there(upload: &Upload) -> Predicate {
    let pointer = ["files", upload.path.as_str(), "sha256"];
    Predicate::eq(&pointer, upload.sha256.as_str())
}

#[cfg(test)]
#[path = "upload_tests.rs"]
mod tests;
