//! A project and hosts, which are directories of this machine, reached by a stand-in for ssh. There is no docker client, no git repository
//! and no secret on this side.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::ended::Ended;

/// Two hosts with role web, the second has role jobs as well.
pub const ONE: &str = "192.0.2.1";
pub const TWO: &str = "192.0.2.2";

const DEPLOY: &str = "service: shop
image: acme/shop
servers:
  web: [192.0.2.1, 192.0.2.2]
  jobs:
    hosts: [192.0.2.2]
    cmd: bin/jobs
registry:
  server: registry.example.com
  username: robot
  password: [MRSK_REGISTRY_PASSWORD]
env:
  clear: {LOG_LEVEL: info}
  secret: [DATABASE_URL]
volumes: ['/srv/shop:/data']
accessories:
  db: {image: postgres:16, host: 192.0.2.1, env: {secret: [POSTGRES_PASSWORD]}}
";

/// Everything, gone when dropped.
pub struct World {
    root: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
        let root = tempfile::Builder::new()
            .prefix("reading")
            .tempdir_in("/tmp");
        let world = Self {
            root: root.unwrap(),
        };
        for name in ["project/config", "bin", "user", "tmp"] {
            fs::create_dir_all(world.path(name)).unwrap();
        }
        fs::write(world.path("project/config/deploy.yml"), DEPLOY).unwrap();
        program(&world.path("bin/ssh"), include_str!("../fake_ssh/ssh.py"));
        let python = Command::new("python3")
            .args(["-c", "import sys; print(sys.executable, end='')"])
            .output()
            .unwrap();
        let python = String::from_utf8(python.stdout).unwrap();
        std::os::unix::fs::symlink(python, world.path("bin/python3")).unwrap();
        for host in [ONE, TWO] {
            for name in ["bin", "home", "docker"] {
                fs::create_dir_all(world.on(host, name)).unwrap();
            }
            world.containers(host, &[], "");
            program(&world.on(host, "bin/docker"), include_str!("docker.sh"));
            program(
                &world.on(host, "bin/id"),
                "#!/bin/sh\n[ \"$1\" = -u ] && echo 1000 || echo 'uid=1000(app) gid=1000(app) groups=1000(app)'\n",
            );
            program(&world.on(host, "bin/sudo"), "#!/bin/sh\nexit 1\n");
            // The socket of this machine's engine is not the host's.
            program(&world.on(host, "bin/curl"), "#!/bin/sh\nexit 1\n");
        }
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn on(&self, host: &str, name: &str) -> PathBuf {
        self.path("hosts").join(host).join(name)
    }

    /// Has docker of `host` answer `word` with a text.
    pub fn answer(&self, host: &str, word: &str, text: &str) {
        fs::write(self.on(host, "docker").join(word), text).unwrap();
    }

    /// Has docker of `host` answer `word` with a script.
    pub fn run(&self, host: &str, word: &str, script: &str) {
        program(
            &self.on(host, "docker").join(word),
            &format!("#!/bin/sh\n{script}\n"),
        );
    }

    /// Returns the commands that docker of `host` was given and that begin with `word`.
    pub fn ran(&self, host: &str, word: &str) -> Vec<String> {
        let text = fs::read_to_string(self.on(host, "ran")).unwrap_or_default();
        let begins = |line: &&str| line.split(' ').next() == Some(word);
        text.lines().filter(begins).map(str::to_owned).collect()
    }

    /// Puts containers on `host`, each of a role, with a version and a state, the oldest first. Requests to role web are routed to that
    /// of version `routed`.
    pub fn containers(&self, host: &str, containers: &[(&str, &str, &str)], routed: &str) {
        let (mut listed, mut inspected) = (String::new(), String::new());
        for (at, (role, version, state)) in containers.iter().enumerate() {
            let (id, alias) = (format!("{at:064}"), format!("m-{at:016}"));
            let name = format!("shop-{role}-{version}");
            listed += &format!("{id} yes \"{name}\" \"\"\n");
            let container = serde_json::json!({
                "id": id, "name": format!("/{name}"), "state": state, "health": "",
                "image": format!("registry.example.com/acme/shop:{version}"),
                "image_id": format!("sha256:{at:064}"),
                "labels": {"service": "shop", "role": role, "mrsk.version": version},
                "networks": {"mrsk": {"Aliases": [alias]}},
                "created": format!("2026-01-0{}T00:00:00Z", at + 1),
            });
            inspected += &format!("container {container}\n");
            if (*role, *version) == ("web", routed) {
                let directory = self.on(host, "home/.mrsk/traefik");
                fs::create_dir_all(&directory).unwrap();
                let file = mrsk::traefik::file_name("shop", None, "web");
                fs::write(directory.join(file), format!("url: {alias}\n")).unwrap();
            }
        }
        self.answer(host, "listed", &listed);
        self.answer(host, "inspected", &inspected);
    }

    /// Puts a program on this side.
    pub fn program(&self, name: &str, text: &str) {
        program(&self.path(name), text);
    }

    /// Takes a host off the network.
    pub fn kill(&self, host: &str) {
        fs::write(self.on(host, "dead"), "").unwrap();
    }

    pub fn command(&self, args: &[&str]) -> Command {
        // The signals of a test that runs in the background may be ignored.
        let mut command = Command::new("/usr/bin/env");
        command
            .arg("--default-signal=INT,TERM,HUP")
            .arg(env!("CARGO_BIN_EXE_mrsk"))
            .args(args)
            .current_dir(self.path("project"))
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("HOME", self.path("user"))
            .env("TMPDIR", self.path("tmp"))
            .env("HOST_ROOT", self.path("hosts"))
            .stdin(Stdio::null());
        command
    }

    pub fn mrsk(&self, args: &[&str]) -> Ended {
        self.command(args).output().unwrap().into()
    }

    pub fn mrsk_with(&self, args: &[&str], env: &[(&str, &str)]) -> Ended {
        let mut command = self.command(args);
        command.envs(env.iter().copied()).output().unwrap().into()
    }
}

fn program(file: &Path, text: &str) {
    fs::write(file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}
