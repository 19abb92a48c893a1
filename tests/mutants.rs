//! The edits of tests/mutants.toml, which `bin/mutants` builds and runs: each is still an edit of one place.

use std::path::Path;

#[derive(serde::Deserialize)]
struct Mutants {
    mutant: Vec<Mutant>,
}

#[derive(serde::Deserialize)]
struct Mutant {
    name: String,
    file: String,
    from: String,
    to: String,
    /// Further edits of the same file.
    #[serde(default)]
    also: Vec<Edit>,
    test: String,
}

#[derive(serde::Deserialize)]
struct Edit {
    from: String,
    to: String,
}

#[test]
fn each_is_an_edit_of_what_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("tests/mutants.toml")).unwrap();
    let Mutants { mutant: mutants } = toml::from_str(&text).unwrap();
    for mutant in mutants {
        let source = std::fs::read_to_string(root.join(&mutant.file)).unwrap();
        let first = Edit {
            from: mutant.from,
            to: mutant.to,
        };
        for edit in [first].into_iter().chain(mutant.also) {
            assert_eq!(source.matches(&edit.from).count(), 1, "{}", mutant.name);
            assert_ne!(edit.from, edit.to, "{}", mutant.name);
        }
        assert!(mutant.test.starts_with("--"), "{}", mutant.name);
    }
}
