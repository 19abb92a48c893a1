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
    test: String,
}

#[test]
fn each_is_an_edit_of_what_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("tests/mutants.toml")).unwrap();
    let Mutants { mutant: mutants } = toml::from_str(&text).unwrap();
    for mutant in mutants {
        let source = std::fs::read_to_string(root.join(&mutant.file)).unwrap();
        assert_eq!(source.matches(&mutant.from).count(), 1, "{}", mutant.name);
        assert_ne!(mutant.from, mutant.to, "{}", mutant.name);
        assert!(mutant.test.starts_with("--"), "{}", mutant.name);
    }
}
