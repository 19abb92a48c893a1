//! The async shell around [`State`]: carries its actions out, and reports what happened. Decides nothing.

mod convert;
mod job;
mod message;
mod questions;
mod starts;
mod tasks;

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

pub use job::{Ended, Job, Observer};

use convert::{scope, success};
use message::{Message, local};
use tasks::Driver;

use super::state::{Action, Event, State};
use crate::plan::shape::ShapeError;

/// How long the audit logs may take at the end of a run.
const AUDIT_LIMIT: Duration = Duration::from_secs(20);

/// Applies a plan.
///
/// # Errors
/// A plan whose graph cannot be walked.
pub async fn run(job: Job, observer: &mut dyn Observer) -> Result<Ended, ShapeError> {
    let mut state = State::new(job.plan.clone(), job.options.clone())?;
    let (sender, mut happened) = mpsc::unbounded_channel();
    let mut driver = Driver::new(job, state.shape().clone(), sender);
    let mut interrupts = interrupts();
    let mut actions = state.handle(driver.now(), Event::Begin);
    loop {
        for event in driver.carry_out(actions, observer).await {
            let _ = driver.sender.send(event);
        }
        if let Some(outcome) = driver.outcome.take() {
            driver.links.close();
            return Ok(Ended {
                outcome,
                summary: state.summary(),
            });
        }
        let deadline = state
            .deadline()
            .map(|at| driver.begun + Duration::from_millis(at.0));
        let event = tokio::select! {
            Some(message) = happened.recv() => match driver.receive(message).await {
                Some(event) => event,
                None => {
                    actions = Vec::new();
                    continue;
                }
            },
            () = until(deadline) => Event::Tick,
            Some(()) = interrupts.recv() => Event::Interrupt,
        };
        actions = state.handle(driver.now(), event);
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// Returns a channel that receives each SIGINT and SIGTERM.
fn interrupts() -> mpsc::UnboundedReceiver<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = mpsc::unbounded_channel();
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        if let Ok(mut stream) = signal(kind) {
            let sender = sender.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() && sender.send(()).is_ok() {}
            });
        }
    }
    receiver
}

impl Driver {
    /// Carries actions out, and returns what is known at once.
    async fn carry_out(
        &mut self,
        actions: Vec<Action>,
        observer: &mut dyn Observer,
    ) -> Vec<Message> {
        for (step, line) in std::mem::take(&mut self.observed) {
            observer.output(&step, &line);
        }
        let mut known = Vec::new();
        for action in actions {
            match action {
                Action::Report(progress) => {
                    self.audit.note(&progress);
                    observer.progress(self.now(), &progress);
                }
                Action::Journal(entry) => {
                    if let Err(error) = observer.journal(&entry) {
                        known.push(local(Event::JournalFailed {
                            message: error.to_string(),
                        }));
                    }
                }
                Action::Exit(outcome) => self.outcome = Some(outcome),
                Action::Reconnect { host } => {
                    self.drop_link(&host).await;
                    self.reconnect(host);
                }
                Action::Start { host, steps } => self.start(host, &steps),
                Action::StartLocal { step, attempt } => self.start_local(step, attempt),
                Action::CheckLocal { step } => self.check_local(step),
                Action::Release => self.release().await,
                Action::TakeLock => self.take_lock(),
                Action::Beat => self.beat(),
                Action::Inspect { host } => self.inspect(host),
                Action::Fence { host, serial } => self.fence(host, serial),
                Action::List { host } => self.list(host),
                Action::Attach {
                    host,
                    step,
                    attempt,
                } => self.attach(host, step, attempt),
                Action::Record {
                    host,
                    step,
                    attempt,
                    ended,
                    value,
                } => {
                    let receipt = ended.then(|| success(self.run.clone(), value));
                    self.record(host, step, attempt, receipt);
                }
                Action::Finish { host } => self.finish(host),
            }
        }
        known
    }

    /// Writes what ran to the audit logs, then releases the lock.
    async fn release(&mut self) {
        let scope = scope(&self.plan);
        let mut writing = tokio::task::JoinSet::new();
        for (host, lines) in self.audit.take_all() {
            let (links, scope) = (self.links.clone(), scope.clone());
            writing.spawn(async move {
                if let Ok(linked) = links.get(&host).await {
                    let _ = linked.audit(&scope, &lines).await;
                }
            });
        }
        let _ = tokio::time::timeout(AUDIT_LIMIT, async {
            while writing.join_next().await.is_some() {}
        })
        .await;
        self.release_lock();
    }
}
