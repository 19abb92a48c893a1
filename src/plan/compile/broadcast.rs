//! Announces what was done, with the command that the configuration names.

use std::collections::BTreeSet;

use crate::action::Run;
use crate::plan::compile::draft::Draft;
use crate::plan::compile::step::{StepBuilder, step_id};
use crate::plan::kinds::StepKind;
use crate::plan::model::{Need, NeedOn, OnFailure, Reason};
use crate::plan::operation::{Operation, OperationKind, Release};

/// Seconds that the command may take.
const BROADCAST_SECONDS: u32 = 60;

/// Adds the broadcast after all else, where a container is started or gets the requests.
pub fn run(draft: &mut Draft) {
    let cmd = &draft.config.audit_broadcast_cmd;
    let is_announced = |kind| matches!(kind, StepKind::Start | StepKind::Route);
    if cmd.is_empty() || !draft.steps.iter().any(|step| is_announced(step.kind)) {
        return;
    }
    let line = line(draft.operation);
    let argv = cmd.iter().cloned().chain([line.clone()]);
    let mut step = StepBuilder::new(
        step_id(
            None,
            "broadcast",
            &draft.config.service_with_destination(),
            "tell",
        ),
        StepKind::Broadcast,
        None,
        format!("Broadcast: {line}"),
        Reason::Requested,
    )
    .runs([Run::literal(argv)])
    .timeout(BROADCAST_SECONDS)
    .tolerated()
    .build();
    step.needs = ends(draft);
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
        OperationKind::AccessoryBoot(accessories) => {
            format!("Started accessories {}", accessories.names().join(", "))
        }
        OperationKind::Unknown(name) => name.clone(),
    };
    let destination = operation
        .destination
        .iter()
        .map(|name| format!("[{name}] "));
    let list = |names: Vec<&str>, before: &str| match names.is_empty() {
        true => String::new(),
        false => format!(" {before} {}", names.join(", ")),
    };
    let hosts = list(operation.hosts.iter().map(AsRef::as_ref).collect(), "on");
    let roles = list(
        operation.roles.iter().map(|role| role.as_str()).collect(),
        "as",
    );
    destination.chain([what, hosts, roles]).collect()
}

/// Returns all that nothing else waits for: it must have succeeded, or failed where that is tolerated.
fn ends(draft: &Draft) -> Vec<Need> {
    let needed: BTreeSet<_> = draft
        .steps
        .iter()
        .flat_map(|step| step.needs.iter().map(|need| &need.step))
        .collect();
    draft
        .steps
        .iter()
        .filter(|step| !needed.contains(&step.id))
        .map(|step| Need {
            step: step.id.clone(),
            on: match step.on_failure {
                OnFailure::Tolerate => NeedOn::Settled,
                OnFailure::StopRun | OnFailure::StopHost => NeedOn::Success,
            },
        })
        .collect()
}
