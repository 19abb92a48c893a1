//! Commands about containers of roles, and Traefik's.

use std::collections::BTreeMap;

use super::image::pairs;
use super::names::{
    LABEL_CREATE, LABEL_HEALTHCHECK, LABEL_SERVICE, LABEL_VERSION, NETWORK, TRAEFIK,
};
use crate::action::Run;
use crate::config::model::{Config, DockerOption, Role};
use crate::name::Sha256Hex;

/// The variable that tells a container its own name.
const CONTAINER_NAME_VARIABLE: &str = "MRSK_CONTAINER_NAME";

/// Options whose values docker takes under a singular name, while users write the key of the configuration.
const OPTION_SYNONYMS: [(&str, &str); 1] = [("volumes", "volume")];

/// A `docker create`, and the digest that its container carries as a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// The command.
    pub run: Run,
    /// SHA-256 of its arguments without the label itself: what is equal need not be replaced.
    pub digest: Sha256Hex,
}

/// Returns the command that creates a role's container from `image`.
pub fn create(
    config: &Config,
    role: &Role,
    name: &str,
    version: &str,
    image: &str,
    home: &str,
) -> Create {
    let mut head = base(name);
    let mut env = role.env.clear.clone();
    env.insert(CONTAINER_NAME_VARIABLE.into(), name.to_owned());
    head.extend(pairs("--env", &env));
    for secret in &role.env.secret {
        head.extend(["--env".into(), secret.clone()]);
    }
    head.extend(logging(config));
    for volume in &config.volumes {
        head.extend(["--volume".into(), at_home(volume, home)]);
    }
    head.extend(pairs("--label", &labels(config, role, version)));
    head.extend(options(&role.options, home));
    let mut tail = vec![image.to_owned()];
    tail.extend(role.cmd.iter().cloned());
    finish(head, tail, role.env.secret.clone())
}

/// Returns the command that creates Traefik's container. `directory` is the host directory with the routing files,
/// `mount` where the container sees it.
pub fn create_traefik(
    config: &Config,
    args: &[String],
    directory: &str,
    mount: &str,
    home: &str,
) -> Create {
    let traefik = &config.traefik;
    let mut head = base(TRAEFIK);
    head.extend(["--publish".into(), format!("{}:80", traefik.host_port)]);
    for volume in [
        "/var/run/docker.sock:/var/run/docker.sock".to_owned(),
        format!("{directory}:{mount}:ro"),
    ] {
        head.extend(["--volume".into(), volume]);
    }
    head.extend(logging(config));
    head.extend(pairs("--label", &traefik.labels));
    head.extend(options(&traefik.options, home));
    let mut tail = vec![traefik.image.clone()];
    tail.extend(args.iter().cloned());
    finish(head, tail, Vec::new())
}

/// Returns the command that connects `container` to mrsk's network.
pub fn connect(container: &str, alias: Option<&str>) -> Run {
    let mut argv = vec!["docker", "network", "connect"];
    if let Some(alias) = alias {
        argv.extend(["--alias", alias]);
    }
    argv.extend([NETWORK, container]);
    Run::literal(argv)
}

/// Returns the command that starts `container`.
pub fn start(container: &str) -> Run {
    Run::literal(["docker", "start", container])
}

/// Returns the command that stops `container`: SIGTERM, and SIGKILL after `seconds`.
pub fn stop(container: &str, seconds: u32) -> Run {
    Run::literal(["docker", "stop", "--time", &seconds.to_string(), container])
}

/// Returns the command that removes `container`, running or not.
pub fn remove(container: &str) -> Run {
    Run::literal(["docker", "rm", "--force", container])
}

/// Returns the command that shows the last lines of the log of `container`.
pub fn logs(container: &str) -> Run {
    Run::literal(["docker", "logs", "--tail", "50", container])
}

fn base(name: &str) -> Vec<String> {
    [
        "docker",
        "create",
        "--name",
        name,
        "--restart",
        "unless-stopped",
    ]
    .map(String::from)
    .into()
}

fn finish(head: Vec<String>, tail: Vec<String>, env: Vec<String>) -> Create {
    let described: Vec<&str> = head.iter().chain(&tail).map(String::as_str).collect();
    let digest = Sha256Hex::of(described.join("\0").as_bytes());
    let mut argv = head;
    argv.extend(["--label".into(), format!("{LABEL_CREATE}={digest}")]);
    argv.extend(tail);
    Create {
        run: Run {
            env,
            ..Run::literal(argv)
        },
        digest,
    }
}

/// Returns the labels of a role's container: the user's, and those by which it is known.
fn labels(config: &Config, role: &Role, version: &str) -> BTreeMap<String, String> {
    let mut labels = role.labels.clone();
    let mut set = |name: &str, value: &str| labels.insert(name.to_owned(), value.to_owned());
    set("service", &config.service);
    set("role", role.name.as_str());
    if let Some(destination) = &config.destination {
        set("destination", destination);
    }
    set(LABEL_SERVICE, &config.service);
    set(LABEL_VERSION, version);
    if role.traefik {
        let check = &config.healthcheck;
        set(LABEL_HEALTHCHECK, &format!("{} {}", check.port, check.path));
    }
    labels
}

fn logging(config: &Config) -> Vec<String> {
    let logging = &config.logging;
    let mut argv = Vec::new();
    if let Some(driver) = &logging.driver {
        argv.extend(["--log-driver".into(), driver.clone()]);
    }
    argv.extend(pairs("--log-opt", &logging.options));
    argv
}

fn options(options: &[DockerOption], home: &str) -> Vec<String> {
    options
        .iter()
        .map(|option| {
            let name = OPTION_SYNONYMS
                .iter()
                .find(|(written, _)| *written == option.name)
                .map_or(option.name.as_str(), |(_, docker)| docker);
            match &option.value {
                None => format!("--{name}"),
                Some(value) if name == "volume" => format!("--{name}={}", at_home(value, home)),
                Some(value) => format!("--{name}={value}"),
            }
        })
        .collect()
}

/// Returns `volume` with a leading `~`, `$HOME` or `$PWD` of its host part resolved to the SSH user's home, which users of the
/// original rely on.
fn at_home(volume: &str, home: &str) -> String {
    for prefix in ["~", "$HOME", "$PWD", "${HOME}", "${PWD}"] {
        if let Some(rest) = volume.strip_prefix(prefix)
            && (rest.starts_with('/') || rest.starts_with(':'))
        {
            return format!("{home}{rest}");
        }
    }
    volume.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_of_the_ssh_user_is_resolved_in_the_host_part_only() {
        let cases = [
            ("~/data:/data", "/root/data:/data"),
            ("$HOME/data:/data", "/root/data:/data"),
            ("${PWD}/x:/x", "/root/x:/x"),
            ("/srv:/home/$HOME", "/srv:/home/$HOME"),
            ("$HOMEX/data:/data", "$HOMEX/data:/data"),
            ("named:/data", "named:/data"),
        ];
        for (written, resolved) in cases {
            assert_eq!(at_home(written, "/root"), resolved);
        }
    }
}
