//! A host that is a directory: programs, a home, and recorded answers of docker.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start the programs that they test"
)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use mrsk::facts::model::HostFacts;
use mrsk::facts::{Query, parse, probe_script};

/// A home directory, a directory of programs, and what the stand-in answers.
pub struct Fake {
    root: tempfile::TempDir,
}

impl Fake {
    /// A host with nothing but coreutils, on which the user is not root.
    pub fn bare() -> Self {
        let fake = Self {
            root: tempfile::tempdir().unwrap(),
        };
        for directory in ["home", "bin", "docker"] {
            fs::create_dir(fake.path(directory)).unwrap();
        }
        for tool in [
            "sed",
            "grep",
            "cat",
            "date",
            "uname",
            "tail",
            "tr",
            "df",
            "sha256sum",
            "awk",
            "timeout",
        ] {
            std::os::unix::fs::symlink(which(tool), fake.path("bin").join(tool)).unwrap();
        }
        fake.program(
            "id",
            "#!/bin/sh\n[ \"$1\" = -u ] && echo 1000 || echo 'uid=1000(app) gid=1000(app) groups=1000(app)'\n",
        );
        fake.program("sudo", "#!/bin/sh\nexit 1\n");
        fake
    }

    pub fn with_docker() -> Self {
        let fake = Self::bare();
        fake.program("docker", include_str!("../../fixtures/facts/docker"));
        fake.answer("ps", "");
        fake.answer("networks", "network \"bridge\"\n");
        fake.answer("images", "");
        fake.answer("context", "endpoint \"unix:///var/run/docker.sock\"\n");
        fake.answer("info", "/\n[\"20.10.24\",[\"name=seccomp\"]]\n");
        fake
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn program(&self, name: &str, text: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn answer(&self, name: &str, text: &str) {
        fs::write(self.path("docker").join(name), text).unwrap();
    }

    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.path("home").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Feeds `script` to `shell` and returns what it prints.
    pub fn run(&self, shell: &[&str], script: &str) -> String {
        self.run_with(shell, script, &[])
    }

    /// As [`Fake::run`], with these variables in the environment.
    pub fn run_with(&self, shell: &[&str], script: &str, variables: &[(&str, &str)]) -> String {
        let mut child = Command::new(which(shell[0]))
            .args(&shell[1..])
            .env_clear()
            .envs(variables.iter().copied())
            .env("HOME", self.path("home"))
            .env("PATH", self.path("bin"))
            .env("FACTS_FAKE", self.path("docker"))
            .current_dir(self.path("home"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(script.as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{shell:?}: {:?}", output.status);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{shell:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn ask(&self, shell: &[&str], query: &Query) -> HostFacts {
        let output = self.run(shell, &probe_script(query).unwrap());
        parse(&output, &query.secrets)
            .unwrap_or_else(|error| panic!("{shell:?}: {error}\n{output}"))
    }

    pub fn calls(&self) -> String {
        fs::read_to_string(self.path("docker").join("calls")).unwrap_or_default()
    }
}

pub fn which(program: &str) -> PathBuf {
    std::env::split_paths("/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin")
        .map(|directory| directory.join(program))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("this test needs {program}"))
}
