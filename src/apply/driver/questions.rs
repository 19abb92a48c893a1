//! Questions that a host answers at once: each is a task that reports the answer.

use std::sync::Arc;

use super::tasks::Driver;
use crate::apply::links::Links;
use crate::apply::state::Event;
use crate::name::{HostName, RunId, StepId};
use crate::record::{AttemptState, Receipt};
use crate::transport::answer::{BeatAnswer, FenceAnswer, WriteAnswer};
use crate::transport::request::{AttemptRef, Lock, Record};

impl Driver {
    pub(super) fn take_lock(&mut self) {
        let (links, host) = (self.links.clone(), self.plan.lock_host.clone());
        let request = Lock {
            details: self.details.clone(),
        };
        self.spawn(host.clone(), |sender| async move {
            let answer = links.get(&host).await?.lock(&request).await?;
            sender.event(Event::Lock(answer));
            Ok(())
        });
    }

    pub(super) fn beat(&mut self) {
        let (links, host, run) = self.for_lock();
        self.spawn(host.clone(), |sender| async move {
            let answer = links.get(&host).await?.beat(&run).await?;
            let held = answer == BeatAnswer::Held;
            sender.event(Event::Beaten { held });
            Ok(())
        });
    }

    pub(super) fn release_lock(&mut self) {
        let (links, host, run) = self.for_lock();
        self.spawn(host.clone(), |sender| async move {
            links.get(&host).await?.release(&run).await?;
            sender.event(Event::Released);
            Ok(())
        });
    }

    pub(super) fn reconnect(&mut self, host: HostName) {
        let links = self.links.clone();
        self.spawn(host.clone(), |sender| async move {
            links.get(&host).await?;
            sender.event(Event::Reconnected { host });
            Ok(())
        });
    }

    pub(super) fn inspect(&mut self, host: HostName) {
        let (links, place, query) = (self.links.clone(), self.place(&host), self.query.clone());
        self.spawn(host.clone(), |sender| async move {
            let facts = Box::new(links.inspect(&host, &query).await?);
            let attempts = links.get(&host).await?.list(&place).await?;
            sender.event(Event::Inspected {
                host,
                facts,
                attempts,
            });
            Ok(())
        });
    }

    pub(super) fn fence(&mut self, host: HostName, serial: u64) {
        let (links, place, run) = (self.links.clone(), self.place(&host), self.run.clone());
        self.spawn(host.clone(), |sender| async move {
            let answer = links.get(&host).await?.fence(&place, &run, serial).await?;
            sender.event(match answer {
                FenceAnswer::Fenced(attempts) => Event::Fenced { host, attempts },
                FenceAnswer::Superseded(serial) => Event::FenceRefused { host, serial },
            });
            Ok(())
        });
    }

    pub(super) fn list(&mut self, host: HostName) {
        let (links, place) = (self.links.clone(), self.place(&host));
        self.spawn(host.clone(), |sender| async move {
            let attempts = links.get(&host).await?.list(&place).await?;
            sender.event(Event::Listed { host, attempts });
            Ok(())
        });
    }

    pub(super) fn attach(&mut self, host: HostName, step: StepId, attempt: u32) {
        let (links, place) = (self.links.clone(), self.place(&host));
        let reference = AttemptRef {
            step: step.hash(),
            number: attempt,
        };
        self.spawn(host.clone(), |sender| async move {
            let state = links.get(&host).await?.attach(&place, &reference).await?;
            sender.event(Event::Attached {
                step,
                attempt,
                state: state.unwrap_or(AttemptState::Lost),
            });
            Ok(())
        });
    }

    /// Writes claim and receipt of a step of this machine to `host`.
    pub(super) fn record(
        &mut self,
        host: HostName,
        step: StepId,
        attempt: u32,
        receipt: Option<Receipt>,
    ) {
        let (links, place) = (self.links.clone(), self.place(&host));
        let record = Record {
            attempt: AttemptRef {
                step: step.hash(),
                number: attempt,
            },
            run: self.run.clone(),
            receipt,
        };
        self.spawn(host.clone(), |sender| async move {
            let answer = links.get(&host).await?.record(&place, &record).await?;
            sender.event(match answer {
                WriteAnswer::Written => Event::Recorded { step },
                WriteAnswer::Refused => Event::Refused { host },
            });
            Ok(())
        });
    }

    pub(super) fn finish(&mut self, host: HostName) {
        let (links, place, run) = (self.links.clone(), self.place(&host), self.run.clone());
        let lines = self.audit.take(&host);
        self.spawn(host.clone(), |sender| async move {
            let linked = links.get(&host).await?;
            let answer = linked.finish(&place, &run, &lines).await?;
            sender.event(match answer {
                WriteAnswer::Written => Event::Finished { host },
                WriteAnswer::Refused => Event::Refused { host },
            });
            Ok(())
        });
    }

    fn for_lock(&self) -> (Arc<Links>, HostName, RunId) {
        (
            self.links.clone(),
            self.plan.lock_host.clone(),
            self.run.clone(),
        )
    }
}
