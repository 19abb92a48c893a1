//! `--preempt` and `--hold`: the run that holds the deploy lock stops for this one, and this one leaves the lock to a person. In neither
//! case is the lock free in between, so that no run that waits for it comes first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use super::failure::Failure;
use super::held::described;
use super::options::parse_message;
use super::{confirmation, connections, git, output, random};
use crate::apply::links::{self, Links};
use crate::apply::state::Outcome;
use crate::digest;
use crate::exit_code::ExitCode;
use crate::name::{HostName, RunId};
use crate::record::living::Told;
use crate::record::{LockAnswer, LockDetails, Scope, StopRequest, TakeOver};
use crate::redaction::Redactor;
use crate::text;
use crate::transport::answer::{BeatAnswer, LockState};
use crate::transport::request::LockTerms;

/// How long a run that was asked to stop is waited for, in seconds: it may have to drain an old container first.
const WAIT_SECONDS: u64 = 300;

/// Between two heartbeats.
const BEAT: Duration = Duration::from_secs(5);

/// Between two tries to take the lock.
const PAUSE: Duration = Duration::from_secs(1);

/// Options of commands that cannot wait for others.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct UrgencyOptions {
    /// Have the run that holds the deploy lock stop at its next safe point, and wait for the lock: up to 300 s, or --lock-wait
    #[arg(long)]
    pub preempt: bool,

    /// Keep the deploy lock afterwards, so that nothing is deployed until `mrsk lock release`
    #[arg(long, value_name = "MESSAGE", value_parser = parse_message)]
    pub hold: Option<String>,
}

/// A deploy lock that is about to be taken.
pub struct Wanted<'a> {
    /// Connections of their own: those of the run end with it.
    pub links: Arc<Links>,
    /// The lock host.
    pub host: HostName,
    /// Whose lock.
    pub scope: Scope,
    /// What it is for, as the command is typed.
    pub command: String,
    /// `--lock-wait`, in seconds.
    pub wait: u64,
    /// `--take-over`.
    pub take_over: TakeOver,
    /// What hides secrets.
    pub redactor: &'a Redactor,
}

/// The deploy lock, held for a run that has yet to begin.
pub struct Preemption {
    links: Arc<Links>,
    host: HostName,
    scope: Scope,
    run: RunId,
    keeper: AbortHandle,
}

impl UrgencyOptions {
    /// Returns whether any is given.
    pub fn is_given(&self) -> bool {
        self.preempt || self.hold.is_some()
    }
}

impl Wanted<'_> {
    /// Has `run` plan and apply, as the run that holds the lock already if another one was preempted. The lock ends as `urgency` says.
    pub async fn hold_around<F>(
        &self,
        urgency: &UrgencyOptions,
        run: impl FnOnce(Option<RunId>) -> F,
    ) -> Result<Ended, Failure>
    where
        F: Future<Output = Result<Ended, Failure>>,
    {
        let preemption = match urgency.preempt {
            true => Some(self.preempt().await?),
            false => None,
        };
        let ended = run(preemption.as_ref().map(|held| held.run.clone())).await;
        match (&ended, preemption, &urgency.hold) {
            (Ok(Ended::NothingToDo), Some(held), Some(message)) => {
                held.hold(self.redactor, message).await;
            }
            (Ok(Ended::NothingToDo), None, Some(message)) => self.hold(message).await?,
            (Ok(Ended::Applied(_)), Some(held), _) => held.end(),
            (_, Some(held), _) => held.release().await,
            (_, None, _) => {}
        }
        self.links.close();
        ended
    }

    /// Takes the lock. Each run that holds it is asked to stop, and waited for; a person is not.
    async fn preempt(&self) -> Result<Preemption, Failure> {
        let run = RunId::from(digest::hex(&random::bytes::<16>()?));
        let person = git::user_name().await;
        let details = LockDetails {
            message: format!("Automatic deploy lock ({})", self.command),
            run: Some(run.clone()),
            generation: 1,
            ..by(person.clone())
        };
        let request = StopRequest {
            message: format!("`mrsk {}` needs the deploy lock", self.command),
            person,
        };
        self.wait_for(&details, &request).await?;
        let keeper = tokio::spawn(keep(
            self.links.clone(),
            self.host.clone(),
            self.scope.clone(),
            run.clone(),
        ));
        Ok(Preemption {
            keeper: keeper.abort_handle(),
            links: self.links.clone(),
            host: self.host.clone(),
            scope: self.scope.clone(),
            run,
        })
    }

    async fn wait_for(&self, details: &LockDetails, request: &StopRequest) -> Result<(), Failure> {
        let begun = Instant::now();
        let mut asked = None;
        let mut take_over = self.take_over;
        loop {
            let linked = self.linked().await?;
            let terms = LockTerms {
                take_over,
                ..LockTerms::default()
            };
            let answer = linked.lock(&self.scope, details, &terms).await;
            let (state, limit) = match answer.map_err(|error| self.failure(&error.into()))? {
                LockAnswer::Acquired { .. } => return Ok(()),
                LockAnswer::Open {
                    details,
                    beat_age,
                    open,
                } => {
                    let text = details.render();
                    let beat_age = Some(beat_age);
                    let failure = self.left_open(&LockState { text, beat_age }, &open);
                    if !confirmation::can_ask() {
                        return Err(failure);
                    }
                    output::print_diagnostics(&failure.diagnostics);
                    if !confirmation::takes_over().await {
                        return Err(failure);
                    }
                    take_over = TakeOver::Always;
                    continue;
                }
                LockAnswer::Foreign { text } => {
                    let beat_age = None;
                    (LockState { text, beat_age }, self.wait)
                }
                LockAnswer::Held { details, beat_age } => {
                    let text = details.render();
                    let beat_age = Some(beat_age);
                    let limit = match self.wait {
                        0 => WAIT_SECONDS,
                        wait => wait,
                    };
                    (LockState { text, beat_age }, limit)
                }
            };
            if begun.elapsed().as_secs() >= limit {
                return Err(self.still_held(&state, limit));
            }
            let run = LockDetails::parse(&state.text).run;
            if run.is_some() && asked != run {
                let answer = linked.request_stop(&self.scope, request).await;
                answer.map_err(|error| self.failure(&error.into()))?;
                output::print_note(&format!(
                    "asked the run that holds the deploy lock to stop; waiting up to {limit} s for it:\n{}",
                    self.shown(&state)
                ));
                asked = run;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Returns that a dead run has left something open.
    fn left_open(&self, state: &LockState, open: &[Told]) -> Failure {
        let open = open.iter().map(|told| match told.about.summary.as_str() {
            "" => told.about.step.clone(),
            summary => summary.to_owned(),
        });
        let open = text::escape(&self.redactor.redact(&text::list(&Vec::from_iter(open))));
        let message = format!(
            "a dead run holds the deploy lock, and its release command or hook has not ended ({open}); nothing was changed:\n{}",
            self.shown(state)
        );
        Failure::new(ExitCode::Locked, message)
            .help("see what it did with `mrsk audit`, then take the lock over with `--take-over`")
    }

    fn still_held(&self, state: &LockState, limit: u64) -> Failure {
        let what = match limit {
            0 => "the deploy lock is held".to_owned(),
            limit => format!("the deploy lock is still held after {limit} s"),
        };
        let message = format!("{what}; nothing was changed:\n{}", self.shown(state));
        Failure::new(ExitCode::Locked, message)
            .help("wait for it, or release it with `mrsk lock release`")
    }

    /// Takes the lock for a person, where there is nothing to do for a run.
    async fn hold(&self, message: &str) -> Result<(), Failure> {
        let linked = self.linked().await?;
        let details = hold(self.redactor, message).await;
        let terms = LockTerms::default();
        let answer = linked.lock(&self.scope, &details, &terms).await;
        let state = match answer.map_err(|error| self.failure(&error.into()))? {
            LockAnswer::Acquired { .. } => {
                output::print_note(HELD);
                return Ok(());
            }
            LockAnswer::Held { details, beat_age }
            | LockAnswer::Open {
                details, beat_age, ..
            } => LockState {
                text: details.render(),
                beat_age: Some(beat_age),
            },
            LockAnswer::Foreign { text } => LockState {
                text,
                beat_age: None,
            },
        };
        Err(self.still_held(&state, 0))
    }

    async fn linked(&self) -> Result<Arc<crate::transport::Host>, Failure> {
        let linked = self.links.get(&self.host).await;
        linked.map_err(|error| self.failure(&error.into()))
    }

    fn failure(&self, failure: &links::Failure) -> Failure {
        let problem = connections::diagnostic(&self.host, failure);
        Failure::of(connections::exit_code(failure), vec![problem])
    }

    fn shown(&self, state: &LockState) -> String {
        text::escape(&self.redactor.redact(described(state).trim_end()))
    }
}

/// How a command that plans and applies has ended.
pub enum Ended {
    /// The plan has no steps.
    NothingToDo,
    /// The plan was applied, and what became of the lock was told.
    Applied(Outcome),
}

impl Ended {
    /// Returns the exit code.
    pub fn code(self) -> ExitCode {
        match self {
            Self::NothingToDo => ExitCode::Done,
            Self::Applied(outcome) => outcome.exit_code(),
        }
    }
}

/// What is printed once the lock is a person's.
const HELD: &str = "the deploy lock stays: nothing is deployed until `mrsk lock release`";

impl Preemption {
    /// Stops the heartbeats: the run has ended, and what became of the lock is told.
    fn end(self) {
        self.keeper.abort();
    }

    /// Releases the lock: nothing came of the run.
    async fn release(self) {
        if let Ok(linked) = self.links.get(&self.host).await {
            // A lock that cannot be released is taken over once it has been silent.
            let _ = linked.release(&self.scope, &self.run).await;
        }
        self.end();
    }

    /// Makes the lock a person's: there is nothing to do for a run.
    async fn hold(self, redactor: &Redactor, message: &str) {
        let details = hold(redactor, message).await;
        if let Ok(linked) = self.links.get(&self.host).await
            && linked.leave(&self.scope, &self.run, &details).await.is_ok()
        {
            output::print_note(HELD);
        }
        self.end();
    }
}

/// Returns the details of the lock that is left to a person.
pub async fn hold(redactor: &Redactor, message: &str) -> LockDetails {
    LockDetails {
        message: redactor.redact(message),
        ..by(git::user_name().await)
    }
}

fn by(person: String) -> LockDetails {
    LockDetails {
        locked_by: person,
        at: jiff::Timestamp::now()
            .strftime("%Y-%m-%d %H:%M:%S UTC")
            .to_string(),
        ..LockDetails::default()
    }
}

/// Sends heartbeats until the lock is lost.
async fn keep(links: Arc<Links>, host: HostName, scope: Scope, run: RunId) {
    loop {
        tokio::time::sleep(BEAT).await;
        let Ok(linked) = links.get(&host).await else {
            continue;
        };
        match linked.beat(&scope, &run).await {
            Ok(BeatAnswer::Held | BeatAnswer::StopRequested(_)) => {}
            Ok(BeatAnswer::Lost | BeatAnswer::Released(_)) => return,
            Err(_) => links.renew(&host).await,
        }
    }
}
