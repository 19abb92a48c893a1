//! `mrsk envify`, and templates in the configuration.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::project::{Project, fixtures};

fn fixture(name: &str) -> String {
    fs::read_to_string(fixtures().join(name)).unwrap()
}

#[test]
fn the_examples_become_what_they_say() {
    for name in ["one-password", "bitwarden", "settings"] {
        let project = Project::new();
        project.write(".env.erb", &fixture(&format!("{name}.erb")));
        let ended = project.mrsk(&["envify"], &[]).expect(0);
        assert_eq!(
            project.read(".env").unwrap(),
            fixture(&format!("{name}.txt")),
            "{name}"
        );
        assert_eq!(project.mode(".env"), 0o600);
        assert_eq!(ended.stdout, "wrote .env from .env.erb\n");
        assert_eq!(ended.stderr, "");
    }
}

#[test]
fn a_destination_has_files_of_its_own() {
    let project = Project::new();
    project.write(".env.staging.erb", "A=<%= ENV['STAGE'] %>\n");
    project.write(".env.erb", "B=1\n");
    let ended = project.mrsk(&["envify", "-d", "staging"], &[("STAGE", "x")]);
    ended.expect(0);
    assert_eq!(project.read(".env.staging").unwrap(), "A=x\n");
    assert_eq!(project.read(".env"), None);
    project
        .mrsk(&["envify", "-d", "../staging"], &[])
        .expect(64)
        .says(&["not a valid destination name"]);
    project
        .mrsk(&["envify", "-d", "production"], &[])
        .expect(78)
        .says(&[".env.production.erb does not exist"]);
}

/// A template, variables, and what is said.
type Wrong<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn nothing_is_written_when_anything_is_wrong() {
    let sign_in = fixture("one-password.erb");
    let cases: [Wrong<'_>; 8] = [
        (
            &sign_in,
            &[("OP_LOCKED", "1")],
            &[
                "`op` failed: exit status 6",
                "account is locked",
                ".env.erb:1:24",
            ],
        ),
        (
            &sign_in,
            &[("OP_SESSION", "")],
            &["Session token missing", ".env.erb:6:9"],
        ),
        (
            &sign_in,
            &[("OP_SESSION", "session-9876")],
            &["`op` failed: exit status 6", "wrong session [REDACTED]"],
        ),
        (
            &sign_in,
            &[("OP_PASSWORD", "hunter2 hunter2")],
            &["expected `NAME=value`", ".env.erb:3"],
        ),
        (
            &sign_in,
            &[("OP_PASSWORD", "hunter2$x")],
            &["`$` outside single quotes", ".env.erb:3:24"],
        ),
        (
            "A='<%= \"a\\nhunter2'\" %>\nB=<%= 'x y' %>\n",
            &[],
            &[".env.erb:2"],
        ),
        (
            "A=<%= `printf '\\\\377'` %>",
            &[],
            &["`printf` printed something that is not UTF-8"],
        ),
        (
            "A=<%= Time.now %>",
            &[],
            &["unsupported Ruby: `Time`", ".env.erb:1:7", "install `ruby`"],
        ),
    ];
    for (template, env, texts) in cases {
        let project = Project::new();
        project.write(".env.erb", template);
        project.write(".env", "OLD=1\n");
        fs::set_permissions(project.path(".env"), fs::Permissions::from_mode(0o644)).unwrap();
        project.mrsk(&["envify"], env).expect(78).says(texts);
        assert_eq!(project.read(".env").unwrap(), "OLD=1\n", "{texts:?}");
        assert_eq!(
            fs::read_dir(project.path(".")).unwrap().count(),
            3,
            "{texts:?}"
        );
    }
}

#[test]
fn an_earlier_file_is_replaced_and_is_no_part_of_the_environment() {
    let project = Project::new();
    project.write(".env.erb", "A=<%= ENV['A'] %>1\n");
    project.write("shared", "A='broken\n");
    symlink("shared", project.path(".env")).unwrap();
    project.mrsk(&["envify"], &[]).expect(0);
    assert_eq!(project.read("shared").unwrap(), "A=1\n");
    assert!(project.path(".env").is_symlink());
    assert_eq!(project.mode("shared"), 0o600);
}

#[test]
fn commands_can_read_what_is_piped_in() {
    let project = Project::with(&["cat"]);
    project.write(".env.erb", "A=<%= `cat` %>\n");
    let mrsk = env!("CARGO_BIN_EXE_mrsk");
    project.run(mrsk, &["envify"], &[], "typed").expect(0);
    assert_eq!(project.read(".env").unwrap(), "A=typed\n");
}

const DEPLOY: &str = "\
# <%= `cat` %>
service: <%= ENV[\"NAME\"] %>
image: acme/<%= `printf %s \"$NAME\"` %>
servers:
  - 192.0.2.1
registry:
  server: registry.example.com
builder:
  multiarch: false
";

#[test]
fn the_configuration_sees_the_environment_of_its_secrets() {
    let project = Project::with(&["cat", "git"]);
    project.write(".env", "NAME=shop\n");
    project.write("config/deploy.yml", DEPLOY);
    let mrsk = env!("CARGO_BIN_EXE_mrsk");
    let of = |env: &[(&str, &str)]| {
        let args = ["config", "--format", "json"];
        let ended = project.run(mrsk, &args, env, "what commands must not read");
        let text = ended.expect(0).stdout;
        let config: serde_json::Value = serde_json::from_str(&text).unwrap();
        (config["service"].clone(), config["image"].clone())
    };
    assert_eq!(of(&[]), ("shop".into(), "acme/shop".into()));
    assert_eq!(of(&[("NAME", "hey")]), ("hey".into(), "acme/hey".into()));

    project.write(".env", "NAME='shop\n");
    project
        .mrsk(&["config"], &[])
        .expect(78)
        .says(&["unclosed quote", ".env:1"]);
}

#[test]
fn a_template_has_the_plan_of_what_it_becomes() {
    let project = Project::with(&["cat", "git"]);
    let plan = || {
        let args = ["plan", "--fresh", "--no-secrets", "--version", "1"];
        project.mrsk(&args, &[("NAME", "shop")]).expect(0).stdout
    };
    project.write("Dockerfile", "FROM scratch\n");
    project.write("config/deploy.yml", DEPLOY);
    let templated = plan();
    let plain = DEPLOY
        .replace("<%= ENV[\"NAME\"] %>", "shop")
        .replace("<%= `printf %s \"$NAME\"` %>", "shop")
        .replace("# <%= `cat` %>\n", "");
    assert!(!plain.contains("<%"));
    project.write("config/deploy.yml", &plain);
    assert_eq!(templated, plan());
}

#[test]
fn problems_of_the_configuration_stand_in_the_template() {
    let project = Project::new();
    let text = DEPLOY
        .replace("# <%= `cat` %>", "<%# nothing -%>")
        .replace("192.0.2.1", "<%= ENV['TOKEN'] %>/x");
    project.write("config/deploy.yml", &text);
    let env = [("TOKEN", "hunter2hunter2"), ("NAME", "shop")];
    project
        .mrsk(&["config"], &env)
        .expect(78)
        .says(&["config/deploy.yml:5:5", "<%= ENV['TOKEN'] %>/x"]);
}
