//! Takes over from a Traefik that serves, but cannot switch traffic: another one replaces it, and what it serves is served again.
//!
//! Requests fail between the stop of the one and the first answer of the other, so that all that can be done before is done
//! before: the containers of this service get a routing file, and the new Traefik is created beside the one that serves.
//! Where the new one does not prove that it runs, it is removed and the other one started again.

use std::collections::BTreeMap;

use super::start::{command_line, connect, is_connected, is_to_be_created, others_networks};
use crate::action::{Action, Poll, Probe, Run};
use crate::config::model::Config;
use crate::docker::container::{self, Create};
use crate::docker::image;
use crate::docker::names::{self, LABEL_CREATE, LABEL_SERVICE, NETWORK, TRAEFIK};
use crate::facts::model::{ContainerFacts, ContainerState, HostFacts, TraefikFacts};
use crate::name::{Sha256Hex, StepId};
use crate::plan::compile::draft::{Draft, HostView, SILENCE, StepBuilder, step_id};
use crate::plan::compile::placement::{Placement, alias_of, belongs};
use crate::plan::compile::switch::health as polls;
use crate::plan::compile::switch::route::file_write;
use crate::plan::compile::switch::start::id_of;
use crate::plan::kinds::StepKind;
use crate::plan::model::Reason;
use crate::plan::predicate::Predicate;
use crate::traefik;

/// The name of a Traefik that is to replace another, until it does.
const TRAEFIK_NEW: &str = "traefik_new";

/// Seconds in which the Traefik that goes may finish requests. It accepts no others meanwhile, so that they count as gap.
const FAREWELL_SECONDS: u32 = 2;

/// Seconds from the stop of the one to the first answer of the other, as measured.
const GAP_SECONDS: &str = "1 to 3";

/// Seconds for which a Traefik without a route of this service must run to count as up.
const STEADY_SECONDS: u32 = 3;

/// What keeps a container served by which this service is served now, as the original started it.
pub(in crate::plan::compile) struct Adoption {
    /// Its name.
    container: String,
    /// Its alias in mrsk's network, as its routing file has it.
    alias: String,
    /// Whether it is to join that network.
    joins: bool,
    /// The text of its routing file.
    pub text: String,
}

/// Returns what is to be done for the container that serves `placement`'s role, where it has no routing file and Traefik is
/// replaced.
///
/// # Errors
/// The container, and what of its labels the new Traefik would not take.
pub(in crate::plan::compile) fn adoption(
    config: &Config,
    placement: &Placement,
    host: &HostView,
) -> Result<Option<Adoption>, (String, traefik::LabelError)> {
    let facts = host.facts;
    if facts.traefik.is_none() || !is_to_be_created(host) {
        return Ok(None);
    }
    let routed = facts.files.get(&placement.routing_path);
    let candidate = facts
        .containers
        .iter()
        .filter(|(_, container)| {
            belongs(config, placement.role, container) && container.state.is_up()
        })
        .filter(|(_, container)| is_shown_by_docker(container))
        .max_by_key(|(_, container)| container.created_at);
    let Some((name, container)) = candidate.filter(|_| placement.role.traefik) else {
        return Ok(None);
    };
    let alias = match alias_of(container) {
        Some(alias) if routed.is_some_and(|file| file.aliases.contains(alias)) => return Ok(None),
        Some(alias) => alias.clone(),
        // Somebody connected it, and docker refuses to do so twice.
        None if container.networks.contains_key(NETWORK) => return Ok(None),
        None => {
            let (role, host) = (placement.role, placement.host);
            names::alias(config, role, host, &container.id, facts.serial.number)
        }
    };
    match routes(config, placement, facts, name, &alias) {
        Ok(text) => Ok(Some(Adoption {
            joins: alias_of(container).is_none(),
            container: name.clone(),
            alias,
            text,
        })),
        Err(error) => Err((name.clone(), error)),
    }
}

/// Returns whether Traefik's Docker provider sends requests to `container` beside any routing file: mrsk's own are left out.
pub(in crate::plan::compile) fn is_shown_by_docker(container: &ContainerFacts) -> bool {
    !container.labels.contains_key(LABEL_SERVICE)
}

/// Returns the routing file of a container, made from the labels by which it is served now.
fn routes(
    config: &Config,
    placement: &Placement,
    facts: &HostFacts,
    name: &str,
    alias: &str,
) -> Result<String, traefik::LabelError> {
    let empty = BTreeMap::new();
    let container = facts.containers.get(name);
    let labels = container.map_or(&empty, |container| &container.labels);
    let arguments = command_line(config, facts);
    let file = |read: &BTreeMap<String, String>| {
        traefik::routing_file(&traefik::RouteSpec {
            service: &config.service,
            destination: config.destination.as_deref(),
            role: placement.role.name.as_str(),
            labels: read,
            arguments: &arguments,
            port: config.healthcheck.port,
            alias,
            container: name,
            outranks: &[labels],
        })
    };
    // Its rules may be of Traefik 2, which a newer one still reads where it is told so.
    file(labels).or_else(|mut errors| {
        file(&traefik::with_old_rules(labels)).map_err(|_| errors.swap_remove(0))
    })
}

/// Adds the replacement of the Traefik that runs on `host` by the `wanted` one, as soon as `gate` lets it. Returns the
/// step after which the new one serves.
pub(in crate::plan::compile) fn replace(
    draft: &mut Draft,
    host: &HostView,
    wanted: &Create,
    why: Reason,
    gate: Option<StepId>,
) -> StepId {
    let placements: Vec<Placement> = draft
        .placements
        .iter()
        .filter(|placement| placement.host == host.name() && placement.role.traefik)
        .cloned()
        .collect();
    let mut before = Vec::new();
    let mut proofs = Vec::new();
    // Of a container in several networks, the one that runs may choose an address in any of them.
    if !is_connected(host) {
        connect(draft, host, gate.clone());
    }
    for placement in &placements {
        match adoption(draft.config, placement, host) {
            Ok(Some(adoption)) => {
                before.push(adopt(draft, placement, &adoption, gate.clone()));
                proofs.push(polls::routed_by(TRAEFIK_NEW, &adoption.alias, &adoption.container));
            }
            Ok(None) => {}
            Err((container, error)) => draft.warnings.push(format!(
                "host {}: {container} cannot be served by the new Traefik, until the new version is: label `{}`: {}",
                host.name(), error.label, error.message
            )),
        }
    }
    start(draft, host, wanted, why, gate, before, proofs);
    remove(draft, host);
    rename(draft, host, wanted)
}

/// Says what the replacement of the Traefik that is `running` means for users, and what the new one will not have of it.
pub(in crate::plan::compile) fn warn(
    draft: &mut Draft,
    host: &HostView,
    running: &TraefikFacts,
    args: &[String],
) {
    let lacks = match running.directory.is_empty() {
        true => "file provider",
        false => "entrypoint for mrsk's probe",
    };
    let name = host.name();
    draft.warnings.push(format!(
        "host {name}: its Traefik has no {lacks} and is replaced. For {GAP_SECONDS} s (and up to {FAREWELL_SECONDS} s more \
         where requests are in flight) every request to this host is refused, also those to other services behind that Traefik"
    ));
    let new = &draft.config.traefik.image;
    if is_traefik_2(&running.image) && !is_traefik_2(new) {
        draft.warnings.push(format!(
            "host {name}: {} is replaced by {new}: routers of others whose labels only Traefik 2 understands stop being served, \
             and mrsk does not look at them; compare https://doc.traefik.io/traefik/migrate/v2-to-v3/",
            running.image
        ));
    }
    let has = |arg: &str| args.iter().any(|other| other.eq_ignore_ascii_case(arg));
    let lost: Vec<&str> = running
        .args
        .iter()
        .map(String::as_str)
        .filter(|arg| !has(arg) && !has(&format!("{arg}=true")))
        .filter(|arg| !arg.to_lowercase().starts_with("--log.level"))
        .collect();
    if !lost.is_empty() {
        draft.warnings.push(format!(
            "host {name}: the Traefik that is replaced has arguments that the configuration does not have: {}",
            lost.join(" ")
        ));
    }
}

/// Returns whether the tag of an image is of a Traefik 2.
fn is_traefik_2(image: &str) -> bool {
    let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
    let version = tag.strip_prefix('v').unwrap_or(tag);
    version == "2" || version.starts_with("2.")
}

/// Adds the steps by which a container that serves now gets a routing file of its own.
fn adopt(
    draft: &mut Draft,
    placement: &Placement,
    adoption: &Adoption,
    gate: Option<StepId>,
) -> StepId {
    let name = &adoption.container;
    let mut after = gate;
    let why = |what: String| Reason::NeededBy { what };
    if adoption.joins {
        let step = StepBuilder::new(
            id_of(placement, name, "connect"),
            StepKind::Network,
            Some(placement.host),
            format!("Connect {name} with network {NETWORK}"),
            why("the new Traefik can send requests to it".into()),
        )
        .role(&placement.role.name)
        .needs(after)
        .needs(draft.find(Some(placement.host), StepKind::Network))
        .needs(draft.find(Some(placement.host), StepKind::Traefik))
        .runs([container::connect(name, Some(&adoption.alias))])
        .done_when(vec![Predicate::contains(
            &["containers", name, "networks", NETWORK, "aliases"],
            adoption.alias.as_str(),
        )])
        .build();
        after = Some(draft.add(step));
    }
    let hash = Sha256Hex::of(adoption.text.as_bytes());
    let write = file_write(draft, &placement.routing_path, adoption.text.clone());
    let step = StepBuilder::new(
        id_of(placement, name, "adopt"),
        StepKind::Route,
        Some(placement.host),
        format!("Write the routes of {name} to a file"),
        why(format!("the new Traefik serves {name} at once")),
    )
    .role(&placement.role.name)
    .needs(after)
    .does(write)
    .done_when(vec![
        Predicate::eq(&["files", &placement.routing_path, "sha256"], hash.as_str()),
        Predicate::contains(
            &["files", &placement.routing_path, "aliases"],
            adoption.alias.as_str(),
        ),
    ])
    .build();
    draft.add(step)
}

fn start(
    draft: &mut Draft,
    host: &HostView,
    wanted: &Create,
    why: Reason,
    gate: Option<StepId>,
    before: Vec<StepId>,
    mut proofs: Vec<Poll>,
) {
    if proofs.is_empty() {
        proofs.push(runs_steadily());
    }
    let networks = others_networks(draft.config, host.facts).into_iter();
    let leftovers = format!("label={LABEL_CREATE}={}", wanted.digest);
    let step = StepBuilder::new(
        step_id(Some(host.name()), "traefik", TRAEFIK, "replace"),
        StepKind::Traefik,
        Some(host.name()),
        "Start another Traefik in the place of the one that runs",
        why,
    )
    .needs(gate)
    .needs(draft.find(Some(host.name()), StepKind::Network))
    .needs(draft.find(Some(host.name()), StepKind::RegistryLogin))
    .needs(draft.find(Some(host.name()), StepKind::Traefik))
    .needs(before)
    .runs([
        Run::literal(["mkdir", "-p", &host.facts.routing_directory]),
        image::pull_reference(&draft.config.traefik.image),
        container::prune(&[leftovers]),
        wanted.named(TRAEFIK_NEW),
        container::connect(TRAEFIK_NEW, None),
    ])
    .runs(networks.map(|network| container::connect_to(network, TRAEFIK_NEW)))
    .runs([
        container::stop(TRAEFIK, FAREWELL_SECONDS),
        container::start(TRAEFIK_NEW),
    ]);
    let step = proofs
        .into_iter()
        .map(Action::Poll)
        .fold(step, StepBuilder::does)
        .done_when(vec![
            Predicate::eq(
                &["containers", TRAEFIK_NEW, "state"],
                ContainerState::Running,
            ),
            Predicate::eq(
                &["containers", TRAEFIK_NEW, "labels", LABEL_CREATE],
                wanted.digest.as_str(),
            ),
            Predicate::contains(&["containers", TRAEFIK_NEW, "networks"], NETWORK),
        ])
        .on_failure(
            vec![container::logs(TRAEFIK_NEW)],
            vec![
                Action::Run(container::remove(TRAEFIK_NEW)),
                Action::Run(container::start(TRAEFIK)),
            ],
        )
        .silence(SILENCE)
        .build();
    draft.add(step);
}

fn runs_steadily() -> Poll {
    Poll {
        probe: Probe::Running,
        container: TRAEFIK_NEW.into(),
        port: None,
        path: None,
        host: None,
        expect: None,
        restarts: None,
        interval_ms: 1000,
        attempts: STEADY_SECONDS,
    }
}

fn remove(draft: &mut Draft, host: &HostView) {
    let step = StepBuilder::new(
        step_id(Some(host.name()), "traefik", TRAEFIK, "remove"),
        StepKind::Traefik,
        Some(host.name()),
        "Remove the Traefik that was replaced",
        Reason::NeededBy {
            what: "the new one can take its name".into(),
        },
    )
    .needs(draft.find(Some(host.name()), StepKind::Traefik))
    .runs([container::remove(TRAEFIK)])
    .done_when(vec![Predicate::absent(&["containers", TRAEFIK])])
    .begins(false)
    .build();
    draft.add(step);
}

fn rename(draft: &mut Draft, host: &HostView, wanted: &Create) -> StepId {
    let step = StepBuilder::new(
        step_id(Some(host.name()), "traefik", TRAEFIK_NEW, "rename"),
        StepKind::Traefik,
        Some(host.name()),
        format!("Rename {TRAEFIK_NEW} to {TRAEFIK}"),
        Reason::NeededBy {
            what: "the next deploy finds it".into(),
        },
    )
    .needs(draft.find(Some(host.name()), StepKind::Traefik))
    .runs([container::rename(TRAEFIK_NEW, TRAEFIK)])
    .done_when(vec![
        Predicate::eq(&["containers", TRAEFIK, "state"], ContainerState::Running),
        Predicate::eq(
            &["containers", TRAEFIK, "labels", LABEL_CREATE],
            wanted.digest.as_str(),
        ),
        Predicate::contains(&["containers", TRAEFIK, "networks"], NETWORK),
        Predicate::absent(&["containers", TRAEFIK_NEW]),
    ])
    .begins(false)
    .build();
    draft.add(step)
}
