//! The example of README.md works when it is pasted: after `mrsk init`, and as it is. No lab.

use std::fs;
use std::path::Path;

use assert_cmd::Command;

/// Runs a command that must succeed, and returns its output and its standard error.
fn run(directory: &Path, command: &mut Command) -> (String, String) {
    let path = std::env::var_os("PATH").unwrap();
    let assert = command
        .current_dir(directory)
        .env_clear()
        .env("PATH", path)
        .env("HOME", directory)
        .assert()
        .success();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let output = assert.get_output();
    (text(&output.stdout), text(&output.stderr))
}

fn mrsk(directory: &Path, args: &[&str]) -> (String, String) {
    run(directory, Command::cargo_bin("mrsk").unwrap().args(args))
}

#[test]
fn the_example_can_be_planned() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let example = readme.split("```yaml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    mrsk(path, &["init"]);
    fs::write(path.join("config/deploy.yml"), example).unwrap();
    fs::write(path.join("Dockerfile"), "FROM scratch\n").unwrap();
    for args in [
        &["init", "-q"][..],
        &["add", "-A"],
        &[
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@example.com",
            "commit",
            "-qm",
            "Begin",
        ],
    ] {
        run(path, Command::new("git").args(args));
    }
    let (_, warnings) = mrsk(path, &["config"]);
    assert_eq!(warnings, "");

    let (plan, table) = mrsk(path, &["plan", "--fresh", "--no-secrets"]);
    fs::write(path.join("plan.json"), plan).unwrap();
    for host in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        assert!(table.contains(&format!("{host} (root@{host};")), "{table}");
    }
    mrsk(path, &["show", "plan.json"]);
}
