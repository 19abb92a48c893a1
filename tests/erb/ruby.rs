//! The same by Ruby, where one is installed: what the evaluator makes of templates, and templates that only Ruby supports.

use std::fs;

use super::project::{Project, find, fixtures};

/// Prints what ERB makes of the template on standard input.
const RENDER: &str = "print ERB.new(STDIN.read, trim_mode: '-').result";

/// Whether there is a Ruby; says so where there is none.
pub fn is_installed() -> bool {
    let found = find("ruby").is_some();
    if !found {
        eprintln!("no ruby is installed: nothing is compared with it");
    }
    found
}

#[test]
fn the_examples_are_the_same_by_ruby() {
    if !is_installed() {
        return;
    }
    for name in ["one-password", "bitwarden", "settings", "builder"] {
        let template = fs::read_to_string(fixtures().join(format!("{name}.erb"))).unwrap();
        let project = Project::with(&["ruby"]);
        let args = ["-E", "UTF-8:UTF-8", "-rerb", "-e", RENDER];
        let ended = project.run("ruby", &args, &[], &template).expect(0);
        let expected = fs::read_to_string(fixtures().join(format!("{name}.txt"))).unwrap();
        assert_eq!(ended.stdout, expected, "{name}");
    }
}

#[test]
fn what_goes_beyond_the_subset_is_evaluated_by_ruby() {
    if !is_installed() {
        return;
    }
    let project = Project::with(&["ruby"]);
    let template = "<%- [1, 2].each do |n| -%>\nA<%= n %>=<%= format('%03d', n) %>\n<%- end -%>\n<% puts 'é' %>B=é<%= `bw unlock --raw` %>\nC='<% _erbout << 'c' %>'\nD=<%= ENV['D'] %>\n";
    project.write(".env.erb", template);
    let ended = project.mrsk(&["envify"], &[("D", "d")]).expect(0);
    let expected = "A1=001\nA2=002\nB=ésession-9876543210\nC='c'\nD=d\n";
    assert_eq!(project.read(".env").unwrap(), expected);
    assert_eq!(ended.stdout, "wrote .env from .env.erb\n");
}

#[test]
fn what_ruby_finds_wrong_is_said_without_values() {
    if !is_installed() {
        return;
    }
    for (code, texts) in [
        (
            "raise \"no #{ENV['TOKEN']}\"",
            &["the template raised an error: no [REDACTED]"][..],
        ),
        ("`false`", &["exit status 1"]),
        ("`op signin --account x`", &["`op` failed: exit status 64"]),
        ("ENV['TOKEN'].nothing", &["unknown method `nothing`"]),
        (
            "Integer(ENV['TOKEN'].reverse.reverse[0, 7])",
            &["ArgumentError raised"],
        ),
        ("ENV.fetch('NO')", &["missing key `NO`"]),
        ("nothing_here", &["unknown name `nothing_here`"]),
        ("require 'nothing/here'", &["cannot load `nothing/here`"]),
        ("exit 0", &["the template exited"]),
        ("{ ENV['TOKEN'] =>", &["invalid Ruby syntax"]),
    ] {
        let project = Project::with(&["ruby", "false"]);
        project.write(".env.erb", &format!("A=1\nB=<% Time.now\n {code} %>\n"));
        project.write(".env", "OLD=1\n");
        let env = [("TOKEN", "hunter2hunter2")];
        let ended = project.mrsk(&["envify"], &env).expect(78).says(texts);
        let line = if code.contains("=>") {
            ".env.erb:"
        } else {
            ".env.erb:3:2"
        };
        ended.says(&[line, "beyond the subset that mrsk supports"]);
        assert_eq!(project.read(".env").unwrap(), "OLD=1\n");
    }
}

#[test]
fn a_template_that_looks_at_the_status_may_let_a_command_fail() {
    if !is_installed() {
        return;
    }
    let project = Project::with(&["ruby", "false"]);
    project.write(".env.erb", "A=<%= `false`; $?.exitstatus %>\n");
    project.mrsk(&["envify"], &[]).expect(0);
    assert_eq!(project.read(".env").unwrap(), "A=1\n");
}

#[test]
fn places_are_known_after_ruby_too() {
    if !is_installed() {
        return;
    }
    let project = Project::with(&["ruby"]);
    let text = "<% Time.now %>\nservice: shop\n<% [1].each do %>imagee: x\nhealthcheck:\n<% end %>  port: <%= ENV['TOKEN'] %>\nservers: [h]\n";
    project.write("config/deploy.yml", text);
    let env = [("TOKEN", "hunter2hunter2")];
    project.mrsk(&["config"], &env).expect(78).says(&[
        "unknown key `imagee`",
        "config/deploy.yml:3:18",
        "`healthcheck.port` must be a port, not `…`",
        "config/deploy.yml:5",
    ]);
}
