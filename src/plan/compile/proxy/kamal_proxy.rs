//! Takes over from a kamal-proxy that serves: Traefik serves what it serves, by routing files.
//!
//! Both need the same ports, so that all that can be done before is done before: the containers get routing files, and Traefik is
//! created. If Traefik does not prove that it serves each of them, it is removed and kamal-proxy is started again. Else that stays,
//! stopped, as the way back.

use std::collections::BTreeMap;

use super::adopt::{Adopted, GAP_SECONDS, STOP_SECONDS, adopt, adopt_served};
use super::carried::{Adoption, carry};
use super::created::created;
use super::{facts, proof};
use crate::diagnostic::Diagnostic;
use crate::docker::container::{self, RestartPolicy};
use crate::docker::names::{KAMAL_PROXY, TRAEFIK};
use crate::facts::kamal_proxy::{KamalProxyFacts, ProxiedState};
use crate::facts::model::ContainerState;
use crate::name::StepId;
use crate::plan::compile::draft::BY_HAND;
use crate::plan::compile::step::SILENCE;
use crate::plan::compile::{Draft, HostView};
use crate::plan::{Predicate, Reason, StepKind, Travel};
use crate::text::list;

/// Adds the replacement of the kamal-proxy that runs on `host`, once. Requests to the host fail meanwhile, so it waits for `gate`.
/// Returns the step after which Traefik serves; `None` if it cannot.
pub fn run(
    draft: &mut Draft,
    host: &HostView,
    proxy: &KamalProxyFacts,
    gate: Option<StepId>,
) -> Option<StepId> {
    let done = draft.find(Some(host.name()), StepKind::Traefik);
    if done.is_some() {
        return done;
    }
    let args = facts::arguments(draft)?;
    let carried = carried(draft, host, proxy)?;
    warn(draft, host, proxy);
    let first = draft.steps.len();
    let mut adopted = adopt_served(draft, host, TRAEFIK, gate.as_ref());
    for adoption in &carried {
        if !adopted.containers.contains(&adoption.container) {
            let step = |kind, verb: &str| {
                host.step(kind, [KAMAL_PROXY, adoption.container.as_str(), verb])
            };
            let step = adopt(draft, host, &step, adoption, gate.clone());
            adopted.steps.push(step);
            let proof = proof::routed_by(TRAEFIK, &adoption.alias, &adoption.container);
            adopted.proofs.push(proof);
        }
    }
    let replaced = replace(draft, host, &args, gate, adopted);
    let steps = draft.steps[first..].iter();
    let steps = steps.map(|step| step.id.clone()).collect();
    let serves = serde_json::to_value(proxy).unwrap_or_default();
    draft.rely(host.name(), Predicate::eq(&["kamal_proxy"], serves), steps);
    Some(replaced)
}

/// Returns how Traefik serves each service of `proxy`, or refuses what it cannot.
fn carried(draft: &mut Draft, host: &HostView, proxy: &KamalProxyFacts) -> Option<Vec<Adoption>> {
    let here = host.name();
    if proxy.unreadable {
        let problem = format!("host {here}: what kamal-proxy serves there is not known");
        let help = format!(
            "see that `docker exec {KAMAL_PROXY} kamal-proxy list` prints its list on the host, or {BY_HAND}"
        );
        draft.refuse(Diagnostic::error(problem).help(help));
        return None;
    }
    let mut carried: Vec<Adoption> = Vec::new();
    let mut files: BTreeMap<String, &String> = BTreeMap::new();
    let mut is_refused = false;
    for (name, service) in &proxy.services {
        let adoption = carry(draft.config, host, name, service).and_then(|adoption| {
            match files.insert(adoption.path.clone(), name) {
                Some(other) => Err(format!(
                    "its container is of the same role as that of {other}"
                )),
                None => Ok(adoption),
            }
        });
        match adoption {
            Ok(adoption) => carried.push(adoption),
            Err(why) => {
                is_refused = true;
                let problem = format!(
                    "host {here}: Traefik cannot take over service {name} of kamal-proxy: {why}"
                );
                let verb = match service.state {
                    ProxiedState::Running => {
                        "if nobody needs it, remove it there: `docker exec kamal-proxy kamal-proxy remove"
                    }
                    ProxiedState::Paused | ProxiedState::Stopped => {
                        "let it serve: `docker exec kamal-proxy kamal-proxy resume"
                    }
                };
                let help = format!(
                    "{verb} {name}`; or {BY_HAND}, to all services behind it; docs/migrating.md has the way back"
                );
                draft.refuse(Diagnostic::error(problem).help(help));
            }
        }
    }
    (!is_refused).then_some(carried)
}

/// Warns of what the replacement means for users, and for whoever deploys the other services.
fn warn(draft: &mut Draft, host: &HostView, proxy: &KamalProxyFacts) {
    let here = host.name();
    let names: Vec<&str> = proxy.services.keys().map(String::as_str).collect();
    let served = match names.is_empty() {
        true => String::new(),
        false => format!(
            ", also those to {}, which Traefik serves from then on",
            list(&names)
        ),
    };
    draft.warn(format!(
        "host {here}: Traefik replaces kamal-proxy: every request to this host fails for \
         {GAP_SECONDS} s (up to {STOP_SECONDS} s more with open requests){served}"
    ));
    if names.is_empty() {
        return;
    }
    draft.warn(format!(
        "host {here}: the list of kamal-proxy tells only hosts and targets: timeouts, buffering, forwarded headers and \
         error pages of {} are Traefik's own from then on, and `kamal deploy` cannot deploy there before the way back \
         in docs/migrating.md; deploy them with mrsk",
        list(&names)
    ));
    let with_tls = proxy.services.values().filter(|service| service.tls);
    let with_tls: Vec<&str> = with_tls
        .flat_map(|service| service.hosts.iter().map(String::as_str))
        .collect();
    if !with_tls.is_empty() {
        draft.warn(format!(
            "host {here}: Traefik gets the certificates that kamal-proxy has of {}, and redirects requests without TLS. \
             Nothing renews them: deploy each service with mrsk and `proxy: {{ssl: true}}` before they expire",
            list(&with_tls)
        ));
    }
}

/// Adds the step that stops kamal-proxy and starts Traefik.
fn replace(
    draft: &mut Draft,
    host: &HostView,
    args: &[String],
    gate: Option<StepId>,
    adopted: Adopted,
) -> StepId {
    let mut created = created(draft, host, args);
    created.done.extend([
        Predicate::eq(
            &["containers", KAMAL_PROXY, "state"],
            ContainerState::Exited,
        ),
        Predicate::absent(&["kamal_proxy"]),
    ]);
    let before = [StepKind::InstallDocker, StepKind::Network];
    let why = Reason::Replaced {
        what: KAMAL_PROXY.to_owned(),
    };
    let step = host
        .step(StepKind::Traefik, ["traefik", TRAEFIK, "replace"])
        .because("Replace kamal-proxy by Traefik", why)
        .needs(gate)
        .needs(draft.find_each(host.name(), &before))
        .needs(adopted.steps.clone())
        .does(created.runs)
        .secrets(&created.secrets, Travel::Stdin)
        .secrets(&draft.config.traefik.env.secret_names(), Travel::Env)
        .does([
            container::set_restart_policy(KAMAL_PROXY, RestartPolicy::No),
            container::stop(KAMAL_PROXY, STOP_SECONDS),
            container::start(TRAEFIK),
        ])
        .does(adopted.proofs_of(TRAEFIK))
        .done_when(created.done)
        .on_failure(
            [container::logs(TRAEFIK)],
            [
                container::remove(TRAEFIK),
                container::set_restart_policy(KAMAL_PROXY, RestartPolicy::UnlessStopped),
                container::start(KAMAL_PROXY),
            ],
        )
        .silence(SILENCE);
    draft.add(step)
}
