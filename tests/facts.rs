//! Answers of real hosts, as recorded, and the facts that are read from them.
//!
//! `MRSK_BLESS=1` rewrites the expected facts.

mod golden;

use std::fs;
use std::path::{Path, PathBuf};

use golden::Golden;
use mrsk::facts::document::{self, FORMAT_VERSION};
use mrsk::facts::model::Facts;
use mrsk::facts::{SecretQuestion, parse, refusals};
use mrsk::secret::Secret;

fn recordings() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/facts");
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 5, "{paths:?}");
    paths
}

/// Returns what the recorded hosts were asked about the secrets of their containers.
fn questions() -> [SecretQuestion; 1] {
    let value = Secret::new("value");
    [SecretQuestion::new(
        "web",
        None,
        b"",
        ["ABSENT", "OTHER"].map(|name| (name, &value)),
    )]
}

fn name(path: &Path) -> &str {
    path.file_stem().unwrap().to_str().unwrap()
}

#[test]
fn recorded_answers_become_the_expected_facts() {
    let mut golden = Golden::default();
    for path in recordings() {
        let host = parse(&fs::read_to_string(&path).unwrap(), &questions()).unwrap();
        let facts = Facts {
            format_version: FORMAT_VERSION.into(),
            hosts: [(name(&path).into(), host)].into(),
            ..Facts::default()
        };
        let printed = document::print(&facts).unwrap();
        golden.check(&path.with_extension("json"), &printed);
        assert_eq!(document::read(&printed).unwrap(), facts);
    }
}

#[test]
fn recorded_hosts_are_refused_for_the_right_reasons() {
    for path in recordings() {
        let host = parse(&fs::read_to_string(&path).unwrap(), &questions()).unwrap();
        let refusals = refusals(&host);
        match name(&path) == "denied" {
            true => assert!(
                refusals[0].contains("has no access to Docker"),
                "{refusals:?}"
            ),
            false => assert_eq!(refusals, [""; 0], "{}", path.display()),
        }
    }
}

#[test]
fn a_recorded_answer_that_is_cut_is_never_believed() {
    for path in recordings() {
        let text = fs::read_to_string(&path).unwrap();
        let end = text.trim_end().len();
        for cut in (0..end).step_by(61).chain([end - 1]) {
            if let Some(part) = text.get(..cut) {
                assert!(
                    parse(part, &questions()).is_err(),
                    "{} at {cut}",
                    path.display()
                );
            }
        }
    }
}
