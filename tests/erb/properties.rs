//! Whatever a template contains, it ends, without a panic, and as Ruby has it. `MRSK_FUZZ=N` runs N cases of each.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Instant;

use mrsk::diagnostic::{self, Diagnostic, Place};
use mrsk::erb::{self, Failure, World};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

/// The longest that a template may take, in seconds, in a build without optimization on a busy machine.
const LONGEST: u64 = 20;

/// A world of one variable, whose commands print themselves or fail.
struct Echo;

impl World for Echo {
    fn prepare(&mut self) -> Result<(), Vec<Diagnostic>> {
        Ok(())
    }

    fn variable(&mut self, name: &str) -> Option<String> {
        (name == "USER").then(|| "deploy".to_owned())
    }

    fn command(&mut self, command: &str) -> Result<String, Failure> {
        match command.len() % 3 {
            0 => Err(Failure {
                how: "failed".to_owned(),
                said: command.to_owned(),
            }),
            _ => Ok(format!("{command}\n")),
        }
    }

    fn ruby(&mut self, _argv: &[String], input: &str) -> Option<Result<String, Failure>> {
        match input.len() % 4 {
            0 => None,
            _ => Some(Ok(input.chars().rev().collect())),
        }
    }
}

fn cases(few: u32) -> ProptestConfig {
    let asked = std::env::var("MRSK_FUZZ").ok();
    ProptestConfig {
        cases: asked.and_then(|number| number.parse().ok()).unwrap_or(few),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Evaluates a template, traces a place of the result, and shows what is wrong.
fn evaluate(template: &str) {
    let started = Instant::now();
    match erb::evaluate("x.erb", template, &mut Echo) {
        Ok(evaluated) => {
            for (line, column) in [(1, 1), (1, 5), (2, 3), (3, 0), (99, 99)] {
                let place = Place {
                    file: "x.erb".to_owned(),
                    line,
                    column,
                    length: 7,
                };
                let mut problems = [Diagnostic::error(&evaluated.text).at(place)];
                evaluated.trace("x.erb", &mut problems);
                show(&problems, template);
            }
        }
        Err(problems) => {
            assert_eq!(problems.len(), 1);
            assert!(problems[0].place.is_some() && problems[0].help.is_some());
            show(&problems, template);
        }
    }
    assert!(started.elapsed().as_secs() < LONGEST, "{template}");
}

fn show(problems: &[Diagnostic], template: &str) {
    assert!(
        !diagnostic::render(
            problems,
            &|_| Some(template.to_owned()),
            mrsk::text::Styling::Plain
        )
        .is_empty()
    );
}

/// Pieces of templates, in any order.
fn soup() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<%",
        "<%=",
        "<%-",
        "<%#",
        "<%%",
        "%>",
        "-%>",
        "%%>",
        "\n",
        "\r\n",
        " ",
        "a",
        "b",
        "é",
        "😀",
        "'",
        "\"",
        "`",
        "#{",
        "}",
        "{",
        "(",
        ")",
        "[",
        "]",
        ",",
        ".",
        "&.",
        "=",
        "==",
        "!=",
        "<",
        ">=",
        "&&",
        "||",
        "!",
        "?",
        ":",
        "+",
        "-",
        "+=",
        "||=",
        ";",
        "if ",
        "elsif ",
        "else ",
        "end ",
        "unless ",
        "then ",
        "nil",
        "true ",
        "and ",
        "or ",
        "not ",
        "raise ",
        "ENV",
        "fetch",
        "strip",
        "gsub",
        "tr",
        "split",
        "join",
        "first",
        "%w[",
        "\\",
        "\\u{",
        "\\x",
        "1",
        "99",
        "9223372036854775807",
        "# ",
        "\0",
        "::",
        "Error",
        "<<",
        "/",
        "\u{feff}",
    ]);
    prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat())
}

/// A text in quotes.
fn quoted() -> BoxedStrategy<String> {
    let characters = prop::sample::select(vec![
        "a", "b", "B", " ", "é", ",", "-", "1", "\\n", "\\t", "\\\\", "\\\"", "_", "#", "\\'",
    ]);
    let text = prop::collection::vec(characters, 0..5).prop_map(|parts| parts.concat());
    text.prop_map(|text| format!("\"{text}\"")).boxed()
}

/// Ruby that gives a text.
fn text(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        quoted(),
        Just("'it\\'s \\n'".to_owned()),
        Just("ENV[\"USER\"]".to_owned()),
        Just("ENV.fetch('NO', 'd')".to_owned()),
        Just("ENV.fetch('NO') { 'e' }".to_owned()),
        Just("`printf 'a b'`".to_owned()),
        Just("t".to_owned()),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let down = || text(depth - 1);
    let method = prop::sample::select(vec![
        "strip",
        "lstrip",
        "rstrip",
        "chomp",
        "chop",
        "upcase",
        "downcase",
        "capitalize",
        "swapcase",
        "reverse",
        "to_s",
        "inspect",
        "chomp('a')",
        "tr('a-z', 'b-za')",
        "tr('^a-c', '-')",
        "tr('b', '')",
        "delete_prefix('a')",
        "delete_suffix(' ')",
    ]);
    prop_oneof![
        leaf,
        (down(), method).prop_map(|(text, method)| format!("{text}.{method}")),
        (down(), down()).prop_map(|(left, right)| format!("({left} + {right})")),
        any_value(depth - 1).prop_map(|value| format!("\"<#{{{value}}}>\"")),
        any_value(depth - 1).prop_map(|value| format!("({value}).to_s")),
        any_value(depth - 1).prop_map(|value| format!("({value}).inspect")),
        (down(), quoted(), quoted())
            .prop_map(|(text, from, to)| format!("{text}.gsub({from}, {to})")),
        (down(), quoted(), quoted())
            .prop_map(|(text, from, to)| format!("{text}.sub({from}, {to})")),
        (down(), number(depth - 1)).prop_map(|(text, at)| format!("{text}[{at}, 2].to_s")),
        (list(depth - 1), quoted()).prop_map(|(list, by)| format!("{list}.join({by})")),
        (boolean(depth - 1), down(), down())
            .prop_map(|(test, a, b)| format!("({test} ? {a} : {b})")),
        (down(), down()).prop_map(|(a, b)| format!("({a} || {b})")),
    ]
    .boxed()
}

/// Ruby that gives a number.
fn number(depth: u32) -> BoxedStrategy<String> {
    let leaf = (-3..12_i64).prop_map(|number| number.to_string());
    if depth == 0 {
        return leaf.boxed();
    }
    let down = || number(depth - 1);
    prop_oneof![
        leaf,
        text(depth - 1).prop_map(|text| format!("{text}.to_i")),
        text(depth - 1).prop_map(|text| format!("{text}.length")),
        list(depth - 1).prop_map(|list| format!("{list}.size")),
        (down(), down()).prop_map(|(left, right)| format!("{left} + {right}")),
        (down(), down()).prop_map(|(left, right)| format!("({left} - {right})")),
    ]
    .boxed()
}

/// Ruby that gives true or false.
fn boolean(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop::sample::select(vec!["true", "false", "nil.nil?", "ENV.key?('USER')"]);
    let leaf = leaf.prop_map(str::to_owned);
    if depth == 0 {
        return leaf.boxed();
    }
    let order = prop::sample::select(vec!["==", "!=", "<", ">", "<=", ">="]);
    let equal = prop::sample::select(vec!["==", "!="]);
    let ask = prop::sample::select(vec!["include?", "start_with?", "end_with?"]);
    let both = prop::sample::select(vec!["&&", "||", "and", "or"]);
    prop_oneof![
        leaf,
        (number(depth - 1), order.clone(), number(depth - 1))
            .prop_map(|(l, op, r)| format!("({l} {op} {r})")),
        (text(depth - 1), order, text(depth - 1)).prop_map(|(l, op, r)| format!("({l} {op} {r})")),
        (any_value(depth - 1), equal, any_value(depth - 1))
            .prop_map(|(l, op, r)| format!("(({l}) {op} ({r}))")),
        (text(depth - 1), ask, text(depth - 1))
            .prop_map(|(text, ask, part)| format!("{text}.{ask}({part})")),
        (boolean(depth - 1), both, boolean(depth - 1))
            .prop_map(|(l, op, r)| format!("({l} {op} {r})")),
        boolean(depth - 1).prop_map(|value| format!("!{value}")),
        boolean(depth - 1).prop_map(|value| format!("(not {value})")),
        text(depth - 1).prop_map(|text| format!("{text}.empty?")),
    ]
    .boxed()
}

/// Ruby that gives a list.
fn list(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop::sample::select(vec!["%w[a b  c]", "[]", "[1, nil, \"a\"]", "l"]);
    let leaf = leaf.prop_map(str::to_owned);
    if depth == 0 {
        return leaf.boxed();
    }
    let method = prop::sample::select(vec![
        "reverse",
        "compact",
        "uniq",
        "first(2)",
        "last(1)",
        "[0, 2].to_a",
        "[-1, 1].to_a",
    ]);
    prop_oneof![
        leaf,
        (text(depth - 1), quoted()).prop_map(|(text, by)| format!("{text}.split({by})")),
        text(depth - 1).prop_map(|text| format!("{text}.split")),
        text(depth - 1).prop_map(|text| format!("{text}.lines")),
        (list(depth - 1), method).prop_map(|(list, method)| {
            let dot = if method.starts_with('[') { "" } else { "." };
            format!("{list}{dot}{method}")
        }),
        (list(depth - 1), list(depth - 1)).prop_map(|(left, right)| format!("({left} + {right})")),
        (any_value(depth - 1), any_value(depth - 1)).prop_map(|(a, b)| format!("[({a}), ({b})]")),
    ]
    .boxed()
}

fn any_value(depth: u32) -> BoxedStrategy<String> {
    prop_oneof![
        text(depth),
        number(depth),
        boolean(depth),
        list(depth),
        Just("nil".to_owned()),
        list(depth).prop_map(|list| format!("{list}.first")),
        list(depth).prop_map(|list| format!("{list}.last&.to_s")),
        // Often of the wrong kind.
        (text(depth), number(depth)).prop_map(|(text, number)| format!("({text} + {number})")),
        list(depth).prop_map(|list| format!("{list}[1].strip")),
    ]
    .boxed()
}

/// Templates that mean something. `t` is a text and `l` a list.
fn template() -> impl Strategy<Value = String> {
    let plain = prop::sample::select(vec![
        "a",
        " ",
        "\n",
        "  ",
        "\t",
        "%",
        "<%% x %%>",
        "é",
        "%>",
        "# ",
        "\r\n",
        "-",
    ]);
    let code = |value: BoxedStrategy<String>, begin: &'static str, end: &'static str| {
        value.prop_map(move |value| format!("{begin} {value} {end}"))
    };
    let part = prop_oneof![
        plain.prop_map(str::to_owned),
        code(any_value(2), "<%=", "%>"),
        code(any_value(2), "<%=", "-%>\n"),
        code(text(2), "<% t =", "%>"),
        code(text(1), "<%- t +=", "-%>"),
        code(list(2), "<% l =", "-%>\n"),
        code(boolean(2), "<% t = '' if", "%>"),
        code(boolean(2), "<%# ", "-%>\n"),
        (boolean(2), any_value(2)).prop_map(|(test, value)| format!(
            "<% if {test} %>\n<%= {value} %><% else -%>\nno<% end %>"
        )),
        (boolean(2), boolean(1)).prop_map(|(one, two)| format!(
            "<% unless {one} %>1<% end %><% if {two} then %>2<%- elsif {one} %>3<% end -%>\n"
        )),
    ];
    prop::collection::vec(part, 1..6)
        .prop_map(|parts| format!("<% t = \"é b,a\"; l = ['x', 1] -%>\n{}", parts.concat()))
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn any_text_is_evaluated_or_refused(text in "\\PC{0,60}") {
        evaluate(&text);
        evaluate(&format!("<%= {text} %>"));
    }

    #[test]
    fn any_soup_of_tags_is_evaluated_or_refused(text in soup()) {
        evaluate(&text);
    }

    #[test]
    fn any_soup_of_code_is_evaluated_or_refused(text in soup(), more in soup()) {
        evaluate(&format!("x: <%= {text} %>\n<% if true %>{more}<% end %>"));
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn templates_that_mean_something_are_evaluated_or_refused(template in template()) {
        evaluate(&template);
    }
}

/// Returns what Ruby makes of each template; nothing of those that end with an error.
#[expect(
    clippy::disallowed_methods,
    reason = "Ruby is asked once for many templates"
)]
fn by_ruby(templates: &[String]) -> Vec<Option<String>> {
    let script = "
        STDIN.read.split(\"\\0\", -1).each do |source|
          begin
            print 'T', ERB.new(source, trim_mode: '-').result
          rescue Exception
            print 'E'
          end
          print \"\\0\"
        end";
    let mut child = Command::new("ruby")
        .args(["-W0", "-E", "UTF-8:UTF-8", "-rerb", "-e", script])
        .env("USER", "deploy")
        .env_remove("NO")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = templates.join("\0");
    let feed = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    feed.join().unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let answers = text.split_terminator('\0');
    answers
        .map(|answer| answer.strip_prefix('T').map(str::to_owned))
        .collect()
}

/// A world as Ruby sees it.
struct Same;

impl World for Same {
    fn prepare(&mut self) -> Result<(), Vec<Diagnostic>> {
        Ok(())
    }

    fn variable(&mut self, name: &str) -> Option<String> {
        (name == "USER").then(|| "deploy".to_owned())
    }

    fn command(&mut self, command: &str) -> Result<String, Failure> {
        assert_eq!(command, "printf 'a b'");
        Ok("a b".to_owned())
    }

    fn ruby(&mut self, _argv: &[String], _input: &str) -> Option<Result<String, Failure>> {
        None
    }
}

#[test]
fn templates_become_the_same_as_by_ruby() {
    if !super::ruby::is_installed() {
        return;
    }
    let count = cases(400).cases.min(20_000) as usize;
    let mut runner = proptest::test_runner::TestRunner::default();
    let many = prop::collection::vec(template(), count);
    let templates = many.new_tree(&mut runner).unwrap().current();
    let expected = by_ruby(&templates);
    assert_eq!(templates.len(), expected.len());
    let mut tally: BTreeMap<&str, usize> = BTreeMap::new();
    for (template, expected) in templates.iter().zip(expected) {
        let actual = match erb::evaluate("x.erb", template, &mut Same) {
            Ok(evaluated) => Some(evaluated.text),
            Err(problems) => {
                let unsupported = problems[0].message.contains("unsupported Ruby");
                assert!(!unsupported, "{template}\n{problems:?}");
                None
            }
        };
        let kind = if actual.is_some() { "text" } else { "error" };
        *tally.entry(kind).or_default() += 1;
        assert_eq!(actual, expected, "{template}");
    }
    println!("the same by Ruby: {tally:?}");
    assert!(
        tally.get("text").is_some_and(|texts| texts * 4 > count),
        "{tally:?}"
    );
}
