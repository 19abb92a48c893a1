//! Names and values of the environment that a shell, docker or dotenv could misread: what is allowed arrives in the container as it
//! is written, and the rest is refused, or warned of, with its place.

use std::collections::BTreeMap;

use crate::lab_project::{Machine, Project};
use crate::lab_support::{PlanFile, Runner, age_lock};

const HOST: &str = "172.30.0.17";
const OTHER_HOST: &str = "172.30.0.18";

/// Names that redirect `docker` or `sh` where they run, and names that no shell could export.
const CLEAR: [(&str, &str); 14] = [
    ("PATH", "/opt/$x:/usr/bin:/bin"),
    ("HOME", "/nowhere"),
    ("IFS", ","),
    ("BASH_ENV", "/nowhere"),
    ("DOCKER_HOST", "tcp://192.0.2.1:2375"),
    ("DOCKER_CONFIG", "/nowhere"),
    ("SSH_AUTH_SOCK", "/nowhere"),
    ("a.b", "dotted"),
    ("a-b", "dashed"),
    ("1ST", "digit"),
    ("with blank", "blank"),
    ("$NAME", "dollar"),
    ("PRICE", "$5 $$ ${HOME} $(id) `id`"),
    ("HASH", " # no comment "),
];

/// Every way of `.env` to write a value, `$` among them.
const ENV_FILE: &str = r#"# a comment
SINGLE='$5 $HOME # "x" \n'
DOUBLE="a \$b \"c\" \\ # d"
export EXPORTED=yes # a comment
PADDED="  padded  "
LINES="one
two"
EMPTY=
PROCESS=of_the_file
HTTP_PROXY="http://192.0.2.1:9/\$x 'y'"
DOCKER_CERT_PATH=/certificates
DOCKER_REGISTRY_TOKEN=token
"#;

const SECRETS: [(&str, &str); 10] = [
    ("SINGLE", r#"$5 $HOME # "x" \n"#),
    ("DOUBLE", r#"a $b "c" \ # d"#),
    ("EXPORTED", "yes"),
    ("PADDED", "  padded  "),
    ("LINES", "one\ntwo"),
    ("EMPTY", ""),
    ("PROCESS", "of the $process"),
    ("HTTP_PROXY", "http://192.0.2.1:9/$x 'y'"),
    ("DOCKER_CERT_PATH", "/certificates"),
    ("DOCKER_REGISTRY_TOKEN", "token"),
];

/// Returns `env` of a `deploy.yml`.
fn env(clear: &[(&str, &str)], secret: &[&str]) -> String {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let clear: String = clear
        .iter()
        .map(|(name, value)| format!("    {}: {}\n", quoted(name), quoted(value)))
        .collect();
    let secret: String = secret
        .iter()
        .map(|name| format!("    - {name}\n"))
        .collect();
    format!("env:\n  clear:\n{clear}  secret:\n{secret}")
}

fn env_file(project: &Project, more: &str) {
    project.secret_file(&[]);
    let registry = std::fs::read_to_string(project.directory.join(".env")).unwrap();
    project.write(".env", &format!("{registry}{more}"));
}

/// Returns the environment of a container's first process.
fn environment(machine: &Machine, name: &str) -> BTreeMap<String, String> {
    let text = machine.sh(&format!(
        "cat /proc/$(docker inspect --format '{{{{.State.Pid}}}}' {name})/environ"
    ));
    text.split_terminator('\0')
        .filter_map(|entry| entry.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The variables that tags and other names of secrets decide about.
const TAGGED: [&str; 5] = ["REGION", "LEVEL", "DB", "HTTP_PROXY", "EU_KEY"];

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn tags_and_other_names_of_secrets_arrive_on_their_host() {
    let project = Project::new("lab-tags", &[HOST, OTHER_HOST]);
    let servers = format!("  web:\n    - {HOST}: [eu, loud]\n    - {OTHER_HOST}\n");
    let env = "env:
  clear: {REGION: us, LEVEL: info}
  secret: [DB:MAIN_DB, HTTP_PROXY:PROXY]
  tags:
    eu: {clear: {REGION: eu, LEVEL: low}, secret: [EU_KEY, DB:EU_DB]}
    loud: {LEVEL: debug}
";
    project.configure_servers(&servers, env);
    let secrets = [
        ("MAIN_DB", "main $x"),
        ("EU_DB", "eu"),
        ("PROXY", "http://p"),
        ("EU_KEY", "k"),
    ];
    project.secret_file(&secrets);
    let version = project.commit("APP_VERSION=one\n");
    project.mrsk(&["deploy"]).expect(0);
    let of = |at: usize| {
        let found = environment(&project.machines[at], &project.container(&version));
        TAGGED.map(|name| found.get(name).cloned().unwrap_or_default())
    };
    assert_eq!(of(0), ["eu", "debug", "eu", "http://p", "k"]);
    assert_eq!(of(1), ["us", "info", "main $x", "http://p", ""]);
    project.mrsk(&["plan", "--detailed-exitcode"]).expect(0);

    // A changed secret replaces the container of the host alone that has it.
    let changed = [
        ("MAIN_DB", "main"),
        ("EU_DB", "eu"),
        ("PROXY", "http://p"),
        ("EU_KEY", "k"),
    ];
    project.secret_file(&changed);
    let before = project.each(Machine::container_ids);
    project.mrsk(&["deploy"]).expect(0);
    let after = project.each(Machine::container_ids);
    assert_eq!(of(1)[2], "main");
    assert_eq!(before[0], after[0]);
    assert_ne!(before[1], after[1]);

    // A container for one command has them as well.
    let said = project
        .mrsk(&["app", "exec", "--hosts", HOST, "printenv DB"])
        .expect(0);
    assert!(said.out.contains("eu"), "{}", said.out);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn what_is_allowed_arrives_in_the_container() {
    let mut project = Project::new("lab-env", &[HOST]);
    let names = SECRETS.map(|(name, _)| name);
    project.configure(&env(&CLEAR, &names));
    env_file(&project, ENV_FILE);
    let process = ("PROCESS".to_owned(), "of the $process".to_owned());
    project.variables.extend([process]);
    let version = project.commit("APP_VERSION=one\n");
    project.mrsk(&["deploy"]).expect(0);

    let machine = &project.machines[0];
    let found = environment(machine, &project.container(&version));
    for (name, value) in CLEAR.into_iter().chain(SECRETS) {
        assert_eq!(found.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(machine.version(), "one");
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn what_would_be_misread_has_a_place() {
    let project = Project::new("lab-misread", &[HOST]);
    project.configure(&env(
        &[("DB_PASSWORD", "hunter2hunter2")],
        &["MRSK_CLAIM", "mrsk_run"],
    ));
    project.commit("");
    let text = std::fs::read_to_string(project.directory.join("config/deploy.yml")).unwrap();
    let place = |word: &str| {
        let (index, line) = text
            .lines()
            .enumerate()
            .find(|(_, line)| line.contains(word))
            .unwrap();
        format!(
            "config/deploy.yml:{}:{}",
            index + 1,
            line.find(word).unwrap() + 1
        )
    };
    let said = project.mrsk(&["plan"]).expect(78);
    said.says(&[
        "variable `MRSK_CLAIM` is reserved",
        &place("MRSK_CLAIM"),
        "variable `mrsk_run` is reserved",
        &place("mrsk_run"),
        "clear variable `DB_PASSWORD` looks like a secret",
    ]);
    assert!(!said.err.contains("hunter2"), "{}", said.err);

    project.configure(&env(&[], &["TOKEN"]));
    env_file(&project, "TOKEN=abc$HOME\n");
    let said = project.mrsk(&["plan"]).expect(78);
    said.says(&[".env:2:"]);
    assert!(!said.err.contains("abc"), "{}", said.err);
    assert_eq!(project.machines[0].containers(), Vec::<String>::new());
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn what_commands_of_a_secrets_file_print_arrives_also_through_a_killed_run() {
    let project = Project::new("lab-secrets-file", &[HOST]);
    project.configure("env:\n  secret: [TOKEN, OTHER]\n");
    project.secret_file(&[]);
    let (store, asked) = (project.beside("store"), project.beside("asked"));
    std::fs::write(&store, "it's a $token\n").unwrap();
    let (store, log) = (store.display(), asked.display());
    let file = format!(
        "TOKEN=$(echo token >>{log}; cat {store})\nOTHER=of-$TOKEN\nUNUSED=$(echo unused >>{log})\n"
    );
    project.write(".kamal/secrets", &file);
    let version = project.commit("APP_BOOT_MS=3000\nAPP_VERSION=one\n");
    let plan = PlanFile::make(&project, "plan.json");
    let start = plan.step(HOST, "start");
    let mut runner = Runner::apply(&project, &plan, &[]);
    runner.until("ended", &start);
    runner.kill();
    let machine = &project.machines[0];
    age_lock(machine);

    project.write(".kamal/secrets", &format!("{file}# changed\n"));
    let stale = project.mrsk(&["apply", plan.arg()]);
    // Whether a step that needs a value is left decides whether the file matters.
    assert!([0, 3].contains(&stale.code), "{}", stale.err);
    project.write(".kamal/secrets", &file);
    project.mrsk(&["apply", plan.arg()]).expect(0);
    let found = environment(machine, &project.container(&version));
    assert_eq!(found["TOKEN"], "it's a $token");
    assert_eq!(found["OTHER"], "of-it's a $token");
    assert_eq!(machine.version(), "one");
    // The container was there before the second run.
    assert_eq!(std::fs::read_to_string(&asked).unwrap(), "token\n");
}
