//! A project in a directory of its own, and what commands print there.

use std::path::PathBuf;

use assert_cmd::Command;

use crate::ended::Ended;

pub const DEPLOY: &str = "\
service: shop
image: acme/shop
servers:
  web:
    hosts:
      - 192.0.2.1
      - 192.0.2.2
  jobs:
    hosts:
      - 192.0.2.3
    cmd: bin/jobs
registry:
  server: registry.example.com
  username: robot
  password:
    - MRSK_REGISTRY_PASSWORD
env:
  secret:
    - DATABASE_URL
builder:
  multiarch: false
";

/// A project in a directory of its own, which is also the home directory.
pub struct Project {
    pub dir: tempfile::TempDir,
}

impl Project {
    /// Returns a git repository with this configuration, a Dockerfile and one commit.
    pub fn new(deploy: &str) -> Self {
        let project = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        project.write("config/deploy.yml", deploy);
        project.write("Dockerfile", "FROM scratch\n");
        for args in [
            &["init", "-q"][..],
            &["add", "-A"],
            &["commit", "-q", "-m", "First"],
        ] {
            project.command("git").args(args).assert().success();
        }
        project
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.dir.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "A")
            .env("GIT_AUTHOR_EMAIL", "a@example.com")
            .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z")
            .env("GIT_COMMITTER_NAME", "A")
            .env("GIT_COMMITTER_EMAIL", "a@example.com")
            .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z");
        command
    }

    pub fn mrsk(&self, args: &[&str]) -> Ended {
        self.mrsk_with(args, &[], "")
    }

    pub fn mrsk_with(&self, args: &[&str], env: &[(&str, &str)], stdin: &str) -> Ended {
        let output = self
            .command(env!("CARGO_BIN_EXE_mrsk"))
            .args(args)
            .envs(env.iter().copied())
            .write_stdin(stdin)
            .timeout(std::time::Duration::from_secs(60))
            .output()
            .unwrap();
        output.into()
    }

    /// Returns the text of a plan for bare hosts.
    pub fn fresh_plan(&self) -> String {
        self.mrsk(&["plan", "--fresh", "--no-secrets"])
            .expect(0)
            .stdout
    }
}
