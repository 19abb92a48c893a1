//! `mrsk init`: what it makes, and that it leaves what exists. No lab, no network.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use assert_cmd::Command;

const PATTERNS: &str = ".mrsk/\n.env\n.env.*\n!.env*.erb\n";
const FILES: [&str; 5] = [
    ".gitignore",
    ".dockerignore",
    ".env",
    "config/deploy.yml",
    "config/deploy.schema.json",
];

/// Runs mrsk, and returns what it printed and what it warned of.
fn mrsk(directory: &Path, args: &[&str], code: i32) -> (String, String) {
    let assert = Command::cargo_bin("mrsk")
        .unwrap()
        .current_dir(directory)
        .env_clear()
        .args(args)
        .assert()
        .code(code);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let output = assert.get_output();
    (text(&output.stdout), text(&output.stderr))
}

fn contents(directory: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    let read = |name| (name, fs::read(directory.join(name)).unwrap());
    FILES.into_iter().map(read).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_fresh_directory_gets_files_that_can_be_read_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let (printed, _) = mrsk(dir.path(), &["init"], 0);
    for name in FILES {
        assert!(printed.contains(&format!("created {name}")), "{printed}");
    }
    assert_eq!(mode(&dir.path().join(".env")), 0o600);
    assert_ne!(mode(&dir.path().join("config/deploy.yml")), 0o600);
    let ignored = fs::read_to_string(dir.path().join(".gitignore")).unwrap();
    assert_eq!(ignored, PATTERNS);
    let left = fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(left, 4, "nothing else is left behind");

    let (resolved, warnings) = mrsk(dir.path(), &["config"], 0);
    assert!(resolved.contains("my-app"), "{resolved}");
    assert_eq!(warnings, "");
}

#[test]
fn every_key_of_the_example_has_a_comment() {
    let dir = tempfile::tempdir().unwrap();
    mrsk(dir.path(), &["init"], 0);
    let text = fs::read_to_string(dir.path().join("config/deploy.yml")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for pair in lines.windows(2) {
        let key = pair[1].trim_start();
        // Role names and variables are the user's own.
        let own = ["web:", "LOG_LEVEL:"]
            .iter()
            .any(|name| key.starts_with(name));
        if key.starts_with(|c: char| c.is_ascii_alphabetic()) && !own {
            assert!(pair[0].trim_start().starts_with('#'), "{}", pair[1]);
        }
    }
}

#[test]
fn the_example_names_the_schema_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    mrsk(dir.path(), &["init"], 0);
    let file = dir.path().join("config/deploy.yml");
    let text = fs::read_to_string(&file).unwrap();
    let first = text.lines().next().unwrap();
    let named = first
        .strip_prefix("# yaml-language-server: $schema=")
        .unwrap();
    let schema = fs::read_to_string(file.with_file_name(named)).unwrap();
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/deploy.schema.json");
    assert_eq!(schema, fs::read_to_string(ours).unwrap());
    let document: serde_json::Value = serde_yaml::from_str(&text).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert!(jsonschema::is_valid(&schema, &document));
}

#[test]
fn the_second_run_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    mrsk(dir.path(), &["init"], 0);
    let before = contents(dir.path());
    let (printed, _) = mrsk(dir.path(), &["init"], 0);
    assert_eq!(printed.matches("left unchanged").count(), 5, "{printed}");
    assert_eq!(contents(dir.path()), before);
}

#[test]
fn what_exists_is_left() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(".env"), "A=1\n").unwrap();
    fs::write(dir.path().join(".dockerignore"), "a\n").unwrap();
    fs::create_dir(dir.path().join("config")).unwrap();
    // A link to nothing: neither it nor what it names may be written.
    std::os::unix::fs::symlink("../elsewhere.yml", dir.path().join("config/deploy.yml")).unwrap();
    let (printed, _) = mrsk(dir.path(), &["init"], 0);
    assert_eq!(
        printed.matches("exists, left unchanged").count(),
        3,
        "{printed}"
    );
    assert_eq!(fs::read(dir.path().join(".dockerignore")).unwrap(), b"a\n");
    assert_eq!(fs::read(dir.path().join(".env")).unwrap(), b"A=1\n");
    assert!(!dir.path().join("elsewhere.yml").exists());
}

#[test]
fn patterns_are_added_to_what_is_ignored_already() {
    for (before, after) in [
        ("/target\n", format!("/target\n{PATTERNS}")),
        ("/target", format!("/target\n{PATTERNS}")),
        (".env\n", ".env\n.mrsk/\n.env.*\n!.env*.erb\n".to_owned()),
        // The last pattern that matches counts.
        (
            "!.env*.erb\n.env.*\n",
            "!.env*.erb\n.env.*\n.mrsk/\n.env\n!.env*.erb\n".to_owned(),
        ),
        (PATTERNS, PATTERNS.to_owned()),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(".gitignore");
        fs::write(&file, before).unwrap();
        mrsk(dir.path(), &["init"], 0);
        assert_eq!(fs::read_to_string(&file).unwrap(), after, "{before:?}");
    }
}

#[test]
fn what_cannot_be_written_is_named() {
    // A file where a directory has to be, and the other way round: also root cannot write there.
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("config"), "").unwrap();
    let (_, error) = mrsk(dir.path(), &["init"], 1);
    assert!(error.contains("cannot write config/deploy.yml"), "{error}");
    assert!(
        error.contains("run mrsk in the directory of the app"),
        "{error}"
    );

    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join(".gitignore")).unwrap();
    let (_, error) = mrsk(dir.path(), &["init"], 1);
    assert!(error.contains("cannot write .gitignore"), "{error}");
    assert!(!dir.path().join(".env").exists());
}
