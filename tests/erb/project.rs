//! A directory in which `mrsk` runs with the stand-ins of `fixtures/erb/bin`, and with nothing else but `sh` and what is
//! asked for.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use assert_cmd::Command;

use crate::ended::Ended;

/// The directory.
pub struct Project {
    dir: tempfile::TempDir,
    path: String,
}

/// Values of the stand-ins, which no message shows.
const VALUES: [&str; 5] = [
    "session-0123",
    "session-9876",
    "-password",
    "master-secret",
    "hunter2",
];

/// Returns the files of `fixtures/erb`.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/erb")
}

/// Returns where a program of this machine is.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let files = std::env::split_paths(&path).map(|dir| dir.join(program));
    files.into_iter().find(|file| file.is_file())
}

impl Project {
    /// Returns a directory where these programs of the machine are at hand.
    pub fn with(programs: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bin = dir.path().join("bin");
        fs::create_dir(&bin).unwrap();
        for program in programs.iter().chain(&["sh"]) {
            symlink(find(program).unwrap(), bin.join(program)).unwrap();
        }
        let stand_ins = fixtures().join("bin");
        let path = format!("{}:{}", stand_ins.display(), bin.display());
        Self { dir, path }
    }

    /// Returns a directory where nothing but `sh` is at hand.
    pub fn new() -> Self {
        Self::with(&[])
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)).ok()
    }

    pub fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o7777
    }

    pub fn run(&self, program: &str, args: &[&str], env: &[(&str, &str)], stdin: &str) -> Ended {
        let output = Command::new(program)
            .args(args)
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", self.dir.path())
            .envs(env.iter().copied())
            .write_stdin(stdin)
            .timeout(std::time::Duration::from_secs(60))
            .output()
            .unwrap();
        output.into()
    }

    /// Runs mrsk, whose messages show no value of the stand-ins.
    #[track_caller]
    pub fn mrsk(&self, args: &[&str], env: &[(&str, &str)]) -> Ended {
        let ended = self.run(env!("CARGO_BIN_EXE_mrsk"), args, env, "");
        for value in VALUES {
            assert!(!ended.stderr.contains(value), "{}", ended.stderr);
        }
        ended
    }
}
