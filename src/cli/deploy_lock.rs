//! The deploy lock before a run begins: it is taken, then the hosts are looked at and the plan is compiled, and the run goes on as the one
//! that holds it.
//!
//! With `--preempt` the run that holds the lock stops for this one, and with `--hold` this one leaves the lock to a person. In neither case
//! is the lock free in between, so that no run that waits for it comes first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use super::failure::Failure;
use super::held::{described, ways_out};
use super::options::parse_message;
use super::{confirmation, connections, git, output, random};
use crate::apply::driver::signals;
use crate::apply::links::{self, Links};
use crate::apply::state::Outcome;
use crate::digest;
use crate::exit_code::ExitCode;
use crate::name::{HostName, RunId};
use crate::record::living::Told;
use crate::record::{LockAnswer, LockDetails, Scope, StopRequest, TakeOver};
use crate::redaction::Redactor;
use crate::report::behind_others;
use crate::text;
use crate::transport::LinkError;
use crate::transport::answer::{BeatAnswer, LockState};
use crate::transport::request::{LockTerms, Turn};

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
    /// What it is for: the words of the command.
    pub operation: String,
    /// The version that is deployed; empty if it is not known yet.
    pub version: String,
    /// When the lock is taken.
    pub order: Order,
    /// `--lock-wait`, in seconds.
    pub wait: u64,
    /// `--take-over`.
    pub take_over: TakeOver,
    /// What hides secrets.
    pub redactor: &'a Redactor,
}

/// When the lock is taken, unless another run is to stop for this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Before the hosts are looked at.
    LockFirst,
    /// By the run itself: its plan is there.
    PlanFirst,
}

/// The deploy lock, held for a run that has yet to begin.
struct HeldLock {
    links: Arc<Links>,
    host: HostName,
    scope: Scope,
    run: RunId,
    keeper: Keeper,
}

/// What sends heartbeats until the run does so itself.
#[derive(Debug, Clone)]
pub struct Keeper(AbortHandle);

impl Keeper {
    /// Ends the heartbeats.
    pub fn end(&self) {
        self.0.abort();
    }
}

/// The lock as it was taken.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The run that holds it.
    pub run: RunId,
    /// What sends its heartbeats.
    pub keeper: Keeper,
    /// Who held the lock while it was waited for.
    pub behind: Vec<LockDetails>,
}

impl Wanted<'_> {
    /// Has `run` plan and apply, as the run that holds the lock already if it was taken. The lock ends as `urgency` says.
    pub async fn hold_around<F>(
        &self,
        urgency: &UrgencyOptions,
        run: impl FnOnce(Option<Taken>) -> F,
    ) -> Result<Ended, Failure>
    where
        F: Future<Output = Result<Ended, Failure>>,
    {
        let (held, behind) = match (urgency.preempt, self.order) {
            (false, Order::PlanFirst) => (None, Vec::new()),
            (true, _) => self.take(InTheWay::IsAskedToStop).await?,
            (false, Order::LockFirst) => self.take(InTheWay::IsWaitedFor).await?,
        };
        let taken = held.as_ref().map(|held| Taken {
            run: held.run.clone(),
            keeper: held.keeper.clone(),
            behind,
        });
        let ended = run(taken).await;
        match (&ended, held, &urgency.hold) {
            (Ok(Ended::NothingToDo), Some(held), Some(message)) => {
                held.hold(self.redactor, message).await;
            }
            (Ok(Ended::NothingToDo), None, Some(message)) => self.hold(message).await?,
            (Ok(Ended::Applied(_)), Some(held), _) => held.keeper.end(),
            (_, Some(held), _) => held.release().await,
            (_, None, _) => {}
        }
        self.links.close();
        ended
    }

    /// Takes the lock, and returns who held it meanwhile. A run that holds it is waited for, after it was asked to stop if that is to be so; a
    /// person is only waited for.
    async fn take(
        &self,
        in_the_way: InTheWay,
    ) -> Result<(Option<HeldLock>, Vec<LockDetails>), Failure> {
        let run = RunId::from(digest::hex(&random::bytes::<16>()?));
        let destination = self.scope.destination.as_ref();
        let destination = destination.map_or(String::new(), |name| format!(" ({name})"));
        let details = LockDetails {
            version: self.version.clone(),
            message: format!("Automatic deploy lock{destination}"),
            run: Some(run.clone()),
            generation: 1,
            operation: Some(self.operation.clone()),
            ..by(git::user_name().await)
        };
        let taken = tokio::select! {
            taken = self.wait_for(&details, in_the_way) => taken,
            () = signals::received(signals::stopping()) => {
                let failure = Failure::new(ExitCode::Interrupted, "interrupted");
                Err(failure.help("nothing was changed"))
            }
        };
        let keep = keep(
            self.links.clone(),
            self.host.clone(),
            self.scope.clone(),
            run.clone(),
        );
        let held = HeldLock {
            keeper: Keeper(tokio::spawn(keep).abort_handle()),
            links: self.links.clone(),
            host: self.host.clone(),
            scope: self.scope.clone(),
            run,
        };
        match taken {
            Ok(behind) => Ok((Some(held), behind)),
            Err(failure) => {
                // It may have been taken at that moment; and this run is not waited for.
                if failure.exit_code == ExitCode::Interrupted || self.wait > 0 {
                    held.release().await;
                }
                held.keeper.end();
                self.links.close();
                Err(failure)
            }
        }
    }

    async fn wait_for(
        &self,
        details: &LockDetails,
        in_the_way: InTheWay,
    ) -> Result<Vec<LockDetails>, Failure> {
        let begun = Instant::now();
        let mut behind: Vec<LockDetails> = Vec::new();
        let mut told = None;
        let mut take_over = self.take_over;
        loop {
            let linked = self.linked().await?;
            let terms = LockTerms {
                take_over,
                turn: in_the_way.turn(self.wait),
                ..LockTerms::default()
            };
            let answer = match linked.lock(&self.scope, details, &terms).await {
                // A link that stood idle may have broken.
                Err(LinkError::Lost { .. }) => {
                    self.links.renew(&self.host).await;
                    let linked = self.linked().await?;
                    linked.lock(&self.scope, details, &terms).await
                }
                answer => answer,
            };
            let state = match answer.map_err(|error| self.failure(&error.into()))? {
                LockAnswer::Acquired { taken_from, .. } => {
                    if let Some(from) = taken_from {
                        output::print_note(&format!(
                            "took over the deploy lock of a dead run:\n{}",
                            self.shown(&from.render())
                        ));
                    }
                    return Ok(behind);
                }
                LockAnswer::Open {
                    details,
                    beat_age,
                    open,
                } => {
                    let text = details.render();
                    let beat_age = Some(beat_age);
                    self.ask_to_take_over(&LockState { text, beat_age }, &open)
                        .await?;
                    take_over = TakeOver::Always;
                    continue;
                }
                LockAnswer::Foreign { text } => LockState {
                    text,
                    beat_age: None,
                },
                LockAnswer::Held { details, beat_age } => LockState {
                    text: details.render(),
                    beat_age: Some(beat_age),
                },
                LockAnswer::Queued { ahead } if begun.elapsed().as_secs() >= self.wait => {
                    return Err(queued(ahead));
                }
                LockAnswer::Queued { .. } => {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let holder = LockDetails::parse(&state.text);
            let limit = match (in_the_way, &holder.run, self.wait) {
                (InTheWay::IsAskedToStop, Some(_), 0) => WAIT_SECONDS,
                (_, _, wait) => wait,
            };
            if begun.elapsed().as_secs() >= limit {
                return Err(self.still_held(&state, limit));
            }
            let is_new = told.as_ref() != Some(&(holder.locked_by.clone(), holder.run.clone()));
            if is_new {
                self.tell_holder(&linked, (&holder, &state), limit, in_the_way)
                    .await?;
                told = Some((holder.locked_by.clone(), holder.run.clone()));
            }
            // The same run tells more of itself once it has compiled its plan.
            behind.retain(|known| known.run != holder.run);
            behind.push(holder);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Says who is waited for, after a run was asked to stop if that is to be so.
    async fn tell_holder(
        &self,
        linked: &crate::transport::Host,
        (holder, state): (&LockDetails, &LockState),
        limit: u64,
        in_the_way: InTheWay,
    ) -> Result<(), Failure> {
        let what = match (in_the_way, &holder.run) {
            (InTheWay::IsAskedToStop, Some(_)) => {
                let request = StopRequest {
                    message: format!("`mrsk {}` needs the deploy lock", self.operation),
                    person: git::user_name().await,
                };
                let answer = linked.request_stop(&self.scope, &request).await;
                answer.map_err(|error| self.failure(&error.into()))?;
                format!(
                    "asked the run that holds the deploy lock to stop; waiting up to {limit} s for it"
                )
            }
            _ => format!("waiting up to {limit} s for the deploy lock"),
        };
        output::print_note(&format!("{what}:\n{}", self.shown(&described(state))));
        Ok(())
    }

    /// Asks whether the lock of a dead run that has left something open is taken over. Fails unless a person says so.
    async fn ask_to_take_over(&self, state: &LockState, open: &[Told]) -> Result<(), Failure> {
        let failure = self.left_open(state, open);
        if !confirmation::can_ask() {
            return Err(failure);
        }
        output::print_diagnostics(&failure.diagnostics);
        match confirmation::takes_over().await {
            true => Ok(()),
            false => Err(failure),
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
            self.shown(&described(state))
        );
        Failure::new(ExitCode::Locked, message)
            .help("see what it did with `mrsk audit`, then take the lock over with `--take-over`")
    }

    fn still_held(&self, state: &LockState, limit: u64) -> Failure {
        let what = match limit {
            0 => "the deploy lock is held".to_owned(),
            limit => format!("the deploy lock is still held after {limit} s"),
        };
        let message = format!(
            "{what}; nothing was changed:\n{}",
            self.shown(&described(state))
        );
        Failure::new(ExitCode::Locked, message).help(ways_out(state))
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
            LockAnswer::Queued { ahead } => return Err(queued(ahead)),
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

    fn shown(&self, text: &str) -> String {
        text::escape(&self.redactor.redact(text.trim_end()))
    }
}

/// What is done about a run that holds the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InTheWay {
    /// It is asked to stop, and waited for.
    IsAskedToStop,
    /// It is waited for as long as `--lock-wait` says.
    IsWaitedFor,
}

impl InTheWay {
    /// Returns when a run that waits for up to `seconds` gets the lock: one that another run stops for, before all that wait.
    fn turn(self, seconds: u64) -> Turn {
        match self {
            Self::IsAskedToStop => Turn::AtOnce,
            Self::IsWaitedFor => Turn::of_wait(seconds),
        }
    }
}

/// Returns that so many runs that wait for the lock get it first.
fn queued(ahead: u32) -> Failure {
    let message = format!("{}; nothing was changed", behind_others(ahead));
    Failure::new(ExitCode::Locked, message).help("wait for longer")
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

impl HeldLock {
    /// Releases the lock: nothing came of the run.
    async fn release(&self) {
        if let Ok(linked) = self.links.get(&self.host).await {
            // A lock that cannot be released is taken over once it has been silent.
            let _ = linked.release(&self.scope, &self.run).await;
        }
        self.keeper.end();
    }

    /// Makes the lock a person's: there is nothing to do for a run.
    async fn hold(self, redactor: &Redactor, message: &str) {
        let details = hold(redactor, message).await;
        if let Ok(linked) = self.links.get(&self.host).await
            && linked.leave(&self.scope, &self.run, &details).await.is_ok()
        {
            output::print_note(HELD);
        }
        self.keeper.end();
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
