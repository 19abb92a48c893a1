//! Traefik's own command line.

use std::collections::{BTreeMap, BTreeSet};

use super::{LabelError, PROBE_ENTRYPOINT, PROBE_PORT, ROUTES_DIR, SERVICE_LABEL};

/// Returns Traefik's arguments: mrsk's own, then the user's in their order, `--name=value` each (`--name` alone where the
/// value is `None`). An argument of the user replaces mrsk's of the same name, and `providers.docker.constraints` is joined
/// to mrsk's, which keeps the Docker provider off mrsk's own containers.
///
/// The entrypoint `web` on port 80 is declared where the user declares none: Traefik opens its default one only while no
/// entrypoint is declared, and the probe's is.
///
/// # Errors
/// Each argument without which mrsk could not switch traffic, by its name.
pub fn command_line(user: &[(String, Option<String>)]) -> Result<Vec<String>, Vec<LabelError>> {
    let errors: Vec<LabelError> = user.iter().filter_map(|(name, _)| refused(name)).collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let given = |name: &str| {
        user.iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
    };
    let constraint = format!("!LabelRegex(`{SERVICE_LABEL}`, `.+`)");
    let constraint = match given("providers.docker.constraints") {
        Some((_, Some(other))) if !other.trim().is_empty() => format!("({other}) && {constraint}"),
        _ => constraint,
    };
    let has_entrypoint = user
        .iter()
        .any(|(name, _)| name.to_lowercase().starts_with("entrypoints."));
    let mut own = vec![
        ("providers.docker", "true".to_owned()),
        ("providers.docker.constraints", constraint),
        ("providers.file.directory", ROUTES_DIR.to_owned()),
        ("providers.file.watch", "true".to_owned()),
        ("providers.providersThrottleDuration", "100ms".to_owned()),
    ];
    if !has_entrypoint {
        own.push(("entrypoints.web.address", ":80".to_owned()));
    }
    let probe = format!("entrypoints.{PROBE_ENTRYPOINT}.address");
    own.push((&probe, format!(":{PROBE_PORT}")));
    let joined = |name: &str| name.eq_ignore_ascii_case("providers.docker.constraints");
    Ok(own
        .into_iter()
        .filter(|(name, _)| joined(name) || given(name).is_none())
        .map(|(name, value)| format!("--{name}={value}"))
        .chain(
            user.iter()
                .filter(|(name, _)| !joined(name))
                .map(|(name, value)| match value {
                    Some(value) => format!("--{name}={value}"),
                    None => format!("--{name}"),
                }),
        )
        .collect())
}

/// Returns the names of the entrypoints that a command line declares, in lower case, without mrsk's own.
pub fn entrypoints(args: &[String]) -> BTreeSet<String> {
    let names = args.iter().filter_map(|arg| {
        let lower = arg.to_lowercase();
        let (name, _) = lower
            .strip_prefix("--entrypoints.")?
            .split_once(['.', '='])?;
        Some(name.to_owned())
    });
    names.filter(|name| name != PROBE_ENTRYPOINT).collect()
}

/// Returns the labels whose router listens at none of `entrypoints`: Traefik would leave it out.
pub fn unreachable(
    labels: &BTreeMap<String, String>,
    entrypoints: &BTreeSet<String>,
) -> Vec<LabelError> {
    let known = entrypoints.iter().map(String::as_str).collect::<Vec<_>>();
    let wanted = labels.iter().filter(|(label, _)| {
        let label = label.to_lowercase();
        label.starts_with("traefik.") && label.ends_with(".entrypoints")
    });
    wanted
        .filter(|(_, value)| {
            let mut names = value.split(',').map(|name| name.trim().to_lowercase());
            !names.any(|name| entrypoints.contains(&name))
        })
        .map(|(label, value)| LabelError {
            label: label.clone(),
            message: format!("Traefik has no entrypoint `{value}`, only {}", known.join(", ")),
            help: Some("declare it under `traefik: {args: {entrypoints.NAME.address: …}}`; deploy leaves a Traefik that runs as it is".to_owned()),
        })
        .collect()
}

fn refused(name: &str) -> Option<LabelError> {
    let lower = name.to_lowercase();
    let (message, help) = if lower == "configfile" {
        (
            "Traefik ignores every argument beside a configuration file, those of mrsk too",
            "give what the file says as arguments",
        )
    } else if lower == "providers.file" || lower.starts_with("providers.file.") {
        (
            "mrsk switches traffic through the file provider's directory",
            "mount a file of your own into that directory with `traefik.options.volumes`",
        )
    } else if lower.starts_with(&format!("entrypoints.{PROBE_ENTRYPOINT}.")) {
        (
            "mrsk proves through this entrypoint that a routing file is loaded",
            "choose another name for the entrypoint",
        )
    } else {
        return None;
    };
    Some(LabelError {
        label: name.to_owned(),
        message: message.to_owned(),
        help: Some(help.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(user: &[(&str, Option<&str>)]) -> Result<Vec<String>, Vec<LabelError>> {
        let user: Vec<_> = user
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned)))
            .collect();
        command_line(&user)
    }

    #[test]
    fn without_arguments_it_serves_port_80() {
        assert_eq!(
            lines(&[]).unwrap(),
            [
                "--providers.docker=true",
                "--providers.docker.constraints=!LabelRegex(`mrsk.service`, `.+`)",
                "--providers.file.directory=/etc/mrsk/traefik",
                "--providers.file.watch=true",
                "--providers.providersThrottleDuration=100ms",
                "--entrypoints.web.address=:80",
                "--entrypoints.mrsk-probe.address=:7583",
            ]
        );
    }

    #[test]
    fn the_users_arguments_come_last_and_replace() {
        let lines = lines(&[
            ("accesslog", Some("true")),
            ("accesslog.format", Some("json")),
            ("Providers.ProvidersThrottleDuration", Some("2s")),
            ("providers.docker.constraints", Some("Label(`a`, `b`)")),
            ("entryPoints.other.address", Some(":9000")),
            ("ping", None),
        ])
        .unwrap();
        assert_eq!(
            lines,
            [
                "--providers.docker=true",
                "--providers.docker.constraints=(Label(`a`, `b`)) && !LabelRegex(`mrsk.service`, `.+`)",
                "--providers.file.directory=/etc/mrsk/traefik",
                "--providers.file.watch=true",
                "--entrypoints.mrsk-probe.address=:7583",
                "--accesslog=true",
                "--accesslog.format=json",
                "--Providers.ProvidersThrottleDuration=2s",
                "--entryPoints.other.address=:9000",
                "--ping",
            ]
        );
    }

    #[test]
    fn what_would_break_the_switch_is_refused() {
        for name in [
            "configFile",
            "providers.file.filename",
            "providers.file",
            "entrypoints.mrsk-probe.address",
        ] {
            let errors = lines(&[(name, Some("x"))]).unwrap_err();
            assert_eq!(errors[0].label, name);
        }
    }
}
