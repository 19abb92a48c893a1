//! From the lock to the first step: lock, settle, inspect, decide, fence, judge.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::event::Action;
use super::model::{Ask, Confirm, Host, LOCK_RETRY_SECONDS, Link, State, Timer};
use super::progress::{GoneReason, JournalEntry, LaterPlan, Outcome, Phase, Progress};
use crate::docker::names::LABEL_STATE;
use crate::docker::owner::Deployer;
use crate::facts::model::HostFacts;
use crate::name::HostName;
use crate::plan::Step;
use crate::plan::predicate::{Op, Predicate};
use crate::plan::resume::{Status, resume};
use crate::plan::shape::StepIndex;
use crate::record::living::LivingAttempt;
use crate::record::{Attempt, AttemptState, Ending, Listing, LockAnswer, Serial};

impl State {
    pub(super) fn take_lock(&mut self) {
        self.lock.wait_until = self.now.plus_seconds(self.options.lock_wait_seconds);
        self.enter(Phase::Locking);
        self.retry_lock();
    }

    pub(super) fn retry_lock(&mut self) {
        if self.phase == Phase::Locking && self.outcome.is_none() {
            self.ask(self.lock_host, Ask::Lock);
        }
    }

    pub(super) fn on_lock(&mut self, answer: LockAnswer) {
        if !self.answered(self.lock_host, Ask::Lock) {
            return;
        }
        // Unless it is still this run's, another one may have changed what was looked at.
        let looked = self.looked.take();
        let (holder, refusal) = match answer {
            LockAnswer::Acquired {
                taken_from, open, ..
            } => {
                let looked = looked.filter(|_| taken_from.is_none());
                match taken_from {
                    Some(from) if from.run.is_none() => self.lock.of_person = Some(from),
                    Some(from) => {
                        let open = self.left_open(&from, open);
                        self.report(Progress::LockTakenOver(from, open));
                    }
                    None => {}
                }
                return self.hold_lock(looked);
            }
            LockAnswer::Open {
                details,
                beat_age,
                open,
            } => {
                let open = self.left_open(&details, open);
                return self.conclude(Outcome::LeftOpen {
                    details,
                    beat_age,
                    open,
                });
            }
            LockAnswer::Held { details, beat_age } => {
                let holder = Some(details.render());
                (holder, Outcome::LockHeld { details, beat_age })
            }
            LockAnswer::Foreign { text } => (Some(text.clone()), Outcome::LockForeign(text)),
            LockAnswer::Queued { ahead } => (None, Outcome::LockQueued(ahead)),
        };
        if self.now < self.lock.wait_until {
            if let Some(holder) = holder {
                self.report(Progress::LockWaiting(holder));
            }
            let at = self.now.plus_seconds(LOCK_RETRY_SECONDS);
            self.set_timer(at, Timer::RetryLock);
        } else {
            self.conclude(refusal);
        }
    }

    fn hold_lock(&mut self, looked: Option<BTreeMap<HostName, HostFacts>>) {
        self.lock.held = true;
        self.lock.confirmed = self.lock.sent;
        self.schedule_beat();
        if self.outcome.is_some() {
            return;
        }
        match looked {
            Some(facts) if self.knows_all(&facts) => self.take_looked(facts),
            _ => self.look_for_others(),
        }
    }

    fn knows_all(&self, facts: &BTreeMap<HostName, HostFacts>) -> bool {
        self.hosts.iter().all(|host| facts.contains_key(&host.name))
    }

    /// Decides by what was looked at before the run began. What the hosts list of this plan is asked for with the fence.
    fn take_looked(&mut self, facts: BTreeMap<HostName, HostFacts>) {
        self.enter(Phase::Inspecting);
        for host in &mut self.hosts {
            if let Some(facts) = facts.get(&host.name) {
                host.finished = facts.finished.contains(&self.plan.digest);
                let value = serde_json::to_value(facts).unwrap_or(Value::Null);
                self.evidence.facts.insert(host.name.clone(), value);
            }
        }
        self.decide();
    }

    pub(super) fn on_inspected(&mut self, host: &HostName, facts: &HostFacts, own: Listing) {
        let Some(index) = self.host(host) else {
            return;
        };
        let value = serde_json::to_value(facts).unwrap_or(Value::Null);
        if self.answered(index, Ask::Inspect) {
            if self.checks_list(host, &own.attempts) {
                self.hosts[index].finished = facts.finished.contains(&self.plan.digest);
                self.hosts[index].later = LaterPlan::on(facts, &self.plan.digest);
                self.evidence.facts.insert(host.clone(), value);
                self.keep_listing(host, own);
                self.continue_opening();
            }
        } else if self.answered(index, Ask::Probe) {
            if self.phase == Phase::Judging && self.waits_for_engine(index, &value) {
                self.continue_opening();
            } else if self.phase == Phase::Judging {
                self.evidence.facts.insert(host.clone(), value);
                self.continue_opening();
            } else {
                self.judge_lost(index, &value);
            }
        }
    }

    /// Goes on to the next phase once every host has answered, or is given up.
    pub(super) fn continue_opening(&mut self) {
        if self.outcome.is_some() {
            return;
        }
        match self.phase {
            Phase::Settling if !self.is_open(Ask::Others) && self.confirming.is_none() => {
                self.settle_others();
            }
            Phase::Inspecting if !self.is_open(Ask::Inspect) && self.is_fenced => self.look_again(),
            Phase::Inspecting if !self.is_open(Ask::Inspect) => self.decide(),
            Phase::Fencing if !self.is_open(Ask::Fence) && self.confirming.is_none() => {
                self.is_fenced = true;
                if self.is_unsettled() {
                    self.enter(Phase::Settling);
                    return self.settle_others();
                }
                self.begin_judging();
            }
            Phase::Judging if !self.is_open(Ask::Probe) && !self.awaits_engines() => self.judge(),
            _ => {}
        }
    }

    fn decide(&mut self) {
        if self.hosts.iter().any(Host::is_gone) && !self.may_go_without_gone() {
            return self.conclude(self.without_gone());
        }
        if self.hosts.iter().all(|host| host.finished) {
            let later = self.hosts.iter().filter_map(|host| host.later.clone());
            let later = later.max_by_key(|later| later.at);
            return self.conclude(Outcome::AlreadyApplied(later));
        }
        if let Some(refusal) = self.check_serials().or_else(|| self.stale()) {
            return self.conclude(refusal);
        }
        let finished = self.hosts.iter().filter(|host| host.finished);
        self.evidence.finished = finished.map(|host| host.name.clone()).collect();
        let printed = self.printed_secrets();
        if printed.is_empty() {
            return self.begin_fencing();
        }
        self.enter(Phase::Reading);
        self.act(Action::ReadSecrets(printed));
    }

    /// Returns the secrets that commands print and that steps need which are not done.
    fn printed_secrets(&self) -> BTreeSet<String> {
        let printed = &self.plan.secret_commands;
        if printed.is_empty() {
            return BTreeSet::new();
        }
        let statuses = resume(&self.plan, &self.shape, &self.evidence);
        let is_left = |status| !matches!(status, &Status::Done | &Status::Tolerated);
        let steps = self.plan.steps.iter().zip(&statuses);
        let left = steps.filter(|(_, status)| is_left(*status));
        let needed = left.flat_map(|(step, _)| step.needed_values());
        needed
            .filter(|name| printed.contains_key(*name))
            .cloned()
            .collect()
    }

    pub(super) fn on_secrets_read(&mut self) {
        if self.phase == Phase::Reading && self.outcome.is_none() {
            self.begin_fencing();
        }
    }

    pub(super) fn on_secrets_unread(&mut self, why: String) {
        if self.phase == Phase::Reading {
            self.conclude(Outcome::SecretsUnread(why));
        }
    }

    fn begin_fencing(&mut self) {
        self.evidence.facts.clear();
        self.evidence.attempts.clear();
        self.evidence.restarted.clear();
        self.enter(Phase::Fencing);
        self.confirm(Confirm::BeforeFences);
    }

    /// A step of another plan was still alive when the fences were written, and may have changed what this plan relies on.
    fn look_again(&mut self) {
        if self.hosts.iter().any(Host::is_gone) && !self.may_go_without_gone() {
            return self.conclude(self.without_gone());
        }
        if let Some(stale) = self.stale() {
            return self.conclude(stale);
        }
        self.evidence.facts.clear();
        self.begin_judging();
    }

    fn begin_judging(&mut self) {
        self.enter(Phase::Judging);
        self.confirm(Confirm::AfterFences);
    }

    /// A run that was frozen may wake up after another took the lock over. So it asks for the lock before it writes its fences,
    /// so that it does not stop the other one, and again after the last of them: only then is it certain that the fences and the lock are of
    /// one run.
    pub(super) fn confirm(&mut self, confirm: Confirm) {
        self.confirming = Some(confirm);
        self.confirm_anew();
    }

    /// Asks whether the lock is held now: a beat that is under way may have been answered before.
    pub(super) fn confirm_anew(&mut self) {
        self.lock.stale = self.hosts[self.lock_host].asks.contains_key(&Ask::Beat);
        self.beat();
    }

    /// A beat that was sent after the question came up says that the lock is held.
    pub(super) fn confirmed(&mut self) {
        if self.outcome.is_some() {
            return;
        }
        match self.confirming.take() {
            None => {}
            Some(Confirm::BeforeEnding) => self.end_others(),
            Some(Confirm::BeforeFences) => {
                for host in self.hosts.indices() {
                    self.ask(host, Ask::Fence);
                }
            }
            Some(Confirm::AfterFences) => self.judge(),
        }
    }

    /// Returns how a run ends that cannot do without the hosts that are given up.
    pub(super) fn without_gone(&self) -> Outcome {
        let mut outcome: fn(Vec<(HostName, String)>) -> Outcome = Outcome::Unreachable;
        let mut gone = Vec::new();
        for host in &self.hosts {
            if let Link::Gone { reason, message } = &host.link {
                gone.push((host.name.clone(), message.clone()));
                if *reason == GoneReason::Failed {
                    outcome = Outcome::HostFailed;
                }
            }
        }
        outcome(gone)
    }

    /// Whether the hosts that are given up need not stop the run.
    pub(super) fn may_go_without_gone(&self) -> bool {
        let gone = self.hosts.iter().filter(|host| host.is_gone()).count();
        let is_tolerated = self.options.keep_going || gone <= self.plan.max_failures as usize;
        is_tolerated && !self.hosts[self.lock_host].is_gone()
    }

    fn stale(&self) -> Option<Outcome> {
        if let Some(gone_on) = self.check_unfinished() {
            return Some(gone_on);
        }
        let refused = |attempt: &Attempt| matches!(&attempt.state, AttemptState::Ended(receipt) if receipt.ending == Ending::Refused);
        let claimed: std::collections::HashSet<StepIndex> = self
            .evidence
            .attempts
            .iter()
            .flat_map(|(host, attempts)| attempts.iter().map(move |attempt| (host, attempt)))
            .filter(|(_, attempt)| !refused(attempt))
            .filter_map(|(host, attempt)| {
                let step = self.shape.index_of_hash(&attempt.step)?;
                (self.plan[step].host.as_ref() == Some(host)).then_some(step)
            })
            .collect();
        let may_lack_claim = |step: StepIndex| {
            let entry = &self.plan[step];
            let host = entry.host.as_ref();
            entry.has_facts_check()
                && host.is_some_and(|host| self.evidence.restarted.contains(host))
        };
        let begun = |id| {
            self.shape
                .index(id)
                .is_some_and(|step| claimed.contains(&step) || may_lack_claim(step))
        };
        for (name, host) in &self.plan.hosts {
            let Some(facts) = self.evidence.facts.get(name) else {
                continue;
            };
            if let Some(stale) = self.deployed_by_another(name, facts) {
                return Some(stale);
            }
            for reliance in &host.relies_on {
                let predicate = reliance.predicate();
                if !predicate.holds(facts) && !reliance.steps.iter().any(begun) {
                    return Some(Outcome::Stale {
                        host: name.clone(),
                        then: describe(&predicate),
                        now: facts
                            .pointer(&predicate.fact)
                            .map_or_else(|| "absent".to_owned(), Value::to_string),
                        fact: predicate.fact,
                    });
                }
            }
        }
        None
    }

    /// Another user has deployed to a host since the plan was made, whose records had been empty: that user's lock was not seen.
    fn deployed_by_another(&self, name: &HostName, facts: &Value) -> Option<Outcome> {
        let host = self.plan.hosts.get(name)?;
        if host.serial > 0 {
            return None;
        }
        let deployer = Deployer {
            service: &self.plan.service,
            destination: self.plan.operation.destination.as_deref(),
            state_dir: host.state_dir.as_deref()?,
        };
        let containers = facts.get("containers")?.as_object()?;
        containers.iter().find_map(|(container, found)| {
            let labels = found.get("labels")?;
            let other = deployer.other(|label| labels.get(label)?.as_str())?;
            let own = ["containers", container, "labels", LABEL_STATE];
            let own = Predicate::eq(&own, deployer.state_dir);
            Some(Outcome::Stale {
                host: name.clone(),
                then: format!("absent or {}", describe(&own)),
                fact: own.fact,
                now: Value::from(other).to_string(),
            })
        })
    }

    pub(super) fn on_fenced(&mut self, host: &HostName, own: Listing, living: Vec<LivingAttempt>) {
        let Some(index) = self.host(host) else { return };
        if self.answered(index, Ask::Fence)
            && self.checks_list(host, &own.attempts)
            && self.keeps_living(index, living)
        {
            self.hosts[index].fenced = true;
            self.keep_listing(host, own);
            self.continue_opening();
        }
    }

    fn keep_listing(&mut self, host: &HostName, own: Listing) {
        if let Some(index) = self.host(host) {
            self.hosts[index].boot = own.boot;
        }
        self.evidence.attempts.insert(host.clone(), own.attempts);
        if own.restarted {
            self.evidence.restarted.insert(host.clone());
        }
    }

    pub(super) fn on_fence_refused(&mut self, host: HostName, serial: Serial) {
        let known = self.host(&host);
        if known.is_some_and(|index| self.answered(index, Ask::Fence)) {
            self.conclude(Outcome::Superseded(host, serial.plan));
        }
    }

    /// Nobody can say any more whether a step is needed. If it was never begun, it is only left out.
    fn give_up_asking(&mut self, step: StepIndex) {
        let Step {
            id, host, unless, ..
        } = &self.plan[step];
        let listed = host
            .as_ref()
            .and_then(|host| self.evidence.attempts.get(host));
        let mut listed = listed.into_iter().flatten();
        if !unless.is_empty() && !listed.any(|attempt| attempt.step == id.hash()) {
            self.statuses[step] = Status::Outstanding { attempt: 1 };
        }
    }

    /// Judges which steps are outstanding; if that needs more evidence, asks for it first.
    pub(super) fn judge(&mut self) {
        if self.confirming.is_some() || self.outcome.is_some() {
            return;
        }
        self.statuses = resume(&self.plan, &self.shape, &self.evidence);
        let mut last_local = None;
        let mut hosts = std::collections::BTreeSet::new();
        let shape = self.shape.clone();
        for &step in shape.graph.order() {
            if self.statuses[step] == Status::NeedsProbe {
                match self.steps[step].host {
                    Some(host) if self.hosts[host].is_gone() => self.give_up_asking(step),
                    Some(host) => {
                        hosts.insert(host);
                    }
                    None => last_local = Some(step),
                }
            }
        }
        if !hosts.is_empty() {
            for host in hosts {
                self.ask(host, Ask::Probe);
            }
        } else if let Some(step) = last_local {
            self.act(Action::CheckLocal(self.id(step)));
        } else {
            self.journal(JournalEntry::Began {
                run: self.options.run.clone(),
                plan: self.plan.digest.clone(),
            });
            self.begin_walk();
        }
    }
}

fn describe(predicate: &Predicate) -> String {
    let value = predicate
        .value
        .as_ref()
        .map_or_else(String::new, Value::to_string);
    match predicate.op {
        Op::Eq => value,
        Op::Absent => "absent".to_owned(),
        Op::Contains => format!("contains {value}"),
        Op::Lacks => format!("without {value}"),
        Op::Within => format!("only {value}"),
        Op::OneOf => format!("one of {value}"),
        Op::Has => format!("one with {value}"),
    }
}
