//! Takes over from a Traefik that serves, but cannot switch traffic: another one replaces it, and
//! what it serves is served again.
//!
//! Requests fail between the stop of the one and the first answer of the other, so that all that
//! can be done before is done before: the containers of this service get a routing file, and the
//! new Traefik is created beside the one that serves. If the new one does not prove that it runs,
//! it is removed and the other one started again.

use super::adopt::{Adopted, GAP_SECONDS, STOP_SECONDS, adopt_served};
use super::facts::{self, foreign_networks, is_connected, stays};
use super::storage::storage_files;
use super::{carried, kamal_proxy, network};
use crate::action::Run;
use crate::docker::container::{self, Create};
use crate::docker::image;
use crate::docker::names::{LABEL_CREATE, NETWORK, TRAEFIK};
use crate::facts::model::TraefikFacts;
use crate::name::StepId;
use crate::plan::compile::step::SILENCE;
use crate::plan::compile::{Draft, HostView, predicates, registry};
use crate::plan::{Predicate, Reason, StepKind, Travel};
use crate::traefik;

/// The name of a Traefik that is to replace another, until it does.
const TRAEFIK_NEW: &str = "traefik_new";

/// Adds the replacement of what runs on `host` in place of a Traefik that can switch traffic, once. Requests
/// to the host fail meanwhile, so it waits for `gate`. Returns the step after which the new one
/// serves; `None` if none is replaced.
pub fn run(draft: &mut Draft, host: &HostView, gate: Option<StepId>) -> Option<StepId> {
    if let Some(proxy) = carried::replaces(draft.config, host.facts) {
        return kamal_proxy::run(draft, host, proxy, gate);
    }
    let running = host.facts.traefik.as_ref().filter(|_| !stays(host.facts))?;
    let done = draft.find(Some(host.name()), StepKind::Traefik);
    if done.is_some() {
        return done;
    }
    let args = facts::arguments(draft)?;
    let lacks = match running.directory.is_empty() {
        true => "file provider",
        false => "entrypoint for mrsk's probe",
    };
    warn(draft, host, &format!("its Traefik has no {lacks} and"));
    warn_of_lost(draft, host, running, &args);
    let why = why_replaced(host, running);
    Some(replace(draft, host, &args, why, gate))
}

/// Adds the replacement of the Traefik that runs on `host` by one of the configuration, because it was asked for. Returns the
/// step after which the new one serves.
pub fn reboot(draft: &mut Draft, host: &HostView, gate: Option<StepId>) -> Option<StepId> {
    let running = host.facts.traefik.as_ref()?;
    let args = facts::arguments(draft)?;
    warn(draft, host, "its Traefik");
    warn_of_lost(draft, host, running, &args);
    let why = match stays(host.facts) {
        true => Reason::Requested,
        false => why_replaced(host, running),
    };
    Some(replace(draft, host, &args, why, gate))
}

fn replace(
    draft: &mut Draft,
    host: &HostView,
    args: &[String],
    why: Reason,
    gate: Option<StepId>,
) -> StepId {
    let wanted = facts::create(draft, host, args);
    // Of a container in several networks, the one that runs may choose an address in any of them.
    if !is_connected(host) {
        network::connect(draft, host, gate.clone());
    }
    let adopted = adopt_served(draft, host, TRAEFIK_NEW, gate.as_ref());
    start(draft, host, &wanted, why, gate, adopted);
    remove(draft, host);
    rename(draft, host, &wanted)
}

fn why_replaced(host: &HostView, running: &TraefikFacts) -> Reason {
    if running.directory.is_empty() {
        return Reason::Changed {
            what: "the source of Traefik's routes".into(),
            old: Some("container labels".into()),
            new: Some(format!("files in {}", host.facts.routing_directory)),
        };
    }
    Reason::missing(format!(
        "Traefik's entrypoint {}",
        traefik::PROBE_ENTRYPOINT
    ))
}

/// Warns of what the replacement of Traefik means for users.
fn warn(draft: &mut Draft, host: &HostView, what: &str) {
    let name = host.name();
    draft.warn(format!(
        "host {name}: {what} is replaced: every request to this host fails for \
         {GAP_SECONDS} s (up to {STOP_SECONDS} s more with open requests), including those to other \
         services behind that Traefik"
    ));
}

/// Warns of what the new Traefik will not have of the one that is `running`.
fn warn_of_lost(draft: &mut Draft, host: &HostView, running: &TraefikFacts, args: &[String]) {
    let name = host.name();
    let new = &draft.config.traefik.image;
    if is_traefik_2(&running.image) && !is_traefik_2(new) {
        draft.warn(format!(
            "host {name}: {} is replaced by {new}: routers of other services with labels in \
             Traefik 2 syntax stop working, and mrsk does not check them; see \
             https://doc.traefik.io/traefik/migrate/v2-to-v3/",
            running.image
        ));
    }
    let has = |arg: &str| args.iter().any(|other| other.eq_ignore_ascii_case(arg));
    let args = running.args.iter().map(String::as_str);
    let lost: Vec<&str> = args
        .filter(|arg| !has(arg) && !has(&format!("{arg}=true")))
        .filter(|arg| !arg.to_lowercase().starts_with("--log.level"))
        .collect();
    if !lost.is_empty() {
        let lost = lost.join(" ");
        draft.warn(format!(
            "host {name}: the replaced Traefik has arguments that deploy.yml lacks: {lost}"
        ));
    }
}

/// Returns whether the tag of an image is of a Traefik 2.
fn is_traefik_2(image: &str) -> bool {
    let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
    let version = tag.strip_prefix('v').unwrap_or(tag);
    version == "2" || version.starts_with("2.")
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
    let [runs, is_created] = predicates::runs(TRAEFIK_NEW, wanted);
    let image = &draft.config.traefik.image;
    let pull = registry::pull(draft, host, image, vec![image::pull_reference(image)]);
    let before = [StepKind::Network, StepKind::Traefik];
    let step = host
        .step(StepKind::Traefik, ["traefik", TRAEFIK, "replace"])
        .because("Replace the running Traefik", why)
        .needs(gate)
        .needs(draft.find_each(host.name(), &before))
        .needs(adopted.steps.clone())
        .does([Run::literal(["mkdir", "-p", &host.facts.routing_directory])])
        .does(storage_files(draft, host))
        .does(pull.runs)
        .secrets(&pull.secrets, Travel::Stdin)
        .secrets(&draft.config.traefik.env.secret_names(), Travel::Env)
        .does([
            container::prune(&[leftovers]),
            wanted.named(TRAEFIK_NEW),
            container::connect(TRAEFIK_NEW, None),
        ])
        .does(networks.map(|network| container::connect_to(network, TRAEFIK_NEW)))
        .does([
            container::stop(TRAEFIK, STOP_SECONDS),
            container::start(TRAEFIK_NEW),
        ])
        .does(adopted.proofs_of(TRAEFIK_NEW))
        .done_when([
            runs,
            is_created,
            predicates::is_in_network(TRAEFIK_NEW, NETWORK),
        ])
        .on_failure(
            [container::logs(TRAEFIK_NEW)],
            [container::remove(TRAEFIK_NEW), container::start(TRAEFIK)],
        )
        .silence(SILENCE);
    draft.add(step);
}

fn remove(draft: &mut Draft, host: &HostView) {
    let why = Reason::needed_by("the new one can take its name");
    let step = host
        .step(StepKind::Traefik, ["traefik", TRAEFIK, "remove"])
        .because("Remove the replaced Traefik", why)
        .needs(draft.find_each(host.name(), &[StepKind::Traefik]))
        .does([container::remove(TRAEFIK)])
        .done_when([Predicate::absent(&["containers", TRAEFIK])])
        .within_switch();
    draft.add(step);
}

fn rename(draft: &mut Draft, host: &HostView, wanted: &Create) -> StepId {
    let why = Reason::needed_by("the next deploy finds it");
    let [runs, is_created] = predicates::runs(TRAEFIK, wanted);
    let step = host
        .step(StepKind::Traefik, ["traefik", TRAEFIK_NEW, "rename"])
        .because(format!("Rename {TRAEFIK_NEW} to {TRAEFIK}"), why)
        .needs(draft.find_each(host.name(), &[StepKind::Traefik]))
        .does([container::rename(TRAEFIK_NEW, TRAEFIK)])
        .done_when([
            runs,
            is_created,
            predicates::is_in_network(TRAEFIK, NETWORK),
            Predicate::absent(&["containers", TRAEFIK_NEW]),
        ])
        .within_switch();
    draft.add(step)
}
