use serde_json::{Value, json};

use super::*;
use crate::plan::compile::selection;
use crate::plan::compile::testing::case;

/// Returns what a rollback without a version goes to. Each row is a run: its operation, version, and the hosts that it has routed on; a
/// `!` behind the operation says that it did not finish.
fn earlier(rows: &[(&str, &str, &[&str])]) -> String {
    let mut hosts =
        json!({"a": {"routed": [], "finished": []}, "b": {"routed": [], "finished": []}});
    for (at, (operation, version, on)) in rows.iter().enumerate() {
        let plan = format!("sha256:{}", format!("{at:02x}").repeat(32));
        for host in *on {
            let line = json!({
                "role": "web", "version": version, "container": format!("app-web-{version}"),
                "at": 100 * (at + 1), "plan": plan, "operation": operation.trim_end_matches('!'), "by": "jo",
            });
            hosts[host]["routed"].as_array_mut().unwrap().push(line);
            if !operation.ends_with('!') {
                let finished = hosts[host]["finished"].as_array_mut().unwrap();
                finished.push(plan.clone().into());
            }
        }
    }
    asked(&json!({"format_version": "1.0", "hosts": hosts}))
}

fn asked(facts: &Value) -> String {
    let facts: Facts = serde_json::from_value(facts.clone()).unwrap();
    let case = case("servers: [a, b]").asks_for(json!({"name": "rollback"}));
    let selected = selection::select(case.config(), case.asked()).unwrap();
    match Runs::of(&facts, &selected.roles).earlier() {
        Earlier::RolledBack {
            version,
            operation,
            note,
        } => format!("{operation} to {version} {note:?}"),
        Earlier::Version(version) => version.to_owned(),
        Earlier::Unknown => "unknown".to_owned(),
    }
}

const ALL: &[&str] = &["a", "b"];

#[test]
fn the_target_is_what_the_last_run_brought_that_finished_before() {
    let [one, two, three] = ["1", "2", "3"].map(|version| ("deploy", version, ALL));
    assert_eq!(earlier(&[]), "unknown");
    assert_eq!(earlier(&[one]), "unknown");
    assert_eq!(earlier(&[one, two, three]), "2");
    // The current run need not have finished.
    assert_eq!(earlier(&[one, two, ("deploy!", "3", &["a"])]), "2");
    // A run that failed is no target, however far it came.
    assert_eq!(earlier(&[one, ("deploy!", "2", ALL), three]), "1");
    // One that was limited to a host neither.
    assert_eq!(earlier(&[one, ("deploy", "2", &["a"]), three]), "1");
    // In two runs, each on a host, it came everywhere.
    let halves = [one, ("deploy", "2", &["a"]), ("deploy", "2", &["b"]), three];
    assert_eq!(earlier(&halves), "2");
    // A host that came later has not seen the target.
    assert_eq!(earlier(&[("deploy", "1", &["a"]), two]), "1");
    // A boot of the version is not another version.
    assert_eq!(earlier(&[one, two, ("app boot", "2", ALL)]), "1");
}

#[test]
fn what_a_rollback_left_is_no_target() {
    let [one, two, three, four] = ["1", "2", "3", "4"].map(|version| ("deploy", version, ALL));
    let back = ("rollback", "2", ALL);
    let done = r#"rollback to 2 Some((400, "jo"))"#;
    assert_eq!(earlier(&[one, two, three, back]), done);
    let undone = ("undo", "2", ALL);
    let said = earlier(&[one, two, three, undone]);
    assert_eq!(said, done.replace("rollback", "undo"));
    // A restart does not hide it.
    assert_eq!(
        earlier(&[one, two, three, back, ("app start", "2", ALL)]),
        done
    );
    // It goes on where it was cut off.
    let cut = ("rollback!", "2", &["a"][..]);
    assert_eq!(earlier(&[one, two, three, cut]), "rollback to 2 None");
    assert_eq!(earlier(&[one, two, three, back, four]), "2");
    assert_eq!(earlier(&[two, three, back, ("deploy!", "4", ALL)]), "2");
    // Only who names it gets it back; then it is wanted again.
    let forth = ("rollback", "3", ALL);
    assert_eq!(earlier(&[one, two, three, back, forth, four]), "3");
    // What was rolled back from is left out also further back.
    assert_eq!(
        earlier(&[
            one,
            three,
            ("rollback", "1", ALL),
            two,
            ("redeploy", "2", ALL)
        ]),
        "1"
    );
}

#[test]
fn lines_without_a_plan_are_runs_that_finished() {
    let line = |version: &str, at: u64| json!({"role": "web", "version": version, "container": "c", "at": at});
    let routed = json!([line("1", 1), line("2", 3), line("3", 5)]);
    let facts = json!({"format_version": "1.0", "hosts": {
        "a": {"routed": routed.clone()}, "b": {"routed": routed},
    }});
    assert_eq!(asked(&facts), "2");
}
