//! What is left of a plan to do, from what the hosts show: a pure fold.
//!
//! Receipts decide. Where a claim has no receipt and nothing of it is alive, the step's `check` is asked: yes, it is done; no, it
//! is begun again; cannot say, it is in doubt and neither believed nor repeated. What began after a step proves that the step had
//! ended, since no step starts before its needs are met.

use std::collections::{BTreeMap, HashMap, HashSet};

use index_vec::{IndexSlice, IndexVec, index_vec};
use serde_json::Value;

use super::model::{Check, OnFailure, Plan, Step};
use super::shape::{Shape, StepIndex, is_barrier};
use crate::name::{HostName, RoleName, StepId};
use crate::record::{Attempt, AttemptState, Ending};

/// What is known when a plan is taken up.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// What each host lists. Receipts of local steps are listed by the lock host.
    pub attempts: BTreeMap<HostName, Vec<Attempt>>,
    /// Fresh facts, as JSON, of the hosts that were asked.
    pub facts: BTreeMap<HostName, Value>,
    /// The answers of the local steps' checks that were asked.
    pub local: BTreeMap<StepId, Answer>,
    /// Whether any run of this plan has begun before. Where none has, local steps need not be asked.
    pub begun: bool,
}

/// The answer to a step's check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The effect is there.
    Yes,
    /// It is not.
    No,
    /// It cannot be found out.
    CannotSay,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It succeeded, or is not needed any more.
    Done,
    /// It failed earlier, that is tolerated, and what follows has begun.
    Tolerated,
    /// It is to be run.
    Outstanding {
        /// The number of the attempt.
        attempt: u32,
    },
    /// It failed in an earlier run and may be tried again.
    Failed {
        /// The number of the next attempt.
        attempt: u32,
    },
    /// It runs now.
    Running {
        /// The number of the attempt that runs.
        attempt: u32,
    },
    /// Its host's facts, or for a local step its check, must be asked before it can be judged.
    NeedsProbe,
    /// Nobody can say whether its effect is there.
    InDoubt {
        /// The number that a next attempt would have.
        attempt: u32,
    },
}

/// Returns whether the effect of a step with this `check` is there, by its host's `facts`.
///
/// While an installed engine does not answer, what it would tell is unknown, not absent.
pub fn answer(check: Option<&Check>, facts: &Value) -> Answer {
    let Some(Check::Facts(predicates)) = check else {
        return Answer::CannotSay;
    };
    let docker = |name: &str| facts.pointer(name) == Some(&Value::Bool(true));
    let silent = docker("/docker/installed") && !docker("/docker/answers");
    let (unknown, known): (Vec<_>, Vec<_>) = predicates
        .iter()
        .partition(|predicate| silent && told_by_engine(&predicate.fact));
    if known.iter().any(|predicate| !predicate.holds(facts)) {
        Answer::No
    } else if unknown.is_empty() {
        Answer::Yes
    } else {
        Answer::CannotSay
    }
}

fn told_by_engine(fact: &str) -> bool {
    ["/containers", "/images", "/networks", "/traefik"]
        .iter()
        .any(|prefix| fact.starts_with(prefix))
}

/// Returns where each step of `plan` stands, in the order of [`Plan::steps`]. Barriers are done where something behind them has
/// begun, else outstanding.
pub fn resume(plan: &Plan, shape: &Shape, evidence: &Evidence) -> IndexVec<StepIndex, Status> {
    let histories = histories(plan, shape, evidence);
    let proofs = proofs(plan, shape, &histories);
    let mut statuses: IndexVec<StepIndex, Status> = histories
        .indices()
        .map(|step| on_host(plan, step, &histories[step], proofs[step], evidence))
        .collect();
    take_back_what_was_undone(plan, shape, &histories, evidence, &mut statuses);
    for &step in shape.graph.order().iter().rev() {
        if plan[step].host.is_none() && !is_barrier(plan, step) {
            statuses[step] = local(plan, shape, step, &histories[step], evidence, &statuses);
        }
    }
    statuses
}

/// What the attempts at one step come to.
#[derive(Debug, Clone, Copy, Default)]
struct History {
    /// The highest number of an attempt.
    last: u32,
    /// The highest number of an attempt that was not refused, and its state.
    counts: Option<(u32, Shown)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Running,
    Lost,
    Succeeded,
    Failed,
}

impl History {
    fn next(&self) -> u32 {
        self.last.saturating_add(1)
    }

    fn add(&mut self, attempt: &Attempt) {
        self.last = self.last.max(attempt.number);
        let shown = match &attempt.state {
            AttemptState::Running => Shown::Running,
            AttemptState::Lost => Shown::Lost,
            AttemptState::Ended(receipt) => match receipt.ending {
                Ending::Succeeded => Shown::Succeeded,
                Ending::Failed { .. } | Ending::TimedOut => Shown::Failed,
                Ending::Refused => return,
            },
        };
        let newer = self.counts.is_none_or(|(number, earlier)| {
            match (shown == Shown::Running, earlier == Shown::Running) {
                (true, false) => true,
                (false, true) => false,
                _ => attempt.number > number,
            }
        });
        if newer {
            self.counts = Some((attempt.number, shown));
        }
    }
}

fn histories(plan: &Plan, shape: &Shape, evidence: &Evidence) -> IndexVec<StepIndex, History> {
    let mut histories = index_vec![History::default(); plan.steps.len()];
    for (host, attempts) in &evidence.attempts {
        for attempt in attempts {
            let Some(step) = shape.index_of_hash(&attempt.step) else {
                continue;
            };
            let kept_on = plan[step].host.as_ref().unwrap_or(&plan.lock_host);
            if kept_on == host {
                histories[step].add(attempt);
            }
        }
    }
    histories
}

/// What the beginning of later steps proves about a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Proof {
    Nothing,
    /// Something that would start after a tolerated failure too has begun.
    Settled,
    /// Something that needs its success has begun.
    Succeeded,
}

fn proofs(
    plan: &Plan,
    shape: &Shape,
    histories: &IndexSlice<StepIndex, [History]>,
) -> IndexVec<StepIndex, Proof> {
    let mut proofs = index_vec![Proof::Nothing; plan.steps.len()];
    for &step in shape.graph.order().iter().rev() {
        let reached = histories[step].last > 0 || proofs[step] > Proof::Nothing;
        let lenient = plan[step]
            .barrier
            .as_ref()
            .is_some_and(|barrier| barrier.at_most_failed > 0);
        if !reached || lenient {
            continue;
        }
        for need in &plan[step].needs {
            let Some(before) = shape.index(&need.step) else {
                continue;
            };
            let proof = match need.on {
                super::model::NeedOn::Success => Proof::Succeeded,
                super::model::NeedOn::Settled => Proof::Settled,
            };
            proofs[before] = proofs[before].max(proof);
        }
    }
    proofs
}

/// Judges a step on a host, or a barrier, by its own records and by what follows it.
fn on_host(
    plan: &Plan,
    step: StepIndex,
    history: &History,
    proof: Proof,
    evidence: &Evidence,
) -> Status {
    let attempt = history.next();
    let Step {
        host,
        check,
        on_failure,
        ..
    } = &plan[step];
    let Some(host) = host else {
        return match proof {
            Proof::Nothing => Status::Outstanding { attempt },
            Proof::Settled | Proof::Succeeded => Status::Done,
        };
    };
    match (history.counts, proof) {
        (None, _) => Status::Outstanding { attempt },
        (Some((number, Shown::Running)), _) => Status::Running { attempt: number },
        (Some((_, Shown::Succeeded)), _) => Status::Done,
        (Some((_, Shown::Failed)), Proof::Settled | Proof::Succeeded)
            if *on_failure == OnFailure::Tolerate =>
        {
            Status::Tolerated
        }
        (Some((_, Shown::Failed)), _) => Status::Failed { attempt },
        (Some((_, Shown::Lost)), Proof::Succeeded) => Status::Done,
        (Some((_, Shown::Lost)), Proof::Settled) => Status::Tolerated,
        (Some((_, Shown::Lost)), Proof::Nothing) => {
            by_check(check.as_ref(), host, attempt, evidence, Status::Done)
        }
    }
}

/// Judges a step by its check on fresh facts, with `done` for yes.
fn by_check(
    check: Option<&Check>,
    host: &HostName,
    attempt: u32,
    evidence: &Evidence,
    done: Status,
) -> Status {
    if !matches!(check, Some(Check::Facts(_))) {
        return Status::InDoubt { attempt };
    }
    match evidence.facts.get(host).map(|facts| answer(check, facts)) {
        None => Status::NeedsProbe,
        Some(Answer::Yes) => done,
        Some(Answer::No) => Status::Outstanding { attempt },
        Some(Answer::CannotSay) => Status::InDoubt { attempt },
    }
}

/// The steps that one cleanup may undo: those for the same role or accessory of a host.
type Subject<'a> = (&'a HostName, Option<&'a RoleName>, Option<&'a str>);

fn subject(step: &Step) -> Option<Subject<'_>> {
    let host = step.host.as_ref()?;
    if step.role.is_none() && step.accessory.is_none() {
        return None;
    }
    Some((host, step.role.as_ref(), step.accessory.as_deref()))
}

/// A failed step's cleanup removes what earlier steps of its subject had done (the new container): of these, the ones whose check
/// says no are outstanding again, and so is what was built on them.
fn take_back_what_was_undone(
    plan: &Plan,
    shape: &Shape,
    histories: &IndexSlice<StepIndex, [History]>,
    evidence: &Evidence,
    statuses: &mut IndexSlice<StepIndex, [Status]>,
) {
    let mut position: HashMap<StepIndex, usize> = HashMap::new();
    for (at, &step) in shape.graph.order().iter().enumerate() {
        if subject(&plan[step]).is_some() {
            position.insert(step, at);
        }
    }
    for (failed, history) in histories.iter_enumerated() {
        let step = &plan[failed];
        let ended_badly = matches!(history.counts, Some((_, Shown::Failed | Shown::Lost)));
        if step.cleanup.is_empty() || !ended_badly || statuses[failed] == Status::Done {
            continue;
        }
        let Some(host) = &step.host else { continue };
        let mut before = ancestors_of_subject(plan, shape, failed);
        before.sort_by_key(|step| position.get(step).copied());
        let mut undone = HashSet::new();
        for earlier in before {
            if statuses[earlier] != Status::Done {
                if matches!(statuses[earlier], Status::Outstanding { .. }) {
                    undone.insert(earlier);
                }
                continue;
            }
            let attempt = histories[earlier].next();
            let status = if shape
                .graph
                .needs(earlier)
                .any(|need| undone.contains(&need))
            {
                Status::Outstanding { attempt }
            } else {
                let check = plan[earlier].check.as_ref();
                if !matches!(check, Some(Check::Facts(_))) {
                    continue;
                }
                by_check(check, host, attempt, evidence, Status::Done)
            };
            if matches!(status, Status::Outstanding { .. }) {
                undone.insert(earlier);
            }
            statuses[earlier] = status;
        }
    }
}

fn ancestors_of_subject(plan: &Plan, shape: &Shape, step: StepIndex) -> Vec<StepIndex> {
    let Some(wanted) = subject(&plan[step]) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut seen = HashSet::from([step]);
    let mut work = vec![step];
    while let Some(at) = work.pop() {
        for need in shape.graph.needs(at) {
            if subject(&plan[need]) == Some(wanted) && seen.insert(need) {
                found.push(need);
                work.push(need);
            }
        }
    }
    found
}

/// Judges a local step: by its receipt on the lock host, by whether anything still needs it, else by its check. What was claimed
/// there and has no check, nobody can tell about.
fn local(
    plan: &Plan,
    shape: &Shape,
    step: StepIndex,
    history: &History,
    evidence: &Evidence,
    statuses: &IndexSlice<StepIndex, [Status]>,
) -> Status {
    if matches!(history.counts, Some((_, Shown::Succeeded))) {
        return Status::Done;
    }
    let attempt = history.next();
    let mut dependents = shape.graph.dependents(step).peekable();
    let settled = |status: Status| matches!(status, Status::Done | Status::Tolerated);
    if dependents.peek().is_some() && dependents.all(|next| settled(statuses[next])) {
        return Status::Done;
    }
    let Step { id, check, .. } = &plan[step];
    if check.is_none() && history.counts.is_some() {
        return Status::InDoubt { attempt };
    }
    if !evidence.begun || !matches!(check, Some(Check::Argv(_))) {
        return Status::Outstanding { attempt };
    }
    match evidence.local.get(id) {
        None => Status::NeedsProbe,
        Some(Answer::Yes) => Status::Done,
        Some(Answer::No) => Status::Outstanding { attempt },
        Some(Answer::CannotSay) => Status::InDoubt { attempt },
    }
}

#[cfg(test)]
#[path = "resume_tests.rs"]
mod tests;
