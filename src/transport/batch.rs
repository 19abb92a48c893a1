//! The answer to a batch of steps, line by line. Only what is of use is handed on, so that no host can fill this machine's memory
//! with it.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::answer::{AnswerError, Event, Line};
use super::bounds::{Excess, TAIL};
use crate::record::Ending;

/// The shortest time between two polls that are shown; a host sends at most two in a second.
const POLL_PAUSE: Duration = Duration::from_millis(100);

/// What was read so far.
pub(super) struct BatchAnswer {
    /// Claims and ends that may still come: two of each step.
    left: usize,
    /// Steps that have not succeeded yet.
    open: usize,
    /// Whether a step did not succeed, so that the rest is not begun.
    is_broken: bool,
    shown: Option<Instant>,
    events: UnboundedSender<Event>,
    outcome: Result<Result<(), AnswerError>, Excess>,
}

impl BatchAnswer {
    /// Returns the answer to a batch of this many steps.
    pub(super) fn new(steps: usize, events: UnboundedSender<Event>) -> Self {
        Self {
            left: steps.saturating_mul(2),
            open: steps,
            is_broken: false,
            shown: None,
            events,
            outcome: Ok(Err(AnswerError::Torn)),
        }
    }

    /// Reads a line, and breaks off after the last, or after one that is none of this answer.
    pub(super) fn read(&mut self, text: &str) -> ControlFlow<()> {
        let Some(line) = Line::read(text) else {
            return ControlFlow::Continue(());
        };
        self.outcome = match line.is_end() {
            true if !text.ends_with('\n') => return ControlFlow::Continue(()),
            true if self.open > 0 && !self.is_broken => {
                let text = "the end, before the last step has ended";
                Ok(Err(AnswerError::Malformed(text.to_owned())))
            }
            true => Ok(Ok(())),
            false => match line.event() {
                Ok(event) => match self.hand_on(event) {
                    Ok(()) => return ControlFlow::Continue(()),
                    Err(outcome) => outcome,
                },
                Err(error) => Ok(Err(error)),
            },
        };
        ControlFlow::Break(())
    }

    fn hand_on(&mut self, event: Event) -> Result<(), Result<Result<(), AnswerError>, Excess>> {
        match &event {
            Event::PollAttempt(..) => {
                let is_early = self.shown.is_some_and(|shown| shown.elapsed() < POLL_PAUSE);
                if is_early {
                    return Ok(());
                }
                self.shown = Some(Instant::now());
            }
            Event::Ended {
                output, diagnosis, ..
            // Bytes that are not UTF-8 have become three.
            } if output.len().max(diagnosis.len()) > TAIL * 3 => {
                return Err(Err(Excess::Tail(TAIL)));
            }
            Event::Claimed(..) | Event::AlreadyClaimed(..) | Event::Ended { .. } => {
                let left = self.left.checked_sub(1);
                let text = "more claims and ends than steps";
                self.left = left.ok_or(Ok(Err(AnswerError::Malformed(text.to_owned()))))?;
                self.note_end(&event);
            }
        }
        let _ = self.events.send(event);
        Ok(())
    }

    fn note_end(&mut self, event: &Event) {
        match event {
            Event::Ended { receipt, .. } if receipt.ending == Ending::Succeeded => {
                self.open = self.open.saturating_sub(1);
            }
            Event::Ended { .. } | Event::AlreadyClaimed(..) => self.is_broken = true,
            Event::Claimed(..) | Event::PollAttempt(..) => {}
        }
    }

    /// Returns how it ended.
    pub(super) fn end(self) -> Result<Result<(), AnswerError>, Excess> {
        self.outcome
    }
}
