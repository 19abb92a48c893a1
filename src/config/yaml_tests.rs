//! Texts and places of nodes, and a comparison with another parser.

use proptest::prelude::*;
use serde_yaml::Value;

use super::super::node::{BASE, Kind, Mark, Node};
use super::parse;

/// Returns every scalar with its position: `line:column+length text`.
fn scalars(text: &str) -> Vec<String> {
    fn walk(node: &Node, found: &mut Vec<String>) {
        let at = |mark: Mark| format!("{}:{}+{}", mark.line, mark.column, mark.length);
        match &node.kind {
            Kind::Null => found.push(format!("{} null", at(node.mark))),
            Kind::Scalar { text, .. } => found.push(format!("{} {text}", at(node.mark))),
            Kind::Sequence(items) => items.iter().for_each(|item| walk(item, found)),
            Kind::Mapping(entries) => {
                for entry in entries {
                    found.push(format!("{} {}:", at(entry.key.mark), entry.key.text));
                    walk(&entry.value, found);
                }
            }
        }
    }
    let mut found = Vec::new();
    let root = parse(text, BASE).unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
    walk(&root.unwrap(), &mut found);
    found
}

fn problems(text: &str) -> Vec<String> {
    let problems = parse(text, BASE).expect_err(text).into_iter();
    problems
        .map(|problem| {
            format!(
                "{}:{} {}",
                problem.mark.line, problem.mark.column, problem.message
            )
        })
        .collect()
}

#[test]
fn scalars_keep_their_text_and_know_their_place() {
    let cases: &[(&str, &[&str])] = &[
        ("a: 3.10", &["1:1+1 a:", "1:4+4 3.10"]),
        ("é: ü # c", &["1:1+1 é:", "1:4+1 ü"]),
        ("a: \"b c\" ", &["1:1+1 a:", "1:4+5 b c"]),
        (
            "a:\r\n  - 'x'\r\n  - y\r\n",
            &["1:1+1 a:", "2:5+3 x", "3:5+1 y"],
        ),
        (
            "a:\nb: ~\n",
            &["1:1+1 a:", "1:1+1 null", "2:1+1 b:", "2:1+1 null"],
        ),
        ("a: |\n  x\n  y\n", &["1:1+1 a:", "2:3+1 x\ny\n"]),
        ("a: |\n  x\n  y", &["1:1+1 a:", "2:3+1 x\ny"]),
        ("a: |\n  x\n# y", &["1:1+1 a:", "2:3+1 x\n"]),
        ("a: >-\n  x", &["1:1+1 a:", "2:3+1 x"]),
        ("a: one\n  two\n", &["1:1+1 a:", "1:4+3 one two"]),
        (
            "{a: ! 12, b: !!str null}",
            &["1:2+1 a:", "1:7+2 12", "1:11+1 b:", "1:20+4 null"],
        ),
        ("- &x yes\n- *x", &["1:6+3 yes", "2:3+2 yes"]),
        ("{?a: 1}", &["1:2+2 ?a:", "1:6+1 1"]),
    ];
    for (text, expected) in cases {
        assert_eq!(scalars(text), *expected, "{text}");
    }
}

#[test]
fn merge_keys_lie_below_own_keys_and_the_first_source_wins() {
    let merged = scalars("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  c: 3\n  <<: [*x, *y]\n");
    let values: Vec<&str> = merged[merged.len() - 6..]
        .iter()
        .filter_map(|line| line.split_once(' '))
        .map(|(_, text)| text)
        .collect();
    assert_eq!(values, ["c:", "3", "a:", "1", "b:", "1"]);
    assert_eq!(scalars("'<<': 1"), ["1:1+4 <<:", "1:7+1 1"]);
}

#[test]
fn what_cannot_be_read_is_named_with_its_place() {
    for (text, expected) in [
        (
            "a: 1\na: 2\n'a': 3",
            vec![
                "2:1 duplicate key `a`: first on line 1",
                "3:1 duplicate key `a`: first on line 1",
            ],
        ),
        (
            "a: !x 1\nb: !!binary 2",
            vec![
                "1:7 YAML tag `!x` is not supported",
                "2:13 YAML tag `tag:yaml.org,2002:!binary` is not supported",
            ],
        ),
        ("<<: 1", vec!["1:1 `<<` can only merge a map"]),
        ("a: &a {b: *a}", vec!["1:11 recursive alias"]),
        (
            "a: 1\n---\nb: 2",
            vec!["2:1 more than one YAML document in the file"],
        ),
        ("a:\n\t- b", vec!["2:1 tab used for indentation"]),
    ] {
        assert_eq!(problems(text), expected, "{text}");
    }
}

/// Says how `node` differs from what the other parser read. Numbers and booleans are not compared: there they have lost
/// their text.
fn difference(node: &Node, value: &Value) -> Option<String> {
    match (&node.kind, value) {
        (_, Value::Tagged(tagged)) => difference(node, &tagged.value),
        (Kind::Scalar { text, .. }, Value::String(other)) => {
            (text != other).then(|| format!("{text:?} {other:?}"))
        }
        (Kind::Scalar { .. }, Value::Number(_) | Value::Bool(_)) | (Kind::Null, Value::Null) => {
            None
        }
        (Kind::Sequence(items), Value::Sequence(others)) if items.len() == others.len() => {
            let mut pairs = items.iter().zip(others);
            pairs.find_map(|(item, other)| difference(item, other))
        }
        (Kind::Mapping(entries), Value::Mapping(others)) if entries.len() == others.len() => {
            let mut pairs = entries.iter().zip(others.iter());
            pairs.find_map(|(entry, (key, value))| match key {
                Value::String(key) if *key != entry.key.text => {
                    Some(format!("{key:?} {:?}", entry.key.text))
                }
                _ => difference(&entry.value, value),
            })
        }
        (kind, value) => Some(format!("{kind:?} {value:?}")),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    // A `?` has a blank after it: before a letter it begins a plain scalar in YAML 1.2, which `parse`
    // reads, and in a flow map of YAML 1.1, which the other parser reads, an explicit key.
    #[test]
    fn what_both_parsers_accept_they_read_alike(pieces in prop::collection::vec(prop::sample::select(vec![
        "a", "k1", "c: ", ": ", "x: ", "y:", "- ", "\n", "\n  ", "\n  ", "\n    ", "\n- ", "[", "]", "{", "}", ",", ", ", "\"",
        "'", "|\n", "|-\n", ">\n", ">-\n", "&a ", "!!str ", "#", " # ", " ", "  ", "é", "\\n", "\\", "0", "x y", "it's",
        "\r\n", "a:b", "-x", ":80", "http://x:1/", "@", "%", "$x", "*", "? ", "~", "''", "\"\"",
    ]), 0..25)) {
        let text = format!("r: {}", pieces.concat());
        let text = text.trim_end_matches(' ');
        if let (Ok(Some(node)), Ok(value)) = (parse(text, BASE), serde_yaml::from_str::<Value>(text)) {
            prop_assert_eq!(difference(&node, &value), None, "{:?}", text);
        }
    }
}

#[test]
fn comments_of_a_template_are_known() {
    for (before, expected) in [
        ("# ", true),
        ("  # x ", true),
        ("key: value # ", true),
        ("key: value#", false),
        ("key: '# ", false),
        ("key: 'a' # ", true),
        ("key: it's # ", true),
        ("key: \"# ' ", false),
        ("key: <%= 'x' # no %> ", false),
        ("key: <%= x %># ", false),
        ("key: <%= x %> # ", true),
        ("key: ", false),
        ("", false),
    ] {
        assert_eq!(super::ends_in_comment(before), expected, "{before}");
    }
}
