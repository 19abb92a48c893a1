//! Makes the draft that the passes add to, and refuses facts that no plan can be made from.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::placement::{Wanted, belongs, decide};
use super::selection::Selection;
use super::slot::Slot;
use super::target::Target;
use super::{Draft, HostView, Placement, Result};
use super::{emergency, existing, other_user, tag};
use crate::config::model::Config;
use crate::diagnostic::Diagnostic;
use crate::docker::image;
use crate::facts::model::Facts;
use crate::name::HostName;
use crate::plan::operation::{
    AppOperation, Environment, Operation, OperationKind, Rollback, TraefikVerb,
};
use crate::text::one_line;
use crate::traefik::Renderer;

/// Makes the draft that the passes add to.
pub(super) fn draft<'a>(
    config: &'a Config,
    facts: &'a Facts,
    target: &'a Target<'a>,
    selection: Selection<'a>,
) -> Result<Draft<'a>> {
    let operation = &target.operation;
    let Selection { roles, hosts } = selection;
    let missing = hosts
        .iter()
        .filter(|host| !facts.hosts.contains_key(**host));
    let missing = missing.map(|host| {
        Diagnostic::error(format!("host {host} is missing from the facts"))
            .help("run `mrsk inspect` again with the same configuration")
    });
    check(missing.collect())?;
    check(invalid_names(facts, &hosts))?;
    check(other_user::refused(config, facts, &hosts))?;
    let version = operation.version().unwrap_or_default();
    let image_digest = target
        .pulled
        .or_else(|| image_digest(config, facts, operation));
    let placements = placements(config, facts, operation, &roles, image_digest)?;
    check(name_conflicts(config, facts, &placements))?;
    let waits = emergency::waits(config, facts, operation, &roles);
    Ok(Draft {
        waits,
        config,
        facts,
        operation,
        version,
        image_digest,
        pushed: facts.pushed.as_deref(),
        hosts: views(config, facts, &hosts, (&roles, &placements)),
        slots: roles,
        placed: placed(&placements),
        placements: Rc::new(placements),
        maintained: OnceCell::new(),
        renderer: Renderer::default(),
        steps: Vec::new(),
        places: HashMap::new(),
        relies_on: BTreeMap::new(),
        unchanged: Vec::new(),
        warnings: Vec::new(),
        warned: HashSet::new(),
        contents: BTreeMap::new(),
        errors: Vec::new(),
    })
}

/// Decides what is to be done for each of `slots`, if anything is started.
fn placements<'a>(
    config: &'a Config,
    facts: &'a Facts,
    operation: &Operation,
    slots: &[Slot<'a>],
    image_digest: Option<&str>,
) -> Result<Vec<Placement<'a>>> {
    let mut errors = Vec::new();
    let mut placements = Vec::new();
    for slot in slots.iter().copied().flat_map(Slot::replicas) {
        let Some(host) = facts.hosts.get(slot.host) else {
            continue;
        };
        let wanted = |version| Wanted {
            version,
            image_digest: image_digest.filter(|_| operation.skips_push()),
            always: operation.kind.replaces_unchanged(),
        };
        placements.push(match &operation.kind {
            OperationKind::Rollback(Rollback {
                version: Some(version),
                environment: Environment::Kept,
            }) => existing::decide_version(config, slot, host, version),
            OperationKind::App(AppOperation::Start) => {
                match existing::decide_last(config, slot, host) {
                    Some(placement) => placement,
                    // It joins the first one with the next deploy.
                    None if slot.index > 0 => continue,
                    None => {
                        let (host, role) = (slot.host, &slot.role.name);
                        let message = format!("host {host}: role {role} has no container to start");
                        errors.push(Diagnostic::error(message).help("run `mrsk deploy`"));
                        continue;
                    }
                }
            }
            // What runs may have to be served by the Traefik that takes over.
            OperationKind::Traefik(TraefikVerb::Boot | TraefikVerb::Reboot(_)) => {
                match existing::decide_last(config, slot, host) {
                    Some(placement) => placement,
                    None => continue,
                }
            }
            OperationKind::Build(_) | OperationKind::Healthcheck(_) | OperationKind::Undo(_) => {
                continue;
            }
            kind => match kind.version() {
                Some(version) => decide(config, slot, host, &wanted(version)),
                None => continue,
            },
        });
    }
    check(errors)?;
    Ok(placements)
}

/// Puts `placements` in place of those of the draft.
pub(super) fn place<'a>(draft: &mut Draft<'a>, placements: Vec<Placement<'a>>) {
    draft.placed = placed(&placements);
    draft.placements = Rc::new(placements);
}

fn check(errors: Vec<Diagnostic>) -> Result<()> {
    match errors.is_empty() {
        true => Ok(()),
        false => Err(errors),
    }
}

fn placed<'a>(placements: &[Placement<'a>]) -> HashMap<&'a HostName, Vec<usize>> {
    let mut placed: HashMap<&HostName, Vec<usize>> = HashMap::new();
    for (at, placement) in placements.iter().enumerate() {
        placed.entry(placement.host).or_default().push(at);
    }
    placed
}

/// Returns the placements by their host.
pub(super) fn by_host<'p, 'a>(
    placements: &'p [Placement<'a>],
) -> BTreeMap<&'a HostName, Vec<&'p Placement<'a>>> {
    let mut hosts: BTreeMap<&HostName, Vec<&Placement>> = BTreeMap::new();
    for placement in placements {
        hosts.entry(placement.host).or_default().push(placement);
    }
    hosts
}

/// Returns the wanted containers whose name one of another destination or role has. As the parts of
/// a name are joined with dashes, version `staging-1` without a destination and version `1` of
/// destination `staging` have the same.
fn name_conflicts(config: &Config, facts: &Facts, placements: &[Placement<'_>]) -> Vec<Diagnostic> {
    let taken = placements.iter().filter_map(|placement| {
        let (host, name) = (placement.host, &placement.name);
        let other = facts.hosts.get(host)?.containers.get(name)?;
        let labelled = |label: &str| other.labels.get(label).map_or("", String::as_str);
        if labelled("service").is_empty() || belongs(config, placement.role, other) {
            return None;
        }
        let [service, role, destination] = ["service", "role", "destination"].map(labelled);
        let message = format!(
            "host {host}: container name {name} is already in use by service `{service}`, role \
             `{role}`, destination `{destination}`",
        );
        let help = "deploy another version, or rename the role or the destination";
        Some(Diagnostic::error(message).help(help))
    });
    taken.collect()
}

/// Returns what of the facts cannot be the name of a container or an image, and so must not become
/// part of a command.
fn invalid_names(facts: &Facts, hosts: &BTreeSet<&HostName>) -> Vec<Diagnostic> {
    let begins = |name: &str| name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let is_container = |name: &str| {
        let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        begins(name) && name.bytes().all(is_valid)
    };
    let is_image = |name: &str| begins(name) && name.bytes().all(|byte| byte.is_ascii_graphic());
    let mut invalid = Vec::new();
    for (host, facts) in hosts
        .iter()
        .filter_map(|host| facts.hosts.get_key_value(*host))
    {
        let containers = facts.containers.keys().filter(|name| !is_container(name));
        let images = facts.images.keys().filter(|name| !is_image(name));
        invalid.extend(containers.chain(images).map(|name| {
            Diagnostic::error(format!(
                "host {host}: `{}` in the facts is not a valid name of a container or image",
                one_line(name)
            ))
        }));
    }
    invalid
}

fn views<'a>(
    config: &'a Config,
    facts: &'a Facts,
    selected: &BTreeSet<&HostName>,
    (slots, placements): (&[Slot<'a>], &[Placement<'a>]),
) -> Vec<HostView<'a>> {
    let replaced = placements
        .iter()
        .filter(|placement| placement.is_replaced());
    let replaced: BTreeSet<&HostName> = replaced.map(|placement| placement.host).collect();
    let routed = slots.iter().filter(|slot| slot.role.traefik);
    let routed: BTreeSet<&HostName> = routed.map(|slot| slot.host).collect();
    let hosts = config
        .hosts
        .iter()
        .filter(|host| selected.contains(&host.name));
    let views = hosts.filter_map(|host| {
        Some(HostView {
            host,
            facts: facts.hosts.get(&host.name)?,
            changes: replaced.contains(&host.name),
            traefik: routed.contains(&host.name),
        })
    });
    views.collect()
}

/// Returns the registry digest that every host must get, if the plan can know it.
fn image_digest<'a>(config: &Config, facts: &'a Facts, operation: &Operation) -> Option<&'a str> {
    let release = operation.kind.release()?;
    match release.skip_push {
        true => {
            let reference = image::reference(config, &release.version);
            facts.registry.get(&reference).map(String::as_str)
        }
        false => tag::built_before(config, facts, &release.version),
    }
}
