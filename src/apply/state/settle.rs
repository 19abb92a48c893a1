//! How steps end, and what that means for the others.

use super::model::{ATTACH_SECONDS, Ask, MOST_DEATHS, MOST_REPEATS, State, Timer};
use super::progress::{JournalEntry, Phase, Progress, SkipReason, StepStatus, StopReason};
use super::step::{HostIndex, StepState};
use crate::graph::Ended;
use crate::name::{HostName, StepId};
use crate::plan::pushed::is_push;
use crate::plan::resume::Answer;
use crate::plan::shape::StepIndex;
use crate::plan::{Check, OnFailure};
use crate::record::{AttemptState, Ending, PollAttempt, Receipt, WhenStopping};

impl State {
    /// Returns the step if it is at this attempt and `fits`.
    fn expect(&self, id: &StepId, attempt: u32, fits: fn(&StepState) -> bool) -> Option<StepIndex> {
        let step = self.shape.index(id)?;
        let run = &self.steps[step];
        (run.attempt == attempt && fits(&run.state)).then_some(step)
    }

    /// As [`State::expect`], of what `host` says: a step of its own. One that names another is given up.
    fn expect_of(
        &mut self,
        host: &HostName,
        (id, attempt): (&StepId, u32),
        fits: fn(&StepState) -> bool,
    ) -> Option<StepIndex> {
        self.is_own(host, id)
            .then(|| self.expect(id, attempt, fits))?
    }

    pub(super) fn on_claimed(&mut self, host: &HostName, id: &StepId, attempt: u32) {
        let sent = |state: &StepState| matches!(state, StepState::Sent { .. });
        let Some(step) = self.expect_of(host, (id, attempt), sent) else {
            return;
        };
        if let StepState::Sent { batch } = self.steps[step].state {
            self.steps[step].state = StepState::Claimed { batch };
            self.report_started(step);
        }
    }

    /// Reports how far a poll is, unless its step is no longer under way for this run.
    pub(super) fn on_poll_attempt(&mut self, host: &HostName, step: StepId, poll: PollAttempt) {
        if !self.is_own(host, &step) {
            return;
        }
        let claimed = |at: StepIndex| matches!(self.steps[at].state, StepState::Claimed { .. });
        if self.shape.index(&step).is_some_and(claimed) {
            self.report(Progress::PollAttempt(step, poll));
        }
    }

    pub(super) fn on_ended(
        &mut self,
        host: &HostName,
        named: (&StepId, u32),
        receipt: &Receipt,
        diagnosis: String,
    ) {
        let in_batch =
            |state: &StepState| matches!(state, StepState::Sent { .. } | StepState::Claimed { .. });
        let Some(step) = self.expect_of(host, named, in_batch) else {
            return;
        };
        if receipt.run != self.options.run {
            let what = format!("a receipt of another run for {}", named.0);
            return self.violate(host, &what);
        }
        if self.plan[step].asks_as_users() {
            self.steps[step].answer = receipt.value.clone().unwrap_or_default();
        }
        if receipt.ending == Ending::Succeeded {
            self.leave_batch(step);
        } else {
            self.break_batch(step);
        }
        self.resolve(step, receipt, diagnosis);
    }

    pub(super) fn on_already_claimed(&mut self, host: &HostName, id: &StepId, attempt: u32) {
        let sent = |state: &StepState| matches!(state, StepState::Sent { .. });
        if let Some(step) = self.expect_of(host, (id, attempt), sent) {
            self.break_batch(step);
            self.steps[step].state = StepState::AttachPause;
            self.make_attachable(step);
        }
    }

    pub(super) fn on_attached(
        &mut self,
        host: &HostName,
        id: &StepId,
        attempt: u32,
        state: AttemptState,
    ) {
        let attached = |state: &StepState| *state == StepState::Attached;
        let Some(step) = self.expect_of(host, (id, attempt), attached) else {
            return;
        };
        if let Some(host) = self.steps[step].host {
            self.free_channel(host);
        }
        if state == AttemptState::Running {
            self.steps[step].state = StepState::AttachPause;
            let at = self.now.plus_seconds(ATTACH_SECONDS);
            self.set_timer(at, Timer::Attach { step });
        } else {
            self.on_shown(step, state);
        }
    }

    /// Takes a step that did not succeed out of its batch: what came after it waits again.
    fn break_batch(&mut self, step: StepIndex) {
        for step in self.leave_batch(step) {
            self.leave_batch(step);
            let run = &mut self.steps[step];
            run.tries = run.tries.saturating_sub(1);
            // A host that told the ends out of order may have made it ready by now.
            self.wait_again(step);
        }
    }

    /// Takes a step out of its batch, and returns those that come after it. With its last step a batch ends.
    pub(super) fn leave_batch(&mut self, step: StepIndex) -> Vec<StepIndex> {
        let (StepState::Sent { batch: id } | StepState::Claimed { batch: id }) =
            self.steps[step].state
        else {
            return Vec::new();
        };
        let Some(batch) = self.batches.get_mut(&id) else {
            return Vec::new();
        };
        let Some(at) = batch.steps.iter().position(|other| *other == step) else {
            return Vec::new();
        };
        batch.steps.remove(at);
        let rest = batch.steps.range(at..).copied().collect();
        if batch.steps.is_empty() {
            let host = batch.host;
            self.batches.remove(&id);
            self.free_channel(host);
        }
        rest
    }

    fn free_channel(&mut self, host: HostIndex) {
        self.hosts[host].channels = self.hosts[host].channels.saturating_sub(1);
        self.channels = self.channels.saturating_sub(1);
        self.startable.insert(host);
    }

    /// Settles a step by the receipt of its current attempt.
    pub(super) fn resolve(&mut self, step: StepIndex, receipt: &Receipt, diagnosis: String) {
        let run = &self.steps[step];
        let is_halting = run.host.is_some_and(|host| self.is_halting(host));
        let begins = run.when_stopping == WhenStopping::Begin;
        match receipt.ending {
            Ending::Succeeded => self.succeed(step, StepStatus::Succeeded),
            Ending::Stopped if is_halting => self.end_stopped(step),
            // An earlier run has stopped it, and undone what it needs: only a run that judges all steps anew can go on.
            Ending::Stopped => self.fail_finally(step, receipt.ending, diagnosis),
            Ending::Refused if is_halting && !begins => self.skip(step, SkipReason::Stopping),
            Ending::Refused if receipt.run == self.options.run => {
                if let Some(host) = self.steps[step].host {
                    self.doubt_fence(host);
                }
            }
            Ending::Refused => self.next_attempt(step),
            ending @ (Ending::Failed { .. }
            | Ending::TimedOut
            | Ending::Superseded
            | Ending::Uncleaned { .. }) => {
                self.fail(step, ending, diagnosis);
            }
        }
    }

    /// The attempt did nothing, or left nothing: the step is begun again with the next number.
    pub(super) fn next_attempt(&mut self, step: StepIndex) {
        let run = &mut self.steps[step];
        run.attempt = run.attempt.saturating_add(1);
        run.handed_over = false;
        run.repeats += 1;
        if let Some(host) = run.host.filter(|_| run.repeats > MOST_REPEATS) {
            let what = format!(
                "{} ended without effect {MOST_REPEATS} times",
                self.id(step)
            );
            let host = self.hosts[host].name.clone();
            return self.violate(&host, &what);
        }
        self.wait_again(step);
    }

    /// The script of the attempt died, and its check says that it had no effect: the step is begun again, but not for ever.
    pub(super) fn begin_again(&mut self, step: StepIndex) {
        let deaths = self.steps[step].deaths;
        if deaths == MOST_DEATHS {
            let diagnosis = format!(
                "the script of this step died {} times in this run and left no receipt; its check says that it had no effect. \
                 Look for what killed it on the host, such as the out-of-memory killer (dmesg)",
                deaths + 1
            );
            return self.fail_finally(step, Ending::Failed { code: 137 }, diagnosis);
        }
        self.steps[step].deaths = deaths + 1;
        self.next_attempt(step);
    }

    /// Makes the step ready, or wait for its needs.
    pub(super) fn wait_again(&mut self, step: StepIndex) {
        self.steps[step].state = StepState::Waiting;
        if self.queue.has_ended(step) {
            self.skip(step, SkipReason::Blocked);
        } else if self.queue.is_ready(step) {
            self.make_ready(step);
        }
    }

    fn fail(&mut self, step: StepIndex, ending: Ending, diagnosis: String) {
        self.steps[step].tries = self.steps[step].tries.max(1);
        let may_retry = match &self.stop {
            None | Some(StopReason::Failure { .. } | StopReason::HostGone { .. }) => true,
            Some(_) => false,
        };
        let host_failed = self.steps[step]
            .host
            .is_some_and(|host| self.hosts[host].failed);
        if may_retry && !host_failed && self.steps[step].tries <= self.plan[step].retry {
            self.report(Progress::StepRetried {
                step: self.id(step),
                attempt: self.steps[step].attempt,
                ending,
                diagnosis,
            });
            return self.next_attempt(step);
        }
        self.fail_finally(step, ending, diagnosis);
    }

    pub(super) fn fail_finally(&mut self, step: StepIndex, ending: Ending, diagnosis: String) {
        let status = match self.plan[step].on_failure {
            OnFailure::Tolerate => StepStatus::Tolerated {
                ending: Some(ending),
            },
            OnFailure::StopRun | OnFailure::StopHost => StepStatus::Failed { ending },
        };
        self.fail_with(step, status, diagnosis);
    }

    /// Cannot tell whether the step took effect. If a check may tell later, nothing that waits for it starts, even if
    /// its failure would be tolerated.
    pub(super) fn doubt(&mut self, step: StepIndex) {
        let tolerated = self.plan[step].on_failure == OnFailure::Tolerate;
        if tolerated && !self.plan[step].has_final_doubt() {
            let status = StepStatus::InDoubt;
            return self.settle(step, status, Ended::Failure, String::new());
        }
        self.fail_with(step, StepStatus::InDoubt, String::new());
    }

    /// Ends a step that did not succeed, and applies its failure policy.
    pub(super) fn fail_with(&mut self, step: StepIndex, status: StepStatus, diagnosis: String) {
        let reason = StopReason::Failure(self.id(step));
        let host = self.steps[step].host;
        let policy = self.plan[step].on_failure;
        if policy == OnFailure::Tolerate {
            return self.settle(step, status, Ended::Tolerated, diagnosis);
        }
        if let Some(host) = host {
            self.fail_host(host, reason.clone());
        }
        if policy == OnFailure::StopRun || host.is_none() {
            self.stop_at_safe_points(reason);
        }
        self.settle(step, status, Ended::Failure, diagnosis);
    }

    /// Nothing further starts on the host; when enough hosts have failed, the run stops.
    pub(super) fn fail_host(&mut self, host: HostIndex, reason: StopReason) {
        self.startable.insert(host);
        if std::mem::replace(&mut self.hosts[host].failed, true) {
            return;
        }
        self.failed_hosts += 1;
        let limit = self.options.failure_limit(self.plan.max_failures);
        if limit.is_some_and(|limit| self.failed_hosts >= limit) {
            self.stop_at_safe_points(reason);
        }
    }

    pub(super) fn succeed(&mut self, step: StepIndex, status: StepStatus) {
        self.settle(step, status, Ended::Success, String::new());
    }

    pub(super) fn skip(&mut self, step: StepIndex, reason: SkipReason) {
        let status = StepStatus::Skipped { reason };
        self.settle(step, status, Ended::Failure, String::new());
    }

    /// Ends a step, and passes that on to what waits for it.
    pub(super) fn settle(
        &mut self,
        step: StepIndex,
        status: StepStatus,
        ended: Ended,
        diagnosis: String,
    ) {
        let reason = match &status {
            StepStatus::Stopped
            | StepStatus::Skipped {
                reason: SkipReason::Stopping,
            } => SkipReason::Stopping,
            _ => SkipReason::Blocked,
        };
        self.end(step, status, diagnosis);
        let released = self.queue.finish(&self.shape.graph, step, ended);
        for next in released.ready {
            self.make_ready(next);
        }
        for next in released.blocked {
            if self.steps[next].state == StepState::Waiting {
                self.end(next, StepStatus::Skipped { reason }, String::new());
            }
        }
    }

    fn end(&mut self, step: StepIndex, status: StepStatus, diagnosis: String) {
        if self.steps[step].has_ended() {
            return;
        }
        let run = &mut self.steps[step];
        run.state = StepState::Ended(status.clone());
        run.ended = Some(self.now);
        self.open -= 1;
        let worked = !matches!(status, StepStatus::AlreadyDone | StepStatus::Skipped { .. });
        if worked || run.tries > 0 {
            let attempt = run.attempt;
            self.journal(JournalEntry::Ended {
                step: self.id(step),
                attempt,
                status: status.clone(),
            });
        }
        let answer = std::mem::take(&mut self.steps[step].answer);
        self.report(Progress::StepEnded {
            step: self.id(step),
            status,
            answer,
            diagnosis,
        });
    }

    pub(super) fn on_local_ended(
        &mut self,
        id: &StepId,
        attempt: u32,
        ending: Ending,
        value: Option<String>,
        diagnosis: String,
    ) {
        let runs = |state: &StepState| *state == StepState::RunsHere;
        let Some(step) = self.expect(id, attempt, runs) else {
            return;
        };
        if ending != Ending::Succeeded || !self.is_recorded(step) {
            self.note(step, attempt, ending);
        }
        match ending {
            Ending::Succeeded => self.succeed_here(step, value, StepStatus::Succeeded),
            Ending::Stopped if self.interrupted => self.end_stopped(step),
            ending => self.fail(step, ending, diagnosis),
        }
    }

    pub(super) fn on_local_checked(&mut self, id: &StepId, answer: Answer, value: Option<String>) {
        let Some(step) = self.shape.index(id) else {
            return;
        };
        if self.phase == Phase::Judging {
            self.evidence.local.insert(id.clone(), answer);
            if let Some(value) = value {
                self.evidence.values.insert(id.clone(), value);
            }
            self.judge();
        } else if self.steps[step].state == StepState::ChecksHere {
            if is_push(&self.plan[step]) {
                return self.judge_push(step, answer, value);
            }
            match answer {
                Answer::Yes => self.succeed_here(step, value, StepStatus::AlreadyDone),
                Answer::No => self.wait_again(step),
                Answer::CannotSay => self.doubt(step),
            }
        }
    }

    /// A local step succeeded: what others must know about it is recorded on the lock host before anything builds on it.
    pub(super) fn succeed_here(
        &mut self,
        step: StepIndex,
        value: Option<String>,
        status: StepStatus,
    ) {
        if self.is_recorded(step) && self.hosts[self.lock_host].is_gone() {
            self.lose(step);
        } else if self.is_recorded(step) {
            self.steps[step].state = StepState::Recording { value, status };
            self.ask(self.lock_host, Ask::Record { step });
        } else {
            self.succeed(step, status);
        }
    }

    /// A push, whose digest the pulls need, and what no check could find out later.
    pub(super) fn is_recorded(&self, step: StepIndex) -> bool {
        let step = &self.plan[step];
        is_push(step) || !matches!(step.check, Some(Check::Argv(_)))
    }
}
