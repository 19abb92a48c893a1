//! A copy of a project of `fixtures/cases` in a git repository, and what commands print there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use assert_cmd::Command;

use crate::ended::Ended;

/// The programs that every project has, and no others.
const PROGRAMS: [&str; 2] = ["sh", "git"];

/// A project in a directory of its own, which is also the home directory.
pub struct Project {
    dir: tempfile::TempDir,
    bin: tempfile::TempDir,
}

/// Returns whether this user may give files to others.
pub fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let files: Vec<PathBuf> = std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .collect();
    files.into_iter().find(|file| file.is_file())
}

impl Project {
    /// Returns a copy of the project `name`, with a Dockerfile.
    pub fn of(name: &str) -> Self {
        let project = Self {
            dir: tempfile::tempdir().unwrap(),
            bin: tempfile::tempdir().unwrap(),
        };
        for program in PROGRAMS {
            project.add_program(program).unwrap();
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures/cases")
            .join(name);
        project.copy(&source, "");
        project.write("Dockerfile", "FROM scratch\n");
        project
    }

    /// Returns a copy of the project `name` that lacks a program.
    pub fn without(name: &str, program: &str) -> Self {
        let project = Self::of(name);
        fs::remove_file(project.bin.path().join(program)).unwrap();
        project
    }

    /// Copies a directory; the configuration goes where it is looked for.
    fn copy(&self, source: &Path, below: &str) {
        for entry in fs::read_dir(source).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let place = match name.starts_with("deploy.") {
                true => format!("config/{name}"),
                false => format!("{below}{name}"),
            };
            match entry.file_type().unwrap().is_dir() {
                true => self.copy(&entry.path(), &format!("{place}/")),
                false => self.write(&place, &fs::read_to_string(entry.path()).unwrap()),
            }
        }
    }

    fn add_program(&self, program: &str) -> Option<()> {
        symlink(find(program)?, self.bin.path().join(program)).ok()
    }

    /// Returns the project with a Ruby, if this machine has one.
    pub fn with_ruby(self) -> Option<Self> {
        self.add_program("ruby")?;
        Some(self)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Replaces texts in a file, each of which must be there.
    pub fn change(&self, name: &str, changes: &[(&str, &str)]) {
        let path = self.dir.path().join(name);
        let mut text = fs::read_to_string(&path).unwrap();
        for (from, to) in changes {
            assert!(text.contains(from), "{from} is not in {text}");
            text = text.replacen(from, to, 1);
        }
        fs::write(path, text).unwrap();
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.dir.path().join(name)).unwrap();
    }

    pub fn link(&self, name: &str, target: &str) {
        std::os::unix::fs::symlink(target, self.dir.path().join(name)).unwrap();
    }

    pub fn set_mode(&self, name: &str, mode: u32) {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(self.dir.path().join(name), permissions).unwrap();
    }

    /// Makes one commit of all that is there.
    pub fn commit(self) -> Self {
        for args in ["init -q", "add -A", "commit -q -m First"] {
            let args: Vec<&str> = args.split(' ').collect();
            self.command("git").args(args).assert().success();
        }
        self
    }

    /// Gives the repository to a user whose commits git does not trust.
    pub fn give_to_another_user(&self) {
        let owner = Command::new("chown");
        let mut owner = owner;
        owner.args(["-R", "65534:65534"]).arg(self.dir.path());
        owner.assert().success();
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", self.bin.path())
            .env("HOME", self.bin.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "A")
            .env("GIT_AUTHOR_EMAIL", "a@example.com")
            .env("GIT_COMMITTER_NAME", "A")
            .env("GIT_COMMITTER_EMAIL", "a@example.com");
        command
    }

    /// Runs mrsk with the words of `arguments`.
    pub fn mrsk(&self, arguments: &str, env: &[(&str, &str)]) -> Ended {
        let output = self
            .command(env!("CARGO_BIN_EXE_mrsk"))
            .args(arguments.split(' '))
            .envs(env.iter().copied())
            .timeout(std::time::Duration::from_secs(60))
            .output()
            .unwrap();
        output.into()
    }
}
