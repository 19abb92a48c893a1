//! `mrsk ALIAS`: which words run, and what is said of names that are no alias.

use std::collections::BTreeSet;

use mrsk::config::COMMANDS;

use crate::project::{DEPLOY, Project};

const ALIASES: &str = "
aliases:
  resolved: config --format json
  shout: config \"--format\" 'json'
  typo: config --no-such-option
";

fn project() -> Project {
    Project::new(&format!("{DEPLOY}{ALIASES}"))
}

#[test]
fn an_alias_runs_its_words_and_what_follows_it() {
    let project = project();
    let expected = project.mrsk(&["config", "--format", "json"]).expect(0);
    for alias in ["resolved", "shout"] {
        let ended = project.mrsk(&[alias]).expect(0);
        assert_eq!(ended.stdout, expected.stdout);
        assert_eq!(ended.stderr, expected.stderr, "warnings once");
    }
    let ended = project.mrsk(&["resolved", "--no-such-option"]).expect(64);
    assert!(
        ended
            .stderr
            .contains("unexpected argument `--no-such-option`")
    );
    let ended = project.mrsk(&["typo"]).expect(64);
    assert!(
        ended
            .stderr
            .contains("unexpected argument `--no-such-option`")
    );
}

#[test]
fn the_configuration_that_is_meant_is_read() {
    let project = project();
    project.write("other.yml", &format!("{DEPLOY}aliases: {{here: config}}\n"));
    project.write("config/deploy.staging.yml", "aliases: {stage: config}\n");
    project.mrsk(&["here", "-c", "other.yml"]).expect(0);
    project.mrsk(&["here", "--config-file=other.yml"]).expect(0);
    project.mrsk(&["here", "-cother.yml"]).expect(0);
    let attached = project.mrsk(&["stage", "--no-exec", "-dstaging"]).expect(0);
    assert!(attached.stdout.contains("destination: staging"));
    for (args, expected) in [
        (
            ["here", "-c", "missing.yml"],
            "configuration file missing.yml does not exist",
        ),
        (["stage", "-d", "stagging"], "did you mean `-d staging`?"),
    ] {
        let ended = project.mrsk(&args).expect(78);
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
    let staging = project
        .mrsk(&["stage", "--no-exec", "-d", "staging"])
        .expect(0);
    assert!(staging.stdout.contains("destination: staging"));
    let ended = project.mrsk(&["here"]).expect(64);
    assert!(
        ended.stderr.contains("unknown command `here`"),
        "{}",
        ended.stderr
    );
}

#[test]
fn other_words_are_unknown_commands_without_reading_anything() {
    let project = Project::new("this: [is not\n");
    let ended = project.mrsk(&["consle"]).expect(64);
    assert!(
        ended.stderr.contains("unknown command `consle`"),
        "{}",
        ended.stderr
    );
    let project = Project::new("aliases: {consle: [is not\n");
    project.mrsk(&["consle"]).expect(78);
}

#[test]
fn templates_are_evaluated_once_and_not_for_a_word_that_is_no_alias() {
    let counted = "# <%= `echo x >> count` %>\n";
    let project = Project::new(&format!("{counted}{DEPLOY}{ALIASES}"));
    let count = || std::fs::read_to_string(project.path("count")).unwrap_or_default();
    project.mrsk(&["resolved"]).expect(0);
    assert_eq!(count(), "x\n");
    project.mrsk(&["resolvd"]).expect(64);
    assert_eq!(count(), "x\n");
}

#[test]
fn words_behind_an_alias_of_exec_are_those_of_the_command() {
    let aliases = "aliases: {run: app exec, in: app exec --}\n";
    let project = Project::new(&format!("{DEPLOY}{aliases}"));
    let ended = project.mrsk(&["run", "sh", "-c", "echo hi"]).expect(64);
    assert!(
        ended.stderr.contains("`mrsk app exec -- sh -c 'echo hi'`"),
        "{}",
        ended.stderr
    );
    // It is run: what is missing is a secret.
    let ended = project.mrsk(&["in", "sh", "-c", "echo hi"]);
    assert_ne!(ended.code, 64, "{}", ended.stderr);
}

#[test]
fn every_command_is_one_that_no_alias_may_have() {
    let line = mrsk::cli::command_line();
    let commands = line
        .get_subcommands()
        .map(|command| command.get_name().to_owned());
    let commands: BTreeSet<String> = commands.chain(["help".to_owned()]).collect();
    let known = COMMANDS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(
        commands, known,
        "src/config/keys/aliases.rs lists the commands"
    );
}

#[test]
fn help_and_completions_have_the_aliases_of_the_project() {
    let project = project();
    let shown = "Aliases of this project:\n  resolved  config --format json\n  shout     config --format json\n";
    for ask in ["help", "--help", "-h"] {
        let ended = project.mrsk(&[ask]).expect(0);
        assert!(ended.stdout.contains(shown), "{ask}: {}", ended.stdout);
    }
    for shell in ["bash", "zsh", "fish"] {
        let ended = project.mrsk(&["completions", shell]).expect(0);
        assert!(ended.stdout.contains("resolved"), "{shell}");
    }
    // Nothing of the repository is run for it, and a file that is not valid changes nothing.
    project.write(
        "config/deploy.yml",
        &format!("{DEPLOY}<%= `touch ran` %>{ALIASES}"),
    );
    for invalid in ["aliases: {", "service: 1\naliases: {resolved: config}\n"] {
        let ended = project.mrsk(&["help"]).expect(0);
        assert!(!ended.stdout.contains("Aliases"), "{}", ended.stdout);
        assert_eq!(ended.stderr, "");
        project.mrsk(&["completions", "bash"]).expect(0);
        project.write("config/deploy.yml", invalid);
    }
    assert!(!project.path("ran").exists());
}
