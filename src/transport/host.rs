//! A connected host: a typed method for each request.

use std::fmt;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};

use super::answer::{
    self, AnswerError, BeatAnswer, Event, FenceAnswer, ForgetAnswer, LeaveAnswer, Line, LockState,
    ReleaseAnswer, ResolveAnswer, StopAnswer, WriteAnswer,
};
use super::batch::BatchAnswer;
use super::bounds::{self, Bounds, Budget, Excess};
use super::channel::Channel;
use super::listen::{self, Listening, Unended};
use super::living;
use super::local::LocalShell;
use super::lock_answer;
use super::master::{Master, Session};
use super::pieces::Pieces;
use super::quote::quote;
use super::request::{
    AttemptRef, Commands, CommandsEnded, Holder, Inputs, LockTerms, Place, Record, Resolution,
    StepRequest,
};
use super::script::{self, RenderError, Script};
use crate::action::{Arg, Run};
use crate::name::{PlanDigest, RunId};
use crate::record::living::{AttemptName, LivingAttempt};
use crate::record::{AttemptState, Listing, LockAnswer, LockDetails, Scope, Seen, StopRequest};
use crate::redaction::Redactor;

/// Channels that are open to one host at a time, beside the one for the lock. sshd's default limit is 10.
const CHANNELS: usize = 8;

/// How long an answer that needs no waiting on the host may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(120);

/// How long one call of [`Host::attach`] waits on the host, in seconds.
const ATTACH_SECONDS: u32 = 20;

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The channel or the connection ended before the answer did. What the request did is unknown.
    #[error("the connection was lost{}", parenthesis(.detail))]
    Lost {
        /// What is known of it; may be empty.
        detail: String,
    },
    /// The host says why it could not do it.
    #[error("{message}")]
    Script {
        /// Its words.
        message: String,
    },
    /// The answer is not of the protocol.
    #[error("unexpected answer: {line}")]
    Protocol {
        /// The line.
        line: String,
    },
    /// It answers more than a host may.
    #[error(transparent)]
    Excess(#[from] Excess),
    /// The request could not be put into a script: nothing was sent.
    #[error(transparent)]
    Request(#[from] RenderError),
}

fn parenthesis(detail: &str) -> String {
    match detail {
        "" => String::new(),
        detail => format!(" ({detail})"),
    }
}

impl LinkError {
    fn lost(detail: &dyn fmt::Display) -> Self {
        let detail = detail.to_string();
        Self::Lost { detail }
    }

    /// Returns what it means that an answer cannot be used, with what is on standard error.
    fn of(error: AnswerError, errors: String) -> Self {
        match error {
            AnswerError::Torn => Self::Lost { detail: errors },
            AnswerError::Refused(message) => Self::Script { message },
            AnswerError::Malformed(line) => Self::Protocol { line },
        }
    }
}

/// What runs `sh`.
enum Shell {
    Ssh(Master),
    Local(LocalShell),
}

/// A host that can be asked. At most 8 channels are open to it at a time; further requests wait. What a run asks about its lock
/// has a channel of its own: a heartbeat waits for no step.
pub struct Host {
    shell: Shell,
    channels: Semaphore,
    lock_channel: Semaphore,
    budget: Budget,
}

impl Host {
    /// Returns a host that is reached through an SSH connection.
    pub(super) fn ssh(master: Master, budget: Budget) -> Self {
        Self::new(Shell::Ssh(master), budget)
    }

    /// Returns this machine as a host, in the login directory and with the shell that `shell` says.
    pub fn local(shell: LocalShell) -> Self {
        Self::new(Shell::Local(shell), Budget::default())
    }

    fn new(shell: Shell, budget: Budget) -> Self {
        Self {
            shell,
            channels: Semaphore::new(CHANNELS),
            lock_channel: Semaphore::new(1),
            budget,
        }
    }

    async fn open(&self) -> Result<Channel, LinkError> {
        match &self.shell {
            Shell::Ssh(master) => master.open().await,
            Shell::Local(shell) => shell.open().map_err(|error| error.to_string()),
        }
        .map_err(|detail| LinkError::Lost { detail })
    }

    /// Runs `script` on one of `channels`, hands each line to `on_line` until that breaks off, and returns what is on standard
    /// error.
    async fn run(
        &self,
        channels: &Semaphore,
        script: &Script,
        bounds: Bounds,
        on_line: impl FnMut(&str) -> ControlFlow<()> + Send,
    ) -> Result<String, LinkError> {
        let permit = channels.acquire().await;
        let _permit = permit.map_err(|error| LinkError::lost(&error))?;
        let channel = self.open().await?;
        Ok(channel.converse(script.text(), bounds, on_line).await?)
    }

    /// Runs `script` on one of `channels`, and returns what it prints until a line `is_last`, and what is on standard error.
    async fn collect(
        &self,
        channels: &Semaphore,
        script: &Script,
        bounds: Bounds,
        mut is_last: impl FnMut(&str) -> bool + Send,
    ) -> Result<(String, String), LinkError> {
        let mut text = String::new();
        let mut held = self.budget.answer();
        let mut excess = None;
        let run = self.run(channels, script, bounds, |line| {
            if let Err(error) = held.take(line.len(), bounds) {
                excess = Some(error);
                return ControlFlow::Break(());
            }
            text.push_str(line);
            match is_last(line) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        let errors = tokio::time::timeout(REQUEST_LIMIT, run).await;
        let limit = REQUEST_LIMIT.as_secs();
        let late = |_| LinkError::lost(&format_args!("no answer within {limit} s"));
        let errors = errors.map_err(late)??;
        match excess {
            Some(excess) => Err(excess.into()),
            None => Ok((text, errors)),
        }
    }

    /// Runs `script` and returns its answer.
    async fn ask<T>(
        &self,
        script: &Script,
        read: impl FnOnce(&str) -> Result<T, AnswerError>,
    ) -> Result<T, LinkError> {
        self.ask_on(&self.channels, script, read).await
    }

    /// As [`Host::ask`], on one of `channels`.
    async fn ask_on<T>(
        &self,
        channels: &Semaphore,
        script: &Script,
        read: impl FnOnce(&str) -> Result<T, AnswerError>,
    ) -> Result<T, LinkError> {
        let is_last = |line: &str| Line::read(line).is_some_and(|line| line.is_end());
        let collected = self.collect(channels, script, bounds::LIST, is_last);
        let (text, errors) = collected.await?;
        read(&text).map_err(|error| LinkError::of(error, errors))
    }

    /// Takes the deploy lock of `scope`, or returns its holder. Does not wait for its holder. `details` is what is to stand in the lock, with
    /// the generation that is reached.
    ///
    /// # Errors
    ///
    /// As [`LinkError`] says; so do all methods. After [`LinkError::Lost`] it may be ours: asking again with the same run tells.
    pub async fn lock(
        &self,
        scope: &Scope,
        details: &LockDetails,
        terms: &LockTerms,
    ) -> Result<LockAnswer, LinkError> {
        let script = script::lock(scope, details, terms)?;
        self.ask_on(&self.lock_channel, &script, lock_answer::lock)
            .await
    }

    /// Keeps the lock that `run` holds.
    pub async fn beat(&self, scope: &Scope, run: &RunId) -> Result<BeatAnswer, LinkError> {
        let script = script::beat(scope, run)?;
        self.ask_on(&self.lock_channel, &script, answer::beat).await
    }

    /// Releases the lock that `run` holds.
    pub async fn release(&self, scope: &Scope, run: &RunId) -> Result<ReleaseAnswer, LinkError> {
        let script = script::release(scope, run)?;
        self.ask_on(&self.lock_channel, &script, answer::release)
            .await
    }

    /// Makes the lock that `run` holds a person's, with these details. Nobody else can take it in between.
    pub async fn leave(
        &self,
        scope: &Scope,
        run: &RunId,
        details: &LockDetails,
    ) -> Result<LeaveAnswer, LinkError> {
        let script = script::leave(scope, run, details)?;
        self.ask_on(&self.lock_channel, &script, answer::leave)
            .await
    }

    /// Releases the lock of somebody else; `person` is told to the run that held it.
    pub async fn release_any(
        &self,
        scope: &Scope,
        whose: Holder,
        person: &str,
    ) -> Result<ReleaseAnswer, LinkError> {
        let script = script::release_any(scope, whose, person)?;
        self.ask(&script, answer::release).await
    }

    /// Asks the run that holds the lock to stop; it reads that with its next beat.
    pub async fn request_stop(
        &self,
        scope: &Scope,
        request: &StopRequest,
    ) -> Result<StopAnswer, LinkError> {
        let script = script::request_stop(scope, request)?;
        self.ask(&script, answer::stop).await
    }

    /// Returns the holder of the lock; `None` if it is free.
    pub async fn lock_status(&self, scope: &Scope) -> Result<Option<LockState>, LinkError> {
        let script = script::lock_status(scope)?;
        self.ask(&script, answer::lock_status).await
    }

    /// Lets only `run` start steps here from now on, and lists the attempts that were there then. `seen` is what the plan saw.
    pub async fn fence(
        &self,
        place: &Place,
        run: &RunId,
        seen: &Seen,
    ) -> Result<FenceAnswer, LinkError> {
        self.ask(&script::fence(place, run, seen)?, living::fence)
            .await
    }

    /// Ends these attempts of other plans, and returns those that live: also those that cannot be ended, or undo a failure.
    pub async fn others(
        &self,
        place: &Place,
        end: &[AttemptName],
    ) -> Result<Vec<LivingAttempt>, LinkError> {
        self.ask(&script::others(place, end)?, living::others).await
    }

    /// Has the host begin no step of `run` any more but those that finish a switch, and end the ones that only wait.
    pub async fn halt(&self, place: &Place, run: &RunId) -> Result<WriteAnswer, LinkError> {
        self.ask(&script::halt(place, run)?, answer::write).await
    }

    /// Lists the attempts at the plan's steps.
    pub async fn list(&self, place: &Place) -> Result<Listing, LinkError> {
        self.ask(&script::list(place)?, answer::listing).await
    }

    /// Runs `batch` step by step until one does not succeed, and tells `events` what happens as it happens. Returns
    /// when the script has ended. Secret values are redacted in the output.
    ///
    /// The steps go on when the connection or this future is gone. A host that has told no end when all of them must have ended is
    /// not listened to any longer: that counts as a lost connection.
    ///
    /// # Errors
    ///
    /// As [`Host::lock`]. After an error, steps of which no end was told may run or have run: [`Host::list`] tells.
    pub async fn start(
        &self,
        place: &Place,
        run: &RunId,
        batch: &[StepRequest],
        inputs: &Inputs,
        events: &mpsc::Sender<Event>,
    ) -> Result<(), LinkError> {
        let script = script::start(place, run, batch, inputs)?;
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let mut answer = BatchAnswer::new(batch.len(), sender);
        let running = async {
            let run = self.run(&self.channels, &script, bounds::BATCH, |line| {
                answer.read(line)
            });
            let limit = bounds::longest(batch);
            let late = |_| {
                let limit = limit.as_secs();
                Err(LinkError::lost(&format_args!(
                    "its steps have not ended within {limit} s"
                )))
            };
            let errors = tokio::time::timeout(limit, run).await;
            (errors.unwrap_or_else(late), answer.end())
        };
        let telling = async {
            while let Some(event) = receiver.recv().await {
                let _ = events.send(redact(event, inputs.redactor())).await;
            }
        };
        let ((errors, outcome), ()) = tokio::join!(running, telling);
        let errors = errors?;
        outcome?.map_err(|error| LinkError::of(error, errors))
    }

    /// Waits a while for the end of an attempt, and returns its state; `None` if nobody has claimed it.
    pub async fn attach(
        &self,
        place: &Place,
        attempt: &AttemptRef,
    ) -> Result<Option<AttemptState>, LinkError> {
        let script = script::attach(place, attempt, ATTACH_SECONDS)?;
        let read = |text: &str| answer::attempt(text, &attempt.step, attempt.number);
        self.ask(&script, read).await
    }

    /// Enters the plan as finished, brings the audit log up to date, and removes the details of old runs.
    pub async fn finish(&self, place: &Place, run: &RunId) -> Result<WriteAnswer, LinkError> {
        self.ask(&script::finish(place, run)?, answer::write).await
    }

    /// Writes claim and receipt of a local step.
    pub async fn record(&self, place: &Place, record: &Record) -> Result<WriteAnswer, LinkError> {
        self.ask(&script::record(place, record)?, answer::write)
            .await
    }

    /// Writes the receipt that a person gives an attempt, if it is in doubt, and a line in the audit log.
    pub async fn resolve(
        &self,
        place: &Place,
        resolution: &Resolution,
    ) -> Result<ResolveAnswer, LinkError> {
        let AttemptRef { step, number } = &resolution.attempt;
        let read = |text: &str| answer::resolve(text, step, *number);
        self.ask(&script::resolve(place, resolution)?, read).await
    }

    /// Brings the audit log up to date with what attempts have left, if the fence names `run`.
    pub async fn audit(&self, place: &Place, run: &RunId) -> Result<WriteAnswer, LinkError> {
        self.ask(&script::audit(place, run)?, answer::write).await
    }

    /// Adds a line to the audit log: of what is no step of a plan.
    pub async fn note(&self, scope: &Scope, line: &str) -> Result<WriteAnswer, LinkError> {
        self.ask(&script::note(scope, line)?, answer::write).await
    }

    /// Returns the audit log, and behind it what it does not say yet of attempts whose records are below `state_dir`; `None`: below the
    /// state directory that the host chooses.
    pub async fn read_audit(
        &self,
        scope: &Scope,
        state_dir: Option<&str>,
    ) -> Result<String, LinkError> {
        self.ask(&script::read_audit(scope, state_dir)?, answer::text)
            .await
    }

    /// Removes the records of a service and destination, unless it runs there again or another plan than `last` came last.
    pub async fn forget(
        &self,
        scope: &Scope,
        state_dir: Option<&str>,
        last: Option<&PlanDigest>,
    ) -> Result<ForgetAnswer, LinkError> {
        self.ask(&script::forget(scope, state_dir, last)?, answer::forget)
            .await
    }

    /// Removes what is left of locks once no service has records there.
    pub async fn sweep_lock(&self, scope: &Scope, dir: Option<&str>) -> Result<(), LinkError> {
        self.ask(&script::sweep_lock(scope, dir)?, answer::sweep_lock)
            .await
    }

    /// Runs `commands` and hands each line that they print to `pieces`, as it comes; a very long line comes in several pieces. `mark` is
    /// random. Should the returned future be dropped, they are ended. `silence` is the longest time in which nothing may come.
    pub async fn run_commands(
        &self,
        commands: &Commands,
        inputs: &Inputs,
        mark: &str,
        silence: Option<Duration>,
        pieces: &Pieces,
    ) -> Result<CommandsEnded, LinkError> {
        let script = script::commands(commands, inputs, mark)?;
        let permit = self.channels.acquire().await;
        let _permit = permit.map_err(|error| LinkError::lost(&error))?;
        let channel = self.open().await?;
        let listening = Listening {
            script: script.text(),
            mark,
            silence,
        };
        let ended = listen::listen(channel, &listening, pieces).await;
        ended.map_err(|unended| match unended {
            Unended::Lost(detail) => LinkError::Lost { detail },
            Unended::Silent(limit) => {
                LinkError::lost(&format_args!("no answer within {} s", limit.as_secs()))
            }
            Unended::Unread => LinkError::lost(&"the output is not read any more"),
        })
    }

    /// Returns the local command that runs `command` on this host, attached to what that is attached to.
    ///
    /// # Errors
    /// A word that cannot be handed to a host, or one that is not literal.
    pub fn session(&self, command: &Run, session: Session) -> Result<Vec<String>, LinkError> {
        let words = command.argv.iter().map(|word| match word {
            Arg::Literal(word) => Ok(quote(word).map_err(RenderError::from)?),
            Arg::FromEnv(name) => Err(RenderError::Missing(name.clone())),
            Arg::Pushed(image) => Err(RenderError::Missing(image.pushed_by.to_string())),
        });
        let line = words
            .collect::<Result<Vec<String>, RenderError>>()?
            .join(" ");
        Ok(match &self.shell {
            Shell::Ssh(master) => master.session(line, session),
            Shell::Local(shell) => [shell.argv.clone(), vec!["-c".to_owned(), line]].concat(),
        })
    }

    /// Runs a script of the layer that asks for facts, and returns what it prints. Whether that is complete is for the
    /// caller to see by its last line.
    pub async fn probe(&self, text: &str) -> Result<String, LinkError> {
        let (answer, errors) = self
            .collect(&self.channels, &script::probe(text)?, bounds::PROBE, |_| {
                false
            })
            .await?;
        match answer.is_empty() {
            true => Err(LinkError::lost(&errors)),
            false => Ok(answer),
        }
    }
}

/// Redacts what commands printed.
fn redact(mut event: Event, redactor: &Redactor) -> Event {
    let clean = |text: &mut String| {
        bounds::drop_cut_line(text);
        *text = redactor.redact(text);
    };
    match &mut event {
        Event::Ended {
            output, diagnosis, ..
        } => [output, diagnosis].into_iter().for_each(clean),
        Event::PollAttempt(_, poll) => clean(&mut poll.status),
        Event::Claimed { .. } | Event::AlreadyClaimed { .. } => {}
    }
    event
}
