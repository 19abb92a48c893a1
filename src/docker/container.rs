//! Commands about containers of roles, and Traefik's.

use std::collections::BTreeMap;

use super::image::{command, each, pairs};
use super::names::{
    self, LABEL_ASSET_PATH, LABEL_CREATE, LABEL_DESTINATION, LABEL_HEALTHCHECK, LABEL_REPLICA,
    LABEL_SERVICE, LABEL_SETTINGS, LABEL_STATE, LABEL_VERSION, NETWORK, TRAEFIK,
};
use crate::action::{Arg, Run};
use crate::config::model::{
    Accessory, AccessoryDirectory, AccessoryFile, Config, DockerOption, Env, Logging, Role,
};
use crate::config::{CONTAINER_NAME, is_read_at_start};
use crate::name::{HostName, SecretVariable, Sha256Hex};

/// Lines of a log that tell what happened, where the configuration does not say.
const LOG_LINES: u32 = 50;

/// The label by which containers of a service are looked for.
const LABEL_SERVICE_FILTER: &str = "service";

/// A `docker create`, and the digest that its container carries as a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// The command.
    pub run: Run,
    /// SHA-256 of its arguments without the labels that describe them: what is equal need not be replaced.
    pub digest: Sha256Hex,
    /// A short digest of each group of settings, such as `env`.
    settings: BTreeMap<&'static str, String>,
}

impl Create {
    /// Returns the command with another name for the container. The label with the digest stays: it is the same container.
    pub fn named(&self, name: &str) -> Run {
        let mut run = self.run.clone();
        let mut argv = run.argv.iter();
        let option = argv.position(|arg| *arg == Arg::Literal("--name".into()));
        if let Some(value) = option.and_then(|at| run.argv.get_mut(at + 1)) {
            *value = Arg::Literal(name.to_owned());
        }
        run
    }

    /// Returns the command whose container says which state directory has the records of who deployed it.
    pub fn recorded_in(self, state_dir: &str) -> Self {
        self.with(["--label".to_owned(), format!("{LABEL_STATE}={state_dir}")])
    }

    /// Returns the command with an option that is no setting: it changes no digest.
    pub fn with(mut self, option: [String; 2]) -> Self {
        let settings = format!("{LABEL_SETTINGS}=");
        let is_settings =
            |arg: &Arg| matches!(arg, Arg::Literal(text) if text.starts_with(&settings));
        if let Some(at) = self.run.argv.iter().position(is_settings) {
            let option = option.map(Arg::Literal);
            self.run.argv.splice(at + 1..at + 1, option);
        }
        self
    }

    /// Returns the groups of settings that differ from those of a container whose [`LABEL_SETTINGS`] is `recorded`.
    pub fn changed_settings(&self, recorded: &str) -> Vec<String> {
        let recorded = recorded
            .split(' ')
            .filter_map(|group| group.split_once('='));
        let recorded: BTreeMap<&str, &str> = recorded.collect();
        let differs = |(group, digest): (&&str, &String)| {
            (recorded.get(group) != Some(&digest.as_str())).then(|| (*group).to_owned())
        };
        self.settings.iter().filter_map(differs).collect()
    }
}

/// Returns the command that creates a container of a role on a host, by its number there, from `image`.
pub fn create(
    config: &Config,
    (role, host, index): (&Role, &HostName, u32),
    name: &str,
    version: &str,
    image: &str,
    home: &str,
) -> Create {
    let own = role.env_of(host);
    let groups = vec![
        ("env", env(own, name)),
        (
            "logging",
            logging(role.logging.as_ref().unwrap_or(&config.logging)),
        ),
        ("volumes", each("--volume", mounts(config, role, home))),
        (
            "labels",
            pairs("--label", &labels(config, (role, index), version)),
        ),
        ("healthcheck", healthcheck(config, role)),
        ("stop", each("--stop-signal", role.stop_signal.clone())),
        ("options", options(&role.options, home)),
        ("image", vec![image.to_owned()]),
        ("command", role.cmd.clone()),
    ];
    // The one that stays when there are more, or fewer, is the same with this label as without.
    let number = (role.replicas > 1 && index == 0).then(|| format!("{LABEL_REPLICA}=0"));
    finish(name, groups, own.secret.clone(), number)
}

/// Returns the command that creates an accessory's container. Its labels are those of the original, so that nothing that looks for
/// containers of the app finds it.
pub fn create_accessory(config: &Config, accessory: &Accessory, home: &str) -> Create {
    let name = names::accessory(config, accessory);
    let publish = accessory.publish.iter().map(ToString::to_string);
    let volumes = accessory_mounts(config, accessory, home);
    let mut labels = accessory.labels.clone();
    labels.insert(LABEL_SERVICE_FILTER.into(), name.clone());
    let groups = vec![
        ("env", env(&accessory.env, &name)),
        ("port", each("--publish", publish)),
        ("logging", logging(&config.logging)),
        ("volumes", each("--volume", volumes)),
        ("labels", pairs("--label", &labels)),
        ("options", options(&accessory.options, home)),
        ("image", vec![accessory.image.clone()]),
        ("command", accessory.cmd.clone()),
    ];
    let destination = config.destination.as_deref().unwrap_or_default();
    finish(
        &name,
        groups,
        accessory.env.secret.clone(),
        Some(format!("{LABEL_DESTINATION}={destination}")),
    )
}

/// Returns the volumes of a role's containers, as docker's `--volume` takes them: the global ones but those in whose place the role
/// mounts one of its own, and those of the role.
pub fn mounts(config: &Config, role: &Role, home: &str) -> Vec<String> {
    let place = |volume: &str| {
        let mut parts = volume.split(':');
        let first = parts.next().unwrap_or_default();
        parts
            .next()
            .unwrap_or(first)
            .trim_end_matches('/')
            .to_owned()
    };
    let own: Vec<String> = role.volumes.iter().map(|volume| place(volume)).collect();
    let global = config.volumes.iter();
    let global = global.filter(|volume| !own.contains(&place(volume)));
    let volumes = global.chain(&role.volumes);
    volumes.map(|volume| on_host(volume, home)).collect()
}

/// Returns the volumes of an accessory's container, and its files and directories, as docker's `--volume` takes them.
pub fn accessory_mounts(config: &Config, accessory: &Accessory, home: &str) -> Vec<String> {
    let base = accessory_directory(config, accessory, home);
    let volumes = accessory.volumes.iter().map(|volume| on_host(volume, home));
    let files = accessory.files.iter().map(|file| {
        let host = file_on_host(&base, file);
        mounted(&host, &file.remote, file.mode.as_deref())
    });
    let directories = accessory.directories.iter().map(|directory| {
        let host = directory_on_host(&base, directory, home);
        mounted(&host, &directory.container, directory.mode.as_deref())
    });
    volumes.chain(files).chain(directories).collect()
}

/// Returns the directory of the host that has an accessory's files and directories: below the SSH user's home, as the original's.
pub fn accessory_directory(config: &Config, accessory: &Accessory, home: &str) -> String {
    format!("{home}/{}", names::accessory(config, accessory))
}

/// Returns where a file of an accessory lies on the host: at its path in the container, below the accessory's directory.
pub fn file_on_host(base: &str, file: &AccessoryFile) -> String {
    format!("{base}/{}", file.remote.trim_start_matches('/'))
}

/// Returns where a directory of an accessory lies on the host.
pub fn directory_on_host(base: &str, directory: &AccessoryDirectory, home: &str) -> String {
    let path = at_home(&directory.host, home);
    match path.starts_with('/') {
        true => path,
        false => format!("{base}/{path}"),
    }
}

fn mounted(host: &str, container: &str, mode: Option<&str>) -> String {
    match mode {
        Some(mode) => format!("{host}:{container}:{mode}"),
        None => format!("{host}:{container}"),
    }
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
    let port = format!("{}:80", traefik.host_port);
    let publish = traefik.publish.then_some(port);
    let volumes = [
        "/var/run/docker.sock:/var/run/docker.sock".to_owned(),
        format!("{directory}:{mount}:ro"),
    ];
    let groups = vec![
        ("port", each("--publish", publish)),
        ("env", env_of(&traefik.env.clear, &traefik.env.secret)),
        ("volumes", each("--volume", volumes)),
        ("logging", logging(&config.logging)),
        ("labels", pairs("--label", &traefik.labels)),
        ("options", options(&traefik.options, home)),
        ("image", vec![traefik.image.clone()]),
        ("arguments", args.to_vec()),
    ];
    finish(TRAEFIK, groups, traefik.env.secret.clone(), None)
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

/// Returns the command that connects `container` to a network that somebody else made.
pub fn connect_to(network: &str, container: &str) -> Run {
    Run::literal(["docker", "network", "connect", network, container])
}

/// Returns the command that starts `container`.
pub fn start(container: &str) -> Run {
    Run::literal(["docker", "start", container])
}

/// Returns the command that stops `container`: SIGTERM, and SIGKILL after `seconds`.
pub fn stop(container: &str, seconds: u32) -> Run {
    Run::literal(["docker", "stop", "--time", &seconds.to_string(), container])
}

/// Returns the command that sends `signal` to `container`.
pub fn signal(container: &str, signal: &str) -> Run {
    Run::literal(["docker", "kill", "--signal", signal, container])
}

/// Returns the command that stops `container` as [`stop`] does, if it runs, and starts it.
pub fn restart(container: &str, seconds: u32) -> Run {
    let seconds = seconds.to_string();
    Run::literal(["docker", "restart", "--time", &seconds, container])
}

/// What the engine does about a container that has ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartPolicy {
    /// Nothing.
    No,
    /// It starts it again, as every container of an app.
    UnlessStopped,
}

/// Returns the command that sets what the engine does when `container` ends by itself.
pub fn set_restart_policy(container: &str, policy: RestartPolicy) -> Run {
    let policy = match policy {
        RestartPolicy::No => "no",
        RestartPolicy::UnlessStopped => "unless-stopped",
    };
    Run::literal(["docker", "update", "--restart", policy, container])
}

/// Returns the command that removes `container`, running or not.
pub fn remove(container: &str) -> Run {
    Run::literal(["docker", "rm", "--force", container])
}

/// Returns the command that removes containers that do not run.
pub fn remove_stopped(containers: &[String]) -> Run {
    let names = containers.iter().map(String::as_str);
    Run::literal(["docker", "rm"].into_iter().chain(names))
}

/// Returns the command that removes the containers that do not run and match all `filters`.
pub fn prune(filters: &[String]) -> Run {
    let filters = filters.iter().flat_map(|filter| ["--filter", filter]);
    let prune = ["docker", "container", "prune", "--force"];
    Run::literal(prune.into_iter().chain(filters))
}

/// Returns the command that gives `container` another name.
pub fn rename(container: &str, name: &str) -> Run {
    Run::literal(["docker", "rename", container, name])
}

/// Returns the command that shows the last lines of the log of `container`.
pub fn logs(container: &str) -> Run {
    last_logs(container, LOG_LINES)
}

/// Returns the command that shows the last `lines` of the log of `container`.
pub fn last_logs(container: &str, lines: u32) -> Run {
    Run::literal(["docker", "logs", "--tail", &lines.to_string(), container])
}

/// Joins groups of arguments, the image and what follows it last, to the command and its digests. The image must be there
/// already: docker would get it by its tag, and nobody would have looked whether that is the image that is meant.
///
/// `beside` is a label that is no setting: it does not change the digest.
fn finish(
    name: &str,
    groups: Vec<(&'static str, Vec<String>)>,
    env: Vec<SecretVariable>,
    beside: Option<String>,
) -> Create {
    let digest_of = |arguments: &[String]| Sha256Hex::of(arguments.join("\0").as_bytes());
    let settings: BTreeMap<&'static str, String> = groups
        .iter()
        .filter(|(_, arguments)| !arguments.is_empty())
        .map(|(group, arguments)| (*group, digest_of(arguments).as_str()[..8].to_owned()))
        .collect();
    let mut argv = command("docker create --name", [name]);
    argv.extend(command("--pull never --restart unless-stopped", []));
    let own = argv.len();
    let mut tail = 0;
    for (group, arguments) in groups {
        tail = if group == "image" { argv.len() } else { tail };
        argv.extend(arguments);
    }
    let digest = digest_of(&argv);
    let described = settings
        .iter()
        .map(|(group, digest)| format!("{group}={digest}"));
    let labels = [
        format!("{LABEL_SETTINGS}={}", Vec::from_iter(described).join(" ")),
        format!("{LABEL_CREATE}={digest}"),
    ];
    let labels = labels.into_iter().chain(beside);
    argv.splice(tail.max(own)..tail.max(own), each("--label", labels));
    let mut run = Run::literal(argv);
    (run.env_file, run.env) = env
        .into_iter()
        .partition(|variable| is_read_at_start(&variable.name));
    Create {
        run,
        digest,
        settings,
    }
}

/// Returns the labels of a role's container: the user's, and those by which it is known.
pub fn labels(
    config: &Config,
    (role, index): (&Role, u32),
    version: &str,
) -> BTreeMap<String, String> {
    let mut labels = role.labels.clone();
    let mut set = |name: &str, value: &str| labels.insert(name.to_owned(), value.to_owned());
    set("service", &config.service);
    set("role", role.name.as_str());
    if let Some(destination) = &config.destination {
        set("destination", destination);
    }
    set(LABEL_SERVICE, &config.service);
    set(LABEL_VERSION, version);
    if let Some(assets) = &role.assets {
        set(LABEL_ASSET_PATH, &assets.path);
    }
    match index {
        0 => labels.remove(LABEL_REPLICA),
        index => labels.insert(LABEL_REPLICA.into(), index.to_string()),
    };
    if role.traefik {
        labels.remove(LABEL_HEALTHCHECK);
    }
    labels
}

/// Returns the options for the health of a container: the label that tells how it is asked for, where Traefik sends requests to it.
///
/// A command is docker's own health check. While the container may still become healthy, docker counts no failure, so that it is not
/// given up before its time.
pub fn healthcheck(config: &Config, role: &Role) -> Vec<String> {
    let check = config.healthcheck_of(role);
    let label = format!("{LABEL_HEALTHCHECK}={} {}", check.port, check.path);
    let mut argv = each("--label", role.traefik.then_some(label));
    let is_own = role.traefik || role.healthcheck.is_some();
    if let Some(cmd) = check.cmd.as_ref().filter(|_| is_own) {
        let interval = duration(check.docker_interval_ms());
        let start = format!("{}s", config.patience(check).seconds());
        argv.extend(each("--health-cmd", [cmd.clone()]));
        argv.extend(each("--health-interval", [interval]));
        argv.extend(each("--health-start-period", [start]));
    }
    argv
}

/// Returns a time as docker reads it.
fn duration(milliseconds: u32) -> String {
    match milliseconds % 1000 {
        0 => format!("{}s", milliseconds / 1000),
        _ => format!("{milliseconds}ms"),
    }
}

/// Returns the options of an environment, with the container's own name in it.
pub(super) fn env(env: &Env, name: &str) -> Vec<String> {
    let mut clear = env.clear.clone();
    clear.insert(CONTAINER_NAME.into(), name.to_owned());
    env_of(&clear, &env.secret)
}

/// Returns the options of an environment.
fn env_of(clear: &BTreeMap<String, String>, secret: &[SecretVariable]) -> Vec<String> {
    let mut argv = pairs("--env", clear);
    let (file, exported): (Vec<String>, _) = secret
        .iter()
        .map(|variable| variable.name.clone())
        .partition(|name| is_read_at_start(name));
    argv.extend(each("--env", exported));
    if !file.is_empty() {
        argv.extend(command("--env-file /dev/stdin", []));
    }
    argv
}

/// Returns the options of a container's log.
pub(super) fn logging(logging: &Logging) -> Vec<String> {
    let mut argv = each("--log-driver", logging.driver.clone());
    argv.extend(pairs("--log-opt", &logging.options));
    argv
}

/// Returns the options as arguments.
pub(super) fn options(options: &[DockerOption], home: &str) -> Vec<String> {
    options
        .iter()
        .map(|DockerOption { name, value }| match value {
            None => format!("--{name}"),
            Some(value) if name == "volume" => format!("--{name}={}", on_host(value, home)),
            Some(value) => format!("--{name}={value}"),
        })
        .collect()
}

/// Returns `volume` with the path of its host part made absolute: one that begins with `.` lies below the SSH user's home, where its
/// shell starts. Docker's own command line reads it so from version 23 on, and takes it for a name before.
pub fn on_host(volume: &str, home: &str) -> String {
    match volume.strip_prefix('.') {
        Some(rest) if rest.starts_with(['/', ':']) => format!("{home}{rest}"),
        Some(rest) if rest.starts_with("./") || rest.starts_with(".:") => {
            format!("{home}/{volume}")
        }
        _ => at_home(volume, home),
    }
}

/// Returns `volume` with a leading `~`, `$HOME` or `$PWD` of its host part resolved to the SSH user's home, which users of the
/// original rely on.
fn at_home(volume: &str, home: &str) -> String {
    let homes = ["~", "$HOME", "$PWD", "${HOME}", "${PWD}"].into_iter();
    let mut rests = homes.filter_map(|prefix| volume.strip_prefix(prefix));
    match rests.find(|rest| rest.starts_with(['/', ':'])) {
        Some(rest) => format!("{home}{rest}"),
        None => volume.to_owned(),
    }
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
            ("./data:/data:ro", "/root/data:/data:ro"),
            (".:/data", "/root:/data"),
            ("../srv:/data", "/root/../srv:/data"),
            (".hidden:/data", ".hidden:/data"),
            ("/anonymous", "/anonymous"),
        ];
        for (written, resolved) in cases {
            assert_eq!(on_host(written, "/root"), resolved);
        }
    }
}
