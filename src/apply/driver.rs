//! The async shell around [`State`]: carries its actions out, and tells it what happened. Decides nothing.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::links::{Failure, Links};
use super::local_step;
use super::state::{
    Action, Event, JournalEntry, Millis, Options, Outcome, Progress, StartStep, State, Summary,
};
use crate::action;
use crate::facts::Query;
use crate::name::{HostName, RunId, StepId};
use crate::plan::shape::ShapeError;
use crate::plan::{Plan, Step, StepKind};
use crate::record::{Attempt, AttemptState, Ending, LockDetails, Receipt, Scope};
use crate::secret::{Secrets, redact};
use crate::transport::LinkError;
use crate::transport::answer::{BeatAnswer, Event as HostEvent, FenceAnswer, WriteAnswer};
use crate::transport::request::{AttemptRef, Inputs, Lock, Place, Record, SharedLock, StepRequest};

/// Age of the last beat after which a lock is taken over.
const TAKE_OVER_AFTER: Duration = Duration::from_secs(60);

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
            Event::ChannelLost { host, .. } | Event::Unreachable { host, .. } => {
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

    fn start(&mut self, host: HostName, steps: &[StartStep]) {
        let place = self.place(&host);
        let run = self.run.clone();
        let batch: Vec<StepRequest> = steps
            .iter()
            .filter_map(|start| Some(request(self.step(&start.step)?, start)))
            .collect();
        let inputs = self.inputs_of(steps);
        let links = self.links.clone();
        let by_hash = self.steps.clone();
        let secrets = self.inputs.secrets.clone();
        self.spawn(host.clone(), |teller| async move {
            let linked = links.get(&host).await?;
            let (sender, mut events) = mpsc::channel(16);
            let telling = async {
                while let Some(event) = events.recv().await {
                    if let Some(event) = translate(&by_hash, &secrets, event) {
                        teller.event(event);
                    }
                }
            };
            let starting = async {
                let result = linked.start(&place, &run, &batch, &inputs, &sender).await;
                drop(sender);
                result
            };
            let (result, ()) = tokio::join!(starting, telling);
            Ok(result?)
        });
    }

    /// Returns only what `steps` name, so that a secret goes no further than it must.
    fn inputs_of(&self, steps: &[StartStep]) -> Inputs {
        let mut inputs = Inputs {
            variables: self.inputs.variables.clone(),
            pushed: self.inputs.pushed.clone(),
            ..Inputs::default()
        };
        for step in steps.iter().filter_map(|start| self.step(&start.step)) {
            for name in step.secrets.iter().map(|secret| &secret.name) {
                if let Some(value) = self.inputs.secrets.get(name) {
                    inputs.secrets.insert(name.clone(), value.clone());
                }
            }
            for part in step.action.iter().chain(&step.cleanup) {
                match part {
                    action::Action::Write(write) => {
                        if let Some(text) = self.inputs.contents.get(&write.content) {
                            inputs.contents.insert(write.content.clone(), text.clone());
                        }
                    }
                    action::Action::Upload(upload) => {
                        if let Some(bytes) = self.inputs.uploads.get(&upload.sha256) {
                            inputs.uploads.insert(upload.sha256.clone(), bytes.clone());
                        }
                    }
                    _ => {}
                }
            }
        }
        inputs
    }

    fn start_local(&mut self, id: StepId, attempt: u32) {
        let Some(step) = self.step(&id).cloned() else {
            return;
        };
        let work = local_step::Work {
            step,
            root: self.root.clone(),
            secrets: self.inputs.secrets.clone(),
            variables: self.inputs.variables.clone(),
        };
        let teller = self.teller();
        tokio::spawn(async move {
            let printer = teller.clone();
            let of = id.clone();
            let end = local_step::run(&work, move |line| printer.output(&of, line)).await;
            teller.event(Event::LocalEnded {
                step: id,
                attempt,
                ending: end.ending,
                value: end.value,
                diagnosis: end.tail,
            });
        });
    }

    fn check_local(&mut self, id: StepId) {
        let Some(step) = self.step(&id).cloned() else {
            return;
        };
        let root = self.root.clone();
        let teller = self.teller();
        tokio::spawn(async move {
            let (answer, value) = local_step::check(&step, &root).await;
            teller.event(Event::LocalChecked {
                step: id,
                answer,
                value,
            });
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

    /// Asks a host one question and tells its answer.
    fn ask(&mut self, action: Action) {
        let lock_host = self.plan.lock_host.clone();
        let links = self.links.clone();
        let run = self.run.clone();
        match action {
            Action::TakeLock => {
                let request = Lock {
                    details: self.details.clone(),
                    take_over_after: TAKE_OVER_AFTER,
                };
                self.spawn(lock_host.clone(), |teller| async move {
                    let answer = links.get(&lock_host).await?.lock(&request).await?;
                    teller.event(Event::Lock(answer));
                    Ok(())
                });
            }
            Action::Beat => self.spawn(lock_host.clone(), |teller| async move {
                let answer = links.get(&lock_host).await?.beat(&run).await?;
                let held = answer == BeatAnswer::Held;
                teller.event(Event::Beaten { held });
                Ok(())
            }),
            Action::Release => self.spawn(lock_host.clone(), |teller| async move {
                links.get(&lock_host).await?.release(&run).await?;
                teller.event(Event::Released);
                Ok(())
            }),
            Action::Inspect { host } => {
                let place = self.place(&host);
                let query = self.query.clone();
                self.spawn(host.clone(), |teller| async move {
                    let facts = links.inspect(&host, &query).await?;
                    let attempts = links.get(&host).await?.list(&place).await?;
                    let facts = Box::new(facts);
                    teller.event(Event::Inspected {
                        host,
                        facts,
                        attempts,
                    });
                    Ok(())
                });
            }
            Action::Fence { host, serial } => {
                let place = self.place(&host);
                self.spawn(host.clone(), |teller| async move {
                    let answer = links.get(&host).await?.fence(&place, &run, serial).await?;
                    teller.event(match answer {
                        FenceAnswer::Fenced(attempts) => Event::Fenced { host, attempts },
                        FenceAnswer::Superseded(serial) => Event::FenceRefused { host, serial },
                    });
                    Ok(())
                });
            }
            Action::List { host } => {
                let place = self.place(&host);
                self.spawn(host.clone(), |teller| async move {
                    let attempts = links.get(&host).await?.list(&place).await?;
                    teller.event(Event::Listed { host, attempts });
                    Ok(())
                });
            }
            Action::Attach {
                host,
                step,
                attempt,
            } => {
                let place = self.place(&host);
                let reference = AttemptRef {
                    step: step.hash(),
                    number: attempt,
                };
                self.spawn(host.clone(), |teller| async move {
                    let state = links.get(&host).await?.attach(&place, &reference).await?;
                    teller.event(Event::Attached {
                        step,
                        attempt,
                        state: state.unwrap_or(AttemptState::Lost),
                    });
                    Ok(())
                });
            }
            Action::Record {
                host,
                step,
                attempt,
                value,
            } => {
                let place = self.place(&host);
                let record = record(&step, attempt, value, run);
                self.spawn(host.clone(), |teller| async move {
                    let answer = links.get(&host).await?.record(&place, &record).await?;
                    teller.event(match answer {
                        WriteAnswer::Written => Event::Recorded { step },
                        WriteAnswer::Refused => Event::Refused { host },
                    });
                    Ok(())
                });
            }
            Action::Finish { host } => {
                let place = self.place(&host);
                let lines = self.audit.take(&host);
                self.spawn(host.clone(), |teller| async move {
                    let linked = links.get(&host).await?;
                    let answer = linked.finish(&place, &run, &lines).await?;
                    teller.event(match answer {
                        WriteAnswer::Written => Event::Finished { host },
                        WriteAnswer::Refused => Event::Refused { host },
                    });
                    Ok(())
                });
            }
            // Carried out by `carry_out` itself.
            Action::Start { .. }
            | Action::StartLocal { .. }
            | Action::CheckLocal { .. }
            | Action::Reconnect { .. }
            | Action::Journal(_)
            | Action::Report(_)
            | Action::Exit(_) => {}
        }
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

/// Returns what a failed question means: a broken link may be made again; a host that says why not is of no use to this run.
fn failed(host: HostName, failure: &Failure) -> Event {
    let message = failure.to_string();
    match failure {
        Failure::Link(LinkError::Lost { .. }) => Event::ChannelLost { host, message },
        _ => Event::Unreachable { host, message },
    }
}

fn scope(plan: &Plan) -> Scope {
    Scope {
        service: plan.service.clone(),
        destination: plan.operation.destination.clone(),
    }
}

fn request(step: &Step, start: &StartStep) -> StepRequest {
    let shared = matches!(
        step.kind,
        StepKind::InstallDocker | StepKind::Network | StepKind::Traefik
    );
    StepRequest {
        step: step.id.hash(),
        attempt: start.attempt,
        actions: step.action.clone(),
        diagnose: step.diagnose.clone(),
        cleanup: if start.cleanup {
            step.cleanup.clone()
        } else {
            Vec::new()
        },
        timeout_seconds: step.timeout_seconds,
        idle_timeout_seconds: step.idle_timeout_seconds,
        shared_lock: if shared {
            SharedLock::Hold
        } else {
            SharedLock::Free
        },
    }
}

fn record(step: &StepId, attempt: u32, value: Option<String>, run: RunId) -> Record {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs());
    Record {
        attempt: AttemptRef {
            step: step.hash(),
            number: attempt,
        },
        receipt: Receipt {
            ending: Ending::Succeeded,
            run,
            started: now,
            ended: now,
            value,
        },
    }
}

/// Returns what the host says with step ids in place of their hashes. An app may print secrets that its step does not name.
fn translate(
    steps: &HashMap<String, StepId>,
    secrets: &Secrets,
    event: HostEvent,
) -> Option<Event> {
    Some(match event {
        HostEvent::Claimed { step, attempt } => Event::Claimed {
            step: steps.get(&step)?.clone(),
            attempt,
        },
        HostEvent::AlreadyClaimed { step, attempt } => Event::AlreadyClaimed {
            step: steps.get(&step)?.clone(),
            attempt,
        },
        HostEvent::Ended {
            step,
            attempt,
            receipt,
            output,
            diagnosis,
        } => {
            let parts = [output, diagnosis];
            let shown: Vec<&str> = parts
                .iter()
                .map(|part| part.trim_end())
                .filter(|part| !part.is_empty())
                .collect();
            Event::Ended {
                step: steps.get(&step)?.clone(),
                attempt,
                receipt,
                diagnosis: redact(&shown.join("\n"), secrets),
            }
        }
    })
}
