use serde_json::{Value, json};

use super::is_commit;
use crate::plan::compile::testing::{Case, case};

/// Returns a deploy of `version` from commit `cccc…`, whose tree is `tttt…`.
fn deploy(version: &str) -> Case {
    let operation = json!({"name": "deploy", "version": version, "skip_push": false});
    case("")
        .asks_for(operation)
        .facts(json!({"source": {"tree": "e".repeat(40)}}))
}

fn digest() -> String {
    format!("sha256:{}", "1".repeat(64))
}

/// The registry has `version`, and host `a` has routed it if it is `routed`.
fn pushed(version: &str, routed: &[&str]) -> Value {
    let line = |version: &&str| {
        json!({
            "role": "web", "version": version, "digest": digest(), "container": "c", "at": 1,
        })
    };
    let routed: Vec<Value> = routed.iter().map(line).collect();
    json!({
        "registry": {format!("r.example/team/app:{version}"): digest()},
        "hosts": {"a": {"routed": routed}},
    })
}

#[test]
fn what_looks_like_a_commit() {
    for (version, expected) in [
        ("badb1aa", true),
        ("badb1a", false),
        ("20261126", false),
        ("2026112", false),
        ("0123456789012345678901234567890123456789", true),
        ("v1", false),
        ("BADB1AA", false),
        ("badb1aa_uncommitted_1234abcd", false),
    ] {
        assert_eq!(is_commit(version), expected, "{version}");
    }
}

#[test]
fn a_commit_that_is_not_checked_out_is_not_built() {
    let head = "c".repeat(40);
    for version in [head.as_str(), "ccccccc", "v1"] {
        assert!(deploy(version).plan().is_ok(), "{version}");
    }
    let help = "(`mrsk rollback badb1aa` goes back to it, `mrsk deploy --skip-push --version badb1aa` deploys its \
                image from the registry; to build it, check it out)";
    let shown = crate::text::shorten(&head).to_string();
    assert_eq!(
        deploy("badb1aa").plan().unwrap_err(),
        [format!(
            "version badb1aa looks like a commit, and git does not know it here ({shown}) {help}"
        )]
    );
    let known = |tree: &str| {
        deploy("badb1aa").facts(json!({"source": {"named": {"badb1aa": tree.repeat(40)}}}))
    };
    assert_eq!(
        known("f").plan().unwrap_err(),
        [format!(
            "version badb1aa is another commit than what is checked out ({shown}) {help}"
        )]
    );
    // A merge commit of the same tree.
    assert!(known("e").plan().is_ok());
    let skipped = deploy("badb1aa").operation(json!({"skip_push": true}));
    assert!(skipped.plan().is_ok());
}

#[test]
fn what_was_routed_is_not_overwritten() {
    let problems = deploy("v1")
        .facts(pushed("v1", &["v1"]))
        .plan()
        .unwrap_err();
    assert_eq!(
        problems,
        [format!(
            "the registry has team/app:v1 as {}, which was routed on a: it is not overwritten (pass another \
             --version, or --skip-push to deploy the image that the registry has)",
            digest()
        )]
    );
    let plan = deploy("v1").facts(pushed("v1", &["v0"])).plan().unwrap();
    let warning = format!(
        "the registry has team/app:v1 already, as {}: the push replaces it",
        digest()
    );
    assert!(plan.warnings.contains(&warning), "{:?}", plan.warnings);
}

#[test]
fn the_image_of_the_same_source_is_used_as_it_is() {
    let head = "c".repeat(40);
    let case = deploy(&head).facts(pushed(&head, &[&head]));
    let plan = case.plan().unwrap();
    assert_eq!(plan.image.digest, Some(digest()));
    let ids = case.plan_ids();
    assert!(ids.iter().all(|id| !id.starts_with("local/")), "{ids:?}");
    assert!(ids.contains(&format!("a/image/{head}/pull")), "{ids:?}");
    let note = plan.unchanged.iter().find(|item| item.subject == "image");
    assert_eq!(
        note.unwrap().reason,
        format!(
            "the registry has it as {}, which was routed on a: it is not built again",
            digest()
        )
    );
    // With changes, the commit is not what is checked out.
    let changed = case.facts(json!({"source": {"changes": "a".repeat(64)}}));
    assert!(changed.plan().unwrap_err()[0].contains("it is not overwritten"));
}

/// A container has the labels of its image: what that was built from.
#[test]
fn an_image_that_another_destination_runs_is_not_overwritten() {
    let head = "c".repeat(40);
    let reference = format!("r.example/team/app:{head}");
    let run_by = |source: &str| {
        let labels = json!({"service": "app", "destination": "staging", "mrsk.source": source});
        json!({
            "registry": {&reference: digest()},
            "hosts": {"a": {
                "images": {&reference: {"id": "i", "digests": [digest()]}},
                "containers": {"app-web-staging": {"image_id": "i", "labels": labels}},
            }},
        })
    };
    let fresh = deploy(&head).plan().unwrap();
    let mut actions = fresh.steps.iter().flat_map(|step| &step.action);
    let built = actions.find_map(|action| {
        let text = crate::text::action_line(action);
        let (_, label) = text.split_once("mrsk.source=")?;
        let label = label.split_whitespace().next().unwrap();
        Some(label.trim_end_matches('\'').to_owned())
    });
    let same = deploy(&head).facts(run_by(&built.unwrap())).plan().unwrap();
    assert_eq!(same.image.digest, Some(digest()));
    let note = same.unchanged.iter().find(|item| item.subject == "image");
    let runs = format!(
        "the registry has it as {}, which app-web-staging on a uses",
        digest()
    );
    assert_eq!(
        note.unwrap().reason,
        format!("{runs}: it is not built again")
    );
    // Built with other arguments, for one.
    let other = deploy(&head).facts(run_by("sha256:other")).plan();
    assert!(
        other.unwrap_err()[0].contains("which app-web-staging on a uses: it is not overwritten")
    );
}
