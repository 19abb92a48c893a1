//! What runs leave on the hosts: lock, serial, fence, claims and receipts. Types and their wire forms; no IO.
//!
//! On a host the state of a service and destination is in `STATE/SERVICE@DEST/`, mode 0700, where `STATE` is the
//! [`state_directory`]:
//!
//! | path | holds |
//! | --- | --- |
//! | `serial` | the number of plans that have begun here, and the digest of the last |
//! | `fence` | the id of the run that may start steps here |
//! | `runs/DIGEST/stopping.RUN` | empty: this run stops |
//! | `finished` | a line for each plan that was applied to its end |
//! | `routed` | a line for each route that has sent requests to a container |
//! | `runs/DIGEST/STEP/ATTEMPT/about` | what it is, for runs of other plans: [`living::About`] |
//! | `runs/DIGEST/STEP/ATTEMPT/claim` | who began this attempt: process id, its start time, boot id, run; and what the audit log says of it |
//! | `runs/DIGEST/STEP/ATTEMPT/output` | what it printed |
//! | `runs/DIGEST/STEP/ATTEMPT/receipt` | how it ended |
//! | `runs/DIGEST/STEP/ATTEMPT/audited` | a mark: the audit log tells of it |
//!
//! `DIGEST` is the plan's 64 hexadecimal digits, `STEP` is [`crate::name::StepId::hash`]. The deploy locks in `mrsk_lock/` and the
//! audit log are in the login directory, where the original tool has them.

pub mod living;
pub mod state_directory;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::living::Told;
use crate::name::{PlanDigest, RunId};

/// Seconds without a heartbeat after which the next run takes a lock over.
pub const TAKE_OVER_SECONDS: u64 = 60;

/// What the state directory of a host is divided by: a service and its destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The service.
    pub service: String,
    /// The destination, if any.
    pub destination: Option<String>,
}

impl Scope {
    /// Returns the directory name: `SERVICE@DEST`, or `SERVICE@` without a destination.
    pub fn directory(&self) -> String {
        let destination = self.destination.as_deref().unwrap_or("");
        format!("{}@{destination}", self.service)
    }

    /// Returns the directory below `state_dir` of the docker configuration with a login that is kept.
    pub fn kept_login(&self, state_dir: &str) -> String {
        format!("{state_dir}/{}/docker", self.directory())
    }

    /// Returns the name of the audit log in the login directory, as the original names it:
    /// `mrsk-SERVICE[-DEST]-audit.log`.
    pub fn audit_log(&self) -> String {
        match &self.destination {
            Some(destination) => format!("mrsk-{}-{destination}-audit.log", self.service),
            None => format!("mrsk-{}-audit.log", self.service),
        }
    }
}

/// How an attempt at a step ended, as its receipt says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Every part of the step succeeded.
    Succeeded,
    /// A part failed; the exit status of the command, or 1 for a poll that gave up.
    Failed {
        /// The exit status.
        code: i32,
    },
    /// It was stopped because it ran longer, or was silent longer, than the step allows.
    TimedOut,
    /// Nothing was done: the fence named another run, or this one stops.
    Refused,
    /// A run of another plan ended it while it waited, and nothing of it was undone.
    Superseded,
    /// A part failed, or it was stopped, and nothing was undone, since another plan had begun on its host.
    Uncleaned {
        /// The exit status.
        code: i32,
    },
    /// Its run stops: it was ended, or was not begun, and what was left of it was undone.
    Stopped,
}

/// What becomes of a step on a host when its run stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenStopping {
    /// It does not begin. Once it has, it comes to its end.
    #[default]
    Refuse,
    /// It does not begin, and its cleanup undoes what was begun before it. Once it has begun, it comes to its end.
    Undo,
    /// It does not begin, or is ended, and its cleanup undoes what was begun.
    End,
    /// It begins all the same, and comes to its end: it finishes what must not be left half done.
    Begin,
}

/// The receipt of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// How it ended.
    pub ending: Ending,
    /// The run that did it.
    pub run: RunId,
    /// By the host's clock, in seconds since 1970.
    pub started: u64,
    /// By the host's clock, in seconds since 1970.
    pub ended: u64,
    /// What the attempt found out, such as the registry digest of a push.
    pub value: Option<String>,
}

/// What a host shows of one attempt at a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// [`crate::name::StepId::hash`].
    pub step: String,
    /// Counted from 1.
    pub number: u32,
    /// What is known about it.
    pub state: AttemptState,
}

/// The attempts at a plan's steps that a host shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The attempts.
    pub attempts: Vec<Attempt>,
    /// Whether the host's machine has started anew since the plan began there: a power cut may have taken claims away, but for those of
    /// steps without a check.
    pub restarted: bool,
    /// The identity of its machine's present run; empty if it does not say.
    pub boot: String,
}

/// What is known about an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptState {
    /// It is claimed, has no receipt, and a process of it is alive.
    Running,
    /// It is claimed, has no receipt, and no process of it is alive.
    Lost,
    /// It has a receipt.
    Ended(Receipt),
}

/// How far a poll of a step is: its attempt or what it saw last is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollAttempt {
    /// The attempt of the poll, counted from 1.
    pub attempt: u32,
    /// How many attempts the poll makes.
    pub of: u32,
    /// What it saw last, such as `503`, redacted; may be empty.
    pub status: String,
}

/// The serial of a host: how many plans have begun, and the last of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Serial {
    /// The number; 0 if none has begun.
    pub number: u64,
    /// The last plan that began.
    pub plan: Option<PlanDigest>,
}

/// How far a plan is on a host on which it has begun and not finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Unfinished {
    /// The plan.
    pub plan: PlanDigest,
    /// The attempts at its steps there, without those that were refused.
    pub attempts: u64,
    /// A checksum of these attempts: of when they began and ended, and of whether those that have not ended are alive.
    pub checksum: u64,
}

impl Unfinished {
    /// The pointer to it in the facts of a host.
    pub const FACT: &str = "/serial/unfinished";
}

/// What a plan saw of the plans before it on a host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// The serial.
    pub serial: u64,
    /// How far the last one must still be; `None` if that does not matter.
    pub unfinished: Option<Unfinished>,
}

impl From<u64> for Seen {
    fn from(serial: u64) -> Self {
        Self {
            serial,
            unfinished: None,
        }
    }
}

/// The details of a deploy lock, `mrsk_lock/SERVICE@DEST/details`: the lines of the original (`Locked by`, `Version`, `Message`), and ours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LockDetails {
    /// Who holds it: git's `user.name`, else the login name.
    pub locked_by: String,
    /// When it was taken, as `2023-03-24 09:49:03 UTC`.
    pub at: String,
    /// The version being deployed.
    pub version: String,
    /// Why.
    pub message: String,
    /// Our run; `None` in a lock of the original, or one taken by hand.
    pub run: Option<RunId>,
    /// Counts take-overs, from 1.
    pub generation: u32,
    /// The plan being applied; `None` until it is compiled.
    pub plan: Option<PlanDigest>,
    /// What the run does: the words of the command; `None` if it does not say so.
    pub operation: Option<String>,
}

/// A note in the deploy lock: the run that holds it is to stop, as at a first Ctrl-C.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct StopRequest {
    /// Who asks: git's `user.name`, else the login name.
    pub person: String,
    /// Why.
    pub message: String,
}

/// What becomes of the deploy lock of a dead run of another plan, if release commands or hooks of it have not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TakeOver {
    /// It is left alone.
    #[default]
    UnlessOpen,
    /// It is taken over.
    Always,
}

/// The answer to an attempt to take the deploy lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockAnswer {
    /// It is ours now.
    Acquired {
        /// The generation in which we hold it.
        generation: u32,
        /// Who held it before: a dead run, or, without `run`, the person that a run of the same plan had left it to.
        taken_from: Option<LockDetails>,
        /// Release commands and hooks of the dead run that have not ended.
        open: Vec<Told>,
    },
    /// It is that of a dead run of another plan, whose release commands or hooks have not ended: it is not taken over.
    Open {
        /// The dead run.
        details: LockDetails,
        /// Seconds since its last heartbeat.
        beat_age: u64,
        /// What has not ended.
        open: Vec<Told>,
    },
    /// Another run holds it, whose last heartbeat is less than [`TAKE_OVER_SECONDS`] old.
    Held {
        /// Who.
        details: LockDetails,
        /// Seconds since its last heartbeat.
        beat_age: u64,
    },
    /// Nobody alive holds it, and runs that have waited for longer get it first.
    Queued {
        /// How many.
        ahead: u32,
    },
    /// Somebody holds it who is not a run of ours: the original tool, or a person (`mrsk lock acquire`).
    Foreign {
        /// The text of the details, decoded.
        text: String,
    },
}

impl LockDetails {
    /// Returns the text that is in the details as base64.
    pub fn render(&self) -> String {
        let mut text = format!(
            "Locked by: {} at {}\nVersion: {}\nMessage: {}",
            self.locked_by, self.at, self.version, self.message
        );
        if let Some(run) = &self.run {
            text += &format!("\nRun: {run}\nGeneration: {}", self.generation);
        }
        if let Some(plan) = &self.plan {
            text += &format!("\nPlan: {plan}");
        }
        if let Some(operation) = &self.operation {
            text += &format!("\nOperation: {operation}");
        }
        text
    }

    /// Reads what [`LockDetails::render`] wrote, and what the original writes. Lines that are not known are skipped.
    pub fn parse(text: &str) -> Self {
        let mut details = Self {
            generation: 1,
            ..Self::default()
        };
        for line in text.lines() {
            match line.split_once(": ") {
                Some(("Locked by", value)) => {
                    let (who, at) = value.rsplit_once(" at ").unwrap_or((value, ""));
                    details.locked_by = who.to_owned();
                    details.at = at.to_owned();
                }
                Some(("Version", value)) => details.version = value.to_owned(),
                Some(("Message", value)) => details.message = value.to_owned(),
                Some(("Run", value)) => details.run = Some(RunId::from(value)),
                Some(("Generation", value)) => details.generation = value.parse().unwrap_or(1),
                Some(("Plan", value)) => details.plan = Some(PlanDigest::from(value)),
                Some(("Operation", value)) => details.operation = Some(value.to_owned()),
                _ => {}
            }
        }
        details
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_details_survive_a_round_trip() {
        let details = LockDetails {
            locked_by: "AN Other at work".into(),
            at: "2023-03-24 09:49:03 UTC".into(),
            version: "77f45c".into(),
            message: "Automatic deploy lock".into(),
            run: Some(RunId::from("0123")),
            generation: 2,
            plan: Some(PlanDigest::from("sha256:ab")),
            operation: Some("app boot".into()),
        };
        assert_eq!(LockDetails::parse(&details.render()), details);
    }

    #[test]
    fn details_of_the_original_have_no_run() {
        let details = LockDetails::parse(
            "Locked by: AN Other at 2023-03-24 09:49:03 UTC\nVersion: 77f4\nMessage: Automatic deploy lock\n",
        );
        assert_eq!(details.locked_by, "AN Other");
        assert_eq!(details.at, "2023-03-24 09:49:03 UTC");
        assert_eq!(details.run, None);
    }
}
