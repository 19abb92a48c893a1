//! Links that break and come back.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use super::event::{Action, Millis};
use super::model::{
    Ask, GIVE_UP_SECONDS, LONGEST_BACK_OFF_SECONDS, Link, MOST_ASKED, State, Timer,
};
use super::progress::{GoneReason, Phase, Progress, SkipReason, StepStatus, StopReason};
use super::step::{HostIndex, StepState};
use super::violation::NOBODY_TELLS;
use crate::graph::Ended;
use crate::name::HostName;
use crate::plan::resume::{Answer, answer, what_cleanup_undoes};
use crate::plan::shape::StepIndex;
use crate::record::{AttemptState, Ending, Listing};

impl State {
    /// Asks now, or once the host is back. A question that is open already is not repeated.
    pub(super) fn ask(&mut self, host: HostIndex, ask: Ask) {
        if self.hosts[host].is_gone() || self.hosts[host].asks.contains_key(&ask) {
            return;
        }
        self.hosts[host].asks.insert(ask, 0);
        *self.asks.entry(ask).or_default() += 1;
        if self.hosts[host].link == Link::Up {
            self.emit(host, ask);
        }
    }

    /// Returns whether this question was open, and closes it.
    pub(super) fn answered(&mut self, host: HostIndex, ask: Ask) -> bool {
        let open = self.hosts[host].asks.remove(&ask).is_some();
        if let Some(count) = self.asks.get_mut(&ask).filter(|_| open) {
            *count -= 1;
        }
        open
    }

    /// Returns whether this question is open on any host.
    pub(super) fn is_open(&self, ask: Ask) -> bool {
        self.asks.get(&ask).is_some_and(|count| *count > 0)
    }

    /// Closes every question to a host.
    pub(super) fn drop_asks(&mut self, host: HostIndex) {
        for ask in self.open_asks(host) {
            self.answered(host, ask);
        }
    }

    fn open_asks(&self, host: HostIndex) -> Vec<Ask> {
        self.hosts[host].asks.keys().copied().collect()
    }

    /// Sends again what was held back while the lock could not be confirmed.
    pub(super) fn emit_held_back(&mut self) {
        for host in self.hosts.indices() {
            if self.hosts[host].link == Link::Up {
                for ask in self.open_asks(host) {
                    if ask.needs_lock() {
                        self.emit(host, ask);
                    }
                }
            }
        }
    }

    fn emit(&mut self, index: HostIndex, ask: Ask) {
        if self.lock.suspended && ask.needs_lock() {
            return;
        }
        if let Some(sent) = self.hosts[index].asks.get_mut(&ask) {
            *sent += 1;
        }
        let host = self.hosts[index].name.clone();
        let action = match ask {
            Ask::Lock => {
                self.lock.sent = self.now;
                Action::TakeLock
            }
            Ask::Others => Action::Others(host, self.to_end(index)),
            Ask::Inspect => Action::Inspect(host),
            Ask::Probe => {
                self.mark_probes(index);
                Action::Inspect(host)
            }
            Ask::Fence => Action::Fence {
                seen: self.hosts[index].seen.clone(),
                host,
            },
            Ask::List => Action::List(host),
            Ask::Record { step } => Action::Record {
                host,
                step: self.id(step),
                attempt: self.steps[step].attempt,
                ending: (self.steps[step].state != StepState::ClaimsHere)
                    .then_some(Ending::Succeeded),
                value: match &self.steps[step].state {
                    StepState::Recording { value, .. } => value.clone(),
                    _ => None,
                },
            },
            Ask::Note { step, attempt } => Action::Record {
                host,
                step: self.id(step),
                attempt,
                ending: self.notes.get(&(step, attempt)).copied(),
                value: None,
            },
            Ask::Beat => {
                self.lock.sent = self.now;
                self.lock.stale = false;
                Action::Beat
            }
            Ask::Halt => Action::Halt(host),
            Ask::Finish => Action::Finish(host),
            Ask::Release => self.giving_away(),
        };
        self.act(action);
    }

    pub(super) fn on_channel_lost(&mut self, name: &HostName, message: String) {
        let Some(host) = self.host(name) else { return };
        if self.hosts[host].link != Link::Up {
            return;
        }
        if self.hosts[host]
            .asks
            .values()
            .any(|sent| *sent >= MOST_ASKED)
        {
            self.act(Action::Drop(name.clone()));
            let message = format!("asked {MOST_ASKED} times without an answer: {message}");
            return self.give_up(host, GoneReason::Failed, message);
        }
        self.hosts[host].link = Link::Down {
            since: self.now,
            back_off: 1,
        };
        self.set_timer(self.after_pause(host, 1), Timer::Reconnect { host });
        self.report(Progress::HostLost(name.clone(), message));
        self.batches.retain(|_, batch| batch.host != host);
        self.channels -= self.hosts[host].channels;
        self.hosts[host].channels = 0;
        for at in 0..self.hosts[host].steps.len() {
            let step = self.hosts[host].steps[at];
            let run = &mut self.steps[step];
            match run.state {
                StepState::Sent { .. } => {
                    run.handed_over = true;
                    run.state = StepState::Unknown { claimed: false };
                }
                StepState::Claimed { .. } | StepState::Attached | StepState::AttachPause => {
                    run.state = StepState::Unknown { claimed: true };
                }
                // What an earlier session handed over may have begun since its host was asked.
                StepState::Waiting | StepState::Ready if run.handed_over => {
                    run.state = StepState::Unknown { claimed: false };
                    self.hosts[host].ready.remove(&step);
                }
                _ => {}
            }
        }
    }

    pub(super) fn on_unreachable(&mut self, name: &HostName, message: String) {
        let Some(host) = self.host(name) else { return };
        match self.hosts[host].link {
            Link::Gone { .. } => {}
            Link::Up => self.give_up(host, GoneReason::Unreachable, message),
            Link::Down { since, back_off } => {
                let pause = (back_off * 2).min(LONGEST_BACK_OFF_SECONDS);
                let at = self.after_pause(host, pause);
                if at.since(since) > GIVE_UP_SECONDS * 1000 {
                    return self.give_up(host, GoneReason::Unreachable, message);
                }
                self.hosts[host].link = Link::Down {
                    since,
                    back_off: pause,
                };
                self.set_timer(at, Timer::Reconnect { host });
            }
        }
    }

    /// Returns when a pause of `seconds` is over: shortened by up to a half, so that not all hosts, and all runs, that lost their links in one
    /// moment come back in one.
    pub(super) fn after_pause(&self, host: HostIndex, seconds: u64) -> Millis {
        let mut hasher = DefaultHasher::new();
        let name = self.hosts[host].name.as_str();
        (self.options.run.as_str(), name, seconds, self.now.0).hash(&mut hasher);
        let half = seconds * 500;
        Millis(self.now.0 + half + hasher.finish() % (half + 1))
    }

    pub(super) fn on_host_failed(&mut self, name: &HostName, message: String) {
        if let Some(host) = self.host(name).filter(|host| !self.hosts[*host].is_gone()) {
            self.give_up(host, GoneReason::Failed, message);
        }
    }

    pub(super) fn reconnect(&mut self, host: HostIndex) {
        if matches!(self.hosts[host].link, Link::Down { .. }) {
            let host = self.hosts[host].name.clone();
            self.act(Action::Reconnect(host));
        }
    }

    pub(super) fn on_reconnected(&mut self, name: &HostName) {
        let Some(host) = self.host(name) else { return };
        if !matches!(self.hosts[host].link, Link::Down { .. }) {
            return;
        }
        self.hosts[host].link = Link::Up;
        self.report(Progress::HostBack(name.clone()));
        for ask in self.open_asks(host) {
            self.emit(host, ask);
        }
        let unknown =
            |step: &StepIndex| matches!(self.steps[*step].state, StepState::Unknown { .. });
        // A list that is taken before the host knows that the run stops does not tell what begins after it.
        let is_halting = self.hosts[host].asks.contains_key(&Ask::Halt);
        if self.hosts[host].steps.iter().any(unknown) && !is_halting {
            self.ask(host, Ask::List);
        }
        self.startable.insert(host);
    }

    /// The host is of no use any more: what was under way there is lost, and the rest of it is not begun.
    pub(super) fn give_up(&mut self, host: HostIndex, reason: GoneReason, message: String) {
        let name = self.hosts[host].name.clone();
        self.report(Progress::HostGone(name.clone(), reason, message.clone()));
        self.hosts[host].link = Link::Gone { reason, message };
        self.batches.retain(|_, batch| batch.host != host);
        self.channels -= self.hosts[host].channels;
        self.hosts[host].channels = 0;
        self.drop_asks(host);
        self.refusing.remove(&host);
        if host == self.lock_host {
            self.give_up_refusing(NOBODY_TELLS);
        }
        match self.phase {
            Phase::Inspecting => self.continue_opening(),
            // Without the lock, what is still to be asked would be held back for ever.
            Phase::Settling if self.confirming.is_none() && host != self.lock_host => {
                self.continue_opening();
            }
            Phase::Settling | Phase::Reading | Phase::Fencing | Phase::Judging
                if self.may_go_without_gone() =>
            {
                self.continue_opening();
            }
            Phase::Locking | Phase::Settling | Phase::Reading | Phase::Fencing | Phase::Judging => {
                self.conclude(self.without_gone());
            }
            Phase::Walking => self.lose_steps(host, name),
            Phase::Finishing => self.finish_if_answered(),
            Phase::Releasing if host == self.lock_host => self.exit(),
            Phase::Releasing | Phase::Exited => {}
        }
    }

    /// Opens the link to a host again that was given up although it answers.
    pub(super) fn reopen(&mut self, host: HostIndex) {
        self.hosts[host].link = Link::Down {
            since: self.now,
            back_off: 1,
        };
        self.reconnect(host);
    }

    fn lose_steps(&mut self, host: HostIndex, name: HostName) {
        if host == self.lock_host {
            self.stop_now(StopReason::LockHostGone);
            for step in self.steps.indices() {
                let state = &self.steps[step].state;
                if matches!(state, StepState::Recording { .. } | StepState::ClaimsHere) {
                    self.lose(step);
                }
            }
        }
        for step in self.hosts[host].steps.clone() {
            if self.steps[step].is_under_way() {
                self.lose(step);
            } else if !self.steps[step].has_ended() {
                self.skip(step, SkipReason::HostGone);
            }
        }
        self.hosts[host].ready.clear();
        self.fail_host(host, StopReason::HostGone(name));
    }

    /// A step was under way when its host was given up. Nothing that waits for it starts, even if its failure would be tolerated.
    pub(super) fn lose(&mut self, step: StepIndex) {
        self.settle(step, StepStatus::Lost, Ended::Failure, String::new());
    }

    /// Settles the steps whose channel broke by what the host lists now.
    pub(super) fn on_listed(&mut self, name: &HostName, listing: &Listing) {
        let Some(host) = self.host(name) else { return };
        if !self.answered(host, Ask::List) || !self.checks_list(name, &listing.attempts) {
            return;
        }
        if self.hosts[host].asks.contains_key(&Ask::Halt) {
            return;
        }
        let before = std::mem::replace(&mut self.hosts[host].boot, listing.boot.clone());
        let has_restarted = !before.is_empty() && before != listing.boot;
        let shown: HashMap<(StepIndex, u32), &AttemptState> = listing
            .attempts
            .iter()
            .filter_map(|attempt| {
                let step = self.shape.index_of_hash(&attempt.step)?;
                Some(((step, attempt.number), &attempt.state))
            })
            .collect();
        for step in self.hosts[host].steps.clone() {
            let StepState::Unknown { claimed } = self.steps[step].state else {
                continue;
            };
            match shown.get(&(step, self.steps[step].attempt)) {
                Some(state) => self.on_shown(step, (*state).clone()),
                // The machine has started anew since, so nothing of it lives: a missing claim counts as one without a receipt.
                None if claimed && listing.restarted && self.plan[step].has_facts_check() => {
                    self.on_shown(step, AttemptState::Lost);
                }
                None if claimed => self.doubt(step),
                None if self.queue.has_ended(step) => self.skip(step, SkipReason::Blocked),
                None if has_restarted && self.plan[step].has_facts_check() => {
                    self.steps[step].claim_may_be_lost = true;
                    self.on_shown(step, AttemptState::Lost);
                }
                None => self.wait_again(step),
            }
        }
    }

    /// Goes on from what the host shows of the step's current attempt.
    pub(super) fn on_shown(&mut self, step: StepIndex, state: AttemptState) {
        match state {
            AttemptState::Running => {
                self.steps[step].state = StepState::AttachPause;
                self.make_attachable(step);
            }
            AttemptState::Ended(receipt) => self.resolve(step, &receipt, String::new()),
            AttemptState::Lost => {
                self.steps[step].state = StepState::Probing { asked: false };
                if let Some(host) = self.steps[step].host {
                    self.ask(host, Ask::Probe);
                }
            }
        }
    }

    /// From now on the facts that will be answered tell about every step that is known to be lost.
    fn mark_probes(&mut self, host: HostIndex) {
        for &step in &self.hosts[host].steps {
            if let StepState::Probing { asked } = &mut self.steps[step].state {
                *asked = true;
            }
        }
    }

    /// Settles the lost steps of a host by their checks on fresh facts.
    pub(super) fn judge_lost(&mut self, host: HostIndex, facts: &Value) {
        for step in self.hosts[host].steps.clone() {
            match self.steps[step].state {
                StepState::Probing { asked: true } => {}
                StepState::Probing { asked: false } => {
                    self.ask(host, Ask::Probe);
                    continue;
                }
                _ => continue,
            }
            let is_unclaimed = std::mem::take(&mut self.steps[step].claim_may_be_lost);
            match answer(self.plan[step].check.as_ref(), facts) {
                // The check may hold from before, while what the step needs has not ended.
                Answer::Yes if is_unclaimed && !self.queue.is_ready(step) => self.wait_again(step),
                Answer::Yes => self.succeed(step, StepStatus::Succeeded),
                Answer::No if self.is_undone(step, facts) => {
                    let diagnosis = "the script of this step died while it undid a failure: what it has undone is done again when \
                                     the plan is applied again";
                    let ending = Ending::Failed { code: 137 };
                    self.fail_finally(step, ending, diagnosis.to_owned());
                }
                // With the same number, so that of this attempt and one that was sent before one is claimed.
                Answer::No if is_unclaimed => self.wait_again(step),
                Answer::No => self.begin_again(step),
                Answer::CannotSay if self.waits_for_engine(host, facts) => {
                    self.steps[step].state = StepState::Probing { asked: false };
                    self.steps[step].claim_may_be_lost = is_unclaimed;
                }
                Answer::CannotSay => self.doubt(step),
            }
        }
    }

    /// Whether the cleanup of a step has undone something that came before it: the step may not begin on that.
    fn is_undone(&self, step: StepIndex, facts: &Value) -> bool {
        let is_gone = |before: StepIndex| {
            let check = self.plan[before].check.as_ref();
            self.queue.has_ended(before) && answer(check, facts) == Answer::No
        };
        !self.plan[step].cleanup.is_empty()
            && what_cleanup_undoes(&self.plan, &self.shape, step)
                .into_iter()
                .any(is_gone)
    }
}
