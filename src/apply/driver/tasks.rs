//! The tasks of a run, each on the link to a host: how they begin, how they are heard, and how they end with their link.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::convert::failed;
use super::job::Job;
use super::message::{Content, EventSender, Message};
use crate::apply::links::{Failure, place, scope};
use crate::apply::local_step::End;
use crate::apply::state::{Event, Millis, Outcome};
use crate::name::{HostName, RunId, StepId};
use crate::plan::Step;
use crate::plan::kinds::Handling;
use crate::plan::shape::Shape;
use crate::record::{Ending, Scope};
use crate::transport::Host;
use crate::transport::local::Stopper;
use crate::transport::request::Place;

pub(super) struct Driver {
    pub(super) job: Job,
    pub(super) shape: Arc<Shape>,
    /// When the run began, by its clock.
    pub(super) begun: Duration,
    pub(super) generations: BTreeMap<HostName, u64>,
    pub(super) tasks: BTreeMap<HostName, Vec<AbortHandle>>,
    /// What ends the steps of this machine.
    pub(super) local: BTreeMap<StepId, Stopper>,
    /// How steps of this machine ended that have run ahead, until the state begins them.
    pub(super) ahead: BTreeMap<StepId, End>,
    /// Those that the observer knows.
    pub(super) told_ahead: BTreeSet<StepId>,
    /// Whether secrets were read ahead, which the observer knows.
    pub(super) has_read: bool,
    pub(super) outcome: Option<Outcome>,
    pub(super) sender: mpsc::UnboundedSender<Message>,
    pub(super) observed: Vec<(StepId, String)>,
}

impl Driver {
    pub(super) fn new(job: Job, shape: Arc<Shape>, sender: mpsc::UnboundedSender<Message>) -> Self {
        Self {
            shape,
            begun: job.clock.now(),
            job,
            generations: BTreeMap::new(),
            tasks: BTreeMap::new(),
            local: BTreeMap::new(),
            ahead: BTreeMap::new(),
            told_ahead: BTreeSet::new(),
            has_read: false,
            outcome: None,
            sender,
            observed: Vec::new(),
        }
    }

    pub(super) fn now(&self) -> Millis {
        let elapsed = self.job.clock.now().saturating_sub(self.begun);
        Millis(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }

    /// Returns when the time `at` has come by the runtime's clock, which stops while this machine sleeps: then it is late.
    pub(super) fn instant(&self, at: Millis) -> Instant {
        Instant::now() + Duration::from_millis(at.since(self.now()))
    }

    pub(super) fn step(&self, id: &StepId) -> Option<&Step> {
        Some(&self.job.plan[self.shape.index(id)?])
    }

    pub(super) fn place(&self, host: &HostName) -> Place {
        place(&self.job.plan, host)
    }

    pub(super) fn scope(&self) -> Scope {
        scope(&self.job.plan)
    }

    pub(super) fn lock_host(&self) -> HostName {
        self.job.plan.lock_host.clone()
    }

    pub(super) fn run(&self) -> RunId {
        self.job.options.run.clone()
    }

    /// Spawns a task that asks `host` and reports the answer, unless the link has been dropped by then.
    pub(super) fn ask<F>(
        &mut self,
        host: HostName,
        question: impl FnOnce(Arc<Host>, HostName) -> F + Send + 'static,
    ) where
        F: Future<Output = Result<Event, Failure>> + Send,
    {
        let links = self.job.links.clone();
        self.spawn(host.clone(), |sender| async move {
            let linked = links.get(&host).await?;
            sender.event(question(linked, host).await?);
            Ok(())
        });
    }

    /// Spawns a task on the link to `host`, which reports by the sender, and whose failure is reported.
    pub(super) fn spawn<F>(&mut self, host: HostName, task: impl FnOnce(EventSender) -> F)
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let generation = self.generations.get(&host).copied().unwrap_or(0);
        let sender = EventSender {
            from: Some((host.clone(), generation)),
            sender: self.sender.clone(),
        };
        let work = task(sender.clone());
        let name = host.clone();
        let handle = tokio::spawn(async move {
            if let Err(failure) = work.await {
                sender.event(failed(name, &failure));
            }
        });
        let tasks = self.tasks.entry(host).or_default();
        tasks.retain(|task| !task.is_finished());
        tasks.push(handle.abort_handle());
    }

    /// Takes a message: what comes by a dropped link is ignored, and a lost link is dropped with all that waits for it.
    pub(super) async fn receive(&mut self, message: Message) -> Option<Event> {
        if let Some((host, generation)) = &message.from
            && self.generations.get(host).copied().unwrap_or(0) != *generation
        {
            return None;
        }
        let event = match message.content {
            Content::Event(event) => event,
            Content::Secrets(read) => self.take_secrets(read),
            Content::Output(step, line) => {
                self.observed.push((step, line));
                return None;
            }
        };
        match &event {
            Event::ChannelLost(host, _)
            | Event::Unreachable(host, _)
            | Event::HostFailed(host, _) => {
                self.drop_link(host).await;
            }
            Event::Ended {
                host,
                step,
                receipt,
                ..
            } => {
                self.renew_after_install(host, step, receipt.ending).await;
            }
            Event::LocalEnded { step, value, .. } | Event::LocalChecked { step, value, .. } => {
                match value {
                    Some(value) => self.job.inputs.pushed.insert(step.clone(), value.clone()),
                    None => self.job.inputs.pushed.remove(step),
                };
            }
            _ => {}
        }
        Some(event)
    }

    pub(super) async fn drop_link(&mut self, host: &HostName) {
        *self.generations.entry(host.clone()).or_default() += 1;
        for task in self.tasks.remove(host).into_iter().flatten() {
            task.abort();
        }
        self.job.links.renew(host).await;
    }

    /// A user who was just added to the docker group has that right only in a new session.
    pub(super) async fn renew_after_install(
        &mut self,
        host: &HostName,
        step: &StepId,
        ending: Ending,
    ) {
        let Some(step) = self.step(step) else { return };
        let entry = self.job.plan.hosts.get(host);
        let is_root = entry.is_none_or(|entry| entry.ssh.user == "root");
        let renews = step.kind.handling() == Handling::RenewSession;
        if renews && ending == Ending::Succeeded && !is_root && step.host.as_ref() == Some(host) {
            self.job.links.renew(host).await;
        }
    }

    pub(super) fn event_sender(&self) -> EventSender {
        EventSender {
            from: None,
            sender: self.sender.clone(),
        }
    }
}
