//! From configuration, facts and operation to a plan: a pure function, the same inputs give the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Draft, HostView};
use super::model::{
    ConfigRef, FORMAT_VERSION, Image, Plan, PlanHost, SecretUse, Source, SshRoute, Travel,
};
use super::operation::{ALL_ACCESSORIES, Operation};
use super::situation::{self, Placement, Situation, Wanted};
use super::{passes, wire};
use crate::config::model::Config;
use crate::diagnostic::Diagnostic;
use crate::docker::image;
use crate::facts::model::{Facts, HostFacts};
use crate::name::{HostName, PlanDigest, RoleName, Sha256Hex};
use crate::text::one_line;

/// Compiles the plan of `operation`: a deploy; a redeploy, which expects the hosts to be prepared; a start of accessories; or a
/// setup, which is that of all accessories and a deploy.
///
/// # Errors
/// Every reason at once why there can be no plan: unknown hosts or roles, hosts that mrsk cannot support, a port that
/// somebody else holds, labels that Traefik would not take.
pub fn compile(
    config: &Config,
    facts: &Facts,
    operation: &Operation,
) -> Result<Plan, Vec<Diagnostic>> {
    let selection = select(config, operation)?;
    let mut draft = draft(config, facts, operation, &selection)?;
    passes::bootstrap::run(&mut draft);
    passes::registry::run(&mut draft);
    passes::accessories::run(&mut draft);
    if operation.deploys() {
        deploy(&mut draft);
    }
    passes::reliance::run(&mut draft);
    passes::reduction::run(&mut draft);
    finish(draft)
}

/// Adds what brings a version to the selected roles.
fn deploy(draft: &mut Draft<'_>) {
    passes::build::run(draft);
    passes::pull::run(draft);
    passes::network::run(draft);
    passes::traefik::run(draft);
    passes::labels::run(draft);
    passes::boot::run(draft);
    passes::accessories::hold_roles(draft);
    if !draft.operation.is_redeploy() {
        passes::prune::run(draft);
    }
    passes::broadcast::run(draft);
}

/// Returns the hosts that `operation` selects, in the order of the configuration.
///
/// # Errors
/// Names that the configuration does not have, and a selection without a host.
pub fn selected_hosts(
    config: &Config,
    operation: &Operation,
) -> Result<Vec<HostName>, Vec<Diagnostic>> {
    let selection = select(config, operation)?;
    let names = config.hosts.iter().map(|host| &host.name);
    Ok(names
        .filter(|name| selection.hosts.contains(*name))
        .cloned()
        .collect())
}

/// A role by its place in the configuration, on one of its hosts.
type Selected = (usize, HostName);

/// What an operation is about.
struct Selection {
    /// The roles on their hosts.
    roles: Vec<Selected>,
    /// The hosts of roles and of accessories that are started.
    hosts: BTreeSet<HostName>,
}

fn select(config: &Config, operation: &Operation) -> Result<Selection, Vec<Diagnostic>> {
    let errors = unknown_names(config, operation);
    if !errors.is_empty() {
        return Err(errors);
    }
    let is_wanted = |host: &HostName| operation.hosts.is_empty() || operation.hosts.contains(host);
    let roles: Vec<Selected> = config
        .roles
        .iter()
        .enumerate()
        .filter(|_| operation.deploys())
        .filter(|(_, role)| operation.roles.is_empty() || operation.roles.contains(&role.name))
        .flat_map(|(index, role)| role.hosts.iter().map(move |host| (index, host.clone())))
        .filter(|(_, host)| is_wanted(host))
        .collect();
    let of_roles: BTreeSet<HostName> = roles.iter().map(|(_, host)| host.clone()).collect();
    let booted = config
        .accessories
        .iter()
        .filter(|accessory| operation.boots(accessory))
        .flat_map(|accessory| &accessory.hosts)
        .filter(|host| is_wanted(host))
        .filter(|host| operation.roles.is_empty() || of_roles.contains(*host));
    let hosts: BTreeSet<HostName> = of_roles.iter().chain(booted).cloned().collect();
    if hosts.is_empty() {
        let (what, keys) = match operation.deploys() {
            true => ("roles", "--hosts and --roles with the servers"),
            false => ("accessories", "--hosts with the hosts of the accessories"),
        };
        return Err(vec![
            Diagnostic::error(format!("no host has one of the selected {what}"))
                .help(format!("compare {keys} of the configuration")),
        ]);
    }
    Ok(Selection { roles, hosts })
}

/// Returns an error for each name of the operation that the configuration does not have.
fn unknown_names(config: &Config, operation: &Operation) -> Vec<Diagnostic> {
    let roles: BTreeSet<&str> = config.roles.iter().map(|role| role.name.as_str()).collect();
    let of_roles = config.roles.iter().flat_map(|role| &role.hosts);
    let of_accessories = config
        .accessories
        .iter()
        .filter(|accessory| operation.boots(accessory))
        .flat_map(|accessory| &accessory.hosts);
    let of_roles = of_roles.filter(|_| operation.deploys());
    let hosts: BTreeSet<&str> = of_roles
        .chain(of_accessories)
        .map(HostName::as_str)
        .collect();
    let accessories = config.accessories.iter();
    let accessories: BTreeSet<&str> = accessories
        .map(|accessory| accessory.name.as_str())
        .collect();
    let mut errors = Vec::new();
    let mut check = |kind: &str, name: &str, known: &BTreeSet<&str>| {
        if !known.contains(name) {
            errors.push(unknown(kind, name, known.iter().copied()));
        }
    };
    for name in operation
        .accessories
        .iter()
        .filter(|name| *name != ALL_ACCESSORIES)
    {
        check("accessory", name, &accessories);
    }
    for role in &operation.roles {
        check("role", role.as_str(), &roles);
    }
    for host in &operation.hosts {
        check("host", host.as_str(), &hosts);
    }
    if errors.is_empty() && !operation.deploys() && accessories.is_empty() {
        let problem = Diagnostic::error("the configuration has no accessories");
        errors.push(problem.help("describe one below `accessories`"));
    }
    errors
}

fn unknown<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Diagnostic {
    let known: Vec<&str> = known.collect();
    let problem = Diagnostic::error(format!("the configuration has no {kind} `{name}`"));
    match known.is_empty() {
        true => problem.help(format!("it has no {kind} for this operation at all")),
        false => problem.help(format!("it has: {}", known.join(", "))),
    }
}

/// Makes the draft that the passes add to.
fn draft<'a>(
    config: &'a Config,
    facts: &'a Facts,
    operation: &'a Operation,
    selection: &Selection,
) -> Result<Draft<'a>, Vec<Diagnostic>> {
    let missing: BTreeSet<&HostName> = selection
        .hosts
        .iter()
        .filter(|host| !facts.hosts.contains_key(*host))
        .collect();
    if !missing.is_empty() {
        return Err(missing
            .into_iter()
            .map(|host| {
                Diagnostic::error(format!("the facts do not have host {host}"))
                    .help("run `mrsk inspect` again with the same configuration")
            })
            .collect());
    }
    let odd = odd_names(facts, selection);
    if !odd.is_empty() {
        return Err(odd);
    }
    let wanted = Wanted {
        version: &operation.version,
        image_digest: pinned_digest(config, facts, operation),
        always: operation.is_redeploy(),
    };
    let placements: Vec<Placement<'a>> = selection
        .roles
        .iter()
        .filter_map(|(index, host)| {
            let role = &config.roles[*index];
            let (host, host_facts) = facts.hosts.get_key_value(host)?;
            Some(situation::look(config, role, host, host_facts, &wanted))
        })
        .collect();
    let taken = taken_names(config, facts, &placements);
    if !taken.is_empty() {
        return Err(taken);
    }
    let hosts = views(config, facts, &selection.hosts, &placements);
    Ok(Draft {
        config,
        facts,
        operation,
        hosts,
        placements,
        steps: Vec::new(),
        places: BTreeMap::new(),
        relies_on: BTreeMap::new(),
        unchanged: Vec::new(),
        warnings: Vec::new(),
        contents: BTreeMap::new(),
        errors: Vec::new(),
    })
}

/// Returns the wanted containers whose name one of another destination or role has. As the parts of a name are joined with dashes,
/// version `staging-1` without a destination and version `1` of destination `staging` have the same.
fn taken_names(config: &Config, facts: &Facts, placements: &[Placement<'_>]) -> Vec<Diagnostic> {
    let taken = placements.iter().filter_map(|placement| {
        let (host, name) = (placement.host, &placement.name);
        let other = facts.hosts.get(host)?.containers.get(name)?;
        let labelled = |label: &str| other.labels.get(label).map_or("", String::as_str);
        if labelled("service").is_empty() || situation::belongs(config, placement.role, other) {
            return None;
        }
        let message = format!(
            "host {host}: the name {name} is taken by a container of service `{}`, role `{}`, destination `{}`",
            labelled("service"),
            labelled("role"),
            labelled("destination"),
        );
        Some(Diagnostic::error(message).help("deploy another version, or rename the role or the destination"))
    });
    taken.collect()
}

/// Returns what of the facts cannot be the name of a container or an image, and so must not become part of a command.
fn odd_names(facts: &Facts, selection: &Selection) -> Vec<Diagnostic> {
    let is_container = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    };
    let is_image = |reference: &str| {
        reference.starts_with(|c: char| c.is_ascii_alphanumeric())
            && reference.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let mut odd = Vec::new();
    for (host, facts) in selection
        .hosts
        .iter()
        .filter_map(|host| facts.hosts.get_key_value(host))
    {
        let containers = facts.containers.keys().filter(|name| !is_container(name));
        let images = facts.images.keys().filter(|name| !is_image(name));
        odd.extend(containers.chain(images).map(|name| {
            Diagnostic::error(format!(
                "host {host}: the facts name a container or image `{}`, which docker would not take",
                one_line(name)
            ))
        }));
    }
    odd
}

fn views<'a>(
    config: &'a Config,
    facts: &'a Facts,
    selected: &BTreeSet<HostName>,
    placements: &[Placement<'a>],
) -> Vec<HostView<'a>> {
    let here = by_host(placements);
    config
        .hosts
        .iter()
        .filter(|host| selected.contains(&host.name))
        .filter_map(|host| {
            let here = here.get(&host.name).map_or(&[][..], Vec::as_slice);
            Some(HostView {
                host,
                facts: facts.hosts.get(&host.name)?,
                changes: here
                    .iter()
                    .any(|placement| matches!(placement.situation, Situation::Replace { .. })),
                traefik: here.iter().any(|placement| placement.role.traefik),
            })
        })
        .collect()
}

fn by_host<'p, 'a>(
    placements: &'p [Placement<'a>],
) -> BTreeMap<&'a HostName, Vec<&'p Placement<'a>>> {
    let mut hosts: BTreeMap<&HostName, Vec<&Placement>> = BTreeMap::new();
    for placement in placements {
        hosts.entry(placement.host).or_default().push(placement);
    }
    hosts
}

/// Returns the registry digest that every host must get, where the plan can know it.
pub(super) fn pinned_digest<'a>(
    config: &Config,
    facts: &'a Facts,
    operation: &Operation,
) -> Option<&'a str> {
    let reference = image::reference(config, &operation.version);
    operation
        .skip_push
        .then(|| facts.registry.get(&reference))
        .flatten()
        .map(String::as_str)
}

/// Makes the document from the finished draft.
fn finish(mut draft: Draft) -> Result<Plan, Vec<Diagnostic>> {
    let config = draft.config;
    let Some(lock_host) = config.primary_host().cloned() else {
        return Err(vec![Diagnostic::error("the configuration has no host")]);
    };
    if !draft.errors.is_empty() {
        return Err(draft.errors);
    }
    let builds = draft
        .steps
        .iter()
        .any(|step| step.kind == super::model::StepKind::Push);
    draft.unchanged.sort();
    let hosts = plan_hosts(&mut draft, &lock_host);
    let plan = Plan {
        format_version: FORMAT_VERSION.to_owned(),
        operation: draft.operation.clone(),
        service: config.service.clone(),
        version: draft.operation.version.clone(),
        image: Image {
            reference: match draft.operation.deploys() {
                true => image::reference(config, &draft.operation.version),
                false => config.repository(),
            },
            digest: pinned_digest(config, draft.facts, draft.operation).map(str::to_owned),
        },
        config: ConfigRef {
            path: config.path.clone(),
            sha256: fingerprint(config),
        },
        source: builds.then(|| source(&draft)).flatten(),
        secrets: secrets(&draft),
        lock_host,
        hosts,
        contents: draft.contents,
        steps: draft.steps,
        unchanged: draft.unchanged,
        warnings: draft.warnings,
        digest: PlanDigest::new(""),
    };
    wire::seal(plan).map_err(|error| vec![Diagnostic::error(error.to_string())])
}

fn fingerprint(config: &Config) -> Sha256Hex {
    crate::config::render::fingerprint(config)
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
    let here = by_host(&draft.placements);
    let selected: BTreeSet<&HostName> = draft.hosts.iter().map(HostView::name).collect();
    let mut hosts = BTreeMap::new();
    for host in &draft.config.hosts {
        let roles: Vec<RoleName> = here
            .get(&host.name)
            .into_iter()
            .flatten()
            .map(|placement| placement.role.name.clone())
            .collect();
        if !selected.contains(&host.name) && host.name != *lock_host {
            continue;
        }
        let facts = draft.facts.hosts.get(&host.name);
        hosts.insert(
            host.name.clone(),
            PlanHost {
                ssh: SshRoute {
                    user: host.user.clone(),
                    port: host.port,
                    proxy: draft.config.ssh.proxy.clone(),
                    proxy_command: draft.config.ssh.proxy_command.clone(),
                },
                host_keys: facts
                    .map(|facts| facts.host_keys.clone())
                    .unwrap_or_default(),
                roles,
                state_dir: facts.and_then(state_dir),
                serial: facts.map_or(0, |facts| facts.serial.number),
                relies_on: draft.relies_on.remove(&host.name).unwrap_or_default(),
            },
        );
    }
    hosts
}

fn state_dir(facts: &HostFacts) -> Option<String> {
    (!facts.state_dir.is_empty()).then(|| facts.state_dir.clone())
}

fn secrets(draft: &Draft) -> Vec<SecretUse> {
    let mut travels: BTreeMap<&String, BTreeSet<Travel>> = BTreeMap::new();
    for secret in draft.steps.iter().flat_map(|step| &step.secrets) {
        travels.entry(&secret.name).or_default().insert(secret.via);
    }
    travels
        .into_iter()
        .map(|(name, travels)| SecretUse {
            name: name.clone(),
            travels,
        })
        .collect()
}
