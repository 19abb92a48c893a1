//! What templates become: text, tags, expressions and methods.

use std::collections::BTreeMap;

use super::*;

mod limits;
mod places;
mod problems;
mod refusals;

/// A world of a few variables, whose commands print their own text.
struct Fixed {
    variables: BTreeMap<&'static str, &'static str>,
    commands: Vec<String>,
    broken: bool,
}

impl Fixed {
    fn new() -> Self {
        let variables = [
            ("USER", "deploy"),
            ("EMPTY", ""),
            ("TOKEN", "hunter2hunter2"),
        ];
        Self {
            variables: variables.into_iter().collect(),
            commands: Vec::new(),
            broken: false,
        }
    }
}

impl World for Fixed {
    fn prepare(&mut self) -> Result<(), Vec<Diagnostic>> {
        match self.broken {
            true => Err(vec![Diagnostic::error("a quote is not closed")]),
            false => Ok(()),
        }
    }

    fn variable(&mut self, name: &str) -> Option<String> {
        self.variables.get(name).map(|value| (*value).to_owned())
    }

    fn command(&mut self, command: &str) -> Result<String, Failure> {
        self.commands.push(command.to_owned());
        if command.starts_with("false") {
            return Err(Failure {
                how: "failed: exit status 1".to_owned(),
                said: format!("no session: {command}"),
            });
        }
        Ok(format!("{command}\n"))
    }

    fn ruby(&mut self, _argv: &[String], _input: &str) -> Option<Result<String, Failure>> {
        None
    }
}

fn become_of(template: &str) -> Result<String, Diagnostic> {
    let result = evaluate("x.erb", template, &mut Fixed::new());
    result
        .map(|evaluated| evaluated.text)
        .map_err(|mut problems| {
            assert_eq!(problems.len(), 1, "{problems:?}");
            problems.remove(0)
        })
}

#[track_caller]
fn becomes(template: &str, expected: &str) {
    match become_of(template) {
        Ok(text) => assert_eq!(text, expected, "{template}"),
        Err(problem) => panic!("{template}\n{problem:?}"),
    }
}

/// Checks that `code`, printed by `inspect`, gives `expected`.
#[track_caller]
fn gives(code: &str, expected: &str) {
    becomes(&format!("<%= ({code}).inspect %>"), expected);
}

#[test]
fn text_and_tags() {
    for (template, expected) in [
        ("", ""),
        ("plain %> text", "plain %> text"),
        ("a<%= 1 %>b", "a1b"),
        ("a<%# nothing %>b", "ab"),
        ("a<% x = 1 %>b<%= x %>", "ab1"),
        ("<%% <%= \"100%%>\" %> %%>", "<% 100%> %%>"),
        ("<%= %>|<%=\n%>|<%= 5; 6 %>|<%= 1 if nil %>", "||6|"),
        ("a<% x=1 %>  <%- y=2 %>b", "ab"),
        ("a  <%- y=2 %>b", "a  b"),
        ("  <%- y=2 %>b\n\t<%- y=2 -%>\nc", "b\nc"),
        ("<%= 1 -%>\r\nb<%= 2 -%> \nc", "1b2 \nc"),
        ("<%# c -%>\nb", "b"),
        ("<%-%>\nb", "\nb"),
        ("<% x = 1 # a comment %>a<%= x # another\n %>", "a1"),
        (
            "<% if ENV['NO'] %>a<% elsif ENV['USER'] %>b<% else %>c<% end %>",
            "b",
        ),
        ("<% unless ENV['NO'] then %>a<% else %>b<% end %>", "a"),
        ("<% if true\nif false %>a<% else %>b<% end\nend %>", "b"),
        (
            "<% if true %>a<% else raise ArgumentError, 'x' end %>b",
            "ab",
        ),
        ("<%= 'é' %>ü\n", "éü\n"),
    ] {
        becomes(template, expected);
    }
}

#[test]
fn expressions() {
    for (code, expected) in [
        ("nil", "nil"),
        (
            "[true, false, 1, -2, 'a', nil]",
            "[true, false, 1, -2, \"a\", nil]",
        ),
        ("%w[a b  c]", "[\"a\", \"b\", \"c\"]"),
        ("'a\\'b\\\\c\\n'", "\"a'b\\\\c\\\\n\""),
        (
            "\"a\\tb\\u00e9\\u{41}\\x41\\101\\e\\q\"",
            "\"a\\tbéAAA\\eq\"",
        ),
        ("\"a#{1 + 1}b#{\"c#{'}'}\"}\"", "\"a2bc}\""),
        ("'a' \"b\"", "\"ab\""),
        ("7 - 2 - 1", "4"),
        ("1 -2", "-1"),
        ("'a' + 1.to_s + \"b\"", "\"a1b\""),
        ("[1] + [2, 3] - [2]", "[1, 3]"),
        ("1 < 2 && 'a' <= 'b'", "true"),
        ("1 > 2 || 2 >= 2", "true"),
        ("1 == 1 && 'a' != 'b'", "true"),
        ("!nil == true", "true"),
        ("!!1", "true"),
        ("not not not nil", "true"),
        ("nil || 'x'", "\"x\""),
        ("false or nil", "nil"),
        ("1 and 2", "2"),
        ("true ? 1 : 2", "1"),
        ("x = 1; x ? 1 : 2", "1"),
        ("nil ? 1 : false ? 2 : 3", "3"),
        ("'a'.empty? ? 1 : 2", "2"),
        ("x = 1 if false; x", "nil"),
        ("x = false or true; x", "false"),
        ("x ||= 1; x += 2; x -= 1; x &&= x + 1; x", "3"),
        ("x = y = 2; x + y", "4"),
        ("if 1 == 2 then 3 else 4 end", "4"),
        ("nil&.strip", "nil"),
        ("'a '&.strip", "\"a\""),
        ("'a'\n.upcase\n.downcase", "\"a\""),
        ("1 +\n 2", "3"),
        ("(1; 2)", "2"),
        ("()", "nil"),
        ("ENV['USER']", "\"deploy\""),
        ("ENV[\"NO\"]", "nil"),
        ("ENV.fetch('USER')", "\"deploy\""),
        ("ENV.fetch 'NO', 'd'", "\"d\""),
        ("ENV.fetch('NO') { 'e' }", "\"e\""),
        ("ENV.fetch('EMPTY', 'd')", "\"\""),
        ("ENV.key?('USER') && !ENV.include?('NO')", "true"),
        ("`echo #{ENV['USER']}`", "\"echo deploy\\n\""),
        ("`whoami`.strip", "\"whoami\""),
    ] {
        gives(code, expected);
    }
}

#[test]
fn methods_of_values() {
    for (code, expected) in [
        ("\" \\0\\t a\\0 \".strip", "\"a\""),
        ("' a '.lstrip + '|' + ' a '.rstrip", "\"a | a\""),
        ("\"a\\r\\n\\n\".chomp", "\"a\\r\\n\""),
        (
            "\"a\\r\".chomp + 'abc'.chomp('bc') + \"a\\n\\n\".chomp('')",
            "\"aaa\"",
        ),
        ("\"a\\r\\n\".chop + 'ab'.chop + ''.chop", "\"aa\""),
        (
            "'ABC dEF'.capitalize + 'é'.upcase + 'ΑΣ'.downcase",
            "\"Abc defÉασ\"",
        ),
        ("'straße'.upcase + 'aB'.swapcase", "\"STRASSEAb\""),
        ("nil.to_s + 1.to_s + true.to_s", "\"1true\""),
        (
            "[' 12_3x'.to_i, '-4'.to_i, '1__2'.to_i, '+ 3'.to_i, 'x'.to_i, nil.to_i]",
            "[123, -4, 1, 0, 0, 0]",
        ),
        (
            "[''.empty?, [].empty?, nil.nil?, 'a'.nil?]",
            "[true, true, true, false]",
        ),
        ("'abc'.include?('b') && ['a'].include?('a')", "true"),
        (
            "'abc'.start_with?('x', 'a') && 'abc'.end_with?('bc')",
            "true",
        ),
        (
            "'a.b.c'.gsub('.', '-') + 'a.b.c'.sub('.', '-')",
            "\"a-b-ca-b.c\"",
        ),
        (
            "'abc'.gsub('b', '[\\\\0\\\\&\\\\1\\\\\\\\x\\\\q]')",
            "\"a[bb\\\\x\\\\q]c\"",
        ),
        ("'abc'.gsub('', 'x')", "\"xaxbxcx\""),
    ] {
        gives(code, expected);
    }
}

#[test]
fn parts_of_strings_and_lists() {
    for (code, expected) in [
        ("' a b  c '.split", "[\"a\", \"b\", \"c\"]"),
        ("',a,,b,,'.split(',')", "[\"\", \"a\", \"\", \"b\"]"),
        ("'aé'.split('')", "[\"a\", \"é\"]"),
        ("''.split(',')", "[]"),
        (
            "'a b'.split.join('-') + [1, [2, nil], []].join(',')",
            "\"a-b1,2,,\"",
        ),
        (
            "['a,b'.split(',').first, %w[a b].last, [].first]",
            "[\"a\", \"b\", nil]",
        ),
        ("[[1, 2].first(1), [1, 2].last(5)]", "[[1], [1, 2]]"),
        (
            "['abc'[-1], 'abc'[3], 'abc'[3, 1], 'abc'[4, 1], 'abc'['b'], 'abc'['x']]",
            "[\"c\", nil, \"\", nil, \"b\", nil]",
        ),
        (
            "['abc'[-2, 5], 'abc'[1, -1], [1, 2, 3][1, 5], [1, 2][2, 1], [1, 2][3, 1]]",
            "[\"bc\", nil, [2, 3], [], nil]",
        ),
        ("['aé'.length, [1].size]", "[2, 1]"),
        ("\"a\\n\\nb\".lines", "[\"a\\n\", \"\\n\", \"b\"]"),
        (
            "'hello'.tr('a-y', 'b-z') + 'hello'.tr('^l', '*') + 'hello'.tr('elo', '1')",
            "\"ifmmp**ll*h1111\"",
        ),
        (
            "'hello'.tr('ll', 'xy') + 'hel-lo'.tr('-', '_') + 'hello'.tr('l', '')",
            "\"heyyohel_loheo\"",
        ),
        (
            "'abc'.tr('^b-c', 'xy') + 'a]b'.tr(']-a', 'x') + 'a^b'.tr('b^', 'xy')",
            "\"ybcxxbayx\"",
        ),
        ("'abc'.delete_prefix('a').delete_suffix('c')", "\"b\""),
        ("'ab'.reverse + [1, 2].reverse.join", "\"ba21\""),
        ("[1, nil, 1].compact.uniq", "[1]"),
        (
            "[' '.blank?, 'a'.present?, ''.presence, nil.blank?]",
            "[true, true, nil, true]",
        ),
        ("'\"#{x}\\\\'", "\"\\\"\\#{x}\\\\\""),
    ] {
        gives(code, expected);
    }
}
