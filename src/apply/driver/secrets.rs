//! Secrets that commands print: the commands run in a thread of their own, as they may ask a person for a password, and the lock's beats
//! go on meanwhile.

use std::collections::BTreeSet;

use tokio::sync::{mpsc, oneshot};

use super::job::{Observer, ReadSecrets};
use super::message::Content;
use super::tasks::Driver;
use crate::apply::state::{Event, Outcome, Phase, Progress};
use crate::name::StepId;

impl Driver {
    /// Runs the commands that print `names`, and reports how that went.
    pub(super) fn read_secrets(&self, names: BTreeSet<String>) {
        let sender = self.event_sender();
        let reader = self.job.secrets.clone();
        std::thread::spawn(move || {
            sender.tell(Content::Secrets(reader.read(&names).map(Box::new)))
        });
    }

    /// Takes what was read.
    pub(super) fn take_secrets(&mut self, read: Result<Box<ReadSecrets>, String>) -> Event {
        match read {
            Ok(read) => {
                let pushed = std::mem::take(&mut self.job.inputs.pushed);
                self.job.inputs = read.inputs;
                self.job.inputs.pushed = pushed;
                self.job.docker_config = read.docker_config;
                Event::SecretsRead
            }
            Err(why) => Event::SecretsUnread(why),
        }
    }

    /// Has the commands run that print secrets of the plan, if one of `steps` needs any: nothing has begun, so all are needed. Returns
    /// whether the run goes on.
    pub(super) async fn read_ahead(
        &mut self,
        steps: &[StepId],
        interrupts: &mut mpsc::UnboundedReceiver<Event>,
        observer: &mut dyn Observer,
    ) -> bool {
        let printed = &self.job.plan.secret_commands;
        let steps = steps.iter().filter_map(|id| self.step(id));
        let mut needed = steps.flat_map(crate::plan::Step::needed_values);
        let is_needed = needed.any(|name| printed.contains_key(name));
        drop(needed);
        if !is_needed {
            return true;
        }
        observer.progress(self.now(), &Progress::Phase(Phase::Reading));
        let names: BTreeSet<String> = printed.keys().cloned().collect();
        let reader = self.job.secrets.clone();
        let (sender, read) = oneshot::channel();
        // If nobody listens, the run was interrupted.
        std::thread::spawn(move || drop(sender.send(reader.read(&names).map(Box::new))));
        let read = tokio::select! {
            biased;
            Some(_) = interrupts.recv() => {
                self.outcome = Some(Outcome::Interrupted(Vec::new()));
                return false;
            }
            read = read => read.unwrap_or_else(|_| Err("the reading ended early".to_owned())),
        };
        self.has_read = true;
        match self.take_secrets(read) {
            Event::SecretsUnread(why) => {
                self.outcome = Some(Outcome::SecretsUnread(why));
                false
            }
            _ => true,
        }
    }
}
