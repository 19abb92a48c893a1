//! What was asked for: an operation with its arguments, and what it is limited to.

mod break_glass;
mod intercept;
mod kind;
mod maintenance;
mod verbs;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::break_glass::BreakGlass;
pub use self::kind::OperationKind;
pub use self::maintenance::{HostOperation, Maintenance};
pub use self::verbs::{
    Accessories, AccessoryVerb, AppOperation, Broadcasts, BuildVerb, Environment, HookRuns,
    Orphans, Pruned, Release, ReleaseRuns, Rollback, Rolling, StaleContainers, TraefikVerb, Undo,
};

use crate::config::model::Accessory;
use crate::name::{HostName, PlanDigest, RoleName};

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Flat", into = "Flat")]
#[schemars(with = "Flat")]
pub struct Operation {
    /// What is done, with its arguments.
    pub kind: OperationKind,
    /// `--destination`.
    pub destination: Option<String>,
    /// `--hosts`; empty: all.
    pub hosts: Vec<HostName>,
    /// `--roles`; empty: all.
    pub roles: Vec<RoleName>,
    /// Which waits and checks are left out.
    pub break_glass: BreakGlass,
    /// What becomes of roles that left the configuration.
    pub orphans: Orphans,
    /// Whether the release command runs again for a version that it has run for.
    pub release_runs: ReleaseRuns,
    /// Whether hooks run.
    pub hooks: HookRuns,
    /// Whether what was done is announced.
    pub broadcasts: Broadcasts,
}

impl Operation {
    /// Returns the name: the words of the command.
    pub fn name(&self) -> &str {
        self.kind.name()
    }

    /// Returns the version that is brought to the hosts; `None` if there is none.
    pub fn version(&self) -> Option<&str> {
        self.kind.version()
    }

    /// Returns whether an image is built or pulled, and its version brought to hosts.
    pub fn deploys(&self) -> bool {
        self.kind.deploys()
    }

    /// Returns whether the image is taken from the registry instead of being built.
    pub fn skips_push(&self) -> bool {
        self.kind.release().is_some_and(|release| release.skip_push)
    }

    /// Returns whether `accessory` is started if it does not exist.
    pub fn boots(&self, accessory: &Accessory) -> bool {
        let booted = self.kind.booted();
        booted.is_some_and(|booted| booted.contain(accessory))
    }
}

/// An operation as a plan has it: its name, and those of the arguments that it takes.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Operation", deny_unknown_fields)]
struct Flat {
    /// What is done: the words of the command.
    #[schemars(extend("enum" = &OperationKind::NAMES[..]))]
    name: String,
    /// The version that was asked for, or found; absent if the operation takes none, or there was nothing to find it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// `--hosts`; absent: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<HostName>,
    /// `--roles`; absent: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<RoleName>,
    /// The accessories that it is about, `all` for every one; absent if the operation takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accessories: Option<Vec<String>>,
    /// `--destination`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    destination: Option<String>,
    /// `--skip-push`: the image is in the registry already. Absent if the operation builds no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    skip_push: Option<bool>,
    /// `--no-cache`: the image is built without layers of an earlier build. Absent: with them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    no_cache: bool,
    /// `--fresh-env` of `rollback`; absent: containers that exist keep their environment.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    fresh_env: bool,
    /// Digest of the plan that `undo` undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    undoes: Option<PlanDigest>,
    /// `--stop` of `app stale_containers`; absent: they are only named.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    stop: bool,
    /// `--remove-orphans` of `deploy`; absent: roles that left the configuration are only named.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    remove_orphans: bool,
    /// `--release` of `deploy`, `redeploy` and `setup`: the release command runs, also if it has run for this version; absent: it runs once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    release: bool,
    /// `--skip-hooks`: no hook runs; absent: all do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    skip_hooks: bool,
    /// `--skip-broadcast`: `audit_broadcast_cmd` does not run; absent: it does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    skip_broadcast: bool,
    /// `--all-at-once` of `deploy` and `rollback`; absent: the canary first, then in groups.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    all_at_once: bool,
    /// `--drain-timeout` of `deploy` and `rollback`, in seconds; absent: as configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    drain_timeout: Option<u32>,
    /// The reason that `--skip-healthcheck` of `deploy` and `rollback` was given; absent: new containers are checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    skip_healthcheck: Option<String>,
    /// `--rolling` of `traefik reboot`; absent: all hosts at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    rolling: bool,
    /// Who asked for the maintenance, or for the host to be drained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// `--message` of `app maintenance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// `--retry-after` of `app maintenance`, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    /// `--page` of `app maintenance`: the path of a page of the app that is answered with 503.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page: Option<String>,
    /// `--allow` of `app maintenance`: addresses and networks of clients whose requests go to the app.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    allow: Vec<String>,
    /// `--except` of `app maintenance`: paths whose requests go to the app.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    except: Vec<String>,
}

impl Flat {
    fn release(&mut self) -> Result<Release, String> {
        let version = self.version.take();
        Ok(Release {
            version: version.ok_or_else(|| self.lacks("version"))?,
            skip_push: self.skip_push.take().unwrap_or_default(),
            no_cache: std::mem::take(&mut self.no_cache),
        })
    }

    fn accessories(&mut self) -> Result<Accessories, String> {
        let names = self.accessories.take();
        let names = names.ok_or_else(|| self.lacks("accessories"))?;
        Ok(Accessories::named(&names))
    }

    fn break_glass(&mut self) -> BreakGlass {
        BreakGlass {
            all_at_once: std::mem::take(&mut self.all_at_once),
            drain_timeout: self.drain_timeout.take(),
            skip_healthcheck: self.skip_healthcheck.take(),
        }
    }

    fn lacks(&self, argument: &str) -> String {
        format!("operation `{}` needs `{argument}`", self.name)
    }

    /// Returns the kind, of which it takes the arguments.
    fn kind(&mut self) -> Result<OperationKind, String> {
        if let Some(kind) = self.intercepting() {
            return Ok(kind);
        }
        let verb = AccessoryVerb::ALL
            .into_iter()
            .find(|verb| verb.name() == self.name);
        if let Some(verb) = verb {
            return Ok(OperationKind::Accessory(verb, self.accessories()?));
        }
        let verb = TraefikVerb::ALL
            .into_iter()
            .filter(|verb| !matches!(verb, TraefikVerb::Reboot(_)))
            .find(|verb| verb.name() == self.name);
        let pruned = Pruned::ALL
            .into_iter()
            .find(|pruned| pruned.name() == self.name);
        match (verb, pruned) {
            (Some(verb), _) => return Ok(OperationKind::Traefik(verb)),
            (_, Some(pruned)) => return Ok(OperationKind::Prune(pruned)),
            _ => {}
        }
        Ok(match self.name.as_str() {
            "deploy" => OperationKind::Deploy(self.release()?),
            "redeploy" => OperationKind::Redeploy(self.release()?),
            "setup" => OperationKind::Setup(self.release()?),
            "build deliver" => OperationKind::Build(BuildVerb::Deliver(self.release()?)),
            "build push" => OperationKind::Build(BuildVerb::Push(self.release()?)),
            "build pull" => OperationKind::Build(BuildVerb::Pull(self.release()?)),
            "build create" => OperationKind::Build(BuildVerb::Create),
            "build remove" => OperationKind::Build(BuildVerb::Remove),
            "healthcheck perform" => OperationKind::Healthcheck(self.release()?),
            "rollback" => OperationKind::Rollback(Rollback {
                version: self.version.take(),
                environment: match std::mem::take(&mut self.fresh_env) {
                    true => Environment::Fresh,
                    false => Environment::Kept,
                },
            }),
            "undo" => OperationKind::Undo(Undo {
                plan: self.undoes.take().ok_or_else(|| self.lacks("undoes"))?,
                version: self.version.take(),
            }),
            "app boot" => OperationKind::App(AppOperation::Boot(self.version.take())),
            "app start" => OperationKind::App(AppOperation::Start),
            "app stop" => OperationKind::App(AppOperation::Stop),
            "app remove" => OperationKind::App(AppOperation::Remove),
            "app remove_container" => {
                let version = self.version.take();
                let version = version.ok_or_else(|| self.lacks("version"))?;
                OperationKind::App(AppOperation::RemoveContainer(version))
            }
            "app remove_containers" => OperationKind::App(AppOperation::RemoveContainers),
            "app remove_images" => OperationKind::App(AppOperation::RemoveImages),
            "app stale_containers" => {
                let what = match std::mem::take(&mut self.stop) {
                    true => StaleContainers::Stop,
                    false => StaleContainers::Show,
                };
                OperationKind::App(AppOperation::StaleContainers(what))
            }
            "traefik reboot" => {
                let rolling = match std::mem::take(&mut self.rolling) {
                    true => Rolling::OneByOne,
                    false => Rolling::AllAtOnce,
                };
                OperationKind::Traefik(TraefikVerb::Reboot(rolling))
            }
            "remove" => OperationKind::Remove,
            "server bootstrap" => OperationKind::ServerBootstrap,
            "registry login" => OperationKind::RegistryLogin,
            "registry logout" => OperationKind::RegistryLogout,
            name => return Err(format!("unknown operation `{name}`")),
        })
    }

    /// Refuses an argument that nothing has taken.
    fn check_taken(&self) -> Result<(), String> {
        let left = [
            ("version", self.version.is_some()),
            ("skip_push", self.skip_push.is_some()),
            ("no_cache", self.no_cache),
            ("accessories", self.accessories.is_some()),
            ("fresh_env", self.fresh_env),
            ("undoes", self.undoes.is_some()),
            ("stop", self.stop),
            ("rolling", self.rolling),
            ("remove_orphans", self.remove_orphans),
            ("release", self.release),
            ("skip_hooks", self.skip_hooks),
            ("skip_broadcast", self.skip_broadcast),
            ("all_at_once", self.all_at_once),
            ("drain_timeout", self.drain_timeout.is_some()),
            ("skip_healthcheck", self.skip_healthcheck.is_some()),
            ("by", self.by.is_some()),
            ("message", self.message.is_some()),
            ("retry_after", self.retry_after.is_some()),
            ("page", self.page.is_some()),
            ("allow", !self.allow.is_empty()),
            ("except", !self.except.is_empty()),
        ];
        match left.iter().find(|(_, is_there)| *is_there) {
            Some((argument, _)) => Err(format!("operation `{}` takes no `{argument}`", self.name)),
            None => Ok(()),
        }
    }
}

impl TryFrom<Flat> for Operation {
    type Error = String;

    fn try_from(mut flat: Flat) -> Result<Self, String> {
        let kind = flat.kind()?;
        let break_glass = match kind.breaks_glass() {
            true => flat.break_glass(),
            false => BreakGlass::default(),
        };
        let is_deploy = matches!(kind, OperationKind::Deploy(_));
        let orphans = match is_deploy && std::mem::take(&mut flat.remove_orphans) {
            true => Orphans::Removed,
            false => Orphans::Named,
        };
        let release_runs = match kind.deploys() && std::mem::take(&mut flat.release) {
            true => ReleaseRuns::Again,
            false => ReleaseRuns::Once,
        };
        let may_skip = kind.runs_hooks() || matches!(kind, OperationKind::Undo(_));
        let hooks = match may_skip && std::mem::take(&mut flat.skip_hooks) {
            true => HookRuns::Skipped,
            false => HookRuns::All,
        };
        let broadcasts = match kind.broadcasts() && std::mem::take(&mut flat.skip_broadcast) {
            true => Broadcasts::Skipped,
            false => Broadcasts::Sent,
        };
        flat.check_taken()?;
        Ok(Self {
            orphans,
            release_runs,
            hooks,
            broadcasts,
            kind,
            break_glass,
            destination: flat.destination,
            hosts: flat.hosts,
            roles: flat.roles,
        })
    }
}

impl From<Operation> for Flat {
    fn from(operation: Operation) -> Self {
        let flat = Self {
            name: operation.name().to_owned(),
            version: operation.version().map(str::to_owned),
            remove_orphans: operation.orphans == Orphans::Removed,
            release: operation.release_runs == ReleaseRuns::Again,
            skip_hooks: operation.hooks == HookRuns::Skipped,
            skip_broadcast: operation.broadcasts == Broadcasts::Skipped,
            all_at_once: operation.break_glass.all_at_once,
            drain_timeout: operation.break_glass.drain_timeout,
            skip_healthcheck: operation.break_glass.skip_healthcheck.clone(),
            skip_push: operation.kind.release().map(|release| release.skip_push),
            no_cache: operation
                .kind
                .release()
                .is_some_and(|release| release.no_cache),
            hosts: operation.hosts,
            roles: operation.roles,
            destination: operation.destination,
            ..Self::default()
        }
        .with_intercepting(&operation.kind);
        match operation.kind {
            OperationKind::Accessory(_, accessories) => Self {
                accessories: Some(accessories.names()),
                ..flat
            },
            OperationKind::Rollback(rollback) => Self {
                fresh_env: rollback.environment == Environment::Fresh,
                ..flat
            },
            OperationKind::Undo(undo) => Self {
                undoes: Some(undo.plan),
                ..flat
            },
            OperationKind::App(AppOperation::RemoveContainer(version)) => Self {
                version: Some(version),
                ..flat
            },
            OperationKind::App(AppOperation::StaleContainers(what)) => Self {
                stop: what == StaleContainers::Stop,
                ..flat
            },
            OperationKind::Traefik(TraefikVerb::Reboot(rolling)) => Self {
                rolling: rolling == Rolling::OneByOne,
                ..flat
            },
            _ => flat,
        }
    }
}

#[cfg(test)]
#[path = "operation_tests.rs"]
mod tests;
