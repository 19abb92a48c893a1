//! A repository, the machine that deploys it, and a host that is a directory, reached by a stand-in for ssh.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::sentinel::{self, PASSWORD, Search};

/// Everything, gone when dropped.
pub struct World {
    pub root: tempfile::TempDir,
    pub sentinels: Vec<(&'static str, String)>,
    search: Search,
    /// What was found so far. It is an error at the end.
    leaks: RefCell<BTreeSet<String>>,
}

impl Drop for World {
    fn drop(&mut self) {
        let leaks = self.leaks.borrow();
        let all: Vec<&str> = leaks.iter().map(String::as_str).collect();
        assert!(
            all.is_empty() || std::thread::panicking(),
            "{}",
            all.join("\n\n")
        );
    }
}

/// What a command printed.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.err.contains(text), "`{text}` is not in:\n{}", self.err);
        }
        self
    }
}

impl World {
    /// A repository whose app and accessory get every sentinel, by name.
    pub fn new() -> Self {
        let sentinels = sentinel::all();
        let world = Self {
            root: tempfile::Builder::new()
                .prefix("world")
                .tempdir_in("/tmp")
                .unwrap(),
            search: Search::new(&sentinels),
            leaks: RefCell::default(),
            sentinels,
        };
        for name in [
            "repository/config",
            "bin",
            "user",
            "tmp",
            "host/bin",
            "host/home",
        ] {
            fs::create_dir_all(world.path(name)).unwrap();
        }
        world.write("repository/Dockerfile", "FROM scratch\n");
        world.write("repository/config/deploy.yml", &world.deploy(""));
        world.write("repository/config/init.sql.erb", &world.template());
        world.program("bin/ssh", include_str!("../fake_ssh/ssh.py"));
        world.program("host/bin/docker", include_str!("docker.sh"));
        world.program(
            "host/bin/id",
            "#!/bin/sh\n[ \"$1\" = -u ] && echo 1000 || echo app\n",
        );
        world.program("host/bin/sudo", "#!/bin/sh\nexit 1\n");
        world.write("host/names", &world.names().join(" "));
        symlink(env!("CARGO_BIN_EXE_mrsk"), world.path("bin/mrsk")).unwrap();
        for args in [
            &["init", "-q"][..],
            &["add", "-A"],
            &["commit", "-q", "-m", "First"],
        ] {
            assert!(world.command("git").args(args).status().unwrap().success());
        }
        world
    }

    /// Looks for sentinels in what stands at `place`.
    pub fn check(&self, place: &str, bytes: impl AsRef<[u8]>) {
        if let Some(found) = self.search.find(bytes.as_ref()) {
            self.leaks
                .borrow_mut()
                .insert(format!("{place} shows {found}"));
        }
    }

    /// Returns the names of the secrets that containers get.
    pub fn names(&self) -> Vec<&'static str> {
        let names = self.sentinels.iter().map(|(name, _)| *name);
        names.filter(|name| *name != PASSWORD).collect()
    }

    fn deploy(&self, more: &str) -> String {
        let names = self.names().join(", ");
        format!(
            "service: shop\nimage: acme/shop\nservers: [192.0.2.1]\n\
             registry: {{server: registry.example.com, username: robot, password: [{PASSWORD}]}}\n\
             env: {{secret: [{names}]}}\n\
             builder: {{multiarch: false, secrets: [{names}]}}\n\
             accessories:\n  db:\n    image: registry.example.com/acme/db:1\n    host: 192.0.2.1\n    \
             env: {{secret: [{names}]}}\n    files: ['config/init.sql.erb:/etc/init.sql']\n{more}"
        )
    }

    fn template(&self) -> String {
        let lines = self.names().into_iter();
        lines
            .map(|name| format!("{name} = <%= ENV['{name}'] %>;\n"))
            .collect()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn program(&self, name: &str, text: &str) {
        self.write(name, text);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Returns a command in the repository, without any secret in its environment.
    pub fn command(&self, program: &str) -> Command {
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new(program);
        command
            .current_dir(self.path("repository"))
            .env_clear()
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("HOME", self.path("user"))
            .env("TMPDIR", self.path("tmp"))
            .env("HOST_ROOT", self.path("host"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "A")
            .env("GIT_AUTHOR_EMAIL", "a@example.com")
            .env("GIT_COMMITTER_NAME", "A")
            .env("GIT_COMMITTER_EMAIL", "a@example.com")
            .stdin(Stdio::null());
        command
    }

    /// Runs mrsk with every sentinel in its environment, and looks for them in what it prints.
    #[track_caller]
    pub fn mrsk(&self, args: &[&str]) -> Said {
        let mut command = self.command(env!("CARGO_BIN_EXE_mrsk"));
        command.args(args).envs(self.sentinels.iter().cloned());
        self.said(args, command.output().unwrap())
    }

    /// As [`World::mrsk`], and looks for them in the arguments of every process that starts meanwhile, also on the host.
    #[track_caller]
    pub fn watched(&self, args: &[&str], programs: &[&str]) -> Said {
        self.watched_with(&self.sentinels, args, programs)
    }

    /// As [`World::watched`], with these variables in the environment in place of the sentinels.
    #[track_caller]
    pub fn watched_with(
        &self,
        variables: &[(&'static str, String)],
        args: &[&str],
        programs: &[&str],
    ) -> Said {
        let trace = self.path("trace");
        let mut command = self.command("strace");
        command
            .args([
                "-f",
                "-qq",
                "-s",
                "300000",
                "-e",
                "trace=execve",
                "-e",
                "signal=none",
                "-o",
            ])
            .arg(&trace)
            .arg(env!("CARGO_BIN_EXE_mrsk"))
            .args(args)
            .envs(variables.iter().cloned());
        let output = command
            .output()
            .expect("strace is needed: bin/test installs it");
        let said = self.said(args, output);
        let record = fs::read(&trace).unwrap();
        fs::remove_file(&trace).unwrap();
        let text = String::from_utf8_lossy(&record);
        for program in programs {
            assert!(
                text.contains(program),
                "{program} did not run:\n{}\n{text}",
                said.err
            );
        }
        assert!(!text.contains("\"..."), "an argument was cut off");
        self.check("an argument vector", &record);
        // strace escapes what is not ASCII.
        self.check("an argument vector", unescape(&record));
        said
    }

    #[track_caller]
    pub fn said(&self, args: &[&str], output: Output) -> Said {
        for (stream, bytes) in [("output", &output.stdout), ("error", &output.stderr)] {
            let place = format!("standard {stream} of {args:?}");
            self.check(&place, bytes);
            // Long lines are wrapped.
            let text = String::from_utf8_lossy(bytes).replace("│", " ");
            let joined = text.split_whitespace().collect::<Vec<_>>();
            self.check(&place, joined.join(" "));
            self.check(&place, joined.concat());
        }
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Looks for sentinels in every file, but those of `delivered`, which the host was to get. Returns how many were searched.
    #[track_caller]
    pub fn assert_clean_files(&self, delivered: &[&str]) -> usize {
        let delivered: Vec<PathBuf> = delivered.iter().map(|name| self.path(name)).collect();
        let files = files_below(self.root.path());
        let searched: Vec<&PathBuf> = files
            .iter()
            .filter(|file| !delivered.iter().any(|one| file.starts_with(one)))
            .collect();
        for file in &searched {
            let text = fs::read(file).unwrap();
            self.check(&file.display().to_string(), &text);
            let name = file.display().to_string();
            self.check("the name of a file", name);
        }
        searched.len()
    }
}

/// Returns every file below `directory`; no link is followed.
pub fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files.extend(files_below(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files
}

/// Undoes the escapes of strace.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let digits = after
            .iter()
            .take(3)
            .take_while(|byte| matches!(byte, b'0'..=b'7'));
        let length = digits.count();
        rest = after;
        match (first, after.first()) {
            (b'\\', Some(b'0'..=b'7')) => {
                let digits = std::str::from_utf8(&after[..length]).unwrap();
                bytes.push(u8::from_str_radix(digits, 8).unwrap());
                rest = &after[length..];
            }
            (b'\\', Some(letter)) => {
                bytes.push(match letter {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'v' => 0x0b,
                    b'f' => 0x0c,
                    other => *other,
                });
                rest = &after[1..];
            }
            _ => bytes.push(first),
        }
    }
    bytes
}
