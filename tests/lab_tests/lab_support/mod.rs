//! Runs of mrsk in the background, other runners, and what hosts show of a deploy: what tests of resuming and of stale plans share.

#![allow(
    dead_code,
    clippy::disallowed_methods,
    reason = "each test uses a part of it; tests start processes themselves"
)]

pub mod planned;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::lab_project::{Machine, Project, Said, lab, run};

/// Longer than any run of these tests takes on a busy machine.
const RUN_LIMIT: Duration = Duration::from_secs(240);

/// A plan that was made, and where it was written.
pub struct PlanFile {
    /// Beside the repository.
    pub path: PathBuf,
    /// The document.
    pub plan: Value,
}

impl PlanFile {
    /// Plans a deploy.
    #[track_caller]
    pub fn make(project: &Project, name: &str) -> Self {
        Self::of(project, name, &["plan"])
    }

    /// Makes the plan that this command prints.
    #[track_caller]
    pub fn of(project: &Project, name: &str, command: &[&str]) -> Self {
        let said = project.mrsk(command).expect(0);
        let path = project.beside(name);
        std::fs::write(&path, &said.out).unwrap();
        Self {
            path,
            plan: serde_json::from_str(&said.out).unwrap(),
        }
    }

    /// Reads the plan that a command has written.
    #[track_caller]
    pub fn read(path: PathBuf) -> Self {
        let text = std::fs::read_to_string(&path).unwrap();
        Self {
            path,
            plan: serde_json::from_str(&text).unwrap(),
        }
    }

    /// Returns its path as text.
    pub fn arg(&self) -> &str {
        self.path.to_str().unwrap()
    }

    /// Returns its digest.
    pub fn digest(&self) -> &str {
        self.plan["digest"].as_str().unwrap()
    }

    /// Returns its version.
    pub fn version(&self) -> &str {
        self.plan["version"].as_str().unwrap()
    }

    /// Returns the id of the only step of this kind on this host; the host is empty for the runner's machine.
    #[track_caller]
    pub fn step(&self, host: &str, kind: &str) -> String {
        let steps = self.plan["steps"].as_array().unwrap();
        let ids: Vec<&str> = steps
            .iter()
            .filter(|step| {
                step["kind"] == kind && step["host"].as_str().unwrap_or_default() == host
            })
            .map(|step| step["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids.len(), 1, "{kind} on {host}: {ids:?}");
        ids[0].to_owned()
    }
}

/// Another clone of a project, on what could be another machine: without `.env`, journal, login and home of the first.
pub struct Elsewhere {
    /// The clone.
    pub directory: PathBuf,
    home: tempfile::TempDir,
    secrets: BTreeMap<String, String>,
}

impl Elsewhere {
    /// Clones the repository; `secrets` are what mrsk gets in its environment, beside the registry's password.
    pub fn of(project: &Project, secrets: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("clone");
        let said = run(Command::new("git")
            .args(["clone", "-q"])
            .arg(&project.directory)
            .arg(&directory));
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(!directory.join(".env").exists() && !directory.join(".mrsk").exists());
        let mut all = BTreeMap::from([(
            "LAB_REGISTRY_PASSWORD".to_owned(),
            lab("LAB_REGISTRY_PASSWORD"),
        )]);
        all.extend(
            secrets
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        Self {
            directory,
            home,
            secrets: all,
        }
    }

    /// Begins to apply a copy of the plan.
    pub fn begin(&self, plan: &PlanFile, more: &[&str]) -> Runner {
        let copy = self.home.path().join("plan.json");
        std::fs::copy(&plan.path, &copy).unwrap();
        let mut command = self.command(&["apply", copy.to_str().unwrap()]);
        command.args(more);
        Runner::begin(&mut command, &self.directory, self.home.path(), plan)
    }

    /// Runs mrsk in the clone.
    pub fn mrsk(&self, arguments: &[&str]) -> Said {
        run(&mut self.command(arguments))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = mrsk();
        command
            .args(arguments)
            .arg("--ssh-config")
            .arg(lab("LAB_SSH_CONFIG"))
            .current_dir(&self.directory)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .envs(&self.secrets);
        command
    }

    /// Applies a copy of the plan to its end.
    pub fn apply(&self, plan: &PlanFile, more: &[&str]) -> Said {
        self.begin(plan, more).wait()
    }
}

/// Returns mrsk without signals that it would ignore, as those of a test in the background may be.
pub fn mrsk() -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal=INT,TERM,HUP", env!("CARGO_BIN_EXE_mrsk")]);
    command
}

/// A run of mrsk that is under way. Dropped, it is killed.
pub struct Runner {
    child: Child,
    out: PathBuf,
    err: PathBuf,
    journal: PathBuf,
}

impl Runner {
    /// Begins `mrsk apply` in the project.
    pub fn apply(project: &Project, plan: &PlanFile, more: &[&str]) -> Self {
        let mut command = mrsk();
        command.arg("apply").arg(&plan.path).args(more);
        let config = lab("LAB_SSH_CONFIG");
        project.in_its_environment(&mut command, Path::new(&config));
        Self::begin(&mut command, &project.directory, &project.beside(""), plan)
    }

    fn begin(command: &mut Command, directory: &Path, logs: &Path, plan: &PlanFile) -> Self {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (out, err) = (
            logs.join(format!("out.{number}")),
            logs.join(format!("err.{number}")),
        );
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn()
            .unwrap();
        let digits = plan.digest().trim_start_matches("sha256:");
        Self {
            child,
            out,
            err,
            journal: directory
                .join(".mrsk/runs")
                .join(digits)
                .join("journal.jsonl"),
        }
    }

    /// Returns where its journal is.
    pub fn journal(&self) -> &Path {
        &self.journal
    }

    /// Returns the journal's events of this plan, as far as they stand there now.
    pub fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.journal).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .map(|line| line["event"].clone())
            .collect()
    }

    /// Waits for the journal to say `entry` (`started`, `ended`) of a step. Fails where the run ends before.
    #[track_caller]
    pub fn until(&mut self, entry: &str, step: &str) -> &mut Self {
        let limit = Instant::now() + RUN_LIMIT;
        let said = |event: &Value| event["entry"] == entry && event["step"] == step;
        while !self.events().iter().any(said) {
            assert!(Instant::now() < limit, "never {entry}: {step}");
            if let Some(status) = self.child.try_wait().unwrap() {
                if self.events().iter().any(said) {
                    break;
                }
                panic!("{status} before {entry} {step}\n{}", self.text());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self
    }

    /// Returns what it has printed to standard error.
    pub fn text(&self) -> String {
        std::fs::read_to_string(&self.err).unwrap_or_default()
    }

    /// Sends a signal by its name.
    pub fn signal(&mut self, name: &str) {
        let said =
            run(Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]));
        assert_eq!(said.code, 0, "{}", said.err);
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(mut self) -> Said {
        let limit = Instant::now() + RUN_LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < limit, "it hangs:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        };
        Said {
            code: status.code().unwrap_or(-1),
            out: std::fs::read_to_string(&self.out).unwrap(),
            err: self.text(),
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Lets the lock of a killed run look as if its last beat were 70 s ago, so that a test need not wait for it.
pub fn age_lock(machine: &Machine) {
    machine.sh(
        "cd; for beat in mrsk_lock/*/beat; do [ ! -s $beat ] || { read -r boot at < $beat; echo \"$boot $((at - 70))\" > $beat; }; done",
    );
}

/// What a deploy leaves on a host, without what differs from one run to the next.
#[derive(Debug, PartialEq, Eq)]
pub struct EndState {
    /// Name, image, state and aliases of each container.
    containers: Vec<String>,
    routing_files: String,
    serial: String,
}

impl EndState {
    /// Looks at a host.
    pub fn of(machine: &Machine, service: &str) -> Self {
        let listed = machine.sh(
            "for name in $(docker ps -a --format '{{.Names}}' | sort); do docker inspect --format \
             '{{.Name}} {{.Config.Image}} {{.State.Status}} {{range $name, $net := .NetworkSettings.Networks}}{{$name}}={{range $net.Aliases}}{{if ne (len .) 12}}{{.}} {{end}}{{end}} {{end}}' \
             $name; done",
        );
        let serial = machine.serial(service);
        Self {
            containers: listed.lines().map(str::to_owned).collect(),
            routing_files: machine.routing_files(),
            serial: serial
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned(),
        }
    }
}

/// What docker did to containers of a service on a host, in its order: `create NAME`, `start NAME`, `die NAME`, …
pub fn deeds(machine: &Machine, service: &str, since: &str) -> Vec<String> {
    let kinds = [
        "create", "start", "die", "stop", "kill", "restart", "rename", "destroy",
    ];
    let filters: String = kinds
        .iter()
        .map(|kind| format!(" --filter event={kind}"))
        .collect();
    machine
        .sh(&format!(
            "docker events --since {since} --until $(date +%s.%N) --filter type=container{filters} \
             --format '{{{{.Action}}}} {{{{.Actor.Attributes.name}}}}'"
        ))
        .lines()
        .filter(|line| line.contains(service))
        .map(str::to_owned)
        .collect()
}

/// Writes an ssh configuration that is the lab's, and knows the hosts on this port, too.
pub fn ssh_config_for_port(project: &Project, port: u16) -> PathBuf {
    let known = std::fs::read_to_string(lab("LAB_KNOWN_HOSTS")).unwrap();
    let on_port = |line: &str| {
        let (name, key) = line.split_once(' ').unwrap();
        format!("{line}\n[{name}]:{port} {key}\n")
    };
    let known_hosts = project.beside("known_hosts");
    std::fs::write(&known_hosts, known.lines().map(on_port).collect::<String>()).unwrap();
    let path = project.beside("port_config");
    let text = format!(
        "Host *\n  UserKnownHostsFile \"{}\"\n  Include \"{}\"\n",
        known_hosts.display(),
        lab("LAB_SSH_CONFIG")
    );
    std::fs::write(&path, text).unwrap();
    path
}
