use serde_json::json;

use super::run;
use crate::plan::compile::registry;
use crate::plan::compile::testing::case;
use crate::plan::trust::Subject;

#[test]
fn an_image_is_built_and_pushed_unless_it_is_there() {
    let login = "local/registry/r.example/login";
    let multiarch = "builder: {multiarch: true}";
    let skip = json!({"skip_push": true});
    let pinned = json!({"registry": {"r.example/team/app:2": "sha256:1"}});
    for (config, operation, facts, ids, notes) in [
        (
            "",
            json!({}),
            json!({}),
            vec![
                format!("local/image/2/build <- {login}"),
                "local/image/2/push <- local/image/2/build".into(),
            ],
            vec![],
        ),
        (
            multiarch,
            json!({}),
            json!({}),
            vec![
                "local/builder/mrsk-app-multiarch/create".into(),
                format!("local/image/2/push <- local/builder/mrsk-app-multiarch/create, {login}"),
            ],
            vec![],
        ),
        (
            "",
            skip.clone(),
            pinned,
            vec![],
            vec!["= image: --skip-push: the registry has it as sha256:1"],
        ),
        (
            "",
            skip,
            json!({}),
            vec![],
            vec![
                "= image: --skip-push: pulled by its tag",
                "warning: the registry was not inspected: each host pulls what the tag \
                 points to",
            ],
        ),
        (
            "",
            json!({}),
            json!({"source": null}),
            vec![],
            vec!["error: the facts have no source to build the image from"],
        ),
        (
            "",
            json!({}),
            json!({"source": {"dockerfile_sha256": null}}),
            vec![],
            vec!["error: Dockerfile does not exist"],
        ),
    ] {
        let made = case(config)
            .operation(operation)
            .facts(facts)
            .after(&[registry::run, run]);
        let of_image: Vec<String> = made
            .ids()
            .into_iter()
            .filter(|id| !id.contains("/registry/r.example/login") || id.contains("<-"))
            .collect();
        assert_eq!(
            (of_image, made.notes),
            (ids, notes.into_iter().map(str::to_owned).collect())
        );
    }
}

#[test]
fn what_is_not_in_the_commit_is_named() {
    let source =
        json!({"source": {"commit": null, "changes": "e".repeat(64), "untracked": ["x", "y"]}});
    let notes = [
        "warning: uncommitted changes to tracked files are built into the image",
        "warning: not in a git repository: apply cannot check that it builds the planned source",
        "warning: untracked files are built into the image: x, y",
    ];
    assert_eq!(case("").facts(source).after(&[run]).notes, notes);
}

#[test]
fn what_is_built_from_another_source_has_another_identity() {
    let build = |config: &str, facts| {
        let made = case(config).facts(facts).after(&[run]);
        format!("{:?}", made.step("build").check)
    };
    let one = build("", json!({}));
    for (config, facts) in [
        ("builder: {multiarch: false, args: {A: '1'}}", json!({})),
        ("", json!({"source": {"tree": "t"}})),
        ("", json!({"source": {"changes": "e".repeat(64)}})),
        ("", json!({"source": {"context": "sub"}})),
        ("", json!({"source": {"dockerfile_sha256": "e".repeat(64)}})),
    ] {
        assert_ne!(build(config, facts.clone()), one, "{config} {facts}");
    }
    assert_eq!(build("", json!({"source": {"untracked": ["x"]}})), one);
}

#[test]
fn an_image_is_built_pushed_and_pulled_without_a_container() {
    let of = |verb: &str, skip_push: bool| {
        let name = format!("build {verb}");
        let operation = json!({"name": name, "version": "2", "skip_push": skip_push});
        case("").asks_for(operation)
    };
    let push = [
        "local/registry/r.example/login",
        "local/image/2/build",
        "local/image/2/push",
    ];
    assert_eq!(of("push", false).plan_ids(), push);
    let pull = "a/image/2/pull";
    assert_eq!(
        of("deliver", false).plan_ids(),
        [&push[..], &[pull]].concat()
    );
    assert_eq!(of("pull", true).plan_ids(), [pull]);
    let known = of("pull", true)
        .facts(json!({"registry": {"r.example/team/app:2": "sha256:1"}}))
        .a(json!({"images": {"r.example/team/app:2": {"digests": ["sha256:1"]}}}));
    assert!(known.plan_ids().is_empty());
    // What is only built looks at no host but the one with the lock.
    let plan = of("push", false).plan().unwrap();
    assert_eq!(plan.hosts.len(), 1);
    assert!(plan.hosts.values().all(|host| host.relies_on.is_empty()));
}

#[test]
fn a_builder_is_created_if_one_is_configured() {
    let create = |builder: &str| {
        let operation = json!({"name": "build create"});
        case(builder).asks_for(operation).plan_ids()
    };
    assert!(create("").is_empty());
    assert_eq!(
        create("builder: {multiarch: true}"),
        ["local/builder/mrsk-app-multiarch/create"]
    );
}

#[test]
fn a_builder_is_removed_if_one_is_configured() {
    let remove = |builder: &str| {
        let operation = json!({"name": "build remove"});
        case(builder).asks_for(operation).plan().unwrap()
    };
    let nothing = remove("");
    assert!(nothing.steps.is_empty() && nothing.unchanged.len() == 1);
    let plan = remove("builder: {multiarch: true}");
    let [step] = plan.steps.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!(step.id.as_str(), "local/builder/mrsk-app-multiarch/remove");
    // On a builder that is not there, docker would fail.
    let lines: Vec<String> = step.action.iter().map(crate::text::action_line).collect();
    assert_eq!(
        lines,
        [
            "docker buildx create --name mrsk-app-multiarch --node mrsk-app-multiarch0 --driver docker-container",
            "docker buildx rm mrsk-app-multiarch",
        ]
    );
}

#[test]
fn each_form_of_a_build_is_one_that_a_plan_may_run_here() {
    for (builder, kinds, words) in [
        (
            "{multiarch: false, ssh: default, args: {secret: [T]}, secrets: [T, U], provenance: false}",
            "build push",
            "--build-arg T --secret id=T,env=T --secret id=U,env=U --ssh default --provenance false",
        ),
        ("{arch: arm64}", "build push", "--platform linux/arm64"),
        (
            "{arch: [amd64, arm64], sbom: true}",
            "builder push",
            "--platform linux/amd64,linux/arm64 --push",
        ),
        (
            "{multiarch: false, cache: {type: gha, options: mode=max}}",
            "builder push",
            "--cache-from type=gha --cache-to type=gha,mode=max",
        ),
        (
            "{arch: amd64, remote: 'ssh://b@192.0.2.9', cache: {type: registry}}",
            "builder push",
            "--cache-from type=registry,ref=r.example/team/app-build-cache --cache-to type=registry,ref=r.example/team/app-build-cache",
        ),
        (
            "{arch: amd64, driver: docker-container}",
            "builder push",
            "--platform linux/amd64 --push",
        ),
    ] {
        let operation = json!({"name": "build push", "version": "2", "no_cache": true});
        let plan = case(&format!("builder: {builder}"))
            .asks_for(operation)
            .plan()
            .unwrap();
        let steps = plan.steps.iter().filter(|step| step.host.is_none());
        let local: Vec<&crate::plan::Step> = steps.collect();
        let found: Vec<String> = local
            .iter()
            .filter_map(|step| {
                serde_json::to_value(step.kind)
                    .unwrap()
                    .as_str()
                    .map(str::to_owned)
            })
            .filter(|kind| ["build", "builder", "push"].contains(&kind.as_str()))
            .collect();
        assert_eq!(found.join(" "), kinds, "{builder}");
        let lines: Vec<String> = local
            .iter()
            .flat_map(|step| &step.action)
            .map(crate::text::action_line)
            .collect();
        let build = lines.iter().find(|line| line.contains(" build ")).unwrap();
        let build = build.replace('\'', "");
        assert!(
            build.contains(words) && build.contains(" --no-cache "),
            "{build}"
        );
        let concerns = crate::plan::trust::concerns(&plan).into_iter();
        let commands = concerns.filter(|concern| concern.subject == Subject::Commands);
        assert_eq!(commands.count(), 0, "{builder}: {lines:?}");
    }
}
