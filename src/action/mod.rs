//! What a step does, as data: the vocabulary that a plan writes, and that the transport carries out.

mod arg;
mod variable;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::arg::{Arg, PushedImage};
pub use self::variable::{FromRun, Variable};
use crate::name::{SecretVariable, Sha256Hex, StepId};

/// One part of a step. The parts of a step run in order; the first that fails ends the step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(deny_unknown_fields)]
pub enum Action {
    /// Runs a command.
    Run(Run),
    /// Writes a file whose bytes stand in the plan's `contents`.
    Write(Write),
    /// Copies a local file to the host.
    Upload(Upload),
    /// Waits until a condition holds.
    Poll(Poll),
    /// Checks that a reference on the host names the planned image.
    VerifyImage(VerifyImage),
    /// Asks Traefik for what users ask, before and after a switch.
    Reach(Reach),
    /// Runs a container to its end.
    Complete(Complete),
    /// Adds the files of a directory to another one.
    Merge(Merge),
}

impl Action {
    /// Returns whether it runs docker with the login that the host keeps.
    pub fn uses_kept_login(&self) -> bool {
        matches!(self, Self::Run(run) if run.own_config == Some(OwnConfig::Kept))
    }
}

impl From<Run> for Action {
    fn from(run: Run) -> Self {
        Self::Run(run)
    }
}

impl From<Poll> for Action {
    fn from(poll: Poll) -> Self {
        Self::Poll(poll)
    }
}

impl From<Complete> for Action {
    fn from(complete: Complete) -> Self {
        Self::Complete(complete)
    }
}

impl From<Merge> for Action {
    fn from(merge: Merge) -> Self {
        Self::Merge(merge)
    }
}

impl From<Reach> for Action {
    fn from(reach: Reach) -> Self {
        Self::Reach(reach)
    }
}

/// A command, as an argument vector of literal text. It never passes through a shell's parser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Run {
    /// The program and its arguments.
    pub argv: Vec<Arg>,
    /// Variables that are exported to the command's environment: the names of secrets, or `NAME:SECRET` for one that is exported
    /// under another name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<SecretVariable>,
    /// Name of the secret that is written to the command's standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Variables that are written to the command's standard input as lines `NAME=VALUE`, named as in `env`: those whose names would
    /// change what the command itself does if they were in its environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env_file: Vec<SecretVariable>,
    /// The configuration of mrsk's own that docker gets, derived from the user's, with the logins in it. Absent: the user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_config: Option<OwnConfig>,
    /// SHA-256 of the program, if it is a file of the repository that runs on the machine that applies the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program_sha256: Option<Sha256Hex>,
    /// Variables whose values are not secret. Only of a hook.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Variable>,
    /// The working directory, relative to the git root. Absent: the git root, else the current directory. Only of a hook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
}

impl Run {
    /// Returns a command of literal arguments that needs no secret.
    pub fn literal<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self {
            argv: Vec::from_iter(argv.into_iter().map(|arg| Arg::Literal(arg.into()))),
            env: Vec::new(),
            stdin: None,
            env_file: Vec::new(),
            own_config: None,
            program_sha256: None,
            variables: BTreeMap::new(),
            directory: None,
        }
    }

    /// Gives docker a configuration of mrsk's own.
    pub fn with_own_config(self, own_config: OwnConfig) -> Self {
        Self {
            own_config: Some(own_config),
            ..self
        }
    }

    /// Returns the names of all secrets that the command gets.
    pub fn secrets(&self) -> impl Iterator<Item = &String> {
        let variables = self.env.iter().chain(&self.env_file);
        variables
            .map(|variable| &variable.secret)
            .chain(&self.stdin)
    }

    /// Returns the program, if it is a literal text.
    pub fn program(&self) -> Option<&str> {
        match self.argv.first() {
            Some(Arg::Literal(program)) => Some(program),
            _ => None,
        }
    }
}

/// A configuration for docker of mrsk's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OwnConfig {
    /// One that goes: on the machine that applies with the run, on a host with the step.
    Temporary,
    /// A new one that stays on the host for the plans of this service and destination.
    ToKeep,
    /// The one that stayed on the host.
    Kept,
}

/// A file to be written atomically, by a temporary file and a rename.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Write {
    /// Absolute path on the host.
    pub path: String,
    /// Key of the file's text in the plan's `contents`.
    pub content: Sha256Hex,
    /// Permission bits in octal, such as `0644`.
    pub mode: String,
}

/// A local file to be copied to the host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Upload {
    /// Path of the local file, relative to the git root, else to the current directory.
    pub source: String,
    /// SHA-256 of the bytes that are expected there.
    pub sha256: Sha256Hex,
    /// Absolute path on the host.
    pub path: String,
    /// Permission bits in octal, such as `0600`.
    pub mode: String,
    /// Its owner, as `USER` or `USER:GROUP` of the host; absent: the SSH user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Whether the file is an ERB template, and what it becomes at apply is copied. [`Upload::sha256`] is the template's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub template: bool,
    /// Variables that the template sees, besides the secrets of its step; for other names it sees those of the machine
    /// that applies.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Variables that the template sees with the values of secrets of its step of other names, as `NAME:SECRET`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<SecretVariable>,
}

/// A condition that is checked repeatedly. What exists only at run time, such as the container's address or
/// process id, is looked up by the container's name at each attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Poll {
    /// What is asked.
    pub probe: Probe,
    /// The container that is asked, or looked at.
    pub container: String,
    /// TCP port inside the container. Absent for `running`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Path of the HTTP request, for `http` and `route`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `Host` header of the HTTP request, for `http` and `route`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// For `route`: the value of the response header `X-Mrsk-Container` that proves that the file is loaded. For `idle`: the
    /// container that requests go to now, and for `ended` the one that takes its place; if it stops running, the poll fails at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<String>,
    /// For `idle`: the network in which requests reach the container. What is established to its addresses in other networks is not
    /// counted, unless the container publishes the port or has no address in this one. Absent: everything is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// How often the container (for `idle` and `ended`: the expected one) may have been restarted; beyond that, the poll fails at once.
    /// Absent: as often as at the first attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarts: Option<u32>,
    /// Length of an attempt in milliseconds. Within it the question is asked again every 100 ms (`http`: less
    /// often the longer it takes), so that a short wait stays short; what counts as an attempt is what the user counts.
    pub interval_ms: u32,
    /// The number of attempts after which the step fails (`idle`, `ended`: after which it goes on all the same).
    pub attempts: u32,
}

impl Poll {
    /// Returns a poll of so many attempts of a second each, without what only some probes have.
    pub fn new(probe: Probe, container: &str, attempts: u32) -> Self {
        Self {
            probe,
            container: container.to_owned(),
            port: None,
            path: None,
            host: None,
            expect: None,
            network: None,
            restarts: None,
            interval_ms: 1000,
            attempts,
        }
    }
}

/// What a [`Poll`] asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// The container answers 200 to a GET sent straight to its address, and does so again 50 ms later. Fails at once when the
    /// container is not running.
    Http,
    /// Traefik answers on its probe entrypoint for the new container: the routing file is loaded.
    Route,
    /// No connection to the container's port is in flight, or nothing listens there at first. Running out of attempts is not a failure: `drain_timeout` is a bound.
    Idle,
    /// The container does not run any more. Running out of attempts is not a failure.
    Ended,
    /// The container runs, at each of the attempts, and its image's own health check (if it has one) says healthy.
    Running,
}

/// A check that `reference` on the host has the planned registry digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct VerifyImage {
    /// The reference that was pulled.
    pub reference: String,
    /// The registry digest, `sha256:…`, if the plan knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The push step that records the digest, if it is known only at run time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed_by: Option<StepId>,
}

/// Requests of users, sent to Traefik on the host. An answer of the app or of a middleware is as good as any other; Traefik's own
/// 404, 502 to 504 and no answer are not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Reach {
    /// When it asks, and so what the answers are for.
    pub when: When,
    /// The step that asked before the switch. Absent in that step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<StepId>,
    /// Traefik's container.
    pub container: String,
    /// The requests, at least one.
    pub requests: Vec<UserRequest>,
}

/// A container that is started, unless it was started before, and waited for until it ends. Its exit status is that of the action. It
/// goes on if whoever waits for it is ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Complete {
    /// The container.
    pub container: String,
}

/// Files of one directory of the host that another one gets, unless it has a file of that name. Whoever reads there meanwhile finds
/// each file as a whole, and none that was there changes. No link leads out of either directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Merge {
    /// The directory with the files.
    pub from: String,
    /// The directory that gets them.
    pub into: String,
}

/// When a [`Reach`] asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Before the switch, while the next parts of the step run: the answers are kept on the host. Never fails.
    Before,
    /// After the switch: fails if a request has had a good answer before, and gets none for a few seconds.
    After,
    /// As `after`, if nobody has asked after the switch: its step was lost, and its check says that it is done.
    Unasked,
}

/// A GET as a user sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct UserRequest {
    /// TCP port of the entrypoint inside Traefik's container.
    pub port: u16,
    /// The `Host` header.
    pub host: String,
    /// The path.
    pub path: String,
}

impl UserRequest {
    /// Returns what is asked for as people write it: `app.example.com/up`, with a port that is not 80.
    pub fn address(&self) -> String {
        let Self { port, host, path } = self;
        match port {
            80 => format!("{host}{path}"),
            port => format!("{host}:{port}{path}"),
        }
    }
}
