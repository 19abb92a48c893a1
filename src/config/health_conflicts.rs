//! Settings of a role's containers that contradict one another: a health check that cannot pass in time, and options of docker beside the
//! keys that set the same.

use super::decoder::{Decoder, Field, Record};
use super::model::{Config, Role};

/// Options that docker would follow in place of the health check that mrsk gives it.
const OF_CHECK: [(&str, &str); 4] = [
    ("health-cmd", "cmd"),
    ("no-healthcheck", "cmd"),
    ("health-interval", "interval"),
    ("health-start-period", "cmd"),
];

/// Reports them. `root` is what `config` was read from.
pub(super) fn check(decoder: &mut Decoder<'_>, root: &Record<'_>, config: &Config) {
    for role in &config.roles {
        let name = role.name.as_str();
        let own = find(root, &["servers", name, "healthcheck"]);
        let is_asked = role.traefik || role.healthcheck.is_some();
        let runs = is_asked && config.healthcheck_of(role).cmd.is_some();
        if runs {
            time(decoder, root, (config, role, own.as_ref()));
        }
        let Some(options) = find(root, &["servers", name, "options"]) else {
            continue;
        };
        for (option, field) in options.children() {
            let of_check = OF_CHECK.iter().find(|(other, _)| *other == option);
            let key = match (of_check, option) {
                (Some((_, key)), _) if runs => {
                    let global = root.get("healthcheck").filter(|_| role.traefik);
                    let places = own.as_ref().into_iter().chain(global);
                    named(&Vec::from_iter(places), key)
                }
                (_, "stop-signal") if role.stop_signal.is_some() => {
                    match find(root, &["servers", name, "stop_signal"]) {
                        Some(own) => own.path,
                        None => "stop_signal".to_owned(),
                    }
                }
                _ => continue,
            };
            let message =
                format!("docker option `{option}` of role `{name}` conflicts with `{key}`");
            let help =
                "keep one of them: docker follows the option, and mrsk waits as the key says";
            decoder.error(field.key, message, help);
        }
    }
}

/// Reports a time to become healthy in which docker does not run the check once.
fn time(
    decoder: &mut Decoder<'_>,
    root: &Record<'_>,
    (config, role, own): (&Config, &Role, Option<&Field<'_>>),
) {
    let check = config.healthcheck_of(role);
    let patience = config.patience(check);
    let waited = u64::from(patience.attempt_ms) * u64::from(patience.attempts);
    let interval = check.docker_interval_ms();
    if waited > u64::from(interval) {
        return;
    }
    let deploy_timeout = root.get("deploy_timeout");
    let global = root.get("healthcheck");
    let Some(place) = deploy_timeout.or(own).or(global) else {
        return;
    };
    let seconds = |milliseconds: u64| match milliseconds % 1000 {
        0 => format!("{} s", milliseconds / 1000),
        _ => format!("{milliseconds} ms"),
    };
    let (waits, remedy) = match deploy_timeout {
        Some(_) => ("`deploy_timeout`", "raise `deploy_timeout`"),
        None => ("`max_attempts` times `interval`", "raise `max_attempts`"),
    };
    let message = format!(
        "role `{}` can never be healthy: {waits} is {}, and docker runs its health check first after {}",
        role.name,
        seconds(waited),
        seconds(interval.into())
    );
    let help = format!("{remedy}, or set a shorter `interval` of the health check");
    decoder.error(place.key, message, help);
}

/// Returns the name of the first `key` in `places`, else that of a command there, else that of the first place.
fn named(places: &[&Field<'_>], key: &str) -> String {
    let of = |key: &str| {
        let place = places.iter().find(|place| has(place, key));
        place.map(|place| format!("{}.{key}", place.path))
    };
    let first = || places.first().map(|place| place.path.clone());
    of(key)
        .or_else(|| of("cmd"))
        .or_else(first)
        .unwrap_or_default()
}

fn has(field: &Field<'_>, key: &str) -> bool {
    field.children().iter().any(|(name, _)| *name == key)
}

/// Returns the field at a path below the root.
fn find<'n>(root: &Record<'n>, path: &[&str]) -> Option<Field<'n>> {
    let (first, rest) = path.split_first()?;
    let mut field = root.get(first)?.clone();
    for key in rest {
        let mut children = field.children().into_iter();
        let (_, child) = children.find(|(name, _)| name == key)?;
        field = child;
    }
    Some(field)
}
