//! Plans: printed, narrowed, made from facts, refused, shown.

use crate::project::{DEPLOY, Project};

#[test]
fn options_of_plan_may_stand_on_both_sides_of_the_operation() {
    let project = Project::new(DEPLOY);
    let deploy = project.fresh_plan();
    for args in [
        ["plan", "deploy", "--fresh", "--no-secrets"],
        ["plan", "--fresh", "deploy", "--no-secrets"],
        ["plan", "--fresh", "--no-secrets", "deploy"],
    ] {
        assert_eq!(project.mrsk(&args).expect(0).stdout, deploy);
    }
    let args = [
        "plan",
        "setup",
        "--fresh",
        "--no-secrets",
        "--version",
        "v1",
    ];
    let plan = project.mrsk(&args).expect(0).json();
    assert_eq!(plan["operation"]["name"], "setup");
    assert_eq!(plan["version"], "v1");
}

#[test]
fn a_login_on_hosts_is_planned_as_every_operation() {
    let project = Project::new(DEPLOY);
    let plan = |verb: &str| {
        let args = ["plan", "registry", verb, "--fresh", "--no-secrets"];
        project.mrsk(&args).expect(0)
    };
    let login = plan("login");
    assert_eq!(login.json()["operation"]["name"], "registry login");
    assert!(login.stderr.contains("Log in to "), "{}", login.stderr);
    assert!(!login.stderr.contains("this machine"), "{}", login.stderr);
    let logout = plan("logout");
    let steps = &logout.json()["steps"];
    assert_eq!(steps.as_array().map(Vec::len), Some(0));
    let texts = ["no login is kept", "nothing to do"];
    assert!(
        texts.iter().all(|text| logout.stderr.contains(text)),
        "{}",
        logout.stderr
    );
}

#[test]
fn what_cannot_be_undone_and_a_lock_without_a_message_are_refused_before_a_host_is_asked() {
    let project = Project::new(DEPLOY);
    for (args, expected) in [
        (
            &["plan", "app", "stop", "--undo", "undo.json", "-o", "p.json"][..],
            "there is no undo of `app stop`",
        ),
        (&["rollback", "--hold", ""], "the message is empty"),
        (&["lock", "acquire", "-m", " "], "the message is empty"),
        (&["apply", "plan.json", "--json"], "`--format json`"),
    ] {
        let said = project.mrsk(args).expect(64);
        assert!(said.stderr.contains(expected), "{}", said.stderr);
    }
}

#[test]
fn a_plan_without_network_is_json_alone_and_the_same_each_time() {
    let project = Project::new(DEPLOY);
    let one = project.mrsk(&["plan", "--fresh", "--no-secrets"]).expect(0);
    let plan = one.json();
    assert_eq!(plan["format_version"], "1.0");
    assert_eq!(plan["lock_host"], "192.0.2.1");
    assert!(one.stderr.contains("Plan: deploy shop"), "{}", one.stderr);
    assert!(!one.stdout.contains(project.dir.path().to_str().unwrap()));
    let other = project.fresh_plan();
    assert_eq!(one.stdout, other);
    project
        .mrsk(&["plan", "--fresh", "--no-secrets", "--detailed-exitcode"])
        .expect(2);
}

#[test]
fn a_plan_in_the_work_tree_is_no_reason_for_a_warning() {
    let project = Project::new(DEPLOY);
    let script = "\"$0\" plan --fresh --no-secrets > one.json && \"$0\" plan --fresh --no-secrets > two.json";
    let mut shell = project.command("sh");
    shell
        .args(["-c", script, env!("CARGO_BIN_EXE_mrsk")])
        .assert()
        .success();
    let one = std::fs::read_to_string(project.path("one.json")).unwrap();
    assert_eq!(
        one,
        std::fs::read_to_string(project.path("two.json")).unwrap()
    );
    assert!(!one.contains("untracked"));
    project.write("notes.json", "{}");
    assert!(
        project
            .fresh_plan()
            .contains("untracked files are built into the image: notes.json")
    );
}

#[test]
fn a_selection_narrows_the_plan() {
    let project = Project::new(DEPLOY);
    let cases: &[(&[&str], &[&str])] = &[
        (&[], &["192.0.2.1", "192.0.2.2", "192.0.2.3"]),
        (&["--hosts", "192.0.2.2"], &["192.0.2.2"]),
        (&["--roles", "jobs"], &["192.0.2.3"]),
        (&["--primary"], &["192.0.2.1"]),
        (
            &["--hosts", "192.0.2.2,192.0.2.3", "--roles", "jobs"],
            &["192.0.2.3"],
        ),
    ];
    for (args, hosts) in cases {
        let args = [&["plan", "--fresh", "--no-secrets"], *args].concat();
        let plan = project.mrsk(&args).expect(0).json();
        let mut touched: Vec<&str> = plan["steps"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|step| step["host"].as_str())
            .collect();
        touched.sort_unstable();
        touched.dedup();
        assert_eq!(&touched, hosts, "{args:?}");
    }
}

#[test]
fn facts_may_come_from_standard_input() {
    let project = Project::new(&DEPLOY.replace(
        "  web:\n    hosts:\n      - 192.0.2.1\n      - 192.0.2.2\n  jobs:\n    hosts:\n      - 192.0.2.3\n    cmd: bin/jobs\n",
        "  - 192.0.2.1\n",
    ));
    let facts = include_str!("../../fixtures/facts/bare.json").replace("\"bare\"", "\"192.0.2.1\"");
    let args = ["plan", "--facts", "-", "--version", "v1", "--skip-push"];
    let plan = project.mrsk_with(&args, &[], &facts).expect(0).json();
    assert_eq!(plan["version"], "v1");
    assert!(plan["steps"].as_array().unwrap().len() > 4);
    project
        .mrsk_with(&args, &[], "{\"format_version\": \"1.0\", \"hosts\": 3}")
        .expect(78)
        .says(&["mrsk inspect", "expected a map", "line 1"]);
}

#[test]
fn a_plan_that_was_changed_is_refused() {
    let project = Project::new(DEPLOY);
    let plan = project.fresh_plan();
    let newer = plan.replacen("\"1.0\"", "\"1.1\"", 1);
    let other = plan.replacen("\"1.0\"", "\"2.0\"", 1);
    let edited = plan.replacen("bin/jobs", "bin/evil", 1);
    let half = &plan[..plan.len() / 2];
    let twice = plan.replacen("\"service\":", "\"service\": \"x\",\n  \"service\":", 1);
    let field = plan.replacen("\"service\":", "\"surprise\": 1,\n  \"service\":", 1);
    let cases: &[(&str, &str, &[&str])] = &[
        ("edited", &edited, &["the plan was edited"]),
        ("half", half, &["standard input: truncated after line"]),
        ("yaml", "service: shop", &["not JSON", "line 1"]),
        ("twice", &twice, &["service"]),
        ("field", &field, &["surprise"]),
        ("newer", &newer, &["1.1", "`mrsk show` can show it"]),
        ("other", &other, &["2.0", "update mrsk, or make"]),
        ("empty", "", &["standard input is empty"]),
        (
            "no plan",
            "{}",
            &["not a valid plan: missing field `format_version`"],
        ),
    ];
    for (name, text, says) in cases {
        assert_ne!(*text, plan, "{name}");
        let ended = project
            .mrsk_with(&["apply", "-"], &[], text)
            .expect(5)
            .says(says);
        assert_eq!(ended.stdout, "", "{name}");
        assert!(!project.path(".mrsk").exists(), "{name}");
    }
}

#[test]
fn a_plan_is_shown_in_every_format() {
    let project = Project::new(DEPLOY);
    let plan = project.fresh_plan();
    project.write("plan.json", &plan);
    let cases = [
        ("table", "Plan: deploy shop"),
        ("markdown", "<details>"),
        ("mermaid", "flowchart"),
        ("dot", "digraph"),
        ("commands", "docker create"),
    ];
    for (format, text) in cases {
        let shown = project
            .mrsk(&["show", "plan.json", "--format", format])
            .expect(0);
        assert!(shown.stdout.contains(text), "{format}:\n{}", shown.stdout);
        assert_eq!(shown.stderr, "", "{format}");
        assert!(!shown.stdout.contains('\u{1b}'), "{format}");
    }
    let shown = project.mrsk_with(&["show", "-"], &[], &plan).expect(0);
    assert!(shown.stdout.contains("Plan: deploy shop"));
    project.mrsk_with(&["show", "-"], &[], "{}").expect(5);
}

#[test]
fn every_operation_can_be_planned() {
    let project = Project::new(DEPLOY);
    for operation in [
        "app stop",
        "app remove",
        "app remove_container v1",
        "app remove_containers",
        "app remove_images",
        "app stale_containers --stop",
        "traefik boot",
        "traefik stop",
        "traefik reboot --rolling",
        "traefik remove",
        "traefik remove_container",
        "traefik remove_image",
        "build push",
        "build create",
        "prune all",
        "prune containers",
        "prune images",
        "remove",
        "server bootstrap",
    ] {
        let words = operation.split(' ');
        let args: Vec<&str> = ["plan"]
            .into_iter()
            .chain(words.clone())
            .chain(["--fresh", "--no-secrets"])
            .collect();
        let plan = project.mrsk(&args).expect(0).json();
        let name = plan["operation"]["name"].as_str().unwrap();
        assert!(operation.starts_with(name), "{operation}: {name}");
    }
}

#[test]
fn what_the_hosts_lack_is_refused_with_what_they_have() {
    let project = Project::new(DEPLOY);
    let cases: [(&[&str], &str); 6] = [
        (
            &["rollback"],
            "no earlier version has run on all selected hosts",
        ),
        (&["rollback", "v1"], "version v1 is not on 192.0.2.1"),
        (&["app", "boot"], "no version is running"),
        (&["build", "pull"], "`mrsk build pull` skips host setup"),
        (&["app", "start"], "role web has no container to start"),
        (&["traefik", "restart"], "run `mrsk traefik boot`"),
    ];
    for (words, problem) in cases {
        let args = [&["plan"], words, &["--fresh", "--no-secrets"]].concat();
        let said = project.mrsk(&args).expect(78);
        assert!(said.stderr.contains(problem), "{}", said.stderr);
    }
    let said = project.mrsk(&["plan", "rollback", "-x"]).expect(64);
    assert!(
        said.stderr.contains("unexpected argument"),
        "{}",
        said.stderr
    );
    let said = project
        .mrsk(&["plan", "rollback", "a/b", "--fresh"])
        .expect(64);
    assert!(
        said.stderr.contains("is not a valid version"),
        "{}",
        said.stderr
    );
}

#[test]
fn what_never_ends_is_read_no_further_than_it_takes_to_see_that() {
    let project = Project::new(DEPLOY);
    for command in ["show", "digest"] {
        let ended = project.mrsk(&[command, "/dev/zero"]).expect(5);
        assert!(ended.stderr.contains("/dev/zero: "), "{}", ended.stderr);
    }
}

#[test]
fn a_plan_is_written_to_a_file_compressed_or_not() {
    let project = Project::new(DEPLOY);
    let printed = project.mrsk(&["plan", "--fresh", "--no-secrets"]).expect(0);
    for file in ["plan.json", "plan.json.zst", "plan.json.zst"] {
        let written = project
            .mrsk(&["plan", "--fresh", "--no-secrets", "-o", file])
            .expect(0);
        assert_eq!(written.stdout, "", "{file}");
        assert_eq!(written.stderr, printed.stderr, "{file}");
    }
    let plain = std::fs::read_to_string(project.path("plan.json")).unwrap();
    assert_eq!(plain, printed.stdout);
    let compressed = std::fs::read(project.path("plan.json.zst")).unwrap();
    assert!(compressed.len() < plain.len() / 3, "{}", compressed.len());
    for command in [
        &["show"][..],
        &["digest"],
        &["show", "--format", "commands"],
    ] {
        let of = |file: &str| project.mrsk(&[command, &[file]].concat()).expect(0);
        assert_eq!(of("plan.json").stdout, of("plan.json.zst").stdout);
        std::fs::copy(project.path("plan.json.zst"), project.path("renamed")).unwrap();
        assert_eq!(of("plan.json").stdout, of("renamed").stdout);
    }
    let upper = ["plan", "--fresh", "--no-secrets", "-o", "PLAN.ZST"];
    project.mrsk(&upper).expect(0);
    let upper = std::fs::read(project.path("PLAN.ZST")).unwrap();
    assert_eq!(upper, compressed);
    let nowhere = ["plan", "--fresh", "--no-secrets", "-o", "none/plan.json"];
    let failed = project.mrsk(&nowhere).expect(1);
    assert!(
        failed.stderr.contains("cannot write none/plan.json"),
        "{}",
        failed.stderr
    );
}

/// What is no file, such as /dev/null, would be gone for everybody if it were replaced.
#[test]
fn a_plan_is_written_through_links_and_into_what_is_no_file() {
    let project = Project::new(DEPLOY);
    let plan = |file: &str| {
        project
            .mrsk(&["plan", "--fresh", "--no-secrets", "-o", file])
            .expect(0)
    };
    let printed = plan("-").stdout;
    assert!(printed.starts_with('{'), "{printed}");
    std::fs::write(project.path("target.json"), "old").unwrap();
    std::os::unix::fs::symlink("target.json", project.path("link.json")).unwrap();
    plan("link.json");
    assert!(project.path("link.json").is_symlink());
    let written = std::fs::read_to_string(project.path("target.json")).unwrap();
    assert!(
        written.starts_with('{') && written.ends_with("}\n"),
        "{written}"
    );
    let socket = project.path("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let into = ["plan", "--fresh", "--no-secrets", "-o", "socket"];
    project.mrsk(&into).expect(1);
    assert!(!socket.is_file());
}

#[test]
fn a_compressed_plan_that_is_damaged_is_refused() {
    let project = Project::new(DEPLOY);
    project
        .mrsk(&["plan", "--fresh", "--no-secrets", "-o", "plan.json.zst"])
        .expect(0);
    let whole = std::fs::read(project.path("plan.json.zst")).unwrap();
    std::fs::write(project.path("cut.zst"), &whole[..whole.len() - 20]).unwrap();
    let refused = project.mrsk(&["digest", "cut.zst"]).expect(5);
    assert!(
        refused.stderr.contains("cut.zst is not valid zstd data"),
        "{}",
        refused.stderr
    );
}
