//! The steps of a plan by where they run.

use std::collections::BTreeMap;

use crate::name::HostName;
use crate::plan::{AppOperation, OperationKind, Plan, Step, Unchanged};
use crate::text::{count, shorten};

/// What happens in one place.
pub(super) struct Group<'a> {
    /// The host; `None`: the machine that applies the plan.
    pub(super) host: Option<&'a HostName>,
    /// Its steps, each with its number in the plan, from 1.
    pub(super) steps: Vec<(usize, &'a Step)>,
    /// What needs no step there.
    pub(super) unchanged: Vec<&'a Unchanged>,
}

/// Returns the places of the plan: this machine, then the hosts in the order of their first step,
/// then those without one.
pub(super) fn groups(plan: &Plan) -> Vec<Group<'_>> {
    let of_steps = plan.steps.iter().map(|step| step.host.as_ref());
    let of_unchanged = plan.unchanged.iter().map(|item| item.host.as_ref());
    let mut positions = BTreeMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for host in [None].into_iter().chain(of_steps).chain(of_unchanged) {
        positions.entry(host).or_insert_with(|| {
            let (steps, unchanged) = (Vec::new(), Vec::new());
            groups.push(Group {
                host,
                steps,
                unchanged,
            });
            groups.len() - 1
        });
    }
    for (step, number) in plan.steps.iter().zip(1..) {
        groups[positions[&step.host.as_ref()]]
            .steps
            .push((number, step));
    }
    for item in &plan.unchanged {
        groups[positions[&item.host.as_ref()]].unchanged.push(item);
    }
    groups.retain(|group| !group.steps.is_empty() || !group.unchanged.is_empty());
    groups
}

/// Returns a group's title, unescaped.
pub(super) fn title(plan: &Plan, host: Option<&HostName>) -> String {
    let Some(name) = host else {
        return "this machine".to_owned();
    };
    let Some(host) = plan.hosts.get(name) else {
        return name.to_string();
    };
    let port = host
        .ssh
        .port
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let mut notes = vec![format!("{}@{name}{port}", host.ssh.user)];
    if let Some(proxy) = &host.ssh.proxy {
        notes.push(format!("through {proxy}"));
    }
    if let Some(command) = &host.ssh.proxy_command {
        notes.push(format!("through `{command}`"));
    }
    if !host.roles.is_empty() {
        let roles: Vec<&str> = host.roles.iter().map(|role| role.as_str()).collect();
        notes.push(roles.join(", "));
    }
    if *name == plan.lock_host {
        notes.push("lock host".to_owned());
    }
    format!("{name} ({})", notes.join("; "))
}

/// Returns `14 steps on 3 hosts, 5 unchanged`.
pub(super) fn summary(plan: &Plan) -> String {
    let unchanged = plan.unchanged.len();
    if plan.steps.is_empty() {
        return format!("nothing to do, {unchanged} unchanged");
    }
    format!("{}, {unchanged} unchanged", size(plan))
}

/// Returns `14 steps on 3 hosts`.
pub(super) fn size(plan: &Plan) -> String {
    let hosts = plan.steps.iter().filter_map(|step| step.host.as_ref());
    let hosts: std::collections::BTreeSet<_> = hosts.collect();
    format!(
        "{} on {}",
        count(plan.steps.len(), "step"),
        count(hosts.len(), "host")
    )
}

/// Returns what a plan does in a few words, unescaped: `deploy hey 1f3c (staging)`.
pub(super) fn headline(plan: &Plan) -> String {
    let destination = plan.operation.destination.as_ref();
    let destination = destination
        .map(|name| format!(" ({name})"))
        .unwrap_or_default();
    let what = match &plan.operation.kind {
        OperationKind::Accessory(_, accessories) => {
            format!("{} of {}", accessories.names().join(", "), plan.service)
        }
        OperationKind::App(operation) => {
            let version = match operation {
                AppOperation::RemoveContainer(version) => Some(version),
                _ => plan.version.as_ref(),
            };
            let version = version.map_or(String::new(), |version| shorten(version) + " ");
            format!("{version}for {}", plan.service)
        }
        OperationKind::Host(_) => {
            let hosts: Vec<&str> = plan.operation.hosts.iter().map(AsRef::as_ref).collect();
            format!("{} for {}", hosts.join(", "), plan.service)
        }
        OperationKind::Deploy(_)
        | OperationKind::Redeploy(_)
        | OperationKind::Setup(_)
        | OperationKind::Rollback(_)
        | OperationKind::Undo(_)
        | OperationKind::Build(_)
        | OperationKind::Healthcheck(_)
        | OperationKind::Unknown(_) => match &plan.version {
            Some(version) => format!("{} {}", plan.service, shorten(version)),
            None => format!("for {}", plan.service),
        },
        OperationKind::Traefik(_)
        | OperationKind::Prune(_)
        | OperationKind::Remove
        | OperationKind::ServerBootstrap
        | OperationKind::RegistryLogin
        | OperationKind::RegistryLogout => {
            format!("for {}", plan.service)
        }
    };
    format!("{} {what}{destination}", plan.operation.name())
}

/// Returns the commands that print secrets, each once, with the names of these.
fn secret_commands(plan: &Plan) -> Vec<(&str, Vec<&str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, commands) in &plan.secret_commands {
        for command in commands {
            match found.iter_mut().find(|(known, _)| known == command) {
                Some((_, names)) => names.push(name),
                None => found.push((command, vec![name])),
            }
        }
    }
    found
}

/// Returns the facts above the steps as names and values, unescaped.
pub(super) fn header(plan: &Plan) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let broken = &plan.operation.break_glass;
    if !broken.is_none() {
        lines.push(("break glass", broken.parts().join("; ")));
    }
    if plan.version.is_some() {
        lines.push(("image", plan.image.reference.clone()));
    }
    if let Some(digest) = &plan.image.digest {
        lines.push(("image digest", digest.clone()));
    }
    if let Some(source) = &plan.source {
        let commit = match &source.commit {
            Some(commit) => format!("commit {}", shorten(commit)),
            None => "a directory that is not in git".to_owned(),
        };
        let changes = match source.changes {
            Some(_) => ", with uncommitted changes",
            None => "",
        };
        lines.push(("built from", format!("{commit}{changes}")));
    }
    if let OperationKind::Undo(undo) = &plan.operation.kind {
        lines.push(("undoes", undo.plan.to_string()));
    }
    if !plan.secrets.is_empty() {
        let names: Vec<&str> = plan
            .secrets
            .iter()
            .map(|secret| secret.name.as_str())
            .collect();
        lines.push(("secrets", names.join(", ")));
    }
    for file in &plan.secrets_files {
        let hash = file
            .sha256
            .as_ref()
            .map(|sha256| format!(" (sha256 {})", shorten(sha256.as_str())));
        lines.push((
            "secrets file",
            format!("{}{}", file.path, hash.unwrap_or_default()),
        ));
    }
    for (command, names) in secret_commands(plan) {
        lines.push(("runs here", format!("{command}, for {}", names.join(", "))));
    }
    if let Some(run) = &plan.pre_connect {
        let program = run.program().unwrap_or_default();
        let hash = run.program_sha256.as_ref();
        let hash = hash.map_or("", |sha256| sha256.as_str());
        let text = format!("{program} (sha256 {})", shorten(hash));
        lines.push(("pre-connect", text));
    }
    lines.push(("lock host", plan.lock_host.to_string()));
    if plan.max_failures > 0 {
        let hosts = count(plan.max_failures as usize, "host");
        lines.push(("may fail", hosts));
    }
    let config = format!(
        "{} (sha256 {})",
        plan.config.path,
        shorten(plan.config.sha256.as_str())
    );
    lines.push(("config", config));
    lines.push(("digest", plan.digest.to_string()));
    lines
}
