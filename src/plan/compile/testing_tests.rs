//! What the tests of passes share: a small deploy, changed by each row, and what passes make of it.

use serde_json::{Value, json};

use super::{Draft, begin, compile, selection, target};
use crate::config::model::Config;
use crate::facts::model::Facts;
use crate::plan::{Operation, Plan, Step};
use crate::text::action_line;

/// A pass of the compiler.
pub type Pass = fn(&mut Draft);

/// A deploy of version 2 of service `app` to hosts that are ready and run nothing of it.
pub struct Case {
    config: Config,
    facts: Value,
    pushed: Option<String>,
    operation: Operation,
}

/// What passes made.
pub struct Made {
    /// The steps.
    pub steps: Vec<Step>,
    /// What is unchanged, then the warnings, then the errors, each with a mark in front.
    pub notes: Vec<String>,
}

/// Returns the case with the keys `config` added to `deploy.yml`, which has only role `web` on host `a` if
/// these name no servers.
pub fn case(config: &str) -> Case {
    let servers = match config.contains("servers:") {
        true => "",
        false => "servers: [a]\n",
    };
    let registry = match config.contains("registry:") {
        true => "",
        false => "registry: {server: r.example, username: u, password: [P]}\n",
    };
    let text = format!(
        "service: app\nimage: team/app\n{registry}{servers}{}{config}\n",
        if config.contains("builder:") {
            ""
        } else {
            "builder: {multiarch: false}\n"
        }
    );
    let config = crate::config::parse("deploy.yml", &text, None);
    let config = config
        .unwrap_or_else(|problems| panic!("{problems:?}"))
        .config;
    let host = json!({
        "home": "/root", "user": "root", "privilege": "root", "state_dir": "/s",
        "package_manager": "apt-get", "service_manager": "systemd",
        "curl": {"installed": true}, "docker": {"installed": true, "answers": true},
        "networks": ["mrsk"], "routing_directory": "/s/traefik",
        "traefik": {
            "container": "traefik", "image": "traefik:v3.3", "directory": "/s/traefik", "writable": true,
            "args": ["--entrypoints.web.address=:80", "--entrypoints.mrsk-probe.address=:7583"],
        },
        "containers": {"traefik": {"id": "t1", "state": "running", "networks": {"mrsk": {}}}},
    });
    let hosts = config
        .hosts
        .iter()
        .map(|entry| (entry.name.to_string(), host.clone()));
    let hosts: serde_json::Map<String, Value> = hosts.collect();
    let source = json!({
        "commit": "c".repeat(40), "context": ".", "dockerfile": "Dockerfile",
        "dockerfile_sha256": "d".repeat(64),
    });
    Case {
        config,
        facts: json!({"format_version": "1.0", "hosts": hosts, "source": source}),
        pushed: None,
        operation: serde_json::from_value(json!({"name": "deploy", "version": "2"})).unwrap(),
    }
}

/// Returns a running, healthy container of role `web` at `version`, which serves if its file says so.
pub fn web(version: &str) -> Value {
    json!({
        "id": format!("id-{version}"), "state": "running", "healthy": true,
        "image": format!("r.example/team/app:{version}"),
        "labels": {
            "service": "app", "role": "web", "mrsk.service": "app", "mrsk.version": version,
            "mrsk.healthcheck": "3000 /up",
        },
        "networks": {"mrsk": {"aliases": ["m-0123456789abcdef"]}},
    })
}

/// Returns a container of role `web` at `version` that was created at `created` and stopped at `stopped`.
pub fn stopped(version: &str, [created, stopped]: [u64; 2]) -> Value {
    let mut container = web(version);
    container["state"] = "exited".into();
    container["healthy"] = false.into();
    container["created_at"] = created.into();
    container["stopped_at"] = stopped.into();
    container["networks"]["mrsk"]["aliases"] = json!([alias(version)]);
    container
}

/// Returns a running container as [`stopped`] does.
pub fn running(version: &str, created: u64) -> Value {
    let mut container = stopped(version, [created, 0]);
    container["state"] = "running".into();
    container["healthy"] = true.into();
    container
}

/// Returns the routing file of role `web` that names the container of `version`.
pub fn routes(version: &str) -> Value {
    json!({"/s/traefik/mrsk-app@web.yml": {
        "sha256": "0a85f7dae28e88a43ea2a4d4ed62bd3b1dbdbbd3f4f6b0a9bd1ba2f8d6ab6ca0",
        "text": "old", "aliases": [alias(version)],
    }})
}

fn alias(version: &str) -> String {
    format!(
        "m-{}",
        &crate::name::Sha256Hex::of(version.as_bytes()).as_str()[..16]
    )
}

/// Changes `value` as an RFC 7396 merge patch says.
fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    for (key, change) in patch {
        match change {
            Value::Null => {
                value.as_object_mut().unwrap().shift_remove(key);
            }
            _ => merge(&mut value[key], change),
        }
    }
}

impl Case {
    /// Changes the facts by a merge patch.
    pub fn facts(mut self, patch: Value) -> Self {
        merge(&mut self.facts, &patch);
        self
    }

    /// Changes the facts of host `a` by a merge patch.
    pub fn a(self, patch: Value) -> Self {
        self.facts(json!({"hosts": {"a": patch}}))
    }

    /// Changes what is asked for by a merge patch.
    pub fn operation(mut self, patch: Value) -> Self {
        let mut operation = serde_json::to_value(&self.operation).unwrap();
        merge(&mut operation, &patch);
        self.operation = serde_json::from_value(operation).unwrap();
        self
    }

    /// Says that the image is pushed already, and has this digest.
    pub fn pushed(self, digest: &str) -> Self {
        let pushed = Some(digest.to_owned());
        Self { pushed, ..self }
    }

    fn known(&self) -> Facts {
        let facts: Facts = serde_json::from_value(self.facts.clone()).unwrap();
        Facts {
            pushed: self.pushed.clone(),
            ..facts
        }
    }

    /// Shows the draft after `passes` to `look`.
    pub fn look<T>(&self, passes: &[Pass], look: impl FnOnce(&mut Draft) -> T) -> T {
        let facts = self.known();
        let selection = selection::select(&self.config, &self.operation).unwrap();
        let resolved = target::resolve(&self.config, &facts, &self.operation, &selection);
        let target = resolved.unwrap_or_else(|problems| panic!("{problems:?}"));
        let draft = begin::draft(&self.config, &facts, &target, selection);
        let mut draft = draft.unwrap_or_else(|problems| panic!("{problems:?}"));
        for pass in passes {
            pass(&mut draft);
        }
        look(&mut draft)
    }

    /// Asks for another operation.
    pub fn asks_for(mut self, operation: Value) -> Self {
        self.operation = serde_json::from_value(operation).unwrap();
        self
    }

    /// Returns the whole plan, or why there can be none, each problem with what to do about it.
    pub fn plan(&self) -> Result<Plan, Vec<String>> {
        let facts = self.known();
        compile(&self.config, &facts, &self.operation).map_err(|problems| {
            let problems = problems.into_iter();
            let lines = problems.map(|problem| {
                let help = problem.help.unwrap_or_default();
                format!("{} ({help})", problem.message)
            });
            lines.collect()
        })
    }

    /// Returns the whole plan and its undo, or why there can be none.
    pub fn undo(&self) -> Result<(Plan, Plan), Vec<String>> {
        let facts = self.known();
        let plan = compile(&self.config, &facts, &self.operation);
        let plan = plan.unwrap_or_else(|problems| panic!("{problems:?}"));
        let undo = super::undo(&self.config, &facts, &plan);
        undo.map(|undo| (plan, undo)).map_err(|problems| {
            let problems = problems.into_iter();
            problems.map(|problem| problem.message).collect()
        })
    }

    /// Returns the SHA-256 of the routing file on host `a`, as JSON.
    pub fn routed(&self) -> String {
        self.facts["hosts"]["a"]["files"]["/s/traefik/mrsk-app@web.yml"]["sha256"].to_string()
    }

    /// Returns the ids of the whole plan's steps, without needs.
    pub fn plan_ids(&self) -> Vec<String> {
        let plan = self
            .plan()
            .unwrap_or_else(|problems| panic!("{problems:?}"));
        plan.steps.iter().map(|step| step.id.to_string()).collect()
    }

    /// Returns what `passes` make.
    pub fn after(&self, passes: &[Pass]) -> Made {
        self.look(passes, |draft| {
            let unchanged = draft.unchanged.iter();
            let unchanged = unchanged.map(|item| format!("= {}: {}", item.subject, item.reason));
            let warnings = draft.warnings.iter().map(|text| format!("warning: {text}"));
            let errors = draft
                .errors
                .iter()
                .map(|error| format!("error: {}", error.message));
            Made {
                notes: unchanged.chain(warnings).chain(errors).collect(),
                steps: draft.steps.clone(),
            }
        })
    }

    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Changes the configuration.
    pub fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    /// Returns what is asked for.
    pub fn asked(&self) -> &Operation {
        &self.operation
    }
}

impl Made {
    /// Returns the ids, each with those of the needs behind an arrow.
    pub fn ids(&self) -> Vec<String> {
        let line = |step: &Step| {
            let needs: Vec<&str> = step.needs.iter().map(|need| need.step.as_str()).collect();
            match needs.is_empty() {
                true => step.id.to_string(),
                false => format!("{} <- {}", step.id, needs.join(", ")),
            }
        };
        self.steps.iter().map(line).collect()
    }

    /// Returns the step whose id ends in `end`.
    pub fn step(&self, end: &str) -> &Step {
        let found = self
            .steps
            .iter()
            .find(|step| step.id.as_str().ends_with(end));
        found.unwrap_or_else(|| panic!("no {end} in {:?}", self.ids()))
    }

    /// Returns what the step whose id ends in `end` does, one line for each action, without digests.
    pub fn actions(&self, end: &str) -> Vec<String> {
        let lines = self.step(end).action.iter().map(action_line);
        lines.map(|line| without_digests(&line)).collect()
    }

    /// Returns the reason of the step whose id ends in `end`, as a plan has it.
    pub fn why(&self, end: &str) -> String {
        serde_json::to_string(&self.step(end).why).unwrap()
    }
}

/// Shortens what is 16 hexadecimal digits or longer to `…`.
fn without_digests(text: &str) -> String {
    let mut out = String::new();
    let mut run = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_ascii_digit() || ('a'..='f').contains(&c) {
            run.push(c);
            continue;
        }
        out += if run.len() >= 16 { "…" } else { &run };
        run.clear();
        out.push(c);
    }
    out.trim_end().to_owned()
}
