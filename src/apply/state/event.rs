//! Events that the state takes, and actions that it wants done. The driver carries actions out, and answers with events.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::progress::{JournalEntry, Outcome, Progress};
use crate::facts::model::HostFacts;
use crate::name::{HostName, RunId, StepId};
use crate::plan::resume::Answer;
use crate::record::living::{AttemptName, LivingAttempt};
use crate::record::{
    AttemptState, Ending, Listing, LockAnswer, LockDetails, PollAttempt, Receipt, Seen, Serial,
    StopRequest, TakeOver, Unfinished, WhenStopping,
};

/// The time since a run began, in milliseconds, by a clock that goes on while its machine sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// Returns the time that is `seconds` later.
    pub fn plus_seconds(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// Returns the milliseconds since `earlier`, 0 if that is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// How a plan is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The id of this run.
    pub run: RunId,
    /// The greatest number of sessions at the same time, over all hosts.
    pub parallel: usize,
    /// The greatest number of sessions at the same time on one host.
    pub per_host_channels: usize,
    /// Whether other hosts go on after a host has failed, and without those that cannot be reached.
    pub keep_going: bool,
    /// The number of failed hosts at which the run stops all the same. Absent: one more than the plan says, or none with `keep_going`.
    pub max_failures: Option<u32>,
    /// Seconds to wait for the deploy lock.
    pub lock_wait_seconds: u64,
    /// What becomes of the deploy lock of a dead run of another plan, if release commands or hooks of it have not ended.
    pub take_over: TakeOver,
    /// What becomes of the deploy lock.
    pub at_end: AtEnd,
}

impl Options {
    /// Returns the defaults for a run.
    pub fn new(run: RunId) -> Self {
        Self {
            run,
            parallel: 30,
            per_host_channels: 8,
            keep_going: false,
            max_failures: None,
            lock_wait_seconds: 0,
            take_over: TakeOver::default(),
            at_end: AtEnd::Release,
        }
    }

    /// Returns the number of failed hosts at which a run stops whose plan lets so many fail; `None`: it never does.
    pub(super) fn failure_limit(&self, of_plan: u32) -> Option<u32> {
        match (self.max_failures, self.keep_going) {
            (Some(limit), _) => Some(limit.max(1)),
            (None, false) => Some(of_plan.saturating_add(1)),
            (None, true) => None,
        }
    }
}

/// What becomes of the deploy lock at the end of a run that has come to its steps, or found them all done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AtEnd {
    /// It is released.
    #[default]
    Release,
    /// It becomes a person's, so that nothing else is deployed.
    Hold,
}

/// What has happened. What a host says has the host of the channel that it came by: it counts for that host's steps only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The run begins. The first event.
    Begin,
    /// The run begins, also the first event: it has taken the lock already, and then looked at all hosts, on which no attempt of another
    /// plan lived. They are not looked at again if it has the lock still.
    BeginLooked(BTreeMap<HostName, HostFacts>),
    /// The time of `State::deadline` has come.
    Tick,
    /// The user asked to stop. Another one changes nothing.
    Interrupt,
    /// The user asked to leave at once.
    Quit,
    /// [`Action::TakeLock`] was answered.
    Lock(LockAnswer),
    /// [`Action::Inspect`] was answered: the host has these fresh facts, and lists these attempts of this plan.
    Inspected(HostName, Box<HostFacts>, Listing),
    /// The first link to a host could not be opened, or a [`Action::Reconnect`] failed, with what the transport said. A link
    /// that breaks is [`Event::ChannelLost`].
    Unreachable(HostName, String),
    /// [`Action::Others`] was done: these attempts of other plans live.
    Others(HostName, Vec<LivingAttempt>),
    /// [`Action::Fence`] was done; the host lists these attempts of this plan, and these living ones of others, read after the fence
    /// was written.
    Fenced(HostName, Listing, Vec<LivingAttempt>),
    /// [`Action::Fence`] was not done, since another plan has begun there: the host has this serial.
    FenceRefused(HostName, Serial),
    /// [`Action::Fence`] stands, but the plan that was last there went on since this one was made: it is this far.
    WentOn(HostName, Unfinished),
    /// The host has claimed the attempt with this number for this run.
    Claimed(HostName, StepId, u32),
    /// A poll of a step waits: its attempt or what it saw last is new. This is only reported, and changes no decision.
    PollAttempt(HostName, StepId, PollAttempt),
    /// A step on a host has ended, and left this receipt. Unless it succeeded, the rest of its batch is not started.
    Ended {
        /// The host that says so.
        host: HostName,
        /// The step.
        step: StepId,
        /// The attempt.
        attempt: u32,
        /// Its receipt.
        receipt: Receipt,
        /// What the step's `diagnose` printed, redacted; empty if nothing failed.
        diagnosis: String,
    },
    /// The attempt with this number was claimed by somebody else. The rest of its batch is not started.
    AlreadyClaimed(HostName, StepId, u32),
    /// [`Action::Attach`] was answered: when the attempt has ended, or at once if nothing of it is alive. The host shows this state
    /// of the attempt with this number; `Running` is asked again after a pause.
    Attached(HostName, StepId, u32, AttemptState),
    /// A channel to the host broke, with what the transport said. Whatever was under way there is unknown; the driver drops all
    /// its channels and requests.
    ChannelLost(HostName, String),
    /// The host answers, but cannot do its part: its state directory cannot be written, or its answer makes no sense.
    /// It is given up at once; if it is the lock host, the lock is released all the same.
    HostFailed(HostName, String),
    /// [`Action::Reconnect`] was done.
    Reconnected(HostName),
    /// [`Action::List`] was answered with what the host lists of this plan.
    Listed(HostName, Listing),
    /// A step on this machine has ended.
    LocalEnded {
        /// The step.
        step: StepId,
        /// The attempt.
        attempt: u32,
        /// How.
        ending: Ending,
        /// What it found out: for a push the registry digest.
        value: Option<String>,
        /// The end of what it printed, redacted.
        diagnosis: String,
    },
    /// [`Action::CheckLocal`] was answered.
    LocalChecked {
        /// The step.
        step: StepId,
        /// The answer.
        answer: Answer,
        /// What the check found out: for a push the registry digest.
        value: Option<String>,
    },
    /// [`Action::ReadSecrets`] was done.
    SecretsRead,
    /// [`Action::ReadSecrets`] was not done, and why.
    SecretsUnread(String),
    /// [`Action::Record`] of this attempt was done: how it ended, if it has.
    Recorded(StepId, u32, Option<Ending>),
    /// [`Action::Halt`] was done: of what was handed over to the host before, it begins only what finishes a switch.
    Halted(HostName),
    /// [`Action::Record`], [`Action::Finish`] or [`Action::Halt`] was not done, since the host's fence names another run.
    Refused(HostName),
    /// [`Action::Beat`] was answered: this person has released the lock by hand.
    LockReleased(String),
    /// [`Action::Beat`] was answered: the lock is still this run's, and somebody asks it to stop.
    StopRequested(StopRequest),
    /// [`Action::Beat`] was answered.
    Beaten {
        /// Whether the lock is still this run's.
        held: bool,
    },
    /// [`Action::Finish`] was done.
    Finished(HostName),
    /// [`Action::Release`] was done.
    Released,
    /// [`Action::Leave`] was done.
    Left,
}

/// One step of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartStep {
    /// The step.
    pub step: StepId,
    /// The attempt to be claimed.
    pub attempt: u32,
    /// Whether a failure of this attempt is settled, so that the step's `cleanup` runs.
    pub cleanup: bool,
    /// What becomes of it when the run stops.
    pub when_stopping: WhenStopping,
}

/// What is to be done. Actions of one answer are carried out in their order, without waiting for one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Take the deploy lock on the lock host. For the run that holds it already the answer is `Acquired` again.
    /// Answered by [`Event::Lock`], [`Event::Unreachable`] or [`Event::ChannelLost`].
    TakeLock,
    /// Take a host's facts and list what it shows of this plan, linking to it first if there is no link.
    Inspect(HostName),
    /// End these attempts of other plans, then list those that live. Answered by [`Event::Others`].
    Others(HostName, Vec<AttemptName>),
    /// Run the commands that print these secrets. Answered by [`Event::SecretsRead`] or [`Event::SecretsUnread`].
    ReadSecrets(BTreeSet<String>),
    /// Write this run as the fence, unless another plan has begun, and list what the host shows of this plan after that.
    Fence {
        /// The host.
        host: HostName,
        /// What the plan saw: the serial must be this, or one more with this plan's digest.
        seen: Seen,
    },
    /// Start steps, at least one, one after the other in one session, each only when the one before has succeeded.
    /// Answered step by step by [`Event::Claimed`] and [`Event::Ended`], or [`Event::AlreadyClaimed`].
    Start(HostName, Vec<StartStep>),
    /// Wait for the end of the attempt with this number, which was begun elsewhere.
    Attach(HostName, StepId, u32),
    /// Drop what is left of the link to a host, and open a new one. Answered by [`Event::Reconnected`] or [`Event::Unreachable`].
    Reconnect(HostName),
    /// Drop the link to a host that is given up, with all that comes by it.
    Drop(HostName),
    /// List what a host shows of this plan.
    List(HostName),
    /// Run a step on this machine, as the attempt with this number. Answered by [`Event::LocalEnded`].
    StartLocal(StepId, u32),
    /// End a step of this machine. Answered by its [`Event::LocalEnded`].
    StopLocal(StepId),
    /// Run the check of a step of this machine. Answered by [`Event::LocalChecked`].
    CheckLocal(StepId),
    /// Record on the lock host how an attempt at a step of this machine ended, or that it begins. Once it is there, doing it again changes
    /// nothing.
    /// Answered by [`Event::Recorded`] or [`Event::Refused`].
    Record {
        /// The lock host.
        host: HostName,
        /// The step.
        step: StepId,
        /// The attempt.
        attempt: u32,
        /// How it ended. If it is not there, it is claimed, and has no receipt.
        ending: Option<Ending>,
        /// The receipt's value.
        value: Option<String>,
    },
    /// Have a host begin nothing further of this run but what finishes a switch, and end waits. Doing it again changes nothing.
    /// Answered by [`Event::Halted`] or [`Event::Refused`].
    Halt(HostName),
    /// Touch the lock's beat. Answered by [`Event::Beaten`].
    Beat,
    /// Append to the journal. Only a failure is answered, at once: the actions after it go to [`State::take_back`](super::State::take_back).
    Journal(JournalEntry),
    /// Report to the user.
    Report(Progress),
    /// Add the plan to the finished ones of a host, and bring its audit log up to date. Doing it again changes nothing.
    /// Answered by [`Event::Finished`] or [`Event::Refused`].
    Finish(HostName),
    /// Have these hosts bring their audit logs up to date, within a bounded time. Nothing is answered: the next run does what was not done.
    Audit(Vec<HostName>),
    /// Release the lock if it is still this run's. Answered by [`Event::Released`].
    Release,
    /// Make the lock a person's if it is still this run's, with these details, else with those of the job. Answered by
    /// [`Event::Left`], or [`Event::Released`] if it is not.
    Leave(Option<LockDetails>),
    /// The run has ended: close every link and leave. The last action.
    Exit(Outcome),
}
