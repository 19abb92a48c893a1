//! Reading of what the scripts print. Pure.
//!
//! An answer is the lines that begin with [`MARKER`]; anything else on the channel (a login shell's greeting) is
//! skipped. Its last line is `end`: an answer without it is torn, and says nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::name::RunId;
use crate::record::living::LivingAttempt;
use crate::record::{
    Attempt, AttemptState, Ending, Listing, PollAttempt, Receipt, Serial, StopRequest, Unfinished,
};

/// What begins a line of an answer.
pub const MARKER: &str = "@mrsk ";

/// Why an answer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// It stops before its end.
    #[error("the answer is incomplete")]
    Torn,
    /// The script says why it gave up.
    #[error("{0}")]
    Refused(String),
    /// A line is not of the protocol.
    #[error("unexpected line in the answer: {0}")]
    Malformed(String),
}

/// The answer to a beat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BeatAnswer {
    /// The lock is still ours, and its beat is fresh.
    Held,
    /// So it is, and its run is asked to stop.
    StopRequested(StopRequest),
    /// The lock is another run's.
    Lost,
    /// This person released it by hand.
    Released(String),
}

/// The answer to a release of the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseAnswer {
    /// It is free now.
    Released,
    /// The run that holds it is alive: nothing was done.
    Alive(LockState),
    /// Somebody else holds it, or is taking it over.
    NotOurs,
    /// Nobody held it.
    NotHeld,
}

/// The answer to a request that the run which holds the lock stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopAnswer {
    /// The note is in the lock of this run.
    Requested(LockState),
    /// No living run holds it, so nobody would read the note: nothing was written.
    NoRun(LockState),
    /// Nobody holds it.
    NotHeld,
}

/// The answer of a run's lock that is to become a person's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveAnswer {
    /// It is.
    Left,
    /// It was not the run's any more.
    NotOurs,
}

/// The answer to a request to remove the records of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForgetAnswer {
    /// There were none.
    Absent,
    /// There are none any more.
    Forgotten,
    /// They stay: the service is on the host again, or another plan has begun.
    Kept,
}

/// A lock that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockState {
    /// Its details as text; empty if its holder has not written them.
    pub text: String,
    /// Seconds since the last beat; `None` in a lock that has none.
    pub beat_age: Option<u64>,
}

/// The answer to a fence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FenceAnswer {
    /// It stands; and these attempts at the plan's steps, and living ones of other plans, were seen after it stood.
    Fenced(Listing, Vec<LivingAttempt>),
    /// Another plan has begun since: nothing was written.
    Superseded(Serial),
    /// The plan that was last there went on since, and is this far now. The fence stands all the same.
    WentOn(Unfinished),
}

/// The answer to something that only the run named by the fence may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteAnswer {
    /// It is written.
    Written,
    /// The fence names another run: nothing was written.
    Refused,
}

/// The answer to what a person says about an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolveAnswer {
    /// It has the receipt.
    Resolved,
    /// It is not in doubt: nothing was written. `None` if nobody has claimed it.
    NotInDoubt(Option<AttemptState>),
}

/// What happens to a batch of steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The attempt with this number has begun.
    Claimed(String, u32),
    /// An attempt has ended.
    Ended {
        /// The step.
        step: String,
        /// The attempt.
        attempt: u32,
        /// How.
        receipt: Receipt,
        /// The end of what it printed, at most 100 lines; empty if it succeeded.
        output: String,
        /// What the commands that explain a failure printed.
        diagnosis: String,
    },
    /// A poll of the step waits: its attempt or what it saw last is new.
    PollAttempt(String, PollAttempt),
    /// Somebody has claimed the attempt with this number before: it was not begun again.
    AlreadyClaimed(String, u32),
}

/// A line of an answer, as its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line(Vec<String>);

impl Line {
    /// Reads a line of a channel; `None` if it is not part of an answer.
    pub fn read(line: &str) -> Option<Self> {
        let text = line.strip_prefix(MARKER)?;
        Some(Self(text.split_whitespace().map(str::to_owned).collect()))
    }

    /// Whether this is the last line.
    pub fn is_end(&self) -> bool {
        self.0 == ["end"]
    }

    pub(super) fn words(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }

    pub(super) fn malformed(&self) -> AnswerError {
        AnswerError::Malformed(self.0.join(" "))
    }

    /// Reads a line of a batch of steps.
    ///
    /// # Errors
    ///
    /// Fails if the script gave up, or the line is of another kind.
    pub fn event(&self) -> Result<Event, AnswerError> {
        self.check_error()?;
        match self.words()[..] {
            ["claimed", step, attempt] => {
                Ok(Event::Claimed(step.to_owned(), self.number(attempt)?))
            }
            ["taken", step, attempt] => Ok(Event::AlreadyClaimed(
                step.to_owned(),
                self.number(attempt)?,
            )),
            ["poll", step, attempt, of, status] => {
                let (attempt, of) = (self.number(attempt)?, self.number(of)?);
                let status = self.text(status)?;
                let poll = PollAttempt {
                    attempt,
                    of,
                    status,
                };
                Ok(Event::PollAttempt(step.to_owned(), poll))
            }
            ["ended", step, attempt, ref receipt @ .., output, diagnosis] => Ok(Event::Ended {
                step: step.to_owned(),
                attempt: self.number(attempt)?,
                receipt: read_receipt(receipt).ok_or_else(|| self.malformed())?,
                output: self.text(output)?,
                diagnosis: self.text(diagnosis)?,
            }),
            _ => Err(self.malformed()),
        }
    }

    pub(super) fn attempt(&self) -> Result<Attempt, AnswerError> {
        let (step, number, state) = match self.words()[..] {
            ["attempt", step, number, "running"] => (step, number, AttemptState::Running),
            ["attempt", step, number, "lost"] => (step, number, AttemptState::Lost),
            ["attempt", step, number, "ended", ref receipt @ ..] => {
                let receipt = read_receipt(receipt).ok_or_else(|| self.malformed())?;
                (step, number, AttemptState::Ended(receipt))
            }
            _ => return Err(self.malformed()),
        };
        Ok(Attempt {
            step: step.to_owned(),
            number: self.number(number)?,
            state,
        })
    }

    fn check_error(&self) -> Result<(), AnswerError> {
        match self.words()[..] {
            ["error", message] => Err(AnswerError::Refused(self.text(message)?)),
            _ => Ok(()),
        }
    }

    pub(super) fn number<N: std::str::FromStr>(&self, word: &str) -> Result<N, AnswerError> {
        word.parse().map_err(|_| self.malformed())
    }

    fn text(&self, word: &str) -> Result<String, AnswerError> {
        decode(word).ok_or_else(|| self.malformed())
    }
}

/// Reads a field: base64, or `-` for nothing. Bytes that are not UTF-8 are replaced.
pub(super) fn decode(word: &str) -> Option<String> {
    if word == "-" {
        return Some(String::new());
    }
    let bytes = STANDARD.decode(word).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Renders a receipt as a line.
pub fn render_receipt(receipt: &Receipt) -> String {
    let (ending, code) = match receipt.ending {
        Ending::Succeeded => ("succeeded", 0),
        Ending::Failed { code } => ("failed", code),
        Ending::TimedOut => ("timed_out", 0),
        Ending::Refused => ("refused", 0),
        Ending::Superseded => ("superseded", 0),
        Ending::Uncleaned { code } => ("uncleaned", code),
        Ending::Stopped => ("stopped", 0),
    };
    let value = match receipt.value.as_deref() {
        None | Some("") => "-".to_owned(),
        Some(value) => STANDARD.encode(value),
    };
    let Receipt {
        run,
        started,
        ended,
        ..
    } = receipt;
    format!("{ending} {code} {run} {started} {ended} {value} end")
}

fn read_receipt(words: &[&str]) -> Option<Receipt> {
    let &[ending, code, run, started, ended, value, "end"] = words else {
        return None;
    };
    let ending = match ending {
        "succeeded" => Ending::Succeeded,
        "failed" => Ending::Failed {
            code: code.parse().ok()?,
        },
        "timed_out" => Ending::TimedOut,
        "refused" => Ending::Refused,
        "superseded" => Ending::Superseded,
        "uncleaned" => Ending::Uncleaned {
            code: code.parse().ok()?,
        },
        "stopped" => Ending::Stopped,
        _ => return None,
    };
    Some(Receipt {
        ending,
        run: RunId::from(run),
        started: started.parse().ok()?,
        ended: ended.parse().ok()?,
        value: decode(value).filter(|value| !value.is_empty()),
    })
}

/// Reads a whole answer: its lines without the last.
///
/// # Errors
///
/// Fails if it is torn, or the script gave up.
pub fn lines(text: &str) -> Result<Vec<Line>, AnswerError> {
    let mut lines: Vec<Line> = text.lines().filter_map(Line::read).collect();
    if !text.ends_with('\n') || !lines.pop().is_some_and(|line| line.is_end()) {
        return Err(AnswerError::Torn);
    }
    lines.iter().try_for_each(Line::check_error)?;
    Ok(lines)
}

/// Reads an answer of one line, `read` being what makes something of its words.
pub(super) fn single<T>(
    text: &str,
    read: impl Fn(&Line, &[&str]) -> Option<T>,
) -> Result<T, AnswerError> {
    let lines = lines(text)?;
    match &lines[..] {
        [line] => read(line, &line.words()).ok_or_else(|| line.malformed()),
        [] => Err(AnswerError::Malformed("nothing".to_owned())),
        [_, line, ..] => Err(line.malformed()),
    }
}

/// Reads the answer to a beat.
///
/// # Errors
///
/// As [`lines`]; and if it is an answer to something else. So do the functions below.
pub fn beat(text: &str) -> Result<BeatAnswer, AnswerError> {
    single(text, |_, words| match *words {
        ["held"] => Some(BeatAnswer::Held),
        ["held", person, message] => Some(BeatAnswer::StopRequested(StopRequest {
            person: decode(person)?,
            message: decode(message)?,
        })),
        ["lost"] => Some(BeatAnswer::Lost),
        ["released", person] => Some(BeatAnswer::Released(decode(person)?)),
        _ => None,
    })
}

/// Reads the answer to a release.
pub fn release(text: &str) -> Result<ReleaseAnswer, AnswerError> {
    single(text, |_, words| match *words {
        ["released"] => Some(ReleaseAnswer::Released),
        ["not_ours"] => Some(ReleaseAnswer::NotOurs),
        ["not_held"] => Some(ReleaseAnswer::NotHeld),
        ["held", age, text] => Some(ReleaseAnswer::Alive(lock_state(age, text)?)),
        _ => None,
    })
}

/// Reads the answer to a lock that is left behind.
pub fn leave(text: &str) -> Result<LeaveAnswer, AnswerError> {
    single(text, |_, words| match *words {
        ["left"] => Some(LeaveAnswer::Left),
        ["not_ours"] => Some(LeaveAnswer::NotOurs),
        _ => None,
    })
}

/// Reads the answer to a request to remove the records of a service.
pub fn forget(text: &str) -> Result<ForgetAnswer, AnswerError> {
    single(text, |_, words| match *words {
        ["absent"] => Some(ForgetAnswer::Absent),
        ["forgotten"] => Some(ForgetAnswer::Forgotten),
        ["kept"] => Some(ForgetAnswer::Kept),
        _ => None,
    })
}

/// Reads the answer to a request to remove what is left of locks.
pub fn sweep_lock(text: &str) -> Result<(), AnswerError> {
    single(text, |_, words| match *words {
        ["swept"] => Some(()),
        _ => None,
    })
}

/// Reads the answer to a request that the holder of the lock stops.
pub fn stop(text: &str) -> Result<StopAnswer, AnswerError> {
    single(text, |_, words| match *words {
        ["requested", age, text] => Some(StopAnswer::Requested(lock_state(age, text)?)),
        ["held", age, text] => Some(StopAnswer::NoRun(lock_state(age, text)?)),
        ["free"] => Some(StopAnswer::NotHeld),
        _ => None,
    })
}

/// Reads the answer to a question about the lock.
pub fn lock_status(text: &str) -> Result<Option<LockState>, AnswerError> {
    single(text, |_, words| match *words {
        ["free"] => Some(None),
        ["held", age, text] => Some(Some(lock_state(age, text)?)),
        _ => None,
    })
}

fn lock_state(age: &str, text: &str) -> Option<LockState> {
    Some(LockState {
        text: decode(text)?,
        beat_age: match age {
            "-" => None,
            age => Some(age.parse().ok()?),
        },
    })
}

/// Reads a list of attempts.
pub fn listing(text: &str) -> Result<Listing, AnswerError> {
    listed(lines(text)?.iter())
}

/// Reads the lines of a list of attempts.
pub(super) fn listed<'a>(lines: impl Iterator<Item = &'a Line>) -> Result<Listing, AnswerError> {
    let mut listing = Listing::default();
    for line in lines {
        match line.words()[..] {
            ["restarted"] => listing.restarted = true,
            ["boot", boot] => boot.clone_into(&mut listing.boot),
            _ => listing.attempts.push(line.attempt()?),
        }
    }
    Ok(listing)
}

/// Reads what is known about the attempt at `step` with this number; `None` if nobody has claimed it.
pub fn attempt(text: &str, step: &str, number: u32) -> Result<Option<AttemptState>, AnswerError> {
    single(text, |line, words| match *words {
        ["none"] => Some(None),
        _ => line
            .attempt()
            .ok()
            .filter(|attempt| attempt.step == step && attempt.number == number)
            .map(|attempt| Some(attempt.state)),
    })
}

/// Reads the answer to what a person says about the attempt at `step` with this number.
pub fn resolve(text: &str, step: &str, number: u32) -> Result<ResolveAnswer, AnswerError> {
    let resolved = single(text, |_, words| Some(*words == ["resolved"]))?;
    match resolved {
        true => Ok(ResolveAnswer::Resolved),
        false => attempt(text, step, number).map(ResolveAnswer::NotInDoubt),
    }
}

/// Reads the answer to something that only the run named by the fence may write.
pub fn write(text: &str) -> Result<WriteAnswer, AnswerError> {
    single(text, |_, words| match *words {
        ["finished" | "recorded" | "written" | "halted"] => Some(WriteAnswer::Written),
        ["refused"] => Some(WriteAnswer::Refused),
        _ => None,
    })
}

/// Reads the text of a file.
pub fn text(text: &str) -> Result<String, AnswerError> {
    single(text, |_, words| match *words {
        ["text", text] => decode(text),
        _ => None,
    })
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
