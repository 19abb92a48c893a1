use std::collections::BTreeMap;

use super::*;
use crate::diagnostic::Severity;

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
                how: "ended with status 1".to_owned(),
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

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (template, line, column, words) in [
        ("a\nb <% x", 2, 3, "unclosed tag"),
        ("a <%= 'x %>", 1, 7, "unclosed quote"),
        ("<%= `x %>", 1, 5, "unclosed backtick"),
        ("<%= \"#{1 %>", 1, 6, "unclosed `#{`"),
        ("<%= 'a' --%>", 1, 10, "incomplete expression"),
        ("<% x = %>", 1, 10, "incomplete expression"),
        ("é <% if true %>", 1, 6, "missing `end`"),
        ("<% end %>", 1, 4, "unexpected `end`"),
        (
            "<% if 1 %>\n<% else %>\n<% else %><% end %>",
            3,
            4,
            "unexpected `else`",
        ),
        ("<%= (1 %>", 1, 5, "missing `)`"),
        ("<%= nil.strip %>", 1, 5, "nil has no method `strip`"),
        ("<%= ENV['NO'].strip %>", 1, 5, "nil has no method `strip`"),
        ("<%= 'a' + nil %>", 1, 5, "expected a string, got nil"),
        ("<%= nil + 'a' %>", 1, 5, "nil has no method `+`"),
        ("<%= 1 < 'a' %>", 1, 5, "expected a number, got a string"),
        ("<%= 'a'.first %>", 1, 5, "a string has no method `first`"),
        (
            "<%= ENV.fetch('NO') %>",
            1,
            5,
            "environment variable `NO` is not set",
        ),
        ("<%= 9223372036854775807 + 1 %>", 1, 5, "out of range"),
        (
            "x\n<% raise 'no session' %>",
            2,
            4,
            "the template raised an error: no session",
        ),
        (
            "<% raise ArgumentError, 'no session' unless ENV['NO'] %>",
            1,
            4,
            "no session",
        ),
        ("<% raise Some::Error %>", 1, 4, "Some::Error"),
        ("<% raise('x') %>", 1, 4, "raised an error: x"),
        ("<% raise %>", 1, 4, "raised an error"),
        ("<%= `false --flag` %>", 1, 5, "`false` ended with status 1"),
        (
            "<%= `false#{1} x` %>",
            1,
            5,
            "the command ended with status 1",
        ),
    ] {
        let problem = become_of(template).expect_err(template);
        let place = problem.place.clone().unwrap();
        assert!(problem.message.contains(words), "{template}: {problem:?}");
        assert_eq!(
            (place.line, place.column),
            (line, column),
            "{template}: {problem:?}"
        );
        assert_eq!(problem.severity, Severity::Error);
        assert!(problem.help.is_some(), "{problem:?}");
    }
}

#[test]
fn what_is_beyond_the_subset_is_refused_before_anything_runs() {
    for (code, what) in [
        ("Time.now", "`Time`"),
        ("puts 'x'", "`puts`"),
        ("[1].each { |x| x }", "`|`"),
        ("[1].map(&:to_s)", "`map`"),
        ("'a'.split.join(&x)", "`&`"),
        ("'a' =~ /b/", "`=~`"),
        ("'a'.gsub(/b/, '')", "`/`"),
        ("'a'.match?('b')", "`match?`"),
        (":a", "`:`"),
        ("{a: 1}", "`{`"),
        ("1.5", "number"),
        ("0x1f", "number"),
        ("x = 1, 2", "`,`"),
        ("ENV['A'] = 'b'", "`=`"),
        ("ENV.to_h", "`ENV`"),
        ("while true do end", "`while`"),
        ("begin; 1; end", "`begin`"),
        ("case 1 when 1 then 2 end", "`case`"),
        ("\"\\M-a\"", "escape"),
        ("\"\\xff\"", "escape"),
        ("\"#$x\"", "`#$`"),
        ("%q(a)", "literal"),
        ("<<~X\n", "`<<`"),
        ("'a' 1", "a number"),
        ("1 == 1 == true", "`==`"),
        ("'abc'[1..]", "`..`"),
        ("'a'.split(',', 2)", "2 arguments"),
        ("defined?(x)", "`defined?`"),
        ("@x", "`@`"),
        ("$?", "`$`"),
        ("x.y = 1", "`x`"),
        ("'a' * 3", "`*`"),
        ("-> { 1 }", "`->`"),
        ("§", "`§`"),
        ("x = 1; x.to_s.gsub(/'/, '')", "`/`"),
        ("'a' == ?'", "`?`"),
        ("<<~X.strip\n it's\nX\n", "`<<`"),
        ("$'", "`$`"),
        ("1\n=begin\nit's\n=end\n", "`begin`"),
    ] {
        let mut world = Fixed::new();
        let template = format!("<% `touch x` %>\n<% {code} %>");
        let problems = evaluate("x.erb", &template, &mut world).expect_err(code);
        let [problem] = problems.as_slice() else {
            panic!("{problems:?}")
        };
        assert!(problem.message.contains(what), "{code}: {problem:?}");
        assert!(
            problem.message.contains("unsupported Ruby"),
            "{code}: {problem:?}"
        );
        assert!(problem.place.as_ref().unwrap().line >= 2, "{code}");
        assert!(world.commands.is_empty(), "{code}");
    }
}

#[test]
fn messages_show_nothing_that_was_looked_up() {
    for template in [
        "<% raise ENV['TOKEN'] %>",
        "<% raise \"no #{ENV['TOKEN']}!\" %>",
        "<% x = `op signin hunter2hunter2`; `false #{x}` %>",
        "<% x = `op signin`; raise x + ENV.fetch('TOKEN') %>",
        "<%= ENV.fetch(ENV['TOKEN']) %>",
    ] {
        let problem = become_of(template).expect_err(template);
        assert!(!format!("{problem:?}").contains("hunter2"), "{problem:?}");
    }
}

#[test]
fn an_environment_that_cannot_be_read_matters_to_templates_alone() {
    let mut world = Fixed::new();
    world.broken = true;
    assert!(evaluate("x.erb", "plain", &mut world).is_ok());
    let problems = evaluate("x.erb", "<%= 1 %>", &mut world).unwrap_err();
    assert_eq!(problems[0].message, "a quote is not closed");
}

#[test]
fn nothing_grows_or_nests_without_bound() {
    let deep =
        |open: &str, close: &str| format!("<%= {}1{} %>", open.repeat(9_000), close.repeat(9_000));
    let doubled = format!(
        "<% a = 'aaaaaaaa' %>{}<%= a %>",
        "<% a = a + a %>".repeat(100)
    );
    let lists = format!("<% a = [] %>{}", "<% a = [a] %>".repeat(9_000));
    let wide = format!("<% a = [1] %>{}", "<% a = [a, a] %>".repeat(19));
    let quoted = format!("<%= {}1{} %>", "\"#{".repeat(900), "}\"".repeat(900));
    for (template, words) in [
        (deep("(", ")"), "nested too deeply"),
        (deep("[", "]"), "nested too deeply"),
        (format!("<%= {}1 %>", "1 + ".repeat(9_000)), "too long"),
        (format!("<%= 'a'{} %>", ".strip".repeat(9_000)), "too long"),
        (
            format!("<% if 1 %>{}", "<% if 1 %>".repeat(9_000)),
            "nested too deeply",
        ),
        (
            format!("<%= {} %>", "1;".repeat(70_000)),
            "more than 65536 bytes",
        ),
        (format!("<%= {} %>", "1;".repeat(30_000)).repeat(4), "words"),
        ("<%= 1 %>".repeat(60_000), "parts"),
        (
            format!("<% a = 'aaaaaaaa' %>{}", "<% a = a + a %>".repeat(30)),
            "limit",
        ),
        (doubled, "limit"),
        (lists, "nested too deeply"),
        (wide, "limit"),
        (quoted, "nested too deeply"),
        (
            "<%= 'a'.tr(\"\\u{1}-\\u{10ffff}\", 'b') %>".repeat(3),
            "limit",
        ),
        (
            format!(
                "<% a = 'a' %>{}<%= a.gsub('a', \"\\\\`\") %>",
                "<% a = a + a %>".repeat(16)
            ),
            "limit",
        ),
    ] {
        let started = std::time::Instant::now();
        let problem = become_of(&template).expect_err(words);
        assert!(problem.message.contains(words), "{words}: {problem:?}");
        assert!(started.elapsed().as_secs() < 10, "{words}");
    }
    becomes(&format!("<%= {}1 %>", "!".repeat(9_000)), "true");
    becomes(&format!("<%= {}1 %>", "not ".repeat(9_001)), "false");
    let arms = "<% elsif false %>a".repeat(5_000);
    becomes(&format!("<% if false %>b{arms}<% else %>c<% end %>"), "c");
}

#[test]
fn places_of_the_text_are_traced_to_the_template() {
    let template =
        "é: <%= ENV['USER'] %> x\n<% if true -%>\n  b: 1<%# c %>2\n<% end %>z: <%=\n 1 %>\n";
    let evaluated = evaluate("x.erb", template, &mut Fixed::new()).unwrap();
    assert_eq!(evaluated.text, "é: deploy x\n  b: 12\nz: 1\n");
    for ((line, column, length), expected) in [
        ((1, 1, 1), (1, 1, 1)),
        ((1, 4, 6), (1, 4, 18)),
        ((1, 6, 1), (1, 4, 18)),
        ((1, 11, 1), (1, 23, 1)),
        ((1, 1, 11), (1, 1, 23)),
        ((2, 3, 1), (3, 3, 1)),
        ((2, 7, 1), (3, 15, 1)),
        ((3, 1, 1), (4, 10, 1)),
        ((3, 4, 1), (4, 13, 3)),
        ((2, 0, 1), (3, 0, 1)),
        ((0, 0, 1), (0, 0, 1)),
        ((9, 9, 9), (6, 1, 1)),
    ] {
        let mut place = crate::diagnostic::Place {
            file: "x.erb".to_owned(),
            line,
            column,
            length,
        };
        evaluated.trace_places("x.erb", [&mut place]);
        let traced = (place.line, place.column, place.length);
        assert_eq!(traced, expected, "{line}:{column}");
    }
}

#[test]
fn values_are_left_out_of_messages_about_the_text() {
    let template =
        "<%= ENV['TOKEN'] %>:<%= ENV['USER'] %><%= \"a\\\"long value \" + ENV['USER'] %>";
    let evaluated = evaluate("x.erb", template, &mut Fixed::new()).unwrap();
    for (message, expected) in [
        ("unknown key `hunter2hunter2`", "unknown key `…`"),
        ("not `hunter2hun…`", "not `…`"),
        ("not `hunter2hun`, at a dep", "not `hunter2hun`, at a dep"),
        ("`xdeploy` and a long value deploy", "`x…` and a …"),
    ] {
        let mut found = [Diagnostic::error(message).help(message)];
        evaluated.trace("x.erb", &mut found);
        assert_eq!(found[0].message, expected);
        assert_eq!(found[0].help.as_deref(), Some(expected));
    }
}
