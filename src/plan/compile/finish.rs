//! Makes the document from the finished draft.

use std::collections::{BTreeMap, BTreeSet};

use super::{Draft, HostView, Result};
use crate::action::Run;
use crate::config::model::Config;
use crate::config::render;
use crate::diagnostic::Diagnostic;
use crate::docker::image;
use crate::name::{HostName, PlanDigest, RoleName};
use crate::plan::model::{ConfigRef, FORMAT_VERSION, Image, Plan, SecretUse, Source, Step, Travel};
use crate::plan::{PlanHost, SshRoute, StepKind, wire};

/// Makes the document from the finished draft.
pub(super) fn finish(mut draft: Draft) -> Result<Plan> {
    let config = draft.config;
    let Some(lock_host) = config.primary_host().cloned() else {
        return Err(vec![Diagnostic::error("the configuration has no host")]);
    };
    if !draft.errors.is_empty() {
        return Err(draft.errors);
    }
    let pre_connect = super::hooks::first::planned(&draft)?;
    let builds = draft.steps.iter().any(|step| step.kind == StepKind::Push);
    draft.unchanged.sort();
    let hosts = plan_hosts(&mut draft, &lock_host);
    let plan = Plan {
        format_version: FORMAT_VERSION.to_owned(),
        operation: draft.operation.clone(),
        service: config.service.clone(),
        version: draft.operation.version().map(str::to_owned),
        image: Image {
            reference: match draft.operation.version().is_some() {
                true => image::reference(config, draft.version),
                false => config.repository(),
            },
            digest: draft.pinned_digest().map(str::to_owned),
        },
        config: ConfigRef {
            path: config.path.clone(),
            sha256: render::fingerprint(config),
        },
        source: builds.then(|| source(&draft)).flatten(),
        secrets: secrets(&draft, pre_connect.as_ref()),
        secrets_files: Vec::new(),
        secret_commands: BTreeMap::new(),
        pre_connect,
        lock_host,
        max_failures: config.boot.max_failures,
        hosts,
        contents: draft.contents,
        steps: draft.steps,
        unchanged: draft.unchanged,
        warnings: draft.warnings,
        digest: PlanDigest::from(""),
    };
    let plan = with_origins(plan, config);
    wire::seal(plan).map_err(|error| vec![Diagnostic::error(error.to_string())])
}

/// Says which of the values that the plan needs come from secrets files, and from which commands in them.
fn with_origins(mut plan: Plan, config: &Config) -> Plan {
    let origins = &config.secrets_files;
    let needed: BTreeSet<&String> = plan.steps.iter().flat_map(Step::needed_values).collect();
    // Hooks and keys that are needed before the first connection get only values that no command prints.
    let before = plan.pre_connect.iter().flat_map(Run::secrets);
    let before: BTreeSet<&String> = before.chain(&config.ssh.key_data).collect();
    let defined = origins.commands.iter().filter(|(name, commands)| {
        needed.contains(name) || before.contains(name) && commands.is_empty()
    });
    let defined: BTreeMap<String, Vec<String>> = defined
        .map(|(name, commands)| (name.clone(), commands.clone()))
        .collect();
    if !defined.is_empty() {
        plan.secrets_files = origins.files.clone();
    }
    plan.secret_commands = defined;
    plan.secret_commands
        .retain(|_, commands| !commands.is_empty());
    if plan.secret_commands.is_empty() {
        for file in &mut plan.secrets_files {
            file.sha256 = None;
        }
    }
    plan
}

fn source(draft: &Draft) -> Option<Source> {
    let source = draft.facts.source.as_ref()?;
    Some(Source {
        commit: source.commit.clone(),
        tree: source.tree.clone(),
        changes: source.changes.clone(),
        context: source.context.clone(),
        dockerfile: source.dockerfile.clone(),
        dockerfile_sha256: source.dockerfile_sha256.clone()?,
    })
}

fn plan_hosts(draft: &mut Draft, lock_host: &HostName) -> BTreeMap<HostName, PlanHost> {
    let mut here: BTreeMap<&HostName, Vec<RoleName>> = BTreeMap::new();
    for slot in &draft.slots {
        here.entry(slot.host)
            .or_default()
            .push(slot.role.name.clone());
    }
    let selected: BTreeSet<&HostName> = draft.hosts.iter().map(HostView::name).collect();
    let mut hosts = BTreeMap::new();
    for host in &draft.config.hosts {
        let name = &host.name;
        if !selected.contains(name) && name != lock_host {
            continue;
        }
        let facts = draft.facts.hosts.get(name);
        let entry = PlanHost {
            ssh: SshRoute {
                user: host.user.clone(),
                port: host.port,
                proxy: draft.config.ssh.proxy.clone(),
                proxy_command: draft.config.ssh.proxy_command.clone(),
                keys: draft.config.ssh.keys.clone(),
                key_data: draft.config.ssh.key_data.clone(),
                keys_only: draft.config.ssh.keys_only,
                no_config: draft.config.ssh.no_config,
            },
            host_keys: facts
                .map(|facts| facts.host_keys.clone())
                .unwrap_or_default(),
            roles: here.remove(name).unwrap_or_default(),
            state_dir: facts
                .map(|facts| facts.state_dir.clone())
                .filter(|directory| !directory.is_empty()),
            serial: facts.map_or(0, |facts| facts.serial.number),
            unfinished: facts.and_then(|facts| facts.serial.unfinished.clone()),
            relies_on: draft.relies_on.remove(name).unwrap_or_default(),
        };
        hosts.insert(name.clone(), entry);
    }
    hosts
}

fn secrets(draft: &Draft, pre_connect: Option<&Run>) -> Vec<SecretUse> {
    let mut travels: BTreeMap<&String, BTreeSet<Travel>> = BTreeMap::new();
    for secret in draft.steps.iter().flat_map(|step| &step.secrets) {
        travels.entry(&secret.name).or_default().insert(secret.via);
    }
    for name in pre_connect.into_iter().flat_map(Run::secrets) {
        travels.entry(name).or_default().insert(Travel::Env);
    }
    for name in &draft.config.ssh.key_data {
        travels.entry(name).or_default().insert(Travel::File);
    }
    let secret = |(name, travels): (&String, _)| SecretUse {
        name: name.clone(),
        travels,
    };
    travels.into_iter().map(secret).collect()
}
