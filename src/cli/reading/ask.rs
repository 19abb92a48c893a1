//! Single commands on single hosts, and lines in their audit logs.

use std::sync::Arc;
use std::time::Duration;

use super::Reading;
use crate::apply::links::{self, Links};
use crate::cli::{git, output, random};
use crate::diagnostic::Diagnostic;
use crate::digest;
use crate::name::HostName;
use crate::record::{Attempt, Scope};
use crate::text;
use crate::transport::answer::LockState;
use crate::transport::request::{Commands, CommandsEnded, Inputs, Place};
use crate::transport::{Host, LinkError, pieces};

/// How long a command whose output is not shown may print nothing.
const SILENCE: Duration = Duration::from_secs(120);

/// The most that is kept of output, in bytes.
const KEPT: usize = 64 << 10;

impl Reading {
    /// Adds a problem.
    pub fn add(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    /// Returns whether nothing went wrong yet.
    pub fn is_well(&self) -> bool {
        self.problems.is_empty()
    }

    /// Closes the connections.
    pub fn close(&self) {
        self.links.close();
    }

    /// Returns the link to `host`; nothing if there is none, which is noted.
    pub async fn link(&mut self, host: &HostName) -> Option<Arc<Host>> {
        match self.links.get(host).await {
            Ok(link) => Some(link),
            Err(error) => {
                self.note(host, &error.into());
                None
            }
        }
    }

    /// Runs commands and returns what they print; nothing if the host does not answer, which is noted.
    pub async fn collect(
        &mut self,
        host: &HostName,
        commands: &Commands,
        inputs: &Inputs,
    ) -> Option<(CommandsEnded, String)> {
        match collect(&self.links, host, commands, inputs).await {
            Ok(answer) => Some(answer),
            Err(failure) => {
                self.note(host, &failure);
                None
            }
        }
    }

    /// Returns the service and destination that are asked about.
    pub fn scope(&self) -> Scope {
        let config = self.config();
        Scope {
            service: config.service.clone(),
            destination: config.destination.clone(),
        }
    }

    /// Returns the holder of the deploy lock on `host`, if it is held; nothing if the host does not answer, which is noted.
    pub async fn lock_status(&mut self, host: &HostName) -> Option<Option<LockState>> {
        let link = self.link(host).await?;
        let answer = link.lock_status(&self.scope()).await;
        self.noted(host, answer)
    }

    /// Returns the attempts at the steps of a plan; nothing if the host does not answer, which is noted.
    pub async fn attempts(&mut self, host: &HostName, place: &Place) -> Option<Vec<Attempt>> {
        let link = self.link(host).await?;
        let answer = link.list(place).await;
        self.noted(host, answer.map(|listing| listing.attempts))
    }

    fn noted<T>(&mut self, host: &HostName, answer: Result<T, LinkError>) -> Option<T> {
        answer.map_err(|error| self.note(host, &error.into())).ok()
    }

    /// Runs commands whose failure does not matter.
    pub async fn try_quietly(&self, host: &HostName, commands: &Commands) {
        let _ = collect(&self.links, host, commands, &Inputs::default()).await;
    }

    /// Writes of each command that failed a line into the audit log of its host, if its section says what to call it.
    pub async fn audit_failures(&mut self) {
        let failed = std::mem::take(&mut self.failed);
        let entries = failed.iter().map(|(host, entry)| (host, entry.clone()));
        self.audit(entries).await;
    }

    /// Writes a line into the audit log of each host. Where that fails, a warning says so.
    pub async fn audit<'t>(&self, entries: impl IntoIterator<Item = (&'t HostName, String)>) {
        let config = self.config();
        let scope = self.scope();
        let who = git::user_name().await;
        let destination = config.destination.as_ref();
        let destination = destination.map_or(String::new(), |name| format!(" [{name}]"));
        let mut warnings = Vec::new();
        for (host, entry) in entries {
            let at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
            let line = format!("[{at}] [{who}]{destination} {entry}");
            let line = text::one_line(&self.redactor.redact(&line));
            let written = match self.links.get(host).await {
                Ok(link) => link.note(&scope, &line).await.map_err(links::Failure::from),
                Err(error) => Err(error.into()),
            };
            if let Err(failure) = written {
                let message = format!("{host}: no line in the audit log: {failure}");
                warnings.push(Diagnostic::warning(message));
            }
        }
        output::print_diagnostics(&warnings);
    }
}

async fn collect(
    links: &Links,
    host: &HostName,
    commands: &Commands,
    inputs: &Inputs,
) -> Result<(CommandsEnded, String), links::Failure> {
    let random = random::bytes::<16>().map_err(|_| LinkError::Lost {
        detail: "no random bytes".to_owned(),
    })?;
    let mark = digest::hex(&random);
    let link = links.get(host).await?;
    let (sender, mut reader) = pieces::pieces();
    let mut text = String::new();
    let run = async {
        let ended = link.run_commands(commands, inputs, &mark, Some(SILENCE), &sender);
        let ended = ended.await;
        drop(sender);
        ended
    };
    let read = async {
        while let Some(piece) = reader.recv().await {
            if text.len() < KEPT {
                text += &piece;
            }
        }
    };
    let (ended, ()) = tokio::join!(run, read);
    Ok((ended?, text))
}
