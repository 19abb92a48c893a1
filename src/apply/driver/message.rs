//! What the tasks of a run tell its loop.

use tokio::sync::mpsc;

use crate::apply::state::Event;
use crate::name::{HostName, StepId};

/// Something that a task tells: of which link of which host it comes, so that what a dropped link still says is not heard.
pub(super) struct Message {
    pub(super) from: Option<(HostName, u64)>,
    pub(super) news: News,
}

pub(super) enum News {
    Event(Event),
    Output(StepId, String),
}

/// Tells the loop what happened.
#[derive(Clone)]
pub(super) struct Teller {
    pub(super) from: Option<(HostName, u64)>,
    pub(super) sender: mpsc::UnboundedSender<Message>,
}

impl Teller {
    pub(super) fn event(&self, event: Event) {
        self.tell(News::Event(event));
    }

    pub(super) fn output(&self, step: &StepId, line: &str) {
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

pub(super) fn local(event: Event) -> Message {
    Message {
        from: None,
        news: News::Event(event),
    }
}
