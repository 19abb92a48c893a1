//! A world that refuses what templates need, and the tags that run commands.

use super::{Fixed, evaluate};
use crate::diagnostic::Diagnostic;
use crate::erb::{Failure, Need, Refusal, World};

/// A world that gives nothing but the variable `USER`, and fails the test if it is asked for more.
struct Sealed;

impl World for Sealed {
    fn refusal(&self, need: &Need<'_>) -> Option<Refusal> {
        (*need != Need::Variable("USER")).then(|| Refusal {
            message: format!("{need:?} refused"),
            help: "do without".to_owned(),
        })
    }

    fn prepare(&mut self) -> Result<(), Vec<Diagnostic>> {
        Ok(())
    }

    fn variable(&mut self, name: &str) -> Option<String> {
        assert_eq!(name, "USER");
        Some("deploy".to_owned())
    }

    fn command(&mut self, command: &str) -> Result<String, Failure> {
        panic!("{command}");
    }

    fn ruby(&mut self, _argv: &[String], input: &str) -> Option<Result<String, Failure>> {
        panic!("{input}");
    }
}

#[test]
fn what_is_refused_has_its_place() {
    for (template, place, message) in [
        ("a\n<%= `id` %>", "x.erb:2:5", "Command refused"),
        ("# <% x = `id` %>", "x.erb:1:10", "Command refused"),
        ("<%= ENV['NO'] %>", "x.erb:1:9", "Variable(\"NO\") refused"),
        (
            "<%= ENV.fetch('NO', 1) %>",
            "x.erb:1:15",
            "Variable(\"NO\") refused",
        ),
        (
            "<%= ENV.key?('NO') %>",
            "x.erb:1:14",
            "Variable(\"NO\") refused",
        ),
        ("<%= \"#{`id`}\" %>", "x.erb:1:8", "Command refused"),
        ("\n<%= %x(id) %>", "x.erb:2:5", "Command refused"),
        ("<%= File.read('x') %>", "x.erb:1:15", "File(\"x\") refused"),
        (
            "<%= File.exist? 'x' %>",
            "x.erb:1:17",
            "File(\"x\") refused",
        ),
        (
            "<% [1].each do |x| %><% end %>",
            "x.erb:1:13",
            "Ruby refused",
        ),
        ("<%= Time.now %>", "x.erb:1:5", "Ruby refused"),
    ] {
        let problems = evaluate("x.erb", template, &mut Sealed).expect_err(template);
        let shown = problems[0].place.as_ref().unwrap().to_string();
        assert_eq!(shown, place, "{template}");
        assert!(problems[0].message.contains(message), "{problems:?}");
        assert_eq!(problems[0].help.as_deref(), Some("do without"));
    }
    let text = evaluate(
        "x.erb",
        "<%= ENV['USER'] %><% `id` if false %>",
        &mut Sealed,
    );
    assert_eq!(text.unwrap().text, "deploy");
}

#[test]
fn tags_that_run_commands_are_known() {
    for (template, expected) in [
        (
            "a <%= `id` %>\n<% x = \n`id` %><%= x %>",
            &["x.erb:1:3", "x.erb:2:1"][..],
        ),
        ("<% if false %><%= `id` %><% end %><%= 1 %>", &[]),
        ("<%= `a` + `b` %>", &["x.erb:1:1"]),
        ("no tag `id`", &[]),
    ] {
        let evaluated = evaluate("x.erb", template, &mut Fixed::new()).unwrap();
        let places: Vec<String> = evaluated
            .command_tags("x.erb")
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(places, expected, "{template}");
    }
}
