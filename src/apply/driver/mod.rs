//! The async shell around [`State`]: carries its actions out, and reports what happened. Decides nothing.

mod ahead;
mod convert;
mod done;
mod job;
mod message;
mod questions;
mod secrets;
pub mod signals;
mod starts;
mod tasks;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

pub use done::Ahead;
pub use job::{Job, Journal, Observer, ReadSecrets, SecretReader};

use convert::receipt;
use tasks::Driver;

use super::state::{Action, Event, Outcome, State};
use crate::name::HostName;
use crate::plan::shape::{Shape, ShapeError};
use crate::transport::local::until;

/// How long the audit logs may take at the end of a run.
const AUDIT_LIMIT: Duration = Duration::from_secs(20);

/// Applies a plan.
///
/// # Errors
/// A plan whose graph cannot be walked.
pub async fn run(
    job: Job,
    observer: &mut dyn Observer,
    journal: &mut Journal<'_>,
) -> Result<Outcome, ShapeError> {
    let mut state = State::new(job.plan.clone(), job.options.clone())?;
    let (sender, mut happened) = mpsc::unbounded_channel();
    let mut driver = Driver::new(job, state.shape().clone(), sender);
    let mut interrupts = signals::interrupts();
    match driver.job.ahead.take() {
        Some(ahead) => driver.take_up(ahead),
        None => driver.run_ahead(&mut interrupts, observer).await,
    }
    let begin = match driver.job.looked.take() {
        Some(facts) => Event::BeginLooked(facts),
        None => Event::Begin,
    };
    let mut actions = match driver.outcome {
        None => state.handle(driver.now(), begin),
        Some(_) => Vec::new(),
    };
    loop {
        driver
            .carry_out(&mut state, actions, observer, journal)
            .await;
        if let Some(outcome) = driver.outcome.take() {
            driver.job.links.close();
            observer.finish(&state.summary(), &outcome);
            return Ok(outcome);
        }
        let deadline = state.deadline().map(|at| driver.instant(at));
        let event = tokio::select! {
            Some(message) = happened.recv() => match driver.receive(message).await {
                Some(event) => event,
                None => {
                    actions = Vec::new();
                    continue;
                }
            },
            () = until(deadline) => Event::Tick,
            Some(event) = interrupts.recv() => event,
        };
        actions = state.handle(driver.now(), event);
    }
}

/// Runs the steps of this machine that can run before the lock is taken, and nothing else.
///
/// # Errors
/// A plan whose graph cannot be walked.
pub async fn run_ahead(job: Job, observer: &mut dyn Observer) -> Result<Ahead, ShapeError> {
    let shape = Arc::new(Shape::new(&job.plan)?);
    let (sender, _) = mpsc::unbounded_channel();
    let mut driver = Driver::new(job, shape, sender);
    let mut interrupts = signals::interrupts();
    driver.run_ahead(&mut interrupts, observer).await;
    Ok(driver.into_ahead())
}

impl Driver {
    /// Carries actions out. What follows an entry that the journal did not take, the state takes back as far as it must.
    async fn carry_out(
        &mut self,
        state: &mut State,
        actions: Vec<Action>,
        observer: &mut dyn Observer,
        journal: &mut Journal<'_>,
    ) {
        for (step, line) in std::mem::take(&mut self.observed) {
            observer.output(&step, &line);
        }
        let mut actions = actions.into_iter();
        while let Some(action) = actions.next() {
            if self.is_known(&action) {
                continue;
            }
            match action {
                Action::Report(progress) => observer.progress(self.now(), &progress),
                Action::Journal(entry) => {
                    if let Err(error) = journal(&entry) {
                        let rest = actions.collect();
                        let rest = state.take_back(self.now(), error.to_string(), rest);
                        actions = rest.into_iter();
                    }
                }
                Action::Exit(outcome) => self.outcome = Some(outcome),
                Action::Reconnect(host) => {
                    self.drop_link(&host).await;
                    self.reconnect(host);
                }
                Action::Drop(host) => self.drop_link(&host).await,
                Action::Start(host, steps) => self.start(host, &steps),
                Action::StartLocal(step, attempt) => self.start_local(step, attempt),
                Action::StopLocal(step) => self.stop_local(&step),
                Action::CheckLocal(step) => self.check_local(step),
                Action::Audit(hosts) => self.write_audit(hosts).await,
                Action::Release => self.release_lock(),
                Action::Leave(details) => self.leave_lock(details),
                Action::TakeLock => self.take_lock(),
                Action::Beat => self.beat(),
                Action::Others(host, end) => self.others(host, end),
                Action::Inspect(host) => self.inspect(host),
                Action::ReadSecrets(names) => self.read_secrets(names),
                Action::Fence { host, seen } => self.fence(host, seen),
                Action::List(host) => self.list(host),
                Action::Halt(host) => self.halt(host),
                Action::Attach(host, step, attempt) => self.attach(host, step, attempt),
                Action::Record {
                    host,
                    step,
                    attempt,
                    ending,
                    value,
                } => {
                    let receipt = ending.map(|ending| receipt(self.run(), ending, value));
                    self.record(host, step, attempt, receipt);
                }
                Action::Finish(host) => self.finish(host),
            }
        }
    }

    /// Has `hosts` bring their audit logs up to date.
    async fn write_audit(&mut self, hosts: Vec<HostName>) {
        let mut writing = tokio::task::JoinSet::new();
        for host in hosts {
            let (links, place, run) = (self.job.links.clone(), self.place(&host), self.run());
            writing.spawn(async move {
                if let Ok(linked) = links.get(&host).await {
                    let _ = linked.audit(&place, &run).await;
                }
            });
        }
        let _ = tokio::time::timeout(AUDIT_LIMIT, async {
            while writing.join_next().await.is_some() {}
        })
        .await;
    }
}

#[cfg(test)]
mod tests;
