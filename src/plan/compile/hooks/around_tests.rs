use serde_json::{Value, json};

use crate::plan::compile::testing::{Case, case, routes, stopped, web};
use crate::plan::{Plan, Step, StepKind};
use crate::text::action_line;

/// Returns facts with these hooks, each executable.
fn hooks(paths: &[&str]) -> Value {
    let file = |path: &&str| {
        let file = json!({"path": path, "sha256": "e".repeat(64), "mode": "0755"});
        ((*path).to_owned(), file)
    };
    let hooks: serde_json::Map<String, Value> = paths.iter().map(file).collect();
    json!({"source": {"hooks": hooks}})
}

/// Returns a deploy of version 2 with these hooks.
fn deploy(config: &str, names: &[&str]) -> Case {
    let paths: Vec<String> = names
        .iter()
        .map(|name| format!(".kamal/hooks/{name}"))
        .collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    case(config).facts(hooks(&paths))
}

fn plan(case: &Case) -> Plan {
    case.plan()
        .unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn step<'p>(plan: &'p Plan, id: &str) -> &'p Step {
    let mut steps = plan.steps.iter();
    steps
        .find(|step| step.id.as_str() == id)
        .unwrap_or_else(|| {
            let ids: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
            panic!("no {id} in {ids:?}")
        })
}

fn needs<'p>(plan: &'p Plan, id: &str) -> Vec<&'p str> {
    let needs = step(plan, id).needs.iter();
    needs.map(|need| need.step.as_str()).collect()
}

/// Returns whether the step `id` waits for `other`, at any distance.
fn waits(plan: &Plan, id: &str, other: &str) -> bool {
    let needs = needs(plan, id);
    needs.contains(&other) || needs.iter().any(|need| waits(plan, need, other))
}

#[test]
fn one_that_cannot_be_run_is_never_left_out() {
    let link = "it is a link to a file that does not exist";
    let problems = json!({".kamal/hooks/pre-deploy": link});
    let case = deploy("", &[]).facts(json!({"source": {"hook_problems": problems}}));
    let refused = case.plan().unwrap_err();
    let expected = "cannot run the hook .kamal/hooks/pre-deploy: it is a link to a file that does not exist (make \
                    .kamal/hooks/pre-deploy an executable file with LF line ends, remove it, or pass `--skip-hooks`)";
    assert_eq!(refused, [expected]);
    plan(&case.operation(json!({"skip_hooks": true})));
    // Of a directory that cannot be read, nobody knows which hooks it has.
    let problems = json!({".mrsk/hooks": "Permission denied (os error 13)"});
    let case = deploy("", &[]).facts(json!({"source": {"hook_problems": problems}}));
    assert_eq!(case.plan().unwrap_err().len(), 1);
    let others = case.asks_for(json!({"name": "app stop"}));
    assert_eq!(others.plan().unwrap_err().len(), 1);
    // An operation with no other hooks has the one that comes before each connection.
    let problems = json!({".kamal/hooks/pre-connect": link, ".kamal/hooks/pre-deploy": link});
    let case = deploy("", &[]).facts(json!({"source": {"hook_problems": problems}}));
    let refused = case.asks_for(json!({"name": "app stop"})).plan();
    let expected = "cannot run the hook .kamal/hooks/pre-connect: it is a link to a file that does not exist (make \
                    .kamal/hooks/pre-connect an executable file with LF line ends, or remove it)";
    assert_eq!(refused.unwrap_err(), [expected]);
}

#[test]
fn each_hook_has_its_place() {
    let names = [
        "pre-build",
        "pre-deploy",
        "post-deploy",
        "pre-app-boot",
        "post-app-boot",
    ];
    let plan = plan(&deploy("", &names));
    let hook = |name: &str| format!("local/hook/{name}/run");
    let [build, before, after] = ["pre-build", "pre-deploy", "post-deploy"].map(hook);
    let [open, close] = ["pre-app-boot-web", "post-app-boot-web"].map(hook);
    assert_eq!(needs(&plan, &build), [""; 0]);
    assert!(needs(&plan, "local/image/2/build").contains(&build.as_str()));
    assert_eq!(needs(&plan, &before), ["a/image/2/pull"]);
    for step in &plan.steps {
        let id = step.id.as_str();
        let is_earlier = id.contains("/image/") || id.contains("/registry/");
        if !is_earlier && id != build && id != before {
            assert!(waits(&plan, id, &before), "{id}");
        }
        if id != after {
            assert!(waits(&plan, &after, id), "{id}");
        }
    }
    assert!(waits(&plan, "a/web/app-web-2/start", &open));
    assert!(waits(&plan, &close, "a/web/app-web-2/route"));
    // Nothing of the hooks has a place where they are skipped.
    let skipped = deploy("", &names).operation(json!({"skip_hooks": true}));
    let plan = skipped.plan().unwrap();
    assert!(!plan.steps.iter().any(|step| step.kind.is_hook()));
    let notes: Vec<&str> = plan
        .unchanged
        .iter()
        .map(|note| note.reason.as_str())
        .collect();
    let note = "--skip-hooks: .kamal/hooks/pre-deploy is not run";
    assert!(notes.contains(&note), "{notes:?}");
}

#[test]
fn a_hook_is_told_what_the_plan_knows() {
    let config = "servers: [a, b]\nhook_secrets: [SLACK_URL]";
    let case = deploy(config, &["post-deploy"]).facts(json!({"source": {"directory": "shop"}}));
    let plan = plan(&case);
    let line = action_line(&step(&plan, "local/hook/post-deploy/run").action[0]);
    let said = "env KAMAL_COMMAND=deploy KAMAL_HOSTS=a,b KAMAL_PERFORMER='<performer of the run>' \
                KAMAL_RECORDED_AT='<time of the run>' KAMAL_RUNTIME='<runtime of the run>' KAMAL_SERVICE=app \
                KAMAL_SERVICE_VERSION=app@2 KAMAL_VERSION=2 MRSK_COMMAND=deploy ";
    assert!(line.starts_with(said), "{line}");
    let ends = ".kamal/hooks/post-deploy  # in shop, with SLACK_URL in the environment";
    assert!(line.ends_with(ends), "{line}");
    assert!(plan.secrets.iter().any(|secret| secret.name == "SLACK_URL"));
}

#[test]
fn nothing_is_run_where_nothing_changes() {
    let running = json!({"containers": {"app-web-2": web("2")}, "files": routes("2")});
    let names = ["pre-deploy", "post-deploy", "pre-build"];
    let case = deploy("", &names).a(running);
    let plan = case
        .operation(json!({"name": "build push", "skip_push": false}))
        .plan()
        .unwrap();
    let hooks = plan.steps.iter().filter(|step| step.kind.is_hook());
    let hooks: Vec<&str> = hooks.map(|step| step.id.as_str()).collect();
    assert_eq!(hooks, ["local/hook/pre-build/run"]);
}

#[test]
fn what_only_starts_containers_again_runs_no_hook() {
    let stopped = json!({
        "containers": {"app-web-2": stopped("2", [1, 2])}, "files": routes("2"),
    });
    let case = deploy("", &["pre-app-boot", "post-app-boot"]).a(stopped);
    let plan = plan(&case.asks_for(json!({"name": "app start"})));
    assert!(plan.steps.iter().any(|step| step.kind == StepKind::Start));
    assert!(!plan.steps.iter().any(|step| step.kind.is_hook()));
}

#[test]
fn docker_setup_follows_the_installation() {
    let bare = json!({
        "docker": {"installed": false, "answers": false}, "networks": null, "traefik": null,
        "containers": null,
    });
    let plan = plan(&deploy("servers: [a, b]", &["docker-setup"]).a(bare));
    let hook = "local/hook/docker-setup/run";
    assert_eq!(needs(&plan, hook), ["a/docker/engine/install"]);
    assert!(waits(&plan, "a/image/2/pull", hook));
    assert!(!waits(&plan, "b/image/2/pull", hook));
    let line = action_line(&step(&plan, hook).action[0]);
    assert!(line.contains("KAMAL_HOSTS=a "), "{line}");
}

#[test]
fn a_group_has_its_own_hooks() {
    let config = "servers: [a, b, c]\nboot: {limit: 2}";
    let plan = plan(&deploy(config, &["pre-app-boot", "post-app-boot"]));
    let hook = |name: &str| format!("local/hook/{name}/run");
    let first = hook("post-app-boot-web-group-1");
    assert!(waits(
        &plan,
        "a/web/app-web-2/start",
        &hook("pre-app-boot-web-group-1")
    ));
    assert!(waits(&plan, &first, "b/web/app-web-2/route"));
    assert_eq!(
        needs(&plan, "local/barrier/web-group-1/open"),
        [first.as_str()]
    );
    let second = hook("pre-app-boot-web-group-2");
    let line = action_line(&step(&plan, &second).action[0]);
    assert!(line.contains("KAMAL_HOSTS=c "), "{line}");
    assert!(needs(&plan, &second).contains(&"local/barrier/web-group-1/open"));
    assert!(waits(&plan, "c/web/app-web-2/start", &second));
}

#[test]
fn a_reboot_of_traefik_has_hooks() {
    let names = ["pre-proxy-reboot", "post-proxy-reboot"];
    for (rolling, groups) in [(true, vec!["-1", "-2"]), (false, vec![""])] {
        let case = deploy("servers: [a, b]", &names)
            .asks_for(json!({"name": "traefik reboot", "rolling": rolling}));
        let plan = plan(&case);
        let hooks = plan.steps.iter().filter(|step| step.kind.is_hook());
        let hooks: Vec<&str> = hooks.map(|step| step.id.as_str()).collect();
        let expected = groups.iter().flat_map(|group| {
            let id = |when: &str| format!("local/hook/{when}-traefik-reboot{group}/run");
            ["pre", "post"].map(id)
        });
        assert_eq!(hooks, Vec::from_iter(expected));
        for step in plan.steps.iter().filter(|step| step.host.is_some()) {
            assert!(waits(&plan, step.id.as_str(), hooks[0]), "{}", step.id);
        }
    }
}

#[test]
fn what_cannot_run_is_refused_and_what_is_unknown_is_named() {
    let refused = |case: Case| case.plan().unwrap_err().join("\n");
    let dull = json!({"source": {"hooks": {".kamal/hooks/pre-deploy": {"mode": null}}}});
    let said = refused(deploy("", &["pre-deploy"]).facts(dull));
    let expected = "the hook .kamal/hooks/pre-deploy is not executable (run `chmod +x";
    assert!(said.starts_with(expected), "{said}");
    let both = hooks(&[".kamal/hooks/pre-deploy", ".mrsk/hooks/pre-deploy"]);
    let said = refused(case("").facts(both));
    assert!(
        said.starts_with("several files are the same hook"),
        "{said}"
    );
    let plan = plan(&deploy("", &["predeploy", "slack.sh", "pre-connect"]));
    let said = plan.warnings.join("\n");
    assert!(
        said.contains("not run as hooks: .kamal/hooks/predeploy;"),
        "{said}"
    );
    let first = plan
        .pre_connect
        .expect("a hook before the first connection");
    assert_eq!(first.program(), Some(".kamal/hooks/pre-connect"));
    let said = plan.warnings.len();
    let none = case("hooks_path: bin/hooks").plan().unwrap();
    assert!(said >= 1 && none.warnings[0].contains("no hooks in bin/hooks"));
}
