//! Traefik's own command line.

use super::spec::{LabelError, PROBE_ENTRYPOINT, PROBE_PORT, ROUTES_DIR, SERVICE_LABEL};
use super::static_options;

/// Returns Traefik's arguments: mrsk's own, then the user's in their order, `--name=value` each (`--name` alone if the
/// value is `None`). An argument of the user replaces mrsk's of the same name, and `providers.docker.constraints` is joined
/// to mrsk's, which keeps the Docker provider off mrsk's own containers.
///
/// The entrypoint `web` on port 80 is declared if the user declares none, or only sets options of this one: Traefik opens
/// its default one only while no entrypoint is declared, and the probe's is.
///
/// # Errors
/// Each argument without which mrsk could not switch traffic, by its name.
pub(super) fn command_line(
    user: &[(String, Option<String>)],
) -> Result<Vec<String>, Vec<LabelError>> {
    let wrong = |(name, value): &(String, Option<String>)| {
        refused(name).or_else(|| static_options::check(name, value.as_deref()))
    };
    let errors: Vec<LabelError> = user.iter().filter_map(wrong).collect();
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
    let mut own = vec![
        ("providers.docker", "true".to_owned()),
        ("providers.docker.constraints", constraint),
        ("providers.file.directory", ROUTES_DIR.to_owned()),
        ("providers.file.watch", "true".to_owned()),
        ("providers.providersThrottleDuration", "100ms".to_owned()),
    ];
    if needs_web(user) {
        own.push(("entrypoints.web.address", ":80".to_owned()));
    }
    let probe = format!("entrypoints.{PROBE_ENTRYPOINT}.address");
    own.push((&probe, format!(":{PROBE_PORT}")));
    let joined = |name: &str| name.eq_ignore_ascii_case("providers.docker.constraints");
    let own = own
        .into_iter()
        .filter(|(name, _)| joined(name) || given(name).is_none());
    let own = own.map(|(name, value)| format!("--{name}={value}"));
    let lines = user.iter().filter(|(name, _)| !joined(name));
    let lines = lines.map(|(name, value)| match value {
        Some(value) => format!("--{name}={value}"),
        None => format!("--{name}"),
    });
    Ok(own.chain(lines).collect())
}

/// Returns whether mrsk declares the address of the entrypoint `web`.
fn needs_web(user: &[(String, Option<String>)]) -> bool {
    let options: Vec<(&str, &str)> = user
        .iter()
        .filter_map(|(name, _)| name.split_once('.'))
        .filter(|(section, _)| section.eq_ignore_ascii_case("entrypoints"))
        .map(|(_, rest)| rest.split_once('.').unwrap_or((rest, "")))
        .collect();
    let mut web = options.iter().filter(|(name, _)| *name == "web").peekable();
    options.is_empty()
        || web.peek().is_some() && !web.any(|(_, option)| option.eq_ignore_ascii_case("address"))
}

/// Returns the TCP port inside Traefik's container on which an entrypoint listens.
pub(super) fn tcp_port(command_line: &[String], entrypoint: &str) -> Option<u16> {
    let mut options = entrypoint_options(command_line);
    let (.., address) =
        options.find(|(name, option, _)| *name == entrypoint && option == "address")?;
    let (_, port) = address.trim_end_matches("/tcp").rsplit_once(':')?;
    port.parse().ok()
}

/// Returns the names and values of a command line, whether they are joined by `=` or follow each other.
pub(super) fn read(command_line: &[String]) -> impl Iterator<Item = (&str, &str)> {
    command_line
        .iter()
        .enumerate()
        .filter_map(|(at, argument)| {
            let argument = argument.strip_prefix("--")?;
            let next = command_line.get(at.saturating_add(1));
            Some(argument.split_once('=').unwrap_or_else(|| {
                let value = next.filter(|next| !next.starts_with('-'));
                (argument, value.map_or("true", String::as_str))
            }))
        })
}

/// Returns the options of entrypoints as name, option in lower case and value.
fn entrypoint_options(command_line: &[String]) -> impl Iterator<Item = (&str, String, &str)> {
    read(command_line).filter_map(|(name, value)| {
        let (section, rest) = name.split_once('.')?;
        let (name, option) = rest.split_once('.')?;
        let is_entrypoint = section.eq_ignore_ascii_case("entrypoints");
        is_entrypoint.then(|| (name, option.to_lowercase(), value))
    })
}

/// Returns the entrypoints of a router that names none, mrsk's own left out.
pub(super) fn default_entrypoints(command_line: &[String]) -> Vec<&str> {
    let mut all = Vec::new();
    let mut defaults = Vec::new();
    for (name, option, value) in entrypoint_options(command_line) {
        if name != PROBE_ENTRYPOINT && !all.contains(&name) {
            all.push(name);
        }
        if option == "asdefault" && !value.eq_ignore_ascii_case("false") {
            defaults.push(name);
        }
    }
    match defaults.is_empty() {
        true => all,
        false => defaults,
    }
}

/// Returns the TCP port inside Traefik's container on which an entrypoint takes requests over plain HTTP.
///
/// # Errors
/// Why there is none, in few words.
pub(super) fn plain_port(command_line: &[String], entrypoint: &str) -> Result<u16, &'static str> {
    let mut port = Err("entrypoint without a TCP port");
    let options = entrypoint_options(command_line);
    for (_, option, value) in options.filter(|(name, ..)| *name == entrypoint) {
        if option == "http.tls" && !value.eq_ignore_ascii_case("false")
            || option.starts_with("http.tls.")
        {
            return Err("TLS");
        }
        if option.starts_with("http.redirections.") {
            return Err("entrypoint that redirects");
        }
        if option == "address"
            && let Some((ip, given)) = value.trim_end_matches("/tcp").rsplit_once(':')
            && ["", "0.0.0.0", "[::]"].contains(&ip)
            && let Ok(given) = given.parse()
        {
            port = Ok(given);
        }
    }
    port
}

/// Returns what a command line says of the default servers transport, in the spelling of the file provider. How long that one
/// keeps idle connections is left out.
pub(super) fn of_servers_transport(
    command_line: &[String],
) -> impl Iterator<Item = (&'static str, &str)> {
    const OPTIONS: [&str; 5] = [
        "insecureSkipVerify",
        "rootCAs",
        "maxIdleConnsPerHost",
        "forwardingTimeouts.dialTimeout",
        "forwardingTimeouts.responseHeaderTimeout",
    ];
    read(command_line).filter_map(|(name, value)| {
        let (section, given) = name.split_once('.')?;
        let option = OPTIONS
            .into_iter()
            .find(|option| option.eq_ignore_ascii_case(given))?;
        section
            .eq_ignore_ascii_case("serversTransport")
            .then_some((option, value))
    })
}

fn refused(name: &str) -> Option<LabelError> {
    let lower = name.to_lowercase();
    let (message, help) = if lower == "configfile" {
        (
            "a configuration file makes Traefik ignore all arguments, also those of mrsk",
            "pass the settings of the file as arguments",
        )
    } else if lower == "providers.file" || lower.starts_with("providers.file.") {
        (
            "reserved: mrsk switches traffic through the file provider",
            "mount your own file into its directory with `traefik.options.volumes`",
        )
    } else if lower.starts_with(&format!("entrypoints.{PROBE_ENTRYPOINT}.")) {
        (
            "reserved: mrsk checks through this entrypoint that a routing file is loaded",
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
    fn options_of_web_do_not_take_its_port() {
        let has_web = |user: &[(&str, Option<&str>)]| {
            let lines = lines(user).unwrap();
            lines.contains(&"--entrypoints.web.address=:80".to_owned())
        };
        let redirect = (
            "entrypoints.web.http.redirections.entrypoint.to",
            Some(":443"),
        );
        let secure = ("entryPoints.s.address", Some(":443"));
        assert!(has_web(&[redirect]));
        assert!(has_web(&[redirect, secure]));
        assert!(!has_web(&[secure]));
        assert!(!has_web(&[
            redirect,
            ("Entrypoints.web.Address", Some(":8000"))
        ]));
    }

    #[test]
    fn settings_of_the_default_transport_are_found_in_every_spelling() {
        let line: Vec<String> = [
            "--serversTransport.insecureSkipVerify",
            "--serverstransport.RootCAs=/a.pem,/b.pem",
            "--serversTransport.forwardingTimeouts.dialTimeout",
            "5s",
            "--serversTransport.forwardingTimeouts.idleConnTimeout=90s",
        ]
        .map(String::from)
        .into();
        let found: Vec<_> = of_servers_transport(&line).collect();
        assert_eq!(
            found,
            [
                ("insecureSkipVerify", "true"),
                ("rootCAs", "/a.pem,/b.pem"),
                ("forwardingTimeouts.dialTimeout", "5s"),
            ]
        );
    }

    #[test]
    fn plain_http_is_told_from_what_is_not() {
        let line: Vec<String> = [
            "--entrypoints.web.address=:80",
            "--EntryPoints.other.Address",
            "0.0.0.0:8080/tcp",
            "--entrypoints.secure.address=:443",
            "--entrypoints.secure.http.tls.certResolver=x",
            "--entrypoints.old.address=:81",
            "--entrypoints.old.http.redirections.entryPoint.to=secure",
            "--entrypoints.inner.address=127.0.0.1:82",
            "--entrypoints.udp.address=:53/udp",
            "--entrypoints.mrsk-probe.address=:7583",
        ]
        .map(String::from)
        .into();
        for (name, port) in [
            ("web", Ok(80)),
            ("other", Ok(8080)),
            ("secure", Err("TLS")),
            ("old", Err("entrypoint that redirects")),
            ("inner", Err("entrypoint without a TCP port")),
            ("udp", Err("entrypoint without a TCP port")),
            ("none", Err("entrypoint without a TCP port")),
        ] {
            assert_eq!(plain_port(&line, name), port, "{name}");
        }
        let all = ["web", "other", "secure", "old", "inner", "udp"];
        assert_eq!(default_entrypoints(&line), all);
        let chosen = [line, vec!["--entrypoints.old.asDefault=true".to_owned()]].concat();
        assert_eq!(default_entrypoints(&chosen), ["old"]);
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
