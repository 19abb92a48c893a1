//! What gets into the image: files with secrets in the build context, and `.dockerignore`. No lab, no network.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Output;

use assert_cmd::Command;

const DEPLOY: &str = "\
service: shop
image: acme/shop
servers: [192.0.2.1]
registry: {server: registry.example.com, username: robot, password: [MRSK_REGISTRY_PASSWORD]}
env: {secret: [MASTER_KEY]}
builder: {multiarch: false}
";

const SECRETS: &str = "MRSK_REGISTRY_PASSWORD=some-password\nMASTER_KEY=0123456789abcdef\n";

/// A repository whose `.env` git ignores.
struct Project {
    dir: tempfile::TempDir,
}

/// How a command ended.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Project {
    fn new() -> Self {
        let project = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        project.write("config/deploy.yml", DEPLOY);
        project.write("Dockerfile", "FROM scratch\nCOPY . .\n");
        project.write("app/main.rb", "puts 1\n");
        project.write(".gitignore", ".env\n.mrsk\n*.key\n*.bin\n");
        project.git(&["init", "-q"]);
        project.commit();
        project.write(".env", SECRETS);
        fs::set_permissions(project.path(".env"), fs::Permissions::from_mode(0o600)).unwrap();
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn commit(&self) {
        self.git(&["add", "."]);
        let who = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
        self.git(&[&who[..], &["commit", "-q", "--allow-empty", "-m", "a"]].concat());
    }

    fn git(&self, args: &[&str]) {
        let output = self.run("git", args);
        assert!(output.status.success(), "{output:?}");
    }

    fn run(&self, program: &str, args: &[&str]) -> Output {
        Command::new(program)
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .args(args)
            .output()
            .unwrap()
    }

    fn plan(&self, more: &[&str]) -> Ended {
        let args = [&["plan", "--fresh"], more].concat();
        let output = self.run(env!("CARGO_BIN_EXE_mrsk"), &args);
        let ended = Ended {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            // Long lines are wrapped.
            stderr: String::from_utf8(output.stderr)
                .unwrap()
                .split_whitespace()
                .filter(|word| *word != "│")
                .collect::<Vec<_>>()
                .join(" "),
        };
        for value in ["some-password", "0123456789abcdef"] {
            assert!(
                !ended.stdout.contains(value) && !ended.stderr.contains(value),
                "{}",
                ended.stderr
            );
        }
        ended
    }
}

impl Ended {
    #[track_caller]
    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        self
    }

    #[track_caller]
    fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{text}\n{}", self.stderr);
        self
    }

    #[track_caller]
    fn omits(self, text: &str) -> Self {
        assert!(!self.stderr.contains(text), "{text}\n{}", self.stderr);
        self
    }
}

#[test]
fn a_file_with_a_secret_in_the_context_is_an_error_with_the_line_to_add() {
    let project = Project::new();
    project
        .plan(&[])
        .expect(78)
        .says(".env holds the value of secret")
        .says("add the line `.env` to .dockerignore");
    project.write(".dockerignore", ".env\n");
    project.plan(&[]).expect(0).omits("build context");
    // Also in base64, deep below, and under a name that is a pattern.
    project.write("app/a[1].key", "bWFzdGVyOjAxMjM0NTY3ODlhYmNkZWY=\n");
    project
        .plan(&[])
        .expect(78)
        .says("app/a[1].key holds the value of secret `MASTER_KEY`")
        .says("add the line `app/a\\[1\\].key` to .dockerignore");
    project.write(".dockerignore", ".env\napp/a\\[1\\].key\n");
    project.plan(&[]).expect(0);
    project.write(".dockerignore", "*\n!app\n");
    project.plan(&[]).expect(78).says("app/a[1].key");
    project.write(".dockerignore", "*\n!app\n**/*.key\n");
    project.plan(&[]).expect(0);
}

#[test]
fn only_plans_that_build_are_checked() {
    let project = Project::new();
    project
        .plan(&["--skip-push"])
        .expect(0)
        .omits("build context");
}

#[test]
fn files_that_git_ignores_are_a_warning_if_they_hold_no_known_secret() {
    let project = Project::new();
    project.write(".mrsk/runs/x", "");
    for more in ["--no-secrets", "--no-exec"] {
        project
            .plan(&[more])
            .expect(0)
            .says(".env is in the build context")
            .says("add the line `.env` to .dockerignore")
            .says(".mrsk is in the build context")
            .says("add the line `.mrsk` to .dockerignore");
    }
    project.write(".dockerignore", ".env*\n.mrsk\n");
    project
        .plan(&["--no-secrets"])
        .expect(0)
        .omits("in the build context");
}

#[test]
fn a_tracked_env_file_is_the_choice_of_its_user() {
    let project = Project::new();
    project.git(&["add", "-f", ".env"]);
    project.commit();
    project.plan(&[]).expect(0).omits("in the build context");
    // The same values elsewhere are not.
    project.write("app/copy.key", SECRETS);
    project
        .plan(&[])
        .expect(78)
        .says("app/copy.key")
        .omits("line `.env`");
}

#[test]
fn the_rules_are_those_of_the_dockerfile_or_of_the_context() {
    let project = Project::new();
    let deploy = DEPLOY.replace(
        "{multiarch: false}",
        "{multiarch: false, context: app, dockerfile: docker/web}",
    );
    project.write("config/deploy.yml", &deploy);
    project.write("docker/web", "FROM scratch\n");
    project.write("app/x.key", SECRETS);
    project
        .plan(&[])
        .expect(78)
        .says("app/x.key holds")
        .says("add the line `x.key` to app/.dockerignore")
        .omits("line `.env`");
    project.write("app/.dockerignore", "x.key\n");
    project.plan(&[]).expect(0);
    // Docker then reads only this one.
    project.write("docker/web.dockerignore", "other\n");
    project
        .plan(&[])
        .expect(78)
        .says("add the line `x.key` to docker/web.dockerignore");
}

#[test]
fn what_was_not_searched_is_said() {
    let project = Project::new();
    project.write(".dockerignore", ".env\n");
    fs::File::create(project.path("app/large.bin"))
        .unwrap()
        .set_len(17 << 20)
        .unwrap();
    project
        .plan(&[])
        .expect(0)
        .says("not searched for secrets: app/large.bin (has more than 16 MiB)");
}

#[test]
fn untracked_files_that_docker_leaves_out_are_not_told() {
    let project = Project::new();
    project.write(".dockerignore", ".env\nnotes\n");
    project.write("notes/a", "");
    project.write("other", "");
    project
        .plan(&[])
        .expect(0)
        .says("untracked files are built into the image: .dockerignore, other")
        .omits("notes/a");
}

#[test]
fn what_docker_would_refuse_or_should_not_read_is_an_error() {
    let project = Project::new();
    project.write(".dockerignore", ".env\n[\n");
    project
        .plan(&[])
        .expect(78)
        .says("invalid line in .dockerignore")
        .says(".dockerignore:2");
    project.plan(&["--skip-push"]).expect(0);
    fs::remove_file(project.path(".dockerignore")).unwrap();
    symlink("/dev/zero", project.path(".dockerignore")).unwrap();
    project
        .plan(&[])
        .expect(78)
        .says("cannot read .dockerignore: it is a link to /dev/zero, outside of the repository");
    fs::remove_file(project.path(".dockerignore")).unwrap();
    project.write(
        "config/deploy.yml",
        &DEPLOY.replace("multiarch: false", "multiarch: false, context: up"),
    );
    symlink("/etc", project.path("up")).unwrap();
    project
        .plan(&[])
        .expect(78)
        .says("cannot read up: it is a link to /etc, outside of the repository");
}
