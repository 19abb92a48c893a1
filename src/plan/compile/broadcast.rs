//! Announces what was done, with the command that the configuration names.

use super::Draft;
use super::draft::needs_of_ends;
use crate::action::{Arg, Run};
use crate::plan::{
    AccessoryVerb, AppOperation, Broadcasts, Operation, OperationKind, Reason, Release, Rollback,
    Step, StepKind,
};

/// Seconds that the command may take.
const BROADCAST_SECONDS: u32 = 60;

/// Adds the broadcast after all else, if a container is started or gets the requests.
pub fn run(draft: &mut Draft) {
    let cmd = &draft.config.audit_broadcast_cmd;
    let is_announced = |kind| matches!(kind, StepKind::Start | StepKind::Route);
    if draft.operation.broadcasts == Broadcasts::Skipped {
        return;
    }
    if cmd.is_empty() || !draft.steps.iter().any(|step| is_announced(step.kind)) {
        return;
    }
    let line = line(draft.operation);
    let mut run = Run::literal(cmd.iter().cloned().chain([line.clone()]));
    let files = draft.facts.source.as_ref().map(|source| &source.files);
    if let Some(file) = files.and_then(|files| files.get(&cmd[0])) {
        run.argv[0] = Arg::Literal(file.program());
        run.program_sha256 = Some(file.sha256.clone());
    }
    let subject = draft.config.service_with_destination();
    let mut step = Step::new(None, StepKind::Broadcast, ["broadcast", &subject, "send"])
        .because(format!("Broadcast: {line}"), Reason::Requested)
        .does([run])
        .timeout(BROADCAST_SECONDS)
        .tolerated();
    step.needs = needs_of_ends(draft.steps.iter());
    draft.add(step);
}

/// Returns what is announced. Who applied the plan is put before it if that is known.
fn line(operation: &Operation) -> String {
    let what = match &operation.kind {
        OperationKind::Deploy(Release { version, .. }) => format!("Deployed version {version}"),
        OperationKind::Redeploy(Release { version, .. }) => format!("Redeployed version {version}"),
        OperationKind::Setup(Release { version, .. }) => {
            format!("Set up hosts and deployed version {version}")
        }
        OperationKind::Rollback(Rollback {
            version: Some(version),
            ..
        }) => format!("Rolled back to version {version}"),
        OperationKind::App(AppOperation::Boot(Some(version))) => {
            format!("Booted version {version}")
        }
        OperationKind::Accessory(AccessoryVerb::Boot, accessories) => {
            format!("Started accessories {}", accessories.names().join(", "))
        }
        OperationKind::RegistryLogin => "Logged in to the registry".to_owned(),
        OperationKind::RegistryLogout => "Logged out of the registry".to_owned(),
        kind => kind.name().to_owned(),
    };
    let destination = operation
        .destination
        .iter()
        .map(|name| format!("[{name}] "));
    let list = |before: &str, names: Vec<&str>| match names.is_empty() {
        true => String::new(),
        false => format!(" {before} {}", names.join(", ")),
    };
    let hosts = list("on", operation.hosts.iter().map(AsRef::as_ref).collect());
    let roles = list("as", operation.roles.iter().map(AsRef::as_ref).collect());
    destination.chain([what, hosts, roles]).collect()
}

#[cfg(test)]
#[path = "broadcast_tests.rs"]
mod tests;
