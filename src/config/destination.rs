//! Destinations: their names, their files, and how these are merged over the configuration.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::decoder::{list, shown, suggestion};
use super::node::{Entry, Kind, Node};
use crate::diagnostic::Diagnostic;

/// A destination, and the file that is merged over the configuration for it.
#[derive(Debug, Clone, Copy)]
pub struct Destination<'a> {
    /// Its name, as given by `-d`.
    pub name: &'a str,
    /// Path of its file, as messages have it.
    pub path: &'a str,
    /// Text of its file.
    pub text: &'a str,
}

/// Returns what is wrong with the name of a destination: it becomes part of names of files, containers
/// and routers.
pub fn check(name: &str) -> Option<Diagnostic> {
    let error = Diagnostic::error(format!("`{}` is not a valid destination name", shown(name)));
    let help =
        "use letters, digits, `_` and `-`; start with a letter or digit; at most 63 characters";
    (!is_name(name)).then(|| error.help(help))
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    !name.is_empty()
        && name.len() <= 63
        && !name.starts_with(['-', '_'])
        && name.bytes().all(allowed)
}

/// Returns the file of the destination `name` of the configuration at `path`: `deploy.staging.yml`
/// beside `deploy.yml`.
pub(super) fn file(path: &Path, name: &str) -> PathBuf {
    path.with_extension(format!("{name}.yml"))
}

/// Returns the destinations that have a file beside the configuration at `path`, sorted.
pub fn known(path: &Path) -> Vec<String> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            let file = entry.file_name().into_string().ok()?;
            let name = file.strip_prefix(&*stem)?.strip_prefix('.')?;
            let name = name.strip_suffix(".yml")?;
            is_name(name).then(|| name.to_owned())
        })
        .collect();
    names.sort();
    names
}

/// Returns what to do if the destination `name` has no file, while `known` have.
pub(super) fn help(name: &str, known: &[String]) -> String {
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    match suggestion(name, &names) {
        Some(close) => {
            let known = list(known);
            format!("did you mean `-d {close}`? known destinations: {known}")
        }
        None if known.is_empty() => {
            "create it with what differs from the configuration, or omit `-d`".to_owned()
        }
        None => format!("known destinations: {}", list(known)),
    }
}

/// Merges the content of a destination's file over that of the configuration. A file without content
/// changes nothing.
pub(super) fn merge(base: Node, over: Node) -> Node {
    match over.kind {
        Kind::Null => base,
        _ => merge_nodes(base, over),
    }
}

/// Maps are merged key by key; everything else takes the place of what stands in `base`, lists and
/// empty values too.
fn merge_nodes(mut base: Node, over: Node) -> Node {
    match (&mut base.kind, over.kind) {
        (Kind::Mapping(entries), Kind::Mapping(above)) => {
            merge_entries(entries, above);
            base
        }
        (_, kind) => Node { kind, ..over },
    }
}

fn merge_entries(entries: &mut Vec<Entry>, above: Vec<Entry>) {
    let numbered = entries.iter().enumerate();
    let places: HashMap<String, usize> = numbered
        .map(|(place, entry)| (entry.key.text.clone(), place))
        .collect();
    for over in above {
        let place = places.get(&over.key.text).copied();
        match place.and_then(|place| entries.get_mut(place)) {
            Some(entry) => match (&mut entry.value.kind, over.value.kind) {
                (Kind::Mapping(below), Kind::Mapping(above)) => merge_entries(below, above),
                (_, kind) => {
                    let value = Node { kind, ..over.value };
                    *entry = Entry { value, ..over };
                }
            },
            None => entries.push(over),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::node::{BASE, OVERLAY};
    use super::super::yaml;
    use super::*;

    /// Writes a tree as text, with `'` after each key and value that stands in the destination's file.
    fn written(node: &Node) -> String {
        let from = |file: usize| if file == OVERLAY { "'" } else { "" };
        let text = match &node.kind {
            Kind::Null => "~".to_owned(),
            Kind::Scalar { text, .. } => text.clone(),
            Kind::Sequence(items) => {
                format!(
                    "[{}]",
                    items.iter().map(written).collect::<Vec<_>>().join(" ")
                )
            }
            Kind::Mapping(entries) => {
                let entry = |entry: &Entry| {
                    let key = format!("{}{}", entry.key.text, from(entry.key.mark.file));
                    format!("{key}:{}", written(&entry.value))
                };
                format!(
                    "{{{}}}",
                    entries.iter().map(entry).collect::<Vec<_>>().join(" ")
                )
            }
        };
        text + from(node.mark.file)
    }

    #[test]
    fn maps_are_merged_and_everything_else_is_replaced() {
        for (base, over, expected) in [
            ("{a: 1, b: 2}", "{b: 3, c: 4}", "{a:1 b':3' c':4'}"),
            ("{a: {b: 1, c: 2}}", "{a: {c: 3}}", "{a:{b:1 c':3'}}"),
            (
                "{a: {b: {c: 1}}}",
                "{a: {b: {d: 2}}}",
                "{a:{b:{c:1 d':2'}}}",
            ),
            ("{a: [1, 2]}", "{a: [3]}", "{a':[3']'}"),
            ("{a: [1]}", "{a: {b: 2}}", "{a':{b':2'}'}"),
            ("{a: {b: 1}}", "{a: [2]}", "{a':[2']'}"),
            ("{a: {b: 1}}", "{a: text}", "{a':text'}"),
            ("{a: {b: 1}}", "{a: }", "{a':~'}"),
            ("{a: }", "{a: {b: 1}}", "{a':{b':1'}'}"),
            ("{a: {b: 1}}", "{a: {}}", "{a:{b:1}}"),
            ("{a: 1}", "# nothing", "{a:1}"),
            ("", "{a: 1}", "{a':1'}'"),
            (
                "{x: &x {a: 1}, b: {<<: *x}}",
                "{b: {a: 2}}",
                "{x:{a:1} b:{a':2'}}",
            ),
            (
                "{a: {b: 1}}",
                "{y: &y {b: 2}, a: *y}",
                "{a:{b':2'} y':{b':2'}'}",
            ),
        ] {
            let tree = |text, file| {
                let nothing = Node {
                    mark: super::super::parse::start(file),
                    kind: Kind::Null,
                };
                yaml::parse(text, file).unwrap().unwrap_or(nothing)
            };
            let merged = merge(tree(base, BASE), tree(over, OVERLAY));
            assert_eq!(written(&merged), expected, "{base} {over}");
        }
    }

    #[test]
    fn names_are_those_that_files_and_containers_can_have() {
        for name in ["staging", "eu-west_2", "Production", "2"] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "",
            "../x",
            "a/b",
            "a.b",
            "-x",
            "_x",
            "a b",
            "é",
            "a\nb",
            &"x".repeat(64),
        ] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn files_of_destinations_lie_beside_the_configuration() {
        assert_eq!(
            file(Path::new("config/deploy.yml"), "staging"),
            Path::new("config/deploy.staging.yml")
        );
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deploy.yml");
        assert!(known(&path).is_empty());
        for name in [
            "deploy.yml",
            "deploy.b.yml",
            "deploy.a.yml",
            "deploy.a.b.yml",
            "other.c.yml",
            "deploy.d.txt",
        ] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(known(&path), ["a", "b"]);
    }
}
