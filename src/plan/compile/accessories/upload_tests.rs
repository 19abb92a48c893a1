use serde_json::{Value, json};

use crate::plan::compile::testing::{Case, case};

const DB: &str = "accessories: {db: {image: db:1, host: a, files: ['my.cnf:/etc/my.cnf', 'init.sql.erb:/i.sql'], \
                  directories: ['data:/data'], env: {secret: [DB_PASSWORD]}}}";

fn asked(verb: &str, files: Value) -> Case {
    let operation = json!({"name": format!("accessory {verb}"), "accessories": ["db"]});
    let local = |letter: &str, path: &str| json!({"path": path, "sha256": letter.repeat(64)});
    let source = json!({"source": {"files": {
        "my.cnf": local("a", "my.cnf"), "init.sql.erb": local("b", "init.sql.erb"),
    }}});
    case(DB).asks_for(operation).facts(source).a(files)
}

fn uploads(case: &Case) -> Vec<String> {
    let plan = case.plan().unwrap();
    let actions = plan.steps.iter().flat_map(|step| &step.action);
    let lines = actions.map(crate::text::action_line);
    lines
        .filter(|line| line.contains("/root/app-db/"))
        .collect()
}

#[test]
fn files_that_differ_are_uploaded() {
    let both = uploads(&asked("upload", json!({})));
    assert_eq!(
        both.iter().filter(|line| line.contains("my.cnf")).count(),
        1,
        "{both:?}"
    );
    let same = json!({"files": {"/root/app-db/etc/my.cnf": {"sha256": "a".repeat(64)}}});
    let one = uploads(&asked("upload", same.clone()));
    assert!(!one.iter().any(|line| line.contains("my.cnf")), "{one:?}");
    assert!(one.iter().any(|line| line.contains("i.sql")), "{one:?}");
    // What a template becomes is not known: it has the hash of another text.
    let rendered = json!({"files": {"/root/app-db/i.sql": {"sha256": "c".repeat(64)}}});
    assert!(!uploads(&asked("upload", same).a(rendered)).is_empty());
}

#[test]
fn an_upload_without_a_template_needs_no_secret() {
    let secrets = |case: &Case| case.plan().unwrap().secrets.len();
    assert_eq!(secrets(&asked("upload", json!({}))), 1);
    let rendered = json!({"files": {"/root/app-db/i.sql": {"sha256": "b".repeat(64)}}});
    assert_eq!(secrets(&asked("upload", rendered)), 0);
}

#[test]
fn missing_directories_are_created() {
    let case = asked("directories", json!({}));
    assert_eq!(case.plan_ids(), ["a/accessory/db/directories"]);
    assert!(
        uploads(&case)
            .iter()
            .any(|line| line == "mkdir -p -m 0755 /root/app-db/data")
    );
    let there = json!({"directories": {"/root/app-db/data": {}}});
    assert!(asked("directories", there).plan_ids().is_empty());
}
