//! Takes over from a Traefik that serves, but cannot switch traffic: another one replaces it, and what it serves is served again.
//!
//! Requests fail between the stop of the one and the first answer of the other, so that all that can be done before is done
//! before: the containers of this service get a routing file, and the new Traefik is created beside the one that serves.
//! Where the new one does not prove that it runs, it is removed and the other one started again.

use super::adoption::{Adoption, adoption};
use super::facts::{foreign_networks, is_connected, is_to_be_created};
use super::{network, proof, wanted};
use crate::action::{Action, Poll, Probe, Run};
use crate::docker::container::{self, Create};
use crate::docker::image;
use crate::docker::names::{LABEL_CREATE, NETWORK, TRAEFIK};
use crate::facts::model::{ContainerState, TraefikFacts};
use crate::name::{Sha256Hex, StepId};
use crate::plan::compile::draft::{Draft, HostView};
use crate::plan::compile::placement::Placement;
use crate::plan::compile::step::{SILENCE, StepBuilder, step_id};
use crate::plan::kinds::StepKind;
use crate::plan::model::Reason;
use crate::plan::predicate::Predicate;
use crate::traefik;

/// The name of a Traefik that is to replace another, until it does.
const TRAEFIK_NEW: &str = "traefik_new";

/// Seconds in which the Traefik that goes may finish requests. It accepts no others meanwhile, so that they count as gap.
const STOP_SECONDS: u32 = 2;

/// Seconds from the stop of the one to the first answer of the other, as measured.
const GAP_SECONDS: &str = "1 to 3";

/// Seconds for which a Traefik without a route of this service must run to count as up.
const STEADY_SECONDS: u32 = 3;

/// Adds the replacement of a Traefik that runs on `host` and cannot switch traffic, once. Requests to the host fail meanwhile,
/// so it waits for `gate`. Returns the step after which the new one serves; `None` if none is replaced.
pub fn run(draft: &mut Draft, host: &HostView, gate: Option<StepId>) -> Option<StepId> {
    let running = host.facts.traefik.as_ref()?;
    if !is_to_be_created(host) {
        return None;
    }
    let done = draft.find(Some(host.name()), StepKind::Traefik);
    if done.is_some() {
        return done;
    }
    let args = wanted::arguments(draft)?;
    let wanted = wanted::create(draft, host, &args);
    warn(draft, host, running, &args);
    // Of a container in several networks, the one that runs may choose an address in any of them.
    if !is_connected(host) {
        network::connect(draft, host, gate.clone());
    }
    let adopted = adopt_served(draft, host, gate.as_ref());
    let why = why_replaced(host, running);
    start(draft, host, &wanted, why, gate, adopted);
    remove(draft, host);
    Some(rename(draft, host, &wanted))
}

fn why_replaced(host: &HostView, running: &TraefikFacts) -> Reason {
    if running.directory.is_empty() {
        return Reason::Changed {
            what: "the source of Traefik's routes".into(),
            old: Some("container labels".into()),
            new: Some(format!("files in {}", host.facts.routing_directory)),
        };
    }
    let what = format!("Traefik's entrypoint {}", traefik::PROBE_ENTRYPOINT);
    Reason::Missing { what }
}

/// The adoptions before a new Traefik starts.
struct Adopted {
    /// The steps that write routing files.
    steps: Vec<StepId>,
    /// What proves that the new Traefik serves the adopted containers.
    proofs: Vec<Poll>,
}

/// Adopts the containers that the running Traefik serves by labels.
fn adopt_served(draft: &mut Draft, host: &HostView, gate: Option<&StepId>) -> Adopted {
    let placements: Vec<Placement> = draft
        .placements
        .iter()
        .filter(|placement| placement.host == host.name() && placement.role.traefik)
        .cloned()
        .collect();
    let mut adopted = Adopted {
        steps: Vec::new(),
        proofs: Vec::new(),
    };
    for placement in &placements {
        match adoption(draft.config, placement, host) {
            Ok(Some(adoption)) => {
                let step = adopt(draft, placement, &adoption, gate.cloned());
                let proof = proof::routed_by(TRAEFIK_NEW, &adoption.alias, &adoption.container);
                adopted.steps.push(step);
                adopted.proofs.push(proof);
            }
            Ok(None) => {}
            Err((container, error)) => draft.warnings.push(format!(
                "host {}: the new Traefik cannot serve {container} until the new version is up: label `{}`: {}",
                host.name(),
                error.label,
                error.message
            )),
        }
    }
    if adopted.proofs.is_empty() {
        adopted.proofs.push(runs_steadily());
    }
    adopted
}

/// Warns of what the replacement of the Traefik that is `running` means for users, and what the new one will not have of it.
fn warn(draft: &mut Draft, host: &HostView, running: &TraefikFacts, args: &[String]) {
    let lacks = match running.directory.is_empty() {
        true => "file provider",
        false => "entrypoint for mrsk's probe",
    };
    let name = host.name();
    draft.warnings.push(format!(
        "host {name}: its Traefik has no {lacks} and is replaced: every request to this host fails for {GAP_SECONDS} s (up to \
         {STOP_SECONDS} s more with open requests), including those to other services behind that Traefik"
    ));
    let new = &draft.config.traefik.image;
    if is_traefik_2(&running.image) && !is_traefik_2(new) {
        draft.warnings.push(format!(
            "host {name}: {} is replaced by {new}: routers of other services with labels in Traefik 2 syntax \
             stop working, and mrsk does not check them; see https://doc.traefik.io/traefik/migrate/v2-to-v3/",
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
            "host {name}: the replaced Traefik has arguments that deploy.yml lacks: {}",
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
            placement.step_id(name, "connect"),
            StepKind::Network,
            Some(placement.host),
            format!("Connect {name} to network {NETWORK}"),
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
    let write = draft.write(&placement.routing_path, adoption.text.clone());
    let step = StepBuilder::new(
        placement.step_id(name, "adopt"),
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
    adopted: Adopted,
) {
    let networks = foreign_networks(draft.config, host.facts).into_iter();
    let leftovers = format!("label={LABEL_CREATE}={}", wanted.digest);
    let step = StepBuilder::new(
        step_id(Some(host.name()), "traefik", TRAEFIK, "replace"),
        StepKind::Traefik,
        Some(host.name()),
        "Replace the running Traefik",
        why,
    )
    .needs(gate)
    .needs(draft.find(Some(host.name()), StepKind::Network))
    .needs(draft.find(Some(host.name()), StepKind::RegistryLogin))
    .needs(draft.find(Some(host.name()), StepKind::Traefik))
    .needs(adopted.steps)
    .runs([
        Run::literal(["mkdir", "-p", &host.facts.routing_directory]),
        image::pull_reference(&draft.config.traefik.image),
        container::prune(&[leftovers]),
        wanted.named(TRAEFIK_NEW),
        container::connect(TRAEFIK_NEW, None),
    ])
    .runs(networks.map(|network| container::connect_to(network, TRAEFIK_NEW)))
    .runs([
        container::stop(TRAEFIK, STOP_SECONDS),
        container::start(TRAEFIK_NEW),
    ]);
    let step = adopted
        .proofs
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
        "Remove the replaced Traefik",
        Reason::NeededBy {
            what: "the new one can take its name".into(),
        },
    )
    .needs(draft.find(Some(host.name()), StepKind::Traefik))
    .runs([container::remove(TRAEFIK)])
    .done_when(vec![Predicate::absent(&["containers", TRAEFIK])])
    .within_switch()
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
    .within_switch()
    .build();
    draft.add(step)
}
