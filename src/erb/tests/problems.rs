//! What is wrong with a template, and what is beyond the subset.

use super::{Fixed, become_of};
use crate::diagnostic::Severity;
use crate::erb::evaluate;

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
        (
            "<%= `false --flag` %>",
            1,
            5,
            "`false` failed: exit status 1",
        ),
        (
            "<%= `false#{1} x` %>",
            1,
            5,
            "the command failed: exit status 1",
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
        ("%i(a)", "literal"),
        ("%r(a)", "literal"),
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
