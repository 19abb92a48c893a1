//! The rules of the source tree that neither the compiler nor clippy checks: the direction of arrows
//! between modules, circles between files, what pure modules may not touch, who prints, who starts
//! processes, the size of files, and that the documents fit the tree.

mod arrows;
mod circles;
mod dependencies;
mod documents;
mod paths;
mod rules;
mod tree;

fn assert_none(what: &str, problems: &[String]) {
    assert!(problems.is_empty(), "{what}:\n  {}", problems.join("\n  "));
}
