//! The configurations and plans in `fixtures`, and what Traefik gets of each.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use mrsk::action::{Action, Arg};
use mrsk::apply::links;
use mrsk::config::{self, Destination};
use mrsk::facts::model::Facts;
use mrsk::name::HostName;
use mrsk::plan::compile::compile;
use mrsk::plan::{Operation, Plan, StepKind};

use crate::erb_world::Fixed;

/// What a Traefik gets: its arguments, and routing files by the path at which its container has them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setting {
    pub args: Vec<String>,
    pub files: BTreeMap<String, String>,
}

/// A fixture.
pub struct Source {
    pub name: String,
    /// What the Traefik of each of its hosts gets, or why there is no plan.
    pub settings: Result<BTreeSet<Setting>, String>,
}

fn fixtures(kind: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(kind);
    let entries = fs::read_dir(directory).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Returns all fixtures that Traefik gets something of.
pub fn all() -> Vec<Source> {
    let configurations = fixtures("config/valid").into_iter();
    let configurations = configurations.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        let is_part = [".resolved.yml", ".staging.yml"];
        name.ends_with(".yml") && !is_part.iter().any(|end| name.ends_with(end))
    });
    let plans = fixtures("plans")
        .into_iter()
        .map(|path| path.join("plan.json"));
    let mut all: Vec<Source> = configurations.map(|path| of_configuration(&path)).collect();
    all.extend(
        plans
            .filter(|path| path.is_file())
            .map(|path| of_plan(&path)),
    );
    all
}

fn name(path: &Path) -> String {
    let parts = path.components().rev().take(2);
    let mut parts: Vec<_> = parts
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.reverse();
    parts.join("/")
}

/// Compiles a first deploy to bare hosts.
fn of_configuration(path: &Path) -> Source {
    let base = fs::read_to_string(path).unwrap();
    let over = path.with_extension("staging.yml");
    let text = fs::read_to_string(&over).ok();
    let over = over.to_string_lossy();
    let destination = text.as_deref().map(|text| Destination {
        name: "staging",
        path: &over,
        text,
    });
    let compiled = config::parse_template("deploy.yml", &base, destination, &mut Fixed)
        .map_err(|problems| format!("{problems:#?}"))
        .and_then(|loaded| {
            let config = loaded.config;
            let hosts = config.hosts.iter();
            let hosts = hosts.map(|host| (host.name.clone(), links::bare(&host.user)));
            let facts = Facts {
                format_version: "1.0".to_owned(),
                hosts: hosts.collect(),
                ..Facts::default()
            };
            let operation = serde_json::json!({"name": "deploy", "version": "v1", "skip_push": true, "destination": config.destination});
            let mut operation = operation;
            if operation["destination"].is_null() {
                operation.as_object_mut().unwrap().shift_remove("destination");
            }
            let operation: Operation = serde_json::from_value(operation).unwrap();
            compile(&config, &facts, &operation).map_err(|errors| format!("{errors:#?}"))
        });
    Source {
        name: name(path),
        settings: compiled.map(|plan| settings(&plan, None)),
    }
}

/// Reads a recorded plan. A Traefik that runs already has the arguments that the facts say.
fn of_plan(path: &Path) -> Source {
    let plan: Plan = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let facts = fs::read_to_string(path.with_file_name("facts.json")).unwrap();
    let facts: Facts = serde_json::from_str(&facts).unwrap();
    Source {
        name: name(path),
        settings: Ok(settings(&plan, Some(&facts))),
    }
}

fn settings(plan: &Plan, facts: Option<&Facts>) -> BTreeSet<Setting> {
    let hosts = plan.hosts.keys();
    let settings = hosts.filter_map(|host| setting(plan, facts, host));
    settings.collect()
}

fn setting(plan: &Plan, facts: Option<&Facts>, host: &HostName) -> Option<Setting> {
    let steps = plan
        .steps
        .iter()
        .filter(|step| step.host.as_ref() == Some(host));
    let steps = Vec::from_iter(steps);
    let known = facts.and_then(|facts| facts.hosts.get(host));
    let running = known.and_then(|host| host.traefik.as_ref());
    let starts = steps.iter().filter(|step| step.kind == StepKind::Traefik);
    let created = starts.flat_map(|step| &step.action).find_map(created);
    let (args, directory) = match (created, running) {
        (Some(created), _) => created,
        (None, Some(traefik)) => (traefik.args.clone(), traefik.directory.clone()),
        (None, None) => return None,
    };
    let watched = args.iter().find_map(|arg| {
        let (name, value) = arg.split_once('=')?;
        name.eq_ignore_ascii_case("--providers.file.directory")
            .then(|| value.to_owned())
    })?;
    let written = steps.iter().flat_map(|step| &step.action);
    let is_there = known.into_iter().flat_map(|host| &host.files);
    let is_there = is_there.filter_map(|(path, file)| {
        let name = path.strip_prefix(&format!("{directory}/"))?;
        let is_file = name.ends_with(".yml") && file.text.contains(":\n");
        is_file.then(|| (format!("{watched}/{name}"), file.text.clone()))
    });
    let mut files: BTreeMap<String, String> = is_there.collect();
    for action in written {
        let Action::Write(write) = action else {
            continue;
        };
        let inside = write.path.strip_prefix(&format!("{directory}/"));
        if let Some(name) = inside.filter(|name| name.ends_with(".yml")) {
            files.insert(
                format!("{watched}/{name}"),
                plan.contents[&write.content].clone(),
            );
        }
    }
    for text in files.values_mut() {
        *text = without_aliases(text);
    }
    Some(Setting { args, files })
}

/// Returns a routing file with the same alias for every container: what differs in nothing else need not be loaded twice.
fn without_aliases(text: &str) -> String {
    let mut parts = text.split("m-");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        plain.push_str("m-");
        match digits {
            16 => plain = format!("{plain}0123456789abcdef{}", &part[16..]),
            _ => plain.push_str(part),
        }
    }
    plain
}

/// Returns the arguments of a Traefik that is created, and the directory of the host that it watches.
fn created(action: &Action) -> Option<(Vec<String>, String)> {
    let Action::Run(run) = action else {
        return None;
    };
    let words = run.argv.iter().map(|arg| match arg {
        Arg::Literal(text) => text.clone(),
        Arg::FromEnv(name) => panic!("{name}: Traefik has no user of a registry"),
        Arg::Pushed(image) => panic!("{image:?}: Traefik is not pushed"),
    });
    let words: Vec<String> = words.collect();
    if !words.starts_with(&["docker", "create"].map(str::to_owned)) {
        return None;
    }
    let directory = words
        .iter()
        .find_map(|word| word.strip_suffix(":/etc/mrsk/traefik:ro"))?;
    let first = words
        .iter()
        .position(|word| word.to_lowercase().starts_with("--providers."))?;
    // The arguments follow the image, which is the last word without dashes before them.
    let image = words[..first]
        .iter()
        .rposition(|word| !word.starts_with("--"))?;
    Some((words[image + 1..].to_vec(), directory.to_owned()))
}
