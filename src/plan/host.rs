//! The hosts of a plan: how they are reached, and what must be so there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::predicate::{Op, Predicate};
use crate::name::{RoleName, StepId};
use crate::record::Unfinished;

/// A host of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PlanHost {
    /// How it is reached.
    pub ssh: SshRoute,
    /// Its host keys, as the lines of a known_hosts file have them after the host name (`ssh-ed25519 AAAA…`).
    /// Empty: the runner's known_hosts decides.
    pub host_keys: Vec<String>,
    /// The roles it has in this plan.
    pub roles: Vec<RoleName>,
    /// Where mrsk keeps its state there; absent where the plan was made without asking the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_dir: Option<String>,
    /// The serial that was seen there; 0 where no plan had begun.
    pub serial: u64,
    /// How far the last of these plans was; absent if it had finished. Of an undo: the one before the plan that it undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<Unfinished>,
    /// What must still be so when the plan is applied, or the plan is stale.
    pub relies_on: Vec<Reliance>,
}

/// How a host is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SshRoute {
    /// The user.
    pub user: String,
    /// The port; absent: as ssh's own configuration has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// A jump host, `[user@]host[:port]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// A command whose standard input and output are the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_command: Option<String>,
    /// Files of keys that ssh offers, beside those of its own configuration; a relative path is below the current directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Names of secrets with the texts of further keys, which ssh reads from files of mode 0600 while it connects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_data: Vec<String>,
    /// Whether ssh offers no other key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keys_only: bool,
    /// Whether ssh reads no configuration of the user and the machine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_config: bool,
}

/// A predicate, and the steps that it is tested for: it is tested while none of them has a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Reliance {
    /// As [`Predicate::fact`].
    pub fact: String,
    /// As [`Predicate::op`].
    pub op: Op,
    /// As [`Predicate::value`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    /// The steps that rely on it.
    pub steps: Vec<StepId>,
}

impl Reliance {
    /// Returns a reliance of `steps` on `predicate`.
    pub fn new(predicate: Predicate, steps: Vec<StepId>) -> Self {
        let Predicate { fact, op, value } = predicate;
        Self {
            fact,
            op,
            value,
            steps,
        }
    }

    /// Returns what must be so.
    pub fn predicate(&self) -> Predicate {
        Predicate {
            fact: self.fact.clone(),
            op: self.op,
            value: self.value.clone(),
        }
    }
}
