//! Steps of other plans that are running on hosts, as the stream has them.

use schemars::JsonSchema;
use serde::Serialize;

use crate::apply::state;
use crate::plan::kinds::WhenSuperseded;

/// An attempt at a step of another plan that is running on a host.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct OtherStep {
    /// The host.
    pub host: String,
    /// Digest of the plan.
    pub plan: String,
    /// Id of the step; null if it is unknown.
    pub step: Option<String>,
    /// Summary of the step; empty if it is unknown.
    pub summary: String,
    /// Who applied the plan; empty if it is unknown.
    pub user: String,
    /// When the attempt started, in seconds since 1970 by the clock of the host; null if it is unknown.
    pub since: Option<u64>,
}

/// What becomes of a running step of another plan.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fate {
    /// It is ended.
    End,
    /// The run waits for its end.
    WaitFor,
}

impl From<&state::OtherStep> for OtherStep {
    fn from(step: &state::OtherStep) -> Self {
        Self {
            host: step.host.to_string(),
            plan: step.plan.to_string(),
            step: step.step.as_ref().map(ToString::to_string),
            summary: step.summary.clone(),
            user: step.user.clone(),
            since: step.since,
        }
    }
}

impl From<&WhenSuperseded> for Fate {
    fn from(source: &WhenSuperseded) -> Self {
        match source {
            WhenSuperseded::End => Self::End,
            WhenSuperseded::WaitFor => Self::WaitFor,
        }
    }
}
