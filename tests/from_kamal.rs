//! `mrsk init --from-kamal`: the project of `fixtures/kamal/shop`, and what it becomes. No lab. `MRSK_BLESS=1` rewrites what is expected.

mod golden;

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use golden::Golden;

fn fixture(name: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/kamal");
    fixtures.join(name)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// Runs mrsk in `directory`. Returns its exit code, its output and its standard error.
fn mrsk(directory: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("mrsk").unwrap();
    let output = command
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", directory)
        .args(args)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let code = output.status.code().unwrap();
    (code, text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_project_of_kamal_2_is_translated_into_files_beside_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    copy(&fixture("shop"), path);
    let before = fs::read_to_string(path.join("config/deploy.yml")).unwrap();

    let (code, _, error) = mrsk(path, &["config"]);
    assert_eq!(code, 78);
    assert_eq!(error.matches(" × ").count(), 1, "{error}");
    assert!(error.contains("mrsk init --from-kamal"), "{error}");

    let (code, said, error) = mrsk(path, &["init", "--from-kamal"]);
    assert_eq!(code, 0, "{error}");
    let mut golden = Golden::default();
    golden.check(&fixture("expected/said.txt"), &said);
    for name in ["mrsk.yml", "mrsk.staging.yml", "mrsk.md"] {
        let text = fs::read_to_string(path.join("config").join(name)).unwrap();
        golden.check(&fixture("expected").join(name), &text);
    }
    for arguments in [
        &["config", "-c", "config/mrsk.yml"][..],
        &["config", "-c", "config/mrsk.yml", "-d", "staging"],
    ] {
        let (code, config, error) = mrsk(path, arguments);
        assert_eq!(code, 0, "{error}");
        assert!(config.contains("\ntranslated:"), "{config}");
    }
    let page = fs::read_to_string(path.join("config/mrsk.md")).unwrap();
    assert!(
        !page.contains("=staging") && !page.contains("master.key"),
        "{page}"
    );

    let (code, _, error) = mrsk(path, &["init", "--from-kamal"]);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("config/mrsk.yml exists"), "{error}");
    let after = fs::read_to_string(path.join("config/deploy.yml")).unwrap();
    assert_eq!(before, after);
}

#[test]
fn the_project_can_be_named_and_needs_a_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (code, _, error) = mrsk(path, &["init", "--from-kamal"]);
    assert_eq!(code, 78, "{error}");
    assert!(error.contains("config/deploy.yml"), "{error}");

    copy(&fixture("shop"), &path.join("shop"));
    let (code, _, error) = mrsk(path, &["init", "--from-kamal", "shop"]);
    assert_eq!(code, 0, "{error}");
    assert!(path.join("shop/config/mrsk.yml").exists());
}
