//! What the tasks of a run tell its loop.

use tokio::sync::mpsc;

use crate::apply::state::Event;
use crate::name::{HostName, StepId};

/// Something that a task tells: of which link of which host it comes, so that what a dropped link still says is not heard.
pub(super) struct Message {
    pub(super) from: Option<(HostName, u64)>,
    pub(super) content: Content,
}

pub(super) enum Content {
    Event(Event),
    Output(StepId, String),
}

/// Tells the loop what happened.
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

    fn tell(&self, content: Content) {
        // The loop has ended where nobody listens.
        let _ = self.sender.send(Message {
            from: self.from.clone(),
            content,
        });
    }
}

pub(super) fn local(event: Event) -> Message {
    Message {
        from: None,
        content: Content::Event(event),
    }
}
