//! Questions that a host answers at once: each is a task that reports the answer.

use super::convert::about;
use super::tasks::Driver;
use crate::apply::audit;
use crate::apply::state::Event;
use crate::name::{HostName, StepId};
use crate::record::living::AttemptName;
use crate::record::{AttemptState, LockDetails, Receipt, Seen};
use crate::transport::answer::{BeatAnswer, FenceAnswer, LeaveAnswer, WriteAnswer};
use crate::transport::request::{AttemptRef, LockTerms, Record, Turn};

impl Driver {
    pub(super) fn take_lock(&mut self) {
        let (scope, details) = (self.scope(), self.job.details.clone());
        let terms = LockTerms {
            state_dir: Some(self.place(&self.lock_host()).state_dir),
            take_over: self.job.options.take_over,
            turn: Turn::of_wait(self.job.options.lock_wait_seconds),
        };
        self.ask(self.lock_host(), |linked, _| async move {
            Ok(Event::Lock(linked.lock(&scope, &details, &terms).await?))
        });
    }

    pub(super) fn beat(&mut self) {
        let (scope, run) = (self.scope(), self.run());
        self.ask(self.lock_host(), |linked, _| async move {
            Ok(match linked.beat(&scope, &run).await? {
                BeatAnswer::Held => Event::Beaten { held: true },
                BeatAnswer::StopRequested(request) => Event::StopRequested(request),
                BeatAnswer::Lost => Event::Beaten { held: false },
                BeatAnswer::Released(person) => Event::LockReleased(person),
            })
        });
    }

    pub(super) fn release_lock(&mut self) {
        let (scope, run) = (self.scope(), self.run());
        self.ask(self.lock_host(), |linked, _| async move {
            linked.release(&scope, &run).await?;
            Ok(Event::Released)
        });
    }

    pub(super) fn leave_lock(&mut self, details: Option<LockDetails>) {
        let hold = details.unwrap_or_else(|| self.job.hold.clone());
        let (scope, run) = (self.scope(), self.run());
        self.ask(self.lock_host(), |linked, _| async move {
            Ok(match linked.leave(&scope, &run, &hold).await? {
                LeaveAnswer::Left => Event::Left,
                LeaveAnswer::NotOurs => Event::Released,
            })
        });
    }

    pub(super) fn reconnect(&mut self, host: HostName) {
        self.ask(host, |_, host| async { Ok(Event::Reconnected(host)) });
    }

    pub(super) fn inspect(&mut self, host: HostName) {
        let (place, query) = (self.place(&host), self.job.query.clone());
        let links = self.job.links.clone();
        self.spawn(host.clone(), |sender| async move {
            let facts = Box::new(links.inspect(&host, &query).await?);
            let own = links.get(&host).await?.list(&place).await?;
            sender.event(Event::Inspected(host, facts, own));
            Ok(())
        });
    }

    pub(super) fn others(&mut self, host: HostName, end: Vec<AttemptName>) {
        let place = self.place(&host);
        self.ask(host, move |linked, host| async move {
            Ok(Event::Others(host, linked.others(&place, &end).await?))
        });
    }

    pub(super) fn fence(&mut self, host: HostName, seen: Seen) {
        let (place, run) = (self.place(&host), self.run());
        self.ask(host, move |linked, host| async move {
            Ok(match linked.fence(&place, &run, &seen).await? {
                FenceAnswer::Fenced(own, living) => Event::Fenced(host, own, living),
                FenceAnswer::Superseded(serial) => Event::FenceRefused(host, serial),
                FenceAnswer::WentOn(now) => Event::WentOn(host, now),
            })
        });
    }

    pub(super) fn halt(&mut self, host: HostName) {
        let (place, run) = (self.place(&host), self.run());
        self.ask(host, move |linked, host| async move {
            Ok(match linked.halt(&place, &run).await? {
                WriteAnswer::Written => Event::Halted(host),
                WriteAnswer::Refused => Event::Refused(host),
            })
        });
    }

    pub(super) fn list(&mut self, host: HostName) {
        let place = self.place(&host);
        self.ask(host, |linked, host| async move {
            Ok(Event::Listed(host, linked.list(&place).await?))
        });
    }

    pub(super) fn attach(&mut self, host: HostName, step: StepId, attempt: u32) {
        let place = self.place(&host);
        let reference = AttemptRef {
            step: step.hash(),
            number: attempt,
        };
        self.ask(host, move |linked, host| async move {
            let state = linked.attach(&place, &reference).await?;
            Ok(Event::Attached(
                host,
                step,
                attempt,
                state.unwrap_or(AttemptState::Lost),
            ))
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
        let (place, ending) = (
            self.place(&host),
            receipt.as_ref().map(|receipt| receipt.ending),
        );
        let who = &self.job.details.locked_by;
        let entry = self.step(&step);
        let subject = entry.map_or_else(String::new, |step| {
            audit::subject(&self.job.plan, who, step)
        });
        let about = entry.map(|step| about(step, who)).unwrap_or_default();
        let record = Record {
            attempt: AttemptRef {
                step: step.hash(),
                number: attempt,
            },
            run: self.run(),
            receipt,
            subject,
            about,
        };
        self.ask(host, move |linked, host| async move {
            Ok(match linked.record(&place, &record).await? {
                WriteAnswer::Written => Event::Recorded(step, attempt, ending),
                WriteAnswer::Refused => Event::Refused(host),
            })
        });
    }

    pub(super) fn finish(&mut self, host: HostName) {
        let (place, run) = (self.place(&host), self.run());
        self.ask(host, |linked, host| async move {
            Ok(match linked.finish(&place, &run).await? {
                WriteAnswer::Written => Event::Finished(host),
                WriteAnswer::Refused => Event::Refused(host),
            })
        });
    }
}
