use serde_json::{Value, json};

use super::*;
use crate::text::Styling;

fn plan() -> Value {
    let text = include_str!("../../../fixtures/plans/second-version/plan.json");
    serde_json::from_str(text).unwrap()
}

fn typed(plan: Value) -> Plan {
    serde_json::from_value(plan).unwrap()
}

fn position(plan: &Value, ending: &str) -> usize {
    let steps = plan["steps"].as_array().unwrap();
    let is_it = |step: &Value| step["id"].as_str().unwrap().ends_with(ending);
    steps.iter().position(is_it).unwrap()
}

/// Returns the difference between the recorded plan and what `edit` makes of it, and its text.
fn edited(edit: impl FnOnce(&mut Value)) -> (Difference, String) {
    let old = plan();
    let mut new = old.clone();
    edit(&mut new);
    new["digest"] = "sha256:00".into();
    let (old, new) = (typed(old), typed(new));
    let difference = difference(&old, &new).unwrap();
    let text = render(&difference, &old, &new, Styling::Plain);
    (difference, text)
}

#[test]
fn equal_plans_are_equal() {
    let plan = typed(plan());
    let found = difference(&plan, &plan).unwrap();
    assert!(found.equal && found.steps.is_empty() && found.hosts.is_empty());
    let text = render(&found, &plan, &plan, Styling::Plain);
    assert!(text.ends_with("\nthe plans are equal\n"), "{text}");
}

#[test]
fn words_of_commands_are_compared_one_by_one() {
    let (found, text) = edited(|plan| {
        let at = position(plan, "/start");
        let argv = plan["steps"][at]["action"][0]["run"]["argv"].as_array_mut();
        let argv = argv.unwrap();
        argv[1] = "x\u{1b}[2J".into();
        argv.insert(3, "--memory=1g".into());
    });
    let [step] = found.steps.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(step.values.len(), 2, "{step:?}");
    let pointer = |place: &Option<document::Place>| place.as_ref().map(|at| at.pointer.clone());
    let at = step.old.clone().unwrap();
    let word = |number| Some(format!("{at}/action/0/run/argv/{number}"));
    assert_eq!(pointer(&step.values[0].old), word(1));
    assert_eq!(pointer(&step.values[1].new), word(3));
    assert_eq!(step.values[1].old, None);
    assert!(
        text.contains("  ~ action/0/run/argv: docker [-container-] {+$'x\\x1b[2J'+} prune "),
        "{text}"
    );
    assert!(text.contains(" {+'--memory=1g'+} "), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(
        text.ends_with("\n0 steps added, 0 removed, 1 changed\n"),
        "{text}"
    );
}

#[test]
fn files_are_compared_line_by_line() {
    let (found, text) = edited(|plan| {
        let contents = plan["contents"].as_object_mut().unwrap();
        let (digest, old) = contents.iter().next().unwrap();
        let (digest, old) = (digest.clone(), old.as_str().unwrap().to_owned());
        let new = old.replace("attempts: 5", "attempts: 6");
        assert_ne!(old, new);
        contents.remove(&digest);
        contents.insert("ab".repeat(32), new.into());
        let text = plan["steps"].to_string();
        let steps = text.replace(&digest, &"ab".repeat(32));
        plan["steps"] = serde_json::from_str(&steps).unwrap();
    });
    let [file] = found.files.as_slice() else {
        panic!("{found:?}")
    };
    let lines: Vec<_> = file
        .lines
        .iter()
        .map(|line| (line.line, line.change, line.text.trim()))
        .collect();
    assert_eq!(
        lines,
        [
            (5, Change::Removed, "attempts: 5"),
            (5, Change::Added, "attempts: 6"),
        ]
    );
    assert!(file.path.ends_with(".yml"), "{}", file.path);
    assert!(text.contains("\n        -         attempts: 5\n"), "{text}");
    assert!(text.contains("\n        +         attempts: 6\n"), "{text}");
}

#[test]
fn steps_hosts_warnings_and_settings_are_compared() {
    let (found, text) = edited(|plan| {
        let at = position(plan, "/drain");
        plan["steps"].as_array_mut().unwrap().remove(at);
        let mut step = plan["steps"][0].clone();
        step["id"] = "local/other/new".into();
        plan["steps"].as_array_mut().unwrap().push(step);
        plan["warnings"] = json!(["a\nb"]);
        let name = plan["lock_host"].as_str().unwrap().to_owned();
        plan["hosts"][&name]["ssh"]["user"] = "app".into();
        plan["hosts"]["z/9"] = plan["hosts"][&name].clone();
        plan["lock_host"] = "z/9".into();
    });
    let kinds: Vec<Change> = found.steps.iter().map(|step| step.change).collect();
    assert_eq!(kinds, [Change::Removed, Change::Added]);
    for expected in [
        "\nsettings\n  ~ lock_host: ",
        "      ~ ssh/user: root -> app\n",
        "  + z/9\n",
        "\nwarnings\n  + warnings/0: a",
        "\n1 step added, 1 removed, 0 changed\n",
    ] {
        assert!(text.contains(expected), "{expected}:\n{text}");
    }
    let host = &found.hosts[0].values[0];
    let place = host.new.as_ref().unwrap();
    assert!(place.pointer.ends_with("/ssh/user"), "{place:?}");
}

#[test]
fn another_version_is_told_from_other_changes() {
    let old = typed(plan());
    let text = include_str!("../../../fixtures/plans/second-version/plan.json");
    let version = old.version.clone().unwrap();
    let text = text.replace(&version, "v9").replace(&version[..12], "v9");
    let mut new: Value = serde_json::from_str(&text).unwrap();
    let at = position(&new, "/pull");
    new["steps"][at]["retry"] = 7.into();
    let new = typed(new);
    let found = difference(&old, &new).unwrap();
    let others: Vec<_> = found
        .steps
        .iter()
        .filter(|step| !step.only_version)
        .collect();
    let [step] = others.as_slice() else {
        panic!("{others:?}")
    };
    assert_eq!(step.change, Change::Changed);
    let text = render(&found, &old, &new, Styling::Ansi);
    assert!(text.contains("~ retry: 1 -> 7\u{1b}[0m\n"), "{text}");
    assert!(text.contains("  (the version alone)"), "{text}");
    assert!(!text.contains("relies_on"), "{text}");
}

#[test]
fn what_this_machine_runs_is_shown_though_only_the_version_differs() {
    let edit = |version: &str| {
        let text = include_str!("../../../fixtures/plans/second-version/plan.json");
        let mut plan: Value = serde_json::from_str(text).unwrap();
        let old = plan["version"].as_str().unwrap().to_owned();
        plan = serde_json::from_str(&plan.to_string().replace(&old, version)).unwrap();
        let mut step = plan["steps"][0].clone();
        step["id"] = "local/notice/tell".into();
        step["kind"] = "broadcast".into();
        step["action"] = json!([{"run": {"argv": ["notify", version]}}]);
        plan["steps"].as_array_mut().unwrap().push(step);
        typed(plan)
    };
    let found = difference(&edit("good"), &edit("evil")).unwrap();
    let told = found.steps.iter().filter(|step| !step.only_version);
    let summaries: Vec<&str> = told.map(|step| step.summary.as_str()).collect();
    assert_eq!(summaries.len(), 1, "{summaries:?}");
}

/// Returns the plan of a deploy of `version`, with `edit` of the configuration.
fn deploy(version: &str, edit: impl FnOnce(String) -> String) -> Plan {
    let text = include_str!("../../../fixtures/plans/second-version/deploy.yml");
    let config = crate::config::parse("deploy.yml", &edit(text.to_owned()), None).unwrap();
    let facts = include_str!("../../../fixtures/plans/second-version/facts.json");
    let operation = json!({"name": "deploy", "version": version, "skip_push": true});
    crate::plan::compile::compile(
        &config.config,
        &serde_json::from_str(facts).unwrap(),
        &serde_json::from_value(operation).unwrap(),
    )
    .unwrap()
}

fn shown(old: &Plan, new: &Plan) -> String {
    let found = difference(old, new).unwrap();
    let text = render(&found, old, new, Styling::Plain);
    text.split_once("\nsteps\n")
        .map_or(text.clone(), |(_, steps)| steps.to_owned())
}

#[test]
fn another_commit_of_the_same_configuration_is_one_line_for_each_step() {
    let same = |text: String| text;
    for (old, new) in [
        (&"c".repeat(40), &"b".repeat(40)),
        (&"1".to_owned(), &"3".to_owned()),
        (&"good".to_owned(), &"v2".to_owned()),
    ] {
        let (old, new) = (deploy(old, same), deploy(new, same));
        let text = shown(&old, &new);
        let steps = text.lines().take_while(|line| !line.is_empty());
        let steps: Vec<&str> = steps.collect();
        assert!(!steps.is_empty());
        for line in steps {
            assert!(line.ends_with("  (the version alone)"), "{line}\n{text}");
        }
    }
}

#[test]
fn what_changes_beside_the_version_is_shown_alone() {
    let old = deploy("good", |text| text);
    let new = deploy("evil", |text| {
        text + "\nvolumes: ['/opt/evil/data:/data']\nlabels: {mode: evil}\n"
    });
    let same = deploy("evil", |text| {
        text + "\nvolumes: ['/opt/good/data:/data']\nlabels: {mode: good}\n"
    });
    let text = shown(
        &same,
        &deploy("good", |text| {
            text + "\nvolumes: ['/opt/evil/data:/data']\nlabels: {mode: evil}\n"
        }),
    );
    for part in [
        "[-/opt/good/data:/data-] {+/opt/evil/data:/data+}",
        "[-'mode=good'-] {+'mode=evil'+}",
        "  (and the version)\n",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    for part in ["mrsk.create", "mrsk.settings", "--alias", "sha256"] {
        assert!(!text.contains(part), "{part} is in\n{text}");
    }
    // A word that is the version by chance.
    let text = shown(&old, &new);
    assert!(
        text.contains("{+--volume /opt/evil/data:/data --label 'mode=evil'+}"),
        "{text}"
    );
    let swapped = shown(
        &deploy("good", |text| text + "\nvolumes: ['/opt/good/bin:/bin']\n"),
        &deploy("evil", |text| text + "\nvolumes: ['/opt/evil/bin:/bin']\n"),
    );
    assert!(
        swapped.contains("[-/opt/good/bin:/bin-] {+/opt/evil/bin:/bin+}"),
        "{swapped}"
    );
}
