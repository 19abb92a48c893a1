//! The hook that runs before the first connection. It is no step: nothing is claimed for it, and it leaves no receipt.

use super::hook::Hook;
use super::model::{OnFailure, Plan, Reason, Step, StepSecret, Travel};
use crate::action::{Action, Run};
use crate::name::StepId;

impl Plan {
    /// Returns the hook `pre-connect` as a step, as which it is checked and run.
    pub fn pre_connect_step(&self) -> Option<Step> {
        self.pre_connect.as_ref().map(step)
    }
}

/// Returns the step that runs the hook `pre-connect` by this command.
pub fn step(run: &Run) -> Step {
    let secrets = run.secrets().map(|name| StepSecret {
        name: name.clone(),
        via: Travel::Env,
    });
    Step {
        id: StepId::from("local/hook/pre-connect/run"),
        kind: Hook::PreConnect.kind(),
        host: None,
        role: None,
        accessory: None,
        summary: format!("Run {}", run.program().unwrap_or_default()),
        why: Reason::needed_by("hosts can be reached"),
        needs: Vec::new(),
        secrets: secrets.collect(),
        action: vec![Action::Run(run.clone())],
        barrier: None,
        check: None,
        unless: Vec::new(),
        diagnose: Vec::new(),
        cleanup: Vec::new(),
        on_failure: OnFailure::StopRun,
        shared_lock: false,
        safe_point: true,
        timeout_seconds: 0,
        idle_timeout_seconds: 0,
        retry: 0,
    }
}
