//! The files of the repository, and the tokens of those below `src/`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A file below `src/`.
pub struct Source {
    /// Path below `src/`, with forward slashes.
    pub path: String,
    /// Its tokens without comments and without items under `#[cfg(test)]`.
    pub code: Vec<Token>,
    /// Lines of the whole file.
    pub lines: usize,
}

/// A token; groups are flattened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    Word(String),
    /// A character of punctuation or a bracket.
    Mark(char),
    /// A literal, and the documentation comments of an item.
    Literal,
}

impl Token {
    pub fn word(&self) -> Option<&str> {
        match self {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    pub fn is(&self, mark: char) -> bool {
        *self == Token::Mark(mark)
    }
}

impl Source {
    /// Returns the module that the file is, from the crate's root: `plan/wire.rs` is `[plan, wire]`.
    pub fn module(&self) -> Vec<&str> {
        match self.path.as_str() {
            "lib.rs" | "main.rs" => Vec::new(),
            path => path
                .trim_end_matches("/mod.rs")
                .trim_end_matches(".rs")
                .split('/')
                .collect(),
        }
    }

    /// Returns the code as text with single blanks between tokens, for rules about phrases.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for token in &self.code {
            match token {
                Token::Word(word) => {
                    if text.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                        text.push(' ');
                    }
                    text += word;
                }
                Token::Mark(mark) => text.push(*mark),
                Token::Literal => text += "\"\"",
            }
        }
        text
    }
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns all files below `dir` whose path has this ending, sorted.
pub fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub fn relative(path: &Path, to: &Path) -> String {
    path.strip_prefix(to)
        .unwrap()
        .to_string_lossy()
        .replace('\\', "/")
}

/// The files below `src/` that are no tests.
pub static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(sources);

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let tests = test_files();
    files(&src, ".rs")
        .into_iter()
        .filter(|path| {
            let path = relative(path, &src);
            !path.ends_with("tests.rs") && !path.contains("/tests/") && !tests.contains(&path)
        })
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            Source {
                path: relative(&path, &src),
                code: tokens(&text),
                lines: text.lines().count(),
            }
        })
        .collect()
}

/// Returns the paths below `src/` of the files that are declared as `#[cfg(test)] mod NAME;`.
fn test_files() -> BTreeSet<String> {
    let src = root().join("src");
    let mut found = BTreeSet::new();
    for path in files(&src, ".rs") {
        let text = fs::read_to_string(&path).unwrap();
        for declared in text.split("#[cfg(test)]").skip(1) {
            let line = declared.trim_start().lines().next().unwrap_or_default();
            let Some(name) = line
                .strip_prefix("mod ")
                .and_then(|rest| rest.strip_suffix(';'))
            else {
                continue;
            };
            let home = match path.file_name().and_then(|name| name.to_str()) {
                Some("mod.rs" | "lib.rs") => path.parent().unwrap().to_owned(),
                _ => path.with_extension(""),
            };
            found.insert(relative(&home.join(format!("{name}.rs")), &src));
        }
    }
    found
}

/// Returns the tokens of a file, without comments and without items under `#[cfg(test)]`.
pub fn tokens(text: &str) -> Vec<Token> {
    let stream: TokenStream = text.parse().unwrap();
    let mut found = Vec::new();
    flatten(stream, &mut found);
    found
}

fn flatten(stream: TokenStream, found: &mut Vec<Token>) {
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        let is_attribute = matches!(&tree, TokenTree::Punct(mark) if mark.as_char() == '#');
        if is_attribute && trees.peek().is_some_and(is_cfg_test) {
            // The item ends with its body or its semicolon.
            trees.by_ref().skip(1).find(|tree| match tree {
                TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                TokenTree::Punct(mark) => mark.as_char() == ';',
                _ => false,
            });
            continue;
        }
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => (Some('('), Some(')')),
                    Delimiter::Brace => (Some('{'), Some('}')),
                    Delimiter::Bracket => (Some('['), Some(']')),
                    Delimiter::None => (None, None),
                };
                found.extend(open.map(Token::Mark));
                flatten(group.stream(), found);
                found.extend(close.map(Token::Mark));
            }
            TokenTree::Ident(word) => found.push(Token::Word(word.to_string())),
            TokenTree::Punct(mark) => found.push(Token::Mark(mark.as_char())),
            TokenTree::Literal(_) => found.push(Token::Literal),
        }
    }
}

fn is_cfg_test(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Group(group) if group.stream().to_string().replace(' ', "") == "cfg(test)")
}

#[test]
fn tests_and_comments_are_no_code() {
    let text = "//! crate::a\nuse x; // crate::b\n#[cfg(test)]\nmod tests {\nuse crate::c;\n}\n\
                #[cfg(test)]\n#[path = \"x\"]\nmod more;\nfn f() {}";
    let source = Source {
        path: "a.rs".to_owned(),
        code: tokens(text).into_iter().skip(7).collect(),
        lines: 0,
    };
    assert_eq!(source.text(), "use x;fn f(){}");
}
