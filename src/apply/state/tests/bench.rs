//! A run whose questions are answered at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::apply::state::*;
use crate::facts::model::HostFacts;
use crate::name::{HostName, RunId, StepId};
use crate::plan::Plan;
use crate::plan::kinds::WhenSuperseded;
use crate::plan::resume::Answer;
use crate::record::living::{AttemptName, LivingAttempt};
use crate::record::{
    Attempt, AttemptState, Ending, Listing, LockAnswer, LockDetails, Receipt, StopRequest,
};

/// A run whose questions are answered at once, as far as the test does not answer them itself.
pub struct Bench {
    pub state: State,
    pub now: u64,
    pub run: RunId,
    pub facts: BTreeMap<HostName, HostFacts>,
    pub attempts: BTreeMap<HostName, Vec<Attempt>>,
    /// Hosts that have started anew since the plan began there.
    pub restarted: BTreeSet<HostName>,
    pub boots: BTreeMap<HostName, String>,
    /// What each host answers, in order, when it is asked for living attempts of other plans; its last answer is repeated.
    pub living: BTreeMap<HostName, Vec<Vec<LivingAttempt>>>,
    /// What it lists of them after its fence.
    pub after_fence: BTreeMap<HostName, Vec<LivingAttempt>>,
    /// What hosts were asked to end.
    pub ended: Vec<AttemptName>,
    /// Steps of other plans that were told of.
    pub others: Vec<(OtherStep, WhenSuperseded)>,
    /// Times of looks at hosts, of their fences, and of what was begun.
    pub seen: Vec<(u64, &'static str)>,
    pub endings: BTreeMap<StepId, Vec<Ending>>,
    /// Steps whose end the test tells.
    pub held: Vec<StepId>,
    pub batches: Vec<Vec<StepId>>,
    pub attached: Vec<StepId>,
    pub recorded: Vec<(StepId, Option<Ending>)>,
    /// The serials that fences were written after.
    pub fences: Vec<u64>,
    /// Whether no fence is answered.
    pub holds_fences: bool,
    /// Hosts that were to bring their audit logs up to date.
    pub audited: Vec<HostName>,
    /// Whether the lock host does not answer what it records.
    pub records_late: bool,
    /// Whether a step that the test holds is claimed.
    pub claims: bool,
    /// Steps that were reported as begun.
    pub started: Vec<StepId>,
    /// Whether the journal cannot be written, and after how many entries.
    pub journal_fails: bool,
    pub journal_takes: Option<usize>,
    /// Whether the lock is another run's.
    pub lock_lost: bool,
    /// What checks of this machine answer, in order; afterwards: no.
    pub checks: Vec<(Answer, Option<String>)>,
    pub checked: usize,
    pub dropped: Vec<HostName>,
    /// Hosts that were told that the run stops.
    pub halted: Vec<HostName>,
    /// Whether the test answers that itself.
    pub holds_halts: bool,
    /// Steps of this machine that were to be ended.
    pub stopped: Vec<StepId>,
    pub listed: usize,
    pub gone: Vec<(HostName, String)>,
    /// What explained failures.
    pub diagnoses: Vec<String>,
    pub finished: usize,
    pub released: usize,
    pub taken_from: Option<LockDetails>,
    pub left_to: Option<LockDetails>,
    pub left: usize,
    /// What stands in the lock for its run.
    pub note: Option<StopRequest>,
    pub outcome: Option<Outcome>,
}

impl Bench {
    pub fn new(plan: Plan) -> Self {
        Self::with(plan, |_| {})
    }

    pub fn with(plan: Plan, options: impl Fn(&mut Options)) -> Self {
        let run = RunId::from("r");
        let mut chosen = Options::new(run.clone());
        options(&mut chosen);
        Self {
            state: State::new(Arc::new(plan), chosen).unwrap(),
            now: 0,
            run,
            facts: BTreeMap::new(),
            attempts: BTreeMap::new(),
            restarted: BTreeSet::new(),
            boots: BTreeMap::new(),
            living: BTreeMap::new(),
            after_fence: BTreeMap::new(),
            ended: Vec::new(),
            others: Vec::new(),
            seen: Vec::new(),
            endings: BTreeMap::new(),
            held: Vec::new(),
            batches: Vec::new(),
            attached: Vec::new(),
            recorded: Vec::new(),
            fences: Vec::new(),
            holds_fences: false,
            audited: Vec::new(),
            records_late: false,
            claims: true,
            started: Vec::new(),
            journal_fails: false,
            journal_takes: None,
            lock_lost: false,
            checks: Vec::new(),
            checked: 0,
            dropped: Vec::new(),
            halted: Vec::new(),
            holds_halts: false,
            stopped: Vec::new(),
            listed: 0,
            gone: Vec::new(),
            diagnoses: Vec::new(),
            finished: 0,
            released: 0,
            taken_from: None,
            left_to: None,
            left: 0,
            note: None,
            outcome: None,
        }
    }

    pub fn fails(mut self, step: &str, times: usize) -> Self {
        self.endings
            .insert(step.into(), vec![Ending::Failed { code: 1 }; times]);
        self
    }

    pub fn holds(mut self, step: &str) -> Self {
        self.held.push(step.into());
        self
    }

    pub fn records_late(mut self) -> Self {
        self.records_late = true;
        self
    }

    pub fn begin(mut self) -> Self {
        self.tell(Event::Begin);
        self
    }

    /// Hands over an event and everything that is answered at once, in order.
    pub fn tell(&mut self, event: Event) {
        let actions = self.state.handle(Millis(self.now), event);
        self.carry_out(actions);
    }

    /// The journal does not take an entry that nothing follows.
    pub fn journal_breaks(&mut self) {
        self.journal_fails = true;
        let (now, message) = (Millis(self.now), "disk full".to_owned());
        let actions = self.state.take_back(now, message, Vec::new());
        self.carry_out(actions);
    }

    fn carry_out(&mut self, actions: Vec<Action>) {
        let mut actions = std::collections::VecDeque::from(actions);
        let mut events = std::collections::VecDeque::new();
        loop {
            while let Some(action) = actions.pop_front() {
                if matches!(action, Action::Journal(_)) && !self.is_journaled() {
                    let (now, message) = (Millis(self.now), "disk full".to_owned());
                    actions = self.state.take_back(now, message, actions.into()).into();
                } else {
                    self.answer(action, &mut events);
                }
            }
            let Some(event) = events.pop_front() else {
                return;
            };
            actions = self.state.handle(Millis(self.now), event).into();
        }
    }

    fn is_journaled(&mut self) -> bool {
        match &mut self.journal_takes {
            Some(0) => self.journal_fails = true,
            Some(left) => *left -= 1,
            None => {}
        }
        !self.journal_fails
    }

    /// Lets time pass, timer by timer.
    pub fn pass(&mut self, seconds: u64) {
        let until = self.now + seconds * 1000;
        while let Some(at) = self.state.deadline().filter(|at| at.0 <= until) {
            self.now = self.now.max(at.0);
            self.tell(Event::Tick);
        }
        self.now = until;
    }

    pub fn end(&mut self, step: &str, ending: Ending) {
        let host = step.split('/').next().unwrap();
        self.tell(Event::Ended {
            host: host.into(),
            step: step.into(),
            attempt: 1,
            receipt: receipt(ending, &self.run),
            diagnosis: String::new(),
        });
    }

    pub fn answer(&mut self, action: Action, events: &mut std::collections::VecDeque<Event>) {
        match &action {
            Action::Inspect(_) => self.seen.push((self.now, "look")),
            Action::Fence { .. } => self.seen.push((self.now, "fence")),
            Action::Others(..) => self.seen.push((self.now, "others")),
            Action::Start(..) => self.seen.push((self.now, "start")),
            _ => {}
        }
        match action {
            Action::TakeLock => events.push_back(Event::Lock(LockAnswer::Acquired {
                generation: 1,
                taken_from: self.taken_from.clone(),
                open: Vec::new(),
            })),
            Action::Inspect(host) => {
                let facts = Box::new(self.facts.get(&host).cloned().unwrap_or_default());
                let attempts = self.attempts.get(&host).cloned().unwrap_or_default();
                let own = self.listing(&host, attempts);
                events.push_back(Event::Inspected(host, facts, own));
            }
            Action::Others(host, end) => {
                self.ended.extend(end);
                let living = self.next_living(&host);
                events.push_back(Event::Others(host, living));
            }
            Action::ReadSecrets(_) => events.push_back(Event::SecretsRead),
            Action::Fence { .. } if self.holds_fences => {}
            Action::Fence { host, seen } => {
                self.fences.push(seen.serial);
                let attempts = self.attempts.get(&host).cloned().unwrap_or_default();
                let living = self.after_fence.remove(&host).unwrap_or_default();
                let own = self.listing(&host, attempts);
                events.push_back(Event::Fenced(host, own, living));
            }
            Action::List(host) => {
                self.listed += 1;
                let attempts = self.attempts.get(&host).cloned().unwrap_or_default();
                let listing = self.listing(&host, attempts);
                events.push_back(Event::Listed(host, listing));
            }
            Action::Start(host, steps) => {
                self.batches
                    .push(steps.iter().map(|start| start.step.clone()).collect());
                for StartStep { step, attempt, .. } in steps {
                    let claimed = step.clone();
                    if self.claims {
                        events.push_back(Event::Claimed(host.clone(), claimed, attempt));
                    }
                    if self.held.contains(&step) {
                        break;
                    }
                    let ending = self.ending(&step);
                    events.push_back(Event::Ended {
                        host: host.clone(),
                        step,
                        attempt,
                        receipt: receipt(ending, &self.run),
                        diagnosis: String::new(),
                    });
                    if ending != Ending::Succeeded {
                        break;
                    }
                }
            }
            Action::StartLocal(step, attempt) => {
                self.batches.push(vec![step.clone()]);
                if self.held.contains(&step) {
                    return;
                }
                events.push_back(Event::LocalEnded {
                    ending: self.ending(&step),
                    step,
                    attempt,
                    value: None,
                    diagnosis: String::new(),
                });
            }
            Action::CheckLocal(step) => {
                self.checked += 1;
                let (answer, value) = match self.checks.is_empty() {
                    true => (Answer::No, None),
                    false => self.checks.remove(0),
                };
                events.push_back(Event::LocalChecked {
                    step,
                    answer,
                    value,
                });
            }
            Action::Attach(_, step, _) => self.attached.push(step),
            Action::Record {
                step,
                attempt,
                ending,
                ..
            } => {
                self.recorded.push((step.clone(), ending));
                if !self.records_late {
                    events.push_back(Event::Recorded(step, attempt, ending));
                }
            }
            Action::Audit(hosts) => self.audited.extend(hosts),
            Action::Beat => events.push_back(match self.note.clone() {
                Some(request) => Event::StopRequested(request),
                None => Event::Beaten {
                    held: !self.lock_lost,
                },
            }),
            Action::Finish(host) => {
                self.finished += 1;
                events.push_back(Event::Finished(host));
            }
            Action::Leave(details) => {
                self.left += 1;
                self.left_to = details;
                events.push_back(Event::Left);
            }
            Action::Release => {
                self.released += 1;
                events.push_back(Event::Released);
            }
            Action::Halt(host) => {
                self.halted.push(host.clone());
                if !self.holds_halts {
                    events.push_back(Event::Halted(host));
                }
            }
            Action::StopLocal(step) => self.stopped.push(step),
            Action::Drop(host) => self.dropped.push(host),
            Action::Report(Progress::OtherStep(step, fate)) => self.others.push((step, fate)),
            Action::Report(Progress::StepStarted(step, _)) => self.started.push(step),
            Action::Report(Progress::HostGone(host, _, message)) => {
                self.gone.push((host, message));
            }
            Action::Report(Progress::StepEnded { diagnosis, .. }) if !diagnosis.is_empty() => {
                self.diagnoses.push(diagnosis);
            }
            Action::Reconnect { .. } | Action::Journal(_) | Action::Report(_) => {}
            Action::Exit(outcome) => self.outcome = Some(outcome),
        }
    }

    fn listing(&self, host: &HostName, attempts: Vec<Attempt>) -> Listing {
        Listing {
            attempts,
            restarted: self.restarted.contains(host),
            boot: self.boots.get(host).cloned().unwrap_or_default(),
        }
    }

    fn next_living(&mut self, host: &HostName) -> Vec<LivingAttempt> {
        match self.living.get_mut(host) {
            None => Vec::new(),
            Some(answers) if answers.len() > 1 => answers.remove(0),
            Some(answers) => answers.first().cloned().unwrap_or_default(),
        }
    }

    pub fn ending(&mut self, step: &StepId) -> Ending {
        let next = self.endings.get_mut(step).and_then(Vec::pop);
        next.unwrap_or(Ending::Succeeded)
    }

    pub fn ran(&self) -> Vec<&str> {
        self.batches.iter().flatten().map(StepId::as_str).collect()
    }

    pub fn status(&self, step: &str) -> StepStatus {
        let summary = self.state.summary();
        let found = summary
            .steps
            .into_iter()
            .find(|line| line.step.as_str() == step);
        found.unwrap().status
    }

    pub fn code(&self) -> Option<u8> {
        self.outcome
            .as_ref()
            .map(|outcome| outcome.exit_code().code())
    }
}

pub fn receipt(ending: Ending, run: &RunId) -> Receipt {
    Receipt {
        ending,
        run: run.clone(),
        started: 0,
        ended: 0,
        value: None,
    }
}

pub fn attempt(step: &str, state: AttemptState) -> Attempt {
    Attempt {
        step: StepId::from(step).hash(),
        number: 1,
        state,
    }
}

/// The run has the lock, which nobody held.
pub fn acquired() -> Event {
    Event::Lock(LockAnswer::Acquired {
        generation: 1,
        taken_from: None,
        open: Vec::new(),
    })
}

pub fn details() -> LockDetails {
    LockDetails::parse("Locked by: somebody at 2026\nRun: other")
}
