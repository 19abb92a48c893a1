//! The steps of this machine that no step of a host precedes, such as a build: they run before the lock is taken, so that a long build
//! holds up nobody. The state hears of them when it begins them.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::mpsc;

use super::done::Ahead;
use super::job::Observer;
use super::tasks::Driver;
use crate::apply::local_step::{self, End, Work};
use crate::apply::state::{Action, Event, Outcome, Phase, Progress, StepStatus};
use crate::facts::{Extent, Query};
use crate::name::StepId;
use crate::plan::kinds::{Handling, WhenLost};
use crate::plan::{Plan, Step};
use crate::record::Ending;
use crate::transport::local::Stopper;

/// Returns the steps of this machine that need only each other, in their order. Of hooks, only those that go before another of these
/// steps and may run again: nothing is claimed ahead.
fn steps(plan: &Plan) -> Vec<StepId> {
    let mut found: Vec<&Step> = Vec::new();
    let mut known: BTreeSet<&StepId> = BTreeSet::new();
    for step in &plan.steps {
        let runs_here = step.host.is_none()
            && match step.kind.handling() {
                Handling::Wait | Handling::NameRunner => false,
                Handling::RunHook => step.kind.when_lost() == WhenLost::Again,
                Handling::Plain | Handling::RenewSession | Handling::RecordDigest => true,
            };
        if runs_here && step.needs.iter().all(|need| known.contains(&need.step)) {
            known.insert(&step.id);
            found.push(step);
        }
    }
    let others = found.iter().filter(|step| !step.kind.is_hook());
    let needs = others.flat_map(|step| &step.needs);
    let needed: BTreeSet<&StepId> = needs.map(|need| &need.step).collect();
    let goes_first = |step: &&&Step| !step.kind.is_hook() || needed.contains(&step.id);
    let steps = found.iter().filter(goes_first);
    steps.map(|step| step.id.clone()).collect()
}

impl Driver {
    /// Goes on after what has run ahead. The observer knows what succeeded.
    pub(super) fn take_up(&mut self, ahead: Ahead) {
        self.begun = ahead.begun;
        self.has_read = ahead.has_read;
        self.outcome = ahead.outcome;
        self.told_ahead = ahead.ends.keys().cloned().collect();
        self.ahead = ahead.ends;
    }

    /// Returns what has run ahead.
    pub(super) fn into_ahead(self) -> Ahead {
        Ahead {
            ends: self.ahead,
            begun: self.begun,
            has_read: self.has_read,
            outcome: self.outcome,
        }
    }

    /// Runs them, unless the plan has begun, cannot begin now, or the lock is held. The first that fails is the last.
    pub(super) async fn run_ahead(
        &mut self,
        interrupts: &mut mpsc::UnboundedReceiver<Event>,
        observer: &mut dyn Observer,
    ) {
        let steps = steps(&self.job.plan);
        if steps.is_empty() || !self.may_run_ahead().await {
            return;
        }
        if !self.read_ahead(&steps, interrupts, observer).await {
            return;
        }
        for id in steps {
            observer.progress(self.now(), &Progress::StepStarted(id.clone(), 1));
            let Some(end) = self.run_here(&id, interrupts, observer).await else {
                self.outcome = Some(Outcome::Interrupted(Vec::new()));
                return;
            };
            let has_succeeded = end.ending == Ending::Succeeded;
            if has_succeeded {
                let ended = Progress::StepEnded {
                    step: id.clone(),
                    status: StepStatus::Succeeded,
                    answer: String::new(),
                    diagnosis: String::new(),
                };
                observer.progress(self.now(), &ended);
            }
            self.told_ahead.insert(id.clone());
            self.ahead.insert(id, end);
            if !has_succeeded {
                return;
            }
        }
    }

    /// Whether the lock host shows that nothing of the plan has begun, and nobody stands in its way. Who cannot be asked is asked again
    /// for the lock.
    async fn may_run_ahead(&self) -> bool {
        let host = self.lock_host();
        let seen = self.job.plan.hosts.get(&host);
        let seen = seen.map(|host| (host.serial, host.unfinished.as_ref()));
        let query = Query {
            extent: Extent::State,
            ..self.job.query.clone()
        };
        let Ok(facts) = self.job.links.inspect(&host, &query).await else {
            return false;
        };
        let Ok(linked) = self.job.links.get(&host).await else {
            return false;
        };
        let Ok(own) = linked.list(&self.place(&host)).await else {
            return false;
        };
        let waits = self.job.options.lock_wait_seconds > 0;
        let serial = &facts.serial;
        seen == Some((serial.number, serial.unfinished.as_ref()))
            && own.attempts.is_empty()
            && (facts.lock.is_none() || waits)
            && !facts.finished.contains(&self.job.plan.digest)
    }

    /// Runs a step; `None` if it was interrupted.
    async fn run_here(
        &self,
        id: &StepId,
        interrupts: &mut mpsc::UnboundedReceiver<Event>,
        observer: &mut dyn Observer,
    ) -> Option<End> {
        let work = self.work(id)?;
        let (stop, stopped) = Stopper::new();
        let mut stop = Some(stop);
        let (sender, mut lines) = mpsc::unbounded_channel();
        // If nobody listens, the run has ended.
        let tell = move |line: &str| {
            let _ = sender.send(line.to_owned());
        };
        let mut running = Box::pin(local_step::run(&work, stopped, tell));
        let end = loop {
            tokio::select! {
                biased;
                Some(line) = lines.recv() => observer.output(id, &line),
                Some(event) = interrupts.recv() => {
                    if let Some(stop) = stop.take() {
                        stop.stop();
                    }
                    if matches!(event, Event::Quit) {
                        return None;
                    }
                }
                end = &mut running => break end,
            }
        };
        drop(running);
        while let Ok(line) = lines.try_recv() {
            observer.output(id, &line);
        }
        stop.is_some().then_some(end)
    }

    /// Returns what runs a step of this machine.
    pub(super) fn work(&self, id: &StepId) -> Option<Work> {
        Some(Work {
            step: self.step(id)?.clone(),
            root: self.job.root.clone(),
            secrets: self.job.inputs.secrets.clone(),
            redactor: self.job.inputs.redactor().clone(),
            variables: self.job.inputs.variables.clone(),
            docker_config: self.job.docker_config.clone(),
            who: self.job.details.locked_by.clone(),
            runtime: Duration::from_millis(self.now().0),
        })
    }

    /// Has the state hear of a step that has run ahead. Returns whether it has.
    pub(super) fn ended_ahead(&mut self, id: &StepId, attempt: u32) -> bool {
        let Some(end) = self.ahead.remove(id) else {
            return false;
        };
        self.event_sender().event(Event::LocalEnded {
            step: id.clone(),
            attempt,
            ending: end.ending,
            value: end.value,
            diagnosis: end.tail,
        });
        true
    }

    /// Returns whether the observer knows already what `action` reports: the beginning of a step that has run ahead, and its success.
    pub(super) fn is_known(&mut self, action: &Action) -> bool {
        match action {
            Action::Report(Progress::Phase(Phase::Reading)) => self.has_read,
            Action::Report(Progress::StepStarted(step, 1)) => self.told_ahead.contains(step),
            Action::Report(Progress::StepEnded {
                step,
                status: StepStatus::Succeeded,
                ..
            }) => self.told_ahead.remove(step),
            _ => false,
        }
    }
}
