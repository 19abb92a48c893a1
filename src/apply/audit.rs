//! What the audit logs say of a step before its ending: who applies which plan. The lines are made on the hosts, of what attempts have
//! left there.

use crate::plan::{Plan, Step};

/// Returns what the line about `step` of a plan that `who` applies has before its ending.
pub(super) fn subject(plan: &Plan, who: &str, step: &Step) -> String {
    format!("{} {}", head(plan, who), step.id)
}

/// Returns what every line has about a plan that `who` applies.
pub(super) fn head(plan: &Plan, who: &str) -> String {
    let destination = plan.operation.destination.as_ref();
    let destination = destination.map_or(String::new(), |name| format!(" [{name}]"));
    let version = plan.version.as_ref().map(|version| format!(" {version}"));
    let broken = &plan.operation.break_glass;
    let broken = match broken.is_none() {
        true => String::new(),
        false => format!(" ({})", broken.parts().join("; ")),
    };
    let digest = plan.digest.digits().unwrap_or(plan.digest.as_str());
    format!(
        "[{who}]{destination} {}{}{broken} plan {}",
        plan.operation.name(),
        version.unwrap_or_default(),
        digest.get(..12).unwrap_or(digest)
    )
}
