//! What is left of a plan to do, from what the hosts show: a pure fold.
//!
//! Receipts decide. If a claim has no receipt and nothing of it is alive, the step's `check` is
//! asked: yes, it is done; no, it is begun again; cannot say, it is in doubt and neither believed
//! nor repeated. What began after a step proves that the step had ended, since no step starts
//! before its needs are met.
//!
//! A step that was never begun is done if it is not needed, as its `unless` says. It proves nothing: it did not wait.
//!
//! A host's word counts for its own steps alone: what it lists proves nothing about the steps of
//! another, and lets no barrier pass that others wait at.

mod undone;

pub use undone::what_cleanup_undoes;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use index_vec::{IndexVec, index_vec};
use serde_json::Value;

use super::kinds::{StepKind, WhenLost};
pub use super::model::Answer;
use super::model::{Check, NeedOn, OnFailure, Plan, Step};
use super::pushed::{PushClaims, PushVerdict, is_push, pulls_what};
use super::shape::{Shape, StepIndex, is_barrier};
use crate::name::{HostName, StepId};
use crate::record::{Attempt, AttemptState, Ending};

/// What is known when a plan is taken up.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// What each host lists. Receipts of local steps are listed by the lock host.
    pub attempts: BTreeMap<HostName, Vec<Attempt>>,
    /// Fresh facts, as JSON, of the hosts that were asked.
    pub facts: BTreeMap<HostName, Value>,
    /// Hosts whose machine has started anew since the plan began there: a missing claim of a step with a check counts there as one
    /// without a receipt.
    pub restarted: BTreeSet<HostName>,
    /// Hosts that list the plan as finished: their own steps are done.
    pub finished: BTreeSet<HostName>,
    /// The answers of the local steps' checks that were asked.
    pub local: BTreeMap<StepId, Answer>,
    /// What these checks found out: of a push, the registry digest.
    pub values: BTreeMap<StepId, String>,
    /// Whether any run of this plan has begun before. If none has, local steps need not be asked.
    pub begun: bool,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It succeeded, or is not needed, or not any more.
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
    /// A push that may not be done again, while the registry does not have what the hosts have: see
    /// [`PushClaims::judge`].
    Conflicts,
}

/// Returns whether the effect of a step with this `check` is there, by its host's `facts`.
///
/// While an installed engine does not answer, what it would tell is unknown, not absent.
pub fn answer(check: Option<&Check>, facts: &Value) -> Answer {
    let Some(Check::Facts(predicates)) = check else {
        return Answer::CannotSay;
    };
    let silent = engine_is_silent(facts);
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

/// Returns whether a host has an engine that does not answer.
pub fn engine_is_silent(facts: &Value) -> bool {
    let docker = |name: &str| facts.pointer(name) == Some(&Value::Bool(true));
    docker("/docker/installed") && !docker("/docker/answers")
}

fn is_of_engine(fact: &str) -> bool {
    ["/containers", "/images", "/networks", "/traefik"]
        .iter()
        .any(|prefix| fact.starts_with(prefix))
}

/// Returns where each step of `plan` stands, in the order of [`Plan::steps`]. Barriers are done if
/// all that is behind them is, else outstanding.
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
    case.take_back_what_cannot_have_begun(&proofs, &mut statuses);
    case.take_back_what_was_undone(&mut statuses);
    case.take_back_what_did_not_last(&mut statuses);
    for &step in shape.graph.order().iter().rev() {
        if plan[step].host.is_none() {
            statuses[step] = match is_barrier(plan, step) {
                true if case.is_passed(step, &statuses) => Status::Done,
                true => Status::Outstanding { attempt: 1 },
                false => case.local(step, &statuses),
            };
        }
    }
    statuses
}

/// Returns what the records say about each push of `plan`.
pub fn push_claims(
    plan: &Plan,
    shape: &Shape,
    evidence: &Evidence,
) -> BTreeMap<StepIndex, PushClaims> {
    let case = Case {
        plan,
        shape,
        evidence,
        histories: histories(plan, shape, evidence),
    };
    let pushes = case.histories.indices();
    pushes
        .filter(|step| is_push(&plan[*step]))
        .map(|step| (step, case.claims(step)))
        .collect()
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
#[derive(Debug, Clone, Default)]
struct History {
    /// The highest number of an attempt.
    last: u32,
    /// The highest number of an attempt that was not refused, and its state.
    counts: Option<(u32, Shown)>,
    /// The value of the receipt that counts.
    value: Option<String>,
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
                Ending::Failed { .. }
                | Ending::TimedOut
                | Ending::Stopped
                | Ending::Superseded
                | Ending::Uncleaned { .. } => Shown::Failed,
                Ending::Refused => return,
            },
        };
        // One that runs counts before all that do not.
        let rank = |(number, shown)| (shown == Shown::Running, number);
        let new = (attempt.number, shown);
        if self.counts.is_none_or(|old| rank(new) > rank(old)) {
            self.counts = Some(new);
            self.value = match &attempt.state {
                AttemptState::Ended(receipt) => receipt.value.clone(),
                AttemptState::Running | AttemptState::Lost => None,
            };
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

/// What the beginning of later steps of the same host proves about a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Proof {
    Nothing,
    /// Something that would start after a tolerated failure too has begun.
    Settled,
    /// Something that needs its success has begun.
    Succeeded,
}

impl Case<'_> {
    fn proofs(&self) -> IndexVec<StepIndex, Proof> {
        let mut proofs = index_vec![Proof::Nothing; self.plan.steps.len()];
        // Of a step without a host: the hosts that have begun something behind it.
        let mut behind: HashMap<StepIndex, HashSet<&HostName>> = HashMap::new();
        for &at in self.shape.graph.order().iter().rev() {
            let step = &self.plan[at];
            // What was not needed did not wait for what it needs.
            if !step.unless.is_empty() && self.histories[at].last == 0 {
                continue;
            }
            let hosts: HashSet<&HostName> = match &step.host {
                Some(host) if self.has_begun(at, host) || proofs[at] > Proof::Nothing => {
                    [host].into()
                }
                Some(_) => continue,
                None => behind.remove(&at).unwrap_or_default(),
            };
            let barrier = step.barrier.as_ref();
            if hosts.is_empty() || barrier.is_some_and(|barrier| barrier.at_most_failed > 0) {
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
                match &self.plan[before].host {
                    None => behind.entry(before).or_default().extend(&hosts),
                    Some(host) if hosts.contains(host) => {
                        proofs[before] = proofs[before].max(proof);
                    }
                    Some(_) => {}
                }
            }
        }
        proofs
    }

    fn has_begun(&self, step: StepIndex, host: &HostName) -> bool {
        self.histories[step].last > 0 || self.evidence.finished.contains(host)
    }

    /// Judges a step on a host by its own records and by what follows it there. Other steps are
    /// judged later.
    fn on_host(&self, step: StepIndex, proof: Proof) -> Status {
        let history = &self.histories[step];
        let attempt = history.next();
        let entry = &self.plan[step];
        let Some(host) = &entry.host else {
            return Status::Outstanding { attempt };
        };
        if self.evidence.finished.contains(host) {
            return Status::Done;
        }
        if history.counts.is_none() && !entry.unless.is_empty() {
            let unless = Check::Facts(entry.unless.clone());
            match self.by_check(Some(&unless), host, attempt) {
                Status::Outstanding { .. } => {}
                status => return status,
            }
        }
        let may_lack_claims = self.may_lack_claims(step);
        // A later attempt, whose claim is missing, may have had the effect that one that failed did not have.
        let counts = match history.counts {
            None | Some((_, Shown::Failed)) if may_lack_claims => Some((0, Shown::Lost)),
            counts => counts,
        };
        match (counts, proof) {
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

    /// Whether claims of a step may be missing, which its check makes up for: a power cut takes what was not synced.
    fn may_lack_claims(&self, step: StepIndex) -> bool {
        let entry = &self.plan[step];
        let restarted = |host| self.evidence.restarted.contains(host);
        entry.host.as_ref().is_some_and(restarted) && entry.has_facts_check()
    }

    /// Judges a step by its check on fresh facts.
    fn by_check(&self, check: Option<&Check>, host: &HostName, attempt: u32) -> Status {
        if !matches!(check, Some(Check::Facts(_))) {
            return Status::InDoubt { attempt };
        }
        let facts = self.evidence.facts.get(host);
        by_answer(facts.map(|facts| answer(check, facts)), attempt)
    }

    /// Whether nothing waits for a step any more.
    fn is_passed(&self, step: StepIndex, statuses: &Statuses) -> bool {
        let mut dependents = self.shape.graph.dependents(step).peekable();
        let settled = |status: Status| matches!(status, Status::Done | Status::Tolerated);
        dependents.peek().is_some() && dependents.all(|next| settled(statuses[next]))
    }

    /// Whether every local step behind a local one is done, at any distance: a push on another machine needs its own login, although
    /// the image is built already.
    fn is_passed_here(&self, step: StepIndex, statuses: &Statuses) -> bool {
        let mut dependents = self.shape.graph.dependents(step);
        dependents.all(|next| {
            let is_local = self.plan[next].host.is_none() && !is_barrier(self.plan, next);
            !is_local
                || matches!(statuses[next], Status::Done | Status::Tolerated)
                    && self.is_passed_here(next, statuses)
        })
    }

    /// Judges a local step: by whether anything still needs it, else by its check. The lock host's
    /// records are asked only about what has no check: a receipt is believed there, and about what
    /// was claimed and has none, nobody can tell but [a person](super::doubt).
    fn local(&self, step: StepIndex, statuses: &Statuses) -> Status {
        let history = &self.histories[step];
        let attempt = history.next();
        if self.is_passed(step, statuses) && self.is_passed_here(step, statuses) {
            return Status::Done;
        }
        let Step {
            id, kind, check, ..
        } = &self.plan[step];
        match (check, history.counts) {
            (None, Some((_, Shown::Succeeded))) => return Status::Done,
            // It failed, or a person has resolved a doubt.
            (None, Some((_, Shown::Failed))) => return Status::Failed { attempt },
            (None, Some(_)) if kind.when_lost() == WhenLost::Again => {
                return Status::Outstanding { attempt };
            }
            (None, Some(_)) => return Status::InDoubt { attempt },
            (None | Some(Check::Facts(_)), _) => return Status::Outstanding { attempt },
            (Some(_), _) if !self.evidence.begun => return Status::Outstanding { attempt },
            (Some(_), _) => {}
        }
        let answer = self.evidence.local.get(id).copied();
        match answer {
            Some(answer) if is_push(&self.plan[step]) => {
                let digest = self.evidence.values.get(id).map(String::as_str);
                match self.claims(step).judge(check.as_ref(), answer, digest) {
                    PushVerdict::Pushed => Status::Done,
                    PushVerdict::Push => Status::Outstanding { attempt },
                    PushVerdict::NoAnswer => Status::InDoubt { attempt },
                    PushVerdict::Conflict(_) => Status::Conflicts,
                }
            }
            answer => by_answer(answer, attempt),
        }
    }

    /// Returns what the records say about a push.
    fn claims(&self, push: StepIndex) -> PushClaims {
        let mut claims = PushClaims::default();
        let own = &self.histories[push];
        if matches!(own.counts, Some((_, Shown::Succeeded))) {
            claims.recorded = own.value.clone();
        }
        for (at, history) in self.histories.iter_enumerated() {
            let step = &self.plan[at];
            let Some(host) = &step.host else { continue };
            let begun = history.counts.is_some() || self.evidence.finished.contains(host);
            let pulls = pulls_what(step, &self.plan[push].id);
            let starts = step.kind == StepKind::Start && step.role.is_some();
            if begun && (pulls || starts) {
                claims.begun.insert(host.clone());
            }
            if let (Some(value), Some((_, Shown::Succeeded)), true) =
                (&history.value, history.counts, pulls)
            {
                claims.pulled.insert(host.clone(), value.clone());
            }
        }
        claims
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
mod model_tests;
#[cfg(test)]
#[path = "resume_tests.rs"]
mod tests;
#[cfg(test)]
mod unless_tests;
