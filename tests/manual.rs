//! The examples of the original's manual, in `fixtures/manual`: what each becomes. `MRSK_BLESS=1` rewrites what is expected.

mod erb_world;
mod golden;
mod plan_support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use erb_world::Fixed;
use golden::Golden;
use mrsk::action::Action;
use mrsk::config::model::Config;
use mrsk::config::{self, dotenv};
use mrsk::diagnostic;
use mrsk::facts::model::Facts;
use mrsk::plan::compile::compile;
use mrsk::plan::{Operation, Plan, Step};
use mrsk::show;
use plan_support::{assert_rules, scenario};
use serde_json::json;

/// Shorter than what counts as a digest.
const VERSION: &str = "6ef8a6b";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/manual")
}

fn examples() -> BTreeSet<String> {
    let entries = fs::read_dir(root()).expect("the examples are there");
    let entries = entries.map(|entry| entry.expect("an entry"));
    entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().expect("a name is text"))
        .collect()
}

#[test]
fn every_example_means_what_the_manual_says() {
    let examples = examples();
    assert!(examples.len() >= 34, "only {} examples", examples.len());
    let mut golden = Golden::default();
    for name in examples {
        let directory = root().join(&name);
        if let Ok(text) = fs::read_to_string(directory.join("dotenv")) {
            assert_eq!(variables(&text), expected_variables(), "{name}");
            continue;
        }
        let path = directory.join("deploy.yml");
        let text = fs::read_to_string(path).expect("an example has a deploy.yml");
        match config::parse_template("deploy.yml", &text, None, &mut Fixed) {
            Ok(loaded) => {
                assert!(loaded.warnings.is_empty(), "{name}: {:?}", loaded.warnings);
                let plan = plan(&directory, &loaded.config);
                assert_rules(&plan);
                golden.check(&directory.join("plan.txt"), &shown(&plan));
                assert!(!directory.join("error.txt").exists(), "{name}");
            }
            Err(problems) => {
                let source = |_: &str| Some(text.clone());
                let shown = diagnostic::render(&problems, &source, mrsk::text::Styling::Plain);
                golden.check(&directory.join("error.txt"), &shown);
                assert!(!directory.join("plan.txt").exists(), "{name}");
            }
        }
    }
}

#[test]
fn the_table_names_every_example() {
    let table = fs::read_to_string(root().join("README.md")).expect("the table is there");
    let named = table
        .lines()
        .filter_map(|line| line.strip_suffix("` |")?.rsplit('`').next());
    let (elsewhere, here): (Vec<&str>, Vec<&str>) = named.partition(|name| name.starts_with("../"));
    assert_eq!(
        here.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(),
        examples()
    );
    assert!(!elsewhere.is_empty());
    for path in elsewhere {
        assert!(root().join(path).exists(), "{path}");
    }
}

fn variables(text: &str) -> BTreeMap<String, String> {
    dotenv::check(".env", text).expect("it is a .env");
    let pairs = dotenvy::from_read_iter(text.as_bytes());
    pairs.map(|pair| pair.expect("a line is valid")).collect()
}

fn expected_variables() -> BTreeMap<String, String> {
    [
        ("MRSK_REGISTRY_PASSWORD", "pw"),
        ("DB_PASSWORD", "secret123"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Returns the plan for hosts that have Docker and nothing else, or what stands in `facts.json`.
fn plan(directory: &Path, config: &Config) -> Plan {
    let name = if config.accessories.is_empty() {
        "deploy"
    } else {
        "setup"
    };
    let operation = json!({ "name": name, "version": VERSION });
    let operation: Operation = serde_json::from_value(operation).expect("an operation");
    let facts = match fs::read_to_string(directory.join("facts.json")) {
        Ok(text) => {
            let mut facts = mrsk::facts::document::read(&text).expect("facts");
            know_version(&mut facts);
            facts
        }
        Err(_) => bare(config),
    };
    compile(config, &facts, &operation).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// The version stands for the tree that is checked out.
fn know_version(facts: &mut Facts) {
    if let Some(source) = &mut facts.source
        && let Some(tree) = source.tree.clone()
    {
        source.named.insert(VERSION.to_owned(), tree);
    }
}

fn bare(config: &Config) -> Facts {
    let mut facts = scenario("two-roles-first-deploy").facts;
    let host = facts.hosts.pop_first().expect("a host").1;
    facts.hosts.clear();
    for (index, known) in config.hosts.iter().enumerate() {
        let mut host = host.clone();
        host.machine_id = format!("{index:032x}");
        host.hostname = known.name.to_string();
        host.user.clone_from(&known.user);
        if known.user != "root" {
            host.home = format!("/home/{}", known.user);
            host.state_dir = format!("{}/.mrsk", host.home);
            host.routing_directory = format!("{}/traefik", host.state_dir);
            host.privilege = serde_json::from_value(json!("none")).expect("a privilege");
        }
        facts.hosts.insert(known.name.clone(), host);
    }
    let source = facts.source.as_mut().expect("a source");
    source.context.clone_from(&config.builder.context);
    source.dockerfile.clone_from(&config.builder.dockerfile);
    know_version(&mut facts);
    facts
}

/// Returns every step once, with the hosts that have it, and the files that are written.
fn shown(plan: &Plan) -> String {
    let commands = show::commands(plan);
    let blocks = commands.split("\n\n");
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (step, block) in plan.steps.iter().zip(blocks) {
        let (_, body) = block.split_once('\n').expect("a step has a title");
        let body = without_digests(&format!("{}\n{body}\n", what(step)));
        let place = place(plan, step);
        match groups.iter_mut().find(|(known, _)| *known == body) {
            Some((_, places)) => places.push(place),
            None => groups.push((body, vec![place])),
        }
    }
    let mut text = String::new();
    for (body, places) in groups {
        let _ = writeln!(text, "# {}: {body}", places.join(", "));
    }
    for (path, content) in files(plan) {
        let _ = writeln!(text, "# {path}\n{content}");
    }
    for warning in &plan.warnings {
        let _ = writeln!(text, "# warning: {warning}");
    }
    text
}

/// Returns what a step is for, without the host.
fn what(step: &Step) -> String {
    let kind = serde_json::to_value(step.kind).expect("a kind is text");
    let kind = kind.as_str().unwrap_or_default().to_owned();
    match &step.role {
        Some(role) => format!("{kind} {role}"),
        None => kind,
    }
}

fn place(plan: &Plan, step: &Step) -> String {
    let Some(name) = &step.host else {
        return "this machine".to_owned();
    };
    let route = &plan.hosts[name].ssh;
    match &route.proxy {
        Some(proxy) => format!("{}@{name} through {proxy}", route.user),
        None => format!("{}@{name}", route.user),
    }
}

fn files(plan: &Plan) -> BTreeSet<(String, String)> {
    let actions = plan.steps.iter().flat_map(|step| &step.action);
    let writes = actions.filter_map(|action| match action {
        Action::Write(write) => Some((
            write.path.clone(),
            without_digests(&plan.contents[&write.content]),
        )),
        _ => None,
    });
    writes.collect()
}

/// Returns `text` with `…` for each run of 8 and more hexadecimal digits.
fn without_digests(text: &str) -> String {
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_digit) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c| !is_digit(c)).unwrap_or(from.len());
        let (run, after) = from.split_at(end);
        out += before;
        out += if run.len() < 8 { run } else { "…" };
        rest = after;
    }
    out + rest
}
