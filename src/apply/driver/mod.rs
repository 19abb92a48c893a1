//! The async shell around [`State`]: carries its actions out, and tells it what happened. Decides nothing.

mod convert;
mod questions;
mod starts;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use convert::{failed, scope};

use super::links::{Failure, Links};
use super::state::{
    Action, Event, JournalEntry, Millis, Options, Outcome, Progress, State, Summary,
};
use crate::facts::Query;
use crate::name::{HostName, RunId, StepId};
use crate::plan::shape::ShapeError;
use crate::plan::{Plan, Step, StepKind};
use crate::record::{Attempt, AttemptState, Ending, LockDetails, Receipt};
use crate::transport::request::{Inputs, Place};

/// How long the audit logs may take at the end of a run.
const AUDIT_LIMIT: Duration = Duration::from_secs(20);

/// Who is told how a run goes.
pub trait Observer {
    /// Something happened.
    fn progress(&mut self, at: Millis, progress: &Progress);

    /// A line is to be appended to the journal.
    ///
    /// # Errors
    /// When it cannot be written: the run starts nothing more.
    fn journal(&mut self, entry: &JournalEntry) -> std::io::Result<()>;

    /// A command of this machine printed a line. Secrets are blotted out of it.
    fn output(&mut self, step: &StepId, line: &str);
}

/// What a run needs.
pub struct Job {
    /// The plan.
    pub plan: Arc<Plan>,
    /// How it is applied.
    pub options: Options,
    /// The links to its hosts.
    pub links: Arc<Links>,
    /// Secrets, files and texts.
    pub inputs: Inputs,
    /// What hosts are asked.
    pub query: Query,
    /// Where local steps run.
    pub root: PathBuf,
    /// What stands in the lock.
    pub details: LockDetails,
}

/// How a run ended.
pub struct Ended {
    /// The outcome.
    pub outcome: Outcome,
    /// Host by host and step by step.
    pub summary: Summary,
}

/// Applies a plan.
///
/// # Errors
/// A plan whose graph cannot be walked.
pub async fn run(job: Job, observer: &mut dyn Observer) -> Result<Ended, ShapeError> {
    let mut state = State::new(job.plan.clone(), job.options.clone())?;
    let (sender, mut happened) = mpsc::unbounded_channel();
    let mut driver = Driver::new(job, sender);
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

/// Returns a channel that tells each SIGINT and SIGTERM.
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

/// Something that a task tells: of which link of which host it comes, so that what a dropped link still says is not heard.
pub(super) struct Message {
    from: Option<(HostName, u64)>,
    news: News,
}

enum News {
    Event(Event),
    Output(StepId, String),
}

struct Driver {
    plan: Arc<Plan>,
    steps: Arc<HashMap<String, StepId>>,
    index: HashMap<StepId, usize>,
    links: Arc<Links>,
    inputs: Inputs,
    query: Arc<Query>,
    root: PathBuf,
    details: LockDetails,
    run: RunId,
    begun: Instant,
    generations: BTreeMap<HostName, u64>,
    tasks: BTreeMap<HostName, Vec<AbortHandle>>,
    audit: super::audit::Pending,
    outcome: Option<Outcome>,
    sender: mpsc::UnboundedSender<Message>,
    observed: Vec<(StepId, String)>,
}

impl Driver {
    fn new(job: Job, sender: mpsc::UnboundedSender<Message>) -> Self {
        let by_hash = job
            .plan
            .steps
            .iter()
            .map(|step| (step.id.hash(), step.id.clone()));
        let index = job
            .plan
            .steps
            .iter()
            .enumerate()
            .map(|(at, step)| (step.id.clone(), at));
        Self {
            steps: Arc::new(by_hash.collect()),
            index: index.collect(),
            audit: super::audit::Pending::new(&job.plan, &job.details.locked_by),
            plan: job.plan,
            links: job.links,
            inputs: job.inputs,
            query: Arc::new(job.query),
            root: job.root,
            details: job.details,
            run: job.options.run,
            begun: Instant::now(),
            generations: BTreeMap::new(),
            tasks: BTreeMap::new(),
            outcome: None,
            sender,
            observed: Vec::new(),
        }
    }

    fn now(&self) -> Millis {
        Millis(u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn step(&self, id: &StepId) -> Option<&Step> {
        self.plan.steps.get(*self.index.get(id)?)
    }

    /// Returns where the plan's state is on `host`.
    fn place(&self, host: &HostName) -> Place {
        let entry = self.plan.hosts.get(host);
        let user = entry.map_or("root", |entry| entry.ssh.user.as_str());
        Place {
            scope: scope(&self.plan),
            state_dir: entry
                .and_then(|entry| entry.state_dir.clone())
                .unwrap_or_else(|| super::links::assumed_state_dir(user)),
            plan: self.plan.digest.clone(),
        }
    }

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
                Action::Reconnect { host } => self.reconnect(host).await,
                Action::Start { host, steps } => self.start(host, &steps),
                Action::StartLocal { step, attempt, .. } => self.start_local(step, attempt),
                Action::CheckLocal { step } => self.check_local(step),
                Action::Release => self.release().await,
                other => self.ask(other),
            }
        }
        known
    }

    /// Spawns a task that asks `host` and tells what it answers, unless the link has been dropped by then.
    fn spawn<F>(&mut self, host: HostName, task: impl FnOnce(Teller) -> F)
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let generation = self.generations.get(&host).copied().unwrap_or(0);
        let teller = Teller {
            from: Some((host.clone(), generation)),
            sender: self.sender.clone(),
        };
        let work = task(teller.clone());
        let name = host.clone();
        let handle = tokio::spawn(async move {
            if let Err(failure) = work.await {
                teller.event(failed(name, &failure));
            }
        });
        let tasks = self.tasks.entry(host).or_default();
        tasks.retain(|task| !task.is_finished());
        tasks.push(handle.abort_handle());
    }

    /// Hears a message: what a dropped link says is not heard, and a lost link is dropped with all that waits for it.
    async fn receive(&mut self, message: Message) -> Option<Event> {
        if let Some((host, generation)) = &message.from
            && self.generations.get(host).copied().unwrap_or(0) != *generation
        {
            return None;
        }
        let event = match message.news {
            News::Event(event) => event,
            News::Output(step, line) => {
                self.observed.push((step, line));
                return None;
            }
        };
        match &event {
            Event::ChannelLost { host, .. }
            | Event::Unreachable { host, .. }
            | Event::HostFailed { host, .. } => {
                self.drop_link(&host.clone()).await;
            }
            Event::Ended { step, receipt, .. } => {
                self.renew_after_install(&step.clone(), receipt.ending)
                    .await;
            }
            Event::Inspected { host, attempts, .. }
            | Event::Fenced { host, attempts }
            | Event::Listed { host, attempts } => self.learn_pushed(host.clone(), attempts),
            Event::LocalEnded {
                step,
                value: Some(value),
                ..
            }
            | Event::LocalChecked {
                step,
                value: Some(value),
                ..
            } => {
                self.inputs.pushed.insert(step.clone(), value.clone());
            }
            _ => {}
        }
        Some(event)
    }

    async fn drop_link(&mut self, host: &HostName) {
        *self.generations.entry(host.clone()).or_default() += 1;
        for task in self.tasks.remove(host).into_iter().flatten() {
            task.abort();
        }
        self.links.renew(host).await;
    }

    /// A user who was just added to the docker group has that right only in a new session.
    async fn renew_after_install(&mut self, step: &StepId, ending: Ending) {
        let Some(step) = self.step(step) else { return };
        let Some(host) = step.host.clone() else {
            return;
        };
        let is_root = self
            .plan
            .hosts
            .get(&host)
            .is_none_or(|entry| entry.ssh.user == "root");
        if step.kind == StepKind::InstallDocker && ending == Ending::Succeeded && !is_root {
            self.links.renew(&host).await;
        }
    }

    /// Digests that pushes have recorded on the lock host.
    fn learn_pushed(&mut self, host: HostName, attempts: &[Attempt]) {
        if host != self.plan.lock_host {
            return;
        }
        for attempt in attempts {
            if let AttemptState::Ended(Receipt {
                ending: Ending::Succeeded,
                value: Some(value),
                ..
            }) = &attempt.state
                && let Some(step) = self.steps.get(&attempt.step)
            {
                self.inputs.pushed.insert(step.clone(), value.clone());
            }
        }
    }

    async fn reconnect(&mut self, host: HostName) {
        self.drop_link(&host).await;
        let links = self.links.clone();
        self.spawn(host.clone(), |teller| async move {
            links.get(&host).await?;
            teller.event(Event::Reconnected { host });
            Ok(())
        });
    }

    fn teller(&self) -> Teller {
        Teller {
            from: None,
            sender: self.sender.clone(),
        }
    }

    /// Writes what ran to the audit logs, then gives the lock back.
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
        self.ask(Action::Release);
    }
}

/// Tells the loop what happened.
#[derive(Clone)]
struct Teller {
    from: Option<(HostName, u64)>,
    sender: mpsc::UnboundedSender<Message>,
}

impl Teller {
    fn event(&self, event: Event) {
        self.tell(News::Event(event));
    }

    fn output(&self, step: &StepId, line: &str) {
        self.tell(News::Output(step.clone(), line.to_owned()));
    }

    fn tell(&self, news: News) {
        // The loop has ended where nobody listens.
        let _ = self.sender.send(Message {
            from: self.from.clone(),
            news,
        });
    }
}

fn local(event: Event) -> Message {
    Message {
        from: None,
        news: News::Event(event),
    }
}
