//! What the tasks of a run report to its loop.

use tokio::sync::mpsc;

use super::job::ReadSecrets;
use crate::apply::state::Event;
use crate::name::{HostName, StepId};

/// A report of a task, with the link that it came by: what comes by a dropped link is ignored.
pub(super) struct Message {
    pub(super) from: Option<(HostName, u64)>,
    pub(super) content: Content,
}

pub(super) enum Content {
    Event(Event),
    Output(StepId, String),
    Secrets(Result<Box<ReadSecrets>, String>),
}

/// Sends what happened to the loop.
#[derive(Clone)]
pub(super) struct EventSender {
    pub(super) from: Option<(HostName, u64)>,
    pub(super) sender: mpsc::UnboundedSender<Message>,
}

impl EventSender {
    pub(super) fn event(&self, event: Event) {
        self.tell(Content::Event(event));
    }

    pub(super) fn output(&self, step: &StepId, line: &str) {
        self.tell(Content::Output(step.clone(), line.to_owned()));
    }

    pub(super) fn tell(&self, content: Content) {
        // If nobody listens, the loop has ended.
        let _ = self.sender.send(Message {
            from: self.from.clone(),
            content,
        });
    }
}
