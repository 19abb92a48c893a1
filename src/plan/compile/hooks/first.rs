//! The hook `pre-connect`, which runs before the first connection of each plan and of each apply.

use super::step::{Origin, skipped};
use crate::action::Run;
use crate::config::model::Config;
use crate::facts::model::SourceFacts;
use crate::name::HostName;
use crate::plan::Operation;
use crate::plan::compile::selection::selected_hosts;
use crate::plan::compile::{Draft, HostView, Result};
use crate::plan::hook::Hook;
use crate::plan::operation::HookRuns;

/// Returns the command of the hook that runs before the hosts are looked at for a plan of `operation`; `None` without one, and if hooks
/// are skipped.
///
/// # Errors
/// Why the hook cannot be run.
pub fn pre_connect(
    config: &Config,
    source: &SourceFacts,
    operation: &Operation,
) -> Result<Option<Run>> {
    let hosts = selected_hosts(config, operation)?;
    let origin = Origin {
        config,
        operation,
        source: Some(source),
        version: operation.version().unwrap_or_default(),
    };
    command(&origin, &Vec::from_iter(&hosts))
}

/// Returns the command of the hook that runs before the plan of `draft` is applied, as [`pre_connect`] does.
pub fn planned(draft: &Draft) -> Result<Option<Run>> {
    let hosts = draft.hosts.iter().map(HostView::name);
    command(&Origin::of(draft), &Vec::from_iter(hosts))
}

/// Notes that the hook is skipped.
pub fn note(draft: &mut Draft) {
    let found = Origin::of(draft).find(Hook::PreConnect);
    if let (HookRuns::Skipped, Some(path)) = (draft.operation.hooks, found.path()) {
        draft.unchanged(None, "hooks", skipped(path));
    }
}

fn command(origin: &Origin, hosts: &[&HostName]) -> Result<Option<Run>> {
    if origin.operation.hooks == HookRuns::Skipped {
        return Ok(None);
    }
    let found = origin.find(Hook::PreConnect);
    let errors = found.errors(origin.operation);
    match errors.is_empty() {
        true => Ok(found
            .file()
            .map(|file| origin.run(Hook::PreConnect, file, hosts))),
        false => Err(errors),
    }
}
