//! Living attempts of other plans. Whose they are is known once the lock is held, since no other run begins anything then: each is
//! ended or waited for, by the kind of its step, before the hosts are looked at. What a lock could not hold back (a batch that goes on
//! by itself) is seen after the fences, and the hosts are looked at again.

use super::model::{Ask, Confirm, Host, State, Timer};
use super::progress::{OtherStep, Outcome, Phase, Progress};
use super::step::HostIndex;
use crate::name::{HostName, PlanDigest, StepId};
use crate::plan::kinds::{StepKind, WhenSuperseded};
use crate::record::LockDetails;
use crate::record::living::{AttemptName, LivingAttempt, Stage, Told};

/// Seconds for which steps of other plans are waited for.
pub(super) const SETTLE_SECONDS: u64 = 300;
/// Seconds between two questions for them.
const SETTLE_PAUSE_SECONDS: u64 = 2;
/// The most that one request ends: each may take a while, and the answer has a limit of time.
const MOST_ENDS: usize = 4;
/// The most that a host may list.
const MOST_LIVING: usize = 1000;

/// What becomes of a living attempt. One that undoes a failure, or of which nothing is known, is waited for.
fn fate(attempt: &LivingAttempt) -> WhenSuperseded {
    match (attempt.stage, &attempt.told) {
        (Stage::Acts, Some(told)) => StepKind::of_name(&told.about.kind).when_superseded(),
        (Stage::Undoes, _) | (Stage::Acts, None) => WhenSuperseded::WaitFor,
    }
}

impl State {
    /// Asks every host for living attempts of other plans.
    pub(super) fn look_for_others(&mut self) {
        self.enter(Phase::Settling);
        for host in self.hosts.indices() {
            self.ask(host, Ask::Others);
        }
    }

    /// Returns what of the living attempts on a host is to be ended.
    pub(super) fn to_end(&self, host: HostIndex) -> Vec<AttemptName> {
        let living = self.hosts[host].living.iter();
        living
            .filter(|attempt| fate(attempt) == WhenSuperseded::End)
            .map(|attempt| attempt.name.clone())
            .take(MOST_ENDS)
            .collect()
    }

    pub(super) fn on_others(&mut self, name: &HostName, living: Vec<LivingAttempt>) {
        let Some(host) = self.host(name) else { return };
        if self.answered(host, Ask::Others) && self.keeps_living(host, living) {
            self.continue_opening();
        }
    }

    /// Keeps what a host lists; one that lists an attempt of this plan is given up.
    pub(super) fn keeps_living(&mut self, host: HostIndex, living: Vec<LivingAttempt>) -> bool {
        let own = self.plan.digest.digits().unwrap_or_default();
        let is_own = living.iter().any(|attempt| attempt.name.digits == own);
        if is_own || living.len() > MOST_LIVING {
            let name = self.hosts[host].name.clone();
            let what = match is_own {
                true => "it listed an attempt of this plan as one of another".to_owned(),
                false => format!("it listed more than {MOST_LIVING} running steps of other plans"),
            };
            self.violate(&name, &what);
            return false;
        }
        for attempt in &living {
            if self.hosts[host].known_living.insert(attempt.name.clone()) {
                let step = self.other_step(host, attempt);
                self.report(Progress::OtherStep(step, fate(attempt)));
            }
        }
        self.hosts[host].living = living;
        true
    }

    /// Whether anything of another plan lives on a host that is not given up.
    pub(super) fn is_unsettled(&self) -> bool {
        let unsettled = |host: &Host| !host.is_gone() && !host.living.is_empty();
        self.hosts.iter().any(unsettled)
    }

    /// Every host has told what lives there. The first time all that is to be ended is ended at once; then the hosts are asked again
    /// after a pause.
    pub(super) fn settle_others(&mut self) {
        if self.hosts.iter().any(Host::is_gone) && !self.may_go_without_gone() {
            return self.conclude(self.without_gone());
        }
        if !self.is_unsettled() {
            self.settle_until = None;
            self.enter(Phase::Inspecting);
            for host in self.hosts.indices() {
                self.ask(host, Ask::Inspect);
            }
            return self.continue_opening();
        }
        match self.settle_until {
            None => {
                self.settle_until = Some(self.now.plus_seconds(SETTLE_SECONDS));
                self.confirm(Confirm::BeforeEnding);
            }
            Some(until) if self.now >= until => {
                self.conclude(Outcome::StepsRunning(self.unsettled()))
            }
            Some(_) => {
                let at = self.now.plus_seconds(SETTLE_PAUSE_SECONDS);
                self.set_timer(at, Timer::Settle);
            }
        }
    }

    /// The pause is over. Before anything is ended, the lock is confirmed: a run that was frozen would end what its successor does.
    pub(super) fn settle_again(&mut self) {
        if self.phase == Phase::Settling && self.confirming.is_none() && self.outcome.is_none() {
            self.confirm(Confirm::BeforeEnding);
        }
    }

    /// The lock was held after the hosts had listed these attempts, so no later run has begun them.
    pub(super) fn end_others(&mut self) {
        for host in self.hosts.indices() {
            if !self.hosts[host].living.is_empty() {
                self.ask(host, Ask::Others);
            }
        }
        self.continue_opening();
    }

    fn unsettled(&self) -> Vec<OtherStep> {
        let hosts = self.hosts.iter_enumerated();
        hosts
            .filter(|(_, host)| !host.is_gone())
            .flat_map(|(index, host)| host.living.iter().map(move |attempt| (index, attempt)))
            .map(|(host, attempt)| self.other_step(host, attempt))
            .collect()
    }

    /// Returns what a dead run has left open on the lock host.
    pub(super) fn left_open(&self, dead: &LockDetails, open: Vec<Told>) -> Vec<OtherStep> {
        let plan = dead.plan.clone();
        let plan = plan.unwrap_or_else(|| PlanDigest::from(""));
        let open = open.iter();
        open.map(|told| self.told_step(self.lock_host, plan.clone(), Some(told)))
            .collect()
    }

    fn other_step(&self, host: HostIndex, attempt: &LivingAttempt) -> OtherStep {
        self.told_step(host, attempt.name.plan(), attempt.told.as_ref())
    }

    fn told_step(&self, host: HostIndex, plan: PlanDigest, told: Option<&Told>) -> OtherStep {
        let about = told.map(|told| &told.about);
        OtherStep {
            host: self.hosts[host].name.clone(),
            plan,
            step: about.map(|about| StepId::from(about.step.as_str())),
            summary: about.map(|about| about.summary.clone()).unwrap_or_default(),
            user: about.map(|about| about.user.clone()).unwrap_or_default(),
            since: told.map(|told| told.started),
        }
    }
}
