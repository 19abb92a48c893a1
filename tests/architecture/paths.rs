//! The paths that a file names, and the files that they lead to.
//!
//! What counts as a use of a file:
//! - a path (`crate::a::B`, `super::B`, `child::f`, `Imported::new`) to an item of it, in code or in a
//!   `use`; in a macro, too;
//! - what a path leads to is followed through imports: who names `super::B`, where the parent only has
//!   `pub use child::B`, uses the child and not the parent.
//!
//! `mod child;` is no use, and neither is `pub use child::B`, unless the file itself names `B` elsewhere.
//! Calls of methods are not seen: the type that they belong to was named somewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::tokens;
use super::tree::{SOURCES, Source, Token};

/// A path of names as it is written.
type Path = Vec<String>;

/// What one `use` brings into a file.
struct Import {
    path: Path,
    /// The name that it has in the file; `*` for all.
    name: String,
    is_public: bool,
}

/// The files of `src/` by module, and what each of them imports.
pub struct Tree<'a> {
    sources: &'a [Source],
    modules: BTreeMap<Path, usize>,
    imports: Vec<Vec<Import>>,
}

impl<'a> Tree<'a> {
    pub fn read() -> Self {
        Self::of(&SOURCES)
    }

    fn of(sources: &'a [Source]) -> Self {
        let modules = sources
            .iter()
            .enumerate()
            .filter(|(_, source)| source.path != "main.rs")
            .map(|(at, source)| (owned(&source.module()), at))
            .collect();
        let imports = sources.iter().map(|source| imports(&source.code)).collect();
        Tree {
            sources,
            modules,
            imports,
        }
    }

    pub fn sources(&self) -> &'a [Source] {
        self.sources
    }

    /// Returns the files that each file uses, by path below `src/`.
    pub fn uses(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        (0..self.sources.len())
            .map(|at| {
                let used = self
                    .used(at)
                    .into_iter()
                    .filter(|other| *other != at)
                    .map(|other| self.sources[other].path.as_str())
                    .collect();
                (self.sources[at].path.as_str(), used)
            })
            .collect()
    }

    /// Returns the modules of the crate's root that a file names, re-exports included.
    pub fn roots(&self, at: usize) -> BTreeSet<String> {
        let imported = self.imports[at].iter().map(|import| import.path.clone());
        imported
            .chain(written(&self.sources[at].code))
            .filter_map(|path| self.absolute(at, &path))
            .filter_map(|path| path.into_iter().next())
            .collect()
    }

    fn used(&self, at: usize) -> BTreeSet<usize> {
        let code = &self.sources[at].code;
        let written = written(code);
        let mut found = BTreeSet::new();
        for import in &self.imports[at] {
            let is_named = written.iter().any(|path| path[0] == import.name);
            if !import.is_public || is_named {
                found.extend(self.lead(at, &import.path));
            }
        }
        for path in written.iter().filter(|path| path.len() > 1) {
            found.extend(self.lead(at, path));
        }
        found
    }

    /// Returns the file that has the item which `path`, written in the file `at`, names.
    fn lead(&self, at: usize, path: &[String]) -> Option<usize> {
        self.resolve(&self.absolute(at, path)?, 0)
    }

    /// Returns a path from the crate's root; `None` for one that leads out of the crate.
    fn absolute(&self, at: usize, path: &[String]) -> Option<Path> {
        let mut base = owned(&self.sources[at].module());
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => (base, rest) = (Path::new(), &path[1..]),
            "self" => rest = &path[1..],
            "super" => {
                while let Some(("super", more)) = rest.split_first().map(|(a, b)| (a.as_str(), b)) {
                    base.pop();
                    rest = more;
                }
            }
            first => {
                let mut child = base.clone();
                child.push(first.to_owned());
                if !self.modules.contains_key(&child) {
                    let import = self.imports[at]
                        .iter()
                        .find(|import| import.name == first)?;
                    // One that imports itself by its own name leads out of the crate.
                    if import.path.first().is_some_and(|name| name == first) {
                        return None;
                    }
                    base = self.absolute(at, &import.path)?;
                    rest = &path[1..];
                }
            }
        }
        base.extend(rest.iter().cloned());
        Some(base)
    }

    /// Returns the file that has the item at `path`, which begins at the crate's root.
    fn resolve(&self, path: &[String], depth: usize) -> Option<usize> {
        let length = (0..=path.len())
            .rev()
            .find(|length| self.modules.contains_key(&path[..*length]))?;
        let at = self.modules[&path[..length]];
        let Some(name) = path.get(length) else {
            return Some(at);
        };
        if depth > 8 || defines(&self.sources[at].code, name) {
            return Some(at);
        }
        for import in &self.imports[at] {
            let mut target = self.absolute(at, &import.path);
            if import.name == "*" {
                if let Some(target) = &mut target {
                    target.push(name.clone());
                }
            } else if import.name != *name {
                continue;
            }
            if let Some(found) = target.and_then(|target| self.resolve(&target, depth + 1)) {
                return Some(found);
            }
        }
        Some(at)
    }
}

fn owned(names: &[&str]) -> Path {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Whether the file has an item of this name.
fn defines(code: &[Token], name: &str) -> bool {
    const KINDS: &[&str] = &[
        "fn", "struct", "enum", "type", "trait", "const", "static", "union",
    ];
    code.windows(2).any(|pair| {
        pair[0].word().is_some_and(|word| KINDS.contains(&word)) && pair[1].word() == Some(name)
    })
}

/// Returns where each `use` begins and ends, the word and the semicolon included.
fn use_items(code: &[Token]) -> Vec<(usize, usize)> {
    code.iter()
        .enumerate()
        .filter(|(_, token)| token.word() == Some("use"))
        .map(|(start, _)| {
            let length = code[start..].iter().position(|token| token.is(';'));
            (start, start + length.unwrap())
        })
        .collect()
}

fn imports(code: &[Token]) -> Vec<Import> {
    let mut found = Vec::new();
    for (start, end) in use_items(code) {
        // `pub`, or the bracket of `pub(super)`.
        let is_public =
            start > 0 && (code[start - 1].word() == Some("pub") || code[start - 1].is(')'));
        let mut rest = &code[start + 1..end];
        read_tree(&mut rest, &Path::new(), is_public, &mut found);
    }
    found
}

/// Reads one tree of a `use`: a path, a group, or a path with a group.
fn read_tree(rest: &mut &[Token], prefix: &[String], is_public: bool, found: &mut Vec<Import>) {
    let mut path = prefix.to_vec();
    let mut name = None;
    while let Some((token, more)) = rest.split_first() {
        match token {
            Token::Word(word) if word == "as" => {
                name = more[0].word().map(str::to_owned);
                *rest = &more[1..];
                continue;
            }
            // `a::{self}` is `a`.
            Token::Word(word) if word != "self" || path.is_empty() => path.push(word.clone()),
            Token::Mark('*') => name = Some("*".to_owned()),
            Token::Mark('{') => {
                *rest = more;
                while !rest[0].is('}') {
                    read_tree(rest, &path, is_public, found);
                    if rest[0].is(',') {
                        *rest = &rest[1..];
                    }
                }
                *rest = &rest[1..];
                return;
            }
            Token::Mark(',' | '}') => break,
            _ => {}
        }
        *rest = more;
    }
    let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
    found.push(Import {
        path,
        name,
        is_public,
    });
}

/// Returns the paths outside of `use` items; one name alone is a path, too.
fn written(code: &[Token]) -> Vec<Path> {
    let skipped = use_items(code);
    let mut found = Vec::new();
    let mut at = 0;
    while at < code.len() {
        if let Some((_, end)) = skipped.iter().find(|(start, _)| *start == at) {
            at = end + 1;
            continue;
        }
        let before = at.checked_sub(1).map(|before| &code[before]);
        let goes_on = before.is_some_and(|before| before.is('.') || before.is(':'))
            // A type after one colon begins a path, a name after two goes on.
            && !(at >= 2 && code[at - 1].is(':') && !code[at - 2].is(':'));
        let Some(word) = code[at].word().filter(|_| !goes_on) else {
            at += 1;
            continue;
        };
        let mut path = vec![word.to_owned()];
        at += 1;
        while at + 2 < code.len() && code[at].is(':') && code[at + 1].is(':') {
            let Some(word) = code[at + 2].word() else {
                break;
            };
            path.push(word.to_owned());
            at += 3;
        }
        found.push(path);
    }
    found
}

#[test]
fn uses_are_found_in_code() {
    let source = |path: &str, text: &str| Source {
        path: path.to_owned(),
        code: tokens(text),
        lines: 0,
    };
    let sources = [
        source("lib.rs", "pub mod a; pub mod b;"),
        source(
            "a/mod.rs",
            "mod one; mod two; pub use one::One; pub(crate) use two::{Two, two as second}; pub struct A; fn f(x: Two) {}",
        ),
        source(
            "a/one.rs",
            "use super::{A, Two}; pub struct One; fn f(x: &crate::b::B) {}",
        ),
        source(
            "a/two.rs",
            "use std::fs; pub struct Two; pub fn two() { fs::read(); x.one::<u8>() }",
        ),
        source(
            "b.rs",
            "use crate::a::{self, One as First}; pub struct B; fn f() { println!(\"{}\", a::second()) }",
        ),
    ];
    let tree = Tree::of(&sources);
    let expected: &[(&str, &[&str])] = &[
        ("a/mod.rs", &["a/two.rs"]),
        ("a/one.rs", &["a/mod.rs", "a/two.rs", "b.rs"]),
        ("a/two.rs", &[]),
        ("b.rs", &["a/mod.rs", "a/one.rs", "a/two.rs"]),
        ("lib.rs", &[]),
    ];
    let expected: BTreeMap<&str, BTreeSet<&str>> = expected
        .iter()
        .map(|(path, used)| (*path, used.iter().copied().collect()))
        .collect();
    assert_eq!(tree.uses(), expected);
    assert_eq!(
        tree.roots(2),
        BTreeSet::from(["a".to_owned(), "b".to_owned()])
    );
}
