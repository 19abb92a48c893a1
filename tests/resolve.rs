//! A step in doubt whose doubt no check resolves: a person does. Whole runs of the binary over a stand-in for ssh; no lab.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use assert_cmd::Command;

const DEPLOY: &str = "\
service: shop
image: acme/shop
servers: {jobs: {hosts: [192.0.2.1], traefik: false}}
registry: {server: registry.example.com, username: robot, password: [MRSK_REGISTRY_PASSWORD]}
builder: {multiarch: false}
readiness_delay: 1
audit_broadcast_cmd: bin/announce
";

/// Kills its runner if it is told to, after it has taken effect.
const ANNOUNCE: &str = r#"#!/bin/sh
echo announced >>"$HOME/announced"
[ -e "$HOME/deadly" ] && kill -9 "$PPID"
exit 0
"#;

/// An engine without containers, in which all that is started runs.
const DOCKER: &str = r#"#!/bin/sh
case "$1 $2" in
'network ls') echo 'network "bridge"' ;;
'info --format') printf '/\n["20.10.24",["name=seccomp"]]\n' ;;
'context inspect') echo 'endpoint "unix:///var/run/docker.sock"' ;;
'inspect --type') echo 'running 1 0 - bridge 127.0.0.1' ;;
esac
exit 0
"#;

const STEP: &str = "local/broadcast/shop/send";

/// A repository, the machine that deploys it, and its host.
struct World {
    root: tempfile::TempDir,
}

struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Ended {
    #[track_caller]
    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    fn says(self, text: &str) -> Self {
        let all = format!("{}{}", self.out, self.err);
        assert!(all.contains(text), "`{text}` is not in:\n{all}");
        self
    }
}

impl World {
    /// A world in which the broadcast of `plan.json` has taken effect, and its runner was killed.
    fn in_doubt() -> Self {
        let world = Self {
            root: tempfile::Builder::new()
                .prefix("doubt")
                .tempdir_in("/tmp")
                .unwrap(),
        };
        for name in [
            "repository/config",
            "repository/bin",
            "bin",
            "user",
            "tmp",
            "host/bin",
            "host/home",
        ] {
            fs::create_dir_all(world.path(name)).unwrap();
        }
        fs::write(world.path("repository/Dockerfile"), "FROM scratch\n").unwrap();
        fs::write(world.path("repository/config/deploy.yml"), DEPLOY).unwrap();
        world.program("repository/bin/announce", ANNOUNCE);
        world.program("bin/ssh", include_str!("fake_ssh/ssh.py"));
        world.program("host/bin/docker", DOCKER);
        world.program("host/bin/sudo", "#!/bin/sh\nexit 1\n");
        world.program(
            "host/bin/id",
            "#!/bin/sh\n[ \"$1\" = -u ] && echo 1000 || echo app\n",
        );
        for args in [
            &["init", "-q"][..],
            &["add", "-A"],
            &["commit", "-q", "-m", "First"],
        ] {
            world.command("git", args).assert().success();
        }
        let plan = world
            .mrsk(&["plan", "--skip-push", "--version", "1"])
            .expect(0);
        fs::write(world.path("repository/plan.json"), plan.out).unwrap();
        fs::write(world.path("user/deadly"), "").unwrap();
        world.apply().expect(-1);
        fs::remove_file(world.path("user/deadly")).unwrap();
        assert_eq!(world.announced(), 1);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn program(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(self.path("repository"))
            .env_clear()
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("HOME", self.path("user"))
            .env("TMPDIR", self.path("tmp"))
            .env("HOST_ROOT", self.path("host"))
            .env("MRSK_REGISTRY_PASSWORD", "swordfish")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("USER", "jo");
        for name in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{name}_NAME"), "A");
            command.env(format!("GIT_{name}_EMAIL"), "a@example.com");
        }
        command
    }

    fn mrsk(&self, args: &[&str]) -> Ended {
        let output = self
            .command(env!("CARGO_BIN_EXE_mrsk"), args)
            .output()
            .unwrap();
        Ended {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn apply(&self) -> Ended {
        self.mrsk(&["apply", "--allow", "commands", "plan.json"])
    }

    fn resolve(&self, finding: &str, reason: &str) -> Ended {
        let options = ["--allow", "commands", "plan.json", STEP];
        self.mrsk(&[&["resolve", finding, "-m", reason], &options[..]].concat())
    }

    fn announced(&self) -> usize {
        let text = fs::read_to_string(self.path("user/announced")).unwrap_or_default();
        text.lines().count()
    }

    /// The lock of the killed run is silent by now.
    fn let_the_lock_expire(&self) {
        fs::remove_dir_all(self.path("host/home/mrsk_lock")).unwrap();
    }
}

#[test]
fn a_step_that_is_to_run_again_does() {
    let world = World::in_doubt();
    // Its runner may be alive for all that the host knows.
    world
        .resolve("--again", "nobody heard it")
        .expect(4)
        .says("a run of this plan is alive, by jo");
    world.let_the_lock_expire();
    world
        .resolve("--again", "nobody heard it\nor so")
        .expect(0)
        .says("will run again");
    let twice = world.resolve("--done", "or did they").expect(1);
    twice.says("step local/broadcast/shop/send: it is not in doubt: it failed, or was resolved with --again; the next apply runs it again");
    world.apply().expect(0);
    assert_eq!(world.announced(), 2);
    let line = "[jo] deploy 1 plan";
    let audit = world.mrsk(&["audit"]).expect(0).says(line);
    audit.says("local/broadcast/shop/send resolved as to run again: nobody heard it or so\n");
    world
        .resolve("--done", "it was heard")
        .expect(1)
        .says("it is not in doubt: it is done");
}

#[test]
fn the_audit_shows_what_a_killed_run_did_and_each_step_once() {
    let world = World::in_doubt();
    let shown = |audit: &Ended| {
        let (head, lines) = audit.out.split_once('\n').unwrap();
        assert!(head.contains("[jo] deploy 1 plan "), "{head}");
        lines.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let log = world.path("host/home/mrsk-shop-audit.log");
    let killed = shown(&world.mrsk(&["audit"]).expect(0));
    assert!(!killed.is_empty() && !log.exists());
    for line in &killed {
        assert!(line.ends_with(" succeeded"), "{line}");
    }
    let failed = world.mrsk(&["audit", "--failed"]).expect(0);
    assert_eq!(failed.out, "no step failed or is in doubt\n");
    let later = world.mrsk(&["audit", "--since", "2999-01-01"]).expect(0);
    assert_eq!(later.out, "nothing ran since then\n");
    world.let_the_lock_expire();
    world.apply().expect(0);
    let mut expected = killed;
    let resumed = shown(&world.mrsk(&["audit"]).expect(0));
    let is_of_broadcast = |line: &&String| line.contains(&format!("{STEP} left no receipt"));
    expected.extend(resumed.iter().find(is_of_broadcast).cloned());
    let (mut resumed, mut whole) = (resumed, expected);
    resumed.sort();
    whole.sort();
    assert_eq!(resumed, whole);
    assert_eq!(
        fs::read_to_string(log).unwrap().lines().count(),
        whole.len()
    );
    let failed = world.mrsk(&["audit", "--failed", "--json"]).expect(0);
    let failed: serde_json::Value = serde_json::from_str(&failed.out).unwrap();
    assert_eq!(failed["runs"][0]["in_doubt"], 1);
    assert_eq!(failed["runs"][0]["operation"], "deploy 1");
    // The host is away.
    world.program("bin/ssh", "#!/bin/sh\nexit 255\n");
    world.mrsk(&["audit"]).expect(69);
}

#[test]
fn a_step_that_is_done_is_not_repeated() {
    let world = World::in_doubt();
    world.let_the_lock_expire();
    world
        .resolve("--done", "it was heard")
        .expect(0)
        .says("counts as done");
    world.apply().expect(0);
    assert_eq!(world.announced(), 1);
}

#[test]
fn the_report_prints_the_command() {
    let world = World::in_doubt();
    world.let_the_lock_expire();
    // Its failure would be tolerated, so the plan is done all the same.
    let ended = world.apply().expect(0);
    assert!(ended.err.contains("in doubt"), "{}", ended.err);
    let line = ended
        .err
        .lines()
        .find(|line| line.contains("mrsk resolve --done"));
    let line = line.unwrap_or_else(|| panic!("{}", ended.err)).trim();
    let words: Vec<&str> = line.split(' ').skip(1).collect();
    assert_eq!(words.last(), Some(&STEP), "{line}");
    // No apply of a finished plan runs a step.
    world
        .resolve("--again", "x")
        .expect(1)
        .says("recorded as finished");
    world.apply().expect(0).says("already applied");
    world.mrsk(&words).expect(0);
    world.mrsk(&["audit"]).says("resolved as done: REASON");
    assert_eq!(world.announced(), 1);
}

#[test]
fn what_is_no_resolution_is_refused() {
    let world = World::in_doubt();
    world.let_the_lock_expire();
    for (args, text) in [
        (&["resolve", "plan.json", STEP, "-m", "x"][..], "--done"),
        (
            &["resolve", "plan.json", STEP, "--done", "--again", "-m", "x"],
            "--again",
        ),
        (&["resolve", "plan.json", STEP, "--done"], "--message"),
        (
            &["resolve", "plan.json", STEP, "--done", "-m", " "],
            "the reason is empty",
        ),
        (
            &[
                "resolve",
                "--allow",
                "commands",
                "plan.json",
                "local/x",
                "--done",
                "-m",
                "x",
            ],
            "the plan has no step local/x",
        ),
        (
            &[
                "resolve",
                "plan.json",
                STEP,
                "--done",
                "-m",
                "x",
                "--lock-host",
                "b",
            ],
            "b is not a host of the plan",
        ),
    ] {
        world.mrsk(args).expect(64).says(text);
    }
}
