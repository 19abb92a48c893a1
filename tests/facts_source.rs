//! What is asked of git, asked of a real git.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start the programs that they test"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use mrsk::facts::model::SourceFacts;
use mrsk::facts::source::{SourceAnswers, questions, read};

/// Runs git without what the machine's user has set up.
fn git(directory: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    run(directory, &[&["git"], arguments].concat())
}

fn run(directory: &Path, argv: &[&str]) -> Option<Vec<u8>> {
    let output = Command::new(argv[0])
        .args(&argv[1..])
        .current_dir(directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", "/nonexistent")
        .envs([
            ("GIT_CONFIG_COUNT", "3"),
            ("GIT_CONFIG_KEY_0", "protocol.file.allow"),
            ("GIT_CONFIG_VALUE_0", "always"),
            ("GIT_CONFIG_KEY_1", "user.name"),
            ("GIT_CONFIG_VALUE_1", "Somebody"),
            ("GIT_CONFIG_KEY_2", "user.email"),
            ("GIT_CONFIG_VALUE_2", "somebody@example.com"),
        ])
        .output()
        .unwrap();
    output.status.success().then_some(output.stdout)
}

fn must(directory: &Path, arguments: &[&str]) {
    git(directory, arguments).unwrap_or_else(|| panic!("git {arguments:?}"));
}

fn ask(directory: &Path, context: &str) -> Option<SourceFacts> {
    let asked = questions(context);
    let answer = |argv: &[String]| {
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        run(directory, &argv)
    };
    let answers = SourceAnswers {
        commit: answer(&asked.commit),
        tree: answer(&asked.tree),
        changes: answer(&asked.changes),
        untracked: answer(&asked.untracked),
    };
    read(&answers, &|path| path != "plan.json").unwrap()
}

fn repository(directory: &Path) {
    fs::create_dir_all(directory.join("ctx")).unwrap();
    must(directory, &["init", "-q", "-b", "main"]);
    fs::write(directory.join("ctx/file"), "one\ntwo\nthree\n").unwrap();
    fs::write(directory.join("other"), "x\n").unwrap();
    fs::write(directory.join(".gitignore"), "ignored\n").unwrap();
    must(directory, &["add", "."]);
    must(directory, &["commit", "-q", "-m", "first"]);
}

#[test]
fn outside_of_a_repository_and_before_the_first_commit_there_is_no_source() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(ask(directory.path(), "."), None);
    must(directory.path(), &["init", "-q"]);
    assert_eq!(ask(directory.path(), "."), None);
}

#[test]
fn the_tree_is_that_of_the_context_also_from_below_and_in_a_shallow_clone() {
    let directory = tempfile::tempdir().unwrap();
    let origin = directory.path().join("origin");
    repository(&origin);
    let whole = ask(&origin, ".").unwrap();
    let context = ask(&origin, "ctx").unwrap();
    assert_ne!(whole.tree, context.tree);
    assert_eq!(ask(&origin, "./ctx/").unwrap(), context);
    assert_eq!(ask(&origin.join("ctx"), ".").unwrap(), context);
    assert_eq!(ask(&origin.join("ctx"), "..").unwrap(), whole);
    assert_eq!(ask(&origin, "nowhere").unwrap().tree, None);
    assert_eq!(whole.changes, None);

    must(&origin, &["commit", "-q", "--allow-empty", "-m", "second"]);
    let url = format!("file://{}", origin.display());
    must(
        directory.path(),
        &["clone", "-q", "--depth=1", &url, "clone"],
    );
    let clone = ask(&directory.path().join("clone"), "ctx").unwrap();
    assert_eq!(clone.tree, context.tree);
    assert_ne!(clone.commit, context.commit);
}

#[test]
fn changes_have_the_same_digest_whatever_the_user_has_set_up() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    repository(path);
    fs::write(path.join("ctx/file"), "one\n2\nthree\n").unwrap();
    let changed = ask(path, ".").unwrap().changes;
    assert!(changed.is_some());
    assert_eq!(ask(&path.join("ctx"), ".").unwrap().changes, changed);
    for (key, value) in [
        ("diff.noprefix", "true"),
        ("diff.mnemonicPrefix", "true"),
        ("diff.context", "0"),
        ("diff.interHunkContext", "9"),
        ("diff.algorithm", "patience"),
        ("diff.renames", "copies"),
        ("diff.relative", "true"),
        ("diff.external", "false"),
        ("diff.submodule", "log"),
        ("diff.orderFile", "other"),
        ("diff.suppressBlankEmpty", "true"),
        ("color.ui", "always"),
        ("color.diff", "always"),
        ("core.abbrev", "5"),
        ("core.pager", "false"),
        ("diff.wordRegex", "."),
        ("diff.colorMoved", "zebra"),
    ] {
        must(path, &["config", key, value]);
        assert_eq!(ask(path, ".").unwrap().changes, changed, "{key}");
    }
    must(path, &["add", "."]);
    assert_eq!(ask(path, ".").unwrap().changes, changed, "staged");
    fs::write(path.join("ctx/file"), "one\n3\nthree\n").unwrap();
    assert_ne!(ask(path, ".").unwrap().changes, changed);
    fs::write(path.join("ctx/file"), "one\ntwo\nthree\n").unwrap();
    assert_eq!(ask(path, ".").unwrap().changes, None);
}

#[test]
fn what_changes_inside_a_submodule_counts() {
    let directory = tempfile::tempdir().unwrap();
    let (library, path) = (
        directory.path().join("library"),
        directory.path().join("app"),
    );
    repository(&library);
    repository(&path);
    let url = library.to_str().unwrap();
    must(&path, &["submodule", "--quiet", "add", url, "library"]);
    must(&path, &["commit", "-q", "-m", "submodule"]);
    assert_eq!(ask(&path, ".").unwrap().changes, None);
    fs::write(path.join("library/untracked"), "").unwrap();
    assert_eq!(ask(&path, ".").unwrap().changes, None);
    let mut seen = Vec::new();
    for text in ["a\n", "b\n"] {
        fs::write(path.join("library/other"), text).unwrap();
        seen.push(ask(&path, ".").unwrap().changes);
    }
    assert!(seen[0].is_some() && seen[0] != seen[1], "{seen:?}");
}

#[test]
fn untracked_files_of_the_context_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    repository(path);
    fs::create_dir_all(path.join(".mrsk/runs")).unwrap();
    for name in [
        "ctx/é \"new\"\n",
        "ignored",
        ".mrsk/runs/x",
        "plan.json",
        "new",
    ] {
        fs::write(path.join(name), "").unwrap();
    }
    let source = ask(path, ".").unwrap();
    assert_eq!(source.untracked, ["ctx/é \"new\"\n", "new"]);
    assert_eq!(source.changes, None);
    assert_eq!(ask(path, "ctx").unwrap().untracked, ["ctx/é \"new\"\n"]);
}
