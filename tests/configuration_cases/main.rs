//! Configurations as users have them: each directory of `fixtures/cases` is a project, and the table says what mrsk makes of it.
//! No lab, no network.

#[path = "../ended/mod.rs"]
mod ended;
mod project;
mod table;

use project::{Project, is_root};
use table::{CASES, FRESH};
#[test]
fn each_case_is_as_the_table_says() {
    let mut failures = Vec::new();
    for case in CASES {
        let project = Project::of(case.project);
        project.change("config/deploy.yml", case.changes);
        let ended = project.commit().mrsk(case.command, &[]);
        let lacks_said = case
            .says
            .iter()
            .filter(|text| !ended.stderr.contains(**text));
        let lacks_printed = case
            .prints
            .iter()
            .filter(|text| !ended.stdout.contains(**text));
        let lacks: Vec<_> = lacks_said.chain(lacks_printed).collect();
        if ended.code != case.code || !lacks.is_empty() {
            failures.push(format!(
                "== {} {:?}: exit {}, lacks {lacks:?}\n{}",
                case.project, case.changes, ended.code, ended.stderr
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn the_permission_bits_of_a_file_are_kept() {
    for (bits, expected) in [
        (0o400, "0400"),
        (0o644, "0644"),
        (0o666, "0644"),
        (0o755, "0755"),
    ] {
        let project = Project::of("accessory-key-file-mode");
        project.set_mode("mongo.key", bits);
        let ended = project
            .commit()
            .mrsk("plan accessory boot mongo --fresh --no-secrets", &[]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let mode = format!(
            "\"path\": \"/root/shop-mongo/app/mongo.key\",\n            \"mode\": \"{expected}\""
        );
        assert!(ended.stdout.contains(&mode), "{expected}: {}", ended.stdout);
    }
}

#[test]
fn ruby_has_what_the_original_had_loaded() {
    for (name, prints) in [
        ("erb-json-with-ruby", "- 192.0.2.1\n  - 192.0.2.2\n"),
        ("erb-require-relative", "- 192.0.2.1\n"),
    ] {
        let project = Project::of(name);
        let Some(project) = project.with_ruby() else {
            eprintln!("no ruby is installed: {name} is not tried");
            continue;
        };
        let ended = project.commit().mrsk("config", &[]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(ended.stdout.contains(prints), "{}", ended.stdout);
    }
}

#[test]
fn a_file_that_a_template_lacks_is_named() {
    let expected = [
        "no such file or directory: `.ruby-version`",
        "deploy.yml:11:",
        "tags in comments are evaluated too: remove it, or begin it with `<%#`",
    ];
    let plain = Project::of("erb-missing-file").commit();
    plain.mrsk("config", &[]).expect(78).says(&expected);
    let beyond = Project::of("erb-missing-file");
    beyond.change("config/deploy.yml", &[(".strip", ".strip.each_line.first")]);
    if let Some(beyond) = beyond.with_ruby() {
        beyond
            .commit()
            .mrsk("config", &[])
            .expect(78)
            .says(&expected);
    }
    let there = Project::of("erb-missing-file");
    there.write(".ruby-version", "3.3.0\n");
    there.commit().mrsk("config", &[]).expect(0);
}

#[test]
fn commands_and_files_are_read_without_ruby() {
    let project = Project::of("erb-percent-x-without-ruby");
    project.write("VERSION", "1.2.3\n");
    project.change(
        "config/deploy.yml",
        &[(
            "labels:\n",
            "labels:\n  version: <%= File.read('VERSION').strip %>\n  kind: <%= %q(a b) %>\n",
        )],
    );
    let project = project.commit();
    let ended = project.mrsk("config", &[]).expect(0);
    for text in ["version: 1.2.3", "kind: a b", "revision: "] {
        assert!(ended.stdout.contains(text), "{}", ended.stdout);
    }
    let sealed = project.mrsk("config --no-exec", &[]).expect(78);
    sealed.says(&["--no-exec does not allow"]);
}

#[test]
fn an_error_of_yaml_is_shown_at_the_tag_whose_output_causes_it() {
    for note in [
        "!abc", "one\ntwo", "{abc", "@abc", "a: b", "*abc", "\"abc", "&x",
    ] {
        let project = Project::of("erb-error-points-elsewhere").commit();
        let ended = project.mrsk("config", &[("NOTE", note)]);
        if note == "&x" {
            continue;
        }
        ended
            .expect(78)
            .says(&["deploy.yml:12:9", "12 │   note: <%= ENV['NOTE'] %>"]);
    }
    let project = Project::of("erb-error-points-elsewhere").commit();
    project.mrsk("config", &[("NOTE", "fine")]).expect(0);
}

#[test]
fn what_git_refuses_is_said() {
    if !is_root() {
        eprintln!("not root: the owner of a repository is not changed");
        return;
    }
    let project = Project::of("git-owned-by-another").commit();
    project.give_to_another_user();
    let ended = project.mrsk(FRESH, &[]).expect(78);
    ended.says(&[
        "detected dubious ownership in repository at",
        "git config --global --add safe.directory '/",
    ]);
}

#[test]
fn hooks_are_found_and_planned() {
    let project = Project::of("hooks-ignored");
    for hook in [
        ".mrsk/hooks/pre-deploy",
        ".kamal/hooks/docker-setup",
        ".kamal/hooks/x.sample",
    ] {
        project.write(hook, "#!/bin/sh\n");
        project.set_mode(hook, 0o755);
    }
    let project = project.commit();
    let ended = project.mrsk(FRESH, &[]).expect(0);
    ended.says(&[
        "Run .mrsk/hooks/pre-deploy",
        "Run .kamal/hooks/docker-setup",
    ]);
    project.set_mode(".mrsk/hooks/pre-deploy", 0o644);
    let ended = project.mrsk(FRESH, &[]).expect(78);
    ended.says(&[
        "the hook .mrsk/hooks/pre-deploy is not executable",
        "chmod +x",
    ]);
    let skipped = format!("{FRESH} --skip-hooks");
    let ended = project.mrsk(&skipped, &[]).expect(0);
    assert!(!ended.stderr.contains("Run .mrsk/hooks"));
}

#[test]
fn a_hook_that_cannot_be_run_is_refused_and_never_left_out() {
    let project = Project::of("hooks-ignored");
    let hook = ".kamal/hooks/pre-deploy";
    project.write(hook, "#!/usr/bin/env bash\r\nexit 0\r\n");
    project.set_mode(hook, 0o755);
    let project = project.commit();
    let skipped = format!("{FRESH} --skip-hooks");
    let refused = |why: &str| {
        let ended = project.mrsk(FRESH, &[]).expect(78);
        ended.says(&[
            &format!("cannot run the hook {hook}: {why}"),
            "--skip-hooks",
        ]);
        project.mrsk(&skipped, &[]).expect(0);
    };
    refused("its first line ends with a carriage return (CRLF)");
    project.remove(hook);
    project.link(hook, "../../no-such-file");
    refused("it is a link to a file that does not exist");
    project.remove(hook);
    project.link(hook, "/etc/passwd");
    refused("it is a link to /etc/passwd, outside of the repository");
    project.remove(hook);
    project.write(&format!("{hook}/text"), "");
    refused("is a directory");
}

#[test]
fn env_files_may_have_colons() {
    let project = Project::of("dotenv-colon").commit();
    project.write(".env", "MRSK_REGISTRY_PASSWORD: value-123\n");
    project.set_mode(".env", 0o600);
    project.write(".dockerignore", ".env\n");
    project.mrsk("plan --fresh", &[]).expect(0);
}

#[test]
fn a_program_that_is_not_installed_is_named() {
    let project = Project::of("secret-named-twice").commit();
    let ended = project.mrsk("inspect", &[]).expect(69);
    ended.says(&["`ssh` is not installed on this machine, or not in PATH"]);
    let project = Project::without("secret-named-twice", "git");
    let ended = project.mrsk(FRESH, &[]).expect(78);
    ended.says(&["git is not installed", "or pass `--version VERSION`"]);
}

#[test]
fn an_empty_secret_is_a_warning() {
    let project = Project::of("secret-named-twice").commit();
    let env = [
        ("SECRET_KEY", ""),
        ("SENTRY_DSN", "x"),
        ("MRSK_REGISTRY_PASSWORD", "y"),
    ];
    project
        .mrsk("plan --fresh", &env)
        .expect(0)
        .says(&["⚠ secret `SECRET_KEY` is empty"]);
}

#[test]
fn a_value_that_no_command_can_have_is_refused_by_name() {
    let long = "x".repeat(200_000);
    let project = Project::of("secret-named-twice");
    let clear = format!("env:\n  clear:\n    LONG: {long}\n");
    project.change("config/deploy.yml", &[("env:\n", &clear)]);
    let ended = project.commit().mrsk("config", &[]).expect(78);
    assert!(
        ended
            .stderr
            .contains("the value of variable `LONG` is too long")
            && ended.stderr.len() < 2000
    );
    let project = Project::of("secret-named-twice").commit();
    project.write(
        ".env",
        &format!("SECRET_KEY={long}\nSENTRY_DSN=x\nMRSK_REGISTRY_PASSWORD=y\n"),
    );
    project.set_mode(".env", 0o600);
    let ended = project.mrsk("plan --fresh", &[]).expect(78);
    assert!(ended.stderr.contains("secret `SECRET_KEY` is too long") && ended.stderr.len() < 2000);
}

#[test]
fn a_secret_whose_value_is_a_word_of_the_plan_is_no_leak() {
    let env = |value: &'static str| {
        [
            ("SECRET_KEY", value),
            ("SENTRY_DSN", "x"),
            ("MRSK_REGISTRY_PASSWORD", "y"),
        ]
    };
    for (value, said) in [
        ("acme/shop", ""),
        ("robot-of-the-registry", ""),
        ("production", ""),
        (
            "summary",
            "⚠ the plan contains the value of secret `SECRET_KEY`",
        ),
        (
            "unless-stopped",
            "⚠ the plan contains the value of secret `SECRET_KEY`",
        ),
    ] {
        let project = Project::of("secret-named-twice").commit();
        let ended = project.mrsk("plan --fresh", &env(value)).expect(0);
        assert!(ended.stderr.contains(said), "{value}: {}", ended.stderr);
        assert!(
            said.is_empty() != ended.stderr.contains("the plan contains"),
            "{}",
            ended.stderr
        );
    }
    let project = Project::of("secret-named-twice");
    project.change(
        "config/deploy.yml",
        &[(
            "env:\n",
            "labels:\n  note: <%= ENV['SECRET_KEY'] %>\nenv:\n",
        )],
    );
    let ended = project
        .commit()
        .mrsk("plan --fresh", &env("postgres"))
        .expect(78);
    assert!(!ended.stderr.contains("postgres"), "{}", ended.stderr);
    ended.says(&[
        "the plan would contain the value of secret `SECRET_KEY`",
        "a template prints it",
    ]);
}
