//! The types of the plan file, format 1.0.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::host::PlanHost;
use super::kinds::{Builds, Mark, StepKind};
use super::operation::Operation;
use super::predicate::Predicate;
use crate::action::{Action, Arg, Run, When};
use crate::config::secrets_files::SecretsFile;
use crate::name::{HostName, PlanDigest, RoleName, Sha256Hex, StepId};

/// The version of the format that this crate writes and applies.
pub const FORMAT_VERSION: &str = "1.0";

/// A reviewable description of a change: every command and file, on every host, in which order, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Plan {
    /// `1.0`. A new kind or field is a minor version; apply refuses what it does not know.
    pub format_version: String,
    /// What was asked for.
    pub operation: Operation,
    /// The service that is deployed.
    pub service: String,
    /// The version that is deployed; absent if the operation deploys none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The image that is deployed.
    pub image: Image,
    /// The configuration that was compiled. For information: apply never reads it.
    pub config: ConfigRef,
    /// Where the image is built; absent where none is built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Every secret by name, and how it travels. Never a value.
    pub secrets: Vec<SecretUse>,
    /// The files with secrets beside `.env`, in the order in which they are read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets_files: Vec<SecretsFile>,
    /// The commands of these files that print the value of a secret, by its name, in their order. `sh` runs them on the machine that applies
    /// the plan, if a step needs the value and file and command there are these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_commands: BTreeMap<String, Vec<String>>,
    /// The hook that runs on the machine that applies the plan before it connects to a host, each time; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_connect: Option<Run>,
    /// The host that holds the deploy lock.
    pub lock_host: HostName,
    /// How many hosts may fail before the run stops, unless the options of apply say otherwise.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub max_failures: u32,
    /// The hosts that the plan looks at or changes; the lock host is always among them.
    pub hosts: BTreeMap<HostName, PlanHost>,
    /// The text of the files to be written, by SHA-256.
    pub contents: BTreeMap<Sha256Hex, String>,
    /// The steps, in an order in which they could run one by one.
    pub steps: Vec<Step>,
    /// What was looked at and needs nothing.
    pub unchanged: Vec<Unchanged>,
    /// What a reviewer should know.
    pub warnings: Vec<String>,
    /// `sha256:` and the SHA-256 of the RFC 8785 canonical JSON of everything else.
    pub digest: PlanDigest,
}

impl Plan {
    /// Returns the steps that build the image, which need its source.
    pub fn builds(&self) -> impl Iterator<Item = &Step> {
        let of = |builds| {
            self.steps
                .iter()
                .filter(move |step| step.kind.builds() == builds)
        };
        let always = of(Builds::Always).next().is_some();
        of(if always {
            Builds::Always
        } else {
            Builds::IfNoOther
        })
    }
}

/// The image that is deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Image {
    /// Registry server, name and tag.
    pub reference: String,
    /// Registry digest (`sha256:…`) that every host must get; absent where the image is yet to be pushed, or the registry did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// The configuration that was compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ConfigRef {
    /// Path relative to where the plan was made.
    pub path: String,
    /// SHA-256 of the resolved configuration, with secrets as names.
    pub sha256: Sha256Hex,
}

/// What the image is built from. Apply needs the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Source {
    /// The commit. For information where `tree` is there: a merge or squash commit of the same tree is fine. Absent outside git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Git's tree id of the build context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
    /// Digest of the changes to tracked files; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Sha256Hex>,
    /// The build context, relative to the git root, else to the current directory.
    pub context: String,
    /// The Dockerfile, relative to the git root, else to the current directory.
    pub dockerfile: String,
    /// SHA-256 of the Dockerfile.
    pub dockerfile_sha256: Sha256Hex,
}

/// A secret, by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SecretUse {
    /// The name of the variable it is taken from.
    pub name: String,
    /// How it reaches the process that needs it.
    pub travels: BTreeSet<Travel>,
}

/// How a secret reaches the process that needs it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Travel {
    /// In the environment of a hook, or of the docker command that passes it on by name.
    Env,
    /// On the command's standard input.
    Stdin,
    /// In a file of mode 0600.
    File,
    /// As a build secret.
    BuildSecret,
}

/// A node of the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Step {
    /// Stable, readable and unique: `HOST/AREA/SUBJECT/VERB`, or `local/…`.
    pub id: StepId,
    /// What kind of step it is.
    pub kind: StepKind,
    /// Where it runs; absent: on the machine that applies the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostName>,
    /// The role it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleName>,
    /// The accessory it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accessory: Option<String>,
    /// One line for people.
    pub summary: String,
    /// Why the plan has it.
    pub why: Reason,
    /// What must have ended before it starts.
    pub needs: Vec<Need>,
    /// What it does, in order. Empty for a barrier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub action: Vec<Action>,
    /// For a barrier: when it opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barrier: Option<Barrier>,
    /// The secrets it needs, and how each is handed over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<StepSecret>,
    /// Is its effect already there? Absent for barriers, broadcasts and hooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// The step is not needed, and counts as done, if all of these hold on fresh facts of its host before it is first begun. Empty: it
    /// is needed in any case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unless: Vec<Predicate>,
    /// Read-only commands whose output explains a failure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnose: Vec<Run>,
    /// What is undone after a settled failure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cleanup: Vec<Action>,
    /// What a failure means for the rest.
    pub on_failure: OnFailure,
    /// Whether it holds its host's lock on what all services share: the container engine, the network and Traefik.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared_lock: bool,
    /// Whether other hosts' failures stop the run before this step: nothing that cannot be left half-way has begun.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub safe_point: bool,
    /// The longest that one attempt may take; 0: no bound.
    pub timeout_seconds: u32,
    /// The longest that one attempt may print nothing; 0: no bound.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub idle_timeout_seconds: u32,
    /// How often a failed attempt is repeated within one run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retry: u32,
}

impl Step {
    /// Returns what the step does, in the eyes of a reviewer: what adds something missing does not change it.
    pub fn mark(&self) -> Mark {
        match (self.kind.mark(), &self.why) {
            (Mark::Changes, Reason::Missing { .. }) => Mark::Adds,
            (mark, _) => mark,
        }
    }

    /// Returns the names of the variables whose values are in its arguments.
    pub fn variables(&self) -> impl Iterator<Item = &String> {
        let arguments = self.action.iter().flat_map(|action| match action {
            Action::Run(run) => run.argv.as_slice(),
            _ => &[],
        });
        arguments.filter_map(|arg| match arg {
            Arg::FromEnv(name) => Some(name),
            Arg::Literal(_) | Arg::Pushed(_) => None,
        })
    }

    /// Returns the names of the values that it needs from the machine that applies the plan.
    pub fn needed_values(&self) -> impl Iterator<Item = &String> {
        let secrets = self.secrets.iter().map(|secret| &secret.name);
        secrets.chain(self.variables())
    }

    /// Returns whether it says what users get from Traefik after a switch.
    pub fn asks_as_users(&self) -> bool {
        let mut actions = self.action.iter();
        actions.any(|action| matches!(action, Action::Reach(reach) if reach.when != When::Before))
    }

    /// Returns whether facts of its host tell whether its effect is there.
    pub fn has_facts_check(&self) -> bool {
        matches!(self.check, Some(Check::Facts(_)))
    }

    /// Returns whether a doubt about the step can never be resolved, and does not matter to the plan.
    pub fn has_final_doubt(&self) -> bool {
        self.on_failure == OnFailure::Tolerate && self.check.is_none()
    }
}

fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// Why a plan has a step. Prose is derived from it in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(deny_unknown_fields)]
pub enum Reason {
    /// Something that is needed is not there.
    Missing {
        /// What.
        what: String,
    },
    /// The running version is not the one asked for.
    VersionChanged {
        /// The version that serves now; absent where none does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        old: Option<String>,
        /// The version asked for.
        new: String,
    },
    /// A setting differs from what runs.
    Changed {
        /// What differs.
        what: String,
        /// As it runs; absent where it cannot be shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        old: Option<String>,
        /// As it is wanted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        new: Option<String>,
    },
    /// What was begun earlier is to be completed.
    Incomplete {
        /// What is missing.
        what: String,
    },
    /// Other steps need it.
    NeededBy {
        /// What it makes possible, as a clause that can follow `so that`.
        what: String,
    },
    /// It replaces something.
    Replaced {
        /// What is replaced.
        what: String,
    },
    /// It is older than what is kept.
    Expired {
        /// What.
        what: String,
    },
    /// It is to run again: nothing else does.
    RanLast {
        /// The version that ran last.
        version: String,
    },
    /// It was asked for.
    Requested,
}

impl Reason {
    /// Returns that `what` is not there.
    pub fn missing(what: impl Into<String>) -> Self {
        Self::Missing { what: what.into() }
    }

    /// Returns that other steps need it, so that `what`.
    pub fn needed_by(what: impl Into<String>) -> Self {
        Self::NeededBy { what: what.into() }
    }
}

/// A step that must have ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Need {
    /// Its id.
    pub step: StepId,
    /// How it must have ended.
    pub on: NeedOn,
}

/// How a needed step must have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NeedOn {
    /// It succeeded.
    Success,
    /// It succeeded, or failed with `on_failure: tolerate`.
    Settled,
}

/// When a barrier opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Barrier {
    /// How many of its needs may have failed; 0: all must succeed.
    pub at_most_failed: u32,
    /// Seconds to wait after its needs are met.
    pub wait_seconds: u32,
}

/// A secret that a step needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct StepSecret {
    /// Its name.
    pub name: String,
    /// How it is handed over.
    pub via: Travel,
}

/// How to find out whether a step's effect is already there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(deny_unknown_fields)]
pub enum Check {
    /// All of these hold on fresh facts of the step's host.
    Facts(Vec<Predicate>),
    /// This local command exits with 0 for yes, 1 for no; anything else cannot say.
    Argv(Vec<String>),
    /// The registry has the image that was pushed: the first of these local commands that prints its digest, or that it is not
    /// there, says so.
    Registry(Vec<Vec<String>>),
}

/// The answer to a step's check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The effect is there.
    Yes,
    /// It is not.
    No,
    /// It cannot be found out.
    CannotSay,
}

/// What a failure means for the rest of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Nothing further starts anywhere; other hosts stop at their next safe point.
    StopRun,
    /// Nothing further starts on this host; others stop at their next safe point unless `--keep-going`.
    StopHost,
    /// It is reported, and the run goes on.
    Tolerate,
}

/// Something that was looked at and needs nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Unchanged {
    /// Where; absent: on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostName>,
    /// What: `docker`, `network mrsk`, `traefik`, `web`.
    pub subject: String,
    /// Why it needs nothing.
    pub reason: String,
}
