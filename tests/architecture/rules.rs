//! What some files may not do, their size, and that every test is compiled.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::assert_none;
use super::tree::{SOURCES, files, relative, root};

/// Modules whose results follow from their arguments alone, by the beginning of their path below `src/`.
const PURE: &[&str] = &[
    "plan/",
    "show/",
    "erb/",
    "docker/",
    "traefik/",
    "record/",
    "apply/state",
    "graph.rs",
    "action/",
    "exit_code.rs",
    "name.rs",
    "json.rs",
    "digest.rs",
    "secret.rs",
    "text/",
];

/// What a pure module may not touch.
const IMPURE: &[&str] = &[
    "std::env",
    "env::var",
    "std::fs",
    "fs::read",
    "std::net",
    "std::process",
    "std::thread",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "SystemTime",
    "Instant::",
    "Timestamp::now",
    "Zoned::now",
    "tokio",
    "rustix",
    "RandomState",
];

/// The only files that print, by the beginning of their path below `src/`.
const PRINTERS: &[&str] = &["cli/output.rs", "report/"];

const LONGEST: usize = 500;

/// Files over [`LONGEST`] lines: path below `src/`, lines that it may have, and why it is not split.
const LONG: &[(&str, usize, &str)] = &[];

/// Why a test may be ignored.
const REASONS: &[&str] = &[
    "#[ignore = \"needs the lab",
    "#[ignore = \"run by another test",
    "#[ignore = \"needs python3 with the package jsonschema",
    "#[ignore = \"runs as long as it is asked to",
];

#[test]
fn pure_modules_touch_nothing_outside() {
    let mut problems = Vec::new();
    for source in SOURCES.iter() {
        if !PURE.iter().any(|pure| source.path.starts_with(pure)) {
            continue;
        }
        let text = source.text();
        for word in IMPURE {
            if text.contains(word) {
                problems.push(format!("src/{}: {word}", source.path));
            }
        }
    }
    assert_none(
        "pure modules have no clock, network, environment or file system",
        &problems,
    );
}

#[test]
fn processes_start_only_in_the_transport() {
    let problems: Vec<String> = SOURCES
        .iter()
        .filter(|source| !source.path.starts_with("transport/"))
        .filter(|source| {
            let text = source.text();
            text.contains("process::Command") || text.contains("Command::new(")
        })
        .map(|source| format!("src/{}", source.path))
        .collect();
    assert_none("processes are started by", &problems);
}

#[test]
fn only_the_printers_print() {
    let mut problems = Vec::new();
    for source in SOURCES.iter() {
        let text = source.text();
        let prints = text.contains("print!(") || text.contains("println!(");
        if prints
            && !PRINTERS
                .iter()
                .any(|printer| source.path.starts_with(printer))
        {
            problems.push(format!("src/{}", source.path));
        }
        if text.contains("dbg!(") {
            problems.push(format!("src/{}: dbg!", source.path));
        }
    }
    assert_none("these print", &problems);
}

#[test]
fn files_are_short() {
    let long: BTreeMap<&str, usize> = LONG
        .iter()
        .map(|(path, lines, _)| (*path, *lines))
        .collect();
    let mut problems = Vec::new();
    for source in SOURCES.iter() {
        let most = long.get(source.path.as_str()).copied().unwrap_or(LONGEST);
        if source.lines > most {
            problems.push(format!(
                "src/{}: {} lines, at most {most}",
                source.path, source.lines
            ));
        }
    }
    assert_none("split these", &problems);
}

#[test]
fn every_file_of_the_tests_is_compiled() {
    let tests = root().join("tests");
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(
        !manifest.contains("autotests"),
        "tests/*.rs are found by cargo itself"
    );
    let all: Vec<PathBuf> = files(&tests, ".rs")
        .into_iter()
        .filter(|path| !path.starts_with(tests.join("lab")))
        .collect();
    let mut problems = Vec::new();
    for path in &all {
        let below = relative(path, &tests);
        let is_target =
            !below.contains('/') || below.matches('/').count() == 1 && below.ends_with("/main.rs");
        if is_target {
            continue;
        }
        let parent = path.parent().unwrap();
        let (name, homes) = if below.ends_with("/mod.rs") {
            let name = parent.file_name().unwrap();
            (name.to_owned(), parent.parent().unwrap())
        } else {
            (path.file_stem().unwrap().to_owned(), parent)
        };
        let declaration = format!("mod {};", name.to_string_lossy());
        let stem = parent.with_extension("rs");
        // What several programs of tests share, each of which has a directory of its own.
        let shared = format!("#[path = \"../{below}\"]\n{declaration}");
        let declared = all.iter().any(|other| {
            let text = fs::read_to_string(other).unwrap();
            let is_home = other.parent() == Some(homes) || **other == stem;
            text.contains(&shared) || is_home && text.contains(&declaration)
        });
        if !declared {
            problems.push(format!("tests/{below}"));
        }
    }
    assert_none("no test declares", &problems);
}

#[test]
fn ignored_tests_say_why() {
    let mut problems = Vec::new();
    for dir in ["src", "tests"] {
        for path in files(&root().join(dir), ".rs") {
            let text = fs::read_to_string(&path).unwrap();
            for (at, line) in text.lines().enumerate() {
                if line.trim_start().starts_with("#[ignore")
                    && !REASONS.iter().any(|reason| line.contains(reason))
                {
                    problems.push(format!("{}:{}", relative(&path, root()), at + 1));
                }
            }
        }
    }
    assert_none("ignored without one of the reasons", &problems);
}
