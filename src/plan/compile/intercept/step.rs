//! The steps that answer requests with 503 in place of a role, and that end it.

use super::file::{Found, found, of_role, whose};
use super::reason;
use crate::action::{Action, Poll, Run};
use crate::config::model::Role;
use crate::diagnostic::Diagnostic;
use crate::docker::container;
use crate::docker::names::TRAEFIK;
use crate::name::{RoleName, Sha256Hex, StepId};
use crate::plan::compile::app::stop::{routes_of, step};
use crate::plan::compile::proxy::facts::{command_line, stays};
use crate::plan::compile::proxy::proof;
use crate::plan::compile::{Draft, HostView};
use crate::plan::{Predicate, Reason, StepKind, still};
use crate::text;
use crate::traefik::{Intercept, InterceptFile, Purpose, RouteSpec, router_rules};

/// Seconds in which Traefik notices that a file is gone.
const GONE_SECONDS: &str = "1";

/// An alias in place of that of a container: which one it is does not matter.
const ANY_ALIAS: &str = "m-0000000000000000";

/// Adds the step after which requests to `role` are answered as `wanted` says, unless they are already.
pub fn begin(
    draft: &mut Draft,
    host: &HostView,
    (role, purpose): (&Role, Purpose),
    wanted: Intercept,
    summary: String,
) {
    if !can_answer(draft, host) {
        return;
    }
    let routes = routes_of(draft, host, &role.name);
    let live = host.facts.files.get(&routes);
    let Some(routing) = live
        .map(|file| file.text.clone())
        .filter(|text| !text.is_empty())
        .or_else(|| planned(draft, host, role))
    else {
        return;
    };
    warn_of_streams(draft, role, &routing);
    let whose = whose(draft, role, purpose);
    let found = found(draft, host);
    let found = of_role(&found, role.name.as_str(), purpose);
    let before = found.and_then(|found| found.intercept.clone());
    let wanted = match before {
        Some(before) if before.answers_as(&wanted) => before,
        Some(Intercept { since, .. }) => Intercept { since, ..wanted },
        None => wanted,
    };
    let Some(file) = wanted.file(&whose, &[&routing]) else {
        let reason = "no HTTP routes";
        return draft.unchanged(Some(host.name()), role.name.as_str(), reason);
    };
    let hash = Sha256Hex::of(file.text.as_bytes());
    if found.is_some_and(|found| found.file.sha256 == hash.as_str()) {
        let subject = still::subject(purpose.name(), role.name.as_str());
        return draft.unchanged(Some(host.name()), &subject, reason::of(&wanted));
    }
    let path = format!("{}/{}", host.facts.routing_directory, whose.file_name());
    let [write, proof] = load(draft, &path, &file);
    let back = match found {
        Some(found) => draft.write(&path, found.file.text.clone()),
        None => Run::literal(["rm", "-f", &path]).into(),
    };
    let step = step(
        host,
        &role.name,
        StepKind::Intercept,
        purpose.name(),
        "begin",
    )
    .because(summary, Reason::Requested)
    .does([write, proof])
    .done_when([is(&path, &file)])
    .on_failure([container::logs(TRAEFIK)], [back]);
    let id = draft.add(step);
    let is_still = match found {
        Some(found) => Predicate::eq(&["files", &path, "sha256"], found.file.sha256.as_str()),
        None => Predicate::absent(&["files", &path]),
    };
    draft.rely(host.name(), is_still, vec![id.clone()]);
    if let Some(live) = live {
        let is_still = Predicate::eq(&["files", &routes, "sha256"], live.sha256.as_str());
        draft.rely(host.name(), is_still, vec![id]);
    }
}

/// Returns whether Traefik reads such files on `host`, or refuses it.
fn can_answer(draft: &mut Draft, host: &HostView) -> bool {
    if stays(host.facts) {
        return true;
    }
    let why = match &host.facts.traefik {
        Some(_) => "the running Traefik was not started by mrsk: it reads no routing files",
        None => "Traefik does not run",
    };
    let problem = Diagnostic::error(format!("host {}: {why}", host.name()));
    draft.refuse(problem.help("run `mrsk deploy`, or `mrsk traefik boot`, first"));
    false
}

/// Returns the routing file that a deploy would write.
fn planned(draft: &mut Draft, host: &HostView, role: &Role) -> Option<String> {
    let arguments = command_line(draft.config, host.facts);
    let spec = RouteSpec {
        service: &draft.config.service,
        destination: draft.config.destination.as_deref(),
        role: role.name.as_str(),
        labels: &role.labels,
        arguments: &arguments,
        port: draft.config.healthcheck_of(role).port,
        alias: ANY_ALIAS,
        container: "",
        beside: &[],
        outranks: &[],
        response_timeout: role.proxy.response_timeout,
        has_certificate: role.proxy.certificate.is_some(),
    };
    let file = draft.renderer.routing_file(&spec);
    file.map_err(|errors| draft.refuse_labels("label", errors))
        .ok()
}

fn warn_of_streams(draft: &mut Draft, role: &Role, routing: &str) {
    let rules = router_rules(routing);
    if rules.iter().any(|rule| rule.protocol == "tcp") {
        let role = &role.name;
        draft.warn(format!(
            "role {role}: its TCP routes stay as they are: 503 is an answer of HTTP"
        ));
    }
}

/// Returns what writes `file`, and what waits until Traefik has loaded it.
pub fn load(draft: &mut Draft, path: &str, file: &InterceptFile) -> [Action; 2] {
    let proof = Poll {
        host: Some(file.probe_host.clone()),
        ..proof::routed_by(TRAEFIK, "", &file.proof)
    };
    [draft.write(path, file.text.clone()), proof.into()]
}

/// Returns that `file` is at `path`.
pub fn is(path: &str, file: &InterceptFile) -> Predicate {
    let hash = Sha256Hex::of(file.text.as_bytes());
    Predicate::eq(&["files", path, "sha256"], hash.as_str())
}

/// Adds the step after which requests go to the role again.
pub fn end(draft: &mut Draft, host: &HostView, found: &Found, summary: String) -> StepId {
    let role = RoleName::from(found.whose.role.as_str());
    let purpose = found.whose.purpose.name();
    let path = found.path;
    let step = step(host, &role, StepKind::Intercept, purpose, "end")
        .because(summary, Reason::Requested)
        .does([
            Run::literal(["rm", "-f", path]),
            Run::literal(["sleep", GONE_SECONDS]),
        ])
        .done_when([Predicate::absent(&["files", path])]);
    let id = draft.add(step);
    let is_still = Predicate::eq(&["files", path, "sha256"], found.file.sha256.as_str());
    draft.rely(host.name(), is_still, vec![id.clone()]);
    id
}

/// Adds the removal of all files that answer requests in place of `role`, which is removed. Returns the steps.
pub fn remove(draft: &mut Draft, host: &HostView, role: &RoleName) -> Vec<StepId> {
    let mut found = found(draft, host);
    found.retain(|found| found.whose.role == role.as_str());
    let steps = found.iter().map(|found| {
        let what = match found.whose.purpose {
            Purpose::Maintenance => "maintenance",
            Purpose::Drain => "drain",
        };
        let role = text::one_line(&found.whose.role);
        end(draft, host, found, format!("Remove the {what} of {role}"))
    });
    steps.collect()
}
