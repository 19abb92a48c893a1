//! The lines of the audit logs: what ran on each host, from which plan, with what result.

use std::collections::{BTreeMap, HashMap};

use super::state::{Progress, StepStatus};
use crate::name::{HostName, StepId};
use crate::plan::{Plan, Step};
use crate::record::Ending;

/// Lines that are not written yet. Those of local steps go to the lock host.
pub(super) struct Pending {
    head: String,
    hosts: HashMap<StepId, HostName>,
    lines: BTreeMap<HostName, Vec<String>>,
}

impl Pending {
    /// Returns an empty one, for a plan that `who` applies.
    pub fn new(plan: &Plan, who: &str) -> Self {
        let host_of = |step: &Step| step.host.clone().unwrap_or_else(|| plan.lock_host.clone());
        let steps = plan.steps.iter();
        Self {
            head: head(plan, who),
            hosts: steps.map(|step| (step.id.clone(), host_of(step))).collect(),
            lines: BTreeMap::new(),
        }
    }

    /// Notes the end of a step.
    pub fn note(&mut self, progress: &Progress) {
        let Progress::StepEnded {
            step,
            status,
            answer,
            ..
        } = progress
        else {
            return;
        };
        let Some(result) = result(status) else {
            return;
        };
        let Some(host) = self.hosts.get(step).cloned() else {
            return;
        };
        let at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
        let answer = match answer.as_str() {
            "" => String::new(),
            answer => format!(": {answer}"),
        };
        let line = format!("[{at}] {} {step} {result}{answer}", self.head);
        self.lines.entry(host).or_default().push(line);
    }

    /// Returns the lines of `host`, which are then no longer pending.
    pub fn take(&mut self, host: &HostName) -> Vec<String> {
        self.lines.remove(host).unwrap_or_default()
    }

    /// Returns all lines, which are then no longer pending.
    pub fn take_all(&mut self) -> BTreeMap<HostName, Vec<String>> {
        std::mem::take(&mut self.lines)
    }
}

/// Returns what every line has about a plan that `who` applies.
pub(super) fn head(plan: &Plan, who: &str) -> String {
    let destination = plan.operation.destination.as_ref();
    let destination = destination.map_or(String::new(), |name| format!(" [{name}]"));
    let version = plan.version.as_ref().map(|version| format!(" {version}"));
    let digest = plan.digest.digits().unwrap_or(plan.digest.as_str());
    format!(
        "[{who}]{destination} {}{} plan {}",
        plan.operation.name(),
        version.unwrap_or_default(),
        digest.get(..12).unwrap_or(digest)
    )
}

/// Returns the word for a result, or nothing for a step that did not run.
fn result(status: &StepStatus) -> Option<String> {
    Some(match status {
        StepStatus::Succeeded => "succeeded".into(),
        StepStatus::Failed { ending }
        | StepStatus::Tolerated {
            ending: Some(ending),
        } => match ending {
            Ending::Failed { code } => format!("failed with status {code}"),
            Ending::TimedOut => "timed out".into(),
            Ending::Refused => "refused".into(),
            Ending::Superseded => "ended by another plan".into(),
            Ending::Uncleaned { code } => {
                format!("failed with status {code}, cleanup skipped: another plan had begun")
            }
            Ending::Stopped => "stopped".into(),
            Ending::Succeeded => "succeeded".into(),
        },
        StepStatus::InDoubt => "in doubt".into(),
        StepStatus::Stopped => "stopped".into(),
        StepStatus::Lost => "lost: host unreachable".into(),
        _ => return None,
    })
}
