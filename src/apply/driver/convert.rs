//! Between the words of the state and those of the transport. Pure but for the clock of a receipt.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::action::{Action, Probe};
use crate::apply::audit;
use crate::apply::links::Failure;
use crate::apply::state::{Event, StartStep};
use crate::name::{HostName, RunId};
use crate::plan::kinds::SwitchPart;
use crate::plan::shape::Shape;
use crate::plan::{Plan, Reason, Step};
use crate::record::living::About;
use crate::record::{Ending, Receipt};
use crate::redaction::Redactor;
use crate::transport::LinkError;
use crate::transport::answer::Event as HostEvent;
use crate::transport::request::{Route, StepRequest};

/// Characters that are kept of what a poll saw last.
const LONGEST_STATUS: usize = 200;

/// Characters that are kept of the answers that users get.
const LONGEST_ANSWER: usize = 1000;

/// Returns what a failed question means: a broken link may be made again; a host that says why not is of no use to this run.
pub(super) fn failed(host: HostName, failure: &Failure) -> Event {
    let message = match failure {
        Failure::Connect(error) => error.beside(host.as_str()),
        other => other.to_string(),
    };
    match failure {
        Failure::Link(LinkError::Lost { .. }) => Event::ChannelLost(host, message),
        Failure::Connect(_) => Event::Unreachable(host, message),
        Failure::Link(_) | Failure::Question(_) | Failure::Facts(_) => {
            Event::HostFailed(host, message)
        }
    }
}

/// Returns the answers that users get, as one line.
fn answer(text: &str, redactor: &Redactor) -> String {
    let text = redactor.redact(text);
    let chars = text.chars().take(LONGEST_ANSWER);
    chars
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Returns what an attempt at a step of a plan that `who` applies says about itself.
pub(super) fn about(step: &Step, who: &str) -> About {
    About {
        kind: step.kind.name(),
        step: step.id.to_string(),
        summary: step.summary.clone(),
        user: who.to_owned(),
    }
}

/// Returns the request for a step of a plan that `who` applies.
pub(super) fn request((plan, who): (&Plan, &str), step: &Step, start: &StartStep) -> StepRequest {
    StepRequest {
        about: about(step, who),
        step: step.id.hash(),
        attempt: start.attempt,
        actions: step.action.clone(),
        diagnose: step.diagnose.clone(),
        cleanup: match start.cleanup {
            true => step.cleanup.clone(),
            false => Vec::new(),
        },
        timeout_seconds: step.timeout_seconds,
        idle_timeout_seconds: step.idle_timeout_seconds,
        shared_lock: step.shared_lock,
        claim_stays: step.check.is_none(),
        when_stopping: start.when_stopping,
        subject: audit::subject(plan, who, step),
        route: route(plan, step, who),
    }
}

/// Returns what `step` sends requests to: the container that the poll of its route proves.
fn route(plan: &Plan, step: &Step, who: &str) -> Option<Route> {
    let proof = step.action.iter().find_map(|action| match action {
        Action::Poll(poll) if poll.probe == Probe::Route => Some(poll),
        _ => None,
    })?;
    let file = step.action.iter().find_map(|action| match action {
        Action::Write(write) => Some(write.path.clone()),
        _ => None,
    })?;
    let reference = plan.image.reference.as_str();
    let repository = match reference.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => reference,
    };
    let route = Route {
        role: step.role.as_ref()?.to_string(),
        version: version_of(plan, step)?.to_owned(),
        container: proof.expect.clone()?,
        repository: repository.to_owned(),
        file,
        token: proof.host.clone()?,
        operation: plan.operation.name().to_owned(),
        by: who.to_owned(),
    };
    (step.kind.switch_part() == SwitchPart::Route).then_some(route)
}

/// Returns the version that a step brings to its host. An undo may bring back another one to each.
fn version_of<'a>(plan: &'a Plan, step: &'a Step) -> Option<&'a str> {
    match (&plan.version, &step.why) {
        (None, Reason::VersionChanged { new, .. }) => Some(new),
        (None, Reason::RanLast { version }) => Some(version),
        (version, _) => version.as_deref(),
    }
}

/// Returns the receipt of a step of this machine that has ended now.
pub(super) fn receipt(run: RunId, ending: Ending, value: Option<String>) -> Receipt {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    Receipt {
        ending,
        run,
        started: now,
        ended: now,
        value,
    }
}

/// Returns what `host` says with step ids in place of their hashes. An app may print secrets that its step does not name.
///
/// Whether the step is one of that host, the state judges; what is no step of the plan can only be a violation of the protocol.
pub(super) fn translate(
    (plan, shape): (&Plan, &Shape),
    redactor: &Redactor,
    host: &HostName,
    event: HostEvent,
) -> Event {
    let step = match &event {
        HostEvent::Claimed(step, _)
        | HostEvent::AlreadyClaimed(step, _)
        | HostEvent::PollAttempt(step, _)
        | HostEvent::Ended { step, .. } => shape.index_of_hash(step),
    };
    let Some(step) = step.map(|step| plan[step].id.clone()) else {
        let message = "protocol violation: it named no step of this plan";
        return Event::HostFailed(host.clone(), message.to_owned());
    };
    let host = host.clone();
    match event {
        HostEvent::Claimed(_, attempt) => Event::Claimed(host, step, attempt),
        HostEvent::AlreadyClaimed(_, attempt) => Event::AlreadyClaimed(host, step, attempt),
        HostEvent::PollAttempt(_, mut poll) => {
            let status = redactor.redact(&poll.status);
            poll.status = status.chars().take(LONGEST_STATUS).collect();
            Event::PollAttempt(host, step, poll)
        }
        HostEvent::Ended {
            attempt,
            mut receipt,
            output,
            diagnosis,
            ..
        } => {
            let parts = [output, diagnosis];
            let shown: Vec<&str> = parts
                .iter()
                .map(|part| part.trim_end())
                .filter(|part| !part.is_empty())
                .collect();
            let asks = shape
                .index(&step)
                .is_some_and(|at| plan[at].asks_as_users());
            if asks {
                receipt.value = receipt.value.map(|text| answer(&text, redactor));
            }
            Event::Ended {
                host,
                step,
                attempt,
                receipt,
                diagnosis: redactor.redact(&shown.join("\n")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn an_answer_is_one_redacted_line() {
        let secrets = [("TOKEN".to_owned(), Secret::new("s3cr3t-value"))].into();
        let redactor = Redactor::new(&secrets);
        let text = "a.example.com/up answered 200\n[2026] forged \u{1b}[31m s3cr3t-value";
        assert_eq!(
            answer(text, &redactor),
            "a.example.com/up answered 200 [2026] forged  [31m [REDACTED]"
        );
        let long = "x".repeat(LONGEST_ANSWER * 2);
        assert_eq!(answer(&long, &redactor).len(), LONGEST_ANSWER);
    }
}
