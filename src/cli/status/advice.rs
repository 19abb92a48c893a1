//! The next sensible command.

use super::model::{HostStatus, Known, Lock, RoleStatus, Service, Status};
use crate::name::HostName;
use crate::record::{LockDetails, TAKE_OVER_SECONDS};
use crate::text;

/// Returns what to do next, what keeps everything else from being done first: the command, and why.
pub(super) fn next(status: &Status) -> (String, String) {
    let found = held_up(status)
        .or_else(|| unfinished(status))
        .or_else(|| unwell(status))
        .or_else(|| stopped(status))
        .or_else(|| behind(status))
        .or_else(|| uneven(status))
        .or_else(|| silent(status))
        .or_else(|| without_traefik(status))
        .or_else(|| without_accessory(status))
        .or_else(|| held_back(status));
    let is_bare = roles(status).all(|(_, role)| role.version.is_none());
    match found {
        Some((command, why)) => (format!("mrsk {command}{}", status.options), why),
        None if is_bare => (
            format!("mrsk setup{}", status.options),
            "nothing is deployed".into(),
        ),
        None => ("nothing".to_owned(), "all is well".to_owned()),
    }
}

type Advice = Option<(String, String)>;

/// Somebody holds the lock.
fn held_up(status: &Status) -> Advice {
    let Lock::Held(state) = &status.lock else {
        return None;
    };
    let details = LockDetails::parse(&state.text);
    let who = text::one_line(&details.locked_by);
    match (details.run, state.beat_age) {
        (None, _) => Some((
            "lock release".to_owned(),
            format!("{who} holds the lock: ask first"),
        )),
        // The next run takes it over: see to what it left.
        (Some(_), Some(age)) if age >= TAKE_OVER_SECONDS => None,
        (Some(_), _) => Some((
            "lock status".to_owned(),
            format!("a run of {who} is under way: wait for it"),
        )),
    }
}

/// A plan that was begun and is not finished.
fn unfinished(status: &Status) -> Advice {
    let mut runs = status.known().flat_map(|(_, known)| &known.runs);
    let run = runs.find(|run| run.is_last)?;
    let plan = short(run.plan.as_str());
    match status.copies.get(&run.plan) {
        Some(path) => Some((
            format!("apply {}", text::quote(path)),
            format!("plan {plan} is not finished: resume it"),
        )),
        None => Some((
            "audit".to_owned(),
            format!("plan {plan} is not finished: who began it can resume it with `mrsk apply`"),
        )),
    }
}

/// A role that does not serve as it should, where others of the service do.
fn unwell(status: &Status) -> Advice {
    let (host, role) = roles(status).find(|(_, role)| role.version.is_some() && !role.is_well())?;
    let why = match role.routed {
        Some(false) => "gets no requests".to_owned(),
        _ if role.replicas.0 < role.replicas.1 => {
            format!("{} of {} containers run", role.replicas.0, role.replicas.1)
        }
        _ => role.health.to_owned(),
    };
    Some((
        format!(
            "app logs --hosts {host} --roles {}",
            text::quote(&role.name)
        ),
        format!(
            "role {} on {host} is not well: {why}",
            text::one_line(&role.name)
        ),
    ))
}

/// A role that was stopped, where what would start is what the other hosts serve.
fn stopped(status: &Status) -> Advice {
    let (_, first) = roles(status).find(|(_, role)| would_start(status, role).is_some())?;
    let version = would_start(status, first)?;
    let hosts = roles(status)
        .filter(|(_, role)| role.name == first.name && would_start(status, role).is_some());
    let hosts: Vec<&str> = hosts.map(|(host, _)| host.as_str()).collect();
    let name = text::one_line(&first.name);
    let shown = text::shorten(&text::one_line(version));
    Some((
        format!("app start --hosts {}", hosts.join(",")),
        format!(
            "role {name} is stopped on {}: version {shown} ran there last",
            text::list(&hosts)
        ),
    ))
}

/// Returns the version that `app start` starts, unless the other hosts have gone on.
fn would_start<'a>(status: &Status, role: &'a RoleStatus) -> Option<&'a str> {
    let version = role.last.as_ref()?.version.as_str();
    let usual = status.usual_version(&role.name);
    usual
        .is_none_or(|usual| usual == version)
        .then_some(version)
}

/// A host that serves nothing, or another version than most hosts of the role.
fn behind(status: &Status) -> Advice {
    let differs = |role: &RoleStatus| {
        let usual = status.usual_version(&role.name);
        usual.is_some() && usual != role.version.as_deref()
    };
    let (_, role) = roles(status).find(|(_, role)| differs(role))?;
    let usual = status.usual_version(&role.name)?;
    let hosts = roles(status).filter(|(_, other)| other.name == role.name && differs(other));
    let hosts: Vec<&str> = hosts.map(|(host, _)| host.as_str()).collect();
    let version = text::quote(usual);
    Some((
        format!(
            "deploy --version {version} --skip-push --hosts {}",
            hosts.join(",")
        ),
        format!(
            "role {} does not serve version {} on {}",
            text::one_line(&role.name),
            text::shorten(&text::one_line(usual)),
            text::list(&hosts)
        ),
    ))
}

/// A role that runs nowhere beside others that do, or whose hosts differ without a majority.
fn uneven(status: &Status) -> Advice {
    let versions = status.versions();
    if versions.is_empty() {
        return None;
    }
    let (_, role) = roles(status).find(|(_, role)| status.usual_version(&role.name).is_none())?;
    let name = text::one_line(&role.name);
    let why = match versions.contains_key(role.name.as_str()) {
        true => format!("hosts differ in role {name}"),
        false => format!("role {name} does not run"),
    };
    let roles = text::quote(&role.name);
    Some((format!("app containers --roles {roles}"), why))
}

fn silent(status: &Status) -> Advice {
    let silent = status.hosts.iter();
    let silent = silent.filter(|(_, known)| *known == HostStatus::Silent);
    let hosts: Vec<&str> = silent.map(|(host, _)| host.as_str()).collect();
    (!hosts.is_empty()).then(|| {
        (
            format!("status --hosts {}", hosts.join(",")),
            format!("once {} can be reached again", text::list(&hosts)),
        )
    })
}

/// A host that serves, whose requests nobody forwards.
fn without_traefik(status: &Status) -> Advice {
    let serves = |known: &&Known| known.roles.iter().any(|role| role.version.is_some());
    let services = status.known().filter(|(_, known)| serves(known));
    let services = services.filter_map(|(host, known)| Some((host, known.traefik.as_ref()?)));
    let (way, hosts) = down(services)?;
    Some((
        format!("traefik {way} --hosts {}", hosts.join(",")),
        format!("Traefik does not run on {}", text::list(&hosts)),
    ))
}

/// An accessory that does not run.
fn without_accessory(status: &Status) -> Advice {
    let accessories = || {
        let known = status.known();
        known.flat_map(|(host, known)| known.accessories.iter().map(move |one| (host, one)))
    };
    let (_, (name, _)) = accessories().find(|(_, (_, service))| service.is_down())?;
    let own = accessories().filter(|(_, (other, _))| other == name);
    let (way, hosts) = down(own.map(|(host, (_, service))| (host, service)))?;
    Some((
        format!(
            "accessory {way} {} --hosts {}",
            text::quote(name),
            hosts.join(",")
        ),
        format!(
            "accessory {} does not run on {}",
            text::one_line(name),
            text::list(&hosts)
        ),
    ))
}

/// Returns what brings back the first of `services` that is down, and the hosts on which the same does.
fn down<'a>(
    services: impl Iterator<Item = (&'a HostName, &'a Service)>,
) -> Option<(&'static str, Vec<&'a str>)> {
    let mut down = services.filter(|(_, service)| service.is_down()).peekable();
    let (_, first) = *down.peek()?;
    let way = match first {
        Service::Missing => "boot",
        Service::Runs(_) | Service::Stopped => "start",
    };
    let alike = down.filter(|(_, service)| *service == first);
    Some((way, alike.map(|(host, _)| host.as_str()).collect()))
}

/// Requests that are answered with 503 in place of a role that is well.
fn held_back(status: &Status) -> Advice {
    let mut all =
        roles(status).flat_map(|(host, role)| role.answered.iter().map(move |one| (host, one)));
    let (host, answered) = all.next()?;
    let command = match answered.ended_by {
        "host undrain" => format!("host undrain {host}"),
        command => command.to_owned(),
    };
    Some((
        command,
        format!("{} on {host}: when that is over", answered.reason),
    ))
}

fn roles(status: &Status) -> impl Iterator<Item = (&HostName, &RoleStatus)> {
    let known = status.known();
    known.flat_map(|(host, known)| known.roles.iter().map(move |role| (host, role)))
}

/// Returns the beginning of a digest.
pub(super) fn short(plan: &str) -> &str {
    let digits = plan.strip_prefix("sha256:").unwrap_or(plan);
    digits.get(..12).unwrap_or(digits)
}
