//! A connected host: a typed method for each request.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};

use super::answer::{
    self, AnswerError, BeatAnswer, Event, FenceAnswer, Line, LockState, ReleaseAnswer, WriteAnswer,
};
use super::channel::Channel;
use super::local::LocalShell;
use super::master::Master;
use super::request::{AttemptRef, Inputs, Lock, Place, Record, StepRequest};
use super::script::{self, RenderError, Script};
use crate::name::RunId;
use crate::record::{Attempt, AttemptState, LockAnswer, Scope};
use crate::secret::{self, Secrets};

/// Channels that are open to one host at a time. sshd's default limit is 10.
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

impl From<AnswerError> for LinkError {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Torn => LinkError::Lost {
                detail: String::new(),
            },
            AnswerError::Refused(message) => LinkError::Script { message },
            AnswerError::Malformed(line) => LinkError::Protocol { line },
        }
    }
}

/// What runs `sh`.
enum Shell {
    Ssh(Master),
    Local(LocalShell),
}

/// A host that can be asked. At most 8 channels are open to it at a time; further requests wait.
pub struct Host {
    shell: Shell,
    channels: Semaphore,
}

impl Host {
    /// Returns a host that is reached through an SSH connection.
    pub(super) fn ssh(master: Master) -> Self {
        Self {
            shell: Shell::Ssh(master),
            channels: Semaphore::new(CHANNELS),
        }
    }

    /// Returns this machine as a host, in the login directory and with the shell that `shell` says.
    pub fn local(shell: LocalShell) -> Self {
        Self {
            shell: Shell::Local(shell),
            channels: Semaphore::new(CHANNELS),
        }
    }

    async fn open(&self) -> Result<Channel, LinkError> {
        match &self.shell {
            Shell::Ssh(master) => master.open().await,
            Shell::Local(shell) => shell.open().map_err(|error| error.to_string()),
        }
        .map_err(|detail| LinkError::Lost { detail })
    }

    /// Runs `script`, hands each line to `on_line` until that breaks off, and returns what is on standard error.
    async fn run(
        &self,
        script: &Script,
        on_line: impl FnMut(&str) -> ControlFlow<()> + Send,
    ) -> Result<String, LinkError> {
        let _permit = self
            .channels
            .acquire()
            .await
            .map_err(|error| LinkError::Lost {
                detail: error.to_string(),
            })?;
        let channel = self.open().await?;
        Ok(channel.converse(script.text(), on_line).await)
    }

    /// Runs `script` and returns its answer as text, up to its last line.
    async fn ask<T>(
        &self,
        script: &Script,
        limit: Duration,
        read: impl FnOnce(&str) -> Result<T, AnswerError>,
    ) -> Result<T, LinkError> {
        let mut text = String::new();
        let run = self.run(script, |line| {
            text.push_str(line);
            match Line::read(line) {
                Some(line) if line.is_end() => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        });
        let errors = match tokio::time::timeout(limit, run).await {
            Ok(errors) => errors?,
            Err(_) => {
                return Err(LinkError::Lost {
                    detail: format!("no answer within {} s", limit.as_secs()),
                });
            }
        };
        read(&text).map_err(|error| match error {
            AnswerError::Torn => LinkError::Lost { detail: errors },
            error => error.into(),
        })
    }

    /// Takes the deploy lock, or returns its holder. Does not wait for its holder.
    ///
    /// # Errors
    ///
    /// As [`LinkError`] says; so do all methods. After [`LinkError::Lost`] it may be ours: asking again with the same run tells.
    pub async fn lock(&self, request: &Lock) -> Result<LockAnswer, LinkError> {
        self.ask(&script::lock(request)?, REQUEST_LIMIT, answer::lock)
            .await
    }

    /// Keeps the lock that `run` holds.
    ///
    /// # Errors
    ///
    /// As [`Host::lock`].
    pub async fn beat(&self, run: &RunId) -> Result<BeatAnswer, LinkError> {
        self.ask(&script::beat(run)?, REQUEST_LIMIT, answer::beat)
            .await
    }

    /// Releases the lock that `run` holds.
    ///
    /// # Errors
    ///
    /// As [`Host::lock`].
    pub async fn release(&self, run: &RunId) -> Result<ReleaseAnswer, LinkError> {
        self.ask(&script::release(run)?, REQUEST_LIMIT, answer::release)
            .await
    }

    /// Force-releases the lock.
    ///
    /// # Errors
    ///
    /// As [`Host::lock`].
    pub async fn release_any(&self) -> Result<ReleaseAnswer, LinkError> {
        self.ask(&script::release_any(), REQUEST_LIMIT, answer::release)
            .await
    }

    /// Returns the holder of the lock; `None` if it is free.
    ///
    /// # Errors
    ///
    /// As [`Host::lock`].
    pub async fn lock_status(&self) -> Result<Option<LockState>, LinkError> {
        self.ask(&script::lock_status(), REQUEST_LIMIT, answer::lock_status)
            .await
    }

    /// Lets only `run` start steps here from now on, and lists the attempts that were there then. `serial` is what the plan saw.
    ///
    /// # Errors
    ///
    /// As [`Host::lock`].
    pub async fn fence(
        &self,
        place: &Place,
        run: &RunId,
        serial: u64,
    ) -> Result<FenceAnswer, LinkError> {
        let script = script::fence(place, run, serial)?;
        self.ask(&script, REQUEST_LIMIT, answer::fence).await
    }

    /// Lists the attempts at the plan's steps.
    ///
    /// # Errors
    ///
    /// As [`Host::lock`].
    pub async fn list(&self, place: &Place) -> Result<Vec<Attempt>, LinkError> {
        self.ask(&script::list(place)?, REQUEST_LIMIT, answer::attempts)
            .await
    }

    /// Runs `batch` step by step until one does not succeed, and tells `events` what happens as it happens. Returns
    /// when the script has ended. Secret values are redacted in the output.
    ///
    /// The steps go on when the connection or this future is gone.
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
        let mut outcome = Err(AnswerError::Torn);
        let running = self.run(&script, move |text| {
            let Some(line) = Line::read(text) else {
                return ControlFlow::Continue(());
            };
            let is_last = line.is_end() && text.ends_with('\n');
            let _ = sender.send(line);
            if is_last {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        let telling = async {
            while let Some(line) = receiver.recv().await {
                if line.is_end() {
                    if outcome == Err(AnswerError::Torn) {
                        outcome = Ok(());
                    }
                    continue;
                }
                match line.event() {
                    Ok(event) => {
                        let _ = events.send(redact(event, &inputs.secrets)).await;
                    }
                    Err(error) => outcome = Err(error),
                }
            }
        };
        let (errors, ()) = tokio::join!(running, telling);
        let errors = errors?;
        outcome.map_err(|error| match error {
            AnswerError::Torn => LinkError::Lost { detail: errors },
            error => error.into(),
        })
    }

    /// Waits a while for the end of an attempt, and returns its state; `None` if nobody has claimed it.
    ///
    /// # Errors
    ///
    /// As [`Host::lock`].
    pub async fn attach(
        &self,
        place: &Place,
        attempt: &AttemptRef,
    ) -> Result<Option<AttemptState>, LinkError> {
        let script = script::attach(place, attempt, ATTACH_SECONDS)?;
        self.ask(&script, REQUEST_LIMIT, answer::attempt).await
    }

    /// Enters the plan as finished, adds `lines` to the audit log, and removes the details of old runs.
    ///
    /// # Errors
    ///
    /// As [`Host::lock`].
    pub async fn finish(
        &self,
        place: &Place,
        run: &RunId,
        lines: &[String],
    ) -> Result<WriteAnswer, LinkError> {
        let script = script::finish(place, run, lines)?;
        self.ask(&script, REQUEST_LIMIT, answer::write).await
    }

    /// Writes claim and receipt of a local step.
    ///
    /// # Errors
    ///
    /// As [`Host::lock`].
    pub async fn record(&self, place: &Place, record: &Record) -> Result<WriteAnswer, LinkError> {
        let script = script::record(place, record)?;
        self.ask(&script, REQUEST_LIMIT, answer::write).await
    }

    /// Adds `lines` to the audit log.
    ///
    /// # Errors
    ///
    /// As [`Host::lock`].
    pub async fn audit(&self, scope: &Scope, lines: &[String]) -> Result<WriteAnswer, LinkError> {
        let script = script::audit(scope, lines)?;
        self.ask(&script, REQUEST_LIMIT, answer::write).await
    }

    /// Returns the audit log; empty if there is none.
    ///
    /// # Errors
    ///
    /// As [`Host::lock`].
    pub async fn read_audit(&self, scope: &Scope) -> Result<String, LinkError> {
        self.ask(&script::read_audit(scope)?, REQUEST_LIMIT, answer::text)
            .await
    }

    /// Runs a script of the layer that asks for facts, and returns what it prints. Whether that is complete is for the
    /// caller to see by its last line.
    ///
    /// # Errors
    ///
    /// As [`Host::lock`].
    pub async fn probe(&self, text: &str) -> Result<String, LinkError> {
        let script = script::probe(text)?;
        let mut answer = String::new();
        let run = self.run(&script, |line| {
            answer.push_str(line);
            ControlFlow::Continue(())
        });
        match tokio::time::timeout(REQUEST_LIMIT, run).await {
            Ok(Ok(errors)) if answer.is_empty() => Err(LinkError::Lost { detail: errors }),
            Ok(Ok(_)) => Ok(answer),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(LinkError::Lost {
                detail: format!("no answer within {} s", REQUEST_LIMIT.as_secs()),
            }),
        }
    }
}

/// Redacts what commands printed: the values of `secrets`, and the lines of those that have several.
fn redact(event: Event, secrets: &Secrets) -> Event {
    let clean = |text: String| secret::redact(&text, secrets);
    match event {
        Event::Ended {
            step,
            attempt,
            receipt,
            output,
            diagnosis,
        } => Event::Ended {
            step,
            attempt,
            receipt,
            output: clean(output),
            diagnosis: clean(diagnosis),
        },
        Event::PollAttempt {
            step,
            attempt,
            of,
            status,
        } => Event::PollAttempt {
            step,
            attempt,
            of,
            status: clean(status),
        },
        event @ (Event::Claimed { .. } | Event::AlreadyClaimed { .. }) => event,
    }
}
