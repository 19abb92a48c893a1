//! Planning a repository that somebody else wrote: what it tries to run, to read and to fill is watched by `strace`. No lab, no
//! network.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;

const DEPLOY: &str = "\
service: shop
image: acme/shop
servers: [192.0.2.1]
registry: {server: registry.example.com, username: robot, password: [MRSK_REGISTRY_PASSWORD]}
builder: {multiarch: false}
";

/// Puts something in the place of a file.
type Make<'a> = &'a dyn Fn(&Path);

/// A plan that needs no host and no build.
const PLAN: [&str; 5] = ["plan", "--fresh", "--skip-push", "--version", "1"];

/// A repository with all that could run something: a monitor for git, variables in `.env`, programs in front of the usual ones.
struct Stranger {
    dir: tempfile::TempDir,
}

/// How a command ended, and what it and all that it started ran and opened.
struct Watched {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    ran: Vec<String>,
    opened: Vec<String>,
}

impl Stranger {
    fn new(deploy: &str) -> Self {
        let stranger = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(stranger.path("config")).unwrap();
        fs::create_dir_all(stranger.path("evil")).unwrap();
        stranger.write("config/deploy.yml", deploy);
        stranger.write("Dockerfile", "FROM scratch\n");
        for program in ["sh", "id", "git", "ssh", "ruby", "monitor"] {
            let file = format!("evil/{program}");
            let marker = stranger.path("pwned");
            stranger.write(
                &file,
                &format!("#!/bin/sh\necho {program} >> {}\n", marker.display()),
            );
            fs::set_permissions(stranger.path(&file), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let evil = stranger.path("evil");
        let evil = evil.display();
        stranger.write(
            ".env",
            &format!(
                "MRSK_REGISTRY_PASSWORD=some-password\nGREETING=hello\nPATH={evil}\nLD_PRELOAD={evil}/preloaded.so\n\
                 ENV={evil}/profile\nBASH_ENV={evil}/profile\nRUBYOPT=-r{evil}/profile\nGIT_EXEC_PATH={evil}\nIFS=i\n"
            ),
        );
        stranger.git(&["init", "-q"]);
        stranger.write(".git/info/exclude", "evil\n");
        stranger.git(&["add", "config", "Dockerfile"]);
        let who = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
        stranger.git(&[&who[..], &["commit", "-q", "-m", "a"]].concat());
        stranger.git(&["config", "core.fsmonitor", &format!("{evil}/monitor")]);
        stranger
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn git(&self, args: &[&str]) {
        let output = self.prepare("git").args(args).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn prepare(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1");
        command
    }

    /// Runs mrsk under `strace`; one that takes longer than a minute waits for something of the repository.
    fn watch(&self, args: &[&str], variables: &[(&str, &str)]) -> Watched {
        let trace = tempfile::NamedTempFile::new().unwrap();
        let output: Output = self
            .prepare("strace")
            .args([
                "-f",
                "-qq",
                "-s",
                "4096",
                "-e",
                "trace=execve,openat",
                "-e",
                "signal=none",
                "-o",
            ])
            .arg(trace.path())
            .args(["timeout", "60", env!("CARGO_BIN_EXE_mrsk")])
            .args(args)
            .envs(variables.iter().copied())
            .output()
            .expect("strace is needed: bin/test installs it");
        let text = fs::read_to_string(trace.path()).unwrap();
        let named = |call: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| line.contains(call));
            let paths = lines.filter_map(|line| line.split('"').nth(1));
            paths.map(str::to_owned).collect()
        };
        let watched = Watched {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            ran: named("execve("),
            opened: named("openat("),
        };
        assert!(
            watched.ran.iter().any(|path| path.ends_with("mrsk")),
            "strace saw nothing: {}",
            watched.stderr
        );
        assert!(!self.path("pwned").exists(), "{:?}", watched.ran);
        let evil = self.path("evil");
        let touched = watched.ran.iter().chain(&watched.opened);
        let touched: Vec<_> = touched
            .filter(|path| Path::new(path).starts_with(&evil))
            .collect();
        assert!(touched.is_empty(), "{touched:?}");
        watched
    }
}

impl Watched {
    #[track_caller]
    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    fn says(self, texts: &[&str]) -> Self {
        // Long lines are wrapped.
        let words: String = self.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        let words = words.replace("│ ", "");
        for text in texts {
            assert!(words.contains(text), "{text}\n{}", self.stderr);
        }
        self
    }

    /// Checks that nothing but mrsk and git was run, and that no `.env` was opened.
    #[track_caller]
    fn ran_nothing(self) -> Self {
        // mrsk becomes the commands that it starts.
        for path in self.ran.iter().filter(|path| *path != "/proc/self/exe") {
            let name = Path::new(path).file_name().unwrap().to_str().unwrap();
            assert!(["timeout", "mrsk", "git"].contains(&name), "ran {path}");
        }
        for path in &self.opened {
            assert!(!path.ends_with(".env"), "opened {path}");
        }
        self
    }
}

#[test]
fn without_execution_templates_are_refused_what_they_would_run_or_read() {
    for (line, place, message) in [
        (
            "env: {clear: {A: '<%= `touch pwned` %>'}}",
            "deploy.yml:6:23",
            "the template runs a command",
        ),
        (
            "# <% x = `touch pwned` %>",
            "deploy.yml:6:10",
            "the template runs a command",
        ),
        (
            "# <%= %x(touch pwned) %>",
            "deploy.yml:6:7",
            "the template runs a command",
        ),
        (
            "# <%= File.read('.env') %>",
            "deploy.yml:6:17",
            "reads the file `.env`",
        ),
        (
            "# <% system('touch pwned') %>",
            "deploy.yml:6:6",
            "`ruby` would evaluate it",
        ),
        (
            "# <%= ENV['DEPLOY_TOKEN'] %>",
            "deploy.yml:6:11",
            "`--allow-env DEPLOY_TOKEN`",
        ),
        (
            "# <%= ENV['GREETING'] %>",
            "deploy.yml:6:11",
            "reads the environment variable `GREETING`",
        ),
    ] {
        let stranger = Stranger::new(&format!("{DEPLOY}{line}\n"));
        for command in [&PLAN[..], &["config"]] {
            let args = [command, &["--no-exec"]].concat();
            let variables = [("DEPLOY_TOKEN", "a-token-of-somebody")];
            stranger
                .watch(&args, &variables)
                .expect(78)
                .says(&[place, message])
                .ran_nothing();
        }
        stranger
            .watch(&PLAN, &[("MRSK_NO_EXEC", "1")])
            .expect(78)
            .says(&[place, message])
            .ran_nothing();
    }
}

#[test]
fn without_execution_a_harmless_repository_is_planned() {
    let deploy = format!("{DEPLOY}labels: {{stage: '<%= ENV.fetch(\"STAGE\", \"none\") %>'}}\n");
    let stranger = Stranger::new(&deploy);
    let args = [
        &PLAN[..],
        &["--no-exec", "--allow-env", "OTHER", "--allow-env", "STAGE"],
    ]
    .concat();
    let planned = stranger
        .watch(&args, &[("STAGE", "review")])
        .expect(0)
        .ran_nothing();
    assert!(planned.stdout.contains("review"), "{}", planned.stdout);
    // What .env has is not in the environment.
    let planned = stranger.watch(&args, &[]).expect(0).ran_nothing();
    assert!(
        planned.stdout.contains("\"stage=none\""),
        "{}",
        planned.stdout
    );
    // Also with a build: git alone is asked about the source.
    let build = ["plan", "--fresh", "--no-exec", "--allow-env", "STAGE"];
    stranger.watch(&build, &[]).expect(0).ran_nothing();
}

#[test]
fn without_execution_no_proxy_command_is_run() {
    let stranger = Stranger::new(&format!(
        "{DEPLOY}ssh: {{proxy_command: 'touch pwned; nc %h %p'}}\n"
    ));
    for args in [&["plan", "--no-exec"][..], &["inspect", "--no-exec"]] {
        stranger
            .watch(args, &[])
            .expect(78)
            .says(&[
                "proxy command, which --no-exec does not allow: touch pwned",
                "--fresh",
            ])
            .ran_nothing();
    }
    for args in [&["audit"][..], &["lock", "status"]] {
        stranger
            .watch(args, &[("MRSK_NO_EXEC", "yes")])
            .expect(78)
            .says(&["proxy command, which --no-exec does not allow"])
            .ran_nothing();
    }
    let args = [&PLAN[..], &["--no-exec"]].concat();
    stranger.watch(&args, &[]).expect(0).ran_nothing();
}

#[test]
fn what_cannot_be_without_execution_is_refused() {
    let stranger = Stranger::new(DEPLOY);
    for (args, message) in [
        (
            &["plan", "--no-exec", "--env-file", ".env"][..],
            "`--no-exec` cannot be used with `--env-file`",
        ),
        (
            &["config", "--allow-env", "A"],
            "`--allow-env` cannot be used without `--no-exec`",
        ),
    ] {
        stranger
            .watch(args, &[])
            .expect(64)
            .says(&[message])
            .ran_nothing();
    }
    for args in [
        &["deploy"][..],
        &["setup"],
        &["accessory", "boot", "all"],
        &["apply", "plan.json"],
        &["envify"],
    ] {
        let message = format!("`mrsk {}` cannot run with MRSK_NO_EXEC", args[0]);
        stranger
            .watch(args, &[("MRSK_NO_EXEC", "1")])
            .expect(64)
            .says(&[&message])
            .ran_nothing();
    }
    stranger.watch(&PLAN, &[("MRSK_NO_EXEC", "0")]).expect(0);
}

#[test]
fn commands_of_templates_get_nothing_of_env_that_changes_how_programs_start() {
    let line = "labels: {greeting: '<%= `echo $GREETING` %>', user: '<%= `id -u` %>', loaded: '<%= ENV[\"LD_PRELOAD\"] %>'}\n";
    let stranger = Stranger::new(&format!("{DEPLOY}{line}"));
    let watched = stranger.watch(&["config"], &[]).expect(0);
    assert!(watched.stdout.contains("hello"), "{}", watched.stdout);
    // As data it can be read.
    assert!(
        watched.stdout.contains("preloaded.so"),
        "{}",
        watched.stdout
    );
    assert!(watched.ran.iter().any(|path| path.ends_with("/sh")));
    assert!(watched.ran.iter().any(|path| path.ends_with("/id")));
}

#[test]
fn a_tag_in_a_comment_that_runs_a_command_is_told() {
    let stranger = Stranger::new(&format!(
        "{DEPLOY}# <%= `echo x` %>\nlabels: {{a: '<%= `echo y` %>'}} # <%= 1 %>\n"
    ));
    let watched = stranger.watch(&PLAN, &[]).expect(0);
    let watched = watched.says(&["a tag in a comment runs a command", "deploy.yml:6:3"]);
    assert_eq!(
        watched.stderr.matches("in a comment").count(),
        1,
        "{}",
        watched.stderr
    );
}

#[test]
fn a_credential_that_a_template_took_is_not_printed_in_a_plan() {
    let stranger = Stranger::new(&format!(
        "{DEPLOY}labels: {{a: 'x<%= ENV[\"DEPLOY_TOKEN\"] %>y'}}\n"
    ));
    let token = "a-token-of-somebody";
    for more in [
        &[][..],
        &["--no-exec", "--allow-env", "DEPLOY_TOKEN"],
        &["--no-secrets"],
    ] {
        let args = [&PLAN[..], more].concat();
        let watched = stranger.watch(&args, &[("DEPLOY_TOKEN", token)]).expect(78);
        assert!(!watched.stdout.contains(token) && !watched.stderr.contains(token));
        watched.says(&["would contain the value of `DEPLOY_TOKEN`, which a template read, at /"]);
    }
    let other = Stranger::new(&format!(
        "{DEPLOY}labels: {{a: '<%= ENV[\"STAGE_NAME\"] %>'}}\n"
    ));
    other.watch(&PLAN, &[("STAGE_NAME", token)]).expect(0);
}

#[test]
fn an_env_file_that_others_can_read_or_write_is_told() {
    let stranger = Stranger::new(DEPLOY);
    for (mode, message) in [
        (0o600, ""),
        (0o400, ""),
        (0o640, "other users can read .env (mode 0640)"),
        (0o622, "other users can write .env (mode 0622)"),
        (0o666, "other users can read and write .env (mode 0666)"),
    ] {
        fs::set_permissions(stranger.path(".env"), fs::Permissions::from_mode(mode)).unwrap();
        let watched = stranger.watch(&PLAN, &[]).expect(0);
        assert_eq!(
            watched.stderr.contains("other users can"),
            !message.is_empty()
        );
        watched.says(&[message]);
    }
}

#[test]
fn files_that_are_not_what_they_should_be_are_refused() {
    let fifo = |path: &Path| {
        let made = Command::new("mkfifo").arg(path).output().unwrap();
        assert!(made.status.success());
    };
    let zero = |path: &Path| symlink("/dev/zero", path).unwrap();
    let outside = |path: &Path| symlink("/etc/passwd", path).unwrap();
    let large = |path: &Path| fs::File::create(path).unwrap().set_len(65 << 20).unwrap();
    let makers: [(Make, &str); 4] = [
        (&fifo, "it is a FIFO, not a regular file"),
        (
            &zero,
            "it is a link to /dev/zero, outside of the repository",
        ),
        (
            &outside,
            "it is a link to /etc/passwd, outside of the repository",
        ),
        (&large, "it has more than"),
    ];
    let accessory =
        "accessories: {db: {image: mysql, host: 192.0.2.1, files: ['init.sql:/init.sql']}}\n";
    for (make, message) in makers {
        for name in [
            "config/deploy.yml",
            ".env",
            "Dockerfile",
            "init.sql",
            "config/deploy.qa.yml",
        ] {
            let stranger = Stranger::new(&format!("{DEPLOY}{accessory}"));
            let _ = fs::remove_file(stranger.path(name));
            make(&stranger.path(name));
            let destination: &[&str] = match name {
                "config/deploy.qa.yml" => &["-d", "qa"],
                _ => &[],
            };
            let watched = stranger
                .watch(&[&PLAN[..], destination].concat(), &[])
                .expect(78);
            watched.says(&[name, message]);
        }
    }
}
