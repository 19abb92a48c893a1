//! Walking the graph: what starts, where, and in which sessions.

use std::collections::{BTreeSet, VecDeque};

use super::event::{Action, StartStep};
use super::model::{Ask, Link, State, Timer};
use super::progress::{JournalEntry, Phase, Progress, SkipReason, StepStatus, StopReason};
use super::step::{Batch, HostIndex, StepState};
use crate::graph::Ended;
use crate::plan::resume::{Answer, Status, push_claims};
use crate::plan::shape::{StepIndex, is_barrier};
use crate::record::{Ending, WhenStopping};

/// The greatest number of steps in one session.
const LONGEST_BATCH: usize = 32;

/// Whether a ready step may start.
enum Permit {
    Go,
    Later,
    Never(SkipReason),
}

impl State {
    pub(super) fn begin_walk(&mut self) {
        self.enter(Phase::Walking);
        self.has_walked = true;
        let statuses = std::mem::take(&mut self.statuses);
        self.push_claims = push_claims(&self.plan, &self.shape, &self.evidence);
        for (step, status) in statuses.iter_enumerated() {
            let run = &mut self.steps[step];
            run.begun_before = *status != Status::Outstanding { attempt: 1 };
            match *status {
                Status::Outstanding { attempt } | Status::Failed { attempt } => {
                    run.attempt = attempt;
                }
                Status::InDoubt { attempt } => {
                    run.attempt = attempt;
                    run.ask_first = run.host.is_none() && self.plan[step].check.is_some();
                }
                Status::Running { attempt } => {
                    run.attempt = attempt;
                    run.state = StepState::AttachPause;
                }
                Status::Done | Status::Tolerated | Status::NeedsProbe | Status::Conflicts => {}
            }
        }
        let order = self.shape.graph.order().to_vec();
        let (settled, rest): (Vec<StepIndex>, Vec<StepIndex>) = order
            .into_iter()
            .partition(|step| matches!(statuses[*step], Status::Done | Status::Tolerated));
        self.taking_up = true;
        for step in settled.into_iter().chain(rest) {
            self.take_up(step, statuses[step]);
        }
        self.taking_up = false;
        for host in self.hosts.indices() {
            if let Link::Gone { .. } = self.hosts[host].link {
                let name = self.hosts[host].name.clone();
                self.fail_host(host, StopReason::HostGone(name));
            }
        }
        for step in self.queue.ready() {
            self.make_ready(step);
        }
        self.evidence = Default::default();
    }

    /// Settles what an earlier run has settled, and attaches to what still runs.
    fn take_up(&mut self, step: StepIndex, status: Status) {
        let gone = self.steps[step]
            .host
            .is_some_and(|host| self.hosts[host].is_gone());
        match status {
            Status::Done => {
                let id = self.id(step);
                let asked = self.evidence.local.get(&id) == Some(&Answer::Yes);
                if asked && self.steps[step].host.is_none() {
                    let value = self.evidence.values.remove(&id);
                    self.steps[step].attempt = self.record_number(step, value.as_deref());
                    self.succeed_here(step, value, StepStatus::AlreadyDone);
                } else {
                    self.succeed(step, StepStatus::AlreadyDone);
                }
            }
            Status::Tolerated => {
                let status = StepStatus::Tolerated { ending: None };
                self.settle(step, status, Ended::Tolerated, String::new());
            }
            Status::Running { .. } | Status::NeedsProbe if gone => self.lose(step),
            Status::Running { .. } => self.make_attachable(step),
            Status::Conflicts => self.refuse_push(step),
            Status::InDoubt { .. } if !self.steps[step].ask_first => self.doubt(step),
            Status::Outstanding { .. }
            | Status::Failed { .. }
            | Status::InDoubt { .. }
            | Status::NeedsProbe => {
                if gone && !self.steps[step].has_ended() {
                    self.skip(step, SkipReason::HostGone);
                }
            }
        }
    }

    /// All that a waiting step needs has ended.
    pub(super) fn make_ready(&mut self, step: StepIndex) {
        if self.taking_up || self.steps[step].state != StepState::Waiting {
            return;
        }
        if is_barrier(&self.plan, step) {
            return self.reach_barrier(step);
        }
        self.steps[step].state = StepState::Ready;
        self.enqueue(step);
    }

    /// An attempt that was begun elsewhere may be waited for.
    pub(super) fn make_attachable(&mut self, step: StepIndex) {
        if self.steps[step].state == StepState::AttachPause {
            self.steps[step].state = StepState::Attachable;
            self.enqueue(step);
        }
    }

    fn enqueue(&mut self, step: StepIndex) {
        match self.steps[step].host {
            Some(host) => {
                self.hosts[host].ready.insert(step);
                self.startable.insert(host);
            }
            None => {
                self.local_ready.insert(step);
            }
        }
    }

    /// A barrier waits as long as it says, unless what is behind it has begun before.
    fn reach_barrier(&mut self, step: StepIndex) {
        self.steps[step].state = StepState::Pausing;
        let wait = self.plan[step]
            .barrier
            .as_ref()
            .map_or(0, |barrier| barrier.wait_seconds);
        let begun = |next: StepIndex| self.steps[next].begun_before;
        if wait == 0 || self.stop.is_some() || self.shape.graph.dependents(step).any(begun) {
            self.barriers_due.push(step);
        } else {
            let at = self.now.plus_seconds(u64::from(wait));
            self.set_timer(at, Timer::Barrier { step });
        }
    }

    /// Carries on as far as can be.
    pub(super) fn pump(&mut self) {
        while self.phase == Phase::Walking && self.outcome.is_none() {
            while let Some(step) = self.barriers_due.pop() {
                if self.steps[step].state != StepState::Pausing {
                    continue;
                }
                match self.stop {
                    None => self.succeed(step, StepStatus::Succeeded),
                    Some(_) => self.skip(step, SkipReason::Stopping),
                }
            }
            self.start_here();
            self.start_on_hosts();
            if self.open == 0 && !self.is_open(Ask::Halt) {
                self.end_walk();
            }
            let is_held = self.local_ready.is_empty() || self.lock.suspended;
            if self.barriers_due.is_empty() && is_held {
                break;
            }
        }
        self.pump_closing();
    }

    fn start_here(&mut self) {
        while let Some(step) = self.local_ready.first().copied() {
            match self.permit(step) {
                Permit::Later => return,
                Permit::Never(reason) if self.is_claimed_here(step) => {
                    self.local_ready.remove(&step);
                    self.give_claim_up(step, reason);
                }
                Permit::Never(reason) => {
                    self.local_ready.remove(&step);
                    self.skip(step, reason);
                }
                Permit::Go => {
                    self.local_ready.remove(&step);
                    self.start_local(step);
                }
            }
        }
    }

    fn start_local(&mut self, step: StepIndex) {
        let id = self.id(step);
        if std::mem::take(&mut self.steps[step].ask_first) {
            self.steps[step].state = StepState::ChecksHere;
            return self.act(Action::CheckLocal(id));
        }
        if self.plan[step].check.is_some() || self.is_claimed_here(step) {
            return self.run_here(step);
        }
        if self.hosts[self.lock_host].is_gone() {
            return self.lose(step);
        }
        self.steps[step].state = StepState::ClaimsHere;
        self.ask(self.lock_host, Ask::Record { step });
    }

    /// A step of this machine was claimed, and does not begin: that is recorded, so that nobody doubts it.
    fn give_claim_up(&mut self, step: StepIndex, reason: SkipReason) {
        if self.hosts[self.lock_host].is_gone() {
            return self.lose(step);
        }
        self.note(step, self.steps[step].attempt, Ending::Refused);
        self.skip(step, reason);
    }

    fn is_claimed_here(&self, step: StepIndex) -> bool {
        self.steps[step].state == StepState::ClaimedHere
    }

    /// Runs a step on this machine. What no check could find out later has been claimed on the lock host: no other run begins it
    /// again, even if this one ends before it can tell.
    pub(super) fn run_here(&mut self, step: StepIndex) {
        let id = self.id(step);
        let run = &mut self.steps[step];
        run.state = StepState::RunsHere;
        run.tries += 1;
        let attempt = run.attempt;
        self.journal(JournalEntry::Started {
            step: id.clone(),
            attempt,
        });
        self.report_started(step);
        self.act(Action::StartLocal(id, attempt));
    }

    /// Reports that the current attempt at a step has begun.
    pub(super) fn report_started(&mut self, step: StepIndex) {
        self.steps[step].started.get_or_insert(self.now);
        self.report(Progress::StepStarted(
            self.id(step),
            self.steps[step].attempt,
        ));
    }

    fn start_on_hosts(&mut self) {
        loop {
            let next = self.startable.range(self.next_host..).next();
            let Some(&host) = next.or_else(|| self.startable.first()) else {
                return;
            };
            let first = self.hosts[host].ready.first().copied();
            let waits = matches!(self.hosts[host].link, Link::Down { .. });
            let Some(step) = first.filter(|_| !waits) else {
                self.startable.remove(&host);
                continue;
            };
            match self.permit(step) {
                Permit::Later => {
                    self.startable.remove(&host);
                }
                Permit::Never(reason) => {
                    self.hosts[host].ready.remove(&step);
                    self.skip(step, reason);
                }
                Permit::Go if self.channels >= self.options.parallel.max(1) => return,
                Permit::Go
                    if self.hosts[host].channels >= self.options.per_host_channels.max(1) =>
                {
                    self.startable.remove(&host);
                }
                Permit::Go => {
                    self.next_host = host + 1;
                    self.hosts[host].ready.remove(&step);
                    self.hosts[host].channels += 1;
                    self.channels += 1;
                    self.start_session(host, step);
                }
            }
        }
    }

    /// Whether a ready step may start. What was handed over counts as begun; while a run stops after a failure, a switch that has
    /// begun is finished on the hosts that did not fail. After an interruption only that is: what was handed over waits until its host
    /// has told what it has begun.
    fn permit(&self, step: StepIndex) -> Permit {
        let run = &self.steps[step];
        if run.state == StepState::Attachable {
            return Permit::Go;
        }
        let host_failed = run.host.is_some_and(|host| self.hosts[host].failed);
        let goes_on = match &self.stop {
            None => !host_failed,
            Some(StopReason::Failure { .. } | StopReason::HostGone { .. }) => {
                !host_failed && (run.in_switch || run.tries > 0)
            }
            Some(StopReason::Interrupted | StopReason::Requested(_)) => {
                !host_failed && run.when_stopping == WhenStopping::Begin
            }
            Some(_) => false,
        };
        let handed_over = run.handed_over && !run.host.is_some_and(|host| self.hosts[host].halted);
        if handed_over && !goes_on && run.host.is_some_and(|host| self.is_halting(host)) {
            return Permit::Later;
        }
        let for_ever = self.lock.suspended && self.hosts[self.lock_host].is_gone();
        if (goes_on || handed_over) && !for_ever {
            return match self.lock.suspended {
                true => Permit::Later,
                false => Permit::Go,
            };
        }
        Permit::Never(match host_failed {
            true => SkipReason::HostFailed,
            false => SkipReason::Stopping,
        })
    }

    /// Attaches to the step, or hands it over with what can follow it in the same session.
    fn start_session(&mut self, host: HostIndex, step: StepIndex) {
        let name = self.hosts[host].name.clone();
        if self.steps[step].state == StepState::Attachable {
            self.steps[step].state = StepState::Attached;
            self.report_started(step);
            return self.act(Action::Attach(
                name,
                self.id(step),
                self.steps[step].attempt,
            ));
        }
        let id = self.next_batch;
        self.next_batch += 1;
        let chain = self.chain(step);
        let mut steps = Vec::with_capacity(chain.len());
        for &step in &chain {
            let run = &mut self.steps[step];
            run.state = StepState::Sent { batch: id };
            run.tries += 1;
            let attempt = run.attempt;
            let when_stopping = run.when_stopping;
            let cleanup = run.tries > self.plan[step].retry;
            let step = self.id(step);
            self.journal(JournalEntry::Started {
                step: step.clone(),
                attempt,
            });
            steps.push(StartStep {
                step,
                attempt,
                cleanup,
                when_stopping,
            });
        }
        self.batches.insert(id, Batch { host, steps: chain });
        self.act(Action::Start(name, steps));
    }

    /// Returns the steps that can run one after the other in one session, from `head` up to the next safe point: each waits only
    /// for those before it.
    fn chain(&self, head: StepIndex) -> VecDeque<StepIndex> {
        let mut chain = VecDeque::from([head]);
        let mut members = BTreeSet::from([head]);
        let mut last = head;
        while chain.len() < LONGEST_BATCH {
            let follows = |next: &StepIndex| {
                let own = self.shape.graph.needs(*next);
                self.steps[*next].state == StepState::Waiting
                    && self.steps[*next].host == self.steps[head].host
                    && !self.plan[*next].safe_point
                    && !is_barrier(&self.plan, *next)
                    && !self.queue.has_ended(*next)
                    && self.queue.waits_for(*next)
                        == own.filter(|need| members.contains(need)).count()
            };
            let Some(next) = self.shape.graph.dependents(last).filter(follows).min() else {
                break;
            };
            chain.push_back(next);
            members.insert(next);
            last = next;
        }
        chain
    }
}
