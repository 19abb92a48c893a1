//! What passes make steps with: a step as most are, and what sets apart the others.

use std::borrow::Cow;

use crate::action::{Action, Run};
use crate::name::{HostName, StepId};
use crate::plan::{
    Barrier, Check, Need, NeedOn, OnFailure, Predicate, Reason, Step, StepKind, StepSecret, Travel,
};
use crate::text::shorten;

/// Seconds for a command that only talks to the local engine.
pub const QUICK: u32 = 120;

/// Seconds for a command that fetches and installs packages.
pub const INSTALL: u32 = 900;

/// Seconds without output after which a build, push or pull is given up.
pub const SILENCE: u32 = 600;

/// The same for a build for other architectures: what is emulated is many times slower.
pub const EMULATED_SILENCE: u32 = 3600;

/// The verb of the steps that remove something before a pull, which sets them apart from what is pruned at the end.
pub const MAKE_ROOM: &str = "make_room";

/// Returns whether `step` removes something before a pull.
pub fn makes_room(step: &Step) -> bool {
    step.id.as_str().rsplit('/').next() == Some(MAKE_ROOM)
}

/// Makes the id of a step: `WHERE/AREA/SUBJECT/VERB`. What stands in a part as `/` or `%` is
/// percent-encoded, and so is the first letter of a host that is called `local`: no two steps share
/// an id.
pub fn step_id(host: Option<&HostName>, [area, subject, verb]: [&str; 3]) -> StepId {
    let place = match host.map(HostName::as_str) {
        None => Cow::Borrowed("local"),
        Some("local") => Cow::Borrowed("%6Cocal"),
        Some(host) => encoded(host),
    };
    let parts: [&str; 4] = [&place, &encoded(area), &encoded(subject), verb];
    StepId::from(parts.join("/"))
}

/// Returns `text` as a part of an id.
fn encoded(text: &str) -> Cow<'_, str> {
    match text.contains(['%', '/']) {
        true => Cow::Owned(text.replace('%', "%25").replace('/', "%2F")),
        false => Cow::Borrowed(text),
    }
}

impl Step {
    /// Returns the step `[area, subject, verb]` on `host`, or on this machine: it has no needs and
    /// does nothing yet, lasts at most [`QUICK`], ends its host's part if it fails, and begins with
    /// a safe point.
    pub(super) fn new(host: Option<&HostName>, kind: StepKind, id: [&str; 3]) -> Self {
        Self {
            id: step_id(host, id),
            kind,
            host: host.cloned(),
            role: None,
            accessory: None,
            summary: String::new(),
            why: Reason::Requested,
            needs: Vec::new(),
            action: Vec::new(),
            barrier: None,
            secrets: Vec::new(),
            check: None,
            unless: Vec::new(),
            diagnose: Vec::new(),
            cleanup: Vec::new(),
            on_failure: match host {
                Some(_) => OnFailure::StopHost,
                None => OnFailure::StopRun,
            },
            shared_lock: kind.changes_shared(),
            safe_point: true,
            timeout_seconds: QUICK,
            idle_timeout_seconds: 0,
            retry: 0,
        }
    }

    /// Says what it does, with digests and commits shortened, and why.
    pub(super) fn because(mut self, summary: impl Into<String>, why: Reason) -> Self {
        self.summary = shorten(&summary.into());
        self.why = why;
        self
    }

    /// Adds needs that must have succeeded.
    pub(super) fn needs(mut self, steps: impl IntoIterator<Item = StepId>) -> Self {
        for step in steps {
            if !self.needs.iter().any(|need| need.step == step) {
                let on = NeedOn::Success;
                self.needs.push(Need { step, on });
            }
        }
        self
    }

    /// Adds actions.
    pub(super) fn does(mut self, actions: impl IntoIterator<Item: Into<Action>>) -> Self {
        self.action.extend(actions.into_iter().map(Into::into));
        self
    }

    /// Notes that secrets `names` travel `via`.
    pub(super) fn secrets(mut self, names: &[String], via: Travel) -> Self {
        let secrets = names.iter().cloned();
        self.secrets
            .extend(secrets.map(|name| StepSecret { name, via }));
        self
    }

    /// Sets when the effect is there.
    pub(super) fn done_when(mut self, predicates: impl Into<Vec<Predicate>>) -> Self {
        self.check = Some(Check::Facts(predicates.into()));
        self
    }

    /// Sets the local command that says whether the effect is there.
    pub(super) fn done_when_local(mut self, argv: Vec<String>) -> Self {
        self.check = Some(Check::Argv(argv));
        self
    }

    /// Sets the local commands that say what the registry has of what was pushed.
    pub(super) fn done_when_registry(mut self, commands: impl Into<Vec<Vec<String>>>) -> Self {
        self.check = Some(Check::Registry(commands.into()));
        self
    }

    /// Sets what explains a failure, and what is undone after it.
    pub(super) fn on_failure(
        mut self,
        diagnose: impl Into<Vec<Run>>,
        cleanup: impl IntoIterator<Item: Into<Action>>,
    ) -> Self {
        self.diagnose = diagnose.into();
        self.cleanup = cleanup.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the longest that an attempt may take.
    pub(super) fn timeout(mut self, seconds: u32) -> Self {
        self.timeout_seconds = seconds;
        self
    }

    /// Bounds the silence of an attempt rather than its length.
    pub(super) fn silence(mut self, seconds: u32) -> Self {
        self.timeout_seconds = 0;
        self.idle_timeout_seconds = seconds;
        self
    }

    /// Says that it stands within a switch: one that has begun is finished, so that only its first
    /// step is a safe point.
    pub(super) fn within_switch(mut self) -> Self {
        self.safe_point = false;
        self
    }

    /// Lets the run go on after a failure.
    pub(super) fn tolerated(mut self) -> Self {
        self.on_failure = OnFailure::Tolerate;
        self
    }

    /// Repeats a failed attempt once.
    pub(super) fn retried(mut self) -> Self {
        self.retry = 1;
        self
    }

    /// Makes it a barrier that opens so many seconds after all its needs have succeeded.
    pub(super) fn opens_after(self, wait_seconds: u32) -> Self {
        self.opens_after_most(0, wait_seconds)
    }

    /// Makes it a barrier that opens so many seconds after its needs have ended, of which so many may have failed.
    pub(super) fn opens_after_most(mut self, at_most_failed: u32, wait_seconds: u32) -> Self {
        self.barrier = Some(Barrier {
            at_most_failed,
            wait_seconds,
        });
        self.timeout_seconds = 0;
        self
    }
}
