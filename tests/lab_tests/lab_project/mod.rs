//! A project of its own that a test deploys to hosts of the lab, and questions to those hosts.

#![allow(
    dead_code,
    unused_imports,
    clippy::disallowed_methods,
    reason = "each test uses a part of it; tests start processes themselves"
)]

mod ask;
#[path = "../../lab_settings/mod.rs"]
mod lab_settings;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub use ask::{Ask, Users};
pub use lab_settings::lab;

/// Returns whether `bin/matrix` runs the tests: all cases, where `bin/test` runs a sample.
pub fn is_matrix() -> bool {
    std::env::var_os("MRSK_MATRIX").is_some()
}

/// Returns all of `points` for `bin/matrix`, and otherwise `count` of them, spread evenly from one that the commit chooses.
pub fn sample<T: Copy>(points: &[T], count: usize) -> Vec<T> {
    if is_matrix() {
        return points.to_vec();
    }
    let commit = run(Command::new("git").args(["rev-parse", "HEAD"]));
    let seed = usize::from_str_radix(commit.out.get(..8).unwrap_or("0"), 16).unwrap_or(0);
    let at = |number: usize| (seed + number * points.len() / count) % points.len();
    let chosen: Vec<usize> = (0..count).map(at).collect();
    let all = points.len();
    eprintln!(
        "commit {}: cases {chosen:?} of {all}, from 0",
        commit.out.trim()
    );
    chosen.into_iter().map(|at| points[at]).collect()
}

/// Longer than any command of these tests takes on a busy machine.
const COMMAND_LIMIT: &str = "240";

/// What a command said.
#[derive(Debug)]
pub struct Said {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Said {
    /// Fails unless the command ended with `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    /// Fails unless each of `texts` stands in its standard error.
    #[track_caller]
    pub fn says(&self, texts: &[&str]) {
        for text in texts {
            assert!(self.err.contains(text), "{text:?} not in:\n{}", self.err);
        }
    }
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Said {
    let output = command.stdin(Stdio::null()).output().unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A host of the lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its address.
    pub ip: String,
    container: String,
}

impl Machine {
    /// Returns the host with this address: 172.30.0.11 or one of the next nine, or a bare one, from 172.30.0.51.
    pub fn at(ip: &str) -> Self {
        let last: u32 = ip.rsplit('.').next().unwrap().parse().unwrap();
        let container = match last {
            51.. => format!("mrsk-lab-bare-{}", last - 50),
            _ => format!("mrsk-lab-host-{}", last - 10),
        };
        Self {
            ip: ip.to_owned(),
            container,
        }
    }

    /// Returns the name of the container that it is.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// Returns what a shell command prints inside the host.
    #[track_caller]
    pub fn sh(&self, script: &str) -> String {
        let said = self.try_sh(script);
        assert_eq!(said.code, 0, "{script}: {}{}", said.out, said.err);
        said.out
    }

    /// Runs a shell command inside the host.
    pub fn try_sh(&self, script: &str) -> Said {
        run(Command::new("docker").args(["exec", &self.container, "sh", "-c", script]))
    }

    /// Removes all containers and all traces of mrsk.
    #[track_caller]
    pub fn wipe(&self) {
        self.power("wipe");
    }

    /// Does with the host what `tests/lab/host` does: `kill`, `start`, `reset`, …
    #[track_caller]
    pub fn power(&self, verb: &str) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/host");
        let said = run(Command::new(script).args([&self.ip, verb]));
        assert_eq!(said.code, 0, "{}", said.err);
    }

    /// Returns the names of all containers, sorted.
    pub fn containers(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .sh("docker ps -a --format '{{.Names}}'")
            .lines()
            .map(str::to_owned)
            .collect();
        names.sort();
        names
    }

    /// Returns the ids of the containers that run, but Traefik's, sorted.
    pub fn container_ids(&self) -> Vec<String> {
        let said = self.sh("docker ps --no-trunc --format '{{.ID}} {{.Names}}'");
        let ids = said.lines().filter(|line| !line.ends_with(" traefik"));
        let mut ids: Vec<String> = ids.map(str::to_owned).collect();
        ids.sort();
        ids
    }

    /// Returns the name and the bytes (in base64) of each routing file.
    pub fn routing_files(&self) -> String {
        self.sh("cd /var/lib/mrsk/traefik 2>/dev/null || exit 0; for f in *; do [ ! -f \"$f\" ] || { echo \"$f\"; base64 \"$f\"; }; done")
    }

    /// Returns the serial file of a service; empty where there is none.
    pub fn serial(&self, service: &str) -> String {
        self.sh(&format!(
            "cat '/var/lib/mrsk/{service}@/serial' 2>/dev/null || :"
        ))
    }

    /// Returns the time by which docker's events are asked for.
    pub fn now(&self) -> String {
        self.sh("date +%s.%N").trim().to_owned()
    }

    /// Returns the names of the containers that had `event` since then.
    pub fn events(&self, event: &str, since: &str) -> Vec<String> {
        self.sh(&format!(
            "docker events --since {since} --until $(date +%s.%N) --filter type=container --filter event={event} \
             --format '{{{{.Actor.Attributes.name}}}}'"
        ))
        .lines()
        .map(str::to_owned)
        .collect()
    }

    /// Whether the deploy lock is there.
    pub fn is_locked(&self) -> bool {
        self.sh("ls -d /root/mrsk_lock /home/*/mrsk_lock 2>/dev/null || :")
            .contains("mrsk_lock")
    }

    /// Returns the status and the body of a GET through Traefik.
    pub fn get(&self, path: &str) -> std::io::Result<(u16, Vec<u8>)> {
        self.get_as(&self.ip, path)
    }

    /// As [`Self::get`], for another name in the header `Host`.
    pub fn get_as(&self, name: &str, path: &str) -> std::io::Result<(u16, Vec<u8>)> {
        Ask::of(self).host(name).path(path).get()
    }

    /// Returns the version that the app says it is.
    #[track_caller]
    pub fn version(&self) -> String {
        Ask::of(self).version()
    }
}

/// A project in a directory of its own, and the hosts it goes to, which no other test uses meanwhile.
pub struct Project {
    /// The service.
    pub service: &'static str,
    /// The git repository.
    pub directory: PathBuf,
    /// Its hosts.
    pub machines: Vec<Machine>,
    /// Variables of the environment that mrsk gets.
    pub variables: BTreeMap<String, String>,
    /// What stands before its argument vector, as strace does.
    pub wrapper: Vec<String>,
    home: tempfile::TempDir,
    _locks: Vec<File>,
}

impl Project {
    /// Makes the project of the lab's app, with clean hosts.
    pub fn new(service: &'static str, addresses: &[&str]) -> Self {
        let locks = addresses.iter().map(|ip| lock(ip)).collect();
        let machines = clean(addresses);
        Self::make(service, machines, locks, false)
    }

    /// Makes the project of the lab's app in an image that has nothing else, with clean hosts.
    pub fn from_scratch(service: &'static str, addresses: &[&str]) -> Self {
        let locks = addresses.iter().map(|ip| lock(ip)).collect();
        Self::make(service, clean(addresses), locks, true)
    }

    /// Makes another project of the lab's app, on the hosts of this one as they are. It must not outlive this one.
    pub fn another(&self, service: &'static str) -> Self {
        Self::make(service, self.machines.clone(), Vec::new(), false)
    }

    fn make(
        service: &'static str,
        machines: Vec<Machine>,
        locks: Vec<File>,
        scratch: bool,
    ) -> Self {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("app");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/new-app");
        let scratch = scratch.then_some("--scratch");
        let made = run(Command::new(script).arg(&directory).args(scratch));
        assert_eq!(made.code, 0, "{}", made.err);
        let project = Self {
            service,
            directory,
            machines,
            variables: BTreeMap::new(),
            wrapper: Vec::new(),
            home,
            _locks: locks,
        };
        project.secret_file(&[]);
        project.configure("");
        project
    }

    /// Returns a path outside of the repository.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes `config/deploy.yml`: what every deploy to the lab needs, then `more`.
    pub fn configure(&self, more: &str) {
        let hosts: Vec<String> = self
            .machines
            .iter()
            .map(|m| format!("  - {}\n", m.ip))
            .collect();
        self.configure_servers(&hosts.concat(), more);
    }

    /// Writes `config/deploy.yml` with this text below `servers:`.
    pub fn configure_servers(&self, servers: &str, more: &str) {
        self.configure_traefik(servers, "", more);
    }

    /// Writes `config/deploy.yml` with these texts below `servers:` and `traefik:`, both indented.
    pub fn configure_traefik(&self, servers: &str, traefik: &str, more: &str) {
        self.write(
            "config/deploy.yml",
            &format!(
                "service: {0}\nimage: {0}\nservers:\n{servers}registry:\n  server: {1}\n  username: {2}\n  \
                 password: [LAB_REGISTRY_PASSWORD]\ntraefik:\n  image: {3}\n{traefik}builder:\n  multiarch: false\n{more}",
                self.service,
                lab("LAB_REGISTRY"),
                lab("LAB_REGISTRY_USER"),
                lab("LAB_TRAEFIK_IMAGE"),
            ),
        );
    }

    /// Writes `.env`: the registry's password and `more`, whose values are quoted for it.
    pub fn secret_file(&self, more: &[(&str, &str)]) {
        let mut text = format!("LAB_REGISTRY_PASSWORD={}\n", lab("LAB_REGISTRY_PASSWORD"));
        for (name, value) in more {
            let value = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('$', "\\$")
                .replace('\n', "\\n");
            text += &format!("{name}=\"{value}\"\n");
        }
        self.write(".env", &text);
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(self.directory.join(".env"), private).unwrap();
    }

    /// Writes a file of the repository.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Commits everything, with this behaviour of the app; returns the commit.
    pub fn commit(&self, behaviour: &str) -> String {
        self.write("behaviour", behaviour);
        for arguments in [
            &["add", "-A"][..],
            &["commit", "-q", "--allow-empty", "-m", "Change the app"],
        ] {
            let said = run(Command::new("git")
                .current_dir(&self.directory)
                .args(arguments));
            assert_eq!(said.code, 0, "{}", said.err);
        }
        self.revision("HEAD")
    }

    /// Returns the id of a commit.
    pub fn revision(&self, named: &str) -> String {
        let said = run(Command::new("git")
            .current_dir(&self.directory)
            .args(["rev-parse", named]));
        assert_eq!(said.code, 0, "{}", said.err);
        said.out.trim().to_owned()
    }

    /// Checks a commit out.
    pub fn check_out(&self, revision: &str) {
        let said = run(Command::new("git")
            .current_dir(&self.directory)
            .args(["checkout", "-q", revision]));
        assert_eq!(said.code, 0, "{}", said.err);
    }

    /// Fails unless `mrsk status` has all of these `texts`.
    #[track_caller]
    pub fn shows(&self, texts: &[&str]) {
        let status = self.mrsk(&["status"]).expect(0).out;
        for text in texts {
            assert!(status.contains(text), "{text:?} not in:\n{status}");
        }
    }

    /// Runs mrsk with the lab's ssh configuration.
    pub fn mrsk(&self, arguments: &[&str]) -> Said {
        let config = lab("LAB_SSH_CONFIG");
        self.mrsk_over(Path::new(&config), arguments)
    }

    /// Runs mrsk with this ssh configuration.
    pub fn mrsk_over(&self, ssh_config: &Path, arguments: &[&str]) -> Said {
        let mut command = Command::new("timeout");
        command
            .args(["-k", "5", COMMAND_LIMIT])
            .args(&self.wrapper)
            .arg(env!("CARGO_BIN_EXE_mrsk"));
        run(self.in_its_environment(command.args(arguments), ssh_config))
    }

    /// Returns `command`, which runs mrsk, with the ssh configuration, directory and environment of the project.
    pub fn in_its_environment<'a>(
        &self,
        command: &'a mut Command,
        ssh_config: &Path,
    ) -> &'a mut Command {
        command
            .current_dir(&self.directory)
            .env_clear()
            .env("MRSK_SSH_CONFIG", ssh_config)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("DOCKER_CONFIG", self.beside("docker"))
            .envs(&self.variables)
    }

    /// Returns the container of a version on its hosts.
    pub fn container(&self, version: &str) -> String {
        format!("{}-web-{version}", self.service)
    }

    /// Runs the same work on all hosts at once and returns what each answers.
    pub fn each<T: Send>(&self, ask: impl Fn(&Machine) -> T + Sync) -> Vec<T> {
        std::thread::scope(|scope| {
            let ask = &ask;
            let asking: Vec<_> = self
                .machines
                .iter()
                .map(|machine| scope.spawn(move || ask(machine)))
                .collect();
            asking
                .into_iter()
                .map(|answer| answer.join().unwrap())
                .collect()
        })
    }
}

/// Returns the hosts with these addresses, once nothing is left on them.
fn clean(addresses: &[&str]) -> Vec<Machine> {
    let machines: Vec<Machine> = addresses.iter().map(|ip| Machine::at(ip)).collect();
    std::thread::scope(|scope| {
        for machine in &machines {
            scope.spawn(|| machine.wipe());
        }
    });
    machines
}

/// Waits until no other test uses the host, in whatever checkout, and keeps it.
fn lock(ip: &str) -> File {
    let file = File::create(std::env::temp_dir().join(format!("mrsk-lab-{ip}.lock"))).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
    file
}

/// Waits until `is_so`, at most this long.
#[track_caller]
pub fn eventually(seconds: u64, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(seconds);
    while !is_so() {
        assert!(Instant::now() < end, "not within {seconds} s");
        std::thread::sleep(Duration::from_millis(100));
    }
}
