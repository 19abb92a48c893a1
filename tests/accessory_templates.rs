//! What templates of accessories become at apply, and what is said of those that cannot be evaluated.

mod show_support;

use std::collections::BTreeMap;
use std::fs;

use mrsk::action::{Action, Upload};
use mrsk::apply::preflight::{self, Missing, Requirement};
use mrsk::config::dotenv::Environment;
use mrsk::name::Sha256Hex;
use mrsk::plan::{Plan, StepSecret, Travel};

/// The variables of the machine that applies.
const MACHINE: [(&str, &str); 3] = [
    ("DB_PASSWORD", "hunter2hunter2"),
    ("REGION", "eu"),
    ("SIZE", "of the machine"),
];

/// Collects what a plan needs that uploads `template`, with a clear variable and a secret.
async fn collect(
    template: &str,
    change: impl FnOnce(&mut Upload),
) -> (Option<String>, Vec<Missing>) {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("init.sql.erb"), template).unwrap();
    let mut upload = Upload {
        source: "init.sql.erb".into(),
        sha256: Sha256Hex::of(template.as_bytes()),
        path: "/root/.mrsk/init.sql".into(),
        mode: "0600".into(),
        owner: None,
        template: true,
        aliases: Vec::new(),
        env: BTreeMap::from([("SIZE".to_owned(), "4".to_owned())]),
    };
    change(&mut upload);
    let (plan, environment) = (plan(&[&upload]), environment());
    let (inputs, missing) = preflight::collect(&plan, &environment, root.path()).await;
    let bytes = inputs.uploads.get(&upload).cloned();
    (
        bytes.map(|bytes| String::from_utf8(bytes).unwrap()),
        missing,
    )
}

fn environment() -> Environment {
    MACHINE
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn plan(uploads: &[&Upload]) -> Plan {
    let mut plan = show_support::sample();
    plan.source = None;
    plan.steps.truncate(1);
    let step = plan.steps.first_mut().unwrap();
    step.action = uploads
        .iter()
        .map(|upload| Action::Upload((*upload).clone()))
        .collect();
    step.secrets = vec![StepSecret {
        name: "DB_PASSWORD".into(),
        via: Travel::File,
    }];
    plan
}

#[tokio::test]
async fn a_template_sees_the_accessorys_variables_before_those_of_the_machine() {
    let template = "size <%= ENV['SIZE'] %>\npassword <%= ENV['DB_PASSWORD'] %>\n\
        region <%= ENV['REGION'] %>\ncommand <%= `printf %s \"$SIZE\"` %>\n\
        <%- if ENV['NOT_THERE'] -%>\nnever\n<%- end -%>\n";
    let (text, missing) = collect(template, |_| ()).await;
    assert_eq!(missing, []);
    assert_eq!(
        text.unwrap(),
        "size 4\npassword hunter2hunter2\nregion eu\ncommand 4\n"
    );
    assert!(std::env::var_os("SIZE").is_none());
    assert!(std::env::var_os("DB_PASSWORD").is_none());
}

#[tokio::test]
async fn a_template_sees_a_secret_under_its_other_name() {
    let template = "<%= ENV['MYSQL_PASSWORD'] %>\n";
    let (text, missing) = collect(template, |upload| {
        upload.aliases = vec!["MYSQL_PASSWORD:DB_PASSWORD".into()];
    })
    .await;
    assert_eq!(missing, []);
    assert_eq!(text.unwrap(), "hunter2hunter2\n");
}

#[tokio::test]
async fn a_file_that_is_no_template_is_copied_as_it_is() {
    let text = "<%= ENV['DB_PASSWORD'] %>\n";
    let (copied, missing) = collect(text, |upload| upload.template = false).await;
    assert_eq!(
        (copied.as_deref(), missing.as_slice()),
        (Some(text), &[][..])
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_template_has_its_place() {
    let template = "fine\n<%= ENV['SIZE'] %> <%= ENV.fetch('NOT_THERE') %>\n";
    let (text, missing) = collect(template, |_| ()).await;
    assert_eq!(text, None);
    let [
        Missing {
            what: Requirement::Template(error),
            steps,
        },
    ] = missing.as_slice()
    else {
        panic!("{missing:?}");
    };
    let place = error.place.as_ref().map(ToString::to_string);
    assert_eq!(place.as_deref(), Some("init.sql.erb:2:24"));
    assert!(error.message.contains("NOT_THERE"), "{error:?}");
    assert_eq!(steps.len(), 1);
}

#[tokio::test]
async fn no_message_shows_what_the_template_knows() {
    let (text, missing) = collect("<% raise ENV['DB_PASSWORD'] %>", |_| ()).await;
    assert_eq!((text, missing.len()), (None, 1));
    assert!(!format!("{missing:?}").contains("hunter2"), "{missing:?}");
}

#[tokio::test]
async fn without_its_secret_a_template_is_not_rendered() {
    let root = tempfile::tempdir().unwrap();
    let upload = Upload {
        source: "password.erb".into(),
        sha256: Sha256Hex::of(b"<% raise 'never' %>"),
        path: "/root/password".into(),
        mode: "0600".into(),
        owner: None,
        template: true,
        aliases: Vec::new(),
        env: BTreeMap::new(),
    };
    fs::write(root.path().join("password.erb"), "<% raise 'never' %>").unwrap();
    let nothing = Environment::default();
    let (inputs, missing) = preflight::collect(&plan(&[&upload]), &nothing, root.path()).await;
    assert!(inputs.uploads.is_empty());
    let requirements: Vec<Requirement> = missing.into_iter().map(|missing| missing.what).collect();
    assert_eq!(requirements, [Requirement::Variable("DB_PASSWORD".into())]);
}

#[tokio::test]
async fn a_template_that_is_another_than_planned_is_not_rendered() {
    let other = |upload: &mut Upload| upload.sha256 = Sha256Hex::of(b"other");
    let (text, missing) = collect("<% raise 'never' %>", other).await;
    assert_eq!(text, None);
    assert!(
        matches!(missing.as_slice(), [Missing { what: Requirement::File { problem, .. }, .. }] if problem.contains("differs from the plan")),
        "{missing:?}"
    );
}

#[tokio::test]
async fn one_template_becomes_what_each_accessory_makes_of_it() {
    let template = "size <%= ENV['SIZE'] %>";
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("size.erb"), template).unwrap();
    let upload = |size: &str| Upload {
        source: "size.erb".into(),
        sha256: Sha256Hex::of(template.as_bytes()),
        path: "/root/size".into(),
        mode: "0644".into(),
        owner: None,
        template: true,
        aliases: Vec::new(),
        env: BTreeMap::from([("SIZE".to_owned(), size.to_owned())]),
    };
    let (small, large) = (upload("1"), upload("2"));
    let plan = plan(&[&small, &large]);
    let (inputs, missing) = preflight::collect(&plan, &environment(), root.path()).await;
    assert_eq!(missing, []);
    assert_eq!(inputs.uploads[&small], b"size 1");
    assert_eq!(inputs.uploads[&large], b"size 2");
}
