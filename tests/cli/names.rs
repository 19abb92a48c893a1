//! Names and short forms that people bring along, completions, and manual pages.

use crate::project::{DEPLOY, Project};

#[test]
fn names_of_other_tools_are_answered_with_the_command_that_does_it() {
    let project = Project::new(DEPLOY);
    let cases: &[(&[&str], &str)] = &[
        (&["logs"], "use `mrsk app logs`"),
        (&["ps"], "use `mrsk app containers`"),
        (&["exec", "ls"], "use `mrsk app exec`"),
        (&["console"], "use `mrsk app exec -i`"),
        (&["proxy", "logs"], "use `mrsk traefik`"),
        (&["unlock"], "use `mrsk lock release`"),
        (&["force-unlock"], "use `mrsk lock release`"),
        (&["history"], "use `mrsk audit`"),
        (&["login"], "use `mrsk registry login`"),
        (&["plan", "login"], "use `mrsk plan registry login`"),
        (&["app", "run"], "use `mrsk app exec`"),
        (&["app", "detials"], "did you mean `mrsk app details`?"),
        (&["consloe"], "did you mean `mrsk app exec -i`?"),
        (&["stauts"], "did you mean `mrsk status`?"),
        (&["deply"], "did you mean `mrsk deploy`?"),
        (
            &["deploy", "--dry-run"],
            "`mrsk plan OPERATION` prints what would run",
        ),
        (&["plan", "-out=plan.json"], "use `-o FILE`"),
        (&["plan", "-out", "plan.json"], "use `-o FILE`"),
        (&["plan", "--out", "plan.json"], "use `-o FILE`"),
        (&["apply", "-auto-approve", "p"], "without a question"),
        (
            &["deploy", "--target=web"],
            "use `--hosts HOSTS` or `--roles ROLES`",
        ),
        (&["app", "exec", "-it", "bash"], "use `-i`"),
        (&["app", "logs", "--tail", "5"], "use `-n N`"),
        (&["maintenance"], "use `mrsk app maintenance`"),
        (&["live"], "use `mrsk app live`"),
        (&["prune", "al"], "did you mean `mrsk prune all`?"),
        (
            &["deploy", "production"],
            "to select a destination, use `-d production`",
        ),
        (&["deploy", "-v", "-q"], "a step is one line"),
        (&["deploy", "-v", "abc"], "use `--version abc`"),
    ];
    for (args, text) in cases {
        project.mrsk(args).expect(64).says(&["un", text]);
    }
}

#[test]
fn no_word_that_takes_something_away_leads_to_a_deploy() {
    let project = Project::new(DEPLOY);
    for words in [
        "destroy",
        "destoy",
        "destry",
        "undeploy",
        "rollback",
        "rolback",
        "roll-back",
        "remove",
        "delete",
        "down",
        "teardown",
        "undo",
        "revert",
        "rm",
        "drop",
        "purge",
        "unapply",
        "dploy-rollback",
        "redestroy",
        "unset",
        "unsetup",
        "app destroy",
        "app restart",
        "app remove",
        "plan destroy",
        "plan rollback",
        "plan remove",
        "kill",
        "stop",
        "restart",
        "reboot",
        "prune",
        "reset",
        "undeply",
        "depose",
        "repla",
    ] {
        let args: Vec<&str> = words.split(' ').collect();
        if project.mrsk(&[&args[..], &["--help"]].concat()).code == 0 {
            // It is a command.
            continue;
        }
        let ended = project.mrsk(&args).expect(64);
        let said = ended.stderr.replace(&format!("`{words}`"), "");
        for command in ["mrsk deploy", "apply", "redeploy", "setup"] {
            assert!(!said.contains(command), "{words}: {said}");
        }
    }
}

#[test]
fn hosts_have_a_short_form_and_without_them_it_is_help() {
    let project = Project::new(DEPLOY);
    for args in [
        &["plan", "--fresh", "--no-secrets", "-h", "192.0.2.9"][..],
        &["plan", "-h192.0.2.9", "--fresh", "--no-secrets"],
        &["plan", "--fresh", "--no-secrets", "setup", "-h=192.0.2.9"],
        &["audit", "-n", "3", "-h", "192.0.2.9"],
        &["app", "logs", "-h", "192.0.2.9"],
        &["app", "exec", "-h", "192.0.2.9", "ls"],
    ] {
        let ended = project.mrsk(args).expect(64);
        assert!(
            ended.stderr.contains("unknown host `192.0.2.9`"),
            "{args:?}: {}",
            ended.stderr
        );
    }
    for args in [
        &["-h"][..],
        &["app", "-h"],
        &["app", "logs", "-h"],
        &["plan", "-h"],
        &["plan", "-h", "setup"],
    ] {
        let help = project.mrsk(args).expect(0);
        assert!(help.stdout.contains("Usage: mrsk"), "{args:?}");
    }
    let literal = project.mrsk(&["app", "exec", "--hosts", "192.0.2.9", "--", "ls", "-h", "x"]);
    assert!(literal.expect(64).stderr.contains("192.0.2.9"));
}

#[test]
fn completions_and_manual_pages_are_made_of_the_commands() {
    let project = Project::new(DEPLOY);
    for shell in ["bash", "zsh", "fish"] {
        let script = project.mrsk(&["completions", shell]).expect(0).stdout;
        for word in ["containers", "reuse", "completions"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let script = project.mrsk(&["completions", "bash"]).expect(0).stdout;
    project.write("mrsk.bash", &script);
    let complete = "source mrsk.bash; COMP_WORDS=(mrsk app lo); COMP_CWORD=2; _mrsk mrsk lo app; echo ${COMPREPLY[*]}";
    let completed = project
        .command("bash")
        .args(["-c", complete])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&completed.stdout), "logs\n");
    let page = project.mrsk(&["man"]).expect(0).stdout;
    assert!(
        page.contains(".TH mrsk 1") && page.contains(".SH EXIT STATUS"),
        "{page}"
    );
    let page = project.mrsk(&["man", "app", "logs"]).expect(0).stdout;
    assert!(
        page.contains(".TH mrsk-app-logs 1") && page.contains("follow"),
        "{page}"
    );
    project
        .mrsk(&["man", "nothing"])
        .expect(64)
        .says(&["unknown command `nothing`"]);
    std::fs::create_dir(project.path("man1")).unwrap();
    project.mrsk(&["man", "--directory", "man1"]).expect(0);
    for name in ["mrsk.1", "mrsk-app-logs.1", "mrsk-plan-accessory-boot.1"] {
        assert!(project.path("man1").join(name).is_file(), "{name}");
    }
}
