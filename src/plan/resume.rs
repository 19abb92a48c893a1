//! What is left of a plan to do, from what the hosts show: a pure fold.
//!
//! Receipts decide. If a claim has no receipt and nothing of it is alive, the step's `check` is
//! asked: yes, it is done; no, it is begun again; cannot say, it is in doubt and neither believed
//! nor repeated. What began after a step proves that the step had ended, since no step starts
//! before its needs are met.

use std::collections::{BTreeMap, HashMap, HashSet};

use index_vec::{IndexVec, index_vec};
use serde_json::Value;

use super::model::{Check, NeedOn, OnFailure, Plan, Step};
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
    /// Whether any run of this plan has begun before. If none has, local steps need not be asked.
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
        .partition(|predicate| silent && is_of_engine(&predicate.fact));
    if known.iter().any(|predicate| !predicate.holds(facts)) {
        Answer::No
    } else if unknown.is_empty() {
        Answer::Yes
    } else {
        Answer::CannotSay
    }
}

fn is_of_engine(fact: &str) -> bool {
    ["/containers", "/images", "/networks", "/traefik"]
        .iter()
        .any(|prefix| fact.starts_with(prefix))
}

/// Returns where each step of `plan` stands, in the order of [`Plan::steps`]. Barriers are done if
/// something behind them has begun, else outstanding.
pub fn resume(plan: &Plan, shape: &Shape, evidence: &Evidence) -> IndexVec<StepIndex, Status> {
    let case = Case {
        plan,
        shape,
        evidence,
        histories: histories(plan, shape, evidence),
    };
    let proofs = case.proofs();
    let mut statuses: Statuses = proofs
        .indices()
        .map(|step| case.on_host(step, proofs[step]))
        .collect();
    case.take_back_what_was_undone(&mut statuses);
    for &step in shape.graph.order().iter().rev() {
        if plan[step].host.is_none() && !is_barrier(plan, step) {
            statuses[step] = case.local(step, &statuses);
        }
    }
    statuses
}

/// Where the steps stand, as far as it is known.
type Statuses = IndexVec<StepIndex, Status>;

/// What is judged, and by what.
struct Case<'a> {
    plan: &'a Plan,
    shape: &'a Shape,
    evidence: &'a Evidence,
    histories: IndexVec<StepIndex, History>,
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
        // One that runs counts before all that do not.
        let rank = |(number, shown)| (shown == Shown::Running, number);
        let new = (attempt.number, shown);
        if self.counts.is_none_or(|old| rank(new) > rank(old)) {
            self.counts = Some(new);
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

/// The steps that one cleanup may undo: those for the same role or accessory of a host.
type Subject<'a> = (&'a HostName, Option<&'a RoleName>, Option<&'a str>);

fn subject(step: &Step) -> Option<Subject<'_>> {
    let host = step.host.as_ref()?;
    let is_of_one = step.role.is_some() || step.accessory.is_some();
    is_of_one.then_some((host, step.role.as_ref(), step.accessory.as_deref()))
}

impl Case<'_> {
    fn proofs(&self) -> IndexVec<StepIndex, Proof> {
        let mut proofs = index_vec![Proof::Nothing; self.plan.steps.len()];
        for &at in self.shape.graph.order().iter().rev() {
            let step = &self.plan[at];
            let reached = self.histories[at].last > 0 || proofs[at] > Proof::Nothing;
            let barrier = step.barrier.as_ref();
            if !reached || barrier.is_some_and(|barrier| barrier.at_most_failed > 0) {
                continue;
            }
            for need in &step.needs {
                let Some(before) = self.shape.index(&need.step) else {
                    continue;
                };
                let proof = match need.on {
                    NeedOn::Success => Proof::Succeeded,
                    NeedOn::Settled => Proof::Settled,
                };
                proofs[before] = proofs[before].max(proof);
            }
        }
        proofs
    }

    /// Judges a step on a host, or a barrier, by its own records and by what follows it.
    fn on_host(&self, step: StepIndex, proof: Proof) -> Status {
        let history = &self.histories[step];
        let attempt = history.next();
        let entry = &self.plan[step];
        let Some(host) = &entry.host else {
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
                if entry.on_failure == OnFailure::Tolerate =>
            {
                Status::Tolerated
            }
            (Some((_, Shown::Failed)), _) => Status::Failed { attempt },
            (Some((_, Shown::Lost)), Proof::Succeeded) => Status::Done,
            (Some((_, Shown::Lost)), Proof::Settled) => Status::Tolerated,
            (Some((_, Shown::Lost)), Proof::Nothing) => {
                self.by_check(entry.check.as_ref(), host, attempt)
            }
        }
    }

    /// Judges a step by its check on fresh facts.
    fn by_check(&self, check: Option<&Check>, host: &HostName, attempt: u32) -> Status {
        if !matches!(check, Some(Check::Facts(_))) {
            return Status::InDoubt { attempt };
        }
        let facts = self.evidence.facts.get(host);
        by_answer(facts.map(|facts| answer(check, facts)), attempt)
    }

    /// A failed step's cleanup removes what earlier steps of its subject had done (the new
    /// container): of these, the ones whose check says no are outstanding again, and so is what was
    /// built on them.
    fn take_back_what_was_undone(&self, statuses: &mut Statuses) {
        let order = self.shape.graph.order().iter().enumerate();
        let position: HashMap<StepIndex, usize> = order.map(|(at, &step)| (step, at)).collect();
        for (failed, history) in self.histories.iter_enumerated() {
            let step = &self.plan[failed];
            let ended_badly = matches!(history.counts, Some((_, Shown::Failed | Shown::Lost)));
            if step.cleanup.is_empty() || !ended_badly || statuses[failed] == Status::Done {
                continue;
            }
            let Some(host) = &step.host else { continue };
            let mut before = self.ancestors_of_subject(failed);
            before.sort_by_key(|step| position.get(step).copied());
            let mut undone = HashSet::new();
            for earlier in before {
                if statuses[earlier] == Status::Done {
                    let attempt = self.histories[earlier].next();
                    let check = self.plan[earlier].check.as_ref();
                    let mut needs = self.shape.graph.needs(earlier);
                    if needs.any(|need| undone.contains(&need)) {
                        statuses[earlier] = Status::Outstanding { attempt };
                    } else if matches!(check, Some(Check::Facts(_))) {
                        statuses[earlier] = self.by_check(check, host, attempt);
                    }
                }
                if matches!(statuses[earlier], Status::Outstanding { .. }) {
                    undone.insert(earlier);
                }
            }
        }
    }

    fn ancestors_of_subject(&self, step: StepIndex) -> Vec<StepIndex> {
        let Some(wanted) = subject(&self.plan[step]) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let mut seen = HashSet::from([step]);
        let mut work = vec![step];
        while let Some(at) = work.pop() {
            for need in self.shape.graph.needs(at) {
                if subject(&self.plan[need]) == Some(wanted) && seen.insert(need) {
                    found.push(need);
                    work.push(need);
                }
            }
        }
        found
    }

    /// Judges a local step: by its receipt on the lock host, by whether anything still needs it,
    /// else by its check. What was claimed there and has no check, nobody can tell about.
    fn local(&self, step: StepIndex, statuses: &Statuses) -> Status {
        let history = &self.histories[step];
        if matches!(history.counts, Some((_, Shown::Succeeded))) {
            return Status::Done;
        }
        let attempt = history.next();
        let mut dependents = self.shape.graph.dependents(step).peekable();
        let settled = |status: Status| matches!(status, Status::Done | Status::Tolerated);
        if dependents.peek().is_some() && dependents.all(|next| settled(statuses[next])) {
            return Status::Done;
        }
        let Step { id, check, .. } = &self.plan[step];
        if check.is_none() && history.counts.is_some() {
            return Status::InDoubt { attempt };
        }
        if !self.evidence.begun || !matches!(check, Some(Check::Argv(_))) {
            return Status::Outstanding { attempt };
        }
        by_answer(self.evidence.local.get(id).copied(), attempt)
    }
}

/// Returns what the answer to a step's check means for it; `None` if nobody was asked.
fn by_answer(answer: Option<Answer>, attempt: u32) -> Status {
    match answer {
        None => Status::NeedsProbe,
        Some(Answer::Yes) => Status::Done,
        Some(Answer::No) => Status::Outstanding { attempt },
        Some(Answer::CannotSay) => Status::InDoubt { attempt },
    }
}

#[cfg(test)]
#[path = "resume_tests.rs"]
mod tests;
