//! Walks `fixtures/config`: what valid configurations resolve to, and what is said of invalid ones. With
//! `MRSK_BLESS=1` the expectations are rewritten.

mod erb_world;
mod golden;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use mrsk::config::model::Config;
use mrsk::config::{self, Destination, Loaded};
use mrsk::diagnostic::{self, Diagnostic};

use erb_world::Fixed;
use golden::Golden;

fn fixtures(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/config")
        .join(kind);
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yml"))
        .filter(|path| {
            let name = path.to_string_lossy();
            !name.ends_with(".resolved.yml") && !name.ends_with(".staging.yml")
        })
        .collect();
    files.sort();
    files
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// A configuration that was read, and the texts it was read from.
struct Case {
    result: Result<Loaded, Vec<Diagnostic>>,
    texts: BTreeMap<String, String>,
}

/// Reads `NAME.yml`, with `NAME.staging.yml` merged over it where there is one.
fn parse(path: &Path) -> Case {
    let base = fs::read_to_string(path).unwrap();
    let over = path.with_extension("staging.yml");
    let text = fs::read_to_string(&over).ok();
    let destination = text.as_deref().map(|text| (name(&over), text));
    let destination = destination.as_ref().map(|(path, text)| Destination {
        name: "staging",
        path,
        text,
    });
    let result = config::parse_template(&name(path), &base, destination, &mut Fixed);
    let texts = text.map(|text| (name(&over), text)).into_iter();
    Case {
        result,
        texts: texts.chain([(name(path), base)]).collect(),
    }
}

fn shown(diagnostics: &[Diagnostic], texts: &BTreeMap<String, String>) -> String {
    diagnostic::render(
        diagnostics,
        &|file| texts.get(file).cloned(),
        mrsk::text::Styling::Plain,
    )
}

/// The configuration whose expectation has every key: those of the others have only what differs from its default, so that a
/// new key changes this one alone.
const WHOLE: &str = "defaults.yml";

fn resolved(path: &Path, config: &Config) -> String {
    match name(path) == WHOLE {
        true => config::render::yaml(&config::render::to_json(config)),
        false => serde_yaml::to_string(&config::render::to_changed_json(config)).unwrap(),
    }
}

#[test]
fn valid_configurations_resolve_as_expected() {
    let files = fixtures("valid");
    assert!(files.len() >= 15, "only {} files", files.len());
    let mut golden = Golden::default();
    for path in files {
        let Case { result, texts } = parse(&path);
        match result {
            Ok(loaded) => {
                let mut actual = resolved(&path, &loaded.config);
                if !loaded.warnings.is_empty() {
                    let warnings = shown(&loaded.warnings, &texts);
                    let warnings = warnings
                        .lines()
                        .map(|line| format!("# {line}").trim_end().to_owned() + "\n");
                    actual.push_str(&warnings.collect::<String>());
                }
                golden.check(&path.with_extension("resolved.yml"), &actual);
            }
            Err(diagnostics) => golden.report(format!(
                "== {}\n{}",
                name(&path),
                shown(&diagnostics, &texts)
            )),
        }
    }
}

#[test]
fn invalid_configurations_are_refused_with_the_expected_words() {
    let files = fixtures("invalid");
    assert!(files.len() >= 30, "only {} files", files.len());
    let mut golden = Golden::default();
    for path in files {
        let Case { result, texts } = parse(&path);
        match result {
            Ok(_) => golden.report(format!("== {} is accepted", name(&path))),
            Err(diagnostics) => {
                let actual = shown(&diagnostics, &texts);
                golden.check(&path.with_extension("txt"), &actual);
            }
        }
    }
}

#[test]
fn every_expectation_has_its_configuration() {
    for (kind, suffix) in [("valid", ".resolved.yml"), ("invalid", ".txt")] {
        let stems: BTreeSet<String> = fixtures(kind)
            .iter()
            .map(|path| name(&path.with_extension("")))
            .collect();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures/config")
            .join(kind);
        for entry in fs::read_dir(folder).unwrap() {
            let file = entry.unwrap().file_name().to_string_lossy().into_owned();
            let stem = file.strip_suffix(suffix);
            if let Some(stem) = stem.or_else(|| file.strip_suffix(".staging.yml")) {
                assert!(stems.contains(stem), "{file} has no configuration");
            }
        }
    }
}

#[test]
fn no_message_shows_a_literal_password() {
    for kind in ["valid", "invalid"] {
        for path in fixtures(kind) {
            let Case { result, texts } = parse(&path);
            let (diagnostics, resolved) = match result {
                Ok(loaded) => (
                    loaded.warnings,
                    config::render::yaml(&config::render::to_json(&loaded.config)),
                ),
                Err(diagnostics) => (diagnostics, String::new()),
            };
            let shown = shown(&diagnostics, &texts);
            assert!(!shown.contains("hunter2"), "{}: {shown}", name(&path));
            assert!(
                kind == "valid" || !resolved.contains("hunter2"),
                "{}",
                name(&path)
            );
        }
    }
}
