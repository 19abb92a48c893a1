//! Attempts of other plans that live on a host, and what they say about themselves.

use crate::name::PlanDigest;

/// What an attempt says about itself, in the file `about`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// The step's kind, by its name in plans.
    pub kind: String,
    /// The step's id.
    pub step: String,
    /// The step's summary.
    pub summary: String,
    /// Who applies the plan.
    pub user: String,
}

/// Names an attempt at a step of any plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttemptName {
    /// The hexadecimal digits of the plan's digest.
    pub digits: String,
    /// [`crate::name::StepId::hash`].
    pub step: String,
    /// The attempt, counted from 1.
    pub number: u32,
}

impl AttemptName {
    /// Returns the digest of its plan.
    pub fn plan(&self) -> PlanDigest {
        PlanDigest::from_digits(&self.digits)
    }
}

/// What a living attempt does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// What its step is for.
    Acts,
    /// It has failed, and explains and undoes that.
    Undoes,
}

/// An attempt of another plan that has no receipt, and of which a process is alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LivingAttempt {
    /// Which.
    pub name: AttemptName,
    /// What it does.
    pub stage: Stage,
    /// What it says about itself; `None` if that cannot be read.
    pub told: Option<Told>,
}

/// What an attempt says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What it is.
    pub about: About,
    /// When it began, by the host's clock, in seconds since 1970.
    pub started: u64,
    /// When its actions have ended at the latest, by the same clock; `None` if they have no bound.
    pub deadline: Option<u64>,
}
