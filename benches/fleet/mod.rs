//! Fleets of any size, made from a scenario of `fixtures/plans`.

#![allow(
    dead_code,
    reason = "each benchmark is a crate of its own and uses a part of this"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use mrsk::config::model::Config;
use mrsk::facts::model::{Facts, HostFacts};
use mrsk::name::HostName;
use mrsk::plan::{Operation, Plan, compile};

/// The parts of a scenario with three roles on every host.
pub struct Fleet {
    /// `deploy.yml`.
    pub yaml: String,
    /// What it says.
    pub config: Config,
    /// The facts of the hosts, which run an older version.
    pub facts: Facts,
    /// A deploy.
    pub operation: Operation,
}

impl Fleet {
    /// Returns a fleet of so many hosts, which are switched all at once.
    pub fn new(hosts: usize) -> Self {
        Self::with(hosts, "")
    }

    /// Returns a fleet of so many hosts, with `more` keys in its `deploy.yml`.
    pub fn with(hosts: usize, more: &str) -> Self {
        let names: Vec<String> = (0..hosts)
            .map(|at| format!("app{at:05}.example.com"))
            .collect();
        let yaml = yaml(&names.join(", ")) + more;
        let model: Facts = mrsk::facts::document::read(&scenario("facts.json")).expect("facts");
        let host = three_roles(&model.hosts[&HostName::from("app1.example.com")]);
        let fleet = names.iter().enumerate().map(|(at, name)| {
            let mut host = host.clone();
            host.hostname.clone_from(name);
            host.machine_id = format!("{at:032x}");
            (HostName::from(name.as_str()), host)
        });
        let hosts = fleet.collect();
        Self {
            config: parse(&yaml),
            yaml,
            facts: Facts { hosts, ..model },
            operation: serde_json::from_str(&scenario("operation.json")).expect("an operation"),
        }
    }

    /// Returns the plan of the deploy.
    pub fn plan(&self) -> Plan {
        compile::compile(&self.config, &self.facts, &self.operation).expect("a plan")
    }
}

/// Reads a configuration.
pub fn parse(yaml: &str) -> Config {
    let read = mrsk::config::parse("config/deploy.yml", yaml, None);
    read.expect("a configuration").config
}

fn scenario(file: &str) -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/plans/two-roles");
    std::fs::read_to_string(directory.join(file)).expect("a file of the scenario")
}

fn yaml(hosts: &str) -> String {
    format!(
        "service: hey\nimage: team/hey\nservers:\n  web:\n    hosts: &all [{hosts}]\n  job:\n    hosts: *all\n    \
         cmd: bin/jobs\n  cron:\n    hosts: *all\n    cmd: bin/cron\nbuilder:\n  multiarch: false\nregistry:\n  \
         server: registry.example.com\n  username: [REGISTRY_USER]\n  password: [REGISTRY_PASSWORD]\n"
    )
}

/// Returns the host with a container of a third role, like that of the second.
fn three_roles(host: &HostFacts) -> HostFacts {
    let mut host = host.clone();
    let mut more = BTreeMap::new();
    for (name, container) in &host.containers {
        if container
            .labels
            .get("role")
            .is_some_and(|role| role == "job")
        {
            let mut other = container.clone();
            other.labels.insert("role".into(), "cron".into());
            more.insert(name.replace("-job-", "-cron-"), other);
        }
    }
    host.containers.extend(more);
    host
}

/// Returns a plan of `hosts` hosts on which `steps` steps follow one another, made of the steps of a small plan.
pub fn chains(hosts: usize, steps: usize) -> Arc<Plan> {
    use mrsk::plan::{Need, NeedOn};
    let mut plan = Fleet::new(1).plan();
    let model = plan
        .steps
        .iter()
        .find(|step| step.kind == mrsk::plan::StepKind::Pull);
    let mut model = model.expect("a pull").clone();
    model.retry = 0;
    let entry = plan.hosts.values().next().expect("a host").clone();
    plan.hosts.clear();
    plan.steps.clear();
    plan.unchanged.clear();
    for host in 0..hosts {
        let name = HostName::from(format!("app{host:06}.example.com"));
        let mut before = None;
        for number in 0..steps {
            let mut step = model.clone();
            step.id = format!("{name}/chain/{number}/pull").into();
            step.host = Some(name.clone());
            let needs = before.replace(step.id.clone()).into_iter();
            let on = NeedOn::Success;
            step.needs = needs.map(|step| Need { step, on }).collect();
            plan.steps.push(step);
        }
        let mut entry = entry.clone();
        entry.relies_on.clear();
        plan.hosts.insert(name, entry);
    }
    plan.lock_host = plan.hosts.keys().next().expect("a host").clone();
    Arc::new(plan)
}
