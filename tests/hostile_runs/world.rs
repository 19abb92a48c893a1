//! A repository and two hosts, which are directories of this machine, reached by a stand-in for ssh.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mrsk::name::StepId;
use serde_json::Value;

/// The host with the deploy lock.
pub const LOCK_HOST: &str = "192.0.2.1";

/// The host without it.
pub const OTHER_HOST: &str = "192.0.2.2";

/// Everything, gone when dropped.
pub struct World {
    root: tempfile::TempDir,
}

/// What a run ended with.
pub struct Outcome {
    pub code: i32,
    /// The status of each host's step; empty if none was printed.
    pub status: [String; 2],
    pub text: String,
    pub took: Duration,
}

const DEPLOY: &str = "service: shop
image: acme/shop
servers: [192.0.2.1]
registry: {server: registry.example.com}
accessories:
  db: {image: postgres:16, hosts: [192.0.2.1, 192.0.2.2]}
";

/// Returns the step that starts the accessory on `host`.
pub fn step(host: &str) -> String {
    format!("{host}/accessory/db/start")
}

impl World {
    /// Two honest hosts, and a plan that starts an accessory on each.
    pub fn new() -> Self {
        let root = tempfile::Builder::new().prefix("world").tempdir_in("/tmp");
        let world = Self {
            root: root.unwrap(),
        };
        for name in ["repository/config", "bin", "user", "tmp"] {
            fs::create_dir_all(world.path(name)).unwrap();
        }
        world.write("repository/config/deploy.yml", DEPLOY);
        world.program("bin/ssh", include_str!("../fake_ssh/ssh.py"));
        for (host, other) in [(LOCK_HOST, OTHER_HOST), (OTHER_HOST, LOCK_HOST)] {
            for name in ["bin", "home"] {
                fs::create_dir_all(world.on(host, name)).unwrap();
            }
            let program = |name: &str, text: &str| {
                world.program(&format!("hosts/{host}/bin/{name}"), text);
            };
            program("sh", include_str!("sh.sh"));
            program("docker", include_str!("docker.sh"));
            program(
                "id",
                "#!/bin/sh\n[ \"$1\" = -u ] && echo 1000 || echo 'uid=1000(app) gid=1000(app) groups=1000(app)'\n",
            );
            program("sudo", "#!/bin/sh\nexit 1\n");
            program("uname", &format!("#!/bin/sh\necho {host} x86_64\n"));
            fs::write(world.on(host, "other"), StepId::from(step(other)).hash()).unwrap();
        }
        let output = world.mrsk(&["plan", "accessory", "boot", "db"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        fs::write(world.path("plan.json"), output.stdout).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn on(&self, host: &str, name: &str) -> PathBuf {
        self.path("hosts").join(host).join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn program(&self, name: &str, text: &str) {
        self.write(name, text);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn mrsk(&self, args: &[&str]) -> std::process::Output {
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mrsk"));
        command
            .args(args)
            .current_dir(self.path("repository"))
            .env_clear()
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("HOME", self.path("user"))
            .env("TMPDIR", self.path("tmp"))
            .env("HOST_ROOT", self.path("hosts"))
            .stdin(Stdio::null());
        command.output().unwrap()
    }

    /// Makes `host` lie in its answers to `request`: `script` prints them.
    pub fn lie(&self, host: &str, request: &str, script: &str) {
        fs::write(self.on(host, &format!("lie.{request}")), script).unwrap();
    }

    /// Makes the engine of `host` take its time.
    pub fn slow(&self, host: &str) {
        fs::write(self.on(host, "slow"), "").unwrap();
    }

    /// Applies the plan.
    pub fn apply(&self) -> Outcome {
        let begun = Instant::now();
        let plan = self.path("plan.json").display().to_string();
        let output = self.mrsk(&[
            "apply",
            "--allow",
            "commands",
            "--allow",
            "host-keys",
            "--format",
            "json",
            &plan,
        ]);
        let took = begun.elapsed();
        let lines = String::from_utf8(output.stdout).unwrap();
        let events: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let status = |host: &str| {
            let ended = events.iter().find(|event| {
                event["event"] == "step_ended" && event["step"] == step(host).as_str()
            });
            ended.map_or(String::new(), |event| {
                event["status"].as_str().unwrap().to_owned()
            })
        };
        Outcome {
            code: output.status.code().unwrap_or(-1),
            status: [LOCK_HOST, OTHER_HOST].map(status),
            text: format!("{lines}{}", String::from_utf8_lossy(&output.stderr)),
            took,
        }
    }

    /// Returns whether the lies of `host` were asked for.
    pub fn has_lied(&self, host: &str) -> bool {
        self.on(host, "lied").exists()
    }

    /// Returns what changed the engine of `host`, one word for each command.
    pub fn changes(&self, host: &str) -> String {
        let text = fs::read_to_string(self.on(host, "changes")).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Returns whether `host` has a receipt that says that its step succeeded.
    pub fn has_receipt(&self, host: &str) -> bool {
        let step = StepId::from(step(host)).hash();
        let runs = self.on(host, "home/.mrsk/shop@/runs");
        let entries = fs::read_dir(runs).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.path().join(&step).join("1/receipt"))
            .any(is_success)
    }
}

fn is_success(receipt: impl AsRef<Path>) -> bool {
    fs::read_to_string(receipt).is_ok_and(|text| text.starts_with("succeeded "))
}
